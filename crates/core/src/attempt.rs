//! One try to tag one resource, as a machine without I/O: it says what to ask AWS next, is told the
//! answer, and ends. `tagger-aws` asks real AWS, the property test in `tests/delivery.rs` a model of it.
//!
//! Three promises are kept here: tags that were not read are not overwritten, a resource that was made after
//! the event under the same name is not tagged, nor one that the call only found or changed, where the service
//! tells when it was made.

use crate::{
    diagnostic::Diagnostic,
    json,
    outcome::{Class, Failure, Outcome, UNREADABLE},
    patience::{Age, FRESH, SURE},
    plan::Plan,
    policy::Existing,
    record::Record,
    resources::Resource,
};
use tagger_catalog::{Lifetime, Operation, lifetime::Told};

/// Key and value of each tag.
pub type Tags = Vec<(String, String)>;

/// How careful a try is about names that can be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Not at all: there is no queue, so that every try comes within minutes of the event.
    None,
    /// What cannot be known to be the same resource is left alone, once the event is no longer young.
    Strict,
    /// The same, but somebody said that it is the same where it cannot be known.
    Confirmed,
}

/// What a service tells of a resource.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// An id that is never given again.
    pub id: Option<String>,
    /// When it was made, in seconds since 1970.
    pub created: Option<u64>,
    /// Its state.
    pub status: Option<String>,
}

/// What to ask next.
#[derive(Debug)]
pub enum Step<'a> {
    /// Ask which resource it is, and whether it is ready.
    Describe(&'static Told),
    /// Read its tags.
    Read,
    /// Set these tags.
    Write(Vec<(&'a str, &'a str)>),
    /// Nothing; this became of it.
    End(Outcome),
}

/// What AWS said.
#[derive(Debug)]
pub enum Answer {
    /// To [`Step::Describe`].
    Described(Facts),
    /// To [`Step::Read`]: every tag.
    Tags(Tags),
    /// To [`Step::Write`].
    Written,
    /// An error, to any of them.
    Failed(Failure),
}

/// One try to tag one resource.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// What to do.
    pub plan: &'a Plan,
    /// The record that the plan is of.
    pub record: &'a Record,
    /// What to tag.
    pub resource: &'a Resource,
    /// When the call was made, in seconds since 1970, where the record says it.
    pub event_time: Option<u64>,
    /// How old that is.
    pub age: Age,
    /// How careful to be.
    pub guard: Guard,
}

impl<'a> Attempt<'a> {
    /// What to ask first.
    pub fn start(&self) -> Step<'a> {
        let lifetime = self.lifetime();
        if let Lifetime::Told(told) = lifetime
            && self.resource.entry.upsert
        {
            return Step::Describe(told);
        }
        if self.guard == Guard::None {
            return self.tags();
        }
        match lifetime {
            Lifetime::Told(told) if !told.ready.is_empty() || self.age.event > FRESH => Step::Describe(told),
            Lifetime::Unknown => self.unknown(),
            Lifetime::Told(_) | Lifetime::Unique => self.tags(),
        }
    }

    /// What to ask after an answer.
    pub fn next(&self, step: &Step<'a>, answer: Answer) -> Step<'a> {
        match (step, answer) {
            (Step::Describe(told), Answer::Described(facts)) => self.described(told, &facts),
            // A service that does not answer this is one that does not tell. What disturbs its owner waits
            // until it is known not to.
            (Step::Describe(told), Answer::Failed(failure))
                if told.ready.is_empty() && is_no_answer(&failure) =>
            {
                self.unknown()
            }
            (Step::Read, Answer::Tags(there)) => {
                match to_write(self.plan, self.resource.entry.operation, &there) {
                    Ok(tags) => Step::Write(tags),
                    Err(outcome) => Step::End(outcome),
                }
            }
            (Step::Write(_), Answer::Written) => Step::End(Outcome::Tagged),
            (_, Answer::Failed(failure)) => Step::End(Outcome::Failed(failure)),
            (step, answer) => {
                let message = format!("{answer:?} is no answer to {step:?}");
                Step::End(Outcome::Failed(self.failure(Class::Failed, UNREADABLE, message)))
            }
        }
    }

    fn lifetime(&self) -> Lifetime {
        tagger_catalog::lifetime(self.resource.entry.resource_type)
    }

    fn described(&self, told: &'static Told, facts: &Facts) -> Step<'a> {
        let same = same(self.record, self.event_time, told, facts);
        if same == Some(false) {
            let diagnostic = Diagnostic::resource_replaced(told.resource_type, &self.resource.arn);
            return Step::End(Outcome::Replaced(diagnostic));
        }
        if self.resource.entry.upsert && existed(self.event_time, facts) {
            let diagnostic = Diagnostic::resource_existed(told.resource_type, &self.resource.arn);
            return Step::End(Outcome::Replaced(diagnostic));
        }
        let status = facts.status.as_deref().unwrap_or("in an unknown state");
        if status.eq_ignore_ascii_case("deleting") {
            let message = "it is being deleted".to_owned();
            return Step::End(Outcome::Failed(self.failure(Class::NotFound, "Deleting", message)));
        }
        if !told.ready.is_empty() && !told.ready.contains(&status) {
            let message = format!("it is {status}, and is tagged when it is {}", told.ready.join(" or "));
            return Step::End(Outcome::Failed(self.failure(Class::NotReady, "NotAvailable", message)));
        }
        // Some services note the time when it is ready, so this is asked last.
        if same.is_none() { self.unknown() } else { self.tags() }
    }

    fn unsure(&self) -> bool {
        self.guard == Guard::Strict && self.age.event >= SURE
    }

    /// Where nothing tells whether it is the same resource.
    fn unknown(&self) -> Step<'a> {
        if !self.unsure() {
            return self.tags();
        }
        let resource_type = self.resource.entry.resource_type;
        let diagnostic = Diagnostic::resource_uncertain(resource_type, &self.resource.arn, SURE / 60);
        let failure = self.failure(Class::Failed, diagnostic.code.as_str(), diagnostic.message);
        Step::End(Outcome::Failed(failure))
    }

    fn tags(&self) -> Step<'a> {
        match self.plan.existing {
            Existing::Keep => Step::Read,
            Existing::Overwrite => Step::Write(pairs(self.plan)),
        }
    }

    fn failure(&self, class: Class, code: &str, message: String) -> Failure {
        Failure::ours(class, self.resource.entry.operation.name, code, message)
    }
}

/// Whether an error means that the service does not tell. An answer that cannot be read is not one: it may tell of another
/// resource.
fn is_no_answer(failure: &Failure) -> bool {
    let refuses = matches!(failure.class, Class::Denied | Class::Unsupported | Class::Failed);
    refuses && !failure.passes && failure.code != UNREADABLE
}

/// Whether a resource is the one that the record tells of; none where neither an id nor a time says so.
pub fn same(record: &Record, event_time: Option<u64>, told: &Told, facts: &Facts) -> Option<bool> {
    let (path, _) = told.same;
    if !path.is_empty()
        && let Some(id) = &facts.id
        && let Some(recorded) = json::at_path(record.value(), path).into_iter().find_map(json::text)
    {
        return Some(*id == recorded);
    }
    Some(facts.created? <= event_time? + told.within)
}

/// So many seconds before the event a resource may have been made by it: a clock's tolerance.
const BEFORE: u64 = 60;

/// Whether a resource was there before the call, which then only found or changed it.
fn existed(event_time: Option<u64>, facts: &Facts) -> bool {
    facts.created.zip(event_time).is_some_and(|(created, event)| created + BEFORE < event)
}

/// The tags that a resource lacks; or what became of it, where there is nothing to write.
///
/// # Errors
/// It has the creator's key, or no room for more tags.
pub fn to_write<'a>(
    plan: &'a Plan,
    operation: &Operation,
    there: &[(String, String)],
) -> Result<Vec<(&'a str, &'a str)>, Outcome> {
    let mut tags = pairs(plan);
    if let Some(value) = value_of(operation, there, tags.first().map_or("", |tag| tag.0)) {
        return Err(Outcome::AlreadyTagged { value: value.to_owned() });
    }
    tags.retain(|(key, _)| value_of(operation, there, key).is_none());
    // AWS's own tags do not count: <https://docs.aws.amazon.com/tag-editor/latest/userguide/reference.html>
    let counted = there.iter().filter(|(key, _)| !key.starts_with("aws:")).count();
    if counted + tags.len() > usize::from(operation.max_tags) {
        let message = format!("it has {counted} tags of {} that it may have", operation.max_tags);
        return Err(Outcome::Failed(Failure::ours(Class::Limit, operation.name, "TagLimit", message)));
    }
    Ok(tags)
}

/// The planned tags, as calls take them.
pub fn pairs(plan: &Plan) -> Vec<(&str, &str)> {
    plan.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// The value of a key that is there. IAM does not tell `CreatedBy` from `createdby`:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html>
fn value_of<'a>(operation: &Operation, there: &'a [(String, String)], key: &str) -> Option<&'a str> {
    let folds = operation.endpoint == "iam";
    let same = |(other, _): &&(String, String)| other == key || folds && other.eq_ignore_ascii_case(key);
    there.iter().find(same).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Policy, plan};
    use serde_json::json;

    #[test]
    fn what_a_service_that_does_not_tell_comes_to() {
        let record = Record::new(json!({
            "eventSource": "dynamodb.amazonaws.com", "eventName": "CreateTable", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "requestParameters": { "tableName": "t" },
            "responseElements": { "tableDescription": { "tableArn": "arn:aws:dynamodb:eu-west-1:111122223333:table/t" } },
            "userIdentity": { "type": "IAMUser", "userName": "alice", "arn": "arn:aws:iam::111122223333:user/alice" },
        }));
        let plan = plan(&record, &Policy::default(), None);
        let failed = |code: &str| Failure::of("dynamodb:DescribeTable", code, "", Some(400));
        let unreadable = || Failure::ours(Class::Failed, "dynamodb:DescribeTable", UNREADABLE, "");
        for (what, failure, age, goes_on) in [
            ("it may not be asked, and the event is young", failed("AccessDenied"), 60, true),
            ("it may not be asked, and the event is old", failed("AccessDenied"), SURE, false),
            ("it does not understand", failed("ValidationException"), 60, true),
            ("its answer cannot be read, so it may be of another resource", unreadable(), 60, false),
            ("its own trouble, which passes", failed("InternalServerError"), 60, false),
            ("too many calls", failed("ThrottlingException"), 60, false),
            ("it is not there", failed("ResourceNotFoundException"), 60, false),
        ] {
            let resource = &plan.actions[0];
            let age = Age { event: age, waited: age };
            let attempt = Attempt {
                plan: &plan,
                record: &record,
                resource,
                event_time: Some(1),
                age,
                guard: Guard::Strict,
            };
            let start = attempt.start();
            assert!(matches!(start, Step::Describe(_)), "{what}: {start:?}");
            let step = attempt.next(&start, Answer::Failed(failure));
            assert_eq!(matches!(step, Step::Read), goes_on, "{what}: {step:?}");
        }
    }
}
