//! What the product costs in a month, as arithmetic over one table of prices.
//!
//! It is pure: it must read no file, no clock and no network, and it must know no prices but those in
//! [`PRICES`], so that every sum can be followed back to a source. How things are printed is the verb's
//! business. All amounts are for one month and one account, all prices US dollars of us-east-1.

use crate::cost_prices::*;
pub use crate::cost_prices::{Evidence, PRICES, Price};
use clap::ValueEnum;
use std::fmt;

/// The specification's table "Cost Scaling": resources a month, and its dollars a month.
pub const SPECIFICATION: [(u64, Money); 5] = [
    (500, Money(100)),
    (5_000, Money(500)),
    (50_000, Money(5_000)),
    (500_000, Money(110_000)),
    (5_000_000, Money(1_100_000)),
];

/// Memory of the function, GB (`MemorySize` of `templates/tagger.yaml`).
const MEMORY_GB: f64 = 0.25;
/// Runs of the reconcile function in a month, hourly.
const RECONCILES: f64 = HOURS;
/// Assumed: seconds of a run: some pages of the event history in each region, one a second.
const RECONCILE_SECONDS: f64 = 10.0;
/// Memory of the reconcile function, GB.
const RECONCILE_GB: f64 = 0.5;
/// Assumed: billed milliseconds per resource beside the wait for AWS. `bench/README.md` measured 0.3 ms on
/// a whole core; 256 MB get about a seventh of one, and there is TLS.
const OWN_MS: f64 = 5.0;
/// Assumed: how often a resource is tried that is not ready at first (a database takes 5 to 30 minutes).
const TRIES: f64 = 5.0;
/// SQS requests for such a resource beside the tries: one to send, one to delete.
const RETRY_ENDS: f64 = 2.0;
/// SQS requests for one try: one to receive, one to make it wait again.
const RETRY_REQUESTS: f64 = 2.0;
/// Empty receives by Lambda for one queue: five pollers, three a minute each (long polls of 20 seconds).
const IDLE_RECEIVES: f64 = 5.0 * 3.0 * 60.0 * HOURS;
/// Queues that Lambda polls always (retry), and with `Delivery=queue` as well (events).
const POLLED_QUEUES: (u32, u32) = (1, 1);
/// Bytes of one line of the function's log: some 370, 26 that CloudWatch Logs adds, and room for long ARNs.
const LOG_BYTES: f64 = 500.0;
/// Months that the log is kept (`LogRetentionDays`, 30).
const LOG_MONTHS: f64 = 1.0;
/// `Tagged`, `LatencyMs` and `Missed`, and `NotTagged` for each reason why a creation can have no tag.
const METRICS: u32 = 3 + REASONS;
/// Not ours, skipped, opted out, creator unknown, other account, dead letter. One that does not occur costs nothing.
const REASONS: u32 = 6;
/// Metrics of alarms, as an alarm on an expression is billed for each metric in it: in the home region (nine alarms, of
/// which `-oldest-retry` has two metrics), with `Delivery=queue` as well, and in each other region.
const ALARMS: (u32, u32, u32) = (10, 1, 1);
/// What `TagChanges` adds where it is on: metrics of alarms, metrics, queues that Lambda polls always.
const TAG_CHANGES: (u32, u32, u32) = (2, 1, 1);
/// Assumed: compressed bytes of a management event in the bucket, files being small.
const TRAIL_BYTES: f64 = 500.0;
/// Assumed: bytes of a digest file.
const DIGEST_BYTES: f64 = 1_000.0;
/// Log files of one region and hour at most: CloudTrail delivers about every five minutes.
const FILES_AN_HOUR: f64 = 12.0;
/// Assumed: enabled regions. A trail of all regions writes a digest in each of them every hour, busy or not.
const ENABLED_REGIONS: f64 = 17.0;
/// Months that a file is in the bucket: 90 days as the current version, 30 as a previous one.
const TRAIL_MONTHS: f64 = 4.0;
/// Assumed: bytes that one tagging call sends, with its share of TLS.
const CALL_BYTES: f64 = 4_000.0;
/// Hours of a month: 30 days.
const HOURS: f64 = 720.0;
/// Bytes of a GB as storage and transfer are billed. The decimal one, since it gives the higher bill.
const GB: f64 = 1e9;

/// US dollars in steps of a hundredth of a cent: whole numbers, so that a sum is exactly its lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(pub u64);

impl Money {
    /// Rounded to the nearest step.
    fn from_dollars(dollars: f64) -> Self {
        Money((dollars * 10_000.0).round() as u64)
    }

    /// As a number of dollars.
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 10_000.0
    }
}

impl std::iter::Sum for Money {
    fn sum<I: Iterator<Item = Money>>(all: I) -> Self {
        Money(all.map(|money| money.0).sum())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("${}.{:04}", thousands(self.0 / 10_000), self.0 % 10_000))
    }
}

/// A number with a comma before each group of three digits.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// How events reach the function (`Delivery` of the template).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Delivery {
    /// Rules call the function
    Direct,
    /// Rules fill a queue that the function reads
    Queue,
}

/// Where events come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Trail {
    /// The stack's own trail, and no other one logs management events
    OwnFirst,
    /// The stack's own trail beside another one: each event is paid for
    OwnSecond,
    /// A trail that is there already
    Existing,
}

/// The function's processor (`Architecture` of the template).
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "verbatim")]
#[allow(non_camel_case_types, reason = "these are AWS's own names")]
pub enum Architecture {
    /// A fifth cheaper
    arm64,
    /// Where arm64 cannot be had
    x86_64,
}

impl Architecture {
    /// AWS's name.
    pub fn name(self) -> &'static str {
        match self {
            Architecture::arm64 => "arm64",
            Architecture::x86_64 => "x86_64",
        }
    }
}

/// What is deployed, and how much happens in a month.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shape {
    /// Resources created in a month. Each counts as one event, though some events create several.
    pub resources: u64,
    /// Calls to AWS for each resource; assumed.
    pub calls: f64,
    /// Milliseconds that each call takes; assumed.
    pub call_ms: f64,
    /// Percent of the resources that are not ready at first; assumed.
    pub retried_percent: f64,
    /// How events arrive.
    pub delivery: Delivery,
    /// Events in a batch of the events queue, 1 to 10; assumed.
    pub batch: u64,
    /// Which trail.
    pub trail: Trail,
    /// Writing management events for each resource, which a trail of one's own logs; assumed.
    pub events: f64,
    /// Reading management events for each writing one, which a trail of one's own logs as well; assumed.
    pub reads: f64,
    /// Regions, with the home region. Resources are taken to be spread over them evenly.
    pub regions: u64,
    /// The processor.
    pub architecture: Architecture,
    /// Whether there are alarms. The template always has them; this says what they cost.
    pub alarms: bool,
    /// Whether there is a dashboard.
    pub dashboard: bool,
    /// Whether the alarms' topic has a key of its own (`AlarmTopicKey=new`).
    pub topic_key: bool,
    /// Whether nothing else in the account has used up the free tiers.
    pub free_tier: bool,
}

impl Default for Shape {
    /// The template's defaults beside a trail that is there already, in one region.
    fn default() -> Self {
        Shape {
            resources: 0,
            calls: 3.0,
            call_ms: 50.0,
            retried_percent: 5.0,
            delivery: Delivery::Direct,
            batch: 1,
            trail: Trail::Existing,
            events: 10.0,
            reads: 9.0,
            regions: 1,
            architecture: Architecture::arm64,
            alarms: true,
            dashboard: true,
            topic_key: false,
            free_tier: true,
        }
    }
}

/// One line of a bill.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is for.
    pub what: &'static str,
    /// The price.
    pub price: &'static Price,
    /// How much of it, in [`Price::unit`].
    pub amount: f64,
    /// How much of that is free, never more than the amount.
    pub free: f64,
    /// What is left to pay.
    pub cost: Money,
}

/// A month's bill.
#[derive(Debug, Default, PartialEq)]
pub struct Bill {
    /// The lines, also those that come to nothing.
    pub lines: Vec<Line>,
}

impl Bill {
    /// The sum, which is exactly that of the lines.
    pub fn sum(&self) -> Money {
        self.lines.iter().map(|line| line.cost).sum()
    }

    /// The dearest lines without which the sum would be at or below a limit; none if it is so anyway.
    pub fn above(&self, limit: Money) -> Vec<&Line> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_by_key(|line| std::cmp::Reverse(line.cost));
        let mut left = self.sum();
        lines.retain(|line| {
            let needed = left > limit;
            left = Money(left.0 - if needed { line.cost.0 } else { 0 });
            needed
        });
        lines
    }

    /// Adds a line. What earlier lines of the same price left of its free tier is taken off.
    fn add(&mut self, shape: &Shape, what: &'static str, price: &'static Price, amount: f64) {
        if amount <= 0.0 {
            return;
        }
        let used: f64 =
            self.lines.iter().filter(|line| line.price.name == price.name).map(|line| line.free).sum();
        let free = if shape.free_tier { amount.min((price.free - used).max(0.0)) } else { 0.0 };
        let cost = Money::from_dollars((amount - free) / price.per * price.dollars);
        self.lines.push(Line { what, price, amount, free, cost });
    }
}

/// The bill of a shape.
pub fn bill(shape: &Shape) -> Bill {
    let mut bill = Bill::default();
    let mut add = |what, price, amount| bill.add(shape, what, price, amount);
    let resources = shape.resources as f64;
    let queued = shape.delivery == Delivery::Queue;
    let retries = resources * shape.retried_percent / 100.0;
    let elsewhere = resources * (shape.regions - 1) as f64 / shape.regions as f64;

    let first = if queued { resources / shape.batch as f64 } else { resources };
    let tries = resources + retries * TRIES;
    add("function, calls", &LAMBDA_REQUESTS, first + retries * TRIES);
    let duration = match shape.architecture {
        Architecture::arm64 => &LAMBDA_ARM64,
        Architecture::x86_64 => &LAMBDA_X86_64,
    };
    let seconds = (shape.calls * shape.call_ms + OWN_MS) / 1_000.0;
    add("function, duration", duration, tries * seconds * MEMORY_GB);

    add("reconcile function, calls", &LAMBDA_REQUESTS, RECONCILES);
    add("reconcile function, duration", duration, RECONCILES * RECONCILE_SECONDS * RECONCILE_GB);

    let polled = POLLED_QUEUES.0 + if queued { POLLED_QUEUES.1 } else { 0 };
    add("queues, polled while empty", &SQS_REQUESTS, f64::from(polled) * IDLE_RECEIVES);
    add("retry queue", &SQS_REQUESTS, retries * (RETRY_ENDS + TRIES * RETRY_REQUESTS));
    if queued {
        // EventBridge sends one by one; Lambda receives and deletes by the batch.
        add("events queue", &SQS_REQUESTS, resources * (1.0 + 2.0 / shape.batch as f64));
    }

    if shape.trail != Trail::Existing {
        let writes = resources * shape.events;
        let reads = writes * shape.reads;
        if shape.trail == Trail::OwnSecond {
            add("trail, a further copy of each event", &CLOUDTRAIL_FURTHER_COPY, writes);
            add("trail, a further copy of each read", &CLOUDTRAIL_FURTHER_COPY, reads);
        }
        let digests = ENABLED_REGIONS * HOURS;
        // Reads and writes are in the same files.
        let files = (writes + reads).min(shape.regions as f64 * HOURS * FILES_AN_HOUR);
        add("trail, files written", &S3_PUT, files + digests);
        let bytes = (writes * TRAIL_BYTES + digests * DIGEST_BYTES) * TRAIL_MONTHS;
        add("trail, files kept 90 + 30 days", &S3_STORAGE, bytes / GB);
        add("trail, reads kept 90 + 30 days", &S3_STORAGE, reads * TRAIL_BYTES * TRAIL_MONTHS / GB);
    }

    add("forwarders", &EVENTBRIDGE_FORWARDED, elsewhere);
    let sent = elsewhere * (1.0 + shape.retried_percent / 100.0 * TRIES) * shape.calls * CALL_BYTES;
    add("tagging calls to other regions", &TRANSFER, sent / GB);

    let log = tries * LOG_BYTES / GB;
    add("function's log, written", &LOGS_INGESTED, log);
    add("function's log, kept 30 days", &LOGS_STORED, log * LOG_MONTHS);
    add("metrics", &CLOUDWATCH_METRICS, f64::from(METRICS));
    if shape.alarms {
        let home = ALARMS.0 + if queued { ALARMS.1 } else { 0 };
        let others = (shape.regions - 1) as f64 * f64::from(ALARMS.2);
        add("alarms", &CLOUDWATCH_ALARMS, f64::from(home) + others);
    }
    add("dashboard", &CLOUDWATCH_DASHBOARDS, if shape.dashboard { 1.0 } else { 0.0 });
    add("alarm topic's key", &KMS_KEYS, if shape.topic_key { 1.0 } else { 0.0 });
    bill
}

/// What a bill rests on beside prices, a sentence each: what was assumed, then what is not counted.
pub fn assumptions(shape: &Shape) -> Vec<String> {
    let mut all = vec![
        format!(
            "Assumed: {} calls to AWS for each resource, {} ms each, and {OWN_MS} ms of its own; the wait for AWS is most of what is billed.",
            shape.calls, shape.call_ms
        ),
        format!(
            "Assumed: {} % of the resources are not ready at first and are tried {TRIES} more times.",
            shape.retried_percent
        ),
        "Counted high: one event for each resource, though some events create several; GB of 10^9 bytes; the log kept without compression; metrics for a whole month.".to_owned(),
        format!(
            "Assumed: Lambda asks a queue {} times a month while it is empty (five pollers, long polls of 20 seconds); what it asks of a busy one is counted on top.",
            thousands(IDLE_RECEIVES as u64)
        ),
        format!("Assumed: {LOG_BYTES} bytes of log for each decision."),
        format!("Assumed: {RECONCILE_SECONDS} seconds for each hourly run of the reconcile function; its regions are read at once."),
        "Free tiers are those without an end. The accounts of an organization with one bill share them; --no-free-tier leaves them out.".to_owned(),
    ];
    if shape.delivery == Delivery::Queue {
        all.push(format!(
            "Assumed: {} in a batch, and that AWS bills what EventBridge sends to a queue as requests.",
            if shape.batch == 1 { "1 event".to_owned() } else { format!("{} events", shape.batch) }
        ));
    }
    if shape.trail != Trail::Existing {
        all.push(format!(
            "Assumed: {} writing management events for each resource, {TRAIL_BYTES} bytes each in the bucket, and {ENABLED_REGIONS} enabled regions, with a digest file an hour in each.",
            shape.events
        ));
        all.push(format!(
            "Assumed: {} reading events for each writing one, of the same size. No figure of AWS's was found, and accounts differ much; of KMS AWS says that more than 99 % of its events are reads (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/logging-management-events-with-cloudtrail.html>). Count your own: --reads-per-write.",
            shape.reads
        ));
    }
    if shape.regions > 1 {
        all.push(format!(
            "Assumed: resources spread evenly over the regions, records below 64 KB, and {} bytes sent for each call to another region.",
            thousands(CALL_BYTES as u64)
        ));
    }
    all.push(
        "Not counted: cold starts (some 5 ms each), mail of alarms, queries of the log, tax, and what the other trail costs.".to_owned(),
    );
    all.push(format!(
        "Not counted: TagChanges, which is off unless asked for. It adds {} alarm metrics, {} metric and {} queue that is asked {} times a month while it is empty; a message for each change of the tag, the tagger's own among them; and a call of the function for up to 100 of those.",
        TAG_CHANGES.0,
        TAG_CHANGES.1,
        TAG_CHANGES.2,
        thousands(IDLE_RECEIVES as u64)
    ));
    all
}

#[cfg(test)]
mod tests;
