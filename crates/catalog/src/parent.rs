//! For whom AWS's services act: by which tags or which name a record tells the resource of which theirs is a part, and
//! how that one's tags are read. From `catalog/parents.toml`. Data only; `tagger-core` decides.

use crate::{identities::matches, operation::Operation};

/// A kind of parent.
#[derive(Debug)]
pub struct Parent {
    /// Its CloudFormation type.
    pub resource_type: &'static str,
    /// The keys of the tags that name it.
    pub tags: &'static [&'static str],
    /// Where it is named by what its part is called: the path to that name in the record, and the name's form, in
    /// which `{0}` is the parent's, `{uuid}` an id and `{any}` anything; else empty.
    pub named: (&'static str, &'static str),
    /// The service-linked role of the service that sets them, where others may set them too; else empty.
    pub role: &'static str,
    /// The service that must have made the call, as `userIdentity.invokedBy` or the path of a service-linked role says,
    /// where others may set them too; else empty.
    pub by: &'static str,
    /// Its ARN: `{0}` is the first tag's value or the name, `{partition}`, `{region}` and `{account}` are the record's.
    pub arn: &'static str,
    /// What the operation takes, in the same form; empty where that is the ARN.
    pub id: &'static str,
    /// Further members of the request, in the same form.
    pub with: &'static [(&'static str, &'static str)],
    /// The operation whose read shows its tags.
    pub operation: &'static Operation,
    /// Whether it was there before the call, whose record names it all the same as if the call had made it.
    pub was_there: bool,
    /// The calls that change it, where the event history tells whose its parts are: whoever made the last of them.
    pub changed_by: &'static [&'static str],
    /// The calls that prepare such a change, which somebody else may carry out.
    pub drafted_by: &'static [&'static str],
    /// The calls that change it for a set of its kind, where a service made the last of those.
    pub set_by: &'static [&'static str],
    /// The calls one of which asked for this, where the event history tells whose it is and no tag does.
    pub made_by: &'static [&'static str],
}

/// Every kind of parent, the nearest first.
pub fn parents() -> &'static [Parent] {
    crate::generated::PARENTS
}

/// The sessions of a role of the account's own in which a service works.
#[derive(Debug)]
pub struct Session {
    /// The form of their names, as in `catalog/identities.toml`.
    pub pattern: &'static str,
    /// The services, as `userIdentity.invokedBy` names them.
    pub by: &'static [&'static str],
    /// Whether the service gives what it makes its tags some time later.
    pub tags_later: bool,
}

/// The service's session that has such a name, which anybody may give to his own.
pub fn session(name: &str) -> Option<&'static Session> {
    crate::generated::SERVICE_SESSIONS.iter().find(|session| matches(session.pattern, name))
}

/// The keys of tags that only AWS sets, and that state who had the resource made.
pub fn principals() -> &'static [&'static str] {
    crate::generated::PRINCIPALS
}

/// Whether a tool gives such a session name by itself when it takes a role for whoever runs it.
pub fn is_on_behalf(session: &str) -> bool {
    crate::generated::ON_BEHALF.iter().any(|pattern| matches(pattern, session))
}
