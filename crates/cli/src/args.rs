//! What can be typed. Help, completions, man page and `docs/cli.md` come from here.

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  tagger sandbox --demo                 the product, running against an AWS on this computer
  tagger explain event.json             who made it, which tags it gets, or why none
  tagger scan cloudtrail-logs/          who created what, over a tree of CloudTrail files
  tagger catalog --service s3           what the catalog knows

Exit codes: 0 fine, 1 a failure, 2 wrong usage, 3 done, but some input could not be read.";

/// Every AWS resource says who created it.
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
    /// Say for each CloudTrail record who made it, which resources, and which tags they get
    Explain(Explain),
    /// Read trees of CloudTrail log files and sum up who created what
    Scan(Scan),
    /// List what the catalog knows: which event creates which resource type, and how it is tagged
    Catalog(Catalog),
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

Reads log files (plain or gzip), EventBridge events, SQS batches, the output of LookupEvents, lists,
JSON lines and bare records. What cannot be read is named on standard error, and the rest goes on.")]
pub struct Explain {
    /// Files with CloudTrail records, or folders of such files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Print one line of JSON for each record, in the order of the input
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub policy: PolicyFile,
    /// When to use bold text; colour never carries a meaning of its own
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    pub color: Color,
}

/// `tagger scan`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger scan AWSLogs/
  tagger scan --json AWSLogs/ | jq 'select(.creator.name == \"alice\")'

Prints a row for each creator and resource type. With --json the last line is the summary.")]
pub struct Scan {
    /// Folders or files; in folders, files that end in .json, .jsonl, .ndjson, also with .gz
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Print JSON lines
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub policy: PolicyFile,
}

/// `tagger catalog`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger catalog
  tagger catalog --event RunInstances
  tagger catalog --json --service rds")]
pub struct Catalog {
    /// Only resource types that contain this text, for example `EC2::Volume`
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
}

/// `tagger sandbox`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger sandbox                 start it, and say what to type in another terminal
  tagger sandbox --demo          create with the AWS CLI as three identities, and show every tag

The sandbox is ministack, an emulator of AWS, behind a recorder that plays CloudTrail. It listens on
127.0.0.1 only, gets a clean environment, and can reach neither AWS nor your credentials. It needs
Python 3.11 or newer, and the first time a package registry.")]
pub struct Sandbox {
    /// Create resources with the AWS CLI, check every tag, and end
    #[arg(long)]
    pub demo: bool,
    /// With --demo: print the rows as JSON lines
    #[arg(long, requires = "demo")]
    pub json: bool,
    /// Port to listen on; a free one is chosen otherwise
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
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
    /// Configuration file (docs/configuration.md)
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
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
