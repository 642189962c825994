//! The configuration: one TOML file, and environment variables for the function, become a [`Policy`].
//!
//! Texts come in and errors with a line come out; who reads the file or the environment is elsewhere.
//! [`SETTINGS`] is the list from which `docs/configuration.md` and `docs/config.schema.json` are generated.

use crate::{
    identity::Kind,
    policy::{Existing, Policy, Tag},
    value::{self, ValueTemplate},
};
use std::{fmt, ops::Range};
use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

/// One setting, for the documents.
#[derive(Debug)]
pub struct Setting {
    /// Its place in the file, for example `tag.key`; `*` stands for any name.
    pub path: &'static str,
    /// The environment variable of the function.
    pub variable: &'static str,
    /// What it is by default.
    pub default: &'static str,
    /// The words that it may be; empty for free text.
    pub choices: &'static [&'static str],
    /// What it does.
    pub meaning: &'static str,
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
        meaning: "Template of its value; `{session|name}` takes the first that has a value.",
    },
    Setting {
        path: "tag.existing",
        variable: "TAGGER_EXISTING",
        default: "keep",
        choices: &["keep", "overwrite"],
        meaning: "What becomes of the key where a resource already has it. `keep` reads the resource's tags first and \
                  writes nothing when the key is there; `overwrite` writes without reading.",
    },
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

/// Reads a TOML file's text.
///
/// # Errors
/// The first thing that is wrong, with its line and the nearest right name.
pub fn from_toml(text: &str) -> Result<Policy, ConfigError> {
    let at = |span: &Range<usize>| {
        1 + text.as_bytes()[..span.start.min(text.len())].iter().filter(|b| **b == b'\n').count()
    };
    let document = DeTable::parse(text).map_err(|error| ConfigError {
        line: Some(at(&error.span().unwrap_or_default())),
        setting: String::new(),
        message: format!("not TOML: {}", error.message()),
    })?;
    let mut policy = Policy::default();
    let mut lines: Vec<(String, usize)> = Vec::new();
    for (table, settings) in in_order(document.get_ref()) {
        let section = table.get_ref().as_ref();
        let refused = |setting: &str, line: usize, message: String| ConfigError {
            line: Some(line),
            setting: setting.into(),
            message,
        };
        let sections = ["tag", "tags", "kinds", "exclude"];
        if !sections.contains(&section) {
            let known = sections.map(|name| format!("[{name}]")).join(", ");
            let message = format!("unknown section{}; known are {known}", nearest(section, sections));
            return Err(refused(section, at(&table.span()), message));
        }
        let DeValue::Table(settings) = settings.get_ref() else {
            return Err(refused(
                section,
                at(&table.span()),
                format!("expected a section [{section}] with settings below it"),
            ));
        };
        for (name, value) in in_order(settings) {
            let setting = format!("{section}.{}", name.get_ref());
            lines.push((setting.clone(), at(&name.span())));
            set(&mut policy, section, name.get_ref(), value)
                .map_err(|message| refused(&setting, at(&value.span()), message))?;
        }
    }
    check(&policy).map_err(|(setting, message)| {
        let line = lines.iter().find(|(name, _)| *name == setting).map(|(_, line)| *line);
        ConfigError { line, setting, message }
    })?;
    Ok(policy)
}

/// The members of a table as they stand in the file.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a Spanned<DeString<'i>>, &'a Spanned<DeValue<'i>>)> {
    let mut members: Vec<_> = table.iter().collect();
    members.sort_by_key(|(name, _)| name.span().start);
    members
}

fn set(policy: &mut Policy, section: &str, name: &str, value: &Spanned<DeValue>) -> Result<(), String> {
    match (section, name) {
        ("tag", "key") => policy.tag.key = text(value)?,
        ("tag", "value") => policy.tag.value = ValueTemplate::parse(&text(value)?)?,
        ("tag", "existing") => policy.existing = existing(&text(value)?)?,
        ("tags", key) => {
            policy.further.push(Tag { key: key.to_owned(), value: ValueTemplate::parse(&text(value)?)? })
        }
        ("kinds", kind_name) => {
            let kind = kind(kind_name)?;
            match text(value)?.as_str() {
                "skip" => policy.skipped.push(kind),
                "tag" => {}
                other => return Err(one_of(other, &["tag", "skip"])),
            }
        }
        ("exclude", "principals") => {
            let DeValue::Array(patterns) = value.get_ref() else {
                return Err("expected a list of texts, such as [\"arn:aws:iam::*:role/ci-*\"]".to_owned());
            };
            for pattern in patterns {
                policy.excluded.push(text(pattern)?);
            }
        }
        _ => {
            let known = SETTINGS.iter().filter_map(|setting| setting.path.split_once('.'));
            let known: Vec<_> = known.filter(|(table, _)| *table == section).map(|(_, name)| name).collect();
            let all = known.join(", ");
            return Err(format!("unknown setting{}; known in [{section}] are {all}", nearest(name, known)));
        }
    }
    Ok(())
}

/// Changes a policy by the function's environment variables; names that do not begin with `TAGGER_`
/// are passed over, and so is `TAGGER_CONFIG`, the path of the file.
///
/// # Errors
/// The first variable that is wrong, with the nearest right name.
pub fn from_environment(
    mut policy: Policy,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Policy, ConfigError> {
    for (name, value) in
        variables.into_iter().filter(|(name, _)| name.starts_with("TAGGER_") && name != "TAGGER_CONFIG")
    {
        set_variable(&mut policy, &name, &value).map_err(|message| ConfigError {
            line: None,
            setting: name.clone(),
            message,
        })?;
    }
    check(&policy).map_err(|(setting, message)| {
        let variable = if setting == "tag.key" { "TAGGER_KEY" } else { "TAGGER_TAGS" };
        ConfigError { line: None, setting: variable.to_owned(), message }
    })?;
    Ok(policy)
}

fn set_variable(policy: &mut Policy, name: &str, value: &str) -> Result<(), String> {
    match name {
        "TAGGER_KEY" => policy.tag.key = value.to_owned(),
        "TAGGER_VALUE" => policy.tag.value = ValueTemplate::parse(value)?,
        "TAGGER_EXISTING" => policy.existing = existing(value)?,
        "TAGGER_TAGS" => {
            for pair in value.split(';').filter(|pair| !pair.trim().is_empty()) {
                let (key, template) = pair
                    .split_once('=')
                    .ok_or_else(|| format!("expected Key=value;Key=value, found `{pair}`"))?;
                let (key, value) = (key.trim().to_owned(), ValueTemplate::parse(template.trim())?);
                policy.further.retain(|tag| tag.key != key);
                policy.further.push(Tag { key, value });
            }
        }
        "TAGGER_SKIP_KINDS" => {
            policy.skipped = value
                .split([' ', ','])
                .filter(|name| !name.is_empty())
                .map(kind)
                .collect::<Result<_, _>>()?;
        }
        "TAGGER_EXCLUDE" => policy.excluded = value.split_whitespace().map(str::to_owned).collect(),
        _ => {
            let known = SETTINGS.iter().map(|setting| setting.variable);
            let all = known.clone().collect::<Vec<_>>().join(", ");
            return Err(format!("unknown variable{}; known are {all}", nearest(name, known)));
        }
    }
    Ok(())
}

/// What no single setting can know: keys are valid, and no two are the same.
fn check(policy: &Policy) -> Result<(), (String, String)> {
    let mut seen: Vec<&str> = Vec::new();
    for (index, tag) in std::iter::once(&policy.tag).chain(&policy.further).enumerate() {
        let setting = if index == 0 { "tag.key".to_owned() } else { format!("tags.{}", tag.key) };
        let key = tag.key.as_str();
        let reason = if key.is_empty() || key.len() > 127 {
            "a tag's key has 1 to 127 characters".to_owned()
        } else if let Some(character) = key.chars().find(|character| !value::is_accepted(*character)) {
            format!(
                "`{character}` cannot stand in a tag's key; letters, digits, spaces and _ . : / = + - @ can"
            )
        } else if key.to_ascii_lowercase().starts_with("aws:") {
            "keys that begin with `aws:` belong to AWS".to_owned()
        } else if key.trim() != key {
            "a tag's key does not begin or end with a space".to_owned()
        // IAM does not tell CreatedBy from createdby.
        } else if seen.iter().any(|earlier| earlier.eq_ignore_ascii_case(key)) {
            format!("the key `{key}` is set twice")
        } else {
            seen.push(key);
            continue;
        };
        return Err((setting, reason));
    }
    Ok(())
}

/// The keys of a policy that some services refuse, each with the resource types that cannot have it. What has the creator's
/// key among them is not tagged at all (`tag-key-refused`); a further tag is left out (`tag-left-out`).
pub fn refused_keys(policy: &Policy) -> Vec<(&str, Vec<&'static str>)> {
    let keys = std::iter::once(&policy.tag).chain(&policy.further).map(|tag| tag.key.as_str());
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

fn text(value: &Spanned<DeValue>) -> Result<String, String> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        other => Err(format!("expected a text in quotes, found {}", other.type_str())),
    }
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

fn one_of(found: &str, known: &[&str]) -> String {
    format!("`{found}` is not one of {}{}", known.join(", "), nearest(found, known.iter().copied()))
}

/// `; did you mean …?` for the nearest known name, or nothing when none is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let best = near(word, known).into_iter().next();
    best.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The known names that are near a word, the nearest first.
pub fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(&word, &name.to_lowercase());
    let all = known.into_iter().map(|name| (likeness(name), name));
    let mut near: Vec<_> = all.filter(|(likeness, _)| *likeness >= 0.5).collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_everything() {
        let policy = from_toml(
            "[tag]\nkey = \"owner\"\nvalue = \"{role}/{session|name}\"\nexisting = \"overwrite\"\n\
             [tags]\nCreatedAt = \"{eventTime}\"\n[kinds]\nservice = \"skip\"\nroot = \"tag\"\n\
             [exclude]\nprincipals = [\"arn:aws:iam::*:role/ci-*\", \"bot\"]\n",
        )
        .unwrap();
        assert_eq!(policy.tag.key, "owner");
        assert_eq!(policy.existing, Existing::Overwrite);
        assert_eq!(policy.further[0].key, "CreatedAt");
        assert_eq!(policy.skipped, [Kind::Service]);
        assert_eq!(policy.excluded.len(), 2);
        assert_eq!(from_toml("").unwrap(), Policy::default());
    }

    #[test]
    fn a_wrong_file_is_refused_with_the_line_and_the_nearest_name() {
        for (text, line, reason) in [
            ("[tag]\nkye = \"x\"\n", 2, "did you mean `key`?"),
            ("\n[tga]\nkey = \"x\"\n", 2, "did you mean `tag`?"),
            ("[tag]\nexisting = \"kepe\"\n", 2, "did you mean `keep`?"),
            ("[tag]\nvalue = \"{nmae}\"\n", 2, "did you mean `name`?"),
            ("[tag]\nkey = 3\n", 2, "expected a text"),
            ("[tag]\nkey = \"aws:x\"\n", 2, "belong to AWS"),
            ("[tag]\nkey = \"a,b\"\n", 2, "`,` cannot stand"),
            ("# the key\n[tags]\nX = \"y\"\n[tag]\nkey = \"aws:x\"\n", 5, "belong to AWS"),
            ("[tag]\nkye = \"x\"\n[aaa]\n", 2, "did you mean `key`?"),
            ("[tag]\nvalue = \"  \"\n", 2, "empty"),
            ("[kinds]\nperson = \"skip\"\nrobot = \"skip\"\n", 3, "`robot` is not one of"),
            ("[tags]\ncreatedby = \"x\"\n", 2, "set twice"),
            ("tag = 1\n", 1, "expected a section [tag]"),
            ("[tag\n", 1, "not TOML"),
            ("[exclude]\nprincipals = \"x\"\n", 2, "expected a list"),
        ] {
            let error = from_toml(text).unwrap_err();
            assert_eq!(error.line, Some(line), "{text}: {error}");
            assert!(error.to_string().contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn keys_that_some_services_refuse_are_named_with_their_types() {
        let policy = |text: &str| from_toml(text).unwrap();
        assert_eq!(refused_keys(&Policy::default()), []);
        let spaced = policy("[tag]\nkey = \"cost center\"\n[tags]\n\"auto:creator\" = \"x\"\nTeam = \"y\"\n");
        let found = refused_keys(&spaced);
        assert_eq!(found.iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["cost center", "auto:creator"]);
        assert!(found[0].1.contains(&"AWS::EVS::Environment"), "{found:?}");
        assert!(found[1].1.iter().all(|name| name.starts_with("AWS::SSMContacts::")), "{found:?}");
    }

    #[test]
    fn the_environment_comes_on_top() {
        let set = |pairs: &[(&str, &str)]| {
            let pairs: Vec<_> =
                pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            from_environment(Policy::default(), pairs)
        };
        let policy = set(&[
            ("TAGGER_KEY", "Owner"),
            ("TAGGER_TAGS", "A={eventTime};B=x"),
            ("TAGGER_SKIP_KINDS", "ci service"),
        ])
        .unwrap();
        assert_eq!((policy.tag.key.as_str(), policy.further.len(), policy.skipped.len()), ("Owner", 2, 2));
        assert_eq!(set(&[("PATH", "x"), ("TAGGER_CONFIG", "y")]).unwrap(), Policy::default());
        for (name, value, reason) in [
            ("TAGGER_KYE", "x", "did you mean `TAGGER_KEY`?"),
            ("TAGGER_EXISTING", "x", "keep"),
            ("TAGGER_TAGS", "x", "Key=value"),
            ("TAGGER_KEY", "", "TAGGER_KEY: a tag's key has 1 to 127"),
        ] {
            let error = set(&[(name, value)]).unwrap_err().to_string();
            assert!(error.contains(reason), "{name}: {error}");
        }
    }
}
