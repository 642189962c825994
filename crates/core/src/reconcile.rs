//! Reconciling: what of the event history is still to be looked at, and what of it is still to be tagged.
//! Pure; `tagger-lambda` reads the history and does the rest.
//!
//! Each region has a mark: everything that was called before it is reconciled. A run begins at the marks
//! and moves them; so a run that is cut short, or did not come, is gone on with by the next.

pub use crate::window::{KEPT, SLICE, Window};
use crate::{
    history::{self, may_be_anothers},
    json,
    plan::Plan,
    record::Record,
    resources::Resource,
    work::{Search, Work},
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use tagger_catalog::Upsert;

/// So old is a call before it is looked at: by then it is in the history, and the live path is done with
/// all but what it waits for. CloudTrail states 15 minutes for the event history and guarantees nothing:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
pub const LATE: u64 = 60 * 60;
/// The most records of one answer of LookupEvents:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
pub const PAGE: u64 = 50;
/// Milliseconds between two calls where there is time: AWS takes two a second in a region of an account, from everybody
/// together (the same page), so half of them is left to others.
pub const EASY: u64 = 1000;
/// Milliseconds between two calls where a run is behind: as fast as AWS takes them.
pub const FAST: u64 = 500;
/// A run ends when it has fewer seconds left than this.
const LEAST: u64 = 20;
/// What stands before a region in the key of its mark.
const MARK: &str = "auto-resource-tagger-reconciled:";

/// The event that asks for a run: `{"tagger": "reconcile"}`, each hour, or `{"tagger": "backfill"}`, by `tagger backfill`.
/// Two words, so that a function of an earlier version, which knows no `dryRun`, refuses the second.
#[derive(Debug, PartialEq, Eq)]
pub struct Ask {
    /// When to begin.
    pub from: Start,
    /// `late`: how old a call must be, in seconds; [`LATE`] where it is not told. Marks move no nearer than that for all that.
    pub late: u64,
    /// `dryRun`: only count what would be tagged. Nothing is written, and the marks stay.
    pub dry_run: bool,
    /// `seconds`: the run ends after so many, for whoever follows it.
    pub seconds: Option<u64>,
}

/// When a run begins, as it was written: a time such as `2026-11-24T08:30:00Z`.
#[derive(Debug, PartialEq, Eq)]
pub enum Start {
    /// At the marks.
    Marks,
    /// At one time in each region.
    At(String),
    /// In these regions only, each at a time of its own.
    Regions(BTreeMap<String, String>),
}

impl Ask {
    /// Reads it; none for every other event.
    pub fn of(event: &Value) -> Option<Self> {
        if event["tagger"] != "reconcile" && event["tagger"] != "backfill" {
            return None;
        }
        let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let from = match &event["from"] {
            Value::Null => Start::Marks,
            Value::Object(regions) => {
                Start::Regions(regions.iter().map(|(region, at)| (region.clone(), written(at))).collect())
            }
            other => Start::At(written(other)),
        };
        Some(Self {
            from,
            late: event["late"].as_u64().unwrap_or(LATE),
            dry_run: event["dryRun"] == true,
            seconds: event["seconds"].as_u64(),
        })
    }
}

/// How far a region is reconciled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Everything that was called before this second, since 1970, was looked at.
    pub at: u64,
    /// Where the mark was set back on purpose: up to this second the region had been reconciled before. Until it is there
    /// again, nobody is alarmed about its being behind.
    pub backfill: Option<u64>,
}

/// Milliseconds between two calls in a region: [`EASY`] where it reaches the end of the window in time, else [`FAST`].
/// `calls` were needed for `read` seconds of the history, `left` seconds are still to be read, and there are `time`
/// milliseconds for it.
pub fn gap(calls: u64, read: u64, left: u64, time: u64) -> u64 {
    // Before anything is known of it: a page a minute.
    let (calls, read) = if read == 0 { (1, 60) } else { (calls, read) };
    let expected = calls.saturating_mul(left).div_ceil(read);
    if expected.saturating_mul(EASY) <= time { EASY } else { FAST }
}

/// How many of the seconds that a run has left it reads before it tags what it found: half of them, so that there is time
/// for that; then half of the rest, until none is worth it. So a run that is behind reads for nearly all of its time.
pub fn reading(left: u64) -> Option<u64> {
    (left >= LEAST).then_some(left / 2)
}

/// A mark at this second, kept from being nearer than [`LATE`]: what was called since may yet appear.
pub fn mark_at(second: u64, now: u64) -> u64 {
    second.min(now.saturating_sub(LATE))
}

/// The key of a region's mark, a tag of the function.
pub fn mark_key(region: &str) -> String {
    format!("{MARK}{region}")
}

/// The region of a mark, by its key.
pub fn marked_region(key: &str) -> Option<&str> {
    key.strip_prefix(MARK)
}

/// A record of the history that planned something.
#[derive(Debug)]
pub struct Candidate {
    /// The record.
    pub record: Record,
    /// Its plan.
    pub plan: Plan,
    /// When the call was made, in seconds since 1970.
    pub time: u64,
    /// The region in whose history it stands.
    pub region: String,
}

/// What a record of the history says was deleted: the service, what it is, and the names in its request.
#[derive(Debug, PartialEq, Eq)]
pub struct Deletion {
    source: String,
    what: String,
    names: Vec<String>,
    /// When the call was made, in seconds since 1970.
    pub time: u64,
}

impl Deletion {
    /// The deletion that a record tells of.
    pub fn of(record: &Record, time: u64) -> Option<Self> {
        let name = record.event_name();
        let what = history::deletes(tagger_catalog::plain_event_name(&name))?.to_owned();
        let mut names = Vec::new();
        json::each_text(json::member(record.value(), "requestParameters"), &mut |text| {
            // No name is longer, nor is an ARN.
            if text.len() <= 2_048 {
                names.push(text.to_owned());
            }
        });
        let succeeded = record.created_nothing().is_none() && !names.is_empty();
        succeeded.then(|| Self { source: record.event_source(), what, names, time })
    }
}

/// When each resource was last created, and when something of a name was last deleted, as far as records tell.
#[derive(Debug, Default)]
pub struct Newest {
    times: HashMap<String, u64>,
    deleted: HashMap<(String, String, String), u64>,
}

impl Newest {
    /// Takes note of a record's resources.
    pub fn note(&mut self, plan: &Plan, time: u64) {
        for resource in &plan.actions {
            let newest = self.times.entry(resource.arn.clone()).or_default();
            *newest = time.max(*newest);
        }
    }

    /// Takes note of what was deleted.
    pub fn note_deletion(&mut self, deletion: &Deletion) {
        let Deletion { source, what, names, time } = deletion;
        for name in names {
            let newest = self.deleted.entry((source.clone(), what.clone(), name.clone())).or_default();
            *newest = (*newest).max(*time);
        }
    }

    /// Whether a resource of a candidate was deleted after its call, by the call that undoes that one: DeleteQueue after
    /// CreateQueue. Others, such as DeleteBucketPolicy, name what they leave there.
    fn is_deleted(&self, candidate: &Candidate, resource: &Resource) -> bool {
        let name = candidate.record.event_name();
        let name = tagger_catalog::plain_event_name(&name);
        let verb = name.char_indices().skip(1).find(|(_, char)| char.is_ascii_uppercase());
        let Some(what) = verb.map(|(at, _)| name[at..].to_owned()) else { return false };
        let source = candidate.record.event_source();
        history::names(&resource.arn, &resource.id).into_iter().any(|name| {
            let deleted = self.deleted.get(&(source.clone(), what.clone(), name));
            deleted.is_some_and(|time| *time > candidate.time)
        })
    }

    /// Whether a later record tells of the same name.
    pub fn has_later(&self, arn: &str, time: u64) -> bool {
        self.times.get(arn).is_some_and(|newest| *newest > time)
    }
}

/// What is still to do about a candidate, and whether nothing but this record can have made it.
#[derive(Debug)]
pub struct Left {
    /// What is left of its plan; none where nothing is.
    pub work: Option<Work>,
    /// How many of its resources have the key already.
    pub have_it: usize,
    /// Whether the history shows that each is still the resource of this call.
    pub sure: bool,
}

/// What is left of a candidate: not what has the key, unless its value may be that of an earlier resource of the name; not what was made again later under the same
/// name, whose creator is in the later record. Where an event fires again on what exists, the later record
/// may be such a one, so that the history does not tell.
pub fn left<'a>(candidate: &Candidate, newest: &Newest, value: impl Fn(&str) -> Option<&'a str>) -> Left {
    let Candidate { plan, time, .. } = candidate;
    let upserts = |resource: &Resource| resource.entry.upserts_in(&resource.region);
    let has_key = |resource: &&Resource| {
        // Where only some regions answer so, the try asks the history what that creator made.
        let only_creates = resource.entry.upsert != Upsert::Always;
        let anothers =
            |value| only_creates && may_be_anothers(&candidate.record, plan, resource.entry, value);
        value(&resource.arn).is_some_and(|value| !anothers(value))
    };
    let have_it = plan.actions.iter().filter(has_key).count();
    let remain = plan.actions.iter().filter(|resource| {
        let made_again = !upserts(resource) && newest.has_later(&resource.arn, *time);
        !made_again && !has_key(resource) && !newest.is_deleted(candidate, resource)
    });
    let resources: Vec<String> = remain.map(|resource| resource.arn.clone()).collect();
    let sure = resources.iter().all(|arn| !newest.has_later(arn, *time));
    let children = plan.children.iter().filter_map(|children| {
        // The live path looked for the children of what it tagged, and waits for those that it did not find.
        let parents = children.parents.iter().map(|parent| &parent.arn).filter(|arn| resources.contains(arn));
        let types = children.entries.iter().map(|entry| entry.resource_type.to_owned()).collect();
        let search = Search { parents: parents.cloned().collect(), types };
        (!search.parents.is_empty()).then_some(search)
    });
    // Its record is the candidate's own, and is not kept twice.
    let work = Work { children: children.collect(), ..Work::default() };
    let work = (!resources.is_empty()).then_some(Work { resources, ..work });
    Left { work, have_it, sure }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;
    use serde_json::json;

    const NOW: u64 = 1_795_509_000;

    #[test]
    fn windows() {
        let until = NOW - LATE;
        for (what, mark, from) in [
            ("the first run begins now", None, until),
            ("goes on at the mark", Some(NOW - 2 * LATE), NOW - 2 * LATE),
            ("after a long pause, as far back as the history reaches", Some(7), NOW - KEPT),
            ("a mark of the future", Some(NOW + 9), until),
        ] {
            let window = Window::after(mark, NOW, LATE);
            assert_eq!(window, Window { from, until }, "{what}");
            assert_eq!(window.rest(NOW), Window { from: until, until: NOW + 1 });
        }
    }

    #[test]
    fn slices_hold_each_second_once() {
        for length in [0, 1, SLICE - 1, SLICE, SLICE + 1, 7 * SLICE + 13] {
            // Calls that a second of the history needs: none, or one each ten seconds, or ten.
            for (calls, seconds) in [(0, 1), (1, 10), (10, 1)] {
                let window = Window { from: NOW, until: NOW + length };
                let mut at = window.from;
                while let Some(slice) =
                    (Window { from: at, ..window }).first((at - NOW) * calls / seconds, at - NOW)
                {
                    assert_eq!(slice.from, at);
                    assert!(slice.until > slice.from && slice.until - slice.from <= SLICE);
                    at = slice.until;
                }
                assert_eq!(at, window.until, "{length}");
            }
        }
        let [first, second] = Window { from: 7, until: 12 }.halves().unwrap();
        assert_eq!((first.from, first.until, second.from, second.until), (7, 9, 9, 12));
        assert_eq!(Window { from: 7, until: 8 }.halves(), None);
    }

    /// A slice that has not been read to its end counts for nothing, so where there is much it is short.
    #[test]
    fn a_slice_is_as_long_as_a_hundred_calls_read() {
        let day = Window { from: NOW, until: NOW + 24 * 3600 };
        for (what, calls, read, expected) in [
            ("nothing is known", 0, 0, 60),
            ("a quiet account", 1, 60, SLICE),
            ("100,000 writes an hour", 34, 60, 176),
            ("all that AWS answers in an hour", 7200, 3600, 50),
        ] {
            let slice = day.first(calls, read).unwrap();
            assert_eq!(slice.until - slice.from, expected, "{what}");
        }
    }

    #[test]
    fn calls_are_as_slow_as_the_time_allows() {
        for (what, calls, read, left, time, expected) in [
            ("a usual hour", 0, 0, 3600, 435_000, EASY),
            ("two days, of which nothing is known", 0, 0, 48 * 3600, 435_000, FAST),
            ("a quiet account that is two days behind", 2, 3600, 48 * 3600, 400_000, EASY),
            ("an hour with 20,000 writes", 200, 1800, 1800, 235_000, EASY),
            ("an hour with 60,000 writes", 600, 1800, 1800, 235_000, FAST),
            ("nothing is left", 600, 3600, 0, 0, EASY),
        ] {
            assert_eq!(gap(calls, read, left, time), expected, "{what}");
        }
    }

    /// Events that a run of so many seconds can read in one region, of which `report` are kept for the end.
    fn capacity(run: u64, report: u64) -> u64 {
        let (mut left, mut read) = (run - report, 0);
        while let Some(seconds) = reading(left) {
            read += seconds;
            left -= seconds;
        }
        read * 1000 / FAST * PAGE
    }

    fn thousands(number: u64) -> String {
        let number = number / 1000;
        if number >= 1000 {
            format!("{},{:03},000", number / 1000, number % 1000)
        } else {
            format!("{number},000")
        }
    }

    /// The numbers of the documents are those of the constants above.
    #[test]
    fn what_the_documents_say_of_its_limits() {
        let text = include_str!("../../../docs/architecture.md");
        // `REPORT` of the function, and its tries in an hour (templates/tagger.template.yaml).
        let (short, long) = (capacity(900, 30), capacity(1800, 30));
        let most = 3_600_000 / FAST * PAGE;
        let names: std::collections::BTreeSet<&str> =
            tagger_catalog::events().iter().map(|event| event.name).collect();
        let by_name = u64::try_from(names.len()).unwrap();
        // A week without a run, in a region with 20,000 writes an hour.
        let backlog = 7 * 24 * 20_000;
        let catch_up = backlog / (3 * short - 20_000);
        for said in [
            format!("{} events a run and {} an hour", thousands(short), thousands(3 * short)),
            format!("{} a run and {} an hour", thousands(long), thousands(2 * long)),
            format!("{} an hour is all that AWS answers", thousands(most)),
            format!("in {catch_up} hours"),
            format!("{by_name} event names"),
            format!("{} seconds", by_name * FAST / 1000),
        ] {
            assert!(text.contains(&said), "docs/architecture.md does not say: {said}");
        }
    }

    #[test]
    fn marks_are_keys_of_tags() {
        let key = mark_key("us-gov-west-1");
        assert_eq!(marked_region(&key), Some("us-gov-west-1"));
        assert_eq!(marked_region("CreatedBy"), None);
        assert!(key.len() <= 128 && key.chars().all(crate::value::is_accepted), "{key}");
    }

    #[test]
    fn what_asks_for_a_run() {
        let usual = || Ask { from: Start::Marks, late: LATE, dry_run: false, seconds: None };
        let at = |text: &str| Start::At(text.to_owned());
        let region = |text: &str| Start::Regions([("eu-west-1".to_owned(), text.to_owned())].into());
        for (event, expected) in [
            (json!({"tagger": "reconcile"}), usual()),
            (
                json!({"tagger": "reconcile", "from": "2026-11-20T00:00:00Z", "late": 900}),
                Ask { from: at("2026-11-20T00:00:00Z"), late: 900, ..usual() },
            ),
            (
                json!({"tagger": "backfill", "from": {"eu-west-1": "2026-11-20T00:00:00Z"}, "dryRun": true, "seconds": 60}),
                Ask { from: region("2026-11-20T00:00:00Z"), dry_run: true, seconds: Some(60), ..usual() },
            ),
            // Refused when it is read, and not passed over.
            (json!({"tagger": "backfill", "from": 5}), Ask { from: at("5"), ..usual() }),
        ] {
            assert_eq!(Ask::of(&event), Some(expected), "{event}");
        }
        for other in [json!({"tagger": "work"}), json!({"Records": []}), json!(["reconcile"]), json!(null)] {
            assert_eq!(Ask::of(&other), None, "{other}");
        }
    }

    fn candidate(source: &str, name: &str, request: Value, response: Value, time: u64) -> Candidate {
        let record = Record::new(json!({
            "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "awsRegion": "us-east-1",
            "recipientAccountId": "111122223333", "requestParameters": request, "responseElements": response,
            "userIdentity": {"type": "IAMUser", "userName": "alice"},
        }));
        let plan = crate::plan(&record, &Policy::default(), None);
        assert!(!plan.actions.is_empty(), "{name}");
        Candidate { record, plan, time, region: "us-east-1".to_owned() }
    }

    #[test]
    fn what_is_left() {
        let topic = |time| {
            let arn = "arn:aws:sns:us-east-1:111122223333:t";
            candidate("sns", "CreateTopic", json!({"name": "t"}), json!({"topicArn": arn}), time)
        };
        let alarm =
            |time| candidate("monitoring", "PutMetricAlarm", json!({"alarmName": "cpu"}), Value::Null, time);
        let group =
            |time| candidate("logs", "CreateLogGroup", json!({"logGroupName": "g"}), Value::Null, time);
        let bucket = |time| candidate("s3", "CreateBucket", json!({"bucketName": "b-1"}), Value::Null, time);
        // Records, oldest first; which have the key; how many resources each leaves and whether it is sure.
        for (what, records, has_key, other, expected) in [
            ("one", vec![topic(1)], false, None, vec![(1, true)]),
            ("one that has the key", vec![topic(1)], true, None, vec![(0, true)]),
            ("one that may have an earlier one's", vec![bucket(1)], false, Some("bob"), vec![(1, true)]),
            ("one that was perhaps only changed", vec![alarm(1)], false, Some("bob"), vec![(0, true)]),
            ("made again", vec![group(1), group(2)], false, None, vec![(0, true), (1, true)]),
            ("perhaps only found", vec![bucket(1), bucket(2)], false, None, vec![(1, false), (1, true)]),
            ("perhaps only changed", vec![alarm(1), alarm(2)], false, None, vec![(1, false), (1, true)]),
        ] {
            let mut newest = Newest::default();
            records.iter().for_each(|record| newest.note(&record.plan, record.time));
            let found: Vec<_> = records
                .iter()
                .map(|record| {
                    let value = if has_key { Some(record.plan.tags[0].1.as_str()) } else { other };
                    left(record, &newest, |_| value)
                })
                .map(|left| (left.work.map_or(0, |work| work.resources.len()), left.sure))
                .collect();
            assert_eq!(found, expected, "{what}");
        }
    }

    /// Who made it anew may not be in the history yet.
    #[test]
    fn what_was_deleted_afterwards_is_left_alone() {
        let arn = "arn:aws:sns:us-east-1:111122223333:t";
        let created = candidate("sns", "CreateTopic", json!({"name": "t"}), json!({"topicArn": arn}), 5);
        for (what, source, name, request, time, expected) in [
            ("deleted", "sns", "DeleteTopic", json!({"topicArn": arn}), 6, 0),
            ("deleted before", "sns", "DeleteTopic", json!({"topicArn": arn}), 4, 1),
            ("another", "sns", "DeleteTopic", json!({"topicArn": format!("{arn}-2")}), 6, 1),
            ("something of it", "sns", "RemovePermission", json!({"topicArn": arn, "label": "x"}), 6, 1),
            ("another service's", "sqs", "DeleteTopic", json!({"topicArn": arn}), 6, 1),
        ] {
            let record = Record::new(json!({
                "eventSource": format!("{source}.amazonaws.com"), "eventName": name, "requestParameters": request,
            }));
            let mut newest = Newest::default();
            newest.note(&created.plan, 5);
            newest.note_deletion(&Deletion::of(&record, time).unwrap());
            let found = left(&created, &newest, |_| None).work.map_or(0, |work| work.resources.len());
            assert_eq!(found, expected, "{what}");
        }
    }

    #[test]
    fn children_are_looked_for_where_their_parent_is_left() {
        let items = json!({"instancesSet": {"items": [{"instanceId": "i-1"}, {"instanceId": "i-2"}]}});
        let run = candidate("ec2", "RunInstances", json!({}), items, 1);
        let some = left(&run, &Newest::default(), |arn| arn.ends_with("i-1").then_some("x"));
        let work = some.work.unwrap();
        assert_eq!((some.have_it, work.resources.len()), (1, 1));
        assert!(work.children.iter().all(|search| search.parents == work.resources), "{work:?}");
        assert!(!work.children.is_empty());
        let none = left(&run, &Newest::default(), |_| Some("x"));
        assert!(none.work.is_none(), "{none:?}");
    }
}
