//! What an API reads and tags for many resources in one call, as `catalog/quotas.toml` says; EC2 is in `ec2`.
//!
//! Each resource has its own attempt, which decides as it does alone; here its questions are asked together. What
//! the answer does not name, and every resource of a call that failed by itself, is then tried alone, so that one
//! bad ARN does not spoil the others and nothing unread is taken for empty.

use crate::{
    apply::{Job, tag_one, unreadable, written},
    client::Client,
    join::join_some,
    outcome::{Class, Failure, Outcome},
    tags::{self, Tags},
    wire::Ask,
};
use std::{collections::HashMap, time::Instant};
use tagger_catalog::quota::Together;
use tagger_core::{
    attempt::{Answer, Attempt, Step},
    resources::Resource,
};

/// How many of those that are tried alone are tried at a time.
const SIDE_BY_SIDE: usize = 8;

/// A resource, and the job that it is of.
pub(crate) type Member<'a> = (Job<'a>, &'a Resource);

/// Resources that lack the same tags.
struct Write<'a> {
    tags: Vec<(&'a str, &'a str)>,
    /// Places in the group, each with what its attempt asked.
    places: Vec<(usize, Step<'a>)>,
}

/// Tags resources of one operation and region; the outcomes are in their order.
pub(crate) async fn tag(client: &Client, how: &Together, members: &[Member<'_>]) -> Vec<Outcome> {
    let begun = Instant::now();
    let attempts: Vec<Attempt> = members.iter().map(attempt).collect();
    let mut outcomes: Vec<Option<Outcome>> = members.iter().map(|_| None).collect();
    let of_read: Vec<usize> =
        (0..members.len()).filter(|place| matches!(attempts[*place].start(), Step::Read)).collect();
    let mut writes: Vec<Write> = Vec::new();
    match read(client, how, members, &of_read).await {
        Err(failure) if waits(&failure) => {
            of_read.iter().for_each(|place| outcomes[*place] = Some(Outcome::Failed(failure.clone())));
        }
        Err(_) => {}
        Ok(mut found) => {
            for place in of_read {
                let Some(tags) = found.remove(members[place].1.id.as_str()) else { continue };
                match attempts[place].next(&Step::Read, Answer::Tags(tags)) {
                    Step::End(outcome) => outcomes[place] = Some(outcome),
                    Step::Write(tags) => match writes.iter_mut().find(|write| write.tags == tags) {
                        Some(write) => write.places.push((place, Step::Write(tags))),
                        None => {
                            writes
                                .push(Write { tags: tags.clone(), places: vec![(place, Step::Write(tags))] });
                        }
                    },
                    Step::Describe(_) | Step::Read => {}
                }
            }
        }
    }
    for Write { tags, places } in writes {
        let of_write: Vec<usize> = places.iter().map(|(place, _)| *place).collect();
        let answer = match write(client, members, &of_write, &tags).await {
            Err(failure) if !waits(&failure) => continue,
            Err(failure) => Err(failure),
            Ok(()) => Ok(()),
        };
        for (place, step) in places {
            let answer = answer.clone().map_or_else(Answer::Failed, |()| Answer::Written);
            if let Step::End(outcome) = attempts[place].next(&step, answer) {
                outcomes[place] = Some(outcome);
            }
        }
    }
    let alone: Vec<usize> = (0..members.len()).filter(|place| outcomes[*place].is_none()).collect();
    let one = async |place: &usize| {
        let (job, resource) = &members[*place];
        // An older event is tried with more care.
        let job = Job { age: job.age.after(begun.elapsed().as_secs()), ..*job };
        tag_one(client, &job, resource).await
    };
    let tried = join_some(SIDE_BY_SIDE, alone.iter().map(one)).await;
    for (place, outcome) in alone.into_iter().zip(tried) {
        outcomes[place] = Some(outcome);
    }
    outcomes.into_iter().flatten().collect()
}

fn attempt<'a>((job, resource): &Member<'a>) -> Attempt<'a> {
    let Job { plan, record, event_time, age, guard } = *job;
    Attempt { plan, record, resource, event_time, age, guard }
}

/// Whether a failure is of the way and not of one of the resources: another call would fail as well.
fn waits(failure: &Failure) -> bool {
    failure.class == Class::Throttled || failure.passes
}

/// Every tag of those that the answer names, by the identifier of each.
async fn read(
    client: &Client,
    how: &Together,
    members: &[Member<'_>],
    places: &[usize],
) -> Result<HashMap<String, Tags>, Failure> {
    let ids: Vec<&str> = places.iter().map(|place| members[*place].1.id.as_str()).collect();
    let Some((_, first)) = places.first().map(|place| &members[*place]) else { return Ok(HashMap::new()) };
    let operation = first.entry.operation;
    let Some(call) = operation.read.as_ref() else { return Ok(HashMap::new()) };
    let ask = Ask { ids: &ids, tags: &[], with: first.entry.with, account: &first.account };
    let answer = client.call(operation, call, &first.region, ask).await?;
    tags::of_each(&answer, operation, call, how.names).map_err(|message| unreadable(operation, message))
}

async fn write(
    client: &Client,
    members: &[Member<'_>],
    places: &[usize],
    tags: &[(&str, &str)],
) -> Result<(), Failure> {
    let ids: Vec<&str> = places.iter().map(|place| members[*place].1.id.as_str()).collect();
    let Some((_, first)) = places.first().map(|place| &members[*place]) else { return Ok(()) };
    let operation = first.entry.operation;
    let ask = Ask { ids: &ids, tags, with: first.entry.with, account: &first.account };
    let answer = client.call(operation, &operation.write, &first.region, ask).await?;
    written(operation, &answer)
}
