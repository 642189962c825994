//! `tagger scan`: who created what, over trees of log files. Plans only.

use crate::{
    args::Scan,
    exit_code::{Error, ExitCode},
    input::{self, Input, Unreadable},
    output,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};
use tagger_core::{Plan, Policy, Record, diagnostic::Code, glance::Glance, identity::Kind};

/// What one creator made of one type.
#[derive(Default)]
struct Made {
    resources: usize,
    first: Option<String>,
    last: Option<String>,
}

/// The sums.
#[derive(Default)]
struct Sums {
    files: usize,
    records: usize,
    unreadable: Unreadable,
    made: BTreeMap<(String, Kind, &'static str), Made>,
    diagnostics: BTreeMap<Code, usize>,
}

impl Sums {
    /// Adds a file's records; most need no more than a glance.
    fn read(&mut self, file: &Input, policy: &Policy) {
        self.files += 1;
        let mut glanced: BTreeMap<Code, usize> = BTreeMap::new();
        let mut unreadable = std::mem::take(&mut self.unreadable);
        let mut glance = |glance: &Glance| {
            let code = glance.code();
            code.map(|code| *glanced.entry(code).or_default() += 1).is_some()
        };
        let added = input::records(file, &mut unreadable, &mut glance, &mut |record| {
            self.add(&record, &tagger_core::plan(&record, policy, None));
            Ok(())
        });
        debug_assert!(added.is_ok(), "adding up cannot fail");
        self.unreadable = unreadable;
        self.records += glanced.values().sum::<usize>();
        self.add_codes(glanced);
    }

    fn add_codes(&mut self, codes: BTreeMap<Code, usize>) {
        for (code, count) in codes {
            *self.diagnostics.entry(code).or_default() += count;
        }
    }

    /// Adds what another worker read.
    fn merge(&mut self, other: Sums) {
        self.files += other.files;
        self.records += other.records;
        self.unreadable.count += other.unreadable.count;
        self.add_codes(other.diagnostics);
        for (key, more) in other.made {
            let made = self.made.entry(key).or_default();
            made.resources += more.resources;
            made.first = made.first.take().into_iter().chain(more.first).min();
            made.last = made.last.take().into_iter().chain(more.last).max();
        }
    }

    fn add(&mut self, record: &Record, plan: &Plan) {
        self.records += 1;
        for diagnostic in &plan.diagnostics {
            *self.diagnostics.entry(diagnostic.code).or_default() += 1;
        }
        let time = record.text("eventTime").map(|time| time.into_owned());
        for action in &plan.actions {
            let name = plan.creator.name.clone().unwrap_or_default();
            let made = self.made.entry((name, plan.creator.kind, action.entry.resource_type)).or_default();
            made.resources += 1;
            // Times of CloudTrail's form compare as texts.
            made.first = made.first.take().into_iter().chain(time.clone()).min();
            made.last = made.last.take().into_iter().chain(time.clone()).max();
        }
    }
}

/// Runs the verb.
///
/// # Errors
/// A wrong configuration, or the output cannot be written.
pub fn run(arguments: &Scan) -> Result<ExitCode, Error> {
    let policy = input::policy(&arguments.policy)?;
    let mut unreadable = Unreadable::default();
    let files = input::files(&arguments.paths, &mut unreadable);
    let mut sums = Sums::default();
    let next = AtomicUsize::new(0);
    let workers = thread::available_parallelism().map_or(1, usize::from).min(files.len().max(1));
    thread::scope(|scope| {
        let read = || {
            let mut sums = Sums::default();
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                sums.read(file, &policy);
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
    sums.unreadable.count += unreadable.count;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if arguments.json { json_lines(&sums, &mut out) } else { table(&sums, &mut out) }?;
    out.flush()?;
    Ok(if sums.unreadable.count == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
}

fn json_lines(sums: &Sums, out: &mut impl Write) -> std::io::Result<()> {
    for ((name, kind, resource_type), made) in &sums.made {
        let line = json!({
            "creator": { "name": name, "kind": kind.as_str() },
            "type": resource_type,
            "resources": made.resources,
            "first": made.first,
            "last": made.last,
        });
        writeln!(out, "{line}")?;
    }
    let diagnostics: BTreeMap<_, _> =
        sums.diagnostics.iter().map(|(code, count)| (code.as_str(), count)).collect();
    let summary = json!({
        "files": sums.files,
        "records": sums.records,
        "resources": sums.made.values().map(|made| made.resources).sum::<usize>(),
        "unreadable": sums.unreadable.count,
        "diagnostics": diagnostics,
    });
    writeln!(out, "{}", json!({ "summary": summary }))
}

fn table(sums: &Sums, out: &mut impl Write) -> std::io::Result<()> {
    if !sums.made.is_empty() {
        let mut rows =
            vec![["creator", "kind", "resource type", "count", "first", "last"].map(str::to_owned).to_vec()];
        for ((name, kind, resource_type), made) in &sums.made {
            rows.push(vec![
                name.clone(),
                kind.as_str().to_owned(),
                (*resource_type).to_owned(),
                made.resources.to_string(),
                made.first.clone().unwrap_or_default(),
                made.last.clone().unwrap_or_default(),
            ]);
        }
        writeln!(out, "{}", output::columns(&rows))?;
    }
    let resources: usize = sums.made.values().map(|made| made.resources).sum();
    writeln!(out, "{resources} resources created, in {} records of {} files", sums.records, sums.files)?;
    for (code, count) in &sums.diagnostics {
        writeln!(out, "  {count:>8}  {}  {}", code.as_str(), code.meaning())?;
    }
    if sums.unreadable.count > 0 {
        writeln!(
            out,
            "  {:>8}  places could not be read; they are named on standard error",
            sums.unreadable.count
        )?;
    }
    Ok(())
}
