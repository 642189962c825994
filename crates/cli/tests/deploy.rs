//! `tagger deploy` and `tagger destroy`, end to end: the real templates in the emulated AWS, and every
//! way in which a deployment can be interrupted, refused or in the way of another.

mod support;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};
use support::{LATE, Running, bootstrap, said};

const ROOT: &str = "root";
const BUCKET: &str = "cloudtrail-logs-111122223333-us-east-1";

/// A sandbox from which the product was taken out again, logs and all.
fn empty() -> Running {
    let cloud = Running::start_with(&LATE);
    cloud.runs(&["destroy", "--yes", "--discard-dead-letters"]);
    remove_logs(&cloud);
    cloud
}

fn remove_logs(cloud: &Running) {
    // The trail may have put one more file there between the two.
    for _ in 0..5 {
        let versions = cloud.aws(ROOT, &["s3api", "list-object-versions", "--bucket", BUCKET]);
        for version in ["Versions", "DeleteMarkers"]
            .iter()
            .flat_map(|kind| versions[kind].as_array().into_iter().flatten())
        {
            let (key, id) = (version["Key"].as_str().unwrap(), version["VersionId"].as_str().unwrap());
            cloud
                .aws(ROOT, &["s3api", "delete-object", "--bucket", BUCKET, "--key", key, "--version-id", id]);
        }
        match cloud.aws_in(ROOT, "us-east-1", &["s3api", "delete-bucket", "--bucket", BUCKET]) {
            Ok(_) => return,
            Err(message) => assert!(message.contains("BucketNotEmpty"), "{message}"),
        }
    }
    panic!("{BUCKET} is not empty after five times");
}

fn deploy<'a>(zip: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    // What a build of this computer is linked against is right for the emulator.
    ["deploy", "--any-glibc", "--zip", zip].iter().chain(more).copied().collect()
}

fn status(cloud: &Running, region: &str, stack: &str) -> Option<String> {
    let found =
        cloud.aws_in(ROOT, region, &["cloudformation", "describe-stacks", "--stack-name", stack]).ok()?;
    found["Stacks"][0]["StackStatus"].as_str().map(str::to_owned)
}

fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

fn creator_in(cloud: &Running, region: &str, name: &str) -> String {
    let made = cloud.aws_in("alice", region, &["sqs", "create-queue", "--queue-name", name]).unwrap();
    let url = made["QueueUrl"].as_str().unwrap().to_owned();
    let started = Instant::now();
    loop {
        // An error, too, as long as the queue does not show yet.
        let tags = cloud.aws_in(ROOT, region, &["sqs", "list-queue-tags", "--queue-url", &url]);
        if let Some(creator) = tags.as_ref().ok().and_then(|tags| tags["Tags"]["CreatedBy"].as_str()) {
            return creator.to_owned();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{name} in {region} never got a tag: {tags:?}");
        thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn from_nothing_to_nothing() {
    let cloud = empty();
    let zip = bootstrap();
    let zip = zip.to_str().unwrap();

    // A dry run says all and leaves nothing.
    let plan = lines(&cloud.runs(&deploy(zip, &["--dry-run", "--json", "--regions", "eu-west-1"])));
    let steps: Vec<&str> = plan.iter().filter_map(|line| line["step"].as_str()).collect();
    assert_eq!(
        steps,
        ["account", "trail", "settings", "plan", "plan", "permissions", "cost", "uncovered", "end"]
    );
    assert_eq!(plan[1]["own"], true, "no other trail is there: {}", plan[1]);
    assert_eq!(plan[2]["settings"][0]["about"], "creator's tag", "{}", plan[2]);
    let made = plan[3]["changes"].as_array().unwrap();
    assert!(made.iter().all(|change| change["action"] == "Add") && made.len() > 25, "{}", plan[3]);
    assert!(plan[6]["dollarsAMonth"].is_number(), "{}", plan[6]);
    assert_eq!(status(&cloud, "us-east-1", "auto-resource-tagger"), None);
    assert_eq!(status(&cloud, "eu-west-1", "auto-resource-tagger-forwarder"), None);
    assert_eq!(cloud.aws(ROOT, &["s3api", "list-buckets"])["Buckets"], serde_json::json!([]));

    // The real thing, in two regions.
    let said = cloud.runs(&deploy(zip, &["--yes", "--regions", "eu-west-1"]));
    assert!(
        said.contains("Done: auto-resource-tagger") && said.ends_with("Try it: tagger doctor --canary\n"),
        "{said}"
    );
    assert_eq!(creator_in(&cloud, "us-east-1", "here"), "alice");
    assert_eq!(creator_in(&cloud, "eu-west-1", "away"), "alice");

    // Once more changes nothing; a setting changes what it is about; what is not named stays.
    assert!(cloud.runs(&deploy(zip, &["--yes"])).contains("Everything is up to date"));
    let said = cloud.runs(&deploy(zip, &["--yes", "--set", "LogRetentionDays=90"]));
    assert!(said.contains("~") && said.contains("the function's log"), "{said}");
    let said = cloud.runs(&deploy(zip, &["--yes", "--delivery", "queue"]));
    assert!(said.contains("Done"), "{said}");
    assert_eq!(creator_in(&cloud, "eu-west-1", "queued"), "alice");
    let stack = &cloud
        .aws(ROOT, &["cloudformation", "describe-stacks", "--stack-name", "auto-resource-tagger"])["Stacks"]
        [0];
    let parameter = |name: &str| {
        let all = stack["Parameters"].as_array().unwrap();
        all.iter().find(|one| one["ParameterKey"] == name).unwrap()["ParameterValue"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    assert_eq!((parameter("LogRetentionDays"), parameter("Delivery")), ("90".to_owned(), "queue".to_owned()));

    // What forwarders need to know of a setting they are told, also where a later run does not name it.
    cloud.runs(&deploy(zip, &["--yes", "--set", "TagChanges=alarm", "--set", "Reconcile=off"]));
    cloud.runs(&deploy(zip, &["--yes", "--set", "TagKey=Owner"]));
    for region in ["us-east-1", "eu-west-1"] {
        let rule = ["events", "describe-rule", "--name", "auto-resource-tagger-tag-changes"];
        let rule = cloud.aws_in(ROOT, region, &rule).unwrap_or_else(|said| panic!("{region}: {said}"));
        let pattern: Value = serde_json::from_str(rule["EventPattern"].as_str().unwrap()).unwrap();
        assert_eq!(pattern["detail"]["changed-tag-keys"], serde_json::json!(["Owner"]), "{region}: {rule}");
    }
    let checks = lines(&cloud.runs(&["doctor", "--json"]));
    let verdict = |name: &str| {
        let found: Vec<_> = checks.iter().filter(|check| check["check"] == name).collect();
        found.iter().map(|check| check["verdict"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        (verdict("tag-changes"), verdict("reconcile")),
        (vec!["ok".to_owned()], vec!["info".to_owned()])
    );

    // A second home region is refused: the role's name is one for all.
    let said = cloud.fails(ROOT, 1, &deploy(zip, &["--yes", "--region", "eu-central-1"]));
    assert!(said.contains("home region") && said.contains("--region us-east-1"), "{said}");

    // Letters that nobody has read stop the removal.
    let letters =
        cloud.aws(ROOT, &["sqs", "get-queue-url", "--queue-name", "auto-resource-tagger-dead-letters"]);
    let letters = letters["QueueUrl"].as_str().unwrap().to_owned();
    cloud.aws(ROOT, &["sqs", "send-message", "--queue-url", &letters, "--message-body", "{}"]);
    let said = cloud.fails(ROOT, 1, &["destroy", "--yes"]);
    assert!(
        said.contains("1 messages lie in auto-resource-tagger-dead-letters")
            && said.contains("--discard-dead-letters"),
        "{said}"
    );
    assert_eq!(status(&cloud, "us-east-1", "auto-resource-tagger").as_deref(), Some("UPDATE_COMPLETE"));

    cloud.runs(&["destroy", "--yes", "--discard-dead-letters"]);
    assert_eq!(status(&cloud, "us-east-1", "auto-resource-tagger"), None);
    assert_eq!(status(&cloud, "eu-west-1", "auto-resource-tagger-forwarder"), None);
    let buckets = cloud.aws(ROOT, &["s3api", "list-buckets", "--query", "Buckets[].Name"]);
    assert_eq!(buckets, serde_json::json!([BUCKET]), "the logs stay, the zips do not");
    assert!(cloud.runs(&["destroy", "--yes"]).contains("Nothing of the tagger is deployed here"));

    // The bucket that stayed is used again.
    let said = cloud.runs(&deploy(zip, &["--yes"]));
    assert!(said.contains("is used again"), "{said}");
    assert_eq!(creator_in(&cloud, "us-east-1", "again"), "alice");
}

/// One file and its people go into the zip; they hold, are shown, and stay until another file is named.
#[test]
fn a_settings_file_goes_into_the_zip_and_stays_there() {
    let cloud = Running::start();
    let zip = bootstrap();
    let zip = zip.to_str().unwrap();
    let folder = std::env::temp_dir().join(format!("tagger-settings-e2e-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let config = folder.join("tagger.toml");
    let path = config.to_str().unwrap();
    let write = |text: &str| std::fs::write(&config, text).unwrap();
    std::fs::write(folder.join("people.csv"), "match,name,Team\nuser:alice,Alice Example,Shop\n").unwrap();

    write(
        "[value]\nuser = \"{name|upper}\"\n[people]\nfile = \"people.csv\"\n[opt-out]\ntags = [\"auto-tag=off\"]\n",
    );
    let said = cloud.runs(&deploy(zip, &["--yes", "--config", path]));
    for part in [
        "+  made by user",
        "CreatedBy={name|upper}",
        "1 row of people.csv, with Team",
        "of which change",
        "Done",
    ] {
        assert!(said.contains(part), "expected {part}\nfound {said}");
    }
    assert_eq!(creator_in(&cloud, "us-east-1", "by-the-file"), "ALICE EXAMPLE");
    let shown = cloud.runs(&["status"]);
    assert!(shown.contains("made by user") && shown.contains("1 row of people.csv, with Team"), "{shown}");

    // What asks to be left alone is left alone, and what is not named stays.
    let made = cloud.aws("alice", &["sqs", "create-queue", "--queue-name", "left", "--tags", "auto-tag=off"]);
    let left = made["QueueUrl"].as_str().unwrap().to_owned();
    let said = cloud.runs(&deploy(zip, &["--yes", "--set", "LogRetentionDays=90"]));
    assert!(said.contains("made by user") && !said.contains("of which change"), "{said}");
    assert_eq!(creator_in(&cloud, "us-east-1", "kept"), "ALICE EXAMPLE");
    let tags = cloud.aws(ROOT, &["sqs", "list-queue-tags", "--queue-url", &left]);
    assert_eq!(tags["Tags"], serde_json::json!({ "auto-tag": "off" }));
    assert!(cloud.runs(&deploy(zip, &["--yes", "--config", path])).contains("Everything is up to date"));

    write("[tag]\nvalue = \"by {name}\"\n");
    let said = cloud.runs(&deploy(zip, &["--yes", "--config", path]));
    assert!(said.contains("-  people") && said.contains("(was CreatedBy={name}"), "{said}");
    assert_eq!(creator_in(&cloud, "us-east-1", "by-another"), "by alice");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn what_is_in_the_way_is_named_and_the_next_deployment_fixes_it() {
    let cloud = empty();
    let zip = bootstrap();
    let zip = zip.to_str().unwrap();

    // Wrong words, before anything is asked.
    for (words, code, expected) in [
        (&["--yes", "--set", "LogRetentionDay=1"][..], 2, "did you mean `LogRetentionDays`"),
        (&["--yes", "--set", "LogRetentionDays=2"], 2, "LogRetentionDays=2: it has to be one of 1, 3"),
        (&["--yes", "--set", "MoreTags=createdby=x"], 2, "the key `createdby` is set twice"),
        (&["--yes", "--regions", "mars-north-1"], 2, "not enabled in account"),
        (&["--yes", "--region", "mars-north-1"], 1, "not enabled"),
        (&["--yes", "--trail", "nobodys"], 1, "there is no such trail"),
        (&["--json"], 2, "--yes, or --dry-run"),
        (&[], 2, "there is no terminal to ask at"),
    ] {
        let said = cloud.fails(ROOT, code, &deploy(zip, words));
        assert!(said.contains(expected), "{words:?}: expected {expected:?}, found {said}");
    }
    let said = cloud.fails(ROOT, 2, &["deploy", "--yes", "--zip", "/dev/null"]);
    assert!(said.contains("/dev/null: no zip"), "{said}");

    // The log bucket's name is somebody else's.
    cloud.aws("222222222222", &["s3api", "create-bucket", "--bucket", BUCKET]);
    let said = cloud.fails(ROOT, 1, &deploy(zip, &["--yes"]));
    assert!(said.contains("belongs to another account") && said.contains("--trail"), "{said}");
    cloud.aws("222222222222", &["s3api", "delete-bucket", "--bucket", BUCKET]);
    // It is ours, and no trail may write to it.
    cloud.aws(ROOT, &["s3api", "create-bucket", "--bucket", BUCKET]);
    let said = cloud.fails(ROOT, 1, &deploy(zip, &["--yes"]));
    assert!(said.contains("does not let CloudTrail write"), "{said}");
    cloud.aws(ROOT, &["s3api", "delete-bucket", "--bucket", BUCKET]);

    // A role of that name: the stack fails, says why, and the next deployment goes on.
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
    let role = "AutoResourceTaggerRole";
    cloud.aws(ROOT, &["iam", "create-role", "--role-name", role, "--assume-role-policy-document", trust]);
    let said = cloud.fails(ROOT, 1, &deploy(zip, &["--yes"]));
    assert!(
        said.contains("AWS::IAM::Role Role")
            && said.contains("already exists")
            && said.contains("in another region"),
        "{said}"
    );
    assert_eq!(status(&cloud, "us-east-1", "auto-resource-tagger").as_deref(), Some("ROLLBACK_COMPLETE"));
    let said = cloud.runs(&deploy(zip, &["--dry-run"]));
    assert!(said.contains("is in ROLLBACK_COMPLETE; it would be fixed first"), "{said}");
    cloud.aws(ROOT, &["iam", "delete-role", "--role-name", role]);
    let said = cloud.runs(&deploy(zip, &["--yes"]));
    assert!(
        said.contains("is in ROLLBACK_COMPLETE and has to be deleted") && said.contains("already exists"),
        "{said}"
    );
    assert_eq!(creator_in(&cloud, "us-east-1", "fixed"), "alice");

    // What is a forwarder where the function is to be goes first.
    cloud.runs(&["destroy", "--yes", "--discard-dead-letters"]);
    cloud.runs(&deploy(zip, &["--yes", "--region", "eu-central-1"]));
    cloud
        .aws_in(
            ROOT,
            "eu-central-1",
            &["cloudformation", "delete-stack", "--stack-name", "auto-resource-tagger"],
        )
        .unwrap();
    let said = cloud.runs(&deploy(zip, &["--yes"]));
    assert!(said.contains("auto-resource-tagger-forwarder in us-east-1 will be removed first"), "{said}");
    assert_eq!(creator_in(&cloud, "us-east-1", "moved"), "alice");

    // A user without rights is told which.
    let user = cloud.aws(ROOT, &["iam", "create-user", "--user-name", "reader"]);
    assert_eq!(user["User"]["UserName"], "reader");
    let rights = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:DescribeRegions","cloudformation:DescribeStacks"],"Resource":"*"}]}"#;
    cloud.aws(
        ROOT,
        &[
            "iam",
            "put-user-policy",
            "--user-name",
            "reader",
            "--policy-name",
            "p",
            "--policy-document",
            rights,
        ],
    );
    let key = cloud.aws(ROOT, &["iam", "create-access-key", "--user-name", "reader"]);
    let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
    let mut command = cloud.tagger(ROOT, &deploy(zip, &["--yes"]));
    command
        .env("AWS_ACCESS_KEY_ID", text("AccessKeyId"))
        .env("AWS_SECRET_ACCESS_KEY", text("SecretAccessKey"));
    let output = command.output().unwrap();
    let refused = said_of(&output);
    assert_eq!(output.status.code(), Some(1), "{refused}");
    assert!(refused.contains("the principal needs cloudtrail:DescribeTrails"), "{refused}");

    // Keys that nobody knows.
    let mut command = cloud.tagger(ROOT, &deploy(zip, &["--yes"]));
    command.env("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE");
    let output = command.output().unwrap();
    let refused = said_of(&output);
    assert_eq!(output.status.code(), Some(1), "{refused}");
    assert!(refused.contains("does not know these credentials"), "{refused}");
}

fn said_of(output: &std::process::Output) -> String {
    said(output)
}

/// Credentials that expire under way, by a server that says so as AWS does.
#[test]
fn expired_credentials_say_what_to_do() {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let address = format!("http://{}", server.server_addr());
    let answers = thread::spawn(move || {
        while let Ok(Some(request)) = server.recv_timeout(Duration::from_secs(120)) {
            let body = "<ErrorResponse><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token included in \
                        the request is expired</Message></Error></ErrorResponse>";
            request.respond(tiny_http::Response::from_string(body).with_status_code(403)).unwrap();
        }
    });
    for verb in
        [&["deploy", "--yes", "--any-glibc", "--zip"][..], &["destroy", "--yes"], &["status"], &["doctor"]]
    {
        let zip = bootstrap();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_tagger"));
        command.args(verb);
        if verb.last() == Some(&"--zip") {
            command.arg(&zip);
        }
        let output = command
            .env("AWS_ENDPOINT_URL", &address)
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "x")
            .env("AWS_SESSION_TOKEN", "x")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {text}");
        assert!(text.contains("the credentials have expired: sign in again"), "{verb:?}: {text}");
    }
    drop(answers);
}

#[test]
fn killed_or_stopped_at_any_moment_the_next_deployment_goes_on() {
    let cloud = empty();
    let zip = bootstrap();
    let zip = zip.to_str().unwrap();
    let words = deploy(zip, &["--yes", "--regions", "eu-west-1"]);
    // The moments are spread over the whole of a deployment, whose length is measured first.
    let started = Instant::now();
    cloud.runs(&words);
    let length = started.elapsed();
    for step in 0..8_u32 {
        cloud.runs(&["destroy", "--yes", "--discard-dead-letters"]);
        let mut child =
            cloud.tagger(ROOT, &words).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        thread::sleep(length * step / 8);
        let signal = if step % 2 == 0 { Signal::KILL } else { Signal::INT };
        let _ = kill_process(Pid::from_raw(child.id() as i32).unwrap(), signal);
        let output = child.wait_with_output();
        child = cloud.tagger(ROOT, &words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let next = child.wait_with_output().unwrap();
        assert!(next.status.success(), "after {step}/8 with {signal:?} ({output:?}): {}", said(&next));
        assert_eq!(creator_in(&cloud, "eu-west-1", &format!("after-{step}")), "alice");
    }
    // Stopped before anything was carried out, nothing is left; it says so and is no success.
    cloud.runs(&["destroy", "--yes", "--discard-dead-letters"]);
    let mut child = cloud.tagger(ROOT, &words).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // From its first line on it listens: before that, the signal does what whoever started the tests chose.
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::INT).unwrap();
    let rest: Vec<_> = lines.map_while(Result::ok).collect();
    assert_ne!(child.wait().unwrap().code(), Some(0), "{first}\n{}", rest.join("\n"));
}

#[test]
fn an_organization_gets_it_in_every_account() {
    let cloud = empty();
    let zip = bootstrap();
    let zip = zip.to_str().unwrap();
    let root =
        cloud.aws(ROOT, &["organizations", "list-roots"])["Roots"][0]["Id"].as_str().unwrap().to_owned();
    let unit = cloud
        .aws(ROOT, &["organizations", "create-organizational-unit", "--parent-id", &root, "--name", "work"]);
    let unit = unit["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned();
    let made = cloud.aws(
        ROOT,
        &["organizations", "create-account", "--email", "one@example.com", "--account-name", "one"],
    );
    let account = made["CreateAccountStatus"]["AccountId"].as_str().unwrap().to_owned();
    cloud.aws(
        ROOT,
        &[
            "organizations",
            "move-account",
            "--account-id",
            &account,
            "--source-parent-id",
            &root,
            "--destination-parent-id",
            &unit,
        ],
    );

    let words = deploy(zip, &["--organization", "--targets", &unit, "--regions", "eu-west-1"]);
    let dry: Vec<&str> = words.iter().copied().chain(["--dry-run"]).collect();
    let said = cloud.runs(&dry);
    assert!(
        said.contains("auto-resource-tagger-organization in us-east-1 will be made")
            && said.contains("Dry run"),
        "{said}"
    );
    assert_eq!(status(&cloud, "us-east-1", "auto-resource-tagger-organization"), None);

    let real: Vec<&str> = words.iter().copied().chain(["--yes"]).collect();
    let said = cloud.runs(&real);
    assert!(said.contains("The management account itself") && said.contains("Done:"), "{said}");
    // In the member account a role that somebody takes on is the creator, as anywhere.
    for region in ["us-east-1", "eu-west-1"] {
        let made = cloud.aws_in(&account, region, &["sqs", "create-queue", "--queue-name", "q"]).unwrap();
        let url = made["QueueUrl"].as_str().unwrap();
        let started = Instant::now();
        let tags = ["sqs", "list-queue-tags", "--queue-url", url];
        while cloud.aws_in(&account, region, &tags).unwrap_or_default()["Tags"]["CreatedBy"] != "root" {
            assert!(started.elapsed() < Duration::from_secs(30), "{region}");
            thread::sleep(Duration::from_millis(100));
        }
        assert_eq!(creator_in(&cloud, region, "own"), "alice", "the management account");
    }
    // The member account's own deployment is the organization's business.
    let said = cloud.fails(&account, 1, &deploy(zip, &["--yes"]));
    assert!(said.contains("the organization deploys the tagger to this account"), "{said}");
    let said = cloud.fails(&account, 1, &["destroy", "--yes"]);
    assert!(said.contains("--organization"), "{said}");
    assert!(cloud.runs(&real).contains("Everything is up to date"));

    // Without --regions nobody loses a region.
    let words = deploy(zip, &["--organization", "--yes", "--set", "LogRetentionDays=90"]);
    cloud.runs(&words);
    let stack = cloud.aws(
        ROOT,
        &["cloudformation", "describe-stacks", "--stack-name", "auto-resource-tagger-organization"],
    );
    let parameters = stack["Stacks"][0]["Parameters"].as_array().unwrap();
    let regions = parameters.iter().find(|one| one["ParameterKey"] == "ForwarderRegions").unwrap();
    assert_eq!(regions["ParameterValue"], "eu-west-1");

    let said = cloud.fails(ROOT, 1, &["destroy", "--yes", "--organization"]);
    assert!(said.contains("in every account of the organization"), "{said}");
    cloud.runs(&["destroy", "--yes", "--organization", "--discard-dead-letters"]);
    assert_eq!(status(&cloud, "us-east-1", "auto-resource-tagger-organization"), None);
    let buckets = cloud.aws(ROOT, &["s3api", "list-buckets", "--query", "Buckets[].Name"]);
    assert_eq!(buckets, serde_json::json!([BUCKET]), "the organization's zips go too");
    let functions = cloud.aws_in(&account, "us-east-1", &["lambda", "list-functions"]).unwrap();
    assert_eq!(functions["Functions"], serde_json::json!([]));
}
