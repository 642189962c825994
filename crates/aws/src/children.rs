//! Children that are not in the record: the volumes and network interfaces of a new instance.
//!
//! Reads only. What was attached later, or was handed in by the caller, is not a child.

use crate::{
    client::Client,
    outcome::{Class, Done, Failure, Outcome},
    wire::Ask,
};
use serde_json::Value;
use tagger_catalog::{
    Entry,
    operation::{Call, Place, Shape},
};
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

/// Finds them: the children, and what could not be found, under its parent's ARN.
pub async fn find(client: &Client, children: &Children) -> (Vec<Resource>, Vec<Done>) {
    let failed = |parent: &Resource, entry: &Entry, failure: Failure| Done {
        resource_type: entry.resource_type,
        arn: parent.arn.clone(),
        operation: entry.operation.name,
        outcome: Outcome::Failed(failure),
    };
    let all_failed = |failure: Failure| {
        let pairs = children
            .parents
            .iter()
            .flat_map(|parent| children.entries.iter().map(move |entry| (parent, entry)));
        (Vec::new(), pairs.map(|(parent, entry)| failed(parent, entry, failure.clone())).collect())
    };
    let failure = |class, code: &str, message: String| Failure {
        class,
        call: children.call.to_owned(),
        code: code.to_owned(),
        message,
    };
    let Some(first) = children.parents.first() else { return (Vec::new(), Vec::new()) };
    if children.call != "ec2:DescribeInstances" {
        let message = "the catalog names a describe call that this version does not know".to_owned();
        return all_failed(failure(Class::Unsupported, "UnknownCall", message));
    }
    let ids: Vec<&str> = children.parents.iter().map(|parent| parent.id.as_str()).collect();
    let ask = Ask { ids: &ids, tags: &[], with: &[], account: &first.account };
    let answer = match client.call(first.entry.operation, &DESCRIBE_INSTANCES, &first.region, ask).await {
        Ok(answer) => answer,
        Err(failure) => return all_failed(failure),
    };
    let reservations = items(&answer["DescribeInstancesResponse"]["reservationSet"]);
    let instances: Vec<&Value> =
        reservations.flat_map(|reservation| items(&reservation["instancesSet"])).collect();
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for parent in &children.parents {
        let instance = instances.iter().find(|instance| instance["instanceId"].as_str() == Some(&parent.id));
        for entry in &children.entries {
            let Some(instance) = instance else {
                let message = format!("{} is not in the answer", parent.id);
                missing.push(failed(parent, entry, failure(Class::NotFound, "InstanceNotVisible", message)));
                continue;
            };
            let ids = attached(instance, entry.resource_type);
            if ids.is_empty() && may_still_come(instance, entry.resource_type) {
                let message = format!("{} is pending and shows no {} yet", parent.id, entry.resource_type);
                missing.push(failed(parent, entry, failure(Class::NotReady, "ChildrenNotVisible", message)));
            }
            let own = ids.into_iter().filter(|id| !children.except.iter().any(|except| except == id));
            found.extend(own.filter_map(|id| resources::child(entry, parent, id)));
        }
    }
    (found, missing)
}

/// The ids of an instance's children of a type.
fn attached<'a>(instance: &'a Value, resource_type: &str) -> Vec<&'a str> {
    let (set, path): (&str, &[&str]) = match resource_type {
        "AWS::EC2::Volume" => ("blockDeviceMapping", &["ebs", "volumeId"]),
        "AWS::EC2::NetworkInterface" => ("networkInterfaceSet", &["networkInterfaceId"]),
        _ => return Vec::new(),
    };
    items(&instance[set])
        .filter_map(|item| path.iter().try_fold(item, |at, step| at.get(step))?.as_str())
        .collect()
}

/// Whether a child can still appear: an instance that boots has an interface, and a volume unless it
/// boots from an instance store.
fn may_still_come(instance: &Value, resource_type: &str) -> bool {
    let pending = instance["instanceState"]["name"].as_str() == Some("pending");
    pending
        && !(resource_type == "AWS::EC2::Volume"
            && instance["rootDeviceType"].as_str() == Some("instance-store"))
}

/// The entries of an EC2 set: none, one or several `item` elements.
pub(crate) fn items(set: &Value) -> impl Iterator<Item = &Value> {
    let item = &set["item"];
    let list = item.as_array().map(Vec::as_slice);
    list.unwrap_or(if item.is_null() { &[] } else { std::slice::from_ref(item) }).iter()
}
