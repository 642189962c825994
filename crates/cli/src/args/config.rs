//! What can be typed for the configuration.

use clap::{Args, Subcommand};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  tagger config check tagger.toml
  tagger config check tagger.toml AWSLogs/            on your own records
  aws cloudtrail lookup-events | tagger config check tagger.toml -

It asks nobody. Without records it shows made-up callers, one of each kind. With records it shows
each caller who created something, what the creator's tag and the further tags would be, and what is
left alone, by reason. `tagger deploy --config` makes the same check before anything is deployed.";

/// `tagger config`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Config {
    /// What to do
    #[command(subcommand)]
    pub action: Action,
}

/// What can be done with a configuration.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Check a configuration file, and say what each kind of caller would get
    Check(Check),
}

/// `tagger config check`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Check {
    /// Configuration file (docs/settings.md); a people file that it names is checked as well
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Files with CloudTrail records, or folders of such files; `-` is standard input
    #[arg(value_name = "RECORDS")]
    pub records: Vec<PathBuf>,
    /// Print JSON lines
    #[arg(long)]
    pub json: bool,
}
