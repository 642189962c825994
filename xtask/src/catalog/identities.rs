//! `catalog/identities.toml`: its form, and what must hold in it.

use serde::Deserialize;
use tagger_catalog::identities;

/// `catalog/identities.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Identities {
    /// Session names.
    pub session: Vec<Known>,
    /// Source identities.
    pub source_identity: Vec<Known>,
    /// Web identity providers.
    pub web_identity: Vec<Known>,
}

/// A known pattern.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Known {
    /// Pattern.
    #[serde(alias = "provider")]
    pub pattern: String,
    /// `workload`, `ci` or `role`.
    pub kind: String,
    /// Whether the text says neither who nor what made a call.
    #[serde(default)]
    pub made_up: bool,
    /// What makes such names.
    pub what: String,
    /// Link.
    pub source: String,
}

impl Identities {
    /// What is wrong, one sentence each.
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let Identities { session, source_identity, web_identity } = self;
        for known in session.iter().chain(source_identity).chain(web_identity) {
            if let Err(problem) = identities::check(&known.pattern) {
                complaints.push(format!("catalog/identities.toml: {problem}"));
            }
            if known.what.is_empty() || !known.source.starts_with("https://") {
                complaints.push(format!(
                    "catalog/identities.toml: {}: say in `what` who makes such names, and give a link as `source`",
                    known.pattern
                ));
            }
        }
        for list in [session, source_identity, web_identity] {
            for (index, known) in list.iter().enumerate() {
                let earlier = list[..index]
                    .iter()
                    .find(|earlier| identities::matches(&earlier.pattern, &known.pattern));
                if let Some(earlier) = earlier {
                    complaints.push(format!(
                        "catalog/identities.toml: {} stands after {}, which matches all that it matches; put it before",
                        known.pattern, earlier.pattern
                    ));
                }
            }
        }
        complaints
    }
}
