//! Who is behind a creation: chains that were recorded in the sandbox, and made-up worlds in which all is known.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read samples")]

mod made_up;

use serde_json::Value;
use std::{fs, path::Path};
use tagger_core::{
    Record,
    chain::{self, Chain, Graph, Link, target, words},
};

/// The chains of what has these names, from these records.
pub fn chains_of(records: &[Value], names: &[&str]) -> Vec<Option<Chain>> {
    let mut graph = Graph::default();
    let mut creations = vec![None; names.len()];
    for value in records {
        let record = Record::new(value.clone());
        let Some(at) = graph.add(&record) else { continue };
        for (name, creation) in names.iter().zip(&mut creations) {
            *creation = creation.or(target::asked(&record, name).map(|_| at));
        }
    }
    creations.into_iter().map(|at| Some(chain::walk(&graph, at?))).collect()
}

fn recorded() -> (Vec<Value>, Vec<Value>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chains");
    let read =
        |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let lines = |text: String| text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    (lines(read("records.jsonl")), lines(read("expected.jsonl")))
}

/// `sandbox/clients/chains.py` made the records, in a running sandbox, and knows who made what.
#[test]
fn what_the_sandbox_recorded() {
    let (records, expected) = recorded();
    assert!(expected.len() >= 8, "the expectations are not there");
    // As they came, the other way round, and every record twice.
    let mut backwards = records.clone();
    backwards.reverse();
    let twice: Vec<Value> = records.iter().chain(&records).cloned().collect();
    for (order, records) in [("as they came", &records), ("backwards", &backwards), ("twice", &twice)] {
        let names: Vec<&str> = expected.iter().map(|row| row["resource"].as_str().unwrap()).collect();
        for ((row, name), chain) in expected.iter().zip(&names).zip(chains_of(records, &names)) {
            let chain = chain.unwrap_or_else(|| panic!("{name}: no record creates it"));
            let found = serde_json::json!({
                "resource": name,
                "who": chain.who.as_ref().map(|who| &who.name),
                "behind": chain.behind.as_ref().map(|end| &end.name),
                "hops": chain.hops(),
                "weakest": chain.weakest(),
            });
            assert_eq!(
                &found,
                row,
                "{name}, {order}: {}\n{}",
                words::sentence(&chain),
                words::lines(&chain).join("\n")
            );
        }
    }
}

#[test]
fn without_the_record_of_the_other_account_nobody_is_named() {
    let (records, _) = recorded();
    let left: Vec<Value> = records
        .into_iter()
        .filter(|record| {
            record["eventName"] != "AssumeRole" || record["recipientAccountId"] != "111122223333"
        })
        .collect();
    let chain = chains_of(&left, &["two-accounts"]).remove(0).unwrap();
    assert_eq!((chain.weakest(), &chain.who), (Link::None, &None), "{}", words::sentence(&chain));
    let missing = &chain.missing[0];
    assert_eq!(missing.account, "111122223333", "{missing:?}");
    assert!(missing.what.contains("sharedEventID"), "{missing:?}");
}
