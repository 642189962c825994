//! The real program `bootstrap` between a Lambda runtime and an AWS on loopback, for the tests beside
//! this folder.

use serde_json::{Value, json};
use std::{
    io::Read,
    process::{Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::{Duration, SystemTime},
};
use tiny_http::{Header, Response, Server};

/// What happened in a run.
pub struct Run {
    /// The last part of the path that the function answered to (`response` or `error`), and its body.
    pub answers: Vec<(String, Value)>,
    /// What AWS was asked.
    pub asked: Vec<String>,
    /// Standard output.
    pub log: String,
    /// Whether the program ended by itself, with a failure.
    #[allow(dead_code, reason = "not every file of tests has a program that fails")]
    pub failed: bool,
    /// The most memory that it had, in MB; none where the system does not tell.
    #[allow(dead_code, reason = "not every file of tests asks")]
    pub peak_mb: Option<u64>,
}

/// What AWS answers to a request, which is its target or path and its body, and on a line of its own the region
/// for which it is signed: a status and a body.
pub type Aws = fn(&str) -> (u16, String);

/// Gives the program these events and this AWS, and all the time that there is.
#[allow(dead_code, reason = "not every file of tests has the time")]
pub fn run(events: Vec<Value>, answer: Aws, environment: &[(&str, &str)]) -> Run {
    run_within(Duration::from_secs(100 * 365 * 86_400), events, answer, environment)
}

/// The same, with so much time for each event.
pub fn run_within(time: Duration, events: Vec<Value>, answer: Aws, environment: &[(&str, &str)]) -> Run {
    let runtime = Server::http("127.0.0.1:0").unwrap();
    let aws = Server::http("127.0.0.1:0").unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let (url, log) = (format!("http://{}", aws.server_addr()), Arc::clone(&asked));
    std::thread::spawn(move || {
        for mut request in aws.incoming_requests() {
            let mut body = String::new();
            request.as_reader().read_to_string(&mut body).unwrap();
            let header = |name: &'static str| {
                let found = request.headers().iter().find(|header| header.field.equiv(name));
                found.map(|header| header.value.to_string())
            };
            let target = header("x-amz-target").unwrap_or_else(|| request.url().to_owned());
            // Credential=KEY/DATE/REGION/SERVICE/aws4_request
            let signed = header("authorization").unwrap_or_default();
            let region = signed.split('/').nth(2).unwrap_or_default();
            let text = format!("{target} {body}");
            let (status, body) = answer(&format!("{text}\n{region}"));
            log.lock().unwrap().push(text);
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
    // Read while it runs: a pipe that is full would hold it up.
    let mut stdout = child.stdout.take().unwrap();
    let output = std::thread::spawn(move || {
        let mut text = Vec::new();
        stdout.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    });
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
                let deadline = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap() + time;
                let deadline = deadline.as_millis();
                let response = Response::from_string(event.to_string())
                    .with_header(header(
                        "Lambda-Runtime-Aws-Request-Id",
                        &format!("00000000-0000-4000-8000-{index:012}"),
                    ))
                    .with_header(header("Lambda-Runtime-Deadline-Ms", &deadline.to_string()))
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
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    let peak_mb = peak.and_then(|peak| Some(peak.trim().parse::<u64>().ok()? / 1024));
    let _ = child.kill();
    let _ = child.wait();
    let asked = asked.lock().unwrap().clone();
    Run { answers, asked, log: output.join().unwrap(), failed, peak_mb }
}

/// The record of a CreateQueue, with some members changed.
pub fn detail(account: &str, with: Value) -> Value {
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

/// The event in which EventBridge delivers it.
#[allow(dead_code, reason = "not every file of tests has events")]
pub fn event(detail: Value) -> Value {
    json!({ "version": "0", "detail-type": "AWS API Call via CloudTrail", "source": "aws.sqs", "account": "111122223333", "detail": detail })
}
