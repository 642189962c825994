//! `parents.toml`: the types of the file, and its checks.

use super::{Catalog, Operation};
use serde::Deserialize;
use std::collections::BTreeMap;

/// `catalog/parents.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parents {
    /// Role sessions of services.
    pub session: Vec<Session>,
    /// Kinds of parents.
    pub parent: Vec<Parent>,
    /// Operations that only read.
    pub operation: Vec<Operation>,
}

/// A role session of a service.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Session {
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub what: String,
    /// Link.
    pub source: String,
}

/// A kind of parent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
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
    /// The calls that make it, for the event history.
    #[serde(default, rename = "made-by")]
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
            if session.what.is_empty() || !session.source.starts_with("https://") {
                let name = &session.name;
                complaints
                    .push(format!("catalog/parents.toml: {name}: needs `what`, and a link as `source`"));
            }
        }
        for parent in &self.parents.parent {
            let name = format!("catalog/parents.toml: {}", parent.r#type);
            if !parent.source.starts_with("https://") {
                complaints.push(format!("{name}: `source` must be a link"));
            }
            if parent.tags.is_empty() == parent.form.is_empty()
                || parent.form.is_empty() != parent.path.is_empty()
            {
                complaints.push(format!("{name}: needs `tags`, or `path` and `form`"));
            }
            if !parent.form.is_empty() && (!parent.form.contains("{0}") || !parent.form.ends_with("{uuid}")) {
                complaints.push(format!("{name}: a `form` holds {{0}} and ends with {{uuid}}"));
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
