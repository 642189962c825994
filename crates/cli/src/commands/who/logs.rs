//! The records of chains, from log files: first whatever made what was asked for, then, as long as a chain lacks something,
//! the calls of the days that it lacks. So a year of logs takes no more memory than a few days of it.

use super::{Known, Looked};
use crate::{
    exit_code::Error,
    input::{self, Adds, Unreadable},
};
use std::{
    collections::HashSet,
    path::{Path, PathBuf},
};
use tagger_core::{
    Record,
    chain::{Graph, call, target, time, walk::MOST},
    diagnostic::Code,
    stack,
};
use tagger_logs::{read::Texts, top::Top};

/// A chain of sessions is begun this many seconds before its last call at most: a first session of 36 hours, and
/// [`MOST`] that were taken from a session, which last an hour each.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining>
const LONGEST: u64 = (36 + MOST as u64) * 60 * 60;

/// What is looked for in the files.
#[derive(Debug, Default)]
struct Wanted {
    /// Names and ARNs of which the maker is looked for.
    names: HashSet<String>,
    /// Times of calls that begin sessions.
    times: Vec<(u64, u64)>,
    /// Whether a stack's changes are.
    changes: bool,
}

impl Wanted {
    fn is_record(&self, record: &Record) -> bool {
        let name = record.event_name();
        if call::issues(&name) {
            let at = record.text("eventTime").and_then(|text| time::seconds(&text));
            return at
                .is_some_and(|at| self.times.iter().any(|(from, until)| (*from..=*until).contains(&at)));
        }
        if self.changes && stack::is_change(record, &Graph::changes()) {
            return true;
        }
        target::made(record).iter().any(|made| self.names.iter().any(|name| made.is(name)))
    }
}

/// Reads the files until no chain lacks anything that they hold.
///
/// # Errors
/// Standard input is among the paths, which cannot be read twice.
pub fn read(paths: &[PathBuf], known: &mut Known) -> Result<Looked, Error> {
    if paths.iter().any(|path| path == Path::new("-")) {
        let message =
            "--logs reads its files more than once, so it takes no standard input: give a file or a folder";
        return Err(Error::Usage(message.to_owned()));
    }
    let mut unreadable = Unreadable::default();
    let files = input::files(paths, &mut unreadable);
    let mut wanted = Wanted::default();
    wanted.names.extend(known.asked.iter().map(|asked| asked.name.clone()));
    let mut texts = Texts::default();
    for file in &files {
        input::add_up(&mut texts, file, &mut unreadable, &mut Looking { wanted: &wanted, known });
    }
    let mut done = Wanted { names: wanted.names, ..Wanted::default() };
    for _ in 0..MOST {
        let next = lacking(known, &mut done);
        if next.names.is_empty() && next.times.is_empty() && !next.changes {
            break;
        }
        again(paths, &next, known);
    }
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let plural = if files.len() == 1 { "" } else { "s" };
    Ok(Looked {
        wher: format!("in {} file{plural} of {}", files.len(), shown.join(", ")),
        unreadable: unreadable.count,
        limits: vec![
            "The logs may lack the day, the account or the region; names are compared as they stand, with their case."
                .to_owned(),
        ],
    })
}

/// Keeps what is wanted of the files' records.
struct Looking<'a> {
    wanted: &'a Wanted,
    known: &'a mut Known,
}

impl Adds for Looking<'_> {
    fn begin(&mut self) {}

    /// A record can be passed over that failed, or read, and began no session.
    fn glance(&mut self, top: &Top) -> bool {
        match top.code {
            Code::FailedCall | Code::DryRun => true,
            Code::ReadOnlyCall => !top.name.is_empty() && !call::issues(top.name),
            _ => false,
        }
    }

    fn record(&mut self, record: &Record) {
        if self.wanted.is_record(record) {
            self.known.add(record);
        }
    }

    /// A record that comes twice is known once.
    fn again(&mut self) {}
}

/// What the chains lack and was not looked for yet.
fn lacking(known: &Known, done: &mut Wanted) -> Wanted {
    let mut next = Wanted::default();
    for missing in known.chains().iter().flat_map(|answer| &answer.chain.missing) {
        if missing.from > 0 {
            let span = (missing.until.saturating_sub(LONGEST), missing.until + 60);
            let is_done = |(from, until): &(u64, u64)| *from <= missing.from && *until >= missing.until;
            if !done.times.iter().any(is_done) {
                next.times.push(span);
                done.times.push(span);
            }
        } else {
            next.changes |= missing.what.contains("changed the stack") && !done.changes;
            next.names
                .extend(missing.names.iter().filter(|name| done.names.insert((*name).clone())).cloned());
        }
    }
    done.changes |= next.changes;
    next
}

/// Reads the files once more. What cannot be read was named the first time.
fn again(paths: &[PathBuf], wanted: &Wanted, known: &mut Known) {
    let (mut unreadable, mut texts) = (Unreadable::quiet(), Texts::default());
    for file in input::files(paths, &mut unreadable) {
        input::add_up(&mut texts, &file, &mut unreadable, &mut Looking { wanted, known });
    }
}
