//! How the creations of a time ended, counted from the function's log: each resource once, by the last line about it. Pure.

use serde_json::Value;
use std::collections::BTreeMap;
use tagger_aws::account::log::Line;
use tagger_core::reason::Reason;

/// The lines of the log that count: those with a reason, and those of functions before there were reasons.
pub const PATTERN: &str = "{ ($.reason = \"*\") || ($.outcome = \"*\") }";

/// Creations that ended alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// How.
    pub reason: Reason,
    /// The code of the diagnostic, or the error and the call that answered it.
    pub why: String,
    /// How many resources; of what was left alone before it was looked at, calls.
    pub count: usize,
    /// One of them: its ARN, or its event.
    pub example: String,
}

/// The groups, those with the tag first, then the largest.
pub fn groups(lines: &[Line]) -> Vec<Group> {
    // The last line about a resource of an event counts; lines are in the order of time.
    let mut last: BTreeMap<(String, String), (Reason, String)> = BTreeMap::new();
    for line in lines.iter().filter_map(Line::json) {
        let Some(reason) = reason(&line) else { continue };
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        // A diagnostic is of the whole event, and one event can have several.
        let what = if line["arn"].is_string() { text("arn") } else { text("code") };
        last.insert((text("eventID"), what), (reason, why(&line, reason)));
    }
    let mut groups: Vec<Group> = Vec::new();
    for ((event, what), (reason, why)) in last {
        match groups.iter_mut().find(|group| group.reason == reason && group.why == why) {
            Some(group) => group.count += 1,
            None => {
                let example = if what.starts_with("arn:") { what } else { format!("event {event}") };
                groups.push(Group { reason, why, count: 1, example });
            }
        }
    }
    groups.sort_by_key(|group| (!has_tag(group.reason), std::cmp::Reverse(group.count), group.reason));
    groups
}

/// How many ended in each way, in the order of [`Reason::ALL`].
pub fn counts(groups: &[Group]) -> Vec<(Reason, usize)> {
    let count = |reason: &Reason| {
        groups.iter().filter(|group| group.reason == *reason).map(|group| group.count).sum::<usize>()
    };
    Reason::ALL.iter().map(|reason| (*reason, count(reason))).filter(|(_, count)| *count > 0).collect()
}

/// Whether such a creation has the tag.
pub fn has_tag(reason: Reason) -> bool {
    matches!(reason, Reason::Tagged | Reason::HadIt)
}

fn reason(line: &Value) -> Option<Reason> {
    if let Some(word) = line["reason"].as_str() {
        return Reason::of_word(word);
    }
    // As functions wrote it before there was a reason.
    match line["outcome"].as_str()? {
        "tagged" => Some(Reason::Tagged),
        "already-tagged" => Some(Reason::HadIt),
        "gone" => Some(Reason::Gone),
        "left-alone" => Some(Reason::OptedOut),
        _ => Some(Reason::DeadLetter),
    }
}

/// Why, in the words of the log.
fn why(line: &Value, reason: Reason) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    match reason {
        Reason::Tagged | Reason::HadIt => String::new(),
        _ if !text("error").is_empty() => {
            let class = if line["outcome"].is_string() { text("outcome") } else { text("waiting") };
            match text("call") {
                "" => format!("{class}: {}", text("error")),
                call => format!("{class}: {call} answered {}", text("error")),
            }
        }
        _ => text("code").to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn lines(lines: Vec<Value>) -> Vec<Line> {
        (0..).zip(lines).map(|(at, line)| Line { at, message: line.to_string() }).collect()
    }

    #[test]
    fn each_creation_counts_once_by_its_last_line() {
        let skipped = |event: &str| json!({ "eventID": event, "code": "kind-skipped", "reason": "skipped" });
        let denied = json!({ "eventID": "3", "arn": "arn:c", "outcome": "denied", "reason": "dead-letter", "call": "sqs:TagQueue", "error": "AccessDenied" });
        let found = groups(&lines(vec![
            json!({ "eventID": "1", "arn": "arn:a", "waiting": "not-ready", "reason": "waits", "call": "x:Tag", "error": "InUse" }),
            json!({ "eventID": "1", "arn": "arn:a", "outcome": "tagged", "reason": "tagged" }),
            json!({ "eventID": "1", "arn": "arn:b", "outcome": "tagged", "reason": "tagged" }),
            json!({ "eventID": "1", "code": "may-be-update" }),
            skipped("4"),
            skipped("5"),
            denied,
            json!({ "eventID": "6", "arn": "arn:d", "outcome": "already-tagged" }),
            json!("not an object"),
        ]));
        let short: Vec<_> =
            found.iter().map(|group| (group.reason, group.count, group.why.as_str())).collect();
        let expected = [
            (Reason::Tagged, 2, ""),
            (Reason::HadIt, 1, ""),
            (Reason::Skipped, 2, "kind-skipped"),
            (Reason::DeadLetter, 1, "denied: sqs:TagQueue answered AccessDenied"),
        ];
        assert_eq!(short, expected);
        assert_eq!((found[2].example.as_str(), found[3].example.as_str()), ("event 4", "arn:c"));
        let counted = counts(&found);
        let expected =
            [(Reason::Tagged, 2), (Reason::HadIt, 1), (Reason::Skipped, 2), (Reason::DeadLetter, 1)];
        assert_eq!(counted, expected);
    }
}
