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

/// What stands at the very end. The names of the run hold neither slashes nor colons.
pub fn end(arn: &str) -> &str {
    arn.rsplit(['/', ':']).next().unwrap_or_default()
}

/// Whether an operation means a resource by this identifier.
pub fn is_identifier(arn: &str, takes: Takes, id: &str) -> bool {
    match takes {
        Takes::Arn => arn == id,
        Takes::Path | Takes::After(_) | Takes::Last => end(arn) == id,
        Takes::Given => true,
    }
}
