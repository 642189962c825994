//! Which questions go in one call, in which order calls go, and which members an answer or an error is about. Pure
//! functions for `waves`.

use crate::{
    outcome::{Class, Failure},
    step::{Answer, Question, Reply, Target},
};
use std::rc::Rc;
use tagger_catalog::finder::MOST_PARENTS;

/// A question of a unit.
#[derive(Debug)]
pub(crate) struct Due {
    pub target: Target,
    pub question: Question,
    /// In a call for so many at most.
    pub most: usize,
    /// Whether everybody who asks the same may have the same answer.
    pub shared: bool,
    /// What has the same may go in one call; made once, since thousands may be held back.
    pub lane: Rc<str>,
}

impl Due {
    pub(crate) fn new(target: Target, question: Question, most: usize, shared: bool) -> Self {
        let lane = lane(&target, &question, most, shared);
        Self { target, question, most, shared, lane }
    }

    /// The same in calls for fewer.
    pub(crate) fn at_most(self, most: usize) -> Self {
        Self::new(self.target, self.question, most, self.shared)
    }
}

/// Whether a reply says that EC2 does not show a resource: a refused write for many, or a look that has it not.
pub(crate) fn is_hidden(due: &Due, reply: &Reply) -> bool {
    match (&due.question, reply) {
        (Question::Write(_), Reply::All(Answer::Failed(failure))) => {
            failure.class == Class::NotFound && capacity(&due.target, &due.question) > 1
        }
        (Question::Look(_), Reply::Each(found)) => !found.contains_key(&due.target.id),
        _ => false,
    }
}

pub(crate) fn is_search(question: &Question) -> bool {
    matches!(question, Question::Children(_) | Question::Launched(_))
}

/// Searches first, then reads that go together, then writes that do.
pub(crate) fn rank(due: &Due) -> u8 {
    match due.question {
        Question::Tags(_) | Question::Look(_) if !due.shared && capacity(&due.target, &due.question) > 1 => 1,
        Question::Write(_) if capacity(&due.target, &due.question) > 1 => 2,
        _ => 0,
    }
}

/// How many of the same AWS takes in one call.
pub(crate) fn capacity(target: &Target, question: &Question) -> usize {
    let together = tagger_catalog::together(target.operation.name);
    match question {
        Question::Tags(_) | Question::Look(_) => together.map_or(1, |together| together.read),
        Question::Write(_) => together.map_or(1, |together| together.write),
        Question::Children(_) => MOST_PARENTS,
        // The answer has to name each.
        Question::Describe(told) if told.describe.many && !told.name.is_empty() => {
            together.map_or(1, |together| together.read)
        }
        _ => 1,
    }
}

/// What may go in one call has the same lane; what may not has one of its own.
fn lane(target: &Target, question: &Question, most: usize, shared: bool) -> Rc<str> {
    if most <= 1 {
        return Rc::default();
    }
    let what = match question {
        Question::Describe(told) => format!("describe {}", told.resource_type),
        Question::Tags(keys) => format!("tags {keys:?}"),
        Question::Look(look) => format!("look {}", look.resource_type),
        Question::Write(tags) => format!("write {tags:?}"),
        Question::Children(call) | Question::Launched(call) => (*call).to_owned(),
        Question::Stack => "stack".to_owned(),
        Question::History { which, window, .. } => format!("{which:?} {window:?}"),
    };
    let Target { operation, id, region, account, with } = target;
    let id = if shared { id.as_str() } else { "" };
    format!("{what} {} {region} {account} {with:?} {most} {shared} {id}", operation.name).into()
}

/// Whether an error's message names an id, and not a longer one in which it stands.
pub(crate) fn names(message: &str, id: &str) -> bool {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    message.match_indices(id).any(|(at, found)| {
        let before = at.checked_sub(1).map(|before| message.as_bytes()[before]);
        let after = message.as_bytes().get(at + found.len()).copied();
        !id.is_empty() && !before.is_some_and(is_part) && !after.is_some_and(is_part)
    })
}

pub(crate) fn missing(due: &Due) -> Failure {
    let service = due.target.operation.name.split(':').next().unwrap_or_default();
    let (class, call) = match &due.question {
        Question::Describe(told) => (Class::NotFound, told.describe.operation),
        Question::Look(look) => (Class::NotFound, look.call.operation),
        Question::Children(call) | Question::Launched(call) => (Class::NotFound, *call),
        _ => (Class::Failed, due.target.operation.name),
    };
    let call = if call.contains(':') { call.to_owned() } else { format!("{service}:{call}") };
    Failure::ours(class, &call, "NotInAnswer", format!("{} is not in the answer", due.target.id))
}

pub(crate) fn no_answer(call: &str, answer: &Answer) -> Failure {
    Failure::ours(Class::Failed, call, "UnreadableAnswer", format!("{answer:?} is no answer to {call}"))
}
