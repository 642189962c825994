//! One try to tag one resource, as a machine without I/O: it says what to ask AWS next, is told the answer, and ends.
//! Every resource goes through it, EC2's and buckets too; `waves` carries its questions, `tagger-aws` asks them.
//!
//! Three promises are kept here: tags that were not read are not overwritten, a resource that was made after
//! the event under the same name is not tagged, nor one that the call only found or changed, where the service
//! tells when it was made.

use crate::{
    case::Case,
    diagnostic::Diagnostic,
    given::given,
    history,
    outcome::{Class, Failure, GIVEN_AGAIN, MISSING, Outcome, UNREADABLE},
    patience::{Age, FRESH, Guard, SURE, not_found_until},
    policy::{Existing, Policy},
    proof::{as_whole_set, existed, is_no_answer, same, to_write, value_of, whole_set},
    resources::Resource,
    step::{Answer, Facts, Question, Step, Tags, Target, Wanted, Which},
    window::{KEPT, SHOWN_AFTER, SHOWN_FOR_SURE, Window},
};
use std::rc::Rc;
use tagger_catalog::{Lifetime, ec2, lifetime::Told, operation::Variant};

/// One try to tag one resource.
#[derive(Debug)]
pub struct Attempt<'a> {
    case: &'a Case,
    policy: &'a Policy,
    resource: Rc<Resource>,
    /// The tags, the creator's first.
    tags: Rc<Tags>,
    age: Age,
    at: At,
    /// The tags that are known to be there.
    there: Tags,
    /// Whether a bucket's set is replaced as a whole.
    whole: bool,
    /// Whether anything was seen of the resource: in this try, or when it was looked up.
    seen: bool,
    /// Whether the service said that it was this call that made it.
    made_by_call: bool,
    /// Whether one of EC2's is to be seen before it is written.
    looks: bool,
    /// Whether an answer to what was asked last shows that it is there, also where it has no tags.
    shows: bool,
    /// The keys of further tags for which there is no room.
    left_out: Vec<String>,
}

/// What was asked last.
#[derive(Debug)]
enum At {
    Start,
    Describe(&'static Told),
    /// Whether it is there at all, since nothing tells whether it is the same.
    Probe,
    /// Whether it is there at all, after this failure.
    Doubt(Failure),
    Read,
    Write(Tags),
    /// Whether the history knows that it was deleted, after this failure; the names that are left to ask by.
    Deleted(Failure, Vec<String>),
    /// Whether the creator that is there is of an earlier resource of this name; the names that are left to ask by.
    Earlier(String, Vec<String>),
}

impl<'a> Attempt<'a> {
    /// A try at a resource of a case, of this age. `tags` are those that it is to have, the creator's first; `seen` is
    /// whether it was looked up just now.
    pub fn new(
        (case, policy): (&'a Case, &'a Policy),
        resource: Rc<Resource>,
        tags: Rc<Tags>,
        age: Age,
        seen: bool,
    ) -> Self {
        let (there, left_out) = (Tags::new(), Vec::new());
        let (at, whole, made_by_call, looks, shows) = (At::Start, false, false, false, false);
        Self {
            case,
            policy,
            resource,
            tags,
            age,
            at,
            there,
            whole,
            seen,
            made_by_call,
            looks,
            shows,
            left_out,
        }
    }

    /// The resource.
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// The keys of further tags for which it had no room.
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// What to ask first. `looks` is whether EC2's are to be seen before they are written.
    pub fn start(&mut self, looks: bool) -> Step {
        self.looks = looks;
        let lifetime = tagger_catalog::lifetime(self.resource.entry.resource_type);
        match lifetime {
            Lifetime::Told(told) if self.resource.entry.upsert => self.describe(told, At::Describe(told)),
            _ if self.case.guard == Guard::None => self.tags(),
            Lifetime::Told(told) if !told.ready.is_empty() || self.age.event > FRESH => {
                self.describe(told, At::Describe(told))
            }
            Lifetime::Unknown => self.unknown(),
            Lifetime::Told(_) | Lifetime::Unique => self.tags(),
        }
    }

    /// What to ask after an answer.
    pub fn next(&mut self, answer: Answer) -> Step {
        self.seen |= match &answer {
            // EC2's DescribeTags lists nothing for what it does not know, too.
            Answer::Tags(there) => self.shows || !there.is_empty(),
            Answer::Described(_) | Answer::Written => true,
            _ => false,
        };
        match (std::mem::replace(&mut self.at, At::Start), answer) {
            (At::Describe(told), Answer::Described(facts)) => self.described(told, &facts),
            // A service that does not answer this is one that does not tell. What disturbs its owner waits
            // until it is known not to.
            (At::Describe(told), Answer::Failed(failure))
                if told.ready.is_empty() && is_no_answer(&failure) =>
            {
                self.unknown()
            }
            (At::Probe, Answer::Tags(there)) => self.probed(&there),
            (At::Probe, Answer::Failed(failure)) if failure.class != Class::NotFound && !failure.waits() => {
                self.uncertain()
            }
            (At::Doubt(failure), Answer::Failed(found)) if found.class == Class::NotFound => {
                let message = format!("{}; {} answered {}", found.message, failure.call, failure.code);
                self.failed(Failure { message, ..found })
            }
            (At::Doubt(failure), _) => self.end(Outcome::Failed(failure)),
            (At::Read, Answer::Tags(there)) => self.read(there),
            (At::Read, Answer::Failed(failure)) if self.whole && failure.code == "NoSuchTagSet" => {
                self.read(Tags::new())
            }
            (At::Read | At::Write(_), Answer::Failed(failure)) if self.is_not_to_be_had(&failure) => {
                self.whole = true;
                self.ask_tags()
            }
            (At::Write(_), Answer::Written) => self.end(Outcome::Tagged),
            (At::Write(tags), Answer::Refused) => match self.look() {
                Some(look) => self.ask(At::Read, self.target(), Question::Look(look)),
                None => self.write(tags),
            },
            (At::Write(tags), Answer::Failed(failure)) if failure.class == Class::Limit && tags.len() > 1 => {
                self.creator_only(tags, failure)
            }
            (At::Deleted(failure, _), Answer::Found(Some(_))) => self.end(Outcome::Failed(failure)),
            (At::Deleted(failure, names), Answer::Found(None)) => self.deleted(failure, names),
            (At::Earlier(value, _), Answer::Found(Some(_))) => self.replace(&value),
            (At::Earlier(value, names), Answer::Found(None)) => self.earlier(value, names),
            (At::Earlier(value, _), Answer::Failed(failure)) if !failure.waits() => {
                self.end(Outcome::AlreadyTagged { value })
            }
            (At::Deleted(gone, _), Answer::Failed(failure)) if !failure.waits() => {
                self.never_seen(&gone, &failure.message)
            }
            (At::Deleted(..) | At::Earlier(..), Answer::Failed(failure)) => {
                self.end(Outcome::Failed(failure))
            }
            (At::Describe(_), Answer::Failed(failure)) if failure.class != Class::NotFound => {
                self.end(Outcome::Failed(failure))
            }
            (_, Answer::Failed(failure)) => self.failed(failure),
            (at, answer) => {
                let message = format!("{answer:?} is no answer to {at:?}");
                self.end(Outcome::Failed(self.failure(Class::Failed, UNREADABLE, message)))
            }
        }
    }

    fn ask(&mut self, at: At, target: Target, question: Question) -> Step {
        self.shows = matches!(question, Question::Look(_)) || target.operation.variant != Variant::Ec2;
        self.at = at;
        Step::Ask(target, question)
    }

    fn end(&mut self, outcome: Outcome) -> Step {
        Step::End(outcome)
    }

    fn describe(&mut self, told: &'static Told, at: At) -> Step {
        // What the call wants is not always known; then it tells nothing.
        let Some(name) = self.resource.identifier(told, &self.case.record) else {
            return match at {
                At::Doubt(failure) => self.end(Outcome::Failed(failure)),
                _ => self.described(told, &Facts::default()),
            };
        };
        let target = Target::of(&self.resource).named(&name);
        self.ask(at, target, Question::Describe(told))
    }

    fn described(&mut self, told: &'static Told, facts: &Facts) -> Step {
        let event_time = self.case.event_time;
        let same = same(&self.case.record, event_time, told, facts);
        if same == Some(false) {
            let diagnostic = Diagnostic::resource_replaced(told.resource_type, &self.resource.arn);
            return self.end(Outcome::Replaced(diagnostic));
        }
        if self.resource.entry.upsert && existed(event_time, facts) {
            let diagnostic = Diagnostic::resource_existed(told.resource_type, &self.resource.arn);
            return self.end(Outcome::Replaced(diagnostic));
        }
        let status = facts.status.as_deref().unwrap_or("in an unknown state");
        if status.eq_ignore_ascii_case("deleting") {
            let message = "it is being deleted".to_owned();
            return self.end(Outcome::Failed(self.failure(Class::NotFound, "Deleting", message)));
        }
        if !told.ready.is_empty() && !told.ready.contains(&status) {
            let message = format!("it is {status}, and is tagged when it is {}", told.ready.join(" or "));
            return self.end(Outcome::Failed(self.failure(Class::NotReady, "NotAvailable", message)));
        }
        self.made_by_call = facts.created.is_some() && same == Some(true);
        // Some services note the time when it is ready, so this is asked last.
        if same.is_none() { self.unknown() } else { self.tags() }
    }

    fn unsure(&self) -> bool {
        self.case.guard == Guard::Strict && self.age.event >= SURE
    }

    /// Where nothing tells whether it is the same resource. What is no longer there needs no tag, and what has a
    /// creator needs no other, so that is asked before it is given up.
    fn unknown(&mut self) -> Step {
        if !self.unsure() {
            return self.tags();
        }
        if self.resource.entry.operation.read.is_none() {
            return self.uncertain();
        }
        let (target, question) = self.question_of_tags();
        self.ask(At::Probe, target, question)
    }

    fn probed(&mut self, there: &[(String, String)]) -> Step {
        let key = self.tags.first().map_or("", |tag| tag.0.as_str());
        match value_of(self.resource.entry.operation, there, key) {
            Some(value) => {
                let value = value.to_owned();
                self.end(Outcome::AlreadyTagged { value })
            }
            None => self.uncertain(),
        }
    }

    fn uncertain(&mut self) -> Step {
        let resource_type = self.resource.entry.resource_type;
        let diagnostic = Diagnostic::resource_uncertain(resource_type, &self.resource.arn, SURE / 60);
        self.end(Outcome::Failed(self.failure(Class::Failed, diagnostic.code.as_str(), diagnostic.message)))
    }

    /// Its tags, or at once what is written.
    fn tags(&mut self) -> Step {
        if self.case.plan.existing == Existing::Overwrite && self.policy.opt_out.is_empty() {
            let tags = self.tags.to_vec();
            return self.write(tags);
        }
        if self.resource.entry.operation.variant == Variant::Ec2 {
            return self.tags_of_ec2();
        }
        self.ask_tags()
    }

    /// EC2's DescribeTags lists nothing for an id that is not visible yet, and CreateTags, a moment later, overwrites. So
    /// what the record says was given counts as there; where it cannot say all, the resource must be seen.
    fn tags_of_ec2(&mut self) -> Step {
        let given = given(&self.case.record, &self.resource);
        let keys = self.keys();
        self.there = given.tags.into_iter().filter(|(key, _)| keys.contains(key)).collect();
        if let Some(outcome) = self.opted_out() {
            return self.end(outcome);
        }
        match to_write(&self.tags, self.resource.entry.operation, &self.there) {
            // What it has by now is read: somebody may have set it since.
            Err(Outcome::AlreadyTagged { value }) if self.is_copied(&value) => {
                let key = self.tags.first().map(|(key, _)| key.clone());
                self.there.retain(|(known, _)| Some(known) != key.as_ref());
            }
            Err(_) if self.case.plan.existing != Existing::Keep => {}
            Err(outcome) => return self.end(outcome),
            Ok(_) => {}
        }
        match self.look().filter(|_| !given.whole || self.looks) {
            Some(look) => self.ask(At::Read, self.target(), Question::Look(look)),
            None => self.ask_tags(),
        }
    }

    fn look(&self) -> Option<&'static ec2::Look> {
        ec2::look(self.resource.entry.resource_type)
    }

    fn ask_tags(&mut self) -> Step {
        let (target, question) = self.question_of_tags();
        self.ask(At::Read, target, question)
    }

    fn question_of_tags(&self) -> (Target, Question) {
        (self.target(), Question::Tags(self.keys()))
    }

    /// The keys that matter: those that are written, and those that opt out.
    fn keys(&self) -> Vec<String> {
        let mut keys: Vec<String> = self.tags.iter().map(|(key, _)| key.clone()).collect();
        let opt_out =
            self.policy.opt_out.keys().filter(|key| self.tags.iter().all(|(known, _)| known != key));
        keys.extend(opt_out.map(str::to_owned));
        keys
    }

    /// What becomes of it where a tag that is there opts it out.
    fn opted_out(&self) -> Option<Outcome> {
        let there = self.there.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let tag = self.policy.opt_out.find(there)?;
        let what = format!("the {} {}", self.resource.entry.resource_type, self.resource.arn);
        Some(Outcome::LeftAlone(Diagnostic::opted_out(&tag, &what)))
    }

    /// The resource as it is tagged: by its own operation, or a bucket by that of the whole set.
    fn target(&self) -> Target {
        let whole = if self.whole { whole_set(&self.resource) } else { None };
        whole.unwrap_or_else(|| Target::of(&self.resource))
    }

    fn is_not_to_be_had(&self, failure: &Failure) -> bool {
        !self.whole && as_whole_set(&self.resource, failure).is_some()
    }

    fn read(&mut self, there: Tags) -> Step {
        let new = there.into_iter().filter(|(key, _)| self.there.iter().all(|(known, _)| known != key));
        let new: Tags = new.collect();
        self.there.extend(new);
        if let Some(outcome) = self.opted_out() {
            return self.end(outcome);
        }
        if self.case.plan.existing == Existing::Overwrite {
            let tags = self.tags.to_vec();
            return self.write(tags);
        }
        match to_write(&self.tags, self.resource.entry.operation, &self.there) {
            Ok((tags, left_out)) => {
                self.left_out = left_out;
                self.write(tags)
            }
            Err(Outcome::AlreadyTagged { value }) if self.is_copied(&value) => self.instead_of_the_copy(),
            Err(Outcome::AlreadyTagged { value }) if self.may_be_anothers(&value) => {
                let names = history::names(&self.resource.arn, &self.resource.id);
                self.earlier(value, names)
            }
            Err(outcome) => self.end(outcome),
        }
    }

    /// Whether a creator that is there came with the source's tags, which the call copied.
    fn is_copied(&self, value: &str) -> bool {
        !self.case.reconciled
            && history::is_copied(
                &self.case.record,
                self.resource.entry,
                &self.tags,
                &self.there,
                value,
                self.age,
            )
    }

    /// The creator in the place of the one that was copied, and what is missing.
    fn instead_of_the_copy(&mut self) -> Step {
        let operation = self.resource.entry.operation;
        let key = self.tags.first().map_or("", |tag| tag.0.as_str()).to_owned();
        let others: Tags = self.there.iter().filter(|(known, _)| *known != key).cloned().collect();
        match to_write(&self.tags, operation, &others) {
            Ok((tags, left_out)) => {
                self.left_out = left_out;
                self.write(tags)
            }
            Err(outcome) => self.end(outcome),
        }
    }

    fn write(&mut self, tags: Tags) -> Step {
        let target = self.target();
        let mut all = tags.clone();
        if self.whole {
            let others = self.there.iter().filter(|(key, _)| tags.iter().all(|(new, _)| new != key));
            all = others.cloned().chain(all).collect();
        }
        self.ask(At::Write(tags), target, Question::Write(all))
    }

    /// There was no room for all; the creator's tag is what this is for.
    fn creator_only(&mut self, tags: Tags, failure: Failure) -> Step {
        let key = self.tags.first().map_or("", |tag| tag.0.as_str());
        let (creator, others): (Tags, Tags) = tags.into_iter().partition(|(one, _)| one == key);
        if creator.is_empty() {
            return self.end(Outcome::Failed(failure));
        }
        self.left_out.extend(others.into_iter().map(|(key, _)| key));
        self.write(creator)
    }

    /// Whether a creator that is there may be that of an earlier resource of this name, whose event came late: this
    /// call cannot have succeeded on what exists.
    fn may_be_anothers(&self, value: &str) -> bool {
        self.case.guard != Guard::None
            && (!self.resource.entry.upsert || self.made_by_call)
            && history::may_be_anothers(&self.case.record, &self.case.plan, self.resource.entry, value)
    }

    /// Asks whether that person created something of this name before.
    fn earlier(&mut self, value: String, mut names: Vec<String>) -> Step {
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

    /// That creator was of an earlier resource, and this one has it by our own late write.
    fn replace(&mut self, _value: &str) -> Step {
        let creator = self.tags.iter().take(1).cloned().collect();
        self.write(creator)
    }

    /// What could not be asked or written. Before that is final, it is asked whether the resource is there: some
    /// services answer otherwise for what is not.
    fn failed(&mut self, failure: Failure) -> Step {
        if failure.class == Class::NotFound {
            let until = not_found_until(self.resource.entry.resource_type);
            let is_old = self.case.guard != Guard::None && self.age.event >= until;
            if is_old && !self.seen {
                let names = self.names();
                return self.deleted(failure, names);
            }
            return self.end(Outcome::Failed(failure));
        }
        let final_ = !failure.waits()
            && matches!(failure.class, Class::Denied | Class::Failed | Class::Unsupported)
            && failure.code != UNREADABLE;
        match tagger_catalog::lifetime(self.resource.entry.resource_type) {
            Lifetime::Told(told) if final_ && !self.seen && self.case.guard != Guard::None => {
                self.describe(told, At::Doubt(failure))
            }
            _ => self.end(Outcome::Failed(failure)),
        }
    }

    /// The names by which the history may know it, and what it ended with.
    fn names(&self) -> Vec<String> {
        let Resource { arn, id, .. } = &*self.resource;
        let mut names = history::names(arn, id);
        names.extend(history::instance_of(&self.case.record, id).filter(|instance| instance != id));
        names
    }

    /// Nothing was ever seen of it, which a wrong ARN looks like as well: the history says whether it was deleted.
    fn deleted(&mut self, failure: Failure, mut names: Vec<String>) -> Step {
        let Some(event_time) = self.case.event_time.filter(|_| !names.is_empty() && self.age.event < KEPT)
        else {
            return self.not_deleted(&failure);
        };
        let window = Window { from: event_time, until: event_time + self.age.event + 1 };
        let source = self.case.record.event_source();
        let wanted = Box::new(Wanted::Deleted { source, names: self.names() });
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

    fn never_seen(&mut self, failure: &Failure, why: &str) -> Step {
        let message = format!(
            "no try ever saw it, and {why}; its ARN may be wrong: {} answered {}",
            failure.call, failure.code
        );
        self.end(Outcome::Failed(self.failure(Class::Failed, "never-seen", message)))
    }

    fn failure(&self, class: Class, code: &str, message: String) -> Failure {
        Failure::ours(class, self.resource.entry.operation.name, code, message)
    }
}

#[cfg(test)]
mod tests;
