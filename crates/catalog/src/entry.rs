//! The types of the catalog's entries. Data only.

use crate::{operation::Operation, template::Template};

/// One CloudTrail event that creates something.
#[derive(Debug)]
pub struct Event {
    /// The record's `eventSource`, for example `ec2.amazonaws.com`.
    pub source: &'static str,
    /// The record's `eventName` in its plain form (see [`crate::plain_event_name`]).
    pub name: &'static str,
    /// What it creates, in the order of the catalog file.
    pub entries: &'static [Entry],
}

/// One resource type that an event creates.
#[derive(Debug)]
pub struct Entry {
    /// The CloudFormation resource type, for example `AWS::SQS::Queue`.
    pub resource_type: &'static str,
    /// Templates of the ARN; the first that resolves wins.
    pub arn: &'static [Template],
    /// Templates of the identifier that the operation takes, where it is not made from the ARN.
    pub id: &'static [Template],
    /// Templates of the resource's region, where it is not the record's `awsRegion`.
    pub region: &'static [Template],
    /// The operation that sets its tags.
    pub operation: &'static Operation,
    /// Further fixed members of the operation's request, such as `ResourceType`.
    pub with: &'static [(&'static str, &'static str)],
    /// The call that finds this child from its parent when the record does not hold it yet.
    pub describe: Option<&'static str>,
    /// Identifiers in the record that the call only used and did not create.
    pub except: &'static [Template],
    /// Paths and their values, all of which a record of a creation has; else it tells of a change. `*` is any value.
    pub when: &'static [(&'static str, &'static str)],
    /// Paths of which a record of a creation has none; else it tells of a change.
    pub unless: &'static [&'static str],
    /// Whether the event fires again on what exists, without the record telling.
    pub upsert: Upsert,
    /// Whether the call gives it the tags of its source.
    pub copies: Copies,
    /// How well the entry is known.
    pub evidence: Evidence,
    /// Where that can be read: a link.
    pub source: &'static str,
}

impl Entry {
    /// Whether the event fires again on what exists in this region, the resource's.
    pub fn upserts_in(&self, region: &str) -> bool {
        match self.upsert {
            Upsert::Never => false,
            Upsert::Always => true,
            Upsert::In(regions) => regions.contains(&region),
        }
    }
}

/// Whether a call answers with success for what exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upsert {
    /// It does not.
    Never,
    /// It does.
    Always,
    /// It does for resources of these regions.
    In(&'static [&'static str]),
}

/// Whether a call gives what it makes the tags of what it makes it from. A path is one in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copies {
    /// It does not.
    Never,
    /// It does.
    Always,
    /// It does where something is at this path, and is not false.
    If(&'static str),
    /// It does where nothing is at this path.
    Unless(&'static str),
}

/// How well an entry is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Evidence {
    /// A real record was seen.
    Recorded,
    /// AWS documentation shows it.
    Documented,
    /// Derived from AWS's published API models.
    Derived,
}

impl Evidence {
    /// Every grade, the best first.
    pub const ALL: [Evidence; 3] = [Evidence::Recorded, Evidence::Documented, Evidence::Derived];

    /// The word in catalog files and in `tagger catalog --json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Recorded => "recorded",
            Evidence::Documented => "documented",
            Evidence::Derived => "derived",
        }
    }
}
