//! The real program about what AWS makes for somebody's resource: it gets the parent's creator, waits for
//! one, and is the service's own when there is none.

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
    event(detail(
        "111122223333",
        json!({
            "eventTime": at, "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances", "requestParameters": {},
            "responseElements": { "instancesSet": { "items": [item] } },
            "userIdentity": { "type": "AssumedRole", "arn": role, "invokedBy": "autoscaling.amazonaws.com" },
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
            created.iter().filter(|asked| asked.contains("Tag.1.Value=AutoScaling")).count(),
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
