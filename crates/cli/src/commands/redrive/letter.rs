//! What a message of the dead letters says: why, about what, since when; and the piece of work that it becomes.
//!
//! A dead letter is written by the function, by Lambda, by SQS or by EventBridge, each in a form of its own. Pure: a message
//! comes in, a dead letter goes out, and nothing is decided about it here.

use serde_json::Value;
use std::collections::BTreeSet;
use tagger_aws::account::letters::Message;
use tagger_core::{
    Policy,
    arn::Arn,
    containers,
    outcome::Failure,
    work::{Document, Work},
};

/// The code of a dead letter about a resource of which nothing tells whether it is still the same one.
pub const UNCERTAIN: &str = "resource-uncertain";
/// The code of a message in which there is no record.
pub const UNREADABLE: &str = "not-a-record";

/// Why something was given up.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Why {
    /// The class, as in the log; `undelivered` where a rule could not deliver.
    pub class: String,
    /// What denied it, where the class is `denied`.
    pub by: Option<&'static str>,
    /// AWS's code, or what stands in its place.
    pub code: String,
    /// The call that failed; empty where it was none.
    pub call: String,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The message's id.
    pub message: String,
    /// CloudTrail's id of the event; empty where there is none.
    pub event: String,
    /// Why.
    pub why: Why,
    /// What AWS, or whoever gave up, said.
    pub words: String,
    /// The service, as `--service` takes it.
    pub service: String,
    /// The types of the resources; else the event's name.
    pub about: String,
    /// One of the resources; empty where none is known.
    pub example: String,
    /// When the event was first seen, seconds since 1970.
    pub since: u64,
    /// Why it cannot go back, where it cannot.
    pub broken: Option<String>,
}

/// The piece of work that a message becomes: the whole record anew, since planning twice changes nothing. It has been
/// seen and tried by nobody yet, so that it may wait as long as a new one.
///
/// # Errors
/// There is no record in it; the sentence says what there is.
pub fn work(body: &str, confirmed: bool) -> Result<Work, String> {
    let value: Value = serde_json::from_str(body).map_err(|error| format!("it is no JSON: {error}"))?;
    let work = match of_ours(&value) {
        // What of it was done already is left out, as it was.
        Some(Document::Work(work)) => {
            Work { first_seen: 0, tries: 0, confirmed: confirmed || work.confirmed, ..work }
        }
        Some(Document::DeadLetter(letter)) => {
            Work { record: letter.record, reason: Some(letter.reason), confirmed, ..Work::default() }
        }
        None => {
            let record = value.get("requestPayload").cloned().unwrap_or(value);
            Work { record: record.into(), confirmed, ..Work::default() }
        }
    };
    let records = containers::records_in(Value::clone(&work.record));
    for record in &records {
        match record {
            Ok(record) => record.unknown_shape().map_or(Ok(()), Err)?,
            Err(problem) => return Err(problem.to_string()),
        }
    }
    if records.is_empty() { Err("there is no record in it".to_owned()) } else { Ok(work) }
}

/// Reads a message.
pub fn open(message: &Message) -> Letter {
    let value: Value = serde_json::from_str(&message.body).unwrap_or(Value::Null);
    let (why, words) = why(&value, message);
    let mut letter = Letter {
        message: message.id.clone(),
        event: String::new(),
        why,
        words,
        service: String::new(),
        about: String::new(),
        example: String::new(),
        since: message.sent,
        broken: None,
    };
    let (mut types, mut arns) = (BTreeSet::new(), Vec::new());
    match of_ours(&value) {
        Some(Document::DeadLetter(found)) => {
            letter.since = found.since;
            types.extend(found.resources.iter().map(|named| named.r#type.clone()));
            arns.extend(found.resources.into_iter().map(|named| named.arn));
        }
        Some(Document::Work(found)) if found.first_seen > 0 => letter.since = found.first_seen,
        _ => {}
    }
    match work(&message.body, false) {
        Ok(work) => {
            let records: Vec<_> =
                containers::records_in(Value::clone(&work.record)).into_iter().flatten().collect();
            for record in &records {
                if letter.event.is_empty() {
                    letter.event = record.text("eventID").unwrap_or_default().into_owned();
                    letter.service = service(&record.event_source()).to_owned();
                }
                if types.is_empty() {
                    let mut plan = tagger_core::plan(record, &Policy::default(), None);
                    work.narrow(&mut plan);
                    let children = plan.children.iter().flat_map(|children| &children.entries);
                    types.extend(children.map(|entry| entry.resource_type.to_owned()));
                    types.extend(plan.actions.iter().map(|action| action.entry.resource_type.to_owned()));
                    arns.extend(plan.actions.into_iter().map(|action| action.arn));
                }
            }
            if types.is_empty() {
                types.extend(records.iter().map(|record| record.event_name()));
            }
        }
        Err(sentence) => {
            letter.why.code = UNREADABLE.to_owned();
            letter.broken = Some(sentence);
        }
    }
    letter.about = types.into_iter().collect::<Vec<_>>().join(", ");
    letter.example = arns.into_iter().next().unwrap_or_default();
    letter
}

/// A service as people write it.
pub fn service(source: &str) -> &str {
    source.split('.').next().unwrap_or_default()
}

/// What this tool wrote.
fn of_ours(value: &Value) -> Option<Document> {
    value.get("tagger")?;
    serde_json::from_value(value.clone()).ok()
}

/// Why, and in whose words.
fn why(value: &Value, message: &Message) -> (Why, String) {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let plain = |class: &str, code: String| Why { class: class.to_owned(), code, ..Why::default() };
    let of = |failure: &Failure| {
        let why = Why {
            class: failure.class.as_str().to_owned(),
            by: failure.by.map(tagger_core::outcome::By::as_str),
            code: failure.code.clone(),
            call: failure.call.clone(),
        };
        (why, failure.message.clone())
    };
    match of_ours(value) {
        Some(Document::DeadLetter(letter)) => return of(&letter.reason),
        // SQS moved it after so many receives; what it waited for at first is all that it says.
        Some(Document::Work(Work { reason: Some(reason), .. })) => return of(&reason),
        _ => {}
    }
    // https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    if value.get("requestPayload").is_some() {
        let condition = text(&value["requestContext"]["condition"]);
        return (plain("failed", condition), text(&value["responsePayload"]["errorMessage"]));
    }
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
    if let Some(code) = message.attributes.get("ERROR_CODE") {
        let words = message.attributes.get("ERROR_MESSAGE").cloned().unwrap_or_default();
        return (plain("undelivered", code.clone()), words);
    }
    match &message.came_from {
        Some(queue) => {
            let queue = Arn::parse(queue).map_or(queue.as_str(), |arn| arn.path());
            (plain("failed", "MaxReceives".to_owned()), format!("it was received from {queue} too often"))
        }
        None => (plain("failed", String::new()), String::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record() -> Value {
        json!({"eventVersion": "1.10", "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "eventID": "e-1",
            "eventTime": "2026-11-24T08:30:00Z", "awsRegion": "eu-west-1", "recipientAccountId": "111122223333",
            "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/alice", "accountId": "111122223333"},
            "requestParameters": {"queueName": "jobs"},
            "responseElements": {"queueUrl": "https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}})
    }

    #[test]
    fn each_form_is_opened() {
        let reason = json!({"class": "denied", "by": "service-control-policy", "call": "sqs:TagQueue",
            "code": "AccessDenied", "message": "no"});
        let arn = "arn:aws:sqs:eu-west-1:111122223333:jobs";
        let letter = json!({"tagger": "dead-letter", "record": record(), "reason": reason, "since": 5, "gaveUp": 6, "tries": 2,
            "resources": [{"type": "AWS::SQS::Queue", "arn": arn}]});
        let waited = json!({"tagger": "work", "record": record(), "resources": [arn], "reason": reason, "firstSeen": 7, "tries": 3});
        let lambda = json!({"requestPayload": {"detail": record(), "account": "111122223333"},
            "requestContext": {"condition": "RetriesExhausted"}, "responsePayload": {"errorMessage": "out of time"}});
        let event = json!({"source": "aws.sqs", "detail": record()});
        let undelivered = [("ERROR_CODE", "NO_PERMISSIONS"), ("ERROR_MESSAGE", "may not")];
        let moved = Some("arn:aws:sqs:eu-west-1:111122223333:auto-resource-tagger-events".to_owned());
        for (form, body, attributes, came_from, why, words, since) in [
            ("function", &letter, &[][..], None, ("denied", "AccessDenied"), "no", 5),
            ("waited", &waited, &[], moved.clone(), ("denied", "AccessDenied"), "no", 7),
            ("lambda", &lambda, &[], None, ("failed", "RetriesExhausted"), "out of time", 9),
            ("undelivered", &event, &undelivered, None, ("undelivered", "NO_PERMISSIONS"), "may not", 9),
            (
                "moved",
                &event,
                &[],
                moved,
                ("failed", "MaxReceives"),
                "it was received from auto-resource-tagger-events too often",
                9,
            ),
        ] {
            let attributes =
                attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let message = Message {
                id: "m".to_owned(),
                body: body.to_string(),
                sent: 9,
                attributes,
                came_from,
                ..Message::default()
            };
            let found = open(&message);
            assert_eq!((found.why.class.as_str(), found.why.code.as_str()), why, "{form}");
            assert_eq!((found.words.as_str(), found.since, &found.broken), (words, since, &None), "{form}");
            assert_eq!(
                (found.event.as_str(), found.service.as_str(), found.about.as_str(), found.example.as_str()),
                ("e-1", "sqs", "AWS::SQS::Queue", arn),
                "{form}"
            );
            let work = work(&message.body, form == "lambda").unwrap();
            assert_eq!((work.first_seen, work.tries, work.confirmed), (0, 0, form == "lambda"), "{form}");
            // The function opens it to the same record, and there is nothing left out but what was done.
            let text = Document::Work(work.clone()).text();
            let again = containers::records_in(serde_json::from_str(&text).unwrap()).remove(0).unwrap();
            assert_eq!(again.text("eventID").as_deref(), Some("e-1"), "{form}");
            assert_eq!(work.resources.len(), usize::from(form == "waited"), "{form}");
        }
    }

    #[test]
    fn what_has_no_record_stays() {
        let alarm = json!({"source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": {"alarmName": "x"}});
        let letter = json!({"tagger": "dead-letter", "record": "hello", "resources": [], "since": 1, "gaveUp": 1, "tries": 1,
            "reason": {"class": "failed", "call": "", "code": "not-a-record", "message": "no JSON"}});
        for body in
            ["hello".to_owned(), "[]".to_owned(), "{}".to_owned(), alarm.to_string(), letter.to_string()]
        {
            let found = open(&Message { body: body.clone(), ..Message::default() });
            assert!(found.broken.is_some(), "{body}");
            assert_eq!(found.why.code, UNREADABLE, "{body}");
            assert!(work(&body, true).is_err(), "{body}");
        }
    }
}
