//! ARNs are cut in `crates/core/src/arn.rs` and nowhere else: whoever cuts one by hand takes the wrong part where a name
//! holds a slash or a colon, and that part may be the name of something else.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read sources")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// How ARNs are cut by hand.
const CUTS: [&str; 5] =
    ["splitn(6,", "split(':').nth(", "split(':').skip(", "split(':').take(", "rsplit(['/', ':'])"];
/// How other things are cut too, so these count only in a line that speaks of an ARN.
const PERHAPS: [&str; 4] = ["rsplit(':')", "rsplit_once(':')", "rsplit('/')", "rsplit_once('/')"];

/// Files that cut by hand, in how many lines, and what.
const OTHERS: &[(&str, usize, &str)] = &[
    ("crates/cli/src/commands/catalog/detail.rs", 1, "an IAM action"),
    ("crates/cli/src/commands/doctor/canary.rs", 1, "a queue's URL"),
    ("crates/cli/src/templates.rs", 1, "an IAM action"),
    ("xtask/src/chaos/names.rs", 2, "the harness judges the product's cuts, so it has its own"),
    ("xtask/src/codegen/numbers.rs", 1, "an IAM action"),
];

fn cuts_an_arn(line: &str) -> bool {
    let has = |cuts: &[&str]| cuts.iter().any(|cut| line.contains(cut));
    has(&CUTS) || line.to_lowercase().contains("arn") && has(&PERHAPS)
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn no_other_file_cuts_an_arn() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let mut files = Vec::new();
    for folder in
        ["crates/aws", "crates/catalog", "crates/cli", "crates/core", "crates/lambda", "crates/logs", "xtask"]
    {
        sources(&root.join(folder).join("src"), &mut files);
    }
    files.sort();
    let mut wrong = Vec::new();
    for path in files {
        let name = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        if name == "crates/core/src/arn.rs" {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let found = text.lines().filter(|line| cuts_an_arn(line)).count();
        let known = OTHERS.iter().find(|(file, ..)| *file == name).map_or(0, |(_, count, _)| *count);
        if found != known {
            wrong.push(format!("{name}: {found} lines cut an ARN, {known} known"));
        }
    }
    let gone = OTHERS.iter().filter(|(file, ..)| !root.join(file).is_file());
    wrong.extend(gone.map(|(file, ..)| format!("{file}: is not there")));
    assert!(
        wrong.is_empty(),
        "take a part of an ARN by tagger_core::arn::Arn; what is no ARN is listed in OTHERS:\n{}",
        wrong.join("\n")
    );
}
