//! Tag values: a template over record and identity, and the form that AWS accepts.
//!
//! Pure text work. A value has ASCII letters, digits, space and `_ . : / = + - @`, 1 to 255 of them, which all services but
//! a few accept (Bedrock and DataSync take ASCII only, WorkSpaces 255 characters; sources in `docs/architecture.md`). What an
//! operation refuses of those is in its row of the catalog, and the value is made to fit it ([`fit_for`]).

use crate::{
    identity::{Creator, Principal},
    json,
    record::Record,
};
use std::borrow::Cow;
use tagger_catalog::Operation;

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
        "session" => crate::identity::session(record).map(Cow::Owned),
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

/// The value as an operation accepts it: what [`fit`] let in and this one refuses becomes `_`.
pub fn fit_for<'a>(operation: &Operation, value: &'a str) -> Cow<'a, str> {
    let refused = operation.refused_in_values;
    if value.contains(|character| refused.contains(character)) {
        let fitted = value.chars().map(|character| if refused.contains(character) { '_' } else { character });
        return Cow::Owned(fitted.collect());
    }
    Cow::Borrowed(value)
}

/// The first character of a key that an operation refuses. A key cannot be made to fit: it would be another key.
pub fn refused_in_key(operation: &Operation, key: &str) -> Option<char> {
    key.chars().find(|character| operation.refused_in_keys.contains(*character))
}

/// Tags as an operation accepts them: values made to fit, and without those whose key it refuses.
pub fn tags_for<'a>(
    operation: &Operation,
    tags: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<(&'a str, Cow<'a, str>)> {
    let accepted = tags.into_iter().filter(|(key, _)| refused_in_key(operation, key).is_none());
    accepted.map(|(key, value)| (key, fit_for(operation, value))).collect()
}

/// Whether nearly every service accepts this character in a tag.
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

    fn operation(name: &str) -> &'static Operation {
        tagger_catalog::operations().iter().find(|one| one.name == name).unwrap()
    }

    #[test]
    fn what_an_operation_refuses_becomes_an_underscore() {
        for (name, value, expected) in [
            ("sqs:TagQueue", "John Smith j.s@example.com", "John Smith j.s@example.com"),
            ("bcm-pricing-calculator:TagResource", "j.s@example.com", "j_s@example_com"),
            ("evs:TagResource", "John Smith", "John_Smith"),
            ("mailmanager:TagResource", "John Smith", "John_Smith"),
            ("route53-recovery-control-config:TagResource", "John Smith", "John_Smith"),
        ] {
            assert_eq!(fit_for(operation(name), value), expected, "{name}");
        }
        let tags = [("CreatedBy", "a b"), ("cost center", "x"), ("a:b", "y")];
        let fitted = tags_for(operation("ssm-contacts:TagResource"), tags);
        assert_eq!(fitted, [("CreatedBy", "a b".into())]);
        assert_eq!(refused_in_key(operation("ssm-contacts:TagResource"), "auto:creator"), Some(':'));
    }

    /// `catalog/tools/operations.py` holds the sets against the models' patterns: each text of what is left matches, and
    /// no text with what is refused does. Here: whatever the name, nothing else is sent.
    #[test]
    fn every_operation_gets_only_what_it_accepts() {
        let mut any = 7_u64;
        let mut next = |most: u64| {
            // Knuth's generator; the same names each time.
            any = any.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (any >> 33) % most
        };
        let names: Vec<String> = (0..200)
            .map(|_| {
                let length = next(300);
                (0..=length).filter_map(|_| char::from_u32(32 + u32::try_from(next(300)).unwrap())).collect()
            })
            .chain(["...", "   .", "a", "João da Silva", "CN=x,OU=y"].map(str::to_owned))
            .collect();
        for operation in tagger_catalog::operations() {
            assert!(!operation.refused_in_values.contains('_'), "{}", operation.name);
            // The default key fits everywhere, and so does the mark where it is written.
            assert_eq!(refused_in_key(operation, "CreatedBy"), None, "{}", operation.name);
            for name in names.iter().filter(|name| !fit(name).is_empty()) {
                let fitted = fit(name);
                let sent = fit_for(operation, &fitted);
                let accepted = |c: char| is_accepted(c) && !operation.refused_in_values.contains(c);
                assert!(sent.chars().all(accepted), "{}: {sent:?}", operation.name);
                assert!((1..=MOST_CHARACTERS).contains(&sent.len()) && sent.trim() == sent, "{sent:?}");
                assert_eq!(fit_for(operation, &sent), sent, "twice is as once");
            }
        }
        let mark = crate::reconcile::mark_key("ap-southeast-2");
        assert_eq!(refused_in_key(operation("lambda:TagResource"), &mark), None);
        assert_eq!(fit_for(operation("lambda:TagResource"), "2026-11-24T08:30:00Z"), "2026-11-24T08:30:00Z");
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
