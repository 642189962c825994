//! Times as people type them: a day, `yesterday`, an age, or a full time. Pure: the time of the run is told.

use tagger_aws::time;

const DAY: u64 = 24 * 60 * 60;

/// The second since 1970 that a text means: of a day its first, or its last where it is an end.
pub fn second(text: &str, now: u64, is_end: bool) -> Option<u64> {
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

#[cfg(test)]
mod tests {
    use super::*;

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
            assert_eq!(second(text, now, is_end).map(time::at).as_deref(), expected, "{text:?}");
        }
    }
}
