//! One try, answer by answer.

use super::*;
use crate::{
    record::Record,
    step::{Past, Wanted},
};
use serde_json::json;

fn table() -> Record {
    Record::new(json!({
        "eventSource": "dynamodb.amazonaws.com", "eventName": "CreateTable", "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "requestParameters": { "tableName": "t" },
        "responseElements": { "tableDescription": { "tableArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/t" } },
        "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
    }))
}

/// An attempt at the one resource of a record, at this age of its event.
fn attempt<'a>(case: &'a Case, policy: &'a Policy, age: u64) -> Attempt<'a> {
    let resource = Rc::new(case.plan.actions[0].clone());
    let age = Age { event: age, waited: age };
    Attempt::new((case, policy), resource, Rc::new(case.plan.tags.clone()), age, false)
}

fn question(step: &Step) -> &'static str {
    match step {
        Step::Ask(_, Question::Describe(_)) => "describe",
        Step::Ask(_, Question::Tags(_)) => "tags",
        Step::Ask(_, Question::Write(_)) => "write",
        Step::Ask(_, Question::History { .. }) => "history",
        Step::Ask(..) => "other",
        Step::End(outcome) => outcome.as_str(),
    }
}

#[test]
fn what_a_service_that_does_not_tell_comes_to() {
    let policy = Policy::default();
    let case = Case::new(table(), Some(1), 1, Guard::Strict).decided(&policy, None);
    let failed = |code: &str| Failure::of("dynamodb:DescribeTable", code, "", Some(400));
    let unreadable = || Failure::ours(Class::Failed, "dynamodb:DescribeTable", UNREADABLE, "");
    for (what, failure, age, goes_on) in [
        ("it may not be asked, and the event is young", failed("AccessDenied"), 60, true),
        ("it does not understand", failed("ValidationException"), 60, true),
        ("its answer cannot be read, so it may be of another resource", unreadable(), 60, false),
        ("its own trouble, which passes", failed("InternalServerError"), 60, false),
        ("too many calls", failed("ThrottlingException"), 60, false),
        ("it is not there", failed("ResourceNotFoundException"), 60, false),
    ] {
        let mut attempt = attempt(&case, &policy, age);
        let start = attempt.start(false);
        assert_eq!(question(&start), "describe", "{what}: {start:?}");
        let step = attempt.next(Answer::Failed(failure));
        assert_eq!(question(&step) == "tags", goes_on, "{what}: {step:?}");
    }
}

#[test]
fn what_cannot_be_known_to_be_the_same_is_asked_for_and_not_written() {
    let policy = Policy::default();
    let case = Case::new(table(), Some(1), 1, Guard::Strict).decided(&policy, None);
    let failed = |code: &str| Answer::Failed(Failure::of("dynamodb:ListTagsOfResource", code, "", Some(400)));
    let tag = |key: &str| Answer::Tags(vec![(key.to_owned(), "x".to_owned())]);
    for (what, answer, expected) in [
        ("it has no creator", Answer::Tags(Tags::new()), "failed"),
        ("it has one", tag("CreatedBy"), "already-tagged"),
        ("it is gone, or never was", failed("ResourceNotFoundException"), "history"),
        ("it may not be asked", failed("AccessDenied"), "failed"),
        ("too many calls", failed("ThrottlingException"), "throttled"),
    ] {
        let mut attempt = attempt(&case, &policy, SURE);
        attempt.start(false);
        let probe = attempt.next(failed("AccessDenied"));
        assert_eq!(question(&probe), "tags", "{what}");
        let step = attempt.next(answer);
        assert_eq!(question(&step), expected, "{what}: {step:?}");
    }
}

fn bucket(region: &str) -> Record {
    Record::new(json!({
        "eventSource": "s3.amazonaws.com", "eventName": "CreateBucket", "awsRegion": region,
        "recipientAccountId": "111122223333", "requestParameters": { "bucketName": "b" },
        "userIdentity": { "type": "IAMUser", "userName": "bob", "arn": "arn:aws:iam::111122223333:user/bob" },
    }))
}

/// In us-east-1 the call answers with success for a bucket that is there, and bob became the creator of alice's.
#[test]
fn a_bucket_that_was_there_before_is_left_alone() {
    let policy = Policy::default();
    let time = 1_795_509_000;
    let at = |created| Answer::Described(Facts { created, ..Facts::default() });
    let failed = |code: &str| Answer::Failed(Failure::of("s3:ListBuckets", code, "", None));
    for (what, region, answer, age, first, second) in [
        ("made long before", "us-east-1", at(Some(time - 90_000)), 5, "describe", "gone"),
        ("made long before, told late", "us-east-1", at(Some(time - 90_000)), 9_000, "describe", "gone"),
        ("made by the call", "us-east-1", at(Some(time - 3)), 5, "describe", "tags"),
        ("changed since, which moved its time", "us-east-1", at(Some(time + 400)), 500, "describe", "tags"),
        ("its time is not told", "us-east-1", at(None), 5, "describe", "tags"),
        ("it may not be asked", "us-east-1", failed("AccessDenied"), 5, "describe", "tags"),
        ("not shown yet", "us-east-1", failed("NoSuchBucket"), 5, "describe", "not-found"),
        ("too many calls", "us-east-1", failed("SlowDown"), 5, "describe", "throttled"),
        (
            "elsewhere the call fails for what is there",
            "eu-west-1",
            Answer::Tags(Tags::new()),
            5,
            "tags",
            "write",
        ),
    ] {
        let case = Case::new(bucket(region), Some(time), time, Guard::Strict).decided(&policy, None);
        let mut attempt = attempt(&case, &policy, age);
        let start = attempt.start(false);
        assert_eq!(question(&start), first, "{what}: {start:?}");
        if let Step::Ask(target, Question::Describe(_)) = &start {
            assert_eq!((target.operation.endpoint, target.id.as_str()), ("s3", "b"), "{what}");
        }
        let step = attempt.next(answer);
        assert_eq!(question(&step), second, "{what}: {step:?}");
    }
}

/// What has alice's name may be a bucket of hers that bob's call found, or one that she made before his.
#[test]
fn a_creator_of_a_bucket_stays_unless_hers_was_deleted() {
    let policy = Policy::default();
    let time = 1_795_509_000;
    let case = Case::new(bucket("us-east-1"), Some(time), time, Guard::Strict).decided(&policy, None);
    let found = || Some(Box::new(Past { time: Some(time - 500), record: bucket("us-east-1") }));
    for (what, answers, expected) in [
        ("she made none", vec![Answer::Found(None); 4], "already-tagged"),
        (
            "she made one, and it was not deleted",
            [vec![Answer::Found(found())], vec![Answer::Found(None); 4]].concat(),
            "already-tagged",
        ),
        ("she made one, and it was deleted", vec![Answer::Found(found()), Answer::Found(found())], "write"),
    ] {
        let mut attempt = attempt(&case, &policy, 300);
        attempt.start(false);
        attempt.next(Answer::Described(Facts { created: Some(time), ..Facts::default() }));
        let mut step = attempt.next(Answer::Tags(vec![("CreatedBy".to_owned(), "alice".to_owned())]));
        for answer in answers {
            let Step::Ask(_, Question::History { wanted, window, .. }) = &step else { break };
            if let Wanted::Deleted { what: word, .. } = &**wanted {
                assert_eq!(
                    (word.as_str(), window.from, window.until),
                    ("Bucket", time - 500, time + 1),
                    "{what}"
                );
            }
            step = attempt.next(answer);
        }
        assert_eq!(question(&step), expected, "{what}: {step:?}");
    }
}

#[test]
fn the_creators_tag_goes_in_where_the_others_have_no_room() {
    let policy = crate::config::from_toml("[tags]\nTeam = \"platform\"\n").unwrap();
    let case = Case::new(table(), Some(1), 1, Guard::Strict).decided(&policy, None);
    let there = |count: usize| (0..count).map(|number| (format!("k{number}"), String::new())).collect();
    for (count, written, left_out) in [(48, 2, 0), (49, 1, 1)] {
        let mut attempt = attempt(&case, &policy, 1);
        attempt.start(false);
        let step = attempt.next(Answer::Tags(there(count)));
        let Step::Ask(_, Question::Write(tags)) = &step else { panic!("{count}: {step:?}") };
        assert_eq!((tags.len(), tags[0].0.as_str()), (written, "CreatedBy"), "{count}");
        assert_eq!(attempt.left_out().len(), left_out, "{count}");
    }
    let tag = |prefix: &'static str| move |number| (format!("{prefix}{number}"), String::new());
    for (own, of_aws, expected) in [(49, 3, "write"), (50, 0, "limit-reached")] {
        let tags = (0..own).map(tag("k")).chain((0..of_aws).map(tag("aws:"))).collect();
        let mut attempt = attempt(&case, &policy, 1);
        attempt.start(false);
        let step = attempt.next(Answer::Tags(tags));
        assert_eq!(question(&step), expected, "{own} and {of_aws} of AWS: {step:?}");
    }
}
