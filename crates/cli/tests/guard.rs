//! `tagger protect --guard` on the sandbox. The emulator does not enforce service control policies, so the printed document is
//! proved as a policy of identities, whose evaluation it does enforce: a person with all permissions is refused, a deployer and
//! the tagger are not.
//!
//! Needs what `tests/sandbox.rs` needs.

mod support;

use serde_json::{Value, json};
use std::{collections::BTreeSet, process::Command};
use support::{Running, said};

const DEPLOYER: &str = "arn:*:iam::*:user/deploy-*";
const ACCOUNT: &str = "111122223333";

/// Calls on a part of the product, by the part; the same on the thing beside it go on.
#[rustfmt::skip]
const PARTS: &[(&str, &str, &[&str])] = &[
    ("arn:aws:lambda:us-east-1:111122223333:function:auto-resource-tagger", "arn:aws:lambda:us-east-1:111122223333:function:orders",
        &["lambda:InvokeFunction", "lambda:InvokeAsync", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration", "lambda:DeleteFunction",
            "lambda:PutFunctionConcurrency", "lambda:AddPermission", "lambda:RemovePermission", "lambda:CreateFunctionUrlConfig",
            "lambda:PutFunctionEventInvokeConfig", "lambda:TagResource"]),
    ("arn:aws:events:us-east-1:111122223333:rule/auto-tag-create-resources-of-mallory", "arn:aws:events:us-east-1:111122223333:rule/nightly",
        &["events:PutRule", "events:PutTargets", "events:DisableRule", "events:DeleteRule", "events:RemoveTargets"]),
    ("arn:aws:events:us-east-1:111122223333:rule/auto-resource-tagger-trail", "arn:aws:events:us-east-1:111122223333:rule/bus/nightly", &["events:DisableRule"]),
    ("arn:aws:iam::111122223333:role/AutoResourceTaggerRole", "arn:aws:iam::111122223333:role/Orders",
        &["iam:PassRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:PutRolePermissionsBoundary"]),
    ("arn:aws:iam::111122223333:policy/AutoResourceTaggerPolicy-2", "arn:aws:iam::111122223333:policy/Orders", &["iam:CreatePolicyVersion", "iam:SetDefaultPolicyVersion"]),
    ("arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-retry", "arn:aws:sqs:us-east-1:111122223333:orders",
        &["sqs:SendMessage", "sqs:ReceiveMessage", "sqs:PurgeQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue", "sqs:AddPermission", "sqs:StartMessageMoveTask"]),
    ("arn:aws:sns:us-east-1:111122223333:auto-resource-tagger-alarms", "arn:aws:sns:us-east-1:111122223333:orders",
        &["sns:SetTopicAttributes", "sns:DeleteTopic", "sns:Publish", "sns:RemovePermission"]),
    ("arn:aws:cloudwatch:us-east-1:111122223333:alarm:auto-resource-tagger-errors", "arn:aws:cloudwatch:us-east-1:111122223333:alarm:orders",
        &["cloudwatch:DeleteAlarms", "cloudwatch:DisableAlarmActions", "cloudwatch:SetAlarmState", "cloudwatch:PutMetricAlarm"]),
    ("arn:aws:cloudtrail:us-east-1:111122223333:trail/auto-resource-tagger", "arn:aws:cloudtrail:us-east-1:111122223333:trail/orders",
        &["cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:UpdateTrail", "cloudtrail:PutEventSelectors"]),
    ("arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/auto-resource-tagger", "arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/orders",
        &["logs:DeleteLogGroup", "logs:DeleteMetricFilter", "logs:PutMetricFilter"]),
    ("arn:aws:cloudformation:us-east-1:111122223333:stack/StackSet-auto-resource-tagger-0f1e/0f1e", "arn:aws:cloudformation:us-east-1:111122223333:stack/orders/0f1e",
        &["cloudformation:DeleteStack", "cloudformation:UpdateStack", "cloudformation:ExecuteChangeSet"]),
    ("arn:aws:s3:::auto-resource-tagger-code-111122223333-us-east-1/0.1.0/bootstrap-arm64.zip", "arn:aws:s3:::orders/bootstrap.zip", &["s3:PutObject", "s3:DeleteObject"]),
    ("arn:aws:s3:::cloudtrail-logs-111122223333-us-east-1", "arn:aws:s3:::cloudtrail-logs-of-orders", &["s3:PutBucketPolicy", "s3:DeleteBucket"]),
    ("arn:aws:iam::111122223333:user/deploy-tagger", "arn:aws:iam::111122223333:user/bob", &["iam:CreateAccessKey", "iam:UpdateLoginProfile", "iam:CreateUser"]),
];
/// What the tagger does on its own parts.
#[rustfmt::skip]
const TAGGERS: &[(&str, &[&str])] = &[
    ("arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-retry", &["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:SendMessage", "sqs:ChangeMessageVisibility"]),
    ("arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-dead-letters", &["sqs:SendMessage"]),
    ("arn:aws:lambda:us-east-1:111122223333:function:auto-resource-tagger-reconcile", &["lambda:TagResource"]),
    ("arn:aws:s3:::auto-resource-tagger-code-111122223333-us-east-1", &["s3:PutBucketTagging"]),
    ("arn:aws:logs:us-east-1:111122223333:log-group:/aws/lambda/auto-resource-tagger:log-stream:x", &["logs:PutLogEvents"]),
];

fn put(cloud: &Running, kind: &str, name: &str, policy: &str, document: &Value) {
    let (verb, option) = (format!("put-{kind}-policy"), format!("--{kind}-name"));
    let document = document.to_string();
    cloud
        .aws("root", &["iam", &verb, &option, name, "--policy-name", policy, "--policy-document", &document]);
}

/// Makes a user who may do everything, and whom the guard holds.
fn user(cloud: &mut Running, name: &str, guard: &Value) {
    cloud.aws("root", &["iam", "create-user", "--user-name", name]);
    let all =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    put(cloud, "user", name, "all", &all);
    put(cloud, "user", name, "guard", guard);
    let key = cloud.aws("root", &["iam", "create-access-key", "--user-name", name]);
    let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
    let own = vec![
        ("AWS_ACCESS_KEY_ID".to_owned(), text("AccessKeyId")),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), text("SecretAccessKey")),
    ];
    cloud.people.insert(name.to_owned(), own);
}

/// A question to IAM's simulation: who, which actions, on what, and a key of the request with its value.
type Case = (String, Vec<String>, String, Option<(&'static str, String)>);

fn case(who: &str, actions: &[&str], resource: &str, context: Option<(&'static str, String)>) -> Case {
    let actions = actions.iter().map(|action| (*action).to_owned()).collect();
    (format!("arn:aws:iam::{ACCOUNT}:{who}"), actions, resource.to_owned(), context)
}

/// What is allowed, and what a statement denies, of each question. One process for all.
fn simulated(cloud: &Running, cases: &[Case]) -> Vec<(BTreeSet<String>, BTreeSet<String>)> {
    let script = "
import botocore.session, json, os, sys
iam = botocore.session.Session().create_client('iam', region_name='us-east-1', endpoint_url=os.environ['AWS_ENDPOINT_URL'])
def ask(who, actions, resource, context):
    entries = [{'ContextKeyName': context[0], 'ContextKeyType': 'string', 'ContextKeyValues': [context[1]]}] if context else []
    asked = iam.simulate_principal_policy(PolicySourceArn=who, ActionNames=actions, ResourceArns=[resource], ContextEntries=entries)
    of = lambda decision: [one['EvalActionName'] for one in asked['EvaluationResults'] if one['EvalDecision'] == decision]
    return of('allowed'), of('explicitDeny')
print(json.dumps([ask(*case) for case in json.load(open(sys.argv[1]))]))
";
    let file = cloud.folder.join("cases.json");
    std::fs::write(&file, json!(cases).to_string()).unwrap();
    let mut command = Command::new(cloud.aws.with_file_name("python"));
    command.env_clear().envs(cloud.shell("root", "us-east-1")).args(["-c", script]).arg(file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn nobody_but_a_deployer_changes_feeds_or_calls_the_tagger() {
    let mut cloud = Running::start();
    let words = cloud.fails("root", 2, &["protect", "--guard"]);
    assert!(words.contains("Name the roles or users that deploy"), "{words}");
    let guard: Value =
        serde_json::from_str(&cloud.runs(&["protect", "--guard", "--deployer", DEPLOYER])).unwrap();
    user(&mut cloud, "mallory", &guard);
    user(&mut cloud, "deploy-tagger", &guard);
    put(&cloud, "role", "AutoResourceTaggerRole", "guard", &guard);

    let mut cases = Vec::new();
    for (part, beside, actions) in PARTS {
        cases.push(case("user/mallory", actions, part, None));
        cases.push(case("user/mallory", actions, beside, None));
        cases.push(case("user/deploy-tagger", actions, part, None));
    }
    let answers = simulated(&cloud, &cases);
    let mut count = 0;
    for ((part, beside, actions), found) in PARTS.iter().zip(answers.chunks(3)) {
        let all: BTreeSet<String> = actions.iter().map(|action| (*action).to_owned()).collect();
        assert_eq!((&found[0].0, &found[0].1), (&BTreeSet::new(), &all), "mallory on {part}");
        assert_eq!(found[1].0, all, "mallory on {beside}, which is not the product's");
        assert_eq!(found[2].0, all, "the deployer on {part}");
        count += all.len();
    }
    // docs/protection.md says so.
    assert_eq!(count, 57, "calls");
    let function = |name: &str| format!("arn:aws:lambda:us-east-1:{ACCOUNT}:function:{name}");
    let own = Some(("lambda:SourceFunctionArn", function("auto-resource-tagger")));
    let cases: Vec<Case> = TAGGERS
        .iter()
        .map(|(part, actions)| case("role/AutoResourceTaggerRole", actions, part, own.clone()))
        .collect();
    for ((part, actions), (allowed, _)) in TAGGERS.iter().zip(simulated(&cloud, &cases)) {
        assert_eq!(allowed.len(), actions.len(), "the tagger on {part}: {allowed:?}");
    }
    let mappings = [
        "lambda:CreateEventSourceMapping",
        "lambda:UpdateEventSourceMapping",
        "lambda:DeleteEventSourceMapping",
    ];
    let names = [("auto-resource-tagger", 3), ("auto-resource-tagger-tag-changes", 3), ("orders", 0)];
    let cases: Vec<Case> = names
        .iter()
        .map(|(name, _)| case("user/mallory", &mappings, "*", Some(("lambda:FunctionArn", function(name)))))
        .collect();
    for ((name, refused), (_, denied)) in names.iter().zip(simulated(&cloud, &cases)) {
        assert_eq!(denied.len(), *refused, "event source mappings of {name}");
    }
    the_reviews_ways_in(&cloud);
}

/// Ways by which somebody made it tag what he liked, or nothing, really called; and the tagger goes on. Those by a rule are in
/// the simulation only: the emulator asks for a rule of the default bus with the bus in its ARN, which AWS has not.
fn the_reviews_ways_in(cloud: &Running) {
    let forged = json!({"detail-type": "AWS API Call via CloudTrail", "source": "aws.iam", "account": ACCOUNT, "detail": {
        "eventSource": "iam.amazonaws.com", "eventName": "CreateRole", "userIdentity": {"type": "IAMUser", "userName": "cfo"}}});
    let forged = forged.to_string();
    let queue = cloud.aws("root", &["sqs", "get-queue-url", "--queue-name", "auto-resource-tagger-retry"]);
    let queue = queue["QueueUrl"].as_str().unwrap();
    let out = cloud.folder.join("out");
    let out = out.to_str().unwrap();
    #[rustfmt::skip]
    let ways: [&[&str]; 5] = [
        &["lambda", "invoke", "--function-name", "auto-resource-tagger", "--payload", &forged, out],
        &["sqs", "send-message", "--queue-url", queue, "--message-body", &forged],
        &["lambda", "update-function-configuration", "--function-name", "auto-resource-tagger", "--environment", "Variables={TAGGER_KEY=Admin}"],
        &["lambda", "put-function-concurrency", "--function-name", "auto-resource-tagger", "--reserved-concurrent-executions", "0"],
        &["iam", "put-role-policy", "--role-name", "AutoResourceTaggerRole", "--policy-name", "x", "--policy-document",
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"*\",\"Resource\":\"*\"}]}"],
    ];
    for words in ways {
        let said = cloud.aws_in("mallory", "us-east-1", words).expect_err(words[1]);
        assert!(said.contains("AccessDenied") || said.contains("not authorized"), "{words:?}: {said}");
    }
    let made = cloud.queue("mallory", "made-by-mallory", &[]);
    cloud.wait_for(&made, "mallory");
}

#[test]
fn the_guard_goes_into_an_organization_beside_the_protection() {
    let cloud = Running::start();
    let root =
        cloud.aws("root", &["organizations", "list-roots"])["Roots"][0]["Id"].as_str().unwrap().to_owned();
    let made = cloud
        .aws("root", &["organizations", "create-organizational-unit", "--parent-id", &root, "--name", "one"]);
    let unit = made["OrganizationalUnit"]["Id"].as_str().unwrap();
    cloud.runs(&["protect", "--attach", unit, "--yes"]);
    let guard = ["protect", "--guard", "--deployer", DEPLOYER];
    let text = cloud.runs(&[&guard[..], &["--attach", unit, "--yes"]].concat());
    assert!(
        text.contains("nobody but the named deployers") && text.contains(&format!("--guard --detach {unit}")),
        "{text}"
    );
    let there = || {
        let found = cloud.aws(
            "root",
            &[
                "organizations",
                "list-policies-for-target",
                "--target-id",
                unit,
                "--filter",
                "SERVICE_CONTROL_POLICY",
            ],
        );
        let found = found["Policies"]
            .as_array()
            .unwrap()
            .iter()
            .map(|policy| policy["Name"].as_str().unwrap().to_owned());
        found.filter(|name| name.starts_with("auto-resource-tagger")).collect::<BTreeSet<_>>()
    };
    let both =
        ["auto-resource-tagger-guard", "auto-resource-tagger-tag-protection"].map(str::to_owned).into();
    assert_eq!(there(), both);
    let text = cloud.runs(&[&guard[..], &["--attach", unit, "--yes"]].concat());
    assert!(text.contains("up to date"), "{text}");
    cloud.runs(&["protect", "--guard", "--detach", unit, "--yes"]);
    assert_eq!(there(), ["auto-resource-tagger-tag-protection".to_owned()].into());
    let page = cloud.runs(&["protect", "--explain", "--key", "CreatedBy", "--deployer", DEPLOYER]);
    for words in ["THE TAG'S PROTECTION", "THE GUARD", DEPLOYER, "external-managed-tags", "stacksets-exec-*"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
}
