//! What a chain needs of a record: who called, with which key of which session, and which key the call issued.

use super::time;
use crate::{
    actor,
    arn::Arn,
    identity::{self, Creator, Principal},
    inherit::{self, Named},
    json,
    policy::Policy,
    record::Record,
};
use serde_json::Value;

/// The longest that a role's session lasts, in seconds, where its call does not say:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html>
const SESSION: u64 = 12 * 60 * 60;
/// The longest of GetSessionToken and GetFederationToken:
/// <https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html>
const TOKEN: u64 = 36 * 60 * 60;

/// A record, as far as a chain needs it.
#[derive(Debug, Clone)]
pub struct Call {
    /// `eventID`; empty where there is none.
    pub event_id: String,
    /// `eventTime` in seconds since 1970.
    pub time: Option<u64>,
    /// `eventSource`.
    pub source: String,
    /// `eventName`.
    pub name: String,
    /// `awsRegion`; empty where there is none.
    pub region: String,
    /// The account that the record belongs to; empty where it does not say.
    pub account: String,
    /// `sharedEventID`: the other record of the same call, in another account, has the same.
    pub shared: Option<String>,
    /// Who made it.
    pub caller: Caller,
    /// What it issued.
    pub issued: Option<Issued>,
    /// The ARN and the type of the resource for which a service made it.
    pub parent: Option<(String, &'static str)>,
}

/// Who made a call.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As the creator's tag would name him.
    pub creator: Creator,
    /// `userIdentity.type`.
    pub stated_type: String,
    /// `userIdentity.arn`.
    pub arn: String,
    /// The account of the caller, which may be another than the record's.
    pub account: String,
    /// The role's name, where he is in a role's session.
    pub role: Option<String>,
    /// The session's name.
    pub session: Option<String>,
    /// The unique id of the role, before the colon of `principalId`: a role that was made again has another.
    pub role_id: Option<String>,
    /// `accessKeyId`.
    pub key: Option<String>,
    /// When the session began, in seconds since 1970.
    pub began: Option<u64>,
    /// Whether the session's keys change while it lasts: a console's, or a service that goes on in the caller's name.
    pub many_keys: bool,
    /// `sourceIdentity`.
    pub source_identity: Option<String>,
    /// `invokedBy`.
    pub invoked_by: Option<String>,
    /// The identity provider of a web identity or of SAML, and the subject that it stated.
    pub provider: Option<(String, String)>,
    /// The user with whose key the session was begun, where the record says it (GetFederationToken).
    pub issuer: Option<String>,
    /// To what AWS gave the credentials, as the record says: `instance i-1`.
    pub platform: Option<Platform>,
    /// `onBehalfOf`: the user's id in an identity store, and that store.
    pub on_behalf_of: Option<(String, String)>,
    /// The user of Identity Center whose session it is, as the path of its role proves, which only AWS can give.
    pub center: Option<String>,
    /// Whether a service made the call.
    pub is_service: bool,
}

/// To what AWS gave credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Platform {
    /// `instance`, `function`, `task`, `pod`, …
    pub what: &'static str,
    /// Its id, name or ARN.
    pub id: String,
}

/// What a call issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The access key; none where the record leaves it out.
    pub key: Option<String>,
    /// The ARN of the session.
    pub session: Option<String>,
    /// The unique id of the role, where the answer has it.
    pub role_id: Option<String>,
    /// The longest that it can last, in seconds.
    pub life: u64,
}

/// Whether calls of this name issue a session.
pub fn issues(event_name: &str) -> bool {
    // SwitchRole is the console's: https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-integration.html
    event_name.starts_with("AssumeRo")
        || ["GetFederationToken", "GetSessionToken", "SwitchRole"].contains(&event_name)
}

impl Call {
    /// Reads a record.
    pub fn of(record: &Record) -> Self {
        let text = |name| record.text(name).map(|text| text.into_owned());
        let name = record.event_name();
        let source = record.event_source();
        let caller = if name == "SwitchRole" { Caller::before_switch(record) } else { Caller::of(record) };
        let issued = (issues(&name) && ["sts.amazonaws.com", "signin.amazonaws.com"].contains(&&*source))
            .then(|| issued(record, &name));
        let parent = inherit::find(record, &caller.creator, &Policy::default(), Named::ByRecord)
            .map(|parent| (parent.arn, parent.parent.resource_type));
        Self {
            event_id: text("eventID").unwrap_or_default(),
            time: text("eventTime").and_then(|text| time::seconds(&text)),
            region: record.region().unwrap_or_default().into_owned(),
            account: record.account().unwrap_or_default(),
            shared: text("sharedEventID"),
            caller,
            issued,
            parent,
            source,
            name,
        }
    }
}

impl Caller {
    fn of(record: &Record) -> Self {
        let identity = record.user_identity();
        let context = json::member(identity, "sessionContext");
        let issuer = json::member(context, "sessionIssuer");
        let text = |holder, name| json::member_text(holder, name).map(|text| text.into_owned());
        let creator = identity::identify(record);
        let arn = text(identity, "arn").unwrap_or_default();
        let principal_id = text(identity, "principalId").unwrap_or_default();
        let invoked_by = text(identity, "invokedBy");
        let flag = |holder, name| json::flag(json::member(holder, name)) == Some(true);
        let began = text(json::member(context, "attributes"), "creationDate");
        let account = text(identity, "accountId")
            .or_else(|| Arn::parse(&arn).map(|arn| arn.account.to_owned()))
            .unwrap_or_default();
        let is_center = text(issuer, "arn").is_some_and(|arn| {
            let path = Arn::parse(&arn).map_or("", |arn| arn.resource);
            path.starts_with("role/aws-reserved/sso.amazonaws.com/") && path.contains("/AWSReservedSSO_")
        });
        Self {
            center: identity::session(record).filter(|_| is_center),
            stated_type: text(identity, "type").unwrap_or_default(),
            account,
            role: Principal::of_arn(&arn).role.map(str::to_owned),
            session: identity::session(record),
            role_id: principal_id.split_once(':').map(|(id, _)| id.to_owned()),
            key: text(identity, "accessKeyId"),
            began: began.and_then(|text| time::seconds(&text)),
            // https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
            many_keys: flag(record.value(), "sessionCredentialFromConsole") || invoked_by.is_some(),
            source_identity: text(context, "sourceIdentity"),
            provider: provider(identity, context),
            issuer: text(issuer, "arn")
                .filter(|arn| Principal::of_arn(arn).user.is_some() || arn.ends_with(":root")),
            platform: platform(context, identity),
            on_behalf_of: on_behalf_of(identity),
            is_service: actor::acts(record, &creator),
            invoked_by,
            creator,
            arn,
        }
    }

    /// The console's SwitchRole is told by the session that it began; `SwitchFrom` is whoever switched. Seen so in public
    /// records; AWS's page has no example.
    fn before_switch(record: &Record) -> Self {
        let from = json::member_text(json::member(record.value(), "additionalEventData"), "SwitchFrom");
        let from = from.unwrap_or_default().into_owned();
        let parsed = Principal::of_arn(&from);
        let stated_type = match (parsed.user, parsed.session) {
            (Some(_), _) => "IAMUser",
            (None, Some(_)) => "AssumedRole",
            (None, None) if from.ends_with(":root") => "Root",
            (None, None) => "",
        };
        let account = Arn::parse(&from).map_or("", |arn| arn.account);
        let value = serde_json::json!({
            "eventSource": "signin.amazonaws.com", "eventName": "SwitchRole",
            "userIdentity": { "type": stated_type, "arn": from, "accountId": account },
        });
        Self { many_keys: true, ..Self::of(&Record::new(value)) }
    }

    /// Whether two calls were made by the same, as far as both say: the principal, and of sessions the key and the second
    /// of their beginning.
    pub fn is_same(&self, other: &Self) -> bool {
        let agree = self.began.zip(other.began).is_none_or(|(one, two)| one == two)
            && self.key.as_ref().zip(other.key.as_ref()).is_none_or(|(one, two)| one == two);
        // A token's subject is all that there is of whoever comes with one.
        let is_one_subject =
            self.arn.is_empty() && self.provider.is_some() && self.provider == other.provider;
        let is_one = !self.arn.is_empty() && (agree || self.session.is_none());
        self.arn == other.arn && (is_one || is_one_subject)
    }
}

/// What a call issued: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>
fn issued(record: &Record, name: &str) -> Issued {
    let first = |path| json::at_path(record.value(), path).into_iter().find_map(json::text);
    let owned = |path| first(path).map(|text| text.into_owned());
    let asked = || {
        let (role, session) =
            (first("requestParameters.roleArn")?, first("requestParameters.roleSessionName")?);
        let arn = Arn::parse(&role)?;
        Some(format!("arn:{}:sts::{}:assumed-role/{}/{session}", arn.partition, arn.account, arn.last()))
    };
    let switched = || {
        let arn = json::member_text(record.user_identity(), "arn").filter(|_| name == "SwitchRole");
        arn.map(|arn| arn.into_owned())
    };
    let most = if name.starts_with("Get") { TOKEN } else { SESSION };
    let life = first("requestParameters.durationSeconds").and_then(|text| text.parse().ok());
    let role_id = owned("responseElements.assumedRoleUser.assumedRoleId");
    Issued {
        key: owned("responseElements.credentials.accessKeyId"),
        session: owned("responseElements.assumedRoleUser.arn")
            .or_else(|| owned("responseElements.federatedUser.arn"))
            .or_else(asked)
            .or_else(switched),
        role_id: role_id.and_then(|id| id.split_once(':').map(|(id, _)| id.to_owned())),
        life: life.unwrap_or(most).min(TOKEN),
    }
}

/// The identity provider and its subject: of whoever asks for a session, or of the session that he got.
fn provider(identity: &Value, context: &Value) -> Option<(String, String)> {
    let text = |holder, name| json::member_text(holder, name).map(|text| text.into_owned());
    let subject = || text(identity, "userName").unwrap_or_default();
    let of_user = text(identity, "identityProvider").map(|provider| (provider, subject()));
    of_user.or_else(|| {
        let data = json::member(context, "webIdFederationData");
        text(data, "federatedProvider").map(|provider| (provider, String::new()))
    })
}

/// To what AWS gave the credentials, where the record proves it. A session's name alone proves nothing.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html>
fn platform(context: &Value, identity: &Value) -> Option<Platform> {
    let given = [context, identity].into_iter().find_map(|holder| {
        let scope = json::member(holder, "inScopeOf");
        let to = json::member_text(scope, "credentialsIssuedTo")?.into_owned();
        let issuer = json::member_text(scope, "issuerType").unwrap_or_default();
        let what = match issuer.rsplit("::").next().unwrap_or_default() {
            "Function" => "function",
            "Instance" => "instance",
            "Task" => "task",
            _ => "workload",
        };
        Some(Platform { what, id: to })
    });
    let instance = || {
        json::member_text(context, "ec2RoleDelivery")?;
        let arn = json::member_text(identity, "arn")?;
        let id = Principal::of_arn(&arn).session.filter(|session| session.starts_with("i-"))?.to_owned();
        Some(Platform { what: "instance", id })
    };
    given.or_else(instance)
}

fn on_behalf_of(identity: &Value) -> Option<(String, String)> {
    let holder = json::member(identity, "onBehalfOf");
    let user = json::member_text(holder, "userId")?.into_owned();
    let store = json::member_text(holder, "identityStoreArn").unwrap_or_default();
    let store = Arn::parse(&store).map(|arn| arn.path().to_owned()).unwrap_or_default();
    Some((user, store))
}
