//! What `tagger deploy` and `tagger destroy` find out before they change anything, and how every verb ends when it cannot go on: the real
//! binary, without the sandbox.

mod support;

use std::{
    fs::{self, File},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};
use support::{
    fake::{Fake, alone, program, refused},
    said,
};
use tagger_elf::sample::Sample;

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tagger-{name}-{}", std::process::id()));
    fs::create_dir_all(&path).unwrap();
    path
}

fn run(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let text = said(&output);
    assert_eq!(output.status.code(), Some(code), "expected exit code {code}: {text}");
    text
}

#[test]
fn a_wrong_setting_is_refused_before_aws_is_asked() {
    let folder = folder("settings");
    let zip = program(&folder);
    let config = folder.join("tagger.toml");
    fs::write(&config, "[tags]\nTeam = \"platform\"\n").unwrap();
    // What is wrong in a file, and in the file that it names.
    let wrong = |name: &str, text: &str| {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let long = wrong("long.toml", &format!("[tags]\nLong = \"{}\"\n", "x".repeat(1030)));
    let scope = wrong("scope.toml", "[scope]\nservices = [\"ec3\"]\n");
    let filter = wrong("filter.toml", "[value]\nworkload = \"{role|lwoer}\"\n");
    let people = wrong("people.toml", "[people]\nfile = \"people.csv\"\n");
    wrong("people.csv", "match,name\nalice,Alice\nali*,Others\nalice,Again\n");
    let fake = Fake::start(&["us-gov-west-1"], |_| None);
    for (words, expected) in [
        (
            &["--set", "MoreTags=CreatedAt={eventTme}"][..],
            "--set MoreTags=CreatedAt={eventTme}: unknown name `{eventTme}`; did you mean `eventTime`?",
        ),
        (&["--set", "TagValue={nme}"], "did you mean `name`?"),
        (&["--set", "MoreTags=Team=a;team=b"], "the key `team` is set twice"),
        (&["--set", "SkipKinds=robot"], "`robot` is not one of person"),
        (&["--set", "LogRetentionDays=2"], "it has to be one of 1, 3, 5"),
        (&["--set", "LogRetentionDay=3"], "did you mean `LogRetentionDays`"),
        (&["--set", "OrganizationAlarmTopic=arn"], "The ARN of an SNS topic"),
        (&["--organization", "--set", "TargetIds=everything"], "Ids of organizational units"),
        (&["--config", &long], "long.toml: line 2: tags.Long: its text alone has 1030 characters"),
        (&["--config", &scope], "scope.toml: line 2: scope.services: no service `ec3`"),
        (&["--config", &filter], "filter.toml: line 2: value.workload: unknown name `{lwoer}`"),
        (&["--config", &people], "people.csv: line 4: `alice` can never fit: line 2 (`alice`)"),
    ] {
        let words = [&["deploy", "--yes", "--zip", &zip], words].concat();
        let text = run(&mut fake.tagger("us-gov-west-1", &words), 2);
        assert!(text.contains(expected), "{words:?}: expected {expected:?}, found {text}");
    }
    assert!(fake.seen.lock().unwrap().is_empty(), "AWS was asked: {:?}", fake.seen.lock().unwrap());

    // What is wrong only together with the rest needs what the stack has; nothing is changed for it.
    for (words, expected) in [
        (&["--set", "MoreTags=createdby=x"][..], "the key `createdby` is set twice"),
        (
            &["--config", config.to_str().unwrap(), "--set", "MoreTags=team=x"],
            "--set: MoreTags=team=x: the key `team` is set twice",
        ),
        (
            &["--alarm-email", "alice"],
            "--alarm-email: AlarmEmail=alice: this is not allowed; One e-mail address",
        ),
    ] {
        let words = [&["deploy", "--yes", "--zip", &zip], words].concat();
        let text = run(&mut fake.tagger("us-gov-west-1", &words), 2);
        assert!(text.contains(expected), "{words:?}: expected {expected:?}, found {text}");
    }
    let seen = fake.seen.lock().unwrap().clone();
    let changes = ["Create", "Delete", "Execute", "PUT", "POST"];
    let changing = seen.iter().find(|one| changes.iter().any(|verb| one.call.starts_with(verb)));
    assert!(changing.is_none(), "{changing:?}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_program_that_lambda_cannot_start_is_refused() {
    let folder = folder("glibc");
    let path = folder.join("bootstrap");
    fs::write(&path, Sample { version: "GLIBC_2.39", ..Sample::default() }.bytes()).unwrap();
    let zip = path.to_str().unwrap();
    let fake = Fake::start(&["us-gov-west-1"], |_| None);
    let text = run(&mut fake.tagger("us-gov-west-1", &["deploy", "--yes", "--zip", zip]), 2);
    for expected in ["GLIBC_2.39", "glibc 2.34", "cargo xtask dist", "--any-glibc"] {
        assert!(text.contains(expected), "expected {expected:?}, found {text}");
    }
    assert!(fake.seen.lock().unwrap().is_empty(), "AWS was asked");
    // For an emulator; here it goes on as far as the account.
    let words = ["deploy", "--dry-run", "--any-glibc", "--zip", zip];
    let text = run(&mut fake.tagger("us-gov-west-1", &words), 0);
    assert!(text.contains("Dry run"), "{text}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_profile_that_is_not_there_is_named_with_those_that_are() {
    let folder = folder("profile");
    let zip = program(&folder);
    let (config, credentials) = (folder.join("config"), folder.join("credentials"));
    fs::write(&config, "[profile work]\nregion = eu-west-1\n[sso-session corp]\nsso_region = eu-west-1\n")
        .unwrap();
    fs::write(
        &credentials,
        "[home]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = verysecret\n",
    )
    .unwrap();
    for verb in [
        &["deploy", "--yes", "--zip", &zip][..],
        &["status"],
        &["doctor"],
        &["destroy", "--yes"],
        &["redrive"],
    ] {
        for (words, variable) in [(&["--profile", "nope"][..], None), (&[][..], Some("nope"))] {
            let mut command = alone(&[verb, words].concat());
            command.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &credentials);
            command.envs(variable.map(|name| ("AWS_PROFILE", name)));
            let text = run(&mut command, 2);
            assert!(
                text.contains("there is no profile `nope`") && text.contains("there are home, work"),
                "{verb:?}: {text}"
            );
            assert!(
                !text.contains("secret") && !text.contains("AKIA") && !text.contains("region is"),
                "{verb:?}: {text}"
            );
        }
    }
    let text = run(&mut alone(&["status", "--profile", "nope"]), 2);
    assert!(text.contains("there are none"), "{text}");
    // One that is there is used.
    let mut command = alone(&["status", "--profile", "work"]);
    command.env("AWS_CONFIG_FILE", &config).env("AWS_SHARED_CREDENTIALS_FILE", &credentials);
    let text = run(&mut command, 1);
    assert!(!text.contains("no profile"), "{text}");
    fs::remove_dir_all(folder).unwrap();
}

/// `2>&1 | head` closes both outputs. A panic would be exit code 101, or in a release build the signal ABRT (134).
#[test]
fn a_closed_pipe_ends_no_verb_by_a_panic() {
    let folder = folder("pipe");
    let zip = program(&folder);
    let missing = folder.join("missing.json");
    let missing = missing.to_str().unwrap();
    let fake = Fake::start(&["us-gov-west-1"], |_| None);
    for words in [
        &["deploy", "--dry-run", "--zip", &zip][..],
        &["deploy", "--yes", "--zip", &zip],
        &["deploy", "--yes", "--zip", missing],
        &["deploy", "--print-policy", "command"],
        &["destroy", "--yes"],
        &["status"],
        &["doctor"],
        &["redrive"],
        &["protect", "--key", "CreatedBy"],
        &["protect", "--key", "CreatedBy", "--explain"],
        &["explain", missing],
        &["scan", missing],
        &["catalog"],
        &["cost"],
        &["completions", "bash"],
        &["man"],
        &["--help"],
        &["nosuchverb"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = fake.tagger("us-gov-west-1", words);
        command.stdout(Stdio::from(writer.try_clone().unwrap())).stderr(Stdio::from(writer));
        let status = command.status().unwrap();
        assert_eq!(status.signal(), None, "tagger {words:?} was ended by a signal");
        assert!(
            status.code().is_some_and(|code| code <= 3),
            "tagger {words:?}: exit code {:?}",
            status.code()
        );
    }
    // What changes something has not ended well when nobody reads how it went, and says so where somebody does.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let errors = folder.join("errors");
    let mut command = fake.tagger("us-gov-west-1", &["deploy", "--yes", "--zip", &zip]);
    let status = command.stdout(Stdio::from(writer)).stderr(File::create(&errors).unwrap()).status().unwrap();
    let text = fs::read_to_string(&errors).unwrap();
    assert_eq!(status.code(), Some(1), "{text}");
    assert!(text.contains("the same command goes on from there"), "{text}");
    fs::remove_dir_all(folder).unwrap();
}

/// EventBridge sends no events between the regions of China; it does between those of GovCloud.
#[test]
fn each_region_of_china_gets_a_function_of_its_own() {
    let folder = folder("china");
    let zip = program(&folder);
    let words = ["deploy", "--dry-run", "--zip", &zip];
    let china = Fake::start(&["cn-north-1", "cn-northwest-1"], |_| None);
    let text = run(&mut china.tagger("cn-northwest-1", &words), 0);
    for expected in [
        "EventBridge sends no events between the regions of aws-cn, so each one gets a function of its own: cn-northwest-1, cn-north-1",
        "auto-resource-tagger in cn-north-1 will be made",
        "auto-resource-tagger in cn-northwest-1 will be made",
    ] {
        assert!(text.contains(expected), "expected {expected:?}, found {text}");
    }
    assert!(!text.contains("forwarder"), "{text}");
    let govcloud = Fake::start(&["us-gov-east-1", "us-gov-west-1"], |_| None);
    let text = run(&mut govcloud.tagger("us-gov-east-1", &words), 0);
    assert!(text.contains("auto-resource-tagger in us-gov-east-1 will be made"), "{text}");
    assert!(text.contains("auto-resource-tagger-forwarder in us-gov-west-1 will be made"), "{text}");
    fs::remove_dir_all(folder).unwrap();
}

/// S3 and CloudFormation do not know a bucket at once that was just made.
#[test]
fn what_was_just_made_is_asked_for_again() {
    let folder = folder("early");
    let zip = program(&folder);
    let (put, proposed) = (AtomicU32::new(0), AtomicU32::new(0));
    let fake = Fake::start(&["us-gov-west-1"], move |request| {
        let path = "/auto-resource-tagger-code-111122223333-us-gov-west-1";
        let unknown =
            "<Error><Code>NoSuchBucket</Code><Message>The specified bucket does not exist</Message></Error>";
        match request.call.as_str() {
            "CreateChangeSet" if proposed.fetch_add(1, Ordering::Relaxed) == 0 => {
                Some((400, refused("ValidationError", "S3 error: The specified bucket does not exist")))
            }
            "CreateChangeSet" => Some((400, refused("ValidationError", "here the test ends"))),
            // The bucket is made; then each thing that is put on or into it is refused once.
            call if call.starts_with("PUT ") && call.contains(path) => {
                match put.fetch_add(1, Ordering::Relaxed) % 2 {
                    0 => Some((200, String::new())),
                    _ => Some((404, unknown.to_owned())),
                }
            }
            call if call.starts_with("GET ") && call.contains(path) => {
                let none = "<Error><Code>NoSuchBucketPolicy</Code><Message>The bucket policy does not exist</Message></Error>";
                Some((404, none.to_owned()))
            }
            _ => None,
        }
    });
    let text = run(&mut fake.tagger("us-gov-west-1", &["deploy", "--yes", "--zip", &zip]), 1);
    assert!(text.contains("here the test ends"), "{text}");
    assert!(!text.contains("NoSuchBucket"), "{text}");
    let seen = fake.seen.lock().unwrap().clone();
    let count = |name: &str| seen.iter().filter(|one| one.call.starts_with(name)).count();
    assert_eq!(count("CreateChangeSet"), 2, "{seen:#?}");
    fs::remove_dir_all(folder).unwrap();
}

/// SQS may still tell the address of a queue that is being deleted, and then not know the queue.
#[test]
fn a_queue_that_is_gone_between_two_questions_holds_nothing() {
    let stack = "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>auto-resource-tagger</StackName>\
                 <StackId>arn:aws-us-gov:cloudformation:us-gov-west-1:111122223333:stack/auto-resource-tagger/1</StackId>\
                 <StackStatus>DELETE_FAILED</StackStatus><CreationTime>2026-01-01T00:00:00Z</CreationTime></member></Stacks>\
                 </DescribeStacksResult></DescribeStacksResponse>";
    let fake = Fake::start(&["us-gov-west-1"], move |request| match request.call.as_str() {
        "DescribeStacks" if request.body.ends_with("StackName=auto-resource-tagger") => {
            Some((200, stack.to_owned()))
        }
        "GetQueueUrl" => Some((200, r#"{"QueueUrl":"https://sqs.example.com/111122223333/q"}"#.to_owned())),
        "GetQueueAttributes" => {
            let body = r#"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}"#;
            Some((400, body.to_owned()))
        }
        _ => None,
    });
    let text = run(&mut fake.tagger("us-gov-west-1", &["destroy", "--dry-run"]), 0);
    assert!(text.contains("Dry run: nothing was changed"), "{text}");
    assert!(fake.seen.lock().unwrap().iter().any(|one| one.call == "GetQueueAttributes"), "{text}");
}
