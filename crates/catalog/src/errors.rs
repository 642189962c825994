//! The types of what AWS's error codes mean, from `catalog/errors.toml`. Data only; the look-up is in
//! `tagger-core`.

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// The resource is being made or changed; later it can be tagged.
    NotReady,
    /// There is no such resource: not yet visible, or deleted.
    NotFound,
    /// Too many calls.
    Throttled,
    /// The role, a service control policy or a tag policy refuses it.
    Denied,
    /// The resource has as many tags as it may have.
    Limit,
    /// The service cannot tag this.
    Unsupported,
    /// Only AWS may change this.
    NotOurs,
    /// Anything else.
    Failed,
}

impl Class {
    /// Every class.
    pub const ALL: [Class; 8] = [
        Class::NotReady,
        Class::NotFound,
        Class::Throttled,
        Class::Denied,
        Class::Limit,
        Class::Unsupported,
        Class::NotOurs,
        Class::Failed,
    ];

    /// The word in the catalog, in the log and in dead letters.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::NotReady => "not-ready",
            Class::NotFound => "not-found",
            Class::Throttled => "throttled",
            Class::Denied => "denied",
            Class::Limit => "limit-reached",
            Class::Unsupported => "unsupported",
            Class::NotOurs => "not-ours",
            Class::Failed => "failed",
        }
    }
}

/// What denied a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum By {
    /// A permission that the role lacks, or the resource's own policy.
    Permission,
    /// A service control policy of the organization.
    ServiceControlPolicy,
    /// A tag policy of the organization.
    TagPolicy,
}

impl By {
    /// All of them.
    pub const ALL: [By; 3] = [By::Permission, By::ServiceControlPolicy, By::TagPolicy];

    /// The word in the catalog, in the log and in dead letters.
    pub fn as_str(self) -> &'static str {
        match self {
            By::Permission => "permission",
            By::ServiceControlPolicy => "service-control-policy",
            By::TagPolicy => "tag-policy",
        }
    }
}

/// What some codes mean. An entry fits when all that it states fits; an empty list states nothing.
#[derive(Debug)]
pub struct Meaning {
    /// The class.
    pub class: Class,
    /// What denied, where the class is denied.
    pub by: Option<By>,
    /// Whether it goes over by itself.
    pub passes: bool,
    /// Whether it was known when it was said, so that no waiting helps.
    pub lasts: bool,
    /// The services, as before the colon of an operation's name.
    pub services: &'static [&'static str],
    /// Codes without `Exception` and `Fault`.
    pub codes: &'static [&'static str],
    /// Words that a code contains.
    pub contains: &'static [&'static str],
    /// Words that a message contains, in lower case.
    pub messages: &'static [&'static str],
}
