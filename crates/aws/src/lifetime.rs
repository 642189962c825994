//! What a service's answer tells of a resource: its id, when it was made, its state. Pure.

use crate::time;
use serde_json::Value;
use std::borrow::Cow;
use tagger_catalog::lifetime::{Named, Told};
use tagger_core::{Record, attempt::Facts, json, resources::Resource};

/// What identifies the resource in the describing call.
pub fn identifier<'a>(told: &Told, resource: &'a Resource, record: &Record) -> Cow<'a, str> {
    let arn = resource.arn.as_str();
    let last = || arn.rsplit_once('/').or_else(|| arn.rsplit_once(':')).map_or(arn, |(_, last)| last);
    match told.takes {
        Named::Id => resource.id.as_str().into(),
        Named::Arn => arn.into(),
        Named::Last => last().into(),
        Named::Path => {
            let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
            resource.split_once(['/', ':']).map_or(resource, |(_, name)| name).into()
        }
        Named::Recorded(path) => {
            let recorded = json::at_path(record.value(), path).into_iter().find_map(json::text);
            recorded.map_or_else(|| last().into(), |name| name.into_owned().into())
        }
    }
}

/// Reads them; none where the answer is a list without the resource. An answer of another form than
/// expected tells nothing, and is no proof that the resource is gone.
pub fn facts(told: &Told, answer: &Value, name: &str) -> Option<Facts> {
    // XML answers stand in `XResponse` and `XResult`, and lists have one more element around each entry.
    let mut root = answer;
    while let Value::Object(map) = root
        && map.len() <= 2
        && let Some((_, inner)) =
            map.iter().find(|(name, _)| name.ends_with("Response") || name.ends_with("Result"))
    {
        root = inner;
    }
    if told.among.is_empty() && !root.is_object() {
        return Some(Facts::default());
    }
    let mut found = vec![root];
    for step in told.among.split('.').filter(|step| !step.is_empty()) {
        if found.iter().all(|value| value[step].is_null()) && !found.is_empty() {
            return Some(Facts::default());
        }
        found = found.into_iter().flat_map(|value| entries(&value[step])).collect();
    }
    let holds_name = |value: &&&Value| told.name.is_empty() || value[told.name].as_str() == Some(name);
    let resource = found.iter().find(holds_name).filter(|value| value.is_object())?;
    let text = |member: &str| resource[member].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
    Some(Facts {
        id: text(told.same.1),
        created: seconds(&resource[told.created]),
        status: text(told.status),
    })
}

fn entries(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => match map.get("member") {
            Some(inner) => entries(inner),
            None => vec![value],
        },
        _ => Vec::new(),
    }
}

/// A time, as a number of seconds or of milliseconds, as a text of one, or as a date.
fn seconds(value: &Value) -> Option<u64> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => match text.parse() {
            Ok(number) => number,
            Err(_) => return time::seconds(text),
        },
        _ => return None,
    };
    // Seconds have ten digits until the year 2286, milliseconds have had thirteen since 2001.
    let seconds = if number >= 1e11 { number / 1000.0 } else { number };
    (seconds > 0.0).then_some(seconds as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tagger_catalog::Lifetime;

    fn told(resource_type: &str) -> &'static Told {
        match tagger_catalog::lifetime(resource_type) {
            Lifetime::Told(told) => told,
            other => panic!("{resource_type}: {other:?}"),
        }
    }

    #[test]
    fn what_answers_tell() {
        let facts_of = |id: &str, created, status: &str| {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Some(Facts { id: text(id), created, status: text(status) })
        };
        let at = Some(1_795_509_000);
        let group = |name: &str, time: u64| json!({"logGroupName": name, "creationTime": time});
        for (resource_type, answer, expected) in [
            ("SQS::Queue", json!({"Attributes": {"CreatedTimestamp": "1795509000"}}), facts_of("", at, "")),
            ("SQS::Queue", json!({}), Some(Facts::default())),
            ("SQS::Queue", Value::Null, Some(Facts::default())),
            (
                "DynamoDB::Table",
                json!({"Table": {"TableId": "t-1", "CreationDateTime": 1_795_509_000.25}}),
                facts_of("t-1", at, ""),
            ),
            (
                "IAM::Role",
                json!({"GetRoleResponse": {"GetRoleResult": {"Role": {"RoleId": "AROA1", "CreateDate": "2026-11-24T08:30:00Z"}},
                    "ResponseMetadata": {"RequestId": "r"}}}),
                facts_of("AROA1", at, ""),
            ),
            (
                "Logs::LogGroup",
                json!({"logGroups": [group("/x/yz", 1), group("/x/y", 1_795_509_000_123)]}),
                facts_of("", at, ""),
            ),
            ("Logs::LogGroup", json!({"logGroups": [group("/x/yz", 1)]}), None),
            (
                "ElastiCache::ReplicationGroup",
                json!({"DescribeReplicationGroupsResponse": {"DescribeReplicationGroupsResult": {"ReplicationGroups": {
                    "ReplicationGroup": {"Status": "creating"}}}}}),
                facts_of("", None, "creating"),
            ),
            (
                "AutoScaling::AutoScalingGroup",
                json!({"DescribeAutoScalingGroupsResponse": {"DescribeAutoScalingGroupsResult": {"AutoScalingGroups": {"member":
                    {"CreatedTime": "2026-11-24T08:30:00.5Z"}}}}}),
                facts_of("", at, ""),
            ),
            (
                "AutoScaling::AutoScalingGroup",
                json!({"DescribeAutoScalingGroupsResponse": {"DescribeAutoScalingGroupsResult": {"AutoScalingGroups": ""}}}),
                None,
            ),
            (
                "StepFunctions::StateMachine",
                json!({"creationDate": 1_795_509_000, "status": "ACTIVE"}),
                facts_of("", at, ""),
            ),
            (
                "ECR::Repository",
                json!({"repositories": [{"createdAt": 1_795_509_000.5}]}),
                facts_of("", at, ""),
            ),
        ] {
            let found = facts(told(&format!("AWS::{resource_type}")), &answer, "/x/y");
            assert_eq!(found, expected, "{resource_type} {answer}");
        }
    }

    #[test]
    fn what_identifies() {
        let entry = &tagger_catalog::event("sqs.amazonaws.com", "CreateQueue").unwrap().entries[0];
        let record = Record::new(json!({"requestParameters": {"endpointName": "My-Endpoint"}}));
        for (resource_type, arn, expected) in [
            // The ARN has the name in lower case, and the call wants it as it was given.
            ("AWS::SageMaker::Endpoint", "arn:aws:sagemaker:r:1:endpoint/my-endpoint", "My-Endpoint"),
            ("AWS::SageMaker::Model", "arn:aws:sagemaker:r:1:model/of-another-record", "of-another-record"),
            ("AWS::SQS::Queue", "arn:aws:sqs:r:1:jobs", "the-id"),
            ("AWS::IAM::Role", "arn:aws:iam::1:role/path/ops", "ops"),
            ("AWS::IAM::ManagedPolicy", "arn:aws:iam::1:policy/ops", "arn:aws:iam::1:policy/ops"),
            ("AWS::Logs::LogGroup", "arn:aws:logs:r:1:log-group:/aws/x", "/aws/x"),
            ("AWS::ECR::Repository", "arn:aws:ecr:r:1:repository/team/app", "team/app"),
            ("AWS::ElastiCache::ReplicationGroup", "arn:aws:elasticache:r:1:replicationgroup:s", "s"),
        ] {
            let (arn, id, region, account) =
                (arn.to_owned(), "the-id".to_owned(), "r".to_owned(), "1".to_owned());
            let resource = Resource { entry, arn, id, region, account };
            assert_eq!(identifier(told(resource_type), &resource, &record), expected, "{resource_type}");
        }
    }
}
