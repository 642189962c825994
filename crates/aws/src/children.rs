//! Children that are not in the record: the volumes and network interfaces of a new instance, the
//! snapshots of a new image.
//!
//! Reads only. What was attached later, or was handed in by the caller, is not a child. What is not
//! visible yet is a failure of its own, so that it can wait while the rest is tagged.

use crate::{
    client::Client,
    join::join_some,
    outcome::{Class, Done, Failure, Outcome},
    wire::Ask,
};
use serde_json::Value;
use tagger_catalog::{
    Entry,
    operation::{Call, Place, Shape},
};
use tagger_core::resources::{self, Children, Resource};

/// How one of EC2's describing calls finds children.
struct Finder {
    /// The call as the catalog names it.
    name: &'static str,
    call: Call,
    /// The path to the parents in the answer.
    parents: &'static [&'static str],
    /// The member with a parent's id.
    id: &'static str,
    /// For each type of child, the set that holds it and the path to its id.
    children: &'static [(&'static str, &'static str, &'static [&'static str])],
    /// The path to a parent's state, and the states in which children can still appear.
    state: (&'static [&'static str], &'static [&'static str]),
    /// Whether those that are shown in such a state are all, rather than the first.
    whole: bool,
}

/// A describing call, asked for several parents at once.
pub(crate) const fn describe(operation: &'static str, id: &'static str) -> Call {
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

static FINDERS: [Finder; 2] = [
    // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
    Finder {
        name: "ec2:DescribeInstances",
        call: describe("DescribeInstances", "InstanceId"),
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
        parents: &["DescribeImagesResponse", "imagesSet"],
        id: "imageId",
        children: &[("AWS::EC2::Snapshot", "blockDeviceMapping", &["ebs", "snapshotId"])],
        state: (&["imageState"], &["pending", "transient"]),
        whole: false,
    },
];

/// Parents that are asked for in one call. It takes up to 1,000 ids, and the answer holds some kilobytes for each:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
const MOST_PARENTS: usize = 100;

/// The children, each with its parent's ARN, and what could not be found, under that ARN.
pub type Found = (Vec<(String, Resource)>, Vec<Done>);

/// Finds the children of several plans, in their order. What asks the same is asked together.
pub async fn find_all<'a>(client: &Client, plans: impl Iterator<Item = &'a [Children]>) -> Vec<Found> {
    let mut all: Vec<Found> = Vec::new();
    // Each with the plans that its parents are of.
    let mut searches: Vec<(Children, Vec<usize>)> = Vec::new();
    for (plan, children) in plans.enumerate() {
        all.push(Found::default());
        for children in children {
            let fits = |(other, plans): &&mut (Children, Vec<usize>)| {
                let types = |children: &Children| -> Vec<_> {
                    children.entries.iter().map(|entry| entry.resource_type).collect()
                };
                // The same event again asks by itself.
                let known = |parent: &Resource| other.parents.iter().any(|known| known.arn == parent.arn);
                other.call == children.call
                    && types(other) == types(children)
                    && other.parents.first().map(|parent| &parent.region)
                        == children.parents.first().map(|parent| &parent.region)
                    && plans.len() + children.parents.len() <= MOST_PARENTS
                    && !children.parents.iter().any(known)
            };
            match searches.iter_mut().find(fits) {
                Some((other, plans)) => {
                    // What was handed in to one call was not created by another.
                    other.except.extend(children.except.iter().cloned());
                    other.parents.extend(children.parents.iter().cloned());
                    plans.extend(children.parents.iter().map(|_| plan));
                }
                None => {
                    let plans = children.parents.iter().map(|_| plan).collect();
                    searches.push((children.clone(), plans));
                }
            }
        }
    }
    let found = join_some(4, searches.iter().map(|(children, _)| find(client, children))).await;
    for ((children, plans), (found, failed)) in searches.iter().zip(found) {
        let plan_of =
            |arn: &str| children.parents.iter().position(|parent| parent.arn == arn).map(|at| plans[at]);
        for (parent, child) in found {
            if let Some(plan) = plan_of(&parent) {
                all[plan].0.push((parent, child));
            }
        }
        for one in failed {
            if let Some(plan) = one.parent.as_deref().and_then(plan_of) {
                all[plan].1.push(one);
            }
        }
    }
    all
}

/// Finds them.
async fn find(client: &Client, children: &Children) -> Found {
    let failed = |parent: &Resource, entry: &Entry, failure: Failure| Done {
        resource_type: entry.resource_type,
        arn: parent.arn.clone(),
        operation: entry.operation.name,
        parent: Some(parent.arn.clone()),
        inherited: None,
        outcome: Outcome::Failed(failure),
    };
    let all_failed = |failure: Failure| {
        let pairs = children
            .parents
            .iter()
            .flat_map(|parent| children.entries.iter().map(move |entry| (parent, entry)));
        (Vec::new(), pairs.map(|(parent, entry)| failed(parent, entry, failure.clone())).collect())
    };
    let failure = |class, code, message| Failure::ours(class, children.call, code, message);
    let Some(first) = children.parents.first() else { return (Vec::new(), Vec::new()) };
    let Some(finder) = FINDERS.iter().find(|finder| finder.name == children.call) else {
        let message = "the catalog names a describe call that this version does not know".to_owned();
        return all_failed(failure(Class::Unsupported, "UnknownCall", message));
    };
    let ids: Vec<&str> = children.parents.iter().map(|parent| parent.id.as_str()).collect();
    let ask = Ask { ids: &ids, tags: &[], with: &[], account: &first.account };
    let answer = match client.call(first.entry.operation, &finder.call, &first.region, ask).await {
        Ok(answer) => answer,
        // Many were asked for, and one that does not exist fails them all: it is looked for by halves.
        Err(failure) if failure.class == Class::NotFound && children.parents.len() > 1 => {
            let (mut found, mut missing) = (Vec::new(), Vec::new());
            for half in children.parents.chunks(children.parents.len().div_ceil(2)) {
                let half = Children { parents: half.to_vec(), ..children.clone() };
                let (of_half, not_of_half) = Box::pin(find(client, &half)).await;
                found.extend(of_half);
                missing.extend(not_of_half);
            }
            return (found, missing);
        }
        Err(failure) => return all_failed(failure),
    };
    // Another page with HTTP 200 does not say that they are not there.
    let root = finder.parents.first().copied().unwrap_or_default();
    if !answer[root].is_object() {
        let message = format!("{} answered without {root}", finder.call.operation);
        return all_failed(failure(Class::Failed, "UnreadableAnswer", message));
    }
    let parents = described(&answer, finder.parents);
    let (mut found, mut missing) = (Vec::new(), Vec::new());
    for parent in &children.parents {
        let shown = parents.iter().find(|shown| shown[finder.id].as_str() == Some(&parent.id));
        for entry in &children.entries {
            let Some(shown) = shown else {
                let message = format!("{} is not in the answer", parent.id);
                missing.push(failed(parent, entry, failure(Class::NotFound, "ParentNotVisible", message)));
                continue;
            };
            let ids = attached(finder, shown, entry.resource_type);
            if (ids.is_empty() || !finder.whole) && may_still_come(finder, shown, entry.resource_type) {
                let message =
                    format!("{} is pending and does not show every {} yet", parent.id, entry.resource_type);
                missing.push(failed(parent, entry, failure(Class::NotReady, "ChildrenNotVisible", message)));
            }
            let own = ids.into_iter().filter(|id| !children.except.iter().any(|except| except == id));
            let own = own.filter_map(|id| resources::child(entry, parent, id));
            found.extend(own.map(|child| (parent.arn.clone(), child)));
        }
    }
    (found, missing)
}

/// The parents in an answer.
fn described<'a>(answer: &'a Value, path: &[&str]) -> Vec<&'a Value> {
    let (root, sets) = path.split_first().unwrap_or((&"", &[]));
    let all = vec![&answer[*root]];
    sets.iter().fold(all, |found, set| found.into_iter().flat_map(|value| items(&value[*set])).collect())
}

/// The ids of a parent's children of a type.
fn attached<'a>(finder: &Finder, parent: &'a Value, resource_type: &str) -> Vec<&'a str> {
    let Some((_, set, path)) = finder.children.iter().find(|(known, ..)| *known == resource_type) else {
        return Vec::new();
    };
    items(&parent[*set])
        .filter_map(|item| path.iter().try_fold(item, |at, step| at.get(step))?.as_str())
        .collect()
}

/// Whether a child can still appear: an instance that boots has an interface, and a volume unless it
/// boots from an instance store; an image gets its snapshots while it is made.
fn may_still_come(finder: &Finder, parent: &Value, resource_type: &str) -> bool {
    let (path, states) = finder.state;
    let state = path.iter().try_fold(parent, |at, step| at.get(step)).and_then(Value::as_str);
    let on_the_host = parent["rootDeviceType"].as_str() == Some("instance-store");
    let has_disks = matches!(resource_type, "AWS::EC2::Volume" | "AWS::EC2::Snapshot");
    state.is_some_and(|state| states.contains(&state)) && !(has_disks && on_the_host)
}

/// The entries of an EC2 set: none, one or several `item` elements.
pub(crate) fn items(set: &Value) -> impl Iterator<Item = &Value> {
    let item = &set["item"];
    let list = item.as_array().map(Vec::as_slice);
    list.unwrap_or(if item.is_null() { &[] } else { std::slice::from_ref(item) }).iter()
}
