//! What was created, by whom, and what became of it: a row a resource, read from logs.
//!
//! [`read`] is what `tagger scan` prints, and what other verbs start from. A creation is counted once however often its
//! record is read; [`ledger`] says how. Nothing here prints, but that what cannot be read is named on standard error.

mod calls;
mod deletions;
mod ledger;
mod progress;
#[cfg(test)]
mod tests;

use crate::{
    exit_code::Error,
    input::{self, Adds, Input, Unreadable},
};
use ledger::Ledger;
use progress::Progress;
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use tagger_core::{Policy, Record, diagnostic::Code, identity::Kind};
use tagger_logs::{read::Texts, top::Top};

/// A resource that a call created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Creation {
    /// Its ARN.
    pub arn: String,
    /// Its CloudFormation type, for example `AWS::SQS::Queue`.
    pub resource_type: &'static str,
    /// The name of whoever made the call.
    pub creator: String,
    /// What that is.
    pub kind: Kind,
    /// The ARN of the parent for which a service made the call: its creator is the one who is behind it.
    pub parent: Option<String>,
    /// The account whose record it is, twelve digits; empty where the record does not say.
    pub account: String,
    /// `awsRegion` of the record; empty where it does not say.
    pub region: String,
    /// `eventTime` as the record has it, for example `2026-11-24T08:30:00Z`; empty where it has none.
    pub time: String,
    /// `eventSource`, for example `sqs.amazonaws.com`.
    pub source: String,
    /// `eventName`, for example `CreateQueue`.
    pub event: String,
    /// `eventID`; empty where the record has none.
    pub event_id: String,
    /// When it was deleted, as far as the same logs show it; in the form of [`Creation::time`].
    pub deleted: Option<String>,
}

/// What else is wanted than the creations; it takes memory for each.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// What was deleted, of the types that the catalog knows.
    pub deletions: bool,
    /// Creating calls that were refused for want of a permission.
    pub denied: bool,
}

/// What was read.
#[derive(Debug, Default)]
pub struct Found {
    /// Every creation, by time, then by ARN.
    pub creations: Vec<Creation>,
    /// The deletions, where they are asked for: a row a call, with the name that it gave in the place of an ARN.
    pub deletions: Vec<Creation>,
    /// What was denied, where that is asked for: a row a call, without an ARN.
    pub denied: Vec<Creation>,
    /// What the catalog does not know, by `eventSource` and `eventName`, copies among them.
    pub unknown: BTreeMap<(String, String), usize>,
    /// Whether somebody stopped it before its end.
    pub stopped: bool,
    /// How many creating calls were no creation of their own: read twice, idempotent, or an update.
    pub repeated: usize,
    /// How many files were read.
    pub files: usize,
    /// How many records, copies among them.
    pub records: usize,
    /// How many places could not be read; they are named on standard error.
    pub unreadable: usize,
    /// How many records gave each diagnostic, copies among them.
    pub diagnostics: BTreeMap<Code, usize>,
}

/// Reads the creations below the paths, in as many threads as there are processors.
///
/// # Errors
/// None but those of the system; what cannot be read is named and counted.
pub fn read(paths: &[PathBuf], policy: &Policy) -> Result<Found, Error> {
    read_asked(paths, policy, Asked::default(), &|| false)
}

/// The same, with what else is asked for, until it is stopped: then it is what was found so far.
///
/// # Errors
/// As there.
pub fn read_asked(
    paths: &[PathBuf],
    policy: &Policy,
    asked: Asked,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<Found, Error> {
    let mut unreadable = Unreadable::default();
    let files = input::files(paths, &mut unreadable);
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(files.len().max(1));
    let progress = Progress::over(&files);
    let mut sums = Sums { unreadable, ..Sums::default() };
    thread::scope(|scope| {
        let read = || {
            let (mut sums, mut texts) = (Sums::default(), Texts::default());
            while !is_stopped()
                && let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed))
            {
                sums.read(file, policy, asked, &mut texts);
                progress.done(file);
            }
            sums
        };
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(read)).collect();
        for worker in workers {
            match worker.join() {
                Ok(read) => sums.merge(read),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    progress.end();
    let stopped = is_stopped();
    Ok(Found { stopped, ..sums.found() })
}

/// What one thread adds up.
#[derive(Debug, Default)]
struct Sums {
    files: usize,
    records: usize,
    unreadable: Unreadable,
    ledger: Ledger,
    deletions: Vec<Creation>,
    denied: Vec<Creation>,
    unknown: BTreeMap<(String, String), usize>,
    diagnostics: BTreeMap<Code, usize>,
}

impl Sums {
    /// Adds a file's records.
    fn read(&mut self, file: &Input, policy: &Policy, asked: Asked, texts: &mut Texts) {
        let mut one = OneFile { done: Sums::default(), sums: Sums::default(), policy, asked };
        input::add_up(texts, file, &mut self.unreadable, &mut one);
        one.begin();
        self.merge(one.done);
    }

    fn add_codes(&mut self, codes: BTreeMap<Code, usize>) {
        for (code, count) in codes {
            *self.diagnostics.entry(code).or_default() += count;
        }
    }

    fn unknown(&mut self, source: &str, name: &str) {
        *self.unknown.entry((source.to_owned(), name.to_owned())).or_default() += 1;
    }

    fn merge(&mut self, other: Sums) {
        self.files += other.files;
        self.records += other.records;
        self.unreadable.count += other.unreadable.count;
        self.add_codes(other.diagnostics);
        self.ledger.merge(other.ledger);
        self.deletions.extend(other.deletions);
        self.denied.extend(other.denied);
        for (event, count) in other.unknown {
            *self.unknown.entry(event).or_default() += count;
        }
    }

    fn found(self) -> Found {
        let (creations, repeated) = self.ledger.settle();
        Found {
            creations,
            repeated,
            deletions: calls::once(self.deletions),
            denied: calls::once(self.denied),
            unknown: self.unknown,
            stopped: false,
            files: self.files,
            records: self.records,
            unreadable: self.unreadable.count,
            diagnostics: self.diagnostics,
        }
    }
}

/// The records of one file, which counts only when it was read in one way to its end.
struct OneFile<'p> {
    /// Of the files before it, where it stands in an archive.
    done: Sums,
    sums: Sums,
    policy: &'p Policy,
    asked: Asked,
}

impl Adds for OneFile<'_> {
    fn glance(&mut self, top: &Top) -> bool {
        // What deletes something is opened: it says what is not there any more.
        if top.code == Code::UnknownEvent && deletions::may_matter(top.name)
            || top.code == Code::FailedCall && self.asked.denied
        {
            return false;
        }
        if top.code == Code::UnknownEvent {
            self.sums.unknown(top.source, top.name);
        }
        self.sums.records += 1;
        *self.sums.diagnostics.entry(top.code).or_default() += 1;
        true
    }

    fn record(&mut self, record: &Record) {
        self.sums.records += 1;
        let plan = tagger_core::plan(record, self.policy, None);
        for diagnostic in &plan.diagnostics {
            *self.sums.diagnostics.entry(diagnostic.code).or_default() += 1;
        }
        if plan.diagnostics.iter().any(|found| found.code == Code::UnknownEvent) {
            self.sums.unknown(&record.event_source(), &record.event_name());
        }
        if self.asked.deletions {
            self.sums.deletions.extend(calls::deletion(record, &plan));
        }
        if self.asked.denied {
            self.sums.denied.extend(calls::denied(record, &plan));
        }
        self.sums.ledger.add(record, &plan);
    }

    fn begin(&mut self) {
        let done = std::mem::take(&mut self.sums);
        self.done.merge(done);
        self.sums.files = 1;
    }

    fn again(&mut self) {
        self.sums = Sums { files: 1, ..Sums::default() };
    }
}
