//! Counts are creations: a call is counted once however often its record is read, and a call on what is there already is none.
//!
//! Records come in no order and more than once, so that everything is settled at the end, resource by resource. Memory
//! grows with the resources and not with the records: of what is called again and again, such as PutMetricAlarm, only
//! some calls are kept.

use super::{
    Creation,
    deletions::{Born, Deletions},
};
use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};
use tagger_aws::time;
use tagger_catalog::{Entry, Lifetime};
use tagger_core::{Plan, Record};

/// So many calls of one resource are kept before those between which it was not deleted are put together.
const MOST_CALLS: usize = 32;

/// Every creating call that was read, by the ARN of what it made, and every deletion.
#[derive(Debug, Default)]
pub struct Ledger {
    calls: HashMap<String, Vec<Call>>,
    deletions: Deletions,
    /// Calls that were put together or read before.
    repeated: usize,
}

/// A creating call, of which the ARN is known.
#[derive(Debug, Clone)]
struct Call {
    creation: Creation,
    entry: &'static Entry,
    /// What the tagging operation takes.
    id: String,
    /// `eventTime` in seconds since 1970; 0 where it cannot be read.
    seconds: u64,
    /// Hashes of what tells that two records are of one call; 0 where the record has none.
    request: u64,
    shared: u64,
}

impl Call {
    /// Whether two records tell of the same call. A second trail may give it an id of its own, and a call across accounts
    /// is logged in both under one `sharedEventID`:
    /// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
    fn is_same(&self, other: &Call) -> bool {
        let same = |ours: u64, theirs: u64| ours != 0 && ours == theirs;
        let id = &self.creation.event_id;
        !id.is_empty() && *id == other.creation.event_id
            || same(self.request, other.request)
            || same(self.shared, other.shared)
    }

    /// Whether a second call on the same ARN leaves what is there: the entry's event fires again on what exists, or AWS
    /// never gives its id again, so that the same answer is that of an idempotent call (a client token).
    fn repeats(&self) -> bool {
        self.entry.upserts_in(&self.creation.region)
            || matches!(tagger_catalog::lifetime(self.entry.resource_type), Lifetime::Unique)
    }

    fn deleted(&self, deletions: &Deletions) -> Option<u64> {
        let creation = &self.creation;
        let born = Born {
            source: &creation.source,
            event: &creation.event,
            resource_type: creation.resource_type,
            arn: &creation.arn,
            id: &self.id,
            account: &creation.account,
            region: &creation.region,
        };
        if self.seconds == 0 { None } else { deletions.after(&born, self.seconds) }
    }
}

impl Ledger {
    /// Adds what a record tells: what it made, or what it deleted.
    pub fn add(&mut self, record: &Record, plan: &Plan) {
        if plan.actions.is_empty() {
            return self.deletions.note(record);
        }
        let text = |name| record.text(name).unwrap_or_default().into_owned();
        let (time, event, event_id) = (text("eventTime"), record.event_name(), text("eventID"));
        let (request, shared) = (text("requestID"), text("sharedEventID"));
        let hashed = |text: &str, name: &str| {
            let mut hasher = DefaultHasher::new();
            (text, name).hash(&mut hasher);
            if text.is_empty() { 0 } else { hasher.finish().max(1) }
        };
        for resource in &plan.actions {
            let creation = Creation {
                arn: resource.arn.clone(),
                resource_type: resource.entry.resource_type,
                creator: plan.creator.name.clone().unwrap_or_default(),
                kind: plan.creator.kind,
                parent: plan.inherit.as_ref().map(|parent| parent.arn.clone()),
                account: record.account().unwrap_or_default(),
                region: record.region().unwrap_or_default().into_owned(),
                time: time.clone(),
                source: record.event_source(),
                event: event.clone(),
                event_id: event_id.clone(),
                deleted: None,
            };
            self.call(Call {
                entry: resource.entry,
                id: resource.id.clone(),
                seconds: time::seconds(&creation.time).unwrap_or_default(),
                request: hashed(&request, &event),
                shared: hashed(&shared, ""),
                creation,
            });
        }
    }

    fn call(&mut self, call: Call) {
        let calls = self.calls.entry(call.creation.arn.clone()).or_default();
        if let Some(known) = calls.iter_mut().find(|known| known.is_same(&call)) {
            self.repeated += 1;
            // Of two copies the first is kept whichever is read first, so that every run says the same.
            if (&call.creation.time, &call.creation.event_id)
                < (&known.creation.time, &known.creation.event_id)
            {
                *known = call;
            }
            return;
        }
        calls.push(call);
        if calls.len() > MOST_CALLS {
            let latest = calls.iter().max_by_key(|call| call.seconds).cloned();
            self.repeated += put_together(calls, &self.deletions);
            // What is deleted later in the logs may lie before it.
            if let Some(latest) = latest.filter(|latest| calls.iter().all(|call| !call.is_same(latest))) {
                self.repeated -= 1;
                calls.push(latest);
            }
        }
    }

    /// How many calls are kept of the resource of which the most are.
    #[cfg(test)]
    pub fn most_kept(&self) -> usize {
        self.calls.values().map(Vec::len).max().unwrap_or(0)
    }

    /// Adds what another thread read.
    pub fn merge(&mut self, other: Self) {
        self.repeated += other.repeated;
        self.deletions.merge(other.deletions);
        for call in other.calls.into_values().flatten() {
            self.call(call);
        }
    }

    /// Every creation, by time, then by ARN; and how many calls were none.
    pub fn settle(mut self) -> (Vec<Creation>, usize) {
        let mut creations = Vec::with_capacity(self.calls.len());
        for (_, mut calls) in self.calls {
            self.repeated += put_together(&mut calls, &self.deletions);
            let mut next: Option<u64> = None;
            for call in calls.into_iter().rev() {
                // Made again under its name: a deletion after that is the next one's.
                let deleted =
                    call.deleted(&self.deletions).filter(|time| next.is_none_or(|next| *time <= next));
                next = Some(call.seconds);
                creations.push(Creation { deleted: deleted.map(time::at), ..call.creation });
            }
        }
        creations
            .sort_unstable_by(|a, b| (&a.time, &a.arn, &a.event_id).cmp(&(&b.time, &b.arn, &b.event_id)));
        (creations, self.repeated)
    }
}

/// Sorts the calls on one resource by time, and leaves those that created it: the first, and each after a deletion. Says
/// how many it took away.
fn put_together(calls: &mut Vec<Call>, deletions: &Deletions) -> usize {
    let before = calls.len();
    calls.sort_by(|a, b| (a.seconds, &a.creation.event_id).cmp(&(b.seconds, &b.creation.event_id)));
    let mut last: Option<Call> = None;
    calls.retain(|call| {
        let gone_between = |last: &Call| last.deleted(deletions).is_some_and(|time| time <= call.seconds);
        let is_new = last.as_ref().is_none_or(|last| !call.repeats() || gone_between(last));
        if is_new {
            last = Some(call.clone());
        }
        is_new
    });
    before - calls.len()
}
