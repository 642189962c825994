//! What the function does while its settings are wrong: it tags nothing and loses nothing. What it is asked to tag becomes
//! dead letters with the reason, which `tagger redrive` brings back once the settings are right.
//!
//! It must not guess what was meant: a tag with another key or value than was asked for stays for good.

use crate::{
    handler::failed_items,
    intake::{Event, Message, Part},
    log,
    origin::{account_of, region_of},
    worker::NotTagged,
};
use futures_util::{StreamExt, stream};
use lambda_runtime::Context;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    rc::Rc,
    time::{Duration, SystemTime},
};
use tagger_aws::{
    Client, Queues,
    outcome::{Class, Failure},
    time,
};
use tagger_core::{
    Policy,
    case::Case,
    settle,
    work::{DeadLetter, Document, Named},
};

/// The code of the dead letters and of the log's lines.
const CODE: &str = "settings-invalid";
/// Records that are opened at a time.
const TOGETHER: usize = 500;
/// Letters that are sent at a time.
const AT_ONCE: usize = 16;
/// So long before the end of the invocation no dead letter is begun any more.
const LAST_LETTER: Duration = Duration::from_secs(11);

/// A function whose settings are wrong.
pub struct Misconfigured {
    /// Calls SQS.
    pub client: Client,
    /// Where what it is asked goes.
    pub queues: Queues,
    /// Which setting is wrong, and what is right.
    pub problem: String,
}

/// What becomes of one thing that it was asked for, with the place of its message.
type Kept = (Option<usize>, Result<bool, String>);

impl Misconfigured {
    /// Answers one event: what is to be tagged becomes a dead letter.
    ///
    /// # Errors
    /// A letter could not be sent, or the event asks for the history or tells of a changed tag: those go on where they
    /// were once the settings are right. For a queue's batch of creations the answer names the messages instead.
    pub async fn handle(&self, event: Box<str>, context: &Context) -> Result<Value, NotTagged> {
        let now = time::since_1970(SystemTime::now());
        let region = region_of(&context.invoked_function_arn);
        let Event::Creations(mut intake) = Event::of(event, Some(&self.queues), region, now) else {
            log::failure(CODE, &self.problem);
            return Err(NotTagged(format!("{CODE}: {}", self.problem)));
        };
        let end = Duration::from_millis(context.deadline).saturating_sub(LAST_LETTER);
        let is_over = || {
            let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            context.deadline > 0 && passed >= end
        };
        let messages = Rc::clone(&intake.messages);
        let account = account_of(&context.invoked_function_arn);
        let mut all: Vec<Kept> = Vec::new();
        while let Some(Part { cases, unreadable }) = intake.next(TOGETHER) {
            let letters = cases.into_iter().map(|case| (case.message, Ok(self.letter(case, account, now))));
            let unreadable = unreadable
                .into_iter()
                .map(|(place, problem)| (place, unread(&messages, place, problem, now)));
            let sent = letters.chain(unreadable).map(|(place, letter)| {
                let is_over = &is_over;
                async move {
                    let kept = match letter {
                        Ok(None) => Ok(false),
                        Ok(Some(_)) if is_over() => {
                            Err("there was no time left to write the dead letter".to_owned())
                        }
                        Ok(Some(letter)) => self.send(letter).await.map(|()| true),
                        Err(problem) => Err(problem),
                    };
                    (place, kept)
                }
            });
            let sent: Vec<_> = sent.collect();
            let kept: Vec<Kept> = stream::iter(sent).buffered(AT_ONCE).collect().await;
            all.extend(kept);
        }
        answer(&messages, &all)
    }

    /// The letter about a record; none where it gives no tag whatever the settings are.
    fn letter(&self, mut case: Case, account: Option<&str>, now: u64) -> Option<DeadLetter> {
        // Right settings can only leave more out.
        case.decide(&Policy::default(), account);
        if case.is_left_alone() {
            return None;
        }
        let Case { record, plan, first_seen, tries, .. } = case;
        let named = |resource: &tagger_core::resources::Resource| Named {
            r#type: resource.entry.resource_type.to_owned(),
            arn: resource.arn.clone(),
        };
        let resources: Vec<Named> = plan.actions.iter().map(named).collect();
        let members = json!({ "eventID": record.text("eventID"), "eventName": record.text("eventName"), "outcome": "failed",
            "arn": resources.first().map(|named| named.arn.as_str()), "message": self.problem });
        log::line("ERROR", CODE, members);
        let fix = format!("{}; fix the setting (`tagger deploy`), then `tagger redrive`", self.problem);
        let reason = Failure::ours(Class::Failed, "", CODE, fix);
        let record = record.stored();
        Some(DeadLetter { record, resources, reason, since: first_seen, gave_up: now, tries })
    }

    async fn send(&self, letter: DeadLetter) -> Result<(), String> {
        let text = Document::DeadLetter(letter).text();
        let sent = self.queues.send(&self.client, &self.queues.dead_letters, &text, 0).await;
        sent.map_err(|failure| {
            log::failure("queue", &failure.to_string());
            failure.to_string()
        })
    }
}

/// The letter about a message in which there is no record; without a message Lambda's own destination keeps the event.
fn unread(
    messages: &[Message],
    place: Option<usize>,
    problem: String,
    now: u64,
) -> Result<Option<DeadLetter>, String> {
    log::failure("unreadable", &problem);
    let Some(message) = place.and_then(|place| messages.get(place)) else { return Err(problem) };
    let found = Value::from(message.body.as_str());
    Ok(Some(settle::unreadable(found, &problem, message.sent, message.receives, now)))
}

fn answer(messages: &[Message], kept: &[Kept]) -> Result<Value, NotTagged> {
    let failed = kept.iter().filter_map(|(place, kept)| Some((*place, kept.as_ref().err()?)));
    if !messages.is_empty() {
        let places: BTreeSet<usize> = failed.filter_map(|(place, _)| place).collect();
        let ids: Vec<String> = places.into_iter().map(|place| messages[place].id.clone()).collect();
        return Ok(failed_items(&ids));
    }
    let problems: Vec<&str> = failed.map(|(_, problem)| problem.as_str()).collect();
    if !problems.is_empty() {
        return Err(NotTagged(problems.join("; ")));
    }
    let given_up = kept.iter().filter(|(_, kept)| *kept == Ok(true)).count();
    Ok(json!({ "records": kept.len(), "givenUp": given_up, "leftAlone": kept.len() - given_up }))
}
