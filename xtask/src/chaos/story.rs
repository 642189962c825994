//! What happens in the account: who creates what, what of it is odd, and when its event comes. Each decision
//! is one of the seed and of the event's number; only when it happens depends on the run.

use super::{
    callers::who,
    clock::{self, SECOND},
    dice::Dice,
    names,
    samples::{self, ACCOUNT, Filling, Given, REGIONS, Sample},
    stacks,
    world::{Generation, KEY, Place, World},
};
use changes::Change;
use serde_json::{Value, json};
use std::{cmp::Reverse, collections::BinaryHeap};
use tagger_catalog::Lifetime;

mod changes;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
/// Each so manieth event makes what a second call may answer for.
const OFTEN: usize = 40;

/// An event that will come.
pub enum Event {
    /// The record of a creation.
    Creation {
        /// Which sample.
        sample: usize,
        /// The mark of the first resource.
        first: usize,
        /// How often its names were given before.
        generation: usize,
        /// The region.
        region: String,
        /// Who.
        creator: String,
        /// When, in nanoseconds since 1970.
        time: u64,
        /// The tags that the call gives, where it is of EC2.
        given: Given,
        /// The stack that made it, where one did.
        stack: Option<String>,
    },
    /// Anything else, with the word by which it must be among the dead letters; none where it may vanish.
    Odd(String, Option<String>),
}

/// The story.
pub struct Story {
    seed: u64,
    samples: Vec<Sample>,
    /// How many events there are to be, without what is created again.
    pub total: usize,
    /// How many were made.
    pub made: usize,
    /// The events.
    pub events: Vec<Event>,
    /// When which comes, whether by the queue, and whether soon after its call.
    deliveries: BinaryHeap<Reverse<(u64, usize, bool, bool)>>,
    changes: BinaryHeap<Reverse<(u64, usize)>>,
    change: Vec<Option<Change>>,
    /// How many come soon.
    pub soon: usize,
    /// How many deliveries there were.
    pub delivered: usize,
    /// How many resources were deleted and made again.
    pub recreated: usize,
    /// How many were made by a second one while they were there.
    pub made_again: usize,
}

impl Story {
    /// A story of so many events.
    pub fn new(seed: u64, samples: Vec<Sample>, total: usize) -> Self {
        Self {
            seed,
            samples,
            total,
            made: 0,
            events: Vec::new(),
            deliveries: BinaryHeap::new(),
            changes: BinaryHeap::new(),
            change: Vec::new(),
            soon: 0,
            delivered: 0,
            recreated: 0,
            made_again: 0,
        }
    }

    fn deliver_after(&mut self, now: u64, seconds: u64, event: usize, queued: bool) {
        let soon = seconds < 15;
        self.soon += usize::from(soon);
        self.deliveries.push(Reverse((now + seconds * SECOND, event, queued, soon)));
    }

    /// When something happens by itself.
    pub fn next_due(&self) -> Option<u64> {
        let delivery = self.deliveries.peek().map(|Reverse((due, ..))| *due);
        let change = self.changes.peek().map(|Reverse((due, _))| *due);
        delivery.into_iter().chain(change).min()
    }

    /// The next event that comes: its text and whether by the queue.
    pub fn deliver(&mut self, now: u64) -> Option<(String, bool)> {
        let Reverse((due, event, queued, soon)) = self.deliveries.peek().copied()?;
        if due > now {
            return None;
        }
        self.deliveries.pop();
        self.delivered += 1;
        self.soon -= usize::from(soon);
        Some((self.payload(event), queued))
    }

    fn payload(&self, number: usize) -> String {
        match &self.events[number] {
            Event::Odd(text, _) => text.clone(),
            Event::Creation { sample, first, generation, region, creator, time, given, stack } => {
                let sample = &self.samples[*sample];
                let record = sample.record(&Filling {
                    first_mark: *first,
                    region,
                    time: &clock::text(*time),
                    event_id: &format!("event-{number}"),
                    who: &if stack.is_some() { stacks::identity() } else { who(creator) },
                    generation: *generation,
                    given,
                });
                format!(
                    "{{\"version\":\"0\",\"detail-type\":\"AWS API Call via CloudTrail\",\"source\":\"aws.{}\",\"account\":\"{ACCOUNT}\",\
                     \"region\":\"{region}\",\"detail\":{record}}}",
                    sample.service
                )
            }
        }
    }

    /// What the event history shows of a resource, the newest first: its creations, and its ends. It shows a call two
    /// minutes after it was made.
    pub fn history(&self, world: &World, place: usize, now: u64) -> Vec<(u64, String)> {
        let mut shown = Vec::new();
        let Some(found) = world.places.get(place) else { return shown };
        for made in &found.generations {
            let payload: Value = serde_json::from_str(&self.payload(made.event)).unwrap_or_default();
            let detail = &payload["detail"];
            shown.push((made.created, detail.to_string()));
            if made.deleted {
                let name = names::part(&found.arn, 5)
                    .split_once(['/', ':'])
                    .map_or(names::part(&found.arn, 5), |(_, name)| name);
                let call = detail["eventName"].as_str().unwrap_or_default();
                let what = call.strip_prefix("Create").unwrap_or("It");
                let end = json!({
                    "eventSource": detail["eventSource"], "eventName": format!("Delete{what}"), "requestParameters": { "name": name },
                });
                shown.push((made.ended, end.to_string()));
            }
        }
        shown.retain(|(at, _)| at + 2 * MINUTE * SECOND <= now);
        shown.sort_by_key(|(at, _)| Reverse(*at));
        shown
    }

    /// Makes the next event of the story.
    pub fn next(&mut self, world: &mut World, now: u64) {
        let mut dice = Dice::of(self.seed, &[1, self.made as u64]);
        self.made += 1;
        let queued = dice.chance(5_000);
        let mut deliver = vec![delay(&mut dice)];
        if dice.chance(500) {
            let again = if dice.chance(8_000) { dice.from(0..30 * MINUTE) } else { dice.from(0..20 * HOUR) };
            deliver.push(again);
        }
        if dice.chance(200) {
            return self.odd(&mut dice, queued, now, &deliver, world);
        }
        let mut sample = dice.below(self.samples.len() as u64) as usize;
        // Buckets of us-east-1 are few among the samples, and each may be made by two people.
        if self.made.is_multiple_of(OFTEN) {
            sample = self.samples.iter().position(|sample| sample.answers_for_what_exists).unwrap_or(sample);
        }
        let kind = &self.samples[sample];
        let region = kind.fixed_region.clone().unwrap_or_else(|| REGIONS[dice.below(4) as usize].to_owned());
        let names = dice.below(60);
        let creator = match dice.below(10) {
            0 => "root".to_owned(),
            1..4 => format!("person-{names}@example.com"),
            _ => format!("user-{names}"),
        };
        let first = world.places.len();
        for number in 0..kind.resources.len() {
            let arn = kind.arn(
                number,
                &Filling {
                    first_mark: first,
                    region: &region,
                    time: "",
                    event_id: "",
                    who: "",
                    generation: 0,
                    given: &Given::default(),
                },
            );
            let made = &kind.resources[number];
            if let Some(parent) = made.child_of {
                world.places[first + parent].children.push(first + number);
            }
            world.places.push(Place {
                arn,
                resource_type: made.resource_type,
                operation: made.operation,
                most_tags: made.most_tags,
                given: made.given,
                denied: dice.chance(50),
                not_ours: Dice::of(self.seed, &[6, first as u64, number as u64]).chance(50),
                children: Vec::new(),
                parent: made.child_of.map(|parent| first + parent),
                generations: Vec::new(),
            });
        }
        let event = self.events.len();
        let is_of_stack = stacks::can_make(kind) && Dice::of(self.seed, &[5, first as u64]).chance(1_000);
        self.events.push(Event::Creation {
            sample,
            first,
            generation: 0,
            region: region.clone(),
            creator: creator.clone(),
            time: now,
            given: Given::default(),
            stack: is_of_stack.then(|| stacks::arn(&region, first, now)),
        });
        let gave = self.appear(&mut dice, sample, first, &creator, event, world, now);
        if let Event::Creation { given, .. } = &mut self.events[event] {
            *given = gave;
        }
        self.later(&mut dice, sample, first, region, queued, &mut deliver, now);
        for after in deliver {
            self.deliver_after(now, after, event, queued);
        }
    }

    /// The resources of an event are there from now on. Of EC2's, those of one type have the same tags from the
    /// beginning, and the record says so, but for what a template or a copy brings with it.
    #[expect(clippy::too_many_arguments, reason = "what, where, by whom and when")]
    fn appear(
        &self,
        dice: &mut Dice,
        sample: usize,
        first: usize,
        creator: &str,
        event: usize,
        world: &mut World,
        now: u64,
    ) -> Given {
        let inherited = Dice::of(self.seed, &[4, first as u64]).chance(5_000);
        let mut given = Given { specified: Vec::new(), inherited };
        let mut of_kind: Vec<(&str, Vec<(String, String)>)> = Vec::new();
        for (number, made) in self.samples[sample].resources.iter().enumerate() {
            let hidden = match dice.below(100) {
                0..60 => 0,
                60..95 => dice.from(0..20),
                _ => dice.from(20..400),
            };
            let needs_time = matches!(made.lifetime, Lifetime::Told(told) if !told.ready.is_empty());
            let not_ready = match dice.below(10_000) {
                0..5 => 40 * HOUR,
                5..25 => dice.from(HOUR..20 * HOUR),
                25..300 => dice.from(10..300),
                _ if needs_time => dice.from(20..600),
                _ => 0,
            };
            let mut tags = Vec::new();
            if dice.chance(1_000) {
                tags = vec![
                    ("Name".to_owned(), "web".to_owned()),
                    ("team".to_owned(), format!("t{}", dice.below(9))),
                ];
            }
            match dice.below(1_000) {
                0..20 => tags.push((KEY.to_owned(), "platform-team".to_owned())),
                // What is copied often has a creator already.
                500.. if made.copies => tags.push((KEY.to_owned(), "platform-team".to_owned())),
                20..25 => {
                    tags = (0..made.most_tags).map(|tag| (format!("tag-{tag}"), "x".to_owned())).collect()
                }
                _ => {}
            }
            if let Some(kind) = made.kind.as_deref() {
                match of_kind.iter().find(|(known, _)| *known == kind) {
                    Some((_, known)) => tags.clone_from(known),
                    None => {
                        of_kind.push((kind, tags.clone()));
                        if !(inherited && made.inherits) {
                            given.specified.push((kind.to_owned(), tags.clone()));
                        }
                    }
                }
            }
            if let Some(Event::Creation { stack: Some(stack), .. }) = self.events.get(event) {
                tags.push((stacks::KEY.to_owned(), stack.clone()));
            }
            // What the request names stands in the record, and is no copy.
            let is_asked = made.kind.is_some() && !(inherited && made.inherits);
            let copies = if made.inherits {
                inherited && made.kind.as_deref() == Some("image")
            } else {
                made.copies && !is_asked
            };
            let copied =
                copies.then(|| tags.iter().find(|(key, _)| key == KEY).map(|(_, value)| value.clone()));
            let copied = copied.flatten();
            let mut first_tags = tags.clone();
            first_tags.retain(|(key, _)| key != KEY || copied.is_none());
            let visible = now + hidden * SECOND;
            world.places[first + number].generations.push(Generation {
                creator: creator.to_owned(),
                event,
                created: now,
                visible,
                ready: now + not_ready * SECOND,
                deleted: false,
                ended: 0,
                first_tags,
                tags,
                copied,
            });
        }
        given
    }

    /// Records that create nothing, and what is no record at all.
    fn odd(&mut self, dice: &mut Dice, queued: bool, now: u64, deliver: &[u64], world: &World) {
        let number = self.events.len();
        let word = format!("odd-{number}.");
        let record = |with: serde_json::Value| {
            let mut record = json!({
                "eventID": word, "eventSource": "sqs.amazonaws.com", "eventName": "CreateQueue", "eventTime": clock::text(now),
                "awsRegion": "us-east-1", "recipientAccountId": ACCOUNT, "requestParameters": { "queueName": word },
                "userIdentity": { "type": "IAMUser", "userName": "mallory", "arn": format!("arn:aws:iam::{ACCOUNT}:user/mallory") },
            });
            for (name, value) in with.as_object().into_iter().flatten() {
                record[name] = value.clone();
            }
            json!({ "detail-type": "AWS API Call via CloudTrail", "source": "aws.sqs", "account": ACCOUNT, "detail": record }).to_string()
        };
        // A queue that somebody else made, and that mallory failed to make.
        let taken =
            world.places.iter().rev().take(200).find(|place| place.resource_type == "AWS::SQS::Queue");
        let taken = taken.map_or("none", |place| names::end(&place.arn));
        let event = match dice.below(7) {
            0 if queued => Event::Odd(format!("{word} is no JSON {{"), Some(word.clone())),
            0 | 1 => Event::Odd(json!({ "poison": word }).to_string(), Some(word.clone())),
            2 => {
                let request = json!({ "queueName": taken });
                let with = json!({ "errorCode": "QueueAlreadyExists", "errorMessage": "no", "requestParameters": request });
                Event::Odd(record(with), None)
            }
            3 => Event::Odd(record(json!({ "eventName": "CreateNothingKnown" })), None),
            4 => Event::Odd(record(json!({ "recipientAccountId": "999999999999" })), None),
            5 => Event::Odd(
                record(json!({ "requestParameters": [[[1, null, { "queueName": {} }]]], "userIdentity": 7 })),
                None,
            ),
            _ => {
                let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
                Event::Odd(format!("{{\"poison\":\"{word}\",\"deep\":{deep}}}"), Some(word.clone()))
            }
        };
        self.events.push(event);
        for after in deliver {
            self.deliver_after(now, *after, number, queued);
        }
    }

    /// The types of the samples.
    pub fn types(&self) -> usize {
        let types = self.samples.iter().flat_map(|sample| &sample.resources).map(|made| made.resource_type);
        types.collect::<std::collections::BTreeSet<_>>().len()
    }
}

/// How long an event is on its way, in seconds: mostly short, some out of order, a few a day.
fn delay(dice: &mut Dice) -> u64 {
    match dice.below(1_000) {
        0..900 => dice.from(1..15),
        900..980 => dice.from(15..10 * MINUTE),
        980..998 => dice.from(10 * MINUTE..20 * HOUR),
        _ => dice.from(24 * HOUR..30 * HOUR),
    }
}

/// The places that a text names, by their marks.
pub fn named(text: &str) -> Vec<usize> {
    let mut places = samples::marks(text);
    places.sort_unstable();
    places.dedup();
    places
}
