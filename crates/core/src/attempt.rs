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
    outcome::{Class, Failure, Outcome, UNREADABLE},
    patience::{Age, FRESH, Guard, SURE, not_found_until},
    policy::{Existing, Policy},
    proof::{as_whole_set, existed, is_no_answer, same, to_write, value_of, whole_set},
    resources::Resource,
    step::{Answer, Facts, Question, Step, Tags, Target},
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
    /// Whether the resource that this creator made, at this time, was deleted; the names that are left to ask by.
    Ended(String, u64, Vec<String>),
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
        match tagger_catalog::told_of(self.resource.entry.resource_type) {
            Some(told) if self.upserts() => self.describe(told, At::Describe(told)),
            _ => self.by_lifetime(),
        }
    }

    /// What to ask where the call cannot have found what exists, or where that is known.
    fn by_lifetime(&mut self) -> Step {
        match tagger_catalog::lifetime(self.resource.entry.resource_type) {
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
            (At::Describe(told), Answer::Failed(failure)) if told.only_existed && is_no_answer(&failure) => {
                self.by_lifetime()
            }
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
            (At::Earlier(value, _), Answer::Found(Some(past))) => self.made_before(value, &past),
            (At::Ended(..), Answer::Found(Some(_))) => self.replace(),
            (At::Ended(value, since, names), Answer::Found(None)) => self.ended_since(value, since, names),
            (At::Earlier(value, names), Answer::Found(None)) => self.earlier(value, names),
            (At::Earlier(value, _) | At::Ended(value, ..), Answer::Failed(failure)) if !failure.waits() => {
                self.end(Outcome::AlreadyTagged { value })
            }
            (At::Deleted(gone, _), Answer::Failed(failure)) if !failure.waits() => {
                self.never_seen(&gone, &failure.message)
            }
            (At::Deleted(..) | At::Earlier(..) | At::Ended(..), Answer::Failed(failure)) => {
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
        let mut target = Target::of(&self.resource).named(&name);
        target.operation = tagger_catalog::operation(told.at).unwrap_or(target.operation);
        self.ask(at, target, Question::Describe(told))
    }

    fn described(&mut self, told: &'static Told, facts: &Facts) -> Step {
        let event_time = self.case.event_time;
        let same = same(&self.case.record, event_time, told, facts);
        if same == Some(false) && !told.only_existed {
            let diagnostic = Diagnostic::resource_replaced(told.resource_type, &self.resource.arn);
            return self.end(Outcome::Replaced(diagnostic));
        }
        if self.upserts() && existed(event_time, facts) {
            let diagnostic = Diagnostic::resource_existed(told.resource_type, &self.resource.arn);
            return self.end(Outcome::Replaced(diagnostic));
        }
        if told.only_existed {
            return self.by_lifetime();
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

    /// Whether its call answers with success for what exists, too.
    fn upserts(&self) -> bool {
        self.resource.entry.upserts_in(&self.resource.region)
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

    fn failure(&self, class: Class, code: &str, message: String) -> Failure {
        Failure::ours(class, self.resource.entry.operation.name, code, message)
    }
}

mod past;
#[cfg(test)]
mod tests;
