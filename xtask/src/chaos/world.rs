//! The resources and their tags: AWS's side of the tagging calls. What is written is judged at once, by who
//! made the resource; nothing here knows how the function decides.

use super::{
    answers::{self, Facts},
    calls::{Asked, Known, Role},
    children::{self, Parent},
    http::Answer,
    names, samples, stacks,
};
use tagger_catalog::{lifetime::Told, operation::Variant};

/// A place for resources of one name: what was deleted and made again has two generations.
pub struct Place {
    /// Its ARN.
    pub arn: String,
    /// Type.
    pub resource_type: &'static str,
    /// The operation that tags it.
    pub operation: &'static str,
    /// Most tags.
    pub most_tags: usize,
    /// Whether the operation takes something that does not stand in the ARN.
    pub given: bool,
    /// Whether a policy refuses to tag it.
    pub denied: bool,
    /// Whether only AWS may tag it, which it says when it is tried.
    pub not_ours: bool,
    /// The places of children that only a describing call shows.
    pub children: Vec<usize>,
    /// The place of the parent of such a child.
    pub parent: Option<usize>,
    /// The resources, one after another.
    pub generations: Vec<Generation>,
}

impl Place {
    /// A name as its service takes it in a tag's value: what it refuses stands as an underscore.
    pub fn fitted(&self, name: &str) -> String {
        let operation =
            tagger_catalog::operations().iter().find(|operation| operation.name == self.operation);
        let refused = operation.map_or("", |operation| operation.refused_in_values);
        name.replace(|char| refused.contains(char), "_")
    }
}

/// A resource.
pub struct Generation {
    /// Who made it.
    pub creator: String,
    /// The event that tells of it.
    pub event: usize,
    /// When it was made, in nanoseconds since 1970.
    pub created: u64,
    /// From when on its service finds it.
    pub visible: u64,
    /// From when on it can be tagged.
    pub ready: u64,
    /// Whether it is there no more.
    pub deleted: bool,
    /// When it was deleted, in nanoseconds since 1970.
    pub ended: u64,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// Those that it had from the beginning.
    pub first_tags: Vec<(String, String)>,
    /// The creator of what it was made from, while it has it in the place of its own: the call copied it.
    pub copied: Option<String>,
}

/// All of them, and what was found wrong with writes.
#[derive(Default)]
pub struct World {
    /// The places, by their marks.
    pub places: Vec<Place>,
    /// Sentences about writes of a wrong person.
    pub wrong: Vec<String>,
    /// Sentences about tags that were there and were changed or removed.
    pub overwritten: Vec<String>,
}

/// The key of the creator's tag.
pub const KEY: &str = "CreatedBy";

impl World {
    /// Carries out a call.
    pub fn perform(&mut self, asked: &Asked, now: u64) -> Answer {
        let of_role = |is: fn(&Role) -> bool| asked.known.iter().find(|known| is(&known.role));
        // Some calls show the tags beside what tells which resource it is.
        let both =
            (of_role(|role| matches!(role, Role::Describe(_))), of_role(|role| matches!(role, Role::Read)));
        if let (Some(describe), Some(read)) = both {
            let (described, tags) = (self.carry_out(describe, asked, now), self.carry_out(read, asked, now));
            return answers::merged(described, &tags);
        }
        match asked.known.first() {
            Some(known) => self.carry_out(known, asked, now),
            None if asked.name == "cloudformation:DescribeStacks" => {
                stacks::described(asked.ids.first().map_or("", String::as_str))
            }
            None => self.parents(asked, now),
        }
    }

    fn carry_out(&mut self, known: &Known, asked: &Asked, now: u64) -> Answer {
        match (known.operation.variant, known.role) {
            // Some buckets are where S3 Control's tagging is not to be had.
            (Variant::S3, _) if samples::marks(&asked.ids[0]).pop().is_some_and(|mark| mark % 2 == 0) => {
                answers::error(known, 405, "MethodNotAllowed", "not here")
            }
            (Variant::Ec2, Role::Read) => self.ec2_read(asked, now),
            (Variant::Ec2, _) => self.write(known, asked, now),
            (_, Role::Describe(told)) => self.describe(known, told, asked, now),
            (_, Role::Read) if asked.ids.len() > 1 => self.read_each(known, asked, now),
            (_, Role::Read) => match self.find(asked, &asked.ids[0], now) {
                Some(place) => self.read(known, place, &asked.ids[0]),
                // Its call lists, and a list of nothing is empty.
                None if known.operation.endpoint == "autoscaling" => answers::tags(known, &asked.ids[0], &[]),
                None => not_found(known, &asked.ids[0]),
            },
            (_, Role::Write) => self.write(known, asked, now),
        }
    }

    /// What tells which resources they are. Where one of those that are named is not there, the whole call is refused,
    /// unless it lists what has a name.
    fn describe(&self, known: &Known, told: &Told, asked: &Asked, now: u64) -> Answer {
        let lists = !told.name.is_empty() && asked.ids.len() == 1 || known.call.many && told.name.is_empty();
        let mut uniques = Vec::new();
        for id in &asked.ids {
            match self.find_described(id, now) {
                Some(place) => uniques.push((id, place, self.places[place].generations.len() - 1)),
                None if lists => {}
                None => return not_found(known, id),
            }
        }
        let uniques = uniques.into_iter().map(|(id, place, last)| {
            let made = &self.places[place].generations[last];
            let status =
                if made.ready > now { "creating" } else { told.ready.first().copied().unwrap_or("ACTIVE") };
            (id, format!("ID-{}-{last}", samples::mark(place)), made.created, status)
        });
        let uniques: Vec<_> = uniques.collect();
        let facts = uniques.iter().map(|(id, unique, created, status)| Facts {
            id,
            unique,
            created: *created,
            status,
        });
        answers::described(known, told, &facts.collect::<Vec<_>>())
    }

    fn read(&self, known: &Known, place: usize, id: &str) -> Answer {
        let tags = self.places[place].generations.last().map_or(&[][..], |last| &last.tags);
        if known.operation.variant == Variant::Replaces && tags.is_empty() {
            return answers::error(known, 404, "NoSuchTagSet", "The TagSet does not exist");
        }
        answers::tags(known, id, tags)
    }

    fn read_each(&self, known: &Known, asked: &Asked, now: u64) -> Answer {
        let mut found = Vec::new();
        for id in &asked.ids {
            let Some(place) = self.find(asked, id, now) else { return not_found(known, id) };
            let tags = self.places[place].generations.last().map_or(&[][..], |last| &last.tags);
            found.push((id.as_str(), tags));
        }
        answers::tags_of_each(known, &found)
    }

    /// Sets the tags of all that a call names, or of none.
    fn write(&mut self, known: &Known, asked: &Asked, now: u64) -> Answer {
        let mut places = Vec::new();
        for id in &asked.ids {
            let Some(place) = self.find(asked, id, now) else { return not_found(known, id) };
            if let Some(refused) = self.refusal(known, place, asked, now) {
                return refused;
            }
            places.push(place);
        }
        for place in places {
            self.set(place, &asked.tags, known.operation.variant == Variant::Replaces);
        }
        answers::written(known)
    }

    /// Why tags cannot be set.
    fn refusal(&self, known: &Known, place: usize, asked: &Asked, now: u64) -> Option<Answer> {
        let place = &self.places[place];
        let last = place.generations.last()?;
        if place.denied {
            let code = if known.operation.variant == Variant::Ec2 {
                "UnauthorizedOperation"
            } else {
                "AccessDeniedException"
            };
            let message = "not authorized to perform this with an explicit deny in a service control policy";
            return Some(answers::error(known, 403, code, message));
        }
        if place.not_ours {
            let message = "Cannot perform the operation on this: it is only modifiable by AWS";
            return Some(answers::error(known, 400, "UnmodifiableEntity", message));
        }
        if last.ready > now {
            let code = match known.operation.endpoint {
                "ec2" => "IncorrectState",
                "rds" | "redshift" | "elasticache" => "InvalidClusterState",
                _ => "ResourceInUseException",
            };
            return Some(answers::error(known, 400, code, "it is being made"));
        }
        let new =
            asked.tags.iter().filter(|(key, _)| last.tags.iter().all(|(known, _)| known != key)).count();
        let is_full = last.tags.len() + new > place.most_tags && known.operation.variant != Variant::Replaces;
        is_full.then(|| answers::error(known, 400, "TagLimitExceeded", "too many tags"))
    }

    fn set(&mut self, number: usize, tags: &[(String, String)], replaces: bool) {
        let place = &self.places[number];
        let Some(expected) = place.generations.last().map(|last| place.fitted(&last.creator)) else { return };
        let Place { arn, generations, .. } = &mut self.places[number];
        let Some(last) = generations.last_mut() else { return };
        if replaces {
            let lost = last.tags.iter().filter(|tag| !tags.contains(tag));
            self.overwritten.extend(lost.map(|(key, value)| format!("{arn}: {key}={value} was removed")));
            last.tags.retain(|(key, _)| tags.iter().any(|(known, _)| known == key));
        }
        for (key, value) in tags {
            match last.tags.iter_mut().find(|(known, _)| known == key) {
                Some((_, there)) if there == value => {}
                // What the call copied from another is nobody's word about this one.
                Some((_, there))
                    if key == KEY && *value == expected && last.copied.as_ref() == Some(there) =>
                {
                    value.clone_into(there);
                    last.copied = None;
                }
                Some((_, there)) => {
                    self.overwritten.push(format!("{arn}: {key}={there} became {value}"));
                    value.clone_into(there);
                }
                None => last.tags.push((key.clone(), value.clone())),
            }
            if key == KEY && *value != expected && !last.first_tags.contains(&(key.clone(), value.clone())) {
                self.wrong.push(format!("{arn}: {key}={value} was written, and {} made it", last.creator));
            }
        }
    }

    /// The resource that a call names, by the operation's own kind of name and in its own region.
    fn find(&self, asked: &Asked, id: &str, now: u64) -> Option<usize> {
        let number = samples::marks(id).pop()?;
        let place = self.places.get(number)?;
        let fits = |known: &Known| {
            let operation = known.operation;
            let named = match operation.takes {
                _ if place.given => true,
                _ if operation.variant == Variant::Replaces => names::end(&place.arn) == id,
                takes => names::is_identifier(&place.arn, takes, id),
            };
            let same = operation.name == place.operation
                || operation.variant == Variant::Replaces && place.operation == "s3:TagResource";
            // Operations of two versions of a service can share a reading call.
            named && (same || matches!(known.role, Role::Read))
        };
        let region = names::part(&place.arn, 3);
        // A service of one endpoint is signed for that one's region.
        let is_global = asked.known.iter().any(|known| !known.operation.global.is_empty());
        let in_region = region.is_empty() || region == asked.region || is_global;
        let there = place.generations.last().is_some_and(|last| !last.deleted && last.visible <= now);
        (there && in_region && asked.known.iter().any(fits)).then_some(number)
    }

    fn find_described(&self, id: &str, now: u64) -> Option<usize> {
        let number = samples::marks(id).pop()?;
        let last = self.places.get(number)?.generations.last()?;
        (!last.deleted && last.visible <= now).then_some(number)
    }

    fn ec2_read(&self, asked: &Asked, now: u64) -> Answer {
        let keys: Vec<_> = asked
            .form
            .iter()
            .filter(|(name, _)| name.starts_with("Filter.2.Value"))
            .map(|(_, key)| key)
            .collect();
        let mut found = Vec::new();
        for id in &asked.ids {
            let last = self.find(asked, id, now).and_then(|place| self.places[place].generations.last());
            let tags = last
                .into_iter()
                .flat_map(|last| &last.tags)
                .filter(|(key, _)| keys.is_empty() || keys.contains(&key));
            found.extend(tags.map(|(key, value)| (id.clone(), key.clone(), value.clone())));
        }
        answers::ec2_tags(&found)
    }

    /// Those that are visible, with their tags, by a filter: what is not is left out.
    fn looks(&self, asked: &Asked, now: u64) -> Answer {
        let shown = asked.ids.iter().filter_map(|id| {
            let place = &self.places[self.find_described(id, now)?];
            let own = names::end(&place.arn) == id;
            own.then(|| (id.clone(), place.generations.last().map_or(&[][..], |last| &last.tags)))
        });
        answers::looks(asked.name.rsplit(':').next().unwrap_or_default(), &shown.collect::<Vec<_>>())
    }

    /// Children of what is asked about, or what is visible.
    fn parents(&self, asked: &Asked, now: u64) -> Answer {
        let finder = children::of_action(asked.name.rsplit(':').next().unwrap_or_default());
        let filter = asked.form.iter().find(|(name, _)| name == "Filter.1.Name").map(|(_, value)| value);
        let by_filter = finder.filter(|finder| finder.call.id == "Filter.1.Value");
        let Some(finder) = finder.filter(|_| filter.is_none() || by_filter.is_some()) else {
            return self.looks(asked, now);
        };
        let mut found = Vec::new();
        for id in &asked.ids {
            let Some(place) = self.find_described(id, now).map(|number| &self.places[number]) else {
                // A filter leaves out what is not there.
                if by_filter.is_some() {
                    continue;
                }
                let body = format!(
                    "<Response><Errors><Error><Code>InvalidID.NotFound</Code><Message>{id}</Message></Error></Errors></Response>"
                );
                return Answer::new(400, "text/xml", body);
            };
            let child = |number: &usize| {
                let child = &self.places[*number];
                let shown = child.generations.last().is_some_and(|last| last.visible <= now);
                shown.then(|| (child.resource_type, names::end(&child.arn).to_owned()))
            };
            let children: Vec<_> = place.children.iter().filter_map(child).collect();
            let pending = children.len() < place.children.len();
            found.push(Parent { id: id.clone(), pending, children });
        }
        children::answer(finder, &found)
    }
}

fn not_found(known: &Known, id: &str) -> Answer {
    let message = format!("{id} not found");
    let (status, code) = match known.operation.endpoint {
        "ec2" => (400, "InvalidInstanceID.NotFound"),
        "iam" => (404, "NoSuchEntity"),
        "s3" | "s3-control" => (404, "NoSuchBucket"),
        "sqs" => (400, "QueueDoesNotExist"),
        "autoscaling" => (400, "ValidationError"),
        "rds" => (404, "DBInstanceNotFound"),
        "sns" => (404, "NotFound"),
        "organizations" => (400, "TargetNotFoundException"),
        "route53" => (404, "NoSuchHostedZone"),
        "ssm" => (400, "InvalidResourceId"),
        "ds" => (400, "EntityDoesNotExistException"),
        _ => (400, "ResourceNotFoundException"),
    };
    answers::error(known, status, code, &message)
}
