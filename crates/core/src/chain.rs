//! Who is behind a call, hop by hop: the session that made it, the call that issued the session's key, whoever made that
//! one, and so on to a person, a pipeline or a machine. Pure: it is given records and says what it lacks.
//!
//! A reader follows [`call`] (what a chain needs of a record) → [`graph`] (the records, by what they are found by) →
//! [`walk`] (from a creation to its maker) → [`words`] (a sentence, lines, JSON). [`end`] says who stands at the end of a
//! chain, [`target`] which record created what was asked for, [`time`] reads CloudTrail's times.
//!
//! Nobody is named by a guess: a link needs the issued key or the session's ARN with its time, both bounded by how long
//! the session may last; two that fit are [`Link::Ambiguous`]. What is only likely is [`Link::Inferred`] and said so. No tag
//! comes from here.

pub mod call;
pub mod end;
pub mod graph;
pub mod target;
pub mod time;
pub mod walk;
pub mod words;

pub use call::{Call, Caller, Issued};
pub use end::End;
pub use graph::Graph;
pub use walk::{Chain, Missing, Step, walk};

use serde::Serialize;

/// Why one step of a chain follows from the one before it; the strongest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Link {
    /// AWS writes it into the record itself: an IAM user, root, Identity Center, the origin identity, the source identity.
    Stated,
    /// The access key that made the call is the one that the other call issued, within the session's life.
    Key,
    /// Two records of one call across accounts (`sharedEventID`).
    Shared,
    /// The same session by its ARN and the second in which it began.
    Session,
    /// AWS says to which instance, function, task, pod or pipeline it gave the credentials.
    Platform,
    /// The maker of what made it, or the last change of the stack.
    Parent,
    /// Likely, not proved: a name that somebody chose, or the only call that could have been it.
    Inferred,
    /// Several calls fit, by different callers.
    Ambiguous,
    /// Nothing was found.
    None,
}

impl Link {
    /// The word in texts and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Link::Stated => "stated",
            Link::Key => "key",
            Link::Shared => "shared",
            Link::Session => "session",
            Link::Platform => "platform",
            Link::Parent => "parent",
            Link::Inferred => "inferred",
            Link::Ambiguous => "ambiguous",
            Link::None => "none",
        }
    }
}
