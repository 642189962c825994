//! What a try asks of the event history: whether what it does not find was deleted, and whether the creator that it
//! finds is that of an earlier resource of the name.

use super::{At, Attempt};
use crate::{
    history,
    outcome::{Class, Failure, GIVEN_AGAIN, MISSING, Outcome},
    patience::Guard,
    resources::Resource,
    step::{Past, Question, Step, Target, Wanted, Which},
    window::{KEPT, SHOWN_AFTER, SHOWN_FOR_SURE, Window},
};
use tagger_catalog::{Upsert, plain_event_name};

impl Attempt<'_> {
    /// Whether a creator that is there may be that of an earlier resource of this name, whose event came late: this
    /// call cannot have succeeded on what exists.
    pub(super) fn may_be_anothers(&self, value: &str) -> bool {
        self.case.guard != Guard::None
            && (self.resource.entry.upsert != Upsert::Always || self.made_by_call)
            && history::may_be_anothers(&self.case.record, &self.case.plan, self.resource.entry, value)
    }

    /// Asks whether that person created something of this name before.
    pub(super) fn earlier(&mut self, value: String, mut names: Vec<String>) -> Step {
        let Some(event_time) = self.case.event_time.filter(|_| !names.is_empty()) else {
            return self.end(Outcome::AlreadyTagged { value });
        };
        // Nothing is to be asked about what is older than the history.
        if self.age.event >= KEPT {
            return self.end(Outcome::AlreadyTagged { value });
        }
        if self.age.event < SHOWN_AFTER {
            let message = format!(
                "it has the creator {value}, and the event history is asked whether that is of an earlier one"
            );
            return self.end(Outcome::Failed(self.failure(Class::NotReady, GIVEN_AGAIN, message)));
        }
        let window = Window { from: event_time.saturating_sub(KEPT - self.age.event), until: event_time + 1 };
        let (arn, policy) = (self.resource.arn.clone(), Box::new(self.policy.clone()));
        let wanted = Box::new(Wanted::Created { arn, value: value.clone(), policy });
        let which = Which::ResourceName(names.remove(0));
        let target = Target::of(&self.resource);
        self.ask(At::Earlier(value, names), target, Question::History { which, window, wanted })
    }

    /// That person did. Where this call may have found that very resource, it was another one only if it was deleted
    /// since.
    pub(super) fn made_before(&mut self, value: String, past: &Past) -> Step {
        match past.time {
            _ if !self.upserts() || self.made_by_call => self.replace(),
            Some(time) => {
                let names = self.names();
                self.ended_since(value, time, names)
            }
            None => self.end(Outcome::AlreadyTagged { value }),
        }
    }

    /// Asks whether what that person made then was deleted before this call.
    pub(super) fn ended_since(&mut self, value: String, since: u64, mut names: Vec<String>) -> Step {
        let Some(event_time) = self.case.event_time.filter(|_| !names.is_empty()) else {
            return self.end(Outcome::AlreadyTagged { value });
        };
        let call = self.case.record.event_name();
        let what = plain_event_name(&call).strip_prefix("Create").unwrap_or_default().to_owned();
        let wanted = self.deletion(what);
        let window = Window { from: since, until: event_time + 1 };
        let which = Which::ResourceName(names.remove(0));
        let target = Target::of(&self.resource);
        self.ask(At::Ended(value, since, names), target, Question::History { which, window, wanted })
    }

    /// A call that deletes it, or the one that deletes what has this word in its name.
    fn deletion(&self, what: String) -> Box<Wanted> {
        let source = self.case.record.event_source();
        Box::new(Wanted::Deleted { source, what, names: self.names() })
    }

    /// That creator was of an earlier resource, and this one has it by our own late write.
    pub(super) fn replace(&mut self) -> Step {
        let creator = self.tags.iter().take(1).cloned().collect();
        self.write(creator)
    }

    /// The names by which the history may know it, and what it ended with.
    pub(super) fn names(&self) -> Vec<String> {
        let Resource { arn, id, .. } = &*self.resource;
        let mut names = history::names(arn, id);
        names.extend(history::instance_of(&self.case.record, id).filter(|instance| instance != id));
        names
    }

    /// Nothing was ever seen of it, which a wrong ARN looks like as well: the history says whether it was deleted.
    pub(super) fn deleted(&mut self, failure: Failure, mut names: Vec<String>) -> Step {
        let Some(event_time) = self.case.event_time.filter(|_| !names.is_empty() && self.age.event < KEPT)
        else {
            return self.not_deleted(&failure);
        };
        let window = Window { from: event_time, until: event_time + self.age.event + 1 };
        let wanted = self.deletion(String::new());
        let which = Which::ResourceName(names.remove(0));
        let target = Target::of(&self.resource);
        self.ask(At::Deleted(failure, names), target, Question::History { which, window, wanted })
    }

    /// The history knows no call that deleted it: it shows a call some minutes late.
    fn not_deleted(&mut self, failure: &Failure) -> Step {
        let now = self.case.event_time.unwrap_or(self.case.first_seen) + self.age.event;
        let since = self.case.work.as_ref().and_then(|work| work.missing_since);
        if since.is_none_or(|since| now < since + SHOWN_FOR_SURE) {
            let message = format!(
                "{} answered {}, and the event history may yet show who deleted it",
                failure.call, failure.code
            );
            return self.end(Outcome::Failed(self.failure(Class::NotReady, MISSING, message)));
        }
        self.never_seen(failure, "the event history knows no call that deleted it")
    }

    pub(super) fn never_seen(&mut self, failure: &Failure, why: &str) -> Step {
        let message = format!(
            "no try ever saw it, and {why}; its ARN may be wrong: {} answered {}",
            failure.call, failure.code
        );
        self.end(Outcome::Failed(self.failure(Class::Failed, "never-seen", message)))
    }
}
