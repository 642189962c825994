//! (More than 500 lines, since half of it is the table of its tests.) Who changed a CloudFormation stack, from the event history: this product does not tag stacks, since that would update
//! them, so a stack says whose it is only where somebody tagged it. What appears in a stack belongs to whoever carried out
//! its last change before. Pure; `tagger-aws` asks.

use crate::{
    actor,
    arn::Arn,
    identity::{self, Kind, Principal},
    json,
    patience::Age,
    policy::Policy,
    record::Record,
    step::{Past, Stack},
    value::fit,
    window::Window,
};
use tagger_catalog::parent::{self, Parent};

pub use crate::window::SHOWN_AFTER;

/// How long the history keeps a call, less a day.
const KEPT: u64 = 89 * 24 * 60 * 60;
/// Seconds between a call and the time that the stack notes for it.
const AROUND: u64 = 60;
/// No change of a stack takes longer, in seconds: what is older is not the one by which something appeared just now.
const LONGEST: u64 = 2 * 24 * 60 * 60;
/// A session lasts so long at most:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_manage-assume.html>
const SESSION: u64 = 12 * 60 * 60;
/// Ends of windows are the same for all who ask within so many seconds, so that one call answers them.
const SHARED: u64 = 60;

/// Where in the history the calls are that changed a stack; none where they cannot be shown yet. `now` and what the stack
/// says are in seconds since 1970.
pub fn window(stack: &Stack, now: u64, age: Age) -> Option<Window> {
    let oldest = now.saturating_sub(KEPT);
    let from = stack.created.map_or(oldest, |created| created.saturating_sub(AROUND).max(oldest));
    let until = (now / SHARED + 1) * SHARED;
    (age.event >= SHOWN_AFTER && from < until).then_some(Window { from, until })
}

/// The part of such a window in which the call is by which something appeared at `event`: from when the stack says that its
/// change began.
pub fn window_of_change(stack: &Stack, window: Window, event: Option<u64>) -> Window {
    let until = event.map_or(window.until, |event| window.until.min(event + 1));
    let began = stack.updated.filter(|updated| *updated < until).or(stack.created);
    let from = began.map_or(window.from, |began| window.from.max(began.saturating_sub(AROUND)));
    Window { from: from.max(until.saturating_sub(LONGEST)), until }
}

/// Where in the history the call is that took a session in which a call was made at `time`.
pub fn session_window(time: Option<u64>, now: u64) -> Window {
    let until = time.unwrap_or(now) + 1;
    Window { from: until.saturating_sub(SESSION), until }
}

/// Whether a record tells of a change of some stack, or of the preparation of one.
pub fn is_change(record: &Record, changes: &[&str]) -> bool {
    record.event_source() == "cloudformation.amazonaws.com"
        && changes.contains(&record.event_name().as_ref())
        && record.created_nothing().is_none()
}

/// What the history shows of a stack before something appeared in it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Changes<'a> {
    /// The last change that somebody carried out.
    done: Option<&'a Past>,
    /// A change set since then that nobody is seen to have carried out.
    draft: Option<&'a Past>,
}

impl<'a> Changes<'a> {
    /// Those before `event`, of all calls that were found, of this stack.
    pub fn of(parent: &Parent, arn: &str, stack: &Stack, calls: &'a [Past], event: Option<u64>) -> Self {
        let before = |call: &&Past| event.is_none_or(|event| call.time.is_none_or(|time| time <= event));
        let mut calls: Vec<&Past> = calls.iter().filter(before).collect();
        calls.sort_by_key(|call| std::cmp::Reverse(call.time));
        let is_one = |call: &Past, names: &[&str]| names.contains(&call.record.event_name().as_ref());
        let is_about = |call: &Past| is_about(&call.record, arn, stack, call.time);
        let drafts: Vec<(usize, &Past)> = calls
            .iter()
            .enumerate()
            .filter(|(_, call)| is_one(call, parent.drafted_by) && is_about(call))
            .map(|(at, call)| (at, *call))
            .collect();
        let done = calls.iter().position(|call| {
            is_one(call, parent.changed_by) && (is_about(call) || carries_out(&call.record, stack, &drafts))
        });
        // One that somebody carried out counts by that call.
        let is_open = |draft: &Past| !calls.iter().any(|call| is_of(&call.record, &draft.record));
        let draft = drafts.iter().find(|(at, draft)| done.is_none_or(|done| *at < done) && is_open(draft));
        Self { done: done.map(|at| calls[at]), draft: draft.map(|(_, draft)| *draft) }
    }

    /// The ARN of the change set that nobody is seen to have carried out.
    pub fn open(&self) -> Option<String> {
        let id = json::at_path(self.draft?.record.value(), "responseElements.id");
        id.into_iter().find_map(json::text).map(|id| id.into_owned())
    }

    /// The call by whose change of the stack something appeared in it at `event`; none where the history does not show it.
    ///
    /// Whoever carries a change out counts, not who prepared it: without him nothing would have been made. A change set
    /// counts for its author only where nobody is seen who carried it out and it was carried out all the same: the stack
    /// says so, or every change that is seen ended long ago.
    pub fn change(&self, stack: &Stack, event: Option<u64>) -> Option<&'a Past> {
        // The change that was under way at the time began then, as far as the stack tells.
        let began = stack.updated.or(stack.created).filter(|began| {
            event.is_none_or(|event| *began <= event && (stack.updated.is_some() || event - *began < LONGEST))
        });
        let is_it = |call: &&Past| match (call.time, began, event) {
            (Some(time), Some(began), _) => time + AROUND >= began,
            (Some(time), None, Some(event)) => event - time < LONGEST,
            _ => true,
        };
        let was_carried_out = |_: &&Past| {
            let is_last = self.open().is_some() && self.open() == stack.change_set;
            is_last || self.done.is_none_or(|done| !is_it(&done))
        };
        self.draft.filter(was_carried_out).or(self.done).filter(is_it)
    }
}

/// Whether a call is about the stack: by the ARN in its answer or its request, or by the name, which only one stack has
/// at a time.
fn is_about(record: &Record, arn: &str, stack: &Stack, time: Option<u64>) -> bool {
    let first = |path| json::at_path(record.value(), path).into_iter().find_map(json::text);
    if let Some(answered) = first("responseElements.stackId") {
        return answered == arn;
    }
    let Some(asked) = first("requestParameters.stackName") else { return false };
    let is_later = stack.created.zip(time).is_none_or(|(created, time)| time + AROUND >= created);
    asked == arn || Some(asked.as_ref()) == name(arn) && is_later
}

/// Whether a call carries out the change set that another made: by its ARN or its name.
fn is_of(call: &Record, draft: &Record) -> bool {
    let first = |record: &Record, path| {
        json::at_path(record.value(), path).into_iter().find_map(json::text).map(|text| text.into_owned())
    };
    let named = first(call, "requestParameters.changeSetName");
    call.event_name() != draft.event_name()
        && named.is_some()
        && (named == first(draft, "responseElements.id")
            || named == first(draft, "requestParameters.changeSetName"))
}

/// Whether a call carries out a change set that it names by its ARN alone.
fn carries_out(record: &Record, stack: &Stack, drafts: &[(usize, &Past)]) -> bool {
    let first = |record: &Record, path| {
        json::at_path(record.value(), path).into_iter().find_map(json::text).map(|text| text.into_owned())
    };
    if first(record, "requestParameters.stackName").is_some() {
        return false;
    }
    let Some(set) = first(record, "requestParameters.changeSetName") else { return false };
    Arn::parse(&set).is_some()
        && (stack.change_set.as_deref() == Some(&set)
            || drafts
                .iter()
                .any(|(_, draft)| first(&draft.record, "responseElements.id").as_deref() == Some(&set)))
}

/// The name in the ARN of a stack: `stack/NAME/ID`.
pub fn name(arn: &str) -> Option<&str> {
    let rest = Arn::parse(arn)?.resource.strip_prefix("stack/")?;
    rest.split('/').next().filter(|name| !name.is_empty())
}

/// The name of the stack set in the name of a stack: `StackSet-NAME-UUID`.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stacksets-concepts.html>
pub fn set(arn: &str) -> Option<&str> {
    let (rest, uuid) =
        name(arn)?.strip_prefix("StackSet-")?.split_at_checked(name(arn)?.len().checked_sub(9 + 36)?)?;
    let set = rest.strip_suffix('-')?;
    let is_id = uuid.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    (is_id && !set.is_empty()).then_some(set)
}

/// The newest of these calls that is an operation on a stack set of this name, not after `time`.
pub fn operation<'a>(set: &str, calls: &'a [Past], time: Option<u64>) -> Option<&'a Past> {
    let is_it = |call: &&Past| {
        let named = json::at_path(call.record.value(), "requestParameters.stackSetName");
        let named = named.into_iter().find_map(json::text).unwrap_or_default();
        // By its name, its id `NAME:UUID` or its ARN.
        let named = named.rsplit('/').next().unwrap_or_default();
        named.split(':').next() == Some(set) && (time.is_none() || call.time <= time)
    };
    calls.iter().filter(is_it).max_by_key(|call| call.time)
}

/// Whether a call was made by somebody of the account to which its record belongs.
pub fn is_own_account(record: &Record) -> bool {
    let arn = json::member_text(record.user_identity(), "arn").unwrap_or_default();
    let account = record.account();
    Arn::parse(&arn).is_some_and(|arn| account.as_deref() == Some(arn.account))
}

/// The ARN of the session in which a call was made, and its access key.
pub fn session(record: &Record) -> Option<(String, Option<String>)> {
    let text = |name| json::member_text(record.user_identity(), name).map(|text| text.into_owned());
    let arn = text("arn").filter(|arn| Principal::of_arn(arn).session.is_some())?;
    Some((arn, text("accessKeyId")))
}

/// The same, where a tool took it for whoever ran it.
pub fn session_on_behalf(record: &Record) -> Option<(String, Option<String>)> {
    session(record).filter(|(arn, _)| Principal::of_arn(arn).session.is_some_and(parent::is_on_behalf))
}

/// Whether this is the record of the call that took a session. Its access key belongs to one call; where either record
/// does not show it, the session's name and role are compared.
pub fn took(record: &Record, session: &str, key: Option<&str>) -> bool {
    let first = |path| json::at_path(record.value(), path).into_iter().find_map(json::text);
    let failed = record.text("errorCode").is_some_and(|code| code != "0");
    let is_call =
        record.event_source() == "sts.amazonaws.com" && record.event_name().starts_with("AssumeRole");
    if !is_call || failed {
        return false;
    }
    match (first("responseElements.credentials.accessKeyId"), key) {
        (Some(given), Some(key)) => given == key,
        _ => {
            first("responseElements.assumedRoleUser.arn").is_some_and(|arn| arn == session) || {
                let role = first("requestParameters.roleArn").unwrap_or_default();
                let Principal { role: of_arn, .. } = Principal::of_arn(&role);
                let Principal { role: wanted, session: name, .. } = Principal::of_arn(session);
                let last = Arn::parse(&role).map(|arn| arn.last().to_owned());
                (last.as_deref() == wanted || of_arn == wanted)
                    && first("requestParameters.roleSessionName").as_deref() == name
            }
        }
    }
}

/// What the creator's tag says for whoever took a session for which a tool made up the name; none where the record names
/// nobody better.
pub fn taker(record: &Record, policy: &Policy) -> Option<String> {
    // Somebody of another account is known by the account alone.
    let kind = identity::identify(record).kind;
    let names = !matches!(kind, Kind::Account | Kind::Unknown | Kind::Service);
    names.then(|| value(record, policy)).flatten()
}

/// What the creator's tag says for whoever made that call; none where that is a service again, or somebody whose
/// resources are left alone.
pub fn value(record: &Record, policy: &Policy) -> Option<String> {
    let creator = identity::identify(record);
    let left_alone = policy.skips(&creator) || policy.excludes(record, &creator).is_some();
    if left_alone || actor::acts(record, &creator) {
        return None;
    }
    let value = policy.creators_value(record, &creator)?;
    Some(fit(&value).into_owned()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Kind;
    use serde_json::{Value, json};

    const STACK: &str = "arn:aws:cloudformation:eu-west-1:111122223333:stack/web/1-2";

    fn call(name: &str, user: Value, more: Value) -> Record {
        let mut record = json!({
            "eventSource": "cloudformation.amazonaws.com", "eventName": name, "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "userIdentity": user, "responseElements": { "stackId": STACK },
        });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Record::new(record)
    }

    fn alice() -> Value {
        json!({ "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" })
    }

    fn session(role: &str, name: &str) -> Value {
        json!({
            "type": "AssumedRole", "arn": format!("arn:aws:sts::111122223333:assumed-role/{role}/{name}"),
            "sessionContext": { "sessionIssuer": { "arn": format!("arn:aws:iam::111122223333:role/aws-service-role/x.amazonaws.com/{role}") } },
        })
    }

    #[test]
    fn where_it_is_looked_for() {
        let (now, day) = (1_795_509_000, 86_400);
        let stack = |created| Stack { created, ..Stack::default() };
        let until = (now / 60 + 1) * 60;
        for (what, created, event, expected) in [
            ("just made, and not shown yet", Some(now - 30), 30, None),
            ("two minutes later", Some(now - 120), 120, Some(now - 180)),
            ("a stack of last month", Some(now - 30 * day), 120, Some(now - 30 * day - 60)),
            ("older than the history", Some(now - 900 * day), 120, Some(now - 89 * day)),
            ("it does not say when it was made", None, 120, Some(now - 89 * day)),
        ] {
            let found = window(&stack(created), now, Age { event, waited: event });
            assert_eq!(found, expected.map(|from| Window { from, until }), "{what}");
        }
    }

    const SET: &str = "arn:aws:cloudformation:eu-west-1:111122223333:changeSet/cdk/1";

    /// A call so many seconds before the resource's, which was at 1,000,000.
    fn past(ago: i64, name: &str, user: &str, more: Value) -> Past {
        let who = json!({ "type": "IAMUser", "userName": user, "arn": format!("arn:aws:iam::111122223333:user/{user}") });
        let time = 1_000_000_u64.checked_add_signed(-ago);
        let mut record =
            json!({ "eventID": format!("{name}{ago}"), "requestParameters": {}, "responseElements": null });
        record.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Past { time, record: call(name, who, record) }
    }

    fn made(ago: i64, user: &str) -> Past {
        past(ago, "CreateStack", user, json!({ "responseElements": { "stackId": STACK } }))
    }

    fn drafted(ago: i64, user: &str) -> Past {
        let request = json!({ "stackName": "web", "changeSetName": "cdk" });
        past(
            ago,
            "CreateChangeSet",
            user,
            json!({ "requestParameters": request, "responseElements": { "id": SET, "stackId": STACK } }),
        )
    }

    fn carried_out(ago: i64, user: &str, request: Value) -> Past {
        past(ago, "ExecuteChangeSet", user, json!({ "requestParameters": request }))
    }

    #[test]
    fn the_call_that_changed_it() {
        let parent = parent::parents().iter().find(|parent| !parent.changed_by.is_empty()).unwrap();
        let day = 86_400;
        let old = Stack { created: Some(1_000_000 - 10 * day), ..Stack::default() };
        let changed = |ago: u64| Stack { updated: Some(1_000_000 - ago), ..old.clone() };
        let by_set = |ago: u64| Stack { change_set: Some(SET.to_owned()), ..changed(ago) };
        let young = Stack { created: Some(1_000_000 - 100), ..Stack::default() };
        let ten = 10 * day as i64;
        let other = json!({ "responseElements": { "stackId": "arn:other" }, "requestParameters": { "stackName": "web" } });
        let named = || json!({ "requestParameters": { "stackName": "web" } });
        let failed = json!({ "errorCode": "AccessDenied", "requestParameters": { "stackName": "web" } });
        for (what, stack, calls, expected) in [
            ("made just now", &young, vec![made(100, "alice")], Some("alice")),
            (
                "made by somebody, changed by another",
                &changed(40),
                vec![made(ten, "alice"), past(40, "UpdateStack", "bob", named())],
                Some("bob"),
            ),
            (
                "in another order",
                &changed(40),
                vec![past(40, "UpdateStack", "bob", named()), made(ten, "alice")],
                Some("bob"),
            ),
            (
                "a change that failed",
                &changed(300),
                vec![past(300, "UpdateStack", "alice", named()), past(40, "UpdateStack", "bob", failed)],
                Some("alice"),
            ),
            (
                "a change after it appeared",
                &changed(300),
                vec![past(300, "UpdateStack", "alice", named()), past(-5, "UpdateStack", "bob", named())],
                Some("alice"),
            ),
            (
                "another stack of its name",
                &changed(300),
                vec![past(300, "UpdateStack", "alice", named()), past(40, "UpdateStack", "bob", other)],
                Some("alice"),
            ),
            (
                "a rollback that went on",
                &changed(40),
                vec![made(ten, "alice"), past(40, "ContinueUpdateRollback", "bob", named())],
                Some("bob"),
            ),
            (
                "a change set, and whoever carried it out",
                &changed(30),
                vec![
                    made(ten, "alice"),
                    drafted(40, "bob"),
                    carried_out(30, "carol", json!({ "stackName": "web", "changeSetName": "cdk" })),
                ],
                Some("carol"),
            ),
            (
                "by ARNs",
                &changed(30),
                vec![
                    made(ten, "alice"),
                    drafted(40, "bob"),
                    carried_out(30, "carol", json!({ "stackName": STACK, "changeSetName": SET })),
                ],
                Some("carol"),
            ),
            (
                "by the change set's ARN alone",
                &changed(30),
                vec![
                    made(ten, "alice"),
                    drafted(40, "bob"),
                    carried_out(30, "carol", json!({ "changeSetName": SET })),
                ],
                Some("carol"),
            ),
            (
                "in the same second",
                &changed(40),
                vec![
                    drafted(40, "bob"),
                    carried_out(40, "carol", json!({ "stackName": "web", "changeSetName": "cdk" })),
                ],
                Some("carol"),
            ),
            (
                "a change set that nobody carried out",
                &changed(300),
                vec![past(300, "UpdateStack", "alice", named()), drafted(40, "bob")],
                Some("alice"),
            ),
            (
                "the same, and the stack does not say when it changed",
                &old,
                vec![past(300, "UpdateStack", "alice", named()), drafted(40, "bob")],
                Some("alice"),
            ),
            (
                "a change set that was carried out by a call that is not seen",
                &by_set(30),
                vec![made(ten, "alice"), drafted(40, "bob")],
                Some("bob"),
            ),
            (
                "two change sets alone, as CDK makes them",
                &old,
                vec![drafted(ten, "alice"), drafted(40, "bob")],
                Some("bob"),
            ),
            ("its last change is not shown yet", &changed(40), vec![made(ten, "alice")], None),
            ("nothing but a call of long ago", &old, vec![made(ten, "alice")], None),
            ("nothing", &old, vec![], None),
        ] {
            let calls: Vec<Past> = calls
                .into_iter()
                .filter(|call| is_change(&call.record, &[parent.changed_by, parent.drafted_by].concat()))
                .collect();
            let found =
                Changes::of(parent, STACK, stack, &calls, Some(1_000_000)).change(stack, Some(1_000_000));
            let name = found.and_then(|call| value(&call.record, &Policy::default()));
            assert_eq!(name.as_deref(), expected, "{what}");
        }
    }

    #[test]
    fn stack_sets() {
        let arn = |name: &str| format!("arn:aws:cloudformation:eu-west-1:111122223333:stack/{name}/1-2");
        let uuid = "59cfd8b7-b102-3b1d-84fe-2c34f232b239";
        for (name, expected) in [
            (format!("StackSet-base-line-{uuid}"), Some("base-line")),
            (format!("StackSet-{uuid}"), None),
            ("StackSet-base".to_owned(), None),
            (format!("base-{uuid}"), None),
        ] {
            assert_eq!(set(&arn(&name)), expected, "{name}");
        }
        let named = |ago: i64, user: &str, set: &str| {
            past(ago, "UpdateStackSet", user, json!({ "requestParameters": { "stackSetName": set } }))
        };
        let calls = [
            named(90, "alice", "base"),
            named(60, "bob", "base:59cfd8b7"),
            named(50, "mallory", "other"),
            named(10, "carol", "base"),
        ];
        let found = operation("base", &calls, Some(1_000_000 - 40)).unwrap();
        assert_eq!(value(&found.record, &Policy::default()).as_deref(), Some("bob"));
    }

    #[test]
    fn who_took_a_session() {
        let session = "arn:aws:sts::111122223333:assumed-role/cdk-deploy-role/aws-cdk-bob";
        let taken = |given: Value| {
            Record::new(json!({
                "eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "readOnly": true, "responseElements": given,
                "requestParameters": { "roleArn": "arn:aws:iam::111122223333:role/x/cdk-deploy-role", "roleSessionName": "aws-cdk-bob" },
            }))
        };
        let key = |key: &str| json!({ "credentials": { "accessKeyId": key } });
        for (what, given, wanted, expected) in [
            ("by its access key", key("ASIA1"), Some("ASIA1"), true),
            ("another session of that name", key("ASIA2"), Some("ASIA1"), false),
            ("no access key is shown", Value::Null, Some("ASIA1"), true),
            ("by its ARN", json!({ "assumedRoleUser": { "arn": session } }), None, true),
        ] {
            assert_eq!(took(&taken(given), session, wanted), expected, "{what}");
        }
        let on_behalf = |arn: &str| {
            let record = Record::new(
                json!({ "userIdentity": { "type": "AssumedRole", "arn": arn, "accessKeyId": "ASIA1" } }),
            );
            session_on_behalf(&record)
        };
        assert_eq!(on_behalf(session), Some((session.to_owned(), Some("ASIA1".to_owned()))));
        assert_eq!(on_behalf("arn:aws:sts::111122223333:assumed-role/Dev/bob"), None, "he chose that name");
    }

    #[test]
    fn whose_it_is() {
        let policy = Policy::default();
        let no_ci = Policy { skipped: vec![Kind::Ci], ..Policy::default() };
        let no_alice = Policy { excluded: vec!["ali*".to_owned()], ..Policy::default() };
        let pipeline = || json!({ "type": "AssumedRole", "arn": "arn:aws:sts::111122223333:assumed-role/deploy/GitHubActions" });
        let proved = || {
            let mut user = pipeline();
            user["sessionContext"]["webIdFederationData"]["federatedProvider"] =
                "token.actions.githubusercontent.com".into();
            user
        };
        let by_cloudformation = |mut user: Value| {
            user["invokedBy"] = "cloudformation.amazonaws.com".into();
            user
        };
        let (nested, sets) = (
            by_cloudformation(session("stacks", "AWSCloudFormation")),
            session("AWSServiceRoleForCloudFormationStackSetsOrgMember", "x"),
        );
        for (what, user, policy, expected) in [
            ("a person", alice(), &policy, Some("alice")),
            ("a pipeline", pipeline(), &policy, Some("GitHubActions")),
            ("a pipeline, and those are skipped", proved(), &no_ci, None),
            ("one that only calls itself a pipeline", pipeline(), &no_ci, Some("GitHubActions")),
            ("somebody who is excluded", alice(), &no_alice, None),
            ("a stack within a stack", nested, &policy, None),
            ("a stack set", sets, &policy, None),
            ("nobody but an account", json!({}), &policy, Some("aws-account-111122223333")),
        ] {
            let found = value(&call("CreateStack", user, json!({})), policy);
            assert_eq!(found.as_deref(), expected, "{what}");
        }
        let name = crate::settings::template::ValueTemplate::parse("{kind}:{name}").unwrap();
        let mut other = Policy::default();
        other.tag.value = name;
        let found = value(&call("CreateStack", alice(), json!({})), &other);
        assert_eq!(found.as_deref(), Some("user:alice"), "by the same choices as every other resource's");
    }
}
