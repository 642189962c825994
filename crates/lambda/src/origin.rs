//! What is told of an event besides its records: the account, the time of a call, and how careful to be. Pure.

use tagger_aws::{Queues, time};
use tagger_core::{Record, arn::Arn, patience::Guard};

/// The account of a function's ARN.
pub fn account_of(function_arn: &str) -> Option<&str> {
    Arn::parse(function_arn).map(|arn| arn.account).filter(|account| !account.is_empty())
}

/// The region of a function's ARN, to which the events come that it is called with; empty where it has none.
pub fn region_of(function_arn: &str) -> &str {
    Arn::parse(function_arn).map_or("", |arn| arn.region)
}

/// When the call of a record was made.
pub fn event_time(record: &Record) -> Option<u64> {
    record.text("eventTime").and_then(|text| time::seconds(&text))
}

/// How careful a try is.
pub fn guard(queues: Option<&Queues>, confirmed: bool) -> Guard {
    match (queues, confirmed) {
        (None, _) => Guard::None,
        (Some(_), true) => Guard::Confirmed,
        (Some(_), false) => Guard::Strict,
    }
}
