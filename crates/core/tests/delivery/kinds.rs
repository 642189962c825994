//! The kinds of resources of the model, their ARNs, and the records of their creations.

use super::world::INSTANCES;
use serde_json::{Value, json};

/// A kind of resource; each stands for a way in which a service tells what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A time of creation.
    Queue,
    /// An id.
    Role,
    /// A state in which it may be tagged, and a time of creation that is noted late.
    Cache,
    /// Nothing.
    Topic,
    /// Nothing but when it was made, which can move forward; and its call answers with success for what is there.
    Bucket,
    /// An id in its ARN; some in one record.
    Instances,
}

pub fn arn(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Instances if name.starts_with("vol-") => {
            format!("arn:aws:ec2:us-east-1:111122223333:volume/{name}")
        }
        Kind::Queue => format!("arn:aws:sqs:us-east-1:111122223333:{name}"),
        Kind::Role => format!("arn:aws:iam::111122223333:role/{name}"),
        Kind::Cache => format!("arn:aws:elasticache:us-east-1:111122223333:replicationgroup:{name}"),
        Kind::Topic => format!("arn:aws:sns:us-east-1:111122223333:{name}"),
        Kind::Bucket => format!("arn:aws:s3:::{name}"),
        Kind::Instances => format!("arn:aws:ec2:us-east-1:111122223333:instance/{name}"),
    }
}

/// The record of a creation. `born` is the time that `eventTime` would hold.
pub fn record(kind: Kind, event: usize, names: &[String], born: u64, omitted: bool) -> Value {
    let name = &names[0];
    let (source, call, request, response) = match kind {
        Kind::Queue => ("sqs", "CreateQueue", json!({ "queueName": name }), json!({ "queueUrl": name })),
        Kind::Role => {
            let role = json!({ "role": { "arn": arn(kind, name), "roleId": format!("AROA{event}") } });
            ("iam", "CreateRole", json!({ "roleName": name }), role)
        }
        Kind::Cache => {
            ("elasticache", "CreateReplicationGroup", json!({}), json!({ "replicationGroupId": name }))
        }
        Kind::Topic => {
            ("sns", "CreateTopic", json!({ "name": name }), json!({ "topicArn": arn(kind, name) }))
        }
        Kind::Bucket => ("s3", "CreateBucket", json!({ "bucketName": name }), Value::Null),
        Kind::Instances if omitted => {
            let count = json!({ "items": [{ "minCount": INSTANCES, "maxCount": INSTANCES }] });
            let request = json!({ "clientToken": format!("token-{event}"), "instancesSet": count });
            ("ec2", "RunInstances", request, json!({ "omitted": true }))
        }
        Kind::Instances => {
            let items: Vec<_> = names
                .iter()
                .map(|name| json!({ "instanceId": name, "networkInterfaceSet": { "items": [] } }))
                .collect();
            ("ec2", "RunInstances", json!({}), json!({ "instancesSet": { "items": items } }))
        }
    };
    json!({
        "eventID": format!("e-{event}"), "eventSource": format!("{source}.amazonaws.com"), "eventName": call,
        "awsRegion": "us-east-1", "recipientAccountId": "111122223333", "born": born,
        "userIdentity": { "type": "IAMUser", "userName": format!("user-{event}") },
        "requestParameters": request, "responseElements": response,
    })
}

pub fn resource_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Queue => "AWS::SQS::Queue",
        Kind::Role => "AWS::IAM::Role",
        Kind::Cache => "AWS::ElastiCache::ReplicationGroup",
        Kind::Topic => "AWS::SNS::Topic",
        Kind::Bucket => "AWS::S3::Bucket",
        Kind::Instances => "AWS::EC2::Instance",
    }
}
