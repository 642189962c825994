//! End to end: the real function in the emulated AWS, created with the unmodified AWS CLI.
//!
//! Needs `target/release/bootstrap` (`cargo build --release -p tagger-lambda`; `cargo xtask test`
//! builds it first) and a Python package registry the first time.

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

fn bootstrap() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_tagger")).with_file_name("../release/bootstrap");
    assert!(path.is_file(), "{}: build it first: cargo build --release -p tagger-lambda", path.display());
    path
}

fn sandbox(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagger"));
    command.arg("sandbox").arg("--bootstrap").arg(bootstrap()).args(words).stdin(Stdio::null());
    command
}

#[test]
fn the_demo_finds_every_creator() {
    let output = sandbox(&["--demo", "--json"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{text}");
    let rows: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(rows.len(), 27, "eight services and the instance's volume, for three identities: {text}");
    for row in &rows {
        assert_eq!(row["found"], row["expected"], "{row}");
        assert_eq!(row["ok"], true, "{row}");
        assert!(row["arn"].as_str().unwrap().starts_with("arn:aws:"), "{row}");
        assert!(row["seconds"].is_number(), "{row}");
    }
    for (identity, expected) in [("IAM user", "alice"), ("role session", "bob"), ("root", "root")] {
        let found =
            rows.iter().filter(|row| row["identity"] == identity && row["expected"] == expected).count();
        assert_eq!(found, 9, "{identity}");
    }
}

/// A running sandbox, and its people's environments as it printed them.
struct Running {
    child: Child,
    people: BTreeMap<String, Vec<(String, String)>>,
    aws: PathBuf,
    endpoint: String,
    folder: PathBuf,
    bucket: String,
}

impl Running {
    fn start() -> Self {
        let mut child = sandbox(&[]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut running = Self {
            child,
            people: BTreeMap::new(),
            aws: PathBuf::new(),
            endpoint: String::new(),
            folder: PathBuf::new(),
            bucket: String::new(),
        };
        let mut person = String::new();
        for line in lines.map_while(Result::ok) {
            let words: Vec<_> = line.split_whitespace().collect();
            match words.as_slice() {
                ["#", .., name] => person = (*name).to_owned(),
                ["alias", aws, "--endpoint-url", endpoint] => {
                    running.aws = PathBuf::from(aws.trim_start_matches("aws='"));
                    running.endpoint = endpoint.trim_end_matches('\'').to_owned();
                }
                ["unset", _, "export", pairs @ ..] => {
                    let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
                    let pairs =
                        pairs.map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()));
                    running.people.insert(person.clone(), pairs.collect());
                }
                ["Every", .., file] => running.folder = Path::new(file).parent().unwrap().to_owned(),
                [.., bucket, "Ctrl-C", "ends", "it", "all."] => {
                    running.bucket = bucket.trim_end_matches('.').to_owned();
                    break;
                }
                _ => {}
            }
        }
        assert_eq!(running.people.keys().collect::<Vec<_>>(), ["alice", "bob", "root"]);
        running
    }

    /// The AWS CLI as somebody.
    fn aws(&self, person: &str, words: &[&str]) -> Value {
        let output = Command::new(&self.aws)
            .env_clear()
            .envs(self.people[person].iter().map(|(name, value)| (name, value)))
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.folder)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .args(["--endpoint-url", &self.endpoint])
            .args(words)
            .output()
            .unwrap();
        assert!(output.status.success(), "aws {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    fn creator(&self, queue: &str) -> Option<String> {
        self.aws("root", &["sqs", "list-queue-tags", "--queue-url", queue])["Tags"]["CreatedBy"]
            .as_str()
            .map(str::to_owned)
    }

    fn queue(&self, person: &str, name: &str, more: &[&str]) -> String {
        let words: Vec<_> =
            ["sqs", "create-queue", "--queue-name", name].iter().chain(more).copied().collect();
        self.aws(person, &words)["QueueUrl"].as_str().unwrap().to_owned()
    }

    fn wait_for(&self, queue: &str, creator: &str) {
        let started = Instant::now();
        while self.creator(queue).as_deref() != Some(creator) {
            assert!(started.elapsed() < Duration::from_secs(30), "{queue} never got {creator}");
        }
    }

    fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Waits until nothing of the sandbox runs any more.
    fn assert_gone(&self) {
        let started = Instant::now();
        let folder = self.folder.to_string_lossy().into_owned();
        loop {
            let left: Vec<_> = commands().into_iter().filter(|command| command.contains(&folder)).collect();
            if left.is_empty() {
                return;
            }
            assert!(started.elapsed() < Duration::from_secs(20), "still running: {left:#?}");
            thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The command line of every process; one that has ended and was not waited for has none.
fn commands() -> Vec<String> {
    let Ok(listing) = fs::read_dir("/proc") else {
        // Not on Linux.
        let output = Command::new("ps").args(["-axww", "-o", "args="]).output().unwrap();
        return String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    };
    let read = |entry: fs::DirEntry| fs::read(entry.path().join("cmdline")).ok();
    let commands = listing.flatten().filter_map(read).filter(|command| !command.is_empty());
    commands.map(|command| String::from_utf8_lossy(&command).replace('\0', " ")).collect()
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

#[test]
fn tags_that_are_there_stay_and_a_second_run_changes_nothing() {
    let mut cloud = Running::start();

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
    assert_eq!(answer, json!({"records": 1, "tagged": 0, "alreadyTagged": 1, "leftAlone": 0}));

    // A failed call is on record, and tags nothing.
    let output = Command::new(env!("CARGO_BIN_EXE_tagger"))
        .args(["explain", "--json"])
        .arg(&records)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let explained = String::from_utf8(output.stdout).unwrap();
    let queues = explained.lines().filter(|line| line.contains("\"operation\":\"sqs:TagQueue\"")).count();
    assert_eq!(queues, 4, "{explained}");

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
    let mut cloud = Running::start();
    // The function's own process must be there, to be gone afterwards.
    let queue = cloud.queue("alice", "one", &[]);
    cloud.wait_for(&queue, "alice");
    cloud.signal(Signal::KILL);
    cloud.child.wait().unwrap();
    cloud.assert_gone();
}
