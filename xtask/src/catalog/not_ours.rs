//! `not_ours.toml`: the types of the file, and its checks.

use super::Catalog;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `catalog/not_ours.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct NotOursFile {
    /// What only AWS may change.
    pub not_ours: Vec<NotOurs>,
}

/// Resources of a type that only AWS may change.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotOurs {
    /// Type.
    pub r#type: String,
    /// The form of its ARN.
    #[serde(default)]
    pub arn: String,
    /// What its record says.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// Why.
    pub why: String,
    /// Link.
    pub source: String,
}

impl Catalog {
    pub(super) fn not_ours_complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for one in &self.not_ours {
            let name = format!("catalog/not_ours.toml: {}", one.r#type);
            if !self.entries().any(|(_, entry)| entry.r#type == one.r#type) {
                complaints.push(format!("{name}: no entry makes this type; remove it"));
            }
            if one.arn.is_empty() && one.when.is_empty() {
                complaints.push(format!(
                    "{name}: say which ones, by `arn` or `when`; a type that nobody may tag is for exempt.toml"
                ));
            }
            if one.why.is_empty() || !one.source.starts_with("https://") {
                complaints.push(format!("{name}: give `why`, and a link as `source`"));
            }
        }
        complaints
    }
}
