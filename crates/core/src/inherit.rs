//! The human behind a service: Auto Scaling, EKS, ECS, EMR, Batch, SageMaker, CloudFormation and others act for a
//! parent that somebody made. Which parent, as the record says or the resource's own tags; and whose tag the resource
//! gets, once the parent's own tags were read. Pure; `tagger-aws` reads them.
//!
//! A parent is named by tags that the service itself sets, or by the name that it gives its part
//! (`catalog/parents.toml`). They are looked for only where a service made the call ([`crate::actor`]), and tags only
//! where a request holds tags ([`crate::tags_in`]), so that nobody can borrow a name by setting one.

use crate::{
    actor,
    arn::Arn,
    identity::{self, Creator},
    json,
    outcome::{Class, Failure, UNREADABLE},
    patience::{Age, Guard},
    policy::Policy,
    record::Record,
    resources::is_region,
    step::Tags,
    tags_in,
};
use tagger_catalog::{
    parent::{self, Parent},
    partition,
};

/// Up to this age of its event, a parent is waited for: usually somebody made it just before, and it has its
/// own tag within seconds. It ends early enough for a last try before [`crate::patience::SURE`].
pub const WAITS: u64 = 9 * 60;
/// The parent of what a record's call created.
#[derive(Debug, Clone)]
pub struct Inherit {
    /// What kind of parent, and how its tags are read.
    pub parent: &'static Parent,
    /// Its ARN.
    pub arn: String,
    /// What the reading operation takes.
    pub id: String,
    /// Further members of the request.
    pub with: Vec<(&'static str, String)>,
    /// The region in which it is read.
    pub region: String,
    /// The account that it belongs to.
    pub account: String,
    /// Whether the service is the creator where the parent has none; else the resource is left alone.
    pub otherwise_service: bool,
    /// The choices by which whoever made the parent is named, where the event history may tell who that is.
    pub history: Option<Box<Policy>>,
}

impl Inherit {
    /// The call that reads the parent's tags, for example `autoscaling:DescribeTags`.
    pub fn call(&self) -> String {
        let operation = self.parent.operation;
        let service = operation.name.split(':').next().unwrap_or_default();
        format!("{service}:{}", operation.read.as_ref().map_or("", |read| read.operation))
    }
}

/// What names a parent.
#[derive(Debug, Clone, Copy)]
pub enum Named<'a> {
    /// The record: its tags, and the names in it.
    ByRecord,
    /// These tags, which the resource itself has.
    ByTags(&'a Tags),
}

/// The parent of what a record's call made, if a service made the call and something names it.
pub fn find(record: &Record, creator: &Creator, policy: &Policy, named: Named<'_>) -> Option<Inherit> {
    let actor = actor::of(record, creator)?;
    let (account, region) = (record.account()?, record.region()?);
    let in_record = || {
        let mut tags = tags_in::asked(record);
        tags.extend(tags_in::shown(record).unwrap_or_default());
        tags
    };
    let tags = match named {
        Named::ByRecord => in_record(),
        Named::ByTags(tags) => tags.clone(),
    };
    let possible = |parent: &&Parent| actor.may_name(parent);
    parent::parents().iter().filter(possible).find_map(|parent| {
        let (path, form) = parent.named;
        let called = || match named {
            Named::ByRecord => called(record, path),
            Named::ByTags(_) => None,
        };
        // Anybody may have given it a tag since that does not begin with aws:.
        let is_open = parent.tags.iter().any(|key| !key.starts_with("aws:"));
        if is_open && matches!(named, Named::ByTags(_)) {
            return None;
        }
        let values: Vec<String> = if form.is_empty() {
            let value = |key: &&str| tags_in::only(&tags, key).map(str::to_owned);
            parent.tags.iter().map(value).collect::<Option<_>>()?
        } else {
            vec![within(form, &called()?)?.to_owned()]
        };
        let values: Vec<&str> = values.iter().map(String::as_str).collect();
        let fill = |template: &str| fill(template, &values, &region, &account);
        let arn = fill(parent.arn);
        // A stack's ARN is written whole, and a global resource of it is recorded in another region.
        let stated =
            Arn::parse(&arn).filter(|arn| arn.account == account && is_region(arn.region))?.region.to_owned();
        let from_history = !parent.changed_by.is_empty() || !parent.made_by.is_empty();
        Some(Inherit {
            parent,
            id: if parent.id.is_empty() { arn.clone() } else { fill(parent.id) },
            with: parent.with.iter().map(|(name, template)| (*name, fill(template))).collect(),
            region: stated,
            account: account.clone(),
            otherwise_service: true,
            history: from_history.then(|| Box::new(policy.clone())),
            arn,
        })
    })
}

/// The record as if whoever had it made had called himself, where a service made the call and the request has a tag that
/// only AWS sets and that states who he is; and that tag's key.
pub fn stated(record: &Record) -> Option<(Record, &'static str)> {
    let tags = tags_in::asked(record);
    let key = parent::principals().iter().find(|key| tags_in::only(&tags, key).is_some())?;
    let creator = identity::identify(record);
    actor::of(record, &creator)?;
    let stated = actor::stated(record, &tags)?;
    let creator = identity::identify(&stated);
    (creator.name.is_some() && !actor::acts(&stated, &creator)).then_some((stated, *key))
}

/// Whether a resource of this type was there before the call, which a service made for it.
pub fn was_there(record: &Record, creator: &Creator, resource_type: &str) -> bool {
    let mut parents = parent::parents().iter().filter(|parent| parent.was_there);
    parents.any(|parent| {
        parent.resource_type == resource_type
            && actor::of(record, creator).is_some_and(|actor| actor.may_name(parent))
    })
}

/// What stands at a path, where all that stands there is the same.
fn called(record: &Record, path: &str) -> Option<String> {
    let mut found = json::at_path(record.value(), path).into_iter().filter_map(json::text);
    let first = found.next()?;
    found.all(|other| other == first).then(|| first.into_owned())
}

/// What stands for `{0}` in a name of this form, after which `{uuid}` or `{any}` may stand.
fn within<'a>(form: &str, name: &'a str) -> Option<&'a str> {
    let (before, after) = form.split_once("{0}")?;
    let rest = match before.strip_prefix("{any}") {
        Some(before) => name.split_once(before)?.1,
        None => name.strip_prefix(before)?,
    };
    let parent = if let Some(between) = after.strip_suffix("{uuid}") {
        let (rest, uuid) = rest.split_at_checked(rest.len().checked_sub(36)?)?;
        let is_uuid = uuid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        });
        rest.strip_suffix(between).filter(|_| is_uuid)?
    } else if let Some((between, _)) = after.split_once("{any}") {
        rest.split_once(between)?.0
    } else {
        rest.strip_suffix(after)?
    };
    (!parent.is_empty()).then_some(parent)
}

fn fill(template: &str, values: &[&str], region: &str, account: &str) -> String {
    let partition = partition::of_region(region).name;
    // Holes are looked for from left to right, so that a value with braces in it stays as it is.
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, (hole, after))) =
        rest.split_once('{').and_then(|(before, inner)| Some((before, inner.split_once('}')?)))
    {
        filled.push_str(before);
        filled.push_str(match hole {
            "partition" => partition,
            "region" => region,
            "account" => account,
            index => {
                index.parse::<usize>().ok().and_then(|index| values.get(index)).copied().unwrap_or_default()
            }
        });
        rest = after;
    }
    filled + rest
}

/// Whose tag a resource gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The parent's creator, by this value.
    Parent(String),
    /// Nobody knows yet: it waits for the parent, because of this.
    Wait(Failure),
    /// The service that made the call.
    Service,
    /// Nobody, since the service's are left alone.
    Nobody,
}

/// Decides, once the parent's tags were read. `key` is that of the creator's tag.
pub fn decide(
    inherit: &Inherit,
    read: Result<&Tags, &Failure>,
    key: &str,
    age: Age,
    guard: Guard,
) -> Decision {
    if let Ok(tags) = read
        && let Some((_, value)) = tags.iter().find(|(known, value)| known == key && !value.is_empty())
    {
        return Decision::Parent(value.clone());
    }
    let otherwise = if inherit.otherwise_service { Decision::Service } else { Decision::Nobody };
    // Without a queue there is nowhere to wait; an error of the invocation would only come again.
    if guard == Guard::None {
        return otherwise;
    }
    match read {
        Err(failure) if failure.class == Class::Throttled || failure.passes => {
            Decision::Wait(failure.clone())
        }
        Ok(_) | Err(Failure { class: Class::NotFound | Class::NotReady, .. }) if age.event < WAITS => {
            let message = format!("{} has no {key} yet, which this resource is to inherit", inherit.arn);
            Decision::Wait(Failure::ours(Class::NotReady, &inherit.call(), "ParentWithoutCreator", message))
        }
        // An answer that cannot be read is not one that names nobody.
        Err(failure) if failure.code == UNREADABLE && age.event < WAITS => Decision::Wait(not_yet(failure)),
        _ => otherwise,
    }
}

/// A failure for which it waits as for what is not there yet.
pub(crate) fn not_yet(failure: &Failure) -> Failure {
    Failure::ours(Class::NotReady, &failure.call, &failure.code, failure.message.clone())
}
