//! The golden walk: every sample record of the catalog gives the plan that lies beside it, every
//! entry of the catalog has a sample, and every identity shape gives the creator it should.
//!
//! `UPDATE_EXPECT=1 cargo test -p tagger-core --test golden` writes the expectations; read the diff.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read samples")]

use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use tagger_core::{Policy, Record, containers, documents, explain, glance::Glance, identity, plan};

const UPDATE: &str = "UPDATE_EXPECT=1 cargo test -p tagger-core --test golden";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn json_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            json_files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "json")
            && !path.to_string_lossy().ends_with(".plan.json")
        {
            found.push(path);
        }
    }
    found.sort();
}

/// The record of a sample file, after checking that the file says where it comes from.
fn record(path: &Path) -> Record {
    let name = path.display();
    let sample: Value = serde_json::from_str(&fs::read_to_string(path).unwrap())
        .unwrap_or_else(|error| panic!("{name}: {error}"));
    let origin = sample["origin"].as_str().unwrap_or_default();
    assert!(["recorded", "documented", "synthetic"].contains(&origin), "{name}: origin is `{origin}`");
    assert!(
        sample["source"].as_str().is_some_and(|source| source.starts_with("https://")),
        "{name}: source must be a link"
    );
    let mut records = containers::records_in(sample["record"].clone());
    assert_eq!(records.len(), 1, "{name}: expected one record");
    records.remove(0).unwrap_or_else(|problem| panic!("{name}: {problem}"))
}

#[test]
fn every_sample_gives_its_plan() {
    let mut files = Vec::new();
    json_files(&root().join("catalog/samples"), &mut files);
    assert!(files.len() > 30, "the samples are not there");
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let (mut wrong, mut seen) = (Vec::new(), BTreeSet::new());
    for path in &files {
        let record = record(path);
        let plan = plan(&record, &Policy::default(), None);
        for action in &plan.actions {
            seen.insert((record.event_source(), plain(&record), action.entry.resource_type));
        }
        for entry in plan.children.iter().flat_map(|children| &children.entries) {
            seen.insert((record.event_source(), plain(&record), entry.resource_type));
        }
        let planned: Value = serde_json::from_str(&explain::json(&record, &plan)).unwrap();
        let text = format!("{planned:#}\n");
        let expected = path.with_extension("plan.json");
        if update {
            fs::write(&expected, text).unwrap();
        } else {
            match fs::read_to_string(&expected) {
                Ok(expected) if expected == text => {}
                Ok(expected) => wrong.push(format!("{}\nexpected {expected}\nfound {text}", path.display())),
                Err(_) => wrong.push(format!("{} has no plan beside it", path.display())),
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{}\nread the difference; if the new plans are right: {UPDATE}",
        wrong.join("\n")
    );

    let entries = tagger_catalog::events().iter().flat_map(|event| {
        event
            .entries
            .iter()
            .map(|entry| (event.source.to_owned(), event.name.to_owned(), entry.resource_type))
    });
    let without: Vec<_> = entries.filter(|entry| !seen.contains(entry)).collect();
    assert!(
        without.is_empty(),
        "entries without a sample in catalog/samples whose plan has the type: {without:#?}"
    );
}

fn plain(record: &Record) -> String {
    tagger_catalog::plain_event_name(&record.event_name()).to_owned()
}

#[test]
fn every_identity_shape_gives_its_creator() {
    let path = root().join("catalog/samples/identities.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    let mut wrong = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let sample: Value = serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("{}:{}: {error}", path.display(), index + 1));
        let record = Record::new(json!({
            "userIdentity": sample["userIdentity"],
            "recipientAccountId": sample["recipientAccountId"],
        }));
        let found = serde_json::to_value(identity::identify(&record)).unwrap();
        if found != sample["expected"] {
            wrong.push(format!(
                "identities.jsonl:{} {}\n  {}\n  expected {}\n  found    {found}",
                index + 1,
                sample["what"],
                sample["userIdentity"],
                sample["expected"]
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(text.lines().count() >= 80, "the shapes are not there");
}

/// Public real records, where they are to be had: each is answered with tags, or with a reason.
#[test]
fn every_public_record_is_answered() {
    let folder = root().join("../shared/samples");
    let Ok(listing) = fs::read_dir(&folder) else {
        println!("{} is not there: only the catalog's own samples were checked", folder.display());
        return;
    };
    let (mut records, mut tagged, mut glances) = (0, 0, 0);
    for path in listing
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "jsonl"))
    {
        documents::read(&fs::read(&path).unwrap(), &mut |item| {
            let record = item.unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
            let plan = plan(&record, &Policy::default(), None);
            let reason = plan.diagnostics.iter().any(|diagnostic| diagnostic.code.stops());
            assert_eq!(
                plan.actions.is_empty(),
                reason,
                "{}: {}",
                path.display(),
                explain::json(&record, &plan)
            );
            let glanced = Glance::at(&record.value().to_string()).and_then(|glance| glance.code());
            let stops = plan.diagnostics.iter().find(|diagnostic| diagnostic.code.stops());
            assert!(
                glanced.is_none() || glanced == stops.map(|diagnostic| diagnostic.code),
                "{}: a glance says {glanced:?}: {}",
                path.display(),
                explain::json(&record, &plan)
            );
            glances += usize::from(glanced.is_some());
            records += 1;
            tagged += usize::from(!plan.actions.is_empty());
        });
    }
    println!("{records} records, {tagged} of them give tags, a glance was enough for {glances}");
    assert!(records > 9000);
}
