//! What an answer proves about one resource: whether it is the one of the record, what it lacks, and by which call a
//! bucket is tagged. Pure functions; `attempt` asks by them.

use crate::{
    arn::Arn,
    json,
    outcome::{Class, Failure, Outcome, UNREADABLE},
    record::Record,
    resources::Resource,
    step::{Facts, Tags, Target},
};
use tagger_catalog::{Operation, lifetime::Told, operation::Variant};

/// A bucket as it is tagged by the call that replaces its whole set; none for anything else.
pub(crate) fn whole_set(resource: &Resource) -> Option<Target> {
    let operation = tagger_catalog::operation("s3:PutBucketTagging")?;
    let name = Arn::parse(&resource.arn)?.resource;
    (resource.entry.operation.variant == Variant::S3)
        .then(|| Target { operation, ..Target::of(resource).named(name) })
}

/// A bucket as it is tagged where S3 Control's additive call does not exist, as this failure of it says; none
/// otherwise. A time-out or a reset says nothing of the kind: the first choice is tried again later, rather than the
/// second one now, since between its read and its write somebody else's tag can be lost.
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html>
pub fn as_whole_set(resource: &Resource, failure: &Failure) -> Option<Target> {
    let no_such_host = failure.code == "Unreachable" && failure.message.contains("dns error");
    let refuses = failure.class == Class::Unsupported
        || ["HTTP405", "HTTP501"].contains(&failure.code.as_str())
        || no_such_host;
    if refuses { whole_set(resource) } else { None }
}

/// Whether an error means that the service does not tell. An answer that cannot be read is not one: it may tell of another
/// resource.
pub(crate) fn is_no_answer(failure: &Failure) -> bool {
    let refuses = matches!(failure.class, Class::Denied | Class::Unsupported | Class::Failed);
    refuses && !failure.passes && failure.code != UNREADABLE
}

/// Whether a resource is the one that the record tells of; none where neither an id nor a time says so.
pub fn same(record: &Record, event_time: Option<u64>, told: &Told, facts: &Facts) -> Option<bool> {
    let (path, _) = told.same;
    if !path.is_empty()
        && let Some(id) = &facts.id
        && let Some(recorded) = json::at_path(record.value(), path).into_iter().find_map(json::text)
    {
        return Some(*id == recorded);
    }
    Some(facts.created? <= event_time? + told.within)
}

/// So many seconds before the event a resource may have been made by it: a clock's tolerance.
const BEFORE: u64 = 60;

/// Whether a resource was there before the call, which then only found or changed it.
pub(crate) fn existed(event_time: Option<u64>, facts: &Facts) -> bool {
    facts.created.zip(event_time).is_some_and(|(created, event)| created + BEFORE < event)
}

/// The tags that a resource lacks, and the keys of further ones for which it has no room; or what became of it, where
/// there is nothing to write. The creator's comes first.
///
/// # Errors
/// It has the creator's key, or no room for it.
pub fn to_write(
    planned: &[(String, String)],
    operation: &Operation,
    there: &[(String, String)],
) -> Result<(Tags, Vec<String>), Outcome> {
    if let Some(value) = value_of(operation, there, planned.first().map_or("", |tag| tag.0.as_str())) {
        return Err(Outcome::AlreadyTagged { value: value.to_owned() });
    }
    let lacks = planned.iter().filter(|(key, _)| value_of(operation, there, key).is_none());
    let mut tags: Tags = lacks.cloned().collect();
    // AWS's own tags do not count: <https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html>
    let counted = there.iter().filter(|(key, _)| !key.starts_with("aws:")).count();
    let room = usize::from(operation.max_tags).saturating_sub(counted);
    if room == 0 {
        let message = format!("it has {counted} tags of {} that it may have", operation.max_tags);
        return Err(Outcome::Failed(Failure::ours(Class::Limit, operation.name, "TagLimit", message)));
    }
    let left_out = tags.split_off(room.min(tags.len()));
    Ok((tags, left_out.into_iter().map(|(key, _)| key).collect()))
}

/// The value of a key that is there. IAM does not tell `CreatedBy` from `createdby`:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>
pub(crate) fn value_of<'a>(
    operation: &Operation,
    there: &'a [(String, String)],
    key: &str,
) -> Option<&'a str> {
    let folds = operation.endpoint == "iam";
    let same = |(other, _): &&(String, String)| other == key || folds && other.eq_ignore_ascii_case(key);
    there.iter().find(same).map(|(_, value)| value.as_str())
}
