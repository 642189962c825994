//! `templates/policy.json`: what the function may do: tag and read tags, find children, read the event
//! history, write its log.

use crate::catalog::Catalog;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What reconciling reads, beside what tagging does, each with its reason. It is a statement of its own, which goes
/// when reconciling is off.
pub const RECONCILING: [(&str, &str); 3] = [
    ("cloudtrail:LookupEvents", "read the event history, for what the live path missed"),
    ("ec2:DescribeRegions", "know which regions are enabled, to read the history of those with a forwarder"),
    ("tag:GetResources", "know of a hundred resources at a time which have the key already"),
];

/// The actions of the function, sorted.
pub fn actions(catalog: &Catalog) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for operation in catalog.used_operations() {
        actions.extend(operation.actions.iter().cloned());
        actions.extend(operation.reads.iter().cloned());
    }
    actions.extend(catalog.entries().filter_map(|(_, entry)| entry.describe.clone()));
    actions.extend(catalog.parents.operation.iter().flat_map(|operation| operation.reads.iter().cloned()));
    actions
}

/// The role's policy in one piece, for reading and for the sandbox. It is longer than IAM takes for one: the templates
/// divide it (`super::template`).
pub fn policy(catalog: &Catalog) -> Value {
    let (of_apis, tagging): (BTreeSet<_>, BTreeSet<_>) =
        actions(catalog).into_iter().partition(|action| action.starts_with("apigateway:"));
    json!({
        "Version": "2012-10-17",
        "Statement": [
            { "Sid": "TagAndReadTags", "Effect": "Allow", "Action": tagging, "Resource": "*" },
            // API Gateway's actions are HTTP methods; only below /tags do they mean tagging.
            { "Sid": "TagApis", "Effect": "Allow", "Action": of_apis, "Resource": ["arn:*:apigateway:*::/tags/*", "arn:*:apigateway:*::/v2/tags/*"] },
            { "Sid": "ReadHistory", "Effect": "Allow", "Action": RECONCILING.map(|(action, _)| action), "Resource": "*" },
            {
                "Sid": "WriteOwnLog",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "arn:*:logs:*:*:log-group:/aws/lambda/auto-resource-tagger*",
            },
        ],
    })
}
