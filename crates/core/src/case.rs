//! A case: a record that is being tried, with its plan, its age, how careful to be, and where it came from. It is
//! the one type from intake to settle.

use crate::{
    diagnostic::Code,
    outcome::{Class, Done, Failure, Outcome},
    patience::{Age, Guard},
    plan::{self, Plan},
    policy::Policy,
    record::Record,
    work::Work,
};

/// How an event came to the function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// By a call of the function, or by a queue that is not for waiting: what waits goes to the retry queue.
    Once,
    /// As a message of the retry queue, alone in it: it waits there, by its visibility. It is not sent anew,
    /// since Lambda cuts a function that feeds itself after some 16 rounds:
    /// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html>
    Waiting,
}

/// A record that is being tried.
#[derive(Debug)]
pub struct Case {
    /// The record.
    pub record: Record,
    /// What is still to do about it, as a piece of work says; none where it is everything.
    pub work: Option<Work>,
    /// What to do; nothing until [`Case::decide`].
    pub plan: Plan,
    /// What cannot be done any more, each with the reason.
    pub undone: Vec<Done>,
    /// When the call was made, in seconds since 1970, where the record says it.
    pub event_time: Option<u64>,
    /// When it was first seen.
    pub first_seen: u64,
    /// How often it was tried, with this time.
    pub tries: u64,
    /// How it came.
    pub came: Came,
    /// How careful to be about names that can be given again.
    pub guard: Guard,
    /// The place of its message; none for a call.
    pub message: Option<usize>,
    /// Whether it was found in the event history.
    pub reconciled: bool,
}

impl Case {
    /// A record that came by a call just now, for the first time.
    pub fn new(record: Record, event_time: Option<u64>, now: u64, guard: Guard) -> Self {
        Self {
            plan: Plan::nothing(&record),
            record,
            work: None,
            undone: Vec::new(),
            event_time,
            first_seen: now,
            tries: 1,
            came: Came::Once,
            guard,
            message: None,
            reconciled: false,
        }
    }

    /// The same with its plan.
    #[must_use]
    pub fn decided(mut self, policy: &Policy, own_account: Option<&str>) -> Self {
        self.decide(policy, own_account);
        self
    }

    /// Its ages at a time.
    pub fn age(&self, now: u64) -> Age {
        Age::at(now, self.event_time, self.first_seen)
    }

    /// Plans it, and leaves in the plan what is still to do. What the work names and the plan has not is not lost
    /// silently, nor is a creation of which no resource can be read.
    pub fn decide(&mut self, policy: &Policy, own_account: Option<&str>) {
        // What is not asked for needs no room in the queues.
        if !policy.names_envelope() {
            self.record.forget_envelope();
        }
        self.plan = plan::plan(&self.record, policy, own_account);
        let codes: Vec<Code> = self.plan.diagnostics.iter().map(|found| found.code).collect();
        let of_policy = |code: &Code| {
            matches!(
                code,
                Code::KindSkipped
                    | Code::PrincipalExcluded
                    | Code::OtherAccount
                    | Code::OutsideScope
                    | Code::OptedOut
            )
        };
        if let Some(work) = &self.work {
            let missing = work.narrow(&mut self.plan);
            // Whom the policy leaves alone by now is left alone.
            if !codes.iter().any(of_policy) {
                self.undone.extend(missing.iter().map(|arn| no_longer_planned(arn, &self.plan)));
            }
        }
        if codes.contains(&Code::NoResourceInRecord) && self.plan.launch.is_none() && self.undone.is_empty() {
            let diagnostics = self.plan.diagnostics.iter();
            let message =
                diagnostics.filter(|one| one.code == Code::NoResourceInRecord).map(|one| &one.message);
            self.undone.extend(message.map(|message| undone("", Code::NoResourceInRecord.as_str(), message)));
        }
    }

    /// Whether there is nothing to do or to say about it.
    pub fn is_left_alone(&self) -> bool {
        let Plan { actions, children, launch, .. } = &self.plan;
        actions.is_empty() && children.is_empty() && launch.is_none() && self.undone.is_empty()
    }
}

fn no_longer_planned(arn: &str, plan: &Plan) -> Done {
    let now: Vec<&str> = plan.actions.iter().map(|resource| resource.arn.as_str()).collect();
    let instead = match now.as_slice() {
        [] => "plans nothing for its record".to_owned(),
        arns => format!("plans {} for its record", arns.join(", ")),
    };
    let message =
        format!("{arn} waited, and this version's catalog {instead}; send the dead letter again to try that");
    undone(arn, "no-longer-planned", &message)
}

fn undone(arn: &str, code: &str, message: &str) -> Done {
    Done {
        resource_type: "",
        arn: arn.to_owned(),
        operation: "",
        parent: None,
        inherited: None,
        left_out: Vec::new(),
        outcome: Outcome::Failed(Failure::ours(Class::Failed, "", code, message)),
    }
}
