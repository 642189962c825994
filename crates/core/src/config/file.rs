//! What stands in the configuration file: each section with its settings, and where in the file an error is.

use super::{ConfigError, SETTINGS, check, existing, kind};
use crate::{
    policy::{Policy, Tag},
    settings::{
        near::{nearest, one_of},
        people,
        template::ValueTemplate,
    },
};
use std::ops::Range;
use toml::{
    Spanned,
    de::{DeArray, DeString, DeTable, DeValue},
};

/// The sections, and `person`, of which there may be several.
const SECTIONS: [&str; 9] =
    ["tag", "value", "tags", "kinds", "exclude", "people", "person", "scope", "opt-out"];

/// Reads a TOML file's text. A people file that it names is read by whoever read this one.
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
        if !SECTIONS.contains(&section) {
            let known = SECTIONS.map(|name| format!("[{name}]")).join(", ");
            let message = format!("unknown section{}; known are {known}", nearest(section, SECTIONS));
            return Err(refused(section, at(&table.span()), message));
        }
        if let ("person", DeValue::Array(list)) = (section, settings.get_ref()) {
            policy.people = people_of(list, text)?;
            lines.push(("person".to_owned(), at(&table.span())));
            continue;
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
    let line_of = |setting: &str| lines.iter().find(|(name, _)| *name == setting).map(|(_, line)| *line);
    if policy.people_file.is_some() && !policy.people.is_empty() {
        let message = "people are in a file and in [[person]]; put all of them into one".to_owned();
        return Err(ConfigError { line: line_of("people.file"), setting: "people.file".to_owned(), message });
    }
    check(&policy).map_err(|(setting, message)| {
        let line = line_of(&setting).or_else(|| line_of("person"));
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

/// The people of a file that has them in itself.
fn people_of(list: &DeArray, text: &str) -> Result<people::People, ConfigError> {
    let refused = |error: &people::RowError| ConfigError {
        line: Some(error.line),
        setting: "person".to_owned(),
        message: error.message.clone(),
    };
    let mut keys = Vec::new();
    let rows = people::of_list(list, text, &mut keys).map_err(|error| refused(&error))?;
    people::compile(&keys, &rows).map_err(|errors| match errors.first() {
        Some(first) => refused(first),
        None => ConfigError { line: None, setting: "person".to_owned(), message: String::new() },
    })
}

fn set(policy: &mut Policy, section: &str, name: &str, value: &Spanned<DeValue>) -> Result<(), String> {
    match (section, name) {
        ("tag", "key") => policy.tag.key = text(value)?,
        ("tag", "value") => policy.tag.value = ValueTemplate::parse(&text(value)?)?,
        ("tag", "existing") => policy.existing = existing(&text(value)?)?,
        ("value", kind_name) => {
            policy.values.push((kind(kind_name)?, ValueTemplate::parse(&text(value)?)?));
        }
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
        ("exclude", "principals") => policy.excluded.extend(list(value, "arn:aws:iam::*:role/ci-*")?),
        ("people", "file") => policy.people_file = Some(file_name(text(value)?)?),
        ("scope", "since") => {
            let since = match value.get_ref() {
                DeValue::Datetime(time) => time.to_string(),
                _ => text(value)?,
            };
            policy.scope.set_since(&since)?;
        }
        ("scope", name @ ("services" | "types" | "accounts" | "regions" | "vpcs")) => {
            let example = match name {
                "services" => "ec2",
                "types" => "AWS::EC2::*",
                "accounts" => "111122223333",
                "regions" => "eu-*",
                _ => "vpc-0123456789abcdef0",
            };
            for word in list(value, example)? {
                policy.scope.add(name, &word)?;
            }
        }
        ("opt-out", "tags") => {
            for tag in list(value, "auto-tag=off")? {
                policy.opt_out.add(&tag)?;
            }
        }
        ("person", _) => return Err("write [[person]], in two brackets: there may be several".to_owned()),
        _ => {
            let known = SETTINGS.iter().filter_map(|setting| setting.path.split_once('.'));
            let known: Vec<_> = known.filter(|(table, _)| *table == section).map(|(_, name)| name).collect();
            let all = known.join(", ");
            return Err(format!("unknown setting{}; known in [{section}] are {all}", nearest(name, known)));
        }
    }
    Ok(())
}

/// A people file's name: it stands beside the configuration, or below its folder.
fn file_name(name: String) -> Result<String, String> {
    let lower = name.to_ascii_lowercase();
    if lower.ends_with(".csv") || lower.ends_with(".toml") {
        return Ok(name);
    }
    Err(format!("`{name}`: a people file is a .csv or a .toml file"))
}

fn text(value: &Spanned<DeValue>) -> Result<String, String> {
    match value.get_ref() {
        DeValue::String(text) => Ok(text.clone().into_owned()),
        other => Err(format!("expected a text in quotes, found {}", other.type_str())),
    }
}

fn list(value: &Spanned<DeValue>, example: &str) -> Result<Vec<String>, String> {
    let DeValue::Array(list) = value.get_ref() else {
        return Err(format!("expected a list of texts, such as [\"{example}\"]"));
    };
    list.iter().map(text).collect()
}
