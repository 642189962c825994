//! Which rows are chosen, by what was typed. Pure: the time of the run is told.

use crate::{args::Filters, creations::Creation, exit_code::Error, moment::second};
use std::time::SystemTime;
use tagger_aws::time;
use tagger_core::{identity::Kind, settings::near::nearest};
use tagger_logs::glob::matches;

/// The filters, read.
#[derive(Debug, Default)]
pub struct Filter<'a> {
    /// In seconds since 1970, both included.
    from: Option<u64>,
    to: Option<u64>,
    filters: Option<&'a Filters>,
}

impl<'a> Filter<'a> {
    /// # Errors
    /// A time or a kind that is none; with what is right.
    pub fn of(filters: &'a Filters, now: SystemTime) -> Result<Self, Error> {
        let now = time::since_1970(now);
        let read = |name: &str, text: &Option<String>| {
            text.as_deref()
                .map(|text| second(text, now, name == "--to").ok_or_else(|| no_time(name, text)))
                .transpose()
        };
        let (from, to) = (read("--from", &filters.from)?, read("--to", &filters.to)?);
        if let (Some(one), Some(other)) = (from, to)
            && one > other
        {
            return Err(Error::Usage("--from is after --to, so that nothing is between them".to_owned()));
        }
        for word in &filters.kind {
            let known = || Kind::ALL.iter().map(|kind| kind.as_str());
            if !known().any(|kind| kind == word) {
                let all = known().collect::<Vec<_>>().join(", ");
                return Err(Error::Usage(format!(
                    "--kind {word}: unknown{}; known are {all}",
                    nearest(word, known())
                )));
            }
        }
        Ok(Self { from, to, filters: Some(filters) })
    }

    /// Whether a row is chosen. One without a time is in no span of time.
    pub fn has(&self, row: &Creation) -> bool {
        let Some(filters) = self.filters else { return true };
        let second = time::seconds(&row.time);
        let any = |patterns: &[String], text: &str| {
            patterns.is_empty() || patterns.iter().any(|one| matches(one, text))
        };
        let service = row.source.strip_suffix(".amazonaws.com").unwrap_or(&row.source);
        self.from.is_none_or(|from| second.is_some_and(|second| second >= from))
            && self.to.is_none_or(|to| second.is_some_and(|second| second <= to))
            && any(&filters.who, &row.creator)
            && any(&filters.kind, row.kind.as_str())
            && (any(&filters.service, service) || any(&filters.service, &row.source))
            && any(&filters.r#type, row.resource_type)
            && any(&filters.account, &row.account)
            && any(&filters.region, &row.region)
            && any(&filters.arn, &row.arn)
    }
}

fn no_time(name: &str, text: &str) -> Error {
    Error::Usage(format!(
        "{name} {text}: no time; write a day (2026-11-24), `today`, `yesterday`, an age (`2d`, `12h`, `30m`) or a full time \
         (2026-11-24T08:30:00Z)"
    ))
}

/// The day of a time in CloudTrail's form, `2026-11-24`; empty where there is none.
pub fn day(time: &str) -> &str {
    time.get(..10).unwrap_or_default()
}
