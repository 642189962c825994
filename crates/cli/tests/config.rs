//! `tagger config check`, and the same file in `tagger explain`: no AWS is asked.

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

const QUEUE: &str = r#"{"eventID":"e-1","eventSource":"sqs.amazonaws.com","eventName":"CreateQueue","eventTime":"2026-11-24T08:30:00Z","awsRegion":"eu-west-1","recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","userName":"alice","arn":"arn:aws:iam::111122223333:user/alice"},"requestParameters":{"queueName":"jobs"},"responseElements":{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}}"#;

/// The exit code, standard output and standard error.
fn tagger(words: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tagger"));
    command.args(words).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Who refuses its arguments does not read.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
}

/// One file and the people beside it: checked, said in words, and tried on callers.
#[test]
fn a_configuration_is_checked_and_tried() {
    let folder = std::env::temp_dir().join(format!("tagger-check-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let config = folder.join("tagger.toml");
    let path = config.to_str().unwrap().to_owned();
    let text = "[tag]\nvalue = \"{name|lower}\"\n[value]\nworkload = \"{role}\"\n[tags]\nTeam = \"none\"\n[people]\nfile = \
                \"people.csv\"\n[scope]\nservices = [\"!logs\"]\n";
    fs::write(&config, text).unwrap();
    fs::write(
        folder.join("people.csv"),
        "match,name,Team\njane.doe@example.com,Jane Doe,Shop\nuser:alice,,Ops\n",
    )
    .unwrap();
    let (code, out, err) = tagger(&["config", "check", &path], "");
    assert_eq!(code, 0, "{}", err);
    for part in [
        "made by workload",
        "2 rows of people.csv, with Team",
        "all but logs",
        "Made-up callers",
        "CreatedBy=jane doe  Team=Shop",
        "CreatedBy=alice  Team=Ops",
        "CreatedBy=shop-web  Team=none",
    ] {
        assert!(out.contains(part), "expected {part}\nfound {}", out);
    }
    let (code, out, err) = tagger(&["config", "check", &path, "-", "--json"], &format!("{QUEUE}\n{QUEUE}"));
    assert_eq!(code, 0, "{}", err);
    let expected =
        r#"{"creator":{"kind":"user","name":"alice"},"records":2,"tags":{"CreatedBy":"alice","Team":"Ops"}}"#;
    assert!(out.contains(expected), "{}", out);
    let (_, out, _) = tagger(&["explain", "--config", &path, "-"], QUEUE);
    assert!(out.contains("tag   CreatedBy=alice  Team=Ops  by sqs:TagQueue"), "{}", out);
    fs::write(folder.join("people.csv"), "match,name\nalice,A\nrol:x,B\n").unwrap();
    for verb in [vec!["config", "check", &path], vec!["explain", "--config", &path, "-"]] {
        let (code, out, err) = tagger(&verb, QUEUE);
        assert_eq!(code, 2, "{}", out);
        assert!(
            err.contains("people.csv: line 3: `rol:x`: unknown word `rol:`; did you mean `role`?"),
            "{}",
            err
        );
    }
    fs::remove_dir_all(folder).unwrap();
}
