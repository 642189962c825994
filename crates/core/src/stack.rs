//! Who changed a CloudFormation stack, from the event history: this product does not tag stacks, since that would update
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
mod tests;
