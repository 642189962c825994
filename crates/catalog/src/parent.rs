//! For whom AWS's services act: which tags in a record name the resource of which theirs is a part, and how
//! that one's tags are read. From `catalog/parents.toml`. Data only; `tagger-core` decides.

use crate::operation::Operation;

/// A kind of parent.
#[derive(Debug)]
pub struct Parent {
    /// Its CloudFormation type.
    pub resource_type: &'static str,
    /// The keys of the tags that name it.
    pub tags: &'static [&'static str],
    /// The role of the service that sets them, where others may set them too; else empty.
    pub role: &'static str,
    /// Its ARN: `{0}` is the first tag's value, `{partition}`, `{region}` and `{account}` are the record's.
    pub arn: &'static str,
    /// What the operation takes, in the same form; empty where that is the ARN.
    pub id: &'static str,
    /// Further members of the request, in the same form.
    pub with: &'static [(&'static str, &'static str)],
    /// The operation whose read shows its tags.
    pub operation: &'static Operation,
}

/// Every kind of parent, the nearest first.
pub fn parents() -> &'static [Parent] {
    crate::generated::PARENTS
}

/// Whether a role session of this name is a service's that acts for somebody.
pub fn is_service_session(name: &str) -> bool {
    crate::generated::SERVICE_SESSIONS.contains(&name)
}
