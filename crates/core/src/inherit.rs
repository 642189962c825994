//! The human behind a service: Auto Scaling, EKS, ECS, EMR, Batch, SageMaker and CloudFormation act for a
//! parent that somebody made. Which parent, as the record says; and whose tag the resource gets, once the
//! parent's own tags were read. Pure; `tagger-aws` reads them.
//!
//! A parent is named by tags that the service itself sets, or by the name that it gives its part
//! (`catalog/parents.toml`). They are looked for only where the caller is a service, so that nobody can
//! borrow a name by setting one.

use crate::{
    arn::Arn,
    identity::{Creator, Kind, Principal},
    json,
    outcome::{Class, Failure},
    patience::{Age, Guard},
    policy::Policy,
    record::Record,
    resources::is_region,
    step::Tags,
};
use serde_json::Value;
use tagger_catalog::{
    parent::{self, Parent},
    partition,
};

/// Up to this age of its event, a parent is waited for: usually somebody made it just before, and it has its
/// own tag within seconds. It ends early enough for a last try before [`crate::patience::SURE`].
pub const WAITS: u64 = 9 * 60;
/// How deep tags are looked for in requests and answers.
const MOST_DEPTH: usize = 12;

/// The parent of what a record's call created.
#[derive(Debug, Clone)]
pub struct Inherit {
    /// What kind of parent, and how its tags are read.
    pub parent: &'static Parent,
    /// Its ARN.
    pub arn: String,
    /// What the reading operation takes.
    pub id: String,
    /// Further members of the request.
    pub with: Vec<(&'static str, String)>,
    /// The region in which it is read.
    pub region: String,
    /// The account that it belongs to.
    pub account: String,
    /// Whether the service is the creator where the parent has none; else the resource is left alone.
    pub otherwise_service: bool,
    /// The choices by which whoever made the parent is named, where the event history may tell who that is.
    pub history: Option<Box<Policy>>,
}

impl Inherit {
    /// The call that reads the parent's tags, for example `autoscaling:DescribeTags`.
    pub fn call(&self) -> String {
        let operation = self.parent.operation;
        let service = operation.name.split(':').next().unwrap_or_default();
        format!("{service}:{}", operation.read.as_ref().map_or("", |read| read.operation))
    }
}

/// Whether whoever made a call is a service that acts for somebody.
pub fn acts_for_somebody(creator: &Creator) -> bool {
    let session = || creator.name.as_deref().is_some_and(parent::is_service_session);
    creator.kind == Kind::Service || matches!(creator.kind, Kind::Workload | Kind::Role) && session()
}

/// The parent that a record names, if a service made its call.
pub fn find(record: &Record, creator: &Creator, policy: &Policy) -> Option<Inherit> {
    if !acts_for_somebody(creator) {
        return None;
    }
    let (account, region) = (record.account()?, record.region()?);
    let mut tags = Vec::new();
    for part in ["requestParameters", "responseElements"] {
        collect(json::member(record.value(), part), 0, &mut tags);
    }
    let arn = json::member_text(record.user_identity(), "arn").unwrap_or_default();
    let role = Principal::of_arn(&arn).role.unwrap_or_default();
    let service = json::member_text(record.user_identity(), "invokedBy").unwrap_or_default();
    let possible = |parent: &&Parent| {
        (parent.role.is_empty() || parent.role == role) && (parent.by.is_empty() || parent.by == service)
    };
    parent::parents().iter().filter(possible).find_map(|parent| {
        let (path, form) = parent.named;
        let called = json::at_path(record.value(), path).into_iter().find_map(json::text);
        let values: Vec<&str> = if form.is_empty() {
            parent.tags.iter().map(|key| only(&tags, key)).collect::<Option<_>>()?
        } else {
            vec![within(form, called.as_deref()?)?]
        };
        let fill = |template: &str| fill(template, &values, &region, &account);
        let arn = fill(parent.arn);
        // A stack's ARN is written whole, and a global resource of it is recorded in another region.
        let stated =
            Arn::parse(&arn).filter(|arn| arn.account == account && is_region(arn.region))?.region.to_owned();
        Some(Inherit {
            parent,
            id: if parent.id.is_empty() { arn.clone() } else { fill(parent.id) },
            with: parent.with.iter().map(|(name, template)| (*name, fill(template))).collect(),
            region: stated,
            account: account.clone(),
            otherwise_service: true,
            history: (!parent.made_by.is_empty()).then(|| Box::new(policy.clone())),
            arn,
        })
    })
}

/// The value of a key, where all that is said about it agrees.
fn only<'a>(tags: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let mut values = tags.iter().filter(|(known, _)| known == key).map(|(_, value)| value.as_str());
    let first = values.next().filter(|value| !value.is_empty())?;
    values.all(|value| value == first).then_some(first)
}

/// What stands for `{0}` in a name of this form, which ends with `{uuid}`.
fn within<'a>(form: &str, name: &'a str) -> Option<&'a str> {
    let (before, after) = form.strip_suffix("{uuid}")?.split_once("{0}")?;
    let (rest, uuid) = name.split_at_checked(name.len().checked_sub(36)?)?;
    let is_uuid = uuid.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    });
    let parent = rest.strip_prefix(before)?.strip_suffix(after)?;
    (is_uuid && !parent.is_empty()).then_some(parent)
}

/// Every pair of a key and a value, wherever it stands, as EC2 and most services write tags.
fn collect(value: &Value, depth: usize, tags: &mut Vec<(String, String)>) {
    if depth > MOST_DEPTH {
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|value| collect(value, depth + 1, tags)),
        Value::Object(map) => {
            let key = json::member_text(value, "key");
            if let (Some(key), Some(text)) = (key, json::member_text(value, "value")) {
                tags.push((key.into_owned(), text.into_owned()));
            }
            // EKS and other REST services write a map.
            for (name, inner) in map {
                match inner {
                    Value::String(text)
                        if parent::parents().iter().any(|one| one.tags.contains(&name.as_str())) =>
                    {
                        tags.push((name.clone(), text.clone()));
                    }
                    inner => collect(inner, depth + 1, tags),
                }
            }
        }
        _ => {}
    }
}

fn fill(template: &str, values: &[&str], region: &str, account: &str) -> String {
    let partition = partition::of_region(region).name;
    // Holes are looked for from left to right, so that a value with braces in it stays as it is.
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, (hole, after))) =
        rest.split_once('{').and_then(|(before, inner)| Some((before, inner.split_once('}')?)))
    {
        filled.push_str(before);
        filled.push_str(match hole {
            "partition" => partition,
            "region" => region,
            "account" => account,
            index => {
                index.parse::<usize>().ok().and_then(|index| values.get(index)).copied().unwrap_or_default()
            }
        });
        rest = after;
    }
    filled + rest
}

/// Whose tag a resource gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The parent's creator, by this value.
    Parent(String),
    /// Nobody knows yet: it waits for the parent, because of this.
    Wait(Failure),
    /// The service that made the call.
    Service,
    /// Nobody, since the service's are left alone.
    Nobody,
}

/// Decides, once the parent's tags were read. `key` is that of the creator's tag.
pub fn decide(
    inherit: &Inherit,
    read: Result<&Tags, &Failure>,
    key: &str,
    age: Age,
    guard: Guard,
) -> Decision {
    if let Ok(tags) = read
        && let Some((_, value)) = tags.iter().find(|(known, value)| known == key && !value.is_empty())
    {
        return Decision::Parent(value.clone());
    }
    let otherwise = if inherit.otherwise_service { Decision::Service } else { Decision::Nobody };
    // Without a queue there is nowhere to wait; an error of the invocation would only come again.
    if guard == Guard::None {
        return otherwise;
    }
    match read {
        Err(failure) if failure.class == Class::Throttled || failure.passes => {
            Decision::Wait(failure.clone())
        }
        Ok(_) | Err(Failure { class: Class::NotFound | Class::NotReady, .. }) if age.event < WAITS => {
            let message = format!("{} has no {key} yet, which this resource is to inherit", inherit.arn);
            Decision::Wait(Failure::ours(Class::NotReady, &inherit.call(), "ParentWithoutCreator", message))
        }
        _ => otherwise,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity;
    use serde_json::json;

    fn record(user: Value, source: &str, name: &str, request: Value) -> Record {
        Record::new(json!({
            "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "userIdentity": user, "requestParameters": request,
        }))
    }

    fn role(name: &str, session: &str) -> Value {
        let path =
            if name.starts_with("AWSServiceRoleFor") { "aws-service-role/x.amazonaws.com/" } else { "" };
        let issuer = format!("arn:aws:iam::111122223333:role/{path}{name}");
        json!({
            "type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/{session}"),
            "sessionContext": { "sessionIssuer": { "arn": issuer } },
        })
    }

    fn tagged(tags: &[(&str, &str)]) -> Value {
        let tags: Vec<_> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
        json!({ "tagSpecificationSet": { "items": [{ "resourceType": "instance", "tags": tags }] } })
    }

    #[test]
    fn parents() {
        let scaling = || role("AWSServiceRoleForAutoScaling", "AutoScaling");
        let stack = "arn:aws:cloudformation:us-east-2:111122223333:stack/s/1-2";
        let domain = "arn:aws:sagemaker:eu-west-1:111122223333:domain/d-1";
        let environment = "arn:aws:batch:eu-west-1:111122223333:compute-environment/jobs";
        let uuid = "59cfd8b7-b102-3b1d-84fe-2c34f232b239";
        let by_batch = |mut user: Value| {
            user["invokedBy"] = "batch.amazonaws.com".into();
            user
        };
        let group =
            [("aws:autoscaling:groupName", "web"), ("eks:cluster-name", "c"), ("eks:nodegroup-name", "n")];
        for (what, user, request, expected) in [
            (
                "a group's instance, the nearest parent first",
                scaling(),
                tagged(&group),
                Some(
                    "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:*:autoScalingGroupName/web",
                ),
            ),
            (
                "the group of a node group",
                role("AWSServiceRoleForAmazonEKSNodegroup", "EKS"),
                tagged(&group[1..]),
                Some("arn:aws:eks:eu-west-1:111122223333:nodegroup/c/n/*"),
            ),
            (
                "half of a node group's name",
                role("AWSServiceRoleForAmazonEKSNodegroup", "EKS"),
                tagged(&group[1..2]),
                None,
            ),
            (
                "a node group's name that was copied",
                role("AWSServiceRoleForBackup", "x"),
                tagged(&group[1..]),
                None,
            ),
            (
                "a name for a session that anybody can take",
                role("Dev", "AWSCloudFormation"),
                tagged(&group[1..]),
                None,
            ),
            (
                "a cluster of EMR",
                json!({"type": "AWSService", "invokedBy": "elasticmapreduce.amazonaws.com"}),
                tagged(&[("aws:elasticmapreduce:job-flow-id", "j-1")]),
                Some("arn:aws:elasticmapreduce:eu-west-1:111122223333:cluster/j-1"),
            ),
            (
                "a service of ECS",
                role("AWSServiceRoleForECS", "x"),
                tagged(&[("aws:ecs:clusterName", "c"), ("aws:ecs:serviceName", "s")]),
                Some("arn:aws:ecs:eu-west-1:111122223333:service/c/s"),
            ),
            (
                "a task of no service",
                role("AWSServiceRoleForECS", "x"),
                tagged(&[("aws:ecs:clusterName", "c")]),
                Some("arn:aws:ecs:eu-west-1:111122223333:cluster/c"),
            ),
            (
                "a stack's service role, with tags as a map",
                role("stacks", "AWSCloudFormation"),
                json!({"tags": {"aws:cloudformation:stack-id": stack}}),
                Some(stack),
            ),
            (
                "another account's stack",
                role("stacks", "AWSCloudFormation"),
                tagged(&[(
                    "aws:cloudformation:stack-id",
                    "arn:aws:cloudformation:us-east-2:444455556666:stack/s/1",
                )]),
                None,
            ),
            (
                "no stack's ARN",
                role("stacks", "AWSCloudFormation"),
                tagged(&[("aws:cloudformation:stack-id", "arn:aws:x:evil.example/:111122223333:y")]),
                None,
            ),
            (
                "an instance of a fleet",
                role("AWSServiceRoleForEC2Fleet", "x"),
                tagged(&[("aws:ec2:fleet-id", "fleet-1")]),
                Some("arn:aws:ec2:eu-west-1:111122223333:fleet/fleet-1"),
            ),
            (
                "an instance of a Spot Fleet",
                role("AWSServiceRoleForEC2SpotFleet", "x"),
                tagged(&[("aws:ec2spot:fleet-request-id", "sfr-1")]),
                Some("arn:aws:ec2:eu-west-1:111122223333:spot-fleet-request/sfr-1"),
            ),
            (
                "the file system of a SageMaker domain",
                role("AWSServiceRoleForAmazonSageMakerNotebooks", "SageMaker"),
                tagged(&[("ManagedByAmazonSageMakerResource", domain)]),
                Some(domain),
            ),
            (
                "a domain's name that was copied",
                role("AWSServiceRoleForBackup", "x"),
                tagged(&[("ManagedByAmazonSageMakerResource", domain)]),
                None,
            ),
            (
                "the group of a compute environment of Batch",
                role("AWSServiceRoleForBatch", "aws-batch"),
                json!({ "autoScalingGroupName": format!("AWSBatch-jobs-asg-{uuid}") }),
                Some(environment),
            ),
            (
                "the same with a role of the account's own",
                by_batch(role("batch", "aws-batch")),
                json!({ "autoScalingGroupName": format!("jobs-asg-{uuid}") }),
                Some(environment),
            ),
            (
                "a person who takes that session's name",
                role("batch", "aws-batch"),
                json!({ "autoScalingGroupName": format!("jobs-asg-{uuid}") }),
                None,
            ),
            (
                "the cluster of a compute environment",
                role("AWSServiceRoleForBatch", "aws-batch"),
                json!({ "clusterName": format!("AWSBatch-jobs-{uuid}") }),
                Some(environment),
            ),
            (
                "a name of Batch that is not of its form",
                role("AWSServiceRoleForBatch", "aws-batch"),
                json!({ "autoScalingGroupName": "AWSBatch-jobs-asg-7", "clusterName": format!("AWSBatch-{uuid}") }),
                None,
            ),
            ("a person who sets such tags", role("Dev", "bob@example.com"), tagged(&group[1..]), None),
            (
                "a person through CloudFormation",
                role("Dev", "bob"),
                tagged(&[("aws:cloudformation:stack-id", stack)]),
                None,
            ),
            ("no tags", scaling(), json!({}), None),
            (
                "two groups in one call",
                scaling(),
                tagged(&[("aws:autoscaling:groupName", "a"), ("aws:autoscaling:groupName", "b")]),
                None,
            ),
            (
                "a value with braces",
                scaling(),
                tagged(&[("aws:autoscaling:groupName", "{1}{account}")]),
                Some(
                    "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:*:autoScalingGroupName/{1}{account}",
                ),
            ),
        ] {
            let record = record(user, "ec2", "RunInstances", request);
            let found = find(&record, &identity::identify(&record), &Policy::default());
            assert_eq!(found.as_ref().map(|inherit| inherit.arn.as_str()), expected, "{what}");
        }
    }

    #[test]
    fn whose_tag_it_gets() {
        let user = role("AWSServiceRoleForAutoScaling", "AutoScaling");
        let record = record(user, "ec2", "RunInstances", tagged(&[("aws:autoscaling:groupName", "web")]));
        let mut inherit = find(&record, &identity::identify(&record), &Policy::default()).unwrap();
        assert_eq!((inherit.id.as_str(), inherit.region.as_str()), ("web", "eu-west-1"));
        let tags = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
        let failed = |code| Failure::of("autoscaling:DescribeTags", code, "", None);
        let age = |event| Age { event, waited: event };
        let (none, has_it) = (Tags::new(), tags("CreatedBy", "alice"));
        let parent = Decision::Parent("alice".to_owned());
        let (gone, busy, denied) = (failed("ValidationError"), failed("Throttling"), failed("AccessDenied"));
        for (what, read, event, guard, service, expected) in [
            ("it has a creator", Ok(&has_it), 5, Guard::Strict, true, Some(&parent)),
            ("also after a day", Ok(&has_it), 86_400, Guard::Strict, false, Some(&parent)),
            ("also without a queue", Ok(&has_it), 5, Guard::None, true, Some(&parent)),
            ("not yet", Ok(&none), 5, Guard::Strict, true, None),
            ("not at all", Ok(&none), WAITS, Guard::Strict, true, Some(&Decision::Service)),
            (
                "not at all, and services are skipped",
                Ok(&none),
                WAITS,
                Guard::Strict,
                false,
                Some(&Decision::Nobody),
            ),
            ("nowhere to wait", Ok(&none), 5, Guard::None, true, Some(&Decision::Service)),
            ("too many calls", Err(&busy), WAITS, Guard::Strict, true, None),
            ("denied", Err(&denied), 5, Guard::Strict, true, Some(&Decision::Service)),
            ("an error of another kind", Err(&gone), WAITS, Guard::Strict, true, Some(&Decision::Service)),
        ] {
            inherit.otherwise_service = service;
            let found = decide(&inherit, read, "CreatedBy", age(event), guard);
            match expected {
                Some(expected) => assert_eq!(&found, expected, "{what}"),
                None => assert!(matches!(found, Decision::Wait(_)), "{what}: {found:?}"),
            }
        }
    }
}
