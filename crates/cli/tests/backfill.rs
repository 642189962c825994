//! `tagger backfill --history`, end to end: what five people created before the product was there is tagged with their
//! names by the event history, once; what has the key keeps it, and a kill loses nothing.

mod support;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::Path, process::Command, thread, time::Duration};
use support::{Running, bootstrap, said};

/// Creates, by each person's keys, a resource of each type, and lists their tags: `[person, type, {key: value}]`.
const SCRIPT: &str = r#"
import botocore.session, json, os, sys

people, work = json.load(open(sys.argv[1])), sys.argv[2]
KEYS = dict(AWS_ACCESS_KEY_ID="aws_access_key_id", AWS_SECRET_ACCESS_KEY="aws_secret_access_key", AWS_SESSION_TOKEN="aws_session_token")

def clients(environment):
    session = botocore.session.Session()
    keys = {KEYS[name]: value for name, value in environment if name in KEYS}
    return lambda service: session.create_client(service, region_name="us-east-1", endpoint_url=os.environ["AWS_ENDPOINT_URL"], **keys)

def pairs(tags, key="Key", value="Value"):
    return {tag[key]: tag[value] for tag in tags or []}

account = "111122223333"
arn = lambda service, rest: f"arn:aws:{service}:us-east-1:{account}:{rest}"
trust = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}]})
# Type, how it is created, how its tags are read; both get the client maker and a name.
TYPES = [
    ("queue", lambda c, n: c("sqs").create_queue(QueueName=n)["QueueUrl"], lambda c, i: c("sqs").list_queue_tags(QueueUrl=i).get("Tags", {})),
    ("topic", lambda c, n: c("sns").create_topic(Name=n)["TopicArn"], lambda c, i: pairs(c("sns").list_tags_for_resource(ResourceArn=i)["Tags"])),
    ("table", lambda c, n: c("dynamodb").create_table(TableName=n, BillingMode="PAY_PER_REQUEST", KeySchema=[dict(AttributeName="k", KeyType="HASH")],
        AttributeDefinitions=[dict(AttributeName="k", AttributeType="S")])["TableDescription"]["TableArn"], lambda c, i: pairs(c("dynamodb").list_tags_of_resource(ResourceArn=i)["Tags"])),
    ("bucket", lambda c, n: (c("s3").create_bucket(Bucket=n), n)[1], lambda c, i: pairs(c("s3").get_bucket_tagging(Bucket=i)["TagSet"])),
    ("group", lambda c, n: (c("logs").create_log_group(logGroupName=n), arn("logs", f"log-group:{n}"))[1], lambda c, i: c("logs").list_tags_for_resource(resourceArn=i)["tags"]),
    ("key", lambda c, n: c("kms").create_key(Description=n)["KeyMetadata"]["KeyId"], lambda c, i: pairs(c("kms").list_resource_tags(KeyId=i)["Tags"], "TagKey", "TagValue")),
    ("secret", lambda c, n: c("secretsmanager").create_secret(Name=n, SecretString="x")["ARN"], lambda c, i: pairs(c("secretsmanager").describe_secret(SecretId=i).get("Tags"))),
    ("role", lambda c, n: c("iam").create_role(RoleName=n, AssumeRolePolicyDocument=trust)["Role"]["RoleName"], lambda c, i: pairs(c("iam").list_role_tags(RoleName=i)["Tags"])),
    ("volume", lambda c, n: c("ec2").create_volume(AvailabilityZone="us-east-1a", Size=1)["VolumeId"],
        lambda c, i: pairs(c("ec2").describe_tags(Filters=[dict(Name="resource-id", Values=[i])])["Tags"])),
    ("repository", lambda c, n: c("ecr").create_repository(repositoryName=n)["repository"]["repositoryArn"], lambda c, i: pairs(c("ecr").list_tags_for_resource(resourceArn=i)["tags"])),
]

def tags(read, client, made):
    try:
        return read(client, made)
    except Exception as error:
        return {"error": str(error)}

if work == "create":
    made = []
    for number, (person, environment) in enumerate(sorted(people.items())):
        client = clients(environment)
        made += [[person, kind, create(client, f"past-{kind}-{number}")] for kind, create, _ in TYPES]
    alice, bob = clients(people["alice"]), clients(people["bob"])
    # Made by one, deleted, and made again by another; deleted for good; and one that says itself who made it.
    sns = "again"
    alice("sns").create_topic(Name=sns)
    alice("sns").delete_topic(TopicArn=arn("sns", sns))
    made.append(["bob", "topic", bob("sns").create_topic(Name=sns)["TopicArn"]])
    gone = alice("sqs").create_queue(QueueName="gone")["QueueUrl"]
    alice("sqs").delete_queue(QueueUrl=gone)
    made.append(["kept", "topic", alice("sns").create_topic(Name="kept", Tags=[dict(Key="CreatedBy", Value="kept")])["TopicArn"]])
    print(json.dumps(made))
else:
    root = clients(people["root"])
    read = {kind: read for kind, _, read in TYPES}
    print(json.dumps([[person, kind, tags(read[kind], root, made)] for person, kind, made in json.load(open(work))]))
"#;

/// Runs the script in the sandbox's Python, which has botocore.
fn script(cloud: &Running, people: &Path, work: &str) -> Value {
    let mut command = Command::new(cloud.aws.with_file_name("python"));
    command.env_clear().envs(cloud.shell("root", "us-east-1")).arg("-c").arg(SCRIPT).arg(people).arg(work);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Resources by who is in their key; `none` has none.
fn creators(found: &Value) -> Vec<(String, String, String)> {
    let rows = found.as_array().unwrap().iter().map(|row| {
        let value = row[2]["CreatedBy"].as_str().map_or_else(|| format!("none: {}", row[2]), str::to_owned);
        (row[0].as_str().unwrap().to_owned(), row[1].as_str().unwrap().to_owned(), value)
    });
    rows.collect()
}

#[test]
fn what_was_there_before_is_tagged_by_the_event_history() {
    let cloud = Running::start();
    cloud.runs(&["destroy", "--yes", "--discard-dead-letters"]);
    let people: BTreeMap<&String, Vec<(String, String)>> =
        cloud.people.keys().map(|name| (name, cloud.shell(name, "us-east-1"))).collect();
    let file = cloud.folder.join("people.json");
    fs::write(&file, json!(people).to_string()).unwrap();
    let refused = cloud.fails("root", 1, &["backfill", "--history"]);
    assert!(refused.contains("`tagger deploy` first"), "{refused}");

    let made = script(&cloud, &file, "create");
    let made_file = cloud.folder.join("made.json");
    fs::write(&made_file, made.to_string()).unwrap();
    let tags = || creators(&script(&cloud, &file, made_file.to_str().unwrap()));
    let zip = bootstrap();
    cloud.runs(&["deploy", "--any-glibc", "--yes", "--zip", zip.to_str().unwrap()]);
    let untagged =
        |rows: &[(String, String, String)]| rows.iter().filter(|row| row.2.starts_with("none")).count();
    let all = made.as_array().unwrap().len();

    // Looking changes nothing, and says whose they are.
    let looked = cloud.runs(&["backfill", "--history", "--late", "0", "--since", "20m"]);
    for words in ["nothing is written", "lack it or are gone", "alice", "AWS::SQS::Queue"] {
        assert!(looked.contains(words), "expected {words:?}, found {looked}");
    }
    assert_eq!(
        untagged(&tags()),
        all - 1,
        "the product was not there, and a dry run writes nothing: {looked}"
    );

    // Killed under way, the next goes on.
    let words = ["backfill", "--history", "--late", "0", "--since", "20m", "--apply", "--yes"];
    let mut child = cloud.tagger("root", &words).spawn().unwrap();
    thread::sleep(Duration::from_secs(2));
    let _ = kill_process(Pid::from_raw(child.id() as i32).unwrap(), Signal::KILL);
    child.wait().unwrap();
    let applied = cloud.runs(&words);
    assert!(applied.contains("tagged now"), "{applied}");
    for (person, kind, creator) in tags() {
        assert_eq!(creator, person, "the {kind} of {person}; {applied}");
    }

    // Once more finds nothing to do.
    let again = cloud.runs(&[&words[..], &["--json"]].concat());
    let end: Value = serde_json::from_str(again.lines().last().unwrap()).unwrap();
    assert_eq!((&end["missed"], &end["givenUp"]), (&json!(0), &json!(0)), "{again}");
    let status = cloud.runs(&["status"]);
    assert!(status.contains("reconciled") && !status.contains("under way"), "{status}");
}
