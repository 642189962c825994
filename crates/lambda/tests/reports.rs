//! The real program about what people reported (one table and its fakes, so one file of more than 500 lines): a stack that somebody else changed, a product of Service Catalog, a
//! cluster's instances, interfaces that services make, spot instances, a restored database, and names that somebody
//! would like to borrow. Each stands for its kind.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use support::{Aws, Run, detail, event};
use tagger_aws::time;

const QUEUES: &[(&str, &str)] = &[
    ("RETRY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry"),
    (
        "DEAD_LETTER_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters",
    ),
];
const STACK: &str =
    "arn:aws:cloudformation:us-east-1:111122223333:stack/AppStack/aaaaaaaa-1111-2222-3333-444444444444";
const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents ";
const UUID: &str = "11111111-2222-3333-4444-555555555555";
const DAY: u64 = 24 * 60 * 60;
/// How long ago the calls are that the tests are about.
const AGE: u64 = 300;

fn ago(seconds: u64) -> String {
    time::format(SystemTime::now() - Duration::from_secs(seconds))
}

/// A session of a role, in which this service works; none where nothing says so.
fn session(role: &str, name: &str, service: Option<&str>) -> Value {
    let mut user = json!({
        "type": "AssumedRole", "principalId": format!("AROAEXAMPLEEXAMPLE001:{name}"), "accountId": "111122223333",
        "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/{name}"),
        "sessionContext": { "sessionIssuer": { "type": "Role", "arn": format!("arn:aws:iam::111122223333:role/{role}"), "userName": role } },
    });
    if let Some(service) = service {
        user["invokedBy"] = format!("{service}.amazonaws.com").into();
    }
    user
}

/// A service-linked role.
fn linked(service: &str, role: &str, name: &str) -> Value {
    let mut user = session(role, name, Some(service));
    let arn = format!("arn:aws:iam::111122223333:role/aws-service-role/{service}.amazonaws.com/{role}");
    user["sessionContext"]["sessionIssuer"]["arn"] = arn.into();
    user
}

fn by_stack() -> Value {
    session("cdk-cfn-exec-role", "AWSCloudFormation", Some("cloudformation"))
}

fn call(service: &str, name: &str, user: Value, request: Value, answer: Value) -> Value {
    event(detail(
        "111122223333",
        json!({
            "eventTime": ago(AGE), "eventSource": format!("{service}.amazonaws.com"), "eventName": name,
            "userIdentity": user, "requestParameters": request, "responseElements": answer,
        }),
    ))
}

/// Instances that a call starts.
fn instances(user: Value, tags: Value, more: Value) -> Value {
    let mut item = json!({ "instanceId": "i-1", "tagSet": {}, "networkInterfaceSet": { "items": [{ "networkInterfaceId": "eni-1" }] },
        "blockDeviceMapping": { "items": [{ "ebs": { "volumeId": "vol-1" } }] } });
    item.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let request =
        json!({ "tagSpecificationSet": { "items": [{ "resourceType": "instance", "tags": tags }] } });
    call("ec2", "RunInstances", user, request, json!({ "instancesSet": { "items": [item] } }))
}

fn interface(user: Value, description: &str) -> Value {
    let answer = json!({ "networkInterface": { "networkInterfaceId": "eni-1", "description": description } });
    call("ec2", "CreateNetworkInterface", user, json!({ "description": description }), answer)
}

/// A past call of the event history.
fn past(service: &str, name: &str, seconds: u64, user: Value, request: Value, answer: Value) -> Value {
    let record = json!({
        "eventID": format!("{name} {seconds}"), "eventTime": ago(seconds), "eventSource": format!("{service}.amazonaws.com"),
        "eventName": name, "awsRegion": "us-east-1", "recipientAccountId": "111122223333", "userIdentity": user,
        "requestParameters": request, "responseElements": answer,
    });
    json!({ "CloudTrailEvent": record.to_string() })
}

fn cdk(name: &str, key: &str) -> Value {
    let mut user = session("cdk-deploy-role", name, None);
    user["accessKeyId"] = key.into();
    user
}

fn change_set(seconds: u64, user: Value) -> Value {
    let id = format!("arn:aws:cloudformation:us-east-1:111122223333:changeSet/cdk-deploy/{seconds}");
    let request = json!({ "stackName": "AppStack", "changeSetName": "cdk-deploy" });
    past("cloudformation", "CreateChangeSet", seconds, user, request, json!({ "id": id, "stackId": STACK }))
}

/// The AWS of the tests: parents have alice's tag, the stack has none, and its history is that of the first report.
fn aws(asked: &str) -> (u16, String) {
    let events = |events: Vec<Value>| (200, json!({ "Events": events }).to_string());
    let tag = |name: &str| format!("<{name}><Key>CreatedBy</Key><Value>alice</Value></{name}>");
    if let Some(body) = asked.strip_prefix(LOOKUP) {
        return events(match body {
            // Alice made it ten days ago, and bob changed it forty seconds before.
            _ if body.contains(STACK) => vec![
                change_set(AGE + 40, cdk("aws-cdk-bob", "ASIABOB")),
                change_set(10 * DAY, cdk("aws-cdk-alice", "ASIAALICE")),
            ],
            _ if body.contains("RunTask") => {
                let answer = json!({ "tasks": [{ "attachments": [{ "id": UUID, "type": "ElasticNetworkInterface" }] }] });
                let carol = json!({ "type": "IAMUser", "userName": "carol", "arn": "arn:aws:iam::111122223333:user/carol" });
                vec![past("ecs", "RunTask", AGE + 5, carol, json!({}), answer)]
            }
            _ => vec![],
        });
    }
    let body = match asked {
        _ if asked.contains("Action=DescribeStacks") => format!(
            "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackId>{STACK}</StackId><StackName>AppStack</StackName>\
             <CreationTime>{}</CreationTime><LastUpdatedTime>{}</LastUpdatedTime></member></Stacks></DescribeStacksResult></DescribeStacksResponse>",
            ago(10 * DAY),
            ago(AGE + 30),
        ),
        _ if asked.contains("ElasticMapReduce.DescribeCluster") => {
            json!({ "Cluster": { "Id": "j-1", "Tags": [{ "Key": "CreatedBy", "Value": "alice" }] } })
                .to_string()
        }
        _ if asked.contains("DynamoDB_20120810.ListTagsOfResource") => {
            json!({ "Tags": [{ "Key": "aws:cloudformation:stack-id", "Value": STACK }] }).to_string()
        }
        _ if asked.starts_with("/2017-03-31/tags/") => {
            json!({ "Tags": { "CreatedBy": "alice" } }).to_string()
        }
        _ if asked.contains("Action=DescribeTags") && asked.contains("loadbalancer") => format!(
            "<DescribeTagsResponse><DescribeTagsResult><TagDescriptions><member><ResourceArn>x</ResourceArn><Tags>{}</Tags></member>\
             </TagDescriptions></DescribeTagsResult></DescribeTagsResponse>",
            tag("member"),
        ),
        _ if asked.contains("Action=DescribeTags") && asked.contains("sir-1") => {
            let one = "<item><resourceId>sir-1</resourceId><key>CreatedBy</key><value>alice</value></item>";
            format!("<DescribeTagsResponse><tagSet>{one}</tagSet></DescribeTagsResponse>")
        }
        _ if asked.contains("Action=DescribeTags") => {
            "<DescribeTagsResponse><tagSet/></DescribeTagsResponse>".to_owned()
        }
        _ if asked.contains("Action=ListTagsForResource") => format!(
            "<ListTagsForResourceResponse><ListTagsForResourceResult><TagList>{}</TagList></ListTagsForResourceResult>\
             </ListTagsForResourceResponse>",
            tag("Tag"),
        ),
        _ if asked.contains("Action=DescribeDBInstances") => format!(
            "<DescribeDBInstancesResponse><DescribeDBInstancesResult><DBInstances><DBInstance><DBInstanceIdentifier>db</DBInstanceIdentifier>\
             <DBInstanceArn>arn:aws:rds:us-east-1:111122223333:db:db</DBInstanceArn><DbiResourceId>db-ABC</DbiResourceId>\
             <InstanceCreateTime>{}</InstanceCreateTime></DBInstance></DBInstances></DescribeDBInstancesResult></DescribeDBInstancesResponse>",
            ago(AGE),
        ),
        _ if asked.contains("Action=AddTagsToResource") => "<AddTagsToResourceResponse/>".to_owned(),
        _ if asked.contains("Action=CreateTags") => {
            "<CreateTagsResponse><return>true</return></CreateTagsResponse>".to_owned()
        }
        _ => "{}".to_owned(),
    };
    (200, body)
}

/// The same, and the history shows who took bob's session, and another of that name.
fn aws_with_sessions(asked: &str) -> (u16, String) {
    let is_session = asked.starts_with(LOOKUP) && asked.contains("assumed-role/cdk-deploy-role/aws-cdk-bob");
    if !is_session {
        return aws(asked);
    }
    let took = |name: &str, key: &str| {
        let user = session("AWSReservedSSO_Dev_0123456789abcdef", name, None);
        let request = json!({ "roleArn": "arn:aws:iam::111122223333:role/cdk-deploy-role", "roleSessionName": "aws-cdk-bob" });
        past("sts", "AssumeRole", AGE + 50, user, request, json!({ "credentials": { "accessKeyId": key } }))
    };
    let events = vec![took("robert@example.com", "ASIAOTHER"), took("bob@example.com", "ASIABOB")];
    (200, json!({ "Events": events }).to_string())
}

/// The calls of a history about the stack, besides which everything is as in `aws`.
fn with_history(asked: &str, calls: Vec<Value>) -> (u16, String) {
    match asked.strip_prefix(LOOKUP) {
        Some(body) if body.contains(STACK) => (200, json!({ "Events": calls }).to_string()),
        _ => aws(asked),
    }
}

fn person(name: &str) -> Value {
    json!({ "type": "IAMUser", "userName": name, "arn": format!("arn:aws:iam::111122223333:user/{name}") })
}

/// Bob's draft, and carol who carried it out, by the change set's ARN alone.
fn carried_out(asked: &str) -> (u16, String) {
    let id = format!("arn:aws:cloudformation:us-east-1:111122223333:changeSet/cdk-deploy/{}", AGE + 40);
    if asked.starts_with(LOOKUP) && asked.contains(&id) {
        let request = json!({ "changeSetName": id });
        let call =
            past("cloudformation", "ExecuteChangeSet", AGE + 31, person("carol"), request, Value::Null);
        return (200, json!({ "Events": [call] }).to_string());
    }
    with_history(asked, vec![change_set(AGE + 40, person("bob"))])
}

/// Alice's change, then a draft that nobody carried out, and two that failed or came later.
fn not_carried_out(asked: &str) -> (u16, String) {
    let request = || json!({ "stackName": "AppStack" });
    let answer = || json!({ "stackId": STACK });
    let update =
        |seconds, user| past("cloudformation", "UpdateStack", seconds, person(user), request(), answer());
    let mut failed: Value =
        serde_json::from_str(update(AGE + 5, "mallory")["CloudTrailEvent"].as_str().unwrap()).unwrap();
    failed["errorCode"] = "AccessDenied".into();
    failed["responseElements"] = Value::Null;
    let failed = json!({ "CloudTrailEvent": failed.to_string() });
    let draft = change_set(AGE + 20, person("bob"));
    with_history(asked, vec![update(AGE - 60, "dave"), failed, draft, update(AGE + 31, "alice")])
}

/// A stack of a stack set of this account, which alice changed.
fn of_a_stack_set(asked: &str) -> (u16, String) {
    let execution = || {
        let mut user = session("AWSCloudFormationStackSetExecutionRole", UUID, Some("cloudformation"));
        user["accessKeyId"] = "ASIASET".into();
        user
    };
    let answer = |calls: Vec<Value>| (200, json!({ "Events": calls }).to_string());
    match asked.strip_prefix(LOOKUP) {
        Some(body) if body.contains("assumed-role/AWSCloudFormationStackSetExecutionRole") => {
            let user = session("AWSCloudFormationStackSetAdministrationRole", "x", Some("cloudformation"));
            let given = json!({ "credentials": { "accessKeyId": "ASIASET" } });
            answer(vec![past("sts", "AssumeRole", AGE + 35, user, json!({}), given)])
        }
        Some(body) if body.contains("UpdateStackSet") => {
            let request = json!({ "stackSetName": "base" });
            answer(vec![past(
                "cloudformation",
                "UpdateStackSet",
                AGE + 60,
                person("alice"),
                request,
                json!({}),
            )])
        }
        Some(body) if body.contains("StackSet-base") => {
            let request = json!({ "stackName": format!("StackSet-base-{UUID}") });
            answer(vec![past("cloudformation", "UpdateStack", AGE + 30, execution(), request, Value::Null)])
        }
        _ => aws(&asked.replace("StackSet-base", "AppStack")),
    }
}

/// Two people restored from the recovery point; or one.
fn restored(asked: &str, people: &[&str]) -> (u16, String) {
    match asked.strip_prefix(LOOKUP) {
        Some(body) if body.contains("StartRestoreJob") => {
            let request = json!({ "recoveryPointArn": "arn:aws:ec2:us-east-1::snapshot/snap-1" });
            let call = |(at, name): (usize, &&str)| {
                past(
                    "backup",
                    "StartRestoreJob",
                    AGE + 60 + at as u64,
                    person(name),
                    request.clone(),
                    json!({}),
                )
            };
            (200, json!({ "Events": people.iter().enumerate().map(call).collect::<Vec<_>>() }).to_string())
        }
        _ => aws(asked),
    }
}

#[test]
fn whoever_carried_the_last_change_out() {
    let tags = json!([{ "key": "aws:cloudformation:stack-id", "value": STACK }]);
    let group = |stack: &str| {
        let mut tags = tags.clone();
        tags[0]["value"] = stack.into();
        let request = json!({ "tagSpecificationSet": { "items": [{ "resourceType": "security-group", "tags": tags }] } });
        call("ec2", "CreateSecurityGroup", by_stack(), request, json!({ "groupId": "sg-1" }))
    };
    let set = STACK.replace("AppStack", &format!("StackSet-base-{UUID}"));
    let backup = || session("r", "AWSBackup-r", Some("backup"));
    let volume = || {
        call(
            "ec2",
            "CreateVolume",
            backup(),
            json!({ "snapshotId": "snap-1" }),
            json!({ "volumeId": "vol-1" }),
        )
    };
    let mut one_restored: Value = volume();
    one_restored["detail"]["eventID"] = "e-2".into();
    for (what, event, aws, expected) in [
        ("a draft that somebody else carried out", group(STACK), carried_out as Aws, "carol"),
        ("a draft that nobody did", group(STACK), not_carried_out, "alice"),
        ("a stack set of the account", group(&set), of_a_stack_set, "alice"),
        ("a restore by one person", one_restored, |asked| restored(asked, &["bob", "bob"]), "bob"),
        ("a restore by one of two", volume(), |asked| restored(asked, &["bob", "alice"]), "AWSBackup-r"),
    ] {
        let run = support::run(vec![event], aws, QUEUES);
        let written = written(&run);
        let right = written.iter().all(|write| write.contains(&format!("Tag.1.Value={expected}")));
        assert!(
            !written.is_empty() && right,
            "{what}: expected {expected}: {written:?} {} {:?}",
            run.log,
            run.asked
        );
    }
}

/// CloudFormation tags a bucket after it made it: that is waited for, and its stack has the last word.
#[test]
fn a_buckets_own_tags_are_waited_for() {
    fn bucket(tagged: bool, asked: &str) -> (u16, String) {
        match asked {
            _ if asked.contains("<TagResourceRequest") => (204, String::new()),
            _ if asked.starts_with("/?max-buckets") => {
                let made = ago(AGE);
                let one = format!("<Bucket><Name>b</Name><CreationDate>{made}</CreationDate></Bucket>");
                (200, format!("<ListAllMyBucketsResult><Buckets>{one}</Buckets></ListAllMyBucketsResult>"))
            }
            _ if asked.contains("/v20180820/tags/") && tagged => {
                let tag = format!("<Tag><Key>aws:cloudformation:stack-id</Key><Value>{STACK}</Value></Tag>");
                (200, format!("<ListTagsForResourceResult><Tags>{tag}</Tags></ListTagsForResourceResult>"))
            }
            _ if asked.contains("/v20180820/tags/") => {
                (200, "<ListTagsForResourceResult><Tags/></ListTagsForResourceResult>".to_owned())
            }
            _ => aws(asked),
        }
    }
    for (what, age, aws, tagged, waiting) in [
        ("not tagged yet", AGE, (|asked| bucket(false, asked)) as Aws, 0, 1),
        ("never tagged", 700, |asked| bucket(false, asked), 1, 0),
        ("tagged", AGE, |asked| bucket(true, asked), 1, 0),
    ] {
        let mut event = call("s3", "CreateBucket", by_stack(), json!({ "bucketName": "b" }), Value::Null);
        event["detail"]["eventTime"] = ago(age).into();
        let run = support::run(vec![event], aws, QUEUES);
        let answer = &run.answers[0].1;
        let found = (&answer["tagged"], &answer["waiting"]);
        assert_eq!(found, (&json!(tagged), &json!(waiting)), "{what}: {} {:?}", run.log, run.asked);
    }
}

/// What was written as the creator's tag, of each call that writes.
fn written(run: &Run) -> Vec<&str> {
    let is_write = |asked: &&String| {
        ["Action=CreateTags", "Action=AddTagsToResource", "TagResource", "AddTags ", "TagQueue"]
            .iter()
            .any(|name| asked.contains(name))
            && !asked.contains("ListTags")
    };
    run.asked.iter().filter(is_write).map(String::as_str).collect()
}

#[test]
fn each_report_has_the_right_name() {
    let stack_tag = json!([{ "key": "aws:cloudformation:stack-id", "value": STACK }]);
    let group = |tags: &Value| {
        let request = json!({ "groupName": "New", "tagSpecificationSet": { "items": [{ "resourceType": "security-group", "tags": tags }] } });
        call("ec2", "CreateSecurityGroup", by_stack(), request, json!({ "groupId": "sg-1" }))
    };
    let product = json!([
        { "key": "aws:servicecatalog:provisioningPrincipalArn", "value": "arn:aws:sts::111122223333:assumed-role/Dev/tester@example.com" },
        { "key": "aws:cloudformation:stack-id", "value": STACK },
    ]);
    let cluster = json!([{ "key": "aws:elasticmapreduce:job-flow-id", "value": "j-1" }]);
    let table =
        json!({ "tableDescription": { "tableArn": "arn:aws:dynamodb:us-east-1:111122223333:table/T1" } });
    let (stacks, emr, catalog) = ("cloudformation", "elasticmapreduce", "LaunchRole");
    let restored =
        json!({ "dBInstanceIdentifier": "db", "dBInstanceArn": "arn:aws:rds:us-east-1:111122223333:db:db" });
    let bob = || json!({ "type": "IAMUser", "userName": "bob", "arn": "arn:aws:iam::111122223333:user/bob" });
    let restore =
        |request: Value| call("rds", "RestoreDBInstanceFromDBSnapshot", bob(), request, restored.clone());
    let elb =
        || linked("elasticloadbalancing", "AWSServiceRoleForElasticLoadBalancing", "ElasticLoadBalancing");
    let lambda = || session("fn-role", "awslambda_719_20191127045323021", Some("lambda"));
    let ecs = || linked("ecs", "AWSServiceRoleForECS", "ECSNetworkInterfaceRequester");
    let spot = || linked("spot", "AWSServiceRoleForEC2Spot", "SpotService");
    for (what, event, aws, expected) in [
        ("a stack that bob changed", group(&stack_tag), aws as Aws, "aws-cdk-bob"),
        (
            "and the history shows who took his session",
            group(&stack_tag),
            aws_with_sessions,
            "bob@example.com",
        ),
        (
            "Service Catalog",
            instances(session(catalog, "servicecatalog", Some(stacks)), product, json!({})),
            aws,
            "tester@example.com",
        ),
        (
            "EMR",
            instances(session("EMR_DefaultRole", "CCSSession", Some(emr)), cluster, json!({})),
            aws,
            "alice",
        ),
        ("a load balancer's interface", interface(elb(), "ELB app/web/50dc6c495c0c9188"), aws, "alice"),
        (
            "a function's",
            interface(lambda(), &format!("AWS Lambda VPC ENI-my-function-{UUID}")),
            aws,
            "alice",
        ),
        (
            "a task's",
            interface(ecs(), &format!("arn:aws:ecs:us-east-1:111122223333:attachment/{UUID}")),
            aws,
            "carol",
        ),
        (
            "no tags in the record",
            call("dynamodb", "CreateTable", by_stack(), json!({ "tableName": "T1" }), table),
            aws,
            "aws-cdk-bob",
        ),
        ("a restore", restore(json!({ "dBInstanceIdentifier": "db" })), aws, "bob"),
        (
            "a spot instance",
            instances(spot(), json!([]), json!({ "spotInstanceRequestId": "sir-1" })),
            aws,
            "alice",
        ),
    ] {
        let run = support::run(vec![event], aws, QUEUES);
        let written = written(&run);
        let right = written.iter().all(|write| write.replace("%40", "@").contains(expected));
        assert!(
            !written.is_empty() && right,
            "{what}: expected {expected}: {written:?} {} {:?}",
            run.log,
            run.asked
        );
        assert!(
            !written.iter().any(|write| write.contains("=sir-1")),
            "{what}: the request is older: {written:?}"
        );
    }
}

#[test]
fn what_a_request_sets_itself_stays() {
    let bob = json!({ "type": "IAMUser", "userName": "bob", "arn": "arn:aws:iam::111122223333:user/bob" });
    let answer = json!({ "dBInstanceArn": "arn:aws:rds:us-east-1:111122223333:db:db" });
    let tags = json!([{ "key": "CreatedBy", "value": "alice" }]);
    for (what, name, request) in [
        ("a restore that sets it", "RestoreDBInstanceFromDBSnapshot", json!({ "tags": tags })),
        ("what copies nothing", "CreateDBInstance", json!({})),
    ] {
        let run = support::run(vec![call("rds", name, bob.clone(), request, answer.clone())], aws, QUEUES);
        assert!(written(&run).is_empty(), "{what}: {:?}", run.asked);
        assert_eq!(run.answers[0].1["tagged"], 0, "{what}: {}", run.log);
    }
}

/// A session that bears a service's name, and a pair that looks like a tag of AWS's where no tags are.
#[test]
fn nobody_borrows_a_name() {
    let who = || session("Dev", "AWSCloudFormation", None);
    let pair = || json!({ "aws:cloudformation:stack-id": STACK });
    let definition =
        json!({ "family": "f", "containerDefinitions": [{ "name": "a", "dockerLabels": pair() }] });
    let task = json!({ "taskDefinition": { "taskDefinitionArn": "arn:aws:ecs:us-east-1:111122223333:task-definition/f:1" } });
    let model = json!({ "modelArn": "arn:aws:sagemaker:us-east-1:111122223333:model/m" });
    let function =
        json!({ "functionArn": "arn:aws:lambda:us-east-1:111122223333:function:f", "functionName": "f" });
    for (what, event) in [
        (
            "Glue's arguments",
            call(
                "glue",
                "CreateJob",
                who(),
                json!({ "name": "j1", "defaultArguments": pair() }),
                json!({ "name": "j1" }),
            ),
        ),
        (
            "SageMaker's environment",
            call(
                "sagemaker",
                "CreateModel",
                who(),
                json!({ "modelName": "m", "primaryContainer": { "environment": pair() } }),
                model,
            ),
        ),
        ("ECS's labels", call("ecs", "RegisterTaskDefinition", who(), definition, task)),
        (
            "Lambda's environment",
            call(
                "lambda",
                "CreateFunction20150331",
                who(),
                json!({ "functionName": "f", "environment": { "variables": pair() } }),
                function,
            ),
        ),
    ] {
        let run = support::run(
            vec![event],
            |asked| {
                // Lambda's own tags are read and empty; nothing else is asked of anybody.
                if asked.starts_with("/2017-03-31/tags/") { (200, "{}".to_owned()) } else { aws(asked) }
            },
            QUEUES,
        );
        assert_eq!(run.answers[0].1["tagged"], 1, "{what}: {} {:?}", run.log, run.asked);
        let asked_others =
            run.asked.iter().any(|asked| asked.contains("DescribeStacks") || asked.starts_with(LOOKUP));
        assert!(!asked_others, "{what}: {:?}", run.asked);
        let named =
            run.asked.iter().any(|asked| asked.contains("AWSCloudFormation") && !asked.contains("bob"));
        assert!(named, "{what}: expected the caller's own name: {:?}", run.asked);
    }
}
