//! The real program where AWS answers as it does on a bad day: one id that is not visible, work of an older catalog,
//! look-ups that hang, denials of the first seconds, records without an answer. Nothing is lost without a word.

mod support;

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};
use support::{Aws, Run, detail, event};
use tagger_aws::time;

const RETRY: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry";
const DEAD: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters";
const LOOK_UP: &str = "com.amazonaws.cloudtrail";
const QUEUES: &[(&str, &str)] = &[("RETRY_QUEUE_URL", RETRY), ("DEAD_LETTER_QUEUE_URL", DEAD)];

fn run(events: Vec<Value>, aws: Aws) -> Run {
    support::run(events, aws, QUEUES)
}

/// The record of a call so many seconds ago.
fn record(age: u64, source: &str, name: &str, request: Value, response: Value) -> Value {
    let at = time::format(SystemTime::now() - Duration::from_secs(age));
    let members = json!({
        "eventTime": at, "eventSource": format!("{source}.amazonaws.com"), "eventName": name,
        "requestParameters": request, "responseElements": response,
    });
    detail("111122223333", members)
}

fn queue(age: u64, name: &str) -> Value {
    let url = format!("https://sqs.us-east-1.amazonaws.com/111122223333/{name}");
    record(age, "sqs", "CreateQueue", json!({ "queueName": name }), json!({ "queueUrl": url }))
}

fn batch(queue: &str, bodies: Vec<Value>) -> Value {
    let sent = time::since_1970(SystemTime::now()) * 1_000;
    let messages = bodies.into_iter().enumerate().map(|(number, body)| {
        json!({
            "messageId": format!("m-{number}"), "receiptHandle": "r", "body": body.to_string(), "eventSource": "aws:sqs",
            "eventSourceARN": format!("arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-{queue}"),
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": sent.to_string() },
        })
    });
    json!({ "Records": messages.collect::<Vec<_>>() })
}

/// The texts that were sent to a queue.
fn sent(run: &Run, url: &str) -> Vec<Value> {
    let requests = run.asked.iter().filter_map(|asked| asked.strip_prefix("AmazonSQS.SendMessage "));
    let requests = requests.map(|body| serde_json::from_str::<Value>(body).unwrap());
    let to_queue = requests.filter(|request| request["QueueUrl"] == url);
    to_queue.map(|request| serde_json::from_str(request["MessageBody"].as_str().unwrap()).unwrap()).collect()
}

fn codes(run: &Run) -> Vec<String> {
    // What was not answered in time is sent once more.
    let mut codes: Vec<String> =
        sent(run, DEAD).iter().map(|letter| letter["reason"]["code"].as_str().unwrap().to_owned()).collect();
    codes.dedup();
    codes
}

fn ids(asked: &str) -> Vec<&str> {
    let fields = asked.split('&').filter(|field| field.starts_with("ResourceId."));
    fields.filter_map(|field| field.split_once('=')).map(|(_, id)| id.trim()).collect()
}

/// An EC2 that refuses a call with `eni-7` in it.
fn with_an_invisible_one(asked: &str) -> (u16, String) {
    if asked.contains("Action=CreateTags") {
        if ids(asked).contains(&"eni-7") {
            let error = "<Code>InvalidNetworkInterfaceID.NotFound</Code><Message>The networkInterface ID 'eni-7' does not exist</Message>";
            return (400, format!("<Response><Errors><Error>{error}</Error></Errors></Response>"));
        }
        return (200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>".to_owned());
    }
    let action = asked.split("Action=").nth(1).and_then(|rest| rest.split('&').next()).unwrap_or("None");
    (200, format!("<{action}Response><tagSet/></{action}Response>"))
}

#[test]
fn one_id_that_is_not_visible_holds_up_no_other() {
    let item = |number: usize| {
        let set = json!({ "items": [{ "networkInterfaceId": format!("eni-{number}") }] });
        let volumes = json!({ "items": [{ "ebs": { "volumeId": format!("vol-{number}") } }] });
        json!({ "instanceId": format!("i-{number}"), "networkInterfaceSet": set, "blockDeviceMapping": volumes })
    };
    let items: Vec<Value> = (0..100).map(item).collect();
    let launch = record(1, "ec2", "RunInstances", json!({}), json!({ "instancesSet": { "items": items } }));
    let run = run(vec![event(launch)], with_an_invisible_one);
    let calls: Vec<&String> = run.asked.iter().filter(|asked| asked.contains("Action=CreateTags")).collect();
    let tagged = calls.iter().map(|asked| ids(asked)).filter(|ids| !ids.contains(&"eni-7"));
    let tagged: BTreeSet<&str> = tagged.flatten().collect();
    assert_eq!((tagged.len(), calls.len()), (299, 2));
    let waiting = sent(&run, RETRY);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    assert_eq!(
        waiting[0]["resources"],
        json!(["arn:aws:ec2:us-east-1:111122223333:network-interface/eni-7"])
    );
}

fn fine(_: &str) -> (u16, String) {
    (200, "{}".to_owned())
}

#[test]
fn what_is_planned_otherwise_by_now_is_a_dead_letter() {
    let now = time::since_1970(SystemTime::now());
    let work = json!({
        "tagger": "work", "record": queue(60, "jobs"), "firstSeen": now - 60, "tries": 1,
        "resources": ["arn:aws:sqs:us-east-1:111122223333:jobs-by-the-old-template"],
    });
    let run = run(vec![batch("retry", vec![work])], fine);
    assert_eq!(codes(&run), ["no-longer-planned"], "{}", run.log);
    assert!(!run.asked.iter().any(|asked| asked.contains("AmazonSQS.TagQueue")), "{:?}", run.asked);
    assert_eq!(run.answers[0].1, json!({ "batchItemFailures": [] }));
}

#[test]
fn a_creation_of_which_no_resource_can_be_read_is_a_dead_letter() {
    let omitted = || json!({ "omitted": true, "reason": "responseElements exceeds the limit" });
    let hidden = record(1, "ec2", "CreateVolume", json!({}), omitted());
    let found = run(vec![event(hidden)], fine);
    assert_eq!(codes(&found), ["no-resource-in-record"], "{}", found.log);
    assert_eq!(found.answers[0].1["givenUp"], 1);
    // A call that changed something has made nothing.
    let changed = record(1, "sqs", "CreateQueue", json!({}), json!({}));
    assert_eq!(codes(&run(vec![event(changed)], fine)), ["no-resource-in-record"]);
}

/// What a launch of 60 made is found by its token.
fn launched(asked: &str) -> (u16, String) {
    if !asked.contains("Action=DescribeInstances") {
        return with_an_invisible_one(asked);
    }
    if !asked.contains("Filter.1.Name=client-token&Filter.1.Value.1=token-1")
        && !asked.contains("Filter.1.Value.1=token-1&Filter.1.Name=client-token")
    {
        return (
            400,
            "<Response><Errors><Error><Code>InvalidParameterValue</Code></Error></Errors></Response>"
                .to_owned(),
        );
    }
    let item = |number: usize| {
        format!(
            "<item><instanceId>i-{number}</instanceId><instanceState><name>running</name></instanceState><blockDeviceMapping><item>\
             <ebs><volumeId>vol-{number}</volumeId></ebs></item></blockDeviceMapping></item>"
        )
    };
    let items: String = (0..60).map(item).collect();
    let set = format!("<reservationSet><item><instancesSet>{items}</instancesSet></item></reservationSet>");
    (200, format!("<DescribeInstancesResponse>{set}</DescribeInstancesResponse>"))
}

#[test]
fn a_launch_without_an_answer_is_found_by_its_token() {
    let omitted = json!({ "omitted": true, "reason": "responseElements exceeds the limit" });
    let launch = record(1, "ec2", "RunInstances", json!({ "clientToken": "token-1" }), omitted);
    let run = run(vec![event(launch)], launched);
    assert_eq!(run.answers[0].1["tagged"], 120, "{} {:?}", run.log, run.asked);
    assert!(codes(&run).is_empty());
}

#[test]
fn a_denial_of_the_first_seconds_waits() {
    let unknown: Aws = |asked| {
        let denied = asked.starts_with("AmazonSQS.ListQueueTags");
        let error =
            json!({ "__type": "UnrecognizedClientException", "message": "The security token is invalid." });
        if denied { (403, error.to_string()) } else { fine(asked) }
    };
    let run = run(vec![event(queue(1, "jobs"))], unknown);
    assert_eq!((sent(&run, RETRY).len(), sent(&run, DEAD).len()), (1, 0), "{}", run.log);
}

#[test]
fn the_creators_tag_goes_in_where_another_has_no_room() {
    let full: Aws = |asked| {
        let tags: serde_json::Map<String, Value> =
            (0..49).map(|tag| (format!("k{tag}"), json!("v"))).collect();
        if asked.starts_with("AmazonSQS.ListQueueTags") {
            return (200, json!({ "Tags": tags }).to_string());
        }
        fine(asked)
    };
    let environment = [QUEUES, &[("TAGGER_TAGS", "CreatedAt={eventTime}")]].concat();
    let run = support::run(vec![event(queue(1, "jobs"))], full, &environment);
    let written: Vec<_> =
        run.asked.iter().filter_map(|asked| asked.strip_prefix("AmazonSQS.TagQueue ")).collect();
    let [written] = written.as_slice() else { panic!("{:?}", run.asked) };
    let written: Value = serde_json::from_str(written).unwrap();
    assert_eq!(written["Tags"], json!({ "CreatedBy": "alice" }));
    assert!(run.log.contains(r#""leftOut":["CreatedAt"]"#), "{}", run.log);
}

#[test]
fn a_history_that_hangs_holds_up_its_own_records_only() {
    let slow: Aws = |asked| {
        // A piece of work names the call as well.
        if asked.starts_with(LOOK_UP) {
            return (400, json!({ "__type": "ThrottlingException" }).to_string());
        }
        if asked.contains("Action=DescribeStacks") {
            let made = time::format(SystemTime::now() - Duration::from_secs(260));
            let stack = format!(
                "<member><StackName>s</StackName><CreationTime>{made}</CreationTime><Tags/></member>"
            );
            let body = format!(
                "<DescribeStacksResponse><DescribeStacksResult><Stacks>{stack}</Stacks></DescribeStacksResult></DescribeStacksResponse>"
            );
            return (200, body);
        }
        fine(asked)
    };
    let of_stack = |number: u32| {
        let stack = format!("arn:aws:cloudformation:us-east-1:111122223333:stack/s-{number}/1-{number}");
        let request = json!({ "logGroupName": format!("g-{number}"), "tags": { "aws:cloudformation:stack-id": stack } });
        let mut record = record(200, "logs", "CreateLogGroup", request, Value::Null);
        record["userIdentity"] = json!({
            "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/stacks/AWSCloudFormation",
            "invokedBy": "cloudformation.amazonaws.com",
        });
        event(record)
    };
    let queues = (0..20).map(|number| event(queue(200, &format!("jobs-{number}"))));
    let run = run(vec![batch("events", (0..3).map(of_stack).chain(queues).collect())], slow);
    let first_look = run.asked.iter().position(|asked| asked.starts_with(LOOK_UP)).unwrap();
    let looks = run.asked.iter().filter(|asked| asked.starts_with(LOOK_UP)).count();
    let tagged = run.asked.iter().filter(|asked| asked.starts_with("AmazonSQS.TagQueue")).count();
    assert_eq!(tagged, 20, "{}", run.log);
    // They were tagged while the history was asked again and again.
    let last = run.asked.iter().rposition(|asked| asked.starts_with("AmazonSQS.TagQueue")).unwrap();
    let after = run.asked[last..].iter().filter(|asked| asked.starts_with(LOOK_UP)).count();
    assert!(after > 0 && looks > 3, "{first_look} {last} {looks}: {:?}", run.asked);
    let waiting =
        sent(&run, RETRY).into_iter().filter(|work| work["record"]["eventName"] == "CreateLogGroup");
    assert_eq!(waiting.count(), 3, "{}", run.log);
}

/// In us-east-1 the call answers with success for a bucket that is there: the second caller's name went on another's.
#[test]
fn a_bucket_that_was_there_before_is_left_alone() {
    fn buckets(asked: &str, age: u64) -> (u16, String) {
        let made = time::format(SystemTime::now() - Duration::from_secs(age));
        let one =
            |name: &str| format!("<Bucket><Name>{name}</Name><CreationDate>{made}</CreationDate></Bucket>");
        match asked {
            _ if asked.starts_with("/?max-buckets=1000&prefix=logs ") => {
                let both = one("logs") + &one("logs-old");
                (200, format!("<ListAllMyBucketsResult><Buckets>{both}</Buckets></ListAllMyBucketsResult>"))
            }
            _ if asked.contains("<TagResourceRequest") => (204, String::new()),
            _ => (200, "<ListTagsForResourceResult><Tags/></ListTagsForResourceResult>".to_owned()),
        }
    }
    let refused = |asked: &str| match asked.contains("max-buckets") {
        true => (403, "<Error><Code>AccessDenied</Code></Error>".to_owned()),
        false => buckets(asked, 20),
    };
    for (what, aws, region, tagged, gone, asked) in [
        ("it was there", (|asked| buckets(asked, 3_000)) as Aws, "us-east-1", 0, 1, true),
        ("the call made it", |asked| buckets(asked, 21), "us-east-1", 1, 0, true),
        ("that may not be asked", refused, "us-east-1", 1, 0, true),
        (
            "elsewhere the call fails for what is there",
            |asked| buckets(asked, 3_000),
            "eu-west-1",
            1,
            0,
            false,
        ),
    ] {
        let mut made = record(20, "s3", "CreateBucket", json!({ "bucketName": "logs" }), Value::Null);
        made["awsRegion"] = region.into();
        let run = run(vec![event(made)], aws);
        let answer = &run.answers[0].1;
        let found = (&answer["tagged"], &answer["gone"]);
        assert_eq!(found, (&json!(tagged), &json!(gone)), "{what}: {answer} {} {:?}", run.log, run.asked);
        assert_eq!(run.log.contains("resource-existed"), gone == 1, "{what}: {}", run.log);
        let lists = run.asked.iter().any(|asked| asked.contains("max-buckets"));
        assert_eq!(lists, asked, "{what}: {:?}", run.asked);
    }
}
