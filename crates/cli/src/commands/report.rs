//! `tagger report`: one page of HTML about who created what, from log files. Reads logs, writes the page.
//!
//! [`sums`] says what the page says, [`chart`] draws the trend, [`cost`] joins what it cost, [`rows`] is the table's data;
//! the template escapes whatever it is given. Nothing on the page asks the network: its policy forbids it.

mod chart;
mod cost;
mod rows;
mod sums;

use crate::{
    args::Report,
    creations::{self, Found},
    exit_code::{Error, ExitCode},
    input, output,
};
use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD};
use cost::Costs;
use sha2::{Digest, Sha256};
use std::{fs, path::Path, time::SystemTime};
use tagger_core::chain::time;

const STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

/// The page. The template's engine escapes every text but those that are marked as safe: the style, the script, their
/// hashes, and the rows, which [`rows`] has escaped.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    title: String,
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    head: Vec<String>,
    warnings: Vec<String>,
    figures: Vec<sums::Figure>,
    weeks: chart::Weeks,
    cut_weeks: String,
    chart: chart::Chart,
    creators: Vec<sums::Creator>,
    more_creators: String,
    gaps: Vec<sums::Gap>,
    looks: Vec<sums::Look>,
    has_cost: bool,
    currency: String,
    unjoined: String,
    unjoined_rows: Vec<(String, String)>,
    rows: String,
    rows_note: String,
    foot: String,
}

/// Runs the verb.
///
/// # Errors
/// A wrong configuration, an export that is none, or the page cannot be written.
pub fn run(arguments: &Report) -> Result<ExitCode, Error> {
    let policy = input::policy(&arguments.policy)?;
    let found = creations::read(&arguments.paths, &policy)?;
    let costs =
        if arguments.cost.is_empty() { None } else { Some(cost::read(&arguments.cost, &found.creations)?) };
    let beside = arguments.output.with_extension("csv");
    let table = rows::table(&found.creations, costs.as_ref(), &beside);
    if table.is_folded {
        write(&beside, rows::csv(&found.creations, costs.as_ref()).as_bytes())?;
    }
    let paths: Vec<String> = arguments.paths.iter().map(|path| path.display().to_string()).collect();
    let page = page(arguments, &found, costs.as_ref(), table, &paths.join(" "));
    let html = page.render().map_err(|error| Error::Failure(format!("the page: {error}")))?;
    write(&arguments.output, html.as_bytes())?;
    let also = if page.rows_note.contains(".csv") {
        format!(", and {} beside it", beside.display())
    } else {
        String::new()
    };
    output::complain(&format!(
        "{}: {} resources in {} bytes{also}",
        arguments.output.display(),
        sums::count(found.creations.len()),
        sums::count(html.len())
    ));
    Ok(if found.unreadable == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
}

fn page(arguments: &Report, found: &Found, costs: Option<&Costs>, table: rows::Table, paths: &str) -> Page {
    let (mut head, mut warnings) = sums::head(found);
    head.push(format!("Made {} by tagger {}.", now(), env!("CARGO_PKG_VERSION")));
    if let Some(costs) = costs.filter(|costs| costs.unreadable > 0) {
        warnings
            .push(format!("{} lines of the cost export could not be read.", sums::count(costs.unreadable)));
    }
    let weeks = sums::weeks(found);
    let cut = weeks
        .keys()
        .next()
        .zip(weeks.keys().last())
        .map(|(first, last)| (*first, chart::first_shown(*first, *last)));
    let cut_weeks = match cut {
        Some((first, shown)) if shown > first => {
            format!("Weeks before {} are not drawn; the figures count them.", sums::day(&time::shown(shown)))
        }
        _ => String::new(),
    };
    let (creators, more) = sums::creators(found, costs);
    let (unjoined, unjoined_rows) = costs.map(not_joined).unwrap_or_default();
    Page {
        title: arguments.title.clone(),
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        head,
        warnings,
        figures: sums::figures(found, costs),
        chart: chart::draw(&weeks),
        weeks,
        cut_weeks,
        creators,
        more_creators: if more > 0 { format!("{} more creators are in the table below.", sums::count(more)) } else { String::new() },
        gaps: sums::gaps(found, paths),
        looks: sums::looks(found),
        has_cost: costs.is_some(),
        currency: costs.map(|costs| costs.currency.clone()).unwrap_or_default(),
        unjoined,
        unjoined_rows,
        rows: table.json,
        rows_note: table.note,
        foot: "Creators are those of the records, by the same rules as the tags. `tagger who ARN --logs PATH` shows the chain behind one.".to_owned(),
    }
}

/// What joins no creation: a sentence, and the dearest.
fn not_joined(costs: &Costs) -> (String, Vec<(String, String)>) {
    const MOST: usize = 20;
    let sum: f64 = costs.unjoined.iter().map(|(_, amount)| amount).sum();
    let text = format!(
        "{} {} are of {} resources that these logs do not create (older ones, or of other accounts); {} of lines that name no resource.",
        sums::money(sum),
        costs.currency,
        sums::count(costs.unjoined.len()),
        sums::money(costs.without_resource),
    );
    let rows = costs.unjoined.iter().take(MOST).map(|(name, amount)| (name.clone(), sums::money(*amount)));
    (text, rows.collect())
}

/// The source expression of an inline style or script: <https://www.w3.org/TR/CSP3/#match-element-to-source-list>
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn now() -> String {
    let passed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    time::shown(passed.map_or(0, |passed| passed.as_secs()))
}

/// Written beside and then moved, so that a page that is there stays whole until the new one is.
fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let written = fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    written.map_err(|error| Error::Failure(format!("{}: cannot be written: {error}", path.display())))
}

#[cfg(test)]
mod tests;
