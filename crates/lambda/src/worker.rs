//! What every part of the function shares: plans cases, drives them through the executor, and settles them.
//!
//! Letters are sent first, then what waits, and the message that it came from is done with only after both. It must not
//! decide who, what or which tag, nor what waits; it never sleeps.

use crate::{
    intake::Message,
    log::{self, Lines},
};
use lambda_runtime::Diagnostic as RuntimeDiagnostic;
use serde_json::Value;
use tagger_aws::{Client, Done, Outcome, Queues, outcome::Class};
use tagger_core::{
    Policy,
    case::Case,
    settle::{self, Fate},
    tag_change::Mode,
    waves::Sight,
    work::Document,
};

/// What every invocation uses.
pub struct Handler {
    /// Calls AWS.
    pub client: Client,
    /// The user's choices.
    pub policy: Policy,
    /// Where what waits and what was given up goes; none where a failure is one of the invocation.
    pub queues: Option<Queues>,
    /// What becomes of the creator's tag where somebody changed it.
    pub tag_changes: Mode,
    /// What was seen lately of EC2's eventual consistency.
    pub sight: Sight,
}

/// What became of the records of an event.
#[derive(Default)]
pub struct Summary {
    /// Resources that have their tags now.
    pub tagged: usize,
    /// Resources that had the key.
    pub already_tagged: usize,
    /// Records about which there was nothing to do.
    pub left_alone: usize,
    /// Resources that wait.
    pub waiting: usize,
    /// Resources that are no longer there.
    pub gone: usize,
    /// Resources that are dead letters.
    pub given_up: usize,
    /// What went wrong, each with the message that it was in.
    pub failures: Vec<(Option<usize>, String)>,
    /// The messages that are not done and come again.
    pub again: Vec<usize>,
}

impl Summary {
    fn add(&mut self, other: Summary) {
        self.tagged += other.tagged;
        self.already_tagged += other.already_tagged;
        self.left_alone += other.left_alone;
        self.waiting += other.waiting;
        self.gone += other.gone;
        self.given_up += other.given_up;
        self.failures.extend(other.failures);
        self.again.extend(other.again);
    }

    /// The messages that are not done with.
    pub fn open(&self) -> impl Iterator<Item = usize> {
        self.failures.iter().filter_map(|(place, _)| *place).chain(self.again.iter().copied())
    }
}

/// An invocation in which something was not tagged.
#[derive(Debug)]
pub struct NotTagged(pub String);

impl From<NotTagged> for RuntimeDiagnostic {
    fn from(error: NotTagged) -> Self {
        RuntimeDiagnostic { error_type: "NotTagged".to_owned(), error_message: error.0 }
    }
}

impl Handler {
    /// What cannot be read becomes no better by waiting. In a message it is a dead letter at once; an event
    /// without one is left to Lambda's own destination, which keeps it whole.
    pub async fn keep_unreadable(
        &self,
        messages: &[Message],
        place: Option<usize>,
        problem: String,
        summary: &mut Summary,
        now: u64,
    ) {
        let message = place.and_then(|place| messages.get(place));
        if let (Some(queues), Some(message)) = (&self.queues, message) {
            let found = Value::from(message.body.as_str());
            let letter = settle::unreadable(found, &problem, message.sent, message.receives, now);
            let text = Document::DeadLetter(letter).text();
            match queues.send(&self.client, &queues.dead_letters, &text, 0).await {
                Ok(()) => summary.given_up += 1,
                Err(failure) => summary.failures.push((place, failure.to_string())),
            }
            return;
        }
        summary.failures.push((place, problem));
    }

    /// Plans, applies and settles every record of the event, together. `done` is told the message of each that is done
    /// with, or waits and will be.
    #[expect(
        clippy::too_many_arguments,
        reason = "what, of which messages, for whom, when, and whom to tell"
    )]
    pub async fn work(
        &self,
        cases: Vec<Case>,
        messages: &[Message],
        policy: &Policy,
        account: Option<&str>,
        now: u64,
        summary: &mut Summary,
        done_with: &dyn Fn(Option<usize>),
    ) {
        let mut planned: Vec<Case> = Vec::with_capacity(cases.len());
        for mut case in cases {
            case.decide(policy, account);
            // A retry has nothing new to say.
            if case.tries <= 1 || case.is_left_alone() {
                let lines = Lines::of(&case);
                case.plan.diagnostics.iter().for_each(|diagnostic| lines.diagnostic(diagnostic));
            }
            if let Some(found) = case.record.unknown_shape() {
                // Only records of CloudTrail are sent here; whatever this is must not be lost as if it were done.
                self.keep_unreadable(messages, case.message, found, summary, now).await;
            } else if case.is_left_alone() {
                summary.left_alone += 1;
                done_with(case.message);
            } else {
                planned.push(case);
            }
        }
        let settle = |place: usize, done: Vec<Done>| {
            let case = &planned[place];
            async move {
                let mut of_one = Summary::default();
                // A service's own resources are skipped, and its parent has no creator.
                if done.is_empty() && (case.plan.inherit.is_some() || case.plan.own_tags) {
                    of_one.left_alone += 1;
                    Lines::of(case).skipped();
                }
                match &self.queues {
                    Some(queues) => self.settle(queues, case, messages, &done, now, &mut of_one).await,
                    None => report(case, &done, &mut of_one),
                }
                if of_one.open().next().is_none() {
                    done_with(case.message);
                }
                of_one
            }
        };
        let settled = tagger_aws::settling(&self.client, policy, &self.sight, &planned, settle).await;
        settled.into_iter().for_each(|of_one| summary.add(of_one));
    }

    /// Letters first, then what waits; the message that it came from is done with only after both.
    async fn settle(
        &self,
        queues: &Queues,
        case: &Case,
        messages: &[Message],
        done: &[Done],
        now: u64,
        summary: &mut Summary,
    ) {
        let settlement = settle::settle(case, done, now);
        let lines = Lines::of(case);
        for (done, fate) in done.iter().zip(&settlement.fates) {
            lines.done(done, *fate);
            match fate {
                Fate::Done => count(done, summary),
                Fate::Gone => summary.gone += 1,
                Fate::Waits(_) => summary.waiting += 1,
                Fate::GivenUp => summary.given_up += 1,
            }
        }
        let letters = settlement.letters.into_iter().map(|letter| (Document::DeadLetter(letter), 0));
        let works = settlement.works.into_iter().map(|(work, delay)| (Document::Work(work), delay));
        for (document, delay) in letters.chain(works) {
            let url = match document {
                Document::DeadLetter(_) => &queues.dead_letters,
                Document::Work(_) => &queues.retry,
            };
            if let Err(failure) = queues.send(&self.client, url, &document.text(), delay).await {
                log::failure("queue", &failure.to_string());
                summary.failures.push((case.message, failure.to_string()));
                return;
            }
        }
        if let (Some(seconds), Some(place)) = (settlement.again, case.message) {
            summary.again.push(place);
            let receipt = messages.get(place).map_or("", |message| message.receipt.as_str());
            // It comes again all the same, after the queue's own time.
            if let Err(failure) = queues.postpone(&self.client, receipt, seconds).await {
                log::failure("queue", &failure.to_string());
            }
        }
    }
}

/// Where there are no queues, a failure is one of the invocation.
fn report(case: &Case, done: &[Done], summary: &mut Summary) {
    let lines = Lines::of(case);
    for done in done {
        match &done.outcome {
            Outcome::Failed(failure) if failure.class == Class::NotOurs => {
                lines.done(done, Fate::Done);
                count(done, summary);
            }
            Outcome::Failed(failure) => {
                lines.done(done, Fate::GivenUp);
                summary.failures.push((case.message, format!("{}: {failure}", done.arn)));
            }
            Outcome::Replaced(_) => {
                lines.done(done, Fate::Gone);
                summary.gone += 1;
            }
            Outcome::Tagged | Outcome::AlreadyTagged { .. } | Outcome::LeftAlone(_) => {
                lines.done(done, Fate::Done);
                count(done, summary);
            }
        }
    }
}

fn count(done: &Done, summary: &mut Summary) {
    match done.outcome {
        Outcome::AlreadyTagged { .. } => summary.already_tagged += 1,
        // A failure that is done with is of what only AWS may tag.
        Outcome::LeftAlone(_) | Outcome::Failed(_) => summary.left_alone += 1,
        Outcome::Tagged | Outcome::Replaced(_) => summary.tagged += 1,
    }
}
