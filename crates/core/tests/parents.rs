//! For whom a service acts, as records say it, and whose tag a resource gets. One table, so it is one file.

use serde_json::{Value, json};
use tagger_catalog::parent;
use tagger_core::{
    Policy, Record, identity,
    inherit::{Decision, Named, WAITS, decide, find},
    outcome::Failure,
    patience::{Age, Guard},
    step::Tags,
};

fn record(user: Value, source: &str, name: &str, request: Value) -> Record {
    Record::new(json!({
        "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "eu-west-1",
        "recipientAccountId": "111122223333", "userIdentity": user, "requestParameters": request,
    }))
}

fn role(name: &str, session: &str) -> Value {
    json!({ "type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/{session}") })
}

/// A service-linked role, whose path only AWS can give.
fn linked(service: &str, name: &str, session: &str) -> Value {
    let arn = format!("arn:aws:iam::111122223333:role/aws-service-role/{service}.amazonaws.com/{name}");
    let mut user = role(name, session);
    user["sessionContext"] = json!({ "sessionIssuer": { "arn": arn } });
    user
}

fn by(service: &str, mut user: Value) -> Value {
    user["invokedBy"] = format!("{service}.amazonaws.com").into();
    user
}

fn tagged(tags: &[(&str, &str)]) -> Value {
    let tags: Vec<_> = tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
    json!({ "tagSpecificationSet": { "items": [{ "resourceType": "instance", "tags": tags }] } })
}

#[test]
fn parents() {
    let scaling = || linked("autoscaling", "AWSServiceRoleForAutoScaling", "AutoScaling");
    let stack = "arn:aws:cloudformation:us-east-2:111122223333:stack/s/1-2";
    let domain = "arn:aws:sagemaker:eu-west-1:111122223333:domain/d-1";
    let environment = "arn:aws:batch:eu-west-1:111122223333:compute-environment/jobs";
    let uuid = "59cfd8b7-b102-3b1d-84fe-2c34f232b239";
    let by_batch = |user: Value| by("batch", user);
    let group =
        [("aws:autoscaling:groupName", "web"), ("eks:cluster-name", "c"), ("eks:nodegroup-name", "n")];
    for (what, user, request, expected) in [
        (
            "a group's instance, the nearest parent first",
            scaling(),
            tagged(&group),
            Some("arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:*:autoScalingGroupName/web"),
        ),
        (
            "the group of a node group",
            linked("eks-nodegroup", "AWSServiceRoleForAmazonEKSNodegroup", "EKS"),
            tagged(&group[1..]),
            Some("arn:aws:eks:eu-west-1:111122223333:nodegroup/c/n/*"),
        ),
        (
            "half of a node group's name",
            linked("eks-nodegroup", "AWSServiceRoleForAmazonEKSNodegroup", "EKS"),
            tagged(&group[1..2]),
            None,
        ),
        (
            "a node group's name that was copied",
            linked("backup", "AWSServiceRoleForBackup", "x"),
            tagged(&group[1..]),
            None,
        ),
        (
            "a name for a session that anybody can take",
            role("Dev", "AWSCloudFormation"),
            tagged(&group[1..]),
            None,
        ),
        (
            "a cluster of EMR",
            json!({"type": "AWSService", "invokedBy": "elasticmapreduce.amazonaws.com"}),
            tagged(&[("aws:elasticmapreduce:job-flow-id", "j-1")]),
            Some("arn:aws:elasticmapreduce:eu-west-1:111122223333:cluster/j-1"),
        ),
        (
            "a service of ECS",
            linked("ecs", "AWSServiceRoleForECS", "x"),
            tagged(&[("aws:ecs:clusterName", "c"), ("aws:ecs:serviceName", "s")]),
            Some("arn:aws:ecs:eu-west-1:111122223333:service/c/s"),
        ),
        (
            "a task of no service",
            linked("ecs", "AWSServiceRoleForECS", "x"),
            tagged(&[("aws:ecs:clusterName", "c")]),
            Some("arn:aws:ecs:eu-west-1:111122223333:cluster/c"),
        ),
        (
            "a stack's service role, with tags as a map",
            role("stacks", "AWSCloudFormation"),
            json!({"tags": {"aws:cloudformation:stack-id": stack}}),
            Some(stack),
        ),
        (
            "another account's stack",
            role("stacks", "AWSCloudFormation"),
            tagged(&[(
                "aws:cloudformation:stack-id",
                "arn:aws:cloudformation:us-east-2:444455556666:stack/s/1",
            )]),
            None,
        ),
        (
            "no stack's ARN",
            role("stacks", "AWSCloudFormation"),
            tagged(&[("aws:cloudformation:stack-id", "arn:aws:x:evil.example/:111122223333:y")]),
            None,
        ),
        (
            "an instance of a fleet",
            linked("ec2fleet", "AWSServiceRoleForEC2Fleet", "x"),
            tagged(&[("aws:ec2:fleet-id", "fleet-1")]),
            Some("arn:aws:ec2:eu-west-1:111122223333:fleet/fleet-1"),
        ),
        (
            "an instance of a Spot Fleet",
            linked("spotfleet", "AWSServiceRoleForEC2SpotFleet", "x"),
            tagged(&[("aws:ec2spot:fleet-request-id", "sfr-1")]),
            Some("arn:aws:ec2:eu-west-1:111122223333:spot-fleet-request/sfr-1"),
        ),
        (
            "the file system of a SageMaker domain",
            linked("sagemaker", "AWSServiceRoleForAmazonSageMakerNotebooks", "SageMaker"),
            tagged(&[("ManagedByAmazonSageMakerResource", domain)]),
            Some(domain),
        ),
        (
            "a domain's name that was copied",
            linked("backup", "AWSServiceRoleForBackup", "x"),
            tagged(&[("ManagedByAmazonSageMakerResource", domain)]),
            None,
        ),
        (
            "the group of a compute environment of Batch",
            linked("batch", "AWSServiceRoleForBatch", "aws-batch"),
            json!({ "autoScalingGroupName": format!("AWSBatch-jobs-asg-{uuid}") }),
            Some(environment),
        ),
        (
            "the same with a role of the account's own",
            by_batch(role("batch", "aws-batch")),
            json!({ "autoScalingGroupName": format!("jobs-asg-{uuid}") }),
            Some(environment),
        ),
        (
            "a person who takes that session's name",
            role("batch", "aws-batch"),
            json!({ "autoScalingGroupName": format!("jobs-asg-{uuid}") }),
            None,
        ),
        (
            "the cluster of a compute environment",
            linked("batch", "AWSServiceRoleForBatch", "aws-batch"),
            json!({ "clusterName": format!("AWSBatch-jobs-{uuid}") }),
            Some(environment),
        ),
        (
            "a name of Batch that is not of its form",
            linked("batch", "AWSServiceRoleForBatch", "aws-batch"),
            json!({ "autoScalingGroupName": "AWSBatch-jobs-asg-7", "clusterName": format!("AWSBatch-{uuid}") }),
            None,
        ),
        ("a person who sets such tags", role("Dev", "bob@example.com"), tagged(&group[1..]), None),
        (
            "a person through CloudFormation",
            role("Dev", "bob"),
            tagged(&[("aws:cloudformation:stack-id", stack)]),
            None,
        ),
        (
            "a role that somebody named as a service's, with a name that the service would give",
            role("AWSServiceRoleForBatch", "aws-batch"),
            json!({ "autoScalingGroupName": format!("AWSBatch-jobs-asg-{uuid}") }),
            None,
        ),
        (
            "a pair that is no tag",
            role("Dev", "AWSCloudFormation"),
            json!({ "defaultArguments": { "aws:cloudformation:stack-id": stack } }),
            None,
        ),
        (
            "and where CloudFormation made the call",
            by("cloudformation", role("stacks", "AWSCloudFormation")),
            json!({ "environment": { "variables": { "aws:cloudformation:stack-id": stack } } }),
            None,
        ),
        (
            "a key of KMS, by a stack",
            by("cloudformation", role("stacks", "AWSCloudFormation")),
            json!({ "tags": [{ "tagKey": "aws:cloudformation:stack-id", "tagValue": stack }] }),
            Some(stack),
        ),
        (
            "EMR's instances",
            by("elasticmapreduce", role("EMR_DefaultRole", "CCSSession")),
            tagged(&[("aws:elasticmapreduce:job-flow-id", "j-1")]),
            Some("arn:aws:elasticmapreduce:eu-west-1:111122223333:cluster/j-1"),
        ),
        (
            "the security group of a cluster",
            linked("eks", "AWSServiceRoleForAmazonEKS", "x"),
            tagged(&[("aws:eks:cluster-name", "prod")]),
            Some("arn:aws:eks:eu-west-1:111122223333:cluster/prod"),
        ),
        (
            "the same with the cluster's own role",
            by("eks", role("cluster", "1768825272022703283")),
            tagged(&[("aws:eks:cluster-name", "prod")]),
            Some("arn:aws:eks:eu-west-1:111122223333:cluster/prod"),
        ),
        (
            "an interface of a cluster",
            linked("eks", "AWSServiceRoleForAmazonEKS", "x"),
            json!({ "description": "Amazon EKS prod" }),
            Some("arn:aws:eks:eu-west-1:111122223333:cluster/prod"),
        ),
        (
            "a snapshot of a policy",
            by("dlm", json!({ "type": "AWSService" })),
            tagged(&[("aws:dlm:lifecycle-policy-id", "policy-1")]),
            Some("arn:aws:dlm:eu-west-1:111122223333:policy/policy-1"),
        ),
        (
            "a replica of a cluster that grows",
            linked("rds.application-autoscaling", "AWSServiceRoleForApplicationAutoScaling_RDSCluster", "x"),
            json!({ "tags": [{ "key": "application-autoscaling:resourceId", "value": "cluster:web" }] }),
            Some("arn:aws:rds:eu-west-1:111122223333:cluster:web"),
        ),
        (
            "an interface of a load balancer",
            linked("elasticloadbalancing", "AWSServiceRoleForElasticLoadBalancing", "ElasticLoadBalancing"),
            json!({ "description": "ELB app/web/50dc6c495c0c9188" }),
            Some("arn:aws:elasticloadbalancing:eu-west-1:111122223333:loadbalancer/app/web/50dc6c495c0c9188"),
        ),
        (
            "an interface of a function",
            by("lambda", role("fn-role", "awslambda_719_20191127045323021")),
            json!({ "description": format!("AWS Lambda VPC ENI-my-function-{uuid}") }),
            Some("arn:aws:lambda:eu-west-1:111122223333:function:my-function"),
        ),
        (
            "the same description by somebody",
            role("Dev", "awslambda_719_20191127045323021"),
            json!({ "description": format!("AWS Lambda VPC ENI-my-function-{uuid}") }),
            None,
        ),
        (
            "an interface of a domain",
            linked("opensearchservice", "AWSServiceRoleForAmazonOpenSearchService", "x"),
            json!({ "description": "ES logs" }),
            Some("arn:aws:es:eu-west-1:111122223333:domain/logs"),
        ),
        (
            "the same of an older one",
            linked("es", "AWSServiceRoleForAmazonElasticsearchService", "x"),
            json!({ "description": "ES logs" }),
            Some("arn:aws:es:eu-west-1:111122223333:domain/logs"),
        ),
        (
            "an interface of a task",
            linked("ecs", "AWSServiceRoleForECS", "ECSNetworkInterfaceRequester"),
            json!({ "description": format!("arn:aws:ecs:eu-west-1:111122223333:attachment/{uuid}") }),
            Some("arn:aws:ecs:eu-west-1:111122223333:attachment/59cfd8b7-b102-3b1d-84fe-2c34f232b239"),
        ),
        (
            "an interface of a mount target",
            linked("elasticfilesystem", "AWSServiceRoleForAmazonElasticFileSystem", "x"),
            json!({ "description": "EFS mount target for fs-1 (fsmt-2)" }),
            Some("arn:aws:elasticfilesystem:eu-west-1:111122223333:mount-target/fsmt-2"),
        ),
        (
            "an interface of a database, whose description names none",
            linked("rds", "AWSServiceRoleForRDS", "SLRManagement"),
            json!({ "description": "RDSNetworkInterface" }),
            None,
        ),
        (
            "a volume that Backup restores",
            by("backup", role("AWSBackupDefaultServiceRole", "AWSBackup-AWSBackupDefaultServiceRole")),
            json!({ "snapshotId": "snap-1" }),
            Some("arn:aws:backup:eu-west-1:111122223333:recovery-point:snap-1"),
        ),
        (
            "an instance",
            by("backup", role("r", "AWSBackup-r")),
            json!({ "instancesSet": { "items": [{ "imageId": "ami-1" }] } }),
            Some("arn:aws:backup:eu-west-1:111122223333:recovery-point:ami-1"),
        ),
        (
            "a database",
            by("backup", role("r", "AWSBackup-r")),
            json!({ "dBSnapshotIdentifier": "awsbackup:job-1" }),
            Some("arn:aws:backup:eu-west-1:111122223333:recovery-point:awsbackup:job-1"),
        ),
        (
            "a cluster",
            by("backup", role("r", "AWSBackup-r")),
            json!({ "snapshotIdentifier": "awsbackup:job-1" }),
            Some("arn:aws:backup:eu-west-1:111122223333:recovery-point:awsbackup:job-1"),
        ),
        (
            "a table",
            by("backup", role("r", "AWSBackup-r")),
            json!({ "backupArn": "b-1" }),
            Some("arn:aws:backup:eu-west-1:111122223333:recovery-point:b-1"),
        ),
        ("no tags", scaling(), json!({}), None),
        (
            "two groups in one call",
            scaling(),
            tagged(&[("aws:autoscaling:groupName", "a"), ("aws:autoscaling:groupName", "b")]),
            None,
        ),
        (
            "a value with braces",
            scaling(),
            tagged(&[("aws:autoscaling:groupName", "{1}{account}")]),
            Some(
                "arn:aws:autoscaling:eu-west-1:111122223333:autoScalingGroup:*:autoScalingGroupName/{1}{account}",
            ),
        ),
    ] {
        let record = record(user, "ec2", "RunInstances", request);
        let creator = identity::identify(&record);
        let found = find(&record, &creator, &Policy::default(), Named::ByRecord);
        assert_eq!(found.as_ref().map(|inherit| inherit.arn.as_str()), expected, "{what}");
    }
}

/// Every kind of parent is found by what its entry says, from a caller of whom the record proves that he is the service.
#[test]
fn every_entry_can_be_reached() {
    for parent in parent::parents() {
        let service = if parent.by.is_empty() { "x.amazonaws.com" } else { parent.by };
        let name = if parent.role.is_empty() { "AWSServiceRoleForX" } else { parent.role };
        let user = linked(service.trim_end_matches(".amazonaws.com"), name, "x");
        let value = if parent.arn == "{0}" { "arn:aws:x:eu-west-1:111122223333:y/z" } else { "first" };
        let tags: Vec<_> = parent.tags.iter().map(|key| json!({ "key": key, "value": value })).collect();
        let mut record = json!({
            "eventSource": "x.amazonaws.com", "eventName": "CreateX", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "userIdentity": user, "requestParameters": { "tags": tags },
        });
        let (path, form) = parent.named;
        let uuid = "59cfd8b7-b102-3b1d-84fe-2c34f232b239";
        let called = form.replace("{0}", value).replace("{uuid}", uuid).replace("{any}", "any");
        let mut at = &mut record;
        for step in path.split('.').filter(|step| !step.is_empty()) {
            at = match step.strip_suffix("[]") {
                Some(list) => {
                    at[list] = json!([{}]);
                    &mut at[list][0]
                }
                None => &mut at[step],
            };
        }
        if !path.is_empty() {
            *at = called.into();
        }
        let record = Record::new(record);
        let creator = identity::identify(&record);
        let found = find(&record, &creator, &Policy::default(), Named::ByRecord);
        let found = found.unwrap_or_else(|| panic!("{parent:?} is not found in {record:?}"));
        let is_it = (found.parent.resource_type, found.parent.named, found.parent.tags);
        assert_eq!(is_it, (parent.resource_type, parent.named, parent.tags), "another comes before it");
    }
}

#[test]
fn what_only_its_own_tags_name() {
    let stack = "arn:aws:cloudformation:eu-west-1:111122223333:stack/s/1-2";
    let own = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    let stacks = || by("cloudformation", role("stacks", "AWSCloudFormation"));
    for (what, user, tags, expected) in [
        ("a bucket of a stack", stacks(), own("aws:cloudformation:stack-id", stack), Some(stack)),
        ("somebody's own", role("Dev", "bob"), own("aws:cloudformation:stack-id", stack), None),
        (
            "a key that anybody can set",
            linked("sagemaker", "AWSServiceRoleForAmazonSageMakerNotebooks", "x"),
            own("ManagedByAmazonSageMakerResource", stack),
            None,
        ),
    ] {
        let record = record(user, "s3", "CreateBucket", json!({ "bucketName": "b" }));
        let creator = identity::identify(&record);
        let found = find(&record, &creator, &Policy::default(), Named::ByTags(&tags));
        assert_eq!(found.as_ref().map(|inherit| inherit.arn.as_str()), expected, "{what}");
    }
}

#[test]
fn whose_tag_it_gets() {
    let user = linked("autoscaling", "AWSServiceRoleForAutoScaling", "AutoScaling");
    let record = record(user, "ec2", "RunInstances", tagged(&[("aws:autoscaling:groupName", "web")]));
    let creator = identity::identify(&record);
    let mut inherit = find(&record, &creator, &Policy::default(), Named::ByRecord).unwrap();
    assert_eq!((inherit.id.as_str(), inherit.region.as_str()), ("web", "eu-west-1"));
    let tags = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    let failed = |code| Failure::of("autoscaling:DescribeTags", code, "", None);
    let age = |event| Age { event, waited: event };
    let (none, has_it) = (Tags::new(), tags("CreatedBy", "alice"));
    let parent = Decision::Parent("alice".to_owned());
    let (gone, busy, denied) = (failed("ValidationError"), failed("Throttling"), failed("AccessDenied"));
    for (what, read, event, guard, service, expected) in [
        ("it has a creator", Ok(&has_it), 5, Guard::Strict, true, Some(&parent)),
        ("also after a day", Ok(&has_it), 86_400, Guard::Strict, false, Some(&parent)),
        ("also without a queue", Ok(&has_it), 5, Guard::None, true, Some(&parent)),
        ("not yet", Ok(&none), 5, Guard::Strict, true, None),
        ("not at all", Ok(&none), WAITS, Guard::Strict, true, Some(&Decision::Service)),
        (
            "not at all, and services are skipped",
            Ok(&none),
            WAITS,
            Guard::Strict,
            false,
            Some(&Decision::Nobody),
        ),
        ("nowhere to wait", Ok(&none), 5, Guard::None, true, Some(&Decision::Service)),
        ("too many calls", Err(&busy), WAITS, Guard::Strict, true, None),
        ("denied", Err(&denied), 5, Guard::Strict, true, Some(&Decision::Service)),
        ("an error of another kind", Err(&gone), WAITS, Guard::Strict, true, Some(&Decision::Service)),
    ] {
        inherit.otherwise_service = service;
        let found = decide(&inherit, read, "CreatedBy", age(event), guard);
        match expected {
            Some(expected) => assert_eq!(&found, expected, "{what}"),
            None => assert!(matches!(found, Decision::Wait(_)), "{what}: {found:?}"),
        }
    }
}
