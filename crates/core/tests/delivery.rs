//! Delivery as it is: late, twice, out of order, through functions that die at any point, about resources
//! that are not there yet, not ready yet, deleted, and made again by somebody else under the same name.
//!
//! Around the real decisions (plan, attempt, settle, the queues' documents) stand models of AWS, Lambda and
//! SQS. Whatever is drawn: no creation is lost, nobody's name stands on another's resource, and no tag that
//! was there is overwritten. What the model takes for granted is what nobody can know:
//! - nothing happens between the last read and the write of one try;
//! - a name is not given again before a retry could tell: sooner than a service's own tolerance, or, where
//!   the service tells nothing, sooner than the age limit.

use proptest::{prelude::*, test_runner::Config};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tagger_catalog::Lifetime;
use tagger_core::{
    Policy, Record,
    attempt::{Answer, Attempt, Facts, Guard, Step},
    config, containers,
    outcome::{Class, Done, Failure, Outcome},
    patience::{Age, FRESH, SURE},
    plan,
    settle::{self, Came, Event},
    work::Document,
};

const DAY: u64 = 24 * 60 * 60;
/// The queue's visibility timeout and its maxReceiveCount.
const VISIBILITY: u64 = 180;
const MOST_RECEIVES: u64 = 200;

/// The one name of each kind that has names, so that it is given again often.
const NAME: &str = "n";

/// A kind of resource; each stands for a way in which a service tells what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
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
enum Act {
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
struct Life {
    event: usize,
    creator: String,
    born: u64,
    visible: u64,
    ready: u64,
    denied: bool,
    tag: Option<String>,
}

/// The function died here.
struct Died;

/// A message of the retry queue.
struct Message {
    body: String,
    sent: u64,
    receives: u64,
}

enum Delivery {
    Call { event: Value, tries: u64 },
    Message(usize),
}

struct World {
    policy: Policy,
    overwrites: bool,
    now: u64,
    /// By ARN: the one that lives.
    lives: BTreeMap<String, Life>,
    /// By ARN: when the last one of this name was born.
    last_born: BTreeMap<String, u64>,
    /// The ARNs that each event made.
    made: Vec<Vec<String>>,
    /// What comes to the function, by time.
    coming: BTreeMap<(u64, usize), Delivery>,
    messages: BTreeMap<usize, Message>,
    letters: Vec<String>,
    /// What goes wrong at each further point at which something can; zero is nothing.
    mishaps: std::vec::IntoIter<u8>,
    next: usize,
    wrong: Vec<String>,
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
fn record(kind: Kind, event: usize, names: &[String], born: u64) -> Value {
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
    fn new(overwrites: bool, mishaps: Vec<u8>) -> Self {
        let text = if overwrites { "[tag]\nexisting = \"overwrite\"\n" } else { "" };
        Self {
            policy: config::from_toml(text).unwrap(),
            overwrites,
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

    fn act(&mut self, act: &Act) {
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
    fn run(&mut self, until: u64) {
        while let Some((&(at, number), _)) = self.coming.first_key_value() {
            if at > until {
                break;
            }
            self.now = self.now.max(at);
            match self.coming.remove(&(at, number)) {
                Some(Delivery::Call { event, tries }) => {
                    if self.invoke(event.clone(), None).is_err() {
                        // Lambda tries twice more, a minute and two minutes later, then writes a letter.
                        if tries == 2 {
                            self.letters.push(json!({ "requestPayload": event }).to_string());
                        } else {
                            let again = self.now + 60 * (tries + 1);
                            self.schedule(again, Delivery::Call { event, tries: tries + 1 });
                        }
                    }
                }
                Some(Delivery::Message(id)) => self.receive(id),
                None => {}
            }
        }
        self.now = until;
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
            done.push(Done { resource_type, arn: resource.arn.clone(), operation, parent: None, outcome });
        }
        let tries = receives + work.as_ref().map_or(0, |work| work.tries);
        let came = if message.is_some() { Came::Waiting } else { Came::Once };
        let event =
            Event { record: &record, event_time, first_seen, tries, came, guard: Guard::Strict };
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
            // A read only: a write that is denied is drawn for the resource.
            200.. if matches!(step, Step::Describe(_)) => return Ok(failed("AccessDenied")),
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
            Step::Read => Answer::Tags(
                life.tag.iter().map(|value| ("CreatedBy".to_owned(), value.clone())).collect(),
            ),
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
    fn lost(&self) -> Vec<String> {
        let mut in_letters: BTreeSet<(String, String)> = BTreeSet::new();
        for text in &self.letters {
            let record = containers::records_in(serde_json::from_str(text).unwrap()).remove(0).unwrap();
            let event = record.text("eventID").unwrap().into_owned();
            let number: usize = event["e-".len()..].parse().unwrap();
            let named = match serde_json::from_str(text) {
                Ok(Document::DeadLetter(letter)) => letter.resources.into_iter().map(|named| named.arn).collect(),
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
fn unjust(letters: &[String]) -> Vec<String> {
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

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Queue),
        Just(Kind::Role),
        Just(Kind::Cache),
        Just(Kind::Topic),
        Just(Kind::Instances)
    ]
}

fn act() -> impl Strategy<Value = Act> {
    // Soon, mostly; sometimes after hours, as the rules' own retries may take a day.
    let after = || prop_oneof![6 => 1..30_u64, 2 => 30..1_200_u64, 1 => 1_200..DAY];
    let until_visible = prop_oneof![4 => Just(0_u64), 1 => 1..60_u64, 1 => 60..890_u64];
    let until_ready = prop_oneof![3 => Just(0_u64), 2 => 1..1_800_u64];
    let create = (
        kind(),
        any::<bool>(),
        proptest::bool::weighted(0.1),
        until_visible,
        until_ready,
        proptest::bool::weighted(0.1),
        proptest::collection::vec(after(), 1..4),
    );
    let wait =
        prop_oneof![3 => 1..60_u64, 3 => 60..1_000_u64, 2 => 1_000..4_000_u64, 1 => 4_000..DAY].prop_map(Act::Wait);
    prop_oneof![
        4 => create.prop_map(|(kind, replaces, with_tag, visible, ready, denied, arrives)| Act::Create {
            kind, replaces, with_tag, visible, ready, denied, arrives
        }),
        1 => kind().prop_map(Act::Delete),
        1 => kind().prop_map(Act::Tag),
        4 => wait,
    ]
}

proptest! {
    #![proptest_config(Config { cases: 2_000, max_shrink_iters: 20_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn nothing_is_lost_nothing_is_wrong_nothing_is_overwritten(
        acts in proptest::collection::vec(act(), 1..14),
        mishaps in proptest::collection::vec(any::<u8>(), 0..120),
        overwrites in proptest::bool::weighted(0.2),
    ) {
        let mut world = World::new(overwrites, mishaps);
        acts.iter().for_each(|act| world.act(act));
        // Everything arrives within a day, and waits for a day at most.
        world.run(world.now + 3 * DAY);
        prop_assert!(world.coming.is_empty() && world.messages.is_empty(), "something still waits");
        prop_assert_eq!(&world.wrong, &Vec::<String>::new());
        prop_assert_eq!(world.lost(), Vec::<String>::new());
        prop_assert_eq!(unjust(&world.letters), Vec::<String>::new());
    }
}

/// The model must be able to do what the property is about, or it would hold for nothing.
#[test]
fn the_model_reaches_every_end() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let (mut tagged, mut letters, mut kept, mut gone, mut again) = (0, 0, 0, 0, 0);
    for _ in 0..300 {
        let drawn = (proptest::collection::vec(act(), 1..14), proptest::collection::vec(any::<u8>(), 0..120));
        let (acts, mishaps) = drawn.new_tree(&mut runner).unwrap().current();
        let mut world = World::new(false, mishaps);
        acts.iter().for_each(|act| world.act(act));
        world.run(world.now + 3 * DAY);
        letters += world.letters.len();
        tagged += world.lives.values().filter(|life| life.tag.as_ref() == Some(&life.creator)).count();
        kept += world.lives.values().filter(|life| life.tag.as_deref() == Some("by-caller")).count();
        gone += world.made.iter().flatten().filter(|arn| !world.lives.contains_key(*arn)).count();
        let mut names = BTreeSet::new();
        again += world.made.iter().flatten().filter(|arn| !names.insert((*arn).clone())).count();
    }
    for (what, count) in
        [("tagged", tagged), ("letters", letters), ("kept", kept), ("gone", gone), ("made again", again)]
    {
        assert!(count > 10, "{what}: {count}");
    }
}

/// The outcomes that the model cannot draw.
#[test]
fn a_full_resource_is_given_up_with_its_reason() {
    let names = ["jobs".to_owned()];
    let record = Record::new(record(Kind::Queue, 1, &names, 1_000));
    let plan = plan(&record, &Policy::default(), None);
    let resource = &plan.actions[0];
    let age = Age { event: 5, waited: 0 };
    let attempt = Attempt {
        plan: &plan,
        record: &record,
        resource,
        event_time: Some(1_000),
        age,
        guard: Guard::Strict,
    };
    for (own, of_aws, expected) in [(49, 3, "write"), (50, 0, "limit-reached")] {
        let tag = |prefix: &'static str| move |number| (format!("{prefix}{number}"), String::new());
        let tags = (0..own).map(tag("k")).chain((0..of_aws).map(tag("aws:"))).collect();
        let found = match attempt.next(&attempt.start(), Answer::Tags(tags)) {
            Step::Write(_) => "write",
            Step::End(Outcome::Failed(failure)) => failure.class.as_str(),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{own} and {of_aws} of AWS");
    }
}
