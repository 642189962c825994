//! Before step 1: what one JSON value holds. Envelopes, batches and exports are opened until records
//! come out; anything of no known kind counts as a bare record, and is answered with `not-a-record`.

use crate::{
    documents::{Problem, ProblemKind},
    json,
    record::Record,
};
use serde_json::{Map, Value};

/// How deep documents may stand inside documents as texts (SQS body → SNS message → EventBridge event).
const MOST_NESTING: u8 = 4;

/// The records in one JSON value, in order.
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

/// Gives every record of a value to `each`.
pub fn open(value: Value, each: &mut dyn FnMut(Result<Record, Problem>)) {
    unpack(value, 0, each);
}

/// Gives every record of a value to `each`. `depth` counts the texts that were opened on the way.
pub(crate) fn unpack(value: Value, depth: u8, each: &mut dyn FnMut(Result<Record, Problem>)) {
    match value {
        Value::Array(list) => list.into_iter().for_each(|value| unpack(value, depth, each)),
        Value::Object(map) => unpack_object(map, depth, each),
        Value::String(text) if text.trim_start().starts_with('{') => nested(&text, depth, each),
        other => each(Ok(Record::new(other))),
    }
}

fn unpack_object(mut map: Map<String, Value>, depth: u8, each: &mut dyn FnMut(Result<Record, Problem>)) {
    // A record may have members of any name; it is opened no further.
    if map.contains_key("eventName") {
        return each(Ok(Record::new(Value::Object(map))));
    }
    // The last ones are of CloudWatch Logs, a subscription's and what its calls answer, and of CloudTrail Lake:
    // <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
    // <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>
    // <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_GetQueryResults.html>
    for name in ["Records", "Events", "events", "logEvents", "QueryResultRows"] {
        if let Some(list @ (Value::Array(_) | Value::Object(_))) = map.get_mut(name) {
            return unpack(list.take(), depth, each);
        }
    }
    // A letter of Lambda's on-failure destination holds the event that failed:
    // <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
    if let Some(payload) = map.get_mut("requestPayload") {
        return unpack(payload.take(), depth, each);
    }
    // What this tool wrote into its own queues, `crate::work`, holds the record.
    if matches!(map.get("tagger"), Some(Value::String(_)))
        && let Some(record) = map.get_mut("record")
    {
        return unpack(record.take(), depth, each);
    }
    let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    let event_source = text(map.get("eventSource").or_else(|| map.get("EventSource"))).unwrap_or_default();
    let inner = match event_source.as_str() {
        "aws:sqs" => text(map.get("body")),
        "aws:sns" => text(map.get("Sns").map(|sns| json::member(sns, "Message"))),
        // SNS in SQS without raw delivery, and one event of LookupEvents.
        _ if text(map.get("Type")).as_deref() == Some("Notification") => text(map.get("Message")),
        _ => ["CloudTrailEvent", "eventJson", "message", "@message"]
            .iter()
            .find_map(|name| text(map.get(*name)).filter(|text| text.trim_start().starts_with('{')))
            .or_else(|| text(map.get("CloudTrailEvent"))),
    };
    if let Some(inner) = inner {
        return nested(&inner, depth, each);
    }
    match map.remove("detail") {
        Some(detail @ Value::Object(_)) => each(Ok(from_envelope(Value::Object(map), detail))),
        Some(Value::String(text)) => nested(&text, depth, each),
        Some(other) => {
            map.insert("detail".to_owned(), other);
            each(Ok(Record::new(Value::Object(map))));
        }
        None => each(Ok(Record::new(Value::Object(map)))),
    }
}

/// A document that stands in another one as a text.
fn nested(text: &str, depth: u8, each: &mut dyn FnMut(Result<Record, Problem>)) {
    let problem = |message: String| Problem { line: 1, record: None, message, kind: ProblemKind::Broken };
    if depth >= MOST_NESTING {
        return each(Err(problem("messages inside messages inside messages; stopped".to_owned())));
    }
    match serde_json::from_str(text) {
        Ok(value) => unpack(value, depth + 1, each),
        Err(error) => {
            each(Err(problem(format!("the message's text is not JSON: {error}; expected an event"))))
        }
    }
}

/// The record in an EventBridge event. Account and region are also in the envelope and are taken
/// from there when the record has none.
fn from_envelope(envelope: Value, mut detail: Value) -> Record {
    if let Value::Object(map) = &mut detail {
        for (outer, inner) in [("account", "recipientAccountId"), ("region", "awsRegion")] {
            if let (None | Some(Value::Null), Some(text)) =
                (map.get(inner), json::member_text(&envelope, outer))
            {
                map.insert(inner.to_owned(), Value::String(text.into_owned()));
            }
        }
    }
    Record::new(detail).in_envelope(envelope)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_queues_is_opened_to_its_record() {
        use crate::work::{DeadLetter, Document, Work};
        let record = serde_json::json!({"eventName": "CreateQueue", "eventSource": "sqs.amazonaws.com"});
        let reason = crate::outcome::Failure::of("sqs:TagQueue", "AccessDenied", "no", None);
        let work = Document::Work(Work { record: record.clone().into(), first_seen: 7, ..Work::default() });
        let (resources, since, gave_up, tries) = (Vec::new(), 7, 8, 2);
        let letter = DeadLetter { record: record.clone().into(), resources, reason, since, gave_up, tries };
        for document in [work, Document::DeadLetter(letter)] {
            let received = serde_json::json!({"Messages": [{"Body": document.text()}]});
            let body = received["Messages"][0]["Body"].as_str().unwrap();
            assert_eq!(serde_json::from_str::<Document>(body).unwrap(), document);
            let found = records_in(serde_json::from_str(body).unwrap()).remove(0).unwrap();
            assert_eq!(found.value(), &record, "{body}");
        }
    }

    #[test]
    fn records_that_stand_in_logs_as_texts() {
        let record = serde_json::json!({"eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue"});
        let text = record.to_string();
        let event = serde_json::json!({"timestamp": 1, "message": text, "id": "37"});
        for (what, value) in [
            ("filter-log-events", serde_json::json!({"events": [event], "searchedLogStreams": []})),
            ("get-log-events", serde_json::json!({"events": [event], "nextForwardToken": "f/1"})),
            ("a subscription", serde_json::json!({"messageType": "DATA_MESSAGE", "logEvents": [event]})),
            ("an event of one", event.clone()),
            (
                "Lake",
                serde_json::json!({"QueryStatus": "FINISHED", "QueryResultRows": [[{"eventJson": text}]]}),
            ),
            ("Insights, a row", serde_json::json!({"@timestamp": "2026-11-24", "@message": text})),
        ] {
            let found: Vec<_> = records_in(value).into_iter().map(Result::unwrap).collect();
            assert_eq!(found.len(), 1, "{what}");
            assert_eq!(found[0].value(), &record, "{what}");
        }
        // A log's line that is no record stays what it is.
        let found = records_in(serde_json::json!({"events": [{"message": "START RequestId: 1"}]}));
        assert!(!found[0].as_ref().unwrap().is_record(), "{found:?}");
    }

    #[test]
    fn the_envelope_gives_account_and_region_where_the_record_has_none() {
        let value = serde_json::json!({"account": "111122223333", "region": "eu-west-1", "detail": {"awsRegion": "us-east-1"}});
        let record = records_in(value).remove(0).unwrap();
        assert_eq!(record.account().as_deref(), Some("111122223333"));
        assert_eq!(record.region().as_deref(), Some("us-east-1"));
        let again = Record::new(record.stored().as_ref().clone());
        assert_eq!(again, record, "what waits keeps the event around it");
    }
}
