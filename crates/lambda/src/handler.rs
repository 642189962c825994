//! One invocation: an event in, plan and apply, a summary or an error out.
//!
//! A failure to tag is an error of the invocation, so that Lambda's retries, its on-failure
//! destination and the queue's redrive work; success is never reported for a resource that was not
//! tagged. It must not decide who, what or which tag.

use crate::log::{self, Lines};
use lambda_runtime::{Context, Diagnostic as RuntimeDiagnostic};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use tagger_aws::{Client, Outcome};
use tagger_core::{Policy, containers};

/// What every invocation uses.
pub struct Handler {
    /// Calls AWS.
    pub client: Client,
    /// The user's choices.
    pub policy: Policy,
}

/// What became of the records of an event.
#[derive(Default)]
struct Summary {
    records: usize,
    tagged: usize,
    already_tagged: usize,
    left_alone: usize,
    failures: Vec<String>,
}

/// An invocation in which something was not tagged.
#[derive(Debug)]
pub struct NotTagged(String);

impl From<NotTagged> for RuntimeDiagnostic {
    fn from(error: NotTagged) -> Self {
        RuntimeDiagnostic { error_type: "NotTagged".to_owned(), error_message: error.0 }
    }
}

impl Handler {
    /// Answers one event: an EventBridge event, a queue's batch of them, or anything else that
    /// `tagger explain` reads.
    ///
    /// # Errors
    /// Something that should have been tagged was not, or could not be read. For a queue's batch
    /// the failed messages are named in the answer instead, so that only they come again.
    pub async fn handle(&self, event: Value, context: &Context) -> Result<Value, NotTagged> {
        let answer = self.answer(event, &context.invoked_function_arn);
        // A runtime that states no deadline, as a local one may, sets no limit.
        if context.deadline == 0 {
            return answer.await;
        }
        // A second before Lambda would end the process without a word.
        let end = SystemTime::UNIX_EPOCH + Duration::from_millis(context.deadline) - Duration::from_secs(1);
        let left = end.duration_since(SystemTime::now()).unwrap_or_default();
        let answered = tokio::time::timeout(left, answer).await;
        answered.unwrap_or_else(|_| {
            let message = "the time of the invocation is over and not all is tagged";
            log::failure("out-of-time", message);
            Err(NotTagged(message.to_owned()))
        })
    }

    async fn answer(&self, event: Value, function_arn: &str) -> Result<Value, NotTagged> {
        let account = function_arn.split(':').nth(4).filter(|account| !account.is_empty());
        if let Some(messages) = queue_messages(&event) {
            let mut failed = Vec::new();
            for message in messages {
                let summary = self.records(message.clone(), account).await;
                if !summary.failures.is_empty() {
                    failed.push(json!({ "itemIdentifier": message["messageId"] }));
                }
            }
            // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
            return Ok(json!({ "batchItemFailures": failed }));
        }
        let summary = self.records(event, account).await;
        if !summary.failures.is_empty() {
            return Err(NotTagged(summary.failures.join("; ")));
        }
        Ok(json!({
            "records": summary.records,
            "tagged": summary.tagged,
            "alreadyTagged": summary.already_tagged,
            "leftAlone": summary.left_alone,
        }))
    }

    async fn records(&self, event: Value, account: Option<&str>) -> Summary {
        let mut summary = Summary::default();
        for item in containers::records_in(event) {
            summary.records += 1;
            let record = match item {
                Ok(record) => record,
                Err(problem) => {
                    log::failure("unreadable", &problem.to_string());
                    summary.failures.push(problem.to_string());
                    continue;
                }
            };
            let plan = tagger_core::plan(&record, &self.policy, account);
            let lines = Lines::of(&record, &plan);
            plan.diagnostics.iter().for_each(|diagnostic| lines.diagnostic(diagnostic));
            if let Some(found) = record.unknown_shape() {
                // Only records of CloudTrail are sent here; whatever this is must not be lost as if it were done.
                summary.failures.push(found);
                continue;
            }
            if plan.actions.is_empty() {
                summary.left_alone += 1;
                continue;
            }
            for done in tagger_aws::apply(&self.client, &plan).await {
                lines.done(&done);
                match done.outcome {
                    Outcome::Tagged => summary.tagged += 1,
                    Outcome::AlreadyTagged { .. } => summary.already_tagged += 1,
                    Outcome::Failed(failure) => summary.failures.push(format!("{}: {failure}", done.arn)),
                }
            }
        }
        summary
    }
}

/// The messages, when an event is a queue's batch.
fn queue_messages(event: &Value) -> Option<&Vec<Value>> {
    let messages = event["Records"].as_array()?;
    messages.first().is_some_and(|message| message["eventSource"] == "aws:sqs").then_some(messages)
}
