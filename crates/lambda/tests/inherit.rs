//! The real program about what AWS makes for somebody's resource: it gets the parent's creator, waits for
//! one, and is the service's own when there is none. Who made a stack is in the event history.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use support::{Aws, Run, detail, event};
use tagger_aws::time;
use tagger_core::work::Document;

const RETRY: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry";
const QUEUES: &[(&str, &str)] = &[
    ("RETRY_QUEUE_URL", RETRY),
    (
        "DEAD_LETTER_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters",
    ),
];
const EMPTY: &str =
    "<DescribeTagsResponse><DescribeTagsResult><Tags/></DescribeTagsResult></DescribeTagsResponse>";

/// An instance that Auto Scaling started for the group `web`, so many seconds ago.
fn instance(age: u64) -> Value {
    let at = time::format(SystemTime::now() - Duration::from_secs(age));
    let tags = json!({ "items": [{ "key": "aws:autoscaling:groupName", "value": "web" }] });
    let interfaces = json!({ "items": [{ "networkInterfaceId": "eni-1" }] });
    let volumes = json!({ "items": [{ "ebs": { "volumeId": "vol-1" } }] });
    let item = json!({ "instanceId": "i-1", "tagSet": tags, "networkInterfaceSet": interfaces, "blockDeviceMapping": volumes });
    let role = "arn:aws:sts::111122223333:assumed-role/AWSServiceRoleForAutoScaling/AutoScaling";
    let path = "arn:aws:iam::111122223333:role/aws-service-role/autoscaling.amazonaws.com/AWSServiceRoleForAutoScaling";
    event(detail(
        "111122223333",
        json!({
            "eventTime": at, "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances", "requestParameters": {},
            "responseElements": { "instancesSet": { "items": [item] } },
            "userIdentity": {
                "type": "AssumedRole", "arn": role, "invokedBy": "autoscaling.amazonaws.com",
                "sessionContext": { "sessionIssuer": { "type": "Role", "arn": path } },
            },
        }),
    ))
}

fn ec2(asked: &str) -> (u16, String) {
    let body = match asked {
        _ if asked.contains("Action=DescribeTags") && asked.contains("auto-scaling-group") => EMPTY,
        _ if asked.contains("Action=DescribeTags") => {
            "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"
        }
        // What a template may have tagged is looked at first.
        _ if asked.contains("Action=DescribeVolumes") => {
            "<DescribeVolumesResponse><volumeSet><item><volumeId>vol-1</volumeId></item></volumeSet></DescribeVolumesResponse>"
        }
        _ if asked.contains("Action=DescribeNetworkInterfaces") => {
            "<DescribeNetworkInterfacesResponse><networkInterfaceSet><item><networkInterfaceId>eni-1</networkInterfaceId>\
             </item></networkInterfaceSet></DescribeNetworkInterfacesResponse>"
        }
        _ if asked.contains("Action=CreateTags") => {
            "<CreateTagsResponse><return>true</return></CreateTagsResponse>"
        }
        _ => "{}",
    };
    (200, body.to_owned())
}

fn with_creator(asked: &str) -> (u16, String) {
    if asked.contains("Action=DescribeTags") && asked.contains("Filters.member.1.Values.member.1=web") {
        let tag = "<Key>CreatedBy</Key><Value>alice</Value><ResourceId>web</ResourceId>";
        return (200, EMPTY.replace("<Tags/>", &format!("<Tags><member>{tag}</member></Tags>")));
    }
    ec2(asked)
}

fn created(run: &Run) -> Vec<&String> {
    run.asked.iter().filter(|asked| asked.contains("Action=CreateTags")).collect()
}

fn line(run: &Run) -> Value {
    let lines = run.log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.rev().find(|line| line["arn"].is_string()).unwrap_or_default()
}

fn waiting(run: &Run) -> Vec<Document> {
    let sent = run.asked.iter().filter_map(|asked| asked.strip_prefix("AmazonSQS.SendMessage "));
    let sent = sent.map(|body| serde_json::from_str::<Value>(body).unwrap());
    let to_retry = sent.filter(|request| request["QueueUrl"] == RETRY);
    to_retry.map(|request| serde_json::from_str(request["MessageBody"].as_str().unwrap()).unwrap()).collect()
}

#[test]
fn an_instance_of_a_group_has_the_groups_creator() {
    let run = support::run(vec![instance(20)], with_creator, QUEUES);
    assert_eq!(run.answers[0].1["tagged"], 3, "{:?} {}", run.answers, run.log);
    let created = created(&run);
    assert_eq!(created.len(), 1, "{created:?}");
    for part in ["Tag.1.Value=alice", "=i-1", "=eni-1", "=vol-1"] {
        assert!(created[0].contains(part), "{part}: {created:?}");
    }
    let line = line(&run);
    assert_eq!((&line["inherited"], &line["kind"]), (&json!("alice"), &json!("service")), "{line}");
    assert!(line["parent"].as_str().unwrap().ends_with("autoScalingGroupName/web"), "{line}");
}

#[test]
fn it_waits_until_the_group_has_one() {
    let first = support::run(vec![instance(20)], ec2, QUEUES);
    assert_eq!(first.answers[0].1["waiting"], 3, "{:?} {}", first.answers, first.log);
    assert!(created(&first).is_empty());
    assert_eq!(line(&first)["error"], "ParentWithoutCreator");
    let waiting = waiting(&first);
    assert_eq!(waiting.len(), 1, "{waiting:?}");
    // The piece of work comes back, and now the group has its tag.
    let message = json!({
        "messageId": "m-1", "receiptHandle": "r-1", "body": waiting[0].text(), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-retry",
        "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795509000123" },
    });
    let second = support::run(vec![json!({ "Records": [message] })], with_creator, QUEUES);
    assert_eq!(second.answers[0].1, json!({ "batchItemFailures": [] }), "{}", second.log);
    assert!(created(&second)[0].contains("Tag.1.Value=alice"), "{:?}", second.asked);
}

#[test]
fn what_nobody_is_behind_is_the_services_or_nobodys() {
    let old: Aws = ec2;
    let settings = |more: &'static [(&'static str, &'static str)]| [QUEUES, more].concat();
    for (what, age, environment, tagged, left_alone) in [
        ("after a while", 600, settings(&[]), 3, 0),
        ("without queues", 20, Vec::new(), 3, 0),
        ("where services are skipped", 600, settings(&[("TAGGER_SKIP_KINDS", "service")]), 0, 1),
    ] {
        let run = support::run(vec![instance(age)], old, &environment);
        let answer = &run.answers[0].1;
        assert_eq!(
            (&answer["tagged"], &answer["leftAlone"]),
            (&json!(tagged), &json!(left_alone)),
            "{what}: {}",
            run.log
        );
        let created = created(&run);
        assert_eq!(
            created.iter().filter(|asked| asked.contains("Tag.1.Value=autoscaling.amazonaws.com")).count(),
            created.len()
        );
        assert_eq!(created.is_empty(), tagged == 0, "{what}");
        if tagged > 0 {
            assert_eq!(line(&run)["code"], "parent-unknown", "{what}: {}", run.log);
        }
    }
    let skipped = settings(&[("TAGGER_SKIP_KINDS", "service")]);
    let run = support::run(vec![instance(20)], with_creator, &skipped);
    assert!(created(&run)[0].contains("Tag.1.Value=alice"), "a person is behind it: {:?}", run.asked);
}

const STACK: &str = "arn:aws:cloudformation:us-east-1:111122223333:stack/web/1-2";
const ROOT: &str = "arn:aws:cloudformation:us-east-1:111122223333:stack/whole/3-4";
const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents ";

/// A queue that CloudFormation made with a role of the stack's, so many seconds ago.
fn queue_of_a_stack(age: u64) -> Value {
    let at = time::format(SystemTime::now() - Duration::from_secs(age));
    let url = "https://sqs.us-east-1.amazonaws.com/111122223333/web-queue";
    let role = "arn:aws:sts::111122223333:assumed-role/stacks/AWSCloudFormation";
    event(detail(
        "111122223333",
        json!({
            "eventTime": at, "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue",
            "requestParameters": { "queueName": "web-queue", "tags": { "aws:cloudformation:stack-id": STACK } },
            "responseElements": { "queueUrl": url },
            "userIdentity": { "type": "AssumedRole", "arn": role, "invokedBy": "cloudformation.amazonaws.com" },
        }),
    ))
}

/// Stacks without tags, the first nested in the second; a queue without tags; a history by `lookup`.
fn stacks(asked: &str, lookup: fn(&str) -> (u16, String)) -> (u16, String) {
    if let Some(body) = asked.strip_prefix(LOOKUP) {
        return lookup(body);
    }
    let stack = |arn: &str, more: &str| {
        let created = time::format(SystemTime::now() - Duration::from_secs(800));
        format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>{arn}</StackId><StackName>s</StackName>\
             <CreationTime>{created}</CreationTime>{more}</member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
        )
    };
    let body = match asked {
        _ if asked.starts_with("AmazonSQS") => "{}".to_owned(),
        _ if asked.contains("whole") => stack(ROOT, ""),
        _ => stack(STACK, &format!("<RootId>{ROOT}</RootId>")),
    };
    (200, body)
}

/// What LookupEvents answers about the root: alice's change set, which made it, beside somebody else's calls.
fn shown(body: &str) -> (u16, String) {
    let at = time::format(SystemTime::now() - Duration::from_secs(795));
    let call = |name: &str, stack: &str, user: &str| {
        let record = json!({
            "eventID": format!("{name} {user}"), "eventTime": at,
            "eventSource": "cloudformation.amazonaws.com", "eventName": name, "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333", "responseElements": { "stackId": stack },
            "userIdentity": { "type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}") },
        });
        json!({ "CloudTrailEvent": record.to_string() })
    };
    let other = "arn:aws:cloudformation:us-east-1:111122223333:stack/whole/5-6";
    let events = if body.contains(ROOT) {
        vec![call("CreateChangeSet", ROOT, "alice")]
    } else {
        vec![call("UpdateStack", other, "mallory"), call("CreateStack", other, "bob")]
    };
    (200, json!({ "Events": events }).to_string())
}

fn busy(_: &str) -> (u16, String) {
    (400, json!({ "__type": "ThrottlingException", "message": "Rate exceeded" }).to_string())
}

fn refused(_: &str) -> (u16, String) {
    (400, json!({ "__type": "AccessDeniedException", "message": "not allowed" }).to_string())
}

#[test]
fn what_a_stack_makes_has_the_creator_of_the_stack() {
    let aws: Aws = |asked| stacks(asked, shown);
    let run = support::run(vec![queue_of_a_stack(300)], aws, QUEUES);
    assert_eq!(run.answers[0].1["tagged"], 1, "{:?} {}", run.answers, run.log);
    let written: Vec<_> = run.asked.iter().filter(|asked| asked.contains("TagQueue")).collect();
    assert!(written.len() == 1 && written[0].contains("alice"), "{written:?}");
    let line = line(&run);
    assert_eq!((&line["inherited"], &line["parent"]), (&json!("alice"), &json!(STACK)), "{line}");
    // It is asked by the root's ARN and its name, from when it was made on.
    let asked = run.asked.iter().filter_map(|asked| asked.strip_prefix(LOOKUP));
    let asked: Vec<Value> = asked.map(|body| serde_json::from_str(body).unwrap()).collect();
    let by = |body: &Value| body["LookupAttributes"][0].clone();
    let named = |name: &str| json!({ "AttributeKey": "ResourceName", "AttributeValue": name });
    assert_eq!(asked.iter().map(by).collect::<Vec<_>>(), [named(ROOT), named("whole")], "{asked:?}");
    let length = |body: &Value| body["EndTime"].as_u64().unwrap() - body["StartTime"].as_u64().unwrap();
    assert!(asked.iter().all(|body| length(body) < 1000), "{asked:?}");
}

/// A history that knows CloudFormation's calls by their own names only: it says nothing of a stack's ARN or name.
fn by_call(body: &str) -> (u16, String) {
    let is_known = body.contains("\"EventName\"") && body.contains("CreateChangeSet");
    if is_known { shown(ROOT) } else { (200, json!({ "Events": [] }).to_string()) }
}

#[test]
fn a_history_that_does_not_know_stacks_is_asked_by_calls() {
    let run = support::run(vec![queue_of_a_stack(300)], |asked| stacks(asked, by_call), QUEUES);
    let written: Vec<_> = run.asked.iter().filter(|asked| asked.contains("TagQueue")).collect();
    assert!(written.len() == 1 && written[0].contains("alice"), "{written:?} {}", run.log);
    let asked = run.asked.iter().filter_map(|asked| asked.strip_prefix(LOOKUP));
    let asked: Vec<Value> = asked.map(|body| serde_json::from_str(body).unwrap()).collect();
    let calls = asked.iter().filter(|body| body["LookupAttributes"][0]["AttributeKey"] == "EventName");
    let lengths = calls.map(|body| body["EndTime"].as_u64().unwrap() - body["StartTime"].as_u64().unwrap());
    // From a minute before the stack was made, 800 s ago, to the event, 300 s ago.
    assert!(lengths.clone().count() > 0 && lengths.clone().all(|length| length < 570), "{asked:?}");
}

/// Regression: the first event of a batch was young, so the history was not asked for the old one's sake either.
#[test]
fn the_oldest_event_of_a_batch_says_whether_the_history_is_asked() {
    let message = |number: u32, age| {
        json!({
            "messageId": format!("m-{number}"), "receiptHandle": "r", "body": queue_of_a_stack(age).to_string(), "eventSource": "aws:sqs",
            "eventSourceARN": "arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-events",
            "attributes": { "ApproximateReceiveCount": "1", "SentTimestamp": "1795509000123" },
        })
    };
    let aws: Aws = |asked| stacks(asked, shown);
    let run = support::run(vec![json!({ "Records": [message(1, 20), message(2, 700)] })], aws, QUEUES);
    let written: Vec<_> = run.asked.iter().filter(|asked| asked.contains("TagQueue")).collect();
    let of_alice = written.iter().all(|asked| asked.contains("alice"));
    assert!(!written.is_empty() && of_alice, "expected alice alone: {written:?} {}", run.log);
}

#[test]
fn where_the_history_does_not_tell_of_a_stack() {
    for (what, age, aws, tagged, waiting, looked) in [
        ("not shown yet, so not asked", 20, (|asked| stacks(asked, shown)) as Aws, 0, 1, false),
        ("too many calls, so it waits", 700, |asked| stacks(asked, busy), 0, 1, true),
        ("not allowed: it waits for a tag", 300, |asked| stacks(asked, refused), 0, 1, true),
        ("not allowed, and no tag came", 700, |asked| stacks(asked, refused), 1, 0, true),
    ] {
        let run = support::run(vec![queue_of_a_stack(age)], aws, QUEUES);
        let answer = &run.answers[0].1;
        let found = (&answer["tagged"], &answer["waiting"]);
        assert_eq!(found, (&json!(tagged), &json!(waiting)), "{what}: {}", run.log);
        assert_eq!(run.asked.iter().any(|asked| asked.starts_with(LOOKUP)), looked, "{what}");
        if tagged > 0 {
            let written = run.asked.iter().find(|asked| asked.contains("TagQueue")).unwrap();
            assert!(written.contains("AWSCloudFormation"), "{what}: {written}");
        }
    }
}
