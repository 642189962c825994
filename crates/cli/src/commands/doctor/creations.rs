//! Was what was created lately tagged? CloudTrail's event history beside the function's log; and does somebody take
//! the tags away again?

use super::{
    canary::CANARY,
    report::{Check, Verdict, counted, some},
    stack::Site,
};
use futures_util::future::join_all;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime},
};
use tagger_aws::account::{
    Account, Trouble,
    log::{Line, Lines},
};
use tagger_core::{Policy, Record, arn::Arn, plan};

/// How far back the history is looked through; it lags by minutes, and LookupEvents answers two calls a second.
const WITHIN: Duration = Duration::from_secs(3 * 3600);
/// How many pages of 50 events of each region.
const PAGES: usize = 4;
/// How long an event may be under way before it counts as lost: assumed, since AWS promises no time.
const UNDER_WAY: Duration = Duration::from_secs(300);
/// How many pages of the log.
const LOG_PAGES: usize = 20;

/// A creation that the history knows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Creation {
    id: String,
    /// What, where, when and who, for people.
    words: String,
    at: SystemTime,
}

/// Looks at the history of every covered region, and at the log of that time.
pub async fn check(account: &Account, site: &Site, group: &str, policy: Option<&Policy>) -> Vec<Check> {
    let default = Policy::default();
    let policy = policy.unwrap_or(&default);
    let now = SystemTime::now();
    let since = now - WITHIN;
    let log = account.log(&site.home, group, "{ $.eventID = \"*\" }", since, LOG_PAGES).await;
    let regions = site.covered();
    let histories = join_all(regions.iter().map(|region| account.recent(region, WITHIN, PAGES))).await;
    let (mut created, mut untagged, mut checks) = (Vec::new(), Vec::new(), Vec::new());
    let mut covers = WITHIN;
    for (region, history) in regions.iter().zip(histories) {
        match history {
            Ok(history) => {
                // What is older than the stack's last change may be older than its rules.
                let stack =
                    if *region == site.home { site.stack.as_ref() } else { site.forwarders.get(region) };
                let changed = stack.map_or(0, |stack| stack.changed.max(0).unsigned_abs());
                let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(changed);
                covers =
                    covers.min(history.covers).min(now.duration_since(changed).unwrap_or(Duration::ZERO));
                for text in &history.records {
                    let Ok(value) = serde_json::from_str::<Value>(text) else { continue };
                    let record = Record::new(value);
                    created.extend(
                        creation(&record, policy, &account.id).filter(|creation| creation.at > changed),
                    );
                    untagged.extend(untagging(&record, &policy.tag.key));
                }
            }
            Err(trouble) => checks.push(Check::unknown("creations", &trouble).at(region)),
        }
    }
    checks.extend(judge(&created, &log, now, covers));
    checks.extend(untagging_check(&untagged, &policy.tag.key));
    checks.extend(errors(&log));
    checks
}

/// The creation that a record tells of, if it should have been tagged.
fn creation(record: &Record, policy: &Policy, account: &str) -> Option<Creation> {
    let plan = plan(record, policy, Some(account));
    let first = plan.actions.first()?;
    // A canary is gone by now, and it had its own verdict.
    if Arn::parse(&first.arn).is_some_and(|arn| arn.path().starts_with(CANARY)) {
        return None;
    }
    let text = |name: &str| record.text(name).unwrap_or_default().into_owned();
    let time = text("eventTime");
    let who = plan.creator.name.unwrap_or_default();
    let words = format!("{} {} in {} at {time} by {who}", record.event_name(), first.arn, text("awsRegion"));
    Some(Creation { id: text("eventID"), words, at: tagger_aws::time::parse(&time)? })
}

/// What the history and the log say together.
fn judge(
    created: &[Creation],
    log: &Result<Option<Lines>, Trouble>,
    now: SystemTime,
    covers: Duration,
) -> Vec<Check> {
    let name = "creations";
    let span = hours(covers) + if covers < WITHIN { " that can be looked at" } else { "" };
    let lines = match log {
        Ok(Some(lines)) => lines,
        Ok(None) => {
            let message = "the function has no log group: it has never run, or somebody deleted its log";
            return vec![
                Check::new(name, Verdict::Bad, message).mend("`tagger doctor --canary` shows which"),
            ];
        }
        Err(trouble) => return vec![Check::unknown(name, trouble)],
    };
    if created.is_empty() {
        let message =
            format!("CloudTrail's event history of the last {span} has no creation that would be tagged");
        return vec![
            Check::new(name, Verdict::Info, message)
                .mend("`tagger doctor --canary` creates something and watches"),
        ];
    }
    let ended = outcomes(&lines.lines);
    let old = |creation: &&Creation| now.duration_since(creation.at).is_ok_and(|age| age > UNDER_WAY);
    let unseen: Vec<_> =
        created.iter().filter(|creation| !ended.contains_key(creation.id.as_str())).collect();
    let lost: Vec<&str> =
        unseen.iter().filter(|creation| old(creation)).map(|creation| creation.words.as_str()).collect();
    let failed: Vec<String> = created
        .iter()
        .filter_map(|creation| {
            let failure = ended.get(creation.id.as_str())?.as_ref()?;
            Some(format!("{} ({failure})", creation.words))
        })
        .collect();
    let seen = created.len() - unseen.len();
    let mut checks = Vec::new();
    if !lost.is_empty() && lines.complete {
        let message = format!(
            "{} of {} in the last {span} never reached the function: {}",
            lost.len(),
            counted(created.len(), "creation"),
            some(&lost, 3)
        );
        let mend =
            "the first BAD line above says why; where there is none: docs/operations.md#nothing-is-tagged";
        checks.push(Check::new(name, Verdict::Bad, message).mend(mend));
    } else if !lost.is_empty() {
        let message = format!(
            "the log of the last {span} is too long to be read whole; {seen} of {} are in what was read",
            counted(created.len(), "creation")
        );
        checks.push(Check::new(name, Verdict::Unknown, message));
    }
    if !failed.is_empty() {
        let message = format!(
            "{} reached the function and could not be tagged: {}",
            counted(failed.len(), "creation"),
            some(&failed, 3)
        );
        checks.push(
            Check::new(name, Verdict::Bad, message)
                .mend("what each outcome means: docs/operations.md#the-log"),
        );
    }
    if checks.is_empty() {
        let waiting = if unseen.is_empty() {
            String::new()
        } else {
            format!("; {} may be under way still", unseen.len())
        };
        checks.push(Check::ok(
            name,
            format!(
                "{} of the last {span} {} tagged{waiting}",
                counted(seen, "creation"),
                if seen == 1 { "was" } else { "were" }
            ),
        ));
    }
    checks
}

/// How each event ended last: none when it was tagged or left alone, else the failure.
fn outcomes(lines: &[Line]) -> BTreeMap<String, Option<String>> {
    let mut ended: BTreeMap<String, BTreeMap<String, Option<String>>> = BTreeMap::new();
    for line in lines {
        let Some(line) = line.json() else { continue };
        let Some(id) = line["eventID"].as_str() else { continue };
        let failure = (line["level"] == "ERROR").then(|| reason(&line));
        // The last try of each resource counts.
        let resource = line["arn"].as_str().unwrap_or_default().to_owned();
        ended.entry(id.to_owned()).or_default().insert(resource, failure);
    }
    ended.into_iter().map(|(id, resources)| (id, resources.into_values().flatten().next())).collect()
}

/// Why a line is an error.
fn reason(line: &Value) -> String {
    let text = |name: &str| line[name].as_str().unwrap_or_default();
    if line["outcome"].is_string() {
        format!("{}: {} answered {}", text("outcome"), text("call"), text("error"))
    } else {
        format!("{}: {}", text("code"), text("message"))
    }
}

/// The errors of the log that are of no resource, and of resources that the history does not know yet.
fn errors(log: &Result<Option<Lines>, Trouble>) -> Option<Check> {
    let lines = log.as_ref().ok()?.as_ref()?;
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for line in &lines.lines {
        let Some(line) = line.json() else { continue };
        if line["level"] == "ERROR" {
            *counts.entry(reason(&line)).or_default() += 1;
        }
    }
    if counts.is_empty() {
        return None;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    // What is gone already is nobody's loss.
    let harmless = counts.iter().all(|(reason, _)| reason.starts_with("not-found"));
    let shown: Vec<_> = counts.iter().map(|(reason, count)| format!("{count} x {reason}")).collect();
    let verdict = if harmless { Verdict::Info } else { Verdict::Warn };
    let check = Check::new(
        "errors",
        verdict,
        format!("in the log of the last {}: {}", hours(WITHIN), some(&shown, 4)),
    );
    Some(check.mend("what each outcome means: docs/operations.md#the-log"))
}

/// Who took the creator's tag away, and with what, if a record tells of it.
fn untagging(record: &Record, key: &str) -> Option<(String, String)> {
    let name = record.event_name();
    let removes = name.starts_with("Untag") || name.starts_with("Remove") || name.starts_with("Delete");
    let whole = name.starts_with("Replace") || name.starts_with("Put") || name.starts_with("Change");
    if !(removes || whole) || !name.to_lowercase().contains("tag") || record.created_nothing().is_some() {
        return None;
    }
    // A call that replaces the whole set takes away what it does not name.
    let named = record.value()["requestParameters"].to_string().contains(&format!("\"{key}\""));
    if named != removes {
        return None;
    }
    let agent = record.text("userAgent").unwrap_or_default();
    let with = ["Terraform", "Pulumi", "OpenTofu"].iter().find(|tool| agent.contains(*tool));
    let who = tagger_core::identity::identify(record).name.unwrap_or_default();
    Some((format!("{name} by {who}"), with.map_or_else(String::new, |tool| (*tool).to_owned())))
}

fn untagging_check(untagged: &[(String, String)], key: &str) -> Option<Check> {
    if untagged.is_empty() {
        return None;
    }
    let calls: BTreeSet<&str> = untagged.iter().map(|(call, _)| call.as_str()).collect();
    let calls: Vec<_> = calls.into_iter().collect();
    let tool = untagged.iter().map(|(_, tool)| tool.as_str()).find(|tool| !tool.is_empty());
    let with = tool.map(|tool| format!(", with {tool}")).unwrap_or_default();
    let message = format!("the tag {key} is taken away again: {}{with}", some(&calls, 3));
    let mend = "Terraform needs `ignore_tags`: docs/deployment.md#terraform; otherwise ask whoever did it";
    // A person may mean it; a tool does it again and again.
    let verdict = if tool.is_some() { Verdict::Bad } else { Verdict::Warn };
    Some(Check::new("tags-removed", verdict, message).mend(mend))
}

/// A span of time for people.
fn hours(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds >= 7200 => format!("{} hours", seconds / 3600),
        seconds if seconds >= 120 => format!("{} minutes", seconds / 60),
        seconds => format!("{seconds} seconds"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(id: &str, level: &str, outcome: &str) -> Line {
        let message = json!({"eventID": id, "level": level, "outcome": outcome, "arn": "a", "call": "sqs:TagQueue", "error": "AccessDenied"});
        Line { at: 0, message: message.to_string() }
    }

    #[test]
    fn history_and_log_together() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_509_000);
        let creation = |id: &str, minutes: u64| Creation {
            id: id.to_owned(),
            words: format!("CreateQueue {id}"),
            at: now - Duration::from_secs(minutes * 60),
        };
        let log = |lines: Vec<Line>| Ok(Some(Lines { lines, complete: true }));
        for (case, created, log, expected, words) in [
            (
                "tagged",
                vec![creation("1", 60)],
                log(vec![line("1", "INFO", "tagged")]),
                Verdict::Ok,
                "1 creation of the last 3 hours was tagged",
            ),
            (
                "lost",
                vec![creation("1", 60), creation("2", 50)],
                log(vec![line("1", "INFO", "tagged")]),
                Verdict::Bad,
                "1 of 2 creations in the last 3 hours never reached the function: CreateQueue 2",
            ),
            ("under way", vec![creation("1", 1)], log(vec![]), Verdict::Ok, "1 may be under way"),
            (
                "failed",
                vec![creation("1", 60)],
                log(vec![line("1", "ERROR", "denied")]),
                Verdict::Bad,
                "(denied: sqs:TagQueue answered AccessDenied)",
            ),
            (
                "failed, then tagged",
                vec![creation("1", 60)],
                log(vec![line("1", "ERROR", "not-ready"), line("1", "INFO", "tagged")]),
                Verdict::Ok,
                "was tagged",
            ),
            ("nothing", vec![], log(vec![]), Verdict::Info, "has no creation that would be tagged"),
            ("cut log", vec![creation("1", 60)], Ok(Some(Lines::default())), Verdict::Unknown, "too long"),
            ("no log", vec![creation("1", 60)], Ok(None), Verdict::Bad, "no log group"),
            (
                "refused",
                vec![],
                Err(Trouble::new("logs:FilterLogEvents", "us-east-1", "AccessDenied", "no")),
                Verdict::Unknown,
                "not looked at",
            ),
        ] {
            let found = judge(&created, &log, now, WITHIN);
            assert_eq!(found[0].verdict, expected, "{case}: {found:?}");
            assert!(found[0].message.contains(words), "{case}: {found:?}");
        }
    }

    #[test]
    fn who_takes_tags_away() {
        let record = |name: &str, parameters: Value, agent: &str| {
            Record::new(
                json!({"eventVersion": "1.08", "eventName": name, "eventSource": "sqs.amazonaws.com", "userAgent": agent,
                "requestParameters": parameters, "readOnly": false, "eventTime": "2026-11-24T08:30:00Z",
                "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/bob", "userName": "bob"}}),
            )
        };
        let ours = json!({"tagKeys": ["CreatedBy"]});
        for (name, parameters, agent, expected) in [
            ("UntagQueue", ours.clone(), "APN/1.0 HashiCorp/1.0 Terraform/1.9.0", Some("Terraform")),
            ("UntagQueue", ours.clone(), "aws-cli/2", Some("")),
            ("UntagQueue", json!({"tagKeys": ["Team"]}), "aws-cli/2", None),
            ("DeleteTags", json!({"tagSet": {"items": [{"key": "CreatedBy"}]}}), "aws-cli/2", Some("")),
            ("TagQueue", ours.clone(), "aws-cli/2", None),
            ("DeleteQueue", ours, "aws-cli/2", None),
            (
                "PutBucketTagging",
                json!({"Tagging": {"TagSet": {"Tag": {"Key": "Team"}}}}),
                "aws-cli/2",
                Some(""),
            ),
            (
                "PutBucketTagging",
                json!({"Tagging": {"TagSet": {"Tag": {"Key": "CreatedBy"}}}}),
                "aws-cli/2",
                None,
            ),
        ] {
            let found = untagging(&record(name, parameters, agent), "CreatedBy");
            assert_eq!(found.as_ref().map(|(_, tool)| tool.as_str()), expected, "{name}: {found:?}");
        }
    }

    #[test]
    fn errors_are_counted() {
        let lines =
            vec![line("1", "ERROR", "denied"), line("2", "ERROR", "denied"), line("3", "INFO", "tagged")];
        let check = errors(&Ok(Some(Lines { lines, complete: true }))).unwrap();
        assert!(check.message.ends_with("2 x denied: sqs:TagQueue answered AccessDenied"), "{check:?}");
        assert_eq!(errors(&Ok(Some(Lines::default()))), None);
    }
}
