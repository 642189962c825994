//! How EC2's describing calls show a resource with its tags, and the children of one. Data only.

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

/// How a describing call finds the children of many parents.
#[derive(Debug)]
pub struct Finder {
    /// The call as entries name it, for example `ec2:DescribeInstances`.
    pub name: &'static str,
    /// The call, by ids.
    pub call: Call,
    /// The call, by the client token of the launch; none where there is no such filter.
    pub by_token: Option<Call>,
    /// The type of the parents.
    pub parent: &'static str,
    /// The path to the parents in the answer.
    pub parents: &'static [&'static str],
    /// The member with a parent's id.
    pub id: &'static str,
    /// For each type of child, the set that holds it and the path to its id.
    pub children: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// The path to a parent's state, and the states in which children can still appear.
    pub state: (&'static [&'static str], &'static [&'static str]),
    /// Whether those that are shown in such a state are all, rather than the first.
    pub whole: bool,
}

/// Parents that are asked for in one call. It takes up to 1,000 ids, and the answer holds some kilobytes for each:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
pub const MOST_PARENTS: usize = 100;

/// How a type is seen; none where nothing but its call gives it tags.
pub fn look(resource_type: &str) -> Option<&'static Look> {
    LOOKS.iter().find(|look| look.resource_type == resource_type)
}

/// How the call of this name finds children.
pub fn finder(name: &str) -> Option<&'static Finder> {
    FINDERS.iter().find(|finder| finder.name == name)
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

static FINDERS: [Finder; 2] = [
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
    Finder {
        name: "ec2:DescribeInstances",
        call: describe("DescribeInstances", "InstanceId"),
        by_token: Some(Call {
            extra: &[("Filter.1.Name", Fixed::Text("client-token"))],
            ..describe("DescribeInstances", "Filter.1.Value")
        }),
        parent: "AWS::EC2::Instance",
        parents: &["DescribeInstancesResponse", "reservationSet", "instancesSet"],
        id: "instanceId",
        children: &[
            ("AWS::EC2::Volume", "blockDeviceMapping", &["ebs", "volumeId"]),
            ("AWS::EC2::NetworkInterface", "networkInterfaceSet", &["networkInterfaceId"]),
        ],
        state: (&["instanceState", "name"], &["pending"]),
        whole: true,
    },
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeImages.html
    Finder {
        name: "ec2:DescribeImages",
        call: describe("DescribeImages", "ImageId"),
        by_token: None,
        parent: "AWS::EC2::Image",
        parents: &["DescribeImagesResponse", "imagesSet"],
        id: "imageId",
        children: &[("AWS::EC2::Snapshot", "blockDeviceMapping", &["ebs", "snapshotId"])],
        state: (&["imageState"], &["pending", "transient"]),
        whole: false,
    },
];
