//! Whether a record of the event history is the one that is looked for. Pure.

use crate::{
    arn::Arn,
    json,
    patience::Age,
    plan::{Plan, plan},
    record::Record,
    stack,
    step::Wanted,
    tag_change::TOGETHER,
    tags_in,
};
use serde_json::Value;
use tagger_catalog::{Copies, Entry, Lifetime, plain_event_name};

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
        Wanted::Changes { names } => stack::is_change(record, names),
        Wanted::Taken { session, key } => stack::took(record, session, key.as_deref()),
        Wanted::About { names, id } => {
            let is_it = |text: &str| is_or_ends_with(text, id);
            names.contains(&record.event_name().as_ref())
                && record.created_nothing().is_none()
                && ["requestParameters", "responseElements"]
                    .iter()
                    .any(|part| json::any_text(json::member(record.value(), part), &is_it))
        }
        Wanted::Deleted { source, what, names } => {
            let name = record.event_name();
            let is_it = |text: &str| names.iter().any(|one| one == text);
            record.event_source() == *source
                && deletes(plain_event_name(&name)).is_some_and(|found| what.is_empty() || found == what)
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

/// Whether a text is an id, or ends with it as an ARN does.
fn is_or_ends_with(text: &str, id: &str) -> bool {
    let before = text.strip_suffix(id);
    !id.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with(['/', ':']))
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
        && !plan.own_tags
        && !matches!(tagger_catalog::lifetime(entry.resource_type), Lifetime::Unique)
        && !asks_for(record, key)
}

/// Whether a creator that a new resource has is that of its source, whose tags the call copied: its entry says that it
/// copies them, its request does not set the key, and its answer shows this one. Services copy some tags after they
/// answered, so where it shows none, what comes within minutes came with the call.
pub fn is_copied(
    record: &Record,
    entry: &Entry,
    planned: &[(String, String)],
    there: &[(String, String)],
    value: &str,
    age: Age,
) -> bool {
    let Some((key, ours)) = planned.first() else { return false };
    let at = |path: &str| {
        let mut found = json::at_path(record.value(), path).into_iter();
        found.any(|value| match value {
            Value::Array(list) => !list.is_empty(),
            Value::String(text) if text.eq_ignore_ascii_case("NONE") => false,
            other => !other.is_null() && json::flag(other) != Some(false),
        })
    };
    let copies = match entry.copies {
        Copies::Never => false,
        Copies::Always => true,
        Copies::If(path) => at(path),
        // CloudFormation's own tags came with the request, also where the record does not show it.
        Copies::Unless(path) => {
            !at(path) && there.iter().all(|(known, _)| !known.starts_with("aws:cloudformation:"))
        }
    };
    let asked = || tags_in::asked(record).iter().any(|(known, _)| known == key);
    if !copies || value == ours || asked() {
        return false;
    }
    let shown = tags_in::shown(record).unwrap_or_default();
    match tags_in::only(&shown, key) {
        Some(shown) => shown == value,
        None => age.event < TOGETHER,
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_came_with_the_source() {
        let alice = json!([{ "key": "CreatedBy", "value": "alice" }]);
        let restore = "RestoreDBInstanceFromDBSnapshot";
        let nothing = || json!({});
        for (what, source, name, request, answer, there, age, expected) in [
            ("a restore", "rds", restore, nothing(), nothing(), "", 20, true),
            (
                "and its answer shows it",
                "rds",
                restore,
                nothing(),
                json!({ "tagList": alice }),
                "",
                90_000,
                true,
            ),
            (
                "its answer shows another",
                "rds",
                restore,
                nothing(),
                json!({ "tagList": [{ "key": "CreatedBy", "value": "carol" }] }),
                "",
                20,
                false,
            ),
            ("its answer shows none yet", "rds", restore, nothing(), json!({ "tagList": [] }), "", 20, true),
            ("long ago, and nothing shows it", "rds", restore, nothing(), nothing(), "", TOGETHER, false),
            ("the request sets it", "rds", restore, json!({ "tags": alice }), nothing(), "", 20, false),
            (
                "the request sets others, so none is copied",
                "rds",
                restore,
                json!({ "tags": [{ "key": "a", "value": "b" }] }),
                nothing(),
                "",
                20,
                false,
            ),
            (
                "a stack's, whose record does not show its tags",
                "rds",
                restore,
                nothing(),
                nothing(),
                "aws:cloudformation:stack-id",
                20,
                false,
            ),
            (
                "a pair elsewhere in the request",
                "rds",
                restore,
                json!({ "processorFeatures": [{ "key": "CreatedBy", "value": "alice" }] }),
                nothing(),
                "",
                20,
                true,
            ),
            (
                "to a point in time",
                "rds",
                "RestoreDBInstanceToPointInTime",
                nothing(),
                nothing(),
                "",
                20,
                true,
            ),
            ("a cluster", "rds", "RestoreDBClusterFromSnapshot", nothing(), nothing(), "", 20, true),
            ("a copy without its tags", "rds", "CopyDBSnapshot", nothing(), nothing(), "", 20, false),
            (
                "a copy with its tags",
                "rds",
                "CopyDBSnapshot",
                json!({ "copyTags": true }),
                nothing(),
                "",
                20,
                true,
            ),
            (
                "an image",
                "ec2",
                "CopyImage",
                json!({ "copyImageTags": true }),
                json!({ "imageId": "ami-1" }),
                "",
                20,
                true,
            ),
            (
                "snapshots",
                "ec2",
                "CreateSnapshots",
                json!({ "copyTagsFromSource": "volume" }),
                nothing(),
                "",
                20,
                true,
            ),
            (
                "a task without",
                "ecs",
                "RunTask",
                json!({ "propagateTags": "NONE" }),
                nothing(),
                "",
                20,
                false,
            ),
            (
                "a task with its definition's",
                "ecs",
                "RunTask",
                json!({ "propagateTags": "TASK_DEFINITION" }),
                nothing(),
                "",
                20,
                true,
            ),
            ("what copies nothing", "rds", "CreateDBInstance", nothing(), nothing(), "", 20, false),
        ] {
            let source = format!("{source}.amazonaws.com");
            let record = Record::new(json!({
                "eventSource": source, "eventName": name, "requestParameters": request, "responseElements": answer,
            }));
            let entry = &tagger_catalog::event(&source, name).unwrap().entries[0];
            let tag = |key: &str, value: &str| (key.to_owned(), value.to_owned());
            let there = [tag("CreatedBy", "alice"), tag(there, "x")];
            let age = Age { event: age, waited: age };
            let found = is_copied(&record, entry, &[tag("CreatedBy", "bob")], &there, "alice", age);
            assert_eq!(found, expected, "{what}");
            let own = is_copied(&record, entry, &[tag("CreatedBy", "alice")], &there, "alice", age);
            assert!(!own, "{what}: it is the caller's own");
        }
    }

    #[test]
    fn what_a_call_is_about() {
        let wanted = Wanted::About { names: &["StartRestoreJob"], id: "snap-1".to_owned() };
        let call = |name: &str, arn: &str| {
            Record::new(json!({
                "eventSource": "backup.amazonaws.com", "eventName": name, "requestParameters": { "recoveryPointArn": arn },
            }))
        };
        for (name, arn, expected) in [
            ("StartRestoreJob", "arn:aws:ec2:eu-west-1::snapshot/snap-1", true),
            ("StartRestoreJob", "snap-1", true),
            ("StartRestoreJob", "arn:aws:ec2:eu-west-1::snapshot/snap-11", false),
            ("StartRestoreJob", "arn:aws:ec2:eu-west-1::snapshot/x-snap-1", false),
            ("StartBackupJob", "arn:aws:ec2:eu-west-1::snapshot/snap-1", false),
        ] {
            assert_eq!(is(&wanted, &call(name, arn)), expected, "{name} {arn}");
        }
    }
}
