//! Before step 1: JSON of any known kind becomes records.
//!
//! Known kinds: a CloudTrail log file (`{"Records": […]}`), an EventBridge event, an SQS or SNS
//! batch of those, the output of LookupEvents, a bare record, a list, JSON lines, and any of these
//! one after another. What cannot be read is reported with its place and the rest goes on. No I/O:
//! who reads files decompresses them first.

use crate::{json, record::Record};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::fmt;

/// A place in the input that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Line, counted from 1.
    pub line: usize,
    /// Position in the list of records, counted from 0, where there is a list.
    pub record: Option<usize>,
    /// What was expected, what came, what to do.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}", self.line)?;
        if let Some(record) = self.record {
            write!(f, ", record {record}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// How deep documents may stand inside documents as texts (SQS body → SNS message → EventBridge event).
const MOST_NESTING: u8 = 4;

/// Reads all records of a text, in order.
pub fn read(text: &[u8], each: &mut dyn FnMut(Result<Record, Problem>)) {
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if text[start..].iter().all(u8::is_ascii_whitespace) {
        let message = "the input is empty; expected CloudTrail records as JSON".to_owned();
        return each(Err(Problem { line: 1, record: None, message }));
    }
    Reader { text, each, counted: (0, 1) }.documents(start);
}

/// The records in one JSON value. Anything that is of no known kind counts as a bare record, and is
/// answered later with the diagnostic `not-a-record`.
pub fn records_in(value: Value) -> Vec<Result<Record, Problem>> {
    let mut found = Vec::new();
    unpack(value, 0, &mut |item| found.push(item));
    let in_list = found.len() > 1;
    for (index, item) in found.iter_mut().enumerate() {
        if let Err(problem) = item {
            problem.record = in_list.then_some(index);
        }
    }
    found
}

struct Reader<'t, 'f> {
    text: &'t [u8],
    each: &'f mut dyn FnMut(Result<Record, Problem>),
    /// A place and its line. Places only grow, so that counting on from here reads the text once.
    counted: (usize, usize),
}

/// The two lists in which records come; kept as raw text so that one broken record spoils no other.
#[derive(Deserialize)]
struct Shell<'t> {
    #[serde(borrow, rename = "Records", alias = "Events")]
    records: Option<&'t RawValue>,
}

impl<'t> Reader<'t, '_> {
    /// Documents one after another, from `at` to the end.
    fn documents(&mut self, mut at: usize) {
        while let Some(begin) = self.skip(at, |byte| byte.is_ascii_whitespace()) {
            match self.value_at(begin) {
                Ok((raw, end)) => {
                    self.document(raw);
                    at = end;
                }
                Err(error) => {
                    at = match self.list_at(begin) {
                        Some(list) => self.salvage(list),
                        None => {
                            self.problem(begin, None, &error);
                            self.text[begin..]
                                .iter()
                                .position(|byte| *byte == b'\n')
                                .map_or(usize::MAX, |n| begin + n + 1)
                        }
                    }
                }
            }
        }
    }

    /// A whole document that is correct JSON.
    fn document(&mut self, raw: &'t RawValue) {
        let text = raw.get();
        let list = if text.starts_with('[') {
            serde_json::from_str::<Vec<&RawValue>>(text).ok()
        } else {
            let shell = serde_json::from_str::<Shell>(text).ok();
            shell.and_then(|shell| shell.records).and_then(|records| serde_json::from_str(records.get()).ok())
        };
        match list {
            None => self.record(raw, None),
            Some(records) => {
                for (index, record) in records.into_iter().enumerate() {
                    self.record(record, Some(index));
                }
            }
        }
    }

    /// A broken list of records, from behind its bracket: every record that can be read is read.
    /// Returns where the list ends.
    fn salvage(&mut self, mut at: usize) -> usize {
        for index in 0.. {
            let Some(begin) = self.skip(at, |byte| byte.is_ascii_whitespace() || byte == b',') else {
                self.problem(
                    self.text.len(),
                    Some(index),
                    "the input ends inside the list of records; it was cut off",
                );
                return usize::MAX;
            };
            if self.text[begin] == b']' {
                let closed = self.skip(begin + 1, |byte| byte.is_ascii_whitespace() || byte == b'}');
                return closed.unwrap_or(usize::MAX);
            }
            match self.value_at(begin) {
                Ok((raw, end)) => {
                    self.record(raw, Some(index));
                    at = end;
                }
                Err(error) => {
                    self.problem(begin, Some(index), &error);
                    match self.next_record(begin + 1) {
                        Some(next) => at = next,
                        None => return usize::MAX,
                    }
                }
            }
        }
        usize::MAX
    }

    fn record(&mut self, raw: &'t RawValue, index: Option<usize>) {
        let text = raw.get();
        let begin = text.as_ptr() as usize - self.text.as_ptr() as usize;
        let parsed = serde_json::from_str::<Value>(text)
            .or_else(|error| serde_json::from_str(&without_lone_surrogates(text)).map_err(|_| error));
        match parsed {
            Err(error) => self.problem(begin, index, &error.to_string()),
            Ok(value) => {
                let mut items = Vec::with_capacity(1);
                unpack(value, 0, &mut |item| items.push(item));
                for item in items {
                    let item =
                        item.map_err(|problem| Problem { line: self.line(begin), record: index, ..problem });
                    (self.each)(item);
                }
            }
        }
    }

    fn problem(&mut self, at: usize, record: Option<usize>, error: &str) {
        let message = format!(
            "{}; expected a CloudTrail record as JSON. Everything else was read; mend this place or fetch the file again",
            // The position that serde_json adds is relative to a part of the text; ours is absolute.
            error.split(" at line ").next().unwrap_or(error)
        );
        let line = self.line(at);
        (self.each)(Err(Problem { line, record, message }));
    }

    /// One JSON value at `at`, and where it ends.
    fn value_at(&self, at: usize) -> Result<(&'t RawValue, usize), String> {
        let mut values = serde_json::Deserializer::from_slice(&self.text[at..]).into_iter::<&RawValue>();
        match values.next() {
            Some(Ok(raw)) => Ok((raw, at + values.byte_offset())),
            Some(Err(error)) => Err(error.to_string()),
            None => Err("nothing there".to_owned()),
        }
    }

    /// Where the list of records begins in a broken document that holds one.
    fn list_at(&self, begin: usize) -> Option<usize> {
        let text = &self.text[begin..];
        if text.starts_with(b"[") {
            return Some(begin + 1);
        }
        let line = text.iter().position(|byte| *byte == b'\n').unwrap_or(text.len());
        ["\"Records\"", "\"Events\""].iter().find_map(|name| {
            // Only near the beginning: a record of a JSON line may hold such a name deep inside.
            let head = &text[..text.len().min(line.max(200)).min(4096)];
            let named = head.windows(name.len()).position(|part| part == name.as_bytes())? + name.len();
            let bracket = self.skip(begin + named, |byte| byte.is_ascii_whitespace() || byte == b':')?;
            (self.text[bracket] == b'[').then_some(bracket + 1)
        })
    }

    /// The next place that looks like the beginning of a record.
    fn next_record(&self, from: usize) -> Option<usize> {
        (from..self.text.len()).find(|at| {
            self.text[*at] == b'{'
                && self.skip(at + 1, |byte| byte.is_ascii_whitespace()).is_some_and(|name| {
                    self.text[name..].starts_with(b"\"event") || self.text[name..].starts_with(b"\"EventId")
                })
        })
    }

    fn skip(&self, from: usize, passes: impl Fn(u8) -> bool) -> Option<usize> {
        let rest = self.text.get(from..)?;
        rest.iter().position(|byte| !passes(*byte)).map(|offset| from + offset)
    }

    /// The line of a place, counted from 1.
    fn line(&mut self, at: usize) -> usize {
        let at = at.min(self.text.len());
        let (from, line) = self.counted;
        let passed = self.text.get(from..at).unwrap_or_default();
        self.counted = (from.max(at), line + passed.iter().filter(|byte| **byte == b'\n').count());
        self.counted.1
    }
}

/// JSON allows an escape such as `\ud800` alone; Rust's texts do not. It becomes U+FFFD.
fn without_lone_surrogates(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("\\u") {
        let escape = |text: &str| text.get(2..6).and_then(|hex| u16::from_str_radix(hex, 16).ok());
        let unit = escape(&rest[at..]);
        let following = rest.get(at + 6..).filter(|next| next.starts_with("\\u")).and_then(escape);
        out.push_str(&rest[..at]);
        let (taken, kept) = match (unit, following) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (12, &rest[at..at + 12]),
            (Some(0xD800..=0xDFFF), _) => (6, "\\ufffd"),
            _ => (2, "\\u"),
        };
        out.push_str(kept);
        rest = &rest[at + taken..];
    }
    out + rest
}

fn unpack(value: Value, depth: u8, each: &mut dyn FnMut(Result<Record, Problem>)) {
    match value {
        Value::Array(list) => list.into_iter().for_each(|value| unpack(value, depth, each)),
        Value::Object(mut map) => {
            if let Some(Value::Array(list)) = map.get_mut("Records").or(None).map(Value::take) {
                return list.into_iter().for_each(|value| unpack(value, depth, each));
            }
            if let Some(Value::Array(list)) = map.get_mut("Events").map(Value::take) {
                return list.into_iter().for_each(|value| unpack(value, depth, each));
            }
            let event_source =
                map.get("eventSource").or_else(|| map.get("EventSource")).and_then(Value::as_str);
            let text = match event_source {
                Some("aws:sqs") => map.get("body"),
                Some("aws:sns") => map.get("Sns").map(|sns| json::member(sns, "Message")),
                // SNS in SQS without raw delivery, and one event of LookupEvents.
                _ if map.get("Type").and_then(Value::as_str) == Some("Notification") => map.get("Message"),
                _ => map.get("CloudTrailEvent"),
            };
            if let Some(text) = text {
                return nested(text.clone(), depth, each);
            }
            match map.remove("detail") {
                Some(detail @ Value::Object(_)) => each(Ok(from_envelope(&Value::Object(map), detail))),
                Some(other) => {
                    map.insert("detail".to_owned(), other);
                    each(Ok(Record::new(Value::Object(map))));
                }
                None => each(Ok(Record::new(Value::Object(map)))),
            }
        }
        other => each(Ok(Record::new(other))),
    }
}

/// A document that stands in another one as a text.
fn nested(value: Value, depth: u8, each: &mut dyn FnMut(Result<Record, Problem>)) {
    let problem = |message: String| Problem { line: 1, record: None, message };
    match value {
        _ if depth >= MOST_NESTING => {
            each(Err(problem("messages inside messages inside messages; stopped".to_owned())))
        }
        Value::String(text) => match serde_json::from_str(&text) {
            Ok(value) => unpack(value, depth + 1, each),
            Err(error) => {
                each(Err(problem(format!("the message's text is not JSON: {error}; expected an event"))))
            }
        },
        value => unpack(value, depth + 1, each),
    }
}

/// The record in an EventBridge event. Account and region are also in the envelope and are taken
/// from there when the record has none.
fn from_envelope(envelope: &Value, mut detail: Value) -> Record {
    if let Value::Object(map) = &mut detail {
        for (outer, inner) in [("account", "recipientAccountId"), ("region", "awsRegion")] {
            if let (None | Some(Value::Null), Some(text)) =
                (map.get(inner), json::member_text(envelope, outer))
            {
                map.insert(inner.to_owned(), Value::String(text.into_owned()));
            }
        }
    }
    Record::new(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the events that were read, or the problems, in order.
    fn check(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        read(text.as_bytes(), &mut |item| {
            found.push(match item {
                Ok(record) => record.text("eventName").map_or("?".to_owned(), |name| name.into_owned()),
                Err(Problem { line, record, .. }) => format!("!{line}/{record:?}"),
            });
        });
        found
    }

    #[test]
    fn every_known_kind_of_document() {
        for (what, text, expected) in [
            ("bare", r#"{"eventName":"A"}"#, "A"),
            ("log file", r#"{"Records":[{"eventName":"A"},{"eventName":"B"}]}"#, "A B"),
            ("empty log file", r#"{"Records":[]}"#, ""),
            ("list", r#"[{"eventName":"A"},{"detail":{"eventName":"B"}}]"#, "A B"),
            ("lines", "{\"eventName\":\"A\"}\n\n{\"eventName\":\"B\"}\r\n", "A B"),
            ("pretty, one after another", "{\n\"eventName\":\"A\"\n}\n{\n\"eventName\":\"B\"\n}", "A B"),
            ("envelope", r#"{"detail-type":"x","detail":{"eventName":"A"}}"#, "A"),
            (
                "sqs",
                r#"{"Records":[{"eventSource":"aws:sqs","body":"{\"detail\":{\"eventName\":\"A\"}}"}]}"#,
                "A",
            ),
            (
                "sns in sqs",
                r#"{"Records":[{"eventSource":"aws:sqs","body":"{\"Type\":\"Notification\",\"Message\":\"{\\\"eventName\\\":\\\"A\\\"}\"}"}]}"#,
                "A",
            ),
            ("lookup", r#"{"Events":[{"EventId":"1","CloudTrailEvent":"{\"eventName\":\"A\"}"}]}"#, "A"),
            ("one lookup event", r#"{"CloudTrailEvent":"{\"eventName\":\"A\"}"}"#, "A"),
            ("byte order mark", "\u{feff}{\"eventName\":\"A\"}", "A"),
            ("scalars", "1 \"x\" null", "? ? ?"),
            ("lone surrogate", r#"{"eventName":"A","x":"\ud800"}"#, "A"),
        ] {
            assert_eq!(check(text).join(" "), expected, "{what}");
        }
    }

    #[test]
    fn what_is_broken_is_named_and_the_rest_goes_on() {
        for (what, text, expected) in [
            ("nothing", " \n", "!1/None"),
            ("no JSON", "hello", "!1/None"),
            ("a broken line", "{\"eventName\":\"A\"}\n{\"eventName\":\n{\"eventName\":\"B\"}", "A !2/None B"),
            (
                "a broken record",
                "[{\"eventName\":\"A\"},\n{\"eventName\":},\n{\"eventName\":\"B\"}]",
                "A !2/Some(1) B",
            ),
            (
                "a record without its end",
                r#"{"Records":[{"eventName":"A"},{"eventName":"X",{"eventName":"B"}]}"#,
                "A !1/Some(1) B",
            ),
            ("cut off in a record", r#"{"Records":[{"eventName":"A"},{"eventNa"#, "A !1/Some(1)"),
            ("cut off after a record", r#"{"Records":[{"eventName":"A"},"#, "A !1/Some(1)"),
            (
                "a body that is no JSON",
                r#"{"Records":[{"eventSource":"aws:sqs","body":"x"},{"eventName":"A"}]}"#,
                "!1/Some(0) A",
            ),
        ] {
            assert_eq!(check(text).join(" "), expected, "{what}");
        }
    }

    #[test]
    fn the_envelope_gives_account_and_region_where_the_record_has_none() {
        let value = serde_json::json!({"account": "111122223333", "region": "eu-west-1", "detail": {"awsRegion": "us-east-1"}});
        let record = records_in(value).remove(0).unwrap();
        assert_eq!(record.account().as_deref(), Some("111122223333"));
        assert_eq!(record.region().as_deref(), Some("us-east-1"));
    }
}
