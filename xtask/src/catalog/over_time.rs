//! `errors.toml`, `lifetimes.toml` and `quotas.toml`: what error codes mean, what tells a resource from
//! another one of its name, how fast the client calls. Types of the files, and their checks.

use super::{Catalog, Resource};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Types whose ARN format ends with a name in the service authorization reference, and whose ARN holds an id that AWS
/// gives all the same: a job definition's revision, a rule's id, the 26 characters of DMS where no call takes a
/// `ResourceIdentifier`, a delivery's id (it has no name), MediaConnect's id before the name.
const ID_AFTER_ALL: [&str; 9] = [
    "AWS::Batch::JobDefinition",
    "AWS::DMS::DataProvider",
    "AWS::DMS::InstanceProfile",
    "AWS::DMS::MigrationProject",
    "AWS::Logs::Delivery",
    "AWS::MediaConnect::Flow",
    "AWS::MediaConnect::FlowOutput",
    "AWS::MediaConnect::FlowSource",
    "AWS::Rbin::Rule",
];

/// One entry of `catalog/errors.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Meaning {
    /// Class.
    pub class: String,
    /// What denied.
    pub by: Option<String>,
    /// Whether it goes over by itself.
    #[serde(default)]
    pub passes: bool,
    /// Whether no waiting helps.
    #[serde(default)]
    pub lasts: bool,
    /// Services.
    #[serde(default)]
    pub services: Vec<String>,
    /// Codes.
    #[serde(default)]
    pub codes: Vec<String>,
    /// Words of a code.
    #[serde(default)]
    pub contains: Vec<String>,
    /// Words of a message.
    #[serde(default)]
    pub messages: Vec<String>,
}

/// `catalog/lifetimes.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lifetimes {
    /// Types, or `Service::*`, whose ids are given once.
    pub unique: Vec<String>,
    /// Types that are slow to be visible.
    pub slow: Vec<Slow>,
    /// Types of which the service tells.
    pub told: Vec<Told>,
}

/// A type that is slow to be visible.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slow {
    /// Type.
    pub r#type: String,
    /// Minutes.
    pub minutes: u64,
    /// Link.
    pub source: String,
}

/// A type of which the service tells.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// Type.
    pub r#type: String,
    /// The call.
    pub describe: Describe,
    /// The operation at whose endpoint it is.
    #[serde(default)]
    pub at: String,
    /// Asked for nothing but whether the resource was there before.
    #[serde(default, rename = "only-existed")]
    pub only_existed: bool,
    /// IAM action.
    pub action: String,
    /// What identifies it.
    pub takes: String,
    /// Path to the resource.
    pub among: String,
    /// Member with its name.
    #[serde(default)]
    pub name: String,
    /// Path in the record, member in the answer.
    #[serde(default)]
    pub same: (String, String),
    /// Member with the time.
    pub created: String,
    /// Seconds.
    pub within: Option<u64>,
    /// Member with the state.
    #[serde(default)]
    pub status: String,
    /// States.
    #[serde(default)]
    pub ready: Vec<String>,
    /// Link.
    pub source: String,
}

/// A describing call.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Describe {
    /// Operation.
    pub operation: String,
    /// Method.
    pub method: Option<String>,
    /// URI.
    pub uri: Option<String>,
    /// Identifier's member.
    pub id: String,
    /// Identifier's place.
    pub r#in: Option<String>,
    /// List of identifiers.
    #[serde(default)]
    pub many: bool,
    /// Fixed lists of texts.
    #[serde(default)]
    pub list: BTreeMap<String, Vec<String>>,
    /// Fixed headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// `catalog/quotas.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quotas {
    /// For every other call.
    pub default: Rate,
    /// For these.
    pub quota: Vec<Quota>,
    /// Operations that take many resources in one call.
    pub together: Vec<Together>,
}

/// An operation that takes many resources in one call.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Together {
    /// Operation.
    pub operation: String,
    /// Most resources in one call that writes.
    pub write: usize,
    /// Most resources in one call that reads.
    pub read: usize,
    /// The member of the answer that names the resource.
    pub names: String,
    /// Link.
    pub source: String,
}

/// A rate.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rate {
    /// Calls a second.
    pub a_second: u32,
    /// Calls at once.
    pub burst: u32,
}

/// The rate of a call.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Quota {
    /// Call.
    pub call: String,
    /// Calls a second.
    pub a_second: u32,
    /// Calls at once.
    pub burst: u32,
    /// Link.
    pub source: String,
}

impl Told {
    /// The operation at whose endpoint it is asked about an entry's resource.
    pub fn endpoint<'a>(&'a self, entry: &'a Resource) -> &'a str {
        if self.at.is_empty() { &entry.tag } else { &self.at }
    }
}

impl Catalog {
    /// Who tags a type must also be able to read what tells it from another: the policy and the documents
    /// take these actions from the operation, beside those that read its tags.
    pub(super) fn add_describing_actions(&mut self) {
        for told in &self.lifetimes.told {
            let entry = self
                .files
                .iter()
                .flat_map(|(_, file)| &file.resource)
                .find(|entry| entry.r#type == told.r#type);
            let operation = entry.and_then(|entry| self.operations.get_mut(&entry.tag));
            if let Some(operation) = operation.filter(|operation| !operation.reads.contains(&told.action)) {
                operation.reads.push(told.action.clone());
            }
        }
    }

    pub(super) fn lifetime_complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let types: BTreeSet<&str> = self.entries().map(|(_, entry)| entry.r#type.as_str()).collect();
        for pattern in &self.lifetimes.unique {
            let prefix = pattern.strip_suffix('*');
            if !types
                .iter()
                .any(|name| name == pattern || prefix.is_some_and(|prefix| name.starts_with(prefix)))
            {
                complaints.push(format!("catalog/lifetimes.toml: unique: no entry has the type {pattern}"));
            }
        }
        let unique = self.unique_types();
        complaints.extend(self.names_among(&unique));
        let told = self.lifetimes.told.iter().map(|told| (&told.r#type, &told.source, !told.only_existed));
        complaints.extend(self.told_complaints());
        let slow = self.lifetimes.slow.iter().map(|slow| (&slow.r#type, &slow.source, false));
        for (name, source, is_told) in told.chain(slow) {
            if !types.contains(name.as_str()) {
                complaints.push(format!("catalog/lifetimes.toml: {name}: no entry has this type"));
            }
            if is_told && unique.contains(name.as_str()) {
                complaints.push(format!("catalog/lifetimes.toml: {name}: is `unique` too; remove one"));
            }
            if !source.starts_with("https://") {
                complaints.push(format!("catalog/lifetimes.toml: {name}: `source` must be a link"));
            }
        }
        let calls = self.calls();
        for quota in &self.quotas.quota {
            if !calls.contains(&quota.call) {
                complaints
                    .push(format!("catalog/quotas.toml: {}: nothing sends this call; remove it", quota.call));
            }
            if !quota.source.starts_with("https://") {
                complaints.push(format!("catalog/quotas.toml: {}: `source` must be a link", quota.call));
            }
        }
        for together in &self.quotas.together {
            let name = &together.operation;
            let operation = self.used_operations().into_iter().find(|operation| operation.name == *name);
            let takes_many = operation
                .is_some_and(|one| one.write.many && one.read.as_ref().is_some_and(|read| read.many));
            if !takes_many
                || together.write < 2
                || together.read < 2
                || !together.source.starts_with("https://")
            {
                complaints.push(format!(
                    "catalog/quotas.toml: together: {name}: needs an operation whose `write` and `read` take many, `write` and `read` here above 1, \
                     and a link as `source`"
                ));
            }
        }
        complaints
    }

    /// What is wrong with a [[told]] that is asked only whether the resource existed, or elsewhere than its type is tagged.
    fn told_complaints(&self) -> Vec<String> {
        let upserts = |told: &Told| {
            let mut entries = self.entries().filter(|(_, entry)| entry.r#type == told.r#type);
            entries.any(|(_, entry)| entry.upsert || !entry.upsert_in.is_empty())
        };
        let told = self.lifetimes.told.iter();
        let complaint = |told: &Told| {
            if told.only_existed && (told.created.is_empty() || !told.ready.is_empty() || !upserts(told)) {
                return Some(
                    "`only-existed` needs `created`, no `ready`, and an entry with `upsert` or `upsert-in`",
                );
            }
            let is_known = told.at.is_empty() || self.operations.contains_key(&told.at);
            (!is_known).then_some("`at` is no operation of operations.toml")
        };
        let complaints = told.filter_map(|told| Some((told, complaint(told)?)));
        complaints.map(|(told, what)| format!("catalog/lifetimes.toml: {}: {what}", told.r#type)).collect()
    }

    /// Types of `unique` that are addressed by a name: made of nothing but what the caller said, or with an ARN whose
    /// format ends with a name. A name can be given again, and its late retry would tag somebody else's resource.
    fn names_among(&self, unique: &BTreeSet<&str>) -> Vec<String> {
        let mut complaints = BTreeSet::new();
        for (_, entry) in self.entries().filter(|(_, entry)| unique.contains(entry.r#type.as_str())) {
            let name = entry.r#type.as_str();
            let id = if entry.id.as_slice().is_empty() { &entry.arn } else { &entry.id };
            for template in id.as_slice() {
                let paths = template.split('{').skip(1).filter(|path| {
                    path.starts_with("requestParameters.") || path.starts_with("responseElements.")
                });
                let paths: Vec<_> = paths.collect();
                let is_chosen = |path: &&str| path.starts_with("requestParameters.");
                if !paths.is_empty() && paths.iter().all(is_chosen) {
                    complaints.insert(format!(
                        "catalog/lifetimes.toml: unique: {name}: `{template}` is what the caller chose, and can be given \
                         again; take it out, or write a [[told]]"
                    ));
                }
            }
            let is_told_apart = !entry.id.as_slice().is_empty()
                || entry
                    .arn
                    .as_slice()
                    .iter()
                    .all(|arn| arn.starts_with("arn:") && arn.to_lowercase().ends_with("id}"));
            let ends_with_name = |format: &String| {
                let last = format.rsplit("${").next().unwrap_or_default();
                let last =
                    last.split('}').next().unwrap_or_default().trim_end_matches(|c: char| c.is_ascii_digit());
                last.ends_with("Name") || last.ends_with("NameWithPath")
            };
            let formats = self.formats.get(name).into_iter().flatten();
            if !is_told_apart && !ID_AFTER_ALL.contains(&name) && formats.clone().any(ends_with_name) {
                complaints.insert(format!(
                    "catalog/lifetimes.toml: unique: {name}: its ARN ends with a name, which can be given again; take it out, \
                     write a [[told]], or list it in ID_AFTER_ALL of xtask/src/catalog/over_time.rs"
                ));
            }
        }
        let idle = ID_AFTER_ALL.iter().filter(|name| !unique.contains(*name));
        complaints.extend(idle.map(|name| {
            format!("xtask/src/catalog/over_time.rs: ID_AFTER_ALL: `unique` does not have {name}; remove it")
        }));
        complaints.into_iter().collect()
    }

    /// The calls that the client sends, by the service's prefix: to tag, to read tags, to tell resources apart, to reconcile.
    fn calls(&self) -> BTreeSet<String> {
        let mut calls = BTreeSet::from(["cloudtrail:LookupEvents".to_owned(), "tag:GetResources".to_owned()]);
        let call = |name: &str, call: &str| format!("{}:{call}", name.split(':').next().unwrap_or_default());
        for operation in self.operations.values() {
            calls.insert(call(&operation.name, &operation.write.operation));
            calls.extend(operation.read.iter().map(|read| call(&operation.name, &read.operation)));
        }
        for (_, entry) in self.entries() {
            let told = self.lifetimes.told.iter().filter(|told| told.r#type == entry.r#type);
            calls.extend(told.map(|told| call(told.endpoint(entry), &told.describe.operation)));
        }
        calls
    }

    /// The types that `unique` names, sorted.
    pub fn unique_types(&self) -> BTreeSet<&str> {
        let is_unique = |name: &&str| {
            self.lifetimes.unique.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => name.starts_with(prefix),
                None => name == pattern,
            })
        };
        self.entries().map(|(_, entry)| entry.r#type.as_str()).filter(is_unique).collect()
    }
}
