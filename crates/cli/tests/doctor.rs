//! `tagger doctor` and `tagger status` on the sandbox: what is broken on purpose is named, with the command that
//! fixes it, and nothing is said to be broken that is not.
//!
//! Needs what `tests/sandbox.rs` needs.

mod support;

use serde_json::{Value, json};
use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};
use support::Running;

const FUNCTION: &str = "auto-resource-tagger";
const RULE: &str = "auto-tag-create-resources-2";
const RECONCILE: &str = "auto-resource-tagger-reconcile";
const TRAIL: &str = "auto-resource-tagger";

/// What breaks it, what fixes it, and what has to be said: verdict, check, words.
type Breakage<'a> = (Vec<&'a str>, Vec<&'a str>, &'a str, &'a str, &'a str);

/// A running sandbox, as root.
struct Sandbox {
    cloud: Running,
    root: Vec<(String, String)>,
}

impl Sandbox {
    fn start() -> Self {
        let cloud = Running::start_with(&support::LATE);
        let root = cloud.people["root"].clone();
        Self { cloud, root }
    }

    fn aws(&self, words: &[&str]) -> Value {
        self.cloud.aws("root", words)
    }

    /// A change, which shows when this returns: permissions and rules are late, as on AWS.
    fn change(&self, words: &[&str]) {
        self.aws(words);
        if ["iam", "events"].contains(&words[0]) {
            support::until_it_shows();
        }
    }

    /// Alice sets the tags of a bucket, with Terraform's name in her user agent.
    fn terraform_sets(&self, bucket: &str, tags: &str) {
        let mut command = Command::new(&self.cloud.aws);
        let words = ["s3api", "put-bucket-tagging", "--bucket", bucket, "--tagging", tags];
        command
            .env_clear()
            .envs(self.cloud.shell("alice", "us-east-1"))
            .env("AWS_EXECUTION_ENV", "Terraform/1.9.0");
        let output = command.args(["--endpoint-url", &self.cloud.endpoint]).args(words).output().unwrap();
        assert!(output.status.success(), "{}", support::said(&output));
    }

    /// The keys of a bucket's tags.
    fn keys(&self, bucket: &str) -> Vec<String> {
        let found =
            self.cloud.aws_in("root", "us-east-1", &["s3api", "get-bucket-tagging", "--bucket", bucket]);
        let tags = found.unwrap_or_default()["TagSet"].as_array().cloned().unwrap_or_default();
        tags.iter().map(|tag| tag["Key"].as_str().unwrap().to_owned()).collect()
    }

    /// A verb's exit code and its JSON lines.
    fn tagger(&self, credentials: &[(String, String)], words: &[&str]) -> (i32, Vec<Value>) {
        let mut command = self.cloud.tagger("root", words);
        command.envs(credentials.iter().map(|(name, value)| (name, value)));
        let output = command.arg("--json").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let lines =
            text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}: {said}")));
        (output.status.code().unwrap(), lines.collect())
    }
}

/// The checks with a verdict, each with its message and its fix.
fn of<'a>(lines: &'a [Value], verdict: &str) -> Vec<(&'a str, String)> {
    let checks = lines.iter().filter(|line| line["check"].is_string() && line["verdict"] == verdict);
    checks
        .map(|line| {
            let text = format!(
                "{}\n{}",
                line["message"].as_str().unwrap(),
                line["fix"].as_str().unwrap_or_default()
            );
            (line["check"].as_str().unwrap(), text)
        })
        .collect()
}

#[test]
fn each_breakage_is_named() {
    let sandbox = Sandbox::start();
    let root = sandbox.root.clone();
    let doctor = || sandbox.tagger(&root, &["doctor"]);

    let (code, lines) = doctor();
    assert_eq!((code, of(&lines, "bad"), of(&lines, "unknown")), (0, vec![], vec![]), "as it was deployed");
    // The sandbox deploys to one region.
    assert_eq!(of(&lines, "warn").iter().map(|(check, _)| *check).collect::<Vec<_>>(), ["regions"]);

    let variables = |more: Value| {
        let mut variables = sandbox.aws(&[
            "lambda",
            "get-function-configuration",
            "--function-name",
            FUNCTION,
        ])["Environment"]["Variables"]
            .clone();
        variables.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({ "Variables": variables }).to_string()
    };
    let (as_it_was, misspelt) = (variables(json!({})), variables(json!({"TAGGER_KEI": "Owner"})));
    let everybody = variables(json!({"TAGGER_EXCLUDE": "*"}));
    let policy = sandbox.aws(&[
        "iam",
        "get-role-policy",
        "--role-name",
        "AutoResourceTaggerRole",
        "--policy-name",
        "AutoResourceTaggerPolicy",
    ])["PolicyDocument"]
        .to_string();
    // Whichever of the role's policies allows it: a Deny in this one refuses it.
    let refused = r#""Statement":[{"Sid":"Broken","Effect":"Deny","Action":"sqs:TagQueue","Resource":"*"},"#;
    let less = policy.replacen(r#""Statement":["#, refused, 1);
    assert_ne!(policy, less);
    // Without the emulator's spaces, with which it has more than EventBridge's 2,048 characters.
    let rule = sandbox.aws(&["events", "describe-rule", "--name", RULE]);
    let pattern: Value = serde_json::from_str(rule["EventPattern"].as_str().unwrap()).unwrap();
    let pattern = pattern.to_string();
    let other = pattern.replace("111122223333", "444455556666");
    let mapping = sandbox.aws(&["lambda", "list-event-source-mappings", "--function-name", FUNCTION])["EventSourceMappings"][0]["UUID"]
        .as_str()
        .unwrap()
        .to_owned();
    let permission: Value = serde_json::from_str(
        sandbox.aws(&["lambda", "get-policy", "--function-name", FUNCTION])["Policy"].as_str().unwrap(),
    )
    .unwrap();
    let permission = permission["Statement"][0]["Sid"].as_str().unwrap().to_owned();
    let configure = |variables| {
        vec![
            "lambda",
            "update-function-configuration",
            "--function-name",
            FUNCTION,
            "--environment",
            variables,
        ]
    };
    let role = |policy| {
        vec![
            "iam",
            "put-role-policy",
            "--role-name",
            "AutoResourceTaggerRole",
            "--policy-name",
            "AutoResourceTaggerPolicy",
            "--policy-document",
            policy,
        ]
    };
    let selectors =
        |which| vec!["cloudtrail", "put-event-selectors", "--trail-name", TRAIL, "--event-selectors", which];
    let (writes, reads) = (
        r#"[{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true}]"#,
        r#"[{"ReadWriteType":"ReadOnly","IncludeManagementEvents":true}]"#,
    );
    let without_kms = r#"[{"ReadWriteType":"WriteOnly","IncludeManagementEvents":true,"ExcludeManagementEventSources":["kms.amazonaws.com"]}]"#;
    let source = "arn:aws:events:us-east-1:111122223333:rule/auto-tag-create-resources*";
    let second =
        json!({"detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventName": ["RunInstances"]}})
            .to_string();

    #[rustfmt::skip]
    let breakages: Vec<Breakage> = vec![
        (vec!["events", "disable-rule", "--name", RULE], vec!["events", "enable-rule", "--name", RULE],
            "bad", "rules", "aws events enable-rule --name auto-tag-create-resources-2 --region us-east-1"),
        (vec!["events", "put-rule", "--name", RULE, "--event-pattern", &other], vec!["events", "put-rule", "--name", RULE, "--event-pattern", &pattern],
            "bad", "rules", "`account` is [\"444455556666\"] instead of [\"111122223333\"]"),
        (vec!["cloudtrail", "stop-logging", "--name", TRAIL], vec!["cloudtrail", "start-logging", "--name", TRAIL],
            "bad", "trail-logging", "aws cloudtrail start-logging"),
        (selectors(reads), selectors(writes), "bad", "trail-selectors", "does not log management events that write"),
        (selectors(without_kms), selectors(writes), "warn", "trail-selectors", "leaves out kms.amazonaws.com"),
        (vec!["lambda", "put-function-concurrency", "--function-name", FUNCTION, "--reserved-concurrent-executions", "0"],
            vec!["lambda", "delete-function-concurrency", "--function-name", FUNCTION],
            "bad", "concurrency", "aws lambda delete-function-concurrency"),
        (role(&less), role(&policy), "bad", "permissions", "the role's policies refuse sqs:TagQueue"),
        (vec!["lambda", "remove-permission", "--function-name", FUNCTION, "--statement-id", &permission],
            vec!["lambda", "add-permission", "--function-name", FUNCTION, "--statement-id", &permission, "--action", "lambda:InvokeFunction",
                "--principal", "events.amazonaws.com", "--source-arn", source],
            "bad", "invocation", "aws lambda add-permission"),
        (vec!["lambda", "update-event-source-mapping", "--uuid", &mapping, "--no-enabled"],
            vec!["lambda", "update-event-source-mapping", "--uuid", &mapping, "--enabled"],
            "warn", "queues-read", "aws lambda update-event-source-mapping"),
        (vec!["events", "put-rule", "--name", "AutoTagRule", "--event-pattern", &second], vec!["events", "disable-rule", "--name", "AutoTagRule"],
            "warn", "second-tagger", "the rule AutoTagRule sends 1 creation"),
        (vec!["events", "disable-rule", "--name", RECONCILE], vec!["events", "enable-rule", "--name", RECONCILE],
            "bad", "reconcile", "aws events enable-rule --name auto-resource-tagger-reconcile --region us-east-1"),
        (configure(&misspelt), configure(&as_it_was), "bad", "settings", "did you mean `TAGGER_KEY`?"),
        (configure(&everybody), configure(&as_it_was), "bad", "settings", "excludes everybody"),
    ];
    for (breaks, fixes, verdict, check, words) in breakages {
        sandbox.change(&breaks);
        if breaks.contains(&"AutoTagRule") {
            let target = "Id=1,Arn=arn:aws:lambda:us-east-1:111122223333:function:AutoTag-main";
            sandbox.aws(&["events", "put-targets", "--rule", "AutoTagRule", "--targets", target]);
        }
        let (code, lines) = doctor();
        let found = of(&lines, verdict);
        let named = found.iter().any(|(name, text)| *name == check && text.contains(words));
        assert!(named, "{breaks:?}: {found:?}");
        assert_eq!(code, if verdict == "bad" { 1 } else { 0 }, "{breaks:?}");
        // The first that is bad is the one that was broken.
        assert!(verdict != "bad" || found[0].0 == check, "{breaks:?}: {found:?}");
        sandbox.change(&fixes);
    }
    let (code, lines) = doctor();
    assert_eq!((code, of(&lines, "bad")), (0, vec![]), "fixed");

    // The canary is tagged, its hops are told, and nothing of it is left.
    let (code, lines) = sandbox.tagger(&root, &["doctor", "--canary", "--wait", "60"]);
    let canary = lines.iter().rfind(|line| line["check"] == "canary").unwrap();
    assert_eq!((code, &canary["verdict"], &canary["value"]), (0, &json!("ok"), &json!("root")), "{canary}");
    assert!(canary["hopsSeconds"]["tagged"].is_number(), "{canary}");
    assert!(
        lines.iter().any(|line| line["check"] == "canary-removed" && line["verdict"] == "ok"),
        "{lines:?}"
    );
    // One that cannot be tagged says why, and is removed as well.
    sandbox.change(&role(&less));
    let (code, lines) = sandbox.tagger(&root, &["doctor", "--canary", "--wait", "20"]);
    let canary = lines.iter().rfind(|line| line["check"] == "canary").unwrap();
    assert_eq!(code, 1);
    assert!(canary["message"].as_str().unwrap().contains("denied: sqs:TagQueue"), "{canary}");
    sandbox.change(&role(&policy));
    let queues = sandbox.aws(&["sqs", "list-queues"]).to_string();
    assert!(!queues.contains("-canary-"), "{queues}");
    let (_, lines) = sandbox.tagger(&root, &["doctor", "--canary", "--dry-run"]);
    assert!(
        lines
            .iter()
            .any(|line| line["message"].as_str().is_some_and(|text| text.contains("nothing was done")))
    );

    // How far the event history is reconciled: nothing yet, then until an hour ago.
    let (_, lines) = sandbox.tagger(&root, &["status"]);
    let before = &lines[0]["reconcile"];
    assert_eq!((&before["on"], &before["rule"]), (&json!(true), &json!("ENABLED")), "{before}");
    assert_eq!((&before["regions"], &before["lastRun"]), (&json!({}), &Value::Null), "{before}");
    let payload = r#"{"tagger": "reconcile"}"#;
    sandbox.aws(&["lambda", "invoke", "--function-name", RECONCILE, "--payload", payload, "/dev/null"]);
    let (code, lines) = sandbox.tagger(&root, &["status"]);
    let status = &lines[0];
    let after = &status["reconcile"];
    assert_eq!(
        (&after["lastRun"]["ended"], &after["lastRun"]["missed"]),
        (&json!(true), &json!(0)),
        "{after}"
    );
    assert!(
        after["regions"]["us-east-1"]["behindSeconds"].as_u64().is_some_and(|behind| behind < 600),
        "{after}"
    );
    let (_, lines) = doctor();
    let of_reconcile: Vec<_> =
        of(&lines, "ok").into_iter().filter(|(check, _)| *check == "reconcile").collect();
    assert!(
        of_reconcile.len() == 1 && of_reconcile[0].1.contains("nothing that the rules missed"),
        "{of_reconcile:?}"
    );
    assert_eq!(code, 0, "{status}");
    assert!(status["deadLetters"].is_number(), "{status}");
    assert_eq!(
        (&status["deployed"], &status["lastTagged"]["creator"]),
        (&json!(true), &json!("root")),
        "{status}"
    );

    // Somebody who may see the stacks and nothing else: what could not be looked at is neither fine nor broken.
    sandbox.aws(&["iam", "create-user", "--user-name", "looker"]);
    let little = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Resource": "*",
        "Action": ["cloudformation:Describe*", "ec2:DescribeRegions", "events:*", "cloudtrail:DescribeTrails"]}]});
    sandbox.aws(&[
        "iam",
        "put-user-policy",
        "--user-name",
        "looker",
        "--policy-name",
        "looker",
        "--policy-document",
        &little.to_string(),
    ]);
    let key = sandbox.aws(&["iam", "create-access-key", "--user-name", "looker"]);
    let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
    let looker = [
        ("AWS_ACCESS_KEY_ID".to_owned(), text("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), text("SecretAccessKey")),
    ];
    support::until_it_shows();
    let (code, lines) = sandbox.tagger(&looker, &["doctor"]);
    assert_eq!((code, of(&lines, "bad")), (3, vec![]));
    let unknown: Vec<_> = of(&lines, "unknown").into_iter().map(|(check, _)| check).collect();
    for check in [
        "trail-logging",
        "trail-selectors",
        "function",
        "dead-letters",
        "undelivered",
        "retries",
        "reconcile",
        "creations",
    ] {
        assert!(unknown.contains(&check), "{check}: {unknown:?}");
    }
    let (code, lines) = sandbox.tagger(&looker, &["status"]);
    assert_eq!(
        (code, &lines[0]["deadLetters"], &lines[0]["lastTagged"]),
        (3, &Value::Null, &Value::Null),
        "{}",
        lines[0]
    );
    assert!(!lines[0]["unread"].as_array().unwrap().is_empty());
}

/// A bucket whose tags Terraform sets: whether the creator's is taken away, the bucket says.
#[test]
fn who_takes_the_tag_away() {
    let sandbox = Sandbox::start();
    let root = sandbox.root.clone();
    let doctor = || sandbox.tagger(&root, &["doctor"]);
    let removed = |lines: &[Value]| -> Vec<(String, String)> {
        let lines = lines.iter().filter(|line| line["check"] == "tags-removed");
        let text = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        lines.map(|line| (text(line, "verdict"), text(line, "message") + &text(line, "fix"))).collect()
    };
    let bucket = "terraform-made-this";
    sandbox.cloud.aws("alice", &["s3api", "create-bucket", "--bucket", bucket]);
    let started = Instant::now();
    while sandbox.keys(bucket) != ["CreatedBy"] {
        assert!(started.elapsed() < Duration::from_secs(30), "{:?}", sandbox.keys(bucket));
        thread::sleep(Duration::from_millis(200));
    }
    sandbox.terraform_sets(bucket, "TagSet=[{Key=Team,Value=x}]");
    let (code, lines) = doctor();
    let found = removed(&lines);
    assert!(code == 1 && found.len() == 1 && found[0].0 == "bad", "{found:?}");
    for words in
        ["PutBucketTagging by alice on arn:aws:s3:::terraform-made-this", "with Terraform", "ignore_tags"]
    {
        assert!(found[0].1.contains(words), "{words}: {found:?}");
    }
    // The same call is in the history of a new bucket that is tagged after it, and there the tag is.
    let both = "TagSet=[{Key=Team,Value=x},{Key=CreatedBy,Value=alice}]";
    sandbox.aws(&["s3api", "put-bucket-tagging", "--bucket", bucket, "--tagging", both]);
    let (code, lines) = doctor();
    let found = removed(&lines);
    assert!(code == 0 && found.len() == 1 && found[0].0 == "ok", "{found:?}");
    // How much was looked at is said.
    let creations = lines.iter().find(|line| line["check"] == "creations").unwrap();
    assert!(creations["lookedAt"]["events"].as_u64().is_some_and(|events| events > 0), "{creations}");
    assert_eq!(creations["verdict"], "ok", "{creations}");
}
