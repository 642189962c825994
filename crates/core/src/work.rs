//! The documents in the tool's own queues: what waits, and what was given up. `tagger redrive` and
//! `tagger explain` read them, so their form is written down here, once. Pure.
//!
//! Times are seconds since 1970; the record's own `eventTime` says when the call was.

use crate::{outcome::Failure, plan::Plan, resources::Children};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// A document of one of the queues.
///
/// ```
/// use tagger_core::work::Document;
/// let text = r#"{
///   "tagger": "work",
///   "record": {"eventSource": "elasticache.amazonaws.com", "eventName": "CreateReplicationGroup"},
///   "resources": ["arn:aws:elasticache:eu-west-1:111122223333:replicationgroup:sessions"],
///   "reason": {"class": "not-ready", "call": "elasticache:AddTagsToResource", "code": "NotAvailable",
///              "message": "it is creating, and is tagged when it is available"},
///   "firstSeen": 1795509002,
///   "tries": 1
/// }"#;
/// let Ok(Document::Work(work)) = serde_json::from_str(text) else { panic!("no piece of work") };
/// assert_eq!(work.reason.unwrap().class.as_str(), "not-ready");
///
/// let letter = r#"{
///   "tagger": "dead-letter",
///   "record": {"eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue"},
///   "resources": [{"type": "AWS::SQS::Queue", "arn": "arn:aws:sqs:eu-west-1:111122223333:jobs"}],
///   "reason": {"class": "denied", "by": "service-control-policy", "call": "sqs:TagQueue",
///              "code": "AccessDenied", "message": "… with an explicit deny in a service control policy"},
///   "since": 1795509002,
///   "gaveUp": 1795509002,
///   "tries": 1
/// }"#;
/// assert!(matches!(serde_json::from_str(letter), Ok(Document::DeadLetter(_))));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "tagger", rename_all = "kebab-case")]
pub enum Document {
    /// In the retry queue.
    Work(Work),
    /// In the dead-letter queue.
    DeadLetter(DeadLetter),
}

impl Document {
    /// As the text of a message.
    pub fn text(&self) -> String {
        // The types hold nothing that JSON has not: texts, numbers, and maps whose keys are texts.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What is still to do about a record. Where neither resources nor children are named, it is everything.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// The CloudTrail record.
    pub record: Arc<Value>,
    /// The ARNs of the resources in the record that are not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// The children that are not done: they are looked up again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub children: Vec<Search>,
    /// Why it waits: what the last try met when this was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Failure>,
    /// When the event was first seen.
    #[serde(default)]
    pub first_seen: u64,
    /// How often it was tried before.
    #[serde(default)]
    pub tries: u64,
    /// Since when something of it is missing that no try ever saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missing_since: Option<u64>,
    /// Whether somebody said that the resource is still the one of this record, where nothing else tells.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub confirmed: bool,
}

/// Children of some resources.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Search {
    /// The ARNs of the resources whose children they are.
    pub parents: Vec<String>,
    /// The types that are looked for.
    pub types: Vec<String>,
}

/// What was given up, and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeadLetter {
    /// The CloudTrail record; where there was none, whatever there was instead.
    pub record: Arc<Value>,
    /// The resources.
    pub resources: Vec<Named>,
    /// Why.
    pub reason: Failure,
    /// When the event was first seen.
    pub since: u64,
    /// When it was given up.
    pub gave_up: u64,
    /// How often it was tried.
    pub tries: u64,
}

/// A resource of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// Its CloudFormation type.
    pub r#type: String,
    /// Its ARN; for children that were not found, their parent's.
    pub arn: String,
}

impl Work {
    /// Leaves in a plan what is still to do.
    ///
    /// Returns the ARNs of this work that are not in the plan any more.
    pub fn narrow(&self, plan: &mut Plan) -> Vec<String> {
        if self.resources.is_empty() && self.children.is_empty() {
            return Vec::new();
        }
        let planned = plan.actions.iter().chain(plan.children.iter().flat_map(|search| &search.parents));
        let planned: Vec<&str> = planned.map(|resource| resource.arn.as_str()).collect();
        let named = self.resources.iter().chain(self.children.iter().flat_map(|search| &search.parents));
        // What a launch made is known only when it was looked at.
        let mut missing: Vec<String> = if plan.launch.is_some() {
            Vec::new()
        } else {
            named.filter(|arn| !planned.contains(&arn.as_str())).cloned().collect()
        };
        missing.sort_unstable();
        missing.dedup();
        plan.actions.retain(|resource| self.resources.contains(&resource.arn));
        let searches = std::mem::take(&mut plan.children);
        for search in &searches {
            plan.children.extend(self.children.iter().filter_map(|wanted| {
                let is_wanted = |name: &str, list: &[String]| list.iter().any(|one| one == name);
                let children = Children {
                    entries: search
                        .entries
                        .iter()
                        .copied()
                        .filter(|entry| is_wanted(entry.resource_type, &wanted.types))
                        .collect(),
                    parents: search
                        .parents
                        .iter()
                        .filter(|parent| is_wanted(&parent.arn, &wanted.parents))
                        .cloned()
                        .collect(),
                    ..search.clone()
                };
                (!children.entries.is_empty() && !children.parents.is_empty()).then_some(children)
            }));
        }
        if plan.actions.is_empty() && plan.children.is_empty() && plan.launch.is_none() && missing.is_empty()
        {
            missing.extend(self.children.iter().flat_map(|search| &search.parents).cloned());
        }
        missing
    }

    /// Whether it is about a resource of this type, which was looked up from a parent or from a launch.
    pub fn wants(&self, arn: &str, resource_type: &str, parent: Option<&str>) -> bool {
        let everything = self.resources.is_empty() && self.children.is_empty();
        let of_search = |search: &Search| {
            search.types.iter().any(|one| one == resource_type)
                && search.parents.iter().any(|one| Some(one.as_str()) == parent)
        };
        everything || self.resources.iter().any(|one| one == arn) || self.children.iter().any(of_search)
    }
}
