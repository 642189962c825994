//! The kind of whoever made a call, from the first evidence that applies, and whether AWS shows it by something that the caller
//! cannot choose. See the table in `docs/architecture.md`.

use super::{
    caller::Caller,
    form::{self, Form},
};
use crate::json;
use serde::Serialize;
use serde_json::Value;
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

impl From<identities::Kind> for Kind {
    fn from(kind: identities::Kind) -> Self {
        match kind {
            identities::Kind::Workload => Kind::Workload,
            identities::Kind::Ci => Kind::Ci,
            identities::Kind::Role => Kind::Role,
        }
    }
}

/// The kind, and whether it is proved.
pub(super) fn kind(caller: &Caller) -> (Kind, bool) {
    const PROVED: bool = true;
    if caller.service_linked().is_some() {
        return (Kind::Service, PROVED);
    }
    let provider = provider(caller);
    if let Some(kind) = of_origin(caller, provider) {
        return (kind, PROVED);
    }
    if let Some(found) = caller.source_identity().map(|name| of_source_identity(&name, caller, provider)) {
        return found;
    }
    if caller.on_behalf_of().is_some() {
        return (Kind::Person, PROVED);
    }
    match caller.stated_type.as_ref() {
        "Root" => (Kind::Root, PROVED),
        "AWSService" => (Kind::Service, PROVED),
        "IdentityCenterUser" => (Kind::Person, PROVED),
        "IAMUser" => (Kind::User, PROVED),
        "AWSAccount" => (Kind::Account, PROVED),
        "FederatedUser" | "SAMLUser" => (Kind::Federated, PROVED),
        "WebIdentityUser" => (provider.unwrap_or(Kind::Federated), PROVED),
        "AssumedRole" | "Role" => of_session(caller, provider),
        _ => (Kind::Unknown, PROVED),
    }
}

/// The kind of a role session. Its name is chosen by whoever begins it, so it proves nothing.
fn of_session(caller: &Caller, provider: Option<Kind>) -> (Kind, bool) {
    let session = caller.session().unwrap_or_default();
    if let Some(kind) = provider {
        return (kind, true);
    }
    if caller.is_identity_center() {
        return (Kind::Person, caller.is_proved_identity_center());
    }
    if is_delivered(caller) {
        return (Kind::Workload, true);
    }
    if form::is_email(session) {
        return (Kind::Person, false);
    }
    match identities::of_session(session).map(|known| Kind::from(known.kind)) {
        // That nothing is known is no claim, so there is nothing to prove.
        None | Some(Kind::Role) => (Kind::Role, true),
        Some(kind) => (kind, false),
    }
}

/// The kind of whoever is named by a source identity, which is a name and no proof of a person: IAM Roles Anywhere writes a
/// certificate's name there, and pipelines the ids of their jobs.
fn of_source_identity(name: &str, caller: &Caller, provider: Option<Kind>) -> (Kind, bool) {
    let session = caller.session().unwrap_or_default();
    let of_session = identities::of_session(session).map(|known| Kind::from(known.kind));
    match (form::of(name), provider) {
        (Form::Email, _) => (Kind::Person, false),
        (_, Some(kind)) => (kind, true),
        (Form::Known(known), None) => match of_session.filter(|_| known.made_up) {
            Some(kind @ (Kind::Ci | Kind::Workload)) => (kind, false),
            // That nothing is known is no claim, so there is nothing to prove.
            _ => (known.kind.into(), known.kind == identities::Kind::Role),
        },
        (Form::Plain, None) if of_session == Some(Kind::Ci) => (Kind::Ci, false),
        // A certificate's, of which nothing tells whether a person holds it.
        (Form::Plain, None) if form::is_serial_number(session) => (Kind::Role, true),
        (Form::Plain, None) => (Kind::Person, false),
    }
}

/// The kind that trusted identity propagation states. AWS writes it, and no caller can set it.
fn of_origin(caller: &Caller, provider: Option<Kind>) -> Option<Kind> {
    let origin = caller.origin()?;
    let by_form = || match form::of(&origin.subject) {
        Form::Known(known) => known.kind.into(),
        Form::Email | Form::Plain => Kind::Person,
    };
    Some(match origin.subject_type.as_deref() {
        Some(kind) if kind.eq_ignore_ascii_case("user") => Kind::Person,
        Some(kind) if kind.eq_ignore_ascii_case("workload") => {
            provider.filter(|kind| *kind == Kind::Ci).unwrap_or_else(|| match by_form() {
                Kind::Ci => Kind::Ci,
                _ => Kind::Workload,
            })
        }
        _ => provider.unwrap_or_else(by_form),
    })
}

/// The kind of the identity provider, where it is a known one.
fn provider(caller: &Caller) -> Option<Kind> {
    let of_session = (json::member(caller.context, "webIdFederationData"), "federatedProvider");
    let of_user = (caller.identity, "identityProvider");
    let of = |(holder, member): (&Value, &str)| {
        json::member_text(holder, member).and_then(|provider| identities::of_provider(&provider))
    };
    let is_user = caller.stated_type == "WebIdentityUser";
    of(of_session).or_else(|| of(of_user).filter(|_| is_user)).map(Kind::from)
}

/// Whether AWS says that it delivered the credentials to an instance, a function or a task.
fn is_delivered(caller: &Caller) -> bool {
    let in_scope =
        |holder: &&Value| json::member(holder, "inScopeOf").as_object().is_some_and(|map| !map.is_empty());
    json::text(json::member(caller.context, "ec2RoleDelivery")).is_some()
        || [caller.identity, caller.context].iter().any(in_scope)
}
