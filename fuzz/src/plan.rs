//! A record of the catalog's events and a configuration, through identity, resources and plan.
//!
//! Asserted: tags or a reason; no action without somebody's name; nothing in another account; tags within AWS's
//! limits; no text of a record becomes a host; the same record twice gives the same plan, also by way of its text and
//! by a mere glance; what is printed parses.

use super::draw::{ACCOUNT, Draw};
use serde_json::Value;
use tagger_core::{
    Policy, Record, config, documents, explain, glance::Glance, plan, settings::fields::FIELDS,
};

/// One run. Bytes that begin with `{` are a record by themselves, as the samples are.
pub fn run(bytes: &[u8]) {
    if bytes.starts_with(b"{") {
        return super::records::run(bytes);
    }
    let mut draw = Draw::new(bytes);
    let Some(policy) = policy(&mut draw) else { return };
    let event = draw.event();
    let record = Record::new(draw.record(event));
    check(&record, &policy);
    // What was written down is read as what it was.
    let text = record.value().to_string();
    let mut found = Vec::new();
    documents::read(text.as_bytes(), &mut |item| found.push(item));
    let [Ok(read)] = found.as_slice() else { panic!("{} records in the text of one: {text}", found.len()) };
    assert_eq!(line(&record, &policy, None), line(read, &policy, None), "{text}");
}

/// A configuration; none where it is refused.
pub fn policy(draw: &mut Draw) -> Option<Policy> {
    if !draw.rarely(2) {
        return Some(Policy::default());
    }
    let field = |draw: &mut Draw| match draw.rarely(3) {
        true => draw.text(),
        false => format!("{{{}|{}}} {}", draw.one(FIELDS).0, draw.one(FIELDS).0, draw.text()),
    };
    // A text in quotes is the same in JSON and in TOML, but for a few escapes, which are refused.
    let quoted = |text: String| Value::from(text).to_string();
    let mut text = String::from("[tag]\n");
    if draw.rarely(2) {
        text += &format!("key = {}\n", quoted(draw.text()));
    }
    text += &format!("value = {}\n", quoted(field(draw)));
    text += draw.one(&["", "existing = \"keep\"\n", "existing = \"overwrite\"\n"]);
    text += "[tags]\n";
    for number in 0..draw.below(4) {
        text += &format!("\"Further{number}\" = {}\n", quoted(field(draw)));
    }
    text += draw.one(&["", "[kinds]\nservice = \"skip\"\n", "[kinds]\nrole = \"skip\"\nci = \"skip\"\n"]);
    if draw.rarely(4) {
        text += &format!("[exclude]\nprincipals = [{}]\n", quoted(draw.text()));
    }
    config::from_toml(&text).ok()
}

fn line(record: &Record, policy: &Policy, own: Option<&str>) -> String {
    explain::json(record, &plan(record, policy, own))
}

/// What holds of every record's plan.
pub fn check(record: &Record, policy: &Policy) {
    let text = record.value().to_string();
    for own in [None, Some(ACCOUNT)] {
        let plan = plan(record, policy, own);
        let stops = plan.diagnostics.iter().any(|diagnostic| diagnostic.code.stops());
        assert!(stops || !plan.actions.is_empty(), "neither tags nor a reason: {text}");
        if !plan.actions.is_empty() || !plan.children.is_empty() {
            let name = plan.creator.name.as_deref().unwrap_or_default();
            assert!(!name.trim().is_empty(), "tags without a name: {text}");
            // CloudTrail hides a user's name, and nothing else.
            let from_user = plan.creator.from == Some("userIdentity.userName");
            assert!(!from_user || name != "HIDDEN_DUE_TO_SECURITY_REASONS", "a hidden name: {text}");
            assert!(
                plan.tags.first().is_some_and(|(key, _)| *key == policy.tag.key),
                "no creator's tag: {text}"
            );
        }
        for (key, value) in &plan.tags {
            assert!((1..=127).contains(&key.len()) && !key.starts_with("aws:"), "the key {key:?}");
            assert!((1..=255).contains(&value.len()) && value.is_ascii(), "the value {value:?}");
            let accepted = |c: char| c.is_ascii_alphanumeric() || " _.:/=+-@".contains(c);
            assert!(value.chars().all(accepted) && value.trim() == value, "the value {value:?}");
        }
        let parents = plan.children.iter().flat_map(|children| &children.parents);
        for resource in plan.actions.iter().chain(parents) {
            let account = resource.arn.split(':').nth(4).unwrap_or_default();
            assert!(
                own.is_none_or(|own| ["", own, "aws"].contains(&account)),
                "{} is somebody else's",
                resource.arn
            );
            let of_region = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(resource.region.chars().all(of_region), "the region {:?}", resource.region);
            assert!(resource.arn.starts_with("arn:"), "the ARN {:?}", resource.arn);
        }
        let printed = explain::json(record, &plan);
        assert!(!printed.contains('\n'), "more than a line: {printed}");
        let parsed: Value = serde_json::from_str(&printed).expect("what is printed parses");
        assert_eq!(parsed["actions"].as_array().map(Vec::len), Some(plan.actions.len()), "{printed}");
        assert_eq!(printed, line(record, policy, own), "twice");
        let shown = explain::text(record, &plan, "", "");
        assert!(!shown.chars().any(|c| c.is_control() && c != '\n'), "{shown:?} moves the cursor");
        if let Some(code) = Glance::at(&text).and_then(|glance| glance.code()) {
            assert!(
                plan.diagnostics.iter().any(|found| found.code == code),
                "{code:?} at a glance: {printed}"
            );
        }
    }
}
