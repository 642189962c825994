//! `parents.toml`: the types of the file, and its checks.

use super::{Catalog, Operation};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `catalog/parents.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Parents {
    /// Role sessions of services.
    pub session: Vec<Session>,
    /// Tags that state who had something made.
    pub principal: Vec<Principal>,
    /// Sessions that a tool takes for whoever runs it.
    pub on_behalf: Vec<OnBehalf>,
    /// Kinds of parents.
    pub parent: Vec<Parent>,
    /// Operations that only read.
    pub operation: Vec<Operation>,
}

/// A role session of a service.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Session {
    /// The form of its name.
    pub name: String,
    /// The services as `userIdentity.invokedBy` names them.
    pub by: Vec<String>,
    /// Whether it sets its tags some time later.
    #[serde(default)]
    pub tags_later: bool,
    /// Whose it is.
    pub what: String,
    /// Link.
    pub source: String,
}

/// A tag that states who had something made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// Its key.
    pub tag: String,
    /// Link.
    pub source: String,
}

/// A session that a tool takes for whoever runs it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OnBehalf {
    /// The form of its name.
    pub session: String,
    /// Link.
    pub source: String,
}

/// A kind of parent.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Parent {
    /// Type.
    pub r#type: String,
    /// Keys of the tags that name it.
    #[serde(default)]
    pub tags: Vec<String>,
    /// The path to a name in the record that holds its own.
    #[serde(default)]
    pub path: String,
    /// The form of that name.
    #[serde(default)]
    pub form: String,
    /// The role of the service that sets them.
    #[serde(default)]
    pub role: String,
    /// The service that must have made the call.
    #[serde(default)]
    pub by: String,
    /// ARN.
    pub arn: String,
    /// What the operation takes, where that is not the ARN.
    #[serde(default)]
    pub id: String,
    /// Further members of the request.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// The operation whose read shows its tags.
    pub read: String,
    /// Whether it was there before the call.
    #[serde(default)]
    pub was_there: bool,
    /// The calls that change it, for the event history.
    #[serde(default)]
    pub changed_by: Vec<String>,
    /// The calls that prepare a change.
    #[serde(default)]
    pub drafted_by: Vec<String>,
    /// The calls that change it for a set of its kind.
    #[serde(default)]
    pub set_by: Vec<String>,
    /// The calls that asked for it, for the event history.
    #[serde(default)]
    pub made_by: Vec<String>,
    /// Link.
    pub source: String,
}

impl Catalog {
    /// The operation that reads a parent's tags.
    pub fn reader(&self, parent: &Parent) -> Option<&Operation> {
        let own = self.parents.operation.iter().find(|operation| operation.name == parent.read);
        own.or_else(|| self.used_operations().into_iter().find(|operation| operation.name == parent.read))
    }

    pub(super) fn parent_complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for session in &self.parents.session {
            if session.what.is_empty() || session.by.is_empty() || !is_link(&session.source) {
                let name = &session.name;
                complaints.push(format!(
                    "catalog/parents.toml: {name}: needs `what`, `by`, and a link as `source`"
                ));
            }
        }
        for Principal { tag, source } in &self.parents.principal {
            if !tag.starts_with("aws:") || !is_link(source) {
                complaints.push(format!(
                    "catalog/parents.toml: {tag}: a tag that states somebody begins with aws:, which only AWS can set, and has a link as `source`"
                ));
            }
        }
        for OnBehalf { session, source } in &self.parents.on_behalf {
            if !is_link(source) {
                complaints.push(format!("catalog/parents.toml: {session}: `source` must be a link"));
            }
        }
        for parent in &self.parents.parent {
            let name = format!("catalog/parents.toml: {}", parent.r#type);
            if !is_link(&parent.source) {
                complaints.push(format!("{name}: `source` must be a link"));
            }
            if parent.tags.is_empty() == parent.form.is_empty()
                || parent.form.is_empty() != parent.path.is_empty()
            {
                complaints.push(format!("{name}: needs `tags`, or `path` and `form`"));
            }
            if !parent.form.is_empty() && parent.form.matches("{0}").count() != 1 {
                complaints.push(format!("{name}: a `form` holds {{0}} once"));
            }
            if !parent.drafted_by.is_empty() && parent.changed_by.is_empty() {
                complaints.push(format!("{name}: `drafted-by` goes with `changed-by`"));
            }
            let is_open = !parent.form.is_empty() || parent.tags.iter().any(|key| !key.starts_with("aws:"));
            if is_open && parent.role.is_empty() && parent.by.is_empty() {
                complaints.push(format!(
                    "{name}: anybody can set a name, or a tag that does not begin with aws: — name the service's `role`, or the service as `by`"
                ));
            }
            if self.reader(parent).is_none_or(|operation| operation.read.is_none()) {
                complaints.push(format!(
                    "{name}: `{}` is neither an operation of that file nor one that an entry uses",
                    parent.read
                ));
            }
        }
        complaints
    }
}

fn is_link(text: &str) -> bool {
    text.starts_with("https://")
}
