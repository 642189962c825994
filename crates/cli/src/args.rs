//! What can be typed. Help, completions, man page and `docs/cli.md` come from here.

mod account;
mod backfill;
mod config;
mod past;
mod scan;

use crate::cost_model::{Architecture, Delivery, Trail};
pub use account::{Aws, Deploy, Destroy, Doctor, PolicyOf, Protect, Redrive, Status};
pub use backfill::Backfill;
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
pub use config::{Action, Check, Config};
pub use past::{Report, Who};
pub use scan::{By, Filters, Format, Only, Scan};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  tagger sandbox --demo                 the product, running against an AWS on this computer
  tagger deploy                         put it into an account: shows what would be made, then asks
  tagger doctor --canary                whether it works, with a queue that is created and removed again
  tagger explain event.json             who made it, which tags it gets, or why none
  tagger scan cloudtrail-logs/          who created what, over a tree of CloudTrail files
  tagger who arn:aws:s3:::my-bucket     who made it: the person, the roles between, the events
  tagger catalog --service s3           what the catalog knows

Exit codes: 0 fine, 1 a failure, 2 wrong usage, 3 done, but some input could not be read.";

/// Tags new AWS resources with the name of their creator.
#[derive(Debug, Parser)]
#[command(name = "tagger", version, after_help = EXAMPLES, arg_required_else_help = true)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Put the product into an account, further regions or an organization, or bring it up to date
    Deploy(Box<Deploy>),
    /// Show what is deployed where, what was tagged last, and what waits or was given up
    Status(Status),
    /// Find out why nothing is tagged; with --canary, create something and watch its tag arrive
    Doctor(Doctor),
    /// Show the dead letters in groups, and move back those that are asked for
    Redrive(Redrive),
    /// Tag what was created before the product was there
    Backfill(Backfill),
    /// Print, or attach, a service control policy that leaves the tag's key to the tagger
    Protect(Protect),
    /// Take the product out of the account again; the tags and the logs stay
    Destroy(Destroy),
    /// Say for each CloudTrail record who made it, which resources, and which tags they get
    Explain(Explain),
    /// Check a configuration file, and say what each kind of caller would get
    Config(Config),
    /// Read trees of CloudTrail log files and sum up who created what
    Scan(Box<Scan>),
    /// Say who made a resource, hop by hop, with the events that prove it
    Who(Who),
    /// Write one page of HTML about who created what, that can be mailed and printed
    Report(Report),
    /// List what the catalog knows: which event creates which resource type, and how it is tagged
    Catalog(Catalog),
    /// Work out what the product costs a month, line by line, beside the specification's figures
    Cost(Cost),
    /// Run the product against an AWS on this computer
    Sandbox(Sandbox),
    /// Print a shell's completion script
    Completions(Completions),
    /// Print the man page
    Man,
}

/// `tagger explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger explain event.json
  aws cloudtrail lookup-events --max-results 5 | tagger explain -
  tagger explain --json trail.json.gz | jq 'select(.actions != [])'
  tagger explain --config tagger.toml event.json      with your own key, value and exclusions
  tagger explain --only no-resource-in-record AWSLogs/

It prints the records that plan something, and those that need a look: something may have been created
that gets no tag although nobody asked for that. The rest is counted in the last line. A single record
is always printed. With --json there is a line for each record, unless --only is given.

Reads log files (plain or gzip), EventBridge events, SQS batches, the output of LookupEvents, lists,
JSON lines and bare records. What cannot be read is named on standard error, and the rest goes on.")]
pub struct Explain {
    /// Files with CloudTrail records, or folders of such files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one line of JSON for each record, in the order of the input
    #[arg(long)]
    pub json: bool,
    /// Only records that plan something (`planned`) or have one of these codes of docs/diagnostics.md
    #[arg(long, value_name = "CODE|planned", value_delimiter = ',', conflicts_with = "all")]
    pub only: Vec<String>,
    /// Every record, also those that tag nothing and need no look
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub policy: PolicyFile,
    /// When to use bold text; colour never carries a meaning of its own
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// `tagger catalog`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger catalog                                  every entry, a line each
  tagger catalog --type AWS::SQS::Queue           one type in full: evidence, permissions, rule
  tagger catalog --event RunInstances
  tagger catalog --json --service rds
  tagger catalog --propose AWS::Glue::Job         in a checkout: derive an entry from AWS's API models

A type or an event that is named in full, and whatever matches few entries, is shown with all that is
known about it; --json always is. --propose needs Python 3.11 or newer, and the first time a package
registry.")]
pub struct Catalog {
    /// Only resource types that contain this text, for example `EC2::Volume`; a full name is that type alone
    #[arg(long, value_name = "TEXT")]
    pub r#type: Option<String>,
    /// Only this event name
    #[arg(long, value_name = "NAME")]
    pub event: Option<String>,
    /// Only this service, for example `s3` or `s3.amazonaws.com`
    #[arg(long, value_name = "NAME")]
    pub service: Option<String>,
    /// Print one line of JSON for each entry
    #[arg(long)]
    pub json: bool,
    /// In a checkout: derive the entry of a type that the catalog does not have, or say what is doubtful
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["type", "event", "service", "json"])]
    pub propose: Option<String>,
}

/// `tagger cost`.
#[derive(Debug, Args)]
#[command(
    allow_negative_numbers = true,
    after_help = "\
Examples:
  tagger cost                                     beside the specification's figures
  tagger cost --resources 20000 --no-free-tier    one bill, line by line, with sources
  tagger cost --trail own-second --regions 17     what a second trail and more regions do to it

It asks nobody: prices of us-east-1 are in the program, with their sources. With --json one object a
line; the last line of a bill is its sum."
)]
pub struct Cost {
    /// Resources created in a month; without it, the specification's five rows
    #[arg(long, value_name = "N", value_parser = whole::<0, 1_000_000_000_000>)]
    pub resources: Option<u64>,
    /// How events reach the function
    #[arg(long, value_enum, default_value_t = Delivery::Direct, value_name = "WHICH")]
    pub delivery: Delivery,
    /// With --delivery queue: events in a batch (assumed)
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole::<1, 10>)]
    pub batch: u64,
    /// Which trail the events come from
    #[arg(long, value_enum, default_value_t = Trail::Existing, value_name = "WHICH")]
    pub trail: Trail,
    /// With a trail of one's own: management events that write, for each resource (assumed)
    #[arg(long, default_value_t = 10.0, value_name = "NUMBER", value_parser = number::<1, 100_000>)]
    pub events_per_resource: f64,
    /// Reading management events for each writing one, which a trail of one's own logs as well (assumed)
    #[arg(long, default_value_t = 9.0, value_name = "NUMBER", value_parser = number::<0, 100_000>)]
    pub reads_per_write: f64,
    /// Regions in which resources are tagged, the home region among them
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = whole::<1, 100>)]
    pub regions: u64,
    /// Calls to AWS for each resource (assumed; 1.8 were measured without retries)
    #[arg(long, default_value_t = 3.0, value_name = "NUMBER", value_parser = number::<0, 100>)]
    pub calls_per_resource: f64,
    /// Milliseconds that the function waits for each call (assumed)
    #[arg(long, default_value_t = 50.0, value_name = "MS", value_parser = number::<0, 30_000>)]
    pub call_ms: f64,
    /// Percent of resources that are not ready at first and wait in the retry queue (assumed)
    #[arg(long, default_value_t = 5.0, value_name = "PERCENT", value_parser = number::<0, 100>)]
    pub retried_percent: f64,
    /// Processor of the function
    #[arg(long, value_enum, default_value_t = Architecture::arm64, value_name = "WHICH")]
    pub architecture: Architecture,
    /// Whether the template's alarms are counted
    #[arg(long, value_enum, default_value_t = Switch::On, value_name = "WHETHER")]
    pub alarms: Switch,
    /// Whether there is a dashboard
    #[arg(long, value_enum, default_value_t = Switch::On, value_name = "WHETHER")]
    pub dashboard: Switch,
    /// Whether the alarms' topic has a key of its own (`AlarmTopicKey=new`)
    #[arg(long, value_enum, default_value_t = Switch::Off, value_name = "WHETHER")]
    pub topic_key: Switch,
    /// Take no free tiers off, as in an account that has used them up
    #[arg(long)]
    pub no_free_tier: bool,
    /// Print JSON lines
    #[arg(long, conflicts_with = "markdown")]
    pub json: bool,
    /// Print Markdown; without --resources this is docs/cost.md
    #[arg(long)]
    pub markdown: bool,
}

/// A whole number within bounds. clap's own parser would say "invalid digit" of -1 and of 5,000.
fn whole<const FROM: u64, const TO: u64>(text: &str) -> Result<u64, String> {
    let number = text.parse().ok().filter(|number| (FROM..=TO).contains(number));
    number.ok_or_else(|| format!("it has to be a whole number from {FROM} to {TO}"))
}

/// A number within bounds, in one sentence if it is none.
fn number<const FROM: u32, const TO: u32>(text: &str) -> Result<f64, String> {
    let bounds = f64::from(FROM)..=f64::from(TO);
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    number.ok_or_else(|| format!("it has to be a number from {FROM} to {TO}"))
}

/// `tagger sandbox`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger sandbox                 start it, say what to type in another terminal, and show what happens:
                                 12:03:11 alice CreateQueue jobs → CreatedBy=alice (0.3 s)
  tagger sandbox --demo          create with the AWS CLI as five identities, and show every tag

The sandbox is ministack, an emulator of AWS, behind a recorder that plays CloudTrail. It listens on
127.0.0.1 only, gets a clean environment, and can reach neither AWS nor your credentials. It needs
Python 3.11 or newer, and the first time a package registry.")]
pub struct Sandbox {
    /// Create resources with the AWS CLI, check every tag, and end
    #[arg(long)]
    pub demo: bool,
    /// Print JSON lines: with --demo its rows, else the people's keys and what happens
    #[arg(long)]
    pub json: bool,
    /// Port to listen on; a free one is chosen otherwise
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// What is made or changed shows only after this time, as on AWS; also SANDBOX_CONSISTENCY
    #[arg(long, value_name = "SECONDS", value_parser = number::<0, 600>)]
    pub consistency: Option<f64>,
    /// The function's program; by default `bootstrap` beside this program
    #[arg(long, value_name = "FILE")]
    pub bootstrap: Option<PathBuf>,
    #[command(flatten)]
    pub policy: PolicyFile,
}

/// `tagger completions`.
#[derive(Debug, Args)]
pub struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub shell: Shell,
}

/// The configuration file.
#[derive(Debug, Args)]
pub struct PolicyFile {
    /// Configuration file (docs/settings.md)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// When to use bold text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}
