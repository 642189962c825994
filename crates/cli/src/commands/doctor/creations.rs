//! Was what was created lately tagged? CloudTrail's event history beside the function's log; and does somebody take
//! the tags away again?
//!
//! Nothing is said to be fine that was not seen: each line says how much was looked at. In a busy account the newest
//! events are a small part of the last hours, so more is read, and at last what is created often is asked for by name.

use super::{
    canary::CANARY,
    report::{Check, Verdict, counted, some},
    stack::Site,
    tags_removed::{self, Removal, removal},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};
use tagger_aws::account::{
    Account, Trouble,
    history::Which,
    log::{Line, Lines},
};
use tagger_core::{Policy, Record, arn::Arn, plan, resources::Resource};

/// How far back the history is looked through.
const WITHIN: Duration = Duration::from_secs(3 * 3600);
/// How many pages of 50 events of each region: eleven seconds, as LookupEvents answers two calls a second.
const PAGES: usize = 20;
/// How long an event may be under way before it counts as lost: assumed, since AWS promises no time.
const UNDER_WAY: Duration = Duration::from_secs(300);
/// How many pages of the events that may be under way still.
const YOUNG_PAGES: usize = 4;
/// How many pages of the log.
const LOG_PAGES: usize = 20;
/// What is created often. Where the newest events hold no creation and there are more than could be read, these are
/// asked for by their names, one page of each.
const OFTEN: [&str; 12] = [
    "RunInstances",
    "CreateBucket",
    "CreateQueue",
    "CreateTopic",
    "CreateTable",
    "CreateLogGroup",
    "CreateFunction20150331",
    "CreateRole",
    "CreateSecurityGroup",
    "CreateNetworkInterface",
    "CreateVolume",
    "CreateSnapshot",
];

/// What to do where there is no evidence.
const CANARY_FIX: &str = "`tagger doctor --canary` creates something and watches";

/// A creation that the history knows.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Creation {
    id: String,
    /// What, where, when and who, for people.
    words: String,
    at: SystemTime,
}

/// How much of the event history was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Looked {
    /// Calls that write.
    calls: usize,
    /// The shortest time that was seen whole in a region.
    covers: Duration,
    /// Whether everything was seen, of all regions.
    complete: bool,
    /// How many regions.
    regions: usize,
    /// Events whose record could not be read.
    unreadable: usize,
}

/// What was seen of one region's history.
struct Seen {
    records: Vec<String>,
    covers: Duration,
    complete: bool,
    unreadable: usize,
}

/// Looks at the history of every covered region, and at the log of that time.
pub async fn check(account: &Account, site: &Site, group: &str, policy: Option<&Policy>) -> Vec<Check> {
    let default = Policy::default();
    let policy = policy.unwrap_or(&default);
    let now = SystemTime::now();
    let log = account.log(&site.home, group, "{ $.eventID = \"*\" }", now - WITHIN, LOG_PAGES).await;
    let regions = site.covered();
    let creates =
        |text: &str| parsed(text).is_some_and(|record| creation(&record, policy, &account.id).is_some());
    let histories = join_all(regions.iter().map(|region| {
        // What is older than the stack's last change may be older than its rules.
        let stack = if *region == site.home { site.stack.as_ref() } else { site.forwarders.get(region) };
        let changed = stack.map_or(0, |stack| stack.changed.max(0).unsigned_abs());
        let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(changed);
        history(account, region, changed.max(now - WITHIN), now, &creates)
    }))
    .await;
    let mut looked = Looked { calls: 0, covers: WITHIN, complete: true, regions: 0, unreadable: 0 };
    let (mut created, mut removals, mut checks): (Vec<_>, Vec<Removal>, Vec<_>) = <_>::default();
    let mut resources: Vec<Resource> = Vec::new();
    for (region, seen) in regions.iter().zip(histories) {
        let seen = match seen {
            Ok(seen) => seen,
            Err(trouble) => {
                checks.push(Check::unknown("creations", &trouble).at(region));
                continue;
            }
        };
        looked.calls += seen.records.len();
        looked.regions += 1;
        looked.covers = looked.covers.min(seen.covers);
        looked.complete &= seen.complete;
        looked.unreadable += seen.unreadable;
        for text in &seen.records {
            let Some(record) = parsed(text) else {
                looked.unreadable += 1;
                continue;
            };
            created.extend(creation(&record, policy, &account.id));
            resources.extend(plan(&record, policy, Some(&account.id)).actions);
            removals.extend(removal(&record, &policy.tag.key));
        }
    }
    // One event can come from two looks.
    created.sort_by(|one: &Creation, other| one.id.cmp(&other.id));
    created.dedup_by(|one, other| one.id == other.id);
    if looked.regions > 0 {
        checks.extend(judge(&created, &log, now, looked));
    }
    let tagged = tagged(&log);
    let known = tags_removed::Known { created: &resources, tagged: &tagged, policy };
    let (findings, more) = tags_removed::look(account, &known, removals).await;
    checks.extend(tags_removed::judge(&findings, more, &policy.tag.key));
    checks.extend(errors(&log));
    checks
}

fn parsed(text: &str) -> Option<Record> {
    serde_json::from_str(text).ok().map(Record::new)
}

/// Reads a region's history: what is old enough to be judged, then what may be under way still, and, where the former
/// was too much and holds no creation, what is created often.
async fn history(
    account: &Account,
    region: &str,
    from: SystemTime,
    now: SystemTime,
    creates: &impl Fn(&str) -> bool,
) -> Result<Seen, Trouble> {
    let settled = (now - UNDER_WAY).max(from);
    let old = account.history(region, Which::Writes, from, settled, PAGES).await?;
    let young = account.history(region, Which::Writes, settled, now, YOUNG_PAGES).await?;
    let mut seen = Seen {
        covers: settled.duration_since(old.from).unwrap_or_default(),
        complete: old.complete,
        unreadable: old.without_record + young.without_record,
        records: old.records,
    };
    if !old.complete && !seen.records.iter().any(|text| creates(text)) {
        for name in OFTEN {
            let part = account.history(region, Which::Named(name), from, settled, 1).await?;
            seen.records.extend(part.records);
        }
    }
    seen.records.extend(young.records);
    Ok(seen)
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
    looked: Looked,
) -> Vec<Check> {
    let name = "creations";
    let lines = match log {
        Ok(Some(lines)) => lines,
        Ok(None) => {
            let message = "the function has no log group: it has never run, or somebody deleted its log";
            return vec![Check::new(name, Verdict::Bad, message).fix("`tagger doctor --canary` shows which")];
        }
        Err(trouble) => return vec![Check::unknown(name, trouble)],
    };
    let extent = extent(&looked);
    let old = |creation: &&Creation| now.duration_since(creation.at).is_ok_and(|age| age > UNDER_WAY);
    let detail = |check: Check| {
        check.detail(
            "lookedAt",
            json!({ "seconds": looked.covers.as_secs(), "events": looked.calls, "creations": created.len(),
                "regions": looked.regions, "complete": looked.complete, "unreadable": looked.unreadable }),
        )
    };
    if created.is_empty() {
        return vec![detail(nothing(&looked).fix(CANARY_FIX))];
    }
    let ended = fates(&lines.lines);
    let fate = |creation: &Creation| ended.get(creation.id.as_str());
    let of = |is_it: &dyn Fn(&Fate) -> bool| -> Vec<&Creation> {
        created.iter().filter(|creation| fate(creation).is_some_and(is_it)).collect()
    };
    let (done, waiting) =
        (of(&|fate| *fate == Fate::Done).len(), of(&|fate| matches!(fate, Fate::Waits(_))).len());
    let unseen: Vec<_> = created.iter().filter(|creation| fate(creation).is_none()).collect();
    let lost: Vec<&str> =
        unseen.iter().filter(|creation| old(creation)).map(|creation| creation.words.as_str()).collect();
    let failed: Vec<String> = created
        .iter()
        .filter_map(|creation| match fate(creation)? {
            Fate::Failed(reason) => Some(format!("{} ({reason})", creation.words)),
            _ => None,
        })
        .collect();
    let mut checks = Vec::new();
    if !lost.is_empty() && lines.complete {
        let message = format!(
            "{} of {} never reached the function: {}; looked at {extent}",
            lost.len(),
            counted(created.len(), "creation"),
            some(&lost, 3)
        );
        let fix =
            "the first BAD line above says why; where there is none: docs/operations.md#nothing-is-tagged";
        checks.push(Check::new(name, Verdict::Bad, message).fix(fix));
    } else if !lost.is_empty() {
        let message = format!(
            "the log of the last {} is too long to be read whole; {} of {} are in what was read",
            hours(WITHIN),
            created.len() - unseen.len(),
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
                .fix("what each outcome means: docs/operations.md#the-log"),
        );
    }
    let pending = unseen.len() - lost.len();
    let mut more = String::new();
    if waiting > 0 {
        more = format!("; {waiting} wait for their next try");
    }
    if pending > 0 {
        more = format!("{more}; {pending} of the last {} may be under way still", hours(UNDER_WAY));
    }
    if checks.is_empty() && done > 0 {
        let were = if done == 1 { "was" } else { "were" };
        let message = format!(
            "{} {were} tagged, or left alone as the settings say{more}; looked at {extent}",
            counted(done, "creation")
        );
        checks.push(Check::ok(name, message));
    } else if checks.is_empty() {
        let message = format!("no creation is seen to be tagged yet{more}; looked at {extent}");
        checks.push(Check::new(name, Verdict::Info, message).fix(CANARY_FIX));
    }
    if let Some(first) = checks.first_mut() {
        *first = detail(first.clone());
    }
    checks
}

/// No creation was seen: because there is none, or because not everything was read.
fn nothing(looked: &Looked) -> Check {
    let extent = extent(looked);
    if looked.complete && looked.unreadable == 0 {
        let message = format!("nothing that would be tagged was created: looked at {extent}");
        Check::new("creations", Verdict::Info, message)
    } else {
        let message = format!(
            "whether creations are tagged is not known: looked at {extent}, and none of them creates what would be tagged"
        );
        Check::new("creations", Verdict::Unknown, message)
    }
}

/// How much was looked at, for people.
fn extent(looked: &Looked) -> String {
    let mut text = match looked.calls {
        1 => "1 call that writes".to_owned(),
        calls => format!("{calls} calls that write"),
    };
    let regions = if looked.regions == 1 {
        String::new()
    } else {
        format!(" in {}", counted(looked.regions, "region"))
    };
    text = if looked.complete {
        format!("all {text}{regions} of the last {}", hours(looked.covers + UNDER_WAY))
    } else {
        format!(
            "{text}{regions}: the newest {} that are older than {}, and by name what is created often in the last {}, \
             where those hold no creation; there are more than could be read",
            hours(looked.covers),
            hours(UNDER_WAY),
            hours(WITHIN)
        )
    };
    if looked.unreadable > 0 {
        text = format!("{text}; {} could not be read", counted(looked.unreadable, "record"));
    }
    text
}

/// How an event ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// Each of its resources was tagged or left alone.
    Done,
    /// A resource waits for its next try.
    Waits(String),
    /// A resource was given up: why.
    Failed(String),
}

/// How each event ended last.
fn fates(lines: &[Line]) -> BTreeMap<String, Fate> {
    let mut ended: BTreeMap<String, BTreeMap<String, Fate>> = BTreeMap::new();
    for line in lines {
        let Some(line) = line.json() else { continue };
        let Some(id) = line["eventID"].as_str() else { continue };
        let fate = match (line["level"] == "ERROR", line["waiting"].as_str()) {
            (true, _) => Fate::Failed(reason(&line)),
            (false, Some(waiting)) => Fate::Waits(waiting.to_owned()),
            (false, None) => Fate::Done,
        };
        // The last try of each resource counts.
        let resource = line["arn"].as_str().unwrap_or_default().to_owned();
        ended.entry(id.to_owned()).or_default().insert(resource, fate);
    }
    // The worst of its resources counts.
    let worst = |fates: BTreeMap<String, Fate>| {
        let rank = |fate: &Fate| match fate {
            Fate::Done => 0,
            Fate::Waits(_) => 1,
            Fate::Failed(_) => 2,
        };
        fates.into_values().max_by_key(rank)
    };
    ended.into_iter().filter_map(|(id, fates)| Some((id, worst(fates)?))).collect()
}

/// Which resources the log calls tagged, with the time.
fn tagged(log: &Result<Option<Lines>, Trouble>) -> Vec<(String, SystemTime)> {
    let Ok(Some(lines)) = log else { return Vec::new() };
    let lines = lines.lines.iter().filter_map(Line::json);
    let tagged = lines.filter(|line| matches!(line["outcome"].as_str(), Some("tagged" | "already-tagged")));
    let pair = |line: Value| {
        let at = tagger_aws::time::parse(line["timestamp"].as_str()?)?;
        Some((line["arn"].as_str()?.to_owned(), at))
    };
    tagged.filter_map(pair).collect()
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
        format!(
            "in the log of the last {}{}: {}",
            hours(WITHIN),
            if lines.complete { "" } else { ", as far as it was read" },
            some(&shown, 4)
        ),
    );
    Some(check.fix("what each outcome means: docs/operations.md#the-log"))
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
mod tests;
