//! `templates/policy.json`: what the function may do: tag and read tags, find children, write its log.

use crate::catalog::Catalog;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The actions of the function, sorted.
pub fn actions(catalog: &Catalog) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for operation in catalog.used_operations() {
        actions.extend(operation.actions.iter().cloned());
        actions.extend(operation.reads.iter().cloned());
    }
    actions.extend(catalog.entries().filter_map(|(_, entry)| entry.describe.clone()));
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
            {
                "Sid": "WriteOwnLog",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "arn:*:logs:*:*:log-group:/aws/lambda/auto-resource-tagger*",
            },
        ],
    })
}
