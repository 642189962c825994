//! From a creation to whoever is behind it: call by call, at most [`MOST`] of them, and never the same one twice.

use super::{
    Link,
    call::{Call, Caller},
    end::{self, End, Next},
    graph::{Found, Graph},
};
use crate::identity::{self, Kind};
use serde::Serialize;

/// The most calls of a chain.
pub const MOST: usize = 16;

/// A call of a chain, and how it follows from the one before.
#[derive(Debug, Clone)]
pub struct Step {
    /// The call.
    pub call: Call,
    /// None of the first.
    pub link: Option<Link>,
}

/// What is not in the records, and where it would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// In words.
    pub what: String,
    /// The names under which the event history would know it.
    pub names: Vec<String>,
    /// The account in whose trail or event history it would be; empty where that is not known.
    pub account: String,
    /// The regions in which it would be, the likelier first.
    pub regions: Vec<String>,
    /// From when on, in seconds since 1970.
    pub from: u64,
    /// Until when.
    pub until: u64,
}

/// A walk.
#[derive(Debug, Clone)]
pub struct Chain {
    /// From the creation to the first call of all.
    pub steps: Vec<Step>,
    /// Who is behind it; none where that is not known.
    pub who: Option<End>,
    /// Who made the last call, where that is another than [`Chain::who`]: a pipeline behind a person's source identity.
    pub behind: Option<End>,
    /// Callers of whom each could be the one.
    pub rivals: Vec<Call>,
    /// What is not in the records: why nobody is named, or what would tell more.
    pub missing: Vec<Missing>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

impl Chain {
    /// Its weakest link.
    pub fn weakest(&self) -> Link {
        let Some(who) = &self.who else {
            return if self.rivals.is_empty() { Link::None } else { Link::Ambiguous };
        };
        let behind = self.behind.iter().map(|end| end.link);
        self.steps.iter().filter_map(|step| step.link).chain(behind).fold(who.link, Link::max)
    }

    /// How many steps lead from the creation to whoever is behind it.
    pub fn hops(&self) -> usize {
        let last = self.behind.as_ref().or(self.who.as_ref());
        self.steps.len().saturating_sub(1) + usize::from(last.is_some_and(|end| end.link == Link::Platform))
    }
}

/// Walks from a call to whoever is behind it.
pub fn walk(graph: &Graph, creation: usize) -> Chain {
    let mut walk =
        Walk { graph, places: vec![creation], links: vec![None], missing: Vec::new(), notes: Vec::new() };
    let (end, rivals) = walk.reach_end();
    let step = |(at, link): (&usize, &Option<Link>)| Step { call: graph.call(*at).clone(), link: *link };
    let steps: Vec<Step> = walk.places.iter().zip(&walk.links).map(step).collect();
    let (who, behind) = named(&steps, end, &mut walk.notes);
    Chain { steps, who, behind, rivals, missing: walk.missing, notes: walk.notes }
}

struct Walk<'g> {
    graph: &'g Graph,
    places: Vec<usize>,
    links: Vec<Option<Link>>,
    missing: Vec<Missing>,
    notes: Vec<String>,
}

impl Walk<'_> {
    fn last(&self) -> &Call {
        self.graph.call(self.places.last().copied().unwrap_or_default())
    }

    /// Goes on to a call; false where the chain has to end before it.
    fn go(&mut self, at: usize, link: Link) -> bool {
        let known = self.places.contains(&at);
        if known || self.places.len() > MOST {
            let why = if known {
                "it comes back to a call that it has been at"
            } else {
                "it has more than 16 hops"
            };
            self.notes.push(format!("the chain ends here: {why}"));
            return false;
        }
        self.places.push(at);
        self.links.push(Some(link));
        true
    }

    fn reach_end(&mut self) -> (Option<End>, Vec<Call>) {
        loop {
            let call = self.last().clone();
            // Whom a service acts for comes first: the call that made the parent, or changed the stack.
            if let Some((arn, resource_type)) = call.parent.clone() {
                match self.maker(&arn, resource_type, &call) {
                    Some(at) if self.go(at, Link::Parent) => continue,
                    _ => return (self.service_alone(&call), Vec::new()),
                }
            }
            let begun = call.issued.as_ref().filter(|_| self.places.len() > 1);
            match end::next(&call, begun) {
                Next::End(end) => match self.beyond(&end, &call) {
                    true => continue,
                    false => return (Some(end), Vec::new()),
                },
                Next::Session => match self.session(&call) {
                    None => continue,
                    Some(ended) => return ended,
                },
                Next::Account => match self.graph.partner(&call) {
                    Some(at) if self.go(at, Link::Shared) => continue,
                    Some(_) => return (None, Vec::new()),
                    None => {
                        self.missing.push(other_account(&call));
                        return (None, Vec::new());
                    }
                },
                Next::Nobody => {
                    self.notes.push(format!("the record of {} does not say who called", call.name));
                    return (None, Vec::new());
                }
            }
        }
    }

    /// Goes on to whoever began the session of a call; where that is not to be found, says how the chain ends.
    fn session(&mut self, call: &Call) -> Option<(Option<End>, Vec<Call>)> {
        match self.graph.beginning(call) {
            Found::One(at, link) => (!self.go(at, link)).then(|| (None, Vec::new())),
            Found::Many(places) => {
                let rivals = places.iter().map(|at| self.graph.call(*at).clone()).collect();
                Some((None, rivals))
            }
            Found::Nothing => {
                if let Some(end) = end::platform(&call.caller) {
                    return (!self.beyond(&end, call)).then(|| (Some(end), Vec::new()));
                }
                let end = end::issuer(&call.caller);
                if end.is_none() {
                    self.missing.push(beginning(call));
                }
                Some((end, Vec::new()))
            }
        }
    }

    /// Goes on to whoever made the machine at the end; false where that is not in the records, or nobody did.
    fn beyond(&mut self, end: &End, call: &Call) -> bool {
        let Some(name) = &end.made_by_somebody else { return false };
        // A task or a certificate is nothing that a record creates under this name.
        if !["instance", "function"].contains(&end.what.as_str()) {
            return false;
        }
        match self.maker_of(name, &end.what, call) {
            Some(at) => self.go(at, Link::Parent),
            None => false,
        }
    }

    fn maker_of(&mut self, name: &str, what: &str, call: &Call) -> Option<usize> {
        let account = if call.caller.account.is_empty() { &call.account } else { &call.caller.account };
        let made = self.graph.maker(name, account, call.time);
        if made.is_none() {
            let what = format!("who made the {what} {name}");
            self.missing.push(missing(what, vec![name.to_owned()], call, account));
        }
        made
    }

    fn maker(&mut self, arn: &str, resource_type: &str, call: &Call) -> Option<usize> {
        if resource_type != "AWS::CloudFormation::Stack" {
            return self.maker_of(arn, resource_type, call);
        }
        let change = self.graph.change(arn, call.time);
        if change.is_none() {
            let names = vec![arn.to_owned(), crate::stack::name(arn).unwrap_or_default().to_owned()];
            let what = format!("who changed the stack {arn} last");
            self.missing.push(missing(what, names, call, &call.account));
        }
        change
    }

    /// A service whose parent nobody is seen to have made is as far as the records go.
    fn service_alone(&self, call: &Call) -> Option<End> {
        match end::next(call, None) {
            Next::End(end) => Some(end),
            _ => None,
        }
    }
}

/// Whom the chain names: whoever AWS knows at its end, before whom a source identity states, before the rest.
fn named(steps: &[Step], end: Option<End>, notes: &mut Vec<String>) -> (Option<End>, Option<End>) {
    let until = steps.iter().skip(1).position(|step| step.link == Some(Link::Parent));
    let first = &steps[..until.map_or(steps.len(), |at| at + 1)];
    let is_one = first.len() == steps.len();
    let is_person = end.as_ref().is_some_and(|end| end.kind == Kind::Person && end.link == Link::Stated);
    let source = first.iter().find_map(|step| source_identity(&step.call.caller));
    match (source, end) {
        (Some(source), Some(end)) if is_one && is_person => {
            if source.name != end.name {
                notes.push(format!("the session also states the source identity {}", source.name));
            }
            (Some(end), None)
        }
        (Some(source), end) => {
            let behind = end.filter(|end| end.name != source.name);
            (Some(source), behind)
        }
        (None, Some(end)) if is_machine(&end) && is_one => match chosen(first) {
            Some(person) => (Some(person), Some(end)),
            None => (Some(end), None),
        },
        (None, Some(end)) => (Some(end), None),
        (None, None) => (chosen(first), None),
    }
}

fn is_machine(end: &End) -> bool {
    matches!(end.kind, Kind::Ci | Kind::Workload | Kind::Service)
}

/// The source identity of a session, which no later hop can change.
fn source_identity(caller: &Caller) -> Option<End> {
    let name = caller.source_identity.clone()?;
    // What a program made up there names nobody, so the tag has another name.
    let kind = (caller.creator.name.as_ref() == Some(&name)).then_some(caller.creator.kind)?;
    Some(End {
        name,
        kind,
        what: "source identity".to_owned(),
        detail: None,
        link: Link::Stated,
        why: "userIdentity.sessionContext.sourceIdentity".to_owned(),
        made_by_somebody: None,
        guid: None,
    })
}

/// A person whose address somebody chose as a session's name: likely, and proved by nothing.
fn chosen(steps: &[Step]) -> Option<End> {
    let callers = steps.iter().map(|step| &step.call.caller).filter(|caller| caller.center.is_none());
    let mut named = callers.filter_map(|caller| caller.session.as_deref());
    let person = named.find(|session| identity::is_address(session))?;
    Some(End {
        name: person.to_owned(),
        kind: Kind::Person,
        what: "session's name".to_owned(),
        detail: None,
        link: Link::Inferred,
        why: "whoever took the role chose the session's name".to_owned(),
        made_by_somebody: None,
        guid: None,
    })
}

/// The longest that a session lasts, in seconds.
const LONGEST: u64 = 12 * 60 * 60;

fn missing(what: String, names: Vec<String>, call: &Call, account: &str) -> Missing {
    let until = call.time.unwrap_or_default();
    Missing { what, names, account: account.to_owned(), regions: regions(call), from: 0, until }
}

/// The call that began the session of a call.
fn beginning(call: &Call) -> Missing {
    let caller = &call.caller;
    let account = if caller.account.is_empty() { &call.account } else { &caller.account };
    let what = match &caller.key {
        Some(key) => format!("the call that issued the access key {key}"),
        None => format!("the call that began the session {}", caller.arn),
    };
    let mut names: Vec<String> = caller.key.iter().cloned().collect();
    names.extend(Some(caller.arn.clone()).filter(|arn| !arn.is_empty()));
    let end = call.time.unwrap_or_default();
    let from = caller.began.map_or(end.saturating_sub(LONGEST), |began| began.saturating_sub(60));
    Missing { from, ..missing(what, names, call, account) }
}

/// The record of a call in the account of its caller.
fn other_account(call: &Call) -> Missing {
    let account = &call.caller.account;
    let shared = call.shared.as_deref().unwrap_or("none");
    let what = format!("the record of {} in the caller's account, sharedEventID {shared}", call.name);
    let at = call.time.unwrap_or_default();
    Missing { from: at.saturating_sub(60), until: at + 60, ..missing(what, Vec::new(), call, account) }
}

/// Where a call of STS or of a parent would be: in the same region, or where global calls are logged.
fn regions(call: &Call) -> Vec<String> {
    let global = "us-east-1".to_owned();
    let mut regions = vec![call.region.clone()];
    if !call.region.is_empty() && call.region != global {
        regions.push(global);
    }
    regions
}
