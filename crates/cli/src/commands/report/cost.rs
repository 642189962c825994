//! What resources cost, from a Cost and Usage Report or a FOCUS export as CSV, joined to creations by ARN or by id.
//!
//! Columns of both Cost and Usage Reports: <https://docs.aws.amazon.com/cur/latest/userguide/Lineitem-columns.html>,
//! of FOCUS: <https://focus.finops.org/focus-columns/>.

use crate::{creations::Creation, exit_code::Error};
use std::{
    collections::{BTreeMap, HashMap},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
};
use tagger_core::arn::Arn;
use tagger_logs::files::File;

/// What was read of the exports.
#[derive(Debug, Default)]
pub struct Costs {
    /// For each creation, in the order of the creations; none where no line names it.
    pub of: Vec<Option<f64>>,
    /// The sum of all lines.
    pub total: f64,
    /// What joins no creation, by resource, the dearest first.
    pub unjoined: Vec<(String, f64)>,
    /// Lines that name no resource at all.
    pub without_resource: f64,
    /// `USD`; several with a slash between.
    pub currency: String,
    /// Lines that could not be read.
    pub unreadable: usize,
}

/// The names of a column, in the exports that there are: CUR 1, CUR 2, FOCUS.
const RESOURCE: [&str; 3] = ["lineItem/ResourceId", "line_item_resource_id", "ResourceId"];
/// The cost that an account pays; of FOCUS the effective one, which spreads commitments over what uses them.
const COST: [&str; 4] = ["lineItem/UnblendedCost", "line_item_unblended_cost", "EffectiveCost", "BilledCost"];
const CURRENCY: [&str; 3] = ["lineItem/CurrencyCode", "line_item_currency_code", "BillingCurrency"];

/// Reads exports and joins them.
///
/// # Errors
/// A file cannot be read, or is no such export; with what is missing.
pub fn read(files: &[PathBuf], creations: &[Creation]) -> Result<Costs, Error> {
    let mut costs = Costs::default();
    let (mut by_resource, mut currencies) = (BTreeMap::<String, f64>::new(), BTreeMap::<String, ()>::new());
    for file in files {
        read_file(file, &mut costs, &mut by_resource, &mut currencies)?;
    }
    costs.currency = currencies.into_keys().collect::<Vec<_>>().join("/");
    join(&mut costs, by_resource, creations);
    Ok(costs)
}

fn read_file(
    path: &Path,
    costs: &mut Costs,
    by_resource: &mut BTreeMap<String, f64>,
    currencies: &mut BTreeMap<String, ()>,
) -> Result<(), Error> {
    let shown = path.display();
    let failed = |error: std::io::Error| Error::Failure(format!("--cost {shown}: {error}"));
    let file = File::at(path).map_err(failed)?;
    let mut text = BufReader::new(file.text().map_err(failed)?);
    if text.fill_buf().map_err(failed)?.starts_with(b"PAR1") {
        return Err(Error::Usage(format!(
            "--cost {shown}: this is Parquet, which is not read; export it as CSV"
        )));
    }
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text);
    let headers =
        reader.headers().map_err(|error| Error::Failure(format!("--cost {shown}: {error}")))?.clone();
    let column = |names: &[&str]| {
        names
            .iter()
            .find_map(|name| headers.iter().position(|header| header.trim_start_matches('\u{feff}') == *name))
    };
    let missing = |names: &[&str]| {
        let names = names.join(", ");
        Error::Usage(format!(
            "--cost {shown}: it has none of the columns {names}; expected a Cost and Usage Report or a FOCUS export as CSV, with resource ids"
        ))
    };
    let resource = column(&RESOURCE).ok_or_else(|| missing(&RESOURCE))?;
    let cost = column(&COST).ok_or_else(|| missing(&COST))?;
    let currency = column(&CURRENCY);
    for row in reader.records() {
        let Ok(row) = row else {
            costs.unreadable += 1;
            continue;
        };
        let text = row.get(cost).unwrap_or_default().trim();
        let Ok(amount) = (if text.is_empty() { Ok(0.0) } else { text.parse::<f64>() }) else {
            costs.unreadable += 1;
            continue;
        };
        if let Some(currency) = currency.and_then(|at| row.get(at)).filter(|text| !text.is_empty()) {
            currencies.insert(currency.to_owned(), ());
        }
        costs.total += amount;
        match row.get(resource).map(str::trim).filter(|text| !text.is_empty()) {
            Some(resource) => *by_resource.entry(resource.to_owned()).or_default() += amount,
            None => costs.without_resource += amount,
        }
    }
    Ok(())
}

/// By the whole ARN; else by the id, where one creation alone has it. A resource that was made twice under its ARN has its
/// cost at the last creation.
fn join(costs: &mut Costs, by_resource: BTreeMap<String, f64>, creations: &[Creation]) {
    let (mut by_arn, mut by_id) = (HashMap::<&str, usize>::new(), HashMap::<&str, Option<usize>>::new());
    for (at, creation) in creations.iter().enumerate() {
        by_arn.insert(&creation.arn, at);
    }
    for (arn, at) in &by_arn {
        let id = Arn::parse(arn).map_or("", |arn| arn.last());
        by_id.entry(id).and_modify(|known| *known = None).or_insert(Some(*at));
    }
    costs.of = vec![None; creations.len()];
    for (resource, amount) in by_resource {
        let at = by_arn
            .get(resource.as_str())
            .copied()
            .or_else(|| by_id.get(resource.as_str()).copied().flatten());
        match at {
            Some(at) => *costs.of[at].get_or_insert(0.0) += amount,
            None => costs.unjoined.push((resource, amount)),
        }
    }
    costs.unjoined.sort_by(|one, two| two.1.total_cmp(&one.1).then_with(|| one.0.cmp(&two.0)));
}
