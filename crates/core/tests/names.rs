//! Names that hold slashes and colons: the ARN, what the tagging call takes and what the describing call takes are those
//! of this very resource. The group `team-b/web` is not the group `web`.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read samples")]

use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tagger_catalog::{
    Entry, Lifetime,
    template::{Filter, Part},
};
use tagger_core::{Plan, Policy, Record, containers, plan, resources::Resource};

/// What the describing call of a resource takes; nothing where there is no such call.
fn described(resource: &Resource, record: &Record) -> Option<String> {
    match tagger_catalog::lifetime(resource.entry.resource_type) {
        Lifetime::Told(told) => resource.identifier(told, record).map(Into::into),
        _ => None,
    }
}

/// ARN, what the tagging call takes, what the describing call takes.
type Identified = (String, String, Option<String>);

fn identified(plan: &Plan, record: &Record) -> Vec<Identified> {
    let each = |resource: &Resource| (resource.arn.clone(), resource.id.clone(), described(resource, record));
    plan.actions.iter().map(each).collect()
}

#[test]
fn each_kind_of_name() {
    const A: &str = "eu-west-1:111122223333";
    // Source, event, request, answer; the ARN; what tags it, where that is not the ARN; what tells which it is.
    for (source, event, request, answer, arn, id, told) in [
        (
            "autoscaling",
            "CreateAutoScalingGroup",
            json!({"autoScalingGroupName": "team-b/web"}),
            json!(null),
            format!("arn:aws:autoscaling:{A}:autoScalingGroup:*:autoScalingGroupName/team-b/web"),
            "team-b/web",
            "team-b/web",
        ),
        (
            "autoscaling",
            "CreateAutoScalingGroup",
            json!({"autoScalingGroupName": "a:b/c:d"}),
            json!(null),
            format!("arn:aws:autoscaling:{A}:autoScalingGroup:*:autoScalingGroupName/a:b/c:d"),
            "a:b/c:d",
            "a:b/c:d",
        ),
        (
            "logs",
            "CreateLogGroup",
            json!({"logGroupName": "/aws/lambda/web"}),
            json!(null),
            format!("arn:aws:logs:{A}:log-group:/aws/lambda/web"),
            "",
            "/aws/lambda/web",
        ),
        (
            "ssm",
            "PutParameter",
            json!({"name": "/team-b/web/url"}),
            json!({"version": 1}),
            format!("arn:aws:ssm:{A}:parameter/team-b/web/url"),
            "/team-b/web/url",
            "",
        ),
        (
            "iam",
            "CreateRole",
            json!({"roleName": "ops", "path": "/team-b/"}),
            json!(null),
            "arn:aws:iam::111122223333:role/team-b/ops".to_owned(),
            "ops",
            "ops",
        ),
        (
            "iam",
            "CreatePolicy",
            json!({"policyName": "ops", "path": "/team-b/"}),
            json!({"policy": {"arn": "arn:aws:iam::111122223333:policy/team-b/ops"}}),
            "arn:aws:iam::111122223333:policy/team-b/ops".to_owned(),
            "",
            "arn:aws:iam::111122223333:policy/team-b/ops",
        ),
        (
            "secretsmanager",
            "CreateSecret",
            json!({"name": "team-b/web"}),
            json!({"arn": format!("arn:aws:secretsmanager:{A}:secret:team-b/web-AbCdEf")}),
            format!("arn:aws:secretsmanager:{A}:secret:team-b/web-AbCdEf"),
            "",
            "",
        ),
        (
            "glue",
            "CreateJob",
            json!({"name": "team-b/web:1"}),
            json!(null),
            format!("arn:aws:glue:{A}:job/team-b/web:1"),
            "",
            "team-b/web:1",
        ),
        (
            "glue",
            "CreateCrawler",
            json!({"name": "team-b/web"}),
            json!(null),
            format!("arn:aws:glue:{A}:crawler/team-b/web"),
            "",
            "team-b/web",
        ),
        (
            "monitoring",
            "PutMetricAlarm",
            json!({"alarmName": "web: cpu/high"}),
            json!(null),
            format!("arn:aws:cloudwatch:{A}:alarm:web: cpu/high"),
            "",
            "",
        ),
        (
            "monitoring",
            "PutMetricStream",
            json!({"name": "team-b/web"}),
            json!(null),
            format!("arn:aws:cloudwatch:{A}:metric-stream/team-b/web"),
            "",
            "team-b/web",
        ),
        (
            "events",
            "PutRule",
            json!({"name": "web", "eventBusName": "team/b"}),
            json!({"ruleArn": format!("arn:aws:events:{A}:rule/team/b/web")}),
            format!("arn:aws:events:{A}:rule/team/b/web"),
            "",
            "",
        ),
        (
            "events",
            "CreateEventBus",
            json!({"name": "aws.partner/example.com/1/web"}),
            json!(null),
            format!("arn:aws:events:{A}:event-bus/aws.partner/example.com/1/web"),
            "",
            "aws.partner/example.com/1/web",
        ),
        (
            "ecr",
            "CreateRepository",
            json!({"repositoryName": "team-b/web"}),
            json!(null),
            format!("arn:aws:ecr:{A}:repository/team-b/web"),
            "",
            "team-b/web",
        ),
        (
            "mediaconvert",
            "CreateQueue",
            json!({"name": "team-b/web:1"}),
            json!({"queue": {"arn": format!("arn:aws:mediaconvert:{A}:queues/team-b/web:1")}}),
            format!("arn:aws:mediaconvert:{A}:queues/team-b/web:1"),
            "",
            "team-b/web:1",
        ),
        (
            "iot",
            "CreateCustomMetric",
            json!({"metricName": "a:b"}),
            json!({"metricArn": format!("arn:aws:iot:{A}:custommetric/a:b")}),
            format!("arn:aws:iot:{A}:custommetric/a:b"),
            "",
            "a:b",
        ),
        (
            "budgets",
            "CreateBudget",
            json!({"budget": {"budgetName": "team-b/web"}}),
            json!(null),
            "arn:aws:budgets::111122223333:budget/team-b/web".to_owned(),
            "",
            "",
        ),
        (
            "kinesis",
            "CreateStream",
            json!({"streamName": "web"}),
            json!(null),
            format!("arn:aws:kinesis:{A}:stream/web"),
            "web",
            "web",
        ),
        (
            "kinesis",
            "RegisterStreamConsumer",
            json!({"consumerName": "c"}),
            json!({"consumer": {"consumerARN": format!("arn:aws:kinesis:{A}:stream/web/consumer/c:1")}}),
            format!("arn:aws:kinesis:{A}:stream/web/consumer/c:1"),
            "",
            "",
        ),
        (
            "ecs",
            "CreateService",
            json!({"serviceName": "web"}),
            json!({"service": {"serviceArn": format!("arn:aws:ecs:{A}:service/team-b/web")}}),
            format!("arn:aws:ecs:{A}:service/team-b/web"),
            "",
            "",
        ),
        (
            "elasticbeanstalk",
            "CreateEnvironment",
            json!({"applicationName": "team: b", "environmentName": "web-1"}),
            json!(null),
            format!("arn:aws:elasticbeanstalk:{A}:environment/team: b/web-1"),
            "",
            "web-1",
        ),
        (
            "redshift",
            "CreateClusterSnapshot",
            json!({"snapshotIdentifier": "web-1"}),
            json!({"snapshotIdentifier": "web-1", "clusterIdentifier": "team-b"}),
            format!("arn:aws:redshift:{A}:snapshot:team-b/web-1"),
            "",
            "web-1",
        ),
        (
            "route53",
            "CreateHostedZone",
            json!({"name": "example.com"}),
            json!({"hostedZone": {"id": "/hostedzone/Z1"}}),
            "arn:aws:route53:::hostedzone/Z1".to_owned(),
            "Z1",
            "",
        ),
        (
            "dynamodb",
            "CreateTable",
            json!({"tableName": format!("arn:aws:dynamodb:{A}:table/web")}),
            json!(null),
            format!("arn:aws:dynamodb:{A}:table/web"),
            "",
            "web",
        ),
        (
            "batch",
            "CreateJobQueue",
            json!({"jobQueueName": "web"}),
            json!({"jobQueueArn": format!("arn:aws:batch:{A}:job-queue/web")}),
            format!("arn:aws:batch:{A}:job-queue/web"),
            "",
            "",
        ),
        (
            "apigateway",
            "CreateRestApi",
            json!({"createRestApiInput": {"name": "team-b/web"}}),
            json!({"id": "a1b2c3"}),
            "arn:aws:apigateway:eu-west-1::/restapis/a1b2c3".to_owned(),
            "",
            "",
        ),
    ] {
        let record = Record::new(json!({
            "eventSource": format!("{source}.amazonaws.com"), "eventName": event, "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "requestParameters": request, "responseElements": answer,
            "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
        }));
        let plan = plan(&record, &Policy::default(), None);
        let id = if id.is_empty() { arn.clone() } else { id.to_owned() };
        let told = (!told.is_empty()).then(|| told.to_owned());
        assert_eq!(identified(&plan, &record), [(arn, id, told)], "{event}: {:?}", plan.diagnostics);
    }
}

#[test]
fn what_is_not_known_to_be_the_name_names_nothing() {
    for (source, event, request) in [
        ("lambda", "CreateFunction", json!({"functionName": "jobs:PROD"})),
        ("lambda", "CreateFunction", json!({"functionName": "111122223333:function:jobs"})),
        ("dynamodb", "CreateTable", json!({"tableName": "team-b/web"})),
    ] {
        let record = Record::new(json!({
            "eventSource": format!("{source}.amazonaws.com"), "eventName": event, "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "requestParameters": request, "responseElements": null,
            "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
        }));
        let plan = plan(&record, &Policy::default(), None);
        assert!(plan.actions.is_empty() && !plan.diagnostics.is_empty(), "{request}: {:?}", plan.actions);
    }
}

#[test]
fn a_name_that_the_record_does_not_tell_is_not_asked_for() {
    // The ARN has the name in lower case, and the call wants it as it was given.
    for (request, expected) in [(json!({"modelName": "Web"}), Some("Web")), (json!({}), None)] {
        let record = Record::new(json!({
            "eventSource": "sagemaker.amazonaws.com", "eventName": "CreateModel", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "requestParameters": request,
            "responseElements": {"modelArn": "arn:aws:sagemaker:eu-west-1:111122223333:model/web"},
            "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
        }));
        let plan = plan(&record, &Policy::default(), None);
        assert_eq!(described(&plan.actions[0], &record).as_deref(), expected);
    }
}

fn samples(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            samples(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "json")
            && !path.to_string_lossy().ends_with(".plan.json")
        {
            found.push(path);
        }
    }
    found.sort();
}

/// A text with a name given another, wherever the name stands by itself.
fn renamed(text: &str, name: &str, new: &str) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
    let (mut out, mut from) = (String::new(), 0);
    for (at, _) in text.match_indices(name) {
        let before = text[..at].bytes().last().is_some_and(is_word);
        let after = text[at + name.len()..].bytes().next().is_some_and(is_word);
        if at >= from && !before && !after {
            out += &text[from..at];
            out += new;
            from = at + name.len();
        }
    }
    out + &text[from..]
}

fn rename(value: &mut Value, name: &str, new: &str) {
    match value {
        Value::String(text) => *text = renamed(text, name, new),
        Value::Array(list) => list.iter_mut().for_each(|inner| rename(inner, name, new)),
        Value::Object(map) => map.values_mut().for_each(|inner| rename(inner, name, new)),
        _ => {}
    }
}

/// The operations of names that hold no separator by their patterns in AWS's models, which stand in `operations.toml`.
const BY_LAST_PART: [&str; 6] = [
    "iam:TagInstanceProfile",
    "iam:TagRole",
    "iam:TagServerCertificate",
    "iam:TagUser",
    "organizations:TagResource",
    "s3files:TagResource",
];

/// Whether a name with a separator cannot be, or is left alone since an ARN may stand in its place.
fn holds_none(entry: &Entry) -> bool {
    let mut parts = entry.arn.iter().chain(entry.id).flat_map(|template| template.iter());
    BY_LAST_PART.contains(&entry.operation.name)
        || parts.any(|part| matches!(part, Part::Path { filter: Filter::Name, .. }))
}

/// Whoever renames a resource in a record gets the plan with the new name, in all that identifies it. Each sample's
/// resources get a name that holds both separators.
#[test]
fn a_record_with_another_name_gives_the_same_plan_with_that_name() {
    let mut files = Vec::new();
    samples(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/samples"), &mut files);
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for path in &files {
        let sample: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for record in containers::records_in(sample["record"].clone()).into_iter().flatten() {
            let before = plan(&record, &Policy::default(), None);
            for resource in before.actions.iter().filter(|resource| !holds_none(resource.entry)) {
                let name = resource.arn.rsplit(['/', ':']).next().unwrap();
                if name.len() < 3 {
                    continue;
                }
                let new = format!("team-b/{name}:x");
                let mut other = record.value().clone();
                for part in ["requestParameters", "responseElements"] {
                    rename(&mut other[part], name, &new);
                }
                if other == *record.value() {
                    continue;
                }
                seen += 1;
                let other = Record::new(other);
                let after = identified(&plan(&other, &Policy::default(), None), &other);
                let new_name = |text: &str| renamed(text, name, &new);
                let expected: Vec<_> = identified(&before, &record)
                    .iter()
                    .map(|(arn, id, told)| (new_name(arn), new_name(id), told.as_deref().map(new_name)))
                    .collect();
                if after != expected {
                    wrong.push(format!("{}: expected {expected:?}, came {after:?}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen > 900, "only {seen} resources of the samples could be renamed");
}
