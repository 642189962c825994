//! What a record says about whoever made its call: the members of `userIdentity`, read leniently and cut into their parts.
//! It concludes nothing.

use crate::{arn::Arn, json, record::Record};
use serde_json::Value;
use std::borrow::Cow;

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
        let last = |text: &'a str| text.rsplit('/').next().and_then(filled);
        match kind {
            "user" | "federated-user" => Self { user: last(rest), ..Self::default() },
            // AWS leaves the role's path out here; where somebody wrote it, the role is the last before the session.
            "assumed-role" => {
                let (role, session) = rest.rsplit_once('/').unwrap_or((rest, ""));
                Self { role: last(role), session: filled(session), user: None }
            }
            "role" => Self { role: role_name(rest).and_then(filled), ..Self::default() },
            _ => Self::default(),
        }
    }

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

/// What a record says about whoever made its call.
pub(super) struct Caller<'a> {
    pub(super) identity: &'a Value,
    pub(super) context: &'a Value,
    pub(super) issuer: &'a Value,
    /// `userIdentity.type`.
    pub(super) stated_type: Cow<'a, str>,
    /// `userIdentity.arn`.
    pub(super) arn: Cow<'a, str>,
    /// `userIdentity.principalId`.
    principal_id: Cow<'a, str>,
    /// The ARN of the session's role, or of the user who began it.
    pub(super) issuer_arn: Cow<'a, str>,
}

/// The identity for which a session was begun, as AWS propagates it, and where it stands.
pub(super) struct Origin<'a> {
    pub(super) subject: Cow<'a, str>,
    /// `user` or `workload`.
    pub(super) subject_type: Option<Cow<'a, str>>,
    pub(super) path: &'static str,
}

impl<'a> Caller<'a> {
    pub(super) fn of(record: &'a Record) -> Self {
        let identity = record.user_identity();
        let context = json::member(identity, "sessionContext");
        let issuer = json::member(context, "sessionIssuer");
        let text = |holder, name| json::member_text(holder, name).unwrap_or_default();
        Self {
            identity,
            context,
            issuer,
            stated_type: text(identity, "type"),
            arn: text(identity, "arn"),
            principal_id: text(identity, "principalId"),
            issuer_arn: text(issuer, "arn"),
        }
    }

    pub(super) fn principal(&self) -> Principal<'_> {
        Principal::of_arn(&self.arn).corrected(&self.arn, self.identity)
    }

    /// What stands after the last colon of `principalId`: the session's name, or the user's.
    pub(super) fn after_colon(&self) -> Option<&str> {
        let (_, name) = self.principal_id.rsplit_once(':')?;
        Some(name.trim()).filter(|name| !name.is_empty())
    }

    /// The role session's name.
    pub(super) fn session(&self) -> Option<&str> {
        let has_session = !["IAMUser", "Root", "AWSService"].contains(&self.stated_type.as_ref())
            && self.principal().user.is_none();
        self.principal().session.or_else(|| self.after_colon().filter(|_| has_session))
    }

    /// The role's name.
    pub(super) fn role(&self) -> Option<&str> {
        self.principal().role.or_else(|| self.issuing_role())
    }

    /// The name of the role that the session is one of, by the role's own ARN, in which no session can stand.
    pub(super) fn issuing_role(&self) -> Option<&str> {
        let arn = Arn::parse(&self.issuer_arn)?;
        arn.resource.starts_with("role/").then(|| arn.last()).filter(|name| !name.is_empty())
    }

    /// `userIdentity.userName`, unless CloudTrail hides it.
    pub(super) fn user_name(&self) -> Option<Cow<'a, str>> {
        json::member_text(self.identity, "userName").filter(|name| !json::is_hidden(name))
    }

    pub(super) fn source_identity(&self) -> Option<Cow<'a, str>> {
        json::member_text(self.context, "sourceIdentity")
    }

    pub(super) fn on_behalf_of(&self) -> Option<Cow<'a, str>> {
        json::member_text(json::member(self.identity, "onBehalfOf"), "userId")
    }

    /// The service of a service-linked role, with the path of the field that tells. A role's path is what makes it one:
    /// nobody but AWS can give a role that path, while anybody may call a role `AWSServiceRoleFor…`.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html>
    pub(super) fn service_linked(&self) -> Option<(&str, &'static str)> {
        let service = |arn| {
            let path = Arn::parse(arn)?.resource.strip_prefix("role/aws-service-role/")?;
            path.split_once('/').map(|(service, _)| service).or(Some(""))
        };
        service(&self.issuer_arn)
            .map(|name| (name, "userIdentity.sessionContext.sessionIssuer.arn"))
            .or_else(|| service(&self.arn).map(|name| (name, "userIdentity.arn")))
    }

    /// Whether the session is one of IAM Identity Center, whose name is the user's and cannot be chosen.
    pub(super) fn is_identity_center(&self) -> bool {
        self.role().is_some_and(|role| role.starts_with("AWSReservedSSO_"))
    }

    /// Whether that is shown by the path of the role as well, which only AWS can give.
    pub(super) fn is_proved_identity_center(&self) -> bool {
        let path = Arn::parse(&self.issuer_arn).map_or("", |arn| arn.resource);
        self.is_identity_center() && path.starts_with("role/aws-reserved/sso.amazonaws.com/")
    }

    /// The origin identity. STS's API calls it so, and no public record shows where CloudTrail writes it; so it is looked
    /// for in the places where AWS alone writes: `userIdentity`, `sessionContext`, and what either says of the propagation.
    /// <https://docs.aws.amazon.com/STS/latest/APIReference/API_OriginIdentity.html>
    pub(super) fn origin(&self) -> Option<Origin<'a>> {
        let holders = [
            (self.context, "userIdentity.sessionContext.originIdentity.subject"),
            (self.identity, "userIdentity.originIdentity.subject"),
        ];
        let wrappers = [
            "trustedIdentityPropagationContext",
            "trustedIdentityPropagation",
            "tipContext",
            "identityContext",
        ];
        holders.into_iter().find_map(|(holder, path)| {
            let inner = wrappers.iter().map(|name| json::member(holder, name));
            std::iter::once(holder).chain(inner).find_map(|holder| {
                let object = json::member(holder, "originIdentity");
                let text = |in_object, alone| {
                    json::member_text(object, in_object).or_else(|| json::member_text(holder, alone))
                };
                let subject = text("subject", "aws:OriginIdentity/Subject")?;
                let subject_type = text("subjectType", "aws:OriginIdentity/SubjectType");
                Some(Origin { subject, subject_type, path })
            })
        })
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
            (
                "arn:aws:sts::1:assumed-role/team/Dev/bob",
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
