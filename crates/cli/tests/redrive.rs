//! `tagger redrive` on the sandbox: dead letters are shown, moved, discarded, and none is lost, whenever it is killed.
//!
//! Needs what `tests/sandbox.rs` needs.

mod support;

use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};
use support::Running;

const ROLE: [&str; 4] =
    ["--role-name", "AutoResourceTaggerRole", "--policy-name", "AutoResourceTaggerPolicy"];
const DEAD: &str = "auto-resource-tagger-dead-letters";
const RETRY: &str = "auto-resource-tagger-retry";
const UNDELIVERED: &str = "auto-resource-tagger-undelivered";

struct Sandbox {
    cloud: Running,
    policy: String,
}

impl Sandbox {
    fn start() -> Self {
        let cloud = Running::start();
        let got = cloud.aws("root", &[&["iam", "get-role-policy"], &ROLE[..]].concat());
        Self { policy: got["PolicyDocument"].to_string(), cloud }
    }

    /// Whether the function's role may tag queues.
    fn allow(&self, may: bool) {
        // Whichever of the role's policies allows it: a Deny in this one refuses it.
        let refused =
            r#""Statement":[{"Sid":"Broken","Effect":"Deny","Action":"sqs:TagQueue","Resource":"*"},"#;
        let less = self.policy.replacen(r#""Statement":["#, refused, 1);
        assert_ne!(self.policy, less);
        let policy = if may { &self.policy } else { &less };
        self.cloud
            .aws("root", &[&["iam", "put-role-policy"], &ROLE[..], &["--policy-document", policy]].concat());
    }

    /// Queues of alice's that the function must give up, and their addresses.
    fn give_up(&self, prefix: &str, count: usize) -> Vec<String> {
        self.allow(false);
        let before = self.lying(DEAD);
        let made =
            (0..count).map(|number| self.cloud.queue("alice", &format!("{prefix}-{number}"), &[])).collect();
        self.until(&format!("{count} more letters"), || self.lying(DEAD) == before + count);
        self.allow(true);
        made
    }

    fn url(&self, queue: &str) -> String {
        let found = self.cloud.aws("root", &["sqs", "get-queue-url", "--queue-name", queue]);
        found["QueueUrl"].as_str().unwrap().to_owned()
    }

    /// Messages in a queue, hidden ones too.
    fn lying(&self, queue: &str) -> usize {
        let (visible, hidden) = self.depth(queue);
        visible + hidden
    }

    fn depth(&self, queue: &str) -> (usize, usize) {
        let url = self.url(queue);
        let found = self
            .cloud
            .aws("root", &["sqs", "get-queue-attributes", "--queue-url", &url, "--attribute-names", "All"]);
        let number = |name: &str| found["Attributes"][name].as_str().unwrap().parse::<usize>().unwrap();
        (number("ApproximateNumberOfMessages"), number("ApproximateNumberOfMessagesNotVisible"))
    }

    fn send(&self, queue: &str, body: &Value, attributes: &Value) {
        let (url, body) = (self.url(queue), body.to_string());
        let attributes = attributes.to_string();
        self.cloud.aws(
            "root",
            &[
                "sqs",
                "send-message",
                "--queue-url",
                &url,
                "--message-body",
                &body,
                "--message-attributes",
                &attributes,
            ],
        );
    }

    /// The verb's exit code and its JSON lines.
    fn redrive(&self, words: &[&str]) -> (i32, Vec<Value>) {
        let output = self.cloud.tagger("root", &[&["redrive", "--json"], words].concat()).output().unwrap();
        let said = support::said(&output);
        let text = String::from_utf8(output.stdout).unwrap();
        let line = |line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}: {said}"));
        (output.status.code().unwrap(), text.lines().map(line).collect())
    }

    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        let started = Instant::now();
        while !is_so() {
            assert!(started.elapsed() < Duration::from_secs(90), "never: {what}");
            thread::sleep(Duration::from_millis(200));
        }
    }
}

fn of<'a>(lines: &'a [Value], step: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["step"] == step).collect()
}

/// The record of a creation that was never delivered. It is of now: of an older one the queue would be another, later one.
fn created(queue: &str, url: &str) -> Value {
    json!({"eventVersion": "1.10", "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "eventID": format!("id-{queue}"),
        "eventTime": tagger_aws::time::format(std::time::SystemTime::now()), "awsRegion": "us-east-1", "recipientAccountId": "111122223333",
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob", "accountId": "111122223333", "userName": "bob"},
        "requestParameters": {"queueName": queue}, "responseElements": {"queueUrl": url}})
}

#[test]
fn letters_are_shown_moved_and_discarded() {
    let sandbox = Sandbox::start();
    let cloud = &sandbox.cloud;
    let (code, lines) = sandbox.redrive(&[]);
    assert_eq!(
        (code, of(&lines, "group").len(), &of(&lines, "end")[0]["letters"]),
        (0, 0, &json!(0)),
        "{lines:?}"
    );

    let made = sandbox.give_up("given-up", 12);
    let (code, lines) = sandbox.redrive(&[]);
    let groups = of(&lines, "group");
    assert_eq!((code, groups.len()), (0, 1), "{lines:?}");
    let group = groups[0];
    for (name, expected) in [
        ("letters", json!(12)),
        ("class", json!("denied")),
        ("by", json!("permission")),
        ("service", json!("sqs")),
        ("types", json!("AWS::SQS::Queue")),
        ("call", json!("sqs:TagQueue")),
        ("queue", json!(DEAD)),
    ] {
        assert_eq!(group[name], expected, "{name}: {group}");
    }
    assert!(group["oldest"].as_str() <= group["newest"].as_str(), "{group}");
    assert_eq!(sandbox.depth(DEAD), (12, 0), "looking gives everything back");

    // For people.
    let text = cloud.runs(&["redrive"]);
    assert!(text.contains("    12  denied by permission, "), "{text}");
    assert!(text.contains("tagger redrive --all"), "{text}");

    // What is not asked for stays.
    let (code, lines) = sandbox.redrive(&["--why", "throttled", "--yes"]);
    assert_eq!((code, of(&lines, "moved").len()), (0, 0), "{lines:?}");
    // What there is instead is listed.
    let end = of(&lines, "end")[0];
    let there = &end["there"][0];
    assert_eq!((&there["letters"], &there["class"]), (&json!(12), &json!("denied")), "{end}");
    let message = end["message"].as_str().unwrap();
    assert!(
        message.contains("No dead letter fits") && message.contains("12  denied by permission, Access"),
        "{end}"
    );
    // Whichever of the two codes a service gives, its beginning is enough.
    for why in ["AccessDenied", "accessden", "perm"] {
        let (code, lines) = sandbox.redrive(&["--why", why, "--dry-run"]);
        assert_eq!((code, of(&lines, "plan")[0]["meant"].clone()), (0, json!(12)), "{why}: {lines:?}");
    }
    let (code, lines) = sandbox.redrive(&["--all", "--dry-run"]);
    assert_eq!((code, of(&lines, "plan")[0]["meant"].clone()), (0, json!(12)), "{lines:?}");
    assert_eq!(sandbox.depth(DEAD), (12, 0));
    let said = cloud.fails("root", 2, &["redrive", "--all", "--json"]);
    assert!(said.contains("--yes"), "{said}");
    let said = cloud.fails("root", 2, &["redrive", "--all"]);
    assert!(said.contains("no terminal"), "{said}");

    // One of them, then all others.
    let event = group["eventID"].as_str().unwrap().to_owned();
    let (code, lines) = sandbox.redrive(&["--event", &event, "--yes"]);
    assert_eq!((code, of(&lines, "moved").len()), (0, 1), "{lines:?}");
    sandbox.until("one is tagged", || made.iter().filter(|url| cloud.creator(url).is_some()).count() == 1);
    assert_eq!(sandbox.depth(DEAD), (11, 0), "what was not meant is given back");
    let (code, lines) = sandbox.redrive(&["--why", "DENIED", "--service", "sqs", "--since", "1h", "--yes"]);
    assert_eq!((code, of(&lines, "moved").len()), (0, 11), "{lines:?}");
    for url in &made {
        cloud.wait_for(url, "alice");
    }
    sandbox.until("the retry queue is empty", || sandbox.lying(RETRY) == 0);
    assert_eq!(sandbox.lying(DEAD), 0);

    // A letter of each other form, and two that cannot be opened.
    let url = |name: &str| cloud.queue("root", name, &["--tags", "CreatedBy=nobody"]);
    let urls = ["by-lambda", "by-rule", "by-sqs"].map(|name| (name, url(name)));
    for (_, url) in &urls {
        sandbox.until("the creation is settled", || cloud.creator(url).as_deref() == Some("nobody"));
    }
    thread::sleep(Duration::from_secs(3));
    for (_, url) in &urls {
        cloud.aws("root", &["sqs", "untag-queue", "--queue-url", url, "--tag-keys", "CreatedBy"]);
    }
    let event = |place: usize| {
        json!({"source": "aws.sqs", "account": "111122223333", "region": "us-east-1",
        "detail-type": "AWS API Call via CloudTrail", "detail": created(urls[place].0, &urls[place].1)})
    };
    let none = json!({});
    sandbox.send(
        DEAD,
        &json!({"version": "1.0", "requestContext": {"condition": "RetriesExhausted"}, "requestPayload": event(0),
            "responsePayload": {"errorMessage": "29 of the 30 seconds are over"}}),
        &none,
    );
    let code = json!({"ERROR_CODE": {"DataType": "String", "StringValue": "NO_PERMISSIONS"}});
    sandbox.send(UNDELIVERED, &event(1), &code);
    let record = created(urls[2].0, &urls[2].1);
    sandbox.send(DEAD, &json!({"tagger": "work", "record": record, "firstSeen": 1, "tries": 299}), &none);
    sandbox.send(UNDELIVERED, &json!({"source": "aws.cloudwatch", "detail": {"alarmName": "x"}}), &code);
    sandbox.send(DEAD, &json!("hello"), &none);
    let uncertain = json!({"tagger": "dead-letter", "record": created("sure", "x"), "resources": [], "since": 1, "gaveUp": 2, "tries": 1,
        "reason": {"class": "failed", "call": "s3:x", "code": "resource-uncertain", "message": "who knows"}});
    sandbox.send(DEAD, &uncertain, &none);
    let (code, lines) = sandbox.redrive(&["--all", "--yes"]);
    assert_eq!(code, 3, "{lines:?}");
    let codes: Vec<_> = of(&lines, "group").iter().map(|group| group["code"].as_str().unwrap()).collect();
    for code in ["RetriesExhausted", "NO_PERMISSIONS", "not-a-record", "resource-uncertain"] {
        assert!(codes.contains(&code), "{code}: {codes:?}");
    }
    assert_eq!(of(&lines, "moved").len(), 3, "{lines:?}");
    assert_eq!(
        of(&lines, "stays").len(),
        3,
        "two that cannot be opened, and those that are uncertain: {lines:?}"
    );
    for (_, url) in &urls {
        cloud.wait_for(url, "bob");
    }
    assert_eq!((sandbox.depth(DEAD), sandbox.depth(UNDELIVERED)), ((2, 0), (1, 0)));

    // What is left is printed and goes.
    let (_, lines) = sandbox.redrive(&["--discard", "--why", "resource-uncertain", "--yes"]);
    assert_eq!(of(&lines, "discarding")[0]["body"], uncertain, "{lines:?}");
    let output = cloud.tagger("root", &["redrive", "--discard", "--all", "--yes"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let kept: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    assert!(output.status.success(), "{text}");
    assert_eq!(
        kept.iter()
            .filter(|line| line["body"] == "hello" || line["body"]["source"] == "aws.cloudwatch")
            .count(),
        2
    );
    assert_eq!((sandbox.lying(DEAD), sandbox.lying(UNDELIVERED)), (0, 0));
}

#[test]
fn nothing_is_lost_when_it_is_killed() {
    let sandbox = Sandbox::start();
    let cloud = &sandbox.cloud;
    let mut bare: Vec<String> = Vec::new();
    // While it looks; so many milliseconds after it has said what it will move, in two batches; after the first of them.
    let moments = [None, Some(("plan", 0)), Some(("plan", 40)), Some(("plan", 300)), Some(("moved", 0))];
    for (round, after) in moments.into_iter().enumerate() {
        bare.extend(sandbox.give_up(&format!("killed-{round}"), 11));
        let words = ["redrive", "--all", "--yes", "--json"];
        let mut child = cloud.tagger("root", &words).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        match after {
            None => thread::sleep(Duration::from_millis(700)),
            Some((step, millis)) => {
                let step = format!("\"step\":\"{step}\"");
                assert!(lines.by_ref().map_while(Result::ok).any(|line| line.contains(&step)));
                thread::sleep(Duration::from_millis(millis));
            }
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let moved = lines.map_while(Result::ok).filter(|line| line.contains("\"step\":\"moved\"")).count();
        sandbox.until("what was moved is worked off", || sandbox.lying(RETRY) == 0);
        bare.retain(|url| cloud.creator(url).is_none());
        let (visible, hidden) = sandbox.depth(DEAD);
        eprintln!("killed {after:?}: {moved} moved, {} untagged, {visible} + {hidden} letters", bare.len());
        assert!(
            bare.len() <= visible + hidden,
            "{} have no tag, and there are {visible} + {hidden} letters",
            bare.len()
        );
    }
    // What was hidden comes back.
    sandbox.until("every letter is seen again", || sandbox.depth(DEAD).1 == 0);
    let (code, lines) = sandbox.redrive(&["--all", "--yes"]);
    assert_eq!(code, 0, "{lines:?}");
    for url in &bare {
        cloud.wait_for(url, "alice");
    }
    assert_eq!(sandbox.lying(DEAD), 0);

    // Ctrl-C ends it in order: what is left is there at once.
    sandbox.give_up("stopped", 5);
    let child = cloud
        .tagger("root", &["redrive", "--all", "--yes"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    thread::sleep(Duration::from_millis(900));
    let process = rustix::process::Pid::from_raw(child.id() as i32).unwrap();
    rustix::process::kill_process(process, Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", support::said(&output));
    assert!(support::said(&output).contains("interrupted"), "{}", support::said(&output));
    assert_eq!(sandbox.depth(DEAD), (5, 0));
}
