//! `tagger scan`: who created what, over trees of log files. Plans only.

use crate::{
    args::Scan,
    exit_code::{Error, ExitCode},
    input::{self, Unreadable},
    output,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};
use tagger_core::{Plan, Record, diagnostic::Code, identity::Kind};

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
    unreadable: usize,
    made: BTreeMap<(String, Kind, &'static str), Made>,
    diagnostics: BTreeMap<Code, usize>,
}

impl Sums {
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
    let mut sums = Sums::default();
    let mut unreadable = Unreadable::default();
    for file in input::files(&arguments.paths, &mut unreadable) {
        sums.files += 1;
        input::records(&file, &mut unreadable, &mut |record| {
            sums.add(&record, &tagger_core::plan(&record, &policy, None));
            Ok(())
        })?;
    }
    sums.unreadable = unreadable.count;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if arguments.json { json_lines(&sums, &mut out) } else { table(&sums, &mut out) }?;
    out.flush()?;
    Ok(if unreadable.count == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
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
        "unreadable": sums.unreadable,
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
    if sums.unreadable > 0 {
        writeln!(
            out,
            "  {:>8}  places could not be read; they are named on standard error",
            sums.unreadable
        )?;
    }
    Ok(())
}
