//! What may stand in braces in a tag's value, and what it is for one record. A field that a record does not have has no
//! value, never an empty one: `None` here is what leaves a tag out.

use crate::{
    arn::Arn,
    identity::{self, Creator, Principal},
    json,
    record::Record,
    settings::near::nearest,
    tags_in,
};
use serde_json::Value;
use std::borrow::Cow;
use tagger_catalog::client;

/// The names, with what each stands for.
pub const FIELDS: &[(&str, &str)] = &[
    ("name", "the creator's name; that of the people table, where it has a row"),
    ("kind", "the creator's kind: person, user, role, …"),
    ("user", "the IAM user's name, without its path"),
    ("role", "the role's name, without its path"),
    ("session", "the role session's name"),
    ("sourceIdentity", "the source identity of the session"),
    ("arn", "userIdentity.arn, whole"),
    ("principalId", "userIdentity.principalId"),
    ("invokedBy", "the service through which the call was made"),
    ("account", "the account of the record"),
    ("region", "awsRegion"),
    ("eventTime", "eventTime, as 2026-11-24T08:30:00Z"),
    ("eventID", "eventID"),
    ("eventName", "eventName"),
    ("eventSource", "eventSource"),
    ("sourceIPAddress", "sourceIPAddress"),
    ("userAgent", "userAgent"),
    ("stack", "the name of the CloudFormation stack, from the tags that CloudFormation sets"),
    (
        "via",
        "what the call was made with, as it says of itself: console, cli, terraform, cdk, cloudformation, sdk or other",
    ),
    ("repository", "the repository or project of a pipeline, where its web identity says it"),
];

/// What the names of any member begin with, and what they are looked for in.
pub const PATHS: &[(&str, &str)] = &[
    (
        "record",
        "any member of the record, such as `{record.requestParameters.instanceType}`; `[]` behind a list's name",
    ),
    (
        "envelope",
        "any member of the EventBridge event around it, such as `{envelope.id}`; what was found in the event history has none",
    ),
];

/// A name in braces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// One of [`FIELDS`].
    Named(&'static str),
    /// A path into the record.
    Record(String),
    /// A path into the event around the record.
    Envelope(String),
}

/// Who is asked about.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// The record.
    pub record: &'a Record,
    /// Who made its call.
    pub creator: &'a Creator,
    /// The name that the people table has for that one.
    pub called: Option<&'a str>,
}

impl Field {
    /// Reads a name.
    ///
    /// # Errors
    /// A name that does not exist, with those that do.
    pub fn parse(name: &str) -> Result<Self, String> {
        if let Some((start, path)) = name.split_once('.') {
            let step = |step: &str| {
                let name = step.strip_suffix("[]").unwrap_or(step);
                !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-:".contains(&byte))
            };
            let fits = path.split('.').all(step);
            match start {
                "record" if fits => return Ok(Self::Record(path.to_owned())),
                "envelope" if fits => return Ok(Self::Envelope(path.to_owned())),
                "record" | "envelope" => {
                    return Err(format!(
                        "`{{{name}}}`: `{path}` is no path; it is written as `requestParameters.instanceType`, with `[]` behind \
                         the name of a list"
                    ));
                }
                _ => {}
            }
        }
        let names = FIELDS.iter().map(|(name, _)| *name);
        let known = names.clone().find(|known| *known == name);
        known.map(Self::Named).ok_or_else(|| {
            let nearest = nearest(name, names.clone().chain(PATHS.iter().map(|(start, _)| *start)));
            let known = names.collect::<Vec<_>>().join(", ");
            format!("unknown name `{{{name}}}`{nearest}; known are {known}, record.…, envelope.…")
        })
    }

    /// Its value.
    pub fn value<'a>(&self, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
        match self {
            Self::Named(name) => {
                named(name, facts).filter(|value| !value.trim().is_empty() && !json::is_hidden(value))
            }
            Self::Record(path) => at(facts.record.value(), path),
            Self::Envelope(path) => at(facts.record.envelope(), path),
        }
    }
}

fn named<'a>(name: &str, facts: &Facts<'a>) -> Option<Cow<'a, str>> {
    let Facts { record, creator, called } = *facts;
    let identity = record.user_identity();
    let context = json::member(identity, "sessionContext");
    let owned = |text: &str| Cow::Owned(text.to_owned());
    let arn = json::member_text(identity, "arn");
    let principal = arn.as_deref().map(Principal::of_arn).unwrap_or_default();
    match name {
        "name" => called.or(creator.name.as_deref()).map(Cow::Borrowed),
        "kind" => Some(Cow::Borrowed(creator.kind.as_str())),
        "user" => principal.user.map(owned),
        "role" => principal
            .role
            .map(owned)
            .or_else(|| json::member_text(json::member(context, "sessionIssuer"), "userName")),
        "session" => identity::session(record).map(Cow::Owned),
        "sourceIdentity" => json::member_text(context, "sourceIdentity"),
        "arn" | "principalId" | "invokedBy" => json::member_text(identity, name),
        "account" => record.account().map(Cow::Owned),
        "region" => record.region(),
        "stack" => stack(record).map(Cow::Owned),
        "via" => {
            let from_console = json::flag(json::member(record.value(), "sessionCredentialFromConsole"));
            let agent = record.text("userAgent").unwrap_or_default();
            Some(Cow::Borrowed(client::via(&agent, from_console == Some(true))))
        }
        "repository" => repository(identity).map(Cow::Owned),
        _ => record.text(name),
    }
}

/// The one value at a path. A list of several that differ is no value: which of them was meant is not known.
fn at<'a>(value: &'a Value, path: &str) -> Option<Cow<'a, str>> {
    let scalar = |value: &'a Value| match value {
        Value::Bool(flag) => Some(Cow::Borrowed(if *flag { "true" } else { "false" })),
        value => json::text(value),
    };
    let mut found =
        json::at_path(value, path).into_iter().filter_map(scalar).filter(|text| !json::is_hidden(text));
    let first = found.next()?;
    found.all(|other| other == first).then_some(first)
}

/// The stack for which CloudFormation made a call, from the tags that it sets: nobody else can set a key that begins with
/// `aws:` (<https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html>).
fn stack(record: &Record) -> Option<String> {
    let tags = tags_in::asked(record);
    let of = |key: &str| tags.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone());
    of("aws:cloudformation:stack-name").or_else(|| {
        let id = of("aws:cloudformation:stack-id")?;
        Arn::parse(&id)?.path().split('/').next().map(str::to_owned)
    })
}

/// How the subject of a provider's token begins that names a repository or a project, up to the next colon:
/// <https://docs.github.com/en/actions/reference/security/oidc>,
/// <https://docs.gitlab.com/ci/secrets/id_token_authentication/>.
const SUBJECTS: [&str; 2] = ["repo:", "project_path:"];

/// The repository in the subject of a web identity: in what the session remembers of it, or in the name of who assumed a
/// role by it. Most sessions remember nothing of it.
fn repository(identity: &Value) -> Option<String> {
    let federation = json::member(json::member(identity, "sessionContext"), "webIdFederationData");
    let attributes = json::member(federation, "attributes");
    let remembered = attributes.as_object().into_iter().flat_map(|map| map.values()).filter_map(json::text);
    let is_web = json::member_text(identity, "type").is_some_and(|stated| stated == "WebIdentityUser");
    let names = ["userName", "principalId"].into_iter().filter_map(|name| json::member_text(identity, name));
    let named = names.filter(|_| is_web);
    remembered.chain(named).find_map(|text| {
        SUBJECTS.iter().find_map(|subject| {
            let (before, rest) = text.split_once(subject)?;
            let whole = before.is_empty() || before.ends_with(':');
            rest.split(':').next().filter(|name| whole && !name.is_empty()).map(str::to_owned)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity;
    use serde_json::json;

    fn value_of(name: &str, record: &Record) -> Option<String> {
        let creator = identity::identify(record);
        let facts = Facts { record, creator: &creator, called: None };
        Field::parse(name).unwrap().value(&facts).map(Cow::into_owned)
    }

    #[test]
    fn any_member_of_record_and_envelope() {
        let value = json!({ "id": "event-1", "detail-type": "AWS API Call via CloudTrail", "detail": {
            "eventName": "RunInstances", "eventSource": "ec2.amazonaws.com",
            "requestParameters": {
                "instanceType": "t3.micro", "ebsOptimized": false, "password": "HIDDEN_DUE_TO_SECURITY_REASONS",
                "CreateThingRequest": { "Size": 7 }, "empty": "", "object": { "a": "b" },
                "blocks": { "items": [{ "size": 8 }, { "size": 8 }] }, "names": [{ "name": "a" }, { "name": "b" }],
            },
        }});
        let record = crate::containers::records_in(value).remove(0).unwrap();
        for (name, expected) in [
            ("record.requestParameters.instanceType", Some("t3.micro")),
            ("record.requestparameters.INSTANCETYPE", Some("t3.micro")),
            ("record.requestParameters.ebsOptimized", Some("false")),
            ("record.requestParameters.size", Some("7")),
            ("record.requestParameters.blocks.items[].size", Some("8")),
            ("record.requestParameters.names[].name", None),
            ("record.requestParameters.password", None),
            ("record.requestParameters.empty", None),
            ("record.requestParameters.object", None),
            ("record.requestParameters.nothing.there", None),
            ("record.eventName", Some("RunInstances")),
            ("envelope.id", Some("event-1")),
            ("envelope.detail-type", Some("AWS API Call via CloudTrail")),
            ("envelope.nothing", None),
        ] {
            assert_eq!(value_of(name, &record).as_deref(), expected, "{name}");
        }
        let bare = Record::new(json!({ "eventName": "RunInstances" }));
        assert_eq!(value_of("envelope.id", &bare), None, "what came without an envelope has none");
    }

    #[test]
    fn stacks_and_repositories() {
        let of_stack = |tags: Value| Record::new(json!({ "requestParameters": { "tags": tags } }));
        let id = "arn:aws:cloudformation:eu-west-1:111122223333:stack/web/0a1b2c3d";
        for (what, record, name, expected) in [
            (
                "a stack's name",
                of_stack(json!([{ "key": "aws:cloudformation:stack-name", "value": "web" }])),
                "stack",
                Some("web"),
            ),
            ("a stack's id", of_stack(json!({ "aws:cloudformation:stack-id": id })), "stack", Some("web")),
            ("no stack", of_stack(json!([{ "key": "stack-name", "value": "web" }])), "stack", None),
            (
                "what a caller wrote elsewhere",
                Record::new(
                    json!({ "requestParameters": { "defaultArguments": { "aws:cloudformation:stack-name": "x" } } }),
                ),
                "stack",
                None,
            ),
            (
                "GitHub, as the session remembers it",
                Record::new(
                    json!({ "userIdentity": { "type": "AssumedRole", "sessionContext": { "webIdFederationData": {
                    "attributes": { "token.actions.githubusercontent.com:sub": "repo:acme/shop:ref:refs/heads/main" } } } } }),
                ),
                "repository",
                Some("acme/shop"),
            ),
            (
                "GitLab, as who assumed the role",
                Record::new(json!({ "userIdentity": { "type": "WebIdentityUser",
                    "userName": "project_path:acme/team/shop:ref_type:branch:ref:main" } })),
                "repository",
                Some("acme/team/shop"),
            ),
            (
                "a user who is called so",
                Record::new(json!({ "userIdentity": { "type": "IAMUser", "userName": "repo:acme/shop:x" } })),
                "repository",
                None,
            ),
        ] {
            assert_eq!(value_of(name, &record).as_deref(), expected, "{what}");
        }
    }

    #[test]
    fn a_wrong_name_is_refused_with_the_nearest() {
        for (name, says) in [
            ("nmae", "did you mean `name`?"),
            ("record", "did you mean `record`?"),
            ("record.", "is no path"),
            ("record.a..b", "is no path"),
            ("envelope.a[0]", "is no path"),
            ("request.a", "unknown name"),
        ] {
            let error = Field::parse(name).unwrap_err();
            assert!(error.contains(says), "{name}: expected {says:?}, got {error:?}");
        }
    }
}
