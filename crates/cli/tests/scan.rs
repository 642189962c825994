//! `tagger scan` as a person calls it: filters, sums, forms of output, sources.

use flate2::{Compression, write::GzEncoder};
use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

/// What was made, by whom, when, where: a record each.
fn record(id: &str, name: &str, time: &str, account: &str, kind: &str) -> String {
    let identity = match kind {
        "Root" => format!(r#"{{"type":"Root","accountId":"{account}","arn":"arn:aws:iam::{account}:root"}}"#),
        user => {
            format!(r#"{{"type":"IAMUser","userName":"{user}","arn":"arn:aws:iam::{account}:user/{user}"}}"#)
        }
    };
    format!(
        r#"{{"eventID":"{id}","eventSource":"sqs.amazonaws.com","eventName":"CreateQueue","eventTime":"{time}","awsRegion":"eu-west-1","recipientAccountId":"{account}","userIdentity":{identity},"requestParameters":{{"queueName":"{name}"}},"responseElements":{{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/{account}/{name}"}}}}"#
    )
}

const ONE: &str = "111122223333";
const OTHER: &str = "444455556666";

fn log() -> String {
    let deleted = record("e-9", "jobs", "2026-11-25T10:00:00Z", ONE, "bob")
        .replace("CreateQueue", "DeleteQueue")
        .replace(
            r#""queueName":"jobs""#,
            r#""queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs""#,
        );
    let denied = record("e-8", "no", "2026-11-25T11:00:00Z", ONE, "eve")
        .replace(r#""eventID""#, r#""errorCode":"AccessDenied","eventID""#);
    let records = [
        record("e-1", "jobs", "2026-11-24T08:30:00Z", ONE, "alice"),
        record("e-1", "jobs", "2026-11-24T08:30:00Z", ONE, "alice"),
        record("e-2", "=mail", "2026-11-25T08:30:00Z", ONE, "alice"),
        record("e-3", "a", "2026-11-24T09:00:00Z", ONE, "Root"),
        record("e-4", "b", "2026-11-24T09:00:00Z", OTHER, "Root"),
        deleted,
        denied,
        r#"{"eventSource":"sqs.amazonaws.com","eventName":"MakeWhat","userIdentity":{"type":"Root"}}"#
            .to_owned(),
    ];
    format!("{{\"Records\":[{}]}}", records.join(","))
}

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tagger-scan-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn scan(words: &[&str], input: &str) -> (i32, String, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tagger"))
        .arg("scan")
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

#[test]
fn rows_are_chosen_and_summed_up() {
    for (words, expected) in [
        (vec!["--by", "creator"], "alice 2, root (111122223333) 1, root (444455556666) 1"),
        (vec!["--by", "kind"], "root 2, user 2"),
        (vec!["--by", "account"], "111122223333 3, 444455556666 1"),
        (vec!["--by", "day"], "2026-11-24 3, 2026-11-25 1"),
        (vec!["--by", "service,region"], "sqs.amazonaws.com eu-west-1 4"),
        (vec!["--by", "creator", "--top", "1"], "alice 2"),
        (vec!["--by", "creator", "--who", "al*"], "alice 2"),
        (vec!["--by", "creator", "--who", "bob,ali?e"], "alice 2"),
        (vec!["--by", "creator", "--kind", "root", "--account", "4444*"], "root (444455556666) 1"),
        (vec!["--by", "creator", "--from", "2026-11-25"], "alice 1"),
        (vec!["--by", "creator", "--to", "2026-11-24", "--who", "alice"], "alice 1"),
        (vec!["--by", "creator", "--arn", "*:jobs"], "alice 1"),
        (vec!["--by", "type", "--service", "sqs", "--type", "AWS::SQS::*"], "AWS::SQS::Queue 4"),
        (vec!["--by", "type", "--region", "us-*"], ""),
        (vec!["--by", "creator", "--only", "deletions"], "bob 1"),
        (vec!["--by", "creator", "--only", "denied"], "eve 1"),
    ] {
        let words: Vec<&str> = words.into_iter().chain(["--format", "csv", "-"]).collect();
        let (code, out, err) = scan(&words, &log());
        assert_eq!(code, 0, "{words:?}: {err}");
        let rows = out.lines().skip(1).map(|row| {
            let cells: Vec<&str> = row.split(',').collect();
            cells[..cells.len() - 3].join(" ")
        });
        assert_eq!(rows.collect::<Vec<_>>().join(", "), expected, "{words:?}");
    }
}

#[test]
fn a_list_has_what_became_of_each() {
    let (code, out, _) = scan(&["--list", "--json", "-"], &log());
    assert_eq!(code, 0);
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 5, "{out}");
    assert_eq!(lines[0]["arn"], "arn:aws:sqs:eu-west-1:111122223333:jobs");
    assert_eq!((&lines[0]["deleted"], &lines[0]["eventID"]), (&"2026-11-25T10:00:00Z".into(), &"e-1".into()));
    assert_eq!(lines[1]["creator"], serde_json::json!({"name": "root", "kind": "root", "account": ONE}));
    assert_eq!(lines[4]["summary"]["unknown"][0]["name"], "DeleteQueue", "{out}");
    let (_, out, _) = scan(&["--list", "-"], &log());
    assert!(out.contains("4 resources created, in 8 records of 1 files"), "{out}");
    assert!(out.contains("1  sqs.amazonaws.com MakeWhat"), "{out}");
    // A spreadsheet runs what begins like a formula.
    let (_, out, _) = scan(&["--by", "creator", "--format", "csv", "-"], &log().replace("alice", "=1+1"));
    assert!(out.contains("'=1+1,2"), "{out}");
}

#[test]
fn wrong_words_say_what_is_right() {
    for (words, part) in [
        (vec!["--from", "soon"], "--from soon: no time; write a day"),
        (vec!["--from", "2026-11-25", "--to", "2026-11-24"], "--from is after --to"),
        (vec!["--kind", "persn"], "did you mean"),
        (vec!["--by", "colour"], "possible values: creator"),
        (vec!["--top", "0"], "invalid value '0'"),
    ] {
        let words: Vec<&str> = words.into_iter().chain(["-"]).collect();
        let (code, out, err) = scan(&words, &log());
        assert_eq!((code, out.as_str()), (2, ""), "{words:?}");
        assert!(err.contains(part), "{words:?}: expected {part}\nfound {err}");
    }
}

#[test]
fn files_of_all_sorts() {
    let folder = folder("files");
    let gzip = |text: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let path = |name: &str| folder.join(name).to_string_lossy().into_owned();
    fs::create_dir_all(folder.join("logs/CloudTrail-Insight")).unwrap();
    fs::write(folder.join("logs/a.json.gz"), gzip(log().as_bytes())).unwrap();
    fs::write(folder.join("logs/digest.json"), r#"{"digestStartTime":"2026","logFiles":[]}"#).unwrap();
    fs::write(folder.join("logs/CloudTrail-Insight/b.json"), "no JSON").unwrap();
    std::os::unix::fs::symlink("/dev/zero", folder.join("logs/zero.json")).unwrap();
    let mut zip = zip::ZipWriter::new(fs::File::create(folder.join("logs.zip")).unwrap());
    let options = zip::write::SimpleFileOptions::default();
    zip.start_file("AWSLogs/a.json.gz", options).unwrap();
    zip.write_all(&gzip(log().as_bytes())).unwrap();
    zip.start_file("AWSLogs/b.json", options).unwrap();
    zip.write_all(log().as_bytes()).unwrap();
    zip.finish().unwrap();
    let tar = Command::new("tar")
        .arg("czf")
        .arg(folder.join("logs.tar.gz"))
        .arg("-C")
        .arg(&folder)
        .arg("logs")
        .status();
    assert!(tar.unwrap().success());
    for (what, words, code, files, part) in [
        ("a folder", vec![path("logs")], 0, 2, "zero.json: passed over, it is a device"),
        ("a glob", vec![path("l*s/*.json.gz")], 0, 1, ""),
        ("a glob of nothing", vec![path("x*/*.gz")], 3, 1, "No such file"),
        ("a device by name", vec![path("logs/zero.json")], 3, 1, "only regular files are read"),
        ("a zip", vec![path("logs.zip")], 0, 2, ""),
        ("a tar", vec![path("logs.tar.gz")], 0, 2, ""),
    ] {
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        words.push("--json");
        let (found, out, err) = scan(&words, "");
        assert_eq!(found, code, "{what}: {err}");
        assert!(
            err.contains(part) && err.is_empty() == part.is_empty(),
            "{what}: expected {part}\nfound {err}"
        );
        let summary: serde_json::Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
        let resources = if code == 0 { 4 } else { 0 };
        assert_eq!(summary["summary"]["resources"], resources, "{what}: {out}");
        assert!(summary["summary"]["files"].as_u64().unwrap() <= files + 1, "{what}: {out}");
    }
    fs::remove_dir_all(folder).unwrap();
}
