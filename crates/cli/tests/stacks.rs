//! End to end: what a stack and an Auto Scaling group make is tagged with who made the stack.
//!
//! The recorder shows what CloudFormation and Auto Scaling call, as on AWS. Not here: a stack with a service role, whose
//! resources wait for two minutes until the event history is asked (`sandbox/clients` runs one with CDK); and an update
//! of such a stack by somebody else, whose resources get the name of the stack's creator today.

mod support;

use serde_json::{Value, json};
use std::{
    fs, thread,
    time::{Duration, Instant},
};
use support::Running;

/// Logical id, type, properties, and the AWS CLI's words that list its tags; `{id}` is what `Ref` gives.
fn resources() -> Vec<(&'static str, &'static str, Value, Vec<&'static str>)> {
    let service = |name: &str| {
        json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"Service": format!("{name}.amazonaws.com")}, "Action": "sts:AssumeRole"}]})
    };
    let open = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "kms:*", "Resource": "*"}]});
    vec![
        ("Queue", "AWS::SQS::Queue", json!({}), vec!["sqs", "list-queue-tags", "--queue-url", "{id}"]),
        (
            "Topic",
            "AWS::SNS::Topic",
            json!({}),
            vec!["sns", "list-tags-for-resource", "--resource-arn", "{id}"],
        ),
        (
            "Role",
            "AWS::IAM::Role",
            json!({"AssumeRolePolicyDocument": service("lambda")}),
            vec!["iam", "list-role-tags", "--role-name", "{id}"],
        ),
        (
            "Table",
            "AWS::DynamoDB::Table",
            json!({"BillingMode": "PAY_PER_REQUEST", "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "k", "AttributeType": "S"}]}),
            vec![
                "dynamodb",
                "list-tags-of-resource",
                "--resource-arn",
                "arn:aws:dynamodb:us-east-1:111122223333:table/{id}",
            ],
        ),
        ("Bucket", "AWS::S3::Bucket", json!({}), vec!["s3api", "get-bucket-tagging", "--bucket", "{id}"]),
        (
            "Key",
            "AWS::KMS::Key",
            json!({"KeyPolicy": open}),
            vec!["kms", "list-resource-tags", "--key-id", "{id}"],
        ),
        (
            "Function",
            "AWS::Lambda::Function",
            json!({"Runtime": "python3.13", "Handler": "index.handler", "Role": {"Fn::GetAtt": ["Role", "Arn"]},
                "Code": {"ZipFile": "def handler(event, context): pass"}}),
            vec!["lambda", "list-tags", "--resource", "arn:aws:lambda:us-east-1:111122223333:function:{id}"],
        ),
        (
            "Group",
            "AWS::Logs::LogGroup",
            json!({}),
            vec![
                "logs",
                "list-tags-for-resource",
                "--resource-arn",
                "arn:aws:logs:us-east-1:111122223333:log-group:{id}",
            ],
        ),
        (
            "Template",
            "AWS::EC2::LaunchTemplate",
            json!({"LaunchTemplateData": {"ImageId": "ami-12345678", "InstanceType": "t3.micro"}}),
            vec!["ec2", "describe-tags", "--filters", "Name=resource-id,Values={id}"],
        ),
        (
            "Scaling",
            "AWS::AutoScaling::AutoScalingGroup",
            json!({"MinSize": "1", "MaxSize": "1", "AvailabilityZones": ["us-east-1a"],
                "LaunchTemplate": {"LaunchTemplateId": {"Ref": "Template"}, "Version": "1"}}),
            vec!["autoscaling", "describe-tags", "--filters", "Name=auto-scaling-group,Values={id}"],
        ),
    ]
}

#[test]
fn what_a_stack_makes_has_its_creator() {
    let cloud = Running::start();
    let all = resources();
    deploy(&cloud, "alice", "create-stack", &all);
    let made = physical(&cloud, all.len());
    for (logical, kind, _, tags) in &all {
        wait_for(&cloud, kind, tags, &made[*logical], "alice");
    }
    // What the group launched, by the service's own role.
    let group = made["Scaling"].as_str().unwrap();
    let words = ["autoscaling", "describe-auto-scaling-groups", "--auto-scaling-group-names", group];
    let instance = &cloud.aws("root", &words)["AutoScalingGroups"][0]["Instances"][0]["InstanceId"];
    let tags = ["ec2", "describe-tags", "--filters", "Name=resource-id,Values={id}"];
    wait_for(&cloud, "AWS::EC2::Instance", &tags, instance, "alice");

    // bob's update makes bob's queue, since there is no service role; alice's keep her name.
    let mut more = all;
    more.push(("Later", "AWS::SQS::Queue", json!({}), vec!["sqs", "list-queue-tags", "--queue-url", "{id}"]));
    deploy(&cloud, "bob", "update-stack", &more);
    let made = physical(&cloud, more.len());
    wait_for(&cloud, "AWS::SQS::Queue", &more.last().unwrap().3, &made["Later"], "bob");
    assert_eq!(creator(&cloud, &more[0].3, &made["Queue"]).as_deref(), Some("alice"));
}

fn deploy(cloud: &Running, who: &str, verb: &str, resources: &[(&str, &str, Value, Vec<&str>)]) {
    let resources = resources.iter().map(|(logical, kind, properties, _)| {
        ((*logical).to_owned(), json!({"Type": kind, "Properties": properties}))
    });
    let file = cloud.folder.join("stack.json");
    fs::write(&file, json!({"Resources": resources.collect::<serde_json::Map<_, _>>()}).to_string()).unwrap();
    let body = format!("file://{}", file.display());
    let words = ["--stack-name", "s", "--capabilities", "CAPABILITY_IAM", "--template-body", &body];
    cloud.aws(who, &["cloudformation", verb].into_iter().chain(words).collect::<Vec<_>>());
}

/// What `Ref` gives for each logical id, once there are so many.
fn physical(cloud: &Running, count: usize) -> Value {
    let started = Instant::now();
    loop {
        let found = cloud.aws("root", &["cloudformation", "describe-stacks", "--stack-name", "s"]);
        let status = found["Stacks"][0]["StackStatus"].as_str().unwrap().to_owned();
        if status.ends_with("_COMPLETE") {
            let found =
                cloud.aws("root", &["cloudformation", "describe-stack-resources", "--stack-name", "s"]);
            let found = found["StackResources"].as_array().unwrap();
            assert_eq!((found.len(), status.contains("ROLLBACK")), (count, false), "{status}: {found:#?}");
            let pair = |one: &Value| {
                (one["LogicalResourceId"].as_str().unwrap().to_owned(), one["PhysicalResourceId"].clone())
            };
            return Value::Object(found.iter().map(pair).collect());
        }
        assert!(started.elapsed() < Duration::from_secs(60), "the stack stays {status}");
        thread::sleep(Duration::from_millis(100));
    }
}

/// The value of CreatedBy, in whichever form the service lists tags.
fn creator(cloud: &Running, tags: &[&str], id: &Value) -> Option<String> {
    let words: Vec<_> = tags.iter().map(|word| word.replace("{id}", id.as_str().unwrap())).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    // A bucket without tags is an error.
    let answer = cloud.aws_in("root", "us-east-1", &words).ok()?;
    let listed = answer.as_object()?.values().find_map(|tags| match tags {
        Value::Object(map) => map.get("CreatedBy").cloned(),
        Value::Array(list) => list.iter().find_map(|tag| {
            let key = tag.get("Key").or_else(|| tag.get("TagKey"))?;
            (key == "CreatedBy").then(|| tag.get("Value").or_else(|| tag.get("TagValue")).cloned())?
        }),
        _ => None,
    });
    listed?.as_str().map(str::to_owned)
}

fn wait_for(cloud: &Running, kind: &str, tags: &[&str], id: &Value, expected: &str) {
    let started = Instant::now();
    loop {
        let found = creator(cloud, tags, id);
        if found.as_deref() == Some(expected) {
            return;
        }
        assert!(
            started.elapsed() < Duration::from_secs(90),
            "{kind} {id}: expected CreatedBy={expected}, found {found:?}"
        );
        thread::sleep(Duration::from_millis(200));
    }
}
