//! The real program with a large batch of the events queue and little time: what is not begun comes again, and
//! no message is done with whose resource has neither its tag nor a piece of work.

mod support;

use serde_json::{Value, json};
use std::{collections::BTreeSet, thread, time::Duration};
use support::{Aws, Run, detail, event, run_within};

const QUEUES: &[(&str, &str)] = &[
    ("RETRY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry"),
    (
        "DEAD_LETTER_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters",
    ),
];
/// So long before the end the function begins no call any more, with the second that it keeps for itself.
const LAST_CALL: Duration = Duration::from_secs(12);

/// A batch of events, each of another resource; of EC2, or of types that take one resource a call.
fn batch(count: usize, ec2: bool) -> Value {
    let message = |number: usize| {
        let record = if ec2 {
            let tag_set = json!({ "volumeId": format!("vol-{number}-"), "tagSet": {} });
            json!({ "eventSource": "ec2.amazonaws.com", "eventName": "CreateVolume", "requestParameters": {}, "responseElements": tag_set })
        } else {
            let url = format!("https://sqs.us-east-1.amazonaws.com/111122223333/jobs-{number}-");
            json!({ "responseElements": { "queueUrl": url } })
        };
        let mut body = event(detail("111122223333", record));
        body["source"] = if ec2 { "aws.ec2" } else { "aws.sqs" }.into();
        json!({
            "messageId": number.to_string(), "receiptHandle": "r", "body": body.to_string(), "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-events",
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795509000123" },
        })
    };
    json!({ "Records": (0..count).map(message).collect::<Vec<_>>() })
}

fn fine(asked: &str) -> (u16, String) {
    let ec2 =
        ["DescribeTags", "CreateTags"].into_iter().find(|name| asked.contains(&format!("Action={name}")));
    (200, ec2.map_or_else(|| "{}".to_owned(), |name| format!("<{name}Response><tagSet/></{name}Response>")))
}

fn slow(asked: &str) -> (u16, String) {
    thread::sleep(Duration::from_millis(200));
    fine(asked)
}

/// Nothing answers in time, not even the queue.
fn silent(asked: &str) -> (u16, String) {
    thread::sleep(Duration::from_secs(11));
    fine(asked)
}

fn failed(run: &Run) -> BTreeSet<usize> {
    assert_eq!(run.answers[0].0, "response", "{:?}", run.answers);
    let list = run.answers[0].1["batchItemFailures"].as_array().expect("a list of what comes again");
    list.iter().map(|one| one["itemIdentifier"].as_str().unwrap().parse().unwrap()).collect()
}

/// The messages whose resource was written, or is named by a piece of work.
fn kept(run: &Run) -> BTreeSet<usize> {
    let is_kept = |asked: &&String| {
        asked.contains("Action=CreateTags")
            || asked.starts_with("AmazonSQS.TagQueue")
            || asked.starts_with("AmazonSQS.SendMessage")
    };
    let numbers = run.asked.iter().filter(is_kept).flat_map(|asked| {
        let names = asked.split("vol-").chain(asked.split("jobs-")).skip(1);
        names.filter_map(|rest| rest.split('-').next()?.parse().ok()).collect::<Vec<usize>>()
    });
    numbers.collect()
}

#[test]
fn a_large_batch_is_done_in_time() {
    // The others are held to the rate of their API, so that they are few here.
    for (ec2, count) in [(true, 1_000), (false, 40)] {
        let run = run_within(Duration::from_secs(300), vec![batch(count, ec2)], fine, QUEUES);
        assert_eq!(failed(&run), BTreeSet::new(), "of EC2: {ec2}");
        assert_eq!(kept(&run).len(), count, "of EC2: {ec2}");
        if ec2 {
            let calls = run.asked.len();
            assert!(calls < 20, "1,000 volumes of one creator took {calls} calls; expected them in a few");
        }
    }
}

/// A batch of 6 MB took 430 MB, more than the function has, and came again for ever.
#[test]
fn a_batch_of_many_small_values_fits_into_memory() {
    let list = |value: &str, size: usize| format!("[{}]", vec![value; size / (value.len() + 1)].join(","));
    // As large as a record of CloudTrail can be, and as a message of SQS.
    for (what, value, size, count, most) in [
        ("lists in lists", "[[[[]]]]", 250_000, 24, 100),
        ("small objects", "{\"\":0}", 250_000, 12, 100),
        // The test's build takes 13 MB more than the release's.
        ("small objects in large messages", "{\"\":0}", 1_000_000, 6, 133),
    ] {
        let small: Value = serde_json::from_str(&list(value, size)).unwrap();
        let mut event = batch(count, false);
        for message in event["Records"].as_array_mut().unwrap() {
            let mut body: Value = serde_json::from_str(message["body"].as_str().unwrap()).unwrap();
            body["detail"]["additionalEventData"] = small.clone();
            message["body"] = body.to_string().into();
        }
        let run = run_within(Duration::from_secs(300), vec![event], fine, QUEUES);
        assert_eq!((failed(&run), kept(&run).len()), (BTreeSet::new(), count), "{what}");
        if let Some(peak) = run.peak_mb {
            assert!(peak <= most, "{what}: expected at most {most} MB, found {peak}");
        }
    }
}

#[test]
fn what_is_not_begun_or_not_done_comes_again() {
    type Case = (&'static str, usize, Duration, Aws, usize);
    let cases: [Case; 3] = [
        ("nothing can be begun", 700, LAST_CALL, fine, 700),
        ("the time is over after the first part", 700, LAST_CALL + Duration::from_millis(500), slow, 200),
        ("the time is over in the middle", 3, LAST_CALL + Duration::from_millis(500), silent, 3),
    ];
    for (what, count, time, aws, expected) in cases {
        let run = run_within(time, vec![batch(count, false)], aws, QUEUES);
        let (failed, kept) = (failed(&run), kept(&run));
        assert!(
            failed.len() >= expected,
            "{what}: expected {expected} to come again, found {}",
            failed.len()
        );
        let lost: Vec<_> =
            (0..count).filter(|number| !failed.contains(number) && !kept.contains(number)).collect();
        assert!(lost.is_empty(), "{what}: done with, and neither tagged nor waiting: {lost:?}");
        assert!(run.log.contains("out-of-time"), "{what}: the log does not say so");
    }
}
