//! Step 5, apply: do what plans say, and say what became of each resource.
//!
//! What to ask and what to write is decided by `tagger_core::attempt`: it reads before it writes (unless
//! the policy overwrites), writes only what is missing, and writes nothing where it could not read. This
//! file asks. It must not decide who or what, and it never waits for another event.

use crate::{
    children,
    client::Client,
    ec2, inherit,
    join::{both, join_some},
    lifetime,
    outcome::{self, Class, Done, Failure, Outcome},
    s3,
    tags::{self, Tags},
    together,
    wire::Ask,
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    time::Instant,
};
use tagger_catalog::{
    lifetime::Told,
    operation::{Call, Operation, Variant},
    quota::Together,
};
use tagger_core::{
    Plan, Record,
    attempt::{Answer, Attempt, Facts, Guard, Step},
    given::given,
    patience::Age,
    resources::Resource,
    value,
};

/// Most ids in one call of CreateTags:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
const MOST_IDS: usize = 1000;

/// How many resources are worked on at a time, beside those of EC2. Two calls of 100 ms each for one of them are
/// some 160 resources a second; the limiter keeps each API below its own rate all the same.
const SIDE_BY_SIDE: usize = 32;

/// What to do about one record.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The plan.
    pub plan: &'a Plan,
    /// The record that it is of.
    pub record: &'a Record,
    /// When the call was made, in seconds since 1970, where the record says it.
    pub event_time: Option<u64>,
    /// How old that is.
    pub age: Age,
    /// How careful to be about names that can be given again.
    pub guard: Guard,
}

/// A resource, the job that it is of, and the parent from which it was looked up.
struct Wanted {
    job: usize,
    resource: Resource,
    parent: Option<String>,
}

/// Executes plans together, so that what AWS takes in one call goes in one call. The outcomes are in the
/// order of the jobs.
pub async fn apply(client: &Client, jobs: &[Job<'_>]) -> Vec<Vec<Done>> {
    let mut asked = inherit::ask(client, jobs).await;
    let mut done: Vec<Vec<Done>> = asked.iter_mut().map(|asked| std::mem::take(&mut asked.done)).collect();
    let resolved: Vec<Job> = jobs
        .iter()
        .zip(&asked)
        .map(|(job, asked)| Job { plan: asked.plan.as_ref().unwrap_or(job.plan), ..*job })
        .collect();
    let applied = apply_all(client, &resolved).await;
    for ((done, applied), asked) in done.iter_mut().zip(applied).zip(&asked) {
        done.extend(applied.into_iter().map(|one| Done { inherited: asked.inherited.clone(), ..one }));
    }
    done
}

async fn apply_all(client: &Client, jobs: &[Job<'_>]) -> Vec<Vec<Done>> {
    let mut done: Vec<Vec<Done>> = jobs.iter().map(|_| Vec::new()).collect();
    let mut wanted: Vec<Wanted> = Vec::new();
    let searches = jobs.iter().map(|job| job.plan.children.as_slice());
    for (job, (found, failed)) in children::find_all(client, searches).await.into_iter().enumerate() {
        let first = wanted.len();
        let of_record = jobs[job].plan.actions.iter().cloned();
        wanted.extend(of_record.map(|resource| Wanted { job, resource, parent: None }));
        for (parent, resource) in found {
            // A child may stand in the record as well.
            if wanted[first..].iter().all(|known| known.resource.arn != resource.arn) {
                wanted.push(Wanted { job, resource, parent: Some(parent) });
            }
        }
        done[job].extend(failed);
    }
    let mut outcomes: Vec<Option<Outcome>> = wanted.iter().map(|_| None).collect();
    let is_ec2 = |place: &usize| wanted[*place].resource.entry.operation.variant == Variant::Ec2;
    let (ec2, others): (Vec<_>, Vec<_>) = (0..wanted.len()).partition(is_ec2);
    // One after another what is of one resource, which is never tried twice at the same time.
    let mut of_arn: HashMap<&str, usize> = HashMap::new();
    let mut queues: Vec<Vec<usize>> = Vec::new();
    for place in others {
        let queue = *of_arn.entry(&wanted[place].resource.arn).or_insert(queues.len());
        match queues.get_mut(queue) {
            Some(queue) => queue.push(place),
            None => queues.push(vec![place]),
        }
    }
    let shared = in_one_call(jobs, &wanted, &mut queues);
    let begun = Instant::now();
    let one_by_one = async |queue: Vec<usize>| {
        let mut outcomes = Vec::with_capacity(queue.len());
        for place in queue {
            let Wanted { job, resource, .. } = &wanted[place];
            // It may have had to wait for others, and an older event is tried with more care.
            let job = Job { age: jobs[*job].age.after(begun.elapsed().as_secs()), ..jobs[*job] };
            outcomes.push((place, tag_one(client, &job, resource).await));
        }
        outcomes
    };
    let of_ec2 = async {
        let mut outcomes = Vec::with_capacity(ec2.len());
        for group in groups(jobs, &wanted, &ec2) {
            outcomes.extend(tag_group(client, jobs, &wanted, &group).await);
        }
        outcomes
    };
    let in_one = async |(how, places): (&Together, Vec<usize>)| {
        let member = |place: &usize| (jobs[wanted[*place].job], &wanted[*place].resource);
        let members: Vec<_> = places.iter().map(member).collect();
        let outcomes = together::tag(client, how, &members).await;
        places.into_iter().zip(outcomes).collect::<Vec<_>>()
    };
    let others = both(
        join_some(SIDE_BY_SIDE, shared.into_iter().map(in_one)),
        join_some(SIDE_BY_SIDE, queues.into_iter().map(one_by_one)),
    );
    let (of_ec2, (of_shared, of_others)) = both(of_ec2, others).await;
    let of_others = of_shared.into_iter().chain(of_others).flatten();
    for (place, outcome) in of_ec2.into_iter().chain(of_others) {
        outcomes[place] = Some(outcome);
    }
    for (one, outcome) in wanted.iter().zip(outcomes) {
        done[one.job].extend(outcome.map(|outcome| of(one, outcome)));
    }
    done
}

/// Takes out of the queues what an API other than EC2's takes in one call: resources of one operation and region that get
/// the same tags, each of them once in the batch.
fn in_one_call(
    jobs: &[Job<'_>],
    wanted: &[Wanted],
    queues: &mut Vec<Vec<usize>>,
) -> Vec<(&'static Together, Vec<usize>)> {
    let mut groups: Vec<(&'static Together, Vec<usize>)> = Vec::new();
    let alike = |a: &Wanted, b: &Wanted| {
        let (one, other) = (jobs[a.job].plan, jobs[b.job].plan);
        let same_call = a.resource.entry.operation.name == b.resource.entry.operation.name
            && a.resource.entry.with == b.resource.entry.with;
        same_call
            && a.resource.region == b.resource.region
            && one.tags == other.tags
            && one.existing == other.existing
    };
    for queue in queues.iter().filter(|queue| queue.len() == 1) {
        let Some(how) = tagger_catalog::together(wanted[queue[0]].resource.entry.operation.name) else {
            continue;
        };
        let fits = |(_, places): &&mut (&Together, Vec<usize>)| {
            places.len() < how.most && alike(&wanted[places[0]], &wanted[queue[0]])
        };
        match groups.iter_mut().find(fits) {
            Some((_, places)) => places.push(queue[0]),
            None => groups.push((how, vec![queue[0]])),
        }
    }
    // One alone needs nobody else.
    groups.retain(|(_, places)| places.len() > 1);
    let taken: HashSet<usize> = groups.iter().flat_map(|(_, places)| places).copied().collect();
    queues.retain(|queue| !taken.contains(&queue[0]));
    groups
}

/// Tags a group of EC2's resources; each outcome with its place.
async fn tag_group(
    client: &Client,
    jobs: &[Job<'_>],
    wanted: &[Wanted],
    group: &[usize],
) -> Vec<(usize, Outcome)> {
    let Some(first) = group.first().map(|place| &wanted[*place]) else { return Vec::new() };
    let member = |place: &usize| {
        let Wanted { job, resource, .. } = &wanted[*place];
        ec2::Member { resource, given: given(jobs[*job].record, resource) }
    };
    let members: Vec<ec2::Member> = group.iter().map(member).collect();
    let outcomes = ec2::tag(client, jobs[first.job].plan, &first.resource.region, &members).await;
    group.iter().copied().zip(outcomes).collect()
}

/// All that EC2 takes in one call: resources of one region that get the same tags, each once. What comes
/// twice goes into the next call, which reads what the first one wrote.
fn groups(jobs: &[Job<'_>], wanted: &[Wanted], places: &[usize]) -> Vec<Vec<usize>> {
    /// A group, with the ids that are in it.
    struct Group<'a> {
        places: Vec<usize>,
        ids: HashSet<&'a str>,
    }
    let mut groups: Vec<Group> = Vec::new();
    let alike = |a: &Wanted, b: &Wanted| {
        let (one, other) = (jobs[a.job].plan, jobs[b.job].plan);
        a.resource.region == b.resource.region && one.tags == other.tags && one.existing == other.existing
    };
    for place in places {
        let one = &wanted[*place];
        let fits = |group: &&mut Group| {
            group.places.len() < MOST_IDS
                && group.places.first().is_some_and(|first| alike(&wanted[*first], one))
                && !group.ids.contains(one.resource.id.as_str())
        };
        match groups.iter_mut().find(fits) {
            Some(group) => {
                group.places.push(*place);
                group.ids.insert(&one.resource.id);
            }
            None => {
                groups.push(Group { places: vec![*place], ids: HashSet::from([one.resource.id.as_str()]) })
            }
        }
    }
    groups.into_iter().map(|group| group.places).collect()
}

fn of(wanted: &Wanted, outcome: Outcome) -> Done {
    let Wanted { resource, parent, .. } = wanted;
    let operation = resource.entry.operation.name;
    let (resource_type, arn) = (resource.entry.resource_type, resource.arn.clone());
    Done { resource_type, arn, operation, parent: parent.clone(), inherited: None, outcome }
}

/// Asks what an attempt wants to know, until it ends.
pub(crate) async fn tag_one(client: &Client, job: &Job<'_>, resource: &Resource) -> Outcome {
    let Job { plan, record, event_time, age, guard } = *job;
    let attempt = Attempt { plan, record, resource, event_time, age, guard };
    let mut step = attempt.start();
    loop {
        let answer = match &step {
            Step::End(_) => break,
            Step::Describe(told) => describe(client, told, resource, record).await.map(Answer::Described),
            Step::Read => tags_of(client, resource).await.map(Answer::Tags),
            Step::Write(tags) => write(client, resource, tags).await.map(|()| Answer::Written),
        };
        step = attempt.next(&step, answer.unwrap_or_else(Answer::Failed));
    }
    match step {
        Step::End(outcome) => outcome,
        // The loop ends with an end.
        _ => unreachable!("an attempt that has not ended"),
    }
}

/// Asks a service which resource it is, and whether it is ready.
async fn describe(
    client: &Client,
    told: &'static Told,
    resource: &Resource,
    record: &Record,
) -> Result<Facts, Failure> {
    let operation = resource.entry.operation;
    // What the call wants is not known, so it tells nothing.
    let Some(name) = resource.identifier(told, record) else { return Ok(Facts::default()) };
    let name = name.as_ref();
    let ask = Ask { ids: &[name], tags: &[], with: &[], account: &resource.account };
    let answer = client.call(operation, &told.describe, &resource.region, ask).await?;
    lifetime::facts(told, &answer, name).ok_or_else(|| {
        let service = operation.name.split(':').next().unwrap_or_default();
        let call = format!("{service}:{}", told.describe.operation);
        Failure::ours(Class::NotFound, &call, "NotInAnswer", format!("{name} is not in the answer"))
    })
}

pub(crate) async fn write(
    client: &Client,
    resource: &Resource,
    tags: &[(&str, &str)],
) -> Result<(), Failure> {
    let operation = resource.entry.operation;
    if operation.variant == Variant::S3 {
        return s3::write(client, resource, tags).await;
    }
    // EC2, S3 and what is tagged together refuse nothing of it; codegen holds that.
    let fitted = value::tags_for(operation, tags.iter().copied());
    let tags: Vec<(&str, &str)> = fitted.iter().map(|(key, value)| (*key, value.as_ref())).collect();
    let ask =
        Ask { ids: &[&resource.id], tags: &tags, with: resource.entry.with, account: &resource.account };
    let answer = client.call(operation, &operation.write, &resource.region, ask).await?;
    written(operation, &answer)?;
    refuse_failures_inside(operation, &answer)
}

/// Every tag of a resource, a bucket too.
///
/// # Errors
/// What AWS answered.
pub async fn tags_of(client: &Client, resource: &Resource) -> Result<Tags, Failure> {
    match resource.entry.operation.variant {
        Variant::S3 => s3::read(client, resource).await,
        _ => read(client, resource).await,
    }
}

/// A proxy's page with HTTP 200 has written nothing.
pub(crate) fn written(operation: &Operation, answer: &Value) -> Result<(), Failure> {
    let call = &operation.write;
    tags::is_own(answer, operation, call)
        .map_err(|message| Failure::ours(Class::Failed, operation.name, outcome::UNREADABLE, message))
}

/// Every tag of a resource.
pub(crate) async fn read(client: &Client, resource: &Resource) -> Result<Tags, Failure> {
    let operation = resource.entry.operation;
    let call = operation.read.as_ref().ok_or_else(|| no_read(operation))?;
    let at = Place { id: &resource.id, region: &resource.region, account: &resource.account };
    read_with(client, operation, call, at, resource.entry.with).await
}

/// What is read, and where.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub id: &'a str,
    pub region: &'a str,
    pub account: &'a str,
}

/// Every tag that a call shows, page by page.
pub(crate) async fn read_with(
    client: &Client,
    operation: &Operation,
    call: &Call,
    at: Place<'_>,
    fixed: &[(&str, &str)],
) -> Result<Tags, Failure> {
    let mut tags = Tags::new();
    let mut page: Option<(&'static str, String)> = None;
    loop {
        let mut with = fixed.to_vec();
        let token = page.clone();
        with.extend(token.as_ref().map(|(name, token)| (*name, token.as_str())));
        let ask = Ask { ids: &[at.id], tags: &[], with: &with, account: at.account };
        let answer = client.call(operation, call, at.region, ask).await?;
        tags.extend(tags::read(&answer, operation, call).map_err(|message| unreadable(operation, message))?);
        match tags::next_page(&answer).map_err(|message| unreadable(operation, message))? {
            None => return Ok(tags),
            // A service that does not know the member gives the same page again.
            next if next == page => {
                return Err(unreadable(operation, "the next page is the same as the last".to_owned()));
            }
            next => page = next,
        }
    }
}

/// Tags that cannot be read cannot be kept.
pub(crate) fn no_read(operation: &Operation) -> Failure {
    let message = "the catalog knows no way to read these tags, so they are not written";
    Failure::ours(Class::Unsupported, operation.name, "NoRead", message)
}

/// An answer that is not of the operation's form.
pub(crate) fn unreadable(operation: &Operation, message: String) -> Failure {
    let call = operation.read.as_ref().map_or(operation.name, |read| read.operation);
    Failure::ours(Class::Failed, call, outcome::UNREADABLE, message)
}

/// Some services answer HTTP 200 and name what failed inside.
fn refuse_failures_inside(operation: &Operation, answer: &Value) -> Result<(), Failure> {
    for name in ["FailedResourcesMap", "failedResources", "FailedResources", "UnprocessedTags", "errors"] {
        let inside = &answer[name];
        let first = match inside {
            Value::Object(map) => map.values().next(),
            Value::Array(list) => list.first(),
            _ => None,
        };
        if let Some(first) = first {
            let code =
                ["ErrorCode", "errorCode", "Code", "code"].iter().find_map(|member| first[*member].as_str());
            let code = code.unwrap_or(name);
            return Err(Failure::of(operation.name, code, inside.to_string(), None));
        }
    }
    Ok(())
}
