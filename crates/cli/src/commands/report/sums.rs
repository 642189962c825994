//! What the page says of creations: six figures, who created what, what gets no tag, what deserves a look. Pure.

use super::{
    chart::{self, Weeks},
    cost::Costs,
};
use crate::{
    cost_model::thousands,
    creations::{Creation, Found},
};
use std::collections::{BTreeMap, BTreeSet};
use tagger_core::{chain::time, diagnostic::Code, identity::Kind};

/// A figure at the top.
#[derive(Debug)]
pub struct Figure {
    pub value: String,
    pub name: &'static str,
    pub note: String,
}

/// A creator's row.
#[derive(Debug)]
pub struct Creator {
    pub name: String,
    pub kind: &'static str,
    pub resources: String,
    pub types: String,
    pub cost: String,
    pub first: String,
    pub last: String,
}

/// A reason for which creations get no tag.
#[derive(Debug)]
pub struct Gap {
    pub count: String,
    pub code: &'static str,
    pub meaning: &'static str,
    pub command: String,
}

/// Something that somebody should look at.
#[derive(Debug)]
pub struct Look {
    pub count: String,
    pub what: &'static str,
    pub rows: Vec<(String, String)>,
}

/// The most creators and rows that are shown; the table has all.
const MOST_CREATORS: usize = 50;
const MOST_ROWS: usize = 10;

/// Whether somebody is named: not an account, not nobody, and not a service whose parent is not known.
fn has_creator(creation: &Creation) -> bool {
    let is_named = !creation.creator.is_empty() && !matches!(creation.kind, Kind::Unknown | Kind::Account);
    is_named && (creation.kind != Kind::Service || creation.parent.is_some())
}

fn has_person(creation: &Creation) -> bool {
    chart::part(creation.kind) == 0
}

/// The six figures. Three of them need what logs do not tell; they say so instead of a number.
pub fn figures(found: &Found, costs: Option<&Costs>) -> Vec<Figure> {
    let all = found.creations.len();
    let named = found.creations.iter().filter(|creation| has_creator(creation)).count();
    let people = found.creations.iter().filter(|creation| has_person(creation)).count();
    let unknown = |name, note: &str| Figure { value: "not known".to_owned(), name, note: note.to_owned() };
    let spend = costs.map(|costs| {
        let with = found.creations.iter().zip(&costs.of).filter(|(creation, _)| has_creator(creation));
        let with: f64 = with.filter_map(|(_, cost)| *cost).sum();
        Figure {
            value: share(with, costs.total),
            name: "of the spend has a creator",
            note: format!("{} of {} {}", money(with), money(costs.total), costs.currency),
        }
    });
    vec![
        Figure {
            value: share(named as f64, all as f64),
            name: "of new resources have a creator",
            note: format!("{} of {}", count(named), count(all)),
        },
        unknown("all resources with a creator", "logs show new ones only; this needs an inventory"),
        spend.unwrap_or_else(|| unknown("spend with a creator", "give a cost export with --cost")),
        Figure {
            value: share(people as f64, all as f64),
            name: "of new resources have a person behind",
            note: format!("{} by users, Identity Center or root", count(people)),
        },
        unknown("missed and healed", "`tagger status` shows what reconciling tagged"),
        unknown("tags lost", "`tagger doctor` shows who removes them"),
    ]
}

/// Creators, the busiest first, and how many were left out.
pub fn creators(found: &Found, costs: Option<&Costs>) -> (Vec<Creator>, usize) {
    struct Sum<'a> {
        resources: usize,
        types: BTreeMap<&'a str, usize>,
        cost: f64,
        first: &'a str,
        last: &'a str,
    }
    let mut sums = BTreeMap::<(&str, Kind), Sum>::new();
    for (at, creation) in found.creations.iter().enumerate() {
        let time = creation.time.as_str();
        let empty = || Sum { resources: 0, types: BTreeMap::new(), cost: 0.0, first: time, last: time };
        let sum = sums.entry((&creation.creator, creation.kind)).or_insert_with(empty);
        sum.resources += 1;
        *sum.types.entry(creation.resource_type).or_default() += 1;
        sum.cost += costs.and_then(|costs| costs.of[at]).unwrap_or_default();
        // They come by time.
        sum.last = time;
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by_key(|((name, _), sum)| (usize::MAX - sum.resources, *name));
    let more = rows.len().saturating_sub(MOST_CREATORS);
    let row = |((name, kind), sum): ((&str, Kind), Sum)| Creator {
        name: if name.is_empty() { "nobody is named".to_owned() } else { name.to_owned() },
        kind: kind.as_str(),
        resources: count(sum.resources),
        types: top_types(&sum.types),
        cost: money(sum.cost),
        first: day(sum.first),
        last: day(sum.last),
    };
    (rows.into_iter().take(MOST_CREATORS).map(row).collect(), more)
}

fn top_types(types: &BTreeMap<&str, usize>) -> String {
    let mut sorted: Vec<(&str, usize)> = types.iter().map(|(name, count)| (*name, *count)).collect();
    sorted.sort_by_key(|(name, count)| (usize::MAX - count, *name));
    let shown = sorted
        .iter()
        .take(3)
        .map(|(name, made)| format!("{} {}", count(*made), name.strip_prefix("AWS::").unwrap_or(name)));
    let mut shown: Vec<String> = shown.collect();
    if sorted.len() > 3 {
        shown.push(format!("{} more types", sorted.len() - 3));
    }
    shown.join(", ")
}

/// Creations by week.
pub fn weeks(found: &Found) -> Weeks {
    let mut weeks = Weeks::new();
    for creation in &found.creations {
        if let Some(at) = time::seconds(&creation.time) {
            weeks.entry(chart::monday(at)).or_default()[chart::part(creation.kind)] += 1;
        }
    }
    weeks
}

/// The reasons for which creations get no tag, or may not have one, by frequency. What creates nothing is no gap.
pub fn gaps(found: &Found, paths: &str) -> Vec<Gap> {
    let no_gap = [Code::FailedCall, Code::DryRun, Code::ReadOnlyCall, Code::UnknownEvent, Code::UpdateCall];
    let mut codes: Vec<(Code, usize)> = found
        .diagnostics
        .iter()
        .filter(|(code, _)| code.stops() && !no_gap.contains(code))
        .map(|(code, records)| (*code, *records))
        .collect();
    codes.sort_by_key(|(code, records)| (usize::MAX - records, *code));
    let gap = |(code, records): (Code, usize)| Gap {
        count: count(records),
        code: code.as_str(),
        meaning: code.meaning(),
        command: match code {
            Code::KindSkipped | Code::PrincipalExcluded | Code::OutsideScope | Code::OptedOut => {
                "tagger config check tagger.toml".to_owned()
            }
            _ => format!("tagger explain --only {} {paths}", code.as_str()),
        },
    };
    codes.into_iter().map(gap).collect()
}

/// What deserves a look.
pub fn looks(found: &Found) -> Vec<Look> {
    type Rule = (&'static str, fn(&Creation) -> bool);
    let rules: [Rule; 4] = [
        ("by root, who should make nothing:", |creation| creation.kind == Kind::Root),
        ("of which the record names nobody:", |creation| {
            creation.creator.is_empty() || matches!(creation.kind, Kind::Unknown | Kind::Account)
        }),
        ("by a service for somebody whom the record does not name:", |creation| {
            creation.kind == Kind::Service && creation.parent.is_none()
        }),
        ("by hand or with a long-lived key, of IAM users:", |creation| creation.kind == Kind::User),
    ];
    let look = |(what, is_it): Rule| {
        let mut rows: Vec<&Creation> = found.creations.iter().filter(|creation| is_it(creation)).collect();
        let made = rows.len();
        rows.reverse();
        let row = |creation: &&Creation| {
            (format!("{} {}", day(&creation.time), creation.creator), creation.arn.clone())
        };
        let rows = rows.iter().take(MOST_ROWS).map(row).collect();
        (made > 0).then(|| Look { count: count(made), what, rows })
    };
    rules.into_iter().filter_map(look).collect()
}

/// The head: which accounts, regions and days; and what may be missing.
pub fn head(found: &Found) -> (Vec<String>, Vec<String>) {
    let of = |part: fn(&Creation) -> &String| -> BTreeSet<&str> {
        found
            .creations
            .iter()
            .map(|creation| part(creation).as_str())
            .filter(|text| !text.is_empty())
            .collect()
    };
    let (accounts, regions) = (of(|creation| &creation.account), of(|creation| &creation.region));
    let times = of(|creation| &creation.time);
    let window = match (times.first(), times.last()) {
        (Some(first), Some(last)) => format!("Creations from {first} to {last}"),
        _ => "No creations".to_owned(),
    };
    let listed = |what: &str, all: &BTreeSet<&str>| {
        let shown: Vec<&str> = all.iter().copied().take(6).collect();
        let more = if all.len() > 6 { format!(" and {} more", all.len() - 6) } else { String::new() };
        let plural = if all.len() == 1 { "" } else { "s" };
        format!("{} {what}{plural}: {}{more}", all.len(), shown.join(", "))
    };
    let head = vec![
        format!("{window}; {}; {}.", listed("account", &accounts), listed("region", &regions)),
        format!(
            "Read from {} records of {} files; {} calls were no creation of their own (read twice, repeated, or an update).",
            count(found.records),
            count(found.files),
            count(found.repeated)
        ),
    ];
    let mut warnings = Vec::new();
    if found.unreadable > 0 {
        warnings.push(format!(
            "{} places could not be read, so creations may be missing.",
            count(found.unreadable)
        ));
    }
    let (without, first) = days_without(&times);
    if without > 0 {
        warnings.push(format!(
            "{} of the days between have no creation at all, the first of them {first}: nothing was made then, or the logs lack it.",
            count(without)
        ));
    }
    (head, warnings)
}

/// The days between the first and the last creation on which there is none.
fn days_without(times: &BTreeSet<&str>) -> (usize, String) {
    const DAY: u64 = 24 * 60 * 60;
    let days: BTreeSet<u64> =
        times.iter().filter_map(|text| time::seconds(text)).map(|at| at / DAY).collect();
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return (0, String::new()) };
    let without = usize::try_from(last - first + 1).unwrap_or_default().saturating_sub(days.len());
    let gap = days.iter().zip(days.iter().skip(1)).find(|(one, two)| **two > **one + 1);
    (without, gap.map(|(one, _)| day(&time::shown((one + 1) * DAY))).unwrap_or_default())
}

/// `2026-11-24` of a time.
pub fn day(text: &str) -> String {
    text.get(..10).unwrap_or(text).to_owned()
}

/// A count with commas.
pub fn count(number: usize) -> String {
    thousands(u64::try_from(number).unwrap_or(u64::MAX))
}

/// An amount to the cent.
pub fn money(amount: f64) -> String {
    format!("{amount:.2}")
}

fn share(part: f64, whole: f64) -> String {
    if whole > 0.0 { format!("{:.1} %", part / whole * 100.0) } else { "none".to_owned() }
}
