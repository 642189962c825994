//! The real program with its queues, between a Lambda runtime and an AWS and SQS on loopback: what waits,
//! what is given up, what is done with, and in which order.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use support::{Aws, Run, detail, event};
use tagger_aws::time;
use tagger_core::work::{DeadLetter, Document, Work};

const RETRY: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry";
const DEAD: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters";
const QUEUES: &[(&str, &str)] = &[("RETRY_QUEUE_URL", RETRY), ("DEAD_LETTER_QUEUE_URL", DEAD)];
const ARN: &str = "arn:aws:sqs:us-east-1:111122223333:jobs";
const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

fn run(events: Vec<Value>, aws: Aws) -> Run {
    support::run(events, aws, QUEUES)
}

/// The record of a CreateQueue so many seconds ago.
fn record(age: u64) -> Value {
    let at = time::format(SystemTime::now() - Duration::from_secs(age));
    detail("111122223333", json!({ "eventTime": at }))
}

fn other(age: u64, source: &str, name: &str, request: Value, response: Value) -> Value {
    let mut record = record(age);
    record["eventSource"] = format!("{source}.amazonaws.com").into();
    record["eventName"] = name.into();
    record["requestParameters"] = request;
    record["responseElements"] = response;
    record
}

fn topic(age: u64) -> Value {
    let arn = "arn:aws:sns:us-east-1:111122223333:t";
    other(age, "sns", "CreateTopic", json!({ "name": "t" }), json!({ "topicArn": arn }))
}

fn instance(id: &str, user: &str) -> Value {
    let set = json!({ "items": [{ "networkInterfaceId": format!("eni-{id}") }] });
    let mapping = json!({ "items": [{ "ebs": { "volumeId": format!("vol-{id}") } }] });
    let item = json!({ "instanceId": id, "networkInterfaceSet": set, "blockDeviceMapping": mapping });
    let mut record =
        other(0, "ec2", "RunInstances", json!({}), json!({ "instancesSet": { "items": [item] } }));
    record["userIdentity"]["userName"] = user.into();
    record["userIdentity"]["arn"] = format!("arn:aws:iam::111122223333:user/{user}").into();
    record
}

fn work(record: Value, age: u64) -> Work {
    let first_seen = time::since_1970(SystemTime::now()) - age;
    Work { record: record.into(), resources: vec![ARN.to_owned()], first_seen, tries: 1, ..Work::default() }
}

fn message(id: &str, queue: &str, body: String) -> Value {
    json!({
        "messageId": id, "receiptHandle": format!("receipt-{id}"), "body": body, "eventSource": "aws:sqs",
        "eventSourceARN": format!("arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-{queue}"),
        "attributes": { "ApproximateReceiveCount": "3", "SentTimestamp": "1795509000123" },
    })
}

fn batch(messages: Vec<Value>) -> Value {
    json!({ "Records": messages })
}

/// What was sent to a queue: the body of each SendMessage, with its text opened.
fn sent(run: &Run, url: &str) -> Vec<(Document, Value)> {
    let requests = run.asked.iter().filter_map(|asked| asked.strip_prefix("AmazonSQS.SendMessage "));
    let requests = requests.map(|body| serde_json::from_str::<Value>(body).unwrap());
    let to_queue = requests.filter(|request| request["QueueUrl"] == url);
    to_queue
        .map(|request| (serde_json::from_str(request["MessageBody"].as_str().unwrap()).unwrap(), request))
        .collect()
}

fn works(run: &Run) -> Vec<(Work, u64)> {
    let open = |(document, request): (Document, Value)| match document {
        Document::Work(work) => (work, request["DelaySeconds"].as_u64().unwrap_or_default()),
        Document::DeadLetter(_) => panic!("a letter in the retry queue"),
    };
    sent(run, RETRY).into_iter().map(open).collect()
}

fn letters(run: &Run) -> Vec<DeadLetter> {
    let open = |(document, _)| match document {
        Document::DeadLetter(letter) => letter,
        Document::Work(_) => panic!("work among the dead letters"),
    };
    sent(run, DEAD).into_iter().map(open).collect()
}

fn count(run: &Run, word: &str) -> usize {
    run.asked.iter().filter(|asked| asked.starts_with(word)).count()
}

fn lines(run: &Run) -> Vec<Value> {
    run.log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn error(code: &str) -> (u16, String) {
    (400, json!({ "__type": code, "message": format!("because of {code}") }).to_string())
}

/// Everything works, and nothing has tags; the queue was made when the model says.
fn fine(_: &str) -> (u16, String) {
    (200, "{}".to_owned())
}

fn busy(asked: &str) -> (u16, String) {
    if asked.starts_with("AmazonSQS.TagQueue") { error("ResourceInUseException") } else { fine(asked) }
}

fn missing(asked: &str) -> (u16, String) {
    if asked.starts_with("AmazonSQS.ListQueueTags") { error("QueueDoesNotExist") } else { fine(asked) }
}

fn denied(asked: &str) -> (u16, String) {
    if !asked.starts_with("AmazonSQS.TagQueue") {
        return fine(asked);
    }
    let message = "not authorized with an explicit deny in a service control policy";
    (400, json!({ "__type": "AccessDenied", "message": message }).to_string())
}

/// The log's line about the resource; there may be a note before it.
fn decision(run: &Run) -> Value {
    let told = |line: &&Value| !line["outcome"].is_null() || !line["waiting"].is_null();
    lines(run).iter().find(told).cloned().unwrap_or_default()
}

#[test]
fn what_is_not_ready_waits_in_the_retry_queue() {
    let run = run(vec![event(record(40))], busy);
    assert_eq!(run.answers[0].0, "response", "{:?}", run.answers);
    assert_eq!(run.answers[0].1["waiting"], 1);
    let works = works(&run);
    let [(work, delay)] = works.as_slice() else { panic!("{:?}", run.asked) };
    assert_eq!(work.resources, [ARN]);
    assert_eq!(work.record["eventID"], "e-1");
    let reason = work.reason.as_ref().unwrap();
    assert_eq!((reason.class.as_str(), reason.code.as_str()), ("not-ready", "ResourceInUseException"));
    assert!((15..=25).contains(delay), "half of 40 seconds, not {delay}");
    assert!(letters(&run).is_empty());
    let line = &decision(&run);
    assert_eq!((&line["waiting"], &line["outcome"]), (&json!("not-ready"), &Value::Null), "{line}");
    assert!(line["retryAt"].as_str().unwrap() > line["timestamp"].as_str().unwrap(), "{line}");
    assert!(!run.log.contains("do-not-log"), "{}", run.log);
}

#[test]
fn what_is_denied_is_a_dead_letter_and_no_error_of_the_invocation() {
    let run = run(vec![event(record(40))], denied);
    assert_eq!(run.answers[0].0, "response", "{:?}", run.answers);
    assert_eq!(run.answers[0].1["givenUp"], 1);
    let letters = letters(&run);
    let [letter] = letters.as_slice() else { panic!("{:?}", run.asked) };
    assert_eq!(letter.resources[0].arn, ARN);
    assert_eq!(letter.reason.by.map(|by| by.as_str()), Some("service-control-policy"));
    assert_eq!((letter.reason.call.as_str(), letter.tries), ("sqs:TagQueue", 1));
    assert_eq!(letter.record["requestParameters"]["queueName"], "jobs");
    assert!(works(&run).is_empty());
    let line = &decision(&run);
    assert_eq!(
        (&line["outcome"], &line["by"]),
        (&json!("denied"), &json!("service-control-policy")),
        "{line}"
    );
}

#[test]
fn what_cannot_be_sent_is_an_error_of_the_invocation() {
    let closed: [Aws; 2] = [
        |asked| if asked.starts_with("AmazonSQS.SendMessage") { error("AccessDenied") } else { busy(asked) },
        |asked| {
            if asked.starts_with("AmazonSQS.SendMessage") { error("AccessDenied") } else { denied(asked) }
        },
    ];
    for aws in closed {
        let direct = run(vec![event(record(40))], aws);
        assert_eq!(direct.answers[0].0, "error", "{:?}", direct.answers);
        assert!(direct.answers[0].1["errorMessage"].as_str().unwrap().contains("sqs:SendMessage"));
        let body = event(record(40)).to_string();
        let queued = run(vec![batch(vec![message("m-1", "events", body)])], aws);
        assert_eq!(queued.answers[0].1, json!({"batchItemFailures": [{"itemIdentifier": "m-1"}]}));
    }
}

#[test]
fn a_message_of_the_retry_queue() {
    let body = |age, waited| Document::Work(work(record(age), waited)).text();
    // Made half a minute after the event: by somebody else.
    let replaced: Aws = |asked| {
        let later = time::since_1970(SystemTime::now()) - 5 * MINUTE + 30;
        if asked.starts_with("AmazonSQS.GetQueueAttributes") {
            return (200, json!({ "Attributes": { "CreatedTimestamp": later.to_string() } }).to_string());
        }
        fine(asked)
    };
    let same: Aws = |asked| {
        let then = time::since_1970(SystemTime::now()) - 5 * DAY;
        if asked.starts_with("AmazonSQS.GetQueueAttributes") {
            return (200, json!({ "Attributes": { "CreatedTimestamp": then.to_string() } }).to_string());
        }
        fine(asked)
    };
    let just_made: Aws = |asked| {
        let then = time::since_1970(SystemTime::now()) - 5 * MINUTE;
        if asked.starts_with("AmazonSQS.GetQueueAttributes") {
            return (200, json!({ "Attributes": { "CreatedTimestamp": then.to_string() } }).to_string());
        }
        fine(asked)
    };
    let letter = || {
        let reason = tagger_core::outcome::Failure::of("sqs:TagQueue", "AccessDenied", "no", None);
        let (record, resources) = (record(5 * DAY).into(), Vec::new());
        Document::DeadLetter(DeadLetter { record, resources, reason, since: 1, gave_up: 2, tries: 3 }).text()
    };
    let confirmed = || {
        Document::Work(Work { record: event(topic(DAY)).into(), confirmed: true, ..Work::default() }).text()
    };
    // Sends it to the retry queue, and what the log's line says of it: outcome or waiting, and a code.
    for (what, body, aws, again, letters_sent, said, written) in [
        ("ready now", body(5 * MINUTE, 60), just_made, false, 0, "tagged", true),
        // CreateQueue answers with a queue that is there, whoever made it.
        ("made long before the call", body(5 * MINUTE, 60), same, false, 0, "gone", false),
        ("still busy", body(5 * MINUTE, 60), busy as Aws, true, 0, "not-ready", true),
        ("busy for a day", body(DAY, DAY), with_time_of_creation as Aws, false, 1, "not-ready", true),
        ("not there yet", body(5 * MINUTE, 60), missing as Aws, true, 0, "not-found", false),
        ("deleted, as the history shows", body(20 * MINUTE, 60), deleted as Aws, false, 0, "gone", false),
        // Nothing shows that it ever was, and the history cannot be read.
        ("never seen", body(20 * MINUTE, 60), old_and_missing as Aws, false, 1, "failed", false),
        ("made again by somebody else", body(5 * MINUTE, 60), replaced, false, 0, "gone", false),
        ("denied", body(5 * MINUTE, 60), denied as Aws, false, 1, "denied", true),
        ("a plain event", event(record(5 * MINUTE)).to_string(), busy as Aws, true, 0, "not-ready", true),
        ("a dead letter, sent again", letter(), same, false, 0, "tagged", true),
        (
            "a name of which nothing tells",
            event(topic(DAY)).to_string(),
            fine as Aws,
            false,
            1,
            "failed",
            false,
        ),
        ("the same, confirmed", confirmed(), topics as Aws, false, 0, "tagged", true),
        ("no event", "hello".to_owned(), fine as Aws, false, 1, "", false),
    ] {
        let run = run(vec![batch(vec![message("m-1", "retry", body)])], aws);
        let failures = if again { json!([{"itemIdentifier": "m-1"}]) } else { json!([]) };
        assert_eq!(run.answers[0].1["batchItemFailures"], failures, "{what}: {}", run.log);
        // It waits by its visibility and is not sent anew.
        assert!(works(&run).is_empty(), "{what}: {:?}", run.asked);
        assert_eq!(count(&run, "AmazonSQS.ChangeMessageVisibility"), usize::from(again), "{what}");
        assert_eq!(letters(&run).len(), letters_sent, "{what}: {:?}", run.asked);
        let line = lines(&run).pop().unwrap();
        let found = line["outcome"].as_str().or(line["waiting"].as_str()).unwrap_or_default();
        assert_eq!(found, said, "{what}: {line}");
        let asked_to_write = run.asked.iter().any(|asked| {
            asked.contains("TagQueue ") && !asked.contains("ListQueueTags")
                || asked.contains("Action=TagResource")
        });
        assert_eq!(asked_to_write, written, "{what}: {:?}", run.asked);
    }
}

fn with_time_of_creation(asked: &str) -> (u16, String) {
    if asked.starts_with("AmazonSQS.GetQueueAttributes") {
        let then = time::since_1970(SystemTime::now()) - DAY;
        return (200, json!({ "Attributes": { "CreatedTimestamp": then.to_string() } }).to_string());
    }
    busy(asked)
}

fn old_and_missing(asked: &str) -> (u16, String) {
    if asked.starts_with("AmazonSQS.GetQueueAttributes") { error("QueueDoesNotExist") } else { fine(asked) }
}

fn deleted(asked: &str) -> (u16, String) {
    if !asked.contains("LookupEvents") {
        return old_and_missing(asked);
    }
    let url = "https://sqs.us-east-1.amazonaws.com/111122223333/jobs";
    let record = json!({ "eventSource": "sqs.amazonaws.com", "eventName": "DeleteQueue", "requestParameters": { "queueUrl": url } });
    (200, json!({ "Events": [{ "CloudTrailEvent": record.to_string() }] }).to_string())
}

fn topics(asked: &str) -> (u16, String) {
    if asked.contains("Action=ListTagsForResource") {
        let body = "<ListTagsForResourceResponse><ListTagsForResourceResult><Tags/></ListTagsForResourceResult></ListTagsForResourceResponse>";
        return (200, body.to_owned());
    }
    (200, "<TagResourceResponse/>".to_owned())
}

#[test]
fn how_long_a_message_is_postponed() {
    let body = Document::Work(work(record(5 * MINUTE), 60)).text();
    let run = run(vec![batch(vec![message("m-1", "retry", body)])], busy);
    let asked = run.asked.iter().find_map(|asked| asked.strip_prefix("AmazonSQS.ChangeMessageVisibility "));
    let asked: Value = serde_json::from_str(asked.unwrap()).unwrap();
    assert_eq!((&asked["QueueUrl"], &asked["ReceiptHandle"]), (&json!(RETRY), &json!("receipt-m-1")));
    let seconds = asked["VisibilityTimeout"].as_u64().unwrap();
    assert!((120..=155).contains(&seconds), "half of five minutes, not {seconds}");
}

#[test]
fn a_batch_of_the_events_queue_is_taken_together() {
    let aws: Aws = |asked| {
        let body = match asked {
            _ if asked.contains("Action=DescribeTags") => {
                "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"
            }
            _ if asked.contains("Action=CreateTags") => {
                "<CreateTagsResponse><return>true</return></CreateTagsResponse>"
            }
            _ => return busy(asked),
        };
        (200, body.to_owned())
    };
    let events = [instance("i-1", "alice"), record(40), instance("i-2", "alice"), instance("i-3", "bob")];
    let messages = events
        .into_iter()
        .enumerate()
        .map(|(index, record)| message(&format!("m-{index}"), "events", event(record).to_string()));
    let run = run(vec![batch(messages.collect())], aws);
    // What waits goes to the retry queue, for the events queue gives a message up after ten times.
    assert_eq!(run.answers[0].1, json!({"batchItemFailures": []}));
    assert_eq!(works(&run).len(), 1);
    let mut created: Vec<_> = run.asked.iter().filter(|asked| asked.contains("Action=CreateTags")).collect();
    created.sort_by_key(|asked| asked.contains("bob"));
    assert_eq!(created.len(), 2, "{created:?}");
    assert!(created[0].contains("=i-1&") && created[0].contains("=vol-i-2&") && created[0].contains("alice"));
    assert!(created[1].contains("=i-3&") && created[1].contains("bob") && !created[1].contains("=i-1&"));
}

#[test]
fn children_are_a_piece_of_work_of_their_own() {
    let aws: Aws = |asked| {
        let body = match asked {
            _ if asked.contains("Action=DescribeTags") => {
                "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"
            }
            _ if asked.contains("Action=CreateTags") => {
                "<CreateTagsResponse><return>true</return></CreateTagsResponse>"
            }
            _ if asked.contains("Action=DescribeImages") && asked.contains("ami-done") => {
                "<DescribeImagesResponse><imagesSet><item><imageId>ami-done</imageId><imageState>available</imageState>\
                 <blockDeviceMapping><item><ebs><snapshotId>snap-1</snapshotId></ebs></item><item><ebs><snapshotId>snap-2</snapshotId>\
                 </ebs></item></blockDeviceMapping></item></imagesSet></DescribeImagesResponse>"
            }
            _ if asked.contains("Action=DescribeImages") => {
                "<DescribeImagesResponse><imagesSet><item><imageId>ami-1</imageId><imageState>pending</imageState>\
                 <blockDeviceMapping/></item></imagesSet></DescribeImagesResponse>"
            }
            _ => return fine(asked),
        };
        (200, body.to_owned())
    };
    let image = |id: &str| {
        let mapping = json!({ "items": [{ "ebs": { "snapshotId": "snap-2" } }] });
        other(40, "ec2", "CreateImage", json!({ "blockDeviceMapping": mapping }), json!({ "imageId": id }))
    };
    let first = run(vec![event(image("ami-1"))], aws);
    let waiting = works(&first);
    let [(waits, _)] = waiting.as_slice() else { panic!("{:?}", first.asked) };
    assert!(waits.resources.is_empty(), "the image is tagged: {waits:?}");
    assert_eq!(waits.children[0].parents, ["arn:aws:ec2:us-east-1::image/ami-1"]);
    assert_eq!(waits.children[0].types, ["AWS::EC2::Snapshot"]);
    assert_eq!(first.answers[0].1["tagged"], 1);
    // Later the image is there, and the piece of work is about its snapshots alone; one was handed in.
    let mut later = waits.clone();
    later.record = image("ami-done").into();
    later.children[0].parents = vec!["arn:aws:ec2:us-east-1::image/ami-done".to_owned()];
    let body = Document::Work(later).text();
    let second = run(vec![batch(vec![message("m-1", "retry", body)])], aws);
    assert_eq!(second.answers[0].1, json!({"batchItemFailures": []}));
    let created: Vec<_> = second.asked.iter().filter(|asked| asked.contains("Action=CreateTags")).collect();
    assert_eq!(created.len(), 1, "{:?}", second.asked);
    assert!(created[0].contains("ResourceId.1=snap-1&") && !created[0].contains("snap-2"), "{created:?}");
    assert!(!created[0].contains("ami-done"), "{created:?}");
}

#[test]
fn a_part_that_is_given_up_is_given_up_once() {
    let aws: Aws = |asked| {
        let code = match asked {
            _ if asked.contains("Action=DescribeTags") => {
                return (200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>".to_owned());
            }
            _ if asked.contains("Action=CreateTags") && asked.contains("=i-1&") => "UnauthorizedOperation",
            _ if asked.contains("Action=CreateTags") => "IncorrectState",
            _ => return fine(asked),
        };
        (400, format!("<Response><Errors><Error><Code>{code}</Code></Error></Errors></Response>"))
    };
    // Long enough for IAM to know the role.
    let mut waits = work(instance("i-1", "alice"), 300);
    waits.resources.clear();
    let body = Document::Work(waits).text();
    let run = run(vec![batch(vec![message("m-1", "retry", body)])], aws);
    // The rest goes on as a new message, and the old one is done with.
    assert_eq!(run.answers[0].1, json!({"batchItemFailures": []}));
    let letters = letters(&run);
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(letters[0].resources[0].arn.ends_with("instance/i-1") && letters[0].resources.len() == 1);
    let works = works(&run);
    assert_eq!(works.len(), 1);
    assert_eq!(works[0].0.resources.len(), 2, "{works:?}");
    assert!(works[0].0.resources.iter().all(|arn| !arn.contains("/i-1")), "{works:?}");
}

#[test]
fn one_queue_without_the_other_stops_the_function() {
    for only in [("RETRY_QUEUE_URL", RETRY), ("DEAD_LETTER_QUEUE_URL", DEAD)] {
        let run = support::run(vec![event(record(1))], fine, &[only]);
        assert!(run.failed && run.log.contains("DEAD_LETTER_QUEUE_URL"), "{}", run.log);
    }
}
