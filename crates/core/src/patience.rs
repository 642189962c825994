//! How long a failure is waited for: a pure function of the failure and of ages in seconds. It knows no
//! clock; whoever calls it does.

use crate::{
    outcome::{By, Class, Failure, GIVEN_AGAIN, MISSING, NOT_SHOWN},
    window::SHOWN_AFTER,
};
use tagger_catalog::Lifetime;

/// Up to this age of its event, a resource that is not found is only not visible yet. It is longer for
/// some types: `catalog/lifetimes.toml`.
pub const YOUNG: u64 = 15 * 60;
/// Up to this age, a resource is tagged of which nobody tells whether it is still the same one.
pub const SURE: u64 = 15 * 60;
/// Up to this age, a first try does not ask whether it is still the same one.
pub const FRESH: u64 = 10;
/// Up to this time since the event was first seen, a denial for want of a permission may be that of a role that AWS
/// does not know yet.
pub const UNKNOWN_ROLE: u64 = 2 * 60;
/// After this, nothing is waited for any more.
pub const LONGEST: u64 = 24 * 60 * 60;
/// The longest wait between two tries; it is SQS's longest delay of a new message:
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html>
pub const LONGEST_DELAY: u64 = 900;
/// The shortest; and for what is being made, since each try of that is a read and a refused write.
const SHORTEST_DELAY: u64 = 5;
const SHORTEST_DELAY_OF_MAKING: u64 = 10;

/// How careful a try is about names that can be given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// Not at all: there is no queue, so that every try comes within minutes of the event.
    None,
    /// What cannot be known to be the same resource is left alone, once the event is no longer young.
    Strict,
    /// The same, but somebody said that it is the same where it cannot be known.
    Confirmed,
}

/// Ages in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age {
    /// Since the call, by the record's `eventTime`.
    pub event: u64,
    /// Since this event was first seen. A letter that is sent again after days has an old event and has
    /// not waited yet.
    pub waited: u64,
}

impl Age {
    /// The ages at a time. A record without a readable time is as old as it is known.
    pub fn at(now: u64, event_time: Option<u64>, first_seen: u64) -> Self {
        let since = |then: u64| now.saturating_sub(then);
        Self { event: since(event_time.unwrap_or(first_seen)), waited: since(first_seen) }
    }

    /// The ages so many seconds later.
    #[must_use]
    pub fn after(self, seconds: u64) -> Self {
        Self { event: self.event + seconds, waited: self.waited + seconds }
    }
}

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Try again in so many seconds.
    Wait(u64),
    /// The resource is no longer there, and needs no tag.
    Gone,
    /// Only AWS may tag it: it is left alone.
    LeaveAlone,
    /// Nothing that is waited for helps.
    GiveUp,
}

/// What to do about a failure to tag a resource of this type.
pub fn patience(failure: &Failure, resource_type: &str, age: Age, guard: Guard, event_id: &str) -> Patience {
    let (waits, since) = match failure.class {
        Class::NotOurs => return Patience::LeaveAlone,
        Class::NotReady => (age.event < LONGEST, age.event),
        Class::NotFound => {
            if age.event >= not_found_until(resource_type) {
                return Patience::Gone;
            }
            (true, age.event)
        }
        // IAM is eventually consistent, so a role or its permission may not be known yet:
        // <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>
        Class::Denied if failure.by == Some(By::Permission) && age.waited < UNKNOWN_ROLE => {
            (!failure.lasts(), age.waited)
        }
        // These are of the service and not of the resource, so they count from when we began to try.
        Class::Throttled => (age.waited < LONGEST, age.waited),
        _ if failure.passes => (age.waited < LONGEST, age.waited),
        _ => (false, 0),
    };
    // Nothing is written for what is missing: it only waits for the event history.
    let unsure = guard == Guard::Strict
        && failure.code != MISSING
        && matches!(tagger_catalog::lifetime(resource_type), Lifetime::Unknown);
    let asks_history = [MISSING, GIVEN_AGAIN, NOT_SHOWN].contains(&failure.code.as_str());
    let least = match failure.class {
        _ if asks_history => SHOWN_AFTER.saturating_sub(age.event),
        Class::NotReady => SHORTEST_DELAY_OF_MAKING,
        _ => 0,
    };
    match (waits, unsure) {
        (false, _) => Patience::GiveUp,
        (true, false) => Patience::Wait(delay(since, event_id).max(least)),
        // One more try before it can no longer be known.
        (true, true) if age.event >= SURE => Patience::GiveUp,
        (true, true) => {
            let left = SURE.saturating_sub(age.event + 2 * SHORTEST_DELAY).max(SHORTEST_DELAY);
            Patience::Wait(delay(since, event_id).min(left))
        }
    }
}

/// Up to this age of its event, a resource of this type that is not found is only not visible yet.
pub fn not_found_until(resource_type: &str) -> u64 {
    tagger_catalog::slow(resource_type).map_or(YOUNG, |minutes| minutes * 60)
}

/// Half as long as it has taken so far, so that what takes long is asked for seldom and what takes short
/// is not waited for long. Events of one second come back over a fifth of the time, by their ids.
pub fn delay(age: u64, event_id: &str) -> u64 {
    let delay = (age / 2).clamp(SHORTEST_DELAY, LONGEST_DELAY);
    // FNV-1a: the same id always gives the same number.
    let hash = event_id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    delay - delay * (hash % 200) / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_from_seconds_to_a_quarter_of_an_hour() {
        let mut before = 0;
        for age in [0, 20, 60, 300, 1_000, 3_600, 80_000] {
            let found = delay(age, "e-1");
            assert!(found >= before, "{age}: {found} after {before}");
            let base = (age / 2).clamp(SHORTEST_DELAY, LONGEST_DELAY);
            assert!(found <= base && found * 10 >= base * 8, "{age}: {found}");
            before = found;
        }
        assert_eq!(delay(3_600, "e-1"), delay(3_600, "e-1"));
        assert_ne!(delay(3_600, "e-1"), delay(3_600, "e-2"), "events of one second come back together");
    }

    #[test]
    fn a_day_of_waiting_takes_fewer_than_150_tries() {
        let (mut age, mut tries) = (1, 0);
        while age < LONGEST {
            age += delay(age, "e-1");
            tries += 1;
        }
        assert!((90..150).contains(&tries), "{tries}; the queue's maxReceiveCount must be more");
    }

    #[test]
    fn what_each_failure_is_worth() {
        const INSTANCE: &str = "AWS::EC2::Instance";
        const DIRECTORY: &str = "AWS::DirectoryService::MicrosoftAD";
        const TOPIC: &str = "AWS::SNS::Topic";
        let age = |event, waited| Age { event, waited };
        let (day, quarter) = (LONGEST, YOUNG);
        for (what, code, resource_type, age, guard, waits, gone) in [
            ("not ready, young", "ResourceInUseException", INSTANCE, age(5, 5), Guard::Strict, true, false),
            ("not ready, old", "ResourceInUseException", INSTANCE, age(day, 5), Guard::Strict, false, false),
            ("not found, young", "NoSuchX", INSTANCE, age(quarter - 1, 0), Guard::Strict, true, false),
            ("not found, old", "NoSuchX", INSTANCE, age(quarter, 0), Guard::Strict, false, true),
            ("a slow directory", "EntityDoesNotExist", DIRECTORY, age(3_000, 9), Guard::Strict, true, false),
            (
                "a deleted directory",
                "EntityDoesNotExist",
                DIRECTORY,
                age(5_400, 9),
                Guard::Strict,
                false,
                true,
            ),
            ("throttled, sent again", "Throttling", INSTANCE, age(9 * day, 60), Guard::Strict, true, false),
            ("throttled for a day", "Throttling", INSTANCE, age(day, day), Guard::Strict, false, false),
            ("out of order", "InternalFailure", INSTANCE, age(60, 60), Guard::Strict, true, false),
            ("denied, just now", "AccessDenied", INSTANCE, age(1, 1), Guard::Strict, true, false),
            (
                "a token not known yet",
                "UnrecognizedClientException",
                INSTANCE,
                age(1, 1),
                Guard::Strict,
                true,
                false,
            ),
            ("denied", "AccessDenied", INSTANCE, age(130, 120), Guard::Strict, false, false),
            ("only AWS may", "UnmodifiableEntity", INSTANCE, age(1, 1), Guard::Strict, false, false),
            ("limit", "TooManyTagsException", INSTANCE, age(1, 1), Guard::Strict, false, false),
            ("unsupported", "UnsupportedOperation", INSTANCE, age(1, 1), Guard::Strict, false, false),
            ("unknown", "Whatever", INSTANCE, age(1, 1), Guard::Strict, false, false),
            ("a name, young", "Throttling", TOPIC, age(SURE - 1, 1), Guard::Strict, true, false),
            ("a name, old", "Throttling", TOPIC, age(SURE, 1), Guard::Strict, false, false),
            ("a name, confirmed", "Throttling", TOPIC, age(SURE, 1), Guard::Confirmed, true, false),
        ] {
            let failure = Failure::of("x:Tag", code, "", None);
            let found = patience(&failure, resource_type, age, guard, "e-1");
            assert_eq!(matches!(found, Patience::Wait(_)), waits, "{what}: {found:?}");
            assert_eq!(found == Patience::Gone, gone, "{what}: {found:?}");
        }
    }

    /// A short-lived resource: the history shows its end some minutes later.
    #[test]
    fn what_is_missing_waits_for_the_history_at_any_age() {
        let failure = Failure::ours(Class::NotReady, "sns:TagResource", MISSING, "");
        let age = Age { event: SURE + 1, waited: SURE + 1 };
        let found = patience(&failure, "AWS::SNS::Topic", age, Guard::Strict, "e-1");
        assert!(matches!(found, Patience::Wait(_)), "{found:?}");
    }

    #[test]
    fn an_explicit_deny_is_not_waited_for() {
        for (what, message, expected) in [
            (
                "no policy allows it yet",
                "because no identity-based policy allows the sqs:TagQueue action",
                true,
            ),
            ("a policy denies it", "with an explicit deny in an identity-based policy", false),
        ] {
            let failure = Failure::of("sqs:TagQueue", "AccessDenied", message, None);
            let young = Age { event: 1, waited: 1 };
            let found = patience(&failure, "AWS::SQS::Queue", young, Guard::Strict, "e");
            assert_eq!(matches!(found, Patience::Wait(_)), expected, "{what}: {found:?}");
        }
    }

    #[test]
    fn a_name_is_tried_once_more_before_it_can_no_longer_be_known() {
        let failure = Failure::of("sns:TagResource", "Throttling", "", None);
        for event in [600, 700, 800, 890] {
            let age = Age { event, waited: event };
            let Patience::Wait(seconds) = patience(&failure, "AWS::SNS::Topic", age, Guard::Strict, "e-1")
            else {
                panic!("{event} does not wait")
            };
            assert!(event + seconds < SURE, "{event}: {seconds}");
        }
    }
}
