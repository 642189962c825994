//! Tag values: a template over record and identity, and the form that AWS accepts.
//!
//! Pure text work. The characters are the intersection of what AWS's services accept, so that one
//! value is right everywhere: ASCII letters, digits, space and `_ . : / = + - @`, 1 to 255 of them
//! (Bedrock and DataSync take ASCII only, WorkSpaces 255 characters; sources in `docs/architecture.md`).

use crate::{
    identity::{Creator, Principal},
    json,
    record::Record,
};
use std::borrow::Cow;

/// The names that may stand in braces, with what each stands for.
pub const FIELDS: &[(&str, &str)] = &[
    ("name", "the creator's name"),
    ("kind", "the creator's kind: person, user, role, …"),
    ("user", "the IAM user's name, without its path"),
    ("role", "the role's name, without its path"),
    ("session", "the role session's name"),
    ("sourceIdentity", "the source identity of the session"),
    ("arn", "userIdentity.arn, whole"),
    ("principalId", "userIdentity.principalId"),
    ("invokedBy", "the service through which the call was made"),
    ("account", "the account of the record"),
    ("region", "awsRegion"),
    ("eventTime", "eventTime, as 2026-11-24T08:30:00Z"),
    ("eventID", "eventID"),
    ("eventName", "eventName"),
    ("eventSource", "eventSource"),
    ("sourceIPAddress", "sourceIPAddress"),
    ("userAgent", "userAgent"),
];

/// Most characters of a value.
pub const MOST_CHARACTERS: usize = 255;

/// A parsed value template, such as `{session|name} via {invokedBy}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueTemplate {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    /// The first that has a value stands.
    Fields(Vec<&'static str>),
}

impl ValueTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// A sentence: a brace that is not closed, or an unknown name with the nearest right one.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the value is empty; give a text or a template such as `{name}`".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let close =
                rest[open..].find('}').ok_or_else(|| format!("`{{` without `}}` in `{text}`"))? + open;
            if open > 0 {
                pieces.push(Piece::Text(rest[..open].to_owned()));
            }
            let names = rest[open + 1..close].split('|').map(|name| field(name.trim()));
            pieces.push(Piece::Fields(names.collect::<Result<_, _>>()?));
            rest = &rest[close + 1..];
        }
        if rest.contains('}') {
            return Err(format!("`}}` without `{{` in `{text}`"));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value for a record, not yet made to fit. None when no name in it has a value: fixed text
    /// between nothing and nothing says nothing.
    pub fn fill(&self, record: &Record, creator: &Creator) -> Option<String> {
        let mut filled = String::new();
        let (mut named, mut found) = (false, false);
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Fields(names) => {
                    named = true;
                    if let Some(value) = names.iter().find_map(|name| look_up(name, record, creator)) {
                        found = true;
                        filled.push_str(&value);
                    }
                }
            }
        }
        (found || !named).then_some(filled)
    }
}

fn field(name: &str) -> Result<&'static str, String> {
    let names = FIELDS.iter().map(|(name, _)| *name);
    names.clone().find(|known| *known == name).ok_or_else(|| {
        let nearest = crate::config::nearest(name, names.clone());
        let known = names.collect::<Vec<_>>().join(", ");
        format!("unknown name `{{{name}}}`{nearest}; known are {known}")
    })
}

fn look_up<'a>(name: &str, record: &'a Record, creator: &'a Creator) -> Option<Cow<'a, str>> {
    let identity = record.user_identity();
    let context = json::member(identity, "sessionContext");
    let owned = |text: &str| Cow::Owned(text.to_owned());
    let arn = json::member_text(identity, "arn");
    let principal = arn.as_deref().map(Principal::of_arn).unwrap_or_default();
    match name {
        "name" => creator.name.as_deref().map(Cow::Borrowed),
        "kind" => Some(Cow::Borrowed(creator.kind.as_str())),
        "user" => principal.user.map(owned),
        "role" => principal
            .role
            .map(owned)
            .or_else(|| json::member_text(json::member(context, "sessionIssuer"), "userName")),
        "session" => principal.session.map(owned),
        "sourceIdentity" => json::member_text(context, "sourceIdentity"),
        "arn" | "principalId" | "invokedBy" => json::member_text(identity, name),
        "account" => record.account().map(Cow::Owned),
        "region" => record.region(),
        _ => record.text(name),
    }
}

/// The value that AWS accepts everywhere: other characters become `_`, what is too long is cut.
pub fn fit(value: &str) -> Cow<'_, str> {
    let trimmed = value.trim();
    if trimmed.len() <= MOST_CHARACTERS && trimmed.chars().all(is_accepted) {
        return Cow::Borrowed(trimmed);
    }
    let replaced: String =
        trimmed.chars().take(MOST_CHARACTERS).map(|c| if is_accepted(c) { c } else { '_' }).collect();
    Cow::Owned(replaced.trim_end().to_owned())
}

/// Whether every service accepts this character in a tag.
pub fn is_accepted(character: char) -> bool {
    character.is_ascii_alphanumeric() || " _.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity;
    use serde_json::json;

    #[test]
    fn values_fit() {
        let long = "x".repeat(300);
        for (value, expected) in [
            ("alice@example.com", "alice@example.com"),
            ("smith,john", "smith_john"),
            ("Zoë", "Zo_"),
            (" padded ", "padded"),
            ("a\tb\u{0}", "a_b_"),
            (long.as_str(), &long[..255]),
        ] {
            assert_eq!(fit(value), expected, "{value}");
        }
    }

    #[test]
    fn templates() {
        let record = Record::new(json!({
            "eventTime": "2026-11-24T08:30:00Z",
            "userIdentity": {"type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/Dev/bob"}
        }));
        let creator = identity::identify(&record);
        for (template, expected) in [
            ("{name}", Some("bob")),
            ("{role}/{session}", Some("Dev/bob")),
            ("{user|name}", Some("bob")),
            ("{ user | session }", Some("bob")),
            ("{user}", None),
            ("by {user}", None),
            ("{eventTime}", Some("2026-11-24T08:30:00Z")),
            ("platform", Some("platform")),
        ] {
            let filled = ValueTemplate::parse(template).unwrap().fill(&record, &creator);
            assert_eq!(filled.as_deref(), expected, "{template}");
        }
    }

    #[test]
    fn wrong_templates_are_refused_with_the_nearest_name() {
        for (template, reason) in
            [("{nmae}", "did you mean `name`?"), ("{name", "without"), ("name}", "without"), ("", "empty")]
        {
            let error = ValueTemplate::parse(template).unwrap_err();
            assert!(error.contains(reason), "{template}: {error}");
        }
    }
}
