//! The tags of a resource in the answer of a read. Pure.
//!
//! "Could not read" is never "empty": an answer that is no object is an error, and only an answer
//! of the right form without tags means that there are none.

use crate::outcome::{self, Class, Failure};
use serde_json::Value;
use std::collections::HashMap;
use tagger_catalog::operation::{Call, Operation, Protocol, Shape, Variant};

pub use tagger_core::step::Tags;

/// Reads the tags of one resource from one page of an answer.
///
/// # Errors
/// A sentence about an answer that is not of the operation's form.
pub fn read(answer: &Value, operation: &Operation, call: &Call) -> Result<Tags, String> {
    let name = call.operation;
    let Value::Object(members) = answer else {
        return Err(format!("{name} answered with something that is no object"));
    };
    let is_json = matches!(operation.protocol, Protocol::Json { .. } | Protocol::RestJson);
    match holder(answer, operation, call)? {
        Some(holder) if is_json => of_json(holder, call),
        Some(holder) => of_xml(holder, call),
        // JSON leaves out what is empty. XML names its operation or its type at the root, so that
        // anything else (a proxy's page, another element) is no empty set.
        None if is_json => Ok(Tags::new()),
        None if operation.variant != Variant::Replaces
            && members.keys().all(|root| root.starts_with(name)) =>
        {
            Ok(Tags::new())
        }
        None => Err(format!("{name} answered without {}", call.tags)),
    }
}

/// Reads the tags of many resources from an answer in which `names` is the member that names each, beside its tags.
///
/// # Errors
/// A sentence about an answer that is not of the operation's form.
pub fn of_each(
    answer: &Value,
    operation: &Operation,
    call: &Call,
    names: &str,
) -> Result<HashMap<String, Tags>, String> {
    let is_json = matches!(operation.protocol, Protocol::Json { .. } | Protocol::RestJson);
    let without = || format!("{} answered without {}", call.operation, call.tags);
    let (list, member) = call.tags.split_once('.').ok_or_else(without)?;
    is_own(answer, operation, call)?;
    let mut root = answer;
    while root.get(list).is_none() {
        let Value::Object(map) = root else { return Err(without()) };
        let wraps = |name: &str| name.ends_with("Response") || name.ends_with("Result");
        root = map.iter().find(|(name, _)| wraps(name)).map(|(_, inner)| inner).ok_or_else(without)?;
    }
    let entries = match &root[list] {
        Value::Array(entries) => entries.as_slice(),
        // XML has one more element around each entry, and a list of one is written as the one.
        wrapped => match &wrapped["member"] {
            Value::Array(entries) => entries.as_slice(),
            Value::Null => return Err(without()),
            entry => std::slice::from_ref(entry),
        },
    };
    let each = entries.iter().map(|entry| {
        let name = entry[names].as_str().ok_or_else(|| not_tags(call))?.to_owned();
        let tags = match &entry[member] {
            Value::Null => Tags::new(),
            holder if is_json => of_json(holder, call)?,
            holder => of_xml(holder, call)?,
        };
        Ok((name, tags))
    });
    each.collect()
}

/// Whether an answer of success is the operation's own: empty, or of its protocol and, in XML, with its name.
///
/// # Errors
/// A sentence about an answer that anybody may have given.
pub fn is_own(answer: &Value, operation: &Operation, call: &Call) -> Result<(), String> {
    let named = match answer {
        Value::Null => true,
        Value::Object(_) if matches!(operation.protocol, Protocol::Json { .. } | Protocol::RestJson) => true,
        Value::Object(members) => members.keys().all(|root| root.starts_with(call.operation)),
        _ => false,
    };
    if named { Ok(()) } else { Err(format!("{} answered with something else", call.operation)) }
}

/// An answer that is not of the operation's form.
pub(crate) fn unreadable(operation: &Operation, message: String) -> Failure {
    let call = operation.read.as_ref().map_or(operation.name, |read| read.operation);
    Failure::ours(Class::Failed, call, outcome::UNREADABLE, message)
}

/// The names under which services continue a list, in the answer and in the next request.
const CONTINUATIONS: &[(&str, &str)] =
    &[("NextToken", "NextToken"), ("nextToken", "nextToken"), ("NextMarker", "Marker"), ("Marker", "Marker")];

/// Where the next page of an answer begins: the member of the request and its value.
///
/// # Errors
/// There is more, and the answer does not say how to get it.
pub fn next_page(answer: &Value) -> Result<Option<(&'static str, String)>, String> {
    let mut root = answer;
    // Query answers stand in `XResponse` and `XResult`.
    while let Value::Object(map) = root
        && let Some((_, inner)) =
            map.iter().find(|(name, _)| name.ends_with("Response") || name.ends_with("Result"))
    {
        root = inner;
    }
    let says = |name: &str| match &root[name] {
        Value::Bool(flag) => *flag,
        Value::String(text) => text == "true",
        _ => false,
    };
    let found = CONTINUATIONS.iter().find_map(|(answered, asked)| {
        let token = root[*answered].as_str().filter(|token| !token.is_empty())?;
        Some((*asked, token.to_owned()))
    });
    match found {
        // IAM and KMS send a marker only when there is more; Route 53's echo of one is told by this.
        Some(_) if root["IsTruncated"] == "false" || root["Truncated"] == Value::Bool(false) => Ok(None),
        Some(page) => Ok(Some(page)),
        None if ["IsTruncated", "Truncated", "HasMoreTags", "hasMoreTags"].into_iter().any(says) => {
            Err("there are more tags than one page, and no way to the next is known".to_owned())
        }
        None => Ok(None),
    }
}

/// The value at the path of the tags, below the elements that wrap XML answers (`XResponse`, `XResult`); none
/// where the answer leaves it out.
///
/// # Errors
/// Something on the way can hold no tags.
fn holder<'a>(answer: &'a Value, operation: &Operation, call: &Call) -> Result<Option<&'a Value>, String> {
    let path = call.tags;
    let first = path.split('.').next().unwrap_or_default();
    let mut root = answer;
    for _ in 0..3 {
        if root.get(first).is_some() {
            break;
        }
        let Value::Object(map) = root else { return Ok(None) };
        let wraps = |name: &str| name.ends_with("Response") || name.ends_with("Result") || map.len() == 1;
        match map.iter().find(|(name, _)| wraps(name)) {
            Some((_, inner)) => root = inner,
            None => return Ok(None),
        }
    }
    if root.get(first).is_none() {
        return Ok(None);
    }
    let mut found = root;
    for step in path.split('.') {
        // A list on the way holds one element for each resource that was asked for, so one.
        found = match found {
            Value::Array(list) => match list.first() {
                Some(first) => first,
                None => return Ok(None),
            },
            other => other,
        };
        match found {
            Value::Null => return Ok(None),
            // An element without children.
            Value::String(text) if text.trim().is_empty() => return Ok(None),
            Value::Object(_) => {}
            _ => return Err(format!("{} answered with no object around {step}", call.operation)),
        }
        found = match found.get(step) {
            Some(value) => value,
            // XML lists have one more element around each entry. Redshift names it otherwise and has one for
            // each tag, so all that is below is looked through:
            // <https://docs.aws.amazon.com/redshift/latest/APIReference/API_DescribeTags.html>
            None => match found.get("member").or_else(|| found.get("item")) {
                Some(Value::Array(list)) => match list.first().and_then(|first| first.get(step)) {
                    Some(value) => value,
                    None => return Ok(None),
                },
                Some(inner) => match inner.get(step) {
                    Some(value) => value,
                    None => return Ok(None),
                },
                None if matches!(operation.protocol, Protocol::Query(_)) => return Ok(Some(found)),
                None => return Ok(None),
            },
        };
    }
    Ok(Some(found))
}

/// Tags as JSON has them. What is no tag is an error: it might be the creator's.
fn of_json(holder: &Value, call: &Call) -> Result<Tags, String> {
    let text = |value: &Value| match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        _ => None,
    };
    let tags: Option<Tags> = match (call.shape, holder) {
        (_, Value::Null) => return Ok(Tags::new()),
        (Shape::Map, Value::Object(map)) => {
            map.iter().map(|(key, value)| Some((key.clone(), text(value)?))).collect()
        }
        (Shape::List, Value::Array(list)) => list
            .iter()
            .map(|tag| Some((tag.get(call.key)?.as_str()?.to_owned(), text(&tag[call.value])?)))
            .collect(),
        _ => None,
    };
    tags.ok_or_else(|| not_tags(call))
}

/// Tags as XML has them: however deep they stand, everything that is there leads to one.
fn of_xml(holder: &Value, call: &Call) -> Result<Tags, String> {
    let mut tags = Tags::new();
    let is_empty = holder.as_str().is_some_and(|text| text.trim().is_empty());
    if is_empty || collect(holder, call, &mut tags) { Ok(tags) } else { Err(not_tags(call)) }
}

/// Whether a value is a tag, or holds tags and in each of its lists nothing else.
fn collect(value: &Value, call: &Call, tags: &mut Tags) -> bool {
    let is_inner = |value: &&Value| value.is_object() || value.is_array();
    match value {
        Value::Array(list) => list.iter().all(|value| collect(value, call, tags)),
        Value::Object(map) => match map.get(call.key) {
            Some(Value::String(key)) => {
                let value = map.get(call.value).and_then(Value::as_str).unwrap_or_default();
                tags.push((key.clone(), value.to_owned()));
                true
            }
            _ => {
                let inner: Vec<&Value> = map.values().filter(is_inner).collect();
                !inner.is_empty() && inner.into_iter().all(|value| collect(value, call, tags))
            }
        },
        _ => false,
    }
}

fn not_tags(call: &Call) -> String {
    format!("{} answered with something in {} that is no tag", call.operation, call.tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn redshift_names_its_lists_otherwise() {
        let named = |operation: &&Operation| operation.name == "redshift:CreateTags";
        let operation = tagger_catalog::operations().iter().find(named).unwrap();
        let call = operation.read.as_ref().unwrap();
        let one = |key: &str| json!({"Tag": {"Key": key, "Value": "x"}, "ResourceName": "arn:aws:redshift:r:1:cluster:c"});
        for (list, expected) in [
            (json!({"TaggedResource": one("a")}), vec!["a"]),
            (json!({"TaggedResource": [one("a"), one("b")]}), vec!["a", "b"]),
            (json!(""), vec![]),
        ] {
            let answer = json!({"DescribeTagsResponse": {"DescribeTagsResult": {"TaggedResources": list}}});
            let tags = read(&answer, operation, call).unwrap();
            assert_eq!(tags.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), expected, "{answer}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_not_empty() {
        let named =
            |name: &str| tagger_catalog::operations().iter().find(|known| known.name == name).unwrap();
        let tag = || json!({ "Key": "CreatedBy", "Value": "bob" });
        let rds =
            |inside: Value| json!({ "ListTagsForResourceResponse": { "ListTagsForResourceResult": inside } });
        for (name, answer, expected) in [
            ("sqs:TagQueue", json!({}), Some(0)),
            ("sqs:TagQueue", json!({ "Tags": null }), Some(0)),
            ("sqs:TagQueue", json!({ "Tags": { "a": "b" } }), Some(1)),
            ("sqs:TagQueue", json!({ "Tags": 5 }), None),
            ("sqs:TagQueue", json!({ "Tags": [tag()] }), None),
            ("sqs:TagQueue", json!({ "Tags": { "CreatedBy": 5 } }), None),
            ("wafv2:TagResource", json!({}), Some(0)),
            ("wafv2:TagResource", json!({ "TagInfoForResource": { "TagList": [] } }), Some(0)),
            ("wafv2:TagResource", json!({ "TagInfoForResource": { "TagList": [tag()] } }), Some(1)),
            ("wafv2:TagResource", json!({ "TagInfoForResource": { "TagList": [tag(), "x"] } }), None),
            ("wafv2:TagResource", json!({ "TagInfoForResource": { "TagList": [{ "key": "a" }] } }), None),
            ("wafv2:TagResource", json!({ "TagInfoForResource": "x" }), None),
            ("rds:AddTagsToResource", rds(json!("")), Some(0)),
            ("rds:AddTagsToResource", rds(json!({ "TagList": "\n  " })), Some(0)),
            ("rds:AddTagsToResource", rds(json!({ "TagList": { "Tag": [tag(), tag()] } })), Some(2)),
            ("rds:AddTagsToResource", rds(json!({ "TagList": "x" })), None),
            ("rds:AddTagsToResource", rds(json!({ "TagList": { "Tag": [tag(), "x"] } })), None),
            ("rds:AddTagsToResource", rds(json!({ "TagList": { "Tag": { "Other": "x" } } })), None),
            ("rds:AddTagsToResource", json!({ "html": { "body": "Sign in" } }), None),
            ("rds:AddTagsToResource", json!({ "html": "" }), None),
        ] {
            let operation = named(name);
            let found = read(&answer, operation, operation.read.as_ref().unwrap());
            assert_eq!(found.as_ref().ok().map(Vec::len), expected, "{name}: {answer} gave {found:?}");
        }
    }

    #[test]
    fn pages() {
        for (answer, expected) in [
            (json!({"Tags": {}}), Ok(None)),
            (json!({"NextToken": "x"}), Ok(Some(("NextToken", "x".to_owned())))),
            (json!({"NextMarker": "x", "Truncated": true}), Ok(Some(("Marker", "x".to_owned())))),
            (
                json!({"ListRoleTagsResponse": {"ListRoleTagsResult": {"IsTruncated": "true", "Marker": "x"}}}),
                Ok(Some(("Marker", "x".to_owned()))),
            ),
            (json!({"ListRoleTagsResponse": {"ListRoleTagsResult": {"IsTruncated": "false"}}}), Ok(None)),
            (json!({"HasMoreTags": false}), Ok(None)),
            (json!({"HasMoreTags": true}), Err(())),
        ] {
            assert_eq!(next_page(&answer).map_err(|_| ()), expected, "{answer}");
        }
    }
}
