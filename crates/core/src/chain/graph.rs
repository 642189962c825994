//! The records of a chain, by what they are found by: the key that they issued, the session, the shared id, what they made.
//!
//! Records come in any order, twice, and from years in which the same key id or session name meant somebody else, so every
//! look-up is bounded by the life of the session.

use super::{
    Link,
    call::{Call, Caller},
    target,
};
use crate::{record::Record, stack, stack::Changes, step::Past, step::Stack};
use std::collections::{HashMap, HashSet};
use tagger_catalog::parent;

/// Seconds by which the clocks of two services may differ.
const SKEW: u64 = 5;
/// Seconds after its end for which a session's last call may still be under way.
const LATE: u64 = 5 * 60;
/// Seconds between the call that issued a key and the session's beginning.
const BEGINS: u64 = 60;
/// The longest that a session without any time of its own is looked for, in seconds.
const LONGEST: u64 = 12 * 60 * 60;

/// Records that were given, and how they are found.
#[derive(Debug, Default)]
pub struct Graph {
    calls: Vec<Call>,
    seen: HashSet<String>,
    by_key: HashMap<String, Vec<usize>>,
    by_session: HashMap<String, Vec<usize>>,
    by_shared: HashMap<String, Vec<usize>>,
    made: HashMap<String, Vec<usize>>,
    changes: Vec<(usize, Past)>,
}

/// The call by which a session was begun, as far as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// One.
    One(usize, Link),
    /// Several, by different callers.
    Many(Vec<usize>),
    /// None.
    Nothing,
}

impl Graph {
    /// Adds a record and says its place. A copy of one that is there is passed over, and what no chain can need.
    pub fn add(&mut self, record: &Record) -> Option<usize> {
        let is_change = stack::is_change(record, &changes());
        let made: HashSet<String> = target::made(record)
            .into_iter()
            .flat_map(|made| [made.arn, made.id])
            .filter(|name| !name.is_empty())
            .collect();
        let call = Call::of(record);
        let counts = call.issued.is_some() && record.text("errorCode").is_none_or(|code| code == "0");
        if !counts && made.is_empty() && !is_change {
            return None;
        }
        if !call.event_id.is_empty() && !self.seen.insert(format!("{} {}", call.event_id, call.account)) {
            return None;
        }
        let at = self.calls.len();
        if let Some(issued) = &call.issued {
            let mut index = |map: fn(&mut Self) -> &mut HashMap<String, Vec<usize>>,
                             name: &Option<String>| {
                if let Some(name) = name {
                    map(self).entry(name.clone()).or_default().push(at);
                }
            };
            index(|graph| &mut graph.by_key, &issued.key);
            index(|graph| &mut graph.by_session, &issued.session);
        }
        if let Some(shared) = &call.shared {
            self.by_shared.entry(shared.clone()).or_default().push(at);
        }
        for name in made {
            self.made.entry(name).or_default().push(at);
        }
        if is_change {
            self.changes.push((at, Past { time: call.time, record: record.clone() }));
        }
        self.calls.push(call);
        Some(at)
    }

    /// The names of the calls that change a stack, or prepare that.
    pub fn changes() -> Vec<&'static str> {
        changes()
    }

    /// A call by its place.
    pub fn call(&self, at: usize) -> &Call {
        &self.calls[at]
    }

    /// How many calls it holds.
    pub fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// The call that began the session in which a call was made.
    pub fn beginning(&self, call: &Call) -> Found {
        let caller = &call.caller;
        let by_key = self.at(&self.by_key, caller.key.as_deref(), |issuing| {
            fits(issuing, call) && near(issuing.time, caller.began, BEGINS)
        });
        match self.one_of(by_key, Link::Key) {
            Found::Nothing => {}
            found => return found,
        }
        let session = Some(caller.arn.as_str()).filter(|arn| !arn.is_empty());
        let by_session = self.at(&self.by_session, session, |issuing| {
            let other_key = issuing.issued.as_ref().and_then(|issued| issued.key.as_ref()).is_some();
            let may_differ = caller.many_keys || caller.key.is_none() || !other_key;
            let began = caller.began.is_some() && near(issuing.time, caller.began, SKEW);
            may_differ && began && fits(issuing, call)
        });
        match self.one_of(by_session, Link::Session) {
            Found::Nothing => {}
            found => return found,
        }
        // Whoever switched roles is told by his session's ARN alone.
        let nothing_else = caller.began.is_none() && caller.key.is_none();
        let only = self.at(&self.by_session, session.filter(|_| nothing_else), |issuing| {
            fits(issuing, call) && issuing.time.zip(call.time).is_some_and(|(from, at)| from + LONGEST >= at)
        });
        self.one_of(only, Link::Inferred)
    }

    /// The other record of a call across accounts, which says who called.
    pub fn partner(&self, at: &Call) -> Option<usize> {
        let found = self.at(&self.by_shared, at.shared.as_deref(), |other| {
            says_who(&other.caller)
                && other.name == at.name
                && near(other.time, at.time, BEGINS)
                && other.account != at.account
        });
        match found.as_slice() {
            [one] => Some(*one),
            _ => None,
        }
    }

    /// The last call before `time` that made a resource, by its ARN or id.
    pub fn maker(&self, name: &str, account: &str, time: Option<u64>) -> Option<usize> {
        let time = time?;
        let found = self.made.get(name).into_iter().flatten().copied();
        let mine = found.filter(|at| {
            let call = &self.calls[*at];
            call.account == account && call.time.is_some_and(|made| made <= time + SKEW)
        });
        mine.max_by_key(|at| self.calls[*at].time)
    }

    /// The call that carried out the last change of a stack before `time`.
    pub fn change(&self, arn: &str, time: Option<u64>) -> Option<usize> {
        let parent = parent::parents().iter().find(|parent| !parent.changed_by.is_empty())?;
        let stack = Stack::default();
        let calls: Vec<Past> = self.changes.iter().map(|(_, past)| past.clone()).collect();
        let change = Changes::of(parent, arn, &stack, &calls, time).change(&stack, time)?;
        let place = calls.iter().position(|past| std::ptr::eq(past, change))?;
        Some(self.changes[place].0)
    }

    /// Every call that made something of this name, the oldest first.
    pub fn makers(&self, name: &str) -> Vec<usize> {
        let mut found = self.made.get(name).cloned().unwrap_or_default();
        found.sort_by_key(|at| self.calls[*at].time);
        found
    }

    fn at(
        &self,
        index: &HashMap<String, Vec<usize>>,
        name: Option<&str>,
        is_it: impl Fn(&Call) -> bool,
    ) -> Vec<usize> {
        let found = name.and_then(|name| index.get(name)).into_iter().flatten();
        found.copied().filter(|at| is_it(&self.calls[*at])).collect()
    }

    /// The one call of several records, where they are of one call or of one caller.
    fn one_of(&self, mut found: Vec<usize>, link: Link) -> Found {
        // The records that say who called come first, and of those the ones that say most of him.
        found.sort_by_key(|at| {
            let caller = &self.calls[*at].caller;
            (!says_who(caller), caller.key.is_none(), caller.began.is_none(), *at)
        });
        // The record in the account of the role adds nothing to the one that says who called.
        let told: HashSet<String> = found
            .iter()
            .filter_map(|at| self.calls[*at].shared.clone().filter(|_| says_who(&self.calls[*at].caller)))
            .collect();
        found.retain(|at| {
            let call = &self.calls[*at];
            says_who(&call.caller) || call.shared.as_ref().is_none_or(|shared| !told.contains(shared))
        });
        let Some((first, rest)) = found.split_first() else { return Found::Nothing };
        let best = &self.calls[*first];
        let is_one = |at: &usize| {
            let other = &self.calls[*at];
            let shared = best.shared.is_some() && best.shared == other.shared;
            shared || best.caller.is_same(&other.caller)
        };
        if rest.iter().all(is_one) { Found::One(*first, link) } else { Found::Many(found) }
    }
}

fn changes() -> Vec<&'static str> {
    let parents = parent::parents().iter();
    parents.flat_map(|parent| parent.changed_by.iter().chain(parent.drafted_by)).copied().collect()
}

/// Whether a record says who made its call; the one in the account of a role only says from which account.
pub(super) fn says_who(caller: &Caller) -> bool {
    caller.stated_type != "AWSAccount" && !caller.stated_type.is_empty()
}

/// Whether a call may have begun the session in which another was made: the session's ARN, the role's unique id, the time.
fn fits(issuing: &Call, call: &Call) -> bool {
    let Some(issued) = &issuing.issued else { return false };
    let agree = |one: Option<&str>, two: Option<&str>| one.zip(two).is_none_or(|(one, two)| one == two);
    let session = Some(call.caller.arn.as_str()).filter(|arn| !arn.is_empty());
    let in_time = issuing
        .time
        .zip(call.time)
        .is_some_and(|(from, at)| from <= at + SKEW && at <= from + issued.life + LATE);
    // Records of one call are no chain.
    let is_other = issuing.event_id != call.event_id || issuing.event_id.is_empty();
    is_other
        && in_time
        && agree(issued.session.as_deref(), session)
        && agree(issued.role_id.as_deref(), call.caller.role_id.as_deref())
}

/// Whether two times are within so many seconds, as far as both are known.
fn near(one: Option<u64>, two: Option<u64>, seconds: u64) -> bool {
    one.zip(two).is_none_or(|(one, two)| one.abs_diff(two) <= seconds)
}
