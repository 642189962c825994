//! Step 5, apply: do what the plan says, and say what became of each resource.
//!
//! Reads a resource's tags before it writes (unless the policy overwrites), writes only what is
//! missing, and writes nothing where it could not read: unknown is not empty. It must not decide
//! who or what; that stands in the plan. It never waits for another event.

use crate::{
    children,
    client::Client,
    ec2,
    outcome::{Class, Done, Failure, Outcome},
    s3,
    tags::{self, Tags},
    wire::Ask,
};
use serde_json::Value;
use tagger_catalog::operation::{Operation, Variant};
use tagger_core::{Plan, policy::Existing, resources::Resource};

/// Most ids in one call of CreateTags:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
const MOST_IDS: usize = 1000;

/// Executes a plan.
pub async fn apply(client: &Client, plan: &Plan) -> Vec<Done> {
    let mut done = Vec::new();
    let mut resources: Vec<Resource> = plan.actions.clone();
    for children in &plan.children {
        let (found, failed) = children::find(client, children).await;
        // A child may stand in the record as well.
        let found = found.into_iter().filter(|child| resources.iter().all(|known| known.arn != child.arn));
        let found: Vec<_> = found.collect();
        resources.extend(found);
        done.extend(failed);
    }
    // All that EC2 takes in one call goes in one call; everything else goes by itself.
    let (ec2, others): (Vec<_>, Vec<_>) =
        resources.into_iter().partition(|resource| resource.entry.operation.variant == Variant::Ec2);
    let mut by_region: Vec<(String, Vec<Resource>)> = Vec::new();
    for resource in ec2 {
        match by_region
            .iter_mut()
            .find(|(region, group)| *region == resource.region && group.len() < MOST_IDS)
        {
            Some((_, group)) => group.push(resource),
            None => by_region.push((resource.region.clone(), vec![resource])),
        }
    }
    for (region, group) in by_region {
        let outcomes = ec2::tag(client, plan, &region, &group).await;
        done.extend(group.iter().zip(outcomes).map(|(resource, outcome)| of(resource, outcome)));
    }
    for resource in others {
        let outcome = tag_one(client, plan, &resource).await.unwrap_or_else(Outcome::Failed);
        done.push(of(&resource, outcome));
    }
    done
}

fn of(resource: &Resource, outcome: Outcome) -> Done {
    let operation = resource.entry.operation.name;
    Done { resource_type: resource.entry.resource_type, arn: resource.arn.clone(), operation, outcome }
}

async fn tag_one(client: &Client, plan: &Plan, resource: &Resource) -> Result<Outcome, Failure> {
    let operation = resource.entry.operation;
    let mut to_set: Vec<(&str, &str)> =
        plan.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    if plan.existing == Existing::Keep {
        let there = match operation.variant {
            Variant::S3 => s3::read(client, resource).await?,
            _ => read(client, resource).await?,
        };
        if let Some(value) = value_of(operation, &there, to_set.first().map_or("", |tag| tag.0)) {
            return Ok(Outcome::AlreadyTagged { value: value.to_owned() });
        }
        to_set.retain(|(key, _)| value_of(operation, &there, key).is_none());
    }
    match operation.variant {
        Variant::S3 => s3::write(client, resource, &to_set).await?,
        _ => {
            let ask = Ask {
                ids: &[&resource.id],
                tags: &to_set,
                with: resource.entry.with,
                account: &resource.account,
            };
            let answer = client.call(operation, &operation.write, &resource.region, ask).await?;
            refuse_failures_inside(operation, &answer)?;
        }
    }
    Ok(Outcome::Tagged)
}

/// Every tag of a resource, page by page.
async fn read(client: &Client, resource: &Resource) -> Result<Tags, Failure> {
    let operation = resource.entry.operation;
    let call = operation.read.as_ref().ok_or_else(|| no_read(operation))?;
    let mut tags = Tags::new();
    let mut page: Option<(&'static str, String)> = None;
    loop {
        let mut with = resource.entry.with.to_vec();
        let token = page.clone();
        with.extend(token.as_ref().map(|(name, token)| (*name, token.as_str())));
        let ask = Ask { ids: &[&resource.id], tags: &[], with: &with, account: &resource.account };
        let answer = client.call(operation, call, &resource.region, ask).await?;
        tags.extend(tags::read(&answer, operation, call).map_err(|message| unreadable(operation, message))?);
        match tags::next_page(&answer).map_err(|message| unreadable(operation, message))? {
            None => return Ok(tags),
            // A service that does not know the member gives the same page again.
            next if next == page => {
                return Err(unreadable(operation, "the next page is the same as the last".to_owned()));
            }
            next => page = next,
        }
    }
}

/// Tags that cannot be read cannot be kept.
pub(crate) fn no_read(operation: &Operation) -> Failure {
    Failure {
        class: Class::Unsupported,
        call: operation.name.to_owned(),
        code: "NoRead".to_owned(),
        message: "the catalog knows no way to read these tags, so they are not written".to_owned(),
    }
}

/// An answer that is not of the operation's form.
pub(crate) fn unreadable(operation: &Operation, message: String) -> Failure {
    let call = operation.read.as_ref().map_or(operation.name, |read| read.operation).to_owned();
    Failure { class: Class::Failed, call, code: "UnreadableAnswer".to_owned(), message }
}

/// Some services answer HTTP 200 and name what failed inside.
fn refuse_failures_inside(operation: &Operation, answer: &Value) -> Result<(), Failure> {
    for name in ["FailedResourcesMap", "failedResources", "FailedResources", "UnprocessedTags", "errors"] {
        let inside = &answer[name];
        let first = match inside {
            Value::Object(map) => map.values().next(),
            Value::Array(list) => list.first(),
            _ => None,
        };
        if let Some(first) = first {
            let code =
                ["ErrorCode", "errorCode", "Code", "code"].iter().find_map(|member| first[*member].as_str());
            let code = code.unwrap_or(name);
            let (call, message) = (operation.name.to_owned(), inside.to_string());
            return Err(Failure { class: Class::of_code(code), call, code: code.to_owned(), message });
        }
    }
    Ok(())
}

/// The value of a key that is there. IAM does not tell `CreatedBy` from `createdby`:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>
pub(crate) fn value_of<'a>(operation: &Operation, there: &'a Tags, key: &str) -> Option<&'a str> {
    let folds = operation.endpoint == "iam";
    let same = |(other, _): &&(String, String)| other == key || folds && other.eq_ignore_ascii_case(key);
    there.iter().find(same).map(|(_, value)| value.as_str())
}
