//! For whom AWS's services act: by which tags or which name a record tells the resource of which theirs is a part, and
//! how that one's tags are read. From `catalog/parents.toml`. Data only; `tagger-core` decides.

use crate::operation::Operation;

/// A kind of parent.
#[derive(Debug)]
pub struct Parent {
    /// Its CloudFormation type.
    pub resource_type: &'static str,
    /// The keys of the tags that name it.
    pub tags: &'static [&'static str],
    /// Where it is named by what its part is called: the path to that name in the record, and the name's form, in
    /// which `{0}` is the parent's and `{uuid}` an id; else empty.
    pub named: (&'static str, &'static str),
    /// The role of the service that sets them, where others may set them too; else empty.
    pub role: &'static str,
    /// The service that must have made the call, as `userIdentity.invokedBy` says, where its role is the account's
    /// own; else empty.
    pub by: &'static str,
    /// Its ARN: `{0}` is the first tag's value or the name, `{partition}`, `{region}` and `{account}` are the record's.
    pub arn: &'static str,
    /// What the operation takes, in the same form; empty where that is the ARN.
    pub id: &'static str,
    /// Further members of the request, in the same form.
    pub with: &'static [(&'static str, &'static str)],
    /// The operation whose read shows its tags.
    pub operation: &'static Operation,
    /// The calls that make it, where the event history may tell whose it is since this product does not tag it. Their
    /// `responseElements.stackId` is its ARN.
    pub made_by: &'static [&'static str],
}

/// Every kind of parent, the nearest first.
pub fn parents() -> &'static [Parent] {
    crate::generated::PARENTS
}

/// Whether a role session of this name is a service's that acts for somebody.
pub fn is_service_session(name: &str) -> bool {
    crate::generated::SERVICE_SESSIONS.contains(&name)
}
