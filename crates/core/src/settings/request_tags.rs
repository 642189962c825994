//! The tags that a request gives to what it makes, wherever its service writes them: lists of keys and values, maps, in
//! capitals or not. Only members that are named after tags hold tags: a pair of a key and a value elsewhere in a request
//! (`defaultArguments`, `dockerLabels`) is whatever its caller wants it to be.

use crate::{json, record::Record, step::Tags};
use serde_json::Value;

/// How deep tags are looked for.
const MOST_DEPTH: usize = 12;

/// The tags of a record's request, in their order there.
pub fn of_request(record: &Record) -> Tags {
    let mut tags = Tags::new();
    collect(json::member(record.value(), "requestParameters"), false, 0, &mut tags);
    tags
}

/// Whether a member of this name holds tags: `tags`, `Tag`, `tagSet`, `tagSpecificationSet`, `tagList`, `resourceTags`, …
fn holds_tags(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.starts_with("tag") || name.ends_with("tags") || name.ends_with("tagset") || name.ends_with("taglist")
}

fn collect(value: &Value, inside: bool, depth: usize, tags: &mut Tags) {
    if depth > MOST_DEPTH {
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|value| collect(value, inside, depth + 1, tags)),
        Value::Object(map) => {
            let named = ["key", "tagKey"].iter().find_map(|name| json::member_text(value, name));
            if let Some(key) = named.filter(|_| inside) {
                let given = ["value", "tagValue"].iter().find_map(|name| json::member_text(value, name));
                tags.push((key.into_owned(), given.unwrap_or_default().into_owned()));
                return;
            }
            for (name, inner) in map {
                match inner {
                    // A map of tags; `resourceType` beside a list of them is none.
                    Value::String(text) if inside && !name.eq_ignore_ascii_case("resourceType") => {
                        tags.push((name.clone(), text.clone()));
                    }
                    inner => collect(inner, inside || holds_tags(name), depth + 1, tags),
                }
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
    fn tags_are_found_where_requests_hold_tags_and_nowhere_else() {
        let off = || json!([{ "key": "auto-tag", "value": "off" }]);
        for (what, request, expected) in [
            ("a list", json!({ "tags": off() }), vec!["auto-tag=off"]),
            ("capitals", json!({ "Tags": [{ "Key": "auto-tag", "Value": "off" }] }), vec!["auto-tag=off"]),
            ("a map", json!({ "tags": { "auto-tag": "off" } }), vec!["auto-tag=off"]),
            (
                "EC2",
                json!({ "tagSpecificationSet": { "items": [{ "resourceType": "instance", "tags": off() }] } }),
                vec!["auto-tag=off"],
            ),
            ("KMS", json!({ "tags": [{ "tagKey": "auto-tag", "tagValue": "off" }] }), vec!["auto-tag=off"]),
            ("a key without a value", json!({ "tagging": { "tagSet": [{ "key": "x" }] } }), vec!["x="]),
            ("arguments", json!({ "defaultArguments": { "auto-tag": "off" } }), vec![]),
            ("pairs elsewhere", json!({ "environment": off() }), vec![]),
            ("nothing", json!(null), vec![]),
        ] {
            let found = of_request(&Record::new(json!({ "requestParameters": request })));
            let found: Vec<_> = found.iter().map(|(key, value)| format!("{key}={value}")).collect();
            assert_eq!(found, expected, "{what}");
        }
    }
}
