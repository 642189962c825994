//! The tags of a resource in the answer of a read. Pure.
//!
//! "Could not read" is never "empty": an answer that is no object is an error, and only an answer
//! of the right form without tags means that there are none.

use serde_json::Value;
use tagger_catalog::operation::{Call, Shape};

/// Key and value of each tag.
pub type Tags = Vec<(String, String)>;

/// Reads the tags of one resource.
///
/// # Errors
/// A sentence about an answer that is not of the operation's form.
pub fn read(answer: &Value, call: &Call) -> Result<Tags, String> {
    let Value::Object(_) = answer else {
        return Err(format!("{} answered with something that is no object", call.operation));
    };
    let mut tags = Vec::new();
    if let Some(holder) = holder(answer, call.tags) {
        collect(holder, call, &mut tags);
    }
    Ok(tags)
}

/// The value at a path, below the elements that wrap XML answers (`XResponse`, `XResult`).
fn holder<'a>(answer: &'a Value, path: &str) -> Option<&'a Value> {
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
            // XML lists have one more element around each entry.
            None => found.get("member").or_else(|| found.get("item"))?.get(step)?,
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
