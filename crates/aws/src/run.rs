//! Drives cases through `tagger_core::waves` with the real AWS: sends what is due side by side, and hands back what
//! is answered, in whatever order it comes.

use crate::{ask::ask, client::Client, outcome::Done, time};
use futures_util::{StreamExt, stream::FuturesUnordered};
use std::{
    collections::VecDeque,
    time::{Duration, SystemTime},
};
use tagger_core::{
    Policy,
    case::Case,
    step::{Call, Question},
    waves::Waves,
};

/// How many calls for one resource are under way at a time. Two calls of 100 ms each for one of them are some 160
/// resources a second; the limiter keeps each API below its own rate all the same.
const SIDE_BY_SIDE: usize = 32;
/// How many look-ups for other resources, and how many calls for many, beside those.
const LOOK_UPS: usize = 8;
/// How long a call for many waits for others that may join it.
const HOLD: Duration = Duration::from_millis(300);

/// A lane of calls, so that what is slow in one holds up nothing in another.
#[derive(Default)]
struct Lane {
    waiting: VecDeque<Call>,
    running: usize,
}

/// Does what the cases plan, and says what became of each of their resources, in the order of the cases.
pub async fn run(client: &Client, policy: &Policy, cases: &[Case]) -> Vec<Vec<Done>> {
    let now = || time::since_1970(SystemTime::now());
    let mut waves = Waves::new(cases, policy, now());
    let mut lanes: [Lane; 3] = Default::default();
    let mut running = FuturesUnordered::new();
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
                running.push(Box::pin(async move {
                    let reply = ask(client, &call).await;
                    (place, call.number, reply)
                }));
            }
        }
        let next = async { running.next().await };
        let answered = if waves.is_holding() {
            match tokio::time::timeout(HOLD, next).await {
                Ok(answered) => answered,
                Err(_) => {
                    all = true;
                    continue;
                }
            }
        } else {
            next.await
        };
        match answered {
            Some((place, number, reply)) => {
                lanes[place].running -= 1;
                waves.answer(number, reply, now());
            }
            None if waves.is_holding() => all = true,
            None => return waves.end(),
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
