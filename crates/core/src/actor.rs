//! Whether a service made a call for somebody, and what in the record proves that: `invokedBy`, the path of a
//! service-linked role, or a tag that only AWS can set. The name of a role's session proves nothing, since whoever may take the
//! role chooses it. Pure.

use crate::{
    arn::Arn,
    identity::{Creator, Kind, Principal},
    json,
    record::Record,
    step::Tags,
    tags_in,
};
use serde_json::{Value, json};
use tagger_catalog::parent::{self, Parent, Session};

/// A service that acts for somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Actor {
    /// The name of its service-linked role.
    role: Option<String>,
    /// The services that AWS says made the call.
    services: Vec<String>,
    /// Whether it gives what it makes its tags some time later.
    pub tags_later: bool,
}

impl Actor {
    /// Whether a parent of this kind can be meant by what it says.
    pub fn may_name(&self, parent: &Parent) -> bool {
        (parent.role.is_empty() || self.role.as_deref() == Some(parent.role))
            && (parent.by.is_empty() || self.services.iter().any(|service| service == parent.by))
    }
}

/// The service that made a record's call, if one did.
pub fn of(record: &Record, creator: &Creator) -> Option<Actor> {
    let identity = record.user_identity();
    let text = |value, name| json::member_text(value, name).unwrap_or_default();
    let arn = text(identity, "arn");
    let issuer = text(json::member(json::member(identity, "sessionContext"), "sessionIssuer"), "arn");
    let invoked_by = json::member_text(identity, "invokedBy").map(|service| service.to_ascii_lowercase());
    let linked = service_linked(&arn).or_else(|| service_linked(&issuer));
    let role = linked.map(|(_, role)| role.to_owned());
    let services = linked.map(|(service, _)| service.to_owned()).into_iter().chain(invoked_by.clone());
    let principal_id = text(identity, "principalId");
    let named = || principal_id.rsplit_once(':').map(|(_, name)| name);
    let session = Principal::of_arn(&arn).session.or_else(named).and_then(parent::session);
    let is_invoked = |session: &Session| {
        invoked_by.as_deref().is_some_and(|service| session.by.contains(&service)) || has_tag_of_aws(record)
    };
    let session = session.filter(|session| is_invoked(session));
    let tags_later = session.is_some_and(|session| session.tags_later);
    let is_service = linked.is_some() || creator.kind == Kind::Service;
    // Whoever states himself, such as by a source identity, is no service.
    let may_be = matches!(creator.kind, Kind::Role | Kind::Workload | Kind::Ci | Kind::Unknown);
    let actor = Actor { role, services: services.collect(), tags_later };
    (is_service || may_be && session.is_some()).then_some(actor)
}

/// Whether a record's call was made by a service for somebody.
pub fn acts(record: &Record, creator: &Creator) -> bool {
    of(record, creator).is_some()
}

/// The service and the name of a service-linked role, by the path that nobody else can give to a role:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html>
fn service_linked(arn: &str) -> Option<(&str, &str)> {
    let path = Arn::parse(arn)?.resource.strip_prefix("role/aws-service-role/")?;
    path.split_once('/').map(|(service, rest)| (service, rest.rsplit('/').next().unwrap_or(rest)))
}

/// Whether the request sets a tag by which only AWS names parents or principals.
fn has_tag_of_aws(record: &Record) -> bool {
    let of_parents = parent::parents().iter().flat_map(|parent| parent.tags);
    let mut keys = of_parents.chain(parent::principals()).filter(|key| key.starts_with("aws:"));
    let tags = tags_in::asked(record);
    keys.any(|key| tags_in::only(&tags, key).is_some())
}

/// The record as its call would have been recorded without the service, where a tag that only AWS sets states who had it made.
pub fn stated(record: &Record, tags: &Tags) -> Option<Record> {
    let (key, arn) = parent::principals().iter().find_map(|key| Some((*key, tags_in::only(tags, key)?)))?;
    let kind = match Principal::of_arn(arn) {
        Principal { session: Some(_), .. } => "AssumedRole",
        Principal { role: Some(_), .. } => "Role",
        Principal { user: Some(_), .. } if arn.contains(":federated-user/") => "FederatedUser",
        Principal { user: Some(_), .. } => "IAMUser",
        _ if arn.ends_with(":root") => "Root",
        _ => return None,
    };
    let mut value = record.value().clone();
    let account = Arn::parse(arn).map_or("", |arn| arn.account);
    value["userIdentity"] = json!({ "type": kind, "arn": arn, "accountId": account, "statedBy": key });
    if kind == "Role" {
        // A path comes before its name.
        value["userIdentity"]["userName"] = Arn::parse(arn).map_or("", |arn| arn.last()).into();
    }
    // A record that is no object names nothing.
    matches!(value, Value::Object(_)).then(|| Record::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity;

    const STACK: &str = "arn:aws:cloudformation:us-east-1:111122223333:stack/s/1-2";

    fn role(name: &str, session: &str, more: Value) -> Value {
        let mut user = json!({
            "type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{name}/{session}"),
            "principalId": format!("AROAEXAMPLE:{session}"),
        });
        user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        user
    }

    fn linked(service: &str, name: &str, session: &str) -> Value {
        let arn = format!("arn:aws:iam::111122223333:role/aws-service-role/{service}/{name}");
        role(name, session, json!({ "sessionContext": { "sessionIssuer": { "arn": arn } } }))
    }

    #[test]
    fn what_proves_a_service() {
        let by = |service: &str| json!({ "invokedBy": service });
        let cloudformation = "cloudformation.amazonaws.com";
        let tagged = || json!({ "tags": [{ "key": "aws:cloudformation:stack-id", "value": STACK }] });
        let nothing = || json!({});
        for (what, user, request, expected) in [
            ("a service", json!({ "type": "AWSService", "invokedBy": "x.amazonaws.com" }), nothing(), true),
            (
                "a service-linked role",
                linked("spot.amazonaws.com", "AWSServiceRoleForEC2Spot", "x"),
                nothing(),
                true,
            ),
            ("a stack's role", role("r", "AWSCloudFormation", by(cloudformation)), nothing(), true),
            ("EMR", role("r", "CCSSession", by("elasticmapreduce.amazonaws.com")), nothing(), true),
            ("Service Catalog", role("r", "servicecatalog", by(cloudformation)), nothing(), true),
            (
                "Lambda",
                role("r", "awslambda_719_20191127045323021", by("lambda.amazonaws.com")),
                nothing(),
                true,
            ),
            ("Backup", role("r", "AWSBackup-r", by("backup.amazonaws.com")), nothing(), true),
            ("a session of that name alone", role("r", "AWSCloudFormation", nothing()), nothing(), false),
            (
                "and a pair in the arguments",
                role("r", "AWSCloudFormation", nothing()),
                json!({ "defaultArguments": { "aws:cloudformation:stack-id": STACK } }),
                false,
            ),
            ("and a tag that only AWS sets", role("r", "AWSCloudFormation", nothing()), tagged(), true),
            (
                "another service",
                role("r", "CCSSession", by("cloudformation.amazonaws.com")),
                nothing(),
                false,
            ),
            ("a person through CloudFormation", role("r", "bob", by(cloudformation)), tagged(), false),
            (
                "an e-mail through CloudFormation",
                role("r", "bob@example.com", by(cloudformation)),
                tagged(),
                false,
            ),
        ] {
            let record = Record::new(json!({
                "eventSource": "x.amazonaws.com", "eventName": "CreateX", "userIdentity": user, "requestParameters": request,
            }));
            assert_eq!(acts(&record, &identity::identify(&record)), expected, "{what}");
        }
    }

    #[test]
    fn who_is_stated() {
        let record = Record::new(json!({ "userIdentity": role("launch", "servicecatalog", json!({})) }));
        for (arn, expected) in [
            ("arn:aws:sts::111122223333:assumed-role/Dev/tester@example.com", Some("tester@example.com")),
            ("arn:aws:iam::111122223333:user/team/alice", Some("alice")),
            ("arn:aws:iam::111122223333:role/portfolio/Launcher", Some("Launcher")),
            ("arn:aws:iam::111122223333:root", Some("root")),
            ("tester", None),
        ] {
            let tags = vec![("aws:servicecatalog:provisioningPrincipalArn".to_owned(), arn.to_owned())];
            let name = stated(&record, &tags).and_then(|record| identity::identify(&record).name);
            assert_eq!(name.as_deref(), expected, "{arn}");
        }
    }
}
