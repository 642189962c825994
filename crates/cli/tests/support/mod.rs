//! A running sandbox for the end-to-end tests, and the AWS CLI in it.
//!
//! Needs `target/release/bootstrap` (`cargo build --release -p tagger-lambda`; `cargo xtask test`
//! builds it first) and a Python package registry the first time.

#![allow(dead_code, reason = "each test file uses a part of it")]

pub mod fake;

use rustix::process::{Pid, Signal};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// What is made or changed in a late sandbox shows, or works, only after this time.
const CONSISTENCY: Duration = Duration::from_secs(1);
/// The words for a sandbox that is late, as AWS is.
pub const LATE: [&str; 2] = ["--consistency", "1"];

/// Waits until a change shows; the sandbox looks for changes a few times a second.
pub fn until_it_shows() {
    thread::sleep(CONSISTENCY + Duration::from_millis(500));
}

pub fn bootstrap() -> PathBuf {
    let path = Path::new(env!("CARGO_BIN_EXE_tagger")).with_file_name("../release/bootstrap");
    assert!(path.is_file(), "{}: build it first: cargo build --release -p tagger-lambda", path.display());
    path
}

pub fn sandbox(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagger"));
    command.arg("sandbox").arg("--bootstrap").arg(bootstrap()).args(words).stdin(Stdio::null());
    // The minute that SQS keeps a deleted queue's name is met by first-run/tests and held by sandbox/tests/test_rules.py.
    command.env("SANDBOX_QUEUE_PAUSE", "2");
    command
}

/// A running sandbox, and its people's environments as it printed them.
pub struct Running {
    pub child: Child,
    pub people: BTreeMap<String, Vec<(String, String)>>,
    pub aws: PathBuf,
    pub endpoint: String,
    pub folder: PathBuf,
    pub bucket: String,
    /// What it printed after its guide: a line for each call that writes.
    pub feed: Arc<Mutex<Vec<String>>>,
}

impl Running {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    pub fn start_with(words: &[&str]) -> Self {
        let mut child = sandbox(words).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut running = Self {
            child,
            people: BTreeMap::new(),
            aws: PathBuf::new(),
            endpoint: String::new(),
            folder: PathBuf::new(),
            bucket: String::new(),
            feed: Arc::default(),
        };
        let mut person = String::new();
        for line in lines.by_ref().map_while(Result::ok) {
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
        let feed = Arc::clone(&running.feed);
        thread::spawn(move || {
            lines.map_while(Result::ok).for_each(|line| feed.lock().unwrap().push(line));
        });
        assert_eq!(
            running.people.keys().collect::<Vec<_>>(),
            ["GitHubActions", "alice", "bob", "jane@example.com", "root"]
        );
        running
    }

    /// The variables of somebody's shell.
    pub fn shell(&self, person: &str, region: &str) -> Vec<(String, String)> {
        let fixed = [
            ("PATH", "/usr/bin:/bin"),
            ("HOME", self.folder.to_str().unwrap()),
            ("AWS_DEFAULT_REGION", region),
            ("AWS_REGION", region),
            ("AWS_ENDPOINT_URL", &self.endpoint),
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        // The emulator takes a key that is an account's number as that account's root.
        let root = [
            ("AWS_ACCESS_KEY_ID".to_owned(), person.to_owned()),
            ("AWS_SECRET_ACCESS_KEY".to_owned(), "test".to_owned()),
        ];
        let own = self.people.get(person).cloned().unwrap_or_else(|| root.to_vec());
        fixed.into_iter().chain(own).collect()
    }

    /// `tagger` as somebody, not started yet.
    pub fn tagger(&self, person: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagger"));
        command.env_clear().envs(self.shell(person, "us-east-1")).args(words).stdin(Stdio::null());
        command
    }

    /// `tagger` as root, which must succeed; what it printed.
    pub fn runs(&self, words: &[&str]) -> String {
        let output = self.tagger("root", words).output().unwrap();
        assert!(output.status.success(), "tagger {words:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// `tagger` as somebody, which must fail with an exit code; what it said.
    pub fn fails(&self, person: &str, code: i32, words: &[&str]) -> String {
        let output = self.tagger(person, words).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "tagger {words:?}: {}", said(&output));
        said(&output)
    }

    /// The AWS CLI as somebody in another region.
    pub fn aws_in(&self, person: &str, region: &str, words: &[&str]) -> Result<Value, String> {
        let output = Command::new(&self.aws)
            .env_clear()
            .envs(self.shell(person, region))
            .args(["--endpoint-url", &self.endpoint])
            .args(words)
            .output()
            .unwrap();
        if output.status.success() {
            Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
        } else {
            Err(said(&output))
        }
    }

    /// The AWS CLI as somebody.
    pub fn aws(&self, person: &str, words: &[&str]) -> Value {
        self.aws_in(person, "us-east-1", words).unwrap_or_else(|said| panic!("aws {words:?}: {said}"))
    }

    /// None also of a queue that does not show yet.
    pub fn creator(&self, queue: &str) -> Option<String> {
        match self.aws_in("root", "us-east-1", &["sqs", "list-queue-tags", "--queue-url", queue]) {
            Ok(answer) => answer["Tags"]["CreatedBy"].as_str().map(str::to_owned),
            Err(said) if said.contains("QueueDoesNotExist") => None,
            Err(said) => panic!("{queue}: {said}"),
        }
    }

    pub fn queue(&self, person: &str, name: &str, more: &[&str]) -> String {
        let words: Vec<_> =
            ["sqs", "create-queue", "--queue-name", name].iter().chain(more).copied().collect();
        self.aws(person, &words)["QueueUrl"].as_str().unwrap().to_owned()
    }

    pub fn wait_for(&self, queue: &str, creator: &str) {
        let started = Instant::now();
        while self.creator(queue).as_deref() != Some(creator) {
            assert!(started.elapsed() < Duration::from_secs(30), "{queue} never got {creator}");
        }
    }

    pub fn signal(&self, signal: Signal) {
        let process = Pid::from_raw(self.child.id() as i32).unwrap();
        rustix::process::kill_process(process, signal).unwrap();
    }

    /// Waits until nothing of the sandbox runs any more.
    pub fn assert_gone(&self) {
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
pub fn commands() -> Vec<String> {
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

/// Both outputs of a process.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
