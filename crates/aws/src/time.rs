//! Times in CloudTrail's form.

use aws_smithy_types::date_time::{DateTime, Format};
use std::time::SystemTime;

/// Reads an `eventTime` such as `2026-11-24T08:30:00Z`; none when it is of another form.
pub fn parse(text: &str) -> Option<SystemTime> {
    SystemTime::try_from(DateTime::from_str(text, Format::DateTimeWithOffset).ok()?).ok()
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
    }
}
