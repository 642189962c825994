//! End to end: the real function in the emulated AWS, created with the unmodified AWS CLI.
//!
//! Needs `target/release/bootstrap` (`cargo build --release -p tagger-lambda`; `cargo xtask test`
//! builds it first) and a Python package registry the first time.

mod support;

use rustix::process::Signal;
use serde_json::{Value, json};
use std::{
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};
use support::{LATE, Running, sandbox};

#[test]
fn the_demo_finds_every_creator() {
    let output = sandbox(&["--demo", "--json", LATE[0], LATE[1]]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{text}");
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(
        rows.len(),
        32,
        "eight services and the instance's volume, for three identities, and a few more: {text}"
    );
    for row in &rows {
        assert_eq!(row["found"], row["expected"], "{row}");
        assert_eq!(row["ok"], true, "{row}");
        assert!(row["arn"].as_str().unwrap().starts_with("arn:aws:"), "{row}");
        assert!(row["seconds"].is_number(), "{row}");
    }
    for (identity, expected, count) in [
        ("IAM user", "alice", 9),
        ("role session", "bob", 9),
        ("root", "root", 9),
        ("Identity Center", "jane@example.com", 2),
        ("pipeline", "GitHubActions", 2),
        ("stack", "alice", 1),
    ] {
        let found =
            rows.iter().filter(|row| row["identity"] == identity && row["expected"] == expected).count();
        assert_eq!(found, count, "{identity}");
    }
}

#[test]
fn tags_that_are_there_stay_and_a_second_run_changes_nothing() {
    let mut cloud = Running::start_with(&LATE);

    let own = cloud.queue("alice", "own", &["--tags", "CreatedBy=carol,Team=x"]);
    let fresh = cloud.queue("alice", "fresh", &[]);
    cloud.wait_for(&fresh, "alice");

    // The same name again is no creation, but the same event: it must not make bob the creator.
    assert_eq!(cloud.queue("bob", "fresh", &[]), fresh);
    let later = cloud.queue("bob", "later", &[]);
    cloud.wait_for(&later, "bob");
    assert_eq!(cloud.creator(&fresh).as_deref(), Some("alice"));
    assert_eq!(cloud.creator(&own).as_deref(), Some("carol"));
    assert_eq!(
        cloud.aws("root", &["sqs", "list-queue-tags", "--queue-url", &own])["Tags"],
        json!({"CreatedBy": "carol", "Team": "x"})
    );

    // It shows what happens, while it happens.
    let shown = cloud.feed.lock().unwrap().clone();
    for words in [" alice CreateQueue fresh → CreatedBy=alice (", " bob CreateQueue later → CreatedBy=bob ("]
    {
        assert!(shown.iter().any(|line| line.contains(words)), "expected {words:?}, found {shown:#?}");
    }

    // A second delivery of an event changes nothing.
    let records = cloud.folder.join("records.jsonl");
    let text = fs::read_to_string(&records).unwrap();
    let created = |line: &&str| {
        line.contains("\"CreateQueue\"") && line.contains("\"fresh\"") && line.contains("user/alice")
    };
    let detail: Value = serde_json::from_str(text.lines().find(created).unwrap()).unwrap();
    let payload = cloud.folder.join("payload.json");
    fs::write(
        &payload,
        json!({ "detail-type": "AWS API Call via CloudTrail", "detail": detail }).to_string(),
    )
    .unwrap();
    let answer = cloud.folder.join("answer.json");
    let words = ["lambda", "invoke", "--function-name", "auto-resource-tagger", "--payload"];
    let file = format!("fileb://{}", payload.display());
    let words: Vec<_> = words.into_iter().chain([file.as_str(), answer.to_str().unwrap()]).collect();
    let invoked = cloud.aws("root", &words);
    assert!(invoked["FunctionError"].is_null(), "{invoked}");
    let answer: Value = serde_json::from_slice(&fs::read(&answer).unwrap()).unwrap();
    let expected = json!({
        "records": 1, "tagged": 0, "alreadyTagged": 1, "leftAlone": 0, "waiting": 0, "gone": 0, "givenUp": 0,
    });
    assert_eq!(answer, expected);

    // A failed call is on record, and tags nothing.
    let output = Command::new(env!("CARGO_BIN_EXE_tagger"))
        .args(["explain", "--json"])
        .arg(&records)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let explained = String::from_utf8(output.stdout).unwrap();
    // What the product's own stack made is on record too.
    let own = |line: &&str| line.contains(":auto-resource-tagger");
    let queues =
        explained.lines().filter(|line| line.contains("\"operation\":\"sqs:TagQueue\"") && !own(line));
    assert_eq!(queues.count(), 4, "{explained}");

    // CloudTrail's log files say the same.
    let started = Instant::now();
    let logs = cloud.folder.join("logs");
    loop {
        cloud.aws("root", &["s3", "cp", "--recursive", "--quiet", &cloud.bucket, logs.to_str().unwrap()]);
        let output =
            Command::new(env!("CARGO_BIN_EXE_tagger")).args(["scan", "--json"]).arg(&logs).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let alices = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|line| {
            line["creator"]["name"] == "alice" && line["type"] == "AWS::SQS::Queue" && line["resources"] == 2
        });
        if alices.is_some() {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(40), "the trail's files never said it: {text}");
        thread::sleep(Duration::from_millis(500));
    }

    // Ctrl-C ends all of it, and leaves nothing behind.
    cloud.signal(Signal::INT);
    assert!(cloud.child.wait().unwrap().success());
    cloud.assert_gone();
    assert!(!cloud.folder.exists());
}

#[test]
fn when_it_is_killed_every_child_ends_with_it() {
    let mut cloud = Running::start_with(&LATE);
    // The function's own process must be there, to be gone afterwards.
    let queue = cloud.queue("alice", "one", &[]);
    cloud.wait_for(&queue, "alice");
    cloud.signal(Signal::KILL);
    cloud.child.wait().unwrap();
    cloud.assert_gone();
}
