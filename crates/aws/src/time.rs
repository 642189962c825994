//! Times in CloudTrail's form.

use aws_smithy_types::date_time::{DateTime, Format};
use std::time::{Duration, SystemTime};

/// Reads an `eventTime` such as `2026-11-24T08:30:00Z`; none when it is of another form.
pub fn parse(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTimeWithOffset).ok()?).ok()
}

/// The same in seconds since 1970.
pub fn seconds(text: &str) -> Option<u64> {
    parse(text).map(since_1970)
}

/// A time in seconds since 1970.
pub fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

/// A time in the same form, to the millisecond.
pub fn format(time: SystemTime) -> String {
    let millis = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |passed| passed.as_millis());
    let at = DateTime::from_millis(i64::try_from(millis).unwrap_or(i64::MAX));
    at.fmt(Format::DateTime).unwrap_or_default()
}

/// Seconds since 1970 in the same form: `2026-11-24T08:30:00Z`.
pub fn at(seconds: u64) -> String {
    format(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    #[test]
    fn event_times() {
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        for (text, expected) in [
            ("1970-01-01T00:00:01Z", at(1)),
            ("2026-11-24T08:30:00Z", at(1_795_509_000)),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(super::parse(text), expected, "{text}");
        }
        assert_eq!(super::format(at(1_795_509_000).unwrap()), "2026-11-24T08:30:00Z");
        assert_eq!(super::at(1_795_509_000), "2026-11-24T08:30:00Z");
    }
}
