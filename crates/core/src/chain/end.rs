//! Who stands at the end of a chain, as the last record says: a person, a user, root, a pipeline, a machine, a service.

use super::{
    Link,
    call::{Call, Caller, Issued, Platform},
};
use crate::identity::{Kind, Principal};
use serde::Serialize;

/// Whoever a chain leads to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct End {
    /// The name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// In words: `IAM user`, `GitHub repository`.
    pub what: String,
    /// What more is known: a branch, an account.
    pub detail: Option<String>,
    /// How that is known.
    pub link: Link,
    /// The field, or the two facts, that say so.
    pub why: String,
    /// What was given the credentials, where somebody made that in turn.
    #[serde(skip)]
    pub made_by_somebody: Option<String>,
    /// The user's id in an identity store, and the store, where the name is such an id.
    #[serde(skip)]
    pub guid: Option<(String, String)>,
}

impl End {
    fn stated(name: &str, kind: Kind, what: &str, detail: Option<String>, why: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            what: what.to_owned(),
            detail,
            link: Link::Stated,
            why: why.to_owned(),
            made_by_somebody: None,
            guid: None,
        }
    }
}

/// What to look for next, by whoever made a call.
#[derive(Debug)]
pub enum Next {
    /// The chain ends here.
    End(End),
    /// Somebody in a session that was begun by a call.
    Session,
    /// Somebody of another account, whose record says more.
    Account,
    /// Nothing in the record says who it was.
    Nobody,
}

/// What follows on a call. `begun` is the session that it began for the step before.
pub fn next(call: &Call, begun: Option<&Issued>) -> Next {
    let caller = &call.caller;
    let creator = &caller.creator;
    let name = creator.name.clone().unwrap_or_default();
    let end = |what: &str, detail: Option<String>, why: &str| {
        let guid = caller.on_behalf_of.clone().filter(|(id, _)| *id == name);
        Next::End(End { guid, ..End::stated(&name, creator.kind, what, detail, why) })
    };
    let from = creator.from.unwrap_or("userIdentity");
    // A source identity beside it is what somebody stated; this is what AWS knows.
    if let Some(user) = &caller.center {
        let why = "the session of an Identity Center role";
        return Next::End(End::stated(user, Kind::Person, "Identity Center user", None, why));
    }
    if creator.kind == Kind::Person && creator.is_proved && caller.source_identity.is_none() {
        return end("Identity Center user", None, from);
    }
    match caller.stated_type.as_str() {
        "Root" => end("root", Some(format!("of account {}", caller.account)), "userIdentity.type"),
        "IAMUser" => match Principal::of_arn(&caller.arn).user.map(str::to_owned).or(Some(name.clone())) {
            Some(user) if !user.is_empty() => {
                let detail = Some(format!("of account {}", caller.account));
                Next::End(End::stated(&user, Kind::User, "IAM user", detail, "userIdentity.arn"))
            }
            _ => Next::Nobody,
        },
        "AWSAccount" => Next::Account,
        "AWSService" => Next::End(service(caller, begun)),
        "WebIdentityUser" => Next::End(web_identity(caller)),
        "SAMLUser" => {
            end("SAML user", caller.provider.as_ref().map(|(provider, _)| format!("of {provider}")), from)
        }
        "IdentityCenterUser" => end("Identity Center user", None, from),
        "AssumedRole" | "Role" | "FederatedUser" => Next::Session,
        _ if caller.is_service => Next::End(service(caller, begun)),
        _ => Next::Nobody,
    }
}

/// To whom AWS gave the session's credentials, as the record of the call itself says.
pub fn platform(caller: &Caller) -> Option<End> {
    caller
        .platform
        .as_ref()
        .map(|platform| of_platform(platform, "the record says to what the credentials were given"))
}

fn of_platform(platform: &Platform, why: &str) -> End {
    let stated = End::stated(&platform.id, Kind::Workload, platform.what, None, why);
    End { link: Link::Platform, made_by_somebody: Some(platform.id.clone()), ..stated }
}

/// The user with whose key GetFederationToken was called.
pub fn issuer(caller: &Caller) -> Option<End> {
    let arn = caller.issuer.as_deref().filter(|_| caller.stated_type == "FederatedUser")?;
    let user = Principal::of_arn(arn).user;
    let (kind, what) = if user.is_some() { (Kind::User, "IAM user") } else { (Kind::Root, "root") };
    let detail = Some(format!("of account {}", caller.account));
    let why = "userIdentity.sessionContext.sessionIssuer";
    Some(End::stated(user.unwrap_or("root"), kind, what, detail, why))
}

/// A service. Where it took a role to hand the credentials on, the session's name says to what: EC2 calls it by the instance,
/// Lambda by the function, ECS by the task. Nobody else can have a service make that call.
fn service(caller: &Caller, begun: Option<&Issued>) -> End {
    let service = caller.invoked_by.clone().or_else(|| caller.creator.name.clone()).unwrap_or_default();
    let session = begun.and_then(|issued| issued.session.as_deref());
    let session = session.and_then(|arn| Principal::of_arn(arn).session);
    let what = match service.as_str() {
        "ec2.amazonaws.com" => Some("instance"),
        "lambda.amazonaws.com" => Some("function"),
        "ecs-tasks.amazonaws.com" => Some("task"),
        "pods.eks.amazonaws.com" => Some("pod"),
        "rolesanywhere.amazonaws.com" => Some("certificate"),
        _ => None,
    };
    if let Some((what, id)) = what.zip(session) {
        return of_platform(&Platform { what, id: id.to_owned() }, "the service took the role for it");
    }
    End::stated(&service, Kind::Service, "AWS service", None, "userIdentity.invokedBy")
}

/// How the subjects of known providers begin, and what they name.
/// <https://docs.github.com/en/actions/reference/security/oidc>, <https://docs.gitlab.com/ci/secrets/id_token_authentication/>,
/// <https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/>
const SUBJECTS: [(&str, &str); 3] = [
    ("repo:", "GitHub repository"),
    ("project_path:", "GitLab project"),
    ("system:serviceaccount:", "Kubernetes service account"),
];

/// A pipeline, a pod or a person of another identity provider, by the subject that the provider stated.
fn web_identity(caller: &Caller) -> End {
    let (provider, subject) = caller.provider.clone().unwrap_or_default();
    let host = provider.rsplit_once("oidc-provider/").map_or(provider.as_str(), |(_, host)| host).to_owned();
    let known = SUBJECTS.iter().find_map(|(begins, what)| Some((*what, subject.strip_prefix(begins)?)));
    let kind = caller.creator.kind;
    let (what, name, detail) = match known {
        Some((what @ "Kubernetes service account", rest)) => {
            (what.to_owned(), rest.replacen(':', "/", 1), Some(format!("of {host}")))
        }
        Some((what, rest)) => {
            let (name, rest) = rest.split_once(':').unwrap_or((rest, ""));
            // What a self-hosted GitLab or GitHub states is said with its host.
            let rest = if rest.is_empty() { format!("of {host}") } else { rest.to_owned() };
            (what.to_owned(), name.to_owned(), Some(rest))
        }
        None => ("web identity".to_owned(), subject, Some(format!("of {host}"))),
    };
    let why = "the subject of its token, which the identity provider states";
    End { link: Link::Platform, ..End::stated(&name, kind, &what, detail, why) }
}
