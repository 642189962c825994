//! The rows of a people table as somebody wrote them, before they are compiled: what a pattern means, and what is wrong
//! with a row. A CSV file's rows come from the command line, those of a TOML file from here.

use super::Field;
use crate::{
    arn::Arn,
    settings::near::nearest,
    value::{fit, key_problem},
};
use std::fmt;
use toml::de::{DeTable, DeValue};

/// A row of the table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: usize,
    /// Whom it fits: a pattern, as `jane.doe@example.com` or `role:Deploy-*`.
    pub pattern: String,
    /// The name; empty where it gives none.
    pub name: String,
    /// The further tags, one for each key of the table; empty where it gives none.
    pub tags: Vec<String>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Its line in the file, from 1.
    pub line: usize,
    /// What is wrong, and what is right.
    pub message: String,
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

/// The most bytes of a pattern, a name or a tag: more than any of them can have in AWS.
const MOST: usize = 2_048;

/// What of a caller a pattern is compared with, and the pattern without the word before it.
///
/// # Errors
/// It can never fit anybody, and why.
pub(super) fn meaning(pattern: &str) -> Result<(Field, String), String> {
    let pattern = pattern.trim();
    if pattern.is_empty() {
        return Err("it has no `match`: nobody would fit it".to_owned());
    }
    let prefixed = Field::ALL.iter().find_map(|(field, word)| {
        let rest = pattern.strip_prefix(word)?.strip_prefix(':')?;
        // An ARN begins with the same word.
        (*field != Field::Arn).then(|| (*field, rest.trim()))
    });
    let (field, text) = match prefixed {
        Some(found) => found,
        None if pattern.starts_with("arn:") => (Field::Arn, pattern),
        None if is_id(pattern) => (Field::Id, pattern),
        None if pattern.contains('@') => (Field::Email, pattern),
        None => match pattern.split_once(':') {
            Some((word, _)) => {
                let words = Field::ALL.map(|(_, word)| word);
                let known = words.map(|word| format!("`{word}:`")).join(", ");
                return Err(format!(
                    "`{pattern}`: unknown word `{word}:`{}; known are {known}",
                    nearest(word, words)
                ));
            }
            None => (Field::Name, pattern),
        },
    };
    possible(field, text).map_err(|why| format!("`{pattern}` can never fit: {why}"))?;
    Ok((field, if field.folds() { text.to_lowercase() } else { text.to_owned() }))
}

/// Whether a text, in which `*` stands for anything, can be of the field's form.
fn possible(field: Field, text: &str) -> Result<(), &'static str> {
    let open = text.contains('*');
    let all = |fits: fn(char) -> bool| text.chars().all(|character| character == '*' || fits(character));
    // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-names
    let is_iam = |character: char| character.is_ascii_alphanumeric() || "_+=,.@-".contains(character);
    match field {
        _ if text.is_empty() => Err("nothing stands behind the colon"),
        _ if text.len() > MOST => Err("it is too long"),
        Field::Role | Field::Session | Field::User if !all(is_iam) => {
            Err("IAM's names have letters, digits and _ + = , . @ - only; a path is no part of them")
        }
        Field::Arn if !open && Arn::parse(text).is_none() => Err("it is no ARN"),
        Field::Id if !open && !is_id(text) => {
            Err("an id of the identity store is 8-4-4-4-12 hexadecimal digits")
        }
        Field::Email if !open && !text.contains('@') => Err("an e-mail address has an @"),
        _ => Ok(()),
    }
}

/// Whether a text has the form of a user's id in an identity store: a UUID, in older directories with ten digits before it
/// (<https://docs.aws.amazon.com/singlesignon/latest/IdentityStoreAPIReference/API_User.html>).
pub(super) fn is_id(text: &str) -> bool {
    let uuid = match text.split_once('-') {
        Some((first, rest)) if first.len() == 10 => rest,
        _ => text,
    };
    uuid.len() == 36
        && uuid.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What is wrong with a row beside its pattern.
pub(super) fn content(row: &Row, keys: &[String]) -> Result<(), String> {
    if row.name.trim().is_empty() && row.tags.iter().all(|tag| tag.trim().is_empty()) {
        return Err("it gives neither a name nor a tag".to_owned());
    }
    if row.tags.len() != keys.len() {
        return Err(format!("it has {} tags, and the table has {} keys", row.tags.len(), keys.len()));
    }
    for text in row.tags.iter().chain([&row.name]).map(|text| text.trim()) {
        if text.len() > MOST {
            return Err("a text of it is too long".to_owned());
        }
        if !text.is_empty() && fit(text).chars().all(|character| character == '_') {
            return Err(format!("{text:?} has no character that AWS takes in a tag"));
        }
    }
    Ok(())
}

/// What is wrong with the keys of a table.
pub(super) fn keys(keys: &[String]) -> Result<(), String> {
    for (index, key) in keys.iter().enumerate() {
        if let Some(problem) = key_problem(key) {
            return Err(format!("the column `{key}`: {problem}"));
        }
        if keys[..index].iter().any(|earlier| earlier.eq_ignore_ascii_case(key)) {
            return Err(format!("the column `{key}` is there twice"));
        }
    }
    Ok(())
}

/// The rows of a TOML file: `[[person]]` tables with `match`, `name` and further tags. The keys, then the rows.
///
/// # Errors
/// It is not TOML, or something in it is no row.
pub fn from_toml(text: &str) -> Result<(Vec<String>, Vec<Row>), RowError> {
    let document = DeTable::parse(text).map_err(|error| RowError {
        line: line(text, error.span().unwrap_or_default().start),
        message: format!("not TOML: {}", error.message()),
    })?;
    let (mut keys, mut rows) = (Vec::new(), Vec::new());
    for (name, value) in document.get_ref().iter() {
        let at = line(text, name.span().start);
        match (name.get_ref().as_ref(), value.get_ref()) {
            ("person", DeValue::Array(list)) => rows = of_list(list, text, &mut keys)?,
            ("person", _) => {
                return Err(RowError { line: at, message: "write [[person]], in two brackets".to_owned() });
            }
            (other, _) => {
                let message = format!("unknown table `{other}`; a people file has [[person]] tables only");
                return Err(RowError { line: at, message });
            }
        }
    }
    Ok((keys, rows))
}

/// The rows of a list of tables.
pub(crate) fn of_list(
    list: &[toml::Spanned<DeValue>],
    text: &str,
    keys: &mut Vec<String>,
) -> Result<Vec<Row>, RowError> {
    let mut rows = Vec::new();
    for one in list {
        let at = line(text, one.span().start);
        let DeValue::Table(table) = one.get_ref() else {
            return Err(RowError {
                line: at,
                message: "a [[person]] is a table with `match` and `name`".to_owned(),
            });
        };
        let mut row = Row { line: at, ..Row::default() };
        for (name, value) in table.iter() {
            let key = name.get_ref().to_string();
            let DeValue::String(value) = value.get_ref() else {
                let message = format!("`{key}`: expected a text in quotes");
                return Err(RowError { line: line(text, name.span().start), message });
            };
            let value = value.clone().into_owned();
            match key.as_str() {
                "match" => row.pattern = value,
                "name" => row.name = value,
                _ => {
                    let place = keys.iter().position(|known| *known == key).unwrap_or_else(|| {
                        keys.push(key);
                        keys.len() - 1
                    });
                    row.tags.resize(row.tags.len().max(place + 1), String::new());
                    row.tags[place] = value;
                }
            }
        }
        rows.push(row);
    }
    rows.iter_mut().for_each(|row| row.tags.resize(keys.len(), String::new()));
    Ok(rows)
}

fn line(text: &str, at: usize) -> usize {
    1 + text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count()
}
