//! The model: AWS, Lambda and SQS around the real executor. It knows no strategy and asserts little; what
//! went wrong in it is written down for the tests.
//!
//! Its EC2 takes many ids in one call and refuses the whole call for one that is not visible or denied, with or
//! without naming it; its DescribeTags lists nothing for what is not visible. An instance has a volume that no record
//! names, and the answer of a launch may be left out of its record. Calls are answered in any order, and an answer may
//! leave out one of those who asked. What AWS answers is in `aws.rs`, what must hold at the end in `judge.rs`.

use super::kinds::{Kind, arn, record, resource_type};
use serde_json::{Value, json};
use std::{collections::BTreeMap, rc::Rc};
use tagger_catalog::Lifetime;
use tagger_core::{
    Policy,
    case::{Came, Case},
    config, containers,
    outcome::Done,
    patience::{FRESH, Guard, SURE},
    settle,
    step::Call,
    waves::{Sight, Waves},
    work::Document,
};

pub const DAY: u64 = 24 * 60 * 60;
/// The queue's visibility timeout and its maxReceiveCount.
const VISIBILITY: u64 = 180;
const MOST_RECEIVES: u64 = 200;

/// What is never visible, which a wrong ARN looks like.
pub const NEVER: u64 = 10 * DAY;
/// How long a denial lasts that is one of the first moments.
const BRIEFLY: u64 = 60;

/// How many instances a launch makes.
pub(super) const INSTANCES: usize = 5;

/// So many seconds before a call a time is still that of its own resource.
const TOLERANCE: u64 = 60;

/// The one name of each kind that has names, so that it is given again often.
const NAME: &str = "n";

/// What somebody does.
#[derive(Debug, Clone)]
pub enum Act {
    Create {
        kind: Kind,
        /// Whether what has the name now is deleted first.
        replaces: bool,
        /// Whether the caller set the creator's key himself.
        with_tag: bool,
        /// Seconds until it is seen, and until it can be tagged.
        visible: u64,
        ready: u64,
        /// Whether tagging it is denied, of several the first; and whether only for a minute, as of a role that AWS does
        /// not know yet.
        denied: bool,
        briefly: bool,
        /// Whether the answer of a launch is left out of the record.
        omitted: bool,
        /// Seconds after which its event arrives; each is one delivery.
        arrives: Vec<u64>,
    },
    Delete(Kind),
    /// Somebody sets the creator's key by hand.
    Tag(Kind),
    Wait(u64),
}

/// One life of a resource.
#[derive(Debug, Clone)]
pub struct Life {
    pub(super) event: usize,
    pub creator: String,
    /// When its service says that it was made: a change moves it forward.
    pub(super) dated: u64,
    /// Whether a second one was told that he made it.
    pub(super) second: bool,
    pub(super) visible: u64,
    pub(super) ready: u64,
    pub tag: Option<String>,
    /// Until when tagging it is denied.
    pub(super) denied: u64,
}

/// The function died here.
pub(super) struct Died;

/// A message of the retry queue.
pub struct Message {
    body: String,
    sent: u64,
    receives: u64,
}

pub enum Delivery {
    Call { event: Value, tries: u64 },
    Message(usize),
}

pub struct World {
    policy: Policy,
    pub(super) overwrites: bool,
    /// Whether the role may not ask services what they know of a resource.
    pub(super) tells_nothing: bool,
    pub now: u64,
    /// By ARN: the one that lives.
    pub lives: BTreeMap<String, Life>,
    /// By ARN: when the last one of this name was born.
    last_born: BTreeMap<String, u64>,
    /// The ARNs that each event made.
    pub made: Vec<Vec<String>>,
    /// The event history: what was created and deleted, and when.
    pub(super) past: Vec<(u64, Value)>,
    /// What comes to the function, by time.
    pub coming: BTreeMap<(u64, usize), Delivery>,
    pub messages: BTreeMap<usize, Message>,
    pub letters: Vec<String>,
    /// What goes wrong at each further point at which something can; zero is nothing.
    mishaps: std::vec::IntoIter<u8>,
    next: usize,
    pub wrong: Vec<String>,
    /// How often a second one was told that he made what was there.
    pub twice: usize,
    sight: Rc<Sight>,
}

impl World {
    pub fn new(overwrites: bool, tells_nothing: bool, mishaps: Vec<u8>) -> Self {
        let text = if overwrites { "[tag]\nexisting = \"overwrite\"\n" } else { "" };
        Self {
            policy: config::from_toml(text).unwrap(),
            overwrites,
            tells_nothing,
            now: 1_000_000,
            lives: BTreeMap::new(),
            last_born: BTreeMap::new(),
            made: Vec::new(),
            past: Vec::new(),
            coming: BTreeMap::new(),
            messages: BTreeMap::new(),
            letters: Vec::new(),
            mishaps: mishaps.into_iter(),
            next: 0,
            wrong: Vec::new(),
            twice: 0,
            sight: Rc::default(),
        }
    }

    fn schedule(&mut self, at: u64, delivery: Delivery) {
        self.next += 1;
        self.coming.insert((at, self.next), delivery);
    }

    pub fn act(&mut self, act: &Act) {
        match act {
            Act::Wait(seconds) => self.run(self.now + seconds),
            Act::Delete(kind) => self.delete(*kind),
            Act::Tag(kind) => {
                if let Some(life) = self.lives.get_mut(&arn(*kind, NAME)) {
                    life.tag = Some("by-hand".to_owned());
                    // Nobody can know what was there before, once that time is after the second call's.
                    if !life.second {
                        life.dated = self.now;
                    }
                }
            }
            Act::Create { kind, replaces, with_tag, visible, ready, denied, briefly, omitted, arrives } => {
                if *replaces && self.lives.contains_key(&arn(*kind, NAME)) {
                    self.delete(*kind);
                }
                let event = self.made.len();
                let names: Vec<String> = match kind {
                    Kind::Instances => (0..INSTANCES).map(|index| format!("i-{event}-{index}")).collect(),
                    _ => vec![NAME.to_owned()],
                };
                let mut arns: Vec<String> = names.iter().map(|name| arn(*kind, name)).collect();
                if *kind == Kind::Instances {
                    arns.extend(names.iter().map(|name| arn(*kind, &name.replacen("i-", "vol-", 1))));
                }
                let tolerance = match tagger_catalog::lifetime(resource_type(*kind)) {
                    Lifetime::Told(_) if self.tells_nothing => SURE + VISIBILITY,
                    Lifetime::Told(told) if told.same.0.is_empty() => told.within,
                    Lifetime::Told(_) | Lifetime::Unique => FRESH,
                    Lifetime::Unknown => SURE + VISIBILITY,
                };
                let too_soon = self.last_born.get(&arns[0]).is_some_and(|born| self.now <= born + tolerance);
                if self.lives.contains_key(&arns[0]) && !replaces {
                    return self.made_twice(*kind, event, arrives);
                }
                if too_soon {
                    return;
                }
                for (number, arn) in arns.iter().enumerate() {
                    let index = number % names.len();
                    // Of several, one is seen later than the others, and its volume later than itself.
                    let late = if index == names.len() / 2 { *visible } else { 0 };
                    let later = if late > 0 && number >= names.len() { late / 2 + 5 } else { 0 };
                    let tag = with_tag.then(|| "by-caller".to_owned());
                    self.last_born.insert(arn.clone(), self.now);
                    let life = Life {
                        event,
                        creator: format!("user-{event}"),
                        dated: self.now,
                        second: false,
                        visible: self.now + late + later,
                        ready: self.now + ready,
                        denied: match (*denied && index == 0, briefly) {
                            (false, _) => 0,
                            (true, true) => self.now + BRIEFLY,
                            (true, false) => u64::MAX,
                        },
                        tag,
                    };
                    self.lives.insert(arn.clone(), life);
                }
                let mut record = record(*kind, event, &names, self.now, *omitted);
                record["never"] = (*visible >= NEVER).into();
                record["briefly"] = (*denied && *briefly && !self.tells_nothing).into();
                self.tell(record, arns, arrives);
            }
        }
    }

    /// The record of a call that made these: the history has it, and it comes after so many seconds, each time.
    fn tell(&mut self, record: Value, arns: Vec<String>, arrives: &[u64]) {
        self.past.push((self.now, record.clone()));
        let event = json!({ "detail": record });
        self.made.push(arns);
        for after in arrives {
            self.schedule(self.now + after, Delivery::Call { event: event.clone(), tries: 0 });
        }
    }

    /// A second one is told that he made a bucket that is there. Sooner than the tolerance nobody can know.
    fn made_twice(&mut self, kind: Kind, event: usize, arrives: &[u64]) {
        let arn = arn(kind, NAME);
        let Some(life) = self.lives.get_mut(&arn).filter(|_| kind == Kind::Bucket && !self.tells_nothing)
        else {
            return;
        };
        if life.visible > self.now || self.now <= life.dated + TOLERANCE {
            return;
        }
        life.second = true;
        self.twice += 1;
        // A third one of the name comes no sooner after this call than after a birth.
        self.last_born.insert(arn, self.now);
        let record = record(kind, event, &[NAME.to_owned()], self.now, false);
        self.tell(record, Vec::new(), arrives);
    }

    fn delete(&mut self, kind: Kind) {
        if self.lives.remove(&arn(kind, NAME)).is_none() {
            return;
        }
        let (source, call, request) = match kind {
            Kind::Queue => ("sqs", "DeleteQueue", json!({ "queueUrl": NAME })),
            Kind::Role => ("iam", "DeleteRole", json!({ "roleName": NAME })),
            Kind::Cache => ("elasticache", "DeleteReplicationGroup", json!({ "replicationGroupId": NAME })),
            Kind::Topic => ("sns", "DeleteTopic", json!({ "topicArn": arn(kind, NAME) })),
            Kind::Bucket => ("s3", "DeleteBucket", json!({ "bucketName": NAME })),
            Kind::Instances => return,
        };
        let record = json!({
            "eventSource": format!("{source}.amazonaws.com"), "eventName": call, "requestParameters": request,
        });
        self.past.push((self.now, record));
        // The history tells times in seconds, and in the same one no name is given again.
        self.run(self.now + 1);
    }

    /// Lets time pass, and the function be called, with all that comes within two seconds.
    pub fn run(&mut self, until: u64) {
        while let Some((&(at, _), first)) = self.coming.first_key_value() {
            if at > until {
                break;
            }
            self.now = self.now.max(at);
            let is_call = |delivery: &Delivery| matches!(delivery, Delivery::Call { .. });
            let (kind, last) = (is_call(first), self.now + 2);
            let together = self.coming.iter().filter(|((at, _), one)| *at <= last && is_call(one) == kind);
            let together: Vec<_> = together.map(|(key, _)| *key).take(10).collect();
            let together: Vec<_> = together.iter().filter_map(|key| self.coming.remove(key)).collect();
            if kind { self.call(together) } else { self.receive(together) }
        }
        self.now = until;
    }

    fn call(&mut self, together: Vec<Delivery>) {
        let events: Vec<(Value, u64)> = together
            .into_iter()
            .filter_map(|one| match one {
                Delivery::Call { event, tries } => Some((event, tries)),
                Delivery::Message(_) => None,
            })
            .collect();
        let cases = events.iter().map(|(event, _)| self.case(event.clone(), None)).collect();
        if self.invoke(cases).is_ok() {
            return;
        }
        for (event, tries) in events {
            // Lambda tries twice more, a minute and two minutes later, then writes a dead letter.
            if tries == 2 {
                self.letters.push(json!({ "requestPayload": event }).to_string());
            } else {
                let again = self.now + 60 * (tries + 1);
                self.schedule(again, Delivery::Call { event, tries: tries + 1 });
            }
        }
    }

    fn receive(&mut self, together: Vec<Delivery>) {
        let (mut cases, mut ids) = (Vec::new(), Vec::new());
        for one in together {
            let Delivery::Message(id) = one else { continue };
            let Some(message) = self.messages.get_mut(&id) else { continue };
            message.receives += 1;
            if message.receives > MOST_RECEIVES {
                self.letters.push(message.body.clone());
                self.messages.remove(&id);
                continue;
            }
            let body = serde_json::from_str(&message.body).unwrap();
            cases.push(self.case(body, Some(id)));
            // Postponing does away with this one; a function that dies leaves it.
            let visible = self.now + VISIBILITY;
            ids.push((id, (visible, self.next + 1)));
            self.schedule(visible, Delivery::Message(id));
        }
        let Ok(settled) = self.invoke(cases) else { return };
        for ((id, key), again) in ids.into_iter().zip(settled) {
            match again {
                None => drop(self.messages.remove(&id)),
                Some(seconds) => {
                    self.coming.remove(&key);
                    self.schedule(self.now + seconds, Delivery::Message(id));
                }
            }
        }
    }

    pub(super) fn mishap(&mut self) -> u8 {
        self.mishaps.next().unwrap_or_default()
    }

    /// A case, as `tagger-lambda` makes it.
    fn case(&self, event: Value, message: Option<usize>) -> Case {
        let sent = message.and_then(|id| self.messages.get(&id));
        let (sent, receives) = sent.map_or((self.now, 1), |message| (message.sent, message.receives));
        let work = match serde_json::from_value(event.clone()) {
            Ok(Document::Work(work)) => Some(work),
            _ => None,
        };
        let record = containers::records_in(event).remove(0).unwrap();
        let event_time = record.value()["born"].as_u64();
        let first_seen = work.as_ref().map_or(sent, |work| work.first_seen);
        let mut case = Case {
            tries: receives + work.as_ref().map_or(0, |work| work.tries),
            came: if message.is_some() { Came::Waiting } else { Came::Once },
            message,
            work,
            ..Case::new(record, event_time, first_seen, Guard::Strict)
        };
        case.decide(&self.policy, Some("111122223333"));
        case
    }

    /// What the function does, as `tagger-lambda` does it. Ok, for each case, with seconds: its message waits so long.
    fn invoke(&mut self, cases: Vec<Case>) -> Result<Vec<Option<u64>>, Died> {
        let (now, policy) = (self.now, self.policy.clone());
        let sight = Rc::clone(&self.sight);
        let mut waves = Waves::new(&cases, &policy, &sight, now);
        let mut under_way: Vec<Call> = Vec::new();
        let mut settled = vec![None; cases.len()];
        loop {
            let all = under_way.is_empty() || self.mishap() % 7 == 6;
            under_way.extend(waves.due(all));
            // What has ended is settled while others are under way.
            for (place, done) in waves.ended() {
                settled[place] = self.settle(&cases[place], &done, now)?;
            }
            if under_way.is_empty() {
                break;
            }
            let next = usize::from(self.mishap()) % under_way.len();
            let call = under_way.remove(next);
            let reply = self.ask(&call)?;
            waves.answer(call.number, reply, now);
        }
        Ok(settled)
    }

    fn settle(&mut self, case: &Case, done: &[Done], now: u64) -> Result<Option<u64>, Died> {
        let settlement = settle::settle(case, done, now);
        for letter in settlement.letters {
            let text = Document::DeadLetter(letter).text();
            self.send(|world| world.letters.push(text))?;
        }
        for (work, delay) in settlement.works {
            assert!(delay <= 900, "SQS delays a message by 15 minutes at most, not by {delay} s");
            let body = Document::Work(work).text();
            self.send(|world| {
                world.next += 1;
                let id = world.next;
                world.messages.insert(id, Message { body, sent: now, receives: 0 });
                world.schedule(now + delay, Delivery::Message(id));
            })?;
        }
        match (self.mishap(), settlement.again) {
            (245.., _) => Err(Died),
            // Postponing failed: it comes again after the queue's own time.
            (240.., Some(_)) => Err(Died),
            (_, again) => Ok(again),
        }
    }

    fn send(&mut self, deliver: impl FnOnce(&mut Self)) -> Result<(), Died> {
        match self.mishap() {
            // Before it was sent, or SQS refused it: the invocation fails.
            250.. => Err(Died),
            // After it was sent.
            243.. => {
                deliver(self);
                Err(Died)
            }
            _ => {
                deliver(self);
                Ok(())
            }
        }
    }
}
