//! A batch of changes of the creator's tag: leaves the tagger's own alone, and says or puts right the others.
//!
//! The events come from a queue that holds them back for a quarter of an hour, so that the calls stand in the event
//! history by then. One look there for the tagger's own writes of that time is enough for fifty of them; each of the
//! others is looked up by its resource. It must not decide what the tag should say: that is `tagger_core::tag_change`.

use crate::{
    log,
    origin::{account_of, event_time, guard},
    worker::Handler,
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime},
};
use tagger_aws::{
    Class, Failure, Outcome, ask,
    history::{self, Stopped, Which},
    time,
};
use tagger_core::{
    Plan, Policy, Record,
    case::Case,
    diagnostic::Code,
    policy::Existing,
    reconcile::{KEPT, Window},
    tag_change::{Change, Creation, Story, Verdict, Why},
};

/// The end of the queue's ARN, in `templates/tagger.template.yaml`.
const QUEUE: &str = ":auto-resource-tagger-tag-changes";
/// The names of the role's sessions are those of the functions.
const SESSIONS: [&str; 3] =
    ["auto-resource-tagger", "auto-resource-tagger-reconcile", "auto-resource-tagger-tag-changes"];
/// The tagger's own write is within so many seconds of the event about it.
const AROUND: u64 = 10 * 60;
/// The most records that are read about one name: a role's name stands in each call that it made.
const MOST_RECORDS: usize = 1_000;
/// So often a change is looked at before it is said that it could not be, and so often before the history counts as
/// complete: the second time comes an hour and a half after the first.
const MOST_RECEIVES: u64 = 4;
const COMPLETE: u64 = 2;
/// What is left for the report.
const REPORT: Duration = Duration::from_secs(30);

/// A message that tells of a change.
struct Message {
    id: String,
    receives: u64,
    change: Change,
    time: u64,
}

/// What became of a change.
enum Fate {
    /// The tagger's own, or as it should be, or its resource is gone.
    Fine,
    Restored,
    Said,
    /// It comes again.
    Again,
}

/// Whether messages of this queue tell of them.
pub fn is_queue(arn: &str) -> bool {
    arn.ends_with(QUEUE)
}

/// Answers a batch: which of its messages come again.
pub async fn answer(handler: &Handler, event: &Value, function_arn: &str, left: Duration) -> Value {
    let stop = Instant::now() + left.saturating_sub(REPORT);
    let account = account_of(function_arn);
    let messages: Vec<Message> = event["Records"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| message(one, &handler.policy))
        .collect();
    let own = own_writes(handler, &messages, stop).await;
    let (mut fates, mut again) = ([0_usize; 4], Vec::new());
    for message in &messages {
        let is_own = |record: &Record| message.change.is_of(record, &handler.policy.tag.key);
        let fate = if own.iter().any(is_own) {
            Fate::Fine
        } else if Instant::now() >= stop {
            Fate::Again
        } else {
            One { handler, message, account, stop }.settle().await
        };
        if matches!(fate, Fate::Again) {
            again.push(json!({ "itemIdentifier": message.id }));
        }
        fates[fate as usize] += 1;
    }
    let [fine, restored, said, later] = fates;
    log::line(
        "INFO",
        "tag-changes",
        json!({ "fine": fine, "restored": restored, "said": said, "again": later }),
    );
    json!({ "batchItemFailures": again })
}

/// A message. What tells of no change of the key cannot come from our rule; it is said and not kept.
fn message(value: &Value, policy: &Policy) -> Option<Message> {
    let event: Value =
        value["body"].as_str().and_then(|body| serde_json::from_str(body).ok()).unwrap_or_default();
    let change = Change::of(&event, &policy.tag.key);
    if change.is_none() {
        log::failure("unreadable", &format!("no change of the tag {} in the message", policy.tag.key));
    }
    let change = change?;
    let receives = value["attributes"]["ApproximateReceiveCount"].as_str().and_then(|text| text.parse().ok());
    let time = time::seconds(&change.time).unwrap_or_else(now);
    let id = value["messageId"].as_str().unwrap_or_default().to_owned();
    Some(Message { id, receives: receives.unwrap_or(1), change, time })
}

fn now() -> u64 {
    time::since_1970(SystemTime::now())
}

/// The tagger's own calls around changes that left a value. Those that cannot be read are looked up one by one.
async fn own_writes(handler: &Handler, messages: &[Message], stop: Instant) -> Vec<Record> {
    let mut windows: BTreeMap<&str, Window> = BTreeMap::new();
    for message in messages.iter().filter(|one| one.change.value.is_some() && one.receives <= 1) {
        let (from, until) = (message.time.saturating_sub(AROUND), message.time + AROUND);
        let window = windows.entry(&message.change.region).or_insert(Window { from, until });
        *window = Window { from: window.from.min(from), until: window.until.max(until) };
    }
    let asked = windows.iter().map(async |(region, window)| {
        let mut found = Vec::new();
        for session in SESSIONS {
            let mut each = |text: &str| {
                found.extend(serde_json::from_str(text).ok().map(Record::new));
                true
            };
            let which = Which::Username(session);
            let read = history::read(&handler.client, region, which, *window, stop, &mut each).await;
            if let Err(Stopped::Failed(failure)) = read {
                log::failure("tag-changes", &failure.to_string());
            }
        }
        found
    });
    join_all(asked).await.concat()
}

/// One change.
struct One<'a> {
    handler: &'a Handler,
    message: &'a Message,
    account: Option<&'a str>,
    stop: Instant,
}

impl One<'_> {
    async fn settle(&self) -> Fate {
        match self.decide().await {
            Ok(fate) => fate,
            Err(_) if self.message.receives < MOST_RECEIVES => Fate::Again,
            Err(failure) => self.say("not-known", None, Some(&failure)),
        }
    }

    /// # Errors
    /// AWS could not be asked.
    async fn decide(&self) -> Result<Fate, Failure> {
        let Self { handler, message, .. } = self;
        let story = self.story().await?;
        let there = match &story.creation {
            None => message.change.value.clone(),
            Some(creation) => match self.read(creation).await? {
                None => return Ok(Fate::Fine),
                Some(there) => there,
            },
        };
        let Policy { existing, .. } = handler.policy;
        match story.judge(there.as_deref(), message.time, existing, handler.tag_changes) {
            Verdict::Fine => Ok(Fate::Fine),
            Verdict::Say(Why::CreatorNotInHistory, _) if message.receives < COMPLETE => Ok(Fate::Again),
            Verdict::Say(why, should) => Ok(self.say(why.as_str(), should.as_deref(), None)),
            Verdict::Restore(value) => match &story.creation {
                Some(creation) => self.restore(creation, &value).await,
                None => Ok(self.say(Why::CreatorNotInHistory.as_str(), Some(&value), None)),
            },
        }
    }

    /// What the history tells, by each name that the resource may have there.
    async fn story(&self) -> Result<Story, Failure> {
        let Self { handler, message: Message { change, .. }, account, stop } = self;
        let window = Window { from: now().saturating_sub(KEPT), until: now() + 1 };
        let mut records: Vec<(u64, Record)> = Vec::new();
        let mut story = Story::default();
        for name in change.names() {
            let most = records.len() + MOST_RECORDS;
            let mut each = |text: &str| {
                let record = serde_json::from_str(text).ok().map(Record::new);
                records.extend(record.and_then(|record| Some((event_time(&record)?, record))));
                records.len() < most
            };
            let which = Which::ResourceName(name);
            let read = history::read(&handler.client, &change.region, which, window, *stop, &mut each).await;
            match read {
                // What there is too much of is read as far as it goes: the newest.
                Ok(()) => {}
                Err(Stopped::Enough) if Instant::now() < *stop => {}
                Err(Stopped::Enough) => {
                    let message = "there was no time left to read the event history";
                    return Err(Failure::ours(
                        Class::Throttled,
                        "cloudtrail:LookupEvents",
                        "OutOfTime",
                        message,
                    ));
                }
                Err(Stopped::Failed(failure)) => return Err(failure),
            }
            story = Story::of(&change.arn, &records, &handler.policy, *account);
            if story.creation.is_some() && story.wrote.is_some() {
                break;
            }
        }
        Ok(story)
    }

    /// The key's value now; nothing where the resource is gone.
    async fn read(&self, creation: &Creation) -> Result<Option<Option<String>>, Failure> {
        let key = &self.handler.policy.tag.key;
        match ask::tags_of(&self.handler.client, &creation.resource).await {
            Ok(tags) => Ok(Some(tags.into_iter().find(|(name, _)| name == key).map(|(_, value)| value))),
            Err(failure) if failure.class == Class::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Writes the creator's key and nothing else, and only onto the resource that the record made.
    async fn restore(&self, creation: &Creation, value: &str) -> Result<Fate, Failure> {
        let Self { handler, message, account, .. } = self;
        let plan = Plan {
            actions: vec![creation.resource.clone()],
            children: Vec::new(),
            launch: None,
            tags: vec![(handler.policy.tag.key.clone(), value.to_owned())],
            existing: Existing::Overwrite,
            inherit: None,
            own_tags: false,
            ..tagger_core::plan(&creation.record, &handler.policy, *account)
        };
        let event_time = Some(creation.time);
        // The history was asked for what was made under this name since.
        let guard = guard(handler.queues.as_ref(), true);
        let case = Case { plan, ..Case::new(creation.record.clone(), event_time, now(), guard) };
        let done = tagger_aws::run(&handler.client, &handler.policy, &[case]).await;
        let done = done.into_iter().flatten().next();
        match done.map(|done| done.outcome) {
            Some(Outcome::Tagged | Outcome::AlreadyTagged { .. }) => {
                let members = json!({ "arn": message.change.arn, "region": message.change.region, "value": value,
                    "found": message.change.value });
                log::line("INFO", "tag-restored", members);
                Ok(Fate::Restored)
            }
            Some(Outcome::Failed(failure)) if failure.class == Class::NotFound => Ok(Fate::Fine),
            Some(Outcome::Failed(failure)) if failure.passes || waits(failure.class) => Err(failure),
            Some(Outcome::Failed(failure)) => Ok(self.say("not-written", Some(value), Some(&failure))),
            Some(Outcome::Replaced(found)) if found.code == Code::ResourceExisted => {
                Ok(self.say(found.code.as_str(), None, None))
            }
            Some(Outcome::Replaced(_) | Outcome::LeftAlone(_)) | None => Ok(Fate::Fine),
        }
    }

    /// A line that the alarm counts.
    fn say(&self, why: &str, should: Option<&str>, failure: Option<&Failure>) -> Fate {
        let Change { arn, region, time, value } = &self.message.change;
        let mut members = json!({ "arn": arn, "region": region, "changed": time, "reason": why, "found": value, "expected": should });
        if let Some(failure) = failure {
            members["call"] = failure.call.as_str().into();
            members["error"] = failure.code.as_str().into();
            members["message"] = failure.message.as_str().into();
        }
        log::line("ERROR", "tag-changed", members);
        Fate::Said
    }
}

fn waits(class: Class) -> bool {
    matches!(class, Class::Throttled | Class::NotReady)
}
