//! The configuration: one TOML file, and environment variables for the function, become a [`Policy`].
//!
//! Texts come in and errors with a line come out; who reads the file or the environment is elsewhere.
//! [`SETTINGS`] is the list from which `docs/configuration.md` and `docs/config.schema.json` are generated. What stands in a
//! file is in `config/file.rs`, what in a variable in `config/environment.rs`.

mod environment;
mod file;

pub use environment::from_environment;
pub use file::from_toml;

use crate::{
    identity::Kind,
    policy::{Existing, Policy},
    settings::{near::one_of, people::People},
    value,
};
use std::fmt;

/// The file's name beside the program in the zip.
pub const FILE: &str = "tagger.toml";

/// One setting, for the documents.
#[derive(Debug)]
pub struct Setting {
    /// Its place in the file, for example `tag.key`; `*` stands for any name.
    pub path: &'static str,
    /// The environment variable of the function; empty where only the file has it.
    pub variable: &'static str,
    /// What it is by default.
    pub default: &'static str,
    /// The words that it may be; empty for free text.
    pub choices: &'static [&'static str],
    /// What it does.
    pub meaning: &'static str,
}

/// A setting that only the file has.
const fn of_file(path: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    Setting { path, variable: "", default, choices: &[], meaning }
}

/// Every setting, in the order of the documents.
pub const SETTINGS: &[Setting] = &[
    Setting {
        path: "tag.key",
        variable: "TAGGER_KEY",
        default: "CreatedBy",
        choices: &[],
        meaning: "Key of the creator's tag.",
    },
    Setting {
        path: "tag.value",
        variable: "TAGGER_VALUE",
        default: "{name}",
        choices: &[],
        meaning: "Template of its value; `{session|name}` takes the first that has a value, `{name|lower}` makes it small.",
    },
    Setting {
        path: "tag.existing",
        variable: "TAGGER_EXISTING",
        default: "keep",
        choices: &["keep", "overwrite"],
        meaning: "What becomes of the key where a resource already has it. `keep` reads the resource's tags first and \
                  writes nothing when the key is there; `overwrite` writes without reading.",
    },
    of_file(
        "value.*",
        "",
        "Template of the creator's tag for one kind of creator, such as `workload = \"{role}\"`; a kind that is not named takes \
         `tag.value`.",
    ),
    Setting {
        path: "tags.*",
        variable: "TAGGER_TAGS",
        default: "",
        choices: &[],
        meaning: "Further tags: key and value template. As a variable: `CreatedAt={eventTime};Team=platform`.",
    },
    Setting {
        path: "kinds.*",
        variable: "TAGGER_SKIP_KINDS",
        default: "tag",
        choices: &["tag", "skip"],
        meaning: "What to do with each kind of creator (person, user, role, workload, ci, service, root, federated, \
                  account, unknown). As a variable: the kinds to skip, such as `service ci`.",
    },
    Setting {
        path: "exclude.principals",
        variable: "TAGGER_EXCLUDE",
        default: "[]",
        choices: &[],
        meaning: "Patterns of principals whose resources are left alone, compared with the names and ARNs of users and \
                  roles; `*` stands for anything. A session's name and a source identity, which the caller may have chosen, \
                  are compared only with what stands after `session:`. As a variable: patterns separated by spaces.",
    },
    of_file(
        "people.file",
        "",
        "The people table: a CSV or TOML file beside this one that says who is behind a name.",
    ),
    of_file(
        "scope.services",
        "[]",
        "Services that are tagged, such as `ec2`; with `!` before it, one that is not.",
    ),
    of_file(
        "scope.types",
        "[]",
        "Resource types that are tagged, such as `AWS::EC2::*`; with `!`, that are not.",
    ),
    of_file("scope.accounts", "[]", "Accounts in which is tagged; with `!`, in which is not."),
    of_file("scope.regions", "[]", "Regions in which is tagged, such as `eu-*`; with `!`, in which is not."),
    of_file(
        "scope.vpcs",
        "[]",
        "VPCs in which is tagged; with `!`, in which is not. What names no VPC is not in a list of some.",
    ),
    of_file(
        "scope.since",
        "",
        "Time of creation from which on is tagged: 2026-11-24 or 2026-11-24T08:30:00Z, in UTC.",
    ),
    of_file(
        "opt-out.tags",
        "[]",
        "Tags that leave a resource alone, `auto-tag=off` or a key alone, such as `Owner`: where the request gives one, or the \
         resource has it already.",
    ),
];

/// Why a configuration was refused.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The line in the file, from 1; none for an environment variable.
    pub line: Option<usize>,
    /// The setting, as `tag.key` or as the variable's name.
    pub setting: String,
    /// What is wrong and what is right.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.setting.is_empty() {
            write!(f, "{}: ", self.setting)?;
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for ConfigError {}

/// The policy with the people whom its file names.
///
/// # Errors
/// The table has the creator's key as a column.
pub fn with_people(mut policy: Policy, people: People) -> Result<Policy, ConfigError> {
    policy.people = people;
    let settings = check(&policy);
    settings.map_err(|(setting, message)| ConfigError { line: None, setting, message })?;
    Ok(policy)
}

/// What no single setting can know: keys are valid, and no two are the same. A column of the people table may have the key
/// of a further tag, since it goes before that, but not the creator's.
fn check(policy: &Policy) -> Result<(), (String, String)> {
    let mut seen: Vec<&str> = Vec::new();
    for (index, tag) in std::iter::once(&policy.tag).chain(&policy.further).enumerate() {
        let setting = if index == 0 { "tag.key".to_owned() } else { format!("tags.{}", tag.key) };
        let key = tag.key.as_str();
        // IAM does not tell CreatedBy from createdby.
        let twice = || {
            let is_seen = seen.iter().any(|earlier| earlier.eq_ignore_ascii_case(key));
            is_seen.then(|| format!("the key `{key}` is set twice"))
        };
        if let Some(reason) = value::key_problem(key).or_else(twice) {
            return Err((setting, reason));
        }
        seen.push(key);
    }
    let keys = policy.people.keys();
    if let Some(key) = keys.iter().find(|key| key.eq_ignore_ascii_case(&policy.tag.key)) {
        let message =
            format!("the column `{key}` is the creator's tag; its name stands in the column `name`");
        return Err(("people.file".to_owned(), message));
    }
    Ok(())
}

/// The keys of a policy that some services refuse, each with the resource types that cannot have it. What has the creator's
/// key among them is not tagged at all (`tag-key-refused`); a further tag is left out (`tag-left-out`).
pub fn refused_keys(policy: &Policy) -> Vec<(&str, Vec<&'static str>)> {
    let keys = std::iter::once(&policy.tag).chain(&policy.further).map(|tag| tag.key.as_str());
    let keys = keys.chain(policy.people.keys().iter().map(String::as_str));
    let refused = keys.map(|key| {
        let entries = tagger_catalog::events().iter().flat_map(|event| event.entries);
        let refusing = entries.filter(|entry| value::refused_in_key(entry.operation, key).is_some());
        let mut types: Vec<&str> = refusing.map(|entry| entry.resource_type).collect();
        types.sort_unstable();
        types.dedup();
        (key, types)
    });
    refused.filter(|(_, types)| !types.is_empty()).collect()
}

fn existing(word: &str) -> Result<Existing, String> {
    match word {
        "keep" => Ok(Existing::Keep),
        "overwrite" => Ok(Existing::Overwrite),
        other => Err(one_of(other, &["keep", "overwrite"])),
    }
}

fn kind(word: &str) -> Result<Kind, String> {
    let names = Kind::ALL.map(Kind::as_str);
    Kind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| one_of(word, &names))
}

#[cfg(test)]
mod tests;
