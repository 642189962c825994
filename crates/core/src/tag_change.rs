//! Somebody changed the creator's tag: was it the tagger, what should the tag say, and can it be put back?
//! Pure; `tagger-lambda` asks the event history and AWS, and does what is decided here.
//!
//! EventBridge's `Tag Change on Resource` says which keys changed and which tags there are now. It says neither
//! who did it nor what was there, and the tagger's own write makes one too. Both are in the event history: the
//! call that created the resource, and the tagger's own call that tagged it.
//! <https://docs.aws.amazon.com/tag-editor/latest/userguide/tag-monitor.html>
//!
//! A value is put back only where it is known to have been there (the tagger wrote it), where there is none and
//! the creating call says it, or where the policy overwrites anyway. In every other case it is left and said.

use crate::{
    arn::Arn, json, plan::plan, policy::Existing, policy::Policy, record::Record, resources::Resource,
    value::fit_for,
};
use serde_json::Value;
use std::collections::BTreeSet;
use tagger_catalog::{
    Operation,
    operation::{Takes, Variant},
};

/// The role in whose name the tagger tags, in every account; `templates/tagger.template.yaml` gives it the name. Where
/// each region has a function of its own (China), the region follows it: `AutoResourceTaggerRole-cn-north-1`.
pub const ROLE: &str = "AutoResourceTaggerRole";

/// A resource and its tags come together within so many seconds: a value that is there then may have come with the
/// creation, from a template or an image.
pub const TOGETHER: u64 = 10 * 60;

/// What becomes of a changed tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It is said.
    #[default]
    Alarm,
    /// It is put back where it can be; else it is said.
    Restore,
}

/// An event that tells of a change of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The resource.
    pub arn: String,
    /// The region in which it happened.
    pub region: String,
    /// When, as the event says it.
    pub time: String,
    /// The key's value since; none where the key is gone.
    pub value: Option<String>,
}

impl Change {
    /// Reads it; none for every other event, and for one in which the key did not change.
    pub fn of(event: &Value, key: &str) -> Option<Self> {
        let detail = json::member(event, "detail");
        let changed = json::member(detail, "changed-tag-keys").as_array()?.iter().any(|one| one == key);
        let is_one = changed && event["source"] == "aws.tag";
        let arn = event["resources"].as_array()?.first()?.as_str()?.to_owned();
        let text = |name: &str| json::member_text(event, name).unwrap_or_default().into_owned();
        let value = detail["tags"][key].as_str().map(str::to_owned);
        is_one.then(|| Self { arn, region: text("region"), time: text("time"), value })
    }

    /// The names under which CloudTrail may know the resource: services give it an id, a name or the ARN.
    pub fn names(&self) -> Vec<&str> {
        let Some(arn) = Arn::parse(&self.arn) else { return vec![&self.arn] };
        let mut names: Vec<_> = own_names(&arn).collect();
        if names.is_empty() {
            names.push(arn.path());
        }
        names.extend([arn.last(), arn.resource, arn.as_str()]);
        let mut seen = BTreeSet::new();
        names.retain(|name| seen.insert(*name));
        names
    }

    /// Whether this record is the tagger's own call that set this value.
    pub fn is_of(&self, record: &Record, key: &str) -> bool {
        let Some(arn) = Arn::parse(&self.arn) else { return false };
        let by_name = record.event_source().starts_with(arn.service);
        let is_it = |text: &str| text == self.arn || by_name && is_name(&arn, text);
        is_taggers(record)
            && self.value.is_some()
            && written(record, key) == self.value
            && json::any_text(json::member(record.value(), "requestParameters"), &is_it)
    }
}

/// What the history tells about a resource.
#[derive(Debug, Default)]
pub struct Story {
    /// The last call that created it.
    pub creation: Option<Creation>,
    /// When the tagger last set the key, and to what.
    pub wrote: Option<(u64, String)>,
}

/// A call that created it.
#[derive(Debug)]
pub struct Creation {
    /// The resource.
    pub resource: Resource,
    /// The record.
    pub record: Record,
    /// When.
    pub time: u64,
    /// The value that its plan gives; none where the policy leaves it alone.
    pub value: Option<String>,
    /// Why the plan's value may not be the creator's.
    pub doubt: Option<Why>,
}

/// Why a tag is not put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The event history has no call that created it: it is older than 90 days, its call is not in the catalog, or
    /// CloudTrail does not know it by its name.
    CreatorNotInHistory,
    /// The call may have changed what somebody else had created.
    MayBeUpdate,
    /// A service created it for a parent's creator.
    ParentsCreator,
    /// Nothing shows that the value that is gone was the tagger's, and the policy keeps what is there.
    NotKnownToBeOurs,
    /// Only to be said.
    Alarm,
}

impl Why {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Why::CreatorNotInHistory => "creator-not-in-history",
            Why::MayBeUpdate => "may-be-update",
            Why::ParentsCreator => "parents-creator",
            Why::NotKnownToBeOurs => "not-known-to-be-ours",
            Why::Alarm => "alarm-only",
        }
    }
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing: the tag is as it should be, or none of ours.
    Fine,
    /// Write this value.
    Restore(String),
    /// Say that it changed, and what it should be where that is known.
    Say(Why, Option<String>),
}

impl Story {
    /// What records tell about a resource, each with its time, in any order.
    pub fn of(arn: &str, records: &[(u64, Record)], policy: &Policy, account: Option<&str>) -> Self {
        let mut story = Self::default();
        for (time, record) in records {
            let Some(found) = Creation::of(arn, *time, record, policy, account) else { continue };
            // A call that may have changed what was there does not take the place of one that created.
            let newer = story.creation.as_ref().is_none_or(|known| {
                let (sure, known_sure) =
                    (found.doubt != Some(Why::MayBeUpdate), known.doubt != Some(Why::MayBeUpdate));
                if sure == known_sure { found.time > known.time } else { sure }
            });
            if newer {
                story.creation = Some(found);
            }
        }
        let Some(creation) = &story.creation else { return story };
        let own =
            records.iter().filter(|(time, record)| *time >= creation.time && creation.is_tagged_by(record));
        let values = own.filter_map(|(time, record)| Some((*time, written(record, &policy.tag.key)?)));
        story.wrote = values.max_by_key(|(time, _)| *time);
        story
    }

    /// Decides, by the value that is there now and the time of the change.
    pub fn judge(&self, now: Option<&str>, changed: u64, existing: Existing, mode: Mode) -> Verdict {
        let Some(creation) = &self.creation else { return Verdict::Say(Why::CreatorNotInHistory, None) };
        let proven = self.wrote.as_ref().map(|(_, value)| value);
        let Some(should) = proven.or(creation.value.as_ref()) else { return Verdict::Fine };
        if now == Some(should.as_str()) {
            return Verdict::Fine;
        }
        if proven.is_none() {
            // What stands there since the creation is the creation's own, and is kept.
            if now.is_some() && existing == Existing::Keep && changed.saturating_sub(creation.time) < TOGETHER
            {
                return Verdict::Fine;
            }
            if let Some(doubt) = creation.doubt {
                return Verdict::Say(doubt, None);
            }
            if now.is_some() && existing == Existing::Keep {
                return Verdict::Say(Why::NotKnownToBeOurs, Some(should.clone()));
            }
        }
        match mode {
            Mode::Alarm => Verdict::Say(Why::Alarm, Some(should.clone())),
            Mode::Restore => Verdict::Restore(should.clone()),
        }
    }
}

impl Creation {
    fn of(arn: &str, time: u64, record: &Record, policy: &Policy, account: Option<&str>) -> Option<Self> {
        // Whom the policy leaves alone is found as well: his resources have no tag of ours to put back.
        let anybody = Policy { skipped: Vec::new(), excluded: Vec::new(), ..policy.clone() };
        let mut found = plan(record, &anybody, account);
        let at = found.actions.iter().position(|resource| resource.arn == arn)?;
        let resource = found.actions.swap_remove(at);
        let planned = plan(record, policy, account);
        let planned_value = planned.tags.first().filter(|_| !planned.actions.is_empty());
        // What stands there is what its service accepts of it.
        let value = planned_value.map(|(_, value)| fit_for(resource.entry.operation, value).into_owned());
        let doubt = if tagger_catalog::may_be_update(resource.entry) {
            Some(Why::MayBeUpdate)
        } else {
            (planned.inherit.is_some() || planned.own_tags).then_some(Why::ParentsCreator)
        };
        Some(Self { resource, record: record.clone(), time, value, doubt })
    }

    /// Whether the tagger tagged this resource by this call.
    fn is_tagged_by(&self, record: &Record) -> bool {
        let operation = self.resource.entry.operation;
        let call = operation.name.rsplit(':').next().unwrap_or_default();
        // Some services put a version behind the name of a call, such as TagResource20170331v2.
        let name = record.event_name();
        let same = name.starts_with(call)
            || operation.variant == Variant::S3
                && ["TagResource", "PutBucketTagging"].contains(&name.as_str());
        let Resource { arn, id, .. } = &self.resource;
        // A bucket's other call takes its name.
        let bucket = Arn::parse(arn).filter(|_| operation.variant == Variant::S3).map(|arn| arn.path());
        let is_it = |text: &str| text == arn || text == id || Some(text) == bucket;
        is_taggers(record)
            && same
            && json::any_text(json::member(record.value(), "requestParameters"), &is_it)
    }
}

/// Whether the tagger's role made a call, and it succeeded.
fn is_taggers(record: &Record) -> bool {
    let session = json::member(record.user_identity(), "sessionContext");
    let role = json::member_text(json::member(session, "sessionIssuer"), "userName");
    let own = role.as_deref().and_then(|role| role.strip_prefix(ROLE)).is_some_and(|rest| {
        // Exactly: whoever can make a role of another name is not the tagger.
        let of_region = rest.strip_prefix('-');
        rest.is_empty() || of_region.is_some() && of_region == record.region().as_deref()
    });
    own && record.created_nothing().is_none()
}

/// The operations of a resource's service, by the prefix of their actions.
fn operations_of<'a>(arn: &Arn<'a>) -> impl Iterator<Item = &'static Operation> + use<'a> {
    let service = arn.service;
    let is_of = move |operation: &&Operation| {
        let mut actions = operation.actions.iter();
        actions.any(|action| action.split_once(':').is_some_and(|(prefix, _)| prefix == service))
    };
    tagger_catalog::operations().iter().filter(is_of)
}

/// What the tagging operations of its service take of an ARN, where that is a name.
fn own_names<'a>(arn: &Arn<'a>) -> impl Iterator<Item = &'a str> + use<'a> {
    let arn = *arn;
    let by_name = operations_of(&arn).filter(|operation| operation.takes != Takes::Arn);
    by_name.filter_map(move |operation| arn.identifier(operation.takes))
}

/// Whether a tagging call of the resource's service means it by this text: by its name, or by a URL that ends with it.
fn is_name(arn: &Arn, text: &str) -> bool {
    let by_url = || {
        let mut operations = operations_of(arn);
        let ends =
            text.strip_suffix(arn.path()).is_some_and(|before| before.is_empty() || before.ends_with('/'));
        ends && operations.any(|operation| operation.takes == Takes::Given)
    };
    own_names(arn).any(|name| name == text) || by_url()
}

/// The value that a tagging call's request gives a key, in whichever form the service writes its tags.
fn written(record: &Record, key: &str) -> Option<String> {
    value_in(json::member(record.value(), "requestParameters"), key, false)
}

fn value_in(value: &Value, key: &str, of_tags: bool) -> Option<String> {
    match value {
        Value::Array(list) => list.iter().find_map(|inner| value_in(inner, key, of_tags)),
        Value::Object(map) => {
            let text = |names: [&str; 2]| names.iter().find_map(|name| json::member_text(value, name));
            if text(["key", "tagKey"]).as_deref() == Some(key) {
                return text(["value", "tagValue"]).map(Into::into);
            }
            if let Some(found) = map.get(key).filter(|_| of_tags).and_then(Value::as_str) {
                return Some(found.to_owned());
            }
            map.iter().find_map(|(name, inner)| {
                value_in(inner, key, of_tags || name.to_ascii_lowercase().contains("tag"))
            })
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
