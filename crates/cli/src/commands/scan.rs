//! `tagger scan`: who created what, over trees of log files. Plans only.

use crate::{
    args::Scan,
    creations::{self, Found},
    exit_code::{Error, ExitCode},
    input, output,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};
use tagger_core::identity::Kind;

/// What one creator made of one type.
#[derive(Default)]
struct Made<'a> {
    resources: usize,
    first: Option<&'a str>,
    last: Option<&'a str>,
}

type Sums<'a> = BTreeMap<(&'a str, Kind, &'static str), Made<'a>>;

/// Runs the verb.
///
/// # Errors
/// A wrong configuration, or the output cannot be written.
pub fn run(arguments: &Scan) -> Result<ExitCode, Error> {
    let policy = input::policy(&arguments.policy)?;
    let found = creations::read(&arguments.paths, &policy)?;
    let mut sums = Sums::new();
    for creation in &found.creations {
        let made = sums.entry((&creation.creator, creation.kind, creation.resource_type)).or_default();
        made.resources += 1;
        // They come by time.
        let time = Some(creation.time.as_str()).filter(|time| !time.is_empty());
        made.first = made.first.or(time);
        made.last = time.or(made.last);
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    if arguments.json { json_lines(&found, &sums, &mut out) } else { table(&found, &sums, &mut out) }?;
    out.flush()?;
    Ok(if found.unreadable == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
}

fn json_lines(found: &Found, sums: &Sums, out: &mut impl Write) -> std::io::Result<()> {
    for ((name, kind, resource_type), made) in sums {
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
        found.diagnostics.iter().map(|(code, count)| (code.as_str(), count)).collect();
    let summary = json!({
        "files": found.files,
        "records": found.records,
        "resources": found.creations.len(),
        "repeated": found.repeated,
        "unreadable": found.unreadable,
        "diagnostics": diagnostics,
    });
    writeln!(out, "{}", json!({ "summary": summary }))
}

fn table(found: &Found, sums: &Sums, out: &mut impl Write) -> std::io::Result<()> {
    if !sums.is_empty() {
        let mut rows =
            vec![["creator", "kind", "resource type", "count", "first", "last"].map(str::to_owned).to_vec()];
        for ((name, kind, resource_type), made) in sums {
            rows.push(vec![
                (*name).to_owned(),
                kind.as_str().to_owned(),
                (*resource_type).to_owned(),
                made.resources.to_string(),
                made.first.unwrap_or_default().to_owned(),
                made.last.unwrap_or_default().to_owned(),
            ]);
        }
        writeln!(out, "{}", output::columns(&rows))?;
    }
    let resources = found.creations.len();
    writeln!(out, "{resources} resources created, in {} records of {} files", found.records, found.files)?;
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
    Ok(())
}
