//! The user's choices, resolved: which tags, for which creators, and what becomes of a tag that is
//! already there. [`crate::config`] reads them; [`crate::plan`] obeys them.

use crate::{
    identity::{self, Creator, Kind},
    record::Record,
    settings::{
        fields::Facts,
        opt_out::OptOut,
        people::{People, Person},
        scope::Scope,
        template::ValueTemplate,
    },
};

/// The choices.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// The creator's tag.
    pub tag: Tag,
    /// Its value for some kinds of creators, in place of that one.
    pub values: Vec<(Kind, ValueTemplate)>,
    /// Further tags, in the order of the configuration.
    pub further: Vec<Tag>,
    /// What becomes of the creator's key where it is already there.
    pub existing: Existing,
    /// The kinds of creators whose resources are left alone.
    pub skipped: Vec<Kind>,
    /// Patterns of principals whose resources are left alone; `*` stands for anything. After `session:` a pattern is one of
    /// names that whoever began the session may have chosen.
    pub excluded: Vec<String>,
    /// Of what is created, what is tagged.
    pub scope: Scope,
    /// The tags that leave a resource alone.
    pub opt_out: OptOut,
    /// Who is behind a name, and their further tags.
    pub people: People,
    /// The file with the people, as the configuration names it; it is read by whoever reads the configuration.
    pub people_file: Option<String>,
}

/// A tag to set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// Its key.
    pub key: String,
    /// Its value.
    pub value: ValueTemplate,
}

/// What becomes of a key that the resource already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existing {
    /// It stays, and nothing is written: the resource has its creator.
    #[default]
    Keep,
    /// It is overwritten.
    Overwrite,
}

impl Default for Policy {
    /// `CreatedBy=<name>`, for every kind, keeping what is there.
    fn default() -> Self {
        // The template is a constant; a test holds that it parses.
        let value = ValueTemplate::parse("{name}").unwrap_or_else(|error| unreachable!("{error}"));
        Self {
            tag: Tag { key: "CreatedBy".to_owned(), value },
            values: Vec::new(),
            further: Vec::new(),
            existing: Existing::Keep,
            skipped: Vec::new(),
            excluded: Vec::new(),
            scope: Scope::default(),
            opt_out: OptOut::default(),
            people: People::default(),
            people_file: None,
        }
    }
}

/// What a policy says of one caller.
#[derive(Debug)]
pub struct Choice<'a> {
    record: &'a Record,
    creator: &'a Creator,
    /// The row of the people table that fits, if one does.
    pub person: Option<Person<'a>>,
}

impl<'a> Choice<'a> {
    /// The value of a template.
    ///
    /// # Errors
    /// The braces for which the record has no value.
    pub fn value<'t>(&self, template: &'t ValueTemplate) -> Result<String, &'t str> {
        let called = self.person.as_ref().and_then(|person| person.name);
        template.fill(&Facts { record: self.record, creator: self.creator, called })
    }

    /// The creator's name: that of the people table, where it has one.
    pub fn name(&self) -> Option<&str> {
        self.person.as_ref().and_then(|person| person.name).or(self.creator.name.as_deref())
    }
}

impl Policy {
    /// The same without what leaves anything alone.
    #[must_use]
    pub fn for_everything(&self) -> Self {
        Self {
            skipped: Vec::new(),
            excluded: Vec::new(),
            scope: Scope::default(),
            opt_out: OptOut::default(),
            ..self.clone()
        }
    }

    /// Whether a value names something of the EventBridge event around a record.
    pub fn names_envelope(&self) -> bool {
        let of_kinds = self.values.iter().map(|(_, template)| template);
        let further = self.further.iter().map(|tag| &tag.value);
        of_kinds.chain(further).chain([&self.tag.value]).any(ValueTemplate::names_envelope)
    }

    /// What it says of whoever made a call.
    pub fn choice<'a>(&'a self, record: &'a Record, creator: &'a Creator) -> Choice<'a> {
        Choice { record, creator, person: self.people.find(record, creator) }
    }

    /// The template of the creator's tag for a kind of creator.
    pub fn template(&self, kind: Kind) -> &ValueTemplate {
        let of_kind = self.values.iter().find(|(known, _)| *known == kind);
        of_kind.map_or(&self.tag.value, |(_, template)| template)
    }

    /// The creator's tag for whoever made a call, not yet made to fit. A template that has no value gives the name.
    pub fn creators_value(&self, record: &Record, creator: &Creator) -> Option<String> {
        let choice = self.choice(record, creator);
        let filled = choice.value(self.template(creator.kind)).ok();
        filled.filter(|value| !value.trim().is_empty()).or_else(|| choice.name().map(str::to_owned))
    }
}

impl Policy {
    /// The pattern that excludes whoever made the call, if one does. A pattern is compared with the names and ARNs that AWS or
    /// an administrator gave: of users, roles, services and accounts. What a caller can choose, the name of a session or a
    /// source identity, takes part only after `session:`; else anybody could name himself out of tagging.
    pub fn excludes(&self, record: &Record, creator: &Creator) -> Option<&str> {
        if self.excluded.is_empty() {
            return None;
        }
        let names = identity::names(record, creator);
        let excludes = |pattern: &&String| match pattern.strip_prefix(OF_SESSIONS) {
            Some(pattern) => names.chosen.iter().any(|name| matches(pattern, name)),
            None => names.given.iter().any(|name| matches(pattern, name)),
        };
        self.excluded.iter().find(excludes).map(String::as_str)
    }

    /// Whether the resources of such a creator are left alone: its kind is skipped, and AWS shows that it is of that kind.
    pub fn skips(&self, creator: &Creator) -> bool {
        creator.is_proved && self.skipped.contains(&creator.kind)
    }
}

/// Begins a pattern of names that whoever began the session may have chosen.
const OF_SESSIONS: &str = "session:";

/// Whether `pattern`, in which `*` stands for anything, is all of `text`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts = parts.peekable();
    if parts.peek().is_none() {
        return rest.is_empty();
    }
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("alice", "alice", true),
            ("alice", "alice2", false),
            ("*", "", true),
            ("arn:aws:iam::*:role/ci-*", "arn:aws:iam::111122223333:role/ci-build", true),
            ("arn:aws:iam::*:role/ci-*", "arn:aws:iam::111122223333:role/dev", false),
            ("a*a", "a", false),
            ("*b*c", "abcbc", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn the_default_is_the_specification() {
        let policy = Policy::default();
        assert_eq!((policy.tag.key.as_str(), policy.tag.value.as_str()), ("CreatedBy", "{name}"));
        assert_eq!(policy.existing, Existing::Keep);
    }
}
