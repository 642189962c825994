//! `tagger config check`: whether a configuration works, in words, and what each caller would get by it. Plans only.

mod callers;

use crate::{
    args::{Action, Check, Config},
    config_file::ConfigFile,
    exit_code::{Error, ExitCode},
    input::{self, Unreadable},
    output,
};
use serde_json::{Map, Value, json};
use std::{
    collections::BTreeMap,
    io::{BufWriter, Write},
};
use tagger_core::{Plan, Policy, Record, config, diagnostic::Code, plan, printable, settings::words};

/// Runs the verb.
///
/// # Errors
/// The configuration is wrong, or the output cannot be written.
pub fn run(arguments: &Config) -> Result<ExitCode, Error> {
    let Action::Check(arguments) = &arguments.action;
    check(arguments)
}

/// Who, by name and kind, with the tags.
type Caller = (String, &'static str, Vec<(String, String)>);

/// What came of the records.
#[derive(Default)]
struct Found {
    callers: BTreeMap<Caller, usize>,
    left: BTreeMap<Code, usize>,
    notes: BTreeMap<String, usize>,
}

impl Found {
    fn add(&mut self, policy: &Policy, record: &Record) {
        let Plan { creator, actions, launch, children, tags, diagnostics, .. } = plan(record, policy, None);
        for found in diagnostics.iter().filter(|found| matches!(found.code, Code::TagValueEmpty)) {
            *self.notes.entry(found.message.clone()).or_default() += 1;
        }
        if actions.is_empty() && launch.is_none() && children.is_empty() {
            if let Some(found) = diagnostics.first() {
                *self.left.entry(found.code).or_default() += 1;
            }
            return;
        }
        let name = creator.name.unwrap_or_default();
        *self.callers.entry((name, creator.kind.as_str(), tags)).or_default() += 1;
    }
}

fn check(arguments: &Check) -> Result<ExitCode, Error> {
    let ConfigFile { policy, .. } = ConfigFile::read(&arguments.file)?;
    let mut unreadable = Unreadable::default();
    let mut found = Found::default();
    if arguments.records.is_empty() {
        callers::of_each_kind().iter().for_each(|record| found.add(&policy, record));
    }
    for file in input::files(&arguments.records, &mut unreadable) {
        input::records(&file, &mut unreadable, &mut |record| {
            found.add(&policy, &record);
            Ok(())
        })?;
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    if arguments.json {
        json_lines(&policy, &found, &mut out)
    } else {
        text(arguments, &policy, &found, &mut out)
    }?;
    out.flush()?;
    Ok(if unreadable.count == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
}

fn text(arguments: &Check, policy: &Policy, found: &Found, out: &mut impl Write) -> std::io::Result<()> {
    let lines: Vec<Vec<String>> =
        words::of(policy).into_iter().map(|(about, what)| vec![format!("  {about}"), what]).collect();
    writeln!(out, "{} is right. It means:\n{}", arguments.file.display(), output::columns(&lines))?;
    for (key, types) in config::refused_keys(policy) {
        writeln!(
            out,
            "  The services of {} types refuse a character of the key {key:?} (docs/configuration.md)",
            types.len()
        )?;
    }
    if found.callers.is_empty() {
        writeln!(out, "No record gives a tag.")?;
    } else {
        let whose = if arguments.records.is_empty() { "Made-up callers" } else { "Your callers" };
        writeln!(out, "{whose}, and what they get:")?;
        let mut rows = vec![["  caller", "kind", "records", "tags"].map(str::to_owned).to_vec()];
        for ((name, kind, tags), count) in &found.callers {
            let tags: Vec<String> = tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            rows.push(vec![
                format!("  {}", printable::text(name)),
                (*kind).to_owned(),
                count.to_string(),
                printable::text(&tags.join("  ")),
            ]);
        }
        writeln!(out, "{}", output::columns(&rows))?;
    }
    for (code, count) in &found.left {
        writeln!(out, "  {count:>8}  {}  {}", code.as_str(), code.meaning())?;
    }
    for (note, count) in &found.notes {
        writeln!(out, "  {count:>8}  {}", printable::text(note))?;
    }
    Ok(())
}

fn json_lines(policy: &Policy, found: &Found, out: &mut impl Write) -> std::io::Result<()> {
    for ((name, kind, tags), count) in &found.callers {
        let tags: Map<String, Value> = tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        writeln!(
            out,
            "{}",
            printable::json(
                &json!({ "creator": { "name": name, "kind": kind }, "tags": tags, "records": count })
                    .to_string()
            )
        )?;
    }
    let left: Map<String, Value> =
        found.left.iter().map(|(code, count)| (code.as_str().to_owned(), json!(count))).collect();
    let settings: Vec<Value> =
        words::of(policy).into_iter().map(|(about, what)| json!({ "about": about, "what": what })).collect();
    writeln!(out, "{}", json!({ "summary": { "settings": settings, "leftAlone": left } }))
}
