//! What can be typed for the verbs that look into the past.

use super::{Aws, PolicyFile};
use clap::Args;
use std::path::PathBuf;

/// `tagger who`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger who arn:aws:sqs:eu-west-1:111122223333:jobs      from the event history of the account
  tagger who i-0123456789abcdef0 --regions eu-west-1,us-east-1
  tagger who jobs --logs AWSLogs/                         from a trail's files, of several accounts and years
  tagger who jobs --logs AWSLogs/ --json | jq -r .sentence

First a sentence, then the chain: each call with its event's id, and how it follows from the one before.
Links, the strongest first: stated, key, shared, session, platform, parent; inferred is likely and proved
by nothing; ambiguous and none name nobody, and say what is missing. docs/who-made-it.md explains them.

AssumeRole is a read event: a trail that logs writes only cannot show a chain (`tagger doctor` says
whether yours can). What is not found is no failure: exit code 0, and 3 where something could not be read.")]
pub struct Who {
    /// What was made: its ARN, its id or its name
    #[arg(required = true, value_name = "ARN|ID|NAME")]
    pub names: Vec<String>,
    /// Log files, or folders of them, in the place of the event history; can be given several times
    #[arg(long, value_name = "PATH", conflicts_with_all = ["regions", "profile", "region"])]
    pub logs: Vec<PathBuf>,
    /// Regions whose event history is asked: `all` that are enabled, or a list with commas; otherwise that of
    /// the ARN, or the configured one and us-east-1
    #[arg(long, value_name = "all|LIST", value_delimiter = ',')]
    pub regions: Vec<String>,
    #[command(flatten)]
    pub aws: Aws,
    /// Print a line of JSON for each resource
    #[arg(long)]
    pub json: bool,
}

/// `tagger report`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger report AWSLogs/                                  writes tagger-report.html
  tagger report AWSLogs/ --output october.html --title \"Production, October\"
  tagger report AWSLogs/ --cost cur.csv.gz                with the cost of each resource

One file without any network: it can be mailed, printed and opened anywhere. Above 20,000 resources its
table is folded, a row for each creator and type, and a CSV with all of them lies beside it.

--cost takes a Cost and Usage Report or a FOCUS export as CSV, plain or gzip, joined by ARN, else by id.
What joins no resource is summed up and named. Parquet is not read: export it as CSV.")]
pub struct Report {
    /// Log files, or folders of them
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The page to write
    #[arg(long, short, value_name = "FILE", default_value = "tagger-report.html")]
    pub output: PathBuf,
    /// Cost export as CSV; can be given several times
    #[arg(long, value_name = "FILE")]
    pub cost: Vec<PathBuf>,
    /// Headline of the page
    #[arg(long, value_name = "TEXT", default_value = "Who created what")]
    pub title: String,
    #[command(flatten)]
    pub policy: PolicyFile,
}
