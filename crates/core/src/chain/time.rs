//! CloudTrail's times as seconds since 1970. Two forms: `2026-11-24T08:30:00Z`, and that of STS's answers,
//! `Nov 24, 2026, 8:30:00 AM`.

/// Reads either form; none for anything else.
pub fn seconds(text: &str) -> Option<u64> {
    let text = text.trim();
    of_records(text).or_else(|| of_answers(text))
}

/// A time in the form of records.
pub fn shown(seconds: u64) -> String {
    let (days, rest) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest % 3600 / 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

const DAY: u64 = 24 * 60 * 60;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn of_records(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let mut parts = date.split('-').map(number);
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    clock(days(year, month, day)?, time, None)
}

/// `Nov 24, 2026, 8:30:00 AM`, also with the narrow space that newer Javas put before AM, and without the second comma.
fn of_answers(text: &str) -> Option<u64> {
    let words: Vec<&str> =
        text.split(|one: char| one == ',' || one.is_whitespace()).filter(|word| !word.is_empty()).collect();
    let [month, day, year, time, half] = words.as_slice() else { return None };
    let month = MONTHS.iter().position(|name| name == month)? as u64 + 1;
    clock(days(number(year)?, month, number(day)?)?, time, Some(half))
}

fn clock(days: u64, time: &str, half: Option<&str>) -> Option<u64> {
    let mut parts = time.split(':');
    let (hour, minute) = (number(parts.next()?)?, number(parts.next()?)?);
    // Some exports write parts of seconds.
    let second = number(parts.next()?.split('.').next()?)?;
    let hour = match half {
        None => hour,
        Some("AM") => hour % 12,
        Some("PM") => hour % 12 + 12,
        Some(_) => return None,
    };
    let is_time = hour < 24 && minute < 60 && second < 61 && parts.next().is_none();
    is_time.then(|| days * DAY + hour * 3600 + minute * 60 + second)
}

fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Days since 1970, by the count of days in 400 years: <https://howardhinnant.github.io/date_algorithms.html>
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let of_era = of_era * 365 + of_era / 4 - of_era / 100 + of_year;
    (era * 146_097 + of_era).checked_sub(719_468)
}

/// The reverse.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year + era * 400 + u64::from(month <= 2);
    (year, month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_and_back() {
        for (text, expected) in [
            ("2026-11-24T08:30:00Z", Some(1_795_509_000)),
            ("2026-11-24T08:30:00.123Z", Some(1_795_509_000)),
            ("Nov 24, 2026, 8:30:00 AM", Some(1_795_509_000)),
            ("Nov 24, 2026, 8:30:00\u{202f}AM", Some(1_795_509_000)),
            ("Jul 29, 2026 10:14:23 AM", Some(1_785_320_063)),
            ("Nov 24, 2026, 12:00:00 AM", Some(1_795_478_400)),
            ("Nov 24, 2026, 12:00:01 PM", Some(1_795_521_601)),
            ("1970-01-01T00:00:01Z", Some(1)),
            ("2024-02-29T00:00:00Z", Some(1_709_164_800)),
            ("20131102T010628Z", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
        for second in (0..4_000_000_000).step_by(7_654_321) {
            assert_eq!(seconds(&shown(second)), Some(second), "{}", shown(second));
        }
    }
}
