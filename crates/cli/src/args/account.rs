//! What can be typed for the verbs that reach an AWS account.

use super::PolicyFile;
use crate::cost_model::Delivery;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Which account, and where.
#[derive(Debug, Args)]
pub struct Aws {
    /// Profile of the AWS configuration
    #[arg(long, value_name = "NAME")]
    pub profile: Option<String>,
    /// Home region, in which the function runs; otherwise that of the AWS configuration
    #[arg(long, value_name = "REGION", value_parser = region)]
    pub region: Option<String>,
}

/// `tagger deploy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger deploy --dry-run                         what would be made, what it may do, what it will cost
  tagger deploy --regions all                     this region's function, and every other region's rules
  tagger deploy --config tagger.toml --alarm-email ops@example.com
  tagger deploy --set LogRetentionDays=90 --set Dashboard=no
  tagger deploy --organization --targets ou-ab12-cdef3456 --regions all

It looks at the account first (is there a trail already? an earlier stack?), makes change sets, says in
words what they would do, and asks. Run again, it brings everything up to date; whatever an earlier run
left half done is fixed. Settings that are not named keep their values.

Credentials, profiles, SSO, regions and endpoint URLs are those of the ordinary AWS configuration.")]
pub struct Deploy {
    #[command(flatten)]
    pub aws: Aws,
    /// Regions whose creations are tagged, beside the home region: `all` that are enabled, or a list
    /// with commas. At first only the region of global services (us-east-1); later those that there are
    #[arg(long, value_name = "all|LIST")]
    pub regions: Option<String>,
    /// Where the events come from: `auto` looks for a trail and makes one only where there is none,
    /// `new` makes one, anything else is a trail's name or ARN
    #[arg(long, value_name = "auto|new|TRAIL")]
    pub trail: Option<String>,
    /// How events reach the function; `queue` is for more than some 10,000 creations a minute
    #[arg(long, value_enum, value_name = "WHICH")]
    pub delivery: Option<Delivery>,
    #[command(flatten)]
    pub policy: PolicyFile,
    /// Address that hears of alarms, once it has confirmed
    #[arg(long, value_name = "ADDRESS")]
    pub alarm_email: Option<String>,
    /// Any other parameter of templates/tagger.yaml; can be given several times
    #[arg(long = "set", value_name = "PARAMETER=VALUE", value_parser = pair)]
    pub set: Vec<(String, String)>,
    /// The function's zip; by default `bootstrap.zip` beside this program
    #[arg(long, value_name = "FILE")]
    pub zip: Option<PathBuf>,
    /// Take a zip whose program needs a newer glibc than Lambda has: for an emulator, which runs it on this
    /// computer. On AWS such a function ends at its start
    #[arg(long)]
    pub any_glibc: bool,
    /// Bucket for the zip; by default auto-resource-tagger-code-ACCOUNT-REGION, which is made
    #[arg(long, value_name = "NAME", value_parser = bucket)]
    pub code_bucket: Option<String>,
    /// Deploy to the accounts of the organization as well, by StackSets; run it in the management account
    #[arg(long)]
    pub organization: bool,
    /// With --organization: ids of organizational units or of the root, with commas; by default the root
    #[arg(long, value_name = "LIST", requires = "organization", value_delimiter = ',')]
    pub targets: Vec<String>,
    /// Print a policy for whoever deploys, for any account of the region's partition, and do nothing
    #[arg(long, value_enum, value_name = "WHICH")]
    pub print_policy: Option<PolicyOf>,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print JSON lines; does not ask, so it needs --yes or --dry-run
    #[arg(long)]
    pub json: bool,
}

/// A policy of `templates/deployer.json`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PolicyOf {
    /// What `tagger deploy`, `status`, `doctor` and `destroy` call
    Command,
    /// What CloudFormation calls in the name of whoever deploys
    Cloudformation,
    /// What --organization needs besides
    Organization,
}

impl PolicyOf {
    /// Its name in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Cloudformation => "cloudformation",
            Self::Organization => "organization",
        }
    }
}

/// `tagger status`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger status
  tagger status --json | jq .deadLetters")]
pub struct Status {
    #[command(flatten)]
    pub aws: Aws,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// `tagger doctor`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger doctor
  tagger doctor --canary                  creates an SQS queue, waits for its tag, removes it
  tagger doctor --access --deployer arn:*:iam::*:role/deploy-tagger
  tagger doctor --terraform ~/infra       also looks for `ignore_tags` in Terraform files

Exit code 0 when nothing is wrong, 1 when something is, 3 when something could not be looked at.")]
pub struct Doctor {
    #[command(flatten)]
    pub aws: Aws,
    /// Create an SQS queue, wait for its tag, say how long each hop took, and remove it
    #[arg(long)]
    pub canary: bool,
    /// With --canary: how long to wait; a new trail can need more than ten minutes until its first event
    #[arg(long, value_name = "SECONDS", default_value_t = 900, requires = "canary")]
    pub wait: u64,
    /// With --canary: say what would be done, and do nothing
    #[arg(long, requires = "canary")]
    pub dry_run: bool,
    /// Folder with Terraform files, to be searched for a provider without `ignore_tags`
    #[arg(long, value_name = "FOLDER")]
    pub terraform: Option<PathBuf>,
    /// Also ask IAM which roles and users, but the deployers, could change, feed or call the tagger, and which
    /// roles let whoever takes them choose the name that is written. Two calls for each, 200 at most
    #[arg(long)]
    pub access: bool,
    /// With --access: who deploys, ARN of a role or user with * for anything. Can be given several times
    #[arg(long, value_name = "ARN", requires = "access")]
    pub deployer: Vec<String>,
    /// Print JSON lines
    #[arg(long)]
    pub json: bool,
}

/// `tagger destroy`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger destroy --dry-run
  tagger destroy --yes

Forwarders go first, then the home region's stack. The tags stay, and so does the bucket with
CloudTrail's logs. What lies in the queues goes: it stops when there are dead letters, unless told
otherwise.")]
pub struct Destroy {
    #[command(flatten)]
    pub aws: Aws,
    /// Go on although there are dead letters, which will be lost
    #[arg(long)]
    pub discard_dead_letters: bool,
    /// The organization's StackSets and what they made in its accounts as well
    #[arg(long)]
    pub organization: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print JSON lines; does not ask, so it needs --yes or --dry-run
    #[arg(long)]
    pub json: bool,
}

/// `tagger redrive`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger redrive                              what was given up: why, of which service, since when, how many
  tagger redrive --why AccessDenied           move those back, after the role was given the permission
  tagger redrive --all --before 2026-11-20 --dry-run
  tagger redrive --why resource-uncertain --service s3 --confirm
  tagger redrive --discard --event 712fd3fc-6d9c-4a5a-8f3e-0c1d2e3f4a5b > kept.jsonl

A dead letter has to fit each option that is given; of an option that is given several times, one.
Dead letters go to the retry queue first and are deleted only when they are there: whatever interrupts
it leaves some of them in both, which does no harm, and loses none. Looking hides them from other
readers for a moment, and from the alarm. When none fits, the reasons that are there are listed.

Exit code 3: a dead letter could not be opened (it stays), or not every one could be seen.")]
pub struct Redrive {
    #[command(flatten)]
    pub aws: Aws,
    /// Every dead letter
    #[arg(long)]
    pub all: bool,
    /// Dead letters whose code (AccessDenied), class (denied) or what denied it (permission) begins with this
    #[arg(long, value_name = "CODE|CLASS")]
    pub why: Vec<String>,
    /// Dead letters about this service, for example `sqs`
    #[arg(long, value_name = "NAME")]
    pub service: Vec<String>,
    /// The dead letter with this event's id, or message's id
    #[arg(long, value_name = "ID")]
    pub event: Vec<String>,
    /// Dead letters about what was seen first before this: 2026-11-24, 2026-11-24T08:30:00Z, or 3d, 12h, 30m ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub before: Option<u64>,
    /// Dead letters about what was seen first then or later
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub since: Option<u64>,
    /// You know that each resource is still the one that this call created, and not another with its name:
    /// it is tagged although nothing tells. Needed for `resource-uncertain`
    #[arg(long, conflicts_with = "discard")]
    pub confirm: bool,
    /// Delete them instead of moving them, after printing each as a line of JSON
    #[arg(long)]
    pub discard: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print JSON lines; does not ask, so that moving needs --yes or --dry-run
    #[arg(long)]
    pub json: bool,
}

/// A time, or how long ago, in seconds since 1970.
pub fn moment(text: &str) -> Result<u64, String> {
    let now = tagger_aws::time::since_1970(std::time::SystemTime::now());
    crate::moment::second(text, now, false).ok_or_else(|| {
        "it has to be 2026-11-24, `yesterday`, 2026-11-24T08:30:00Z, or 3d, 12h, 30m for so long ago"
            .to_owned()
    })
}

/// `tagger protect`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger protect > policy.json                  for the deployed key; its size goes to standard error
  tagger protect --key Owner --explain          which exceptions there are; asks nobody
  tagger protect --attach ou-ab12-cdef3456 --dry-run
  tagger protect --attach ou-ab12-cdef3456 --except arn:*:iam::*:role/service-role/AWSBackupDefaultServiceRole
  tagger protect --detach ou-ab12-cdef3456
  tagger protect --guard --deployer arn:*:iam::*:role/deploy-tagger --attach ou-ab12-cdef3456

It refuses everybody but the tagger's role every call that tells IAM the key, creations too. With --guard
it is another policy, which refuses everybody but the deployers to change, feed or call the tagger itself.
What they do not see and what they break: --explain and docs/protection.md. They have no effect in the
management account, in which --attach and --detach are run.")]
pub struct Protect {
    #[command(flatten)]
    pub aws: Aws,
    /// The key; by default that of the deployed stack. Can be given several times
    #[arg(long, value_name = "KEY")]
    pub key: Vec<String>,
    /// Further principals that may write the key: an ARN with * for anything. Can be given several times
    #[arg(long, value_name = "ARN")]
    pub except: Vec<String>,
    /// Also refuse, whatever the key, tagging actions that do not tell IAM their keys, of services that the
    /// tagger tags: people can then not tag these resources at all by them
    #[arg(long)]
    pub strict: bool,
    /// The guard instead: only deployers may change, feed or call the tagger's own parts
    #[arg(long, conflicts_with_all = ["detect", "key", "except", "strict"])]
    pub guard: bool,
    /// Who may, with --guard: ARN of a role or user with * for anything. Can be given several times
    #[arg(long, value_name = "ARN")]
    pub deployer: Vec<String>,
    /// Say what both cover, what they do not and what they break, instead of printing it
    #[arg(long, conflicts_with_all = ["attach", "detach", "detect"])]
    pub explain: bool,
    /// Attach it to this root (r-…), unit (ou-…) or account, or bring it up to date there
    #[arg(long, value_name = "TARGET", conflicts_with = "detach")]
    pub attach: Option<String>,
    /// Take it away from this root, unit or account; it is deleted when it is attached nowhere else
    #[arg(long, value_name = "TARGET")]
    pub detach: Option<String>,
    /// Print the pattern of an EventBridge rule for changes of the key that the policy does not cover
    #[arg(long, conflicts_with_all = ["attach", "detach"])]
    pub detect: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print JSON lines; does not ask, so that --attach and --detach need --yes or --dry-run
    #[arg(long)]
    pub json: bool,
}

/// The form of a region's name; whether there is such a region AWS says.
fn region(text: &str) -> Result<String, String> {
    let fits = text.split('-').count() >= 3
        && text.chars().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '-')
        && text.ends_with(|sign: char| sign.is_ascii_digit());
    if fits { Ok(text.to_owned()) } else { Err("it has to be a region's name, such as eu-west-1".to_owned()) }
}

/// The form of a bucket's name: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
fn bucket(text: &str) -> Result<String, String> {
    let fits = (3..=63).contains(&text.len())
        && text
            .chars()
            .all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '.' || sign == '-')
        && text.starts_with(|sign: char| sign.is_ascii_alphanumeric());
    let rule = "it has to be a bucket's name: 3 to 63 small letters, digits, dots and hyphens";
    if fits { Ok(text.to_owned()) } else { Err(rule.to_owned()) }
}

/// `KEY=VALUE`.
fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("it has to be PARAMETER=VALUE")?;
    Ok((key.to_owned(), value.to_owned()))
}
