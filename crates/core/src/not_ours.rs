//! What AWS lets nobody in the account tag, as far as the record tells; `catalog/not_ours.toml` says which. Pure.

use crate::{diagnostic::Diagnostic, json, policy::matches, record::Record, resources::Resource};
use tagger_catalog::not_ours::NotOurs;

/// The resources without those that only AWS may change; of these it is said why.
pub(crate) fn left_alone(
    resources: Vec<Resource>,
    record: &Record,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Resource> {
    let mut is_ours = |resource: &Resource| match why(record, resource) {
        None => true,
        Some(why) => {
            diagnostics.push(Diagnostic::not_ours(resource.entry.resource_type, &resource.arn, why));
            false
        }
    };
    resources.into_iter().filter(|resource| is_ours(resource)).collect()
}

/// Why only AWS may change this resource; none where somebody else may, or nobody knows.
fn why(record: &Record, resource: &Resource) -> Option<&'static str> {
    let of_type = |one: &&NotOurs| one.resource_type == resource.entry.resource_type;
    let says = |(path, value): &(&str, &str)| {
        json::at_path(record.value(), path).into_iter().find_map(json::text).as_deref() == Some(*value)
    };
    let fits =
        |one: &&NotOurs| (one.arn.is_empty() || matches(one.arn, &resource.arn)) && one.when.iter().all(says);
    tagger_catalog::not_ours().iter().filter(of_type).find(fits).map(|one| one.why)
}
