//! The real program reconciling, between a Lambda runtime and an AWS on loopback: what it reads of the event
//! history, what it tags, how far the marks move, and what it reports.

mod support;

use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    time::{Duration, SystemTime},
};
use support::{Aws, Run, detail};
use tagger_aws::time;

const QUEUES: &[(&str, &str)] = &[
    ("RETRY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry"),
    (
        "DEAD_LETTER_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters",
    ),
];
const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents ";
const MARK: &str = "auto-resource-tagger-reconciled:";

fn run(aws: Aws) -> Run {
    support::run(vec![json!({"tagger": "reconcile"})], aws, QUEUES)
}

fn now() -> u64 {
    time::since_1970(SystemTime::now())
}

fn ago(seconds: u64) -> String {
    time::format(SystemTime::now() - Duration::from_secs(seconds))
}

/// What all AWSs here have in common: two regions with a forwarder in the second, marks of two and a half hours
/// ago, and resources without tags.
fn usual(asked: &str) -> (u16, String) {
    let ok = |text: &str| (200, text.to_owned());
    let body =
        |asked: &str| asked.split_once(' ').map(|(_, body)| body.trim().to_owned()).unwrap_or_default();
    match asked {
        _ if asked.contains("Action=DescribeRegions") => ok(
            "<DescribeRegionsResponse><regionInfo><item><regionName>eu-west-1</regionName></item><item><regionName>us-east-1</regionName></item>\
             <item><regionName>ap-south-1</regionName></item></regionInfo></DescribeRegionsResponse>",
        ),
        _ if asked.contains("Action=GetRole&") && asked.contains("Forwarder-eu-west-1") => ok(
            "<GetRoleResponse><GetRoleResult><Role><RoleId>AROA1</RoleId></Role></GetRoleResult></GetRoleResponse>",
        ),
        _ if asked.contains("Action=GetRole&") => (
            404,
            "<ErrorResponse><Error><Code>NoSuchEntity</Code><Message>no</Message></Error></ErrorResponse>"
                .to_owned(),
        ),
        _ if asked.starts_with("/2017-03-31/tags/") && body(asked).starts_with("us-east-1") => {
            let mark = ago(150 * MINUTE);
            (
                200,
                json!({ "Tags": { format!("{MARK}us-east-1"): mark, format!("{MARK}eu-west-1"): mark,
                                    format!("{MARK}us-west-2"): mark, "CreatedBy": "ops" } })
                .to_string(),
            )
        }
        _ if asked.starts_with(LOOKUP) => ok(r#"{"Events": []}"#),
        _ if asked.starts_with("ResourceGroupsTaggingAPI_20170126.GetResources") => {
            ok(r#"{"ResourceTagMappingList": [], "PaginationToken": ""}"#)
        }
        _ if asked.starts_with("AmazonSQS.GetQueueAttributes") => {
            // As old as the record of its name says.
            let ages = [("/far", 80 * MINUTE), ("/older", 3 * HOUR)];
            let age =
                ages.iter().find(|(name, _)| asked.contains(name)).map_or(110 * MINUTE, |(_, age)| *age);
            let made = (now() - age).to_string();
            (200, json!({ "Attributes": { "CreatedTimestamp": made } }).to_string())
        }
        _ if asked.contains("Action=ListTagsForResource") => ok(
            "<ListTagsForResourceResponse><ListTagsForResourceResult><Tags/></ListTagsForResourceResult></ListTagsForResourceResponse>",
        ),
        _ if asked.contains("Action=TagResource") => ok("<TagResourceResponse/>"),
        _ => ok("{}"),
    }
}

/// The window of a LookupEvents, its page and its region.
fn window(asked: &str) -> Option<(u64, u64, Option<String>, String)> {
    let (body, region) = asked.strip_prefix(LOOKUP)?.rsplit_once('\n')?;
    let body: Value = serde_json::from_str(body).ok()?;
    let token = body["NextToken"].as_str().map(str::to_owned);
    Some((body["StartTime"].as_u64()?, body["EndTime"].as_u64()?, token, region.to_owned()))
}

fn queue(name: &str, user: &str, age: u64) -> Value {
    detail(
        "111122223333",
        json!({
            "eventTime": ago(age), "readOnly": false, "requestParameters": { "queueName": name },
            "responseElements": { "queueUrl": format!("https://sqs.us-east-1.amazonaws.com/111122223333/{name}") },
            "userIdentity": { "type": "IAMUser", "userName": user },
        }),
    )
}

fn topic(name: &str, age: u64) -> Value {
    let arn = format!("arn:aws:sns:us-east-1:111122223333:{name}");
    let mut record = queue("x", "carol", age);
    record["eventSource"] = "sns.amazonaws.com".into();
    record["eventName"] = "CreateTopic".into();
    record["requestParameters"] = json!({ "name": name });
    record["responseElements"] = json!({ "topicArn": arn });
    record
}

fn bucket(user: &str, age: u64) -> Value {
    let mut record = queue("x", user, age);
    record["eventSource"] = "s3.amazonaws.com".into();
    record["eventName"] = "CreateBucket".into();
    record["requestParameters"] = json!({ "bucketName": "b-1" });
    record["responseElements"] = Value::Null;
    record
}

/// The records of a history within a window, on pages of two, as CloudTrail gives them: newest first.
fn page(asked: &str, history: Vec<Value>) -> Option<(u16, String)> {
    page_of(2, asked, history)
}

fn page_of(most: usize, asked: &str, history: Vec<Value>) -> Option<(u16, String)> {
    let (start, end, token, region) = window(asked)?;
    let at = |record: &Value| time::seconds(record["eventTime"].as_str().unwrap()).unwrap();
    let mut found: Vec<Value> = history
        .into_iter()
        .filter(|record| {
            (start..=end).contains(&at(record)) && region == record["awsRegion"].as_str().unwrap()
        })
        .collect();
    found.sort_by_key(|record| std::cmp::Reverse(at(record)));
    let first: usize = token.map_or(0, |token| token.parse().unwrap());
    let events: Vec<Value> = found
        .iter()
        .skip(first)
        .take(most)
        .map(|record| json!({ "EventTime": at(record), "CloudTrailEvent": record.to_string() }))
        .collect();
    let mut answer = json!({ "Events": events });
    if first + most < found.len() {
        answer["NextToken"] = (first + most).to_string().into();
    }
    Some((200, answer.to_string()))
}

/// The marks that were written, by region.
fn marks(run: &Run) -> Value {
    let written = run.asked.iter().filter_map(|asked| asked.strip_prefix("/2017-03-31/tags/"));
    let mut written =
        written.filter_map(|asked| serde_json::from_str::<Value>(asked.split_once(' ')?.1).ok());
    written.next_back().map(|body| body["Tags"].clone()).unwrap_or_default()
}

fn mark(run: &Run, region: &str) -> Option<u64> {
    marks(run)[format!("{MARK}{region}")].as_str().and_then(time::seconds)
}

fn report(run: &Run) -> Value {
    let lines = run.log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.rev().find(|line| line["code"] == "reconcile").unwrap_or_default()
}

/// Whether a time is what it should be, but for the seconds of the test.
fn near(found: Option<u64>, expected: u64) -> bool {
    found.is_some_and(|found| found.abs_diff(expected) < 60)
}

#[test]
fn the_first_run_marks_where_it_begins() {
    let run = run(
        |asked| {
            if asked.starts_with("/2017-03-31/tags/") { (200, "{}".to_owned()) } else { usual(asked) }
        },
    );
    assert_eq!(run.answers[0].0, "response", "{:?} {}", run.answers, run.log);
    assert_eq!((&run.answers[0].1["missed"], &run.answers[0].1["behindSeconds"]), (&json!(0), &json!(0)));
    assert!(!run.asked.iter().any(|asked| asked.starts_with(LOOKUP)), "{:?}", run.asked);
    for region in ["us-east-1", "eu-west-1"] {
        assert!(near(mark(&run, region), now() - HOUR), "{region}: {}", marks(&run));
    }
    assert_eq!(mark(&run, "ap-south-1"), None, "there is no forwarder");
}

#[test]
fn what_the_live_path_missed_is_tagged_and_counted() {
    let aws: Aws = |asked| {
        let mut far = queue("far", "dave", 80 * MINUTE);
        far["awsRegion"] = "eu-west-1".into();
        let history = vec![
            queue("too-old", "alice", 3 * HOUR),
            queue("one", "alice", 110 * MINUTE),
            queue("two", "bob", 110 * MINUTE),
            queue("has-it", "bob", 110 * MINUTE),
            topic("news", 100 * MINUTE),
            far,
            queue("too-young", "alice", 30 * MINUTE),
            json!({"eventSource": "ec2.amazonaws.com", "eventName": "StopInstances", "eventTime": ago(100 * MINUTE), "awsRegion": "us-east-1"}),
        ];
        if asked.starts_with("ResourceGroupsTaggingAPI_20170126.GetResources") {
            // It does not like the ARN of a topic today, whatever stands beside it.
            if asked.contains(":sns:") {
                return (400, json!({ "__type": "InvalidParameterException", "message": "no" }).to_string());
            }
            let has_it = json!({ "ResourceARN": "arn:aws:sqs:us-east-1:111122223333:has-it", "Tags": [{ "Key": "CreatedBy", "Value": "x" }] });
            return (200, json!({ "ResourceTagMappingList": [has_it] }).to_string());
        }
        page(asked, history).unwrap_or_else(|| usual(asked))
    };
    let run = run(aws);
    assert_eq!(run.answers[0].0, "response", "{:?} {}", run.answers, run.log);
    let answer = &run.answers[0].1;
    let counts = ["records", "planned", "already", "missed", "waiting", "givenUp", "behindSeconds"];
    let found: Vec<_> = counts.iter().map(|name| answer[*name].as_u64().unwrap()).collect();
    assert_eq!(found, [6, 5, 1, 4, 0, 0, 0], "{answer} {}", run.log);
    assert_eq!(answer["regions"]["eu-west-1"]["planned"], 1, "{answer}");
    let report = report(&run);
    assert_eq!((&report["missed"], &report["level"]), (&json!(4), &json!("INFO")), "{report}");
    let tagged: Vec<_> = run.asked.iter().filter(|asked| asked.contains("TagQueue ")).collect();
    assert_eq!(tagged.len(), 3, "{tagged:?}");
    for (queue, user) in [("/one", "alice"), ("/two", "bob"), ("/far", "dave")] {
        assert!(
            tagged.iter().any(|asked| asked.contains(queue) && asked.contains(user)),
            "{queue}: {tagged:?}"
        );
    }
    // No service tells when a topic was made; the history does, since nobody made it again.
    assert!(run.asked.iter().any(|asked| asked.contains("Action=TagResource") && asked.contains("news")));
    let lines: Vec<Value> = run.log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let lines: Vec<_> = lines.iter().filter(|line| line["outcome"] == "tagged").collect();
    assert!(lines.len() == 4 && lines.iter().all(|line| line["reconcile"] == true), "{}", run.log);
    for region in ["us-east-1", "eu-west-1"] {
        assert!(near(mark(&run, region), now() - HOUR), "{region}: {}", marks(&run));
    }
    // What is no longer covered begins anew if it ever is again.
    assert_eq!(marks(&run)[format!("{MARK}us-west-2")], "none");
}

#[test]
fn a_region_that_cannot_be_read_keeps_its_mark_and_fails_the_run() {
    let aws: Aws = |asked| match window(asked) {
        Some((.., region)) if region == "eu-west-1" => {
            (400, json!({ "__type": "AccessDeniedException", "message": "no" }).to_string())
        }
        _ => page(asked, vec![queue("one", "alice", 110 * MINUTE)]).unwrap_or_else(|| usual(asked)),
    };
    let run = run(aws);
    assert_eq!(run.answers[0].0, "error", "{:?}", run.answers);
    let message = run.answers[0].1["errorMessage"].as_str().unwrap();
    assert!(message.contains("eu-west-1") && message.contains("AccessDenied"), "{message}");
    let report = report(&run);
    assert_eq!((&report["missed"], &report["level"]), (&json!(1), &json!("ERROR")), "{report}");
    assert!(near(report["behindSeconds"].as_u64(), 90 * MINUTE), "{report}");
    assert!(near(mark(&run, "us-east-1"), now() - HOUR), "{}", marks(&run));
    assert_eq!(mark(&run, "eu-west-1"), None, "{}", marks(&run));
}

#[test]
fn a_mark_does_not_pass_what_was_not_done() {
    // Its tag is denied, and the dead letter about that cannot be written.
    let aws: Aws = |asked| {
        let denied = (400, json!({ "__type": "AccessDeniedException", "message": "no" }).to_string());
        if asked.starts_with("AmazonSQS.TagQueue") || asked.starts_with("AmazonSQS.SendMessage") {
            return denied;
        }
        page(asked, vec![queue("one", "alice", 110 * MINUTE)]).unwrap_or_else(|| usual(asked))
    };
    let run = run(aws);
    assert_eq!(run.answers[0].0, "error", "{:?}", run.answers);
    assert!(near(mark(&run, "us-east-1"), now() - 110 * MINUTE), "{}", marks(&run));
    assert!(near(mark(&run, "eu-west-1"), now() - HOUR), "{}", marks(&run));
    assert!(near(report(&run)["behindSeconds"].as_u64(), 50 * MINUTE), "{}", run.log);
}

#[test]
fn too_many_calls_are_waited_for() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    let aws: Aws = |asked| {
        if asked.starts_with(LOOKUP) && CALLS.fetch_add(1, Ordering::Relaxed) < 5 {
            return (400, json!({ "__type": "ThrottlingException", "message": "Rate exceeded" }).to_string());
        }
        page(asked, vec![queue("one", "alice", 110 * MINUTE)]).unwrap_or_else(|| usual(asked))
    };
    let run = run(aws);
    assert_eq!(
        (run.answers[0].0.as_str(), &run.answers[0].1["missed"]),
        ("response", &json!(1)),
        "{}",
        run.log
    );
    assert!(CALLS.load(Ordering::Relaxed) > 5);
}

#[test]
fn who_made_it_again_is_its_creator() {
    fn made_twice(region: &str, asked: &str) -> (u16, String) {
        let mut history = vec![bucket("alice", 110 * MINUTE), bucket("bob", 20 * MINUTE)];
        history.iter_mut().for_each(|record| record["awsRegion"] = region.into());
        page(asked, history).unwrap_or_else(|| match asked {
            _ if asked.starts_with("/?max-buckets") => {
                let one = format!(
                    "<Bucket><Name>b-1</Name><CreationDate>{}</CreationDate></Bucket>",
                    ago(110 * MINUTE)
                );
                (200, format!("<ListAllMyBucketsResult><Buckets>{one}</Buckets></ListAllMyBucketsResult>"))
            }
            _ if asked.contains("<TagResourceRequest") => (204, String::new()),
            _ if asked.contains("/v20180820/tags/") => {
                (200, "<ListTagsForResourceResult><Tags/></ListTagsForResourceResult>".to_owned())
            }
            _ => usual(asked),
        })
    }
    for (what, aws, given_up) in [
        // Only the rest of the history says that alice's is gone; and bob's is still the live path's matter.
        ("bob's success proves that alice's was gone", (|asked| made_twice("eu-west-1", asked)) as Aws, 0),
        // There a second call answers with success for the bucket that is there: nobody is named, and somebody is told.
        ("in us-east-1 it proves nothing", |asked| made_twice("us-east-1", asked), 1),
    ] {
        let run = run(aws);
        let counts = ["planned", "missed", "givenUp"].map(|name| run.answers[0].1[name].as_u64());
        assert_eq!(counts, [Some(1), Some(0), Some(given_up)], "{what}: {:?} {}", run.answers, run.log);
        assert_eq!(run.log.contains("resource-uncertain"), given_up > 0, "{what}: {}", run.log);
        assert!(
            !run.asked.iter().any(|asked| asked.contains("<TagResourceRequest")),
            "{what}: {:?}",
            run.asked
        );
    }
}

#[test]
fn a_dry_run_counts_and_writes_nothing() {
    let aws: Aws = |asked| {
        let history = vec![queue("one", "alice", 110 * MINUTE), queue("two", "bob", 110 * MINUTE)];
        if asked.starts_with("ResourceGroupsTaggingAPI_20170126.GetResources") {
            let has_it = json!({ "ResourceARN": "arn:aws:sqs:us-east-1:111122223333:two", "Tags": [{ "Key": "CreatedBy", "Value": "bob" }] });
            return (200, json!({ "ResourceTagMappingList": [has_it] }).to_string());
        }
        page(asked, history).unwrap_or_else(|| usual(asked))
    };
    let from = json!({ "us-east-1": ago(3 * HOUR) });
    let ask = json!({"tagger": "backfill", "from": from, "dryRun": true, "seconds": 60});
    let run = support::run(vec![ask], aws, QUEUES);
    assert_eq!(run.answers[0].0, "response", "{:?} {}", run.answers, run.log);
    let answer = &run.answers[0].1;
    let expected = json!({ "lack": 1, "creators": { "alice": 1 }, "types": { "AWS::SQS::Queue": 1 } });
    assert_eq!((&answer["dryRun"], &answer["already"]), (&expected, &json!(1)), "{answer}");
    assert_eq!(answer["regions"]["us-east-1"]["leftSeconds"], 0, "{answer}");
    assert!(answer["regions"].get("eu-west-1").is_none(), "only the region that was asked for: {answer}");
    let wrote = |asked: &&String| {
        asked.contains("TagQueue ") || asked.contains("Action=Tag") || asked.contains("SendMessage")
    };
    assert_eq!(run.asked.iter().find(wrote), None, "it wrote");
    assert_eq!(marks(&run), Value::Null);
}

/// What was set back on purpose is behind on purpose: the hourly runs go on with it, and no alarm rings.
#[test]
fn a_backfill_is_no_failure_until_it_is_where_the_region_was() {
    let busy: Aws = |asked| {
        if asked.starts_with("/2017-03-31/tags/") && asked.ends_with("us-east-1") && !asked.contains("Tags\"")
        {
            let mark = format!("{} backfill until {}", ago(9 * 24 * HOUR), ago(2 * HOUR));
            return (200, json!({ "Tags": { format!("{MARK}us-east-1"): mark } }).to_string());
        }
        usual(asked)
    };
    // No time to read to the end.
    let short =
        support::run_within(Duration::from_secs(35), vec![json!({"tagger": "reconcile"})], busy, QUEUES);
    assert_eq!(short.answers[0].0, "response", "{:?} {}", short.answers, short.log);
    let answer = &short.answers[0].1;
    assert!(answer["behindSeconds"].as_u64().is_some_and(|behind| behind > 24 * HOUR), "{answer}");
    let key = format!("{MARK}us-east-1");
    let written = marks(&short)[&key].as_str().unwrap_or_default().to_owned();
    assert!(written.contains(" backfill until "), "{written} {answer} {:?}", short.asked);
    // Asked anew, the marks say up to when the regions had been reconciled.
    let from = json!({"tagger": "backfill", "from": ago(9 * 24 * HOUR), "seconds": 5});
    let begun = support::run(vec![from], usual, QUEUES);
    let written = marks(&begun)[&key].as_str().unwrap_or_default().to_owned();
    let until = written.split_once(" backfill until ").and_then(|(_, until)| time::seconds(until));
    assert!(near(until, now() - 150 * MINUTE), "{written}");
}

#[test]
fn what_cannot_be_known_is_not_begun() {
    let no_marks: Aws = |asked| {
        let denied = (403, json!({ "__type": "AccessDeniedException", "Message": "no" }).to_string());
        if asked.starts_with("/2017-03-31/tags/") { denied } else { usual(asked) }
    };
    let no_regions: Aws = |asked| {
        let denied =
            "<Response><Errors><Error><Code>UnauthorizedOperation</Code></Error></Errors></Response>";
        if asked.contains("Action=DescribeRegions") { (403, denied.to_owned()) } else { usual(asked) }
    };
    for aws in [no_marks, no_regions] {
        let run = run(aws);
        assert_eq!(run.answers[0].0, "error", "{:?}", run.answers);
        assert!(!run.asked.iter().any(|asked| asked.starts_with(LOOKUP)), "{:?}", run.asked);
        assert_eq!(marks(&run), Value::Null);
    }
    let wrong = support::run(vec![json!({"tagger": "reconcile", "from": "yesterday"})], usual, QUEUES);
    assert!(
        wrong.answers[0].1["errorMessage"].as_str().unwrap().contains("yesterday"),
        "{:?}",
        wrong.answers
    );
}

#[test]
fn a_run_may_begin_where_it_is_told() {
    let from = ago(3 * HOUR + 10 * MINUTE);
    let aws: Aws =
        |asked| page(asked, vec![queue("older", "alice", 3 * HOUR)]).unwrap_or_else(|| usual(asked));
    let run = support::run(vec![json!({"tagger": "reconcile", "from": from})], aws, QUEUES);
    assert_eq!(
        (run.answers[0].0.as_str(), &run.answers[0].1["missed"]),
        ("response", &json!(1)),
        "{}",
        run.log
    );
    assert!(near(mark(&run, "eu-west-1"), now() - HOUR), "{}", marks(&run));
}

/// Records of one half hour that have together more text than is kept: read by halves, as far as they fit, and the
/// rest in further rounds of the same run, each of which begins where the last one ended.
#[test]
fn what_is_too_much_at_a_time_is_read_in_parts() {
    static BEGAN: AtomicU64 = AtomicU64::new(0);
    let aws: Aws = |asked| {
        let began = BEGAN.load(Ordering::Relaxed);
        if asked.starts_with("/2017-03-31/tags/") && asked.ends_with(" \nus-east-1") {
            let at = |second| time::format(SystemTime::UNIX_EPOCH + Duration::from_secs(second));
            let tags =
                json!({ format!("{MARK}us-east-1"): at(began), format!("{MARK}eu-west-1"): at(began) });
            return (200, json!({ "Tags": tags }).to_string());
        }
        if asked.starts_with("ResourceGroupsTaggingAPI_20170126.GetResources") {
            let body: Value =
                serde_json::from_str(asked.split_once(' ').unwrap().1.rsplit_once('\n').unwrap().0).unwrap();
            let have_it: Vec<_> = body["ResourceARNList"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|arn| json!({ "ResourceARN": arn, "Tags": [{ "Key": "CreatedBy", "Value": "x" }] }))
                .collect();
            return (200, json!({ "ResourceTagMappingList": have_it }).to_string());
        }
        if !asked.starts_with(LOOKUP) {
            return usual(asked);
        }
        // One every ten seconds of the half hour after the first mark, each of 200,000 letters.
        let history = (0..160).map(|number| {
            let mut record = queue(&format!("q-{number}"), "alice", 0);
            record["eventTime"] =
                time::format(SystemTime::UNIX_EPOCH + Duration::from_secs(began + 10 * number)).into();
            record["requestParameters"]["policy"] = "x".repeat(200_000).into();
            record
        });
        page_of(50, asked, history.collect()).unwrap()
    };
    let began = now() - 150 * MINUTE;
    BEGAN.store(began, Ordering::Relaxed);
    let run = run(aws);
    assert_eq!(run.answers[0].0, "response", "{:?} {}", run.answers, run.log);
    let report = report(&run);
    let counts = ["planned", "already", "missed", "behindSeconds"].map(|name| report[name].as_u64().unwrap());
    assert_eq!(counts, [160, 160, 0, 0], "{report}");
    // The marks moved with each round, forward only.
    let written = run.asked.iter().filter_map(|asked| asked.strip_prefix("/2017-03-31/tags/"));
    let marked: Vec<u64> = written
        .filter_map(|asked| serde_json::from_str::<Value>(asked.split_once(' ')?.1).ok())
        .filter_map(|body| time::seconds(body["Tags"][format!("{MARK}us-east-1")].as_str()?))
        .collect();
    assert!(marked.len() > 1 && marked.is_sorted(), "{marked:?}");
    assert!(began + 5 * MINUTE < marked[0] && marked[0] < began + 25 * MINUTE, "{marked:?} {report}");
    assert!(near(mark(&run, "us-east-1"), now() - HOUR), "{}", marks(&run));
}

#[test]
fn what_there_is_no_time_for_is_left_to_the_next_run() {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let aws: Aws = |asked| {
        // Reading has half of the time; then nothing comes for the rest of it.
        let is_first = || ASKED.fetch_add(1, Ordering::Relaxed) == 0;
        if asked.starts_with("ResourceGroupsTaggingAPI_20170126.GetResources") && is_first() {
            std::thread::sleep(Duration::from_secs(11));
        }
        page(asked, vec![queue("one", "alice", 110 * MINUTE)]).unwrap_or_else(|| usual(asked))
    };
    // Half a minute of it is kept for the report.
    let time = Duration::from_secs(40);
    let run = support::run_within(time, vec![json!({"tagger": "reconcile"})], aws, QUEUES);
    assert_eq!(run.answers[0].0, "error", "{:?} {}", run.answers, run.log);
    let message = run.answers[0].1["errorMessage"].as_str().unwrap();
    assert!(message.contains("more than this run had time for"), "{message}");
    assert_eq!(report(&run)["missed"], 0, "{}", run.log);
    assert!(!run.asked.iter().any(|asked| asked.starts_with("AmazonSQS.TagQueue")), "{:?}", run.asked);
    assert!(near(mark(&run, "us-east-1"), now() - 110 * MINUTE), "{}", marks(&run));
    assert!(near(mark(&run, "eu-west-1"), now() - HOUR), "{}", marks(&run));
}
