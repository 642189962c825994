//! Children that are not in the record: the volumes and network interfaces of a new instance.
//!
//! Reads only. What was attached later, or was handed in by the caller, is not a child.

use crate::{
    client::Client,
    outcome::{Class, Failure},
    wire::Ask,
};
use serde_json::Value;
use tagger_catalog::operation::{Call, Operation, Place, Shape};
use tagger_core::resources::{self, Children, Resource};

/// EC2's DescribeInstances, asked for several instances at once:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
const DESCRIBE_INSTANCES: Call = Call {
    operation: "DescribeInstances",
    method: "POST",
    uri: "/",
    id: "InstanceId",
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
};

/// Finds them.
///
/// # Errors
/// The call failed, or an instance that boots from a volume shows none yet.
pub async fn find(client: &Client, children: &Children) -> Result<Vec<Resource>, Failure> {
    let Some(parent) = children.parents.first() else { return Ok(Vec::new()) };
    if children.call != "ec2:DescribeInstances" {
        return Err(Failure {
            class: Class::Unsupported,
            call: children.call.to_owned(),
            code: "UnknownCall".to_owned(),
            message: "the catalog names a describe call that this version does not know".to_owned(),
        });
    }
    let ids: Vec<&str> = children.parents.iter().map(|parent| parent.id.as_str()).collect();
    let operation: &Operation = parent.entry.operation;
    let ask = Ask { ids: &ids, tags: &[], with: &[], account: &parent.account };
    let answer = client.call(operation, &DESCRIBE_INSTANCES, &parent.region, ask).await?;
    let mut found = Vec::new();
    for instance in items(&answer["DescribeInstancesResponse"]["reservationSet"])
        .flat_map(|one| items(&one["instancesSet"]))
    {
        let id = instance["instanceId"].as_str().unwrap_or_default();
        let Some(parent) = children.parents.iter().find(|parent| parent.id == id) else { continue };
        for entry in &children.entries {
            let (holder, path) = match entry.resource_type {
                "AWS::EC2::Volume" => ("blockDeviceMapping", &["ebs", "volumeId"][..]),
                _ => ("networkInterfaceSet", &["networkInterfaceId"][..]),
            };
            let ids = items(&instance[holder])
                .filter_map(|item| path.iter().try_fold(item, |at, step| at.get(step))?.as_str());
            let ids: Vec<_> = ids.filter(|id| !children.except.iter().any(|except| except == id)).collect();
            let state = instance["instanceState"]["name"].as_str().unwrap_or_default();
            if ids.is_empty()
                && state == "pending"
                && instance["rootDeviceType"].as_str() != Some("instance-store")
            {
                return Err(Failure {
                    class: Class::NotReady,
                    call: children.call.to_owned(),
                    code: "ChildrenNotVisible".to_owned(),
                    message: format!("{id} is pending and shows no {} yet", entry.resource_type),
                });
            }
            found.extend(ids.into_iter().filter_map(|id| resources::child(entry, parent, id)));
        }
    }
    Ok(found)
}

/// The entries of an EC2 set: none, one or several `item` elements.
pub(crate) fn items(set: &Value) -> impl Iterator<Item = &Value> {
    let item = &set["item"];
    let list = item.as_array().map(Vec::as_slice);
    list.unwrap_or(if item.is_null() { &[] } else { std::slice::from_ref(item) }).iter()
}
