//! The first ARN of an answer is not always that of what was made (`clusterArn` in a task's, `roleArn` in a function's):
//! every ARN that a sample's plan holds has the form that AWS's service authorization reference gives its type.
//!
//! The formats are in `catalog/reference/entry_formats.json`. The samples that `catalog/tools/entries.py` made hold another
//! ARN in every other member of the answer, so a path that leads to the wrong one fails here.

#![allow(clippy::disallowed_methods, reason = "the core does no I/O, its tests read samples")]

use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Types whose ARNs do not follow their format, each with the form that a record shows or the documentation of its service.
const OTHERWISE: &[(&str, &str)] = &[
    // With its revision.
    (
        "AWS::Batch::JobDefinition",
        "arn:${Partition}:batch:${Region}:${Account}:job-definition/${Name}:${Revision}",
    ),
    // The model that is customized, with colons in its name, stands before the id.
    (
        "AWS::Bedrock::ModelCustomizationJob",
        "arn:${Partition}:bedrock:${Region}:${Account}:model-customization-job/${Model}:${Version}:${Length}/${Id}",
    ),
    // The pool's id is a region and a UUID.
    (
        "AWS::Cognito::IdentityPool",
        "arn:${Partition}:cognito-identity:${Region}:${Account}:identitypool/${Region}:${Id}",
    ),
    // The id has a slash: `ecs-svc/1234567890123456789`, in the API reference's example.
    (
        "AWS::ECS::TaskSet",
        "arn:${Partition}:ecs:${Region}:${Account}:task-set/${ClusterName}/${ServiceName}/ecs-svc/${TaskSetId}",
    ),
];

/// Types whose names hold slashes or colons in a sample, so that their variables take them too.
const SLASHES: &[&str] = &[
    "AWS::AutoScaling::AutoScalingGroup",
    "AWS::CloudWatch::Alarm",
    "AWS::ECR::Repository",
    "AWS::Events::Rule",
    "AWS::Glue::Job",
    "AWS::Logs::LogGroup",
    "AWS::SSM::Parameter",
];

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog")
}

fn formats() -> BTreeMap<String, Vec<String>> {
    serde_json::from_str(&fs::read_to_string(root().join("reference/entry_formats.json")).unwrap()).unwrap()
}

/// A piece of a format: a text, or a variable.
enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

fn pieces(format: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    for (index, part) in format.split("${").enumerate() {
        let (name, text) = if index == 0 { ("", part) } else { part.split_once('}').unwrap() };
        if index > 0 {
            pieces.push(Piece::Variable(name.trim_end_matches(|last: char| last.is_ascii_digit())));
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(text));
        }
    }
    pieces
}

fn fits(arn: &str, pieces: &[Piece], slashes: bool) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return arn.is_empty() };
    match first {
        Piece::Text(text) => arn.strip_prefix(text).is_some_and(|left| fits(left, rest, slashes)),
        Piece::Variable(name) => {
            let takes = |letter: char| match *name {
                "Partition" => letter.is_ascii_lowercase() || letter == '-',
                "Region" => letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-',
                "Account" => letter.is_ascii_digit(),
                _ => slashes || name.ends_with("WithPath") || !"/:".contains(letter),
            };
            let ends = arn.char_indices().map(|(at, letter)| (at + letter.len_utf8(), letter));
            ends.take_while(|(_, letter)| takes(*letter)).any(|(end, _)| fits(&arn[end..], rest, slashes))
        }
    }
}

fn plans(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            plans(&path, found);
        } else if path.to_string_lossy().ends_with(".plan.json") {
            found.push(path);
        }
    }
}

#[test]
fn every_planned_arn_has_the_form_of_its_type() {
    let formats = formats();
    let mut files = Vec::new();
    plans(&root().join("samples"), &mut files);
    files.sort();
    let (mut wrong, mut seen, mut used) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for path in &files {
        let plan: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        for action in plan["actions"].as_array().unwrap() {
            let (name, arn) = (action["type"].as_str().unwrap(), action["arn"].as_str().unwrap());
            let Some(known) = formats.get(name) else { continue };
            let slashes = SLASHES.contains(&name);
            seen.insert(name.to_owned());
            if known.iter().any(|format| fits(arn, &pieces(format), slashes)) {
                continue;
            }
            match OTHERWISE.iter().find(|(other, _)| *other == name) {
                Some((_, format)) if fits(arn, &pieces(format), slashes) => {
                    used.insert(name.to_owned());
                }
                _ => wrong.push(format!("{}: {name}: {arn} has not the form {known:?}", path.display())),
            }
        }
    }
    assert!(wrong.is_empty(), "fix the entry's path, or list the type in OTHERWISE:\n{}", wrong.join("\n"));
    let idle: Vec<_> = OTHERWISE.iter().filter(|(name, _)| !used.contains(*name)).collect();
    assert!(idle.is_empty(), "OTHERWISE: nothing needs {idle:?}; remove it");
    let unseen: Vec<_> = formats.keys().filter(|name| !seen.contains(*name)).collect();
    assert!(unseen.is_empty(), "entry_formats.json: no sample plans {unseen:?}");
}

#[test]
fn every_type_has_a_format() {
    let formats = formats();
    let events = tagger_catalog::events().iter().flat_map(|event| event.entries);
    let without: BTreeSet<_> =
        events.map(|entry| entry.resource_type).filter(|name| !formats.contains_key(*name)).collect();
    assert!(without.is_empty(), "run catalog/tools/entries.py --write: no format for {without:?}");
}

#[test]
fn another_arn_does_not_fit() {
    let task = pieces("arn:${Partition}:ecs:${Region}:${Account}:task/${ClusterName}/${TaskId}");
    for (arn, fit) in [
        ("arn:aws:ecs:us-east-1:111122223333:task/c/1", true),
        ("arn:aws-us-gov:ecs:us-gov-west-1:111122223333:task/c/1", true),
        ("arn:aws:ecs:us-east-1:111122223333:cluster/c", false),
        ("arn:aws:ecs:us-east-1:111122223333:task/c/1/x", false),
        ("arn:aws:ecs:us-east-1:111122223333:task/c/", false),
        ("arn:aws:iam::111122223333:role/task/c/1", false),
    ] {
        assert_eq!(fits(arn, &task, false), fit, "{arn}");
    }
}
