//! `tagger cost`: what the product costs a month. Prints what [`cost_model`] works out; it must neither
//! calculate a price itself nor ask AWS for one.

use crate::{
    args::{Cost, Switch},
    cost_model::{self, Bill, Evidence, Line, Money, PRICES, Price, SPECIFICATION, Shape, Trail, thousands},
    exit_code::{Error, ExitCode},
    output,
};
use serde_json::{Value, json};
use std::io::{BufWriter, Write};

/// Runs the verb.
///
/// # Errors
/// The output cannot be written.
pub fn run(arguments: &Cost) -> Result<ExitCode, Error> {
    let shape = Shape {
        resources: arguments.resources.unwrap_or_default(),
        calls: arguments.calls_per_resource,
        call_ms: arguments.call_ms,
        retried_percent: arguments.retried_percent,
        delivery: arguments.delivery,
        batch: arguments.batch,
        trail: arguments.trail,
        events: arguments.events_per_resource,
        reads: arguments.reads_per_write,
        regions: arguments.regions,
        architecture: arguments.architecture,
        alarms: arguments.alarms == Switch::On,
        dashboard: arguments.dashboard == Switch::On,
        topic_key: arguments.topic_key == Switch::On,
        free_tier: !arguments.no_free_tier,
    };
    let text = match (arguments.resources, arguments.json, arguments.markdown) {
        (Some(_), true, _) => bill_json(&shape),
        (Some(_), _, true) => format!("# The bill of a month\n\n{}", bill_markdown(&shape)),
        (Some(_), ..) => bill_text(&shape),
        (None, true, _) => table_json(&shape),
        (None, _, true) => document(&shape),
        (None, ..) => table_text(&shape),
    };
    let mut out = BufWriter::new(std::io::stdout().lock());
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(ExitCode::Fine)
}

/// The specification's rows with our bills.
fn compared(shape: &Shape) -> impl Iterator<Item = (u64, Money, Bill)> {
    let shape = *shape;
    SPECIFICATION
        .into_iter()
        .map(move |(resources, limit)| (resources, limit, cost_model::bill(&Shape { resources, ..shape })))
}

fn verdict(bill: &Bill, limit: Money) -> &'static str {
    if bill.sum() <= limit { "at or below" } else { "ABOVE" }
}

/// Dollars as the specification writes them: whole cents, or whole dollars.
fn short(money: Money) -> String {
    let cents = money.0 / 100;
    if cents.is_multiple_of(100) {
        format!("${}", thousands(cents / 100))
    } else {
        format!("${}.{:02}", thousands(cents / 100), cents % 100)
    }
}

/// The shape, in the options' words.
fn shape_words(shape: &Shape) -> String {
    let on = |on: bool, what: &'static str| (!on).then_some(what);
    let mut words = vec![
        match shape.trail {
            Trail::Existing => "existing trail",
            Trail::OwnFirst => "own trail, the only one",
            Trail::OwnSecond => "own trail beside another",
        }
        .to_owned(),
        match shape.delivery {
            cost_model::Delivery::Direct => "direct delivery".to_owned(),
            cost_model::Delivery::Queue => format!("delivery by queue, batches of {}", shape.batch),
        },
        if shape.regions == 1 { "1 region".to_owned() } else { format!("{} regions", shape.regions) },
        shape.architecture.name().to_owned(),
    ];
    words.extend(on(shape.alarms, "no alarms").map(str::to_owned));
    words.extend(on(shape.dashboard, "no dashboard").map(str::to_owned));
    words.extend(shape.topic_key.then(|| "a key for the topic".to_owned()));
    words.push(if shape.free_tier { "free tiers taken off" } else { "no free tiers" }.to_owned());
    words.join(", ")
}

/// Rows of which some columns are numbers, which end under each other.
fn aligned(mut rows: Vec<Vec<String>>, numbers: &[usize]) -> String {
    for column in numbers {
        let width = rows.iter().filter_map(|row| row.get(*column)).map(|cell| cell.chars().count()).max();
        for cell in rows.iter_mut().filter_map(|row| row.get_mut(*column)) {
            *cell = format!("{cell:>width$}", width = width.unwrap_or_default());
        }
    }
    output::columns(&rows)
}

/// Rows as a table of Markdown, the first one as its head.
fn markdown(rows: &[Vec<String>]) -> String {
    let mut out = String::new();
    for (at, row) in rows.iter().enumerate() {
        out.push_str(&format!("| {} |\n", row.join(" | ")));
        if at == 0 {
            out.push_str(&format!("|{}\n", "---|".repeat(row.len())));
        }
    }
    out
}

fn comparison_rows(shape: &Shape) -> Vec<Vec<String>> {
    let mut rows = vec![["resources", "specification", "ours", "ours is"].map(str::to_owned).to_vec()];
    rows.extend(compared(shape).map(|(resources, limit, bill)| {
        vec![thousands(resources), short(limit), bill.sum().to_string(), verdict(&bill, limit).to_owned()]
    }));
    rows
}

/// Which rows are above, and what costs it: a sentence for neighbours that are so because of the same lines.
fn reasons(shape: &Shape) -> Vec<String> {
    struct Reason {
        rows: (u64, u64),
        lines: Vec<(&'static str, Money, Money)>,
    }
    let mut reasons: Vec<Reason> = Vec::new();
    for (resources, limit, bill) in compared(shape) {
        let lines: Vec<_> = bill.above(limit).iter().map(|line| (line.what, line.cost, line.cost)).collect();
        if lines.is_empty() {
            continue;
        }
        let names =
            |lines: &[(&'static str, Money, Money)]| lines.iter().map(|line| line.0).collect::<Vec<_>>();
        match reasons.last_mut().filter(|last| names(&last.lines) == names(&lines)) {
            Some(last) => {
                last.rows.1 = resources;
                for (line, more) in last.lines.iter_mut().zip(lines) {
                    line.2 = more.2;
                }
            }
            None => reasons.push(Reason { rows: (resources, resources), lines }),
        }
    }
    let range = |from: String, to: String| if from == to { from } else { format!("{from} to {to}") };
    let sentence = |reason: &Reason| {
        let lines = reason
            .lines
            .iter()
            .map(|(what, least, most)| format!("{what} {}", range(least.to_string(), most.to_string())));
        let rows = range(thousands(reason.rows.0), thousands(reason.rows.1));
        format!("{rows} resources: {}.", lines.collect::<Vec<_>>().join("; "))
    };
    reasons.iter().map(sentence).collect()
}

fn table_text(shape: &Shape) -> String {
    let mut out = format!("Dollars a month: {}\n\n", shape_words(shape));
    out.push_str(&aligned(comparison_rows(shape), &[0, 1, 2]));
    let above = reasons(shape);
    if !above.is_empty() {
        out.push_str("\nAbove the specification because of\n");
        out.extend(above.iter().map(|reason| format!("  {reason}\n")));
    }
    let bills: Vec<_> = compared(shape).map(|(.., bill)| bill).collect();
    out.push_str(&unconfirmed(bills.iter().flat_map(|bill| &bill.lines)));
    out.push('\n');
    out.extend(cost_model::assumptions(shape).iter().map(|sentence| format!("{sentence}\n")));
    out.push_str(
        "\nOne bill line by line, with the prices and their sources: tagger cost --resources 50000\n",
    );
    out
}

/// A sentence for each price that is not confirmed.
fn unconfirmed<'a>(lines: impl Iterator<Item = &'a Line>) -> String {
    let mut names: Vec<_> = lines
        .filter(|line| line.price.evidence == Evidence::Unconfirmed)
        .map(|line| line.price.name)
        .collect();
    names.sort_unstable();
    names.dedup();
    names.iter().map(|name| format!("\nNOT CONFIRMED: the price of \"{name}\".\n")).collect()
}

/// An amount, as exactly as it matters.
fn amount(number: f64) -> String {
    if number.fract() == 0.0 || number >= 1_000.0 {
        return thousands(number.round() as u64);
    }
    format!("{number:.4}").trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// A price as AWS writes it.
fn price_words(price: &Price) -> String {
    let dollars = format!("{:.10}", price.dollars);
    let dollars = dollars.trim_end_matches('0');
    let decimals = dollars.split('.').nth(1).map_or(0, str::len);
    let dollars = if decimals < 2 { format!("{:.2}", price.dollars) } else { dollars.to_owned() };
    if price.per == 1.0 { format!("${dollars}") } else { format!("${dollars} / {}", amount(price.per)) }
}

fn bill_rows(bill: &Bill) -> Vec<Vec<String>> {
    let mut rows =
        vec![["what", "amount", "free", "unit", "price", "a month", "price is"].map(str::to_owned).to_vec()];
    rows.extend(bill.lines.iter().map(|line| {
        vec![
            line.what.to_owned(),
            amount(line.amount),
            amount(line.free),
            line.price.unit.to_owned(),
            price_words(line.price),
            line.cost.to_string(),
            evidence_words(line.price),
        ]
    }));
    let mut sum = vec![String::new(); 7];
    sum[0] = "sum".to_owned();
    sum[5] = bill.sum().to_string();
    rows.push(sum);
    rows
}

fn evidence_words(price: &Price) -> String {
    format!("{}, {}", price.evidence.as_str(), price.date)
}

fn price_rows<'a>(prices: impl Iterator<Item = &'a Price>) -> Vec<Vec<String>> {
    let mut rows =
        vec![["price", "dollars", "unit", "free a month", "price is", "read at"].map(str::to_owned).to_vec()];
    rows.extend(prices.map(|price| {
        vec![
            price.name.to_owned(),
            price_words(price),
            price.unit.to_owned(),
            if price.free > 0.0 { amount(price.free) } else { "-".to_owned() },
            evidence_words(price),
            price.source.to_owned(),
        ]
    }));
    rows
}

fn prices_of(bill: &Bill) -> impl Iterator<Item = &'static Price> {
    PRICES.into_iter().filter(|price| bill.lines.iter().any(|line| line.price == *price))
}

fn bill_text(shape: &Shape) -> String {
    let bill = cost_model::bill(shape);
    let mut out = format!("{} resources a month: {}\n\n", thousands(shape.resources), shape_words(shape));
    out.push_str(&aligned(bill_rows(&bill), &[1, 2, 5]));
    out.push_str(&unconfirmed(bill.lines.iter()));
    out.push('\n');
    out.extend(cost_model::assumptions(shape).iter().map(|sentence| format!("{sentence}\n")));
    out.push_str("\nPrices, us-east-1:\n");
    for price in prices_of(&bill) {
        out.push_str(&format!("  {}: {}, {}\n", price.name, evidence_words(price), price.source));
    }
    out
}

fn bill_markdown(shape: &Shape) -> String {
    let mut rows = bill_rows(&cost_model::bill(shape));
    for row in &mut rows {
        // The price's date and source are in the table of prices.
        row.pop();
    }
    format!(
        "{} resources a month: {}.\n\n{}",
        thousands(shape.resources),
        shape_words(shape),
        markdown(&rows)
    )
}

fn line_json(line: &Line) -> Value {
    json!({
        "what": line.what,
        "price": line.price.name,
        "unit": line.price.unit,
        "amount": line.amount,
        "free": line.free,
        "price_dollars": line.price.dollars,
        "price_per": line.price.per,
        "dollars": line.cost.dollars(),
        "evidence": line.price.evidence.as_str(),
        "date": line.price.date,
        "source": line.price.source,
        "page": line.price.page,
    })
}

fn bill_json(shape: &Shape) -> String {
    let bill = cost_model::bill(shape);
    let mut out: String = bill.lines.iter().map(|line| format!("{}\n", line_json(line))).collect();
    let sum = json!({ "sum": {
        "resources": shape.resources,
        "dollars": bill.sum().dollars(),
        "shape": shape_words(shape),
        "assumptions": cost_model::assumptions(shape),
    } });
    out.push_str(&format!("{sum}\n"));
    out
}

fn table_json(shape: &Shape) -> String {
    compared(shape)
        .map(|(resources, limit, bill)| {
            let above: Vec<_> = bill
                .above(limit)
                .iter()
                .map(|line| json!({ "what": line.what, "dollars": line.cost.dollars() }))
                .collect();
            let row = json!({
                "resources": resources,
                "specification_dollars": limit.dollars(),
                "dollars": bill.sum().dollars(),
                "at_or_below": bill.sum() <= limit,
                "above_because_of": above,
                "lines": bill.lines.iter().map(line_json).collect::<Vec<_>>(),
            });
            format!("{row}\n")
        })
        .collect()
}

/// `docs/cost.md`.
fn document(shape: &Shape) -> String {
    let base = *shape;
    let mut out = String::from(
        "# What it costs\n\nMade by `tagger cost --markdown` from the model in `crates/cli/src/cost_model.rs`; do not edit. \
         Dollars a month for one account at the prices of us-east-1.\n\n## Beside the specification\n\n",
    );
    out.push_str(&format!("{}:\n\n{}", capital(&shape_words(shape)), markdown(&comparison_rows(shape))));
    let above = reasons(shape);
    if !above.is_empty() {
        out.push_str("\nAbove the specification because of\n\n");
        out.extend(above.iter().map(|reason| format!("- {reason}\n")));
    }

    out.push_str("\n## Other shapes\n\nWhat is above the specification's row is in bold; below the table is what costs it.\n\n");
    let others = [
        ("`--no-free-tier`", Shape { free_tier: false, ..base }),
        ("`--no-free-tier --dashboard off`", Shape { free_tier: false, dashboard: false, ..base }),
        ("`--delivery queue`", Shape { delivery: cost_model::Delivery::Queue, ..base }),
        ("`--delivery queue --batch 10`", Shape { delivery: cost_model::Delivery::Queue, batch: 10, ..base }),
        ("`--trail own-first`", Shape { trail: Trail::OwnFirst, ..base }),
        ("`--trail own-first --reads-per-write 0`", Shape { trail: Trail::OwnFirst, reads: 0.0, ..base }),
        ("`--trail own-second`", Shape { trail: Trail::OwnSecond, ..base }),
        (
            "`--trail own-second --events-per-resource 1.1 --reads-per-write 0`",
            Shape { trail: Trail::OwnSecond, events: 1.1, reads: 0.0, ..base },
        ),
        ("`--regions 17`", Shape { regions: 17, ..base }),
    ];
    let mut head = vec!["shape".to_owned()];
    head.extend(SPECIFICATION.map(|(resources, _)| thousands(resources)));
    let mut limits = vec!["specification".to_owned()];
    limits.extend(SPECIFICATION.map(|(_, limit)| short(limit)));
    let mut rows = vec![head, limits];
    let mut whys = String::new();
    for (words, shape) in &others {
        let mut row = vec![(*words).to_owned()];
        for (_, limit, bill) in compared(shape) {
            let sum = bill.sum();
            row.push(if sum <= limit { sum.to_string() } else { format!("**{sum}**") });
        }
        rows.push(row);
        whys.extend(reasons(shape).iter().map(|reason| format!("- {words}, {reason}\n")));
    }
    out.push_str(&format!("{}\n{whys}", markdown(&rows)));
    out.push_str(
        "\nThe specification's rows from 500,000 on are a second copy of 1.1 management events for each resource, and \
         nothing else. A second trail logs every call of the account, not only creations, and so costs more than \
         that: where a trail is there already, `tagger deploy` uses it, as it is.\n\n\
         The stack's own trail logs reads too, since the specification says that CloudTrail logs all API calls. The first copy \
         of them is free as that of writes is, and EventBridge's rules do not get them, so that what reads add is files in \
         the bucket and the space for them: the difference of the two rows of `--trail own-first`. At the \
         assumed rate they bring no row above the specification's; what is above it there is so without them. Beside another trail (`--trail new`) each read is \
         paid for as a further copy, which is most of that bill.\n\nThe specification counts no alarms, no dashboard and no \
         idle queues; beyond the free tiers their price does not depend on how much is created.\n",
    );

    out.push_str("\n## Line by line\n\n");
    for shape in [
        Shape { resources: 5_000_000, ..base },
        Shape { resources: 500, free_tier: false, ..base },
        Shape { resources: 500_000, trail: Trail::OwnFirst, ..base },
        Shape { resources: 500_000, trail: Trail::OwnSecond, ..base },
    ] {
        out.push_str(&format!("{}\n", bill_markdown(&shape)));
    }

    out.push_str(
        "## Prices\n\n\"third party\" is a page that is not AWS's, or a quotation of AWS's price list: AWS's own page shows \
         its figures only in a browser. CloudWatch's free amounts were read on AWS's page. Look at AWS's page before you rely on one.\n\n",
    );
    let mut rows = price_rows(PRICES.into_iter());
    if let Some(head) = rows.first_mut() {
        head.push("AWS's page".to_owned());
    }
    for (row, price) in rows.iter_mut().skip(1).zip(PRICES) {
        row[5] = format!("<{}>", price.source);
        row.push(format!("<{}>", price.page));
    }
    out.push_str(&markdown(&rows));
    out.push_str("\n## What it rests on\n\n");
    let everything =
        Shape { regions: 17, trail: Trail::OwnSecond, delivery: cost_model::Delivery::Queue, ..base };
    out.extend(cost_model::assumptions(&everything).iter().map(|sentence| format!("- {sentence}\n")));
    out
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_aws_writes_them() {
        for (number, text) in [
            (0.0, "0"),
            (7.0, "7"),
            (0.3125, "0.3125"),
            (0.000_01, "0"),
            (1_234.5, "1,235"),
            (1e6, "1,000,000"),
        ] {
            assert_eq!(amount(number), text);
        }
        for (price, text) in [
            (&crate::cost_prices::LAMBDA_ARM64, "$0.0000133334"),
            (&crate::cost_prices::LAMBDA_REQUESTS, "$0.20 / 1,000,000"),
            (&crate::cost_prices::S3_PUT, "$0.005 / 1,000"),
            (&crate::cost_prices::CLOUDWATCH_DASHBOARDS, "$3.00"),
        ] {
            assert_eq!(price_words(price), text);
        }
        for (money, text) in [(100, "$0.01"), (5_000, "$0.50"), (1_100_000, "$110"), (10_000_000, "$1,000")] {
            assert_eq!(short(Money(money)), text);
        }
    }

    #[test]
    fn an_unconfirmed_price_is_said_once() {
        let lines = cost_model::bill(&Shape { resources: 1_000, regions: 3, ..Shape::default() }).lines;
        let said = unconfirmed(lines.iter().chain(lines.iter()));
        assert_eq!(said, "\nNOT CONFIRMED: the price of \"Data transfer to another region\".\n");
    }
}
