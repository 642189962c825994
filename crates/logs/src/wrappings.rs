//! The forms in which people have records: what a value holds, whoever wrapped it.
//!
//! The command line's own, over [`tagger_core::containers`], which knows what Lambda gives the function. A wrapper is not
//! known by its name but looked into: objects, lists, texts that are JSON, and base64 that may be gzip'd, bounded in depth
//! and size. What is a record is opened no further, since a record may have members of any name.

use crate::rows;
use base64::{Engine, engine::general_purpose::STANDARD};
use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value};
use std::io::Read;
use tagger_core::{
    Record, containers,
    documents::{self, Problem, ProblemKind},
};

/// So deep a record may stand in wrappers and in their texts.
const DEEPEST: u8 = 16;
/// So much one text of a wrapper may unpack to.
const MOST_UNPACKED: u64 = 256 << 20;

/// Gives every record of a value to `each`; what is none is named with how to get the whole.
pub fn open(value: Value, each: &mut dyn FnMut(Result<Record, Problem>)) {
    let Value::Object(mut map) = value else {
        return match value {
            Value::Array(list) => list.into_iter().for_each(|value| open(value, each)),
            other => looked_into(other, each),
        };
    };
    if is_record(&map) {
        return each(Ok(Record::new(Value::Object(map))));
    }
    if is_passed_over(&map) {
        return;
    }
    for name in ["Records", "Events", "events", "logEvents", "records"] {
        if let Some(Value::Array(list)) = map.get_mut(name) {
            return std::mem::take(list).into_iter().for_each(|value| open(value, each));
        }
    }
    looked_into(Value::Object(map), each);
}

fn looked_into(value: Value, each: &mut dyn FnMut(Result<Record, Problem>)) {
    // An EventBridge event gives its record what that has not.
    if value.get("detail").is_some_and(Value::is_object) {
        return containers::open(value, each);
    }
    let mut found = Vec::new();
    look(&value, "", 0, &mut found);
    match (found.is_empty(), not_whole(&value)) {
        (false, _) => found.into_iter().for_each(|record| each(Ok(record))),
        (true, Some(message)) => {
            each(Err(Problem { line: 1, record: None, message, kind: ProblemKind::Broken }));
        }
        (true, None) => containers::open(value, each),
    }
}

fn text_of<'v>(map: &'v Map<String, Value>, name: &str) -> &'v str {
    map.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether it is a record of CloudTrail, and no row with names such as `userIdentity.arn`. S3's notifications and Kinesis' wrappers have an `eventName` too:
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html>
fn is_record(map: &Map<String, Value>) -> bool {
    let is_flat =
        || !map.contains_key("userIdentity") && map.keys().any(|key| key.starts_with("userIdentity."));
    map.contains_key("eventName") && !text_of(map, "eventSource").starts_with("aws:") && !is_flat()
}

/// Files that lie in a trail's folder and hold no records: digests and Insights events.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html>
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-insights-fields-insightdetails.html>
fn is_passed_over(map: &Map<String, Value>) -> bool {
    map.contains_key("digestStartTime") && map.contains_key("logFiles")
        || map.contains_key("insightDetails") && text_of(map, "eventType") == "AwsCloudTrailInsight"
}

/// Looks into a value, and gives the records in it. `name` is that of the member that it is.
fn look(value: &Value, name: &str, depth: u8, found: &mut Vec<Record>) {
    if depth > DEEPEST {
        return;
    }
    match value {
        Value::Array(list) => list.iter().for_each(|value| look(value, name, depth + 1, found)),
        Value::Object(map) => look_object(map, depth, found),
        Value::String(text) => look_text(text, name, depth, found),
        _ => {}
    }
}

fn look_object(map: &Map<String, Value>, depth: u8, found: &mut Vec<Record>) {
    if is_record(map) && map.get("eventName").is_some_and(Value::is_string) {
        return found.push(Record::new(Value::Object(map.clone())));
    }
    if let Some(row) = rows::record(map) {
        return found.push(Record::new(row));
    }
    if let Some(rows) = rows::of_athena(map) {
        return rows.iter().for_each(|row| look(row, "", depth + 1, found));
    }
    if map.get("detail").is_some_and(Value::is_object) {
        containers::open(Value::Object(map.clone()), &mut |item| {
            found.extend(item.ok().filter(Record::is_record))
        });
        return;
    }
    let before = found.len();
    for (name, value) in map {
        let mut here = Vec::new();
        look(value, name, depth + 1, &mut here);
        // Exports have a record in several members: whole, as a text, as fields.
        here.retain(|record| found.len() - before > 16 || !found[before..].contains(record));
        found.extend(here);
    }
}

fn look_text(text: &str, name: &str, depth: u8, found: &mut Vec<Record>) {
    let trimmed = text.trim_start();
    if trimmed.starts_with(['{', '[']) {
        let values = serde_json::Deserializer::from_str(trimmed).into_iter::<Value>();
        let before = found.len();
        values.map_while(Result::ok).for_each(|value| look(&value, name, depth + 1, found));
        if found.len() == before
            && let Ok(value) = documents::value(trimmed)
        {
            look(&value, name, depth + 1, found);
        }
    } else if let Some(begin) = trimmed.find('{').filter(|_| trimmed.contains("eventName")) {
        look_text(&trimmed[begin..], name, depth + 1, found);
    } else if name.eq_ignore_ascii_case("data")
        && let Some(text) = unpacked(trimmed)
    {
        look_text(&text, "", depth + 1, found);
    }
}

/// The text in base64, unpacked where it is gzip'd: what CloudWatch Logs, Kinesis and Firehose wrap so.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/logs/SubscriptionFilters.html>
fn unpacked(text: &str) -> Option<String> {
    let bytes = STANDARD.decode(text.trim()).ok()?;
    if !crate::files::is_gzip(&bytes) {
        return String::from_utf8(bytes).ok();
    }
    let mut text = String::new();
    let read = MultiGzDecoder::new(bytes.as_slice()).take(MOST_UNPACKED).read_to_string(&mut text);
    read.ok().map(|_| text)
}

/// How the whole is got where a record is not.
const WHOLE: &str = "read the trail's own files, or what `aws cloudtrail lookup-events` prints, or the event history that the \
                     console downloads as JSON";

/// What is missing of a record that is not whole, in a sentence; none where it is none at all.
fn not_whole(value: &Value) -> Option<String> {
    let map = value.as_object()?;
    let has = |name: &str| map.contains_key(name);
    let source = value.get("_source").unwrap_or(value);
    let in_source = |name: &str| source.get(name).is_some();
    if has("s3") && text_of(map, "eventSource") == "aws:s3" {
        return Some(
            "this is a notification of S3 and no record: it names an object; give the object itself"
                .to_owned(),
        );
    }
    if text_of(map, "eventSource") == "aws:kinesis" {
        return Some("this is a wrapper of Kinesis, and no record of CloudTrail is in its data".to_owned());
    }
    if has("class_uid") && (has("api") || has("metadata")) {
        return Some(format!(
            "this is an OCSF event (Security Lake): request and answer of the call are not in it as CloudTrail has them; {WHOLE}"
        ));
    }
    let action = source.get("event").is_some_and(|event| event.get("action").is_some());
    if in_source("event.action") || action || in_source("aws.cloudtrail.event_version") {
        return Some(format!(
            "this is a document of Elastic (ECS) without `event.original`: the record as it was is not in it; export that field \
             (`preserve_original_event`), or {WHOLE}"
        ));
    }
    let names = ["Event name", "Event source", "User name"];
    (names.iter().filter(|name| has(name)).count() >= 2).then(|| {
        format!(
            "this is a row of the CSV that the console downloads: who called by which role, request and answer are not in it; \
             {WHOLE}"
        )
    })
}
