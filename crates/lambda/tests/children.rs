//! The real program about what a call makes besides: the parts of a VPC, interfaces of endpoints and NAT gateways, what
//! an import ends in; what belongs to somebody else's call is left to it. The answers are those of EC2's documentation.

mod support;

use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use support::{Run, detail, event};
use tagger_aws::time;

const QUEUES: &[(&str, &str)] = &[
    ("RETRY_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-retry"),
    (
        "DEAD_LETTER_QUEUE_URL",
        "https://sqs.us-east-1.amazonaws.com/111122223333/auto-resource-tagger-dead-letters",
    ),
];
const LOOKUP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents ";

fn call(service: &str, name: &str, age: u64, request: Value, answer: Value) -> Value {
    let at = time::format(SystemTime::now() - Duration::from_secs(age));
    event(detail(
        "111122223333",
        json!({ "eventTime": at, "eventSource": format!("{service}.amazonaws.com"), "eventName": name,
            "requestParameters": request, "responseElements": answer }),
    ))
}

fn vpc(name: &str, id: &str, age: u64) -> Value {
    call("ec2", name, age, json!({}), json!({ "vpc": { "vpcId": id, "state": "pending" } }))
}

/// Items of a set in an answer.
fn items(operation: &str, set: &str, items: &str) -> String {
    format!("<{operation}Response><{set}>{items}</{set}></{operation}Response>")
}

/// The route tables of a VPC: its main one, and others.
fn tables(vpc: &str, main: &str, others: &[&str]) -> String {
    let table = |id: &str, association: &str| {
        format!(
            "<item><routeTableId>{id}</routeTableId><vpcId>{vpc}</vpcId><associationSet>{association}</associationSet></item>"
        )
    };
    let subnet = "<item><subnetId>subnet-1</subnetId><main>false</main></item>";
    let others: String = others.iter().map(|id| table(id, subnet)).collect();
    let all = format!("{others}{}", table(main, "<item><main>true</main></item>"));
    items("DescribeRouteTables", "routeTableSet", &all)
}

fn aws(asked: &str) -> (u16, String) {
    let has = |text: &str| asked.contains(text);
    let busy = has("vpc-busy");
    let body = match asked {
        _ if asked.starts_with(LOOKUP) => {
            // Bob made the table that is the main one of `vpc-own` by now.
            let call = json!({ "eventID": "b", "eventTime": time::format(SystemTime::now() - Duration::from_secs(1_000)),
                "eventSource": "ec2.amazonaws.com", "eventName": "CreateRouteTable", "awsRegion": "us-east-1",
                "responseElements": { "routeTable": { "routeTableId": "rtb-bobs" } } });
            json!({ "Events": [{ "CloudTrailEvent": call.to_string() }] }).to_string()
        }
        _ if has("Action=DescribeSecurityGroups")
            && has("Filter.2.Name=group-name&Filter.2.Value.1=default") =>
        {
            let item = |vpc| {
                format!(
                    "<item><groupId>sg-default</groupId><groupName>default</groupName><vpcId>{vpc}</vpcId></item>"
                )
            };
            items("DescribeSecurityGroups", "securityGroupInfo", &item(named(asked)))
        }
        _ if has("Action=DescribeNetworkAcls") && has("Filter.2.Name=default&Filter.2.Value.1=true") => {
            let item = |vpc| {
                format!(
                    "<item><networkAclId>acl-default</networkAclId><vpcId>{vpc}</vpcId><default>true</default></item>"
                )
            };
            items("DescribeNetworkAcls", "networkAclSet", &item(named(asked)))
        }
        _ if has("Action=DescribeRouteTables") && has("vpc-own") => tables("vpc-own", "rtb-bobs", &["rtb-2"]),
        _ if has("Action=DescribeRouteTables") && busy => tables("vpc-busy", "rtb-main", &["rtb-2", "rtb-3"]),
        _ if has("Action=DescribeRouteTables") => tables(named(asked), "rtb-main", &[]),
        _ if has("Action=DescribeSubnets") && has("Filter.2.Name=default-for-az") => {
            let item = |id| format!("<item><subnetId>{id}</subnetId><vpcId>{}</vpcId></item>", named(asked));
            items("DescribeSubnets", "subnetSet", &format!("{}{}", item("subnet-a"), item("subnet-b")))
        }
        _ if has("Action=DescribeInternetGateways") && has("attachment.vpc-id") => {
            let item = format!(
                "<item><internetGatewayId>igw-1</internetGatewayId><attachmentSet><item><vpcId>{}</vpcId></item></attachmentSet></item>",
                named(asked)
            );
            items("DescribeInternetGateways", "internetGatewaySet", &item)
        }
        _ if has("Action=DescribeVpcEndpoints") => {
            let state = if has("vpce-late") { "pending" } else { "available" };
            let set = if has("vpce-late") { "" } else { "<item>eni-1</item><item>eni-2</item>" };
            let id = if has("vpce-late") { "vpce-late" } else { "vpce-1" };
            items(
                "DescribeVpcEndpoints",
                "vpcEndpointSet",
                &format!(
                    "<item><vpcEndpointId>{id}</vpcEndpointId><state>{state}</state><networkInterfaceIdSet>{set}</networkInterfaceIdSet></item>"
                ),
            )
        }
        _ if has("Action=DescribeNatGateways") => {
            let address = "<item><allocationId>eipalloc-1</allocationId><networkInterfaceId>eni-9</networkInterfaceId></item>";
            items(
                "DescribeNatGateways",
                "natGatewaySet",
                &format!(
                    "<item><natGatewayId>nat-1</natGatewayId><state>available</state><natGatewayAddressSet>{address}</natGatewayAddressSet></item>"
                ),
            )
        }
        _ if has("Action=DescribeTransitGateways") => items(
            "DescribeTransitGateways",
            "transitGatewaySet",
            "<item><transitGatewayId>tgw-1</transitGatewayId><state>available</state><options><associationDefaultRouteTableId>tgw-rtb-1</associationDefaultRouteTableId></options></item>",
        ),
        _ if has("Action=DescribeImportSnapshotTasks") => items(
            "DescribeImportSnapshotTasks",
            "importSnapshotTaskSet",
            "<item><importTaskId>import-snap-1</importTaskId><snapshotTaskDetail><status>completed</status><snapshotId>snap-1</snapshotId></snapshotTaskDetail></item>",
        ),
        _ if has("Action=DescribeImportImageTasks") => {
            let (status, image) = if has("import-ami-2") {
                ("converting", "")
            } else {
                ("completed", "<imageId>ami-1</imageId>")
            };
            let id = if has("import-ami-2") { "import-ami-2" } else { "import-ami-1" };
            let snapshot =
                if has("import-ami-2") { "" } else { "<item><snapshotId>snap-7</snapshotId></item>" };
            items(
                "DescribeImportImageTasks",
                "importImageTaskSet",
                &format!(
                    "<item><importTaskId>{id}</importTaskId><status>{status}</status>{image}<snapshotDetailSet>{snapshot}</snapshotDetailSet></item>"
                ),
            )
        }
        _ if has("Action=DescribeImages") && has("ImageId.1=ami-5") => items(
            "DescribeImages",
            "imagesSet",
            "<item><imageId>ami-5</imageId><imageState>available</imageState><rootDeviceType>ebs</rootDeviceType>\
             <blockDeviceMapping><item><ebs><snapshotId>snap-5</snapshotId></ebs></item></blockDeviceMapping></item>",
        ),
        _ if has("Action=DescribeTags") => items("DescribeTags", "tagSet", ""),
        _ if has("Action=CreateTags") => {
            "<CreateTagsResponse><return>true</return></CreateTagsResponse>".to_owned()
        }
        _ => "{}".to_owned(),
    };
    (200, body)
}

/// The VPC that a request names; `vpc-id` is the name of a filter.
fn named(asked: &str) -> &str {
    let fields = asked.split(['&', '\n', ' ']).filter_map(|field| field.split_once('='));
    fields
        .map(|(_, value)| value)
        .find(|value| value.starts_with("vpc-") && *value != "vpc-id")
        .unwrap_or_default()
}

/// What got alice's tag, sorted.
fn tagged(run: &Run) -> Vec<String> {
    let mut ids: Vec<String> = Vec::new();
    for asked in run.asked.iter().filter(|asked| asked.contains("Action=CreateTags")) {
        assert!(asked.contains("Tag.1.Value=alice"), "{asked}");
        let fields = asked.split(['&', ' ']).filter_map(|field| field.split_once('='));
        ids.extend(fields.filter(|(name, _)| name.starts_with("ResourceId.")).map(|(_, id)| id.to_owned()));
    }
    ids.sort();
    ids
}

#[test]
fn what_comes_with_it_has_the_tag_too() {
    let task = |id: &str| json!({ "importTaskId": id });
    let endpoint = |id: &str, set: Value| json!({ "CreateVpcEndpointResponse": { "vpcEndpoint": { "vpcEndpointId": id, "networkInterfaceIdSet": set } } });
    let parts = ["acl-default", "rtb-main", "sg-default"];
    let with = |more: &[&str]| {
        let mut all: Vec<String> = parts.iter().chain(more).map(|id| (*id).to_owned()).collect();
        all.sort();
        all
    };
    let only = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    for (what, event, expected, waiting) in [
        ("a VPC", vpc("CreateVpc", "vpc-new", 20), with(&["vpc-new"]), 0),
        (
            "a default VPC",
            vpc("CreateDefaultVpc", "vpc-def", 20),
            with(&["vpc-def", "subnet-a", "subnet-b", "igw-1"]),
            0,
        ),
        (
            "a VPC with other tables waits for the history",
            vpc("CreateVpc", "vpc-busy", 300),
            only(&["acl-default", "sg-default", "vpc-busy"]),
            1,
        ),
        (
            "which then knows no other call for the main one",
            vpc("CreateVpc", "vpc-busy", 1_300),
            with(&["vpc-busy"]),
            0,
        ),
        (
            "or knows who made it",
            vpc("CreateVpc", "vpc-own", 1_300),
            only(&["acl-default", "sg-default", "vpc-own"]),
            0,
        ),
        (
            "an endpoint whose record names no interface",
            call("ec2", "CreateVpcEndpoint", 60, json!({}), endpoint("vpce-1", json!(""))),
            only(&["eni-1", "eni-2", "vpce-1"]),
            0,
        ),
        (
            "an endpoint whose record names one of two",
            call("ec2", "CreateVpcEndpoint", 60, json!({}), endpoint("vpce-1", json!({ "item": "eni-1" }))),
            only(&["eni-1", "eni-2", "vpce-1"]),
            0,
        ),
        (
            "an endpoint that is not done",
            call("ec2", "CreateVpcEndpoint", 60, json!({}), endpoint("vpce-late", json!(""))),
            only(&["vpce-late"]),
            1,
        ),
        (
            "a NAT gateway",
            call(
                "ec2",
                "CreateNatGateway",
                60,
                json!({}),
                json!({ "natGateway": { "natGatewayId": "nat-1" } }),
            ),
            only(&["eni-9", "nat-1"]),
            0,
        ),
        (
            "a transit gateway whose record does not name its table",
            call(
                "ec2",
                "CreateTransitGateway",
                60,
                json!({}),
                json!({ "transitGateway": { "transitGatewayId": "tgw-1" } }),
            ),
            only(&["tgw-1", "tgw-rtb-1"]),
            0,
        ),
        (
            "an imported snapshot",
            call("ec2", "ImportSnapshot", 3_600, json!({}), task("import-snap-1")),
            only(&["import-snap-1", "snap-1"]),
            0,
        ),
        (
            "an imported image",
            call("ec2", "ImportImage", 3_600, json!({}), task("import-ami-1")),
            only(&["ami-1", "import-ami-1", "snap-7"]),
            0,
        ),
        (
            "an import that runs",
            call("ec2", "ImportImage", 3_600, json!({}), task("import-ami-2")),
            only(&["import-ami-2"]),
            2,
        ),
        (
            "a copied image",
            call("ec2", "CopyImage", 60, json!({ "copyImageTags": false }), json!({ "imageId": "ami-5" })),
            only(&["ami-5", "snap-5"]),
            0,
        ),
        (
            "a mount target",
            call(
                "elasticfilesystem",
                "CreateMountTarget",
                60,
                json!({}),
                json!({ "mountTargetId": "fsmt-1", "networkInterfaceId": "eni-5" }),
            ),
            only(&["eni-5"]),
            0,
        ),
    ] {
        let run = support::run(vec![event], aws, QUEUES);
        let answer = &run.answers[0].1;
        let found = (tagged(&run), &answer["waiting"]);
        assert_eq!(found, (expected, &json!(waiting)), "{what}: {} {:?}", run.log, run.asked);
    }
}

/// An import that does not end within a day is a dead letter that says so.
#[test]
fn an_import_is_not_waited_for_for_ever() {
    let day = 25 * 3_600;
    let event = call("ec2", "ImportImage", day, json!({}), json!({ "importTaskId": "import-ami-2" }));
    let run = support::run(vec![event], aws, QUEUES);
    assert_eq!(run.answers[0].1["givenUp"], json!(2), "{:?}", run.answers);
    let letter =
        run.asked.iter().find(|asked| asked.contains("dead-letter") && asked.contains("ChildrenNotVisible"));
    assert!(letter.is_some_and(|letter| letter.contains("import-ami-2 is not done yet")), "{:?}", run.asked);
}

/// What only AWS may tag is left alone: no dead letter, no error, and a reason.
#[test]
fn what_only_aws_may_tag_is_no_dead_letter() {
    fn refuses(asked: &str) -> (u16, String) {
        match asked {
            _ if asked.contains("Action=TagRole") => {
                let error = "<Error><Code>UnmodifiableEntity</Code><Message>Cannot perform the operation on the protected role 'x' - this role is only modifiable by AWS</Message></Error>";
                (400, format!("<ErrorResponse>{error}</ErrorResponse>"))
            }
            _ if asked.contains("Action=ListRoleTags") => {
                (200, "<ListRoleTagsResponse><ListRoleTagsResult><Tags/><IsTruncated>false</IsTruncated></ListRoleTagsResult></ListRoleTagsResponse>".to_owned())
            }
            _ if asked.contains("Action=GetRole") => {
                let role = "<Role><RoleName>x</RoleName><RoleId>AROAEXAMPLEEXAMPLE009</RoleId></Role>";
                (200, format!("<GetRoleResponse><GetRoleResult>{role}</GetRoleResult></GetRoleResponse>"))
            }
            _ => (200, "{}".to_owned()),
        }
    }
    let role = |path: &str, name: &str| {
        let arn = format!("arn:aws:iam::111122223333:role{path}{name}");
        call(
            "iam",
            "CreateRole",
            5,
            json!({ "roleName": name, "path": path }),
            json!({ "role": { "arn": arn, "roleName": name, "roleId": "AROAEXAMPLEEXAMPLE009" } }),
        )
    };
    let key = json!({ "keyMetadata": { "arn": "arn:aws:kms:us-east-1:111122223333:key/1234", "keyManager": "AWS" } });
    for (what, event, asks) in [
        (
            "a permission set's role",
            role("/aws-reserved/sso.amazonaws.com/", "AWSReservedSSO_Admin_0"),
            false,
        ),
        ("another that AWS refuses", role("/", "x"), true),
        ("an AWS managed key", call("kms", "CreateKey", 5, json!({}), key), false),
    ] {
        for environment in [QUEUES, &[][..]] {
            let run = support::run(vec![event.clone()], refuses, environment);
            let (kind, answer) = &run.answers[0];
            assert_eq!(
                (kind.as_str(), &answer["leftAlone"]),
                ("response", &json!(1)),
                "{what}: {answer} {}",
                run.log
            );
            assert!(run.log.contains(r#""reason":"not-ours""#), "{what}: {}", run.log);
            assert!(!run.log.contains("ERROR"), "{what}: {}", run.log);
            assert!(!run.asked.iter().any(|asked| asked.contains("SendMessage")), "{what}: {:?}", run.asked);
            let tried = run.asked.iter().any(|asked| asked.contains("Action=TagRole"));
            assert_eq!(tried, asks, "{what}: {:?}", run.asked);
        }
    }
}
