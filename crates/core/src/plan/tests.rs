//! What is planned, what is left alone, and what is said about it.

use super::*;
use crate::{config, explain};
use serde_json::{Value, json};

fn record(source: &str, name: &str, request: Value, response: Value) -> Record {
    Record::new(json!({
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "us-east-1",
        "recipientAccountId": "111122223333", "requestParameters": request, "responseElements": response,
        "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Dev/John.Smith"},
    }))
}

fn estimate() -> Record {
    record("bcm-pricing-calculator", "CreateBillEstimate", json!({"name": "x"}), json!({"id": "e-1"}))
}

fn contact() -> Record {
    let arn = "arn:aws:ssm-contacts:us-east-1:111122223333:contact/ops";
    record("ssm-contacts", "CreateContact", json!({"alias": "ops"}), json!({"contactArn": arn}))
}

/// What is said of a plan, and the tags of its first action, as they are printed.
fn said(record: &Record, settings: &str) -> (Vec<&'static str>, Value) {
    let plan = plan(record, &config::from_toml(settings).unwrap(), None);
    let line: Value = serde_json::from_str(&explain::json(record, &plan)).unwrap();
    let codes = plan.diagnostics.iter().map(|diagnostic| diagnostic.code.as_str()).collect();
    (codes, line["actions"][0]["tags"].clone())
}

#[test]
fn what_a_service_refuses_is_said_before_it_is_asked() {
    let spaced = "[tag]\nkey = \"auto:creator\"\n";
    let further = "[tags]\n\"auto:team\" = \"x\"\nTeam = \"y\"\n";
    for (what, record, settings, codes, tags) in [
        ("a value", estimate(), "", vec!["tag-value-changed"], json!({"CreatedBy": "John_Smith"})),
        ("a key", contact(), spaced, vec!["tag-key-refused"], Value::Null),
        (
            "a further key",
            contact(),
            further,
            vec!["tag-left-out"],
            json!({"CreatedBy": "John.Smith", "Team": "y"}),
        ),
        ("neither", contact(), "", vec![], json!({"CreatedBy": "John.Smith"})),
    ] {
        assert_eq!(said(&record, settings), (codes, tags), "{what}");
    }
}

fn instances() -> Record {
    let item = json!({ "instanceId": "i-1", "vpcId": "vpc-1",
        "networkInterfaceSet": { "items": [{ "networkInterfaceId": "eni-1" }] } });
    let request = json!({ "instanceType": "t3.micro", "tagSpecificationSet": { "items": [
        { "resourceType": "instance", "tags": [{ "key": "auto-tag", "value": "off" }] }] } });
    record("ec2", "RunInstances", request, json!({ "instancesSet": { "items": [item] } }))
}

#[test]
fn what_the_settings_leave_alone_is_said_and_the_rest_is_planned() {
    for (what, settings, codes, types) in [
        ("another service", "[scope]\nservices = [\"s3\"]\n", vec!["outside-scope"], vec![]),
        ("this VPC", "[scope]\nvpcs = [\"vpc-1\"]\n", vec![], vec!["Instance", "NetworkInterface"]),
        ("another VPC", "[scope]\nvpcs = [\"vpc-2\"]\n", vec!["outside-scope"], vec![]),
        (
            "one of its types",
            "[scope]\ntypes = [\"!AWS::EC2::NetworkInterface\"]\n",
            vec!["outside-scope"],
            vec!["Instance"],
        ),
        ("none of its types", "[scope]\ntypes = [\"AWS::S3::*\"]\n", vec!["outside-scope"], vec![]),
        ("a tag of the request", "[opt-out]\ntags = [\"auto-tag=off\"]\n", vec!["opted-out"], vec![]),
        (
            "another tag",
            "[opt-out]\ntags = [\"auto-tag=no\"]\n",
            vec![],
            vec!["Instance", "NetworkInterface"],
        ),
    ] {
        let plan = plan(&instances(), &config::from_toml(settings).unwrap(), None);
        let found: Vec<&str> = plan.diagnostics.iter().map(|found| found.code.as_str()).collect();
        let planned: Vec<&str> =
            plan.actions.iter().filter_map(|one| one.entry.resource_type.rsplit("::").next()).collect();
        assert_eq!((found, planned), (codes, types), "{what}");
    }
    let out = "[scope]\ntypes = [\"!AWS::EC2::Volume\", \"!AWS::EC2::NetworkInterface\"]\n";
    let found = plan(&instances(), &config::from_toml(out).unwrap(), None);
    assert!(found.children.is_empty(), "{:?}", found.children);
}

/// What is out of scope is not missed where the answer of a launch was left out.
#[test]
fn a_launch_that_is_out_of_scope_is_no_creation_that_was_lost() {
    let launch = || record("ec2", "RunInstances", json!({ "clientToken": "t-1" }), Value::Null);
    for (settings, expected) in [
        ("", true),
        ("[scope]\ntypes = [\"!AWS::EC2::Instance\"]\n", false),
        ("[scope]\ntypes = [\"AWS::S3::*\"]\n", false),
    ] {
        let plan = plan(&launch(), &config::from_toml(settings).unwrap(), None);
        let is_missed = plan.diagnostics.iter().any(|found| found.code == Code::NoResourceInRecord);
        assert_eq!(
            (plan.launch.is_some(), is_missed),
            (expected, expected),
            "{settings}: {:?}",
            plan.diagnostics
        );
    }
}

#[test]
fn values_by_kind_people_and_what_a_record_does_not_have() {
    let people = "[[person]]\nmatch = \"session:John.Smith\"\nname = \"John Smith\"\nTeam = \"Shop\"\n";
    for (what, settings, codes, tags) in [
        (
            "a value for this kind",
            "[value]\nrole = \"{role}/{name|lower}\"\n",
            vec![],
            json!({"CreatedBy": "Dev/john.smith"}),
        ),
        (
            "a value for another kind",
            "[value]\nci = \"{role}\"\n",
            vec![],
            json!({"CreatedBy": "John.Smith"}),
        ),
        ("a row of the people", people, vec![], json!({"CreatedBy": "John Smith", "Team": "Shop"})),
        (
            "a further tag of the same key",
            &format!("[tags]\nTeam = \"none\"\nVia = \"{{via}}\"\n{people}"),
            vec![],
            json!({"CreatedBy": "John Smith", "Via": "other", "Team": "Shop"}),
        ),
        (
            "a name for the value by kind",
            &format!("[value]\nrole = \"{{name|upper}}\"\n{people}"),
            vec![],
            json!({"CreatedBy": "JOHN SMITH", "Team": "Shop"}),
        ),
        (
            "half a value",
            "[tags]\nWhere = \"{region}/{stack}\"\n",
            vec!["tag-value-empty"],
            json!({"CreatedBy": "John.Smith"}),
        ),
        (
            "the creator's value",
            "[tag]\nvalue = \"{user}\"\n",
            vec!["tag-value-empty"],
            json!({"CreatedBy": "John.Smith"}),
        ),
    ] {
        let queue = record(
            "sqs",
            "CreateQueue",
            json!({"queueName": "jobs"}),
            json!({"queueUrl": "https://sqs.us-east-1.amazonaws.com/111122223333/jobs"}),
        );
        assert_eq!(said(&queue, settings), (codes, tags), "{what}");
    }
}

/// The record of the specification's example, which stands there without account, region and time.
#[test]
fn the_specifications_own_record_is_planned_or_says_what_is_missing() {
    let record = || {
        Record::new(json!({
            "eventName": "RunInstances", "eventSource": "ec2.amazonaws.com",
            "userIdentity": { "principalId": "AIDAI12345:nilkanth", "userName": "nilkanth",
                "arn": "arn:aws:iam::111122223333:user/nilkanth" },
            "responseElements": { "instancesSet": { "items": [{ "instanceId": "i-0123456789abcdef" }] } },
        }))
    };
    let in_region = plan(&record().in_region("eu-west-1"), &Policy::default(), Some("111122223333"));
    let arns: Vec<&str> = in_region.actions.iter().map(|one| one.arn.as_str()).collect();
    assert_eq!(arns, ["arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef"]);
    assert_eq!(in_region.tags, [("CreatedBy".to_owned(), "nilkanth".to_owned())]);
    let alone = plan(&record(), &Policy::default(), None);
    let said = alone.diagnostics[0].message.as_str();
    assert!(said.contains("the record does not state awsRegion") && !said.contains("Account"), "{said}");
    let mut value = record().value().clone();
    value["userIdentity"] = json!({ "userName": "nilkanth" });
    let neither = plan(&Record::new(value), &Policy::default(), None);
    let said = neither.diagnostics[0].message.as_str();
    assert!(said.contains("does not state awsRegion and recipientAccountId"), "{said}");
}

/// What a record makes by itself, what is looked for, and what is said.
fn besides(text: &str, number: usize) -> (Vec<String>, Vec<String>, Vec<&'static str>) {
    let value: Value = serde_json::from_str(text).unwrap();
    let records = crate::containers::records_in(value).into_iter();
    let record = records.map(|record| record.unwrap_or_else(|why| panic!("{why}"))).nth(number).unwrap();
    let plan = plan(&record, &Policy::default(), None);
    let mut own: Vec<String> = plan.actions.iter().map(|resource| resource.id.clone()).collect();
    own.sort();
    let searches = plan.children.iter();
    let mut looked_for: Vec<String> = searches
        .map(|search| {
            let types: Vec<&str> = search.entries.iter().map(|entry| entry.resource_type).collect();
            let parents: Vec<&str> = search.parents.iter().map(|parent| parent.id.as_str()).collect();
            format!("{} of {} by {}", types.join(","), parents.join(","), search.call)
        })
        .collect();
    looked_for.sort();
    (own, looked_for, plan.diagnostics.iter().map(|found| found.code.as_str()).collect())
}

/// As people reported it: `tests/reports`.
#[test]
fn what_a_call_makes_besides_is_looked_for() {
    let vpcs = include_str!("../../tests/reports/15-vpc-brings-its-defaults.json");
    let endpoint = include_str!("../../tests/reports/16-vpc-endpoint-interfaces.json");
    let imports = include_str!("../../tests/reports/33-import-snapshot-and-image.json");
    let parts = |id: &str| {
        ["NetworkAcl", "RouteTable", "SecurityGroup"]
            .map(|name| format!("AWS::EC2::{name} of {id} by ec2:Describe{name}s"))
    };
    let default = "vpc-0123456789abcdef1";
    let mut of_default: Vec<String> = parts(default).into();
    of_default.extend(
        ["InternetGateway", "Subnet"]
            .map(|name| format!("AWS::EC2::{name} of {default} by ec2:Describe{name}s")),
    );
    of_default.sort();
    let (snapshot, image) = ("import-snap-0123456789abcdef0", "import-ami-0123456789abcdef0");
    for (what, text, number, own, looked_for) in [
        ("a VPC", vpcs, 0, vec!["vpc-0123456789abcdef0"], parts("vpc-0123456789abcdef0").to_vec()),
        ("a default VPC", vpcs, 1, vec![default], of_default),
        (
            "an endpoint, whose record may not name all",
            endpoint,
            0,
            vec!["eni-0aaaaaaaaaaaaaaa9", "eni-0aaaaaaaaaaaaaaab", "vpce-0123456789abcdef0"],
            vec![
                "AWS::EC2::NetworkInterface of vpce-0123456789abcdef0 by ec2:DescribeVpcEndpoints".to_owned(),
            ],
        ),
        (
            "an imported snapshot",
            imports,
            0,
            vec![snapshot],
            vec![format!("AWS::EC2::Snapshot of {snapshot} by ec2:DescribeImportSnapshotTasks")],
        ),
        (
            "an imported image",
            imports,
            1,
            vec![image],
            vec![format!("AWS::EC2::Image,AWS::EC2::Snapshot of {image} by ec2:DescribeImportImageTasks")],
        ),
    ] {
        let found = besides(text, number);
        let own: Vec<String> = own.into_iter().map(str::to_owned).collect();
        assert_eq!(found, (own, looked_for, vec![]), "{what}");
    }
}

#[test]
fn a_role_of_a_permission_set_is_not_ours() {
    let role = include_str!("../../tests/reports/13-reserved-sso-role-created.json");
    assert_eq!(besides(role, 0), (vec![], vec![], vec!["not-ours"]));
}
