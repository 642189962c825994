//! An AWS on loopback, for the tests beside this folder: a real HTTP server that answers by rules.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::{SdkConfig, region::Region};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tagger_aws::Client;
use tagger_core::{Policy, Record, case::Case, patience::Guard};
use tiny_http::{Header, Response, Server};

/// A rule of the server: when a request contains all the words, it answers this, as often as `times` says.
pub struct Answer {
    pub words: &'static [&'static str],
    pub times: usize,
    pub status: u16,
    pub body: &'static str,
}

/// A rule that always answers.
pub fn answer(words: &'static [&'static str], status: u16, body: &'static str) -> Answer {
    Answer { words, times: usize::MAX, status, body }
}

/// An AWS that answers by rules and remembers what it was asked.
pub struct Aws {
    url: String,
    pub asked: Arc<Mutex<Vec<String>>>,
}

impl Aws {
    /// Starts it.
    pub fn start(mut answers: Vec<Answer>) -> Self {
        let server = Server::http("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.server_addr());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut request in server.incoming_requests() {
                let mut body = String::new();
                request.as_reader().read_to_string(&mut body).unwrap();
                let target = request.headers().iter().find(|header| header.field.equiv("x-amz-target"));
                let target = target.map(|header| header.value.to_string()).unwrap_or_default();
                let text = format!("{} {} {target} {body}", request.method(), request.url());
                log.lock().unwrap().push(text.clone());
                let rule = answers
                    .iter_mut()
                    .find(|rule| rule.times > 0 && rule.words.iter().all(|word| text.contains(word)));
                let (status, body) = match rule {
                    Some(rule) => {
                        rule.times -= 1;
                        (rule.status, rule.body)
                    }
                    // When a queue was made is not told, unless a test says it.
                    None if text.contains("GetQueueAttributes") => (200, r#"{"Attributes":{}}"#),
                    None => (500, "<no rule of the test>"),
                };
                let kind = Header::from_bytes(
                    "content-type",
                    if body.starts_with('<') { "text/xml" } else { "application/json" },
                );
                let _ = request
                    .respond(Response::from_string(body).with_status_code(status).with_header(kind.unwrap()));
            }
        });
        Self { url, asked }
    }

    /// A client of it.
    pub fn client(&self) -> Client {
        let config = SdkConfig::builder()
            .region(Region::new("us-east-1"))
            .endpoint_url(&self.url)
            .credentials_provider(SharedCredentialsProvider::new(Credentials::for_tests()))
            .build();
        let http: SharedHttpClient = aws_smithy_http_client::Builder::new().build_http();
        Client::new(&config, http).unwrap()
    }
}

/// A record.
pub fn record(source: &str, name: &str, request: Value, response: Value) -> Value {
    json!({
        "eventSource": source, "eventName": name, "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
        "requestParameters": request, "responseElements": response,
    })
}

/// A case of a record that came just now, with its plan.
#[allow(dead_code, reason = "not every test plans by itself")]
pub fn case(record: Value, policy: &Policy, guard: Guard) -> Case {
    let now = tagger_aws::time::since_1970(std::time::SystemTime::now());
    Case::new(Record::new(record), None, now, guard).decided(policy, None)
}

/// The record of a CreateQueue.
#[allow(dead_code, reason = "not every test makes a queue")]
pub fn queue() -> Value {
    let url = "https://sqs.us-east-1.amazonaws.com/111122223333/jobs";
    record("sqs.amazonaws.com", "CreateQueue", json!({ "queueName": "jobs" }), json!({ "queueUrl": url }))
}
