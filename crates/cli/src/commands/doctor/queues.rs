//! What was given up, what could not be delivered, and what waits. Nothing is received from any queue: that would
//! hide it from whoever reads it, so the reasons are taken from the function's log.

use super::{
    report::{Check, Verdict, counted},
    stack::Site,
};
use futures_util::future::join_all;
use tagger_aws::account::{Account, Trouble, queues::Depth};

/// The queues of the templates.
const DEAD_LETTERS: &str = "auto-resource-tagger-dead-letters";
const UNDELIVERED: &str = "auto-resource-tagger-undelivered";
const RETRY: &str = "auto-resource-tagger-retry";
const EVENTS: &str = "auto-resource-tagger-events";
/// Where the documents say how to read and send again.
const LETTERS: &str =
    "`tagger redrive` shows them and moves back what you name (docs/operations.md#dead-letters)";

/// How many events may wait before it is worth a word; a batch has as many at most.
const MANY: u64 = 1_000;

/// How much lies in one queue; none where there is no such queue.
pub type Asked = Result<Option<Depth>, Trouble>;

/// What lies in all queues of a deployment.
#[derive(Debug)]
pub struct Lying {
    /// What was given up.
    pub dead_letters: Asked,
    /// What rules could not deliver, by region, the home region first.
    pub undelivered: Vec<(String, Asked)>,
    /// What is tried again.
    pub retry: Asked,
    /// What rules deliver into, with `Delivery=queue`.
    pub events: Option<Asked>,
}

/// Looks into all of them at once.
pub async fn look(account: &Account, site: &Site) -> Lying {
    let home = account.queues(&site.home);
    let covered = site.covered();
    let undelivered =
        join_all(covered.iter().map(async |region| account.queues(region).depth(UNDELIVERED).await)).await;
    Lying {
        dead_letters: home.depth(DEAD_LETTERS).await,
        undelivered: covered.into_iter().zip(undelivered).collect(),
        retry: home.depth(RETRY).await,
        events: if site.is_queued() { Some(home.depth(EVENTS).await) } else { None },
    }
}

/// What lies in them says.
pub fn judge(lying: &Lying, site: &Site) -> Vec<Check> {
    // What was made without the stack has no queues.
    if site.stack.is_none() {
        return Vec::new();
    }
    let mut checks =
        vec![of(&lying.dead_letters, "dead-letters", DEAD_LETTERS, |depth| match total(depth) {
            0 => Check::ok("dead-letters", "no dead letters (they are kept for 14 days)"),
            number => {
                let message = format!("{}: these resources were given up", counted(number, "dead letter"));
                Check::new("dead-letters", Verdict::Bad, message).fix(LETTERS).detail("deadLetters", number)
            }
        })];
    for (region, depth) in &lying.undelivered {
        let check = of(depth, "undelivered", UNDELIVERED, |depth| match total(depth) {
            0 => Check::ok("undelivered", "no undelivered events (they are kept for 14 days)"),
            number => {
                let message = format!("{} could not be delivered", counted(number, "event"));
                Check::new("undelivered", Verdict::Bad, message).fix(LETTERS).detail("undelivered", number)
            }
        });
        // One line for all regions without any.
        if check.verdict != Verdict::Ok || *region == site.home {
            checks.push(check.at(region));
        }
    }
    checks.push(of(&lying.retry, "retries", RETRY, |depth| {
        let message = format!(
            "{} to be tried again, {} in work",
            counted(whole(depth.waiting), "event"),
            depth.in_flight
        );
        if depth.waiting > MANY {
            Check::new("retries", Verdict::Warn, message)
                .fix("docs/operations.md#auto-resource-tagger-oldest-retry")
        } else {
            Check::ok("retries", message)
        }
    }));
    checks.extend(lying.events.as_ref().map(|events| {
        of(events, "events-queue", EVENTS, |depth| {
            let message = format!(
                "{} wait for the function, {} in work",
                counted(whole(depth.waiting), "event"),
                depth.in_flight
            );
            if depth.waiting > MANY {
                Check::new("events-queue", Verdict::Warn, message)
                    .fix("docs/operations.md#auto-resource-tagger-oldest-event")
            } else {
                Check::ok("events-queue", message)
            }
        })
    }));
    checks
}

fn of(asked: &Asked, name: &'static str, queue: &str, judge: impl Fn(&Depth) -> Check) -> Check {
    match asked {
        Ok(Some(depth)) => judge(depth),
        Ok(None) => {
            let message = format!("there is no queue {queue}");
            let fix = "CloudFormation does not recreate what was deleted outside of it: `tagger destroy`, then `tagger deploy`";
            Check::new(name, Verdict::Bad, message).fix(fix)
        }
        Err(trouble) => Check::unknown(name, trouble),
    }
}

/// Also what somebody is reading just now.
fn total(depth: &Depth) -> usize {
    whole(depth.waiting + depth.in_flight)
}

fn whole(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_aws::account::stacks::Stack;

    #[test]
    fn what_lies_in_them_decides() {
        use Verdict::{Bad, Ok as Fine, Unknown, Warn};
        let lies = |waiting| Ok(Some(Depth { waiting, in_flight: 0 }));
        let denied = || Err(Trouble::new("sqs:GetQueueAttributes", "us-east-1", "AccessDenied", "no"));
        let site = Site { home: "us-east-1".to_owned(), stack: Some(Stack::default()), ..Site::default() };
        for (case, dead_letters, here, there, retry, expected) in [
            ("empty", lies(0), lies(0), lies(0), lies(3), vec![Fine, Fine, Fine]),
            ("letters", lies(2), lies(0), lies(0), lies(0), vec![Bad, Fine, Fine]),
            ("undelivered", lies(0), lies(1), lies(4), lies(0), vec![Fine, Bad, Bad, Fine]),
            ("behind", lies(0), lies(0), lies(0), lies(5_000), vec![Fine, Fine, Warn]),
            ("refused", denied(), lies(0), denied(), lies(0), vec![Unknown, Fine, Unknown, Fine]),
            ("gone", Ok(None), lies(0), lies(0), lies(0), vec![Bad, Fine, Fine]),
        ] {
            let undelivered = vec![("us-east-1".to_owned(), here), ("eu-west-1".to_owned(), there)];
            let found = judge(&Lying { dead_letters, undelivered, retry, events: None }, &site);
            assert_eq!(
                found.iter().map(|check| check.verdict).collect::<Vec<_>>(),
                expected,
                "{case}: {found:?}"
            );
        }
    }
}
