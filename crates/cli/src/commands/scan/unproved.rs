//! `tagger scan --unproved`: which entries of the catalog that rest on AWS's API models alone these records confirm or
//! contradict. What is printed names no account, person or resource, so that it can be pasted into an issue.
//!
//! A record confirms an entry where the ARN that is planned stands in its answer or in its `resources`, and contradicts it
//! where an ARN of that service and name stands there in another form, or nothing where the entry looks.

use crate::{
    exit_code::{Error, ExitCode},
    input::{self, Adds, Unreadable},
    output,
};
use serde_json::json;
use std::{
    collections::{BTreeMap, HashSet},
    io::{BufWriter, Write},
    path::PathBuf,
};
use tagger_catalog::Evidence;
use tagger_core::{Policy, Record, arn::Arn, diagnostic::Code, json};
use tagger_logs::{read::Texts, top::Top};

/// What a record says of an entry, the most certain last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    /// The record tells no ARN of it.
    Open,
    /// The planned ARN stands in the record.
    Confirmed,
    /// There is nothing where the entry looks.
    Missing,
    /// The forms of the planned ARN and of the record's.
    Contradicted(String, String),
}

impl Verdict {
    fn word(&self) -> &'static str {
        match self {
            Verdict::Open => "open",
            Verdict::Confirmed => "confirmed",
            Verdict::Missing => "missing",
            Verdict::Contradicted(..) => "contradicted",
        }
    }

    fn text(&self) -> String {
        match self {
            Verdict::Open => "the record tells no ARN of it".to_owned(),
            Verdict::Confirmed => "the planned ARN stands in the record".to_owned(),
            Verdict::Missing => "the record has nothing where the entry looks".to_owned(),
            Verdict::Contradicted(planned, found) => format!("planned {planned}, the record has {found}"),
        }
    }
}

/// Records by type, event and what they say.
type Tally = BTreeMap<(&'static str, String, Verdict), usize>;

/// Reads the files and prints what they say.
///
/// # Errors
/// The output cannot be written.
pub fn run(paths: &[PathBuf], json: bool) -> Result<ExitCode, Error> {
    let mut unreadable = Unreadable::default();
    let (mut texts, mut found) = (Texts::default(), Found::default());
    for file in input::files(paths, &mut unreadable) {
        input::add_up(&mut texts, &file, &mut unreadable, &mut found);
    }
    let tally = found.all();
    let mut out = BufWriter::new(std::io::stdout().lock());
    if json {
        for ((resource_type, event, verdict), records) in &tally {
            let line = json!({ "type": resource_type, "event": event, "verdict": verdict.word(), "records": records, "text": verdict.text() });
            writeln!(out, "{line}")?;
        }
    } else if tally.is_empty() {
        writeln!(out, "No record is about an entry that rests on AWS's API models alone.")?;
    } else {
        let rows = tally.iter().map(|((resource_type, event, verdict), records)| {
            let first = [verdict.word().to_owned(), records.to_string()];
            [first.as_slice(), &[(*resource_type).to_owned(), event.clone(), verdict.text()]].concat()
        });
        write!(out, "{}", output::columns(&rows.collect::<Vec<_>>()))?;
        writeln!(
            out,
            "\nNo account, person or resource is named above: it can be pasted into an issue, and becomes evidence."
        )?;
    }
    out.flush()?;
    Ok(if unreadable.count == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
}

/// What was found: of the files before, and of the one that is read.
#[derive(Default)]
struct Found {
    done: Tally,
    file: Tally,
    /// Records that were counted: a record can lie in several files.
    seen: HashSet<String>,
}

impl Found {
    fn all(mut self) -> Tally {
        self.begin();
        self.done
    }
}

impl Adds for Found {
    fn begin(&mut self) {
        for (key, count) in std::mem::take(&mut self.file) {
            *self.done.entry(key).or_default() += count;
        }
    }

    fn glance(&mut self, _: &Top) -> bool {
        true
    }

    fn record(&mut self, record: &Record) {
        for (resource_type, verdict) in judge(record) {
            let id = record.text("eventID").unwrap_or_default();
            if !id.is_empty() && !self.seen.insert(format!("{id} {resource_type}")) {
                continue;
            }
            let source = record.event_source();
            let service = source.split('.').next().unwrap_or_default();
            let event = format!("{service} {}", tagger_catalog::plain_event_name(&record.event_name()));
            *self.file.entry((resource_type, event, verdict)).or_default() += 1;
        }
    }

    fn again(&mut self) {
        self.file.clear();
        // Ids of earlier files are lost with those of this one: at worst a copy is counted twice.
        self.seen.clear();
    }
}

/// What a record says of each derived entry of its event.
fn judge(record: &Record) -> Vec<(&'static str, Verdict)> {
    let plan = tagger_core::plan(record, &Policy::default(), None);
    if plan.actions.is_empty() {
        if !plan.diagnostics.iter().any(|one| one.code == Code::NoResourceInRecord) || plan.launch.is_some() {
            return Vec::new();
        }
        let event = tagger_catalog::event(&record.event_source(), &record.event_name());
        let derived = event.into_iter().flat_map(|event| event.entries);
        let derived = derived.filter(|entry| entry.evidence == Evidence::Derived);
        return derived.map(|entry| (entry.resource_type, Verdict::Missing)).collect();
    }
    let value = record.value();
    let mut arns = Vec::new();
    for part in ["responseElements", "resources"] {
        json::each_text(json::member(value, part), &mut |text| arns.extend(Arn::parse(text)));
    }
    let derived = plan.actions.iter().filter(|resource| resource.entry.evidence == Evidence::Derived);
    derived.map(|resource| (resource.entry.resource_type, compare(&resource.arn, &arns))).collect()
}

fn compare(planned: &str, arns: &[Arn]) -> Verdict {
    if arns.iter().any(|arn| arn.as_str() == planned) {
        return Verdict::Confirmed;
    }
    let Some(planned) = Arn::parse(planned) else { return Verdict::Open };
    let other = arns.iter().find(|arn| arn.service == planned.service && arn.last() == planned.last());
    match other {
        Some(other) => {
            let has_word = !planned.kind().is_empty();
            Verdict::Contradicted(planned.form(has_word), other.form(has_word))
        }
        None => Verdict::Open,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    /// Where a type has no word, the first part of an ARN may be somebody's name.
    #[test]
    fn no_name_is_shown_for_a_word() {
        let arns = [Arn::parse("arn:aws:sns:us-east-1:111122223333:secret-project:jobs").unwrap()];
        let found = compare("arn:aws:sns:us-east-1:111122223333:jobs", &arns).text();
        assert_eq!(found, "planned arn:aws:sns:…:…:…, the record has arn:aws:sns:…:…:…");
    }

    #[test]
    fn what_a_record_says_of_a_planned_arn() {
        let planned = "arn:aws:deadline:us-east-1:111122223333:farm/farm-1";
        for (found, expected) in [
            (&[planned][..], "the planned ARN stands in the record"),
            (&["arn:aws:iam::111122223333:role/farm-1"], "the record tells no ARN of it"),
            (&["arn:aws:deadline:us-east-1:111122223333:farm/farm-2"], "the record tells no ARN of it"),
            (
                &["arn:aws:deadline:us-east-1:111122223333:farms/farm-1"],
                "planned arn:aws:deadline:…:…:farm/…, the record has arn:aws:deadline:…:…:farms/…",
            ),
        ] {
            let arns: Vec<Arn> = found.iter().filter_map(|text| Arn::parse(text)).collect();
            assert_eq!(compare(planned, &arns).text(), expected, "{found:?}");
        }
    }

    /// What is planned from the answer's ARN is confirmed by it.
    #[test]
    fn a_record_of_a_derived_entry_is_judged_and_names_nobody() {
        let event = tagger_catalog::events().iter().find(|event| {
            event.entries.len() == 1
                && event.entries[0].evidence == Evidence::Derived
                && event.name == "StartTopicsDetectionJob"
        });
        let event = event.expect("comprehend StartTopicsDetectionJob rests on a model");
        let arn = "arn:aws:comprehend:us-east-1:111122223333:topics-detection-job/123";
        let record = |answer: Value| {
            Record::new(json!({
                "eventVersion": "1.11", "eventSource": event.source, "eventName": event.name, "eventID": "e-1",
                "awsRegion": "us-east-1", "recipientAccountId": "111122223333", "readOnly": false,
                "userIdentity": {"type": "IAMUser", "userName": "alice", "accountId": "111122223333"},
                "requestParameters": {}, "responseElements": answer,
            }))
        };
        for (answer, expected) in
            [(json!({"jobArn": arn}), Verdict::Confirmed), (json!({"jobId": "123"}), Verdict::Missing)]
        {
            let found = judge(&record(answer.clone()));
            assert_eq!(found, [("AWS::Comprehend::TopicsDetectionJob", expected)], "{answer}");
        }
        let mut found = Found::default();
        for _ in 0..2 {
            found.begin();
            found.record(&record(json!({"jobArn": arn})));
        }
        let tally = found.all();
        assert_eq!(tally.values().sum::<usize>(), 1, "a copy counts once: {tally:?}");
        let shown = format!("{tally:?}");
        for personal in ["111122223333", "alice", "topics-detection-job/123"] {
            assert!(!shown.contains(personal), "{shown}");
        }
    }
}
