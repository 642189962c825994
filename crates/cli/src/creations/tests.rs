//! Counts are creations: tables of calls, and what is counted of them.

use super::ledger::Ledger;
use serde_json::{Value, json};
use tagger_core::{Policy, Record};

/// A call of one account in us-east-1, at a second of a minute.
fn call(source: &str, name: &str, second: u32, id: &str, request: Value, response: Value) -> Value {
    json!({
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "us-east-1",
        "eventTime": format!("2026-11-24T08:30:{second:02}Z"), "eventID": id, "requestID": format!("r-{id}"),
        "recipientAccountId": "111122223333", "requestParameters": request, "responseElements": response,
        "userIdentity": {"type": "IAMUser", "userName": "alice"},
    })
}

fn with(mut record: Value, name: &str, value: &str) -> Value {
    record[name] = value.into();
    record
}

/// The creations of some records, each with the second of its call and, after a dash, that of its deletion; then how many
/// calls were none. Whatever the order, and whichever thread reads which.
fn counted(records: &[Value]) -> String {
    let mut said: Vec<String> = Vec::new();
    for turn in 0..records.len().max(1) {
        let (mut one, mut other) = (Ledger::default(), Ledger::default());
        for index in 0..records.len() {
            let record = Record::new(records[(index + turn) % records.len()].clone());
            let plan = tagger_core::plan(&record, &Policy::default(), None);
            if index % 2 == 0 { &mut one } else { &mut other }.add(&record, &plan);
        }
        one.merge(other);
        let (creations, repeated) = one.settle();
        let second = |time: &str| time[17..19].to_owned();
        let rows = creations.iter().map(|made| {
            second(&made.time)
                + &made.deleted.as_deref().map(|time| format!("-{}", second(time))).unwrap_or_default()
        });
        said.push(format!("{} +{repeated}", rows.collect::<Vec<_>>().join(" ")));
    }
    said.dedup();
    said.join(" | ")
}

#[test]
fn counts_are_creations() {
    let url = "https://sqs.us-east-1.amazonaws.com/111122223333/jobs";
    let queue = |second, id: &str| {
        call("sqs", "CreateQueue", second, id, json!({"queueName": "jobs"}), json!({"queueUrl": url}))
    };
    let no_queue = |second| call("sqs", "DeleteQueue", second, "d", json!({"queueUrl": url}), Value::Null);
    let alarm = |second, id: &str| {
        call("monitoring", "PutMetricAlarm", second, id, json!({"alarmName": "cpu"}), Value::Null)
    };
    let no_alarm =
        |second| call("monitoring", "DeleteAlarms", second, "d", json!({"alarmNames": ["cpu"]}), Value::Null);
    let role = |second, id: &str| {
        let made = json!({"role": {"arn": "arn:aws:iam::111122223333:role/r", "roleName": "r"}});
        call("iam", "CreateRole", second, id, json!({"roleName": "r"}), made)
    };
    let no_role = |second| call("iam", "DeleteRole", second, "d", json!({"roleName": "r"}), Value::Null);
    let items = json!({"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}});
    let run = |second, id: &str| call("ec2", "RunInstances", second, id, json!({}), items.clone());
    let items = json!({"instancesSet": {"items": [{"instanceId": "i-0123456789abcdef0"}]}});
    let terminated = |second| call("ec2", "TerminateInstances", second, "d", items.clone(), Value::Null);
    let bucket =
        |second, id: &str| call("s3", "CreateBucket", second, id, json!({"bucketName": "b-1"}), Value::Null);
    let policy_gone = call("s3", "DeleteBucketPolicy", 9, "d", json!({"bucketName": "b-1"}), Value::Null);
    let denied = with(no_queue(5), "errorCode", "AccessDenied");
    for (what, records, expected) in [
        ("nothing", vec![], " +0"),
        ("one", vec![queue(1, "a")], "01 +0"),
        ("three copies of a log", vec![queue(1, "a"), queue(1, "a"), queue(1, "a")], "01 +2"),
        (
            "two trails that give a call an id each",
            vec![queue(1, "a"), with(queue(1, "b"), "requestID", "r-a")],
            "01 +1",
        ),
        (
            "a call across accounts, logged in both",
            vec![
                with(role(1, "a"), "sharedEventID", "s"),
                with(with(role(1, "b"), "sharedEventID", "s"), "requestID", "x"),
            ],
            "01 +1",
        ),
        ("an idempotent call", vec![queue(1, "a"), queue(4, "b")], "01 +1"),
        ("an updating call", vec![alarm(1, "a"), alarm(4, "b"), alarm(6, "c")], "01 +2"),
        (
            "an alarm that was removed and made anew",
            vec![alarm(1, "a"), no_alarm(3), alarm(6, "c")],
            "01-03 06 +0",
        ),
        ("a client token", vec![run(1, "a"), run(4, "b")], "01 +1"),
        ("a bucket of one's own, in us-east-1", vec![bucket(1, "a"), bucket(4, "b")], "01 +1"),
        ("deleted afterwards", vec![queue(1, "a"), no_queue(5)], "01-05 +0"),
        ("deleted before", vec![queue(6, "a"), no_queue(5)], "06 +0"),
        ("a deletion that failed", vec![queue(1, "a"), denied], "01 +0"),
        ("another thing of it was deleted", vec![bucket(1, "a"), policy_gone], "01 +0"),
        ("terminated", vec![run(1, "a"), terminated(8)], "01-08 +0"),
        ("deleted and made again", vec![role(1, "a"), no_role(5), role(7, "b")], "01-05 07 +0"),
        ("made again, so it was gone", vec![role(1, "a"), role(7, "b")], "01 07 +0"),
        ("a deletion is that of the last one", vec![role(1, "a"), role(4, "b"), no_role(7)], "01 04-07 +0"),
        (
            "in another account",
            vec![queue(1, "a"), with(no_queue(5), "recipientAccountId", "444455556666")],
            "01 +0",
        ),
    ] {
        assert_eq!(counted(&records), expected, "{what}");
    }
}

/// A log full of updates needs no more memory than its first.
#[test]
fn calls_on_one_resource_are_put_together() {
    let mut ledger = Ledger::default();
    for second in 0..60 {
        for nth in 0..10 {
            let id = format!("{second}.{nth}");
            let record =
                call("monitoring", "PutMetricAlarm", second, &id, json!({"alarmName": "cpu"}), Value::Null);
            let record = Record::new(record);
            ledger.add(&record, &tagger_core::plan(&record, &Policy::default(), None));
            assert!(ledger.most_kept() <= 33, "{} calls are kept after {id}", ledger.most_kept());
        }
    }
    let (creations, repeated) = ledger.settle();
    assert_eq!((creations.len(), repeated, &*creations[0].time), (1, 599, "2026-11-24T08:30:00Z"));
}
