//! Does somebody take the creator's tag away again? A call that could have done it is only the beginning: the resource
//! itself is asked whether the tag is there now.
//!
//! [`removal`] reads a record, [`look`] asks, [`judge`] concludes; the first and the last are pure. What cannot be asked
//! is said as unknown, never as taken away.

use super::{
    removers::{self, Remover},
    report::{Check, Verdict, counted, some},
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};
use tagger_aws::{
    Class, Client,
    account::{Account, Trouble, history::Which},
    ask::tags_of,
};
use tagger_catalog::operation::Variant;
use tagger_core::{Policy, Record, arn::Arn, plan, resources::Resource, tag_change::ROLE};

/// The most calls that are looked into; each costs a call or two to AWS.
const MOST: usize = 20;
/// How long the event history is kept.
const KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

/// What a call did to the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It named the key among those that it removed.
    Named,
    /// It replaced or removed the whole set of tags, and the key is not in its request.
    Replaced,
}

/// A call after which the key may be gone.
#[derive(Debug, Clone)]
pub struct Removal {
    /// What it did.
    pub did: Did,
    /// Who called.
    pub who: String,
    /// When.
    pub at: SystemTime,
    /// The record.
    record: Record,
}

impl Removal {
    fn agent(&self) -> String {
        self.record.text("userAgent").unwrap_or_default().into_owned()
    }

    fn tool(&self) -> Option<&'static Remover> {
        let invoked_by = &self.record.value()["userIdentity"]["invokedBy"];
        let request = self.record.value()["requestParameters"].to_string();
        removers::of(&self.agent(), invoked_by.as_str().unwrap_or_default(), &request)
    }

    fn region(&self) -> String {
        self.record.text("awsRegion").unwrap_or_default().into_owned()
    }
}

/// The call that a record tells of, if the key may be gone after it. The tagger's own writes are left out.
pub fn removal(record: &Record, key: &str) -> Option<Removal> {
    let name = record.event_name();
    if !name.to_lowercase().contains("tag") || record.created_nothing().is_some() || is_taggers(record) {
        return None;
    }
    let request = &record.value()["requestParameters"];
    let removes = ["Untag", "Remove", "Delete", "Change"].iter().any(|verb| name.starts_with(verb));
    let whole = replaces(&record.event_source(), &name)
        // These remove every tag: S3's names none at all, and EC2's takes all where none is named.
        || name.starts_with("Delete") && name.ends_with("Tagging")
        || name == "DeleteTags" && !mentions_keys(request);
    let did = if removes && removes_key(request, key, false) {
        Did::Named
    } else if whole && !request.to_string().contains(&format!("\"{key}\"")) {
        Did::Replaced
    } else {
        return None;
    };
    let time = record.text("eventTime")?;
    let who = tagger_core::identity::identify(record).name.unwrap_or_default();
    Some(Removal { did, who, at: tagger_aws::time::parse(&time)?, record: record.clone() })
}

/// Whether a call writes the whole set of tags, by the catalog's operations.
fn replaces(source: &str, name: &str) -> bool {
    let service = source.split('.').next().unwrap_or_default();
    tagger_catalog::operations().iter().any(|operation| {
        operation.variant == Variant::Replaces
            && operation.write.operation == name
            && [operation.endpoint, operation.signing].contains(&service)
    })
}

/// Whether the tagger's own role called.
fn is_taggers(record: &Record) -> bool {
    record.value()["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == ROLE
}

/// Whether a request to remove tags names the key: it stands where keys stand, and not among those that are added.
fn removes_key(request: &Value, key: &str, among_keys: bool) -> bool {
    match request {
        Value::String(text) => among_keys && text.split(',').any(|one| one.trim() == key),
        Value::Array(list) => list.iter().any(|inner| removes_key(inner, key, among_keys)),
        Value::Object(members) => members.iter().any(|(name, inner)| {
            let name = name.to_lowercase();
            let added = name.starts_with("add");
            let keys = (among_keys || name.contains("key")) && !name.contains("value");
            !added && removes_key(inner, key, keys)
        }),
        _ => false,
    }
}

/// Whether a request names any key.
fn mentions_keys(request: &Value) -> bool {
    match request {
        Value::Array(list) => list.iter().any(mentions_keys),
        Value::Object(members) => {
            members.iter().any(|(name, inner)| name.to_lowercase().contains("key") || mentions_keys(inner))
        }
        _ => false,
    }
}

/// What the resource of a removal says now.
#[derive(Debug, Clone)]
pub enum Now {
    /// It has the key.
    There,
    /// It has tags, or none, and the key is not among them; and whether anything shows that it was there before.
    Missing {
        /// Whether the tagger had set it, by the event history or the log.
        was_there: bool,
    },
    /// There is no such resource any more.
    Gone,
    /// It could not be asked: why.
    NotKnown(String),
}

/// A removal, and what became of the tag.
#[derive(Debug, Clone)]
pub struct Finding {
    /// The call.
    pub removal: Removal,
    /// The resource, as far as it is known.
    pub resource: String,
    /// Its tag.
    pub now: Now,
}

/// What is known before anything is asked.
pub struct Known<'a> {
    /// Resources whose creation was seen in the last hours.
    pub created: &'a [Resource],
    /// The ARNs that the function's log calls tagged, with the time.
    pub tagged: &'a [(String, SystemTime)],
    /// The settings.
    pub policy: &'a Policy,
}

/// Asks each resource; and how many calls were not looked into, since there were too many.
pub async fn look(account: &Account, known: &Known<'_>, removals: Vec<Removal>) -> (Vec<Finding>, usize) {
    // One resource's last such call is enough, since what counts is the tag that is there now.
    let mut latest: BTreeMap<String, Removal> = BTreeMap::new();
    for removal in removals {
        let about = names(&removal.record).join(" ");
        let newer = latest.get(&about).is_none_or(|other| other.at < removal.at);
        if newer {
            latest.insert(about, removal);
        }
    }
    let more = latest.len().saturating_sub(MOST);
    let mut findings = Vec::new();
    let client = account.tagging();
    for (about, removal) in latest.into_iter().take(MOST) {
        let (resource, now) = match &client {
            Ok(client) => ask(account, client, known, &removal).await,
            Err(trouble) => (None, Now::NotKnown(trouble.to_string())),
        };
        findings.push(Finding { removal, resource: resource.unwrap_or(about), now });
    }
    (findings, more)
}

async fn ask(
    account: &Account,
    client: &Client,
    known: &Known<'_>,
    removal: &Removal,
) -> (Option<String>, Now) {
    let story = match Story::find(account, known, removal).await {
        Ok(story) => story,
        Err(trouble) => return (None, Now::NotKnown(trouble.to_string())),
    };
    let Some(resource) = &story.resource else {
        let why = "the event history has no creation of it, so it is not known how its tags are read";
        return (None, Now::NotKnown(why.to_owned()));
    };
    let arn = Some(resource.arn.clone());
    let now = match tags_of(client, resource).await {
        Ok(tags) if tags.iter().any(|(name, _)| *name == known.policy.tag.key) => Now::There,
        Ok(_) => {
            let logged = |(arn, at): &(String, SystemTime)| *arn == resource.arn && *at <= removal.at;
            let seen = removal.did == Did::Named || known.tagged.iter().any(logged);
            match if seen { Ok(true) } else { story.wrote_before(account, removal).await } {
                Ok(was_there) => Now::Missing { was_there },
                Err(trouble) => Now::NotKnown(trouble.to_string()),
            }
        }
        Err(failure) if failure.class == Class::NotFound => Now::Gone,
        Err(failure) => Now::NotKnown(format!("{} answered {}", failure.call, failure.code)),
    };
    (arn, now)
}

/// The resource that a call was about, and what the event history has about it, where that was asked.
struct Story {
    resource: Option<Resource>,
    records: Vec<Record>,
    asked: bool,
}

impl Story {
    async fn find(account: &Account, known: &Known<'_>, removal: &Removal) -> Result<Self, Trouble> {
        let names = names(&removal.record);
        let service = service(&removal.record);
        let is_it = |resource: &&Resource| is_named(resource, &names, &service);
        let created = known.created.iter().find(is_it).cloned();
        if let Some(resource) = created.or_else(|| bucket(&removal.record, known.policy, &account.id)) {
            return Ok(Self { resource: Some(resource), records: Vec::new(), asked: false });
        }
        let records = about(account, removal).await?;
        let anybody = known.policy.for_everything();
        let planned = records.iter().flat_map(|record| plan(record, &anybody, Some(&account.id)).actions);
        let resource = planned.into_iter().find(|resource| is_it(&resource));
        Ok(Self { resource, records, asked: true })
    }

    /// Whether the tagger wrote tags of this resource before the removal.
    ///
    /// # Errors
    /// The event history could not be read.
    async fn wrote_before(&self, account: &Account, removal: &Removal) -> Result<bool, Trouble> {
        let fresh = if self.asked { Vec::new() } else { about(account, removal).await? };
        Ok(self.records.iter().chain(&fresh).any(|record| {
            let at = record.text("eventTime").and_then(|time| tagger_aws::time::parse(&time));
            is_taggers(record) && record.created_nothing().is_none() && at.is_some_and(|at| at <= removal.at)
        }))
    }
}

/// What the event history has about the resource of a call, by the first name under which there is anything.
async fn about(account: &Account, removal: &Removal) -> Result<Vec<Record>, Trouble> {
    let now = SystemTime::now();
    let mut records = Vec::new();
    let named = names(&removal.record);
    let mut forms: Vec<&str> =
        named.first().into_iter().flat_map(|name| [short(name), name.as_str()]).collect();
    forms.dedup();
    for name in forms {
        let part = account.history(&removal.region(), Which::About(name), now - KEPT, now, 2).await?;
        records
            .extend(part.records.iter().filter_map(|text| serde_json::from_str(text).ok().map(Record::new)));
        if records.iter().any(|record: &Record| record.event_name() != removal.record.event_name()) {
            break;
        }
    }
    Ok(records)
}

/// A bucket is named by the call itself: it is the resource that its creation would have in the same record.
fn bucket(record: &Record, policy: &Policy, account: &str) -> Option<Resource> {
    if record.event_source() != "s3.amazonaws.com" {
        return None;
    }
    let mut value = record.value().clone();
    value["eventName"] = "CreateBucket".into();
    let anybody = policy.for_everything();
    plan(&Record::new(value), &anybody, Some(account)).actions.into_iter().next()
}

/// The names of resources in a tagging call's request: texts that do not stand where tags stand.
fn names(record: &Record) -> Vec<String> {
    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::String(text) => drop(found.insert(text.clone())),
            Value::Array(list) => list.iter().for_each(|inner| collect(inner, found)),
            Value::Object(members) => {
                for (name, inner) in members {
                    let name = name.to_lowercase();
                    let other = name.contains("tag")
                        || name.contains("key")
                        || name == "host"
                        || name == "resourcetype";
                    if !other {
                        collect(inner, found);
                    }
                }
            }
            _ => {}
        }
    }
    let mut found = BTreeSet::new();
    collect(&record.value()["requestParameters"], &mut found);
    found.into_iter().filter(|name| !name.is_empty()).collect()
}

fn service(record: &Record) -> String {
    record.event_source().split('.').next().unwrap_or_default().to_owned()
}

/// Whether one of the names is this resource's: its ARN, its id, its name in the ARN, or an address that ends in that.
fn is_named(resource: &Resource, names: &[String], service: &str) -> bool {
    let operation = resource.entry.operation;
    let arn = Arn::parse(&resource.arn);
    let of_service = operation.signing == service
        || operation.endpoint == service
        || arn.is_some_and(|arn| arn.service == service);
    let is_own = |name: &str| {
        let own = |text: &str| {
            text == resource.id || arn.is_some_and(|arn| [arn.resource, arn.path()].contains(&text))
        };
        own(name) || own(short(name))
    };
    names.iter().any(|name| *name == resource.arn || of_service && !name.starts_with("arn:") && is_own(name))
}

/// The name in an ARN, or at the end of an address such as a queue's.
fn short(name: &str) -> &str {
    let at_its_end = name.contains("://").then(|| name.rsplit_once('/')).flatten();
    Arn::parse(name).map(|arn| arn.path()).or(at_its_end.map(|(_, end)| end)).unwrap_or(name)
}

/// What the findings say.
pub fn judge(findings: &[Finding], more: usize, key: &str) -> Vec<Check> {
    let name = "tags-removed";
    let mut checks = Vec::new();
    let with = |is_it: fn(&Finding) -> bool| -> Vec<&Finding> {
        findings.iter().filter(|finding| is_it(finding)).collect()
    };
    let taken = with(|finding| matches!(finding.now, Now::Missing { was_there: true }));
    checks.extend(by_caller(&taken).into_iter().map(|(tool, agent, findings)| {
        let message = format!(
            "the tag {key} was taken away and is not there now: {}{}",
            some(&words(&findings), 3),
            with_what(tool, agent)
        );
        let fix = fix(tool, key);
        // A person may mean it; a tool does it again and again.
        let verdict = if tool.is_some() { Verdict::Bad } else { Verdict::Warn };
        Check::new(name, verdict, message).fix(fix)
    }));
    let back = with(|finding| matches!(finding.now, Now::There) && finding.removal.did == Did::Named);
    checks.extend(by_caller(&back).into_iter().map(|(tool, agent, findings)| {
        let message = format!(
            "the tag {key} was taken away and is there again: {}{}",
            some(&words(&findings), 3),
            with_what(tool, agent)
        );
        Check::new(name, Verdict::Info, message).fix(fix(tool, key))
    }));
    let unknown: Vec<String> = findings
        .iter()
        .filter_map(|finding| match &finding.now {
            Now::NotKnown(why) => Some(format!("{} on {} ({why})", call(&finding.removal), finding.resource)),
            _ => None,
        })
        .collect();
    if !unknown.is_empty() || more > 0 {
        let rest = if more > 0 { format!("; {more} more calls were not looked into") } else { String::new() };
        let message = format!(
            "whether {key} is still there after {} is not known: {}{rest}",
            counted(unknown.len() + more, "call"),
            some(&unknown, 3)
        );
        checks.push(Check::new(name, Verdict::Unknown, message).fix("look at the tags of these resources"));
    }
    if checks.is_empty() && !findings.is_empty() {
        let there = findings.iter().filter(|finding| matches!(finding.now, Now::There)).count();
        let message = format!(
            "{} in the event history could have taken {key} away, and did not: {there} of these resources have it now, \
             the others are gone or never had it",
            counted(findings.len(), "call")
        );
        checks.push(Check::ok(name, message));
    }
    checks
}

/// The findings of each caller's tool, or else of each user agent.
fn by_caller<'a>(findings: &[&'a Finding]) -> Vec<(Option<&'static Remover>, String, Vec<&'a Finding>)> {
    let mut groups: BTreeMap<(Option<&str>, String), Vec<&Finding>> = BTreeMap::new();
    for finding in findings {
        let tool = finding.removal.tool().map(|tool| tool.name);
        let agent = if tool.is_some() { String::new() } else { finding.removal.agent() };
        groups.entry((tool, agent)).or_default().push(finding);
    }
    let tool = |name: Option<&str>| removers::REMOVERS.iter().find(|tool| Some(tool.name) == name);
    groups.into_iter().map(|((name, agent), findings)| (tool(name), agent, findings)).collect()
}

fn call(removal: &Removal) -> String {
    format!("{} by {}", removal.record.event_name(), removal.who)
}

fn words(findings: &[&Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} on {}", call(&finding.removal), finding.resource)).collect()
}

fn with_what(tool: Option<&Remover>, agent: String) -> String {
    match tool {
        Some(tool) => format!(", with {}", tool.name),
        None if agent.is_empty() => String::new(),
        None => format!(", with the user agent {agent}"),
    }
}

fn fix(tool: Option<&Remover>, key: &str) -> String {
    match tool {
        Some(tool) => format!("{} ({})", tool.fix.replace("KEY", key), tool.source),
        None => {
            "ask whoever did it; docs/operations.md#tools-that-remove-tags has the settings of some tools"
                .to_owned()
        }
    }
}

#[cfg(test)]
mod tests;
