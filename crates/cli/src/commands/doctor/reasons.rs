//! How the creations of the last day ended, by the function's log: those without the tag by reason, the largest first, each
//! with what to do.

use super::report::{Check, Verdict, counted};
use crate::reasons::{self, Group, counts, has_tag};
use serde_json::{Map, json};
use std::time::{Duration, SystemTime};
use tagger_aws::account::{Account, Trouble, log::Lines};
use tagger_core::reason::Reason;

const NAME: &str = "reasons";
const DAY: Duration = Duration::from_secs(24 * 3600);
/// How many pages of the log, of 10,000 lines each.
const PAGES: usize = 10;
/// How many reasons are told.
const MOST: usize = 8;

/// Reads a day of the log.
pub async fn check(account: &Account, region: &str, group: &str) -> Vec<Check> {
    judge(&account.log(region, group, reasons::PATTERN, SystemTime::now() - DAY, PAGES).await)
}

fn judge(log: &Result<Option<Lines>, Trouble>) -> Vec<Check> {
    let lines = match log {
        Ok(Some(lines)) => lines,
        // That there is no log is said of the creations.
        Ok(None) => return Vec::new(),
        Err(trouble) => return vec![Check::unknown(NAME, trouble)],
    };
    let groups = reasons::groups(&lines.lines);
    let counts = counts(&groups);
    if counts.is_empty() {
        return Vec::new();
    }
    let shown: Vec<String> =
        counts.iter().map(|(reason, count)| format!("{count} {}", reason.as_str())).collect();
    let part = if lines.complete { "" } else { ", as far as the log was read" };
    let numbers: Map<String, _> =
        counts.iter().map(|(reason, count)| (reason.as_str().to_owned(), json!(count))).collect();
    let mut checks = vec![
        Check::ok(NAME, format!("creations of the last day{part}: {}", shown.join(", ")))
            .detail("reasons", numbers),
    ];
    checks.extend(groups.iter().filter(|group| !has_tag(group.reason)).take(MOST).map(of_group));
    checks
}

fn of_group(group: &Group) -> Check {
    let Group { reason, why, count, example } = group;
    let verdict = match reason {
        Reason::DeadLetter | Reason::NobodyKnown | Reason::Elsewhere => Verdict::Warn,
        _ => Verdict::Info,
    };
    let why = if why.is_empty() { String::new() } else { format!(" ({why})") };
    let message = format!("{} {}{why}, such as {example}", counted(*count, "creation"), reason.as_str());
    Check::new(NAME, verdict, message).fix(reason.what_to_do())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_aws::account::log::Line;

    #[test]
    fn the_largest_reason_comes_first_with_what_to_do() {
        let line = |event: u32, reason: &str, code: &str| Line {
            at: i64::from(event),
            message: json!({ "eventID": event.to_string(), "reason": reason, "code": code }).to_string(),
        };
        let lines = vec![
            line(1, "opted-out", "opted-out"),
            line(2, "skipped", "kind-skipped"),
            line(3, "skipped", "kind-skipped"),
            line(4, "creator-unknown", "creator-unknown"),
        ];
        let found = judge(&Ok(Some(Lines { lines, complete: true })));
        let told: Vec<_> = found.iter().map(|check| (check.verdict, check.message.as_str())).collect();
        assert_eq!(
            told,
            [
                (Verdict::Ok, "creations of the last day: 2 skipped, 1 opted-out, 1 creator-unknown"),
                (Verdict::Info, "2 creations skipped (kind-skipped), such as event 2"),
                (Verdict::Info, "1 creation opted-out (opted-out), such as event 1"),
                (Verdict::Warn, "1 creation creator-unknown (creator-unknown), such as event 4"),
            ]
        );
        assert!(found[1].fix.as_deref().is_some_and(|fix| fix.contains("[kinds]")), "{:?}", found[1]);
        assert_eq!(judge(&Ok(Some(Lines { lines: Vec::new(), complete: true }))), []);
    }
}
