//! Several records at once, and limits: what goes in one call, and what is not sent.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, Instant};
use support::{Aws, answer, case, queue, record};
use tagger_core::{Policy, case::Case, patience::Guard};

#[test]
fn a_call_that_finds_no_place_in_time_is_throttled_and_not_sent() {
    let aws = Aws::start(vec![answer(&["ListQueueTags"], 200, "{}"), answer(&[".TagQueue"], 200, "")]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let policy = Policy::default();
    let cases = [case(queue(), &policy, Guard::Strict)];
    for (limited, end, expected, asked) in [
        (true, Some(Instant::now()), "throttled", 0),
        (true, Instant::now().checked_add(Duration::from_secs(600)), "tagged", 3),
        (true, None, "tagged", 3),
        (false, Some(Instant::now()), "tagged", 3),
    ] {
        let client = if limited { aws.client().limited() } else { aws.client() };
        client.set_end(end);
        let done = runtime.block_on(tagger_aws::run(&client, &policy, &cases)).remove(0);
        assert_eq!(done[0].outcome.as_str(), expected, "{limited} {end:?}");
        assert_eq!(std::mem::take(&mut *aws.asked.lock().unwrap()).len(), asked, "{limited} {end:?}");
    }
}

#[test]
fn what_aws_takes_in_one_call_goes_in_one_call() {
    let run = |id: &str, user: &str| {
        let mapping = json!({ "items": [{ "ebs": { "volumeId": format!("vol-{id}") } }] });
        let set = json!({ "items": [{ "networkInterfaceId": format!("eni-{id}") }] });
        let item = json!({ "instanceId": id, "networkInterfaceSet": set, "blockDeviceMapping": mapping });
        let response = json!({ "instancesSet": { "items": [item] } });
        let mut record = record("ec2.amazonaws.com", "RunInstances", json!({}), response);
        record["userIdentity"]["userName"] = user.into();
        record["userIdentity"]["arn"] = format!("arn:aws:iam::111122223333:user/{user}").into();
        record
    };
    let aws = Aws::start(vec![
        answer(&["DescribeTags"], 200, "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>"),
        answer(&["CreateTags"], 200, "<CreateTagsResponse><return>true</return></CreateTagsResponse>"),
    ]);
    // The last is the first once more: it goes into a call of its own, after what the first one wrote.
    let policy = Policy::default();
    let cases = [("i-1", "alice"), ("i-2", "alice"), ("i-3", "bob"), ("i-1", "alice")]
        .map(|(id, user)| case(run(id, user), &policy, Guard::Strict));
    let client = aws.client();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let done = runtime.block_on(tagger_aws::run(&client, &policy, &cases));
    let arns: Vec<Vec<_>> = done
        .iter()
        .map(|done| done.iter().map(|one| one.arn.rsplit('/').next().unwrap()).collect())
        .collect();
    assert_eq!(
        arns,
        [
            ["i-1", "eni-i-1", "vol-i-1"],
            ["i-2", "eni-i-2", "vol-i-2"],
            ["i-3", "eni-i-3", "vol-i-3"],
            ["i-1", "eni-i-1", "vol-i-1"]
        ]
    );
    let asked = aws.asked.lock().unwrap();
    let mut writes: Vec<_> = asked.iter().filter(|text| text.contains("CreateTags")).collect();
    // Those of bob and the first of alice are independent of each other.
    writes.sort_by_key(|text| (!text.contains("i-2"), !text.contains("bob")));
    assert_eq!(writes.len(), 3, "{writes:#?}");
    assert!(writes[0].contains("ResourceId.6=vol-i-2&") && writes[0].contains("alice"), "{writes:#?}");
    assert!(writes[1].contains("ResourceId.1=i-3&") && writes[1].contains("bob"), "{writes:#?}");
    assert!(writes[2].contains("ResourceId.1=i-1&") && !writes[2].contains("i-2"), "{writes:#?}");
}

/// A target group that somebody made.
fn target_group(name: &str, user: &str) -> Value {
    let arn =
        format!("arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/{name}/0123456789abcdef");
    let response = json!({ "targetGroups": [{ "targetGroupArn": arn, "targetGroupName": name }] });
    let mut record =
        record("elasticloadbalancing.amazonaws.com", "CreateTargetGroup", json!({ "name": name }), response);
    record["userIdentity"]["userName"] = user.into();
    record["userIdentity"]["arn"] = format!("arn:aws:iam::111122223333:user/{user}").into();
    record
}

#[test]
fn what_other_apis_take_in_one_call_goes_in_one_call() {
    const ADDED: &str = "<AddTagsResponse><AddTagsResult/></AddTagsResponse>";
    const WEB: &str = "<DescribeTagsResponse><DescribeTagsResult><TagDescriptions>\
        <member><ResourceArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/web/0123456789abcdef</ResourceArn><Tags/></member>\
        <member><ResourceArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/db/0123456789abcdef</ResourceArn><Tags>\
        <member><Key>CreatedBy</Key><Value>dave</Value></member></Tags></member>\
        <member><ResourceArn>arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/api/0123456789abcdef</ResourceArn></member>\
        </TagDescriptions></DescribeTagsResult></DescribeTagsResponse>";
    const ONE: &str = "<DescribeTagsResponse><DescribeTagsResult><TagDescriptions><member><ResourceArn>x</ResourceArn><Tags/></member>\
        </TagDescriptions></DescribeTagsResult></DescribeTagsResponse>";
    const GONE: &str =
        "<ErrorResponse><Error><Code>TargetGroupNotFound</Code><Message>no</Message></Error></ErrorResponse>";
    const BUSY: &str =
        "<ErrorResponse><Error><Code>Throttling</Code><Message>no</Message></Error></ErrorResponse>";
    let (tagged, owned) = ("tagged", "already-tagged");
    let whole = [tagged, owned, tagged, tagged, tagged, tagged];
    for (what, rules, expected, asked) in [
        (
            // One call reads all but the second of the one that comes twice; what it does not name is asked for alone.
            "one call reads many, another tags those of alice that lack it",
            vec![
                answer(&["DescribeTags", "member.3="], 200, WEB),
                answer(&["DescribeTags"], 200, ONE),
                answer(&["AddTags"], 200, ADDED),
            ],
            whole,
            1 + 2 + 2 + 2,
        ),
        (
            "one is not there, and the error does not name it: it is found by halves",
            vec![
                answer(&["DescribeTags", "member.3="], 400, GONE),
                answer(&["DescribeTags", "targetgroup%2Fweb%2F"], 400, GONE),
                answer(&["DescribeTags"], 200, ONE),
                answer(&["AddTags"], 200, ADDED),
            ],
            ["not-found", tagged, tagged, tagged, tagged, tagged],
            10 + 5,
        ),
        (
            "the answer does not name one: it is asked for alone",
            vec![
                answer(&["DescribeTags", "member.3="], 200, ONE),
                answer(&["DescribeTags"], 200, ONE),
                answer(&["AddTags"], 200, ADDED),
            ],
            [tagged; 6],
            1 + 6 + 2 + 4,
        ),
        (
            "the write of many fails: it is tried by halves",
            vec![
                answer(&["DescribeTags", "member.3="], 200, WEB),
                answer(&["DescribeTags"], 200, ONE),
                answer(&["AddTags", "ResourceArns.member.2="], 400, GONE),
                answer(&["AddTags"], 200, ADDED),
            ],
            whole,
            2 + 4 + 2 + 4,
        ),
        (
            "a page of a proxy is no empty set",
            vec![
                answer(&["DescribeTags"], 200, "<html><body>Welcome</body></html>"),
                answer(&["AddTags"], 200, ADDED),
            ],
            ["failed"; 6],
            9 + 1,
        ),
        (
            "too many calls: all of that call wait",
            vec![
                answer(&["DescribeTags", "member.3="], 400, BUSY),
                answer(&["DescribeTags"], 200, ONE),
                answer(&["AddTags"], 200, ADDED),
            ],
            ["throttled", "throttled", "throttled", "throttled", "throttled", tagged],
            // The SDK tries four times.
            4 + 2,
        ),
    ] {
        let aws = Aws::start(rules);
        let policy = Policy::default();
        let cases: Vec<Case> = [
            ("web", "alice"),
            ("db", "alice"),
            ("api", "alice"),
            ("bus", "bob"),
            ("twice", "alice"),
            ("twice", "alice"),
        ]
        .map(|(name, user)| case(target_group(name, user), &policy, Guard::Strict))
        .into();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let done = runtime.block_on(tagger_aws::run(&aws.client(), &policy, &cases));
        let outcomes: Vec<_> = done.iter().map(|done| done[0].outcome.as_str()).collect();
        let calls = aws.asked.lock().unwrap();
        assert_eq!(outcomes.as_slice(), expected.as_slice(), "{what}: {calls:#?}");
        // What has come by then goes together, so that there may be fewer.
        assert!(calls.len() <= asked, "{what}: {} calls, and {asked} at most: {calls:#?}", calls.len());
        let of_bob = calls.iter().find(|text| text.contains("AddTags") && text.contains("bob"));
        assert!(
            of_bob.is_none_or(|text| text.contains("bus") && !text.contains("member.2=")),
            "{what}: {of_bob:?}"
        );
    }
}

/// EC2's batches do not ask which resource it is, and need not.
#[test]
fn what_ec2_tags_is_addressed_by_an_id() {
    for entry in tagger_catalog::events().iter().flat_map(|event| event.entries) {
        if entry.operation.variant == tagger_catalog::operation::Variant::Ec2 {
            let lifetime = tagger_catalog::lifetime(entry.resource_type);
            assert!(matches!(lifetime, tagger_catalog::Lifetime::Unique), "{}", entry.resource_type);
        }
    }
}
