//! One invocation: an event in, plan and apply, a summary or an error out.
//!
//! Success is never reported for a resource that was not tagged: it waits in the retry queue, lies in
//! the dead-letter queue, or is a failure of the invocation. The last is so where there are no queues, and
//! where one of them could not be written; then Lambda's retries, its on-failure destination and the
//! queue's redrive work. It must not decide who, what or which tag, nor what waits; it never sleeps.

use crate::{
    intake::{self, Intake},
    log::{self, Lines},
    reconcile, tag_changes,
};
use futures_util::{StreamExt, stream};
use lambda_runtime::{Context, Diagnostic as RuntimeDiagnostic};
use serde_json::{Value, json};
use std::{
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};
use tagger_aws::{Client, Done, Outcome, Queues, time};
use tagger_core::{
    Policy, Record,
    case::Case,
    patience::Guard,
    reconcile::Ask,
    settle::{self, Fate},
    tag_change::Mode,
    work::Document,
};

/// What every invocation uses.
pub struct Handler {
    /// Calls AWS.
    pub client: Client,
    /// The user's choices.
    pub policy: Policy,
    /// Where what waits and what was given up goes; none where a failure is one of the invocation.
    pub queues: Option<Queues>,
    /// What becomes of the creator's tag where somebody changed it.
    pub tag_changes: Mode,
}

/// No call begins later than so long before the end: it may take ten seconds, and what it found must
/// still be sent.
const LAST_CALL: Duration = Duration::from_secs(11);

/// Records of a batch that are worked on together. EC2 takes as many resources in one call, and when the time is
/// over, what was not begun comes again.
const TOGETHER: usize = 500;

/// Records that are settled at a time: each may have to send a message.
const SETTLED_AT_ONCE: usize = 16;

/// The longest that Lambda lets a function run, for a runtime that states no deadline:
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const LONGEST: Duration = Duration::from_secs(900);

/// What became of the records of an event.
#[derive(Default)]
pub struct Summary {
    /// Resources that have their tags now.
    pub tagged: usize,
    /// Resources that had the key.
    pub already_tagged: usize,
    left_alone: usize,
    /// Resources that wait.
    pub waiting: usize,
    /// Resources that are no longer there.
    pub gone: usize,
    /// Resources that are dead letters.
    pub given_up: usize,
    /// What went wrong, each with the message that it was in.
    pub failures: Vec<(Option<usize>, String)>,
    /// The messages that are not done and come again.
    again: Vec<usize>,
}

impl Summary {
    fn add(&mut self, other: Summary) {
        self.tagged += other.tagged;
        self.already_tagged += other.already_tagged;
        self.left_alone += other.left_alone;
        self.waiting += other.waiting;
        self.gone += other.gone;
        self.given_up += other.given_up;
        self.failures.extend(other.failures);
        self.again.extend(other.again);
    }

    /// The messages that are not done with.
    fn open(&self) -> impl Iterator<Item = usize> {
        self.failures.iter().filter_map(|(place, _)| *place).chain(self.again.iter().copied())
    }
}

/// The messages of a batch that are not done with, by their ids, for when the time is over in the middle.
/// None where the event is no batch.
type Open = Mutex<Option<Vec<String>>>;

/// An invocation in which something was not tagged.
#[derive(Debug)]
pub struct NotTagged(pub String);

impl From<NotTagged> for RuntimeDiagnostic {
    fn from(error: NotTagged) -> Self {
        RuntimeDiagnostic { error_type: "NotTagged".to_owned(), error_message: error.0 }
    }
}

impl Handler {
    /// Answers one event: an EventBridge event, a queue's batch of them, or anything else that
    /// `tagger explain` reads; or the one that asks to reconcile, or a batch of changes of the creator's tag.
    ///
    /// # Errors
    /// Something that should have been tagged was not, or could not be read. For a queue's batch
    /// the failed messages are named in the answer instead, so that only they come again.
    pub async fn handle(&self, event: Value, context: &Context) -> Result<Value, NotTagged> {
        let left = (context.deadline > 0).then(|| {
            // A second before Lambda would end the process without a word.
            let end = Duration::from_millis(context.deadline).saturating_sub(Duration::from_secs(1));
            let end = SystemTime::UNIX_EPOCH + end;
            end.duration_since(SystemTime::now()).unwrap_or_default()
        });
        let open = Open::default();
        let answer = async {
            let arn = &context.invoked_function_arn;
            match Ask::of(&event) {
                None if tag_changes::is_batch(&event) => {
                    Ok(tag_changes::answer(self, &event, arn, left.unwrap_or(LONGEST).min(LONGEST)).await)
                }
                Some(ask) => reconcile::run(self, &ask, arn, left.unwrap_or(LONGEST).min(LONGEST)).await,
                None => self.answer(event, arn, &open).await,
            }
        };
        // A runtime that states no deadline, as a local one may, sets no limit.
        let Some(left) = left else { return answer.await };
        // Far more than a function may take says nothing about an end.
        self.client.set_end(Instant::now().checked_add(left.saturating_sub(LAST_CALL)));
        let answered = tokio::time::timeout(left, answer).await;
        answered.unwrap_or_else(|_| {
            let message = "the time of the invocation is over and not all is tagged";
            log::failure("out-of-time", message);
            match open.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take() {
                Some(ids) => Ok(failed_items(&ids)),
                None => Err(NotTagged(message.to_owned())),
            }
        })
    }

    async fn answer(&self, event: Value, function_arn: &str, open: &Open) -> Result<Value, NotTagged> {
        let account = account_of(function_arn);
        let now = time::since_1970(SystemTime::now());
        let Intake { messages, cases, unreadable } = intake::open(event, self.queues.as_ref(), now);
        // Until the first part is done, all come again.
        let ids = |places: &mut dyn Iterator<Item = usize>| {
            let mut places: Vec<usize> = places.collect();
            places.sort_unstable();
            places.dedup();
            let ids = places.into_iter().filter_map(|place| messages.get(place));
            (!messages.is_empty()).then(|| ids.map(|message| message.id.clone()).collect())
        };
        let keep = |ids| *open.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = ids;
        keep(ids(&mut (0..messages.len())));
        let mut summary = Summary::default();
        for (place, problem) in unreadable {
            log::failure("unreadable", &problem);
            self.keep_unreadable(&messages, place, problem, &mut summary, now).await;
        }
        let records = cases.len();
        let mut cases = cases.into_iter();
        while cases.len() > 0 {
            keep(ids(&mut summary.open().chain(cases.as_slice().iter().filter_map(|case| case.message))));
            // An event without messages has nowhere to come from again.
            if !messages.is_empty() && self.client.is_over() {
                log::failure("out-of-time", "what is left of the batch is not begun and comes again");
                summary.again.extend(cases.by_ref().filter_map(|case| case.message));
                break;
            }
            let part = cases.by_ref().take(TOGETHER).collect();
            // How careful a try is goes by the event's age, which has grown by the part before.
            let now = time::since_1970(SystemTime::now());
            self.work(part, &messages, &self.policy, account, now, &mut summary).await;
        }
        if let Some(ids) = ids(&mut summary.open()) {
            return Ok(failed_items(&ids));
        }
        if !summary.failures.is_empty() {
            let texts: Vec<_> = summary.failures.into_iter().map(|(_, text)| text).collect();
            return Err(NotTagged(texts.join("; ")));
        }
        let mut answer = json!({
            "records": records,
            "tagged": summary.tagged,
            "alreadyTagged": summary.already_tagged,
            "leftAlone": summary.left_alone,
        });
        if self.queues.is_some() {
            answer["waiting"] = summary.waiting.into();
            answer["gone"] = summary.gone.into();
            answer["givenUp"] = summary.given_up.into();
        }
        Ok(answer)
    }

    /// What cannot be read becomes no better by waiting. In a message it is a dead letter at once; an event
    /// without one is left to Lambda's own destination, which keeps it whole.
    async fn keep_unreadable(
        &self,
        messages: &[intake::Message],
        place: Option<usize>,
        problem: String,
        summary: &mut Summary,
        now: u64,
    ) {
        let message = place.and_then(|place| messages.get(place));
        if let (Some(queues), Some(message)) = (&self.queues, message) {
            let found = Value::from(message.body.as_str());
            let letter = settle::unreadable(found, &problem, message.sent, message.receives, now);
            let text = Document::DeadLetter(letter).text();
            match queues.send(&self.client, &queues.dead_letters, &text, 0).await {
                Ok(()) => summary.given_up += 1,
                Err(failure) => summary.failures.push((place, failure.to_string())),
            }
            return;
        }
        summary.failures.push((place, problem));
    }

    /// Plans, applies and settles every record of the event, together.
    pub async fn work(
        &self,
        cases: Vec<Case>,
        messages: &[intake::Message],
        policy: &Policy,
        account: Option<&str>,
        now: u64,
        summary: &mut Summary,
    ) {
        let mut planned: Vec<Case> = Vec::with_capacity(cases.len());
        for mut case in cases {
            case.decide(policy, account);
            // A retry has nothing new to say.
            if case.tries <= 1 || case.is_left_alone() {
                let lines = Lines::of(&case);
                case.plan.diagnostics.iter().for_each(|diagnostic| lines.diagnostic(diagnostic));
            }
            if let Some(found) = case.record.unknown_shape() {
                // Only records of CloudTrail are sent here; whatever this is must not be lost as if it were done.
                self.keep_unreadable(messages, case.message, found, summary, now).await;
            } else if case.is_left_alone() {
                summary.left_alone += 1;
            } else {
                planned.push(case);
            }
        }
        let outcomes = tagger_aws::run(&self.client, policy, &planned).await;
        let settled = planned.iter().zip(&outcomes).map(|(case, done)| async move {
            let mut of_one = Summary::default();
            // A service's own resources are skipped, and its parent has no creator.
            if done.is_empty() && case.plan.inherit.is_some() {
                of_one.left_alone += 1;
            }
            match &self.queues {
                Some(queues) => self.settle(queues, case, messages, done, now, &mut of_one).await,
                None => report(case, done, &mut of_one),
            }
            of_one
        });
        let settled: Vec<_> = settled.collect();
        let mut settled = stream::iter(settled).buffer_unordered(SETTLED_AT_ONCE);
        while let Some(of_one) = settled.next().await {
            summary.add(of_one);
        }
    }

    /// Letters first, then what waits; the message that it came from is done with only after both.
    async fn settle(
        &self,
        queues: &Queues,
        case: &Case,
        messages: &[intake::Message],
        done: &[Done],
        now: u64,
        summary: &mut Summary,
    ) {
        let settlement = settle::settle(case, done, now);
        let lines = Lines::of(case);
        for (done, fate) in done.iter().zip(&settlement.fates) {
            lines.done(done, *fate);
            match fate {
                Fate::Done => count(done, summary),
                Fate::Gone => summary.gone += 1,
                Fate::Waits(_) => summary.waiting += 1,
                Fate::GivenUp => summary.given_up += 1,
            }
        }
        let letters = settlement.letters.into_iter().map(|letter| (Document::DeadLetter(letter), 0));
        let works = settlement.works.into_iter().map(|(work, delay)| (Document::Work(work), delay));
        for (document, delay) in letters.chain(works) {
            let url = match document {
                Document::DeadLetter(_) => &queues.dead_letters,
                Document::Work(_) => &queues.retry,
            };
            if let Err(failure) = queues.send(&self.client, url, &document.text(), delay).await {
                log::failure("queue", &failure.to_string());
                summary.failures.push((case.message, failure.to_string()));
                return;
            }
        }
        if let (Some(seconds), Some(place)) = (settlement.again, case.message) {
            summary.again.push(place);
            let receipt = messages.get(place).map_or("", |message| message.receipt.as_str());
            // It comes again all the same, after the queue's own time.
            if let Err(failure) = queues.postpone(&self.client, receipt, seconds).await {
                log::failure("queue", &failure.to_string());
            }
        }
    }
}

/// The messages that come again:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
fn failed_items(ids: &[String]) -> Value {
    let failed: Vec<_> = ids.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": failed })
}

/// Where there are no queues, a failure is one of the invocation.
fn report(case: &Case, done: &[Done], summary: &mut Summary) {
    let lines = Lines::of(case);
    for done in done {
        match &done.outcome {
            Outcome::Failed(failure) => {
                lines.done(done, Fate::GivenUp);
                summary.failures.push((case.message, format!("{}: {failure}", done.arn)));
            }
            Outcome::Replaced(_) => {
                lines.done(done, Fate::Gone);
                summary.gone += 1;
            }
            Outcome::Tagged | Outcome::AlreadyTagged { .. } => {
                lines.done(done, Fate::Done);
                count(done, summary);
            }
        }
    }
}

fn count(done: &Done, summary: &mut Summary) {
    match done.outcome {
        Outcome::AlreadyTagged { .. } => summary.already_tagged += 1,
        _ => summary.tagged += 1,
    }
}

/// The account of a function's ARN.
pub fn account_of(function_arn: &str) -> Option<&str> {
    function_arn.split(':').nth(4).filter(|account| !account.is_empty())
}

/// When the call of a record was made.
pub fn event_time(record: &Record) -> Option<u64> {
    record.text("eventTime").and_then(|text| time::seconds(&text))
}

/// How careful a try is.
pub fn guard(queues: Option<&Queues>, confirmed: bool) -> Guard {
    match (queues, confirmed) {
        (None, _) => Guard::None,
        (Some(_), true) => Guard::Confirmed,
        (Some(_), false) => Guard::Strict,
    }
}
