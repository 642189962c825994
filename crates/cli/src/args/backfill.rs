//! What can be typed for `tagger backfill`.

use super::account::{Aws, moment};
use clap::Args;

/// `tagger backfill`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  tagger backfill --history                     what the last 90 days would get, by creator and type
  tagger backfill --history --apply             tag it
  tagger backfill --history --since 14d --apply --yes

The function that looks hourly for what the rules missed reads CloudTrail's event history again, from then on, in
the home region and in each region with a forwarder, and tags what still exists and lacks the key. It keeps how far
it got in tags of its own (`tagger status` shows them): whatever interrupts this command loses nothing. The hourly
runs go on with it, and so does the same command.

Without --apply nothing is written. The figures are then those of the Resource Groups Tagging API, which does not
tell what was deleted, nor every tag; so they are the most that --apply would tag.")]
pub struct Backfill {
    #[command(flatten)]
    pub aws: Aws,
    /// From CloudTrail's event history, which holds 90 days and costs nothing
    #[arg(long, required = true)]
    pub history: bool,
    /// How far back
    #[arg(long, value_name = "TIME", value_parser = moment, default_value = "90d")]
    pub since: u64,
    /// Tag it
    #[arg(long)]
    pub apply: bool,
    /// Begin again where a backfill is under way, instead of going on with it
    #[arg(long, requires = "apply")]
    pub restart: bool,
    /// How old a call must be, in seconds; the history shows a call some minutes after it was made
    #[arg(long, value_name = "SECONDS", default_value_t = tagger_core::reconcile::LATE)]
    pub late: u64,
    /// Do not ask
    #[arg(long, short)]
    pub yes: bool,
    /// Print JSON lines
    #[arg(long)]
    pub json: bool,
}
