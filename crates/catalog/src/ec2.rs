//! How EC2's describing calls show a resource with its tags. Data only.

use crate::operation::{Call, Fixed, Place, Shape};

/// How a type is seen, with its tags. EC2's DescribeTags lists nothing for an id that is not visible yet; these
/// calls show what is visible.
#[derive(Debug)]
pub struct Look {
    /// The CloudFormation type.
    pub resource_type: &'static str,
    /// The call, with a filter of ids.
    pub call: Call,
    /// The path to the set in the answer.
    pub set: &'static [&'static str],
    /// The member of an item with its id.
    pub id: &'static str,
}

/// How a type is seen; none where nothing but its call gives it tags.
pub fn look(resource_type: &str) -> Option<&'static Look> {
    LOOKS.iter().find(|look| look.resource_type == resource_type)
}

/// A describing call of EC2 by many ids.
pub const fn describe(operation: &'static str, id: &'static str) -> Call {
    Call {
        operation,
        method: "POST",
        uri: "/",
        id,
        id_in: Place::Body,
        many: true,
        id_member: "",
        tags: "",
        shape: Shape::List,
        key: "",
        value: "",
        tag_member: "",
        tag_extra: &[],
        root: "",
        xmlns: "",
        extra: &[],
        headers: &[],
        checksum: false,
    }
}

const fn look_by(
    resource_type: &'static str,
    operation: &'static str,
    filter: &'static [(&'static str, Fixed)],
    set: &'static [&'static str],
    id: &'static str,
) -> Look {
    let call = Call { extra: filter, ..describe(operation, "Filter.1.Value") };
    Look { resource_type, call, set, id }
}

/// The types that can have tags at creation which are in no record, by a launch template or copied, and those that come
/// by the hundred. <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html> and its like.
static LOOKS: [Look; 4] = [
    look_by(
        "AWS::EC2::Instance",
        "DescribeInstances",
        &[("Filter.1.Name", Fixed::Text("instance-id"))],
        &["reservationSet", "instancesSet"],
        "instanceId",
    ),
    look_by(
        "AWS::EC2::Volume",
        "DescribeVolumes",
        &[("Filter.1.Name", Fixed::Text("volume-id"))],
        &["volumeSet"],
        "volumeId",
    ),
    look_by(
        "AWS::EC2::NetworkInterface",
        "DescribeNetworkInterfaces",
        &[("Filter.1.Name", Fixed::Text("network-interface-id"))],
        &["networkInterfaceSet"],
        "networkInterfaceId",
    ),
    look_by(
        "AWS::EC2::Image",
        "DescribeImages",
        &[("Filter.1.Name", Fixed::Text("image-id"))],
        &["imagesSet"],
        "imageId",
    ),
];
