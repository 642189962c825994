//! Reconciling: what of the event history is still to be looked at, and what of it is still to be tagged.
//! Pure; `tagger-lambda` reads the history and does the rest.
//!
//! Each region has a mark: everything that was called before it is reconciled. A run begins at the marks
//! and moves them; so a run that is cut short, or did not come, is gone on with by the next.

pub use crate::window::{KEPT, SLICE, Window};
use crate::{
    history::may_be_anothers,
    plan::Plan,
    record::Record,
    resources::Resource,
    work::{Search, Work},
};
use serde_json::Value;
use std::collections::HashMap;

/// So old is a call before it is looked at: by then it is in the history, and the live path is done with
/// all but what it waits for. CloudTrail states 15 minutes for the event history and guarantees nothing:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
pub const LATE: u64 = 60 * 60;
/// What stands before a region in the key of its mark.
const MARK: &str = "auto-resource-tagger-reconciled:";

/// The event that asks for a run: `{"tagger": "reconcile"}`, with `from` to begin anew at that time, and
/// `late` for another age of calls than [`LATE`].
#[derive(Debug, PartialEq, Eq)]
pub struct Ask {
    /// When to begin instead of at the marks, as it was written.
    pub from: Option<String>,
    /// How old a call must be, in seconds. Marks move no nearer than [`LATE`] for all that.
    pub late: u64,
}

impl Ask {
    /// Reads it; none for every other event.
    pub fn of(event: &Value) -> Option<Self> {
        let asked = event["tagger"] == "reconcile";
        asked.then(|| Self {
            from: event["from"].as_str().map(str::to_owned),
            late: event["late"].as_u64().unwrap_or(LATE),
        })
    }
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

/// When each resource was last created, as far as records tell.
#[derive(Debug, Default)]
pub struct Newest {
    times: HashMap<String, u64>,
}

impl Newest {
    /// Takes note of a record's resources.
    pub fn note(&mut self, plan: &Plan, time: u64) {
        for resource in &plan.actions {
            let newest = self.times.entry(resource.arn.clone()).or_default();
            *newest = time.max(*newest);
        }
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
    let has_key = |resource: &&Resource| {
        let anothers =
            |value| !resource.entry.upsert && may_be_anothers(&candidate.record, plan, resource.entry, value);
        value(&resource.arn).is_some_and(|value| !anothers(value))
    };
    let have_it = plan.actions.iter().filter(has_key).count();
    let remain = plan.actions.iter().filter(|resource| {
        let made_again = !resource.entry.upsert && newest.has_later(&resource.arn, *time);
        !made_again && !has_key(resource)
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
            let window = Window { from: NOW, until: NOW + length };
            let slices = window.slices();
            let mut at = window.from;
            for slice in &slices {
                assert_eq!(slice.from, at);
                assert!(slice.until > slice.from && slice.until - slice.from <= SLICE);
                at = slice.until;
            }
            assert_eq!(at, window.until, "{length}");
            for slice in slices {
                let [first, second] = match slice.halves() {
                    Some(halves) => halves,
                    None => {
                        assert_eq!(slice.until - slice.from, 1);
                        continue;
                    }
                };
                assert_eq!((first.from, first.until, second.until), (slice.from, second.from, slice.until));
            }
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
        assert_eq!(Ask::of(&json!({"tagger": "reconcile"})), Some(Ask { from: None, late: LATE }));
        let told = json!({"tagger": "reconcile", "from": "2026-11-20T00:00:00Z", "late": 900});
        assert_eq!(Ask::of(&told), Some(Ask { from: Some("2026-11-20T00:00:00Z".to_owned()), late: 900 }));
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
        let bucket = |time| candidate("s3", "CreateBucket", json!({"bucketName": "b-1"}), Value::Null, time);
        // Records, oldest first; which have the key; how many resources each leaves and whether it is sure.
        for (what, records, has_key, other, expected) in [
            ("one", vec![topic(1)], false, None, vec![(1, true)]),
            ("one that has the key", vec![topic(1)], true, None, vec![(0, true)]),
            ("one that may have an earlier one's", vec![bucket(1)], false, Some("bob"), vec![(1, true)]),
            ("one that was perhaps only changed", vec![alarm(1)], false, Some("bob"), vec![(0, true)]),
            ("made again", vec![bucket(1), bucket(2)], false, None, vec![(0, true), (1, true)]),
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
