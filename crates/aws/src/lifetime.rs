//! What a service's answer tells of a resource: its id, when it was made, its state. Pure.

use crate::time;
use serde_json::Value;
use tagger_catalog::lifetime::Told;
use tagger_core::step::Facts;

/// Members that say that a list goes on.
const CONTINUES: [&str; 5] = ["ContinuationToken", "NextToken", "nextToken", "NextMarker", "Marker"];

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
    let resource = found.iter().find(holds_name).filter(|value| value.is_object());
    // It may stand on a page that was not read.
    let is_page = || CONTINUES.iter().any(|token| root[*token].as_str().is_some_and(|text| !text.is_empty()));
    let Some(resource) = resource else { return is_page().then(Facts::default) };
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

    fn told(resource_type: &str) -> &'static Told {
        tagger_catalog::told_of(resource_type).unwrap_or_else(|| panic!("{resource_type} is not told"))
    }

    #[test]
    fn what_answers_tell() {
        let facts_of = |id: &str, created, status: &str| {
            let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
            Some(Facts { id: text(id), created, status: text(status) })
        };
        let at = Some(1_795_509_000);
        let bucket = |name: &str| json!({"Name": name, "CreationDate": "2026-11-24T08:30:00.000Z"});
        let buckets = |buckets: Value| json!({"ListAllMyBucketsResult": {"Owner": {"ID": "o"}, "Buckets": buckets, "Prefix": "/x/y"}});
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
                "Logs::LogGroup",
                json!({"logGroups": [group("/x/yz", 1)], "nextToken": "t"}),
                Some(Facts::default()),
            ),
            ("S3::Bucket", buckets(json!({"Bucket": bucket("/x/y")})), facts_of("", at, "")),
            (
                "S3::Bucket",
                buckets(json!({"Bucket": [bucket("/x/yz"), bucket("/x/y")]})),
                facts_of("", at, ""),
            ),
            ("S3::Bucket", buckets(json!({"Bucket": [bucket("/x/yz")]})), None),
            ("S3::Bucket", buckets(json!("")), None),
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
}
