//! Step 2, identity: who is behind a record? A name, a kind, and the field that the name was read from.
//!
//! A total function: every `userIdentity`, also a missing or mangled one, gets an answer. It knows
//! the record and the patterns of `catalog/identities.toml`; it must not know resources or the
//! configuration. Shape: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>

use crate::{
    arn::Arn,
    json,
    record::{Record, account_id},
};
use serde::Serialize;
use serde_json::Value;
use std::borrow::Cow;
use tagger_catalog::identities;

/// What a creator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A member of the workforce.
    Person,
    /// An IAM user: a person or a program, AWS does not say.
    User,
    /// A role session about which nothing more is known.
    Role,
    /// A machine.
    Workload,
    /// A pipeline.
    Ci,
    /// AWS itself.
    Service,
    /// The account's root.
    Root,
    /// A user of GetFederationToken, SAML or web identity.
    Federated,
    /// Another account.
    Account,
    /// The rest.
    Unknown,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 10] = [
        Kind::Person,
        Kind::User,
        Kind::Role,
        Kind::Workload,
        Kind::Ci,
        Kind::Service,
        Kind::Root,
        Kind::Federated,
        Kind::Account,
        Kind::Unknown,
    ];

    /// The word in configuration, JSON and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Person => "person",
            Kind::User => "user",
            Kind::Role => "role",
            Kind::Workload => "workload",
            Kind::Ci => "ci",
            Kind::Service => "service",
            Kind::Root => "root",
            Kind::Federated => "federated",
            Kind::Account => "account",
            Kind::Unknown => "unknown",
        }
    }
}

/// Who made a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Creator {
    /// The name; none when nothing in the record names anybody.
    pub name: Option<String>,
    /// What the creator is.
    pub kind: Kind,
    /// The path of the field that the name was read from.
    pub from: Option<&'static str>,
}

/// What the ARN of a principal says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Principal<'a> {
    /// The user's name, without its path.
    pub user: Option<&'a str>,
    /// The role's name, without its path.
    pub role: Option<&'a str>,
    /// The role session's name.
    pub session: Option<&'a str>,
}

impl<'a> Principal<'a> {
    /// Reads `arn:…:user/path/NAME`, `…:federated-user/NAME`, `…:assumed-role/ROLE/SESSION`, `…:role/path/ROLE`.
    pub fn of_arn(arn: &'a str) -> Self {
        let resource = Arn::parse(arn).map_or("", |arn| arn.resource);
        let (kind, rest) = resource.split_once('/').unwrap_or((resource, ""));
        let filled = |text: &'a str| Some(text.trim()).filter(|text| !text.is_empty());
        match kind {
            "user" | "federated-user" => {
                Self { user: rest.rsplit('/').next().and_then(filled), ..Self::default() }
            }
            "assumed-role" => {
                let (role, session) = rest.split_once('/').unwrap_or((rest, ""));
                Self { role: filled(role), session: filled(session), user: None }
            }
            "role" => Self { role: role_name(rest).and_then(filled), ..Self::default() },
            _ => Self::default(),
        }
    }
}

impl<'a> Principal<'a> {
    /// With the role's name where the record states it and the ARN ends in it: then the rest is a path.
    fn corrected(mut self, arn: &'a str, identity: &Value) -> Self {
        let issuer = json::member(json::member(identity, "sessionContext"), "sessionIssuer");
        let last = Arn::parse(arn).map_or("", |arn| arn.last());
        let states = |holder| json::member_text(holder, "userName").is_some_and(|name| name == last);
        if self.role.is_some() && self.session.is_none() && (states(identity) || states(issuer)) {
            self.role = Some(last);
        }
        self
    }
}

/// The role in what stands after `role/`: the last part, since paths come before a name. Only two bare
/// parts are read as the specification reads them, `role/my-role/session`, unless the first is AWS's own.
fn role_name(rest: &str) -> Option<&str> {
    let parts: Vec<&str> = rest.split('/').collect();
    match parts.as_slice() {
        [first, _] if !["aws-service-role", "aws-reserved", "service-role"].contains(first) => Some(first),
        _ => parts.last().copied(),
    }
}

/// Who made the call that a record tells of.
pub fn identify(record: &Record) -> Creator {
    let identity = record.user_identity();
    let arn = json::member_text(identity, "arn").unwrap_or_default();
    let principal = Principal::of_arn(&arn).corrected(&arn, identity);
    let principal_id = json::member_text(identity, "principalId").unwrap_or_default();
    let named = name(record, identity, &principal, &principal_id);
    let kind = kind(identity, &arn, &principal, &principal_id);
    let (name, from) = named.map_or((None, None), |(name, from)| (Some(name.into_owned()), Some(from)));
    Creator { name, kind, from }
}

/// The name, from the first field that has one.
fn name<'a>(
    record: &'a Record,
    identity: &'a Value,
    principal: &Principal<'a>,
    principal_id: &'a str,
) -> Option<(Cow<'a, str>, &'static str)> {
    let stated = source_identity(identity)
        .map(|name| (name, "userIdentity.sessionContext.sourceIdentity"))
        .or_else(|| on_behalf_of(identity).map(|name| (name, "userIdentity.onBehalfOf.userId")));
    if stated.is_some() {
        return stated;
    }
    match json::member_text(identity, "type").as_deref() {
        Some("Root") => return Some((Cow::Borrowed("root"), "userIdentity.type")),
        Some("AWSService") => {
            if let Some(service) = json::member_text(identity, "invokedBy") {
                return Some((service, "userIdentity.invokedBy"));
            }
        }
        _ => {}
    }
    let after_colon = principal_id.rsplit_once(':').map(|(_, name)| name.trim());
    let after_colon = after_colon.filter(|name| !name.is_empty() && !is_unique_id(name));
    // CloudTrail hides a user name that may be a password.
    let user_name = || json::member_text(identity, "userName").filter(|name| !json::is_hidden(name));
    let account = |id: &Value| account_id(id).map(|id| Cow::Owned(format!("aws-account-{id}")));
    after_colon
        .map(|name| (Cow::Borrowed(name), "userIdentity.principalId"))
        .or_else(|| principal.session.map(|name| (Cow::Borrowed(name), "userIdentity.arn")))
        .or_else(|| principal.user.map(|name| (Cow::Borrowed(name), "userIdentity.arn")))
        .or_else(|| principal.role.map(|name| (Cow::Borrowed(name), "userIdentity.arn")))
        .or_else(|| user_name().map(|name| (name, "userIdentity.userName")))
        .or_else(|| account(json::member(identity, "accountId")).map(|name| (name, "userIdentity.accountId")))
        .or_else(|| {
            account(json::member(record.value(), "recipientAccountId"))
                .map(|name| (name, "recipientAccountId"))
        })
}

/// Whether a text is one of IAM's unique ids, such as `AIDACKCEVSQ6C2EXAMPLE`, which names nobody:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
fn is_unique_id(text: &str) -> bool {
    text.len() >= 16
        && ["AIDA", "AROA", "AGPA", "AIPA", "ANPA", "APKA", "ASCA"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

fn source_identity(identity: &Value) -> Option<Cow<'_, str>> {
    json::member_text(json::member(identity, "sessionContext"), "sourceIdentity")
}

fn on_behalf_of(identity: &Value) -> Option<Cow<'_, str>> {
    json::member_text(json::member(identity, "onBehalfOf"), "userId")
}

/// The kind, from the first evidence that applies. See the table in `docs/architecture.md`.
fn kind(identity: &Value, arn: &str, principal: &Principal, principal_id: &str) -> Kind {
    let stated_type = json::member_text(identity, "type").unwrap_or_default();
    let context = json::member(identity, "sessionContext");
    let issuer_arn = json::member_text(json::member(context, "sessionIssuer"), "arn").unwrap_or_default();
    let role = principal.role.or_else(|| Principal::of_arn(&issuer_arn).role).unwrap_or_default();
    let session =
        principal.session.or_else(|| principal_id.rsplit_once(':').map(|(_, name)| name)).unwrap_or_default();
    let service_linked = role.starts_with("AWSServiceRoleFor")
        || arn.contains(":role/aws-service-role/")
        || issuer_arn.contains(":role/aws-service-role/");

    if source_identity(identity).is_some() || on_behalf_of(identity).is_some() {
        return Kind::Person;
    }
    match stated_type.as_ref() {
        "Root" => Kind::Root,
        "AWSService" => Kind::Service,
        "IdentityCenterUser" => Kind::Person,
        "IAMUser" => Kind::User,
        "AWSAccount" => Kind::Account,
        "FederatedUser" | "SAMLUser" => Kind::Federated,
        "WebIdentityUser" => provider_kind(identity, "identityProvider").unwrap_or(Kind::Federated),
        "AssumedRole" | "Role" if service_linked => Kind::Service,
        "AssumedRole" | "Role" if role.starts_with("AWSReservedSSO_") || is_email(session) => Kind::Person,
        "AssumedRole" | "Role" => {
            provider_kind(json::member(context, "webIdFederationData"), "federatedProvider")
                .or_else(|| identities::of_session(session).map(Kind::from))
                .or_else(|| is_machine(identity, context, session).then_some(Kind::Workload))
                .unwrap_or(Kind::Role)
        }
        _ => Kind::Unknown,
    }
}

fn provider_kind(holder: &Value, member: &str) -> Option<Kind> {
    json::member_text(holder, member).and_then(|provider| identities::of_provider(&provider)).map(Kind::from)
}

/// Credentials that AWS delivered to an instance, a function or a task.
fn is_machine(identity: &Value, context: &Value, session: &str) -> bool {
    let instance = session
        .strip_prefix("i-")
        .is_some_and(|id| id.len() >= 8 && id.bytes().all(|b| b.is_ascii_hexdigit()));
    instance
        || json::text(json::member(context, "ec2RoleDelivery")).is_some()
        || [identity, context]
            .iter()
            .any(|holder| json::member(holder, "inScopeOf").as_object().is_some_and(|map| !map.is_empty()))
}

fn is_email(session: &str) -> bool {
    session.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && host.contains('.')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !host.contains('@')
    })
}

impl From<identities::Kind> for Kind {
    fn from(kind: identities::Kind) -> Self {
        match kind {
            identities::Kind::Workload => Kind::Workload,
            identities::Kind::Ci => Kind::Ci,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_in_arns() {
        let none = Principal::default();
        for (arn, expected) in [
            ("arn:aws:iam::111122223333:user/alice", Principal { user: Some("alice"), ..none }),
            ("arn:aws-cn:iam::111122223333:user/a/b/alice", Principal { user: Some("alice"), ..none }),
            ("arn:aws:sts::111122223333:federated-user/bob", Principal { user: Some("bob"), ..none }),
            (
                "arn:aws:sts::1:assumed-role/Dev/bob",
                Principal { role: Some("Dev"), session: Some("bob"), user: None },
            ),
            ("arn:aws:sts::1:assumed-role/Dev/", Principal { role: Some("Dev"), ..none }),
            ("arn:aws:sts::1:assumed-role/Dev", Principal { role: Some("Dev"), ..none }),
            ("arn:aws:iam::1:role/my-role/session", Principal { role: Some("my-role"), ..none }),
            ("arn:aws:iam::1:role/org/team/deployer", Principal { role: Some("deployer"), ..none }),
            ("arn:aws:iam::1:role/service-role/my-role", Principal { role: Some("my-role"), ..none }),
            ("arn:aws:iam::1:root", none),
            ("", none),
            ("...", none),
        ] {
            assert_eq!(Principal::of_arn(arn), expected, "{arn}");
        }
    }
}
