//! Whether a record of the event history is the one that is looked for. Pure.

use crate::{
    arn::Arn,
    json,
    plan::{Plan, plan},
    record::Record,
    stack,
    step::Wanted,
};
use serde_json::Value;
use tagger_catalog::{Entry, Lifetime};

/// How calls that delete something begin.
const DELETES: [&str; 9] =
    ["Delete", "Terminate", "Deregister", "Remove", "Release", "Destroy", "Disable", "Cancel", "Revoke"];

/// What a call deletes by its name, `Queue` of DeleteQueue; none where it deletes nothing.
pub fn deletes(event_name: &str) -> Option<&str> {
    DELETES.iter().find_map(|word| event_name.strip_prefix(word)).filter(|what| !what.is_empty())
}

/// Whether it is.
pub fn is(wanted: &Wanted, record: &Record) -> bool {
    match wanted {
        Wanted::MadeStack { arn, made_by } => stack::made(record, arn, made_by),
        Wanted::Deleted { source, names } => {
            let name = record.event_name();
            let is_it = |text: &str| names.iter().any(|one| one == text);
            record.event_source() == *source
                && deletes(&name).is_some()
                && record.created_nothing().is_none()
                && json::any_text(json::member(record.value(), "requestParameters"), &is_it)
        }
        Wanted::Created { arn, value, policy } => {
            let plan = plan(record, policy, None);
            plan.actions.iter().any(|resource| resource.arn == *arn)
                && plan.tags.first().is_some_and(|(_, named)| named == value)
        }
    }
}

/// The names under which CloudTrail may know a resource: services give it an id, a name, a URL or the ARN.
pub fn names(arn: &str, id: &str) -> Vec<String> {
    let parsed = Arn::parse(arn);
    let (path, resource) = parsed.map_or(("", ""), |arn| (arn.path(), arn.resource));
    let mut names: Vec<String> = Vec::new();
    for name in [path, id, resource, arn] {
        if !name.is_empty() && !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The instance of which a resource is a part, as the answer of its launch says: what ends with it has no call of its own.
pub fn instance_of(record: &Record, id: &str) -> Option<String> {
    let items = json::at_path(record.value(), "responseElements.instancesSet.items[]");
    let item = items.into_iter().find(|item| json::any_text(item, &|text| text == id))?;
    json::member_text(item, "instanceId").map(Into::into)
}

/// Whether a creator that a new resource has may be that of an earlier one of its name: it is another's than the call's,
/// the call's request does not give it, and the name can be given again.
pub fn may_be_anothers(record: &Record, plan: &Plan, entry: &Entry, value: &str) -> bool {
    let Some((key, ours)) = plan.tags.first() else { return false };
    value != ours
        && plan.inherit.is_none()
        && !matches!(tagger_catalog::lifetime(entry.resource_type), Lifetime::Unique)
        && !asks_for(record, key)
}

/// Whether the request gives this key: its owner set it with the call.
fn asks_for(record: &Record, key: &str) -> bool {
    fn holds(value: &Value, key: &str) -> bool {
        match value {
            Value::Array(list) => list.iter().any(|inner| holds(inner, key)),
            Value::Object(map) => map.iter().any(|(name, inner)| {
                name == key
                    || (["key", "tagkey"].contains(&name.to_ascii_lowercase().as_str())
                        && inner.as_str() == Some(key))
                    || holds(inner, key)
            }),
            _ => false,
        }
    }
    holds(json::member(record.value(), "requestParameters"), key)
}
