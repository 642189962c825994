//! The prices of AWS that the cost model uses, each with its source and the date of the fact. Data.
//!
//! A price that is not here is in no sum. US dollars, us-east-1.

/// How well a price is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// Read on a page of AWS.
    Aws,
    /// Read on somebody else's page or in a copy of AWS's price list, since AWS's own could not be.
    ThirdParty,
    /// Not confirmed for this case: the bill says so beside each line that uses it.
    Unconfirmed,
}

impl Evidence {
    /// The word that is printed.
    pub fn as_str(self) -> &'static str {
        match self {
            Evidence::Aws => "AWS",
            Evidence::ThirdParty => "third party",
            Evidence::Unconfirmed => "NOT CONFIRMED",
        }
    }
}

/// One price of AWS.
#[derive(Debug, PartialEq)]
pub struct Price {
    /// What is paid for, in AWS's words.
    pub name: &'static str,
    /// What is counted, in the plural.
    pub unit: &'static str,
    /// Dollars for [`Price::per`] units.
    pub dollars: f64,
    /// The number of units that [`Price::dollars`] buys.
    pub per: f64,
    /// Units that are free each month, for all regions of an account together and without an end.
    /// Free tiers of an account's first year are left out.
    pub free: f64,
    /// How well it is known.
    pub evidence: Evidence,
    /// Where it was read.
    pub source: &'static str,
    /// The date of its figures, as exactly as it gives one; or the day it was read; or `undated`.
    pub date: &'static str,
    /// AWS's page, to look it up again.
    pub page: &'static str,
}

const LAMBDA_PAGE: &str = "https://aws.amazon.com/lambda/pricing/";
const SQS_PAGE: &str = "https://aws.amazon.com/sqs/pricing/";
const CLOUDWATCH_PAGE: &str = "https://aws.amazon.com/cloudwatch/pricing/";
const S3_PAGE: &str = "https://aws.amazon.com/s3/pricing/";
const CLOUDWATCH_COPY: &str =
    "https://www.factualminds.com/blog/amazon-cloudwatch-pricing-metrics-logs-alarms-dashboards/";

/// Calls of the function; $0.20 a million, a million free.
pub const LAMBDA_REQUESTS: Price = Price {
    name: "Lambda requests",
    unit: "requests",
    dollars: 0.20,
    per: 1e6,
    free: 1e6,
    evidence: Evidence::ThirdParty,
    source: "https://cloudchipr.com/blog/aws-lambda-pricing",
    date: "2024",
    page: LAMBDA_PAGE,
};
/// Billed duration times memory on arm64; the free 400,000 GB-seconds are shared with x86_64.
pub const LAMBDA_ARM64: Price = Price {
    name: "Lambda duration, arm64",
    unit: "GB-seconds",
    dollars: 0.000_013_333_4,
    per: 1.0,
    free: 400_000.0,
    ..LAMBDA_REQUESTS
};
/// The same on x86_64.
pub const LAMBDA_X86_64: Price =
    Price { name: "Lambda duration, x86_64", dollars: 0.000_016_666_7, ..LAMBDA_ARM64 };
/// Requests to standard queues, empty answers too; $0.40 a million, a million free.
pub const SQS_REQUESTS: Price = Price {
    name: "SQS requests, standard queues",
    unit: "requests",
    dollars: 0.40,
    per: 1e6,
    free: 1e6,
    evidence: Evidence::ThirdParty,
    source: "https://cloudburn.io/blog/amazon-sqs-pricing",
    date: "2026-03",
    page: SQS_PAGE,
};
/// Events sent to another region's bus. AWS's own events on the default bus, and rules, are free.
pub const EVENTBRIDGE_FORWARDED: Price = Price {
    name: "EventBridge events to another region's bus",
    unit: "events of up to 64 KB",
    dollars: 1.00,
    per: 1e6,
    free: 0.0,
    evidence: Evidence::ThirdParty,
    source: "https://cloudburn.io/blog/amazon-eventbridge-pricing",
    date: "2026-03",
    page: "https://aws.amazon.com/eventbridge/pricing/",
};
/// A further copy of management events; the first of each region is free.
pub const CLOUDTRAIL_FURTHER_COPY: Price = Price {
    name: "CloudTrail management events, a further copy",
    unit: "events",
    dollars: 2.00,
    per: 100_000.0,
    free: 0.0,
    evidence: Evidence::Aws,
    source: "https://aws.amazon.com/cloudtrail/pricing/",
    date: "undated, read 2026-11-24",
    page: "https://aws.amazon.com/cloudtrail/pricing/",
};
/// What the trail's bucket holds.
pub const S3_STORAGE: Price = Price {
    name: "S3 Standard storage",
    unit: "GB-months",
    dollars: 0.023,
    per: 1.0,
    free: 0.0,
    evidence: Evidence::ThirdParty,
    // Read where somebody quotes this list's version 20260928230416.
    source: "https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonS3/current/us-east-1/index.json",
    date: "2026-09-28",
    page: S3_PAGE,
};
/// What CloudTrail writes into the trail's bucket.
pub const S3_PUT: Price =
    Price { name: "S3 PUT requests", unit: "requests", dollars: 0.005, per: 1_000.0, ..S3_STORAGE };
/// The function's log on its way in; 5 GB free, which AWS shares with storage and queries.
pub const LOGS_INGESTED: Price = Price {
    name: "CloudWatch Logs ingestion",
    unit: "GB",
    dollars: 0.50,
    per: 1.0,
    free: 5.0,
    evidence: Evidence::ThirdParty,
    source: CLOUDWATCH_COPY,
    date: "2026-06-13",
    page: CLOUDWATCH_PAGE,
};
/// The function's log while it is kept. The free 5 GB are counted for ingestion alone.
pub const LOGS_STORED: Price = Price {
    name: "CloudWatch Logs storage",
    unit: "GB-months",
    dollars: 0.03,
    per: 1.0,
    free: 0.0,
    source: "https://github.com/vreutova/infracost-idem-support/pull/2",
    date: "undated",
    ..LOGS_INGESTED
};
/// Custom metrics, a full month of each; ten free.
pub const CLOUDWATCH_METRICS: Price = Price {
    name: "CloudWatch custom metrics",
    unit: "metrics",
    dollars: 0.30,
    per: 1.0,
    free: 10.0,
    source: "https://signoz.io/guides/cloudwatch-pricing",
    date: "2026-02-15",
    ..LOGS_INGESTED
};
/// Alarms of standard resolution, ten free. Each metric of an expression is counted: AWS's own sentence for that was not
/// found, and it gives the higher bill.
pub const CLOUDWATCH_ALARMS: Price =
    Price { name: "CloudWatch alarms", unit: "alarm metrics", dollars: 0.10, ..CLOUDWATCH_METRICS };
/// Dashboards; three of up to 50 metrics free.
pub const CLOUDWATCH_DASHBOARDS: Price = Price {
    name: "CloudWatch dashboards",
    unit: "dashboards",
    dollars: 3.00,
    per: 1.0,
    free: 3.0,
    ..LOGS_INGESTED
};
/// A customer managed key, in its first year: each of the first two rotations adds as much again.
pub const KMS_KEYS: Price = Price {
    name: "KMS customer managed keys",
    unit: "keys",
    dollars: 1.00,
    per: 1.0,
    free: 0.0,
    evidence: Evidence::ThirdParty,
    source: "https://www.factualminds.com/blog/aws-kms-pricing-keys-requests-multi-region/",
    date: "2026-06-13",
    page: "https://aws.amazon.com/kms/pricing/",
};
/// Tagging calls that leave the home region. The price depends on the pair of regions: $0.01 to about
/// $0.09 a GB; this one is that of most pairs, and no page of AWS was found that says so.
pub const TRANSFER: Price = Price {
    name: "Data transfer to another region",
    unit: "GB",
    dollars: 0.02,
    per: 1.0,
    free: 0.0,
    evidence: Evidence::Unconfirmed,
    source: "https://redresscompliance.com/aws-inter-region-transfer-costs-multiregion",
    date: "undated",
    page: "https://aws.amazon.com/ec2/pricing/on-demand/",
};

/// All prices.
pub static PRICES: [&Price; 15] = [
    &LAMBDA_REQUESTS,
    &LAMBDA_ARM64,
    &LAMBDA_X86_64,
    &SQS_REQUESTS,
    &EVENTBRIDGE_FORWARDED,
    &CLOUDTRAIL_FURTHER_COPY,
    &S3_STORAGE,
    &S3_PUT,
    &LOGS_INGESTED,
    &LOGS_STORED,
    &CLOUDWATCH_METRICS,
    &CLOUDWATCH_ALARMS,
    &CLOUDWATCH_DASHBOARDS,
    &KMS_KEYS,
    &TRANSFER,
];
