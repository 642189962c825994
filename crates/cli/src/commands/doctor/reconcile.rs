//! Is the event history reconciled: is the function there, is its rule on, how far did it get in each region, and how
//! did its last run end? `tagger status` shows what is seen here.
//!
//! [`look`] asks; what is concluded is pure. What a mark is, is in `tagger_core::reconcile`.

use super::{
    report::{Check, Verdict, counted, some},
    stack::{LOG, Site},
};
use crate::deployment::RECONCILE;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};
use tagger_aws::{
    account::{Account, Trouble, log::Line},
    time,
};
use tagger_core::reconcile::{LATE, Mark};

/// So far back the last run is looked for; it comes hourly.
const BACK: Duration = Duration::from_secs(6 * 3600);
/// A region may be behind by a run that failed and the one that is under way.
const BEHIND: u64 = 2 * 3600;
/// So long after a run's end the next one cannot have begun: it comes hourly, and takes half an hour at most.
const NOT_DUE: u64 = 25 * 60;
/// Most pages of the log.
const PAGES: usize = 30;

/// What was seen. Each part may be unknown by itself.
#[derive(Debug)]
pub struct Seen {
    /// Whether the stack says that there is reconciling.
    pub on: bool,
    /// How far each region is reconciled; none where there is no function.
    pub marks: Result<Option<BTreeMap<String, Mark>>, Trouble>,
    /// The state of the rule; none where there is no rule.
    pub rule: Result<Option<String>, Trouble>,
    /// The line of the last run within [`BACK`].
    pub last: Result<Option<Value>, Trouble>,
    /// When it was looked.
    pub now: u64,
}

/// How far behind a mark is: calls of the last hour are not looked at.
pub fn behind(now: u64, mark: u64) -> u64 {
    now.saturating_sub(LATE).saturating_sub(mark)
}

/// Looks; nothing where there is no stack, or one that knows nothing of reconciling.
pub async fn look(account: &Account, site: &Site) -> Option<Seen> {
    let told = site.stack.as_ref()?.parameters.get("Reconcile")?;
    let now = time::since_1970(SystemTime::now());
    if told == "off" {
        return Some(Seen { on: false, marks: Ok(None), rule: Ok(None), last: Ok(None), now });
    }
    let (partition, home, id) = (account.partition.name, &site.home, &account.id);
    let arn = format!("arn:{partition}:lambda:{home}:{id}:function:{RECONCILE}");
    let marks = account.functions(home).tags(&arn).await.map(|tags| tags.map(|tags| marks(&tags)));
    let rule = account.rules(home).state(RECONCILE).await;
    let group = site.output("LogGroupName").unwrap_or(LOG);
    let pattern = r#"{ ($.code = "reconcile") || ($.code = "reconcile-failed") }"#;
    let lines = account.log(home, group, pattern, SystemTime::now() - BACK, PAGES).await;
    let last = lines.and_then(|lines| match lines {
        // The oldest lines come first: of a log that was not read to its end the newest line is not known.
        Some(lines) if !lines.complete => {
            let message = format!("the log of the last 6 hours was not read to its end in {PAGES} pages");
            Err(Trouble::new("logs:FilterLogEvents", home, "TooMuch", message))
        }
        lines => Ok(lines.and_then(|lines| newest(&lines.lines))),
    });
    Some(Seen { on: true, marks, rule, last, now })
}

fn marks(tags: &BTreeMap<String, String>) -> BTreeMap<String, Mark> {
    tagger_aws::marks::among(tags).into_iter().filter_map(|(region, mark)| Some((region, mark?))).collect()
}

/// The last run's line. One that ended badly says twice so: what it did, and behind it why.
fn newest(lines: &[Line]) -> Option<Value> {
    let mut lines = lines.iter().rev().filter_map(Line::json);
    let mut last = lines.next()?;
    if last["code"] == "reconcile-failed"
        && let Some(report) =
            lines.next().filter(|report| report["code"] == "reconcile" && report["level"] == "ERROR")
    {
        last["missed"] = report["missed"].clone();
    }
    Some(last)
}

/// The line as `tagger status --json` has it.
pub fn run_json(line: &Value) -> Value {
    json!({ "time": line["timestamp"], "ended": line["level"] == "INFO", "missed": line["missed"], "message": line["message"] })
}

/// What it says.
pub fn judge(seen: &Seen, site: &Site) -> Vec<Check> {
    let name = "reconcile";
    if !seen.on {
        let message = "reconciling is off: what the rules miss is not found";
        return vec![Check::new(name, Verdict::Info, message).fix("`tagger deploy --set Reconcile=hourly`")];
    }
    let home = &site.home;
    let marks = match &seen.marks {
        Ok(Some(marks)) => Some(marks),
        Ok(None) => {
            let message = format!("there is no function {RECONCILE} in {home}, and the stack says hourly");
            let fix = "`tagger deploy --set Reconcile=off`, then `tagger deploy --set Reconcile=hourly`: CloudFormation \
                        does not recreate what was deleted outside of it";
            return vec![Check::new(name, Verdict::Bad, message).fix(fix)];
        }
        Err(_) => None,
    };
    let mut checks: Vec<Check> =
        [seen.marks.as_ref().err(), seen.rule.as_ref().err(), seen.last.as_ref().err()]
            .into_iter()
            .flatten()
            .map(|trouble| Check::unknown(name, trouble))
            .collect();
    checks.extend(seen.rule.as_ref().ok().and_then(|rule| of_rule(rule.as_deref(), home)));
    if let Ok(last) = &seen.last {
        checks.extend(of_last(last.as_ref(), marks));
    }
    // Before the first run there are no marks, and that is said above.
    if let Some(marks) = marks.filter(|marks| !marks.is_empty() || checks.is_empty()) {
        checks.extend(of_marks(marks, site, seen.now));
        let last = seen.last.as_ref().ok().map(Option::as_ref);
        checks.extend(last.and_then(|last| of_writer(marks, last, seen.now)));
    }
    if checks.is_empty() {
        let line = seen.last.as_ref().ok().and_then(Option::as_ref);
        let Some(missed) = line.and_then(|line| line["missed"].as_u64()) else {
            let message = "the last run's line does not say how many resources it tagged";
            return vec![Check::new(name, Verdict::Unknown, message)];
        };
        let missed = usize::try_from(missed).unwrap_or(usize::MAX);
        let message = match missed {
            0 => "the event history is reconciled, and the last run found nothing that the rules missed"
                .to_owned(),
            _ => format!(
                "the event history is reconciled; the last run tagged {} that the rules missed",
                counted(missed, "resource")
            ),
        };
        checks.push(Check::ok(name, message));
    }
    checks
}

fn of_rule(state: Option<&str>, home: &str) -> Option<Check> {
    let (message, fix) = match state {
        Some("ENABLED") => return None,
        Some(state) => (
            format!("the rule {RECONCILE} is {state}, so that nothing is reconciled"),
            format!("`aws events enable-rule --name {RECONCILE} --region {home}`"),
        ),
        None => (
            format!("there is no rule {RECONCILE} in {home}, so that nothing is reconciled"),
            "`tagger deploy --set Reconcile=off`, then `tagger deploy --set Reconcile=hourly`".to_owned(),
        ),
    };
    Some(Check::new("reconcile", Verdict::Bad, message).fix(fix))
}

fn of_last(last: Option<&Value>, marks: Option<&BTreeMap<String, Mark>>) -> Option<Check> {
    let never = marks.is_some_and(BTreeMap::is_empty);
    match last {
        // Somebody who has just deployed is told nothing but that it is so.
        None if never => Some(Check::new(
            "reconcile",
            Verdict::Info,
            "no run yet: the first comes within an hour, and marks where it begins",
        )),
        None => {
            let message = "no run within 6 hours, though it is due every hour";
            let fix = format!(
                "`aws lambda invoke --function-name {RECONCILE} --payload '{{\"tagger\":\"reconcile\"}}' \
                 --cli-binary-format raw-in-base64-out /dev/stdout` says why"
            );
            Some(Check::new("reconcile", Verdict::Warn, message).fix(fix))
        }
        Some(line) if line["level"] == "ERROR" => {
            let why = line["message"].as_str().unwrap_or("its log says why");
            let at = line["timestamp"].as_str().unwrap_or_default();
            let message = format!("the last run, at {at}, did not get to its end: {why}");
            let fix = "what it says; the next run goes on where this one stopped (docs/operations.md)";
            Some(Check::new("reconcile", Verdict::Warn, message).fix(fix))
        }
        Some(_) => None,
    }
}

fn of_marks(marks: &BTreeMap<String, Mark>, site: &Site, now: u64) -> Vec<Check> {
    let covered = site.covered();
    let (with, without): (Vec<&String>, Vec<&String>) =
        covered.iter().partition(|region| marks.contains_key(*region));
    let mut checks: Vec<Check> = with
        .into_iter()
        .filter_map(|region| marks.get(region).map(|mark| (region, *mark, behind(now, mark.at))))
        .filter(|(_, _, behind)| *behind > BEHIND)
        .map(|(region, mark, behind)| {
            if mark.backfill.is_some() {
                let message = format!(
                    "a backfill is at {}: each run goes on with it, and so does `tagger backfill --history --apply`",
                    time::at(mark.at)
                );
                return Check::new("reconcile", Verdict::Info, message).detail("behindSeconds", behind).at(region);
            }
            let message =
                format!("the event history is reconciled no further than {} ago", hours(behind + LATE));
            let fix = "the alarm auto-resource-tagger-reconcile-behind in docs/operations.md";
            Check::new("reconcile", Verdict::Warn, message)
                .fix(fix)
                .detail("behindSeconds", behind)
                .at(region)
        })
        .collect();
    if !without.is_empty() {
        let names: Vec<String> = without.into_iter().cloned().collect();
        let message = format!("not reconciled yet: {}; the next run begins there", some(&names, 6));
        checks.push(Check::new("reconcile", Verdict::Info, message));
    }
    checks
}

/// Marks are tags, and whoever may tag the function can set them: what was called before a mark is not looked at any more. A
/// run writes none that is nearer to its own time than [`LATE`], so a nearer one is somebody else's.
fn of_writer(marks: &BTreeMap<String, Mark>, last: Option<&Value>, now: u64) -> Option<Check> {
    let ran = last.and_then(|line| time::seconds(line["timestamp"].as_str()?));
    let latest = match ran {
        // The next run is not due yet, so none can be under way.
        Some(ran) if now.saturating_sub(ran) < NOT_DUE => ran.saturating_sub(LATE),
        Some(_) => now.saturating_sub(LATE),
        None if last.is_some() => return None,
        None => now.saturating_sub(BACK.as_secs() + LATE),
    };
    let foreign: Vec<String> =
        marks.iter().filter(|(_, mark)| mark.at > latest + 60).map(|(region, _)| region.clone()).collect();
    if foreign.is_empty() {
        return None;
    }
    let message = format!(
        "the marks of {} are later than any that the last run could write: somebody else set these tags of the function {RECONCILE}, \
         and what was created before them is not looked at",
        some(&foreign, 6)
    );
    let fix = format!(
        "let a run begin where the log's last run ended: `aws lambda invoke --function-name {RECONCILE} --payload \
         '{{\"tagger\":\"reconcile\",\"from\":\"…\"}}'`; the message OWN PARTS TagResource names who it was (docs/operations.md)"
    );
    Some(Check::new("reconcile", Verdict::Bad, message).fix(fix).detail("regions", foreign))
}

/// A time in words.
pub fn hours(seconds: u64) -> String {
    match seconds {
        0..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_aws::account::stacks::Stack;

    const NOW: u64 = 1_795_509_000;

    fn site() -> Site {
        let forwarders = BTreeMap::from([("eu-west-1".to_owned(), Stack::default())]);
        Site { home: "us-east-1".to_owned(), forwarders, ..Site::default() }
    }

    fn seen(ages: &[(&str, u64)], rule: Option<&str>, last: Option<Value>) -> Seen {
        let mark = |age| Mark { at: NOW - age, backfill: None };
        let marks = ages.iter().map(|(region, age)| ((*region).to_owned(), mark(age))).collect();
        Seen { on: true, marks: Ok(Some(marks)), rule: Ok(rule.map(str::to_owned)), last: Ok(last), now: NOW }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let fine = [("us-east-1", LATE + 60), ("eu-west-1", LATE)];
        let late = [("us-east-1", LATE + 60), ("eu-west-1", 5 * 3600)];
        let ran = |missed: u64| Some(json!({"code": "reconcile", "level": "INFO", "missed": missed}));
        let failed =
            Some(json!({"code": "reconcile-failed", "level": "ERROR", "message": "eu-west-1: AccessDenied"}));
        let (on, off) = (Some("ENABLED"), Some("DISABLED"));
        let refused = Seen {
            marks: Err(Trouble::new("lambda:ListTags", "us-east-1", "AccessDenied", "no")),
            ..seen(&fine, on, ran(0))
        };
        let without = Seen { marks: Ok(None), ..seen(&fine, on, ran(0)) };
        let set_back = Mark { at: NOW - 50 * 24 * 3600, backfill: Some(NOW - LATE) };
        let set_back = [("us-east-1", set_back), ("eu-west-1", Mark { at: NOW - LATE, backfill: None })];
        let backfill = Seen {
            marks: Ok(Some(set_back.map(|(region, mark)| (region.to_owned(), mark)).into())),
            ..seen(&fine, on, ran(0))
        };
        let off_by_the_stack = Seen { on: false, ..seen(&[], None, None) };
        for (what, seen, verdict, words) in [
            ("fine", seen(&fine, on, ran(0)), Verdict::Ok, "nothing that the rules missed"),
            ("missed some", seen(&fine, on, ran(3)), Verdict::Ok, "tagged 3 resources that the rules missed"),
            (
                "the rule is off",
                seen(&fine, off, ran(0)),
                Verdict::Bad,
                "enable-rule --name auto-resource-tagger-reconcile",
            ),
            (
                "there is no rule",
                seen(&fine, None, ran(0)),
                Verdict::Bad,
                "no rule auto-resource-tagger-reconcile",
            ),
            ("there is no function", without, Verdict::Bad, "there is no function"),
            ("one region is behind", seen(&late, on, ran(0)), Verdict::Warn, "no further than 5 hours ago"),
            (
                "one region is behind on purpose",
                backfill,
                Verdict::Info,
                "a backfill is at 2026-10-05T08:30:00Z",
            ),
            ("the last run failed", seen(&fine, on, failed), Verdict::Warn, "eu-west-1: AccessDenied"),
            ("just deployed", seen(&[], on, None), Verdict::Info, "no run yet"),
            (
                "a run, and no marks",
                seen(&[], on, ran(0)),
                Verdict::Info,
                "not reconciled yet: us-east-1, eu-west-1",
            ),
            (
                "a run that does not say what it did",
                seen(&fine, on, Some(json!({"code": "reconcile", "level": "INFO"}))),
                Verdict::Unknown,
                "does not say how many",
            ),
            ("a new region", seen(&fine[..1], on, ran(0)), Verdict::Info, "not reconciled yet: eu-west-1"),
            ("off", off_by_the_stack, Verdict::Info, "reconciling is off"),
            ("refused", refused, Verdict::Unknown, "lambda:ListTags answered AccessDenied"),
        ] {
            let checks = judge(&seen, &site());
            let [check] = checks.as_slice() else { panic!("{what}: {checks:?}") };
            let text = format!("{} {}", check.message, check.fix.as_deref().unwrap_or_default());
            assert!(check.verdict == verdict && text.contains(words), "{what}: {check:?}");
        }
        let old = [("us-east-1", 8 * 3600), ("eu-west-1", 8 * 3600)];
        let checks = judge(&seen(&old, on, None), &site());
        assert!(checks[0].message.contains("no run within 6 hours"), "{checks:?}");
    }

    #[test]
    fn a_mark_that_no_run_wrote_is_named() {
        let at = time::at;
        let ran = |ago: u64| {
            Some(json!({"code": "reconcile", "level": "INFO", "missed": 0, "timestamp": at(NOW - ago)}))
        };
        for (what, age, last, foreign) in [
            ("by the last run", LATE + 600, ran(600), false),
            ("by a run that may be under way", LATE, ran(3500), false),
            ("nearer than a run writes", LATE - 1800, ran(3500), true),
            ("the last run ended ten minutes ago", LATE, ran(600), true),
            ("of the future", 0, ran(600), true),
            ("no run for six hours", LATE, None, true),
            ("no run for six hours, and an old mark", 8 * 3600, None, false),
        ] {
            let marks = BTreeMap::from([("us-east-1".to_owned(), Mark { at: NOW - age, backfill: None })]);
            let check = of_writer(&marks, last.as_ref(), NOW);
            assert_eq!(check.is_some(), foreign, "{what}: {check:?}");
        }
    }

    #[test]
    fn the_last_run() {
        let line = |at, value: Value| Line { at, message: value.to_string() };
        let lines = [
            line(1, json!({"code": "reconcile", "level": "INFO", "missed": 7})),
            line(2, json!({"code": "reconcile", "level": "ERROR", "missed": 2})),
            line(3, json!({"code": "reconcile-failed", "level": "ERROR", "message": "no"})),
        ];
        let last = run_json(&newest(&lines).unwrap());
        assert_eq!(
            (&last["ended"], &last["missed"], &last["message"]),
            (&json!(false), &json!(2), &json!("no"))
        );
        assert_eq!(run_json(&newest(&lines[..1]).unwrap())["missed"], 7);
        assert_eq!(newest(&[]), None);
    }

    #[test]
    fn tags_become_marks() {
        let tags = BTreeMap::from([
            ("auto-resource-tagger-reconciled:eu-west-1".to_owned(), "2026-11-24T08:30:00Z".to_owned()),
            ("auto-resource-tagger-reconciled:us-west-2".to_owned(), "none".to_owned()),
            ("CreatedBy".to_owned(), "ops".to_owned()),
        ]);
        assert_eq!(marks(&tags).into_keys().collect::<Vec<_>>(), ["eu-west-1"]);
        assert_eq!(behind(NOW, NOW - LATE - 5), 5);
        assert_eq!(behind(NOW, NOW), 0);
    }
}
