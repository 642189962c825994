//! `templates/policy.json`: what the function may do: tag and read tags, find children, read the event
//! history, write its log.

use crate::catalog::Catalog;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What reads the event history, with its reasons.
pub const HISTORY: (&str, &str) = (
    "cloudtrail:LookupEvents",
    "read the event history: who made a stack for which CloudFormation acts with a role of its own, what the live path missed \
     (unless the parameter `Reconcile` is off), who changed the creator's tag (with `TagChanges`)",
);

/// What reconciling reads beside that, each with its reason. It is a statement of its own, which goes when reconciling
/// is off.
pub const RECONCILING: [(&str, &str); 2] = [
    ("ec2:DescribeRegions", "know which regions are enabled, to read the history of those with a forwarder"),
    ("tag:GetResources", "know of a hundred resources at a time which have the key already"),
];

/// What looks at EC2's resources that may have tags of which no record tells (`crates/aws/src/ec2.rs`), each with its
/// reason.
pub const LOOKING: [(&str, &str); 3] = [
    ("ec2:DescribeImages", "see the tags that a copied AWS::EC2::Image brought along"),
    (
        "ec2:DescribeNetworkInterfaces",
        "see the tags that an AWS::EC2::NetworkInterface has from a launch template",
    ),
    ("ec2:DescribeVolumes", "see the tags that an AWS::EC2::Volume has from a launch template"),
];

/// What API Gateway asks for on the tagged resource itself, beside the verb on `/tags`, each with its reason. A tagging call
/// was seen to need PATCH there (<https://github.com/iann0036/iam-dataset/pull/39>, tried on AWS), and calls that give tags to
/// need TagResource (<https://github.com/aws-amplify/amplify-cli/issues/12316>, <https://github.com/cloudtools/awacs/issues/254>).
/// PATCH changes APIs as well, so it is allowed only where the request carries keys of tags, which no other PATCH does.
pub const ON_APIS: [(&str, &str); 2] = [
    (
        "apigateway:PATCH",
        "API Gateway asks for it on the resource that is tagged; only where the request carries keys of tags (`aws:TagKeys`)",
    ),
    ("apigateway:TagResource", "API Gateway asks for it on the resource that is tagged"),
];

/// What writes tags without telling IAM their keys, or with all keys that the resource has, so that no condition on keys can
/// hold it to ours; each with the resources to which it is held instead. Which do not tell is
/// `catalog/protection/unseen.txt`, from AWS's service authorization reference; which write all tags, `replaces` in
/// `catalog/operations.toml`. [`refuse_unseen`] holds this table against both.
pub const UNSEEN: [(&str, &[&str]); 5] = [
    ("dax:TagResource", &["dax:*:*:cache/*"]),
    ("glacier:AddTagsToVault", &["glacier:*:*:vaults/*"]),
    ("route53:ChangeTagsForResource", &["route53:::hostedzone/*", "route53:::healthcheck/*"]),
    ("s3:PutBucketTagging", &["s3:::*"]),
    ("securityhub:TagResource", &["securityhub:*:*:*"]),
];

/// Writes tags by the service's own action, which is asked for as well and tells its keys, but has no resources of its own:
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonresourcegrouptaggingapi.html>
pub const BY_TAGGING_API: &str = "tag:TagResources";

/// The tag by which a run of the reconcile function remembers how far it came, on that function.
pub const MARKS: &str = "auto-resource-tagger-reconciled:*";

/// The functions of the product, which alone may use the role's permissions to tag.
pub const FUNCTIONS: [&str; 3] =
    ["auto-resource-tagger", "auto-resource-tagger-reconcile", "auto-resource-tagger-tag-changes"];

/// The actions that [`UNSEEN`] and [`BY_TAGGING_API`] take out of the statement with the condition on keys.
pub fn is_seen(action: &str) -> bool {
    action != BY_TAGGING_API && UNSEEN.iter().all(|(name, _)| *name != action)
}

/// Refuses a table of unseen actions that differs from what the data says.
///
/// # Errors
/// The actions that are missing in the table, or are there for nothing.
pub fn refuse_unseen(catalog: &Catalog, listed: &str) -> Result<(), String> {
    let unseen: BTreeSet<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    let mut wanted = BTreeSet::new();
    for operation in catalog.used_operations() {
        let all = operation.replaces;
        wanted.extend(
            operation.actions.iter().filter(|action| all || unseen.contains(action.as_str())).cloned(),
        );
    }
    let stated: BTreeSet<String> =
        UNSEEN.iter().map(|(name, _)| *name).chain([BY_TAGGING_API]).map(str::to_owned).collect();
    if wanted == stated {
        return Ok(());
    }
    let list = |of: &BTreeSet<String>, less: &BTreeSet<String>| {
        of.difference(less).cloned().collect::<Vec<_>>().join(", ")
    };
    Err(format!(
        "xtask/src/codegen/policy.rs: UNSEEN: actions that do not tell the keys they write are missing: [{}]; others are there \
         for nothing: [{}]",
        list(&wanted, &stated),
        list(&stated, &wanted)
    ))
}

/// The actions of the function, sorted.
pub fn actions(catalog: &Catalog) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for operation in catalog.used_operations() {
        actions.extend(operation.actions.iter().cloned());
        actions.extend(operation.reads.iter().cloned());
    }
    actions.extend(catalog.entries().filter_map(|(_, entry)| entry.describe.clone()));
    actions.extend(catalog.parents.operation.iter().flat_map(|operation| operation.reads.iter().cloned()));
    actions.extend(LOOKING.map(|(action, _)| action.to_owned()));
    actions
}

/// The role's policy in one piece, for reading and for the sandbox. It is longer than IAM takes for one: the templates
/// divide it (`super::template`).
pub fn policy(catalog: &Catalog) -> Value {
    let (of_apis, tagging): (BTreeSet<_>, BTreeSet<_>) =
        actions(catalog).into_iter().partition(|action| action.starts_with("apigateway:"));
    let tagging: BTreeSet<_> = tagging.into_iter().filter(|action| is_seen(action)).collect();
    let keys = json!(["CreatedBy", MARKS]);
    let by_us = json!({ "lambda:SourceFunctionArn": FUNCTIONS.map(|name| format!("arn:*:lambda:*:*:function:{name}")) });
    let own_keys = json!({ "ForAllValues:StringLike": { "aws:TagKeys": keys }, "ArnLike": by_us });
    let (unseen, resources) = unseen();
    json!({
        "Version": "2012-10-17",
        "Statement": [
            // The keys are those of the default settings; the templates have the deployed ones. A call that tells no keys,
            // such as one that reads, passes.
            { "Sid": "TagAndReadTags", "Effect": "Allow", "Action": tagging, "Resource": "*", "Condition": own_keys },
            { "Sid": "TagWithoutTellingKeys", "Effect": "Allow", "Action": unseen, "Resource": resources, "Condition": { "ArnLike": by_us } },
            { "Sid": "TagByTaggingApi", "Effect": "Allow", "Action": [BY_TAGGING_API], "Resource": "*", "Condition": { "ArnLike": by_us } },
            // API Gateway's actions are HTTP methods; only below /tags do they mean tagging.
            {
                "Sid": "TagApis",
                "Effect": "Allow",
                "Action": of_apis,
                "Resource": ["arn:*:apigateway:*::/tags/*", "arn:*:apigateway:*::/v2/tags/*"],
                "Condition": own_keys,
            },
            {
                "Sid": "PatchTagsOfApis",
                "Effect": "Allow",
                "Action": [ON_APIS[0].0],
                "Resource": "arn:*:apigateway:*::/*",
                "Condition": {
                    "ForAnyValue:StringLike": { "aws:TagKeys": "*" },
                    "ForAllValues:StringLike": { "aws:TagKeys": keys },
                    "ArnLike": by_us,
                },
            },
            { "Sid": "TagResourcesOfApis", "Effect": "Allow", "Action": [ON_APIS[1].0], "Resource": "arn:*:apigateway:*::/*", "Condition": own_keys },
            { "Sid": "ReadHistory", "Effect": "Allow", "Action": [HISTORY.0], "Resource": "*" },
            { "Sid": "Reconcile", "Effect": "Allow", "Action": RECONCILING.map(|(action, _)| action), "Resource": "*" },
            {
                "Sid": "WriteOwnLog",
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": "arn:*:logs:*:*:log-group:/aws/lambda/auto-resource-tagger*",
            },
        ],
    })
}

/// The actions of [`UNSEEN`], and their resources in any partition.
pub fn unseen() -> (Vec<&'static str>, Vec<String>) {
    let actions = UNSEEN.iter().map(|(name, _)| *name).collect();
    let resources = UNSEEN.iter().flat_map(|(_, resources)| *resources).map(|rest| format!("arn:*:{rest}"));
    (actions, resources.collect())
}

/// Actions that the service authorization reference does not list, with what shows them.
const NOT_LISTED: [(&str, &str); 3] = [
    (
        "apigateway:TagResource",
        "API Gateway's own refusal names it: https://github.com/aws-amplify/amplify-cli/issues/12316",
    ),
    (
        "mediaconnect:ListTagsForGlobalResource",
        "the operation of AWS's API model; the reference lists ListTagsForResource alone",
    ),
    (
        "mediaconnect:TagGlobalResource",
        "the operation of AWS's API model; the reference lists TagResource alone",
    ),
];

/// Refuses an action that does not exist, which IAM would take without a word.
///
/// # Errors
/// The actions that `catalog/reference/actions.txt` does not list.
pub fn refuse_unknown_actions(catalog: &Catalog, listed: &str) -> Result<(), String> {
    let mut wanted = actions(catalog);
    wanted.extend(RECONCILING.map(|(action, _)| action.to_owned()));
    wanted.extend(ON_APIS.map(|(action, _)| action.to_owned()));
    wanted.insert(HISTORY.0.to_owned());
    unknown(&wanted, listed)
}

fn unknown(wanted: &BTreeSet<String>, listed: &str) -> Result<(), String> {
    let listed: BTreeSet<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
    let known = |action: &str| listed.contains(action) || NOT_LISTED.iter().any(|(name, _)| *name == action);
    let unknown: Vec<_> = wanted.iter().filter(|action| !known(action)).map(String::as_str).collect();
    let idle: Vec<_> =
        NOT_LISTED.iter().map(|(name, _)| *name).filter(|name| listed.contains(name)).collect();
    match (unknown.as_slice(), idle.as_slice()) {
        ([], []) => Ok(()),
        ([], idle) => Err(format!(
            "xtask/src/codegen/policy.rs: NOT_LISTED: the reference lists {} by now; remove it",
            idle.join(", ")
        )),
        (unknown, _) => Err(format!(
            "catalog/reference/actions.txt does not list {}: fix the name in catalog/tools/operations.py, \
             catalog/lifetimes.toml, catalog/parents.toml or the entry's `describe`; \
             where the name is right, run catalog/tools/actions.py",
            unknown.join(", ")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_action_that_no_service_has_is_refused() {
        let listed = "# A comment\nsqs:ListQueueTags\nsqs:TagQueue\n";
        let wanted = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(unknown(&wanted(&["sqs:TagQueue", "mediaconnect:TagGlobalResource"]), listed), Ok(()));
        let error = unknown(&wanted(&["sqs:TagQueues", "sqs:TagQueue"]), listed).unwrap_err();
        assert!(error.contains("does not list sqs:TagQueues:"), "{error}");
        let error = unknown(&wanted(&[]), "mediaconnect:TagGlobalResource").unwrap_err();
        assert!(error.contains("lists mediaconnect:TagGlobalResource by now; remove it"), "{error}");
    }
}
