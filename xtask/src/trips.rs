//! `cargo xtask trips`: every type that an emulator can create and tag, there and back.
//!
//! `sandbox/trips` does it: boto3 creates, the sandbox's recorder writes the record, the real `bootstrap` tags, and
//! boto3 reads. Here what came of it is held against `catalog/reference/round_trips.txt`, from which
//! `docs/resources.md` has its marks. It must not decide what a row means, and calls nothing itself.

use crate::{catalog::Catalog, check};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

/// What is listed, below the root of the repository.
const LIST: &str = "catalog/reference/round_trips.txt";
const FIX: &str = "cargo xtask trips --write";
const HEAD: &str = "\
# Which types were created on an emulator, tagged by the real function, and had the tag when asked by the service's own call.
# Made by `cargo xtask trips --write`; do not edit by hand. Columns: type, event, emulators, call that read the tags,
# of what it was asked (`answer`: what the creation answered or was told; `form`: the creation does not answer the ARN that the
# call takes, so it was put together as AWS documents it), and whether a tag of the creation was still there (`kept`; `-`: none).
";
const HEAD_GAPS: &str = "
# What is in the table and could not be proved, and why. Columns: type, event's operation, reasons.
";

/// What the driver tells about a row, a type and an emulator.
#[derive(Deserialize)]
struct Found {
    kind: Kind,
    emulator: String,
    r#type: String,
    service: String,
    operation: String,
    text: String,
    #[serde(default)]
    event: String,
    #[serde(default)]
    read: String,
    #[serde(default)]
    asked: String,
    #[serde(default)]
    kept: bool,
    #[serde(default)]
    log: String,
}

#[derive(Deserialize, PartialEq, Eq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Proved,
    Gap,
    Fault,
}

/// A line of the list, of what was seen on each emulator.
#[derive(Default)]
struct Proved<'a> {
    emulators: BTreeSet<&'a str>,
    reads: BTreeSet<&'a str>,
    asked: BTreeSet<&'a str>,
    kept: bool,
}

/// The emulators on which a type was proved, by type, event source and event.
pub type Proofs = BTreeMap<(String, String, String), String>;

/// Makes the trips and holds them against the list, or with `--write` writes it. Everything else is for
/// `sandbox/trips/run.py` (`--only sns,sqs`, `--on moto`, `--verbose`); then the list is let alone.
///
/// # Errors
/// What was created and not found with its tag, and what differs from the list.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let root = crate::root();
    check::build_function()?;
    let python = check::installed("trips-venv", "sandbox/trips/requirements.txt")?;
    let state = root.join("target/trips");
    let _ = fs::remove_dir_all(&state);
    let begun = Instant::now();
    let part = arguments.iter().any(|argument| argument != "--write");
    let output = Command::new(python)
        .current_dir(&root)
        .arg("sandbox/trips/run.py")
        .arg("--bootstrap")
        .arg(root.join("target/release/bootstrap"))
        .arg("--state")
        .arg(&state)
        .args(arguments.iter().filter(|argument| *argument != "--write"))
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("sandbox/trips/run.py did not run: {error}"))?;
    if !output.status.success() {
        return Err(format!("sandbox/trips/run.py failed ({})", output.status));
    }
    let found: Vec<Found> = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("sandbox/trips/run.py did not print its result: {error}"))?;
    let seconds = begun.elapsed().as_secs();
    let text = list(&found);
    let proofs = parse(&text)?;
    let types: BTreeSet<_> = proofs.keys().map(|(name, _, _)| name).collect();
    let services: BTreeSet<_> = types.iter().filter_map(|name| name.split("::").nth(1)).collect();
    println!(
        "{} types of {} services, by {} events, went there and back in {seconds} s",
        types.len(),
        services.len(),
        proofs.len()
    );
    faults(&found)?;
    if part {
        return Ok(());
    }
    in_catalog(&proofs, &Catalog::read(&root)?)?;
    let path = root.join(LIST);
    if arguments.iter().any(|argument| argument == "--write") {
        return fs::write(&path, text).map_err(|error| format!("{LIST}: {error}"));
    }
    let listed = fs::read_to_string(&path).map_err(|error| format!("{LIST}: {error}; run: {FIX}"))?;
    compare(&listed, &text)
}

/// What the list says was proved.
///
/// # Errors
/// It cannot be read, or a line of it has another form.
pub fn proofs(root: &Path) -> Result<Proofs, String> {
    let text = fs::read_to_string(root.join(LIST)).map_err(|error| format!("{LIST}: {error}"))?;
    parse(&text)
}

/// Refuses what the catalog does not have (any more).
///
/// # Errors
/// The type and the event that are in the list only.
pub fn in_catalog(proofs: &Proofs, catalog: &Catalog) -> Result<(), String> {
    let there: BTreeSet<(&str, &str, &str)> = catalog
        .entries()
        .map(|(file, entry)| (entry.r#type.as_str(), file.event_source.as_str(), entry.event.as_str()))
        .collect();
    for (name, source, event) in proofs.keys() {
        if !there.contains(&(name.as_str(), source.as_str(), event.as_str())) {
            return Err(format!(
                "{LIST} has {name} by {source} {event}, which the catalog does not have: fix the catalog, or run: {FIX}"
            ));
        }
    }
    Ok(())
}

fn faults(found: &[Found]) -> Result<(), String> {
    let faults: Vec<_> = found.iter().filter(|item| item.kind == Kind::Fault).collect();
    for fault in &faults {
        eprintln!(
            "{} by {}:{} on {}: {}\n{}",
            fault.r#type, fault.service, fault.operation, fault.emulator, fault.text, fault.log
        );
    }
    if faults.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{} round trips failed. Where the entry is wrong, fix it in catalog/; where the emulator is, say why in the row's \
         `gaps` (sandbox/trips/rows)",
        faults.len()
    ))
}

fn list(found: &[Found]) -> String {
    let mut proved: BTreeMap<(&str, String), Proved> = BTreeMap::new();
    for item in found.iter().filter(|item| item.kind == Kind::Proved) {
        let row = proved.entry((&item.r#type, plain(&item.event))).or_default();
        row.emulators.insert(&item.emulator);
        row.reads.insert(&item.read);
        row.asked.insert(&item.asked);
        row.kept |= item.kept;
    }
    let types: BTreeSet<_> = proved.keys().map(|(name, _)| *name).collect();
    let mut gaps: BTreeMap<(&str, String), BTreeSet<String>> = BTreeMap::new();
    for item in found.iter().filter(|item| item.kind == Kind::Gap && !item.r#type.is_empty()) {
        if !types.contains(item.r#type.as_str()) {
            let row = gaps.entry((&item.r#type, format!("{}:{}", item.service, item.operation))).or_default();
            row.insert(format!("{}: {}", item.emulator, item.text));
        }
    }
    let join = |words: &BTreeSet<&str>| words.iter().copied().collect::<Vec<_>>().join(", ");
    let mut text = HEAD.to_owned();
    for ((name, event), row) in &proved {
        let (emulators, reads, asked) = (join(&row.emulators), join(&row.reads), join(&row.asked));
        let kept = if row.kept { "kept" } else { "-" };
        text += &format!("{name}\t{event}\t{emulators}\t{reads}\t{asked}\t{kept}\n");
    }
    text += HEAD_GAPS;
    for ((name, operation), reasons) in &gaps {
        let reasons: Vec<_> = reasons.iter().map(String::as_str).collect();
        text += &format!("# {name}\t{operation}\t{}\n", reasons.join("; "));
    }
    text
}

/// The event without the version that some services append, as the catalog has it.
fn plain(event: &str) -> String {
    let end = event
        .find("20")
        .filter(|at| event[*at..].chars().all(|letter| letter.is_ascii_digit() || letter == '_'));
    event[..end.unwrap_or(event.len())].to_owned()
}

fn parse(text: &str) -> Result<Proofs, String> {
    let mut proofs = Proofs::new();
    for (index, line) in
        text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
    {
        let columns: Vec<_> = line.split('\t').collect();
        let event = columns.get(1).and_then(|event| event.split_once(' '));
        let (Some((source, event)), 6) = (event, columns.len()) else {
            return Err(format!("{LIST}: line {} has not its six columns; run: {FIX}", index + 1));
        };
        let key = (columns[0].to_owned(), source.to_owned(), event.to_owned());
        proofs.insert(key, columns[2].to_owned());
    }
    Ok(proofs)
}

/// Both ways: what no longer makes the trip, and what makes it and is not listed.
fn compare(listed: &str, made: &str) -> Result<(), String> {
    let (listed, made): (BTreeSet<&str>, BTreeSet<&str>) = (listed.lines().collect(), made.lines().collect());
    let mut differences: Vec<_> =
        listed.difference(&made).map(|line| format!("listed and not so: {line}")).collect();
    differences.extend(made.difference(&listed).map(|line| format!("so and not listed: {line}")));
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{LIST} differs from what was seen; if that is meant, run: {FIX}\n{}",
        differences.join("\n")
    ))
}

#[cfg(test)]
mod tests {
    use super::{Found, Kind, compare, list, parse, plain};

    fn found(kind: Kind, emulator: &str, name: &str, event: &str) -> Found {
        Found {
            kind,
            emulator: emulator.to_owned(),
            r#type: name.to_owned(),
            service: "sns".to_owned(),
            operation: "CreateTopic".to_owned(),
            text: "CreateTopic: not implemented".to_owned(),
            event: event.to_owned(),
            read: "sns:ListTagsForResource".to_owned(),
            asked: "answer".to_owned(),
            kept: emulator == "moto",
            log: String::new(),
        }
    }

    #[test]
    fn what_is_listed_is_read_back() {
        let seen = [
            found(Kind::Proved, "moto", "AWS::SNS::Topic", "sns.amazonaws.com CreateTopic"),
            found(Kind::Proved, "ministack", "AWS::SNS::Topic", "sns.amazonaws.com CreateTopic"),
            found(Kind::Gap, "ministack", "AWS::SNS::Other", ""),
        ];
        let text = list(&seen);
        assert!(text.contains(
            "AWS::SNS::Topic\tsns.amazonaws.com CreateTopic\tministack, moto\tsns:ListTagsForResource\tanswer\tkept\n"
        ));
        assert!(
            text.contains("# AWS::SNS::Other\tsns:CreateTopic\tministack: CreateTopic: not implemented\n")
        );
        let key = ("AWS::SNS::Topic".to_owned(), "sns.amazonaws.com".to_owned(), "CreateTopic".to_owned());
        assert_eq!(
            parse(&text).map(|proofs| proofs.get(&key).cloned()),
            Ok(Some("ministack, moto".to_owned()))
        );
    }

    #[test]
    fn the_list_is_held_both_ways() {
        let message = compare("a\nb\n", "b\nc\n").unwrap_err();
        assert!(
            message.contains("listed and not so: a") && message.contains("so and not listed: c"),
            "{message}"
        );
        assert_eq!(compare("a\n", "a\n"), Ok(()));
        assert!(parse("AWS::SNS::Topic\tsns\n").is_err());
    }

    #[test]
    fn versions_are_left_out_of_events() {
        for (event, expected) in [
            ("lambda.amazonaws.com CreateFunction20150331", "lambda.amazonaws.com CreateFunction"),
            (
                "cloudfront.amazonaws.com CreateDistribution2020_05_31",
                "cloudfront.amazonaws.com CreateDistribution",
            ),
            ("kafka.amazonaws.com CreateClusterV2", "kafka.amazonaws.com CreateClusterV2"),
        ] {
            assert_eq!(plain(event), expected, "of {event}");
        }
    }
}
