//! What an event holds: the records to try, each with what is known of its history. Pure.
//!
//! An event is a call of the function or a batch of a queue; a message holds a piece of work that this
//! function wrote, or whatever `tagger_core::containers` opens.

use crate::origin::{event_time, guard};
use serde_json::Value;
use tagger_aws::Queues;
use tagger_core::{
    Record,
    case::{Came, Case},
    containers,
    work::{Document, Work},
};

/// A message of a batch.
#[derive(Debug)]
pub struct Message {
    /// By which the answer names it.
    pub id: String,
    /// By which it is postponed.
    pub receipt: String,
    /// Its text.
    pub body: String,
    /// How often it has been received, with this time.
    pub receives: u64,
    /// When it was sent, in seconds since 1970.
    pub sent: u64,
    /// Whether it is of the retry queue.
    waits: bool,
}

/// What an event holds.
#[derive(Debug, Default)]
pub struct Intake {
    /// Its messages, if it is a queue's batch.
    pub messages: Vec<Message>,
    /// The records.
    pub cases: Vec<Case>,
    /// What cannot be read, each with the place of its message.
    pub unreadable: Vec<(Option<usize>, String)>,
}

/// Opens an event. A record that states no region is of the function's own, to which events come.
pub fn open(event: Value, queues: Option<&Queues>, region: &str, now: u64) -> Intake {
    let Intake { mut messages, mut cases, mut unreadable } = Intake::default();
    let mut add = |value: Value, place: Option<usize>, message: Option<&Message>| {
        let (sent, receives) = message.map_or((now, 1), |message| (message.sent, message.receives));
        let waits = message.is_some_and(|message| message.waits);
        let case = |record: Record, work: Option<Work>, alone: bool| {
            let confirmed = work.as_ref().is_some_and(|work| work.confirmed);
            let first_seen = work.as_ref().map(|work| work.first_seen).filter(|seen| *seen > 0);
            let record = record.in_region(region);
            let event_time = event_time(&record);
            Case {
                message: place,
                tries: work.as_ref().map_or(0, |work| work.tries).saturating_add(receives),
                came: if waits && alone { Came::Waiting } else { Came::Once },
                work,
                ..Case::new(record, event_time, first_seen.unwrap_or(sent), guard(queues, confirmed))
            }
        };
        if let Some(work) = piece_of_work(&value) {
            // Somebody may have put the whole event there.
            let records = containers::records_in(work.record.clone());
            let alone = records.len() == 1;
            for record in records {
                match record {
                    Ok(record) => cases.push(case(record, Some(work.clone()), alone)),
                    Err(problem) => unreadable.push((place, problem.to_string())),
                }
            }
            return;
        }
        let records = containers::records_in(value);
        let alone = records.len() == 1;
        for record in records {
            match record {
                Ok(record) => cases.push(case(record, None, alone)),
                Err(problem) => unreadable.push((place, problem.to_string())),
            }
        }
    };
    if !is_batch(&event) {
        add(event, None, None);
        return Intake { messages, cases, unreadable };
    }
    for value in event["Records"].as_array().into_iter().flatten() {
        let message = message(value, queues, now);
        let body =
            serde_json::from_str::<Value>(&message.body).ok().filter(|body| piece_of_work(body).is_some());
        add(body.unwrap_or_else(|| value.clone()), Some(messages.len()), Some(&message));
        messages.push(message);
    }
    // A message in which there is nothing is no creation that was dealt with: its sender meant something.
    let mut holds = vec![false; messages.len()];
    let places = cases.iter().map(|case| case.message).chain(unreadable.iter().map(|(place, _)| *place));
    places.flatten().for_each(|place| holds[place] = true);
    for place in (0..messages.len()).filter(|place| !holds[*place]) {
        unreadable.push((Some(place), "the message holds no record; expected an event".to_owned()));
    }
    Intake { messages, cases, unreadable }
}

fn is_batch(event: &Value) -> bool {
    let first = event["Records"].as_array().and_then(|messages| messages.first());
    first.is_some_and(|message| message["eventSource"] == "aws:sqs")
}

fn piece_of_work(value: &Value) -> Option<Work> {
    if value["tagger"] != "work" {
        return None;
    }
    match serde_json::from_value(value.clone()) {
        Ok(Document::Work(work)) => Some(work),
        _ => None,
    }
}

/// Shape: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
fn message(value: &Value, queues: Option<&Queues>, now: u64) -> Message {
    let text = |name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let number = |name: &str| value["attributes"][name].as_str().and_then(|text| text.parse::<u64>().ok());
    let name = |place: &str, separator| place.rsplit(separator).next().unwrap_or_default().to_owned();
    let queue = name(&text("eventSourceARN"), ':');
    Message {
        id: text("messageId"),
        receipt: text("receiptHandle"),
        body: text("body"),
        receives: number("ApproximateReceiveCount").unwrap_or(1),
        sent: number("SentTimestamp").map_or(now, |millis| millis / 1000),
        waits: !queue.is_empty() && queues.is_some_and(|queues| name(&queues.retry, '/') == queue),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn batch(body: &str) -> Value {
        json!({ "Records": [{ "messageId": "m", "eventSource": "aws:sqs", "body": body }] })
    }

    #[test]
    fn a_message_without_a_record_is_a_letter_and_not_done() {
        for body in
            ["", "[]", r#"{"Records":[]}"#, r#"{"Events":{}}"#, "[[],[]]", r#"{"tagger":"work","record":[]}"#]
        {
            let taken = open(batch(body), None, "", 7);
            assert_eq!(taken.messages.len(), 1, "{body}");
            let accounted = taken.cases.len() + taken.unreadable.len();
            assert_eq!(accounted, 1, "{body}: {:?} {:?}", taken.cases, taken.unreadable);
        }
    }

    #[test]
    fn a_piece_of_work_of_any_number_of_tries_is_taken() {
        let work = format!(r#"{{"tagger":"work","record":{{"eventName":"x"}},"tries":{}}}"#, u64::MAX);
        assert_eq!(open(batch(&work), None, "", 7).cases[0].tries, u64::MAX);
    }
}
