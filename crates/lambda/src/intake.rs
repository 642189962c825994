//! What an event holds: its messages, and the records to try, each with what is known of its history. Pure.
//!
//! An event is a call of the function or a batch of a queue; a message holds a piece of work that this
//! function wrote, or whatever `tagger_core::containers` opens.
//!
//! A batch holds some megabytes, and many small values take a hundred times their text once they are opened. So all is held
//! as text and opened part by part, once each.

use crate::{
    origin::{event_time, guard},
    tag_changes,
};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{collections::VecDeque, ops::Range, rc::Rc};
use tagger_aws::Queues;
use tagger_core::{
    case::{Came, Case},
    containers, documents,
    patience::Guard,
    reconcile::Ask,
    work::{Document, Work},
};

/// The most memory, in bytes, that what is opened at a time may take; and a single text, which is more than a record of
/// CloudTrail's 256 KB or a message of SQS's 1 MiB can come to. The function has 256 MB.
const PART: usize = 24 << 20;
const TEXT: usize = 110 << 20;
/// The most records in one text.
const RECORDS: usize = 5_000;
/// An event that asks for something else than to tag is short.
const SHORT: usize = 4_096;

/// What the function is asked.
#[derive(Debug)]
pub enum Event {
    /// To go over the event history.
    Reconcile(Ask),
    /// To look at changes of the creator's tag.
    TagChanges(Value),
    /// To tag what was created.
    Creations(Intake),
}

impl Event {
    /// Reads the top of an event.
    pub fn of(text: Box<str>, queues: Option<&Queues>, region: &str, now: u64) -> Self {
        let asks = ["\"reconcile\"", "\"backfill\""].iter().any(|word| text.contains(word));
        let short = (text.len() < SHORT && asks).then(|| serde_json::from_str(&text));
        if let Some(ask) = short.and_then(Result::ok).as_ref().and_then(Ask::of) {
            return Event::Reconcile(ask);
        }
        let list = documents::list(text.as_bytes()).map(|(list, _)| list).unwrap_or_default();
        let first = list.first().map(|first| Envelope::of(first)).unwrap_or_default();
        if tag_changes::is_queue(&first.text(first.event_source_arn)) {
            return Event::TagChanges(serde_json::from_str(&text).unwrap_or_default());
        }
        let messages: Vec<Message> = match first.text(first.event_source) == "aws:sqs" {
            true => list.into_iter().map(|one| message(one, queues, now)).collect(),
            false => Vec::new(),
        };
        let of_message =
            |(place, message): (usize, &Message)| Text { place: Some(place), at: 0..message.body.len() };
        let mut closed: VecDeque<Text> = messages.iter().enumerate().map(of_message).collect();
        let mut event = Box::default();
        if closed.is_empty() {
            closed.push_back(Text { place: None, at: 0..text.len() });
            event = text;
        }
        Event::Creations(Intake {
            messages: messages.into(),
            event,
            closed,
            now,
            guard: guard(queues, false),
            region: region.to_owned(),
        })
    }
}

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
#[derive(Debug)]
pub struct Intake {
    /// Its messages, if it is a queue's batch.
    pub messages: Rc<[Message]>,
    /// The event, if it is none.
    event: Box<str>,
    /// What is not opened yet.
    closed: VecDeque<Text>,
    now: u64,
    guard: Guard,
    /// The function's: a record that states no region is of its own, to which events come.
    region: String,
}

/// A text that is not opened yet: a part of a message, or of the event.
#[derive(Debug)]
struct Text {
    place: Option<usize>,
    at: Range<usize>,
}

/// What was opened.
#[derive(Debug, Default)]
pub struct Part {
    /// The records.
    pub cases: Vec<Case>,
    /// What cannot be read, each with the place of its message.
    pub unreadable: Vec<(Option<usize>, String)>,
}

impl Intake {
    /// The messages of which something is not opened yet.
    pub fn closed(&self) -> impl Iterator<Item = usize> {
        self.closed.iter().filter_map(|text| text.place)
    }

    /// Opens the next records, so many or some more, as far as they may be held open together; none at the end.
    pub fn next(&mut self, most: usize) -> Option<Part> {
        self.closed.front()?;
        let (mut part, mut weight) = (Part::default(), 0);
        while part.cases.len() < most
            && let Some(text) = self.closed.front()
        {
            let text = self.text(text);
            let its = weigh(text);
            if weight > 0 && weight + its > PART {
                break;
            }
            weight += its;
            let Some(Text { place, at }) = self.closed.pop_front() else { break };
            let read = if its > TEXT { self.split(place, at) } else { self.open(place, at, &mut part.cases) };
            part.unreadable.extend(read.err().map(|problem| (place, problem)));
        }
        Some(part)
    }

    fn text(&self, text: &Text) -> &str {
        let whole = text.place.map_or(&*self.event, |place| &self.messages[place].body);
        &whole[text.at.clone()]
    }

    /// What is too much to be opened at once, and holds a list of records, is opened one by one.
    fn split(&mut self, place: Option<usize>, at: Range<usize>) -> Result<(), String> {
        let text = self.text(&Text { place, at: at.clone() });
        let (list, _) =
            documents::list(text.as_bytes()).filter(|(list, _)| list.len() <= RECORDS).ok_or(TOO_MUCH)?;
        let begin = |one: &RawValue| at.start + (one.get().as_ptr() as usize - text.as_ptr() as usize);
        let parts = list.into_iter().map(|one| Text { place, at: begin(one)..begin(one) + one.get().len() });
        let parts: Vec<Text> = parts.collect();
        parts.into_iter().rev().for_each(|part| self.closed.push_front(part));
        Ok(())
    }

    /// Opens a text. What cannot be read of it is told once: it is a dead letter as a whole.
    fn open(&self, place: Option<usize>, at: Range<usize>, cases: &mut Vec<Case>) -> Result<(), String> {
        let message = place.map(|place| &self.messages[place]);
        let (sent, receives) = message.map_or((self.now, 1), |message| (message.sent, message.receives));
        let broken = |error| format!("the message's text is not JSON: {error}; expected an event");
        let value = documents::value(self.text(&Text { place, at })).map_err(broken)?;
        let (work, value) = piece_of_work(value);
        let (mut records, mut problem) = (Vec::new(), None);
        containers::open(value, &mut |record| match record {
            Ok(_) if records.len() == RECORDS => problem = Some(TOO_MUCH.to_owned()),
            Ok(record) => records.push(record),
            Err(broken) => problem = problem.take().or(Some(broken.to_string())),
        });
        let before = cases.len();
        let alone = records.len() == 1;
        for record in records {
            if let Some(unknown) = record.unknown_shape() {
                problem = problem.or(Some(unknown));
                continue;
            }
            let confirmed = work.as_ref().is_some_and(|work| work.confirmed);
            let first_seen = work.as_ref().map(|work| work.first_seen).filter(|seen| *seen > 0);
            let record = record.in_region(&self.region);
            let event_time = event_time(&record);
            let guard = if confirmed && self.guard == Guard::Strict { Guard::Confirmed } else { self.guard };
            let waits = alone && message.is_some_and(|message| message.waits);
            cases.push(Case {
                message: place,
                tries: work.as_ref().map_or(0, |work| work.tries).saturating_add(receives),
                came: if waits { Came::Waiting } else { Came::Once },
                work: work.clone(),
                ..Case::new(record, event_time, first_seen.unwrap_or(sent), guard)
            });
        }
        match problem {
            Some(problem) => Err(problem),
            // A message in which there is nothing is no creation that was dealt with: its sender meant something.
            None if cases.len() == before && place.is_some() => {
                Err("the message holds no record; expected an event".to_owned())
            }
            None => Ok(()),
        }
    }
}

const TOO_MUCH: &str =
    "it holds more values than a record of CloudTrail can; expected an event, or a list of some thousand";

/// How much memory a text of JSON takes at most, about, once it is opened: an object's node has room for eleven members,
/// and a list grows by doubling.
fn weigh(text: &str) -> usize {
    let next = text.as_bytes().iter().skip(1).chain(b" ");
    let of = |(byte, next): (u8, &u8)| match byte {
        b'{' if *next != b'}' => 680,
        b',' => 96,
        b'[' => 48,
        _ => 1,
    };
    text.bytes().zip(next).map(of).sum()
}

/// The members of a message, each as its text: <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Envelope<'t> {
    #[serde(borrow)]
    message_id: Option<&'t RawValue>,
    #[serde(borrow)]
    receipt_handle: Option<&'t RawValue>,
    #[serde(borrow)]
    body: Option<&'t RawValue>,
    #[serde(borrow)]
    event_source: Option<&'t RawValue>,
    #[serde(borrow, rename = "eventSourceARN")]
    event_source_arn: Option<&'t RawValue>,
    attributes: Attributes<'t>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Attributes<'t> {
    #[serde(borrow)]
    approximate_receive_count: Option<&'t RawValue>,
    #[serde(borrow)]
    sent_timestamp: Option<&'t RawValue>,
}

impl<'t> Envelope<'t> {
    fn of(message: &'t RawValue) -> Self {
        serde_json::from_str(message.get()).unwrap_or_default()
    }

    fn text(&self, member: Option<&RawValue>) -> String {
        member.and_then(|text| serde_json::from_str(text.get()).ok()).unwrap_or_default()
    }
}

fn message(value: &RawValue, queues: Option<&Queues>, now: u64) -> Message {
    let envelope = Envelope::of(value);
    let text = |member| envelope.text(member);
    let number = |member| text(member).parse::<u64>().ok();
    let name = |place: &str, separator| place.rsplit(separator).next().unwrap_or_default().to_owned();
    let queue = name(&text(envelope.event_source_arn), ':');
    let body = envelope.body.and_then(|body| match documents::value(body.get()) {
        Ok(Value::String(body)) => Some(body),
        _ => None,
    });
    Message {
        id: text(envelope.message_id),
        receipt: text(envelope.receipt_handle),
        // What is none of SQS's messages is told as it is.
        body: body.unwrap_or_else(|| value.get().to_owned()),
        receives: number(envelope.attributes.approximate_receive_count).unwrap_or(1),
        sent: number(envelope.attributes.sent_timestamp).map_or(now, |millis| millis / 1000),
        waits: !queue.is_empty() && queues.is_some_and(|queues| name(&queues.retry, '/') == queue),
    }
}

/// The piece of work in a value, and the record, which somebody may have put there in its whole event.
fn piece_of_work(mut value: Value) -> (Option<Work>, Value) {
    if value["tagger"] != "work" || value.get("record").is_none() {
        return (None, value);
    }
    let record = value["record"].take();
    match serde_json::from_value(value) {
        Ok(Document::Work(work)) => (Some(work), record),
        _ => (None, record),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn open(event: &Value) -> (Intake, Vec<Part>) {
        let Event::Creations(mut intake) = Event::of(event.to_string().into(), None, "", 7) else {
            panic!("{event}")
        };
        let parts = std::iter::from_fn(|| intake.next(500)).collect();
        (intake, parts)
    }

    fn batch(bodies: &[&str]) -> Value {
        let message = |body: &&str| json!({ "messageId": "m", "eventSource": "aws:sqs", "body": body });
        json!({ "Records": bodies.iter().map(message).collect::<Vec<_>>() })
    }

    #[test]
    fn a_message_without_a_record_is_a_letter_and_not_done() {
        for body in [
            "",
            "[]",
            r#"{"Records":[]}"#,
            r#"{"Events":{}}"#,
            "[[],[]]",
            "[1,2]",
            r#"{"tagger":"work","record":[]}"#,
        ] {
            let (intake, parts) = open(&batch(&[body]));
            assert_eq!(intake.messages.len(), 1, "{body}");
            let (cases, unreadable) = (&parts[0].cases, &parts[0].unreadable);
            assert_eq!((cases.len(), unreadable.len()), (0, 1), "{body}: {cases:?} {unreadable:?}");
        }
    }

    #[test]
    fn a_piece_of_work_of_any_number_of_tries_is_taken() {
        let work = format!(
            r#"{{"tagger":"work","record":{{"eventSource":"x","eventName":"x"}},"tries":{}}}"#,
            u64::MAX
        );
        assert_eq!(open(&batch(&[&work])).1[0].cases[0].tries, u64::MAX);
    }

    /// The records of a batch of 6 MB that were open together took 430 MB.
    #[test]
    fn what_takes_much_memory_is_opened_part_by_part() {
        let record = |rest: &str| {
            format!(r#"{{"eventSource":"x","eventName":"x","requestParameters":{{"l":[{rest}]}}}}"#)
        };
        let small = record(&vec![r#"{"":0}"#; 30_000].join(","));
        let (_, parts) = open(&batch(&[&small, &small, "x", &small]));
        let found: Vec<_> = parts.iter().map(|part| (part.cases.len(), part.unreadable.len())).collect();
        assert_eq!(found, [(1, 0), (1, 1), (1, 0)], "expected each of the large ones alone");
        let list = format!("[{}]", [small.as_str(); 8].join(","));
        let (_, parts) = open(&serde_json::from_str(&list).unwrap());
        assert_eq!(parts.iter().map(|part| part.cases.len()).sum::<usize>(), 8, "a list too large is split");
        let huge = record(&vec![r#"{"":0}"#; 300_000].join(","));
        let (_, parts) = open(&batch(&[&huge]));
        assert_eq!((parts[0].cases.len(), parts[0].unreadable.len()), (0, 1), "a record too large is told");
    }
}
