//! What became of each resource, and what an error code means. Pure.

use std::fmt;

/// What became of one resource.
#[derive(Debug)]
pub struct Done {
    /// Its CloudFormation type.
    pub resource_type: &'static str,
    /// Its ARN; for children that could not be found, their parent's.
    pub arn: String,
    /// The operation that tags it.
    pub operation: &'static str,
    /// What became of it.
    pub outcome: Outcome,
}

/// The outcome for one resource.
#[derive(Debug)]
pub enum Outcome {
    /// It has the tags now.
    Tagged,
    /// It had the creator's key already, and keeps its value.
    AlreadyTagged {
        /// That value.
        value: String,
    },
    /// It was not tagged.
    Failed(Failure),
}

impl Outcome {
    /// The word in the log.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Tagged => "tagged",
            Outcome::AlreadyTagged { .. } => "already-tagged",
            Outcome::Failed(failure) => failure.class.as_str(),
        }
    }
}

/// Why a resource was not tagged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub class: Class,
    /// The call that failed, for example `ec2:DescribeTags`.
    pub call: String,
    /// AWS's error code, or what stands in its place.
    pub code: String,
    /// AWS's message.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} answered {}: {}", self.class.as_str(), self.call, self.code, self.message)
    }
}

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// Anything else.
    Failed,
}

impl Class {
    /// The word in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::NotReady => "not-ready",
            Class::NotFound => "not-found",
            Class::Throttled => "throttled",
            Class::Denied => "denied",
            Class::Limit => "limit-reached",
            Class::Unsupported => "unsupported",
            Class::Failed => "failed",
        }
    }

    /// What an error code means. Codes come with and without `Exception` and `Fault`, and each
    /// service has its own words, so they are compared by what they contain, the more telling first.
    pub fn of_code(code: &str) -> Self {
        const WORDS: &[(Class, &[&str])] = &[
            (Class::Limit, &["TooManyTags", "TagLimit", "TagQuota", "TagsLimit"]),
            (
                Class::Throttled,
                &[
                    "Throttl",
                    "TooManyRequests",
                    "RequestLimitExceeded",
                    "SlowDown",
                    "TooManyUpdates",
                    "RateExceeded",
                ],
            ),
            (
                Class::Denied,
                &[
                    "AccessDenied",
                    "Unauthorized",
                    "NotAuthorized",
                    "Forbidden",
                    "TagPolicy",
                    "AuthorizationError",
                ],
            ),
            (Class::NotFound, &["NotFound", "NoSuch", "DoesNotExist", "NonExistent", "UnknownResource"]),
            (
                Class::NotReady,
                &[
                    "InUse",
                    "InvalidState",
                    "State",
                    "Conflict",
                    "ConcurrentModification",
                    "ConcurrentAccess",
                    "StaleTag",
                    "OperationAborted",
                    "PriorRequestNotComplete",
                    "ResourceContention",
                    "NotReady",
                    "NotActive",
                ],
            ),
            (
                Class::Unsupported,
                &["Unsupported", "NotSupport", "NotImplemented", "MethodNotAllowed", "ManagedRule"],
            ),
        ];
        WORDS
            .iter()
            .find(|(_, words)| words.iter().any(|word| code.contains(word)))
            .map_or(Class::Failed, |(class, _)| *class)
    }
}

#[cfg(test)]
mod tests {
    use super::Class;

    #[test]
    fn codes_of_each_class() {
        for (code, class) in [
            ("InvalidInstanceID.NotFound", Class::NotFound),
            ("ResourceNotFoundException", Class::NotFound),
            ("DBInstanceNotFound", Class::NotFound),
            ("NoSuchEntity", Class::NotFound),
            ("AWS.SimpleQueueService.NonExistentQueue", Class::NotFound),
            ("InvalidReplicationGroupState", Class::NotReady),
            ("InvalidDBClusterStateFault", Class::NotReady),
            ("ResourceInUseException", Class::NotReady),
            ("ConcurrentModificationException", Class::NotReady),
            ("RequestLimitExceeded", Class::Throttled),
            ("ThrottlingException", Class::Throttled),
            ("AccessDeniedException", Class::Denied),
            ("UnauthorizedOperation", Class::Denied),
            ("TagPolicyException", Class::Denied),
            ("TagLimitExceeded", Class::Limit),
            ("TooManyTagsException", Class::Limit),
            ("ManagedRuleException", Class::Unsupported),
            ("ValidationError", Class::Failed),
        ] {
            assert_eq!(Class::of_code(code), class, "{code}");
        }
    }
}
