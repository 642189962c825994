//! The real program with wrong settings: what it is asked to tag becomes dead letters with the reason, and nothing is
//! tagged or lost.

mod support;

use serde_json::{Value, json};
use support::{Aws, Run, detail, event};
use tagger_core::work::{DeadLetter, Document, Work};

const QUEUES: [(&str, &str); 2] = [
    ("RETRY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry"),
    (
        "DEAD_LETTER_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters",
    ),
];

fn run(event: Value, aws: Aws, wrong: (&str, &str)) -> Run {
    support::run(vec![event], aws, &[QUEUES[0], QUEUES[1], wrong])
}

/// The dead letters that were sent; every call is one.
fn letters(run: &Run) -> Vec<DeadLetter> {
    let sent = run.asked.iter().map(|asked| {
        let body = asked
            .strip_prefix("AmazonSQS.SendMessage ")
            .unwrap_or_else(|| panic!("not a dead letter: {asked}"));
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["QueueUrl"], QUEUES[1].1);
        match serde_json::from_str(body["MessageBody"].as_str().unwrap()).unwrap() {
            Document::DeadLetter(letter) => letter,
            other => panic!("{other:?}"),
        }
    });
    sent.collect()
}

fn message(id: &str, body: &Value) -> Value {
    json!({ "messageId": id, "receiptHandle": "r", "body": body.to_string(), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-events",
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795509000123" } })
}

const FINE: Aws = |_| (200, "{}".to_owned());
const NO_QUEUE: Aws = |_| (400, r#"{"__type":"AccessDenied","message":"not allowed"}"#.to_owned());

#[test]
fn what_it_is_asked_becomes_a_letter_with_the_fix() {
    let created = detail("111122223333", json!({}));
    for (wrong, says) in [
        (("TAGGER_KYE", "Owner"), ["TAGGER_KYE", "TAGGER_KEY"]),
        (("TAGGER_VALUE", "{nme}"), ["TAGGER_VALUE", "did you mean `name`?"]),
        (("TAGGER_TAGS", "createdby=x"), ["TAGGER_TAGS", "set twice"]),
        (("TAG_CHANGES", "resotre"), ["TAG_CHANGES", "alarm or restore"]),
        (("TAGGER_CONFIG", "/nowhere/tagger.toml"), ["/nowhere/tagger.toml", "TAGGER_CONFIG"]),
    ] {
        let run = run(event(created.clone()), FINE, wrong);
        let expected = json!({ "records": 1, "givenUp": 1, "leftAlone": 0 });
        assert_eq!(run.answers, [("response".to_owned(), expected)], "{wrong:?}: {}", run.log);
        let [letter] = letters(&run).try_into().unwrap();
        assert_eq!(
            (letter.reason.code.as_str(), &*letter.record),
            ("settings-invalid", &created),
            "{wrong:?}"
        );
        assert_eq!(letter.resources[0].arn, "arn:aws:sqs:us-east-1:111122223333:jobs");
        for word in says.into_iter().chain(["tagger redrive"]) {
            assert!(
                letter.reason.message.contains(word),
                "{wrong:?}: no {word} in {}",
                letter.reason.message
            );
        }
        let lines = run.log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let of_record: Vec<_> = lines.filter(|line| line["code"] == "settings-invalid").collect();
        assert_eq!(of_record.len(), 1, "{}", run.log);
        assert_eq!((&of_record[0]["level"], &of_record[0]["eventID"]), (&json!("ERROR"), &json!("e-1")));
        assert!(!run.log.contains("do-not-log"), "{}", run.log);
    }
}

#[test]
fn a_batch_is_done_where_each_message_is_a_letter() {
    let created = detail("111122223333", json!({}));
    let failed = detail("111122223333", json!({"errorCode": "AccessDenied"}));
    let waiting = Document::Work(Work { record: created.clone().into(), ..Work::default() }).text();
    let bodies =
        [event(created), event(failed), json!({"hello": 1}), serde_json::from_str(&waiting).unwrap()];
    let ids = ["m-1", "m-2", "m-3", "m-4"];
    let batch: Vec<Value> = ids.iter().zip(&bodies).map(|(id, body)| message(id, body)).collect();
    let wrong = ("TAGGER_KYE", "Owner");

    let done = run(json!({ "Records": batch }), FINE, wrong);
    assert_eq!(done.answers[0].1, json!({ "batchItemFailures": [] }), "{}", done.log);
    let mut codes: Vec<_> = letters(&done).into_iter().map(|letter| letter.reason.code).collect();
    codes.sort();
    // A failed call gives no tag with any settings.
    assert_eq!(codes, ["not-a-record", "settings-invalid", "settings-invalid"]);

    let refused = run(json!({ "Records": batch }), NO_QUEUE, wrong);
    let again = ["m-1", "m-3", "m-4"].map(|id| json!({ "itemIdentifier": id }));
    assert_eq!(refused.answers[0].1, json!({ "batchItemFailures": again }), "{}", refused.log);
}

#[test]
fn what_cannot_be_kept_is_an_error_of_the_invocation() {
    let created = event(detail("111122223333", json!({})));
    let changed = json!({ "source": "aws.tag", "detail-type": "Tag Change on Resource", "region": "us-east-1",
        "resources": ["arn:aws:sqs:us-east-1:111122223333:jobs"], "time": "2026-11-24T08:30:00Z",
        "detail": { "changed-tag-keys": ["CreatedBy"], "tags": {} } });
    let mut changes = message("m-1", &changed);
    changes["eventSourceARN"] = "arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-tag-changes".into();
    for (what, event, aws, calls) in [
        ("the dead-letter queue refuses", created, NO_QUEUE, 1),
        ("a run over the event history: the marks stay", json!({"tagger": "reconcile"}), FINE, 0),
        ("changes of the tag stay in their queue", json!({ "Records": [changes] }), FINE, 0),
        ("no record", json!({"hello": "world"}), FINE, 0),
    ] {
        let run = run(event, aws, ("TAGGER_KYE", "Owner"));
        assert_eq!(run.answers[0].0, "error", "{what}: {:?} {}", run.answers, run.log);
        assert_eq!(run.asked.len(), calls, "{what}: {:?}", run.asked);
        assert!(run.log.contains("ERROR"), "{what}: {}", run.log);
    }
}
