//! `tagger catalog`: what the catalog knows.

use crate::{
    args::Catalog,
    exit_code::{Error, ExitCode},
    output,
};
use serde_json::json;
use std::io::{BufWriter, Write};
use tagger_catalog::{Entry, Event};
use tagger_core::plan::written;

/// Runs the verb.
///
/// # Errors
/// No entry matches, or the output cannot be written.
pub fn run(arguments: &Catalog) -> Result<ExitCode, Error> {
    let entries: Vec<_> = tagger_catalog::events()
        .iter()
        .flat_map(|event| event.entries.iter().map(move |entry| (event, entry)))
        .filter(|(event, entry)| is_wanted(arguments, event, entry))
        .collect();
    if entries.is_empty() {
        return Err(Error::Failure("no entry of the catalog matches; `tagger catalog` lists all".to_owned()));
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    if arguments.json {
        for (event, entry) in &entries {
            let line = json!({
                "type": entry.resource_type,
                "event_source": event.source,
                "event": event.name,
                "operation": entry.operation.name,
                "evidence": entry.evidence.as_str(),
                "arn": entry.arn.iter().map(|template| written(template)).collect::<Vec<_>>(),
                "actions": entry.operation.actions,
                "reads": entry.operation.reads,
                "describe": entry.describe,
                "source": entry.source,
            });
            writeln!(out, "{line}")?;
        }
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

fn is_wanted(arguments: &Catalog, event: &Event, entry: &Entry) -> bool {
    let contains = |text: &str, part: &str| text.to_ascii_lowercase().contains(&part.to_ascii_lowercase());
    let service = |wanted: &String| {
        let short = event.source.split('.').next().unwrap_or_default();
        event.source.eq_ignore_ascii_case(wanted) || short.eq_ignore_ascii_case(wanted)
    };
    arguments.r#type.as_ref().is_none_or(|part| contains(entry.resource_type, part))
        && arguments
            .event
            .as_ref()
            .is_none_or(|name| tagger_catalog::plain_event_name(name).eq_ignore_ascii_case(event.name))
        && arguments.service.as_ref().is_none_or(service)
}
