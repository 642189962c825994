//! The real program `bootstrap`, between a Lambda runtime and an AWS on loopback: what it answers
//! to the runtime, what it asks of AWS, what it logs. There are no queues here; `queues.rs` has them.

mod support;

use serde_json::{Value, json};
use support::{Run, detail, event};

/// An AWS that answers every call with success, or denies every one.
fn run(events: Vec<Value>, status: u16, environment: &[(&str, &str)]) -> Run {
    let denied = |_: &str| (400, r#"{"__type":"AccessDeniedException","message":"not allowed"}"#.to_owned());
    let answer: support::Aws = if status == 200 { |_| (200, "{}".to_owned()) } else { denied };
    support::run(events, answer, environment)
}

#[test]
fn answers_to_the_runtime() {
    let own = "111122223333";
    let message = |id: &str, body: Value| json!({ "messageId": id, "eventSource": "aws:sqs", "body": body.to_string() });
    let good = event(detail(own, json!({})));
    for (what, event, status, answer, calls, logged) in [
        (
            "a creation",
            good.clone(),
            200,
            ("response", json!({"records": 1, "tagged": 1, "alreadyTagged": 0, "leftAlone": 0})),
            3,
            "\"tagged\"",
        ),
        (
            "a failed call",
            event(detail(own, json!({"errorCode": "AccessDenied"}))),
            200,
            ("response", json!({"records": 1, "tagged": 0, "alreadyTagged": 0, "leftAlone": 1})),
            0,
            "\"failed-call\"",
        ),
        (
            "a record of another account",
            event(detail("444455556666", json!({}))),
            200,
            ("response", json!({"records": 1, "tagged": 0, "alreadyTagged": 0, "leftAlone": 1})),
            0,
            "\"other-account\"",
        ),
        (
            "a queue's batch names the messages that failed",
            json!({"Records": [message("m-1", good.clone()), message("m-2", json!({"hello": 1})), message("m-3", good.clone())]}),
            200,
            ("response", json!({"batchItemFailures": [{"itemIdentifier": "m-2"}]})),
            6,
            "\"tagged\"",
        ),
        (
            "a queue's batch in which tagging fails",
            json!({"Records": [message("m-1", good.clone()), message("m-2", event(detail(own, json!({"readOnly": true}))))]}),
            400,
            ("response", json!({"batchItemFailures": [{"itemIdentifier": "m-1"}]})),
            2,
            "\"denied\"",
        ),
    ] {
        let run = run(vec![event], status, &[]);
        assert_eq!(run.answers, [(answer.0.to_owned(), answer.1)], "{what}: {}", run.log);
        assert_eq!(run.asked.len(), calls, "{what}: {:?}", run.asked);
        assert!(run.log.contains(logged), "{what}: expected {logged} in {}", run.log);
    }
}

#[test]
fn a_failure_to_tag_is_an_error_of_the_invocation_and_the_next_one_goes_on() {
    let own = "111122223333";
    let read_only = event(detail(own, json!({"readOnly": true})));
    let run = run(vec![event(detail(own, json!({}))), read_only], 400, &[]);
    let (last, body) = &run.answers[0];
    assert_eq!((last.as_str(), &body["errorType"]), ("error", &json!("NotTagged")));
    let message = body["errorMessage"].as_str().unwrap();
    assert!(
        message.contains("arn:aws:sqs:us-east-1:111122223333:jobs") && message.contains("AccessDenied"),
        "{message}"
    );
    assert_eq!(run.answers[1].0, "response");
}

/// The pricing calculator takes no `.` in a value, by its model's pattern.
#[test]
fn a_value_is_sent_as_the_service_accepts_it() {
    let created = detail(
        "111122223333",
        json!({
            "eventSource": "bcm-pricing-calculator.amazonaws.com", "eventName": "CreateBillEstimate",
            "requestParameters": { "name": "x" }, "responseElements": { "id": "e-1" },
            "userIdentity": { "type": "IAMUser", "userName": "j.smith@example.com" },
        }),
    );
    let settings = [("TAGGER_EXISTING", "overwrite"), ("TAGGER_TAGS", "cost.center=x")];
    let run = run(vec![event(created)], 200, &settings);
    assert_eq!(run.answers[0].1["tagged"], 1, "{:?} {}", run.answers, run.log);
    assert!(run.asked[0].ends_with(r#""tags":{"CreatedBy":"j_smith@example_com"}}"#), "{:?}", run.asked);
    for code in ["tag-value-changed", "tag-left-out"] {
        assert!(run.log.contains(code), "{}", run.log);
    }
}

#[test]
fn what_is_no_record_is_an_error_and_not_lost() {
    for event in [json!({"hello": "world"}), json!({"detail-type": "x", "detail": "not json {"}), json!([])] {
        let is_empty = event == json!([]);
        let run = run(vec![event], 200, &[]);
        assert_eq!(run.answers[0].0 == "error", !is_empty, "{:?}", run.answers);
    }
}

#[test]
fn the_log_has_a_line_for_each_decision_and_no_request_parameters() {
    let run = run(
        vec![event(detail("111122223333", json!({})))],
        200,
        &[("TAGGER_KEY", "Owner"), ("TAGGER_TAGS", "At={eventTime}")],
    );
    let lines = run.log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let line = lines.into_iter().find(|line| !line["outcome"].is_null()).unwrap();
    for (name, value) in [
        ("eventID", "e-1"),
        ("eventName", "CreateQueue"),
        ("creator", "alice"),
        ("kind", "user"),
        ("arn", "arn:aws:sqs:us-east-1:111122223333:jobs"),
        ("outcome", "tagged"),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    assert!(line["latencyMs"].is_u64(), "{line}");
    assert!(!run.log.contains("do-not-log"), "{}", run.log);
    assert!(
        run.asked[2].contains(r#""Tags":{"At":"2026-11-24T08:30:00Z","Owner":"alice"}"#),
        "{:?}",
        run.asked
    );
}

#[test]
fn a_wrong_setting_stops_the_function_at_its_start() {
    let run = run(vec![event(detail("111122223333", json!({})))], 200, &[("TAGGER_KYE", "Owner")]);
    assert!(run.failed && run.answers.is_empty());
    assert!(run.log.contains("TAGGER_KYE") && run.log.contains("TAGGER_KEY"), "{}", run.log);
}
