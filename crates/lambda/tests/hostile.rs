//! The real program with what somebody sends to harm it: names that move a terminal's cursor, texts of 200 KB, values that are
//! nested 100,000 deep, regions that lead elsewhere, accounts of others, forged documents, and an event of many resources. Each
//! is answered, in time, and tags nothing that it must not.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, Instant, SystemTime};
use support::{Run, detail, event, run, run_within};
use tagger_aws::time;
use tagger_core::{Policy, Record, plan, printable};

const QUEUES: &[(&str, &str)] = &[
    ("RETRY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry"),
    (
        "DEAD_LETTER_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters",
    ),
];

fn fine(asked: &str) -> (u16, String) {
    if asked.contains("Action=DescribeInstances") {
        // As AWS answers where nothing is there yet.
        return (200, "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>".to_owned());
    }
    let ec2 =
        ["DescribeTags", "CreateTags"].into_iter().find(|name| asked.contains(&format!("Action={name}")));
    (200, ec2.map_or_else(|| "{}".to_owned(), |name| format!("<{name}Response><tagSet/></{name}Response>")))
}

/// A minute ago: of an older call it would have to be proved that the resource is still the one of the call.
fn lately() -> String {
    time::format(SystemTime::now() - Duration::from_secs(60))
}

fn writes(run: &Run) -> Vec<&String> {
    run.asked
        .iter()
        .filter(|asked| asked.starts_with("AmazonSQS.TagQueue") || asked.contains("Action=CreateTags"))
        .collect()
}

/// A message of the events queue.
fn message(body: String) -> Value {
    json!({ "Records": [{
        "messageId": "m", "receiptHandle": "r", "body": body, "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-events",
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795509000123" },
    }] })
}

#[test]
fn names_that_others_chose_harm_nobody() {
    let long = "x".repeat(200_000);
    for (what, name, in_tag) in [
        ("NUL", "al\0ice", "al"),
        ("ANSI", "\u{1b}[2J\u{1b}]0;title\u{7}alice", "alice"),
        ("C1", "\u{9b}31malice", "alice"),
        ("right to left", "\u{202e}ecila", "ecila"),
        ("a second line for the log", "alice\n{\"level\":\"ERROR\"}", "alice"),
        ("200 KB", long.as_str(), "xxx"),
    ] {
        let user = json!({ "type": "IAMUser", "userName": name, "arn": format!("arn:aws:iam::111122223333:user/{name}") });
        let run = run(
            vec![event(detail("111122223333", json!({ "userIdentity": user, "eventTime": lately() })))],
            fine,
            QUEUES,
        );
        assert!(!run.failed && run.answers[0].0 == "response", "{what}: {:?}", run.answers);
        let [write] = writes(&run)[..] else { panic!("{what}: {:?} {}", run.asked, run.log) };
        let body: Value = serde_json::from_str(write.split_once(' ').unwrap().1).unwrap();
        let value = body["Tags"]["CreatedBy"].as_str().unwrap();
        assert!(value.contains(in_tag) && value.chars().count() <= 256, "{what}: {value:?}");
        assert!(!value.chars().any(printable::is_hidden), "{what}: a tag with hidden characters: {value:?}");
        for line in run.log.lines() {
            assert!(
                serde_json::from_str::<Value>(line).is_ok(),
                "{what}: a line of the log that is no JSON: {line:?}"
            );
            assert!(line.len() < 20_000, "{what}: a line of the log with {} bytes", line.len());
        }
    }
}

#[test]
fn where_and_whose_it_is_is_not_believed() {
    let changed = |more: Value| event(detail("111122223333", more));
    let queue = |url: &str| json!({ "responseElements": { "queueUrl": url } });
    let mut other = changed(json!({}));
    other["account"] = "999999999999".into();
    other["detail"]["recipientAccountId"] = "999999999999".into();
    for (what, event) in [
        ("a region with another host in it", changed(json!({ "awsRegion": "us-east-1.evil.example/" }))),
        ("a region with a port", changed(json!({ "awsRegion": "us-east-1:80@evil.example" }))),
        ("a region of 100 KB", changed(json!({ "awsRegion": "a-".repeat(50_000) }))),
        ("a region that is a number", changed(json!({ "awsRegion": 7 }))),
        ("a record of another account", other),
        (
            "a queue of another account",
            changed(queue("https://sqs.us-east-1.amazonaws.com/999999999999/jobs")),
        ),
        ("an address that leads elsewhere", changed(queue("https://evil.example/111122223333/../jobs?x=#"))),
        ("a failed call", changed(json!({ "errorCode": "AccessDenied" }))),
    ] {
        let run = run(vec![event], fine, QUEUES);
        assert!(!run.failed && run.answers[0].0 == "response", "{what}: {:?}", run.answers);
        assert_eq!(writes(&run), Vec::<&String>::new(), "{what}: it tagged");
    }
}

/// Documents that are none: each is a dead letter with its reason, or is answered with an error, and tags nothing.
#[test]
fn forged_documents_are_refused_and_kept() {
    let deep = "[".repeat(100_000);
    for (what, body) in [
        ("nested 100,000 deep", deep.clone()),
        ("nested 100,000 deep and closed", format!("{deep}{}", "]".repeat(100_000))),
        ("objects nested 100,000 deep", "{\"detail\":".repeat(100_000)),
        ("no JSON", "\0\u{1b}nonsense".to_owned()),
        ("half a surrogate", "{\"detail\":{\"eventName\":\"\\ud800\"}}".to_owned()),
        ("work of a version that there is not", json!({ "tagger": "work", "version": 999, "arn": "arn:aws:iam::111122223333:user/cfo" }).to_string()),
        ("work about nothing", json!({ "work": {}, "resource": { "arn": "arn:aws:iam::111122223333:user/cfo", "type": "AWS::IAM::User" } }).to_string()),
    ] {
        let run = run(vec![message(body)], fine, QUEUES);
        assert!(!run.failed, "{what}: the program ended");
        assert_eq!(writes(&run), Vec::<&String>::new(), "{what}: it tagged");
        let kept = run.asked.iter().any(|asked| asked.starts_with("AmazonSQS.SendMessage") && asked.contains("dead-letters"));
        let comes_again = run.answers[0].1["batchItemFailures"].as_array().is_some_and(|list| !list.is_empty());
        assert!(kept || comes_again || run.answers[0].0 == "error", "{what}: lost: {:?} {}", run.answers, run.log);
    }
}

fn launch(count: usize) -> Value {
    let items: Vec<Value> =
        (0..count).map(|number| json!({ "instanceId": format!("i-{number:017x}") })).collect();
    detail(
        "111122223333",
        json!({
            "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances", "eventTime": lately(), "requestParameters": {},
            "responseElements": { "instancesSet": { "items": items } },
        }),
    )
}

/// An event of 50,000 instances did not end within 240 seconds: before the first call each was compared with all others.
#[test]
fn deciding_does_not_grow_with_the_square_of_the_resources() {
    let seconds = |count: usize| {
        let record = Record::new(launch(count));
        let once = || {
            let started = Instant::now();
            assert_eq!(plan(&record, &Policy::default(), None).actions.len(), count);
            started.elapsed().as_secs_f64()
        };
        once().min(once())
    };
    let (few, many) = (seconds(1_000), seconds(16_000));
    // Sixteen times as many: each compared with all others takes 256 times as long.
    assert!(many < 64.0 * few, "1,000 instances took {few} s, 16,000 took {many} s");
}

/// What does not fit into its time waits in the retry queue, and the function ends.
#[test]
fn an_event_of_many_instances_ends() {
    let most: usize = std::env::var("INSTANCES").ok().and_then(|count| count.parse().ok()).unwrap_or(1_000);
    let mut big = event(launch(most));
    big["source"] = "aws.ec2".into();
    let started = Instant::now();
    let run = run_within(Duration::from_secs(15), vec![big], fine, QUEUES);
    let (seconds, calls) = (started.elapsed().as_secs(), run.asked.len());
    eprintln!("{most} instances: {seconds} s, {calls} calls, {:?} MB, {}", run.peak_mb, run.answers[0].0);
    assert!(!run.failed && run.answers[0].0 == "response", "{:?}", run.answers);
    assert!(run.asked.iter().any(|asked| asked.contains("i-0")), "nothing was asked or sent in its time");
}
