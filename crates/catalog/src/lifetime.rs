//! The types of what is known of a resource over time, from `catalog/lifetimes.toml`: whether it can be
//! told from another one of the same name, and when it may be tagged. Data only.

use crate::operation::Call;

/// What is known of a type.
#[derive(Debug, Clone, Copy)]
pub enum Lifetime {
    /// It is addressed by an id that AWS never gives again.
    Unique,
    /// The service tells an id or a time of creation.
    Told(&'static Told),
    /// A name that can be given again, and nothing tells one from the other.
    Unknown,
}

/// How a service tells which resource it is and whether it is ready.
#[derive(Debug)]
pub struct Told {
    /// The resource type.
    pub resource_type: &'static str,
    /// The call, by the protocol and at the endpoint of [`Self::at`].
    pub describe: Call,
    /// The operation at whose endpoint it is sent; empty where that is the one that tags the type.
    pub at: &'static str,
    /// Whether it is asked for nothing but whether the resource was there before a call that answers with success for
    /// what exists.
    pub only_existed: bool,
    /// What the call's identifier is.
    pub takes: Named,
    /// The path to the resource in the answer.
    pub among: &'static str,
    /// The member that holds the resource's name, where an answer holds others as well; or empty.
    pub name: &'static str,
    /// The path in the record and the member of the answer that hold the same id; or empty.
    pub same: (&'static str, &'static str),
    /// The member that holds the time of creation.
    pub created: &'static str,
    /// Seconds after the event within which that time means this event.
    pub within: u64,
    /// The member that holds the state; or empty.
    pub status: &'static str,
    /// The states in which it may be tagged; empty where it may always be.
    pub ready: &'static [&'static str],
}

/// What identifies a resource in a describing call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// What the tagging operation takes.
    Id,
    /// The ARN.
    Arn,
    /// What stands behind the word of the type in the ARN's resource: `team/app` of `repository/team/app`.
    Path,
    /// What the record has at this path, where the ARN does not hold it, or not as it was given.
    Recorded(&'static str),
}

/// How long a type that is slow to be visible may be "not found".
#[derive(Debug)]
pub struct Slow {
    /// The resource type.
    pub resource_type: &'static str,
    /// Minutes after the event.
    pub minutes: u64,
}
