//! Asks the event history who made a stack that has no creator's tag. Reads only; what of the answers counts is
//! decided in `tagger_core::stack`.

use crate::{
    client::Client,
    history::{self, Stopped, Which},
    outcome::{Class, Failure},
    time,
    wire::Ask,
};
use serde_json::Value;
use std::time::{Duration, Instant, SystemTime};
use tagger_core::{Policy, Record, inherit::Inherit, patience::Age, stack};

/// How long the history may take. What finds no answer by then waits as any other throttled call.
const LONGEST: Duration = Duration::from_secs(6);

/// What the creator's tag says for whoever made the parent's stack, or the one that it is nested in; none where the
/// history does not show it, or may not be asked.
///
/// # Errors
/// The call that asks for the stack, or the history because of too many calls.
pub async fn creator(
    client: &Client,
    inherit: &Inherit,
    policy: &Policy,
    age: Age,
) -> Result<Option<String>, Failure> {
    if age.event < stack::SHOWN_AFTER {
        return Ok(None);
    }
    let mut arn = inherit.arn.clone();
    let mut described = describe(client, inherit, &arn).await?;
    if let Some(root) = text(&described, "RootId").filter(|root| *root != arn) {
        arn = root.to_owned();
        described = describe(client, inherit, &arn).await?;
    }
    let created = text(&described, "CreationTime").and_then(time::seconds);
    let now = time::since_1970(SystemTime::now());
    let Some(window) = created.and_then(|created| stack::window(created, now, age)) else { return Ok(None) };
    let stop = Instant::now() + LONGEST;
    for name in inherit.parent.made_by {
        let mut found = None;
        let mut each = |text: &str| {
            let record = serde_json::from_str(text).ok().map(Record::new);
            let made = record.filter(|record| stack::made(record, &arn, inherit.parent.made_by));
            // The rest of a page comes all the same.
            found = found.take().or(made);
            found.is_none()
        };
        let which = Which::EventName(name);
        let read = history::read(client, &inherit.region, which, window, stop, &mut each).await;
        if let Some(record) = found {
            return Ok(stack::value(&record, policy));
        }
        match read {
            Ok(()) => {}
            Err(Stopped::Enough) => return Err(busy()),
            Err(Stopped::Failed(failure)) if failure.class == Class::Throttled || failure.passes => {
                return Err(failure);
            }
            Err(Stopped::Failed(_)) => return Ok(None),
        }
    }
    Ok(None)
}

fn busy() -> Failure {
    let message = "the event history did not answer in time";
    Failure::ours(Class::Throttled, "cloudtrail:LookupEvents", "ClientLimit", message)
}

/// What DescribeStacks says of one stack:
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
async fn describe(client: &Client, inherit: &Inherit, arn: &str) -> Result<Value, Failure> {
    let operation = inherit.parent.operation;
    let Some(call) = operation.read.as_ref() else { return Ok(Value::Null) };
    let ask = Ask { ids: &[arn], tags: &[], with: &[], account: &inherit.account };
    let answer = client.call(operation, call, &inherit.region, ask).await?;
    let stacks = &answer["DescribeStacksResponse"]["DescribeStacksResult"]["Stacks"]["member"];
    // A list of one is written as the one.
    let one = stacks.as_array().and_then(|stacks| stacks.first()).unwrap_or(stacks);
    Ok(one.clone())
}

fn text<'a>(stack: &'a Value, member: &str) -> Option<&'a str> {
    stack[member].as_str().filter(|text| !text.is_empty())
}
