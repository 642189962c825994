//! What the harness itself cuts out of ARNs. The product's own cuts are judged by these, so they share no code with it.

use tagger_catalog::operation::Takes;

/// The part of an ARN at a place, such as 3 for the region; the last, 5, is the resource with all its colons.
pub fn part(arn: &str, at: usize) -> &str {
    arn.splitn(6, ':').nth(at).unwrap_or_default()
}

/// The word of the resource's type.
pub fn kind(arn: &str) -> &str {
    part(arn, 5).split(['/', ':']).next().unwrap_or_default()
}

/// What stands at the very end: of a name with slashes or colons, its last part.
pub fn end(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or_default()
}

/// Whether an operation means a resource by this identifier.
pub fn is_identifier(arn: &str, takes: Takes, id: &str) -> bool {
    match takes {
        Takes::Arn => arn == id,
        Takes::Path => part(arn, 5).split_once(['/', ':']).is_some_and(|(_, path)| path == id),
        Takes::After(text) => part(arn, 5).split(text).nth(1) == Some(id),
        Takes::Last => end(arn) == id,
        Takes::Given => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{Takes, is_identifier};

    #[test]
    fn the_end_of_a_name_is_another_name() {
        let group = "arn:aws:autoscaling:r:1:autoScalingGroup:*:autoScalingGroupName/team-b/web";
        let after = Takes::After(":autoScalingGroupName/");
        for (arn, takes, id, expected) in [
            (group, after, "team-b/web", true),
            (group, after, "web", false),
            ("arn:aws:kinesis:r:1:stream/web", Takes::Path, "web", true),
            ("arn:aws:kinesis:r:1:stream/web", Takes::Path, "stream/web", false),
            ("arn:aws:x:r:1:job/team-b/web", Takes::Path, "web", false),
            ("arn:aws:iam::1:role/team-b/ops", Takes::Last, "ops", true),
        ] {
            assert_eq!(is_identifier(arn, takes, id), expected, "{arn} by {id}");
        }
    }
}
