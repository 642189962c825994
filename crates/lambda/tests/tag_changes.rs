//! The real program and changes of the creator's tag, between a Lambda runtime and an AWS on loopback: what it asks,
//! what it writes, what it says, and which messages come again.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use support::{Aws, Run, detail};
use tagger_aws::time;

const QUEUES: [(&str, &str); 2] = [
    ("RETRY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry"),
    (
        "DEAD_LETTER_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters",
    ),
];
const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents ";
const DAY: u64 = 24 * 60 * 60;

fn ago(seconds: u64) -> String {
    time::format(SystemTime::now() - Duration::from_secs(seconds))
}

fn queue_arn(name: &str) -> String {
    format!("arn:aws:sqs:us-east-1:111122223333:{name}")
}

/// A message of the queue: the event of a change of the key, a quarter of an hour ago.
fn message(arn: &str, value: Option<&str>, receives: u64) -> Value {
    let tags = value.map_or_else(|| json!({"Team": "x"}), |value| json!({"CreatedBy": value}));
    let event = json!({
        "version": "0", "id": "e", "detail-type": "Tag Change on Resource", "source": "aws.tag", "account": "111122223333",
        "time": ago(900), "region": "us-east-1", "resources": [arn],
        "detail": { "changed-tag-keys": ["CreatedBy"], "service": "x", "resource-type": "x", "version": 4, "tags": tags },
    });
    json!({ "messageId": arn.rsplit(':').next().unwrap(), "receiptHandle": "r", "body": event.to_string(), "eventSource": "aws:sqs",
        "attributes": { "ApproximateReceiveCount": receives.to_string(), "SentTimestamp": "1795509000000" },
        "eventSourceARN": queue_arn("auto-resource-tagger-tag-changes") })
}

fn run(messages: Vec<Value>, aws: Aws, mode: &str) -> Run {
    let [retry, letters] = QUEUES;
    support::run(vec![json!({ "Records": messages })], aws, &[retry, letters, ("TAG_CHANGES", mode)])
}

/// The creation of a queue by alice, days ago.
fn created(name: &str, days: u64) -> Value {
    detail(
        "111122223333",
        json!({
            "eventTime": ago(days * DAY), "readOnly": false, "requestParameters": { "queueName": name },
            "responseElements": { "queueUrl": format!("https://sqs.us-east-1.amazonaws.com/111122223333/{name}") },
        }),
    )
}

/// The tagger's own call that tagged a queue.
fn tagged(name: &str, value: &str, age: u64) -> Value {
    let mut record = created(name, 0);
    record["eventTime"] = ago(age).into();
    record["eventName"] = "TagQueue".into();
    record["userIdentity"] = json!({ "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/AutoResourceTaggerRole/auto-resource-tagger",
        "sessionContext": { "sessionIssuer": { "type": "Role", "userName": "AutoResourceTaggerRole" } } });
    record["requestParameters"] = json!({ "queueUrl": format!("https://sqs.us-east-1.amazonaws.com/111122223333/{name}"),
        "tags": { "CreatedBy": value } });
    record["responseElements"] = Value::Null;
    record
}

/// What LookupEvents is asked for: attribute and value.
fn asked_for(asked: &str) -> Option<(String, String)> {
    let body = asked.strip_prefix(LOOKUP)?.lines().next()?;
    let body: Value = serde_json::from_str(body).ok()?;
    let attribute = &body["LookupAttributes"][0];
    Some((attribute["AttributeKey"].as_str()?.to_owned(), attribute["AttributeValue"].as_str()?.to_owned()))
}

fn history(records: &[Value]) -> (u16, String) {
    let events: Vec<_> =
        records.iter().map(|record| json!({ "CloudTrailEvent": record.to_string() })).collect();
    (200, json!({ "Events": events }).to_string())
}

/// An account with four queues: `lost` has no tag, `fine` has alice's, `forged` mallory's, `gone` is deleted.
fn account(asked: &str) -> (u16, String) {
    if let Some((attribute, value)) = asked_for(asked) {
        return match (attribute.as_str(), value.as_str()) {
            ("Username", "auto-resource-tagger") => history(&[tagged("own", "alice", 900)]),
            ("ResourceName", name @ ("lost" | "fine" | "gone" | "unproved")) => history(&[created(name, 2)]),
            ("ResourceName", "forged") => {
                history(&[tagged("forged", "alice", 2 * DAY - 5), created("forged", 2)])
            }
            _ => history(&[]),
        };
    }
    let tags = |tags: Value| (200, json!({ "Tags": tags }).to_string());
    match asked {
        _ if asked.starts_with("AmazonSQS.ListQueueTags") && asked.contains("/gone") => {
            (400, json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "no" }).to_string())
        }
        _ if asked.starts_with("AmazonSQS.ListQueueTags") && asked.contains("/fine") => {
            tags(json!({"CreatedBy": "alice"}))
        }
        _ if asked.starts_with("AmazonSQS.ListQueueTags") && asked.contains("/lost") => {
            tags(json!({"Team": "x"}))
        }
        _ if asked.starts_with("AmazonSQS.ListQueueTags") => tags(json!({"CreatedBy": "mallory"})),
        _ if asked.starts_with("AmazonSQS.GetQueueAttributes") => {
            let made = time::since_1970(SystemTime::now()) - 2 * DAY;
            (200, json!({ "Attributes": { "CreatedTimestamp": made.to_string() } }).to_string())
        }
        _ => (200, "{}".to_owned()),
    }
}

fn writes(run: &Run) -> Vec<&String> {
    run.asked
        .iter()
        .filter(|asked| asked.starts_with("AmazonSQS.TagQueue") || asked.contains("Action=CreateTags"))
        .collect()
}

/// Code, last part of the ARN and reason of each line about a change.
fn said(run: &Run) -> Vec<(String, String, String)> {
    let lines = run.log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let text = |value: &Value| value.as_str().unwrap_or_default().rsplit(':').next().unwrap().to_owned();
    let ours = lines
        .filter(|line| ["tag-changed", "tag-restored"].contains(&line["code"].as_str().unwrap_or_default()));
    let mut said: Vec<_> =
        ours.map(|line| (text(&line["code"]), text(&line["arn"]), text(&line["reason"]))).collect();
    said.sort();
    said
}

fn of(code: &str, name: &str, reason: &str) -> (String, String, String) {
    (code.to_owned(), name.to_owned(), reason.to_owned())
}

fn all(receives: u64) -> Vec<Value> {
    vec![
        message(&queue_arn("own"), Some("alice"), receives),
        message(&queue_arn("lost"), None, receives),
        message(&queue_arn("fine"), Some("alice"), receives),
        message(&queue_arn("forged"), Some("mallory"), receives),
        message(&queue_arn("unproved"), Some("mallory"), receives),
        message(&queue_arn("gone"), None, receives),
    ]
}

#[test]
fn what_can_be_known_is_put_back_and_the_rest_is_said() {
    let run = run(all(1), account, "restore");
    assert_eq!(run.answers[0], ("response".to_owned(), json!({ "batchItemFailures": [] })), "{}", run.log);
    let written = writes(&run);
    assert_eq!(written.len(), 2, "{written:?}");
    for name in ["lost", "forged"] {
        let body = format!(r#"/{name}","Tags":{{"CreatedBy":"alice"}}"#);
        assert!(written.iter().any(|asked| asked.contains(&body)), "{body}: {written:?}");
    }
    let expected = [
        of("tag-changed", "unproved", "not-known-to-be-ours"),
        of("tag-restored", "forged", ""),
        of("tag-restored", "lost", ""),
    ];
    assert_eq!(said(&run), expected, "{}", run.log);
    // The tagger's own write is known by one look for all, and costs no look of its own.
    let looked = run.asked.iter().filter_map(|asked| asked_for(asked));
    assert!(!looked.clone().any(|(_, name)| name == "own"), "{:?}", run.asked);
    let by_name = looked.filter(|(attribute, _)| attribute == "Username").count();
    assert_eq!(by_name, 3, "the names of the three functions");
}

#[test]
fn an_alarm_writes_nothing() {
    let run = run(all(1), account, "alarm");
    assert_eq!(run.answers[0], ("response".to_owned(), json!({ "batchItemFailures": [] })), "{}", run.log);
    assert_eq!(writes(&run), Vec::<&String>::new());
    let expected = [
        of("tag-changed", "forged", "alarm-only"),
        of("tag-changed", "lost", "alarm-only"),
        of("tag-changed", "unproved", "not-known-to-be-ours"),
    ];
    assert_eq!(said(&run), expected, "{}", run.log);
    let line = run.log.lines().find(|line| line.contains("forged")).unwrap();
    let line: Value = serde_json::from_str(line).unwrap();
    assert_eq!(
        (&line["level"], &line["found"], &line["expected"]),
        (&json!("ERROR"), &json!("mallory"), &json!("alice"))
    );
}

#[test]
fn what_is_not_in_the_history_yet_comes_again_once() {
    let arn = queue_arn("unknown");
    let first = run(vec![message(&arn, None, 1)], account, "restore");
    assert_eq!(
        first.answers[0].1,
        json!({ "batchItemFailures": [{ "itemIdentifier": "unknown" }] }),
        "{}",
        first.log
    );
    assert_eq!(said(&first), [], "{}", first.log);
    let second = run(vec![message(&arn, None, 2)], account, "restore");
    assert_eq!(second.answers[0].1, json!({ "batchItemFailures": [] }), "{}", second.log);
    assert_eq!(said(&second), [of("tag-changed", "unknown", "creator-not-in-history")], "{}", second.log);
}

#[test]
fn what_could_not_be_asked_comes_again_and_is_said_in_the_end() {
    let refused: Aws = |asked| match asked_for(asked) {
        Some(_) => (400, json!({ "__type": "AccessDeniedException", "message": "no" }).to_string()),
        None => account(asked),
    };
    let arn = queue_arn("lost");
    let first = run(vec![message(&arn, None, 1)], refused, "restore");
    assert_eq!(
        first.answers[0].1,
        json!({ "batchItemFailures": [{ "itemIdentifier": "lost" }] }),
        "{}",
        first.log
    );
    assert_eq!((said(&first), writes(&first).len()), (vec![], 0), "{}", first.log);
    let last = run(vec![message(&arn, None, 4)], refused, "restore");
    assert_eq!(last.answers[0].1, json!({ "batchItemFailures": [] }), "{}", last.log);
    assert_eq!(said(&last), [of("tag-changed", "lost", "not-known")], "{}", last.log);
}

#[test]
fn a_write_that_is_refused_is_said() {
    let refused: Aws = |asked| {
        if asked.starts_with("AmazonSQS.TagQueue") {
            return (400, json!({ "__type": "AccessDeniedException", "message": "no" }).to_string());
        }
        account(asked)
    };
    let run = run(vec![message(&queue_arn("lost"), None, 1)], refused, "restore");
    assert_eq!(run.answers[0].1, json!({ "batchItemFailures": [] }), "{}", run.log);
    assert_eq!(said(&run), [of("tag-changed", "lost", "not-written")], "{}", run.log);
}

#[test]
fn an_instance_by_its_id() {
    let aws: Aws = |asked| {
        if let Some((attribute, value)) = asked_for(asked) {
            let run = detail(
                "111122223333",
                json!({ "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances", "eventTime": ago(DAY), "requestParameters": {},
                    "responseElements": { "instancesSet": { "items": [{ "instanceId": "i-0a" }] } } }),
            );
            return history(if (attribute.as_str(), value.as_str()) == ("ResourceName", "i-0a") {
                std::slice::from_ref(&run)
            } else {
                &[]
            });
        }
        match asked {
            _ if asked.contains("Action=DescribeTags") => {
                (200, "<DescribeTagsResponse><tagSet><item><resourceId>i-0a</resourceId><key>Name</key><value>web</value></item></tagSet></DescribeTagsResponse>".to_owned())
            }
            _ => (200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>".to_owned()),
        }
    };
    let arn = "arn:aws:ec2:us-east-1:111122223333:instance/i-0a";
    let run = run(vec![message(arn, None, 1)], aws, "restore");
    assert_eq!(run.answers[0].1, json!({ "batchItemFailures": [] }), "{}", run.log);
    let written = writes(&run);
    assert!(
        written.len() == 1 && written[0].contains("i-0a") && written[0].contains("alice"),
        "{:?} {}",
        run.asked,
        run.log
    );
}
