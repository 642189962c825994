//! Tagging actions that do not tell IAM their keys, by AWS's service authorization reference. Data, and two questions
//! to it.

use crate::templates::POLICY;
use serde_json::Value;
use std::collections::BTreeSet;

/// `catalog/protection/unseen.txt`.
const UNSEEN: &str = include_str!("../../../../../catalog/protection/unseen.txt");

/// Every such action.
pub fn all() -> impl Iterator<Item = &'static str> {
    UNSEEN.lines().filter(|line| !line.starts_with('#'))
}

/// How many tagging actions there are, and how many of them tell their keys.
pub fn counts() -> (usize, usize) {
    let line = UNSEEN.lines().find_map(|line| line.strip_prefix("# tagging actions: ")).unwrap_or_default();
    let total = line.split(',').next().and_then(|number| number.parse().ok()).unwrap_or(0);
    (total, total.saturating_sub(all().count()))
}

/// Those by which the tagger tags, and those that undo it. S3's about objects are none of them: the tagger tags buckets.
/// Nor are the Tagging API's, which need the service's own action as well, and that one tells its keys:
/// <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_TagResources.html>
pub fn ours() -> Vec<&'static str> {
    let policy: Value = serde_json::from_str(POLICY).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let may: BTreeSet<&str> = statements
        .flat_map(|statement| statement["Action"].as_array().into_iter().flatten())
        .filter_map(Value::as_str)
        .collect();
    let service = |action: &'static str| action.split(':').next().unwrap_or_default();
    // The reference counts a few that only read among the tagging actions.
    let reads = |action: &str| action.contains(":List") || action.contains(":Get");
    let services: BTreeSet<&str> =
        all().filter(|action| may.contains(action) && !reads(action)).map(service).collect();
    let is_for_objects = |action: &str| action.contains("Object") || action == "s3:ReplicateTags";
    let ours = |action: &'static str| {
        services.contains(service(action))
            && service(action) != "tag"
            && !is_for_objects(action)
            && !reads(action)
    };
    all().filter(|action| ours(action)).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn those_by_which_the_tagger_tags() {
        let expected = [
            "dax:TagResource",
            "dax:UntagResource",
            "glacier:AddTagsToVault",
            "glacier:RemoveTagsFromVault",
            "route53:ChangeTagsForResource",
            "s3:PutBucketTagging",
            "securityhub:TagResource",
            "securityhub:UntagResource",
        ];
        assert_eq!(super::ours(), expected);
        let (total, seen) = super::counts();
        assert_eq!((total, total - seen), (735, super::all().count()));
    }
}
