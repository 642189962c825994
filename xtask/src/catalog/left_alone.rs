//! Which events the catalog leaves alone, and why: the refusals of `catalog/reference/refused.tsv`, and the calls that create a
//! type of `catalog/exempt.toml`. A user who meets such an event is told the reason.

use super::{Catalog, Exemptions, REASONS};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// By event source and event, why it is left alone.
pub type LeftAlone = BTreeMap<(String, String), String>;

/// What `catalog/reference/types.json` says of a type.
#[derive(Deserialize)]
struct Facts {
    /// `model:Operation` of each call that creates it.
    #[serde(default)]
    calls: Vec<String>,
    /// The sources of their events.
    #[serde(default, rename = "event-sources")]
    sources: Vec<String>,
}

#[derive(Deserialize)]
struct Types {
    types: BTreeMap<String, Facts>,
}

/// Reads both files.
///
/// # Errors
/// A file that cannot be read, or a line of another form.
pub fn read(folder: &Path, exemptions: &Exemptions) -> Result<LeftAlone, String> {
    let text = |name: &str| {
        fs::read_to_string(folder.join(name)).map_err(|error| format!("catalog/{name}: {error}"))
    };
    let types: Types = serde_json::from_str(&text("reference/types.json")?)
        .map_err(|error| format!("catalog/reference/types.json: {error}"))?;
    let refused = text("reference/refused.tsv")?;
    let refused = refusals(&refused).map_err(|why| format!("catalog/reference/refused.tsv: {why}"))?;
    Ok(gathered(&refused, exemptions, &types.types))
}

fn refusals(text: &str) -> Result<Vec<[&str; 3]>, String> {
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            <[&str; 3]>::try_from(line.split('\t').collect::<Vec<_>>())
                .map_err(|_| format!("`{line}`: write a source, an event and why, with tabs between them"))
        })
        .collect()
}

fn gathered(refused: &[[&str; 3]], exemptions: &Exemptions, types: &BTreeMap<String, Facts>) -> LeftAlone {
    let mut out = LeftAlone::new();
    let mut sources: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for facts in types.values() {
        for model in facts.calls.iter().filter_map(|call| call.split(':').next()) {
            sources.entry(model).or_default().extend(facts.sources.iter().map(String::as_str));
        }
    }
    for one in &exemptions.exempt {
        let Some(facts) = types.get(&one.r#type) else { continue };
        let why = why_exempt(one);
        for event in facts.calls.iter().filter_map(|call| Some(call.split_once(':')?.1)) {
            for source in &facts.sources {
                // A call may create two types; the first says enough.
                out.entry((source.clone(), event.to_owned())).or_insert_with(|| why.clone());
            }
        }
    }
    for [name, event, reason] in refused {
        let exempt = reason.strip_suffix(" is exempt");
        let exempt = exemptions.exempt.iter().find(|one| Some(one.r#type.as_str()) == exempt);
        let why = exempt.map_or_else(|| (*reason).to_owned(), why_exempt);
        // A name is that of a source, or of a model whose events come from a source of another name.
        let own = format!("{name}.amazonaws.com");
        for source in sources.get(name).into_iter().flatten().copied().chain([own.as_str()]) {
            out.insert((source.to_owned(), (*event).to_owned()), why.clone());
        }
    }
    out
}

fn why_exempt(one: &super::exempt::Exempt) -> String {
    let meaning = REASONS.iter().find(|(reason, _)| *reason == one.reason).map_or("", |(_, meaning)| meaning);
    let special = match (&one.why, &one.r#as) {
        (Some(why), _) => format!(". {why}"),
        (None, Some(other)) => format!(": {other}"),
        (None, None) => String::new(),
    };
    format!("{}: {meaning}{special}", one.r#type)
}

impl Catalog {
    /// Those that no entry has by another call of the same name.
    pub fn events_left_alone(&self) -> Vec<(&str, &str, &str)> {
        let covered: BTreeSet<_> =
            self.entries().map(|(file, entry)| (file.event_source.as_str(), entry.event.as_str())).collect();
        let all = self.left_alone.iter().map(|((source, event), why)| (&**source, &**event, &**why));
        all.filter(|(source, event, _)| !covered.contains(&(*source, *event))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(calls: &[&str], sources: &[&str]) -> Facts {
        Facts {
            calls: calls.iter().map(|call| (*call).to_owned()).collect(),
            sources: sources.iter().map(|source| (*source).to_owned()).collect(),
        }
    }

    #[test]
    fn a_refusal_of_a_model_holds_for_the_sources_of_its_events() {
        let types = BTreeMap::from([
            ("AWS::A::B".to_owned(), facts(&["a-model:CreateB"], &["a.amazonaws.com"])),
            ("AWS::A::C".to_owned(), facts(&["a-model:CreateC"], &["a.amazonaws.com"])),
        ]);
        let exempt = super::super::exempt::Exempt {
            r#type: "AWS::A::B".to_owned(),
            reason: "no-tagging".to_owned(),
            r#as: None,
            why: Some("It has none.".to_owned()),
            source: "https://x".to_owned(),
        };
        let refused = [["a-model", "Send", "a message"], ["a-model", "Make", "AWS::A::B is exempt"]];
        let told = gathered(&refused, &Exemptions { exempt: vec![exempt] }, &types);
        let why =
            |source: &str, event: &str| told.get(&(source.to_owned(), event.to_owned())).map(String::as_str);
        let exempt = Some("AWS::A::B: no call tags it. It has none.");
        for (source, event, expected) in [
            ("a.amazonaws.com", "Send", Some("a message")),
            ("a-model.amazonaws.com", "Send", Some("a message")),
            ("a.amazonaws.com", "CreateB", exempt),
            ("a.amazonaws.com", "Make", exempt),
            ("a.amazonaws.com", "CreateC", None),
        ] {
            assert_eq!(why(source, event), expected, "{source} {event}");
        }
    }

    #[test]
    fn a_line_of_another_form_is_refused() {
        let told = refusals("# comment\na\tB\n").unwrap_err();
        assert!(told.contains("`a\tB`"), "{told}");
    }
}
