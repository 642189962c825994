//! The model: AWS, Lambda and SQS around the real decisions. It knows no strategy and asserts little; what
//! went wrong in it is written down for the tests.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tagger_catalog::Lifetime;
use tagger_core::{
    Policy,
    attempt::{Answer, Attempt, Facts, Guard, Step},
    config, containers,
    outcome::{Class, Done, Failure},
    patience::{Age, FRESH, SURE},
    plan,
    settle::{self, Came, Event},
    work::Document,
};

pub const DAY: u64 = 24 * 60 * 60;
/// The queue's visibility timeout and its maxReceiveCount.
const VISIBILITY: u64 = 180;
const MOST_RECEIVES: u64 = 200;

/// The one name of each kind that has names, so that it is given again often.
const NAME: &str = "n";

/// A kind of resource; each stands for a way in which a service tells what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A time of creation.
    Queue,
    /// An id.
    Role,
    /// A state in which it may be tagged, and a time of creation that is noted late.
    Cache,
    /// Nothing.
    Topic,
    /// An id in its ARN; two in one record.
    Instances,
}

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
        /// Whether tagging it is denied; of two instances, the first.
        denied: bool,
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
    event: usize,
    pub creator: String,
    born: u64,
    visible: u64,
    ready: u64,
    denied: bool,
    pub tag: Option<String>,
}

/// The function died here.
struct Died;

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
    overwrites: bool,
    /// Whether the role may not ask services what they know of a resource.
    tells_nothing: bool,
    pub now: u64,
    /// By ARN: the one that lives.
    pub lives: BTreeMap<String, Life>,
    /// By ARN: when the last one of this name was born.
    last_born: BTreeMap<String, u64>,
    /// The ARNs that each event made.
    pub made: Vec<Vec<String>>,
    /// What comes to the function, by time.
    pub coming: BTreeMap<(u64, usize), Delivery>,
    pub messages: BTreeMap<usize, Message>,
    pub letters: Vec<String>,
    /// What goes wrong at each further point at which something can; zero is nothing.
    mishaps: std::vec::IntoIter<u8>,
    next: usize,
    pub wrong: Vec<String>,
}

fn arn(kind: Kind, name: &str) -> String {
    match kind {
        Kind::Queue => format!("arn:aws:sqs:us-east-1:111122223333:{name}"),
        Kind::Role => format!("arn:aws:iam::111122223333:role/{name}"),
        Kind::Cache => format!("arn:aws:elasticache:us-east-1:111122223333:replicationgroup:{name}"),
        Kind::Topic => format!("arn:aws:sns:us-east-1:111122223333:{name}"),
        Kind::Instances => format!("arn:aws:ec2:us-east-1:111122223333:instance/{name}"),
    }
}

/// The record of a creation. `born` is the time that `eventTime` would hold.
pub fn record(kind: Kind, event: usize, names: &[String], born: u64) -> Value {
    let name = &names[0];
    let (source, call, request, response) = match kind {
        Kind::Queue => ("sqs", "CreateQueue", json!({ "queueName": name }), json!({ "queueUrl": name })),
        Kind::Role => {
            let role = json!({ "role": { "arn": arn(kind, name), "roleId": format!("AROA{event}") } });
            ("iam", "CreateRole", json!({ "roleName": name }), role)
        }
        Kind::Cache => {
            ("elasticache", "CreateReplicationGroup", json!({}), json!({ "replicationGroupId": name }))
        }
        Kind::Topic => {
            ("sns", "CreateTopic", json!({ "name": name }), json!({ "topicArn": arn(kind, name) }))
        }
        Kind::Instances => {
            let items: Vec<_> = names
                .iter()
                .map(|name| json!({ "instanceId": name, "networkInterfaceSet": { "items": [] } }))
                .collect();
            ("ec2", "RunInstances", json!({}), json!({ "instancesSet": { "items": items } }))
        }
    };
    json!({
        "eventID": format!("e-{event}"), "eventSource": format!("{source}.amazonaws.com"), "eventName": call,
        "awsRegion": "us-east-1", "recipientAccountId": "111122223333", "born": born,
        "userIdentity": { "type": "IAMUser", "userName": format!("user-{event}") },
        "requestParameters": request, "responseElements": response,
    })
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
            coming: BTreeMap::new(),
            messages: BTreeMap::new(),
            letters: Vec::new(),
            mishaps: mishaps.into_iter(),
            next: 0,
            wrong: Vec::new(),
        }
    }

    fn schedule(&mut self, at: u64, delivery: Delivery) {
        self.next += 1;
        self.coming.insert((at, self.next), delivery);
    }

    pub fn act(&mut self, act: &Act) {
        match act {
            Act::Wait(seconds) => self.run(self.now + seconds),
            Act::Delete(kind) => drop(self.lives.remove(&arn(*kind, NAME))),
            Act::Tag(kind) => {
                if let Some(life) = self.lives.get_mut(&arn(*kind, NAME)) {
                    life.tag = Some("by-hand".to_owned());
                }
            }
            Act::Create { kind, replaces, with_tag, visible, ready, denied, arrives } => {
                let event = self.made.len();
                let names: Vec<String> = match kind {
                    Kind::Instances => (0..2).map(|index| format!("i-{event}-{index}")).collect(),
                    _ => vec![NAME.to_owned()],
                };
                let arns: Vec<String> = names.iter().map(|name| arn(*kind, name)).collect();
                let tolerance = match tagger_catalog::lifetime(resource_type(*kind)) {
                    Lifetime::Told(_) if self.tells_nothing => SURE + VISIBILITY,
                    Lifetime::Told(told) if told.same.0.is_empty() => told.within,
                    Lifetime::Told(_) | Lifetime::Unique => FRESH,
                    Lifetime::Unknown => SURE + VISIBILITY,
                };
                let too_soon = self.last_born.get(&arns[0]).is_some_and(|born| self.now <= born + tolerance);
                if too_soon || self.lives.contains_key(&arns[0]) && !replaces {
                    return;
                }
                for (index, arn) in arns.iter().enumerate() {
                    let tag = with_tag.then(|| "by-caller".to_owned());
                    self.last_born.insert(arn.clone(), self.now);
                    let life = Life {
                        event,
                        creator: format!("user-{event}"),
                        born: self.now,
                        visible: self.now + visible,
                        ready: self.now + ready,
                        denied: *denied && index == 0,
                        tag,
                    };
                    self.lives.insert(arn.clone(), life);
                }
                let event = json!({ "detail": record(*kind, event, &names, self.now) });
                self.made.push(arns);
                for after in arrives {
                    let call = Delivery::Call { event: event.clone(), tries: 0 };
                    self.schedule(self.now + after, call);
                }
            }
        }
    }

    /// Lets time pass, and the function be called.
    pub fn run(&mut self, until: u64) {
        while let Some((&(at, number), _)) = self.coming.first_key_value() {
            if at > until {
                break;
            }
            self.now = self.now.max(at);
            match self.coming.remove(&(at, number)) {
                Some(Delivery::Call { event, tries }) => self.call(event, tries),
                Some(Delivery::Message(id)) => self.receive(id),
                None => {}
            }
        }
        self.now = until;
    }

    fn call(&mut self, event: Value, tries: u64) {
        if self.invoke(event.clone(), None).is_ok() {
            return;
        }
        // Lambda tries twice more, a minute and two minutes later, then writes a letter.
        if tries == 2 {
            self.letters.push(json!({ "requestPayload": event }).to_string());
        } else {
            let again = self.now + 60 * (tries + 1);
            self.schedule(again, Delivery::Call { event, tries: tries + 1 });
        }
    }

    fn receive(&mut self, id: usize) {
        let Some(message) = self.messages.get_mut(&id) else { return };
        message.receives += 1;
        if message.receives > MOST_RECEIVES {
            self.letters.push(message.body.clone());
            self.messages.remove(&id);
            return;
        }
        let body = serde_json::from_str(&message.body).unwrap();
        // Postponing does away with this one; a function that dies leaves it.
        let visible = self.now + VISIBILITY;
        let before = self.next + 1;
        self.schedule(visible, Delivery::Message(id));
        match self.invoke(body, Some(id)) {
            Ok(None) => drop(self.messages.remove(&id)),
            Ok(Some(seconds)) => {
                self.coming.remove(&(visible, before));
                self.schedule(self.now + seconds, Delivery::Message(id));
            }
            Err(Died) => {}
        }
    }

    fn mishap(&mut self) -> u8 {
        self.mishaps.next().unwrap_or_default()
    }

    /// What the function does, as `tagger-lambda` does it. Ok with seconds: the message waits so long.
    fn invoke(&mut self, event: Value, message: Option<usize>) -> Result<Option<u64>, Died> {
        let now = self.now;
        let (sent, receives) = message
            .and_then(|id| self.messages.get(&id))
            .map_or((now, 1), |message| (message.sent, message.receives));
        let work = match serde_json::from_value(event.clone()) {
            Ok(Document::Work(work)) => Some(work),
            _ => None,
        };
        let record = containers::records_in(event).remove(0).unwrap();
        let event_time = record.value()["born"].as_u64();
        let first_seen = work.as_ref().map_or(sent, |work| work.first_seen);
        let mut plan = plan(&record, &self.policy, Some("111122223333"));
        plan.children.clear();
        if let Some(work) = &work {
            work.narrow(&mut plan);
        }
        let age = Age::at(now, event_time, first_seen);
        let mut done = Vec::new();
        for resource in &plan.actions {
            let attempt =
                Attempt { plan: &plan, record: &record, resource, event_time, age, guard: Guard::Strict };
            let mut step = attempt.start();
            while !matches!(step, Step::End(_)) {
                let answer = self.ask(&step, &resource.arn)?;
                step = attempt.next(&step, answer);
            }
            let Step::End(outcome) = step else { unreachable!() };
            let (resource_type, operation) = (resource.entry.resource_type, resource.entry.operation.name);
            done.push(Done {
                resource_type,
                arn: resource.arn.clone(),
                operation,
                parent: None,
                inherited: None,
                outcome,
            });
        }
        let tries = receives + work.as_ref().map_or(0, |work| work.tries);
        let came = if message.is_some() { Came::Waiting } else { Came::Once };
        let event = Event { record: &record, event_time, first_seen, tries, came, guard: Guard::Strict };
        let settlement = settle::settle(&event, &done, now);
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

    /// AWS.
    fn ask(&mut self, step: &Step<'_>, arn: &str) -> Result<Answer, Died> {
        let failed = |code: &str| Answer::Failed(Failure::of("x:Call", code, "", None));
        let mishap = self.mishap();
        match mishap {
            250.. => return Err(Died),
            220.. => return Ok(failed("ThrottlingException")),
            205.. => return Ok(failed("Unreachable")),
            _ if self.tells_nothing && matches!(step, Step::Describe(_)) => {
                return Ok(failed("AccessDenied"));
            }
            _ => {}
        }
        let now = self.now;
        let Some(life) = self.lives.get_mut(arn).filter(|life| life.visible <= now) else {
            return Ok(failed("ResourceNotFoundException"));
        };
        let answer = match step {
            Step::Describe(_) => {
                let status = if life.ready <= now { "available" } else { "creating" };
                // Caches note the time when they are ready.
                let created = if arn.contains(":replicationgroup:") { life.ready } else { life.born };
                let facts = Facts {
                    id: arn.contains(":role/").then(|| format!("AROA{}", life.event)),
                    created: (life.ready <= now || created == life.born).then_some(created),
                    status: Some(status.to_owned()),
                };
                Answer::Described(facts)
            }
            Step::Read => {
                Answer::Tags(life.tag.iter().map(|value| ("CreatedBy".to_owned(), value.clone())).collect())
            }
            Step::Write(_) if life.denied => failed("AccessDeniedException"),
            Step::Write(_) if life.ready > now => {
                if arn.contains(":replicationgroup:") {
                    self.wrong.push(format!("{arn}: tagging disturbs it while it is made"));
                }
                failed("InvalidReplicationGroupState")
            }
            Step::Write(tags) => {
                let (_, value) = tags.iter().find(|(key, _)| *key == "CreatedBy").unwrap();
                if life.creator != *value {
                    self.wrong.push(format!("{arn}: {value} on what {} made", life.creator));
                }
                if let Some(there) = life.tag.as_ref().filter(|_| !self.overwrites) {
                    self.wrong.push(format!("{arn}: {value} over {there}"));
                }
                life.tag = Some((*value).to_owned());
                // The answer got lost, or the function died with it.
                match mishap {
                    190.. => return Err(Died),
                    180.. => failed("Unreachable"),
                    _ => Answer::Written,
                }
            }
            Step::End(_) => unreachable!(),
        };
        Ok(answer)
    }

    /// Every resource that lives and is not tagged must be in a letter of its event.
    pub fn lost(&self) -> Vec<String> {
        let mut in_letters: BTreeSet<(String, String)> = BTreeSet::new();
        for text in &self.letters {
            let record = containers::records_in(serde_json::from_str(text).unwrap()).remove(0).unwrap();
            let event = record.text("eventID").unwrap().into_owned();
            let number: usize = event["e-".len()..].parse().unwrap();
            let named = match serde_json::from_str(text) {
                Ok(Document::DeadLetter(letter)) => {
                    letter.resources.into_iter().map(|named| named.arn).collect()
                }
                Ok(Document::Work(work)) if !work.resources.is_empty() => work.resources,
                // Lambda's letter is about the whole event.
                _ => self.made[number].clone(),
            };
            in_letters.extend(named.into_iter().map(|arn| (event.clone(), arn)));
        }
        let is_lost = |(arn, life): &(&String, &Life)| {
            life.tag.is_none() && !in_letters.contains(&(format!("e-{}", life.event), (*arn).clone()))
        };
        self.lives.iter().filter(is_lost).map(|(arn, life)| format!("{arn} of {}", life.creator)).collect()
    }
}

/// Letters about what only had to be waited for. The mishaps of a run pass, so that only three things end
/// in a letter: a denial, a name of which nothing tells, and what took longer than a day.
pub fn unjust(letters: &[String]) -> Vec<String> {
    let is_unjust = |text: &&String| match serde_json::from_str(text) {
        Ok(Document::DeadLetter(letter)) => {
            let born = letter.record["born"].as_u64().unwrap();
            let tells = letter.resources.iter().any(|named| named.arn.contains(":replicationgroup:"));
            match letter.reason.class {
                Class::Denied => false,
                Class::NotReady => letter.gave_up < born + DAY,
                _ if letter.reason.code == "resource-uncertain" => tells,
                _ => letter.gave_up < letter.since + DAY && !letter.resources[0].arn.contains(":sns:"),
            }
        }
        _ => false,
    };
    letters.iter().filter(is_unjust).cloned().collect()
}

fn resource_type(kind: Kind) -> &'static str {
    match kind {
        Kind::Queue => "AWS::SQS::Queue",
        Kind::Role => "AWS::IAM::Role",
        Kind::Cache => "AWS::ElastiCache::ReplicationGroup",
        Kind::Topic => "AWS::SNS::Topic",
        Kind::Instances => "AWS::EC2::Instance",
    }
}
