//! The tags of a resource in the answer of a read. Pure.
//!
//! "Could not read" is never "empty": an answer that is no object is an error, and only an answer
//! of the right form without tags means that there are none.

use serde_json::Value;
use tagger_catalog::operation::{Call, Operation, Protocol, Shape, Variant};

pub use tagger_core::attempt::Tags;

/// Reads the tags of one resource from one page of an answer.
///
/// # Errors
/// A sentence about an answer that is not of the operation's form.
pub fn read(answer: &Value, operation: &Operation, call: &Call) -> Result<Tags, String> {
    let Value::Object(members) = answer else {
        return Err(format!("{} answered with something that is no object", call.operation));
    };
    let mut tags = Vec::new();
    match holder(answer, operation, call) {
        Some(holder) => collect(holder, call, &mut tags),
        // JSON leaves out what is empty. XML names its operation or its type at the root, so that
        // anything else (a proxy's page, another element) is no empty set.
        None if matches!(operation.protocol, Protocol::Json { .. } | Protocol::RestJson) => {}
        None if operation.variant != Variant::Replaces
            && members.keys().all(|root| root.starts_with(call.operation)) => {}
        None => return Err(format!("{} answered without {}", call.operation, call.tags)),
    }
    Ok(tags)
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

/// The value at a path, below the elements that wrap XML answers (`XResponse`, `XResult`).
fn holder<'a>(answer: &'a Value, operation: &Operation, call: &Call) -> Option<&'a Value> {
    let path = call.tags;
    let first = path.split('.').next().unwrap_or_default();
    let mut root = answer;
    for _ in 0..3 {
        if root.get(first).is_some() {
            break;
        }
        let Value::Object(map) = root else { return None };
        root = map
            .iter()
            .find(|(name, _)| name.ends_with("Response") || name.ends_with("Result") || map.len() == 1)?
            .1;
    }
    let mut found = root;
    for step in path.split('.') {
        // A list on the way holds one element for each resource that was asked for, so one.
        found = match found {
            Value::Array(list) => list.first()?,
            other => other,
        };
        found = match found.get(step) {
            Some(value) => value,
            // XML lists have one more element around each entry. Redshift names it otherwise and has one for
            // each tag, so all that is below is looked through:
            // <https://docs.aws.amazon.com/redshift/latest/APIReference/API_DescribeTags.html>
            None => match found.get("member").or_else(|| found.get("item")) {
                Some(inner) => inner.get(step)?,
                None if matches!(operation.protocol, Protocol::Query(_)) => return Some(found),
                None => return None,
            },
        };
    }
    Some(found)
}

fn collect(value: &Value, call: &Call, tags: &mut Tags) {
    match value {
        Value::Array(list) => list.iter().for_each(|value| collect(value, call, tags)),
        Value::Object(map) => {
            if let Some(Value::String(key)) = map.get(call.key).filter(|_| call.shape == Shape::List) {
                let value = map.get(call.value).and_then(Value::as_str).unwrap_or_default();
                tags.push((key.clone(), value.to_owned()));
            } else if call.shape == Shape::Map {
                let texts =
                    map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
                tags.extend(texts);
            } else {
                map.values().for_each(|value| collect(value, call, tags));
            }
        }
        _ => {}
    }
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
