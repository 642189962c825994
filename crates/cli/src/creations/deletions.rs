//! What was deleted and when, by the calls that undo a creation of the catalog: DeleteQueue, TerminateInstances.
//!
//! Kept are the hashes of the names in a deletion's request, so that much of it needs little memory; and only of calls that
//! could undo what the catalog knows, so that deleting objects of a bucket costs nothing.

use std::{
    collections::{HashMap, HashSet, hash_map::DefaultHasher},
    hash::{Hash, Hasher},
    sync::OnceLock,
};
use tagger_aws::time;
use tagger_core::{Record, history, json};

/// No name of AWS is longer, nor is an ARN.
const LONGEST: usize = 2_048;

/// When each name was deleted, in seconds since 1970, in no order.
#[derive(Debug, Default)]
pub struct Deletions(HashMap<u64, Vec<u64>>);

/// Whether a call of this name may delete something that the catalog knows.
pub fn may_matter(event_name: &str) -> bool {
    undone(event_name).is_some_and(|what| whats().contains(what.as_str()))
}

/// The type of what a call deletes, where the catalog knows it.
pub fn type_of(source: &str, event_name: &str) -> Option<&'static str> {
    let what = undone(event_name)?;
    let events = tagger_catalog::events().iter().filter(|event| event.source == source);
    let mut entries = events.flat_map(|event| event.entries.iter().map(move |entry| (event, entry)));
    let found = entries.find(|(event, entry)| {
        made(event.name, entry.resource_type).iter().flatten().any(|one| *one == what)
    });
    found.map(|(_, entry)| entry.resource_type)
}

/// What a call deletes, by its name.
fn undone(event_name: &str) -> Option<String> {
    history::deletes(tagger_catalog::plain_event_name(event_name.trim())).map(one)
}

/// A word of an event's name in small letters, and of one thing: DeleteAlarms deletes what PutMetricAlarm made.
fn one(what: &str) -> String {
    what.strip_suffix('s').unwrap_or(what).to_ascii_lowercase()
}

/// What the catalog's calls make, as the calls that delete it may call that.
fn whats() -> &'static HashSet<String> {
    static WHATS: OnceLock<HashSet<String>> = OnceLock::new();
    WHATS.get_or_init(|| {
        let events = tagger_catalog::events().iter();
        events
            .flat_map(|event| {
                event.entries.iter().flat_map(|entry| made(event.name, entry.resource_type)).flatten()
            })
            .collect()
    })
}

/// How the calls that delete something may call it: `queue` of CreateQueue and of `AWS::SQS::Queue`.
fn made(event_name: &str, resource_type: &str) -> [Option<String>; 2] {
    let name = tagger_catalog::plain_event_name(event_name);
    let verb = name.char_indices().skip(1).find(|(_, char)| char.is_ascii_uppercase());
    let by_name = verb.map(|(at, _)| one(&name[at..]));
    let by_type = resource_type.rsplit("::").next().map(one);
    [by_name.clone(), by_type.filter(|what| Some(what) != by_name.as_ref())]
}

/// A name within its service, account and region. Names of buckets are AWS's own, wherever they are.
fn key(source: &str, what: &str, account: &str, region: &str, name: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    let place = if source == "s3.amazonaws.com" { ("", "") } else { (account, region) };
    (source, what, place, name).hash(&mut hasher);
    hasher.finish()
}

impl Deletions {
    /// Takes note of a record, where it tells of a deletion that succeeded.
    pub fn note(&mut self, record: &Record) {
        let Some(what) = undone(&record.event_name()).filter(|what| whats().contains(what)) else { return };
        let time = record.text("eventTime").and_then(|text| time::seconds(&text));
        let Some(time) =
            time.filter(|_| record.created_nothing().is_none() && record.failed_inside().is_none())
        else {
            return;
        };
        let (source, account) = (record.event_source(), record.account().unwrap_or_default());
        let region = record.region().unwrap_or_default();
        json::each_text(json::member(record.value(), "requestParameters"), &mut |name| {
            if name.len() <= LONGEST {
                let times = self.0.entry(key(&source, &what, &account, &region, name)).or_default();
                if !times.contains(&time) {
                    times.push(time);
                }
            }
        });
    }

    /// Adds what another thread read.
    pub fn merge(&mut self, other: Self) {
        for (key, more) in other.0 {
            let times = self.0.entry(key).or_default();
            times.extend(more);
            times.sort_unstable();
            times.dedup();
        }
    }

    /// When the resource was first deleted after a time, by the call that undoes the one that made it. Others, such as
    /// DeleteBucketPolicy, name what they leave there.
    pub fn after(&self, born: &Born, seconds: u64) -> Option<u64> {
        let whats = made(born.event, born.resource_type);
        let names = history::names(born.arn, born.id);
        let keys = whats.iter().flatten().flat_map(|what| {
            names.iter().map(move |name| key(born.source, what, born.account, born.region, name))
        });
        keys.filter_map(|key| self.0.get(&key)).flatten().filter(|time| **time >= seconds).min().copied()
    }
}

/// What is asked of a resource: what made it, and where.
#[derive(Debug)]
pub struct Born<'a> {
    /// `eventSource` of the call.
    pub source: &'a str,
    /// `eventName`.
    pub event: &'a str,
    /// The resource's type.
    pub resource_type: &'a str,
    /// Its ARN.
    pub arn: &'a str,
    /// What its tagging operation takes.
    pub id: &'a str,
    /// The record's account.
    pub account: &'a str,
    /// The record's region.
    pub region: &'a str,
}
