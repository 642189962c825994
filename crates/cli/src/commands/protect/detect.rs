//! Patterns of EventBridge rules to make by hand for what the policy does not see: tags that were taken away, and tagging
//! calls that do not tell their keys. Pure. The stack's own rule, with `TagChanges`, takes every change of the key and
//! leaves it to the function whose it was; these here tell at once, and the second one who it was.
//!
//! `Tag Change on Resource` says which keys changed and which tags there are now, and not who changed them: the tagger's
//! own write is such an event. So only a key that is gone can be told from it alone:
//! <https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-monitor.html>

use super::unseen;
use serde_json::{Value, json};

/// A rule.
pub struct Rule {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub purpose: &'static str,
    /// Its pattern.
    pub pattern: Value,
}

/// The rules for a key, in an account; without one they hold in any.
pub fn rules(key: &str, account: Option<&str>) -> [Rule; 2] {
    let mut gone = json!({
        "source": ["aws.tag"],
        "detail-type": ["Tag Change on Resource"],
        "detail": { "changed-tag-keys": [key], "tags": { key: [{ "exists": false }] } },
    });
    // Names of actions are those of the calls, but for one: removing a bucket's tags is guarded by writing them.
    let calls = unseen::ours().into_iter().filter_map(|action| action.split_once(':').map(|(_, call)| call));
    let calls: Vec<&str> = calls.chain(["DeleteBucketTagging"]).collect();
    let sources = unseen::ours().into_iter().filter_map(|action| action.split(':').next());
    let mut sources: Vec<String> = sources.map(|service| format!("{service}.amazonaws.com")).collect();
    sources.dedup();
    let mut unseen = json!({
        "detail-type": ["AWS API Call via CloudTrail"],
        "detail": {
            "eventSource": sources,
            "eventName": calls,
            "errorCode": [{ "exists": false }],
            "userIdentity": { "arn": [{ "anything-but": { "wildcard": "arn:*:sts::*:assumed-role/AutoResourceTaggerRole/*" } }] },
        },
    });
    if let Some(account) = account {
        for pattern in [&mut gone, &mut unseen] {
            pattern["account"] = json!([account]);
        }
    }
    [
        Rule {
            name: "auto-resource-tagger-tag-gone",
            purpose: "the key was taken off a resource",
            pattern: gone,
        },
        Rule {
            name: "auto-resource-tagger-tag-unseen",
            purpose: "somebody else tagged by a call that does not tell IAM its keys",
            pattern: unseen,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_they_match() {
        let [gone, unseen] = rules("Owner", Some("111122223333"));
        assert_eq!(gone.pattern["detail"]["changed-tag-keys"], json!(["Owner"]));
        assert_eq!(gone.pattern["detail"]["tags"]["Owner"], json!([{"exists": false}]));
        let sources = [
            "dax.amazonaws.com",
            "glacier.amazonaws.com",
            "route53.amazonaws.com",
            "s3.amazonaws.com",
            "securityhub.amazonaws.com",
        ];
        assert_eq!(unseen.pattern["detail"]["eventSource"], json!(sources));
        for rule in [gone, unseen] {
            assert_eq!(rule.pattern["account"], json!(["111122223333"]));
            // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
            assert!(rule.pattern.to_string().len() < 2_048, "{}", rule.name);
        }
    }
}
