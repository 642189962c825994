//! Calls that made nothing, but that somebody asks for: deletions, and creations that were denied. A row a call.

use super::{Creation, deletions};
use tagger_core::{Plan, Record, diagnostic::Code, json};

/// Error codes that say that a permission is missing end in, or hold, one of these: `AccessDenied`,
/// `Client.UnauthorizedOperation`, `AccessDeniedException`, `UnauthorizedException`, `ForbiddenException`.
const DENIED: [&str; 4] = ["AccessDenied", "Unauthorized", "Forbidden", "NotAuthorized"];

/// The row of a deletion that succeeded, with the first ARN, else the first name, of its request.
pub fn deletion(record: &Record, plan: &Plan) -> Option<Creation> {
    let resource_type = deletions::type_of(&record.event_source(), &record.event_name())?;
    if record.created_nothing().is_some() || record.failed_inside().is_some() {
        return None;
    }
    let mut names: Vec<&str> = Vec::new();
    json::each_text(json::member(record.value(), "requestParameters"), &mut |text| names.push(text));
    let arn = names.iter().find(|name| name.starts_with("arn:")).or(names.first());
    Some(row(record, plan, resource_type, arn.map_or_else(String::new, |name| (*name).to_owned())))
}

/// The row of a creating call that was denied.
pub fn denied(record: &Record, plan: &Plan) -> Option<Creation> {
    plan.diagnostics.iter().find(|found| found.code == Code::FailedCall)?;
    let code = record.text("errorCode")?;
    let event = tagger_catalog::event(&record.event_source(), &record.event_name())?;
    let is_denied = DENIED.iter().any(|word| code.contains(word));
    is_denied.then(|| {
        row(record, plan, event.entries.first().map_or("", |entry| entry.resource_type), String::new())
    })
}

fn row(record: &Record, plan: &Plan, resource_type: &'static str, arn: String) -> Creation {
    let text = |name| record.text(name).unwrap_or_default().into_owned();
    Creation {
        arn,
        resource_type,
        creator: plan.creator.name.clone().unwrap_or_default(),
        kind: plan.creator.kind,
        parent: None,
        account: record.account().unwrap_or_default(),
        region: record.region().unwrap_or_default().into_owned(),
        time: text("eventTime"),
        source: record.event_source(),
        event: record.event_name(),
        event_id: text("eventID"),
        deleted: None,
    }
}

/// By time, each call once.
pub fn once(mut rows: Vec<Creation>) -> Vec<Creation> {
    rows.sort_unstable_by(|a, b| (&a.time, &a.event_id).cmp(&(&b.time, &b.event_id)));
    rows.dedup_by(|a, b| !a.event_id.is_empty() && a.event_id == b.event_id);
    rows
}
