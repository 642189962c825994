//! Follows a stack while CloudFormation works on it, and says what happens.

use crate::{aws::Stop, exit_code::Error, report::Report};
use serde_json::json;
use std::time::Duration;
use tagger_aws::account::{
    Kind, Trouble,
    stacks::{Event, Stacks},
};

/// How it ended.
#[derive(Debug)]
pub struct End {
    /// The stack's ARN.
    pub stack: String,
    /// The stack's last status; `DELETE_COMPLETE` when it is gone.
    pub status: String,
    /// What happened meanwhile, oldest first.
    pub events: Vec<Event>,
}

impl End {
    /// Whether it is as it was meant to be.
    pub fn is_good(&self) -> bool {
        matches!(self.status.as_str(), "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE")
    }
}

/// How many times in a row AWS may be out of reach.
const PATIENCE: u32 = 20;

/// How many looks a stack may still show what it was before: CloudFormation answers before it begins.
const LOOKS: u32 = 30;

/// Follows until what was begun is over. `known` is the last event before it.
///
/// # Errors
/// It was stopped, or AWS could not be asked.
pub async fn follow(
    stacks: &Stacks,
    region: &str,
    stack: &str,
    known: Option<String>,
    report: Report,
    stop: &Stop,
    pause: Duration,
) -> Result<End, Error> {
    let (mut events, mut known, mut missed, mut idle) = (Vec::<Event>::new(), known, 0, 0);
    loop {
        if stop.is_asked() {
            return Err(Error::Failure(format!(
                "stopped. CloudFormation goes on by itself with {stack} in {region}; run the same command again, and it goes on \
                 from there"
            )));
        }
        // First the status, then the events: so the last events are there when it is done.
        let seen = async {
            let status = stacks.find(stack).await?.map(|stack| stack.status);
            Ok::<_, Trouble>((status, stacks.events(stack, known.as_deref()).await))
        };
        let (status, fresh) = match seen.await {
            Ok(seen) => seen,
            Err(trouble)
                if matches!(trouble.kind(), Kind::Unreachable | Kind::Throttled) && missed < PATIENCE =>
            {
                missed += 1;
                stop.wait(pause).await;
                continue;
            }
            Err(trouble) => return Err(trouble.into()),
        };
        missed = 0;
        // The events of a stack that was deleted by its name are not to be had.
        for event in fresh.unwrap_or_default() {
            known = Some(event.id.clone());
            tell(&event, region, report)?;
            events.push(event);
        }
        // The stack's own last event tells whether its work is over: the status alone may be that of before.
        let own = events.iter().rev().find(|event| event.resource_type == "AWS::CloudFormation::Stack");
        let over = own.is_some_and(|event| !event.status.ends_with("_IN_PROGRESS"));
        match status {
            None => return Ok(End { stack: stack.to_owned(), status: "DELETE_COMPLETE".to_owned(), events }),
            Some(status) if status == "DELETE_COMPLETE" => {
                return Ok(End { stack: stack.to_owned(), status, events });
            }
            Some(status) if status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS" => {}
            Some(status) if over => return Ok(End { stack: stack.to_owned(), status, events }),
            // Who may not read events has the status alone; after a while it is believed.
            Some(status) if idle >= LOOKS => return Ok(End { stack: stack.to_owned(), status, events }),
            Some(_) => idle += 1,
        }
        stop.wait(pause).await;
    }
}

/// What is done or has failed is said; what has merely begun is not.
fn tell(event: &Event, region: &str, report: Report) -> Result<(), Error> {
    if event.status.ends_with("_IN_PROGRESS") {
        return Ok(());
    }
    let reason = if event.status.ends_with("_FAILED") && !event.reason.is_empty() {
        format!("  {}", event.reason)
    } else {
        String::new()
    };
    let text =
        format!("  {region:<15} {:<28} {:<32} {}{reason}", event.status, event.resource_type, event.logical);
    let more = json!({
        "region": region, "status": event.status, "type": event.resource_type, "logicalId": event.logical,
        "physicalId": event.physical, "reason": event.reason,
    });
    report.say("progress", text.trim_end(), more)
}
