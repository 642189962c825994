//! The children that are not in the record, by what their parents show; and what a launch made whose answer is not in
//! the record. Pure.

use crate::{
    lanes::no_answer,
    outcome::{Class, Done, Failure, Outcome},
    patience::{Age, YOUNG},
    plan::Plan,
    resources::{self, Children, Launch, Resource},
    step::{Answer, Question, Shown, Target, Wanted, Which},
    window::{KEPT, SHOWN_FOR_SURE, Window},
};
use tagger_catalog::{
    Entry,
    finder::{Finder, finder},
};

/// What looking came to: the children, each with its parent's ARN, and what could not be found.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// What was found: the ARN of the parent from which it was looked up, where there is one.
    pub found: Vec<(Option<String>, Resource)>,
    /// What was not.
    pub failed: Vec<Done>,
}

/// A search for the children of one parent.
#[derive(Debug)]
pub struct Search<'a> {
    children: &'a Children,
    parent: &'a Resource,
    outcomes: Outcomes,
    /// What looks like a child and may be somebody's own; the last is being asked about.
    unsure: Vec<(&'static Entry, String)>,
}

/// What a search does next.
#[derive(Debug)]
pub enum Next {
    /// Asks this about that.
    Ask(Target, Question),
    /// It has ended.
    End(Outcomes),
}

/// A child that may be somebody's own waits for the event history.
const NOT_CERTAIN: &str = "ChildNotCertain";

impl<'a> Search<'a> {
    /// A search.
    pub fn of(children: &'a Children, parent: &'a Resource) -> Self {
        Self { children, parent, outcomes: Outcomes::default(), unsure: Vec::new() }
    }

    /// What to ask first.
    pub fn ask(&self) -> (Target, Question) {
        (Target::of(self.parent), Question::Children(self.children.call))
    }

    /// What to do after an answer, for a call of this time and age.
    pub fn next(&mut self, answer: Answer, event_time: Option<u64>, age: Age) -> Next {
        let (children, parent) = (self.children, self.parent);
        match (self.unsure.pop(), answer) {
            (None, Answer::Children(shown)) => {
                let found = self::children(children, parent, &shown, age);
                (self.outcomes, self.unsure) = (found.0, found.1);
            }
            (None, Answer::Failed(failure)) => self.outcomes = failed(children, parent, &failure),
            (None, other) => {
                self.outcomes = failed(children, parent, &no_answer(children.call, &other));
            }
            // Nobody made it by a call of its own.
            (Some((entry, id)), Answer::Calls(calls)) if calls.is_empty() => {
                let child = resources::child(entry, parent, &id);
                self.outcomes.found.extend(child.map(|child| (Some(parent.arn.clone()), child)));
            }
            (Some(_), Answer::Calls(_)) => {}
            (Some((entry, _)), Answer::Failed(failure)) => {
                self.outcomes.failed.push(not_found(parent, entry, failure));
            }
            (Some((entry, _)), other) => {
                let failure = no_answer("cloudtrail:LookupEvents", &other);
                self.outcomes.failed.push(not_found(parent, entry, failure));
            }
        }
        match (self.unsure.last(), event_time) {
            (None, _) => Next::End(std::mem::take(&mut self.outcomes)),
            (Some((_, id)), Some(time)) if (SHOWN_FOR_SURE..KEPT).contains(&age.event) => {
                let rivals = finder(children.call).map_or(&[][..], |finder| finder.rivals);
                let window = Window { from: time, until: time + age.event + 1 };
                let wanted = Box::new(Wanted::About { names: rivals, id: id.clone() });
                let which = Which::EventName(rivals.first().copied().unwrap_or_default());
                Next::Ask(Target::of(parent), Question::History { which, window, wanted })
            }
            (Some(_), _) => {
                let is_young = age.event < SHOWN_FOR_SURE;
                for (entry, id) in std::mem::take(&mut self.unsure) {
                    let failure = not_certain(children, id.as_str(), is_young);
                    self.outcomes.failed.push(not_found(parent, entry, failure));
                }
                Next::End(std::mem::take(&mut self.outcomes))
            }
        }
    }
}

fn not_certain(children: &Children, id: &str, is_young: bool) -> Failure {
    let (class, until) = if is_young {
        (Class::NotReady, "the event history tells some minutes after the call")
    } else {
        (Class::Failed, "the event history does not reach back to the call")
    };
    let message = format!("{id} looks like a part of its own, and may be somebody's: {until}");
    Failure::ours(class, children.call, NOT_CERTAIN, message)
}

/// The children of a parent, and what may be one.
fn children(
    children: &Children,
    parent: &Resource,
    shown: &[Shown],
    age: Age,
) -> (Outcomes, Vec<(&'static Entry, String)>) {
    let (mut outcomes, mut unsure) = (Outcomes::default(), Vec::new());
    let finder = finder(children.call);
    for entry in &children.entries {
        let of_type = shown.iter().find(|shown| shown.resource_type == entry.resource_type);
        let (Some(of_type), Some(finder)) = (of_type, finder) else {
            let message = format!("{} is not of a type that {} shows", entry.resource_type, children.call);
            let failure = Failure::ours(Class::Unsupported, children.call, "UnknownCall", message);
            outcomes.failed.push(not_found(parent, entry, failure));
            continue;
        };
        if let Some(failure) = missing(children, parent, of_type, finder) {
            outcomes.failed.push(not_found(parent, entry, failure));
        }
        let is_sure =
            finder.rivals.is_empty() || age.event < SHOWN_FOR_SURE && (of_type.alone || !finder.alone);
        for id in of_type.ids.iter().filter(|id| !children.except.contains(id)) {
            if is_sure {
                let child = resources::child(entry, parent, id);
                outcomes.found.extend(child.map(|child| (Some(parent.arn.clone()), child)));
            } else {
                unsure.push((*entry, id.clone()));
            }
        }
    }
    (outcomes, unsure)
}

/// What is not shown yet. What has no state is there from the beginning.
fn missing(children: &Children, parent: &Resource, shown: &Shown, finder: &Finder) -> Option<Failure> {
    let (id, what) = (&parent.id, shown.resource_type);
    let (states, _) = finder.state;
    if shown.more {
        let message = format!("{id} is not done yet and does not show every {what}");
        Some(Failure::ours(Class::NotReady, children.call, "ChildrenNotVisible", message))
    } else if shown.ids.is_empty() && states.is_empty() {
        let message = format!("{} shows no {what} of {id}", children.call);
        Some(Failure::ours(Class::NotFound, children.call, "ChildrenNotVisible", message))
    } else {
        None
    }
}

/// Every child of a parent that could not be asked.
pub fn failed(children: &Children, parent: &Resource, failure: &Failure) -> Outcomes {
    let failed = children.entries.iter().map(|entry| not_found(parent, entry, failure.clone()));
    Outcomes { found: Vec::new(), failed: failed.collect() }
}

fn not_found(parent: &Resource, entry: &Entry, failure: Failure) -> Done {
    Done {
        resource_type: entry.resource_type,
        arn: parent.arn.clone(),
        operation: entry.operation.name,
        parent: Some(parent.arn.clone()),
        inherited: None,
        left_out: Vec::new(),
        outcome: Outcome::Failed(failure),
    }
}

/// What to ask about a launch.
pub fn ask_launch(launch: &Launch) -> (Target, Question) {
    let target = Target {
        operation: launch.entry.operation,
        id: launch.token.clone(),
        region: launch.region.clone(),
        account: launch.account.clone(),
        with: Vec::new(),
    };
    (target, Question::Launched(launch.call))
}

/// What a launch made: the parents, and their children.
pub fn launched(launch: &Launch, parents: &[(String, Vec<Shown>)], age: Age) -> Outcomes {
    let place = Resource {
        entry: launch.entry,
        arn: String::new(),
        id: String::new(),
        region: launch.region.clone(),
        account: launch.account.clone(),
    };
    let mut outcomes = Outcomes::default();
    if parents.len() < launch.least.max(1) {
        let (shown, least) = (parents.len(), launch.least);
        let message = format!("{} shows {shown} of at least {least} that this call launched", launch.call);
        let failure = Failure::ours(Class::NotFound, launch.call, "LaunchNotVisible", message);
        outcomes.failed.push(not_launched(launch, failure, age));
    }
    for (id, shown) in parents {
        let Some(parent) = resources::child(launch.entry, &place, id) else { continue };
        let (entries, parents) = (launch.children.clone(), vec![parent.clone()]);
        let search = Children { call: launch.call, entries, parents, except: launch.except.clone() };
        let (of_parent, _) = children(&search, &parent, shown, age);
        outcomes.found.push((None, parent));
        outcomes.found.extend(of_parent.found);
        outcomes.failed.extend(of_parent.failed);
    }
    outcomes
}

/// A launch that could not be looked at. It is never taken for one that is gone: nothing of it was ever seen.
pub fn not_launched(launch: &Launch, mut failure: Failure, age: Age) -> Done {
    if failure.class == Class::NotFound && age.event >= YOUNG {
        (failure.class, failure.code) = (Class::Failed, "no-resource-in-record".to_owned());
    }
    Done {
        resource_type: launch.entry.resource_type,
        // Not known yet: the whole record waits.
        arn: String::new(),
        operation: launch.entry.operation.name,
        parent: None,
        inherited: None,
        left_out: Vec::new(),
        outcome: Outcome::Failed(failure),
    }
}

/// Everything of a plan, since nothing of it can be tried yet.
pub fn all_failed(plan: &Plan, failure: &Failure) -> Vec<Done> {
    let own = plan
        .actions
        .iter()
        .map(|resource| Done { parent: None, ..not_found(resource, resource.entry, failure.clone()) });
    let children = plan.children.iter().flat_map(|children| {
        children.parents.iter().flat_map(|parent| failed(children, parent, failure).failed)
    });
    let launch =
        plan.launch.iter().map(|launch| not_launched(launch, failure.clone(), Age { event: 0, waited: 0 }));
    own.chain(children).chain(launch).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{record::Record, step::Past};
    use serde_json::json;

    /// The route tables of a VPC that a record of this age made: the main one, beside another or alone.
    fn search(age: u64, alone: bool, history: Option<Vec<Past>>) -> (Vec<String>, Vec<String>) {
        let record = Record::new(json!({
            "eventSource": "ec2.amazonaws.com", "eventName": "CreateVpc", "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333", "responseElements": { "vpc": { "vpcId": "vpc-1" } },
            "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
        }));
        let plan = crate::plan(&record, &crate::Policy::default(), None);
        let tables = plan.children.iter().find(|search| search.call == "ec2:DescribeRouteTables").unwrap();
        let shown = Shown {
            resource_type: "AWS::EC2::RouteTable",
            ids: vec!["rtb-1".to_owned()],
            more: false,
            alone,
        };
        let mut search = Search::of(tables, &tables.parents[0]);
        let age = Age { event: age, waited: age };
        let mut next = search.next(Answer::Children(vec![shown]), Some(1_000), age);
        if let Some(calls) = history {
            let Next::Ask(_, Question::History { which, wanted, .. }) = &next else {
                panic!("expected a question to the history, found {next:?}")
            };
            assert_eq!(*which, Which::EventName("CreateRouteTable"));
            assert!(matches!(&**wanted, Wanted::About { id, .. } if id == "rtb-1"), "{wanted:?}");
            next = search.next(Answer::Calls(calls), Some(1_000), age);
        }
        let Next::End(outcomes) = next else { panic!("expected an end, found {next:?}") };
        let code = |done: &Done| match &done.outcome {
            Outcome::Failed(failure) => format!("{} {}", failure.class.as_str(), failure.code),
            other => other.as_str().to_owned(),
        };
        (
            outcomes.found.iter().map(|(_, child)| child.id.clone()).collect(),
            outcomes.failed.iter().map(code).collect(),
        )
    }

    /// Somebody else's table can be the main one by the time that it is looked for.
    #[test]
    fn a_main_table_that_may_be_somebodys_own_is_not_taken() {
        let bobs = || vec![Past { time: Some(1_000), record: Record::new(json!({})) }];
        let found = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        for (what, age, alone, history, expected) in [
            ("the only one", 20, true, None, (found(&["rtb-1"]), vec![])),
            ("one of two, too soon", 20, false, None, (vec![], found(&["not-ready ChildNotCertain"]))),
            ("one of two, made by nobody", 700, false, Some(vec![]), (found(&["rtb-1"]), vec![])),
            ("one of two, made by bob", 700, false, Some(bobs()), (vec![], vec![])),
            ("the only one, late", 700, true, Some(bobs()), (vec![], vec![])),
            ("older than the history", KEPT, true, None, (vec![], found(&["failed ChildNotCertain"]))),
        ] {
            assert_eq!(search(age, alone, history), expected, "{what}");
        }
    }
}
