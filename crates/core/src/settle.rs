//! After a try: what is done, what waits and for how long, what is given up. Pure; `tagger-lambda` sends
//! the messages that this asks for, and the property test in `tests/delivery.rs` crashes between them.
//!
//! The order is part of the promise: letters first, then new pieces of work, and only then the message
//! that they came from is done with. A crash in between repeats something and loses nothing.

use crate::{
    case::{Came, Case},
    outcome::{Done, Failure, MISSING, Outcome},
    patience::{Guard, Patience, patience},
    work::{DeadLetter, Named, Search, Work},
};

/// What becomes of one resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It has its tag, or is to have none.
    Done,
    /// It is no longer there.
    Gone,
    /// It is tried again in so many seconds.
    Waits(u64),
    /// It is a dead letter.
    GivenUp,
}

/// What there is to do after a try.
#[derive(Debug, Default, PartialEq)]
pub struct Settlement {
    /// What becomes of each resource, in the order of the outcomes.
    pub fates: Vec<Fate>,
    /// To the dead-letter queue, first.
    pub letters: Vec<DeadLetter>,
    /// To the retry queue, second: each with its delay in seconds.
    pub works: Vec<(Work, u64)>,
    /// The message that it came from becomes visible again after so many seconds, and is not done.
    pub again: Option<u64>,
}

/// Settles a try.
pub fn settle(case: &Case, done: &[Done], now: u64) -> Settlement {
    let age = case.age(now);
    let event_id = case.record.text("eventID").unwrap_or_default();
    let fates: Vec<Fate> = done
        .iter()
        .map(|done| match &done.outcome {
            Outcome::Tagged | Outcome::AlreadyTagged { .. } | Outcome::LeftAlone(_) => Fate::Done,
            Outcome::Replaced(_) => Fate::Gone,
            Outcome::Failed(failure) => {
                match patience(failure, done.resource_type, age, case.guard, &event_id) {
                    Patience::Wait(seconds) => Fate::Waits(seconds),
                    Patience::Gone => Fate::Gone,
                    Patience::LeaveAlone => Fate::Done,
                    Patience::GiveUp => Fate::GivenUp,
                }
            }
        })
        .collect();
    let failures = || done.iter().zip(&fates).filter_map(|(done, fate)| Some((done, failure(done)?, *fate)));
    let given_up = failures().filter(|(.., fate)| *fate == Fate::GivenUp);
    let letters = letters(case, given_up.map(|(done, failure, _)| (done, failure)), now);
    let waiting: Vec<_> = failures()
        .filter_map(|(done, failure, fate)| match fate {
            Fate::Waits(seconds) => Some((done, failure, seconds)),
            _ => None,
        })
        .collect();
    // A message's text cannot be changed. Where a part of it was given up, the rest waits as a new message,
    // so that the part is not given up again and again.
    // So it is where something is missing from now on, which has to be remembered.
    let known = case.work.as_ref().and_then(|work| work.missing_since);
    let missing = waiting.iter().any(|(_, failure, _)| failure.code == MISSING);
    let missing_since = known.or(missing.then_some(now));
    let again = (case.came == Came::Waiting && letters.is_empty() && missing_since == known)
        .then(|| waiting.iter().map(|(.., seconds)| *seconds).min())
        .flatten();
    let works = if again.is_some() { Vec::new() } else { works(case, &waiting, missing_since) };
    Settlement { fates, letters, works, again }
}

/// The letter about a message in which there was no record.
pub fn unreadable(
    found: serde_json::Value,
    message: &str,
    first_seen: u64,
    tries: u64,
    now: u64,
) -> DeadLetter {
    let reason = Failure::ours(tagger_catalog::errors::Class::Failed, "", "not-a-record", message);
    DeadLetter { record: found.into(), resources: Vec::new(), reason, since: first_seen, gave_up: now, tries }
}

fn failure(done: &Done) -> Option<&Failure> {
    match &done.outcome {
        Outcome::Failed(failure) => Some(failure),
        _ => None,
    }
}

/// One letter for all that failed alike.
fn letters<'a>(
    case: &Case,
    given_up: impl Iterator<Item = (&'a Done, &'a Failure)>,
    now: u64,
) -> Vec<DeadLetter> {
    let mut letters: Vec<DeadLetter> = Vec::new();
    for (done, failure) in given_up {
        let named = Named { r#type: done.resource_type.to_owned(), arn: done.arn.clone() };
        match letters.iter_mut().find(|letter| letter.reason == *failure) {
            Some(letter) => letter.resources.push(named),
            None => letters.push(DeadLetter {
                record: case.record.stored(),
                resources: vec![named],
                reason: failure.clone(),
                since: case.first_seen,
                gave_up: now,
                tries: case.tries,
            }),
        }
    }
    letters
}

/// The resources that wait as one piece of work, their children as another.
fn works(case: &Case, waiting: &[(&Done, &Failure, u64)], missing_since: Option<u64>) -> Vec<(Work, u64)> {
    let (children, resources): (Vec<_>, Vec<_>) =
        waiting.iter().partition(|(done, ..)| done.parent.is_some());
    let of = |part: &[&(&Done, &Failure, u64)]| {
        let (_, failure, _) = part.first()?;
        let seconds = part.iter().map(|(.., seconds)| *seconds).min()?;
        let mut work = Work {
            record: case.record.stored(),
            reason: Some((*failure).clone()),
            first_seen: case.first_seen,
            tries: case.tries,
            missing_since,
            confirmed: case.guard == Guard::Confirmed,
            ..Work::default()
        };
        for (done, ..) in part {
            match &done.parent {
                // What is not known yet is the whole record.
                None if done.arn.is_empty() => {
                    return Some((Work { resources: Vec::new(), children: Vec::new(), ..work }, seconds));
                }
                None => work.resources.push(done.arn.clone()),
                Some(parent) => add_search(&mut work.children, parent, done.resource_type),
            }
        }
        Some((work, seconds))
    };
    [of(&resources), of(&children)].into_iter().flatten().collect()
}

fn add_search(searches: &mut Vec<Search>, parent: &str, resource_type: &str) {
    let of_type = searches.iter_mut().find(|search| search.types == [resource_type]);
    match of_type {
        Some(search) if search.parents.iter().any(|known| known == parent) => {}
        Some(search) => search.parents.push(parent.to_owned()),
        None => {
            searches.push(Search { parents: vec![parent.to_owned()], types: vec![resource_type.to_owned()] })
        }
    }
}
