//! `tagger who` and `tagger report` as a person calls them, over the chains that the sandbox recorded.

mod support;

use serde_json::{Value, json};
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

/// An event history that knows each record by any name in it, as CloudTrail's does for some services, and one person.
fn history(allowed: bool) -> support::fake::Fake {
    let recorded = Path::new(env!("CARGO_MANIFEST_DIR")).join("../core/tests/chains/records.jsonl");
    let id = "94482488-3041-7026-18f3-be45837cd0e4";
    let store = "arn:aws:identitystore::111122223333:identitystore/d-9067642ac7";
    let center = json!({
        "eventID": "e-1", "eventTime": "2026-11-24T08:30:00Z", "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue",
        "awsRegion": "us-east-1", "recipientAccountId": "111122223333", "requestParameters": { "queueName": "by-an-id" },
        "responseElements": { "queueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/by-an-id" },
        "userIdentity": { "type": "IdentityCenterUser", "accountId": "111122223333",
                          "onBehalfOf": { "userId": id, "identityStoreArn": store } },
    });
    let mut records: Vec<String> = fs::read_to_string(recorded).unwrap().lines().map(str::to_owned).collect();
    records.retain(|record| record.contains("\"recipientAccountId\":\"111122223333\""));
    records.push(center.to_string());
    support::fake::Fake::start(&["us-east-1"], move |request| {
        let body: Value = serde_json::from_str(&request.body).unwrap_or_default();
        match request.call.as_str() {
            "LookupEvents" => {
                let wanted = &body["LookupAttributes"][0];
                let known = wanted["AttributeKey"] == "ResourceName" && request.region == "us-east-1";
                let found = records
                    .iter()
                    .filter(|record| known && record.contains(&wanted["AttributeValue"].to_string()));
                let events: Vec<Value> = found.map(|record| json!({ "CloudTrailEvent": record })).collect();
                Some((200, json!({ "Events": events }).to_string()))
            }
            "DescribeUser" if allowed && body["IdentityStoreId"] == "d-9067642ac7" => {
                Some((200, json!({ "UserName": "jane@example.com", "UserStatus": "ENABLED" }).to_string()))
            }
            "DescribeUser" => {
                Some((400, json!({ "__type": "AccessDeniedException", "message": "no" }).to_string()))
            }
            _ => None,
        }
    })
}

#[test]
fn who_asks_the_event_history_for_the_name_and_then_for_each_key() {
    for (name, allowed, expected) in [
        ("one-hop", true, "alice (IAM user), through role First, 1 hop, weakest link: key"),
        (
            "arn:aws:sqs:us-east-1:111122223333:pipeline",
            true,
            "GitHub repository example/shop (ref:refs/heads/main), through role deploy",
        ),
        ("by-an-id", true, "jane@example.com, 0 hops, weakest link: stated"),
        ("by-an-id", false, "94482488-3041-7026-18f3-be45837cd0e4, 0 hops, weakest link: stated"),
        (
            "nothing-of-this-name",
            true,
            "not found: no call that created nothing-of-this-name in the event history of account 111122223333 in us-east-1",
        ),
    ] {
        let fake = history(allowed);
        let output = fake.tagger("us-east-1", &["who", name]).output().unwrap();
        let out = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && out.starts_with(expected),
            "{name}: expected {expected}; found {out}"
        );
        if name == "by-an-id" {
            assert!(out.contains(if allowed { ", ENABLED" } else { "describe-user" }), "{out}");
        }
        // Nothing is asked for twice.
        let seen = fake.seen.lock().unwrap();
        let mut asked: Vec<&str> =
            seen.iter().filter(|one| one.call == "LookupEvents").map(|one| one.body.as_str()).collect();
        let names =
            |body: &&str| serde_json::from_str::<Value>(body).unwrap()["LookupAttributes"].to_string();
        asked.sort_by_key(names);
        asked.dedup_by_key(|body| names(&*body));
        let all = seen.iter().filter(|one| one.call == "LookupEvents").count();
        assert_eq!(all, asked.len(), "{name}: a question was asked twice");
    }
}
