//! Goes through a queue's messages: looks at all of them, or does something with some of them.
//!
//! A message is hidden while it is held and given back at the end. The order is the promise: sent first, removed only
//! after SQS has taken it. Whatever kills this in between leaves a message in one queue or in both, never in none, and
//! what was held comes back when its time is over.

use super::{
    groups::Queue,
    letter::{self, Letter},
};
use crate::{aws::Stop, exit_code::Error};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tagger_aws::account::{
    Trouble,
    letters::{self, Letters, Message},
};
use tagger_core::work::Document;

/// How long, in seconds, a message is hidden while its queue is walked: some 200 dead letters pass in a second, and what was
/// met must not come again before the rest. When the walk is killed, they come back after this.
fn hidden(letters: usize) -> i32 {
    i32::try_from(30 + letters / 50).unwrap_or(LONGEST).min(LONGEST)
}
/// The longest.
const LONGEST: i32 = 600;
/// SQS may answer with nothing new although there is something; this often in a row it is believed.
const QUIET: usize = 2;
/// The most dead letters that are looked at in one queue, so that they fit into memory.
pub const MOST: usize = 20_000;

/// What was seen in a queue.
#[derive(Debug, Default)]
pub struct Seen {
    /// The dead letters.
    pub letters: Vec<Letter>,
    /// Whether it went on until nothing more came.
    pub complete: bool,
}

/// Looks at every message and gives it back; `expected` is how many there are, by SQS's word.
///
/// # Errors
/// SQS refused it. What was held is given back, as far as that is possible.
pub async fn look(queue: &Letters, expected: usize, stop: &Stop) -> Result<Seen, Trouble> {
    let (mut seen, mut held, mut known, mut quiet) = (Seen::default(), Vec::new(), BTreeSet::new(), 0);
    let outcome = loop {
        if stop.is_asked() || known.len() >= MOST {
            break Ok(false);
        }
        let messages = match queue.receive(hidden(expected)).await {
            Ok(messages) => messages,
            Err(trouble) => break Err(trouble),
        };
        let fresh: Vec<&Message> =
            messages.iter().filter(|message| known.insert(message.id.clone())).collect();
        quiet = if fresh.is_empty() { quiet + 1 } else { 0 };
        // It was waited for at all of SQS's servers, and there are no more by SQS's own count.
        let is_all = messages.is_empty() && known.len() >= expected;
        seen.letters.extend(fresh.into_iter().map(letter::open));
        held.extend(messages.into_iter().map(|message| message.receipt));
        if is_all || quiet >= QUIET {
            break Ok(true);
        }
    };
    let back = give_back(queue, &held).await;
    seen.complete = outcome?;
    back?;
    Ok(seen)
}

/// Hears of each message that is about to be discarded, and of each that is gone from its queue: a step, and an object.
/// When it fails, nothing more is done.
pub type Tell<'a> = &'a mut dyn FnMut(&str, Value) -> Result<(), Error>;

/// What is done with the dead letters that are meant.
#[derive(Clone, Copy)]
pub enum Deed<'a> {
    /// They go to this queue as pieces of work.
    Send {
        /// The retry queue.
        to: &'a Letters,
        /// Whether each resource is said to be still the one of its record.
        confirmed: bool,
    },
    /// They are printed and removed.
    Discard,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Done {
    /// How many were sent or discarded, and are gone from here.
    pub done: usize,
    /// How many are in both queues now, since they could not be removed here.
    pub twice: usize,
    /// What went wrong.
    pub troubles: Vec<String>,
    /// How many were not met again, or not come to.
    pub left: usize,
}

/// Does it with the messages that have these ids, out of so many in the queue.
///
/// # Errors
/// Standard output is closed. What was held is given back.
pub async fn work_off(
    place: &Queue,
    queue: &Letters,
    total: usize,
    mut wanted: BTreeSet<String>,
    deed: Deed<'_>,
    tell: Tell<'_>,
    stop: &Stop,
) -> Result<Done, Error> {
    let (mut done, mut held, mut known, mut quiet) = (Done::default(), Vec::new(), BTreeSet::new(), 0);
    let mut outcome = Ok(());
    while !wanted.is_empty() && quiet < QUIET && !stop.is_asked() && outcome.is_ok() {
        let messages = match queue.receive(hidden(total)).await {
            Ok(messages) => messages,
            Err(trouble) => {
                done.troubles.push(trouble.to_string());
                break;
            }
        };
        // What is not meant comes again when its time is over; a queue of such alone is not walked forever.
        let fresh = messages.iter().filter(|message| known.insert(message.id.clone())).count();
        quiet = if fresh > 0 { 0 } else { quiet + 1 };
        let (meant, others): (Vec<_>, Vec<_>) =
            messages.into_iter().partition(|message| wanted.remove(&message.id));
        held.extend(others.into_iter().map(|message| message.receipt));
        for part in parts(items(&meant, deed)) {
            let kept = match deed {
                Deed::Send { to, .. } => send(place, queue, to, &part, &mut done, tell).await,
                Deed::Discard => discard(place, queue, &part, &mut done, tell).await,
            };
            match kept {
                Ok(kept) => held.extend(kept),
                // Nobody hears any more what is done, so nothing more is done.
                Err(error) => outcome = Err(error),
            }
            if outcome.is_err() {
                break;
            }
        }
    }
    if let Err(trouble) = give_back(queue, &held).await {
        done.troubles.push(trouble.to_string());
    }
    done.left = wanted.len();
    outcome.map(|()| done)
}

/// A message, and the text that it is sent as.
type Item<'a> = (&'a Message, String);

/// Messages with what they are sent as. A dead letter was opened when it was looked at, and a message's text does not
/// change, so that none is left out here.
fn items<'a>(messages: &'a [Message], deed: Deed<'_>) -> Vec<Item<'a>> {
    let text = |message: &Message| match deed {
        Deed::Send { confirmed, .. } => {
            Some(Document::Work(letter::work(&message.body, confirmed).ok()?).text())
        }
        Deed::Discard => Some(String::new()),
    };
    messages.iter().filter_map(|message| Some((message, text(message)?))).collect()
}

/// In parts that go in one call.
fn parts(items: Vec<Item<'_>>) -> Vec<Vec<Item<'_>>> {
    let (mut parts, mut bytes) = (Vec::<Vec<Item>>::new(), 0);
    for item in items {
        let size = item.1.len();
        match parts.last_mut() {
            Some(part) if part.len() < letters::MOST && bytes + size <= letters::MOST_BYTES => {
                bytes += size;
                part.push(item);
            }
            _ => {
                bytes = size;
                parts.push(vec![item]);
            }
        }
    }
    parts
}

/// Sends a part and removes what was sent. The receipts of what stays.
async fn send(
    place: &Queue,
    queue: &Letters,
    to: &Letters,
    part: &[Item<'_>],
    done: &mut Done,
    tell: Tell<'_>,
) -> Result<Vec<String>, Error> {
    let texts: Vec<&str> = part.iter().map(|(_, text)| text.as_str()).collect();
    let sent = match to.send(&texts).await {
        Ok(sent) => sent,
        Err(trouble) => {
            done.troubles.push(trouble.to_string());
            return Ok(part.iter().map(|(message, _)| message.receipt.clone()).collect());
        }
    };
    let (mut gone, mut kept) = (Vec::new(), Vec::new());
    for ((message, _), result) in part.iter().zip(sent) {
        match result {
            Ok(()) => gone.push(*message),
            Err(trouble) => {
                done.troubles.push(format!("message {}: {trouble}", message.id));
                kept.push(message.receipt.clone());
            }
        }
    }
    remove(place, queue, &gone, "moved", done, tell).await?;
    Ok(kept)
}

/// Prints a part and removes it.
async fn discard(
    place: &Queue,
    queue: &Letters,
    part: &[Item<'_>],
    done: &mut Done,
    tell: Tell<'_>,
) -> Result<Vec<String>, Error> {
    for (message, _) in part {
        let body = serde_json::from_str(&message.body).unwrap_or_else(|_| json!(message.body));
        let line = json!({ "region": place.region, "queue": place.name, "messageId": message.id,
            "attributes": message.attributes, "body": body });
        tell("discarding", line)?;
    }
    let messages: Vec<&Message> = part.iter().map(|(message, _)| *message).collect();
    remove(place, queue, &messages, "discarded", done, tell).await?;
    Ok(Vec::new())
}

/// Removes messages. One that stays is not given back: what was sent need not be shown again at once.
async fn remove(
    place: &Queue,
    queue: &Letters,
    messages: &[&Message],
    step: &str,
    done: &mut Done,
    tell: Tell<'_>,
) -> Result<(), Error> {
    if messages.is_empty() {
        return Ok(());
    }
    let receipts: Vec<&str> = messages.iter().map(|message| message.receipt.as_str()).collect();
    let removed = match queue.remove(&receipts).await {
        Ok(removed) => removed,
        Err(trouble) => vec![Err(trouble); messages.len()],
    };
    for (message, result) in messages.iter().zip(removed) {
        match result {
            Ok(()) => {
                done.done += 1;
                tell(step, json!({ "region": place.region, "queue": place.name, "messageId": message.id }))?;
            }
            Err(trouble) => {
                done.twice += 1;
                done.troubles.push(format!("message {}: {trouble}", message.id));
            }
        }
    }
    Ok(())
}

async fn give_back(queue: &Letters, receipts: &[String]) -> Result<(), Trouble> {
    let receipts: Vec<&str> = receipts.iter().map(String::as_str).collect();
    queue.give_back(&receipts).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_fits_into_a_call() {
        let message = Message::default();
        let sizes = [&[10; 23][..], &[200 * 1024, 100 * 1024, 300 * 1024, 10]].concat();
        let items = sizes.into_iter().map(|size| (&message, "x".repeat(size))).collect();
        let sizes: Vec<usize> = parts(items).iter().map(Vec::len).collect();
        assert_eq!(sizes, [10, 10, 4, 1, 1, 1]);
    }
}
