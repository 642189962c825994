//! Lenient look-ups in JSON that somebody else wrote: any member may be missing, null, of another
//! type, or in another casing than documented. Every reader of a record goes through these functions.

use serde_json::Value;
use std::borrow::Cow;

static NULL: Value = Value::Null;

/// A member by name: exact first, then without regard to ASCII case. Null when there is none.
pub fn member<'a>(value: &'a Value, name: &str) -> &'a Value {
    let Value::Object(map) = value else { return &NULL };
    map.get(name)
        .or_else(|| map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value))
        .unwrap_or(&NULL)
}

/// Whether a service put this text in the place of what it does not want in the record: it names nothing and nobody.
pub fn is_hidden(text: &str) -> bool {
    let letters: String =
        text.chars().filter(char::is_ascii_alphabetic).map(|one| one.to_ascii_lowercase()).collect();
    let words = ["hiddenduetosecurityreasons", "valuehiddenduetosecurityreasons", "hiddenforsecurityreasons"];
    words.contains(&&*letters)
        || ["<sensitiveDataRemoved>", "[PROTECTED]"].contains(&text)
        || (!text.is_empty() && text.bytes().all(|byte| byte == b'*'))
}

/// The text of a text or a number. None for an empty text, a boolean (which names nobody and nothing),
/// null, a list and an object.
pub fn text(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(Cow::Borrowed(text)),
        Value::Number(number) => Some(Cow::Owned(number.to_string())),
        _ => None,
    }
}

/// The text of a member.
pub fn member_text<'a>(value: &'a Value, name: &str) -> Option<Cow<'a, str>> {
    text(member(value, name))
}

/// A boolean, also when it is written as a text or a number.
pub fn flag(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::String(text) if text.trim().eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.trim().eq_ignore_ascii_case("false") => Some(false),
        Value::Number(number) => number.as_i64().map(|number| number != 0),
        _ => None,
    }
}

/// A member, also through a wrapper: newer EC2 calls put their members into an object named after
/// the call, such as `CreateLaunchTemplateRequest`.
pub fn member_through_wrapper<'a>(value: &'a Value, name: &str) -> &'a Value {
    let direct = member(value, name);
    if !direct.is_null() {
        return direct;
    }
    let Value::Object(map) = value else { return &NULL };
    map.iter()
        .filter(|(key, _)| key.ends_with("Request") || key.ends_with("Response") || key.ends_with("Result"))
        .map(|(_, wrapped)| member(wrapped, name))
        .find(|found| !found.is_null())
        .unwrap_or(&NULL)
}

/// Every value at a path such as `instancesSet.items[].instanceId`. A step that ends in `[]` walks
/// a list; where a single object stands in a list's place it counts as a list of one, and a list of
/// one in an object's place as that object.
pub fn at_path<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    let mut found = vec![value];
    for (depth, step) in path.split('.').enumerate() {
        let (name, walks) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        let mut next = Vec::with_capacity(found.len());
        for value in found {
            let inner = match value {
                Value::Array(list) if list.len() == 1 => &list[0],
                other => other,
            };
            // The wrapper stands directly below requestParameters or responseElements.
            let inner = if depth == 1 { member_through_wrapper(inner, name) } else { member(inner, name) };
            match inner {
                Value::Array(list) if walks => next.extend(list),
                Value::Null => {}
                other => next.push(other),
            }
        }
        found = next;
    }
    found
}

/// Gives every text in a value.
pub fn each_text<'a>(value: &'a Value, give: &mut impl FnMut(&'a str)) {
    match value {
        Value::String(text) => give(text),
        Value::Array(list) => list.iter().for_each(|inner| each_text(inner, give)),
        Value::Object(map) => map.values().for_each(|inner| each_text(inner, give)),
        _ => {}
    }
}

/// Whether some text in a value is the one.
pub fn any_text(value: &Value, is_it: &impl Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is_it(text),
        Value::Array(list) => list.iter().any(|inner| any_text(inner, is_it)),
        Value::Object(map) => map.values().any(|inner| any_text(inner, is_it)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn paths_tolerate_what_real_records_do() {
        for (what, record, path, expected) in [
            ("plain", json!({"r": {"a": {"b": "x"}}}), "r.a.b", vec!["x"]),
            ("casing", json!({"r": {"A": {"B": "x"}}}), "r.a.b", vec!["x"]),
            ("number", json!({"r": {"a": 7}}), "r.a", vec!["7"]),
            ("list", json!({"r": {"a": [{"b": "x"}, {"b": "y"}]}}), "r.a[].b", vec!["x", "y"]),
            ("object for list", json!({"r": {"a": {"b": "x"}}}), "r.a[].b", vec!["x"]),
            ("list of one for object", json!({"r": {"a": [{"b": "x"}]}}), "r.a.b", vec!["x"]),
            ("wrapper", json!({"r": {"CreateXRequest": {"a": "x"}}}), "r.a", vec!["x"]),
            ("text for object", json!({"r": "x"}), "r.a.b", vec![]),
            ("null", json!({"r": {"a": null}}), "r.a", vec![]),
            (
                "nested lists",
                json!({"r": {"a": [{"b": ["x", "y"]}, {"b": "z"}]}}),
                "r.a[].b[]",
                vec!["x", "y", "z"],
            ),
        ] {
            let found: Vec<_> = at_path(&record, path).into_iter().filter_map(text).collect();
            assert_eq!(found, expected, "{what}");
        }
    }
}
