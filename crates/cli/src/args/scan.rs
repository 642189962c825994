//! What can be typed for `tagger scan`.

use super::PolicyFile;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  tagger scan AWSLogs/
  tagger scan --from 7d --only creations --by creator,service AWSLogs/
  tagger scan --list --who 'alice*' --type 'AWS::EC2::*' --format csv AWSLogs/ > alice.csv
  tagger scan --only denied --list --from yesterday AWSLogs/
  tagger scan --json AWSLogs/ | jq 'select(.creator.name == \"alice\")'

Counts are creations: an event counts once however often it is read, and a call that repeats or updates
what is there is none. Without --by it prints a row for each creator and resource type. With --json the
last line is the summary. Filters choose among what was created (or deleted, or denied); the summary
is of every record that was read. A time is a day (2026-11-24, from its beginning or to its end, UTC),
`today`, `yesterday`, an age (`2d`, `12h`) or a full time (2026-11-24T08:30:00Z).";

/// `tagger scan`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Scan {
    /// Folders or files, also as globs; in folders, files that end in .json, .jsonl, .ndjson, also with .gz; `-` is standard
    /// input
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    #[command(flatten)]
    pub filters: Filters,
    /// What is shown
    #[arg(long, value_enum, default_value_t = Only::Creations, value_name = "WHAT")]
    pub only: Only,
    /// A row for each of these together, separated by commas
    #[arg(long, value_enum, value_delimiter = ',', value_name = "FIELD", conflicts_with = "list")]
    pub by: Vec<By>,
    /// Only so many rows, the largest first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub top: Option<u32>,
    /// A row for each resource: ARN, creator, time, event id, when it was deleted
    #[arg(long)]
    pub list: bool,
    /// Which entries of the catalog that rest on AWS's API models alone these records confirm or contradict; names no account,
    /// person or resource, so it can be pasted into an issue
    #[arg(long, conflicts_with_all = ["list", "by", "top", "only", "format"])]
    pub unproved: bool,
    /// How it is printed
    #[arg(long, value_enum, default_value_t = Format::Table, value_name = "FORM", conflicts_with = "json")]
    pub format: Format,
    /// Print JSON lines, as with --format json
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub policy: PolicyFile,
}

/// Which rows are chosen. Each takes several patterns, separated by commas, in which `*` is any text and `?` any character.
#[derive(Debug, Default, Args)]
pub struct Filters {
    /// Not what was before this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub from: Option<String>,
    /// Not what was after this time
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub to: Option<String>,
    /// Only these creators, by name
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub who: Vec<String>,
    /// Only these kinds of creators: person, user, role, workload, ci, service, root, federated, account, unknown
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub kind: Vec<String>,
    /// Only these services, for example `s3` or `s3.amazonaws.com`
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub service: Vec<String>,
    /// Only these resource types, for example `AWS::EC2::*`
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub r#type: Vec<String>,
    /// Only these accounts
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub account: Vec<String>,
    /// Only these regions
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub region: Vec<String>,
    /// Only these ARNs
    #[arg(long, value_name = "GLOB", value_delimiter = ',')]
    pub arn: Vec<String>,
}

/// What is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Only {
    /// What was created
    Creations,
    /// What was deleted, of the types that the catalog knows
    Deletions,
    /// Creating calls that were refused for want of a permission
    Denied,
}

/// By what rows are summed up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum By {
    /// The creator's name
    Creator,
    /// What the creator is
    Kind,
    /// The resource type
    Type,
    /// The service
    Service,
    /// The account
    Account,
    /// The region
    Region,
    /// The day, UTC
    Day,
}

/// How it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Columns, for people
    Table,
    /// A line of JSON each
    Json,
    /// CSV with a head line, for spreadsheets
    Csv,
}
