//! Which regions get a stack: the home region is one, and the others are asked for, covered already, or those of the
//! global services. It asks nobody.

use crate::{
    args::Deploy,
    deployment::{Deployment, STACK},
    exit_code::Error,
    report::Report,
};
use serde_json::json;
use std::collections::BTreeSet;
use tagger_aws::account::Account;

/// An account has one home region, as the role's name is fixed, and a StackSet's stack is not ours to change.
///
/// # Errors
/// It has one elsewhere, or a StackSet's.
pub fn refuse_two_homes(account: &Account, there: &Deployment) -> Result<(), Error> {
    let Some((region, stack)) = &there.home else { return Ok(()) };
    if stack.name != STACK {
        return Err(Error::Failure(format!(
            "the organization deploys the tagger to this account (stack {} in {region}); change it there, in its management \
             account",
            stack.name
        )));
    }
    if *region != account.region {
        return Err(Error::Failure(format!(
            "the tagger's home region in account {} is {region}: use `--region {region}`, with `--regions {}` for this one; \
             or remove it there first (`tagger destroy --region {region}`)",
            account.id, account.region
        )));
    }
    Ok(())
}

/// The regions that get a forwarder: none where EventBridge sends no events between regions.
///
/// # Errors
/// A region that is not enabled.
pub fn forwarders(
    arguments: &Deploy,
    account: &Account,
    there: &Deployment,
) -> Result<BTreeSet<String>, Error> {
    if account.partition.forwards_events { wanted(arguments, account, there) } else { Ok(BTreeSet::new()) }
}

/// The other regions to cover: those that are asked for, those that are covered, and always those of the global
/// services.
///
/// # Errors
/// A region that is not enabled.
pub fn wanted(arguments: &Deploy, account: &Account, there: &Deployment) -> Result<BTreeSet<String>, Error> {
    let mut wanted: BTreeSet<String> = there.forwarders.keys().cloned().collect();
    if !account.partition.forwards_events {
        wanted.extend(there.homes().map(|(region, _)| region.clone()));
    }
    match arguments.regions.as_deref() {
        None => {}
        Some("all") => wanted.extend(there.regions.iter().cloned()),
        Some(list) => {
            for region in list.split(',').map(str::trim).filter(|region| !region.is_empty()) {
                if !there.regions.iter().any(|enabled| enabled == region) {
                    return Err(Error::Usage(format!(
                        "--regions {region}: this region is not enabled in account {}; enabled are {}",
                        account.id,
                        there.regions.join(", ")
                    )));
                }
                wanted.insert(region.to_owned());
            }
        }
    }
    let global = account.partition.global_event_regions;
    wanted.extend(there.regions.iter().filter(|region| global.contains(&region.as_str())).cloned());
    wanted.remove(&account.region);
    Ok(wanted)
}

/// Says the enabled regions in which nothing will be tagged.
///
/// # Errors
/// The report could not be written.
pub fn say_uncovered(
    account: &Account,
    enabled: &[String],
    covered: &[String],
    report: Report,
) -> Result<(), Error> {
    let uncovered: Vec<&str> =
        enabled.iter().filter(|region| !covered.contains(region)).map(String::as_str).collect();
    if uncovered.is_empty() {
        return Ok(());
    }
    // Global services log in the partition's global region, which is always covered, but for these two
    // (<https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-concepts.html#cloudtrail-concepts-global-service-events>).
    let here = account.partition.name == "aws" && uncovered.contains(&"us-west-2");
    let also = if here { " Global Accelerator and Network Manager log in us-west-2." } else { "" };
    let text = format!(
        "Not tagged: what is created in {} (`--regions all` covers every enabled region).{also}",
        uncovered.join(", ")
    );
    report.say("uncovered", &text, json!({ "regions": uncovered }))
}
