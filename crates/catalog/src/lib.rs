//! What the product knows about AWS, as static tables: which event creates which resource type, how
//! its ARN reads out of the record, which operation tags it.
//!
//! The tables in `generated.rs` are written by `cargo xtask codegen` from `catalog/*.toml`; nothing
//! is parsed at start. This crate answers look-ups and holds the types of the data. It must not read
//! files, know JSON, or depend on another crate.

pub mod client;
pub mod ec2;
pub mod endpoint;
pub mod entry;
pub mod errors;
pub mod finder;
#[rustfmt::skip]
mod generated;
pub mod identities;
pub mod lifetime;
pub mod not_ours;
pub mod operation;
pub mod parent;
pub mod partition;
pub mod quota;
pub mod template;

pub use entry::{Copies, Entry, Event, Evidence, Upsert};
pub use lifetime::Lifetime;
pub use operation::Operation;

/// Every event of the catalog, sorted by event source and then by plain event name.
pub fn events() -> &'static [Event] {
    generated::EVENTS
}

/// Why the catalog has no entry for an event, where somebody decided so: by its source and its plain name.
pub fn left_alone(source: &str, name: &str) -> Option<&'static str> {
    let name = plain_event_name(name);
    let found = generated::LEFT_ALONE.binary_search_by(|(one, event, _)| (*one, *event).cmp(&(source, name)));
    Some(generated::LEFT_ALONE[found.ok()?].2)
}

/// Every tagging operation that an entry uses, sorted by name.
pub fn operations() -> &'static [Operation] {
    generated::OPERATIONS
}

/// What error codes mean; the first that fits wins.
pub fn meanings() -> &'static [errors::Meaning] {
    generated::MEANINGS
}

/// What AWS lets nobody tag.
pub fn not_ours() -> &'static [not_ours::NotOurs] {
    generated::NOT_OURS
}

/// What is known of a resource type over time.
pub fn lifetime(resource_type: &str) -> Lifetime {
    if generated::UNIQUE.binary_search(&resource_type).is_ok() {
        return Lifetime::Unique;
    }
    told_of(resource_type).filter(|told| !told.only_existed).map_or(Lifetime::Unknown, Lifetime::Told)
}

/// What a service tells of a type, also where that shows nothing but whether it was there before a call.
pub fn told_of(resource_type: &str) -> Option<&'static lifetime::Told> {
    generated::TOLD.iter().find(|told| told.resource_type == resource_type)
}

/// A tagging operation by its name, such as `s3:PutBucketTagging`.
pub fn operation(name: &str) -> Option<&'static Operation> {
    let found = operations().binary_search_by(|operation| operation.name.cmp(name));
    found.ok().map(|place| &operations()[place])
}

/// Whether an entry's event fires again on what exists, and neither the record nor the service tells which it was.
pub fn may_be_update(entry: &Entry) -> bool {
    let tells = || told_of(entry.resource_type).is_some_and(|told| !told.created.is_empty());
    entry.upsert != Upsert::Never && !tells()
}

/// Every type of which a service tells something.
pub fn told() -> &'static [lifetime::Told] {
    generated::TOLD
}

/// Minutes after its event within which a type that is not found is only not visible yet, where that
/// is longer than usual.
pub fn slow(resource_type: &str) -> Option<u64> {
    generated::SLOW.iter().find(|slow| slow.resource_type == resource_type).map(|slow| slow.minutes)
}

/// How an operation takes many resources in one call, if it does.
pub fn together(operation: &str) -> Option<&'static quota::Together> {
    generated::TOGETHER.iter().find(|one| one.operation == operation)
}

/// The rate at which a call such as `sns:TagResource` is sent.
pub fn quota(call: &str) -> quota::Quota {
    let listed = generated::QUOTAS.iter().find(|quota| quota.call == call);
    listed.copied().unwrap_or(generated::QUOTA)
}

/// What an event creates. The event is found by the pair of source and name, never by name alone:
/// `CreateCluster` is an event of a dozen services.
///
/// `event_name` may carry the version suffix that Lambda and CloudFront write.
///
/// ```
/// let event = tagger_catalog::event("lambda.amazonaws.com", "CreateFunction20150331").unwrap();
/// assert_eq!(event.entries[0].resource_type, "AWS::Lambda::Function");
/// assert!(tagger_catalog::event("sqs.amazonaws.com", "CreateFunction20150331").is_none());
/// ```
pub fn event(event_source: &str, event_name: &str) -> Option<&'static Event> {
    let name = plain_event_name(event_name);
    let events = events();
    let found = events.binary_search_by(|event| (event.source, event.name).cmp(&(event_source, name)));
    found.ok().map(|index| &events[index])
}

/// The event name without the API version that some services append:
/// `CreateFunction20150331` → `CreateFunction`, `UpdateFunctionCode20150331v2` → `UpdateFunctionCode`,
/// `CreateDistribution2020_05_31` → `CreateDistribution`.
pub fn plain_event_name(name: &str) -> &str {
    let unversioned = match name.rsplit_once('v') {
        Some((head, digits)) if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => head,
        _ => name,
    };
    for length in [8, 10] {
        let Some((head, date)) =
            unversioned.len().checked_sub(length).and_then(|at| unversioned.split_at_checked(at))
        else {
            continue;
        };
        let digits: Vec<u8> = date.bytes().filter(|b| *b != b'_').collect();
        let separators = date.len() - digits.len();
        let dashed =
            separators == 0 || (separators == 2 && date.as_bytes()[4] == b'_' && date.as_bytes()[7] == b'_');
        if digits.len() == 8 && digits.iter().all(u8::is_ascii_digit) && date.starts_with("20") && dashed {
            return head;
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_left_alone_has_its_reason() {
        let rows = generated::LEFT_ALONE;
        assert!(rows.windows(2).all(|pair| (pair[0].0, pair[0].1) < (pair[1].0, pair[1].1)), "not sorted");
        for (source, name, part) in [
            ("cloudformation.amazonaws.com", "CreateStack", Some("cloudformation:UpdateStack")),
            ("cloudfront.amazonaws.com", "UpdateDistribution2020_05_31", Some("it changes")),
            ("config.amazonaws.com", "PutConfigRule", Some("DescribeConfigRules")),
            // The model `sesv2` has the events of this source.
            ("ses.amazonaws.com", "SendBulkEmail", Some("the message's")),
            ("ec2.amazonaws.com", "RunInstances", None),
            ("nowhere.amazonaws.com", "Create", None),
        ] {
            let why = left_alone(source, name);
            assert_eq!(
                why.is_some_and(|why| why.contains(part.unwrap_or_default())),
                part.is_some(),
                "{source} {name}: {why:?}"
            );
        }
    }

    #[test]
    fn plain_event_names() {
        for (name, plain) in [
            ("CreateFunction20150331", "CreateFunction"),
            ("UpdateFunctionCode20150331v2", "UpdateFunctionCode"),
            ("CreateDistribution2020_05_31", "CreateDistribution"),
            ("RunInstances", "RunInstances"),
            ("CreateIPv6", "CreateIPv6"),
            ("Create20", "Create20"),
            ("é0150331", "é0150331"),
            ("", ""),
        ] {
            assert_eq!(plain_event_name(name), plain, "{name}");
        }
    }

    #[test]
    fn tables_are_sorted_so_that_binary_search_finds_everything() {
        assert!(events().is_sorted_by(|a, b| (a.source, a.name) < (b.source, b.name)));
        assert!(operations().is_sorted_by(|a, b| a.name < b.name));
        for known in events() {
            let found = event(known.source, known.name).expect("every event is found by its own name");
            assert_eq!((found.source, found.name), (known.source, known.name));
        }
    }
}
