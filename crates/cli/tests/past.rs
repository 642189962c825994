//! `tagger who` and `tagger report` as a person calls them, over the chains that the sandbox recorded.

use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn tagger(words: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tagger")).args(words).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
}

/// The records in a folder of two accounts, as trails write them.
fn logs(name: &str) -> PathBuf {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/chains/records.jsonl");
    let records = fs::read_to_string(recorded).unwrap();
    let folder = std::env::temp_dir().join(format!("tagger-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    for account in ["111122223333", "444455556666"] {
        let mine =
            records.lines().filter(|line| line.contains(&format!("\"recipientAccountId\":\"{account}\"")));
        let mine: Vec<&str> = mine.collect();
        fs::create_dir_all(folder.join(account)).unwrap();
        fs::write(folder.join(account).join("a.json"), format!("{{\"Records\":[{}]}}", mine.join(",")))
            .unwrap();
    }
    folder
}

#[test]
fn who_follows_a_chain_over_two_accounts() {
    let folder = logs("who");
    let path = folder.to_str().unwrap();
    for (name, expected) in [
        (
            "four-hops",
            "alice (IAM user), through role First of 111122223333 and role Second of 444455556666 and role Third of 111122223333 and role Fourth of 444455556666, 4 hops, weakest link: key",
        ),
        (
            "arn:aws:sqs:us-east-1:111122223333:same-name",
            "bob (IAM user), through role First of 111122223333, 1 hop, weakest link: key",
        ),
        (
            "source-identity",
            "carol@example.com, through role First of 111122223333 and role Second of 444455556666, from alice (IAM user), 2 hops, weakest link: key",
        ),
        (
            "named-by-pipeline",
            "dave@example.com, through role deploy of 111122223333, from GitHub repository example/shop (ref:refs/heads/main), 2 hops, weakest link: inferred",
        ),
        ("by-root", "root of account 111122223333, 0 hops, weakest link: stated"),
        ("nothing-of-this-name", "not found: no call that created nothing-of-this-name in 2 files of "),
    ] {
        let (code, out, err) = tagger(&["who", name, "--logs", path]);
        assert_eq!((code, err.as_str()), (0, ""), "{name}: {out}");
        assert!(out.starts_with(expected), "{name}: expected {expected}; found {out}");
        let (_, json, _) = tagger(&["who", name, "--logs", path, "--json"]);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert!(json["sentence"].as_str().unwrap().starts_with(expected), "{name}: {json}");
        assert_eq!(json["found"], !expected.starts_with("not found"), "{name}: {json}");
    }
    // With the files of one account alone, the other's record is what is missing.
    let (code, out, _) = tagger(&["who", "two-accounts", "--logs", &format!("{path}/444455556666")]);
    assert_eq!(code, 0);
    assert!(
        out.starts_with("not known: ") && out.contains("in a trail of account 111122223333 that logs reads"),
        "{out}"
    );
    fs::write(folder.join("broken.json"), "{\"Records\":[{\"eventName\":").unwrap();
    assert_eq!(tagger(&["who", "one-hop", "--logs", path]).0, 3, "a file could not be read");
    assert_eq!(tagger(&["who", "one-hop", "--logs", "-"]).0, 2, "standard input cannot be read twice");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn report_writes_one_page() {
    let folder = logs("report");
    let page = folder.join("out.html");
    let (code, out, err) = tagger(&["report", folder.to_str().unwrap(), "--output", page.to_str().unwrap()]);
    assert_eq!((code, out.as_str()), (0, ""), "{err}");
    assert!(err.contains("resources in"), "{err}");
    let html = fs::read_to_string(&page).unwrap();
    for expected in
        ["by root, who should make nothing:", "example.com", "arn:aws:sqs:us-east-1:444455556666:four-hops"]
    {
        assert!(html.contains(expected), "{expected} is not on the page");
    }
    assert!(!folder.join("out.csv").exists(), "few resources need no CSV beside");
    let (code, _, err) = tagger(&["report", folder.to_str().unwrap(), "--output", "/nowhere/x.html"]);
    assert!(code == 1 && err.contains("/nowhere/x.html"), "{err}");
    fs::remove_dir_all(folder).unwrap();
}
