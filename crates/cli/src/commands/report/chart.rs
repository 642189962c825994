//! The weekly trend as bars of an SVG: no script, no library, and it prints. Pure.

use std::collections::BTreeMap;
use tagger_core::{chain::time, identity::Kind};

const WEEK: u64 = 7 * 24 * 60 * 60;
/// 1970-01-05 was the first Monday, four days after 1970 began.
const MONDAY: u64 = 4 * 24 * 60 * 60;
const WIDTH: u32 = 1_000;
const HEIGHT: u32 = 190;
const BASE: u32 = 165;
/// Two years; more would be thinner than a finger on a phone.
const MOST: usize = 104;

/// The parts of a bar: the class of its colour, and the words.
pub const PARTS: [(&str, &str); 4] = [
    ("people", "people: users, Identity Center, root"),
    ("pipelines", "pipelines"),
    ("workloads", "workloads, roles"),
    ("services", "services, others"),
];

/// Which part of a bar a creator belongs to.
pub fn part(kind: Kind) -> usize {
    match kind {
        Kind::Person | Kind::User | Kind::Root => 0,
        Kind::Ci => 1,
        Kind::Workload | Kind::Role => 2,
        Kind::Service | Kind::Federated | Kind::Account | Kind::Unknown => 3,
    }
}

/// How many were made in each week, by its Monday in seconds since 1970, and by the part.
pub type Weeks = BTreeMap<u64, [u64; 4]>;

/// The Monday of a time, in seconds since 1970.
pub fn monday(seconds: u64) -> u64 {
    ((seconds + WEEK - MONDAY) / WEEK * WEEK + MONDAY).saturating_sub(WEEK)
}

/// A rectangle.
#[derive(Debug)]
pub struct Bar {
    pub class: &'static str,
    pub x: String,
    pub y: String,
    pub width: String,
    pub height: String,
    pub title: String,
}

/// A text.
#[derive(Debug)]
pub struct Label {
    pub x: u32,
    pub y: u32,
    pub text: String,
}

/// The drawing.
#[derive(Debug)]
pub struct Chart {
    pub width: u32,
    pub height: u32,
    pub base: u32,
    pub bars: Vec<Bar>,
    pub labels: Vec<Label>,
    pub key: [(&'static str, &'static str); 4],
}

/// Every week from the first to the last, those without anything too, so that a gap is seen; the last [`MOST`] of them.
pub fn draw(weeks: &Weeks) -> Chart {
    let mut chart =
        Chart { width: WIDTH, height: HEIGHT, base: BASE, bars: Vec::new(), labels: Vec::new(), key: PARTS };
    let (Some(first), Some(last)) = (weeks.keys().next(), weeks.keys().last()) else { return chart };
    let first = first_shown(*first, *last);
    let count = (last - first) / WEEK + 1;
    let most = weeks.range(first..).map(|(_, parts)| parts.iter().sum::<u64>()).max().unwrap_or(1).max(1);
    let step = f64::from(WIDTH) / count as f64;
    for number in 0..count {
        let week = first + number * WEEK;
        let Some(parts) = weeks.get(&week) else { continue };
        let mut top = f64::from(BASE);
        for (part, made) in parts.iter().enumerate().filter(|(_, made)| **made > 0) {
            let height = (*made as f64 / most as f64) * f64::from(BASE - 20);
            top -= height;
            chart.bars.push(Bar {
                class: PARTS[part].0,
                x: format!("{:.1}", number as f64 * step),
                y: format!("{top:.1}"),
                width: format!("{:.1}", (step * 0.84).min(60.0)),
                height: format!("{height:.1}"),
                title: format!("week of {}: {made} by {}", day(week), PARTS[part].1),
            });
        }
    }
    chart.labels.push(Label { x: 0, y: 12, text: format!("{most} in the busiest week") });
    chart.labels.push(Label { x: 0, y: HEIGHT - 8, text: format!("week of {}", day(first)) });
    if count > 4 {
        let text = format!("week of {}", day(*last));
        chart.labels.push(Label { x: WIDTH - 115, y: HEIGHT - 8, text });
    }
    chart
}

/// The first week that is drawn.
pub fn first_shown(first: u64, last: u64) -> u64 {
    first.max(last.saturating_sub((MOST as u64 - 1) * WEEK))
}

fn day(seconds: u64) -> String {
    time::shown(seconds)[..10].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_mondays() {
        for (text, expected) in [
            ("2026-11-23T00:00:00Z", "2026-11-23"),
            ("2026-11-29T23:59:59Z", "2026-11-23"),
            ("2026-11-30T00:00:00Z", "2026-11-30"),
            ("2024-02-29T12:00:00Z", "2024-02-26"),
        ] {
            assert_eq!(day(monday(time::seconds(text).unwrap())), expected, "{text}");
        }
    }

    #[test]
    fn a_week_without_anything_leaves_its_place() {
        let week = monday(1_795_509_000);
        let weeks = Weeks::from([(week, [1, 0, 1, 0]), (week + 2 * WEEK, [0, 4, 0, 0])]);
        let chart = draw(&weeks);
        assert_eq!(chart.bars.len(), 3);
        assert_eq!(chart.bars[2].x, format!("{:.1}", 2.0 * 1_000.0 / 3.0));
        assert_eq!(
            (chart.bars[2].y.as_str(), chart.bars[2].height.as_str()),
            ("20.0", "145.0"),
            "the tallest"
        );
        assert!(draw(&Weeks::new()).bars.is_empty());
    }
}
