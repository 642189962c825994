//! The rows of a scan, and the three ways of printing them.

use super::filter::day;
use crate::{
    args::{By, Scan},
    creations::Creation,
    output,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, io::Write};
use tagger_core::{identity::Kind, printable};

/// Rows under heads; each with its JSON.
pub struct Table {
    heads: Vec<&'static str>,
    rows: Vec<(Vec<String>, Value)>,
}

/// What one row of the sums stands for.
#[derive(Default)]
struct Sum<'a> {
    resources: usize,
    deleted: usize,
    first: Option<&'a str>,
    last: Option<&'a str>,
}

impl By {
    fn head(self) -> &'static str {
        match self {
            By::Creator => "creator",
            By::Kind => "kind",
            By::Type => "resource type",
            By::Service => "service",
            By::Account => "account",
            By::Region => "region",
            By::Day => "day",
        }
    }

    fn of(self, row: &Creation) -> String {
        match self {
            By::Creator => creator(row),
            By::Kind => row.kind.as_str().to_owned(),
            By::Type => row.resource_type.to_owned(),
            By::Service => row.source.clone(),
            By::Account => row.account.clone(),
            By::Region => row.region.clone(),
            By::Day => day(&row.time).to_owned(),
        }
    }
}

/// Whoever a row is of, for people. Every account has a root of its own.
fn creator(row: &Creation) -> String {
    match row.kind {
        Kind::Root if !row.account.is_empty() => format!("{} ({})", row.creator, row.account),
        _ => row.creator.clone(),
    }
}

/// The same for programs.
fn creator_json(row: &Creation) -> Value {
    let mut creator = json!({ "name": row.creator, "kind": row.kind.as_str() });
    if row.kind == Kind::Root && !row.account.is_empty() {
        creator["account"] = row.account.clone().into();
    }
    creator
}

const USUAL: [By; 3] = [By::Creator, By::Kind, By::Type];

impl Table {
    /// A row for each creator and type, or for what is asked for.
    pub fn sums(rows: &[&Creation], arguments: &Scan) -> Self {
        let by = if arguments.by.is_empty() { &USUAL[..] } else { &arguments.by };
        let mut sums: BTreeMap<Vec<String>, (Sum, &Creation)> = BTreeMap::new();
        for row in rows {
            let key = by.iter().map(|field| field.of(row)).collect();
            let (sum, _) = sums.entry(key).or_insert_with(|| (Sum::default(), row));
            sum.resources += 1;
            sum.deleted += usize::from(row.deleted.is_some());
            // They come by time.
            let time = Some(row.time.as_str()).filter(|time| !time.is_empty());
            sum.first = sum.first.or(time);
            sum.last = time.or(sum.last);
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        if let Some(top) = arguments.top {
            sums.sort_by_key(|(_, (sum, _))| usize::MAX - sum.resources);
            sums.truncate(top as usize);
        }
        let rows = sums.into_iter().map(|(mut cells, (sum, row))| {
            let value = sum_json(by, &sum, row);
            cells.extend([sum.resources.to_string(), sum.deleted.to_string()]);
            cells.extend([sum.first, sum.last].map(|time| time.unwrap_or_default().to_owned()));
            (cells, value)
        });
        let rows = rows.collect();
        let heads = by.iter().map(|field| field.head()).chain(["count", "deleted", "first", "last"]);
        Self { heads: heads.collect(), rows }
    }

    /// A row for each resource, by time.
    pub fn list(rows: &[&Creation], arguments: &Scan) -> Self {
        let most = arguments.top.map_or(usize::MAX, |top| top as usize);
        let heads =
            ["time", "creator", "kind", "type", "arn", "account", "region", "event", "event id", "deleted"];
        let rows = rows.iter().take(most).map(|row| {
            let cells = [
                &row.time,
                &creator(row),
                row.kind.as_str(),
                row.resource_type,
                &row.arn,
                &row.account,
                &row.region,
                &row.event,
                &row.event_id,
                row.deleted.as_deref().unwrap_or_default(),
            ];
            let value = json!({
                "time": row.time, "creator": creator_json(row), "type": row.resource_type, "arn": row.arn,
                "account": row.account, "region": row.region, "source": row.source, "event": row.event,
                "eventID": row.event_id, "parent": row.parent, "deleted": row.deleted,
            });
            (cells.map(str::to_owned).to_vec(), value)
        });
        Self { heads: heads.to_vec(), rows: rows.collect() }
    }

    /// Columns, for people.
    pub fn columns(&self, out: &mut impl Write) -> std::io::Result<()> {
        if self.rows.is_empty() {
            return Ok(());
        }
        let heads = self.heads.iter().map(|head| (*head).to_owned()).collect();
        let rows =
            self.rows.iter().map(|(cells, _)| cells.iter().map(|cell| printable::text(cell)).collect());
        writeln!(out, "{}", output::columns(&std::iter::once(heads).chain(rows).collect::<Vec<_>>()))
    }

    /// A line of JSON each.
    pub fn json_lines(&self, out: &mut impl Write) -> std::io::Result<()> {
        self.rows.iter().try_for_each(|(_, value)| writeln!(out, "{value}"))
    }

    /// CSV with a head line.
    pub fn csv(&self, out: &mut impl Write) -> std::io::Result<()> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(&self.heads)?;
        for (cells, _) in &self.rows {
            csv.write_record(cells.iter().map(|cell| harmless(cell)))?;
        }
        csv.flush()
    }
}

/// A cell that no spreadsheet takes for a formula: <https://owasp.org/www-community/attacks/CSV_Injection>
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell.to_owned() }
}

fn sum_json(by: &[By], sum: &Sum, row: &Creation) -> Value {
    let mut value = Map::new();
    if by.contains(&By::Creator) {
        let mut creator = creator_json(row);
        if let (false, Value::Object(members)) = (by.contains(&By::Kind), &mut creator) {
            members.remove("kind");
        }
        value.insert("creator".to_owned(), creator);
    }
    for field in by {
        let name = match field {
            By::Creator => continue,
            By::Kind if by.contains(&By::Creator) => continue,
            By::Type => "type",
            other => other.head(),
        };
        value.insert(name.to_owned(), field.of(row).into());
    }
    value.insert("resources".to_owned(), sum.resources.into());
    value.insert("deleted".to_owned(), sum.deleted.into());
    value.insert("first".to_owned(), json!(sum.first));
    value.insert("last".to_owned(), json!(sum.last));
    Value::Object(value)
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_a_spreadsheet_would_run() {
        for (cell, expected) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@x", "'@x"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(super::harmless(cell), expected);
        }
    }
}
