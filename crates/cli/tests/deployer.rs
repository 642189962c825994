//! Who may deploy: a principal with exactly the policy that `tagger deploy --print-policy` prints does all of it under the
//! emulator's IAM, and each action of the policy is one that is called, and that nothing else in it allows.
//!
//! What CloudFormation does in the principal's name the emulator does with permissions of its own. So that policy is held
//! against the calls that were recorded in its name; its form is tested in `commands/deploy/permissions.rs` and
//! `xtask/src/codegen/deployer.rs`.

mod support;

use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{Command, Output},
};
use support::{Running, bootstrap, said};

const NAME: &str = "deployer";
/// Where the emulator asks otherwise than AWS: it holds these two against no stack, and asks for another action where a
/// function's concurrency is read.
const OF_THE_EMULATOR: [&str; 3] =
    ["cloudformation:DeleteChangeSet", "cloudformation:ExecuteChangeSet", "lambda:PutFunctionConcurrency"];
/// Calls that the sandbox does not record: data events, as on AWS, and those to CloudTrail itself. Each is taken away in a
/// real run instead, which then says that it misses it.
const NOT_RECORDED: [&str; 9] = [
    "cloudtrail:DescribeTrails",
    "cloudtrail:GetEventSelectors",
    "cloudtrail:GetTrailStatus",
    "cloudtrail:LookupEvents",
    "logs:FilterLogEvents",
    "s3:DeleteObject",
    "s3:ListBucket",
    "s3:ListBucketVersions",
    "s3:PutObject",
];
/// Actions whose call this test does not come to, and why they are needed all the same.
const NOT_REACHED: [(&str, &str); 6] = [
    ("cloudformation:ContinueUpdateRollback", "only where the way back of a failed update failed too"),
    ("cloudformation:DescribeEvents", "only where CloudFormation's sentence points there"),
    (
        "cloudformation:ListStacks",
        "AWS asks for it with a DescribeStacks without a name; the emulator does not",
    ),
    ("lambda:InvokeFunction", "only `tagger backfill` calls the function: tests/backfill.rs"),
    (
        "s3:DeleteObjectVersion",
        "AWS asks for it where a version is named; the emulator asks for DeleteObject",
    ),
    (
        "s3:GetObject",
        "CloudFormation reads the template with it, and Lambda the zip; the emulator reads by itself",
    ),
];

/// The deployer in a sandbox without the product.
struct Deployer {
    cloud: Running,
    key: (String, String),
    policy: Value,
}

impl Deployer {
    fn start() -> Self {
        let cloud = Running::start();
        cloud.runs(&["destroy", "--yes", "--discard-dead-letters"]);
        let printed = cloud.runs(&["deploy", "--print-policy", "command"]);
        let policy: Value = serde_json::from_str(&printed).unwrap();
        cloud.aws("root", &["iam", "create-user", "--user-name", NAME]);
        let key = cloud.aws("root", &["iam", "create-access-key", "--user-name", NAME]);
        let text = |name: &str| key["AccessKey"][name].as_str().unwrap().to_owned();
        let deployer = Self { key: (text("AccessKeyId"), text("SecretAccessKey")), cloud, policy };
        let more = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": OF_THE_EMULATOR, "Resource": "*" }] });
        deployer.put("emulator", &more);
        deployer.put("command", &deployer.policy);
        deployer
    }

    fn put(&self, name: &str, policy: &Value) {
        let document = policy.to_string();
        let words = [
            "iam",
            "put-user-policy",
            "--user-name",
            NAME,
            "--policy-name",
            name,
            "--policy-document",
            &document,
        ];
        self.cloud.aws("root", &words);
    }

    /// The policy without an action, and without what the emulator is given for it.
    fn without(&self, action: &str) {
        self.put("command", &without(&self.policy, action));
        let rest: Vec<&str> = OF_THE_EMULATOR.into_iter().filter(|one| *one != action).collect();
        self.put("emulator", &json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": rest, "Resource": "*" }] }));
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = self.cloud.tagger("root", words);
        command.env("AWS_ACCESS_KEY_ID", &self.key.0).env("AWS_SECRET_ACCESS_KEY", &self.key.1);
        command.output().unwrap()
    }

    /// Runs it to its good end, with nothing denied.
    fn runs(&self, words: &[&str]) -> String {
        let output = self.run(words);
        let text = said(&output);
        assert!(output.status.success(), "tagger {words:?}: {text}");
        for denied in ["AccessDenied", "not authorized", "the principal needs", " lacks "] {
            assert!(!text.contains(denied), "tagger {words:?} was denied something: {text}");
        }
        text
    }

    fn stack(&self) -> Option<String> {
        let words = ["cloudformation", "describe-stacks", "--stack-name", "auto-resource-tagger"];
        let found = self.cloud.aws_in("root", "us-east-1", &words).ok()?;
        found["Stacks"][0]["StackStatus"].as_str().map(str::to_owned)
    }

    /// The records of the deployer, by himself or by CloudFormation in his name.
    fn records(&self, by_cloudformation: bool) -> Vec<Value> {
        let of = |record: &Value| {
            let who = &record["userIdentity"];
            who["userName"] == NAME
                && (who["invokedBy"] == "cloudformation.amazonaws.com") == by_cloudformation
        };
        let text = fs::read_to_string(self.cloud.folder.join("records.jsonl")).unwrap();
        let records = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        records.filter(of).collect()
    }

    /// Every action that CloudFormation called in the deployer's name.
    fn called_by_cloudformation(&self) -> BTreeSet<String> {
        let records = self.records(true).into_iter();
        records
            .map(|record| {
                action(record["eventSource"].as_str().unwrap(), record["eventName"].as_str().unwrap())
            })
            .collect()
    }

    /// Every action that the deployer's recorded calls needed, and those that were denied.
    fn called(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let own = self.records(false).into_iter().map(|record| {
            let denied = ["Denied", "Unauthorized"]
                .iter()
                .any(|word| record["errorCode"].as_str().unwrap_or_default().contains(word));
            (denied, action(record["eventSource"].as_str().unwrap(), record["eventName"].as_str().unwrap()))
        });
        let (denied, done): (Vec<_>, Vec<_>) = own.partition(|(denied, _)| *denied);
        let names = |list: Vec<(bool, String)>| list.into_iter().map(|(_, action)| action).collect();
        (names(done), names(denied))
    }
}

/// The action that IAM asks for a call, as CloudTrail names it.
fn action(source: &str, name: &str) -> String {
    let service = source.split('.').next().unwrap();
    let service = if service == "monitoring" { "cloudwatch" } else { service };
    // Lambda's names carry the version of its API: GetFunctionConfiguration20150331v2.
    let name = if service == "lambda" {
        name.split(|sign: char| sign.is_ascii_digit()).next().unwrap()
    } else {
        name
    };
    match (service, name) {
        ("s3", "PutPublicAccessBlock" | "PutBucketPublicAccessBlock") => {
            "s3:PutBucketPublicAccessBlock".to_owned()
        }
        _ => format!("{service}:{name}"),
    }
}

fn without(policy: &Value, action: &str) -> Value {
    let mut policy = policy.clone();
    for statement in policy["Statement"].as_array_mut().unwrap() {
        statement["Action"].as_array_mut().unwrap().retain(|one| one != action);
    }
    // A statement without an action is none: IAM refuses it, and the emulator takes it for one that allows all.
    let statements = policy["Statement"].as_array_mut().unwrap();
    statements.retain(|statement| statement["Action"] != json!([]));
    policy
}

/// Each action with a resource that its statement allows.
fn actions(policy: &Value) -> BTreeMap<String, String> {
    let statements = policy["Statement"].as_array().unwrap();
    let pairs = statements.iter().flat_map(|statement| {
        let resource = statement["Resource"][0].as_str().unwrap().replace(":*:", ":111122223333:");
        let resource = resource.replace('*', "x");
        let actions = statement["Action"].as_array().unwrap().iter();
        actions.map(move |action| (action.as_str().unwrap().to_owned(), resource.clone()))
    });
    pairs.collect()
}

/// What IAM's simulation says of each action: with the policy, and with the policy less this action. One process for all.
fn simulated(cloud: &Running, policy: &Value) -> Vec<(String, String, String)> {
    let cases = actions(policy).into_iter().map(|(action, resource)| {
        json!([action, resource, policy.to_string(), without(policy, &action).to_string()])
    });
    let script = "
import botocore.session, json, os, sys
iam = botocore.session.Session().create_client('iam', region_name='us-east-1', endpoint_url=os.environ['AWS_ENDPOINT_URL'])
def ask(action, resource, policy):
    asked = iam.simulate_custom_policy(PolicyInputList=[policy], ActionNames=[action], ResourceArns=[resource])
    return asked['EvaluationResults'][0]['EvalDecision']
print(json.dumps([[action, ask(action, resource, whole), ask(action, resource, less)]
                  for action, resource, whole, less in json.load(open(sys.argv[1]))]))
";
    let file = cloud.folder.join("cases.json");
    fs::write(&file, Value::from_iter(cases).to_string()).unwrap();
    let python = cloud.aws.with_file_name("python");
    let mut command = Command::new(python);
    command.env_clear().envs(cloud.shell("root", "us-east-1")).args(["-c", script]).arg(file);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_documented_policy_is_enough_and_no_more() {
    let deployer = Deployer::start();
    let zip = bootstrap();
    let zip = zip.to_str().unwrap();
    let deploy = |more: &[&'static str]| [&["deploy", "--any-glibc", "--zip", zip], more].concat();

    // A dry run makes change sets where the code bucket is there; nothing of them stays, whatever is missing.
    let bucket = "auto-resource-tagger-code-111122223333-us-east-1";
    deployer.cloud.aws("root", &["s3api", "create-bucket", "--bucket", bucket]);
    let text = deployer.runs(&deploy(&["--dry-run", "--regions", "eu-west-1"]));
    assert!(
        text.contains("Dry run: nothing was changed") && !text.contains("CloudFormation was not asked"),
        "{text}"
    );
    assert_eq!(deployer.stack(), None, "the dry run left a stack");
    for (missing, says) in [
        ("cloudformation:ListChangeSets", "lacks cloudformation:ListChangeSets"),
        ("cloudformation:DeleteStack", "lacks cloudformation:DeleteStack"),
        ("cloudformation:DeleteChangeSet", "lacks cloudformation:DeleteChangeSet"),
        ("cloudformation:CreateChangeSet", "lacks cloudformation:CreateChangeSet"),
        ("s3:ListBucket", "this principal may not look at it"),
        ("s3:PutObject", "the principal needs s3:PutObject"),
        ("ec2:DescribeRegions", "the principal needs ec2:DescribeRegions"),
        ("cloudtrail:DescribeTrails", "the principal needs cloudtrail:DescribeTrails"),
    ] {
        deployer.without(missing);
        let output = deployer.run(&deploy(&["--dry-run"]));
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "without {missing}: {text}");
        assert!(text.contains(says), "without {missing}: expected {says:?}, found {text}");
        assert_eq!(deployer.stack(), None, "without {missing} the dry run left a stack: {text}");
    }
    deployer.without("cloudtrail:LookupEvents");
    let output = deployer.run(&deploy(&["--dry-run"]));
    let text = said(&output);
    assert!(
        output.status.success() && text.contains("the principal needs cloudtrail:LookupEvents"),
        "{text}"
    );
    // Who may plan and not carry out is told by the plan.
    deployer.without("cloudformation:ExecuteChangeSet");
    let output = deployer.run(&deploy(&["--dry-run"]));
    assert!(
        output.status.success() && said(&output).contains("lacks cloudformation:ExecuteChangeSet"),
        "{}",
        said(&output)
    );
    let output = deployer.run(&deploy(&["--yes"]));
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert_eq!(deployer.stack(), None, "{}", said(&output));

    // The whole life of it.
    deployer.without("nothing");
    deployer.cloud.aws("root", &["s3", "rb", "--force", &format!("s3://{bucket}")]);
    deployer.runs(&deploy(&["--yes", "--regions", "eu-west-1"]));
    deployer.runs(&deploy(&["--yes", "--set", "LogRetentionDays=90"]));
    deployer.runs(&["status"]);
    deployer.runs(&["doctor", "--access"]);
    deployer.runs(&["doctor", "--canary"]);
    for (missing, check) in
        [("cloudtrail:GetTrailStatus", "trail-logging"), ("cloudtrail:GetEventSelectors", "trail-selectors")]
    {
        deployer.without(missing);
        let text = said(&deployer.run(&["doctor", "--json"]));
        let checks = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let verdict = checks.filter(|one| one["check"] == check).map(|one| one["verdict"].clone()).next();
        assert_eq!(verdict, Some("unknown".into()), "without {missing}: {text}");
    }
    deployer.without("logs:FilterLogEvents");
    let text = said(&deployer.run(&["status"]));
    assert!(text.contains("logs:FilterLogEvents"), "{text}");
    deployer.without("nothing");
    deployer.runs(&["destroy", "--dry-run"]);
    for missing in ["s3:ListBucketVersions", "s3:DeleteObject", "nothing"] {
        deployer.without(missing);
        let output = deployer.run(&["destroy", "--yes", "--discard-dead-letters"]);
        let text = said(&output);
        assert_eq!(output.status.success(), missing == "nothing", "without {missing}: {text}");
        assert!(missing == "nothing" || text.contains(missing), "without {missing}: {text}");
    }
    assert_eq!(deployer.stack(), None);

    // Nothing was denied but what was taken away. (What is asked of IAM's simulation is not called at all.)
    let (called, denied) = deployer.called();
    let taken = ["ec2:DescribeRegions".to_owned()];
    assert_eq!(
        denied.difference(&taken.into()).collect::<Vec<_>>(),
        Vec::<&String>::new(),
        "these were denied as well"
    );

    // What CloudFormation called in the deployer's name is in its policy.
    let printed = deployer.cloud.runs(&["deploy", "--print-policy", "cloudformation"]);
    let allowed = actions(&serde_json::from_str(&printed).unwrap());
    let called_for_it = deployer.called_by_cloudformation();
    assert!(called_for_it.len() > 10, "CloudFormation's calls were not recorded: {called_for_it:#?}");
    let missing: Vec<&String> =
        called_for_it.iter().filter(|action| !allowed.contains_key(*action)).collect();
    assert_eq!(
        missing,
        Vec::<&String>::new(),
        "CloudFormation calls these in the deployer's name; add them to templates/deployer.toml"
    );

    // Each action is called, or it is said why not.
    let unreached: BTreeSet<&str> =
        NOT_REACHED.iter().map(|(action, _)| *action).chain(NOT_RECORDED).collect();
    for action in actions(&deployer.policy).keys() {
        assert!(
            called.contains(action) || unreached.contains(action.as_str()),
            "{action} is in the policy and was never called; take it out of templates/deployer.toml, or say above why it is \
             needed. Called were {called:#?}"
        );
    }
    let reached: Vec<&&str> = unreached.iter().filter(|action| called.contains(**action)).collect();
    assert_eq!(reached, Vec::<&&str>::new(), "these are called: take them out of the lists above");
    let known = actions(&deployer.policy);
    let own = |action: &&str| !known.contains_key(*action);
    assert_eq!(
        unreached.iter().copied().filter(own).collect::<Vec<_>>(),
        Vec::<&str>::new(),
        "the lists above are out of date"
    );

    // Each action taken away is denied: no other statement allows it.
    for (action, whole, less) in simulated(&deployer.cloud, &deployer.policy) {
        assert_eq!((whole.as_str(), less.as_str()), ("allowed", "implicitDeny"), "{action}");
    }
}
