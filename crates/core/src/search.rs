//! The children that are not in the record, by what their parents show; and what a launch made whose answer is not in
//! the record. Pure.

use crate::{
    outcome::{Class, Done, Failure, Outcome},
    patience::{Age, YOUNG},
    plan::Plan,
    resources::{self, Children, Launch, Resource},
    step::{Question, Shown, Target},
};
use tagger_catalog::Entry;

/// What looking came to: the children, each with its parent's ARN, and what could not be found.
#[derive(Debug, Default)]
pub struct Outcomes {
    /// What was found: the ARN of the parent from which it was looked up, where there is one.
    pub found: Vec<(Option<String>, Resource)>,
    /// What was not.
    pub failed: Vec<Done>,
}

/// What to ask about a parent.
pub fn ask(children: &Children, parent: &Resource) -> (Target, Question) {
    (Target::of(parent), Question::Children(children.call))
}

/// The children of a parent.
pub fn children(children: &Children, parent: &Resource, shown: &[Shown]) -> Outcomes {
    let mut outcomes = Outcomes::default();
    for entry in &children.entries {
        let Some(of_type) = shown.iter().find(|shown| shown.resource_type == entry.resource_type) else {
            let message = format!("{} is not of a type that {} shows", entry.resource_type, children.call);
            let failure = Failure::ours(Class::Unsupported, children.call, "UnknownCall", message);
            outcomes.failed.push(not_found(parent, entry, failure));
            continue;
        };
        if of_type.more {
            let message =
                format!("{} is pending and does not show every {} yet", parent.id, entry.resource_type);
            let failure = Failure::ours(Class::NotReady, children.call, "ChildrenNotVisible", message);
            outcomes.failed.push(not_found(parent, entry, failure));
        }
        let own = of_type.ids.iter().filter(|id| !children.except.contains(id));
        let own = own.filter_map(|id| resources::child(entry, parent, id));
        outcomes.found.extend(own.map(|child| (Some(parent.arn.clone()), child)));
    }
    outcomes
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
        let of_parent = children(&search, &parent, shown);
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
