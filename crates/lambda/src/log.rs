//! The function's log: one JSON line for each decision, in the words of `tagger explain --json`.
//!
//! Event id, names, codes, ARNs and the creator; never `requestParameters`, nor any message that
//! could quote them. `outcome` stands only on lines about what is final: the metric filters count it. A
//! line about what waits says in `waiting` what for, in the same words, and when it is tried again. `reason` is how the
//! creation ended, in one of the words of `tagger_core::reason`, once for each resource: a line about another try of
//! what waits has none.

use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tagger_aws::{Done, Outcome, outcome::Inherited};
use tagger_core::{
    Plan, Record,
    case::Case,
    diagnostic::{Code, Diagnostic},
    reason::Reason,
    settle::Fate,
};

/// What all lines of one record share.
pub struct Lines<'a> {
    record: &'a Record,
    reconciled: bool,
    plan: &'a Plan,
    /// Whether it was tried before.
    again: bool,
}

impl<'a> Lines<'a> {
    /// The lines of a case's record.
    pub fn of(case: &'a Case) -> Self {
        Self { record: &case.record, reconciled: case.reconciled, plan: &case.plan, again: case.tries > 1 }
    }

    /// What became of a resource.
    pub fn done(&self, done: &Done, fate: Fate) {
        let level = if fate == Fate::GivenUp { "ERROR" } else { "INFO" };
        let mut line = self.line(level);
        line["type"] = done.resource_type.into();
        line["arn"] = done.arn.as_str().into();
        line["operation"] = done.operation.into();
        match fate {
            Fate::Waits(seconds) => {
                line["waiting"] = done.outcome.as_str().into();
                let at = SystemTime::now() + Duration::from_secs(seconds);
                line["retryAt"] = tagger_aws::time::format(at).into();
            }
            Fate::Gone => line["outcome"] = "gone".into(),
            Fate::Done | Fate::GivenUp => line["outcome"] = done.outcome.as_str().into(),
        }
        let reason = Reason::of_done(done, fate);
        if reason != Reason::Waits || !self.again {
            line["reason"] = reason.as_str().into();
        }
        if !done.left_out.is_empty() {
            line["leftOut"] = json!(done.left_out);
        }
        if let Some(Inherited { parent, value }) = &done.inherited {
            if !parent.is_empty() {
                line["parent"] = parent.as_str().into();
            }
            line["inherited"] = value.as_deref().into();
            if value.is_none() {
                line["code"] = "parent-unknown".into();
            }
        }
        match &done.outcome {
            Outcome::AlreadyTagged { value } => line["value"] = value.as_str().into(),
            Outcome::Replaced(diagnostic) | Outcome::LeftAlone(diagnostic) => {
                line["code"] = diagnostic.code.as_str().into()
            }
            Outcome::Failed(failure) => {
                if reason == Reason::NotOurs {
                    line["code"] = Code::NotOurs.as_str().into();
                }
                line["call"] = failure.call.as_str().into();
                line["error"] = failure.code.as_str().into();
                line["message"] = failure.message.as_str().into();
                if let Some(by) = failure.by {
                    line["by"] = by.as_str().into();
                }
            }
            Outcome::Tagged => {}
        }
        print(line);
    }

    /// Why there was nothing to do, or less.
    pub fn diagnostic(&self, diagnostic: &Diagnostic) {
        let mut line = self.line("INFO");
        line["code"] = diagnostic.code.as_str().into();
        if let Some(reason) = Reason::of_code(diagnostic.code) {
            line["reason"] = reason.as_str().into();
        }
        // Which setting it was the code does not say.
        if diagnostic.code == Code::OutsideScope {
            line["message"] = diagnostic.message.as_str().into();
        }
        print(line);
    }

    /// A service's own resource whose kind is skipped, and whose parent has no creator.
    pub fn skipped(&self) {
        let mut line = self.line("INFO");
        line["code"] = Code::KindSkipped.as_str().into();
        line["reason"] = Reason::Skipped.as_str().into();
        println!("{line}");
    }

    fn line(&self, level: &str) -> Value {
        let text = |name| self.record.text(name);
        let mut line = json!({
            // Lambda takes a line's level only beside a timestamp:
            // <https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html>
            "timestamp": tagger_aws::time::format(SystemTime::now()),
            "level": level,
            "eventID": text("eventID"),
            "eventSource": text("eventSource"),
            "eventName": text("eventName"),
            "account": self.record.account(),
            "region": self.record.region(),
            "creator": self.plan.creator.name,
            "kind": self.plan.creator.kind.as_str(),
            "latencyMs": text("eventTime").and_then(|time| since(&time)).map(|passed| passed.as_millis() as u64),
        });
        // So that the time from creation to tag is that of the live path alone.
        if self.reconciled {
            line["reconcile"] = true.into();
        }
        line
    }
}

/// So many characters of a text are written: an ARN's most. Names in records are chosen by callers, and CloudWatch Logs cuts
/// a line of more than a mebibyte, which then is no JSON, so that no metric counts it:
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const MOST: usize = 2_048;

/// Writes a line, with long texts cut.
fn print(mut line: Value) {
    for value in line.as_object_mut().into_iter().flat_map(|line| line.values_mut()) {
        if let Value::String(text) = value
            && let Some((end, _)) = text.char_indices().nth(MOST)
        {
            text.truncate(end);
            text.push('…');
        }
    }
    println!("{line}");
}

/// A failure that is of no record.
pub fn failure(what: &str, message: &str) {
    let timestamp = tagger_aws::time::format(SystemTime::now());
    print(json!({ "timestamp": timestamp, "level": "ERROR", "code": what, "message": message }));
}

/// What a run over the event history came to.
pub fn run(ended: bool, members: Value) {
    line(if ended { "INFO" } else { "ERROR" }, "reconcile", members);
}

/// A line that is of no record.
pub fn line(level: &str, code: &str, members: Value) {
    let timestamp = tagger_aws::time::format(SystemTime::now());
    let mut line = json!({ "timestamp": timestamp, "level": level, "code": code });
    if let (Value::Object(line), Value::Object(members)) = (&mut line, members) {
        line.extend(members);
    }
    print(line);
}

/// How long ago an `eventTime` was.
fn since(event_time: &str) -> Option<Duration> {
    SystemTime::now().duration_since(tagger_aws::time::parse(event_time)?).ok()
}
