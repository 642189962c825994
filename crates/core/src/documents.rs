//! Before step 1: JSON of any known kind becomes records.
//!
//! Known kinds: a CloudTrail log file (`{"Records": […]}`), an EventBridge event, an SQS or SNS
//! batch of those, the output of LookupEvents, a bare record, a list, JSON lines, and any of these
//! one after another. What cannot be read is reported with its place and the rest goes on. This file
//! knows texts and their broken places; what a value holds is in [`crate::containers`]. No I/O: who
//! reads files decompresses them first.

use crate::{containers, glance::Glance, record::Record};
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
    /// What kind of problem it is.
    pub kind: ProblemKind,
}

/// What kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProblemKind {
    /// It is no JSON.
    Broken,
    /// The text ends too early.
    CutOff,
    /// It is JSON, and no record of CloudTrail.
    UnknownShape,
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

/// Reads all records of a text, in order.
pub fn read(text: &[u8], each: &mut dyn FnMut(Result<Record, Problem>)) {
    read_glancing(text, &mut |_| false, each);
}

/// Gives every record of a value to the second.
pub type Open = dyn FnMut(Value, &mut dyn FnMut(Result<Record, Problem>));

/// Reads all records of a text, in order, but those of which a glance is enough: where `glance`
/// answers true the record is not opened.
pub fn read_glancing(
    text: &[u8],
    glance: &mut dyn FnMut(&Glance) -> bool,
    each: &mut dyn FnMut(Result<Record, Problem>),
) {
    read_with(text, &mut containers::open, glance, each);
}

/// The same, where `open` says what a value holds.
pub fn read_with(
    text: &[u8],
    open: &mut Open,
    glance: &mut dyn FnMut(&Glance) -> bool,
    each: &mut dyn FnMut(Result<Record, Problem>),
) {
    let start = if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
    if text[start..].iter().all(u8::is_ascii_whitespace) {
        let message = "the input is empty; expected CloudTrail records as JSON".to_owned();
        return each(Err(Problem { line: 1, record: None, message, kind: ProblemKind::CutOff }));
    }
    Reader { text, open, glance, each, counted: (0, 1) }.documents(start);
}

/// Stands before each text of a JSON sequence: <https://www.rfc-editor.org/rfc/rfc7464>
const RECORD_SEPARATOR: u8 = 0x1e;

struct Reader<'t, 'f> {
    text: &'t [u8],
    open: &'f mut Open,
    glance: &'f mut dyn FnMut(&Glance) -> bool,
    each: &'f mut dyn FnMut(Result<Record, Problem>),
    /// A place and its line. Places only grow, so that counting on from here reads the text once.
    counted: (usize, usize),
}

/// The two lists in which records come; kept as raw text so that one broken record spoils no other.
#[derive(Deserialize)]
struct Shell<'t> {
    #[serde(borrow, rename = "Records", alias = "Events")]
    records: Option<Vec<&'t RawValue>>,
    /// A bare record may have a member of one of those names.
    #[serde(rename = "eventName")]
    event_name: Option<serde::de::IgnoredAny>,
}

/// The texts of a whole and correct list of records, `[…]` or `{"Records": […]}`, and how long it is; none where it is no such
/// list.
pub fn list(text: &[u8]) -> Option<(Vec<&RawValue>, usize)> {
    let values = serde_json::Deserializer::from_slice(text);
    if text.trim_ascii_start().starts_with(b"[") {
        let mut values = values.into_iter::<Vec<&RawValue>>();
        Some((values.next()?.ok()?, values.byte_offset()))
    } else {
        let mut values = values.into_iter::<Shell>();
        let shell = values.next()?.ok()?;
        Some((shell.records.filter(|_| shell.event_name.is_none())?, values.byte_offset()))
    }
}

/// A text's value.
///
/// # Errors
/// It is no JSON.
pub fn value(text: &str) -> Result<Value, serde_json::Error> {
    serde_json::from_str(text)
        .or_else(|error| serde_json::from_str(&without_lone_surrogates(text)).map_err(|_| error))
}

/// Gives every record of a value to `each`, and after one of no known shape that it is none. What stands in a problem as
/// its place means nothing.
pub fn records_in(value: Value, open: &mut Open, each: &mut dyn FnMut(Result<Record, Problem>)) {
    open(value, &mut |item| {
        let unknown = item.as_ref().ok().and_then(Record::unknown_shape);
        each(item);
        if let Some(message) = unknown {
            each(Err(Problem { line: 1, record: None, message, kind: ProblemKind::UnknownShape }));
        }
    });
}

impl<'t> Reader<'t, '_> {
    /// Documents one after another, from `at` to the end.
    fn documents(&mut self, mut at: usize) {
        while let Some(begin) = self.skip(at, |byte| byte.is_ascii_whitespace() || byte == RECORD_SEPARATOR) {
            if let Some((records, length)) = list(&self.text[begin..]) {
                for (index, record) in records.into_iter().enumerate() {
                    self.record(record, Some(index));
                }
                at = begin + length;
                continue;
            }
            at = match self.value_at(begin) {
                Ok((raw, end)) => {
                    self.record(raw, None);
                    end
                }
                Err(error) => match self.list_at(begin) {
                    Some(list) => self.salvage(list),
                    None => {
                        self.problem(begin, None, &error);
                        let line = self.text[begin..].iter().position(|byte| *byte == b'\n');
                        line.map_or(usize::MAX, |length| begin + length + 1)
                    }
                },
            };
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
                    match self.next_record(begin) {
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
        if Glance::at(text).is_some_and(|glance| (self.glance)(&glance)) {
            return;
        }
        let begin = text.as_ptr() as usize - self.text.as_ptr() as usize;
        match value(text) {
            Err(error) => self.problem(begin, index, &error.to_string()),
            Ok(value) => {
                let mut items = Vec::with_capacity(1);
                records_in(value, self.open, &mut |item| items.push(item));
                for item in items {
                    let at = |problem| Problem { line: self.line(begin), record: index, ..problem };
                    let item = item.map_err(at);
                    (self.each)(item);
                }
            }
        }
    }

    fn problem(&mut self, at: usize, record: Option<usize>, error: &str) {
        // The position that serde_json adds is relative to a part of the text; ours is absolute.
        let error = error.split(" at line ").next().unwrap_or(error);
        let message =
            format!("{error}; expected a CloudTrail record as JSON. Fix this place or fetch the file again");
        let cut_off = error.starts_with("EOF") || at == self.text.len();
        let kind = if cut_off { ProblemKind::CutOff } else { ProblemKind::Broken };
        let line = self.line(at);
        (self.each)(Err(Problem { line, record, message, kind }));
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

    /// Where to go on behind a broken record that begins at `begin`: behind its last bracket, or where
    /// its brackets do not match at the next place that looks like the beginning of a record.
    fn next_record(&self, begin: usize) -> Option<usize> {
        self.balanced_end(begin).or_else(|| {
            (begin + 1..self.text.len()).find(|at| {
                self.text[*at] == b'{'
                    && self.skip(at + 1, |byte| byte.is_ascii_whitespace()).is_some_and(|name| {
                        ["\"event", "\"EventId", "\"awsRegion", "\"additional"]
                            .iter()
                            .any(|first| self.text[name..].starts_with(first.as_bytes()))
                    })
            })
        })
    }

    /// The place behind the bracket that closes the one at `begin`; none when they do not match.
    fn balanced_end(&self, begin: usize) -> Option<usize> {
        let mut open = Vec::new();
        let (mut in_text, mut escaped) = (false, false);
        for (offset, byte) in self.text[begin..].iter().enumerate() {
            match (in_text, byte) {
                (true, _) if escaped => escaped = false,
                (true, b'\\') => escaped = true,
                (true, b'"') => in_text = false,
                // No text of JSON goes over a line's end: a quote is missing.
                (true, b'\n') => return None,
                (true, _) => {}
                (false, b'"') => in_text = true,
                (false, b'{' | b'[') => open.push(*byte),
                (false, b'}') if open.pop() != Some(b'{') => return None,
                (false, b']') if open.pop() != Some(b'[') => return None,
                _ => {}
            }
            if open.is_empty() {
                return Some(begin + offset + 1);
            }
        }
        None
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of the events that were read, or the problems, in order.
    fn check(text: &str) -> Vec<String> {
        let mut found = Vec::new();
        // The records of these tables are short; only a scalar has an unknown shape here.
        let text = text.replace("\"eventName\"", "\"eventSource\":\"s\",\"eventName\"");
        let text = text.replace("\\\"eventName\\\"", "\\\"eventSource\\\":\\\"s\\\",\\\"eventName\\\"");
        let text = text
            .replace("\\\\\\\"eventName", "\\\\\\\"eventSource\\\\\\\":\\\\\\\"s\\\\\\\",\\\\\\\"eventName");
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
            ("one object for a list", r#"{"Records":{"eventName":"A"}}"#, "A"),
            ("a record with a detail of its own", r#"{"eventName":"A","detail":{"eventName":"B"}}"#, "A"),
            ("a record with Events of its own", r#"{"eventName":"A","Events":[]}"#, "A"),
            (
                "a dead letter of an on-failure destination",
                r#"{"version":"1.0","requestPayload":{"detail":{"eventName":"A"}}}"#,
                "A",
            ),
            ("texts in a list", r#"["{\"eventName\":\"A\"}"]"#, "A"),
            ("a sequence", "\u{1e}{\"eventName\":\"A\"}\n\u{1e}{\"eventName\":\"B\"}", "A B"),
            ("a detail that is a text", r#"{"detail-type":"x","detail":"{\"eventName\":\"A\"}"}"#, "A"),
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
            ("scalars are answered, and named", "1 \"x\" null", "? !1/None ? !1/None ? !1/None"),
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
            (
                "a broken record with sorted names",
                r#"[{"awsRegion":"x",},{"awsRegion":"y","eventName":"A"}]"#,
                "!1/Some(0) A",
            ),
            (
                "what stands in a broken record is no record",
                r#"[{"a":{"eventName":"X"},},{"eventName":"A"}]"#,
                "!1/Some(0) A",
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
}
