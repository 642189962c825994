//! What happens in the sandbox, a line for each call that writes: who called what, and the tag that came of it.
//!
//! Two things are followed: the recorder's file, which has every call, and the function's log, which says what became of
//! each resource (`sandbox/feed.py` reads it). A call that creates is told when its tag is there, everything else at once.

use super::cloud::Cloud;
use crate::{exit_code::Error, output::Look};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Seek, SeekFrom},
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Child, Stdio},
    sync::mpsc,
};
use tagger_core::{Policy, Record, arn::Arn};

/// The log of the function.
const LOG: &str = "/aws/lambda/auto-resource-tagger";
/// The product's own roles: what they call is told by what became of the resource.
const OWN: &str = "AutoResourceTagger";

/// Follows a sandbox.
pub struct Feed {
    child: Child,
    log: mpsc::Receiver<Value>,
    records: PathBuf,
    read: u64,
    policy: Policy,
    /// The creator's tag of each event that creates, by its id.
    tags: HashMap<String, (String, String)>,
    sums: Sums,
}

/// What was seen.
#[derive(Debug, Default)]
struct Sums {
    calls: usize,
    tagged: usize,
    waits: usize,
    given_up: usize,
}

/// One line of the feed.
#[derive(Debug, PartialEq, Eq)]
pub struct Line {
    /// How it looks on a terminal.
    pub look: Look,
    /// For people.
    pub text: String,
    /// For programs.
    pub json: Value,
}

impl Feed {
    /// Begins at what is called from now on.
    ///
    /// # Errors
    /// The log's reader did not start.
    pub fn start(cloud: &Cloud, policy: Policy) -> Result<Self, Error> {
        let failed = |error: std::io::Error| Error::Failure(format!("the log is not followed: {error}"));
        let mut command = cloud.command("python");
        command.arg(cloud.folder.join("sandbox/feed.py")).args(["--group", LOG]);
        command.args(["--endpoint", &cloud.endpoint, "--account", &cloud.account, "--region", &cloud.region]);
        command.process_group(0).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(failed)?;
        let (sender, log) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            std::thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    let Ok(line) = serde_json::from_str(&line) else { continue };
                    if sender.send(line).is_err() {
                        break;
                    }
                }
            });
        }
        let records = cloud.folder.join("records.jsonl");
        let read = std::fs::metadata(&records).map_or(0, |file| file.len());
        Ok(Self { child, log, records, read, policy, tags: HashMap::new(), sums: Sums::default() })
    }

    /// What happened since the last time.
    ///
    /// # Errors
    /// The recorder's file cannot be read.
    pub fn next(&mut self) -> Result<Vec<Line>, Error> {
        let name = self.records.display().to_string();
        let failed = |error: std::io::Error| Error::Failure(format!("{name}: {error}"));
        let mut lines = Vec::new();
        if let Ok(file) = File::open(&self.records) {
            let mut file = BufReader::new(file);
            file.seek(SeekFrom::Start(self.read)).map_err(failed)?;
            let mut text = String::new();
            // The last line may be half written.
            while file.read_line(&mut text).map_err(failed)? > 0 && text.ends_with('\n') {
                self.read += text.len() as u64;
                if let Ok(value) = serde_json::from_str(&text) {
                    let line = self.of_record(&Record::new(value));
                    lines.extend(line);
                }
                text.clear();
            }
        }
        while let Ok(line) = self.log.try_recv() {
            lines.extend(self.of_log(&line));
        }
        Ok(lines)
    }

    /// What is told of a call: nothing of one that reads, or whose tag is told later.
    fn of_record(&mut self, record: &Record) -> Option<Line> {
        let value = record.value();
        let own = value["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"].as_str();
        if value["readOnly"] == true || own.is_some_and(|role| role.starts_with(OWN)) {
            return None;
        }
        self.sums.calls += 1;
        let plan = tagger_core::plan(record, &self.policy, None);
        let error = record.text("errorCode");
        if error.is_none() && !plan.tags.is_empty() && !(plan.actions.is_empty() && plan.children.is_empty())
        {
            self.tags.insert(record.text("eventID")?.into_owned(), plan.tags[0].clone());
            return None;
        }
        let who = plan.creator.name.as_deref().unwrap_or("somebody");
        let failed = error.map(|code| format!(": {code}")).unwrap_or_default();
        let text = format!("{} {who} {}{failed}", clock(&record.text("eventTime")?), record.event_name());
        let json = json!({ "step": "call", "creator": who, "eventName": record.event_name(), "eventID": record.text("eventID"),
            "error": record.text("errorCode") });
        Some(Line { look: Look::Dim, text, json })
    }

    /// What is told of a line of the function's log.
    fn of_log(&mut self, line: &Value) -> Option<Line> {
        let text = |name: &str| line[name].as_str().unwrap_or_default();
        let time = clock(text("timestamp"));
        let head = || {
            let arn = Arn::parse(text("arn"));
            let name = arn.as_ref().map_or(text("arn"), Arn::last);
            format!("{time} {} {} {name}", text("creator"), text("eventName"))
        };
        let (look, said) = match (line["outcome"].as_str(), line["waiting"].as_str()) {
            (Some("tagged"), _) => {
                self.sums.tagged += 1;
                let tag = self.tags.get(text("eventID"));
                let (key, value) = tag.map_or(("", ""), |(key, value)| (key.as_str(), value.as_str()));
                let value = line["inherited"].as_str().unwrap_or(value);
                let seconds = line["latencyMs"].as_f64().unwrap_or_default() / 1000.0;
                (Look::Plain, format!("{} → {key}={value} ({seconds:.1} s)", head()))
            }
            (Some("already-tagged"), _) => (Look::Dim, format!("{} had it: {}", head(), text("value"))),
            (Some("gone"), _) => (Look::Dim, format!("{} is gone", head())),
            (Some(outcome), _) if line["level"] == "ERROR" => {
                self.sums.given_up += 1;
                let why = format!("{} {}", text("error"), text("message"));
                (Look::Red, format!("{} is a dead letter: {outcome} {}", head(), why.trim()))
            }
            (Some(outcome), _) => {
                (Look::Dim, format!("{} is left alone: {outcome} {}", head(), text("code")))
            }
            (None, Some(why)) => {
                self.sums.waits += 1;
                (Look::Dim, format!("{} waits: {why}; tried again at {}", head(), clock(text("retryAt"))))
            }
            // Why a record was left alone: its call is told already.
            (None, None) if line["level"] != "ERROR" => return None,
            (None, None) => (Look::Red, format!("{time} {} {}", text("code"), text("message"))),
        };
        let mut json = line.clone();
        json["step"] = "log".into();
        Some(Line { look, text: said, json })
    }

    /// What it came to.
    pub fn end(&self) -> Line {
        let Sums { calls, tagged, waits, given_up } = &self.sums;
        let text = format!(
            "{calls} calls that write, {tagged} resources tagged, {waits} tries that wait, {given_up} dead letters"
        );
        let json = json!({ "step": "end", "calls": calls, "tagged": tagged, "waits": waits, "deadLetters": given_up });
        Line { look: Look::Plain, text, json }
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time of day of a time in CloudTrail's form.
fn clock(time: &str) -> &str {
    time.get(11..19).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    fn feed() -> Feed {
        let (_, log) = mpsc::channel();
        let child = Command::new("true").spawn().unwrap();
        let records = PathBuf::from("/nonexistent");
        Feed {
            child,
            log,
            records,
            read: 0,
            policy: Policy::default(),
            tags: HashMap::new(),
            sums: Sums::default(),
        }
    }

    fn record(name: &str, more: Value) -> Record {
        let mut record = json!({
            "eventVersion": "1.11", "eventSource": "sqs.amazonaws.com", "eventName": name, "eventID": "e-1",
            "eventTime": "2026-11-30T12:03:11Z", "awsRegion": "us-east-1", "recipientAccountId": "111122223333", "readOnly": false,
            "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"},
            "requestParameters": {"queueName": "jobs"},
            "responseElements": {"queueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/jobs"},
        });
        for (name, value) in more.as_object().into_iter().flatten() {
            record[name] = value.clone();
        }
        Record::new(record)
    }

    #[test]
    fn a_call_that_creates_is_told_when_its_tag_is_there() {
        let mut feed = feed();
        assert_eq!(feed.of_record(&record("CreateQueue", json!({}))), None);
        let log = |more: Value| {
            let mut line = json!({"timestamp": "2026-11-30T12:03:11.500Z", "level": "INFO", "eventID": "e-1", "eventName": "CreateQueue",
                "creator": "alice", "arn": "arn:aws:sqs:us-east-1:111122223333:jobs", "latencyMs": 312});
            for (name, value) in more.as_object().into_iter().flatten() {
                line[name] = value.clone();
            }
            line
        };
        for (line, expected) in [
            (json!({"outcome": "tagged"}), Some("12:03:11 alice CreateQueue jobs → CreatedBy=alice (0.3 s)")),
            (
                json!({"outcome": "already-tagged", "value": "bob"}),
                Some("12:03:11 alice CreateQueue jobs had it: bob"),
            ),
            (
                json!({"waiting": "not-ready", "retryAt": "2026-11-30T12:03:16Z"}),
                Some("12:03:11 alice CreateQueue jobs waits: not-ready; tried again at 12:03:16"),
            ),
            (
                json!({"outcome": "denied", "level": "ERROR", "error": "AccessDenied", "message": "no"}),
                Some("12:03:11 alice CreateQueue jobs is a dead letter: denied AccessDenied no"),
            ),
            (json!({"code": "not-in-catalog"}), None),
        ] {
            let found = feed.of_log(&log(line.clone())).map(|line| line.text);
            assert_eq!(found.as_deref(), expected, "{line}");
        }
        assert_eq!(
            feed.end().text,
            "1 calls that write, 1 resources tagged, 1 tries that wait, 1 dead letters"
        );
    }

    #[test]
    fn other_calls_are_told_at_once_and_reads_and_the_tagger_s_own_are_not() {
        let own = json!({"userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/AutoResourceTaggerRole/x",
            "sessionContext": {"sessionIssuer": {"userName": "AutoResourceTaggerRole"}}}});
        for (record, expected) in [
            (record("DeleteQueue", json!({})), Some("12:03:11 alice DeleteQueue")),
            (
                record("CreateQueue", json!({"errorCode": "AccessDenied"})),
                Some("12:03:11 alice CreateQueue: AccessDenied"),
            ),
            (record("ListQueues", json!({"readOnly": true})), None),
            (record("TagQueue", own), None),
        ] {
            let found = feed().of_record(&record).map(|line| line.text);
            assert_eq!(found.as_deref(), expected, "{}", record.value());
        }
    }
}
