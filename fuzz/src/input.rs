//! What the function is called with, through intake, plan and settle: batches of both queues, events of EventBridge,
//! calls, pieces of work, dead letters, and any JSON.
//!
//! Asserted: every message of a batch becomes a case or a dead letter; every record that was put in comes out, once; what
//! failed waits or is a dead letter; what is put into a queue is read again as what it was.

use super::draw::{ACCOUNT, Draw};
use serde_json::{Value, json};
use tagger_aws::{Class, Done, Failure, Outcome, Queues};
use tagger_core::{
    Policy,
    case::Case,
    settle::{self, Fate},
    work::Document,
};
use tagger_lambda::intake::Event;

/// 2026-11-24T08:30:10Z.
const NOW: u64 = 1_795_509_010;

/// One run. Bytes that begin with `{` or `[` are the input by themselves.
pub fn run(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let mut put_in = Vec::new();
    let event = match bytes.first() {
        Some(b'{' | b'[') => match serde_json::from_slice(bytes) {
            Ok(event) => event,
            Err(_) => return,
        },
        _ => drawn(&mut draw, &mut put_in),
    };
    let queues = Queues {
        retry: "https://sqs.eu-west-1.amazonaws.com/111122223333/retry".to_owned(),
        dead_letters: "https://sqs.eu-west-1.amazonaws.com/111122223333/letters".to_owned(),
        region: "eu-west-1".to_owned(),
    };
    let queues = (!draw.rarely(4)).then_some(&queues);
    let Some(taken) = opened(&event, queues) else { return };
    let is_batch = event["Records"][0]["eventSource"] == "aws:sqs" && event.get("eventName").is_none();
    let sent = event["Records"].as_array().filter(|_| is_batch).map_or(0, Vec::len);
    assert_eq!(taken.messages, sent, "messages of {event}");
    for place in 0..sent {
        let is_here = |found: Option<usize>| found == Some(place);
        let cases = taken.cases.iter().filter(|case| is_here(case.message)).count();
        let letters = taken.unreadable.iter().filter(|(found, _)| is_here(*found)).count();
        assert!(cases + letters > 0, "message {place} is lost: {event}");
    }
    for id in put_in {
        let came_out = taken.cases.iter().filter(|case| case.record.value()["eventID"] == id).count();
        assert_eq!(came_out, 1, "{id} of {event}");
    }
    for case in taken.cases {
        assert!(case.message.is_none_or(|place| place < sent), "a case of no message: {event}");
        settled(&mut draw, case);
    }
}

/// What came of an event.
#[derive(Default)]
struct Opened {
    messages: usize,
    cases: Vec<Case>,
    unreadable: Vec<(Option<usize>, String)>,
}

/// Opens an event, part by part; none where it does not ask to tag.
fn opened(event: &Value, queues: Option<&Queues>) -> Option<Opened> {
    let Event::Creations(mut intake) = Event::of(event.to_string().into(), queues, "eu-west-1", NOW) else {
        return None;
    };
    let mut opened = Opened { messages: intake.messages.len(), ..Opened::default() };
    while let Some(part) = intake.next(1) {
        opened.cases.extend(part.cases);
        opened.unreadable.extend(part.unreadable);
    }
    Some(opened)
}

/// An input of a known form, and the ids of the records in it.
fn drawn(draw: &mut Draw, put_in: &mut Vec<String>) -> Value {
    if draw.rarely(3) {
        return document(draw, put_in);
    }
    let messages = (0..1 + draw.below(5)).map(|number| {
        let body = match draw.byte() % 16 {
            14 => draw.text(),
            15 => draw.json(3).to_string(),
            _ => document(draw, put_in).to_string(),
        };
        let queue = draw.one(&["retry", "events", ""]);
        json!({
            "messageId": format!("m-{number}"), "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:eu-west-1:{ACCOUNT}:{queue}"),
            "attributes": { "ApproximateReceiveCount": draw.text(), "SentTimestamp": draw.text() },
        })
    });
    json!({ "Records": messages.collect::<Vec<_>>() })
}

/// A document with records in it.
fn document(draw: &mut Draw, put_in: &mut Vec<String>) -> Value {
    let mut record = || {
        let event = draw.event();
        let mut record = draw.record(event);
        let id = format!("e-{}", put_in.len());
        record["eventID"] = json!(id);
        put_in.push(id);
        record
    };
    let one = record();
    let reason = json!({ "class": "not-ready", "call": "x:y", "code": "z", "message": "m" });
    match draw.byte() % 8 {
        0 => one,
        1 => {
            json!({ "detail-type": "AWS API Call via CloudTrail", "account": ACCOUNT, "region": "eu-west-1", "detail": one })
        }
        2 => json!({ "Type": "Notification", "Message": json!({ "detail": one }).to_string() }),
        3 => {
            let event = draw.event();
            let mut other = draw.record(event);
            let id = format!("e-{}", put_in.len());
            other["eventID"] = json!(id);
            put_in.push(id);
            json!({ "Records": [one, other] })
        }
        4 => {
            json!({ "requestContext": { "condition": "RetriesExhausted" }, "requestPayload": { "detail": one } })
        }
        5 => json!({
            "tagger": "dead-letter", "record": one, "resources": [{ "type": "T", "arn": draw.text() }], "reason": reason,
            "since": 7, "gaveUp": 8, "tries": 2,
        }),
        6 => {
            json!({ "tagger": "work", "record": { "detail": one }, "reason": draw.json(2), "tries": draw.json(0) })
        }
        _ => {
            let arns: Vec<String> = (0..draw.below(3)).map(|_| draw.text()).collect();
            json!({
                "tagger": "work", "record": one, "resources": arns, "reason": reason, "firstSeen": number(draw),
                "tries": number(draw), "confirmed": draw.rarely(2),
                "children": [{ "parents": [draw.text()], "types": ["AWS::EC2::Volume"] }],
            })
        }
    }
}

fn number(draw: &mut Draw) -> u64 {
    draw.one(&[0, 1, NOW - 100, NOW, NOW + 100, u64::MAX])
}

/// Plans a case, lets every resource fail in some way, and settles it.
fn settled(draw: &mut Draw, mut case: Case) {
    case.decide(&Policy::default(), Some(ACCOUNT));
    let plan = &case.plan;
    let failed = |draw: &mut Draw| {
        let class = draw.one(&[
            Class::NotReady,
            Class::NotFound,
            Class::Throttled,
            Class::Denied,
            Class::Limit,
            Class::Unsupported,
            Class::Failed,
        ]);
        Outcome::Failed(Failure { passes: draw.rarely(2), ..Failure::ours(class, "x:y", "z", draw.text()) })
    };
    let mut done = case.undone.clone();
    for resource in &plan.actions {
        let outcome = if draw.rarely(3) { Outcome::Tagged } else { failed(draw) };
        let (resource_type, operation) = (resource.entry.resource_type, resource.entry.operation.name);
        done.push(Done {
            resource_type,
            arn: resource.arn.clone(),
            operation,
            parent: None,
            inherited: None,
            left_out: Vec::new(),
            outcome,
        });
    }
    for children in &plan.children {
        for (parent, entry) in children.parents.iter().zip(&children.entries) {
            let (arn, parent) = (parent.arn.clone(), Some(parent.arn.clone()));
            let (resource_type, operation) = (entry.resource_type, entry.operation.name);
            let (inherited, left_out, outcome) = (None, Vec::new(), failed(draw));
            done.push(Done { resource_type, arn, operation, parent, inherited, left_out, outcome });
        }
    }
    let record = &case.record;
    let settlement = settle::settle(&case, &done, NOW);
    assert_eq!(settlement.fates.len(), done.len());
    for (done, fate) in done.iter().zip(&settlement.fates) {
        let in_letters = settlement
            .letters
            .iter()
            .any(|letter| letter.resources.iter().any(|named| named.arn == done.arn));
        let in_works = settlement.works.iter().any(|(work, _)| {
            (done.arn.is_empty() && work.resources.is_empty() && work.children.is_empty())
                || work.resources.contains(&done.arn)
                || work.children.iter().any(|search| search.parents.contains(&done.arn))
        });
        match fate {
            Fate::GivenUp => assert!(in_letters, "{} is given up without a dead letter", done.arn),
            Fate::Waits(_) => assert!(settlement.again.is_some() || in_works, "{} waits nowhere", done.arn),
            Fate::Done => assert!(matches!(done.outcome, Outcome::Tagged), "{} is not done", done.arn),
            Fate::Gone => {}
        }
    }
    assert!(settlement.again.is_none_or(|seconds| seconds <= 43_200), "longer than SQS hides a message");
    assert!(settlement.works.iter().all(|(_, delay)| *delay <= 900), "longer than SQS delays a message");
    let letters = settlement.letters.into_iter().map(Document::DeadLetter);
    for document in letters.chain(settlement.works.into_iter().map(|(work, _)| Document::Work(work))) {
        let text = document.text();
        let read: Document = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read, document);
        let body = json!({ "eventSource": "aws:sqs", "messageId": "m", "body": text });
        let again = opened(&json!({ "Records": [body] }), None).unwrap_or_default();
        let found: Vec<&Value> = again.cases.iter().map(|case| case.record.value()).collect();
        assert_eq!(found, [record.value()], "{text}");
    }
}
