//! The real program `bootstrap`, between a Lambda runtime and an AWS on loopback: what it answers
//! to the runtime, what it asks of AWS, what it logs.

use serde_json::{Value, json};
use std::{
    process::{Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};
use tiny_http::{Header, Response, Server};

/// What happened in a run.
struct Run {
    /// The last part of the path that the function answered to (`response` or `error`), and its body.
    answers: Vec<(String, Value)>,
    /// What AWS was asked.
    asked: Vec<String>,
    /// Standard output.
    log: String,
    /// Whether the program ended by itself, with a failure.
    failed: bool,
}

/// Gives the program these events, with an AWS that answers every call with `status`.
fn run(events: Vec<Value>, status: u16, environment: &[(&str, &str)]) -> Run {
    let runtime = Server::http("127.0.0.1:0").unwrap();
    let aws = Server::http("127.0.0.1:0").unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (url, log) = (format!("http://{}", aws.server_addr()), Arc::clone(&asked));
    std::thread::spawn(move || {
        for mut request in aws.incoming_requests() {
            let mut body = String::new();
            request.as_reader().read_to_string(&mut body).unwrap();
            let target = request.headers().iter().find(|header| header.field.equiv("x-amz-target"));
            log.lock()
                .unwrap()
                .push(format!("{} {body}", target.map(|header| header.value.as_str()).unwrap_or_default()));
            let body = if status == 200 {
                "{}"
            } else {
                r#"{"__type":"AccessDeniedException","message":"not allowed"}"#
            };
            let _ = request.respond(Response::from_string(body).with_status_code(status));
        }
    });
    let mut child = Command::new(env!("CARGO_BIN_EXE_bootstrap"))
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", runtime.server_addr().to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", "auto-resource-tagger")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "ASIAEXAMPLE")
        .env("AWS_SECRET_ACCESS_KEY", "example")
        .env("AWS_ENDPOINT_URL", &url)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (sender, receiver) = mpsc::channel();
    let count = events.len();
    std::thread::spawn(move || {
        let mut events = events.into_iter().enumerate();
        let mut waiting = Vec::new();
        for mut request in runtime.incoming_requests() {
            if request.url().ends_with("/next") {
                let Some((index, event)) = events.next() else {
                    waiting.push(request); // The sandbox is frozen here.
                    continue;
                };
                let header = |name: &str, value: &str| Header::from_bytes(name, value).unwrap();
                let response = Response::from_string(event.to_string())
                    .with_header(header(
                        "Lambda-Runtime-Aws-Request-Id",
                        &format!("00000000-0000-4000-8000-{index:012}"),
                    ))
                    .with_header(header("Lambda-Runtime-Deadline-Ms", "4102444800000"))
                    .with_header(header(
                        "Lambda-Runtime-Invoked-Function-Arn",
                        "arn:aws:lambda:us-east-1:111122223333:function:auto-resource-tagger",
                    ));
                let _ = request.respond(response);
            } else {
                let mut body = String::new();
                request.as_reader().read_to_string(&mut body).unwrap();
                let last = request.url().rsplit('/').next().unwrap().to_owned();
                let _ = sender.send((last, serde_json::from_str(&body).unwrap_or(Value::Null)));
                let _ = request.respond(Response::empty(202));
            }
        }
    });
    let mut answers = Vec::new();
    let mut failed = false;
    while answers.len() < count && !failed {
        match receiver.recv_timeout(Duration::from_millis(100)) {
            Ok(answer) => answers.push(answer),
            Err(_) => failed = child.try_wait().unwrap().is_some_and(|status| !status.success()),
        }
    }
    let _ = child.kill();
    let output = child.wait_with_output().unwrap();
    let asked = asked.lock().unwrap().clone();
    Run { answers, asked, log: String::from_utf8_lossy(&output.stdout).into_owned(), failed }
}

fn detail(account: &str, with: Value) -> Value {
    let mut detail = json!({
        "eventID": "e-1", "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "eventTime": "2026-11-24T08:30:00Z",
        "awsRegion": "us-east-1", "recipientAccountId": account,
        "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
        "requestParameters": { "queueName": "jobs", "attributes": { "secret": "do-not-log" } },
        "responseElements": { "queueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/jobs" },
    });
    for (name, value) in with.as_object().unwrap() {
        detail[name] = value.clone();
    }
    detail
}

fn event(detail: Value) -> Value {
    json!({ "version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.sqs", "account": "111122223333", "detail": detail })
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
            2,
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
            4,
            "\"tagged\"",
        ),
        (
            "a queue's batch in which tagging fails",
            json!({"Records": [message("m-1", good.clone()), message("m-2", event(detail(own, json!({"readOnly": true}))))]}),
            400,
            ("response", json!({"batchItemFailures": [{"itemIdentifier": "m-1"}]})),
            1,
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
    let line: Value = serde_json::from_str(run.log.lines().next().unwrap()).unwrap();
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
        run.asked[1].contains(r#""Tags":{"At":"2026-11-24T08:30:00Z","Owner":"alice"}"#),
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
