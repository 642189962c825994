//! The model's AWS: what it answers to the executor's calls, and what goes wrong with them.

use super::{
    kinds::{Kind, arn},
    world::{Died, INSTANCES, Life, World},
};
use std::collections::{BTreeSet, HashMap};
use tagger_core::{
    Record, history,
    outcome::Failure,
    step::{Answer, Call, Facts, Past, Question, Reply, Shown, Target},
    window::SHOWN_AFTER,
};

impl World {
    /// AWS.
    pub(super) fn ask(&mut self, call: &Call) -> Result<Reply, Died> {
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
            let newest = found.next().map(|(at, record)| Box::new(Past { time: Some(at), record }));
            return Ok(Reply::All(Answer::Found(newest)));
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
        let Some(life) = self.visible(&arn_of(target)) else {
            return Some(if is_ec2(target) { "InvalidID.NotFound" } else { "ResourceNotFoundException" });
        };
        if life.denied > self.now {
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

    fn visible(&self, arn: &str) -> Option<&Life> {
        self.lives.get(arn).filter(|life| life.visible <= self.now)
    }

    /// What an instance shows of its children: it is pending until it shows its volume.
    fn shown(&self, instance: &str) -> Vec<Shown> {
        let id = instance.replacen("i-", "vol-", 1);
        let seen = self.visible(&arn(Kind::Instances, &id)).is_some();
        let ids = if seen { vec![id] } else { Vec::new() };
        let interfaces =
            Shown { resource_type: "AWS::EC2::NetworkInterface", ids: Vec::new(), more: false, alone: true };
        vec![Shown { resource_type: "AWS::EC2::Volume", ids, more: !seen, alone: true }, interfaces]
    }

    /// What is asked about one, or about many of EC2's.
    fn read(&mut self, call: &Call, mishap: u8) -> Reply {
        if let Question::Launched(_) = call.question {
            let event = call.targets[0].id.trim_start_matches("token-").to_owned();
            let instances = (0..INSTANCES).map(|index| format!("i-{event}-{index}"));
            let seen = instances.filter(|id| self.visible(&arn(Kind::Instances, id)).is_some());
            let shown = seen.map(|id| {
                let shown = self.shown(&id);
                (id, shown)
            });
            return Reply::All(Answer::Launched(shown.collect()));
        }
        let mut answers = HashMap::new();
        for target in &call.targets {
            let arn = arn_of(target);
            let life = self.visible(&arn);
            let answer = match (&call.question, life) {
                (Question::Children(_), Some(_)) => Answer::Children(self.shown(&target.id)),
                // It lists nothing for what it does not know.
                (Question::Tags(_), None) if is_ec2(target) => Answer::Tags(Vec::new()),
                (_, None) => Answer::Failed(Failure::of("x:Call", "ResourceNotFoundException", "", None)),
                (Question::Describe(_), Some(life)) => {
                    let status = if life.ready <= self.now { "available" } else { "creating" };
                    // Caches note the time when they are ready.
                    let created = if arn.contains(":replicationgroup:") { life.ready } else { life.dated };
                    Answer::Described(Facts {
                        id: arn.contains(":role/").then(|| format!("AROA{}", life.event)),
                        created: (life.ready <= self.now || created == life.dated).then_some(created),
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
        "s3" => Kind::Bucket,
        _ => Kind::Instances,
    };
    arn(kind, name)
}
