//! Drives cases through `tagger_core::waves` with the real AWS: sends what is due side by side, and hands back what
//! is answered, in whatever order it comes. What has ended is settled beside the rest.

use crate::{ask::ask, client::Client, outcome::Done, time};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{
    collections::VecDeque,
    future::{Future, ready},
    pin::Pin,
    time::{Duration, SystemTime},
};
use tagger_core::{
    Policy,
    case::Case,
    step::{Call, Question, Reply},
    waves::{Sight, Waves},
};

/// How many calls for one resource are under way at a time. Two calls of 100 ms each for one of them are some 160
/// resources a second; the limiter keeps each API below its own rate all the same.
const SIDE_BY_SIDE: usize = 32;
/// How many look-ups for other resources, and how many calls for many, beside those.
const LOOK_UPS: usize = 8;
/// How long a call for many waits for others that may join it.
const HOLD: Duration = Duration::from_millis(300);
/// How many cases are settled at a time: each may have to send a message.
const SETTLED_AT_ONCE: usize = 16;

/// A lane of calls, so that what is slow in one holds up nothing in another.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Call>,
    running: usize,
}

/// What has ended: a call, with its lane, or the settling of a case.
enum Ended<T> {
    Call(usize, u64, Reply),
    Settled(T),
}

/// Does what the cases plan, and says what became of each of their resources, in the order of the cases.
pub async fn run(client: &Client, policy: &Policy, cases: &[Case]) -> Vec<Vec<Done>> {
    let sight = Sight::default();
    let ended = settling(client, policy, &sight, cases, |place, done| ready((place, done))).await;
    let mut all = vec![Vec::new(); cases.len()];
    ended.into_iter().for_each(|(place, done)| all[place] = done);
    all
}

/// Does what the cases plan, and settles each as soon as all of its resources are done, by its place and what became of
/// them.
pub async fn settling<T, F: Future<Output = T>>(
    client: &Client,
    policy: &Policy,
    sight: &Sight,
    cases: &[Case],
    settle: impl Fn(usize, Vec<Done>) -> F,
) -> Vec<T> {
    let now = || time::since_1970(SystemTime::now());
    let mut waves = Waves::new(cases, policy, sight, now());
    let mut lanes: [Lane; 3] = Default::default();
    let mut running = FuturesUnordered::<Pin<Box<dyn Future<Output = Ended<T>> + '_>>>::new();
    let (mut unsettled, mut are_settled, mut settled) = (VecDeque::new(), 0, Vec::with_capacity(cases.len()));
    let mut all = false;
    loop {
        for call in waves.due(all) {
            lanes[lane(&call)].waiting.push_back(call);
        }
        all = false;
        for (place, lane) in lanes.iter_mut().enumerate() {
            let most = if place == 0 { SIDE_BY_SIDE } else { LOOK_UPS };
            while lane.running < most
                && let Some(call) = lane.waiting.pop_front()
            {
                lane.running += 1;
                running
                    .push(Box::pin(async move { Ended::Call(place, call.number, ask(client, &call).await) }));
            }
        }
        unsettled.extend(waves.ended());
        while are_settled < SETTLED_AT_ONCE
            && let Some((place, done)) = unsettled.pop_front()
        {
            are_settled += 1;
            let settling = settle(place, done);
            running.push(Box::pin(async { Ended::Settled(settling.await) }));
        }
        let next = running.next();
        let ended = if waves.is_holding() {
            match tokio::time::timeout(HOLD, next).await {
                Ok(ended) => ended,
                Err(_) => {
                    all = true;
                    continue;
                }
            }
        } else {
            next.await
        };
        match ended {
            Some(Ended::Call(place, number, reply)) => {
                lanes[place].running -= 1;
                waves.answer(number, reply, now());
            }
            Some(Ended::Settled(one)) => {
                are_settled -= 1;
                settled.push(one);
            }
            None if waves.is_holding() => all = true,
            None => return settled,
        }
    }
}

/// Which lane: of one resource's, of look-ups for others, of many resources'.
fn lane(call: &Call) -> usize {
    match call.question {
        Question::Stack | Question::History { .. } => 1,
        Question::Children(_) | Question::Launched(_) | Question::Look(_) => 2,
        _ if tagger_catalog::together(call.targets.first().map_or("", |one| one.operation.name))
            .is_some() =>
        {
            2
        }
        _ => 0,
    }
}
