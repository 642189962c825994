//! The table's rows as JSON in the page, and as CSV beside it. Pure.

use super::cost::Costs;
use crate::creations::Creation;
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// Above so many resources the table has a row for each creator and type, and the CSV beside it has each resource.
pub const MOST: usize = 20_000;

/// What the page's table holds.
#[derive(Debug)]
pub struct Table {
    /// JSON that can stand in a script's element.
    pub json: String,
    /// What it shows, for people.
    pub note: String,
    /// Whether there has to be a CSV beside the page.
    pub is_folded: bool,
}

const COLUMNS: [&str; 11] = [
    "created", "creator", "kind", "type", "ARN", "account", "region", "deleted", "event", "event id",
    "parent",
];

fn cells(creation: &Creation, cost: Option<Option<f64>>) -> Vec<String> {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut cells = vec![
        creation.time.clone(),
        creation.creator.clone(),
        creation.kind.as_str().to_owned(),
        creation.resource_type.to_owned(),
        creation.arn.clone(),
        creation.account.clone(),
        creation.region.clone(),
        text(&creation.deleted),
        format!("{} {}", creation.source, creation.event),
        creation.event_id.clone(),
        text(&creation.parent),
    ];
    if let Some(cost) = cost {
        cells.push(cost.map(|cost| format!("{cost:.2}")).unwrap_or_default());
    }
    cells
}

/// The rows of the table.
pub fn table(creations: &[Creation], costs: Option<&Costs>, beside: &Path) -> Table {
    if creations.len() > MOST {
        return folded(creations, costs, beside);
    }
    let rows: Vec<Vec<String>> = creations
        .iter()
        .enumerate()
        .rev()
        .map(|(at, creation)| cells(creation, costs.map(|costs| costs.of[at])))
        .collect();
    let any_deleted = creations.iter().any(|creation| creation.deleted.is_some());
    let mut columns: Vec<Value> = COLUMNS
        .iter()
        .map(|name| {
            let hidden = ["event", "event id", "parent"].contains(name) || *name == "deleted" && !any_deleted;
            let is_time = ["created", "deleted"].contains(name);
            let is_word = ["kind", "account", "region"].contains(name);
            let is_long = *name == "ARN";
            json!({ "name": name, "time": is_time, "word": is_word, "long": is_long, "hidden": hidden })
        })
        .collect();
    if costs.is_some() {
        columns.push(json!({ "name": "cost", "number": true }));
    }
    let json = json!({ "columns": columns, "rows": rows, "arn": 4, "who": "tagger who --logs PATH " });
    let note = "Newest first. A row opens; a column's name sorts.".to_owned();
    Table { json: escaped(&json), note, is_folded: false }
}

/// A row for each creator, kind, type, account and region.
fn folded(creations: &[Creation], costs: Option<&Costs>, beside: &Path) -> Table {
    let mut sums = BTreeMap::<Vec<&str>, (usize, f64, &str, &str)>::new();
    for (at, creation) in creations.iter().enumerate() {
        let key = vec![
            creation.creator.as_str(),
            creation.kind.as_str(),
            creation.resource_type,
            &creation.account,
            &creation.region,
        ];
        let (made, cost, _, last) = sums.entry(key).or_insert((0, 0.0, &creation.time, &creation.time));
        *made += 1;
        *cost += costs.and_then(|costs| costs.of[at]).unwrap_or_default();
        *last = &creation.time;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by(|one, two| two.1.0.cmp(&one.1.0).then_with(|| one.0.cmp(&two.0)));
    let left = sums.len().saturating_sub(MOST);
    sums.truncate(MOST);
    let row = |(key, (made, cost, first, last)): (Vec<&str>, (usize, f64, &str, &str))| {
        let mut row: Vec<String> = key.into_iter().map(str::to_owned).collect();
        row.extend([made.to_string(), first.to_owned(), last.to_owned()]);
        row.extend(costs.map(|_| format!("{cost:.2}")));
        row
    };
    let rows: Vec<Vec<String>> = sums.into_iter().map(row).collect();
    let names = ["creator", "kind", "type", "account", "region", "resources", "first", "last"];
    let mut columns: Vec<Value> = names
        .iter()
        .map(|name| {
            let is_time = ["first", "last"].contains(name);
            let is_word = ["kind", "account", "region"].contains(name);
            json!({ "name": name, "number": *name == "resources", "time": is_time, "word": is_word })
        })
        .collect();
    if costs.is_some() {
        columns.push(json!({ "name": "cost", "number": true }));
    }
    let json = json!({ "columns": columns, "rows": rows, "arn": -1, "who": "" });
    let name = beside.file_name().unwrap_or_default().to_string_lossy();
    let cut = if left > 0 { format!(" {left} more rows are not shown.") } else { String::new() };
    let note = format!(
        "There are {} resources, so this table has a row for each creator, type, account and region; {name} beside this page has every resource.{cut}",
        creations.len()
    );
    Table { json: escaped(&json), note, is_folded: true }
}

/// JSON that cannot end the element it stands in, nor begin a comment in it:
/// <https://html.spec.whatwg.org/multipage/scripting.html#restrictions-for-contents-of-script-elements>
fn escaped(value: &Value) -> String {
    let mut out = String::new();
    for one in value.to_string().chars() {
        match one {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", one as u32)),
            other => out.push(other),
        }
    }
    out
}

/// Every resource as CSV.
pub fn csv(creations: &[Creation], costs: Option<&Costs>) -> String {
    let mut names: Vec<String> = COLUMNS.iter().map(|name| (*name).to_owned()).collect();
    names.extend(costs.map(|_| "cost".to_owned()));
    let mut out = line(&names);
    for (at, creation) in creations.iter().enumerate() {
        out.push_str(&line(&cells(creation, costs.map(|costs| costs.of[at]))));
    }
    out
}

/// A spreadsheet takes what begins with such a character as a formula, so it gets an apostrophe before it:
/// <https://owasp.org/www-community/attacks/CSV_Injection>
fn line(cells: &[String]) -> String {
    let field = |text: &String| {
        let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
        format!("\"{guard}{}\"", text.replace('"', "\"\""))
    };
    cells.iter().map(field).collect::<Vec<_>>().join(",") + "\r\n"
}
