//! How a record whose call a service made for a parent learns whose tag it gets, as a machine without I/O. Where the
//! record names no parent, the resource's own tags are read for it. Then the parent's tags are read; of a stack that has
//! none the event history is asked who changed it last, and of what has no tags at all who asked for it. What the answers
//! mean is decided in `inherit` and `stack`.

use crate::{
    actor,
    case::Case,
    inherit::{self, Decision, Inherit, Named, WAITS, decide},
    outcome::{Class, Failure, NOT_SHOWN, UNREADABLE},
    patience::{Age, Guard},
    policy::Policy,
    proof,
    record::Record,
    resources::Resource,
    search,
    stack::{self, Changes},
    step::{Answer, Past, Question, Shown, Stack, Tags, Target, Wanted, Which},
    window::Window,
};
use std::borrow::Cow;

/// How long before its event something was asked for of a service that makes it, in seconds.
const ASKED_BEFORE: u64 = 24 * 60 * 60;

/// One record's question for its parent.
#[derive(Debug)]
pub struct Heir<'a> {
    case: &'a Case,
    policy: &'a Policy,
    key: &'a str,
    /// The parent, once something names it.
    inherit: Option<Cow<'a, Inherit>>,
    at: At,
    tags: Tags,
    /// The stack that is asked for: the parent, then the one that it is nested in.
    stack: (String, Stack),
    /// By what the history is still to be asked for its changes, or for operations on its stack set.
    to_ask: Vec<Which>,
    /// Whether its changes were looked for by the names of the calls as well.
    by_calls: bool,
    /// The calls that were found.
    calls: Vec<Past>,
    /// The change set of which it was asked who carried it out.
    draft: Option<String>,
    /// When the stack was changed.
    changed: Option<u64>,
}

/// What was asked last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// What was launched, whose record does not say it.
    Launched,
    /// The resource's own tags.
    Own,
    /// The parent's.
    Parent,
    /// The stack.
    Stack,
    /// Its changes.
    Changes,
    /// The calls that asked for it.
    Asked,
    /// The call that took the session of whoever changed it.
    Taken,
    /// The operations on the stack set that it belongs to.
    Operations,
}

/// What to do next.
#[derive(Debug)]
pub enum Next {
    /// Ask this.
    Ask(Target, Question),
    /// This is whose tag it gets.
    Decided(Decision),
}

impl<'a> Heir<'a> {
    /// The question of a case, and what to ask first; none where no service acts for a parent.
    pub fn of(case: &'a Case, policy: &'a Policy) -> Option<(Self, Target, Question)> {
        let key = case.plan.tags.first().map_or("", |(key, _)| key.as_str());
        let mut heir = Self {
            case,
            policy,
            key,
            inherit: case.plan.inherit.as_ref().map(Cow::Borrowed),
            at: At::Own,
            tags: Tags::new(),
            stack: Default::default(),
            to_ask: Vec::new(),
            by_calls: false,
            calls: Vec::new(),
            draft: None,
            changed: None,
        };
        let (target, question) = match (&heir.inherit, heir.own()) {
            (Some(inherit), _) => {
                let (at, target, question) = first(inherit, case.event_time);
                heir.at = at;
                (target, question)
            }
            (None, Some(resource)) if case.plan.own_tags => own_tags(resource),
            (None, None) if case.plan.own_tags => {
                heir.at = At::Launched;
                search::ask_launch(case.plan.launch.as_ref()?)
            }
            _ => return None,
        };
        Some((heir, target, question))
    }

    /// The parent's ARN; nothing where it is not known.
    pub fn parent(&self) -> &str {
        self.inherit.as_ref().map_or("", |inherit| inherit.arn.as_str())
    }

    /// What to do after an answer, at a time.
    pub fn next(&mut self, answer: Answer, now: u64) -> Next {
        let age = self.case.age(now);
        match (self.at, answer) {
            (At::Launched, Answer::Launched(found)) => self.launched(&found, age),
            (At::Own, Answer::Tags(tags)) => self.own_tags(&tags, age),
            (At::Own, Answer::Failed(failure)) => self.own_failed(&failure, age),
            (At::Launched, Answer::Failed(failure)) => self.own_failed(&failure, age),
            (At::Parent, Answer::Tags(tags)) => self.parents_tags(tags, None, now),
            (At::Parent, Answer::Stack(mut stack)) => {
                self.stack = (self.parent().to_owned(), Stack::default());
                self.parents_tags(std::mem::take(&mut stack.tags), Some(stack), now)
            }
            (At::Stack, Answer::Stack(stack)) => self.stack(stack, now, age),
            (At::Changes, Answer::Calls(calls)) => {
                let new = calls.into_iter().filter(|call| {
                    let id = call.record.text("eventID");
                    id.is_none() || self.calls.iter().all(|known| known.record.text("eventID") != id)
                });
                let new: Vec<Past> = new.collect();
                self.calls.extend(new);
                self.ask_changes(now, age)
            }
            (At::Asked, Answer::Calls(calls)) => self.asked(&calls, age),
            (At::Taken, Answer::Found(record)) => self.taken(record.as_deref().map(|past| &past.record), now),
            (At::Operations, Answer::Calls(calls)) => {
                self.calls.extend(calls);
                self.ask_operations(now)
            }
            // The history may not be asked: then it does not tell.
            (At::Taken | At::Operations, Answer::Failed(failure)) if is_refusal(&failure) => {
                self.changed_by(None)
            }
            (At::Changes | At::Asked, Answer::Failed(failure)) if is_refusal(&failure) => self.decided(age),
            (_, Answer::Failed(failure)) => self.failed(&failure, age),
            (at, other) => {
                let message = format!("{other:?} is no answer to {at:?} of a parent");
                self.failed(&Failure::ours(Class::Failed, &self.call(), "UnreadableAnswer", message), age)
            }
        }
    }

    /// The resource whose own tags may name the parent: what was made with it belongs to the same.
    fn own(&self) -> Option<&'a Resource> {
        let plan = &self.case.plan;
        plan.actions.first().or_else(|| plan.children.first()?.parents.first())
    }

    fn launched(&mut self, found: &[(String, Vec<Shown>)], age: Age) -> Next {
        let Some(launch) = &self.case.plan.launch else { return self.otherwise() };
        let found = search::launched(launch, found, age).found;
        match found.first() {
            Some((_, resource)) => {
                self.at = At::Own;
                let (target, question) = own_tags(resource);
                Next::Ask(target, question)
            }
            None => {
                let message = "nothing of the launch is to be seen yet";
                self.own_failed(
                    &Failure::ours(Class::NotFound, launch.call, "LaunchNotVisible", message),
                    age,
                )
            }
        }
    }

    fn own_tags(&mut self, tags: &Tags, age: Age) -> Next {
        // Whatever it has stays, whoever is behind it.
        if tags.iter().any(|(key, value)| key == self.key && !value.is_empty()) {
            return self.otherwise();
        }
        if let Some(value) = self.stated(tags) {
            return Next::Decided(Decision::Parent(value));
        }
        let Case { record, plan, .. } = self.case;
        match inherit::find(record, &plan.creator, self.policy, Named::ByTags(tags)) {
            Some(found) => {
                let otherwise_service = !self.policy.skips(&plan.creator);
                let (at, target, question) = first(&found, self.case.event_time);
                self.at = at;
                self.inherit = Some(Cow::Owned(Inherit { otherwise_service, ..found }));
                Next::Ask(target, question)
            }
            // Some services give it the tag by which its parent is known some time after they made it.
            None if actor::of(record, &plan.creator).is_some_and(|actor| actor.tags_later) => {
                let message = "the service has not given it the tag yet by which its parent is known";
                let call = self.own().map_or("", |own| own.entry.operation.name);
                self.wait(Failure::ours(Class::NotReady, call, "ParentNotKnown", message), age)
            }
            None => self.otherwise(),
        }
    }

    fn own_failed(&mut self, failure: &Failure, age: Age) -> Next {
        let whole = self.own().and_then(|own| proof::as_whole_set(own, failure));
        match whole {
            Some(target) => Next::Ask(target, Question::Tags(Vec::new())),
            None if failure.code == "NoSuchTagSet" => self.own_tags(&Tags::new(), age),
            None if self.case.guard == Guard::None => self.otherwise(),
            None if failure.waits() => Next::Decided(Decision::Wait(failure.clone())),
            // An answer that cannot be read is not one that names nobody.
            None if failure.code == UNREADABLE => Next::Decided(Decision::Wait(inherit::not_yet(failure))),
            None if failure.class == Class::NotFound => self.wait(failure.clone(), age),
            None => self.otherwise(),
        }
    }

    /// Waits as long as it may still be known soon who is behind it.
    fn wait(&self, failure: Failure, age: Age) -> Next {
        let is_over = self.case.guard == Guard::None || age.event >= WAITS;
        if is_over { self.otherwise() } else { Next::Decided(Decision::Wait(failure)) }
    }

    /// Whom a tag that only AWS sets states to have had it made.
    fn stated(&self, tags: &Tags) -> Option<String> {
        actor::stated(&self.case.record, tags).and_then(|record| stack::value(&record, self.policy))
    }

    /// The parent's tags, and what else its service told of a stack.
    fn parents_tags(&mut self, tags: Tags, stack: Option<Stack>, now: u64) -> Next {
        let age = self.case.age(now);
        let has = tags.iter().any(|(key, value)| key == self.key && !value.is_empty());
        let stated = if has { None } else { self.stated(&tags) };
        self.tags = tags;
        if let Some(value) = stated {
            return Next::Decided(Decision::Parent(value));
        }
        match stack.filter(|_| !has) {
            None => self.decided(age),
            // Until then nothing is to be learned, so nothing is asked.
            Some(_) if age.event < stack::SHOWN_AFTER && self.case.guard != Guard::None => {
                let message = format!(
                    "{} has no {} yet, and the event history may yet show who changed it",
                    self.parent(),
                    self.key
                );
                Next::Decided(Decision::Wait(Failure::ours(
                    Class::NotReady,
                    &self.call(),
                    NOT_SHOWN,
                    message,
                )))
            }
            Some(_) if age.event < stack::SHOWN_AFTER => self.decided(age),
            Some(stack) => self.stack(stack, now, age),
        }
    }

    fn ask_stack(&mut self, arn: String) -> Next {
        let Some(inherit) = &self.inherit else { return self.otherwise() };
        let target = target(inherit).named(&arn);
        (self.at, self.stack) = (At::Stack, (arn, Stack::default()));
        Next::Ask(target, Question::Stack)
    }

    fn stack(&mut self, stack: Stack, now: u64, age: Age) -> Next {
        let root = stack.root.clone().filter(|root| *root != self.stack.0);
        match root {
            Some(root) if self.stack.0 == self.parent() => self.ask_stack(root),
            _ => {
                self.stack.1 = stack;
                // CloudTrail knows it by its ARN and, where a call named it so, by its name.
                let name = stack::name(&self.stack.0).map(str::to_owned);
                let names = std::iter::once(self.stack.0.clone()).chain(name);
                self.to_ask = names.map(Which::ResourceName).collect();
                self.ask_changes(now, age)
            }
        }
    }

    fn ask_changes(&mut self, now: u64, age: Age) -> Next {
        self.at = At::Changes;
        let Some(inherit) = &self.inherit else { return self.otherwise() };
        let (parent, target) = (inherit.parent, target(inherit));
        let (arn, told) = &self.stack;
        let Some(window) = stack::window(told, now, age) else { return self.decided(age) };
        let event = self.case.event_time;
        let mut calls = parent.changed_by.iter().chain(parent.drafted_by).copied();
        if !self.to_ask.is_empty() {
            let which = self.to_ask.remove(0);
            // Many stacks are changed by calls of one name.
            let window = match which {
                Which::EventName(_) => stack::window_of_change(told, window, event),
                Which::ResourceName(_) => window,
            };
            let wanted = Box::new(Wanted::Changes { names: calls.collect() });
            return Next::Ask(target.named(arn), Question::History { which, window, wanted });
        }
        // CloudFormation is not among the services whose resources the event history is said to know:
        // <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events-supported-resource-types.html>
        if self.calls.is_empty() && !self.by_calls {
            self.by_calls = true;
            self.to_ask.extend(calls.by_ref().map(Which::EventName));
            return self.ask_changes(now, age);
        }
        let changes = Changes::of(parent, arn, told, &self.calls, event);
        // A call that carries it out may be known by the change set alone.
        if let Some(draft) = changes.open().filter(|draft| self.draft.as_ref() != Some(draft)) {
            self.to_ask.push(Which::ResourceName(draft.clone()));
            self.draft = Some(draft);
            return self.ask_changes(now, age);
        }
        let Some(change) = changes.change(told, event) else { return self.decided(age) };
        let Past { record, time } = change.clone();
        let value = stack::value(&record, self.policy);
        let session = match (&value, stack::set(arn)) {
            (Some(_), _) => stack::session_on_behalf(&record),
            (None, Some(_)) => stack::session(&record),
            (None, None) => None,
        };
        self.tags = value.map(|value| (self.key.to_owned(), value)).into_iter().collect();
        let Some((session, key)) = session else { return self.changed_by(None) };
        self.changed = time;
        self.at = At::Taken;
        let target = target.named(key.as_deref().unwrap_or(&session));
        let (which, window) = (Which::ResourceName(session.clone()), stack::session_window(time, now));
        let wanted = Box::new(Wanted::Taken { session, key });
        Next::Ask(target, Question::History { which, window, wanted })
    }

    /// It is known who took the session in which the stack was changed.
    fn taken(&mut self, record: Option<&Record>, now: u64) -> Next {
        if !self.tags.is_empty() {
            return self.changed_by(record.and_then(|record| stack::taker(record, self.policy)));
        }
        // A stack set of this account changed it: then the history shows its operation.
        if !record.is_some_and(stack::is_own_account) {
            return self.otherwise();
        }
        let operations = self.inherit.as_ref().map_or(&[][..], |inherit| inherit.parent.set_by);
        self.to_ask = operations.iter().copied().map(Which::EventName).collect();
        self.calls.clear();
        self.ask_operations(now)
    }

    fn ask_operations(&mut self, now: u64) -> Next {
        self.at = At::Operations;
        let Some(inherit) = &self.inherit else { return self.otherwise() };
        if !self.to_ask.is_empty() {
            let which = self.to_ask.remove(0);
            let window = stack::session_window(self.changed, now);
            let wanted = Box::new(Wanted::Changes { names: inherit.parent.set_by.to_vec() });
            let target = target(inherit).named(&self.stack.0);
            return Next::Ask(target, Question::History { which, window, wanted });
        }
        let set = stack::set(&self.stack.0).unwrap_or_default();
        let found = stack::operation(set, &self.calls, self.changed);
        let value = found.and_then(|call| stack::value(&call.record, self.policy));
        self.changed_by(value)
    }

    /// The stack's change is known: it is of whoever took the session, or of whom the call itself names.
    fn changed_by(&self, taker: Option<String>) -> Next {
        let named = self.tags.first().map(|(_, value)| value.clone());
        match taker.or(named) {
            Some(named) => Next::Decided(Decision::Parent(named)),
            // A service changed it, or somebody whose resources are left alone.
            None => self.otherwise(),
        }
    }

    /// Who asked for it, where all that may have are the same.
    fn asked(&mut self, calls: &[Past], age: Age) -> Next {
        // Another may have asked for the same just now, which is shown later.
        if age.event < stack::SHOWN_AFTER && self.case.guard != Guard::None {
            return self.decided(age);
        }
        let mut values = calls.iter().map(|call| stack::value(&call.record, self.policy));
        let first = values.next().flatten();
        match first.filter(|first| values.all(|value| value.as_ref() == Some(first))) {
            Some(value) => Next::Decided(Decision::Parent(value)),
            None if calls.is_empty() => self.decided(age),
            None => self.otherwise(),
        }
    }

    fn call(&self) -> String {
        self.inherit.as_ref().map_or_else(String::new, |inherit| inherit.call())
    }

    /// The service, or nobody where its resources are left alone.
    fn otherwise(&self) -> Next {
        let skipped = self.policy.skips(&self.case.plan.creator);
        Next::Decided(if skipped { Decision::Nobody } else { Decision::Service })
    }

    fn decided(&self, age: Age) -> Next {
        match &self.inherit {
            Some(inherit) => Next::Decided(decide(inherit, Ok(&self.tags), self.key, age, self.case.guard)),
            None => self.otherwise(),
        }
    }

    fn failed(&self, failure: &Failure, age: Age) -> Next {
        match &self.inherit {
            Some(inherit) => Next::Decided(decide(inherit, Err(failure), self.key, age, self.case.guard)),
            None => self.otherwise(),
        }
    }
}

/// Whether the history may not be asked: then it does not tell. An answer that cannot be read is none of that kind.
fn is_refusal(failure: &Failure) -> bool {
    !failure.waits() && failure.code != UNREADABLE
}

/// The parent, as its operation takes it.
fn target(inherit: &Inherit) -> Target {
    let Inherit { parent, id, with, region, account, .. } = inherit;
    let (id, region, account) = (id.clone(), region.clone(), account.clone());
    Target { operation: parent.operation, id, region, account, with: with.clone() }
}

/// What to ask first about a parent: its tags, or the history where it has none.
fn first(inherit: &Inherit, event: Option<u64>) -> (At, Target, Question) {
    let made_by = inherit.parent.made_by;
    let target = target(inherit);
    let (Some(name), Some(event)) = (made_by.first(), event) else {
        let changes = !inherit.parent.changed_by.is_empty();
        let question = if changes { Question::Stack } else { Question::Tags(Vec::new()) };
        return (At::Parent, target, question);
    };
    let window = Window { from: event.saturating_sub(ASKED_BEFORE), until: event + 1 };
    let wanted = Box::new(Wanted::About { names: made_by, id: target.id.clone() });
    (At::Asked, target, Question::History { which: Which::EventName(name), window, wanted })
}

fn own_tags(resource: &Resource) -> (Target, Question) {
    (Target::of(resource), Question::Tags(Vec::new()))
}
