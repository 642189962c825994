//! The executor: what goes in one call, how a call that fails is cut, and that nobody waits for another's look-up.

use serde_json::{Value, json};
use std::collections::HashMap;
use tagger_core::{
    Policy, Record,
    case::Case,
    outcome::{Class, Failure},
    patience::Guard,
    step::{Answer, Call, Past, Question, Reply, Shown},
    waves::{Sight, Waves},
    work::Work,
};

const TABLE: &str = "arn:aws:dynamodb:us-east-1:111122223333:table/t";
const NOW: u64 = 1_795_509_000;

fn record(source: &str, name: &str, request: Value, response: Value) -> Value {
    json!({
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333", "requestParameters": request, "responseElements": response,
        "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
    })
}

fn volume(id: &str) -> Value {
    record("ec2", "CreateVolume", json!({}), json!({ "volumeId": id }))
}

fn queue(name: &str) -> Value {
    let url = format!("https://sqs.us-east-1.amazonaws.com/111122223333/{name}");
    record("sqs", "CreateQueue", json!({ "queueName": name }), json!({ "queueUrl": url }))
}

fn case(record: Value, age: u64) -> Case {
    Case::new(Record::new(record), Some(NOW - age), NOW, Guard::Strict).decided(&Policy::default(), None)
}

/// Drives the cases to their end with this AWS; returns how often each outcome came, and the calls.
fn drive(cases: &[Case], aws: impl Fn(&Call) -> Reply) -> (HashMap<&'static str, usize>, Vec<Call>) {
    let sight = Sight::default();
    drive_with(&sight, cases, aws)
}

/// The same, where EC2 has shown before how fast it shows what it made.
fn drive_with(
    sight: &Sight,
    cases: &[Case],
    aws: impl Fn(&Call) -> Reply,
) -> (HashMap<&'static str, usize>, Vec<Call>) {
    let policy = Policy::default();
    let mut waves = Waves::new(cases, &policy, sight, NOW);
    let mut calls = Vec::new();
    loop {
        let due = waves.due(false);
        if due.is_empty() {
            break;
        }
        for call in due {
            let reply = aws(&call);
            waves.answer(call.number, reply, NOW);
            calls.push(call);
        }
    }
    let mut outcomes = HashMap::new();
    let ended = waves.ended();
    assert_eq!(ended.len(), cases.len(), "cases that have ended");
    for done in ended.into_iter().flat_map(|(_, done)| done) {
        *outcomes.entry(done.outcome.as_str()).or_default() += 1;
    }
    (outcomes, calls)
}

fn each(call: &Call, answer: impl Fn(&str) -> Option<Answer>) -> Reply {
    let answers = call.targets.iter().filter_map(|target| Some((target.id.clone(), answer(&target.id)?)));
    Reply::Each(answers.collect())
}

fn refused(code: &str, message: &str) -> Reply {
    Reply::All(Answer::Failed(Failure::of("ec2:CreateTags", code, message, Some(400))))
}

fn writes(calls: &[Call]) -> usize {
    calls.iter().filter(|call| matches!(call.question, Question::Write(_))).count()
}

#[test]
fn a_call_that_fails_because_of_one_is_cut() {
    let bad = |call: &Call| {
        call.targets.iter().find(|target| ["vol-7", "vol-203"].contains(&target.id.as_str())).cloned()
    };
    type Aws = Box<dyn Fn(&Call) -> Reply>;
    let with_error = |message: fn(&str) -> String| -> Aws {
        Box::new(move |call: &Call| match call.question {
            Question::Write(_) => match bad(call) {
                Some(bad) => refused("InvalidVolume.NotFound", &message(&bad.id)),
                None => Reply::All(Answer::Written),
            },
            _ => each(call, |_| Some(Answer::Tags(Vec::new()))),
        })
    };
    let cases: Vec<Case> = (0..300).map(|number| case(volume(&format!("vol-{number}")), 1)).collect();
    for (what, aws, most) in [
        ("the error names the id", with_error(|id| format!("The volume '{id}' does not exist.")), 3),
        ("the error names no id", with_error(|_| "no".to_owned()), 36),
        ("the error names a longer id", with_error(|id| format!("The volume '{id}-x' does not exist.")), 36),
    ] {
        let (outcomes, calls) = drive(&cases, aws);
        assert_eq!(outcomes, HashMap::from([("tagged", 298), ("not-found", 2)]), "{what}");
        let found = writes(&calls);
        assert!(found <= most, "{what}: expected at most {most} writes, found {found}");
    }
}

/// A hundredth of a burst is not visible yet, and EC2 names one of them at a time.
#[test]
fn a_burst_of_which_some_are_not_visible_takes_few_calls() {
    let is_hidden = |id: &str| id.ends_with("00");
    let aws = |call: &Call| match call.question {
        Question::Write(_) => match call.targets.iter().find(|target| is_hidden(&target.id)) {
            Some(hidden) => {
                refused("InvalidVolume.NotFound", &format!("The volume '{}' does not exist.", hidden.id))
            }
            None => Reply::All(Answer::Written),
        },
        Question::Look(_) => each(call, |id| (!is_hidden(id)).then(|| Answer::Tags(Vec::new()))),
        _ => each(call, |_| Some(Answer::Tags(Vec::new()))),
    };
    let cases: Vec<Case> = (0..1_000).map(|number| case(volume(&format!("vol-{number:04}")), 1)).collect();
    let sight = Sight::default();
    // Two refusals, a look, the write; then a look from the beginning.
    for (what, most) in [("the first burst", 3), ("the next", 1)] {
        let (outcomes, calls) = drive_with(&sight, &cases, aws);
        assert_eq!(outcomes, HashMap::from([("tagged", 990), ("not-found", 10)]), "{what}");
        assert!(writes(&calls) <= most, "{what}: expected {most} writes, found {}", writes(&calls));
        assert!(calls.len() <= 13, "{what}: expected at most 13 calls, found {}", calls.len());
    }
    // A call of its own is no burst.
    let (_, calls) = drive_with(&sight, &cases[..1], aws);
    assert!(calls.iter().all(|call| !matches!(call.question, Question::Look(_))), "{calls:?}");
}

#[test]
fn too_many_calls_are_not_cut() {
    let cases: Vec<Case> = (0..300).map(|number| case(volume(&format!("vol-{number}")), 1)).collect();
    let (outcomes, calls) = drive(&cases, |call| match call.question {
        Question::Write(_) => refused("RequestLimitExceeded", "vol-1"),
        _ => each(call, |_| Some(Answer::Tags(Vec::new()))),
    });
    assert_eq!((outcomes, writes(&calls)), (HashMap::from([("throttled", 300)]), 1));
}

#[test]
fn an_answer_that_is_missing_is_asked_for_alone_and_fails_that_one_only() {
    let cases: Vec<Case> = (0..10).map(|number| case(volume(&format!("vol-{number}")), 1)).collect();
    let (outcomes, calls) = drive(&cases, |call| match call.question {
        Question::Write(_) => Reply::All(Answer::Written),
        _ => each(call, |id| (id != "vol-3").then(|| Answer::Tags(Vec::new()))),
    });
    assert_eq!(outcomes, HashMap::from([("tagged", 9), ("failed", 1)]));
    let written: Vec<_> = calls
        .iter()
        .filter(|call| matches!(call.question, Question::Write(_)))
        .flat_map(|call| &call.targets)
        .map(|target| target.id.as_str())
        .collect();
    assert!(!written.contains(&"vol-3"), "not read and written: {written:?}");
}

#[test]
fn nobody_waits_for_anothers_look_up() {
    let mut of_stack = queue("of-a-stack");
    of_stack["userIdentity"] = json!({
        "type": "AssumedRole", "invokedBy": "cloudformation.amazonaws.com",
        "arn": "arn:aws:sts::111122223333:assumed-role/stacks/AWSCloudFormation",
    });
    of_stack["requestParameters"]["tags"] =
        json!({ "aws:cloudformation:stack-id": "arn:aws:cloudformation:us-east-1:111122223333:stack/s/1" });
    let launch = record(
        "ec2",
        "RunInstances",
        json!({}),
        json!({ "instancesSet": { "items": [{ "instanceId": "i-1", "networkInterfaceSet": { "items": [] } }] } }),
    );
    let cases = [case(of_stack, 200), case(launch, 1), case(queue("plain"), 1)];
    let policy = Policy::default();
    let sight = Sight::default();
    let mut waves = Waves::new(&cases, &policy, &sight, NOW);
    // The stack and the children are never answered.
    let is_slow = |call: &Call| {
        matches!(call.question, Question::Children(_))
            || call.targets[0].operation.name.starts_with("cloudformation")
    };
    let (mut written, mut slow) = (Vec::new(), 0);
    let mut all = false;
    loop {
        let due = waves.due(all);
        if due.is_empty() && !waves.is_holding() {
            break;
        }
        // What is held back goes when nothing else comes.
        all = due.is_empty();
        for call in due {
            if is_slow(&call) {
                slow += 1;
                continue;
            }
            let reply = match call.question {
                Question::Write(_) => {
                    written.extend(call.targets.iter().map(|target| target.id.clone()));
                    Reply::All(Answer::Written)
                }
                Question::Describe(_) => Reply::All(Answer::Described(Default::default())),
                _ => each(&call, |_| Some(Answer::Tags(Vec::new()))),
            };
            waves.answer(call.number, reply, NOW);
        }
    }
    assert_eq!(slow, 2);
    written.sort();
    assert_eq!(written, ["https://sqs.us-east-1.amazonaws.com/111122223333/plain", "i-1"]);
}

#[test]
fn what_reads_have_found_is_written_in_one_call() {
    let cases: Vec<Case> = (0..450).map(|number| case(volume(&format!("vol-{number}")), 1)).collect();
    let (outcomes, calls) = drive(&cases, |call| match call.question {
        Question::Write(_) => Reply::All(Answer::Written),
        _ => each(call, |_| Some(Answer::Tags(Vec::new()))),
    });
    assert_eq!(outcomes, HashMap::from([("tagged", 450)]));
    let sizes: Vec<usize> = calls.iter().map(|call| call.targets.len()).collect();
    assert_eq!(sizes, [200, 200, 50, 450]);
}

#[test]
fn a_launch_without_an_answer_is_found_by_its_token() {
    let launch = || {
        let omitted = json!({ "omitted": true, "reason": "responseElements exceeds the limit" });
        record("ec2", "RunInstances", json!({ "clientToken": "token-1" }), omitted)
    };
    let shown =
        |resource_type, id: &str| Shown { resource_type, ids: vec![id.to_owned()], more: false, alone: true };
    let found = vec![(
        "i-1".to_owned(),
        vec![shown("AWS::EC2::Volume", "vol-1"), shown("AWS::EC2::NetworkInterface", "eni-1")],
    )];
    for (what, age, found, expected) in [
        ("it is visible", 5, found, HashMap::from([("tagged", 3)])),
        ("not yet", 5, vec![], HashMap::from([("not-found", 1)])),
        ("never", 1_000, vec![], HashMap::from([("failed", 1)])),
    ] {
        let (outcomes, calls) = drive(&[case(launch(), age)], |call| match call.question {
            Question::Launched(_) => {
                assert_eq!(call.targets[0].id, "token-1");
                Reply::All(Answer::Launched(found.clone()))
            }
            Question::Write(_) => Reply::All(Answer::Written),
            _ => each(call, |_| Some(Answer::Tags(Vec::new()))),
        });
        assert_eq!(outcomes, expected, "{what}: {calls:?}");
    }
}

#[test]
fn what_no_try_ever_saw_is_gone_only_where_the_history_says_so() {
    let gone =
        || Answer::Failed(Failure::ours(Class::NotFound, "sqs:ListQueueTags", "QueueDoesNotExist", "no"));
    let deleted = Record::new(json!({
        "eventSource": "dynamodb.amazonaws.com", "eventName": "DeleteTable", "requestParameters": { "tableName": "t" },
    }));
    let named = || {
        record(
            "dynamodb",
            "CreateTable",
            json!({ "tableName": "t" }),
            json!({ "tableDescription": { "tableArn": TABLE } }),
        )
    };
    for (what, age, missing_for, history, expected) in [
        ("it is young, and waits", 60, None, None, "not-found"),
        ("the history shows its end", 1_000, None, Some(deleted), "not-found"),
        ("the history may yet show its end", 1_000, None, None, "not-ready"),
        ("it may still", 2_000, Some(300), None, "not-ready"),
        ("nothing shows that it ever was", 2_000, Some(600), None, "failed"),
    ] {
        let work = missing_for.map(|seconds| Work { missing_since: Some(NOW - seconds), ..Work::default() });
        let cases = [Case { work, ..case(named(), age) }];
        assert_eq!(cases[0].plan.actions.len(), 1, "{what}: {:?}", cases[0].plan.diagnostics);
        let (outcomes, _) = drive(&cases, |call| match &call.question {
            Question::History { wanted, .. } => {
                let found = history.clone().filter(|record| tagger_core::history::is(wanted, record));
                Reply::All(Answer::Found(found.map(|record| Box::new(Past { time: Some(NOW), record }))))
            }
            _ => Reply::All(gone()),
        });
        assert_eq!(outcomes, HashMap::from([(expected, 1)]), "{what}");
    }
}

/// A's event came late, B has made a resource of the same name in between, and it got A's name.
#[test]
fn a_creator_of_an_earlier_resource_of_the_name_is_replaced() {
    let group = |user: &str| {
        let mut record = record("logs", "CreateLogGroup", json!({ "logGroupName": "g" }), Value::Null);
        record["userIdentity"]["userName"] = user.into();
        record["userIdentity"]["arn"] = format!("arn:aws:iam::111122223333:user/{user}").into();
        record
    };
    let mut stated = group("bob");
    stated["requestParameters"]["tags"] = json!({ "CreatedBy": "alice" });
    for (what, record, there, age, history, expected, written) in [
        (
            "the history shows alice's",
            group("bob"),
            "alice",
            200,
            vec![group("alice")],
            "tagged",
            Some("bob"),
        ),
        (
            "the history shows carol's",
            group("bob"),
            "alice",
            200,
            vec![group("carol")],
            "already-tagged",
            None,
        ),
        ("it is too early to ask", group("bob"), "alice", 20, vec![group("alice")], "not-ready", None),
        ("bob asked for that name", stated, "alice", 200, vec![group("alice")], "already-tagged", None),
        ("it is bob's", group("bob"), "bob", 200, vec![], "already-tagged", None),
    ] {
        let cases = [case(record, age)];
        let (outcomes, calls) = drive(&cases, |call| match &call.question {
            Question::Describe(_) => Reply::All(Answer::Described(Default::default())),
            Question::History { wanted, .. } => {
                let records = history.iter().map(|record| Record::new(record.clone()));
                let found = records.clone().find(|record| tagger_core::history::is(wanted, record));
                Reply::All(Answer::Found(found.map(|record| Box::new(Past { time: Some(NOW), record }))))
            }
            Question::Write(_) => Reply::All(Answer::Written),
            _ => each(call, |_| Some(Answer::Tags(vec![("CreatedBy".to_owned(), there.to_owned())]))),
        });
        assert_eq!(outcomes, HashMap::from([(expected, 1)]), "{what}: {calls:?}");
        let value = calls.iter().find_map(|call| match &call.question {
            Question::Write(tags) => Some(tags[0].1.clone()),
            _ => None,
        });
        assert_eq!(value.as_deref(), written, "{what}");
    }
}
