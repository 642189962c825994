//! The tags in a record, where its request sets them and its answer shows them, and nowhere else: a caller may put any
//! pair of texts, also one that looks like a tag of AWS's, into the environment of a function, the arguments of a job or
//! the labels of a container. Pure.

use crate::{json, record::Record, step::Tags};
use serde_json::{Map, Value};

/// The members of requests and answers that hold tags of the resource, in lower case. They are those of AWS's API models
/// for the calls of the catalog, and EC2's as CloudTrail spells them. Members such as `stagingAreaTags`, which are of
/// something else, and `stageVariables`, are none.
const MEMBERS: [&str; 21] = [
    "tagging",
    "tags",
    "tag",
    "tagset",
    "taglist",
    "tagslist",
    "tagspecification",
    "tagspecifications",
    "tagspecificationset",
    "resourcetags",
    "backupplantags",
    "backupvaulttags",
    "bottags",
    "identitypooltags",
    "importedmodeltags",
    "jobtags",
    "modeltags",
    "custommodeltags",
    "targetmodeltags",
    "tieringconfigurationtags",
    "userpooltags",
];
/// What stands around a list, and around what a call takes: `{"items": [...]}`, `{"CreateNatGatewayRequest": {...}}`.
const WRAPPERS: [&str; 5] = ["items", "item", "tags", "tag", "tagset"];
/// The ends of names of what holds such members, instead of the request itself.
const HOLDERS: [&str; 3] = ["Request", "WithTags", "CreateBucketConfiguration"];
/// How deep EC2's answers are looked through.
const MOST_DEPTH: usize = 8;

/// The tags that the request of a call sets.
pub fn asked(record: &Record) -> Tags {
    let mut tags = Tags::new();
    if let Value::Object(request) = json::member(record.value(), "requestParameters") {
        of_members(request, &mut tags);
        for (name, inner) in request {
            let holds = HOLDERS.iter().any(|end| name.ends_with(end));
            if let (true, Value::Object(inner)) = (holds, inner) {
                of_members(inner, &mut tags);
            }
        }
    }
    tags
}

/// The tags that the answer shows of what the call made; none where it shows no tags at all, also no empty list of them.
pub fn shown(record: &Record) -> Option<Tags> {
    let answer = json::member(record.value(), "responseElements");
    let mut tags = Tags::new();
    let is_shown = match answer {
        Value::Object(_) if record.event_source() == "ec2.amazonaws.com" => sets(answer, 0, &mut tags),
        Value::Object(answer) => {
            let inner = answer.values().filter_map(Value::as_object);
            // All of them, not the first alone.
            let held = std::iter::once(answer).chain(inner).map(|map| of_members(map, &mut tags));
            held.filter(|held| *held).count() > 0
        }
        _ => false,
    };
    is_shown.then_some(tags)
}

/// The tags in the members of an object that hold some; whether there is such a member.
fn of_members(map: &Map<String, Value>, tags: &mut Tags) -> bool {
    let is_one = |name: &str| MEMBERS.contains(&name.to_ascii_lowercase().as_str());
    let mut held = false;
    for (_, inner) in map.iter().filter(|(name, inner)| is_one(name) && !inner.is_null()) {
        held = true;
        pairs(inner, tags);
    }
    held
}

/// EC2 shows the tags of each thing that it made as its `tagSet`, wherever that stands.
fn sets(value: &Value, depth: usize, tags: &mut Tags) -> bool {
    match value {
        _ if depth > MOST_DEPTH => false,
        Value::Array(list) => list.iter().filter(|inner| sets(inner, depth + 1, tags)).count() > 0,
        Value::Object(map) => {
            let is_held = |name: &str, inner: &Value, tags: &mut Tags| {
                if name.eq_ignore_ascii_case("tagSet") {
                    pairs(inner, tags);
                    return true;
                }
                sets(inner, depth + 1, tags)
            };
            map.iter().filter(|(name, inner)| is_held(name, inner, tags)).count() > 0
        }
        _ => false,
    }
}

/// A list of pairs, under whatever names the service has for key and value, or a map; wrapped or not.
fn pairs(value: &Value, tags: &mut Tags) {
    match value {
        Value::Array(list) => list.iter().for_each(|inner| pairs(inner, tags)),
        Value::Object(map) => {
            let text = |names: [&str; 2]| names.into_iter().find_map(|name| json::member_text(value, name));
            if let Some(key) = text(["key", "tagKey"]) {
                let value = text(["value", "tagValue"]).unwrap_or_default();
                tags.push((key.into_owned(), value.into_owned()));
                return;
            }
            for (name, inner) in map {
                match inner {
                    // It stands beside EC2's tags.
                    Value::String(_) if name.eq_ignore_ascii_case("resourceType") => {}
                    Value::String(text) => tags.push((name.clone(), text.clone())),
                    inner if WRAPPERS.contains(&name.to_ascii_lowercase().as_str()) => pairs(inner, tags),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// The value of a key, where all that is said about it agrees.
pub fn only<'a>(tags: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let mut values = tags.iter().filter(|(known, _)| known == key).map(|(_, value)| value.as_str());
    let first = values.next().filter(|value| !value.is_empty())?;
    values.all(|value| value == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const KEY: &str = "aws:cloudformation:stack-id";

    fn record(source: &str, request: Value, answer: Value) -> Record {
        Record::new(json!({
            "eventSource": format!("{source}.amazonaws.com"), "requestParameters": request, "responseElements": answer,
        }))
    }

    #[test]
    fn where_a_request_sets_tags() {
        let pair = json!({ "key": KEY, "value": "s" });
        for (what, request, expected) in [
            ("a list", json!({ "tags": [pair] }), Some("s")),
            ("a map", json!({ "tags": { KEY: "s" } }), Some("s")),
            ("KMS", json!({ "tags": [{ "tagKey": KEY, "tagValue": "s" }] }), Some("s")),
            ("RDS", json!({ "tags": [{ "Key": KEY, "Value": "s" }] }), Some("s")),
            ("Budgets", json!({ "resourceTags": [pair] }), Some("s")),
            ("Cognito", json!({ "userPoolTags": { KEY: "s" } }), Some("s")),
            (
                "EC2",
                json!({ "tagSpecificationSet": { "items": [{ "resourceType": "volume", "tags": [pair] }] } }),
                Some("s"),
            ),
            (
                "EC2's wrapper",
                json!({ "CreateNatGatewayRequest": { "TagSpecification": { "Tag": { "Key": KEY, "Value": "s" } } } }),
                Some("s"),
            ),
            (
                "CloudFront",
                json!({ "distributionConfigWithTags": { "tags": { "items": [pair] } } }),
                Some("s"),
            ),
            (
                "a bucket's",
                json!({ "CreateBucketConfiguration": { "Tags": { "Tag": [{ "Key": KEY, "Value": "s" }] } } }),
                Some("s"),
            ),
            ("S3's tagging", json!({ "Tagging": { "TagSet": { "Tag": [pair] } } }), Some("s")),
            ("two that differ", json!({ "tags": [pair, { "key": KEY, "value": "t" }] }), None),
            ("Glue's arguments", json!({ "defaultArguments": { KEY: "s" } }), None),
            ("ECS's labels", json!({ "containerDefinitions": [{ "dockerLabels": { KEY: "s" } }] }), None),
            ("SageMaker's environment", json!({ "primaryContainer": { "environment": { KEY: "s" } } }), None),
            ("Lambda's environment", json!({ "environment": { "variables": { KEY: "s" } } }), None),
            ("a list that is no list of tags", json!({ "parameters": [pair] }), None),
            ("tags of something else", json!({ "stagingAreaTags": { KEY: "s" } }), None),
            (
                "a template's, of what will be launched by it",
                json!({ "CreateLaunchTemplateRequest": { "LaunchTemplateData": { "TagSpecification": { "Tag": pair } } } }),
                None,
            ),
            ("a pair deep in tags", json!({ "tags": { "x": { "y": { "key": KEY, "value": "s" } } } }), None),
        ] {
            let tags = asked(&record("x", request, Value::Null));
            assert_eq!(only(&tags, KEY), expected, "{what}: {tags:?}");
        }
    }

    #[test]
    fn where_an_answer_shows_tags() {
        let pair = json!({ "key": "a", "value": "b" });
        for (what, source, answer, expected) in [
            (
                "EC2",
                "ec2",
                json!({ "instancesSet": { "items": [{ "tagSet": { "items": [pair] } }] } }),
                Some(1),
            ),
            ("EC2, empty", "ec2", json!({ "volumeId": "vol-1", "tagSet": {} }), Some(0)),
            ("EC2, none", "ec2", json!({ "imageId": "ami-1" }), None),
            ("RDS", "rds", json!({ "tagList": [pair] }), Some(1)),
            ("RDS, empty", "rds", json!({ "tagList": [] }), Some(0)),
            ("below the resource", "eks", json!({ "nodegroup": { "tags": { "a": "b" } } }), Some(1)),
            ("an echo of arguments", "glue", json!({ "job": { "defaultArguments": { "a": "b" } } }), None),
            ("no answer", "rds", Value::Null, None),
        ] {
            let found = shown(&record(source, Value::Null, answer)).map(|tags| tags.len());
            assert_eq!(found, expected, "{what}");
        }
    }
}
