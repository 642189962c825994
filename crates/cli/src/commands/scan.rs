//! `tagger scan`: who created what, over trees of log files. Plans only.

mod filter;
mod rows;
mod unproved;

use crate::{
    args::{Format, Only, Scan},
    aws::Stop,
    creations::{self, Asked, Creation, Found},
    exit_code::{Error, ExitCode},
    input, output,
};
use filter::Filter;
use rows::Table;
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
    time::SystemTime,
};
use tagger_core::printable;

/// So many events that the catalog does not know are shown.
const MOST_UNKNOWN: usize = 10;

/// Runs the verb.
///
/// # Errors
/// A wrong configuration or filter, or the output cannot be written.
pub fn run(arguments: &Scan) -> Result<ExitCode, Error> {
    if arguments.unproved {
        return unproved::run(&arguments.paths, arguments.json);
    }
    let policy = input::policy(&arguments.policy)?;
    let filter = Filter::of(&arguments.filters, SystemTime::now())?;
    let stop = Stop::listen()?;
    let asked =
        Asked { deletions: arguments.only == Only::Deletions, denied: arguments.only == Only::Denied };
    let found = creations::read_asked(&arguments.paths, &policy, asked, &|| stop.is_asked())?;
    let all = match arguments.only {
        Only::Creations => &found.creations,
        Only::Deletions => &found.deletions,
        Only::Denied => &found.denied,
    };
    let chosen: Vec<&Creation> = all.iter().filter(|row| filter.has(row)).collect();
    let table =
        if arguments.list { Table::list(&chosen, arguments) } else { Table::sums(&chosen, arguments) };
    let mut out = BufWriter::new(std::io::stdout().lock());
    match if arguments.json { Format::Json } else { arguments.format } {
        Format::Table => {
            table.columns(&mut out)?;
            summary(&found, chosen.len(), arguments.only, &mut out)?;
        }
        Format::Json => {
            table.json_lines(&mut out)?;
            json_summary(&found, chosen.len(), &mut out)?;
        }
        Format::Csv => table.csv(&mut out)?,
    }
    out.flush()?;
    Ok(if found.stopped {
        output::complain("tagger: stopped; this is what was found so far");
        ExitCode::Stopped
    } else if found.unreadable == 0 {
        ExitCode::Fine
    } else {
        ExitCode::Unreadable
    })
}

fn json_summary(found: &Found, chosen: usize, out: &mut impl Write) -> std::io::Result<()> {
    let diagnostics: BTreeMap<_, _> =
        found.diagnostics.iter().map(|(code, count)| (code.as_str(), count)).collect();
    let mut summary = json!({
        "files": found.files,
        "records": found.records,
        "resources": chosen,
        "repeated": found.repeated,
        "unreadable": found.unreadable,
        "diagnostics": diagnostics,
    });
    if !found.unknown.is_empty() {
        let events = by_frequency(found).into_iter();
        let events =
            events.map(|((source, name), count)| json!({"source": source, "name": name, "count": count}));
        summary["unknown"] = events.collect();
    }
    writeln!(out, "{}", json!({ "summary": summary }))
}

/// What the catalog does not know, most first.
fn by_frequency(found: &Found) -> Vec<(&(String, String), usize)> {
    let mut events: Vec<_> = found.unknown.iter().map(|(event, count)| (event, *count)).collect();
    events.sort_by_key(|(event, count)| (usize::MAX - count, *event));
    events
}

fn summary(found: &Found, chosen: usize, only: Only, out: &mut impl Write) -> std::io::Result<()> {
    let what = match only {
        Only::Creations => "resources created",
        Only::Deletions => "deletions",
        Only::Denied => "creating calls denied",
    };
    writeln!(out, "{chosen} {what}, in {} records of {} files", found.records, found.files)?;
    if found.repeated > 0 {
        writeln!(
            out,
            "  {:>8}  calls were no creation of their own: read twice, repeated, or an update",
            found.repeated
        )?;
    }
    for (code, count) in &found.diagnostics {
        writeln!(out, "  {count:>8}  {}  {}", code.as_str(), code.meaning())?;
    }
    if found.unreadable > 0 {
        writeln!(
            out,
            "  {:>8}  places could not be read; they are named on standard error",
            found.unreadable
        )?;
    }
    let unknown = by_frequency(found);
    if !unknown.is_empty() {
        writeln!(
            out,
            "Calls that the catalog has no entry for and that do not say that they only read, most first:"
        )?;
    }
    for ((source, name), count) in unknown.iter().take(MOST_UNKNOWN) {
        let why =
            tagger_catalog::left_alone(source, name).map(|why| format!("  left alone on purpose: {why}"));
        let (source, name) = (printable::text(source), tagger_core::printable::text(name));
        writeln!(out, "  {count:>8}  {source} {name}{}", why.unwrap_or_default())?;
    }
    if unknown.len() > MOST_UNKNOWN {
        writeln!(out, "            and {} more; --json has them all", unknown.len() - MOST_UNKNOWN)?;
    }
    Ok(())
}
