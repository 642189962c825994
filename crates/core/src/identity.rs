//! Step 2, identity: who is behind a record? A name, a kind, and the field that the name was read from.
//!
//! A total function: every `userIdentity`, also a missing or mangled one, gets an answer. It knows
//! the record and the patterns of `catalog/identities.toml`; it must not know resources or the
//! configuration. Shape: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
//!
//! [`caller`] is what a record says, [`name`] and [`kind`] conclude from it, [`form`] is what a text by itself tells.

mod caller;
mod form;
mod kind;
mod name;

pub use caller::Principal;
pub use kind::Kind;
pub use name::Names;

use crate::record::Record;
use caller::Caller;
use serde::Serialize;

/// Who made a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Creator {
    /// The name; none when nothing in the record names anybody.
    pub name: Option<String>,
    /// What the creator is.
    pub kind: Kind,
    /// The path of the field that the name was read from.
    pub from: Option<&'static str>,
    /// Whether AWS shows the kind by something that the caller cannot choose. A session's name and a source identity are
    /// chosen, so that nobody is left alone because of them.
    #[serde(skip)]
    pub is_proved: bool,
    /// The text that stands where a name is looked for first, but was made up by a program and names nobody.
    #[serde(skip)]
    pub passed_over: Option<String>,
}

/// Who made the call that a record tells of.
pub fn identify(record: &Record) -> Creator {
    let caller = Caller::of(record);
    let (kind, is_proved) = kind::kind(&caller);
    let found = name::find(&caller, record);
    let (name, from) = found.named.map_or((None, None), |(name, from)| (Some(name), Some(from)));
    Creator { name, kind, from, is_proved, passed_over: found.passed_over }
}

/// The name of the role session that made a call, as it stands in the record.
pub fn session(record: &Record) -> Option<String> {
    Caller::of(record).session().map(str::to_owned)
}

/// Whether a text has the form of an e-mail address.
pub(crate) fn is_address(text: &str) -> bool {
    form::is_email(text)
}

/// The role whose session made a call: its ARN, else its name.
pub fn role(record: &Record) -> Option<String> {
    let caller = Caller::of(record);
    let of_role = caller.issuing_role().map(|_| caller.issuer_arn.as_ref());
    of_role.or_else(|| caller.role()).map(str::to_owned)
}

/// The names of whoever made the call that a record tells of, who was found to be `creator`.
pub fn names(record: &Record, creator: &Creator) -> Names {
    let mut names = name::names(&Caller::of(record));
    let given = ["ccountId", ".type", ".invokedBy"];
    if creator.from.is_some_and(|from| given.iter().any(|end| from.ends_with(end))) {
        names.given.extend(creator.name.clone());
    }
    names
}
