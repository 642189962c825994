//! The model: AWS, Lambda and SQS around the real executor. It knows no strategy and asserts little; what
//! went wrong in it is written down for the tests.
//!
//! Its EC2 takes many ids in one call and refuses the whole call for one that is not visible or denied, with or
//! without naming it; its DescribeTags lists nothing for what is not visible. Calls are answered in any order, and an
//! answer may leave out one of those who asked.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use tagger_catalog::Lifetime;
use tagger_core::{
    Policy, Record,
    case::{Came, Case},
    config, containers, history,
    outcome::{Class, Done, Failure},
    patience::{FRESH, Guard, SURE},
    settle,
    stack::SHOWN_AFTER,
    step::{Answer, Call, Facts, Past, Question, Reply, Target},
    waves::Waves,
    work::Document,
};

pub const DAY: u64 = 24 * 60 * 60;
/// The queue's visibility timeout and its maxReceiveCount.
const VISIBILITY: u64 = 180;
const MOST_RECEIVES: u64 = 200;

/// How many instances a launch makes.
const INSTANCES: usize = 5;

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
    /// An id in its ARN; some in one record.
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
    /// The event history: what was created and deleted, and when.
    past: Vec<(u64, Value)>,
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
            past: Vec::new(),
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
            Act::Delete(kind) => self.delete(*kind),
            Act::Tag(kind) => {
                if let Some(life) = self.lives.get_mut(&arn(*kind, NAME)) {
                    life.tag = Some("by-hand".to_owned());
                }
            }
            Act::Create { kind, replaces, with_tag, visible, ready, denied, arrives } => {
                if *replaces && self.lives.contains_key(&arn(*kind, NAME)) {
                    self.delete(*kind);
                }
                let event = self.made.len();
                let names: Vec<String> = match kind {
                    Kind::Instances => (0..INSTANCES).map(|index| format!("i-{event}-{index}")).collect(),
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
                        // Of several, one is seen later than the others.
                        visible: self.now + if index == arns.len() / 2 { *visible } else { 0 },
                        ready: self.now + ready,
                        denied: *denied && index == 0,
                        tag,
                    };
                    self.lives.insert(arn.clone(), life);
                }
                let record = record(*kind, event, &names, self.now);
                self.past.push((self.now, record.clone()));
                let event = json!({ "detail": record });
                self.made.push(arns);
                for after in arrives {
                    let call = Delivery::Call { event: event.clone(), tries: 0 };
                    self.schedule(self.now + after, call);
                }
            }
        }
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
            Kind::Instances => return,
        };
        let record = json!({
            "eventSource": format!("{source}.amazonaws.com"), "eventName": call, "requestParameters": request,
        });
        self.past.push((self.now, record));
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
            // Lambda tries twice more, a minute and two minutes later, then writes a letter.
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

    fn mishap(&mut self) -> u8 {
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
        case.plan.children.clear();
        case
    }

    /// What the function does, as `tagger-lambda` does it. Ok, for each case, with seconds: its message waits so long.
    fn invoke(&mut self, cases: Vec<Case>) -> Result<Vec<Option<u64>>, Died> {
        let (now, policy) = (self.now, self.policy.clone());
        let mut waves = Waves::new(&cases, &policy, now);
        let mut under_way: Vec<Call> = Vec::new();
        loop {
            let all = under_way.is_empty() || self.mishap() % 7 == 6;
            under_way.extend(waves.due(all));
            if under_way.is_empty() {
                break;
            }
            let next = usize::from(self.mishap()) % under_way.len();
            let call = under_way.remove(next);
            let reply = self.ask(&call)?;
            waves.answer(call.number, reply, now);
        }
        let mut settled = Vec::new();
        for (case, done) in cases.iter().zip(waves.end()) {
            settled.push(self.settle(case, &done, now)?);
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

    /// AWS.
    fn ask(&mut self, call: &Call) -> Result<Reply, Died> {
        let failed = |code: &str| Reply::All(Answer::Failed(Failure::of("x:Call", code, "", None)));
        let mishap = self.mishap();
        match mishap {
            250.. => return Err(Died),
            220.. => return Ok(failed("ThrottlingException")),
            205.. => return Ok(failed("Unreachable")),
            _ if self.tells_nothing && matches!(call.question, Question::Describe(_)) => {
                return Ok(failed("AccessDenied"));
            }
            _ => {}
        }
        if let Question::History { window, wanted, .. } = &call.question {
            let shown = self
                .past
                .iter()
                .filter(|(at, _)| *at >= window.from && *at < window.until && *at + SHOWN_AFTER <= self.now);
            let records = shown.map(|(at, record)| (*at, Record::new(record.clone())));
            let mut found = records.filter(|(_, record)| history::is(wanted, record)).rev();
            if wanted.is_all() {
                let calls = found.map(|(at, record)| Past { time: Some(at), record }).collect();
                return Ok(Reply::All(Answer::Calls(calls)));
            }
            return Ok(Reply::All(Answer::Found(found.next().map(|(_, record)| Box::new(record)))));
        }
        assert!(call.targets.len() == 1 || is_ec2(&call.targets[0]), "{call:?} is for many");
        let ids: BTreeSet<&str> = call.targets.iter().map(|target| target.id.as_str()).collect();
        assert_eq!(ids.len(), call.targets.len(), "an id twice in {call:?}");
        let Question::Write(tags) = &call.question else { return Ok(self.read(call, mishap)) };
        let (_, value) = tags.iter().find(|(key, _)| key == "CreatedBy").unwrap();
        // One refuses all, and the error may name it.
        let refused = call.targets.iter().find_map(|target| Some((target, self.refusal(target)?)));
        if let Some((target, code)) = refused {
            if code == "InvalidReplicationGroupState" && arn_of(target).contains(":replicationgroup:") {
                self.wrong.push(format!("{}: tagging disturbs it while it is made", target.id));
            }
            let message = if mishap.is_multiple_of(2) {
                format!("'{}' is not to be had", target.id)
            } else {
                String::new()
            };
            return Ok(Reply::All(Answer::Failed(Failure::of("x:Call", code, message, None))));
        }
        for target in &call.targets {
            self.write(target, value);
        }
        // The answer got lost, or the function died with it.
        match mishap {
            190.. => Err(Died),
            180.. => Ok(failed("Unreachable")),
            _ => Ok(Reply::All(Answer::Written)),
        }
    }

    /// Why a write to this one is refused.
    fn refusal(&self, target: &Target) -> Option<&'static str> {
        let Some(life) = self.lives.get(&arn_of(target)).filter(|life| life.visible <= self.now) else {
            return Some(if is_ec2(target) { "InvalidID.NotFound" } else { "ResourceNotFoundException" });
        };
        if life.denied {
            return Some(if is_ec2(target) { "UnauthorizedOperation" } else { "AccessDeniedException" });
        }
        (life.ready > self.now).then_some("InvalidReplicationGroupState")
    }

    fn write(&mut self, target: &Target, value: &str) {
        let arn = arn_of(target);
        let Some(life) = self.lives.get_mut(&arn) else { return };
        if life.creator != value {
            self.wrong.push(format!("{arn}: {value} on what {} made", life.creator));
        }
        if let Some(there) = life.tag.as_ref().filter(|_| !self.overwrites) {
            self.wrong.push(format!("{arn}: {value} over {there}"));
        }
        life.tag = Some(value.to_owned());
    }

    /// What is asked about one, or about many of EC2's.
    fn read(&mut self, call: &Call, mishap: u8) -> Reply {
        let mut answers = HashMap::new();
        for target in &call.targets {
            let arn = arn_of(target);
            let life = self.lives.get(&arn).filter(|life| life.visible <= self.now);
            let answer = match (&call.question, life) {
                // It lists nothing for what it does not know.
                (Question::Tags(_), None) if is_ec2(target) => Answer::Tags(Vec::new()),
                (_, None) => Answer::Failed(Failure::of("x:Call", "ResourceNotFoundException", "", None)),
                (Question::Describe(_), Some(life)) => {
                    let status = if life.ready <= self.now { "available" } else { "creating" };
                    // Caches note the time when they are ready.
                    let created = if arn.contains(":replicationgroup:") { life.ready } else { life.born };
                    Answer::Described(Facts {
                        id: arn.contains(":role/").then(|| format!("AROA{}", life.event)),
                        created: (life.ready <= self.now || created == life.born).then_some(created),
                        status: Some(status.to_owned()),
                    })
                }
                (_, Some(life)) => Answer::Tags(
                    life.tag.iter().map(|value| ("CreatedBy".to_owned(), value.clone())).collect(),
                ),
            };
            answers.insert(target.id.clone(), answer);
        }
        // An answer that leaves one out.
        if answers.len() > 1 && mishap % 16 == 3 {
            answers.remove(&call.targets[0].id);
        }
        Reply::Each(answers)
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

fn is_ec2(target: &Target) -> bool {
    target.operation.name == "ec2:CreateTags"
}

/// The resource that a call is about.
fn arn_of(target: &Target) -> String {
    let name = target.id.rsplit(['/', ':']).next().unwrap_or_default();
    let kind = match target.operation.name.split(':').next().unwrap_or_default() {
        "sqs" => Kind::Queue,
        "iam" => Kind::Role,
        "elasticache" => Kind::Cache,
        "sns" => Kind::Topic,
        _ => Kind::Instances,
    };
    arn(kind, name)
}
