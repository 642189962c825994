//! Changes of the creator's tag, and what becomes of each.

use super::*;
use serde_json::json;

const QUEUE: &str = "arn:aws:sqs:us-east-1:111122223333:jobs";
const URL: &str = "https://sqs.us-east-1.amazonaws.com/111122223333/jobs";

fn record(source: &str, name: &str, request: Value, response: Value, user: &str) -> Record {
    let identity = if user.starts_with(ROLE) {
        json!({"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"userName": user}}})
    } else {
        json!({"type": "IAMUser", "userName": user})
    };
    Record::new(json!({
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333", "userIdentity": identity, "requestParameters": request,
        "responseElements": response,
    }))
}

fn made(user: &str) -> Record {
    record("logs", "CreateLogGroup", json!({"logGroupName": "t"}), Value::Null, user)
}

const LOG_GROUP: &str = "arn:aws:logs:us-east-1:111122223333:log-group:t";

fn bucket(user: &str) -> Record {
    record("s3", "CreateBucket", json!({"bucketName": "b-1"}), Value::Null, user)
}

fn tagged(value: &str, by: &str) -> Record {
    let request =
        json!({"bucketName": "b-1", "Tagging": {"TagSet": {"Tag": [{"Key": "CreatedBy", "Value": value}]}}});
    record("s3", "PutBucketTagging", request, Value::Null, by)
}

/// What the service does not take was never written, so it is not missing.
#[test]
fn a_value_is_compared_as_its_service_accepts_it() {
    let arn = "arn:aws:bcm-pricing-calculator::111122223333:bill-estimate/e-1";
    let created = record(
        "bcm-pricing-calculator",
        "CreateBillEstimate",
        json!({"name": "x"}),
        json!({"id": "e-1"}),
        "j.smith",
    );
    let story = Story::of(arn, &[(7, created)], &Policy::default(), None);
    assert_eq!(story.creation.as_ref().and_then(|one| one.value.as_deref()), Some("j_smith"), "{story:?}");
    let judged = |now| story.judge(Some(now), 7 + TOGETHER, Existing::Overwrite, Mode::Restore);
    assert_eq!(judged("j_smith"), Verdict::Fine);
    assert_eq!(judged("mallory"), Verdict::Restore("j_smith".to_owned()));
}

#[test]
fn which_events_tell_of_a_change() {
    let event = |keys: Value, tags: Value| {
        json!({"source": "aws.tag", "detail-type": "Tag Change on Resource", "region": "eu-west-1",
            "time": "2026-11-24T08:30:00Z", "resources": [QUEUE],
            "detail": {"changed-tag-keys": keys, "service": "sqs", "resource-type": "queue", "version": 3, "tags": tags}})
    };
    let change =
        Change::of(&event(json!(["Owner", "CreatedBy"]), json!({"CreatedBy": "m"})), "CreatedBy").unwrap();
    assert_eq!((change.arn.as_str(), change.region.as_str()), (QUEUE, "eu-west-1"));
    assert_eq!(change.value.as_deref(), Some("m"));
    assert_eq!(change.names(), ["jobs", QUEUE], "{change:?}");
    assert_eq!(Change::of(&event(json!(["CreatedBy"]), json!({})), "CreatedBy").unwrap().value, None);
    assert_eq!(Change::of(&event(json!(["Owner"]), json!({"CreatedBy": "m"})), "CreatedBy"), None);
    for other in [json!(null), json!({"source": "aws.sqs", "detail": {"changed-tag-keys": ["CreatedBy"]}})] {
        assert_eq!(Change::of(&other, "CreatedBy"), None, "{other}");
    }
}

#[test]
fn names_in_the_history() {
    for (arn, expected) in [
        (
            "arn:aws:autoscaling:r:1:autoScalingGroup:u-1:autoScalingGroupName/team-b/web",
            vec!["team-b/web", "web"],
        ),
        ("arn:aws:iam::1:role/team-b/ops", vec!["ops"]),
        ("arn:aws:ecr:r:1:repository/team-b/web", vec!["team-b/web", "web"]),
        ("arn:aws:kinesis:r:1:stream/web", vec!["web"]),
        ("arn:aws:ecs:r:1:service/team-b/web", vec!["team-b/web", "web"]),
    ] {
        let change = Change { arn: arn.to_owned(), region: String::new(), time: String::new(), value: None };
        let resource = Arn::parse(arn).unwrap().resource;
        assert_eq!(change.names(), [expected, vec![resource, arn]].concat());
    }
}

#[test]
fn the_taggers_own_write() {
    let change = |arn: &str, value: &str| Change {
        arn: arn.to_owned(),
        region: "us-east-1".to_owned(),
        time: String::new(),
        value: Some(value.to_owned()),
    };
    let queue = |by| {
        record("sqs", "TagQueue", json!({"queueUrl": URL, "tags": {"CreatedBy": "alice"}}), Value::Null, by)
    };
    let ec2 = json!({"resourcesSet": {"items": [{"resourceId": "i-1"}, {"resourceId": "i-2"}]},
        "tagSet": {"items": [{"key": "CreatedBy", "value": "alice"}]}});
    let ec2 = record("ec2", "CreateTags", ec2, json!({"_return": true}), ROLE);
    let instance = "arn:aws:ec2:us-east-1:111122223333:instance/i-2";
    let group = |name: &str| {
        format!("arn:aws:autoscaling:us-east-1:111122223333:autoScalingGroup:u-1:autoScalingGroupName/{name}")
    };
    let grouped = |name: &str| {
        let tag = json!({"resourceId": name, "resourceType": "auto-scaling-group", "key": "CreatedBy", "value": "alice"});
        record("autoscaling", "CreateOrUpdateTags", json!({"tags": [tag]}), Value::Null, ROLE)
    };
    let role = json!({"roleName": "ops", "tags": [{"key": "CreatedBy", "value": "alice"}]});
    let role = record("iam", "TagRole", role, Value::Null, ROLE);
    let by_arn = record(
        "monitoring",
        "TagResource",
        json!({"resourceARN": "arn:aws:cloudwatch:us-east-1:1:alarm:a", "tags": [{"key": "CreatedBy", "value": "alice"}]}),
        Value::Null,
        ROLE,
    );
    for (what, change, record, expected) in [
        ("a queue", change(QUEUE, "alice"), queue(ROLE), true),
        ("by somebody else", change(QUEUE, "alice"), queue("mallory"), false),
        (
            "by the role of this region",
            change(QUEUE, "alice"),
            queue("AutoResourceTaggerRole-us-east-1"),
            true,
        ),
        (
            "by that of another region",
            change(QUEUE, "alice"),
            queue("AutoResourceTaggerRole-eu-west-1"),
            false,
        ),
        ("by a role that begins so", change(QUEUE, "alice"), queue("AutoResourceTaggerRole2"), false),
        ("another value", change(QUEUE, "mallory"), queue(ROLE), false),
        ("another queue", change("arn:aws:sqs:us-east-1:111122223333:other", "alice"), queue(ROLE), false),
        (
            "a topic of that name",
            change("arn:aws:sns:us-east-1:111122223333:jobs", "alice"),
            queue(ROLE),
            false,
        ),
        ("one of many instances", change(instance, "alice"), ec2, true),
        (
            "an ARN of a service of another name",
            change("arn:aws:cloudwatch:us-east-1:1:alarm:a", "alice"),
            by_arn.clone(),
            true,
        ),
        ("another ARN", change("arn:aws:cloudwatch:us-east-1:1:alarm:b", "alice"), by_arn, false),
        ("a group", change(&group("team-b/web"), "alice"), grouped("team-b/web"), true),
        (
            "a group whose name ends as this one's",
            change(&group("team-b/web"), "alice"),
            grouped("web"),
            false,
        ),
        (
            "a group with the end of this one's name",
            change(&group("web"), "alice"),
            grouped("team-b/web"),
            false,
        ),
        ("a role with a path", change("arn:aws:iam::111122223333:role/team-b/ops", "alice"), role, true),
    ] {
        assert_eq!(change.is_of(&record, "CreatedBy"), expected, "{what}");
    }
    let failed = {
        let mut value = queue(ROLE).value().clone();
        value["errorCode"] = "AccessDenied".into();
        Record::new(value)
    };
    assert!(!change(QUEUE, "alice").is_of(&failed, "CreatedBy"), "a call that failed wrote nothing");
}

#[test]
fn what_becomes_of_a_change() {
    use Verdict::{Fine, Restore, Say};
    let (keep, overwrite) = (Existing::Keep, Existing::Overwrite);
    let restore = |value: &str| Restore(value.to_owned());
    let say = |why, value: Option<&str>| Say(why, value.map(str::to_owned));
    let excluded = Policy { excluded: vec!["alice".to_owned()], ..Policy::default() };
    let alarm = record("monitoring", "PutMetricAlarm", json!({"alarmName": "cpu"}), Value::Null, "alice");
    let cpu = "arn:aws:cloudwatch:us-east-1:111122223333:alarm:cpu";
    let all = Policy::default();
    // What, the resource, the records with their times, what is there now, when it changed, policy, existing, verdict.
    for (what, arn, records, now, changed, policy, existing, expected) in [
        ("gone", LOG_GROUP, vec![(1, made("alice"))], None, 9_999, &all, keep, restore("alice")),
        ("as it should be", LOG_GROUP, vec![(1, made("alice"))], Some("alice"), 9_999, &all, keep, Fine),
        ("not ours to begin with", LOG_GROUP, vec![(1, made("alice"))], Some("x"), 5, &all, keep, Fine),
        (
            "changed, and no sign that it was ours",
            LOG_GROUP,
            vec![(1, made("alice"))],
            Some("x"),
            9_999,
            &all,
            keep,
            say(Why::NotKnownToBeOurs, Some("alice")),
        ),
        (
            "changed, and the policy overwrites",
            LOG_GROUP,
            vec![(1, made("alice"))],
            Some("x"),
            9_999,
            &all,
            overwrite,
            restore("alice"),
        ),
        (
            "changed, and it was ours",
            "arn:aws:s3:::b-1",
            vec![(1, bucket("alice")), (2, tagged("alice", ROLE))],
            Some("x"),
            9_999,
            &all,
            keep,
            restore("alice"),
        ),
        (
            "ours was the parent's creator",
            "arn:aws:s3:::b-1",
            vec![(1, bucket("alice")), (2, tagged("carol", ROLE))],
            None,
            9_999,
            &all,
            keep,
            restore("carol"),
        ),
        (
            "somebody else's write is no proof",
            "arn:aws:s3:::b-1",
            vec![(1, bucket("alice")), (2, tagged("mallory", "mallory"))],
            Some("mallory"),
            9_999,
            &all,
            keep,
            say(Why::NotKnownToBeOurs, Some("alice")),
        ),
        (
            "made again since by another",
            "arn:aws:s3:::b-1",
            vec![(1, bucket("alice")), (2, tagged("alice", ROLE)), (3, bucket("bob"))],
            None,
            9_999,
            &all,
            keep,
            restore("bob"),
        ),
        ("who is left alone", LOG_GROUP, vec![(1, made("alice"))], None, 9_999, &excluded, keep, Fine),
        ("an older one", LOG_GROUP, vec![], None, 9_999, &all, keep, say(Why::CreatorNotInHistory, None)),
        (
            "records of something else",
            LOG_GROUP,
            vec![(1, bucket("alice"))],
            None,
            9_999,
            &all,
            keep,
            say(Why::CreatorNotInHistory, None),
        ),
        (
            "a call that may have changed it",
            cpu,
            vec![(1, alarm)],
            None,
            9_999,
            &all,
            keep,
            say(Why::MayBeUpdate, None),
        ),
    ] {
        let story = Story::of(arn, &records, policy, Some("111122223333"));
        assert_eq!(story.judge(now, changed, existing, Mode::Restore), expected, "{what}");
        let said = story.judge(now, changed, existing, Mode::Alarm);
        match expected {
            Restore(value) => assert_eq!(said, Say(Why::Alarm, Some(value)), "{what}"),
            other => assert_eq!(said, other, "{what}"),
        }
    }
}
