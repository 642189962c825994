//! `templates/rules.json`: the EventBridge rules, packed from the catalog.
//!
//! A pattern holds at most 2,048 characters (<https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>).
//! Each branch of its `$or` names one event source with that source's own events, so that no pair
//! is admitted that nobody meant. A service with more events than a pattern holds has patterns of its own. Failed calls are kept out by `errorCode`.

use crate::catalog::Catalog;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most characters of a pattern here, minified. AWS's quota is 2,048; the rest is left because EventBridge counts the
/// JSON as CloudFormation writes it, and nothing documents how it escapes and spaces that.
pub const MOST: usize = 2000;

/// The most that a pattern has before the templates add `"account":["123456789012"],`.
const MOST_CHARACTERS: usize = MOST - 27;

/// The rules: a list of names and patterns.
///
/// # Errors
/// One event that is too long for a pattern of its own.
pub fn rules(catalog: &Catalog) -> Result<Value, String> {
    let mut by_source: BTreeMap<&str, BTreeSet<(String, bool)>> = BTreeMap::new();
    for (file, entry) in catalog.entries() {
        by_source.entry(&file.event_source).or_default().insert((entry.event.clone(), file.versioned));
    }
    let mut patterns: Vec<Vec<Value>> = vec![Vec::new()];
    for (source, events) in by_source {
        let mut names: Vec<Value> = Vec::new();
        for (event, versioned) in events {
            // A versioned name is the plain one and a date: CreateFunction20150331.
            let matchers = [Some(json!(event)), versioned.then(|| json!({"prefix": format!("{event}20")}))];
            names.extend(matchers.into_iter().flatten());
            let open = patterns.last_mut().ok_or("no pattern")?;
            let mut branches = open.clone();
            branches.push(branch(source, &names));
            if minified(&branches) > MOST_CHARACTERS {
                // This event opens the next pattern; those before it stay in this one.
                let added = if versioned { 2 } else { 1 };
                let rest = names.split_off(names.len() - added);
                if !names.is_empty() {
                    open.push(branch(source, &names));
                }
                patterns.push(Vec::new());
                names = rest;
                if minified(&[branch(source, &names)]) > MOST_CHARACTERS {
                    return Err(format!(
                        "{source} {event} alone makes a pattern of over {MOST_CHARACTERS} characters"
                    ));
                }
            }
        }
        patterns.last_mut().ok_or("no pattern")?.push(branch(source, &names));
    }
    let rules = patterns.iter().enumerate().map(|(index, branches)| {
        let suffix = if index == 0 { String::new() } else { format!("-{}", index + 1) };
        json!({ "name": format!("auto-tag-create-resources{suffix}"), "pattern": pattern(branches) })
    });
    Ok(Value::Array(rules.collect()))
}

fn branch(source: &str, names: &[Value]) -> Value {
    json!({ "eventSource": [source], "eventName": names })
}

fn pattern(branches: &[Value]) -> Value {
    json!({
        // Nobody but AWS can send an event whose source begins so; without it, whoever may PutEvents could forge creations.
        "source": [{ "prefix": "aws." }],
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": detail(branches),
    })
}

/// A pattern's `detail`. EventBridge refuses an `$or` of one: a service that fills a pattern stands in it without.
pub fn detail(branches: &[Value]) -> Value {
    let mut detail = match branches {
        [only] => only.clone(),
        several => json!({ "$or": several }),
    };
    detail["errorCode"] = json!([{ "exists": false }]);
    detail
}

/// What `detail` was made of.
pub fn branches(detail: &Value) -> Vec<Value> {
    match detail["$or"].as_array() {
        Some(several) => several.clone(),
        None => vec![json!({ "eventSource": detail["eventSource"], "eventName": detail["eventName"] })],
    }
}

fn minified(branches: &[Value]) -> usize {
    pattern(branches).to_string().chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_alone_in_a_pattern_has_no_or() {
        let (one, other) =
            (branch("a.amazonaws.com", &[json!("A")]), branch("b.amazonaws.com", &[json!("B")]));
        for several in [vec![one.clone()], vec![one, other]] {
            let detail = detail(&several);
            assert_eq!(detail.get("$or").is_some(), several.len() > 1, "{detail}");
            assert_eq!(detail["errorCode"], json!([{ "exists": false }]));
            assert_eq!(branches(&detail), several);
        }
    }
}
