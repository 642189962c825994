//! Which rows are chosen, by what was typed. Pure: the time of the run is told.

use crate::{args::Filters, creations::Creation, exit_code::Error};
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

const DAY: u64 = 24 * 60 * 60;

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

/// The second since 1970 that a text means: of a day its first, or its last where it is an end.
fn second(text: &str, now: u64, is_end: bool) -> Option<u64> {
    let day = |start: u64| if is_end { start + DAY - 1 } else { start };
    let today = now - now % DAY;
    match text {
        "today" => return Some(day(today)),
        "yesterday" => return today.checked_sub(DAY).map(day),
        _ => {}
    }
    let unit = text.char_indices().last().and_then(|(at, unit)| {
        let unit = match unit {
            'd' => DAY,
            'h' => 60 * 60,
            'm' => 60,
            _ => return None,
        };
        Some((text[..at].parse::<u64>().ok()?, unit))
    });
    if let Some((count, unit)) = unit {
        return now.checked_sub(count.checked_mul(unit)?);
    }
    let is_day = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_day { time::seconds(&format!("{text}T00:00:00Z")).map(day) } else { time::seconds(text) }
}

/// The day of a time in CloudTrail's form, `2026-11-24`; empty where there is none.
pub fn day(time: &str) -> &str {
    time.get(..10).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> String {
        time::format(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds))
    }

    #[test]
    fn times() {
        let now = time::seconds("2026-11-24T08:30:00Z").unwrap();
        for (text, is_end, expected) in [
            ("2026-11-20", false, Some("2026-11-20T00:00:00Z")),
            ("2026-11-20", true, Some("2026-11-20T23:59:59Z")),
            ("today", false, Some("2026-11-24T00:00:00Z")),
            ("yesterday", false, Some("2026-11-23T00:00:00Z")),
            ("yesterday", true, Some("2026-11-23T23:59:59Z")),
            ("2d", false, Some("2026-11-22T08:30:00Z")),
            ("12h", true, Some("2026-11-23T20:30:00Z")),
            ("2026-11-24T08:00:00+01:00", false, Some("2026-11-24T07:00:00Z")),
            ("2026-13-01", false, None),
            ("-2d", false, None),
            ("99999999999999999999d", false, None),
            ("tomorrow", false, None),
            ("d", false, None),
            ("", false, None),
        ] {
            assert_eq!(second(text, now, is_end).map(at).as_deref(), expected, "{text:?}");
        }
    }
}
