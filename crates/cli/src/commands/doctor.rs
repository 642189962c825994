//! `tagger doctor`: why nothing is tagged.
//!
//! The checks come in the order of the flow, one file each below, and each is printed as it is found. Each file asks
//! AWS in one function and concludes in others, which are pure. What could not be looked at is said and never taken
//! for fine or for empty; the rest goes on. Nothing is changed, but by `--canary`, which makes a queue and removes it.

mod access;
mod canary;
pub mod code;
pub mod coverage;
mod creations;
mod function;
mod permissions;
pub mod queues;
mod reasons;
pub mod reconcile;
mod removers;
pub mod report;
mod rules;
mod second_tagger;
pub mod stack;
mod tag_changes;
mod tags_removed;
mod terraform;
mod trail;

use crate::{
    args::Doctor,
    aws,
    exit_code::{Error, ExitCode},
};
use canary::Canary;
use report::Report;
use std::time::Duration;
use tagger_core::Policy;

/// Runs the verb.
///
/// # Errors
/// There are no usable credentials, or the output could not be written.
pub fn run(arguments: &Doctor) -> Result<ExitCode, Error> {
    aws::run(examine(arguments))
}

async fn examine(arguments: &Doctor) -> Result<ExitCode, Error> {
    let account = aws::account(&arguments.aws).await?;
    let mut report = Report::new(arguments.json);
    let (site, checks) = stack::find(&account).await;
    report.say_all(&checks)?;
    let Some(site) = site else { return report.end() };
    let home = &site.home;
    let trail = (site.output("Trail"), site.output("TrailBucketName"));
    let (checks, trail_since) =
        trail::check(&account, home, trail.0, trail.1, site.covered().len() > 1).await;
    report.say_all(&checks)?;
    report.say_all(&rules::check(&account, &site).await)?;
    report.say_all(&coverage::judge(&site, account.partition.global_event_regions))?;
    let (checks, known) = function::check(&account, &site).await;
    report.say_all(&checks)?;
    // Where the function does not tell its role, the stack does.
    match known.role.as_deref().or_else(|| site.output("RoleArn")) {
        Some(role) => report.say(&permissions::check(&account, &site, role).await)?,
        None => report.say(&permissions::no_role())?,
    }
    report.say_all(&queues::judge(&queues::look(&account, &site).await, &site))?;
    if let Some(seen) = reconcile::look(&account, &site).await {
        report.say_all(&reconcile::judge(&seen, &site))?;
    }
    report.say_all(&tag_changes::check(&account, &site).await)?;
    let log = site.output("LogGroupName").unwrap_or(stack::LOG);
    report.say_all(&creations::check(&account, &site, log, known.policy.as_ref()).await)?;
    report.say_all(&reasons::check(&account, home, log).await)?;
    let policy = known.policy.unwrap_or_else(Policy::default);
    report.say(&terraform::check(arguments.terraform.as_deref(), &policy.tag.key))?;
    if arguments.access {
        report.say_all(&access::check(&account, &site, &arguments.deployer).await)?;
    }
    if arguments.canary {
        // Until here there was nothing to put in order, and Ctrl-C ended it at once.
        let stop = aws::Stop::listen()?;
        let wait = Duration::from_secs(arguments.wait);
        let canary =
            Canary { account: &account, region: home, log, policy: &policy, wait, trail_since, stop: &stop };
        let name = canary::name();
        if arguments.dry_run {
            report.say(&canary::plan(&canary, &name))?;
        } else {
            canary::run(&canary, &name, &mut |check| report.say(check)).await?;
        }
    }
    report.end()
}
