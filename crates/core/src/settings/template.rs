//! A value template, such as `{session|name|lower} via {via}`: text, and names in braces with alternatives and filters.
//!
//! Between bars stand names first, of which the first that has a value is taken, and then filters, each of which gets
//! what the one before it gave. Where no name of a pair of braces has a value, the whole template has none: half a value
//! would be a wrong one.

use super::{
    fields::{Facts, Field},
    filter::{Filter, is_filter},
};
use crate::value::MOST_CHARACTERS;

/// A parsed value template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueTemplate {
    text: String,
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Text(String),
    Braces { written: String, names: Vec<Field>, filters: Vec<Filter> },
}

impl ValueTemplate {
    /// Parses a template.
    ///
    /// # Errors
    /// A sentence: a brace that is not closed, or an unknown name or filter with the nearest right one.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim().is_empty() {
            return Err("the value is empty; give a text or a template such as `{name}`".to_owned());
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let before = &rest[..open];
            if before.contains('}') {
                return Err(format!("`}}` without `{{` in `{text}`"));
            }
            let close =
                rest[open..].find('}').ok_or_else(|| format!("`{{` without `}}` in `{text}`"))? + open;
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(braces(&rest[open + 1..close])?);
            rest = &rest[close + 1..];
        }
        if rest.contains('}') {
            return Err(format!("`}}` without `{{` in `{text}`"));
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        let fixed = pieces.iter().map(|piece| match piece {
            Piece::Text(text) => text.chars().count(),
            Piece::Braces { .. } => 0,
        });
        let fixed: usize = fixed.sum();
        if fixed > MOST_CHARACTERS {
            return Err(format!(
                "its text alone has {fixed} characters, and a tag's value has {MOST_CHARACTERS} at most"
            ));
        }
        Ok(Self { text: text.to_owned(), pieces })
    }

    /// The template as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it names something of the EventBridge event around the record.
    pub fn names_envelope(&self) -> bool {
        let names = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Braces { names, .. } => Some(names),
            Piece::Text(_) => None,
        });
        names.flatten().any(|name| matches!(name, Field::Envelope(_)))
    }

    /// The value for a record, not yet made to fit.
    ///
    /// # Errors
    /// The braces for which the record has no value, as they are written.
    pub fn fill(&self, facts: &Facts) -> Result<String, &str> {
        let mut filled = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Braces { written, names, filters } => {
                    let through = |value| filters.iter().fold(value, |value, filter| filter.apply(value));
                    let mut values = names.iter().filter_map(|name| name.value(facts));
                    let value = values.find_map(|value| through(Some(value.into_owned())));
                    // A filter may have something for what has no value.
                    filled.push_str(&value.or_else(|| through(None)).ok_or(written.as_str())?);
                }
            }
        }
        Ok(filled)
    }
}

fn braces(written: &str) -> Result<Piece, String> {
    let (mut names, mut filters) = (Vec::new(), Vec::new());
    for word in written.split('|') {
        // What a filter takes may begin or end with a space.
        let trimmed = word.trim();
        if is_filter(trimmed) {
            filters.push(Filter::parse(if trimmed.contains(':') { word.trim_start() } else { trimmed })?);
        } else if filters.is_empty() {
            let is_second = !names.is_empty();
            names.push(Field::parse(trimmed).map_err(|error| match is_second {
                // It may as well be a filter that is spelt wrong.
                true => format!("{error}; {}", Filter::parse(trimmed).err().unwrap_or_default()),
                false => error,
            })?);
        } else if Field::parse(trimmed).is_ok() {
            return Err(format!(
                "`{{{written}}}`: the name `{trimmed}` stands behind a filter; names come first, as in \
                 `{{session|name|lower}}`"
            ));
        } else {
            filters.push(Filter::parse(trimmed)?);
        }
    }
    if names.is_empty() {
        return Err(format!(
            "`{{{written}}}` names nothing; a filter stands behind a name, as in `{{name|lower}}`"
        ));
    }
    Ok(Piece::Braces { written: format!("{{{written}}}"), names, filters })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{identity, record::Record};
    use serde_json::json;

    #[test]
    fn templates() {
        let record = Record::new(json!({
            "eventTime": "2026-11-24T08:30:00Z", "userAgent": "aws-cli/2.32.10",
            "userIdentity": { "type": "AssumedRole",
                "arn": "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/Bob@example.com" }
        }));
        let creator = identity::identify(&record);
        let facts = Facts { record: &record, creator: &creator, called: None };
        for (template, expected) in [
            ("{name}", Ok("Bob@example.com")),
            ("{role|permission-set}/{session}", Ok("Admin/Bob@example.com")),
            ("{user|name}", Ok("Bob@example.com")),
            ("{ user | session }", Ok("Bob@example.com")),
            ("{name|lower|before:@}", Ok("bob")),
            ("{user|name|before:@|upper|limit:2}", Ok("BO")),
            ("{name|replace:@: at }", Ok("Bob at example.com")),
            ("{user}", Err("{user}")),
            ("by {user}", Err("{user}")),
            ("{role}/{user}", Err("{user}")),
            ("{user|default:nobody}", Ok("nobody")),
            ("{user|default:NOBODY|lower}", Ok("nobody")),
            ("{via} {eventTime}", Ok("cli 2026-11-24T08:30:00Z")),
            ("platform", Ok("platform")),
        ] {
            let template = ValueTemplate::parse(template).unwrap();
            let filled = template.fill(&facts);
            assert_eq!(filled.as_deref().map_err(|missing| *missing), expected, "{}", template.as_str());
        }
        let called = Facts { called: Some("Bob Miller"), ..facts };
        let template = ValueTemplate::parse("{name} ({session})").unwrap();
        assert_eq!(template.fill(&called).unwrap(), "Bob Miller (Bob@example.com)");
    }

    #[test]
    fn wrong_templates_are_refused_with_the_nearest_name() {
        for (template, reason) in [
            ("{nmae}", "did you mean `name`?"),
            ("{name|lwoer}", "did you mean `lower`?"),
            ("{name|before}", "needs an argument"),
            ("{name|trim:x}", "filters are `lower`"),
            ("{name|lower|session}", "names come first"),
            ("{name|lower|uper}", "did you mean `upper`?"),
            ("{lower}", "names nothing"),
            ("{}", "unknown name"),
            ("{name", "without"),
            ("name}", "without"),
            ("a}{name}", "without"),
            ("", "empty"),
            (&"x".repeat(256), "256 characters"),
        ] {
            let error = ValueTemplate::parse(template).unwrap_err();
            assert!(error.contains(reason), "{template}: expected {reason:?}, got {error:?}");
        }
    }
}
