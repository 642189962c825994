//! The name of whoever made a call: the first field that names somebody. A text that a program made up names nobody, so it is
//! passed over, and what was passed over is kept for whoever wants to know why.

use super::{
    caller::{Caller, Principal},
    form,
};
use crate::{arn::Arn, json, record::Record, record::account_id};

/// The names of whoever made a call, by who gave them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Names {
    /// Names and ARNs that AWS or an administrator gave: of users, roles, services and accounts.
    pub given: Vec<String>,
    /// Names that whoever began the session may have chosen: the session's, the federated user's, the source identity.
    pub chosen: Vec<String>,
}

/// A name and the path of the field that it was read from.
type Named = (String, &'static str);

/// What was found.
pub(super) struct Found {
    pub(super) named: Option<Named>,
    /// The first text that was passed over.
    pub(super) passed_over: Option<String>,
}

const SOURCE_IDENTITY: &str = "userIdentity.sessionContext.sourceIdentity";

/// The name, from the first field that has one.
pub(super) fn find(caller: &Caller, record: &Record) -> Found {
    let mut passed_over: Vec<Named> = Vec::new();
    let named = stated(caller, &mut passed_over)
        .or_else(|| of_type(caller))
        .or_else(|| of_principal(caller, &mut passed_over))
        .or_else(|| caller.on_behalf_of().map(|id| (id.into_owned(), "userIdentity.onBehalfOf.userId")));
    let first = passed_over.first().map(|(text, _)| text.clone());
    let account = || of_account(caller, record);
    // What a program made up still says more than the account does, unless the account is whom the record names.
    let made_up = || passed_over.into_iter().find(|(text, _)| !form::is_unique_id(text));
    let named = named.or_else(|| match caller.stated_type.as_ref() {
        "AWSAccount" => account().or_else(made_up),
        _ => made_up().or_else(account),
    });
    let passed_over = first.filter(|text| named.as_ref().is_some_and(|(name, _)| name != text));
    Found { named, passed_over }
}

/// Who is stated beside the principal: the origin identity, which no caller can set, and the source identity, which no later
/// hop can change.
fn stated(caller: &Caller, passed_over: &mut Vec<Named>) -> Option<Named> {
    let origin = caller.origin().map(|origin| (origin.subject.into_owned(), origin.path));
    let source = caller.source_identity().map(|name| (name.into_owned(), SOURCE_IDENTITY));
    origin.into_iter().chain(source).find_map(|(name, path)| {
        let is_made_up = matches!(form::of(&name), form::Form::Known(known) if known.made_up);
        if is_made_up || form::is_unique_id(&name) {
            passed_over.push((name, path));
            return None;
        }
        Some((name, path))
    })
}

/// Root, AWS's services, and the services of service-linked roles, whose sessions name nobody.
fn of_type(caller: &Caller) -> Option<Named> {
    if let Some((service, path)) = caller.service_linked().filter(|(service, _)| !service.is_empty()) {
        return Some((service.to_owned(), path));
    }
    match caller.stated_type.as_ref() {
        "Root" => Some(("root".to_owned(), "userIdentity.type")),
        "AWSService" => json::member_text(caller.identity, "invokedBy")
            .map(|service| (service.into_owned(), "userIdentity.invokedBy")),
        _ => None,
    }
}

/// `principalId` → session → user → role → `userName`, by the specification. What a program made up is passed over, and then
/// whoever the session was begun for or by stands in `sessionIssuer`.
fn of_principal(caller: &Caller, passed_over: &mut Vec<Named>) -> Option<Named> {
    let principal = caller.principal();
    // What such callers are called is given by AWS, an administrator or the identity provider, whatever it looks like.
    let is_given = ["IAMUser", "SAMLUser", "WebIdentityUser"].contains(&caller.stated_type.as_ref())
        || caller.is_identity_center();
    let is_federated = Arn::parse(&caller.arn).is_some_and(|arn| arn.resource.starts_with("federated-user/"));
    let names_nobody = |name: &str| form::is_unique_id(name) || !is_given && form::is_made_up(name);
    let user_names_nobody = |name: &str| form::is_unique_id(name) || is_federated && names_nobody(name);
    let (after_colon, Principal { user, role, session }) = (caller.after_colon(), principal);
    for (name, path, is_nobody) in [
        (after_colon, "userIdentity.principalId", after_colon.is_some_and(names_nobody)),
        (session, "userIdentity.arn", session.is_some_and(names_nobody)),
        (user, "userIdentity.arn", user.is_some_and(user_names_nobody)),
        (role, "userIdentity.arn", false),
    ] {
        let Some(name) = name else { continue };
        if !is_nobody {
            return Some((name.to_owned(), path));
        }
        passed_over.push((name.to_owned(), path));
    }
    let issuer = || issuer(caller).filter(|_| !passed_over.is_empty() || is_federated);
    issuer().or_else(|| caller.user_name().map(|name| (name.into_owned(), "userIdentity.userName")))
}

/// The role, or the user, that a session was begun with.
fn issuer(caller: &Caller) -> Option<Named> {
    let name = json::member_text(caller.issuer, "userName").filter(|name| !form::is_unique_id(name));
    if let Some(name) = name {
        return Some((name.into_owned(), "userIdentity.sessionContext.sessionIssuer.userName"));
    }
    let user = || Principal::of_arn(&caller.issuer_arn).user;
    let root = || Some("root").filter(|_| caller.issuer_arn.ends_with(":root"));
    let name = caller.issuing_role().or_else(user).or_else(root)?;
    Some((name.to_owned(), "userIdentity.sessionContext.sessionIssuer.arn"))
}

fn of_account(caller: &Caller, record: &Record) -> Option<Named> {
    let named = |id: String| format!("aws-account-{id}");
    account_id(json::member(caller.identity, "accountId"))
        .map(|id| (named(id), "userIdentity.accountId"))
        .or_else(|| {
            account_id(json::member(record.value(), "recipientAccountId"))
                .map(|id| (named(id), "recipientAccountId"))
        })
}

/// The names of whoever made a call, by who gave them.
pub(super) fn names(caller: &Caller) -> Names {
    let mut names = Names::default();
    let principal = caller.principal();
    let is_federated = Arn::parse(&caller.arn).is_some_and(|arn| arn.resource.starts_with("federated-user/"));
    let mut give = |name: Option<&str>| names.given.extend(name.map(str::to_owned));
    give(principal.user.filter(|_| !is_federated));
    give(principal.role);
    give(json::member_text(caller.issuer, "userName").as_deref());
    give(caller.issuing_role());
    give(caller.user_name().as_deref());
    give(caller.session().filter(|_| caller.is_proved_identity_center()));
    give(caller.service_linked().map(|(service, _)| service).filter(|service| !service.is_empty()));
    give(caller.origin().map(|origin| origin.subject).as_deref());
    give(caller.on_behalf_of().as_deref());
    give(Some(caller.issuer_arn.as_ref()).filter(|arn| !arn.is_empty()));
    // The name that was chosen is the last part of such an ARN. What stands before it is given, with and without the slash,
    // so that `arn:…:assumed-role/Dev` and `arn:…:assumed-role/Dev/*` both mean the role.
    let chosen_in_arn = principal.session.is_some() || is_federated;
    let arn = Some(caller.arn.as_ref()).filter(|arn| !arn.is_empty());
    match arn.filter(|_| !caller.is_proved_identity_center()) {
        Some(arn) if chosen_in_arn => {
            let last = Arn::parse(arn).map_or("", |arn| arn.last());
            let before = arn.strip_suffix(last);
            give(before);
            give(before.and_then(|before| before.strip_suffix('/')));
        }
        arn_of_all => give(arn_of_all.or(arn)),
    }
    let mut choose = |name: Option<&str>| names.chosen.extend(name.map(str::to_owned));
    choose(caller.session());
    choose(principal.user.filter(|_| is_federated));
    choose(caller.source_identity().as_deref());
    choose(arn.filter(|_| chosen_in_arn));
    names
}
