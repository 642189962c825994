//! One invocation: an event in, plan and apply, a summary or an error out.
//!
//! Success is never reported for a resource that was not tagged: it waits in the retry queue, lies in
//! the dead-letter queue, or is a failure of the invocation. The last is so where there are no queues, and
//! where one of them could not be written; then Lambda's retries, its on-failure destination and the
//! queue's redrive work. It must not decide who, what or which tag, nor what waits; it never sleeps.

use crate::{
    intake::{Event, Intake, Message, Part},
    log,
    origin::{account_of, region_of},
    reconcile, tag_changes,
    worker::{Handler, NotTagged, Summary},
};
use lambda_runtime::Context;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    rc::Rc,
    sync::Mutex,
    time::{Duration, Instant, SystemTime},
};
use tagger_aws::time;

/// No call begins later than so long before the end: it may take ten seconds, and what it found must
/// still be sent.
const LAST_CALL: Duration = Duration::from_secs(11);

/// Records of a batch that are worked on together. EC2 takes as many resources in one call, and when the time is
/// over, what was not begun comes again.
const TOGETHER: usize = 500;

/// The longest that Lambda lets a function run, for a runtime that states no deadline. The API's model says 1,800 seconds
/// since botocore 1.44.8, the guide still 900: <https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html>
const LONGEST: Duration = Duration::from_secs(1800);

/// The messages of a batch that are not done with, each with how much of it is left, for when the time is over in the
/// middle. None where the event is no batch.
type Open = Mutex<Option<Left>>;

/// The batch, and how much is left of each of its messages, by their places.
struct Left(Rc<[Message]>, BTreeMap<usize, usize>);

impl Left {
    fn of(messages: &Rc<[Message]>, open: impl Iterator<Item = usize>) -> Option<Self> {
        let mut left = BTreeMap::new();
        open.for_each(|place| *left.entry(place).or_default() += 1);
        (!messages.is_empty()).then(|| Self(Rc::clone(messages), left))
    }

    fn done(&mut self, place: usize) {
        if let Some(count) = self.1.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.1.remove(&place);
            }
        }
    }

    /// The messages that come again.
    fn again(&self) -> Value {
        let ids: Vec<String> =
            self.1.keys().filter_map(|place| Some(self.0.get(*place)?.id.clone())).collect();
        failed_items(&ids)
    }
}

impl Handler {
    /// Answers one event: an EventBridge event, a queue's batch of them, or anything else that
    /// `tagger explain` reads; or the one that asks to reconcile, or a batch of changes of the creator's tag.
    ///
    /// # Errors
    /// Something that should have been tagged was not, or could not be read. For a queue's batch
    /// the failed messages are named in the answer instead, so that only they come again.
    pub async fn handle(&self, event: Box<str>, context: &Context) -> Result<Value, NotTagged> {
        let left = (context.deadline > 0).then(|| {
            // A second before Lambda would end the process without a word.
            let end = Duration::from_millis(context.deadline).saturating_sub(Duration::from_secs(1));
            let end = SystemTime::UNIX_EPOCH + end;
            end.duration_since(SystemTime::now()).unwrap_or_default()
        });
        let open = Open::default();
        let answer = async {
            let (arn, now) = (&context.invoked_function_arn, time::since_1970(SystemTime::now()));
            match Event::of(event, self.queues.as_ref(), region_of(arn), now) {
                Event::TagChanges(event) => {
                    Ok(tag_changes::answer(self, &event, arn, left.unwrap_or(LONGEST).min(LONGEST)).await)
                }
                Event::Reconcile(ask) => {
                    reconcile::run(self, &ask, arn, left.unwrap_or(LONGEST).min(LONGEST)).await
                }
                Event::Creations(intake) => self.answer(intake, arn, &open).await,
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
                Some(left) => Ok(left.again()),
                None => Err(NotTagged(message.to_owned())),
            }
        })
    }

    async fn answer(&self, mut intake: Intake, function_arn: &str, open: &Open) -> Result<Value, NotTagged> {
        let account = account_of(function_arn);
        let messages = Rc::clone(&intake.messages);
        let lock = || open.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let (mut summary, mut records) = (Summary::default(), 0);
        // Until it is done, all of a message comes again.
        *lock() = Left::of(&messages, intake.closed());
        loop {
            // An event without messages has nowhere to come from again.
            if !messages.is_empty() && intake.closed().next().is_some() && self.client.is_over() {
                log::failure("out-of-time", "what is left of the batch is not begun and comes again");
                summary.again.extend(intake.closed());
                break;
            }
            let Some(Part { cases, unreadable }) = intake.next(TOGETHER) else { break };
            let in_part = cases.iter().filter_map(|case| case.message);
            let not_read = unreadable.iter().filter_map(|(place, _)| *place);
            *lock() =
                Left::of(&messages, summary.open().chain(intake.closed()).chain(in_part).chain(not_read));
            let done = |place: Option<usize>| {
                if let (Some(left), Some(place)) = (lock().as_mut(), place) {
                    left.done(place);
                }
            };
            // How careful a try is goes by the event's age, which has grown by the part before.
            let now = time::since_1970(SystemTime::now());
            for (place, problem) in unreadable {
                log::failure("unreadable", &problem);
                let failed = summary.failures.len();
                self.keep_unreadable(&messages, place, problem, &mut summary, now).await;
                if summary.failures.len() == failed {
                    done(place);
                }
            }
            records += cases.len();
            self.work(cases, &messages, &self.policy, account, now, &mut summary, &done).await;
        }
        if let Some(left) = Left::of(&messages, summary.open()) {
            return Ok(left.again());
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
}

/// The messages that come again:
/// <https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>
pub(crate) fn failed_items(ids: &[String]) -> Value {
    let failed: Vec<_> = ids.iter().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": failed })
}
