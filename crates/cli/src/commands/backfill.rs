//! `tagger backfill --history`: what was there before the product, by CloudTrail's event history.
//!
//! The deployed reconcile function does the work, in short runs that are followed here. Its marks are the only state, so
//! that the hourly runs go on where this command was interrupted. The verb decides nothing about a resource.

use crate::{
    args::Backfill,
    aws::{self, Stop},
    commands::deploy::rate,
    deployment::{Deployment, RECONCILE},
    exit_code::{Error, ExitCode},
    report::Report,
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::SystemTime};
use tagger_aws::{account::Account, marks, time};
use tagger_core::reconcile::{FAST, KEPT, PAGE};

/// How long one run takes, so that somebody who follows sees it move.
const RUN: u64 = 60;
/// The longest, where a run of that length does not move at all; the function has 15 minutes.
const LONGEST: u64 = 840;
/// The most creators and types that are named at the end.
const NAMED: usize = 10;

/// A reconcile function, and the regions whose history it reads.
struct Function {
    home: String,
    regions: Vec<String>,
    /// Where a backfill that is under way is, by region, in seconds since 1970.
    under_way: BTreeMap<String, u64>,
}

/// What the runs came to so far.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    /// Numbers of the function's report, by name.
    numbers: BTreeMap<&'static str, u64>,
    creators: BTreeMap<String, u64>,
    types: BTreeMap<String, u64>,
}

/// What a run answered about one region.
struct Reached {
    from: String,
    until: String,
    /// Seconds that are still to be read.
    left: u64,
}

/// Runs the verb.
///
/// # Errors
/// Nothing is deployed that could do it, AWS refuses it, or a run failed; with what to do.
pub fn run(arguments: &Backfill) -> Result<ExitCode, Error> {
    if arguments.json && arguments.apply && !arguments.yes {
        return Err(Error::Usage(
            "--json does not ask: give --yes, or leave --apply out to look only".to_owned(),
        ));
    }
    let stop = Stop::listen()?;
    aws::run(async {
        let account = aws::account(&arguments.aws).await?;
        backfill(&account, arguments, Report::new(arguments.json), &stop).await
    })
}

async fn backfill(
    account: &Account,
    arguments: &Backfill,
    report: Report,
    stop: &Stop,
) -> Result<ExitCode, Error> {
    let there = Deployment::find(account).await?;
    let mut whole = true;
    for trouble in &there.unread {
        whole = false;
        report.say("warning", &format!("WARNING {trouble}"), json!({ "region": trouble.region }))?;
    }
    let functions = look(account, &there).await?;
    say_plan(account, &functions, arguments, report).await?;
    if arguments.apply && !report.ask("Tag it?", arguments.yes, stop)? {
        return Err(Error::Failure("nothing was changed".to_owned()));
    }
    let mut sums = Sums::default();
    for function in &functions {
        follow(account, function, arguments, (report, stop), &mut sums).await?;
    }
    report.say("end", &sums.text(arguments.apply), sums.json(arguments.apply))?;
    Ok(if whole { ExitCode::Fine } else { ExitCode::Unreadable })
}

/// The functions that can do it.
async fn look(account: &Account, there: &Deployment) -> Result<Vec<Function>, Error> {
    let mut functions = Vec::new();
    let first = there.home.as_ref().map(|(region, _)| region);
    for (home, _) in there.homes() {
        let found = account.functions(home).find(RECONCILE).await?;
        let Some(found) = found else {
            return Err(Error::Failure(format!(
                "there is no function {RECONCILE} in {home}, which reads the event history: `tagger deploy --set \
                 Reconcile=hourly` makes it"
            )));
        };
        let forwarders = there.forwarders.keys().filter(|_| Some(home) == first);
        let regions: Vec<String> = std::iter::once(home).chain(forwarders).cloned().collect();
        let tags = account.functions(home).tags(&found.arn).await?.unwrap_or_default();
        let marks = marks::among(&tags).into_iter();
        let under_way = marks
            .filter_map(|(region, mark)| Some((region, mark.filter(|mark| mark.backfill.is_some())?.at)))
            .collect();
        functions.push(Function { home: home.clone(), regions, under_way });
    }
    if functions.is_empty() {
        return Err(Error::Failure(format!(
            "account {} has no tagger: `tagger deploy` first; what it will create from then on is tagged by itself",
            account.id
        )));
    }
    Ok(functions)
}

async fn say_plan(
    account: &Account,
    functions: &[Function],
    arguments: &Backfill,
    report: Report,
) -> Result<(), Error> {
    let now = time::since_1970(SystemTime::now());
    let since = arguments.since.max(now.saturating_sub(KEPT));
    let mut text = format!("The event history since {}:\n", time::at(since));
    for Function { home, regions, under_way } in functions {
        text += &format!("  read by {RECONCILE} in {home}: {}\n", regions.join(", "));
        for (region, mark) in under_way {
            let then = if arguments.restart { "begins again" } else { "goes on" };
            text += &format!(
                "  a backfill is under way in {region}, at {}; with --apply it {then}\n",
                time::at(*mark)
            );
        }
    }
    match rate::of(account).await {
        Ok(rate) => {
            let calls = calls(rate.writes as f64 / rate.seconds.max(1.0), now.saturating_sub(since));
            let time = span(calls * FAST / 1000);
            text += &format!(
                "  calls of LookupEvents for each region: {calls} or more, {time} at two a second (by {} writes of the last \
                 day in {})\n",
                rate.writes, account.region
            );
        }
        Err(error) => text += &format!("  how long it takes is not known: {error}\n"),
    }
    text += if arguments.apply {
        "  each resource that still exists and lacks the key gets it, by the same code as new ones\n"
    } else {
        "  nothing is written; --apply tags it\n"
    };
    report.say("plan", &text, json!({ "since": time::at(since), "apply": arguments.apply }))
}

/// The pages of a window, where so many calls write in a second. One slice of half an hour needs one at least.
fn calls(writes_a_second: f64, seconds: u64) -> u64 {
    let pages = (writes_a_second * seconds as f64 / PAGE as f64).ceil() as u64;
    pages.max(seconds.div_ceil(1800))
}

/// Lets the function run until it is at the end.
async fn follow(
    account: &Account,
    function: &Function,
    arguments: &Backfill,
    (report, stop): (Report, &Stop),
    sums: &mut Sums,
) -> Result<(), Error> {
    let functions = account.functions(&function.home);
    let begins = |region: &String| (region.clone(), Value::from(time::at(arguments.since)));
    let all = || Value::Object(function.regions.iter().map(begins).collect());
    // One that is under way goes on at its marks.
    let goes_on = arguments.apply && !arguments.restart && !function.under_way.is_empty();
    let mut from = if goes_on { Value::Null } else { all() };
    let mut seconds = RUN;
    loop {
        if stop.is_asked() {
            return Err(interrupted(arguments.apply));
        }
        let event = json!({
            "tagger": "backfill", "from": from, "dryRun": !arguments.apply, "seconds": seconds, "late": arguments.late,
        });
        let answer = functions.invoke(RECONCILE, &event).await.map_err(|trouble| {
            let kept = if arguments.apply {
                ". What was done is kept: the same command goes on from there"
            } else {
                ""
            };
            Error::Failure(format!("{trouble}{kept}"))
        })?;
        let regions = reached(&answer)?;
        sums.add(&answer);
        for (region, Reached { from, until, left }) in &regions {
            let of = |name: &str| answer["regions"][region][name].as_u64().unwrap_or_default();
            let rest = if *left == 0 { String::new() } else { format!(", {} to go", span(*left)) };
            let text = format!("  {region:<15} {from} to {until}: {} records{rest}", of("records"));
            report.say("progress", &text, json!({ "region": region, "until": until, "left": left }))?;
        }
        if regions.values().all(|region| region.left == 0) {
            return Ok(());
        }
        let moved = regions.values().any(|region| region.until != region.from);
        if !moved && seconds >= LONGEST {
            return Err(Error::Failure(format!(
                "{RECONCILE} read nothing in {LONGEST} seconds: others call LookupEvents as well; try again later"
            )));
        }
        seconds = if moved { RUN } else { (seconds * 4).min(LONGEST) };
        from = match arguments.apply {
            true => Value::Null,
            false => {
                let open = regions.into_iter().filter(|(_, region)| region.left > 0);
                Value::Object(open.map(|(name, region)| (name, region.until.into())).collect())
            }
        };
    }
}

fn interrupted(apply: bool) -> Error {
    let what = if apply {
        "interrupted; what was done is kept, and the hourly runs go on with it (`tagger status` shows how far)"
    } else {
        "interrupted; nothing was changed"
    };
    Error::Failure(what.to_owned())
}

/// What a run answered about its regions.
fn reached(answer: &Value) -> Result<BTreeMap<String, Reached>, Error> {
    let unreadable = || {
        Error::Failure(format!(
            "{RECONCILE} answered without the regions that it read, which an earlier version does: `tagger deploy` brings \
             it up to date. It answered {answer}"
        ))
    };
    let regions = answer["regions"].as_object().ok_or_else(unreadable)?;
    let of = |(name, region): (&String, &Value)| {
        let text = |name: &str| region[name].as_str().map(str::to_owned);
        let reached =
            Reached { from: text("from")?, until: text("until")?, left: region["leftSeconds"].as_u64()? };
        Some((name.clone(), reached))
    };
    regions.iter().map(of).collect::<Option<_>>().ok_or_else(unreadable)
}

impl Sums {
    fn add(&mut self, answer: &Value) {
        for name in ["records", "planned", "already", "missed", "waiting", "gone", "givenUp"] {
            *self.numbers.entry(name).or_default() += answer[name].as_u64().unwrap_or_default();
        }
        let counts = &answer["dryRun"];
        *self.numbers.entry("lack").or_default() += counts["lack"].as_u64().unwrap_or_default();
        for (sums, name) in [(&mut self.creators, "creators"), (&mut self.types, "types")] {
            for (key, count) in counts[name].as_object().into_iter().flatten() {
                *sums.entry(key.clone()).or_default() += count.as_u64().unwrap_or_default();
            }
        }
    }

    fn of(&self, name: &str) -> u64 {
        self.numbers.get(name).copied().unwrap_or_default()
    }

    fn json(&self, apply: bool) -> Value {
        let mut line = json!(self.numbers);
        line["apply"] = apply.into();
        if apply {
            // A dry run's number.
            line.as_object_mut().map(|line| line.remove("lack"));
        } else {
            line["creators"] = json!(self.creators);
            line["types"] = json!(self.types);
        }
        line
    }

    fn text(&self, apply: bool) -> String {
        let head = format!(
            "\n{} records that write, of which {} resources were created: ",
            self.of("records"),
            self.of("planned")
        );
        if apply {
            let letters = match self.of("givenUp") {
                0 => String::new(),
                count => format!(", {count} are dead letters (`tagger redrive` says why)"),
            };
            return format!(
                "{head}{} tagged now, {} had the key, {} are gone or left alone, {} wait{letters}",
                self.of("missed"),
                self.of("already"),
                self.of("gone"),
                self.of("waiting"),
            );
        }
        let mut text =
            format!("{head}{} have the key, {} lack it or are gone", self.of("already"), self.of("lack"));
        for (what, sums) in [("creator", &self.creators), ("type", &self.types)] {
            text += &format!("\n\nBy {what}:");
            let mut sorted: Vec<_> = sums.iter().collect();
            sorted.sort_by_key(|(name, count)| (u64::MAX - **count, (*name).clone()));
            for (name, count) in sorted.iter().take(NAMED) {
                text += &format!("\n  {count:>7}  {name}");
            }
            if sorted.len() > NAMED {
                text += &format!("\n  and {} more; --json has all", sorted.len() - NAMED);
            }
        }
        if self.of("lack") == 0 { head + "none lacks the key. Nothing to do." } else { text }
    }
}

/// A length of time in words.
fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds.div_ceil(60)),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_add_up() {
        let mut sums = Sums::default();
        for answer in [
            json!({"records": 5, "planned": 2, "already": 1, "dryRun": {"lack": 1, "creators": {"alice": 1}, "types": {"AWS::SQS::Queue": 1}}}),
            json!({"records": 7, "planned": 3, "already": 0, "dryRun": {"lack": 3, "creators": {"alice": 1, "bob": 2}, "types": {"AWS::SQS::Queue": 3}}}),
        ] {
            sums.add(&answer);
        }
        let text = sums.text(false);
        for said in
            ["12 records", "5 resources", "1 have the key", "4 lack it", "  2  alice", "  4  AWS::SQS::Queue"]
        {
            assert!(text.contains(said), "expected {said:?}, found {text}");
        }
        let mut applied = Sums::default();
        applied.add(&json!({"records": 9, "planned": 4, "already": 1, "missed": 2, "gone": 0, "waiting": 0, "givenUp": 1}));
        let text = applied.text(true);
        for said in ["2 tagged now", "1 had the key", "1 are dead letters"] {
            assert!(text.contains(said), "expected {said:?}, found {text}");
        }
        assert_eq!(applied.json(true)["missed"], 2);
        assert!(Sums::default().text(false).contains("Nothing to do"));
    }

    /// Other answers come from a function that would not have kept to a dry run.
    #[test]
    fn an_answer_without_regions_is_refused() {
        for answer in [json!({}), json!({"regions": {"us-east-1": {"from": "x", "until": "y"}}}), json!(null)]
        {
            let error = reached(&answer).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains("`tagger deploy` brings it up to date"), "{answer}: {error}");
        }
    }

    #[test]
    fn how_many_calls_it_takes() {
        for (what, writes, seconds, expected) in [
            ("nothing happens: one call for half an hour", 0.0, 86_400, 48),
            ("20,000 writes an hour, 90 days", 20_000.0 / 3600.0, 90 * 86_400, 864_000),
        ] {
            assert_eq!(calls(writes, seconds), expected, "{what}");
        }
    }
}
