//! How a record whose call a service made for a parent learns whose tag it gets, as a machine without I/O: it reads
//! the parent's tags, and asks the event history who made a stack that has none. What the answers mean is decided in
//! `inherit` and `stack`.

use crate::{
    case::Case,
    inherit::{Decision, Inherit, decide},
    outcome::{Class, Failure},
    patience::Age,
    stack,
    step::{Answer, Question, Tags, Target, Wanted, Which},
};

/// One record's question for its parent.
#[derive(Debug)]
pub struct Heir<'a> {
    inherit: &'a Inherit,
    case: &'a Case,
    key: &'a str,
    tags: Tags,
    /// The stack that is asked for: the parent, then the one that it is nested in.
    stack: String,
    /// When it was made.
    window: Option<crate::window::Window>,
    /// How many of the calls that make it were looked for.
    looked: usize,
}

/// What to do next.
#[derive(Debug)]
pub enum Next {
    /// Ask this.
    Ask(Target, Question),
    /// This is whose tag it gets.
    Decided(Decision),
}

impl<'a> Heir<'a> {
    /// The question of a case; none where its plan names no parent.
    pub fn of(case: &'a Case) -> Option<Self> {
        let inherit = case.plan.inherit.as_ref()?;
        let key = case.plan.tags.first().map_or("", |(key, _)| key.as_str());
        let stack = inherit.arn.clone();
        Some(Self { inherit, case, key, tags: Tags::new(), stack, window: None, looked: 0 })
    }

    /// The parent's ARN.
    pub fn parent(&self) -> &'a str {
        &self.inherit.arn
    }

    /// What to ask first.
    pub fn start(&self) -> (Target, Question) {
        (self.target(), Question::Tags(Vec::new()))
    }

    /// What to do after an answer, at a time.
    pub fn next(&mut self, answer: Answer, now: u64) -> Next {
        let age = self.case.age(now);
        match answer {
            Answer::Tags(tags) => {
                self.tags = tags;
                let has = self.tags.iter().any(|(key, value)| key == self.key && !value.is_empty());
                if has || self.inherit.history.is_none() || age.event < stack::SHOWN_AFTER {
                    return self.decided(age);
                }
                self.ask_stack()
            }
            Answer::Stack { root, created } => match root.filter(|root| *root != self.stack) {
                Some(root) if self.stack == self.inherit.arn => {
                    self.stack = root;
                    self.ask_stack()
                }
                _ => {
                    self.window = created.and_then(|created| stack::window(created, now, age));
                    self.ask_history(age)
                }
            },
            Answer::Found(Some(record)) => {
                let policy = self.inherit.history.as_deref();
                let value = policy.and_then(|policy| stack::value(&record, policy));
                self.tags.extend(value.map(|value| (self.key.to_owned(), value)));
                self.decided(age)
            }
            Answer::Found(None) => self.ask_history(age),
            // The history may not be asked: then it does not tell.
            Answer::Failed(failure) if self.looked > 0 && !failure.waits() => self.decided(age),
            Answer::Failed(failure) => self.failed(&failure, age),
            other => {
                let message = format!("{other:?} is no answer about a parent");
                self.failed(
                    &Failure::ours(Class::Failed, &self.inherit.call(), "UnreadableAnswer", message),
                    age,
                )
            }
        }
    }

    fn target(&self) -> Target {
        let Inherit { parent, id, with, region, account, .. } = self.inherit;
        let (id, region, account) = (id.clone(), region.clone(), account.clone());
        Target { operation: parent.operation, id, region, account, with: with.clone() }
    }

    fn ask_stack(&self) -> Next {
        Next::Ask(self.target().named(&self.stack), Question::Stack)
    }

    /// The next of the calls that make stacks.
    fn ask_history(&mut self, age: Age) -> Next {
        let made_by = self.inherit.parent.made_by;
        let (Some(window), Some(name)) = (self.window, made_by.get(self.looked)) else {
            return self.decided(age);
        };
        self.looked += 1;
        let wanted = Box::new(Wanted::MadeStack { arn: self.stack.clone(), made_by });
        let question = Question::History { which: Which::EventName(name), window, wanted };
        Next::Ask(self.target().named(&self.stack), question)
    }

    fn decided(&self, age: Age) -> Next {
        Next::Decided(decide(self.inherit, Ok(&self.tags), self.key, age, self.case.guard))
    }

    fn failed(&self, failure: &Failure, age: Age) -> Next {
        Next::Decided(decide(self.inherit, Err(failure), self.key, age, self.case.guard))
    }
}
