//! AWS as the function sees it: one endpoint for the queues and every tagging API, with the faults in between.

use super::{
    account::Account,
    answers,
    calls::{Asked, Known, Role},
    clock::SECOND,
    faults::Fault,
    http::{Answer, Reply, Request},
    samples, stacks,
    world::World,
};
use serde_json::{Value, json};

/// Answers a request.
pub fn answer(account: &Account, request: &Request) -> Reply {
    match request.header("x-amz-target") {
        "AmazonSQS.SendMessage" | "AmazonSQS.ChangeMessageVisibility" => queue(account, request),
        target if target.ends_with(".LookupEvents") => history(account, request),
        _ => tagging(account, request),
    }
}

/// The event history, by the name of a resource.
fn history(account: &Account, request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let attribute = &body["LookupAttributes"][0];
    let name = attribute["AttributeValue"].as_str().unwrap_or_default();
    let mut state = account.state();
    let now = account.clock.now();
    let fault = state.injector.decide("cloudtrail:LookupEvents", name);
    let is_fault = fault.is_some_and(|fault| !matches!(fault, Fault::Inside));
    state.count("history", if is_fault { "faults" } else { "answered" });
    if let Some(fault) = fault.filter(|fault| !matches!(fault, Fault::Inside)) {
        let error =
            |status: u16, code: &str| Answer::new(status, JSON, json!({ "__type": code }).to_string());
        return match fault {
            Fault::Throttled => Reply::Answer(error(400, "ThrottlingException")),
            fault => {
                broken(fault, || Answer::new(200, JSON, "{\"Events\":[]}"), |_| error(500, "InternalFailure"))
            }
        };
    }
    let place = samples::marks(name).pop().filter(|_| attribute["AttributeKey"] == "ResourceName");
    let mut shown = place.map(|place| state.story.history(&state.world, place, now)).unwrap_or_default();
    if let Some((place, _)) = stacks::named(name) {
        let made = state.world.places.get(place).and_then(|place| place.generations.first());
        shown = made.map(|made| stacks::history(name, &made.creator)).unwrap_or_default();
        shown.retain(|(at, _)| at + 2 * 60 * SECOND <= now);
    }
    let within = |at: u64| {
        let at = at / SECOND;
        body["StartTime"].as_u64().is_none_or(|from| at >= from)
            && body["EndTime"].as_u64().is_none_or(|until| at <= until)
    };
    let events: Vec<Value> = shown
        .into_iter()
        .filter(|(at, _)| within(*at))
        .map(|(_, record)| json!({ "CloudTrailEvent": record }))
        .collect();
    Reply::Answer(Answer::new(200, JSON, json!({ "Events": events }).to_string()))
}

fn queue(account: &Account, request: &Request) -> Reply {
    let body: Value = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    let is_send = request.header("x-amz-target").ends_with("SendMessage");
    let about = if is_send { text("MessageBody") } else { text("ReceiptHandle") };
    let error = |status: u16, code: &str| Answer::new(status, JSON, json!({ "__type": code }).to_string());
    let mut state = account.state();
    let now = account.clock.now();
    state.queue_calls += 1;
    let fault = state.injector.decide(request.header("x-amz-target"), about);
    let mut perform = || {
        let is_retry = text("QueueUrl").ends_with("auto-resource-tagger-retry");
        if !is_send {
            let seconds = body["VisibilityTimeout"].as_u64().unwrap_or_default();
            let found = state.retry.postpone(about, now, seconds);
            return if found { Answer::new(200, JSON, "{}") } else { error(400, "InvalidParameterValue") };
        }
        if is_retry {
            state.retry.send(about.to_owned(), now, body["DelaySeconds"].as_u64().unwrap_or_default());
        } else {
            state.letters.push(about.to_owned());
        }
        Answer::new(200, JSON, json!({ "MessageId": "m", "MD5OfMessageBody": "x" }).to_string())
    };
    match fault {
        None | Some(Fault::Inside) => Reply::Answer(perform()),
        Some(Fault::Throttled) => Reply::Answer(error(400, "RequestThrottled")),
        Some(fault) => broken(fault, perform, |_| error(500, "InternalFailure")),
    }
}

const JSON: &str = "application/x-amz-json-1.0";

/// The faults that are of the way and not of the call.
fn broken(fault: Fault, perform: impl FnOnce() -> Answer, error: impl FnOnce(bool) -> Answer) -> Reply {
    match fault {
        Fault::Half => Reply::Half(perform()),
        Fault::Broken(after) | Fault::Silent(after) | Fault::Reset(after) => {
            if after {
                perform();
            }
            match fault {
                Fault::Silent(_) => Reply::Silence,
                Fault::Reset(_) => Reply::Reset,
                _ => Reply::Answer(error(after)),
            }
        }
        Fault::Throttled | Fault::Inside => Reply::Answer(perform()),
    }
}

fn tagging(account: &Account, request: &Request) -> Reply {
    let asked = match account.table.understand(request) {
        Ok(asked) => asked,
        Err(problem) => {
            account.state().unknown.push(problem);
            return Reply::Answer(Answer::new(
                400,
                JSON,
                json!({ "__type": "UnknownOperation" }).to_string(),
            ));
        }
    };
    let mut state = account.state();
    let now = account.clock.now();
    let kind = match asked.known.first().map(|known| known.role) {
        Some(Role::Write) => "writes",
        Some(Role::Read) => "reads",
        Some(Role::Describe(_)) => "describes",
        None if asked.name == "cloudformation:DescribeStacks" => "stacks",
        None if asked.form.iter().any(|(name, _)| name == "Filter.1.Name") => "looks",
        None => "children",
    };
    let fault = state.injector.decide(&asked.name, asked.ids.first().map_or("", String::as_str));
    let known = asked.known.first();
    let wrong = state.world.wrong.len();
    let reply = reply(&mut state.world, fault, known, &asked, now);
    state.count(kind, if fault.is_some() { "faults" } else { end(&reply) });
    // A request that was on its way when its invocation gave up or was killed.
    let is_late = !asked.ids.iter().flat_map(|id| samples::marks(id)).any(|place| state.in_hand.has(place));
    if is_late {
        let late = state.world.wrong.iter_mut().skip(wrong);
        late.for_each(|text| *text += ", by an invocation that was over");
    }
    reply
}

fn reply(world: &mut World, fault: Option<Fault>, known: Option<&Known>, asked: &Asked, now: u64) -> Reply {
    match (fault, known) {
        (None, _) => Reply::Answer(world.perform(asked, now)),
        (Some(Fault::Throttled), _) => Reply::Answer(throttled(asked)),
        (Some(Fault::Inside), Some(known)) => {
            let is_json =
                !matches!(answers::written(known).headers.first(), Some((_, kind)) if kind.ends_with("xml"));
            let id = &asked.ids[0];
            match known.role {
                Role::Write if is_json && answers::written(known).status == 200 => {
                    Reply::Answer(answers::failed_inside(known, id))
                }
                _ => Reply::Answer(answers::error(known, 503, "ServiceUnavailable", "try again")),
            }
        }
        (Some(fault), _) => {
            let error = |after: bool| match known {
                // A load balancer before the service answers with a page.
                Some(known) if after => answers::error(known, 500, "InternalFailure", "it broke"),
                _ => Answer::new(502, "text/html", "<html><body>Bad Gateway</body></html>"),
            };
            broken(fault, || world.perform(asked, now), error)
        }
    }
}

/// What a call came to.
fn end(reply: &Reply) -> &'static str {
    let Reply::Answer(answer) = reply else { return "faults" };
    let text = String::from_utf8_lossy(&answer.body);
    let is_missing = ["NotFound", "NoSuch", "NotExist"].iter().any(|word| text.contains(word));
    match answer.status {
        0..300 => "answered",
        _ if is_missing => "not there",
        _ => "refused",
    }
}

fn throttled(asked: &Asked) -> Answer {
    let Some(known) = asked.known.first() else {
        let body = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors></Response>";
        return Answer::new(503, "text/xml", body);
    };
    let (status, code) = match known.operation.endpoint {
        "ec2" => (503, "RequestLimitExceeded"),
        "s3" | "s3-control" => (503, "SlowDown"),
        "kinesis" | "firehose" | "dynamodb" => (400, "LimitExceededException"),
        "apigateway" => (429, "TooManyRequestsException"),
        _ => (400, "ThrottlingException"),
    };
    answers::error(known, status, code, "Rate exceeded")
}
