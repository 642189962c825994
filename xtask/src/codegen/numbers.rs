//! Numbers in documents that are written by hand: of types, actions, rules, resources. A form below is a sentence with
//! names in braces; `cargo xtask codegen` finds the sentence, whatever numbers it has, and writes the ones of today.
//! So the documents need no marks, and a number that is no longer so fails `--check`.

use super::policy;
use crate::{catalog::Catalog, trips::Proofs};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// A document, and a part of it with numbers. A part may stand there several times.
const FORMS: [(&str, &str); 14] = [
    ("README.md", "{types} resource types of {services} services"),
    ("docs/deployment.md", "  +  {home_rules} rules                            Rule1, "),
    ("docs/deployment.md", "  +  {forwarder_rules} rules          Rule1 (if Elsewhere), "),
    (
        "docs/deployment.md",
        "The function may: {actions} actions of {action_services} services: {sets} that set tags, {reads} that read tags",
    ),
    (
        "docs/deployment.md",
        "  ~  {changed_rules} rules                     auto-resource-tagger-reconcile (Targets), ",
    ),
    (
        "docs/deployment.md",
        "With these parameters {with_trail} resources are made; with a trail of its own and a new bucket, {own_trail}.",
    ),
    ("docs/deployment.md", "Forwarders, {forwarder} resources each:"),
    ("docs/protection.md", "Of {tagging_actions} actions that AWS's [service authorization reference]"),
    ("docs/protection.md", " calls tagging, {unseen} do not tell their keys;"),
    ("docs/protection.md", "`tag:TagResources` of the Tagging API is among the {unseen},"),
    (
        "templates/README.md",
        "With `ExistingTrail` and `Delivery=direct` that is {with_trail} resources, with a trail and a bucket of its own {own_trail};",
    ),
    ("templates/README.md", "a forwarder has {forwarder}."),
    ("docs/what-was-run.md", "all {types} types"),
    ("docs/what-was-run.md", "read back by the service's own call: {proved} types"),
];

/// Conditions of `tagger.yaml` that hold by default with a trail that is there, and those of a trail of its own.
const BY_DEFAULT: [&str; 3] = ["Direct", "Reconciles", "HasDashboard"];
const OWN_TRAIL: [&str; 2] = ["OwnTrail", "OwnTrailBucket"];
/// Those of `forwarder.yaml` outside the home region.
const ELSEWHERE: [&str; 1] = ["Elsewhere"];

type Numbers = BTreeMap<&'static str, usize>;

/// The documents with the numbers of today. `templates` are the generated ones, by path, `proofs` the round trips.
///
/// # Errors
/// A document that cannot be read, or that has not the sentence any more.
pub fn documents(
    catalog: &Catalog,
    rules: &Value,
    templates: &[(&'static str, String)],
    proofs: &Proofs,
    root: &Path,
) -> Result<Vec<(&'static str, String)>, String> {
    let mut numbers = numbers(catalog, rules, templates, root)?;
    let proved: BTreeSet<_> = proofs.keys().map(|(name, _, _)| name).collect();
    numbers.insert("proved", proved.len());
    let mut made: BTreeMap<&'static str, String> = BTreeMap::new();
    for (name, form) in FORMS {
        let text = match made.remove(name) {
            Some(text) => text,
            None => fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"))?,
        };
        let text = fill(&text, form, &numbers).map_err(|why| format!("{name}: {why}"))?;
        made.insert(name, text);
    }
    Ok(made.into_iter().collect())
}

fn numbers(
    catalog: &Catalog,
    rules: &Value,
    templates: &[(&'static str, String)],
    root: &Path,
) -> Result<Numbers, String> {
    let template = |name: &str| {
        let found = templates.iter().find(|(path, _)| *path == name);
        found.map(|(_, text)| text.as_str()).ok_or_else(|| format!("no template {name}"))
    };
    let (home, forwarder) = (template("templates/tagger.yaml")?, template("templates/forwarder.yaml")?);
    let own: Vec<_> = BY_DEFAULT.into_iter().chain(OWN_TRAIL).collect();
    let is_rule = |text: &str| text.matches("\n    Type: AWS::Events::Rule\n").count();
    let rules = rules.as_array().map_or(0, Vec::len);
    let types: BTreeSet<_> = catalog.entries().map(|(_, entry)| &entry.r#type).collect();
    let actions = allowed(&policy::policy(catalog));
    let services: BTreeSet<_> = actions.iter().filter_map(|action| action.split(':').next()).collect();
    let reads = actions.iter().filter(|action| is_read(action)).count();
    let (tagging_actions, unseen) = unseen(root)?;
    Ok(BTreeMap::from([
        ("types", types.len()),
        ("services", catalog.files.len()),
        ("actions", actions.len()),
        ("action_services", services.len()),
        ("reads", reads),
        ("sets", actions.len() - reads),
        ("home_rules", is_rule(home)),
        ("forwarder_rules", is_rule(forwarder)),
        // Those that call the function, and the schedule of reconciling.
        ("changed_rules", rules + 1),
        ("with_trail", resources(home, &BY_DEFAULT)),
        ("own_trail", resources(home, &own)),
        ("forwarder", resources(forwarder, &ELSEWHERE)),
        ("tagging_actions", tagging_actions),
        ("unseen", unseen),
    ]))
}

/// The actions of a policy, as `tagger deploy` counts them (`permissions` in `crates/cli/src/templates.rs`).
fn allowed(policy: &Value) -> BTreeSet<String> {
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let actions = statements.flat_map(|statement| statement["Action"].as_array().into_iter().flatten());
    actions.filter_map(Value::as_str).map(str::to_owned).collect()
}

fn is_read(action: &str) -> bool {
    let name = action.split(':').nth(1).unwrap_or_default();
    ["Get", "List", "Describe", "Lookup", "GET"].iter().any(|verb| name.starts_with(verb))
}

/// How many tagging actions there are, and how many of them do not tell their keys.
fn unseen(root: &Path) -> Result<(usize, usize), String> {
    let name = "catalog/protection/unseen.txt";
    let text = fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"))?;
    let total = text.lines().find_map(|line| line.strip_prefix("# tagging actions: "));
    let total = total.and_then(|line| line.split(',').next()?.parse().ok());
    let listed = text.lines().filter(|line| !line.starts_with('#')).count();
    Ok((total.ok_or_else(|| format!("{name} does not say how many tagging actions there are"))?, listed))
}

/// How many resources a generated template makes when these conditions hold and no others.
fn resources(template: &str, hold: &[&str]) -> usize {
    let lines: Vec<_> = template
        .lines()
        .skip_while(|line| *line != "Resources:")
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .collect();
    let is_name = |line: &str| line.starts_with("  ") && !line[2..].starts_with(' ');
    let all = lines.iter().filter(|line| is_name(line)).count();
    let conditions = lines.iter().filter_map(|line| line.strip_prefix("    Condition: "));
    all - conditions.filter(|name| !hold.contains(name)).count()
}

/// The text with the numbers of today wherever the form stands in it.
fn fill(text: &str, form: &str, numbers: &Numbers) -> Result<String, String> {
    let parts: Vec<_> = form.split(['{', '}']).collect();
    let (mut made, mut rest, mut found) = (String::new(), text, false);
    while let Some(at) = rest.find(parts[0]) {
        let (before, here) = rest.split_at(at);
        made.push_str(before);
        if let Some((new, length)) = matched(here, &parts, numbers)? {
            made.push_str(&new);
            rest = &here[length..];
            found = true;
        } else {
            let step = here.chars().next().map_or(here.len(), char::len_utf8);
            made.push_str(&here[..step]);
            rest = &here[step..];
        }
        if rest.is_empty() {
            break;
        }
    }
    if !found {
        return Err(format!(
            "it does not say `{form}` with numbers in it; fix the sentence, or its form in xtask/src/codegen/numbers.rs"
        ));
    }
    Ok(made + rest)
}

/// What stands at the beginning of a text if it has the form: with today's numbers, and how long it is now. The parts
/// are texts and names in turn.
fn matched(text: &str, parts: &[&str], numbers: &Numbers) -> Result<Option<(String, usize)>, String> {
    let (mut made, mut rest) = (String::new(), text);
    for (index, part) in parts.iter().enumerate() {
        if index % 2 == 0 {
            let Some(after) = rest.strip_prefix(part) else { return Ok(None) };
            made.push_str(part);
            rest = after;
        } else {
            // A comma belongs to a number only between its digits.
            let (mut length, bytes) = (0, rest.as_bytes());
            while let Some(byte) = bytes.get(length) {
                let digit_follows = bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
                if !byte.is_ascii_digit() && (*byte != b',' || length == 0 || !digit_follows) {
                    break;
                }
                length += 1;
            }
            let Some(after) = rest.get(length..).filter(|_| length > 0) else { return Ok(None) };
            let number = numbers.get(part).ok_or_else(|| format!("there is no number `{part}`"))?;
            made.push_str(&with_commas(*number));
            rest = after;
        }
    }
    Ok(Some((made, text.len() - rest.len())))
}

fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut made = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            made.push(',');
        }
        made.push(digit);
    }
    made
}

#[cfg(test)]
mod tests {
    use super::{Numbers, fill, resources, with_commas};

    fn numbers() -> Numbers {
        Numbers::from([("types", 1311), ("services", 258)])
    }

    #[test]
    fn a_form_gets_the_numbers_of_today_wherever_it_stands() {
        assert_eq!(
            fill("All 1 types. all 2 types, all types", "all {types} types", &numbers()).as_deref(),
            Ok("All 1 types. all 1,311 types, all types")
        );
        assert_eq!(fill("of 1,000, or so", "of {types}, or", &numbers()).as_deref(), Ok("of 1,311, or so"));
        let gone = fill("all types", "all {types} types", &numbers()).unwrap_err();
        assert!(gone.contains("all {types} types"), "{gone}");
        assert!(fill("all 1 kinds", "all {kinds} kinds", &numbers()).is_err());
        assert_eq!(["7", "1,311", "1,000,000"].map(str::to_owned), [7, 1311, 1_000_000].map(with_commas));
    }

    #[test]
    fn resources_are_counted_by_their_conditions() {
        let template = "Conditions:\n  Own: x\nResources:\n  A:\n    Type: T\n  B:\n    Type: T\n    Condition: Own\n\
                        \x20   Properties:\n      Condition: Other\n  C:\n    Type: T\n    Condition: Other\nOutputs:\n  D:\n";
        assert_eq!(resources(template, &[]), 1);
        assert_eq!(resources(template, &["Own"]), 2);
        assert_eq!(resources(template, &["Own", "Other"]), 3);
    }
}
