//! A plan, printed: one JSON line for programs, a few lines of text for people.
//!
//! The JSON is a promise to whoever pipes it on (`docs/architecture.md` shows it); the text is not.

use crate::{plan::Plan, printable, record::Record, resources::Resource, value};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use std::{borrow::Cow, fmt::Write};

/// The JSON of one record's plan: `creator` is always there, `actions` is empty exactly when
/// `diagnostics` says why.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Explained<'a> {
    #[serde(rename = "eventID")]
    event_id: Option<String>,
    event_source: Option<String>,
    event_name: Option<String>,
    event_time: Option<String>,
    account: Option<String>,
    region: Option<String>,
    creator: &'a crate::identity::Creator,
    actions: Vec<ExplainedAction<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inherit: Option<ExplainedParent<'a>>,
    diagnostics: &'a [crate::diagnostic::Diagnostic],
}

#[derive(Serialize)]
struct ExplainedAction<'a> {
    r#type: &'a str,
    arn: &'a str,
    operation: &'a str,
    #[serde(serialize_with = "as_map")]
    tags: Vec<(&'a str, Cow<'a, str>)>,
}

/// The parent whose creator the actions' first tag will name instead.
#[derive(Serialize)]
struct ExplainedParent<'a> {
    r#type: &'a str,
    arn: &'a str,
    operation: String,
}

fn parent_of(plan: &Plan) -> Option<ExplainedParent<'_>> {
    plan.inherit.as_ref().map(|inherit| ExplainedParent {
        r#type: inherit.parent.resource_type,
        arn: &inherit.arn,
        operation: inherit.call(),
    })
}

fn as_map<S: Serializer>(tags: &[(&str, Cow<'_, str>)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(tags.len()))?;
    for (key, value) in tags {
        map.serialize_entry(key, value)?;
    }
    map.end()
}

/// The plan of a record as one line of JSON, without the line's end.
pub fn json(record: &Record, plan: &Plan) -> String {
    let text = |name| record.text(name).map(|text| text.into_owned());
    let actions = plan.actions.iter().map(|action| ExplainedAction {
        r#type: action.entry.resource_type,
        arn: &action.arn,
        operation: action.entry.operation.name,
        tags: tags_of(plan, action),
    });
    let explained = Explained {
        event_id: text("eventID"),
        event_source: text("eventSource"),
        event_name: text("eventName"),
        event_time: text("eventTime"),
        account: record.account(),
        region: text("awsRegion"),
        creator: &plan.creator,
        actions: actions.collect(),
        inherit: parent_of(plan),
        diagnostics: &plan.diagnostics,
    };
    // Texts and lists of texts only, so it cannot fail; and if it did, the line would still be JSON.
    let line = serde_json::to_string(&explained).unwrap_or_else(|_| "{}".to_owned());
    printable::json(&line).into_owned()
}

/// The plan of a record for a person. `bold` and `plain` are what is printed around the headline:
/// escape codes on a terminal, nothing elsewhere; colour carries no meaning of its own.
pub fn text(record: &Record, plan: &Plan, bold: &str, plain: &str) -> String {
    let mut out = String::new();
    let or_unknown = |name| record.text(name).map_or("?".to_owned(), |text| printable::text(&text));
    let _ = writeln!(
        out,
        "{bold}{} {}{plain}  {}  {}  {}",
        or_unknown("eventSource"),
        or_unknown("eventName"),
        or_unknown("eventTime"),
        or_unknown("awsRegion"),
        record.account().map_or("?".to_owned(), |account| printable::text(&account)),
    );
    let _ = match (&plan.creator.name, plan.creator.from) {
        (Some(name), Some(from)) => {
            writeln!(out, "  who   {} ({}), from {from}", printable::text(name), plan.creator.kind.as_str())
        }
        _ => writeln!(out, "  who   nobody is named ({})", plan.creator.kind.as_str()),
    };
    if let Some(text) = &plan.creator.passed_over {
        let _ = writeln!(
            out,
            "        {} was made up by a program and names nobody; docs/who-gets-the-tag.md says how to name sessions",
            printable::text(text)
        );
    }
    for action in &plan.actions {
        let resource = action;
        let tags = tags_of(plan, action);
        let tags: Vec<_> =
            tags.iter().map(|(key, value)| printable::text(&format!("{key}={value}"))).collect();
        let _ = writeln!(out, "  what  {}  {}", resource.entry.resource_type, printable::text(&resource.arn));
        let _ = writeln!(out, "  tag   {}  by {}", tags.join("  "), resource.entry.operation.name);
    }
    if let Some(parent) = parent_of(plan) {
        let (what, arn) = (parent.r#type, printable::text(parent.arn));
        let _ = writeln!(out, "  from  {what}  {arn}");
        let _ = writeln!(out, "        its creator, read by {} when the plan is applied", parent.operation);
    }
    for children in &plan.children {
        let types: Vec<_> = children.entries.iter().map(|entry| entry.resource_type).collect();
        let _ = writeln!(
            out,
            "  find  {} of it, by {} when the plan is applied",
            types.join(" and "),
            children.call
        );
    }
    for diagnostic in &plan.diagnostics {
        let kind = if diagnostic.code.stops() { "none" } else { "note" };
        let _ = writeln!(out, "  {kind}  {}", printable::text(&diagnostic.to_string()));
        let _ = writeln!(out, "        {}", printable::text(&diagnostic.hint));
    }
    out
}

/// The tags that a resource gets: those of the plan, as its service accepts them.
fn tags_of<'a>(plan: &'a Plan, resource: &Resource) -> Vec<(&'a str, Cow<'a, str>)> {
    let tags = plan.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    value::tags_for(resource.entry.operation, tags)
}
