//! One entry in full: what the record must say, how the resource is told from others of its name, what the function
//! may do for it and by which statement of its policy, and which rule brings the event.

use super::generated::{Branch, DESCRIBING, RULES};
use crate::{output, templates};
use serde_json::{Value, json};
use tagger_catalog::{Entry, Event, Lifetime, Upsert, template::Template};
use tagger_core::{patience, plan::written};

/// An entry, and what is known about it elsewhere.
pub struct Detail {
    event: &'static Event,
    entry: &'static Entry,
    /// The rule that admits the event.
    rule: Option<&'static str>,
    permissions: Vec<Permission>,
}

/// An IAM action that the entry needs.
struct Permission {
    action: &'static str,
    why: &'static str,
    /// The statement of the policy that allows it.
    statement: Option<String>,
}

impl Detail {
    /// Collects it.
    pub fn of(event: &'static Event, entry: &'static Entry) -> Self {
        Self { event, entry, rule: rule_of(event), permissions: permissions(entry) }
    }

    /// As one line of JSON.
    pub fn json(&self) -> Value {
        let Self { event, entry, .. } = self;
        let texts =
            |templates: &[Template]| templates.iter().map(|template| written(template)).collect::<Vec<_>>();
        let permissions = self.permissions.iter().map(|permission| {
            let Permission { action, why, statement } = permission;
            json!({ "action": action, "why": why, "statement": statement })
        });
        json!({
            "type": entry.resource_type,
            "event_source": event.source,
            "event": event.name,
            "operation": entry.operation.name,
            "evidence": entry.evidence.as_str(),
            "arn": texts(entry.arn),
            "id": texts(entry.id),
            "region": texts(entry.region),
            "actions": entry.operation.actions,
            "reads": reads(entry),
            "describe": entry.describe,
            "permissions": permissions.collect::<Vec<_>>(),
            "rule": self.rule,
            "lifetime": lifetime(entry).0,
            "ready": told(entry).map_or(&[][..], |told| told.ready),
            "minutes_until_gone": not_found_for(entry),
            "when": entry.when.iter().map(|(path, value)| ((*path).to_owned(), json!(value))).collect::<serde_json::Map<_, _>>(),
            "unless": entry.unless,
            "upsert": entry.upsert != Upsert::Never,
            "upsert_in": if let Upsert::In(regions) = entry.upsert { regions } else { &[] },
            "source": entry.source,
        })
    }

    /// As a few lines of text.
    pub fn text(&self) -> String {
        let Self { event, entry, .. } = self;
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut row = |name: &str, text: String| rows.push(vec![format!("  {name}"), text]);
        row("created by", format!("{} {}", event.source, event.name));
        for (name, templates) in
            [("ARN", entry.arn), ("id", entry.id), ("region", entry.region), ("except", entry.except)]
        {
            let texts: Vec<_> = templates.iter().map(|template| written(template)).collect();
            if !texts.is_empty() {
                row(name, texts.join(", or else "));
            }
        }
        if let Some(call) = entry.describe {
            row("else found", format!("by {call} from its parent, when the record does not hold it yet"));
        }
        for (path, value) in entry.when {
            let is = if *value == "*" { "there" } else { value };
            row("only when", format!("{path} is {is}; else the call changed what was there"));
        }
        for path in entry.unless {
            row("unless", format!("{path} is there, which names something that exists"));
        }
        if entry.upsert != Upsert::Never {
            row("upsert", upsert(entry));
        }
        row("tagged by", entry.operation.name.to_owned());
        row("lifetime", lifetime(entry).1);
        if let Some(told) = told(entry).filter(|told| !told.ready.is_empty()) {
            row("ready", format!("tagged when it is {}", told.ready.join(" or ")));
        }
        row("not found", format!("means not visible yet for {} minutes, then gone", not_found_for(entry)));
        row("evidence", entry.evidence.as_str().to_owned());
        row("source", entry.source.to_owned());
        row("rule", self.rule.unwrap_or("none: no rule of the templates admits this event").to_owned());
        for Permission { action, why, statement } in &self.permissions {
            let statement = statement.as_deref().unwrap_or("in no statement of the policy");
            row("permission", format!("{action} ({statement}): {why}"));
        }
        format!("{}\n{}", entry.resource_type, output::columns(&rows))
    }
}

/// What it means that an entry's event fires again on what exists.
fn upsert(entry: &Entry) -> String {
    let place = match entry.upsert {
        Upsert::In(regions) => format!(" in {}", regions.join(" and ")),
        _ => String::new(),
    };
    let then = match tagger_catalog::told_of(entry.resource_type).filter(|told| !told.created.is_empty()) {
        Some(told) => {
            format!("{} tells when it was made, and what was there is left alone", told.describe.operation)
        }
        None => {
            "nothing else tells: the plan notes may-be-update, and a resource that has a creator keeps it"
                .to_owned()
        }
    };
    format!("fires again on what exists{place}, and the record does not tell; {then}")
}

/// The rule of the templates that admits an event.
fn rule_of(event: &Event) -> Option<&'static str> {
    let admits = |(source, names): &Branch| *source == event.source && names.contains(&event.name);
    RULES.iter().find(|(_, branches)| branches.iter().any(admits)).map(|(name, _)| *name)
}

fn told(entry: &Entry) -> Option<&'static tagger_catalog::lifetime::Told> {
    match tagger_catalog::lifetime(entry.resource_type) {
        Lifetime::Told(told) => Some(told),
        _ => None,
    }
}

/// The action that tells which resource of the type it is.
fn describing(resource_type: &str) -> Option<&'static str> {
    DESCRIBING.iter().find(|(known, ..)| *known == resource_type).map(|(_, action, _)| *action)
}

/// The actions that read a resource's tags. The operation's list also has what describes its types.
fn reads(entry: &Entry) -> Vec<&'static str> {
    let operation = entry.operation;
    let is_read = |action: &str| {
        let of_call =
            operation.read.as_ref().is_some_and(|read| action.split(':').nth(1) == Some(read.operation));
        of_call || !DESCRIBING.iter().any(|(_, describes, _)| *describes == action)
    };
    operation.reads.iter().copied().filter(|action| is_read(action)).collect()
}

fn permissions(entry: &'static Entry) -> Vec<Permission> {
    let writes = entry.operation.actions.iter().map(|action| (*action, "sets the tags"));
    let reads =
        reads(entry).into_iter().map(|action| (action, "reads them first, so that a creator's tag stays"));
    let describes = describing(entry.resource_type).map(|action| {
        (
            action,
            "tells, on a retry, whether it is still the resource that the call made, and whether it is ready",
        )
    });
    let finds = entry.describe.map(|action| (action, "finds it from its parent"));
    let all = writes.chain(reads).chain(describes).chain(finds);
    all.map(|(action, why)| Permission { action, why, statement: templates::statement(action) }).collect()
}

/// How a retry knows that a resource is still the same: a word, and a sentence.
fn lifetime(entry: &Entry) -> (&'static str, String) {
    match tagger_catalog::lifetime(entry.resource_type) {
        Lifetime::Unique => ("unique", "unique: AWS never gives its ARN or id again".to_owned()),
        Lifetime::Told(told) => {
            let by = if told.same.0.is_empty() {
                told.created.to_owned()
            } else if told.created.is_empty() {
                told.same.1.to_owned()
            } else {
                format!("{} or {}", told.same.1, told.created)
            };
            (
                "compared",
                format!(
                    "its name can be given again: compared by {by}, which {} tells",
                    told.describe.operation
                ),
            )
        }
        Lifetime::Unknown => {
            let minutes = patience::SURE / 60;
            (
                "unknown",
                format!(
                    "its name can be given again, and nothing tells: tagged while its event is younger than {minutes} minutes"
                ),
            )
        }
    }
}

/// For how many minutes "not found" means "not visible yet".
fn not_found_for(entry: &Entry) -> u64 {
    tagger_catalog::slow(entry.resource_type).unwrap_or(patience::YOUNG / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> impl Iterator<Item = Detail> {
        super::super::all().map(|(event, entry)| Detail::of(event, entry))
    }

    #[test]
    fn every_entry_has_a_rule_and_every_permission_a_statement() {
        for detail in details() {
            let name = detail.entry.resource_type;
            assert!(detail.rule.is_some(), "no rule admits {} {}", detail.event.source, detail.event.name);
            assert!(!detail.permissions.is_empty(), "{name} needs no permission");
            for Permission { action, statement, .. } in &detail.permissions {
                assert!(statement.is_some(), "{name}: no statement of templates/policy.json allows {action}");
            }
            assert!(
                detail.entry.operation.read.is_none() || !reads(detail.entry).is_empty(),
                "{name}: which of {:?} reads its tags?",
                detail.entry.operation.reads
            );
        }
    }

    #[test]
    fn what_compares_a_type_has_its_action() {
        let all: Vec<_> = tagger_catalog::told().iter().map(|told| told.resource_type).collect();
        for name in all {
            assert!(describing(name).is_some(), "no action for {name}; run: cargo xtask codegen");
        }
    }
}
