//! `tagger redrive`: what was given up, in groups; and those that one asks for go back to the retry queue.
//!
//! [`walk`] goes through the queues, [`letter`] opens a message, [`groups`] says which dead letters are alike and which are
//! meant. Without a choice nothing is changed but for how often each message was received. What cannot be opened stays
//! where it is.

mod advice;
mod groups;
mod letter;
mod walk;

use crate::{
    args::Redrive,
    aws::{self, Stop},
    deployment::Deployment,
    exit_code::{Error, ExitCode},
    report::Report,
};
use groups::{Choice, Queue};
use letter::Letter;
use serde_json::{Value, json};
use std::{collections::BTreeSet, io::Write};
use tagger_aws::account::{Account, Kind, letters::Letters};
use tagger_core::printable;
use walk::{Deed, Done};

const DEAD_LETTERS: &str = "auto-resource-tagger-dead-letters";
const UNDELIVERED: &str = "auto-resource-tagger-undelivered";
const RETRY: &str = "auto-resource-tagger-retry";
/// The queue's own policy refuses whoever is no operator, whatever his policies allow.
const OPERATORS_ONLY: &str = "\n  the queue's policy lets only the function, and the principals of the stack's parameter \
                              QueueOperators: `tagger deploy --set QueueOperators=ARN,ARN` names them, all of them";

/// A queue, and what was seen in it.
struct Found {
    queue: Queue,
    messages: Letters,
    letters: Vec<Letter>,
}

/// The dead letters that are meant, by their messages' ids, in each queue.
type Meant<'a> = Vec<(&'a Found, BTreeSet<String>)>;

/// Runs the verb.
///
/// # Errors
/// Nothing is deployed, AWS refuses it, or some of the dead letters could not be moved; with what to do.
pub fn run(arguments: &Redrive) -> Result<ExitCode, Error> {
    let choice = Choice {
        all: arguments.all,
        why: arguments.why.clone(),
        service: arguments.service.clone(),
        event: arguments.event.clone(),
        before: arguments.before,
        since: arguments.since,
    };
    if !choice.is_made() && (arguments.discard || arguments.confirm) {
        return Err(Error::Usage(
            "say which dead letters: --all, --why, --service, --event, --before or --since".to_owned(),
        ));
    }
    if arguments.json && choice.is_made() && !arguments.yes && !arguments.dry_run {
        return Err(Error::Usage("--json does not ask: give --yes, or --dry-run to look only".to_owned()));
    }
    let stop = Stop::listen()?;
    aws::run(async {
        let account = aws::account(&arguments.aws).await?;
        redrive(&account, arguments, &choice, Report::new(arguments.json), &stop).await
    })
}

async fn redrive(
    account: &Account,
    arguments: &Redrive,
    choice: &Choice,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    let there = Deployment::find(account).await?;
    let Some((home, _)) = &there.home else {
        return Err(Error::Failure(format!(
            "account {} has no tagger, and so no dead letters: `tagger status` says what is deployed where",
            account.id
        )));
    };
    // Of what could not be looked at, or not whole, the rest goes on, and the exit code says it.
    let mut whole = true;
    for trouble in &there.unread {
        whole = false;
        report.say("warning", &format!("WARNING {trouble}"), json!({ "region": trouble.region }))?;
    }
    let mut found = Vec::new();
    for queue in queues(home, &there) {
        if stop.is_asked() {
            return Err(interrupted("nothing was changed"));
        }
        let (seen, complete) = look(account, queue, report, stop).await?;
        whole &= complete;
        found.extend(seen);
    }
    say_groups(&found, report)?;
    let total: usize = found.iter().map(|found| found.letters.len()).sum();
    if !choice.is_made() {
        let words = match total {
            0 => "No dead letters.",
            _ => {
                "\nMove them back: `tagger redrive --all`, or those with --why, --service, --event, --before, --since; \
                 first fix what the reason says"
            }
        };
        report.say("end", words, json!({ "letters": total, "moved": 0 }))?;
        let opened = found.iter().flat_map(|found| &found.letters).all(|letter| letter.broken.is_none());
        return Ok(if whole && opened { ExitCode::Fine } else { ExitCode::Unreadable });
    }
    let (meant, opened) = mean(&found, choice, arguments, report)?;
    let code = if whole && opened { ExitCode::Fine } else { ExitCode::Unreadable };
    let count: usize = meant.iter().map(|(_, ids)| ids.len()).sum();
    let (verb, done) = if arguments.discard { ("Discard", "discarded") } else { ("Move", "moved") };
    if count == 0 {
        say_nothing(&found, choice, done, report)?;
        return Ok(code);
    }
    let plan = if arguments.discard {
        format!(
            "\n{count} of {total} dead letters would be printed and deleted; what they are about is not tagged then"
        )
    } else {
        format!(
            "\n{count} of {total} dead letters would go to {RETRY} in {home}, where the function tries them again"
        )
    };
    report.say("plan", &plan, json!({ "letters": total, "meant": count, "discard": arguments.discard }))?;
    if arguments.dry_run {
        report.say("end", "Dry run: nothing was changed.", json!({ "letters": total, "moved": 0 }))?;
        return Ok(code);
    }
    if stop.is_asked() || !report.ask(&format!("{verb} them?"), arguments.yes, stop)? {
        return Err(Error::Failure("nothing was changed".to_owned()));
    }
    let retry = match arguments.discard {
        true => None,
        false => Some(retry_queue(account, home).await?),
    };
    let deed = match &retry {
        Some(to) => Deed::Send { to, confirmed: arguments.confirm },
        None => Deed::Discard,
    };
    let mut all = Done::default();
    for (found, ids) in meant {
        let mut tell = |step: &str, more: Value| tell(step, more, arguments, report);
        let one =
            walk::work_off(&found.queue, &found.messages, found.letters.len(), ids, deed, &mut tell, stop)
                .await?;
        all.done += one.done;
        all.twice += one.twice;
        all.left += one.left;
        all.troubles.extend(one.troubles);
    }
    finish(&all, done, report, stop).map(|()| code)
}

/// The queues in which dead letters are.
fn queues(home: &str, there: &Deployment) -> Vec<Queue> {
    let queue = |region: &str, name: &str| Queue { region: region.to_owned(), name: name.to_owned() };
    let others = there.forwarders.keys().filter(|region| *region != home);
    [queue(home, DEAD_LETTERS), queue(home, UNDELIVERED)]
        .into_iter()
        .chain(others.map(|region| queue(region, UNDELIVERED)))
        .collect()
}

/// Looks through a queue; what cannot be looked at is said. Whether all of it was seen.
async fn look(
    account: &Account,
    queue: Queue,
    report: Report,
    stop: &Stop,
) -> Result<(Option<Found>, bool), Error> {
    let here = json!({ "region": queue.region, "queue": queue.name });
    let warn = |text: String| report.say("warning", &format!("WARNING {text}"), here.clone());
    let queues = account.queues(&queue.region);
    let asked = async {
        let Some(address) = queues.address(&queue.name).await? else { return Ok(None) };
        let before = queues.depth(&queue.name).await?.unwrap_or_default();
        let messages = account.letters(&queue.region, address);
        let expected = usize::try_from(before.waiting + before.in_flight).unwrap_or(usize::MAX);
        // An empty queue is asked all the same: the number is approximate.
        Ok(Some((expected, walk::look(&messages, expected, stop).await?, messages)))
    };
    match asked.await {
        Ok(Some((expected, seen, messages))) => {
            let (name, region, count) = (&queue.name, &queue.region, seen.letters.len());
            if stop.is_asked() {
                return Err(interrupted("nothing was changed"));
            }
            if !seen.complete {
                warn(format!(
                    "{name} in {region}: only {count} of about {expected} dead letters were looked at"
                ))?;
            } else if count < expected {
                warn(format!(
                    "{name} in {region}: {count} dead letters were seen, and SQS counts {expected}. Either somebody is reading the \
                     others, which hides them (for 10 minutes at most after a `tagger redrive` that was killed), or the number \
                     is old: SQS calls it approximate"
                ))?;
            }
            let whole = seen.complete && count >= expected;
            Ok((Some(Found { queue, messages, letters: seen.letters }), whole))
        }
        Ok(None) => {
            warn(format!(
                "{} in {}: there is no such queue; `tagger doctor` says more",
                queue.name, queue.region
            ))?;
            Ok((None, false))
        }
        Err::<_, tagger_aws::account::Trouble>(trouble) => {
            let hint = if trouble.kind() == Kind::Denied { OPERATORS_ONLY } else { "" };
            warn(format!("{}: {trouble}{hint}", queue.name))?;
            Ok((None, false))
        }
    }
}

fn say_groups(found: &[Found], report: Report) -> Result<(), Error> {
    let letters = found.iter().flat_map(|found| found.letters.iter().map(|letter| (&found.queue, letter)));
    for group in groups::groups(letters) {
        let letter = &group.example;
        let more = json!({
            "letters": group.count, "class": letter.why.class, "by": letter.why.by, "code": letter.why.code,
            "call": letter.why.call, "service": letter.service, "types": letter.about,
            "oldest": groups::time(group.oldest), "newest": groups::time(group.newest),
            "region": group.queue.region, "queue": group.queue.name, "example": letter.example,
            "eventID": letter.event, "messageId": letter.message, "words": letter.words, "broken": letter.broken, "fix": advice::advice(&letter.why),
        });
        report.say("group", &group.text(), more)?;
    }
    Ok(())
}

/// Says that no dead letter fits what was asked for, and which reasons there are.
fn say_nothing(found: &[Found], choice: &Choice, done: &str, report: Report) -> Result<(), Error> {
    let letters = || found.iter().flat_map(|found| &found.letters);
    let total = letters().count();
    let fitting = letters().filter(|letter| choice.means(letter)).count();
    let there = groups::there(letters());
    let text = match (total, fitting) {
        (0, _) => format!("\nNo dead letters, so nothing to be {done}."),
        // Those that fit were named above, with why they stay.
        (_, 1..) => format!("\nNothing to be {done}."),
        (_, 0) => {
            let lines: Vec<String> =
                there.iter().map(|(count, why)| groups::there_text(*count, why)).collect();
            format!("\nNo dead letter fits, so nothing is {done}. These are there:\n{}", lines.join("\n"))
        }
    };
    let there: Vec<Value> = there
        .iter()
        .map(|(count, why)| json!({ "letters": count, "class": why.class, "by": why.by, "code": why.code }))
        .collect();
    report.say("end", &text, json!({ "letters": total, "moved": 0, "fitting": fitting, "there": there }))
}

/// The dead letters that are meant and can be moved, by queue; and whether all that are meant could be opened.
fn mean<'a>(
    found: &'a [Found],
    choice: &Choice,
    arguments: &Redrive,
    report: Report,
) -> Result<(Meant<'a>, bool), Error> {
    let (mut meant, mut broken, mut uncertain) = (Vec::new(), Vec::new(), 0);
    for found in found {
        let mut ids = BTreeSet::new();
        for letter in found.letters.iter().filter(|letter| choice.means(letter)) {
            if arguments.discard {
                ids.insert(letter.message.clone());
            } else if let Some(problem) = &letter.broken {
                broken.push((found, letter, problem));
            } else if letter.why.code == letter::UNCERTAIN && !arguments.confirm {
                uncertain += 1;
            } else {
                ids.insert(letter.message.clone());
            }
        }
        meant.push((found, ids));
    }
    for (found, letter, problem) in &broken {
        let text = format!(
            "WARNING {} in {}: message {} cannot be opened and stays: {}",
            found.queue.name,
            found.queue.region,
            letter.message,
            groups::clean(problem)
        );
        let more =
            json!({ "region": found.queue.region, "queue": found.queue.name, "messageId": letter.message });
        report.say("stays", &text, more)?;
    }
    if uncertain > 0 {
        let text = format!(
            "\n{uncertain} dead letters stay: nothing tells whether these resources are still the ones of their records, so \
             they would come back. If you know that they are, give --confirm"
        );
        report.say("stays", &text, json!({ "letters": uncertain, "code": letter::UNCERTAIN }))?;
    }
    Ok((meant, broken.is_empty()))
}

async fn retry_queue(account: &Account, home: &str) -> Result<Letters, Error> {
    let address = account.queues(home).address(RETRY).await?;
    let address = address.ok_or_else(|| {
        Error::Failure(format!(
            "{home}: there is no queue {RETRY}, so nothing was moved; `tagger doctor` says more"
        ))
    })?;
    Ok(account.letters(home, address))
}

/// What is discarded is a line of JSON in either form, since it is to be kept; what was moved is counted for people.
fn tell(step: &str, more: Value, arguments: &Redrive, report: Report) -> Result<(), Error> {
    match (step, arguments.json) {
        ("discarding", false) => {
            let mut out = std::io::stdout().lock();
            writeln!(out, "{}", printable::json(&more.to_string()))?;
            out.flush()?;
            Ok(())
        }
        (_, false) => Ok(()),
        (_, true) => report.say(step, step, more),
    }
}

/// The last line, and whether it is a failure.
fn finish(all: &Done, done: &str, report: Report, stop: &Stop) -> Result<(), Error> {
    for trouble in all.troubles.iter().take(5) {
        report.say("warning", &format!("WARNING {trouble}"), json!({}))?;
    }
    let more = all.troubles.len().saturating_sub(5);
    if more > 0 {
        report.say("warning", &format!("WARNING and {more} more"), json!({}))?;
    }
    let mut text = format!("\n{} {done}", all.done);
    if all.twice > 0 && done == "moved" {
        text = format!(
            "{text}; {} are in both queues, which does no harm: move or discard these again",
            all.twice
        );
    }
    let fine = all.troubles.is_empty() && all.left == 0;
    if fine && done == "moved" {
        text = format!(
            "{text}. What fails again becomes a dead letter again: look in a minute, with `tagger redrive`"
        );
    }
    report.say("end", &text, json!({ done: all.done, "twice": all.twice, "left": all.left }))?;
    if stop.is_asked() && all.left > 0 {
        return Err(interrupted(&format!("{} are left where they were", all.left)));
    }
    if all.left > 0 && all.troubles.is_empty() {
        return Err(Error::Failure(format!(
            "{} were not found again: somebody else took them, or is reading them; run it again in some minutes",
            all.left
        )));
    }
    if fine { Ok(()) } else { Err(Error::Failure("not everything was done; run it again".to_owned())) }
}

fn interrupted(what: &str) -> Error {
    Error::Failure(format!("interrupted: {what}"))
}
