//! `tagger catalog`: what the catalog knows. Chooses the entries and lists them; one entry in full is [`detail`],
//! an entry for a type that is not there yet is [`propose`].

mod detail;
#[rustfmt::skip]
mod generated;
mod propose;

use crate::{
    args::Catalog,
    exit_code::{Error, ExitCode},
    output,
};
use detail::Detail;
use std::{
    collections::BTreeSet,
    io::{BufWriter, Write},
};
use tagger_catalog::{Entry, Event};
use tagger_core::settings::near::near;

/// So many entries are shown in full although neither their type nor their event was named.
const FEW: usize = 3;

/// Runs the verb.
///
/// # Errors
/// No entry matches, nothing can be proposed, or the output cannot be written.
pub fn run(arguments: &Catalog) -> Result<ExitCode, Error> {
    if let Some(resource_type) = &arguments.propose {
        return propose::run(resource_type);
    }
    let entries = wanted(arguments);
    if entries.is_empty() {
        return Err(Error::Failure(nothing(arguments)));
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    let one_type = arguments.r#type.as_ref().is_some_and(|name| is_type(name, entries[0].1));
    let details = entries.iter().map(|(event, entry)| Detail::of(event, entry));
    if arguments.json {
        for detail in details {
            writeln!(out, "{}", detail.json())?;
        }
    } else if one_type || arguments.event.is_some() || entries.len() <= FEW {
        let texts: Vec<_> = details.map(|detail| detail.text()).collect();
        write!(out, "{}", texts.join("\n"))?;
    } else {
        let mut rows = vec![["resource type", "event", "tagged by", "evidence"].map(str::to_owned).to_vec()];
        rows.extend(entries.iter().map(|(event, entry)| {
            vec![
                entry.resource_type.to_owned(),
                format!("{} {}", event.source, event.name),
                entry.operation.name.to_owned(),
                entry.evidence.as_str().to_owned(),
            ]
        }));
        write!(out, "{}", output::columns(&rows))?;
    }
    out.flush()?;
    Ok(ExitCode::Fine)
}

fn all() -> impl Iterator<Item = (&'static Event, &'static Entry)> {
    tagger_catalog::events().iter().flat_map(|event| event.entries.iter().map(move |entry| (event, entry)))
}

/// The entries that are asked for. A type that is named in full is that type, and none whose name it begins.
fn wanted(arguments: &Catalog) -> Vec<(&'static Event, &'static Entry)> {
    let mut entries: Vec<_> = all().filter(|(event, entry)| is_wanted(arguments, event, entry)).collect();
    if let Some(name) = &arguments.r#type
        && entries.iter().any(|(_, entry)| is_type(name, entry))
    {
        entries.retain(|(_, entry)| is_type(name, entry));
    }
    entries
}

fn is_type(name: &str, entry: &Entry) -> bool {
    entry.resource_type.eq_ignore_ascii_case(name)
}

fn is_wanted(arguments: &Catalog, event: &Event, entry: &Entry) -> bool {
    let contains = |text: &str, part: &str| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
    let service = |wanted: &String| {
        event.source.eq_ignore_ascii_case(wanted) || short(event.source).eq_ignore_ascii_case(wanted)
    };
    arguments.r#type.as_ref().is_none_or(|part| contains(entry.resource_type, part))
        && arguments
            .event
            .as_ref()
            .is_none_or(|name| tagger_catalog::plain_event_name(name).eq_ignore_ascii_case(event.name))
        && arguments.service.as_ref().is_none_or(service)
}

fn short(event_source: &str) -> &str {
    event_source.split('.').next().unwrap_or_default()
}

/// Why a type has no entry, where the catalog says so: a sentence.
fn exemption(resource_type: &str) -> Option<String> {
    let is_it = |name: &&(&str, &str, &str, &str)| name.0.eq_ignore_ascii_case(resource_type);
    let (name, reason, why, source) = generated::EXEMPT.iter().find(is_it)?;
    let link = if source.is_empty() { String::new() } else { format!(" <{source}>") };
    Some(format!("{name} has no entry, {reason}: {why}{link}"))
}

/// What to say where no entry matches: the nearest names of what was asked for.
fn nothing(arguments: &Catalog) -> String {
    let types: BTreeSet<&str> = all().map(|(_, entry)| entry.resource_type).collect();
    let events: BTreeSet<&str> = all().map(|(event, _)| event.name).collect();
    let services: BTreeSet<&str> = all().map(|(event, _)| short(event.source)).collect();
    if let Some(text) = arguments.r#type.as_deref().and_then(exemption) {
        return text;
    }
    let mut text = "no entry of the catalog matches".to_owned();
    for (what, asked, known) in [
        ("type", &arguments.r#type, &types),
        ("event", &arguments.event, &events),
        ("service", &arguments.service, &services),
    ] {
        let Some(asked) = asked else { continue };
        let plain = if what == "event" { tagger_catalog::plain_event_name(asked) } else { asked };
        let near: Vec<&str> = near(plain, known.iter().copied()).into_iter().take(3).collect();
        // What is there matches no other word that was given with it.
        if near.first().is_some_and(|name| name.eq_ignore_ascii_case(plain)) {
            continue;
        }
        text.push_str(&format!("; it has no {what} `{asked}`"));
        if !near.is_empty() {
            text.push_str(&format!(", the nearest are {}", near.join(", ")));
        }
    }
    let named_type = arguments.r#type.as_deref().filter(|name| name.matches("::").count() == 2);
    if let Some(name) = named_type {
        text.push_str(&format!(
            "; in a checkout, `tagger catalog --propose {name}` derives an entry or says why not"
        ));
    }
    text.push_str("; `tagger catalog` lists all");
    text
}
