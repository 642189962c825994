//! `finders.toml`: the types of the file, and its checks.

use super::Catalog;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// `catalog/finders.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FinderFile {
    /// The describing calls.
    pub finder: Vec<Finder>,
}

/// A describing call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Finder {
    /// Its name.
    pub call: String,
    /// The type of the parents.
    pub parent: String,
    /// Where the request takes their ids.
    pub ids: String,
    /// Further filters.
    #[serde(default)]
    pub filters: BTreeMap<String, String>,
    /// A filter of client tokens.
    pub token: Option<String>,
    /// The path to the items.
    pub items: Vec<String>,
    /// The path to the parent's id.
    pub of: Vec<String>,
    /// The children.
    pub child: Vec<Child>,
    /// The state in which they can still appear.
    pub state: Option<State>,
    /// Whether those that are shown in it are all.
    #[serde(default)]
    pub whole: bool,
    /// Whether a record may name some of them.
    #[serde(default)]
    pub part: bool,
    /// The call that makes what looks the same.
    pub rival: Option<String>,
    /// Whether only a sole one is sure.
    #[serde(default)]
    pub alone: bool,
    /// Link.
    pub source: String,
}

/// A type of children.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Child {
    /// Type.
    pub r#type: String,
    /// The path to its id.
    pub id: Vec<String>,
    /// What an item of it says.
    pub only: Option<Only>,
}

/// What an item says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Only {
    /// The path.
    pub path: Vec<String>,
    /// The value.
    pub is: String,
}

/// A state.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The path to it.
    pub path: Vec<String>,
    /// The states in which children can still appear.
    pub still: Vec<String>,
}

impl Catalog {
    pub(super) fn finder_complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut calls = BTreeSet::new();
        for finder in &self.finders {
            let name = format!("catalog/finders.toml: {}", finder.call);
            if !calls.insert(&finder.call) {
                complaints.push(format!("{name}: stands there twice; remove one"));
            }
            if !finder.call.starts_with("ec2:Describe") {
                complaints.push(format!("{name}: only describing calls of EC2 are known"));
            }
            if finder.items.is_empty() || finder.of.is_empty() || finder.child.is_empty() {
                complaints.push(format!("{name}: give `items`, `of` and a `child`"));
            }
            if !finder.source.starts_with("https://") {
                complaints.push(format!("{name}: `source` must be a link"));
            }
            if !self.entries().any(|(_, entry)| entry.describe.as_ref() == Some(&finder.call)) {
                complaints.push(format!("{name}: no entry names it in `describe`; remove it"));
            }
        }
        for (file, entry) in self.entries() {
            let Some(call) = &entry.describe else { continue };
            let name = format!("catalog: {} of {}", entry.r#type, entry.event);
            let Some(finder) = self.finders.iter().find(|finder| finder.call == *call) else {
                complaints.push(format!("{name}: `describe = \"{call}\"` is not in catalog/finders.toml"));
                continue;
            };
            if !finder.child.iter().any(|child| child.r#type == entry.r#type) {
                complaints.push(format!("{name}: {call} of catalog/finders.toml does not tell this type"));
            }
            let is_parent = |other: &super::Resource| {
                other.event == entry.event && other.r#type == finder.parent && other.describe.is_none()
            };
            if !file.resource.iter().any(is_parent) {
                complaints.push(format!(
                    "{name}: the event makes no {}, whose children {call} tells",
                    finder.parent
                ));
            }
        }
        complaints
    }
}
