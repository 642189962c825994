//! The verbs as a person calls them: standard output, standard error, exit code.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

struct Said {
    code: i32,
    out: String,
    err: String,
}

fn tagger(words: &[&str], input: &[u8]) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_tagger"))
        .args(words)
        .env_remove("NO_COLOR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("tagger-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

const QUEUE: &str = r#"{"eventID":"e-1","eventSource":"sqs.amazonaws.com","eventName":"CreateQueue","eventTime":"2026-11-24T08:30:00Z","awsRegion":"eu-west-1","recipientAccountId":"111122223333","userIdentity":{"type":"IAMUser","userName":"alice","arn":"arn:aws:iam::111122223333:user/alice"},"requestParameters":{"queueName":"jobs"},"responseElements":{"queueUrl":"https://sqs.eu-west-1.amazonaws.com/111122223333/jobs"}}"#;

#[test]
fn explain_from_standard_input() {
    let broken = format!("[{QUEUE},\n{{\"eventName\":}},\n{QUEUE}]");
    let lines = format!("{QUEUE}\nnot json\n{QUEUE}\n");
    let json = concat!(
        r#"{"eventID":"e-1","eventSource":"sqs.amazonaws.com","eventName":"CreateQueue","eventTime":"2026-11-24T08:30:00Z","#,
        r#""account":"111122223333","region":"eu-west-1","creator":{"name":"alice","kind":"user","from":"userIdentity.arn"},"#,
        r#""actions":[{"type":"AWS::SQS::Queue","arn":"arn:aws:sqs:eu-west-1:111122223333:jobs","operation":"sqs:TagQueue","#,
        r#""tags":{"CreatedBy":"alice"}}],"diagnostics":[]}"#,
        "\n"
    );
    for (what, words, input, code, out, err) in [
        ("json, exactly", vec!["--json"], QUEUE, 0, json, ""),
        ("text", vec![], QUEUE, 0, "  who   alice (user), from userIdentity.arn\n", ""),
        ("a reason", vec![], r#"{"eventSource":"a","eventName":"B"}"#, 0, "none  unknown-event", ""),
        (
            "an unknown shape",
            vec!["--json"],
            "[1]",
            3,
            "not-a-record",
            "line 1, record 0: expected a CloudTrail record",
        ),
        (
            "an escape code",
            vec![],
            r#"{"eventSource":"a","eventName":"\u001b[31mB"}"#,
            0,
            "a \u{fffd}[31mB",
            "",
        ),
        ("no json", vec![], "hello", 3, "", "standard input: line 1: expected"),
        ("nothing", vec![], "", 3, "", "the input is empty"),
        ("a broken record", vec!["--json"], &broken, 3, json, "line 2, record 1: "),
        ("a broken line", vec!["--json"], &lines, 3, json, "line 2: "),
    ] {
        let words: Vec<_> = ["explain", "-"].into_iter().chain(words).collect();
        let said = tagger(&words, input.as_bytes());
        assert_eq!(said.code, code, "{what}: {}", said.err);
        assert!(said.out.contains(out), "{what}: expected {out}\nfound {}", said.out);
        assert!(
            said.err.contains(err) && said.err.is_empty() == err.is_empty(),
            "{what}: expected {err}\nfound {}",
            said.err
        );
    }
    assert_eq!(tagger(&["explain", "--json", "-"], broken.as_bytes()).out, format!("{json}{json}"));
}

#[test]
fn explain_and_scan_read_files_and_folders_and_name_what_they_cannot() {
    let folder = folder("files");
    let whole = gzip(format!("{{\"Records\":[{QUEUE},{QUEUE}]}}").as_bytes());
    fs::create_dir_all(folder.join("AWSLogs/2026")).unwrap();
    fs::write(folder.join("AWSLogs/2026/a.json.gz"), &whole).unwrap();
    fs::write(folder.join("AWSLogs/2026/b.json.gz"), &whole[..whole.len() - 12]).unwrap();
    fs::write(folder.join("AWSLogs/2026/c.json"), "{\"Records\":[").unwrap();
    fs::write(folder.join("AWSLogs/readme.txt"), "not a log file").unwrap();
    fs::create_dir_all(folder.join("other")).unwrap();
    fs::write(folder.join("other/manifest.json"), r#"{"files":1}"#).unwrap();
    fs::write(folder.join("other/a.json"), QUEUE).unwrap();
    let path = folder.to_string_lossy().into_owned();

    let said = tagger(&["scan", &path], b"");
    assert_eq!(said.code, 3, "{}", said.err);
    assert!(said.out.contains("alice    user  AWS::SQS::Queue"), "{}", said.out);
    for part in ["b.json.gz: the gzip data ends too early", "c.json: line 1, record 0: the input ends inside"]
    {
        assert!(said.err.contains(part), "expected {part}\nfound {}", said.err);
    }
    assert!(!said.err.contains("readme.txt"), "{}", said.err);

    let said = tagger(&["scan", "--json", &format!("{path}/AWSLogs/2026/a.json.gz")], b"");
    assert_eq!(said.code, 0);
    let expected = "{\"creator\":{\"kind\":\"user\",\"name\":\"alice\"},\"deleted\":0,\"first\":\"2026-11-24T08:30:00Z\",\"last\":\"2026-11-24T08:30:00Z\",\
                    \"resources\":1,\"type\":\"AWS::SQS::Queue\"}\n\
                    {\"summary\":{\"diagnostics\":{},\"files\":1,\"records\":2,\"repeated\":1,\"resources\":1,\"unreadable\":0}}\n";
    assert_eq!(said.out, expected);

    // A manifest in a tree is named and passed over; one that was asked for is input that cannot be read.
    for (what, code) in [("other", 0), ("other/manifest.json", 3)] {
        let said = tagger(&["scan", &format!("{path}/{what}")], b"");
        assert_eq!(said.code, code, "{what}: {}", said.err);
        assert!(
            said.err.contains("manifest.json: ") && said.err.contains("found an object with files"),
            "{}",
            said.err
        );
    }

    let said = tagger(&["explain", &format!("{path}/nothing.json")], b"");
    assert_eq!(said.code, 3);
    assert!(said.err.contains("nothing.json: No such file"), "{}", said.err);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_configuration_is_obeyed_or_refused_with_its_line() {
    let folder = folder("config");
    let file = folder.join("tagger.toml");
    let config = file.to_string_lossy().into_owned();
    for (text, code, out, err) in [
        ("[tag]\nkey = \"Owner\"\nvalue = \"{kind}/{name}\"\n", 0, "\"tags\":{\"Owner\":\"user/alice\"}", ""),
        ("[kinds]\nuser = \"skip\"\n", 0, "kind-skipped", ""),
        ("[exclude]\nprincipals = [\"arn:aws:iam::*:user/al*\"]\n", 0, "principal-excluded", ""),
        (
            "[tag]\nkye = \"Owner\"\n",
            2,
            "",
            "tagger.toml: line 2: tag.kye: unknown setting; did you mean `key`?",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let said = tagger(&["explain", "--json", "--config", &config, "-"], QUEUE.as_bytes());
        assert_eq!(said.code, code, "{text}: {}", said.err);
        assert!(said.out.contains(out) && said.err.contains(err), "{text}: {} {}", said.out, said.err);
    }
    fs::remove_dir_all(folder).unwrap();
}

/// People see what plans something or needs a look, and how many others there were.
#[test]
fn explain_shows_what_matters_and_counts_the_rest() {
    let read =
        QUEUE.replace("CreateQueue", "GetQueueUrl").replace("{\"eventID\"", "{\"readOnly\":true,\"eventID\"");
    let lost = QUEUE.replace("sqs.amazonaws.com", "ec2.amazonaws.com").replace("CreateQueue", "CreateVolume");
    let input = format!("{read}\n{QUEUE}\n{read}\n{lost}\n{}", r#"{"eventSource":"a","eventName":"B"}"#);
    let rest =
        "3 more records tag nothing and need no look: 2 read-only-call, 1 unknown-event (--all shows them)";
    for (words, shown, hidden) in [
        (
            vec![],
            vec!["tag   CreatedBy=alice", "no-resource-in-record", rest],
            vec!["sqs.amazonaws.com GetQueueUrl"],
        ),
        (
            vec!["--all"],
            vec!["none  read-only-call", "none  unknown-event", "tag   CreatedBy=alice"],
            vec!["more records"],
        ),
        (
            vec!["--only", "planned,unknown-event"],
            vec![
                "none  unknown-event",
                "tag   CreatedBy=alice",
                "3 more records are others: 2 read-only-call",
            ],
            vec!["no-resource-in-record: "],
        ),
        (vec!["--json", "--only", "read-only-call"], vec!["\"read-only-call\""], vec!["CreateQueue"]),
        (vec!["--json"], vec!["\"read-only-call\"", "\"unknown-event\""], vec!["more records"]),
    ] {
        let said = tagger(&[&["explain", "-"], words.as_slice()].concat(), input.as_bytes());
        assert_eq!(said.code, 0, "{words:?}: {}", said.err);
        for part in shown {
            assert!(said.out.contains(part), "{words:?}: expected {part}\nfound {}", said.out);
        }
        for part in hidden {
            assert!(!said.out.contains(part), "{words:?}: expected no {part}\nfound {}", said.out);
        }
    }
    let said = tagger(&["explain", "-", "--only", "plannd"], QUEUE.as_bytes());
    assert!(said.code == 2 && said.err.contains("did you mean `planned`?"), "{}", said.err);
}

#[test]
fn help_catalog_completions_and_man() {
    for (words, code, out, err) in [
        (vec!["--help"], 0, "Examples:", ""),
        (vec!["explain", "--help"], 0, "lookup-events", ""),
        (vec!["--version"], 0, "tagger 0.", ""),
        (vec!["catalog", "--event", "CreateFunction20150331"], 0, "lambda:TagResource", ""),
        (vec!["catalog", "--json", "--service", "sqs"], 0, "\"event_source\":\"sqs.amazonaws.com\"", ""),
        (vec!["catalog", "--event", "NoSuchEvent"], 1, "", "no entry of the catalog matches"),
        (
            vec!["catalog", "--event", "RunInstance"],
            1,
            "",
            "it has no event `RunInstance`, the nearest are RunInstances",
        ),
        (
            vec!["catalog", "--service", "dynamo-db"],
            1,
            "",
            "it has no service `dynamo-db`, the nearest are dynamodb",
        ),
        (vec!["catalog", "--type", "AWS::SQS::Queu"], 0, "AWS::SQS::Queue\n", ""),
        (vec!["catalog", "--type", "AWS::SQS::Quue"], 1, "", "the nearest are AWS::SQS::Queue"),
        (
            vec!["catalog", "--service", "sqs", "--type", "AWS::S3::Bucket"],
            1,
            "",
            "no entry of the catalog matches; ",
        ),
        (
            vec!["catalog", "--type", "aws::eks::identityproviderconfig"],
            1,
            "",
            "AWS::EKS::IdentityProviderConfig has no entry, not-in-record: ",
        ),
        (vec!["catalog", "--propose", "AWS::S3::Bucket", "--json"], 2, "", "cannot be used with"),
        (vec!["completions", "bash"], 0, "_tagger", ""),
        (vec!["man"], 0, ".TH tagger", ""),
        (vec!["explan"], 2, "", "explain"),
        (vec!["explain"], 2, "", "<FILE>"),
        (vec!["sandbox", "--bootstrap", "/nowhere"], 2, "", "/nowhere: there is no such file"),
    ] {
        let said = tagger(&words, b"");
        assert_eq!(said.code, code, "{words:?}: {}", said.err);
        assert!(said.out.contains(out) && said.err.contains(err), "{words:?}: {} {}", said.out, said.err);
    }
    let lines = tagger(&["catalog", "--json"], b"").out;
    assert!(lines.lines().count() > 200);
    assert!(lines.lines().all(|line| line.starts_with('{')));
}

#[test]
fn a_type_that_is_named_is_shown_in_full() {
    let said = tagger(&["catalog", "--type", "AWS::SQS::Queue"], b"");
    let parts = [
        "AWS::SQS::Queue\n  created by  sqs.amazonaws.com CreateQueue\n",
        "  ARN         arn:{partition}:sqs:{region}:{account}:{requestParameters.queueName}\n",
        "  id          {responseElements.queueUrl}, or else https://sqs.",
        "  tagged by   sqs:TagQueue\n",
        "compared by CreatedTimestamp, which GetQueueAttributes tells\n",
        "  evidence    ",
        "  source      https://",
        "  rule        auto-tag-create-resources-",
        "  permission  sqs:TagQueue (TagAndReadTags): sets the tags\n",
        "  permission  sqs:ListQueueTags (TagAndReadTags): reads them first",
        "  permission  sqs:GetQueueAttributes (TagAndReadTags): tells, on a retry",
    ];
    for part in parts {
        assert!(said.out.contains(part), "expected {part}\nfound {}", said.out);
    }
    // Of other types it says what is so with them.
    for (name, part) in [
        ("AWS::Events::Rule", "fires again on what exists"),
        ("AWS::EC2::Volume", "else found  by ec2:DescribeInstances"),
        ("AWS::ApiGateway::RestApi", "(TagApis): sets the tags"),
        ("AWS::DirectoryService::MicrosoftAD", "not visible yet for 90 minutes"),
        ("AWS::ElastiCache::ReplicationGroup", "ready       tagged when it is available"),
    ] {
        let said = tagger(&["catalog", "--type", name], b"");
        assert!(said.out.contains(part), "{name}: expected {part}\nfound {}", said.out);
    }
    // A full name is that type alone; a part of one lists all that have it, in a line each.
    let said = tagger(&["catalog", "--type", "aws::ec2::volume"], b"").out;
    assert!(!said.contains("AWS::EC2::VolumeA"), "{said}");
    let said = tagger(&["catalog", "--type", "AWS::EC2::"], b"").out;
    assert!(said.starts_with("resource type") && !said.contains("permission"), "{said}");

    let line = tagger(&["catalog", "--json", "--type", "AWS::SQS::Queue"], b"").out;
    for part in [
        r#""lifetime":"compared""#,
        r#""rule":"auto-tag-create-resources-"#,
        r#"{"action":"sqs:TagQueue","statement":"TagAndReadTags","why":"sets the tags"}"#,
        r#""upsert":"#,
    ] {
        assert!(line.contains(part), "expected {part}\nfound {line}");
    }
}

#[test]
fn a_proposal_needs_a_checkout_a_known_type_and_a_python() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let nowhere = folder("no-checkout");
    let propose = |folder: &Path, name: &str, path: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagger"));
        command.args(["catalog", "--propose", name]).current_dir(folder).env("PATH", path);
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    for (what, folder, name, part) in [
        (
            "no checkout",
            &nowhere,
            "AWS::SQS::Queue",
            "there is no catalog/tools/entries.py in it or above it",
        ),
        ("no such type", &root, "AWS::SQS::Quue", "the nearest are AWS::SQS::Queue"),
        ("no Python", &root, "AWS::SQS::Queue", "the catalog's derivation needs Python 3.11"),
    ] {
        let (code, out, err) = propose(folder, name, "/nowhere");
        assert!(
            code == Some(1) && out.is_empty() && err.contains(part),
            "{what}: expected {part}\nfound {out}{err}"
        );
    }
    fs::remove_dir_all(nowhere).unwrap();
}

#[test]
fn a_proposal_is_an_entry_or_what_is_doubtful() {
    // A checkout in which a service is not there yet.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let checkout = folder("checkout");
    for part in ["catalog", "catalog/tools", "catalog/reference"] {
        fs::create_dir_all(checkout.join(part)).unwrap();
        for file in fs::read_dir(root.join(part)).unwrap() {
            let file = file.unwrap();
            if file.file_type().unwrap().is_file() && file.file_name() != "access-analyzer.toml" {
                fs::copy(file.path(), checkout.join(part).join(file.file_name())).unwrap();
            }
        }
    }
    for (name, code, out, err) in [
        (
            "aws::accessanalyzer::analyzer",
            0,
            "type  = \"AWS::AccessAnalyzer::Analyzer\"\nevent = \"CreateAnalyzer\"\n",
            "",
        ),
        (
            "AWS::EKS::IdentityProviderConfig",
            1,
            "",
            "AWS::EKS::IdentityProviderConfig has no entry, not-in-record: ",
        ),
        ("AWS::SQS::Queue", 1, "", "`tagger catalog --type AWS::SQS::Queue` shows its entry"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tagger"));
        command.args(["catalog", "--propose", name]).current_dir(checkout.join("catalog/reference"));
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let (found, said) = (text(output.stdout), text(output.stderr));
        assert_eq!(output.status.code(), Some(code), "{name}: {found}{said}");
        assert!(
            found.contains(out) && said.contains(err),
            "{name}: expected {out}{err}\nfound {found}{said}"
        );
    }
    fs::remove_dir_all(checkout).unwrap();
}

#[test]
fn docs_cli_md_is_the_help() {
    let mut text = String::from("# tagger\n\nThe help of every verb, as the program prints it.\n");
    // The verbs are those that the program's own help lists.
    let help = tagger(&["--help"], b"").out;
    let listed = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = listed.take_while(|line| !line.is_empty()).filter(|line| !line.starts_with("   "));
    let listed = listed.filter_map(|line| line.split_whitespace().next());
    for verb in std::iter::once("").chain(listed.filter(|verb| *verb != "help")) {
        let words: Vec<_> = [verb, "--help"].into_iter().filter(|word| !word.is_empty()).collect();
        let title = if verb.is_empty() { "tagger".to_owned() } else { format!("tagger {verb}") };
        text.push_str(&format!("\n## {title}\n\n```\n{}\n```\n", tagger(&words, b"").out.trim_end()));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cli.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "docs/cli.md is not the help; run: UPDATE_EXPECT=1 cargo test -p tagger-cli --test commands"
    );
}

#[test]
fn docs_cost_md_is_what_cost_prints() {
    let text = tagger(&["cost", "--markdown"], b"").out;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/cost.md");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        there == text,
        "docs/cost.md is not what it was made by; run: UPDATE_EXPECT=1 cargo test -p tagger-cli --test commands"
    );
}

#[test]
fn a_closed_output_is_no_failure() {
    let input = format!("{QUEUE}\n").repeat(5000);
    let mut child = Command::new(env!("CARGO_BIN_EXE_tagger"))
        .args(["explain", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut stdin = child.stdin.take().unwrap();
    std::thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn the_sandbox_says_what_is_missing() {
    // Beside this link to the program there is no `bootstrap`. A copy would be open for writing while
    // another test starts a process, and could not be started then.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("alone");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let copy = folder.join("tagger");
    fs::hard_link(env!("CARGO_BIN_EXE_tagger"), &copy).unwrap();
    let output = Command::new(&copy).arg("sandbox").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cargo build --release"));
    // And without a Python there is one sentence about that.
    fs::write(folder.join("bootstrap"), "").unwrap();
    let output = Command::new(&copy).arg("sandbox").env("PATH", Path::new("/nowhere")).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("needs Python 3.11"));
    fs::remove_dir_all(folder).unwrap();
}
