//! A run over the event history: finds what the live path missed, and tags it with the same code.
//!
//! Reads the history of each covered region from its mark on, oldest first; leaves out what the Resource
//! Groups Tagging API knows to have the key; gives the rest to [`Handler::work`], in the order of the calls; and
//! moves the marks over what it did. It does so in rounds, until it is at the end or out of time. What it did not get to is
//! gone on with by Lambda's next try or the next run, and the invocation fails, so that an alarm can tell. It must not
//! decide who, what or which tag.

use crate::{
    log,
    origin::{account_of, event_time, guard},
    worker::{Handler, NotTagged, Summary},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, HashMap, HashSet},
    time::{Duration, Instant, SystemTime},
};
use tagger_aws::{
    covered,
    history::{self, Pace, Stopped, Which},
    keyed,
    marks::{self, Marks},
    time,
};
use tagger_core::{
    Policy, Record,
    arn::Arn,
    case::Case,
    glance::Glance,
    policy::Existing,
    reconcile::{Ask, Candidate, Deletion, LATE, Mark, Newest, Start, Window, gap, left, mark_at, reading},
};

/// The most text of records that is kept at a time; opened, it takes some five times as much memory.
const MOST_TEXT: usize = 24 * 1024 * 1024;
/// Where records are long, a slice is shorter: of a hundred times this at most.
const TEXT_OF_A_CALL: usize = MOST_TEXT / 400;
/// Records that are tagged together.
const TOGETHER: usize = 25;
/// What is left for writing the marks and the report.
const REPORT: Duration = Duration::from_secs(30);

/// What was read of a region.
struct Part {
    region: String,
    window: Window,
    /// Everything before it was read, and later is done.
    until: u64,
    records: usize,
    planned: usize,
    problem: Option<String>,
    found: Vec<Candidate>,
    deleted: Vec<Deletion>,
    /// How much text those have.
    text: usize,
}

/// What lacks the key as far as the Resource Groups Tagging API tells, by creator and by type.
#[derive(Default)]
struct Lacking {
    resources: usize,
    creators: BTreeMap<String, usize>,
    types: BTreeMap<&'static str, usize>,
}

/// One run.
struct Run<'a> {
    handler: &'a Handler,
    policy: Policy,
    account: Option<&'a str>,
    now: u64,
    /// When this round's reading ends, so that there is time to tag.
    stop_reading: Cell<Instant>,
    /// When tagging ends, so that there is time to say so.
    stop: Instant,
    /// What is only counted is counted here.
    dry_run: Option<RefCell<Lacking>>,
    /// Text of records that may still be kept.
    room: Cell<usize>,
}

/// Answers an event that asks for a run.
///
/// # Errors
/// The history could not be read, the marks could not be kept, or there was more than there was time for.
pub async fn run(
    handler: &Handler,
    ask: &Ask,
    function_arn: &str,
    left: Duration,
) -> Result<Value, NotTagged> {
    let begun = Instant::now();
    let left = left.saturating_sub(REPORT);
    let left = ask.seconds.map_or(left, |seconds| left.min(Duration::from_secs(seconds)));
    let run = Run {
        handler,
        // A tag that is there may be hours old by now, and somebody's own.
        policy: Policy { existing: Existing::Keep, ..handler.policy.clone() },
        account: account_of(function_arn),
        now: time::since_1970(SystemTime::now()),
        stop_reading: Cell::new(begun),
        stop: begun + left,
        dry_run: ask.dry_run.then(RefCell::default),
        room: Cell::new(MOST_TEXT),
    };
    let answered = run.answer(ask, function_arn).await;
    answered.map_err(|message| {
        log::failure("reconcile-failed", &message);
        NotTagged(message)
    })
}

impl Run<'_> {
    async fn answer(&self, ask: &Ask, function_arn: &str) -> Result<Value, String> {
        let client = &self.handler.client;
        let home = Arn::parse(function_arn).map_or("", |arn| arn.region);
        let regions = covered::regions(client, home).await.map_err(|failure| failure.to_string())?;
        let known = marks::read(client, function_arn).await.map_err(|failure| failure.to_string())?;
        let begins = begins(&ask.from, &regions)?;
        let mark = |region: &String| known.get(region).copied().flatten();
        let begins_anew = |region: &String| begins.as_ref().and_then(|begins| begins.get(region).copied());
        let asked =
            regions.iter().filter(|region| begins.as_ref().is_none_or(|all| all.contains_key(*region)));
        let windows = asked.clone().map(|region| {
            let from = begins_anew(region).or_else(|| mark(region).map(|mark| mark.at));
            (region.clone(), Window::after(from, self.now, ask.late))
        });
        let windows: Vec<_> = windows.collect();
        // A region that is set back on purpose is behind on purpose, until it is again where it was.
        let was_at = |region: &String| {
            let at =
                mark(region).map_or(self.now.saturating_sub(LATE), |mark| mark.backfill.unwrap_or(mark.at));
            begins_anew(region).map(|_| at).or_else(|| mark(region)?.backfill)
        };
        let on_purpose: OnPurpose =
            asked.filter_map(|region| Some((region.clone(), was_at(region)?))).collect();
        // What was covered once and is no more begins anew when it is covered again.
        let stale = known.keys().filter(|region| !regions.contains(region));
        let stale: Marks = stale.map(|region| (region.clone(), None)).collect();
        let mut summary = Summary::default();
        let (parts, written) =
            self.rounds(windows, &mut summary, function_arn, (known, stale), &on_purpose).await;

        let behind = parts.iter().map(|part| self.behind(part.until)).max().unwrap_or_default();
        let unplanned = parts.iter().filter(|part| is_past(&on_purpose, part));
        let unplanned = unplanned.map(|part| self.behind(part.until)).max().unwrap_or_default();
        let mut problems: Vec<String> = parts
            .iter()
            .filter_map(|part| part.problem.as_ref().map(|text| format!("{}: {text}", part.region)))
            .collect();
        problems.extend(summary.failures.into_iter().map(|(_, text)| text));
        problems.extend(written.err());
        if unplanned > 0 && problems.is_empty() && begins.is_none() {
            problems
                .push(format!("there was more than this run had time for; it is {unplanned} seconds behind"));
        }
        let count = |of: fn(&Part) -> usize| parts.iter().map(of).sum::<usize>();
        let mut report = json!({
            "records": count(|part| part.records),
            "planned": count(|part| part.planned),
            "already": summary.already_tagged,
            "missed": summary.tagged,
            "waiting": summary.waiting,
            "gone": summary.gone,
            "givenUp": summary.given_up,
            "behindSeconds": behind,
            "regions": parts.iter().map(Part::line).collect::<BTreeMap<_, _>>(),
        });
        if let Some(lacking) = &self.dry_run {
            let Lacking { resources, creators, types } = lacking.take();
            report["dryRun"] = json!({ "lack": resources, "creators": creators, "types": types });
        }
        log::run(problems.is_empty(), report.clone());
        if problems.is_empty() { Ok(report) } else { Err(problems.join("; ")) }
    }

    /// Reads, tags and moves the marks until the end or as long as there is time. Gives what was read of each region, and
    /// whether the marks could be kept.
    async fn rounds(
        &self,
        mut open: Vec<(String, Window)>,
        summary: &mut Summary,
        function_arn: &str,
        (mut known, mut kept): (Marks, Marks),
        on_purpose: &OnPurpose,
    ) -> (Vec<Part>, Result<(), String>) {
        let mut all: Vec<Part> = Vec::new();
        loop {
            let now = Instant::now();
            let left = self.stop.saturating_duration_since(now);
            // The first round is there for what can be done in any time.
            let read = reading(left.as_secs()).map_or(left / 2, Duration::from_secs);
            self.stop_reading.set(now + read);
            self.room.set(MOST_TEXT);
            let mut parts = join_all(open.iter().map(|(region, window)| self.read(region, *window))).await;
            self.work(&mut parts, summary).await;

            kept.extend(parts.iter().map(|part| {
                let backfill = on_purpose.get(&part.region).copied().filter(|until| part.until < *until);
                (part.region.clone(), Some(Mark { at: mark_at(part.until, self.now), backfill }))
            }));
            kept.retain(|region, mark| known.get(region).is_none_or(|known| known != mark));
            let written = match self.dry_run {
                None => marks::write(&self.handler.client, function_arn, &kept).await,
                Some(_) => Ok(()),
            };
            known.extend(std::mem::take(&mut kept));
            let has_moved = parts.iter().any(|part| part.until > part.window.from);
            open = parts.iter().filter_map(Part::rest).collect();
            parts.into_iter().for_each(|part| join(&mut all, part));
            let left = self.stop.saturating_duration_since(Instant::now());
            let goes_on = has_moved && written.is_ok() && summary.failures.is_empty();
            if open.is_empty() || !goes_on || reading(left.as_secs()).is_none() {
                return (all, written.map_err(|failure| failure.to_string()));
            }
        }
    }

    fn behind(&self, until: u64) -> u64 {
        self.now.saturating_sub(LATE).saturating_sub(until)
    }

    /// Reads a region's window, slice by slice, and keeps the records that plan something.
    async fn read(&self, region: &str, window: Window) -> Part {
        let mut part = Part {
            region: region.to_owned(),
            window,
            until: window.from,
            records: 0,
            planned: 0,
            problem: None,
            found: Vec::new(),
            deleted: Vec::new(),
            text: 0,
        };
        let pace = Pace::default();
        // Parts that did not fit as a whole.
        let mut halves: Vec<Window> = Vec::new();
        loop {
            let read = part.until - window.from;
            // So much text weighs as much as a call: a slice is a quarter of what is kept at most.
            let weight = pace.calls().max(u64::try_from(part.text / TEXT_OF_A_CALL).unwrap_or(u64::MAX));
            let next = || Window { from: part.until, ..window }.first(weight, read);
            let Some(slice) = halves.pop().or_else(next) else { break };
            // A slice of one page is taken whole; what is kept is for the next round then.
            if self.room.get() == 0 {
                break;
            }
            let time = self.stop_reading.get().saturating_duration_since(Instant::now());
            let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let gap = gap(pace.calls(), read, window.until - part.until, time);
            pace.set(Duration::from_millis(gap));
            let (before, kept) = (part.found.len(), part.text);
            let Err(stopped) = self.read_slice(slice, &mut part, &pace).await else {
                part.until = slice.until;
                continue;
            };
            // Half a slice is not kept, since the history begins with the newest.
            part.found.truncate(before);
            let full = self.room.get() == 0;
            self.room.set(self.room.get() + std::mem::replace(&mut part.text, kept).saturating_sub(kept));
            match (stopped, slice.halves()) {
                (Stopped::Failed(failure), _) => part.problem = Some(failure.to_string()),
                // What does not fit as a whole may do so in parts.
                (Stopped::Enough, Some([first, second])) if full && part.until == window.from => {
                    halves.extend([second, first]);
                    continue;
                }
                (Stopped::Enough, _) => {}
            }
            break;
        }
        part
    }

    async fn read_slice(&self, slice: Window, part: &mut Part, pace: &Pace) -> Result<(), Stopped> {
        let Part { records, found, deleted, region, text: kept, .. } = part;
        let mut each = |text: &str| {
            *records += 1;
            deleted.extend(deletion(text));
            if let Some(candidate) = self.candidate(text, region) {
                found.push(candidate);
                let taken = text.len().min(self.room.get());
                *kept += taken;
                self.room.set(self.room.get() - taken);
            }
            self.room.get() > 0
        };
        let client = &self.handler.client;
        let stop = self.stop_reading.get();
        history::read_at(client, region, Which::Writes, slice, stop, Some(pace), &mut each).await
    }

    fn candidate(&self, text: &str, region: &str) -> Option<Candidate> {
        if Glance::at(text).and_then(|glance| glance.code()).is_some() {
            return None;
        }
        let record = Record::new(serde_json::from_str(text).ok()?);
        let plan = tagger_core::plan(&record, &self.policy, self.account);
        let time = event_time(&record)?;
        let region = region.to_owned();
        (!plan.actions.is_empty()).then_some(Candidate { record, plan, time, region })
    }

    /// Tags what lacks the key, in the order of the calls; a region's mark ends before what was not done.
    async fn work(&self, parts: &mut [Part], summary: &mut Summary) {
        let mut candidates: Vec<Candidate> =
            parts.iter_mut().flat_map(|part| std::mem::take(&mut part.found)).collect();
        candidates.sort_by_key(|candidate| candidate.time);
        for part in parts.iter_mut() {
            let own = candidates.iter().filter(|candidate| candidate.region == part.region);
            part.planned = own.map(|candidate| candidate.plan.actions.len()).sum();
        }
        let have_key = self.with_key(&candidates).await;
        let mut newest = Newest::default();
        candidates.iter().for_each(|candidate| newest.note(&candidate.plan, candidate.time));
        parts.iter().flat_map(|part| &part.deleted).for_each(|deletion| newest.note_deletion(deletion));
        if let Some(counts) = &self.dry_run {
            for candidate in &candidates {
                let left = left(candidate, &newest, |arn| have_key.get(arn).map(String::as_str));
                summary.already_tagged += left.have_it;
                counts.borrow_mut().add(candidate, &left.work.unwrap_or_default().resources);
            }
            return;
        }
        let lacks = |candidate: &&Candidate| {
            left(candidate, &newest, |arn| have_key.get(arn).map(String::as_str)).work.is_some()
        };
        // The names of what is left may have been given again since: later records say so, if all were read.
        let lacking: HashSet<&str> =
            candidates.iter().filter(lacks).map(|candidate| candidate.region.as_str()).collect();
        let asked: Vec<&Part> = parts.iter().filter(|part| lacking.contains(part.region.as_str())).collect();
        let whole = self.read_rest(&asked, &mut newest).await;

        let mut cases = Vec::new();
        for candidate in candidates {
            let left = left(&candidate, &newest, |arn| have_key.get(arn).map(String::as_str));
            summary.already_tagged += left.have_it;
            let Some(work) = left.work else { continue };
            let Candidate { record, time, region, .. } = candidate;
            let guard = guard(self.handler.queues.as_ref(), whole.contains(&region) && left.sure);
            let case = Case::new(record, Some(time), self.now, guard);
            cases.push((region, time, Case { work: Some(work), reconciled: true, ..case }));
        }
        let mut cases = cases.into_iter().peekable();
        while cases.peek().is_some() && Instant::now() < self.stop && summary.failures.is_empty() {
            let (ends, together): (Vec<_>, Vec<_>) =
                cases.by_ref().take(TOGETHER).map(|(region, time, case)| ((region, time), case)).unzip();
            let failed = summary.failures.len();
            self.handler.work(together, &[], &self.policy, self.account, self.now, summary, &|_| ()).await;
            if summary.failures.len() > failed {
                end_before(parts, ends);
            }
        }
        end_before(parts, cases.map(|(region, time, _)| (region, time)));
    }

    /// What is known to have the key, with its value. What could not be asked is asked one by one.
    async fn with_key(&self, candidates: &[Candidate]) -> HashMap<String, String> {
        let mut regions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for resource in candidates.iter().flat_map(|candidate| &candidate.plan.actions) {
            regions.entry(&resource.region).or_default().push(&resource.arn);
        }
        let (client, key) = (&self.handler.client, self.policy.tag.key.as_str());
        let asked = regions.iter().map(|(region, arns)| keyed::with_key(client, region, arns, key));
        let mut found = HashMap::new();
        for answer in join_all(asked).await {
            match answer {
                Ok(known) => found.extend(known),
                Err(failure) => log::failure("reconcile-filter", &failure.to_string()),
            }
        }
        found
    }

    /// Notes what was created after the windows, and says of which regions everything until now was read.
    async fn read_rest(&self, parts: &[&Part], newest: &mut Newest) -> HashSet<String> {
        let at_the_end = parts.iter().filter(|part| part.until >= part.window.until);
        let rest = join_all(at_the_end.map(|part| self.read(&part.region, part.window.rest(self.now)))).await;
        for candidate in rest.iter().flat_map(|part| &part.found) {
            newest.note(&candidate.plan, candidate.time);
        }
        rest.iter().flat_map(|part| &part.deleted).for_each(|deletion| newest.note_deletion(deletion));
        let whole = rest.into_iter().filter(|part| part.until >= part.window.until);
        whole.map(|part| part.region).collect()
    }
}

impl Lacking {
    fn add(&mut self, candidate: &Candidate, arns: &[String]) {
        let creator = candidate.plan.creator.name.as_deref().unwrap_or("nobody that the record names");
        for resource in candidate.plan.actions.iter().filter(|resource| arns.contains(&resource.arn)) {
            self.resources += 1;
            *self.creators.entry(creator.to_owned()).or_default() += 1;
            *self.types.entry(resource.entry.resource_type).or_default() += 1;
        }
    }
}

impl Part {
    /// What the next round reads of its region: nothing where it could not be read, or where it is at the end.
    fn rest(&self) -> Option<(String, Window)> {
        let goes_on = self.problem.is_none() && self.until < self.window.until;
        goes_on.then(|| (self.region.clone(), Window { from: self.until, ..self.window }))
    }

    fn line(&self) -> (String, Value) {
        let line = json!({
            "from": time::at(self.window.from),
            "until": time::at(self.until),
            "leftSeconds": self.window.until.saturating_sub(self.until),
            "records": self.records,
            "planned": self.planned,
        });
        (self.region.clone(), line)
    }
}

/// Up to when the regions that were set back had been reconciled before, in seconds since 1970.
type OnPurpose = BTreeMap<String, u64>;

/// Whether a region is not, or no longer, behind on purpose.
fn is_past(on_purpose: &OnPurpose, part: &Part) -> bool {
    on_purpose.get(&part.region).is_none_or(|until| part.until >= *until)
}

/// Where each region begins that does not begin at its mark; none where all do.
fn begins(from: &Start, regions: &[String]) -> Result<Option<BTreeMap<String, u64>>, String> {
    let seconds = |text: &str| {
        let at = time::seconds(text);
        at.ok_or_else(|| format!("from: `{text}` is no time; give one such as 2026-11-24T08:30:00Z"))
    };
    let begins = match from {
        Start::Marks => return Ok(None),
        Start::At(text) => {
            let at = seconds(text)?;
            regions.iter().map(|region| (region.clone(), at)).collect()
        }
        Start::Regions(told) => {
            if let Some(other) = told.keys().find(|region| !regions.contains(region)) {
                let all = regions.join(", ");
                return Err(format!("from: `{other}` is not covered; the regions are {all}"));
            }
            told.iter()
                .map(|(region, text)| Ok((region.clone(), seconds(text)?)))
                .collect::<Result<_, String>>()?
        }
    };
    Ok(Some(begins))
}

/// The deletion in a record of the history.
fn deletion(text: &str) -> Option<Deletion> {
    Glance::at(text).filter(|glance| tagger_core::history::deletes(glance.event_name()).is_some())?;
    let record = Record::new(serde_json::from_str(text).ok()?);
    Deletion::of(&record, event_time(&record)?)
}

/// Adds a round to what the earlier ones read of its region.
fn join(all: &mut Vec<Part>, part: Part) {
    match all.iter_mut().find(|one| one.region == part.region) {
        None => all.push(part),
        Some(one) => {
            one.until = part.until;
            one.records += part.records;
            one.planned += part.planned;
            one.problem = part.problem;
        }
    }
}

/// Takes the marks of regions back to before these calls, by region and time.
fn end_before(parts: &mut [Part], calls: impl IntoIterator<Item = (String, u64)>) {
    for (region, time) in calls {
        if let Some(part) = parts.iter_mut().find(|part| part.region == region) {
            part.until = part.until.min(time);
        }
    }
}
