//! Is it deployed, is its stack whole, and is it of this program's version?
//!
//! [`find`] asks; what is concluded from a stack is pure. `tagger status` uses the conclusions too.

use super::report::{Check, Verdict};
use crate::deployment::{Deployment, FUNCTION, STACK, VERSION};
use std::{cmp::Ordering, collections::BTreeMap};
use tagger_aws::account::{Account, stacks::Stack};

/// The log of the function.
pub const LOG: &str = "/aws/lambda/auto-resource-tagger";

/// Where the product is, as far as it could be seen.
#[derive(Debug, Default)]
pub struct Site {
    /// The home region.
    pub home: String,
    /// Its stack; none when the function was made without one.
    pub stack: Option<Stack>,
    /// Forwarders, by region.
    pub forwarders: BTreeMap<String, Stack>,
    /// Regions with a function of their own (China).
    pub more_homes: Vec<String>,
    /// Every enabled region; empty when that is not known.
    pub regions: Vec<String>,
    /// Regions that could not be looked at.
    pub unread: Vec<String>,
}

impl Site {
    /// Whether rules fill the events queue.
    pub fn is_queued(&self) -> bool {
        self.stack.as_ref().and_then(|stack| stack.outputs.get("Delivery")).is_some_and(|way| way == "queue")
    }

    /// An output of the home region's stack, if it is not empty.
    pub fn output(&self, name: &str) -> Option<&str> {
        let value = self.stack.as_ref()?.outputs.get(name)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Every region that sends its creations to the function.
    pub fn covered(&self) -> Vec<String> {
        let others = self.forwarders.keys().chain(&self.more_homes).filter(|region| **region != self.home);
        std::iter::once(&self.home).chain(others).cloned().collect()
    }
}

/// Looks where it is. What could not be looked at is a check of its own; without a site there is nothing more to look at.
pub async fn find(account: &Account) -> (Option<Site>, Vec<Check>) {
    let mut checks = Vec::new();
    let deployment = match Deployment::find(account).await {
        Ok(deployment) => deployment,
        Err(error) => {
            let message = format!("not every region was looked at: {error}");
            checks.push(Check::new("deployed", Verdict::Unknown, message));
            match account.stacks(&account.region).find(STACK).await {
                Ok(home) => Deployment {
                    home: home.map(|stack| (account.region.clone(), stack)),
                    ..Default::default()
                },
                Err(trouble) => {
                    checks.push(Check::unknown("deployed", &trouble));
                    Deployment::default()
                }
            }
        }
    };
    checks.extend(deployment.unread.iter().map(|trouble| Check::unknown("deployed", trouble)));
    let unread = deployment.unread.iter().map(|trouble| trouble.region.clone()).collect();
    let more_homes = deployment.more_homes.keys().cloned().collect();
    let mut site = Site {
        forwarders: deployment.forwarders,
        more_homes,
        regions: deployment.regions,
        unread,
        ..Site::default()
    };
    if let Some((home, stack)) = deployment.home {
        checks.extend(judge(&stack).map(|check| check.at(&home)));
        for (region, stack) in &site.forwarders {
            // A forwarder that is as it should be needs no line; its rules have one.
            checks.extend(
                judge(stack).filter(|check| check.verdict != Verdict::Ok).map(|check| check.at(region)),
            );
        }
        (site.home, site.stack) = (home, Some(stack));
        return (Some(site), checks);
    }
    site.home = account.region.clone();
    match account.functions(&account.region).find(FUNCTION).await {
        Ok(Some(_)) => {
            let message = format!(
                "{}: there is the function {FUNCTION}, but no stack that made it; what follows goes by the usual names",
                account.region
            );
            checks.push(Check::new("deployed", Verdict::Info, message));
            (Some(site), checks)
        }
        Ok(None) => {
            checks.push(nowhere(account, &site));
            (None, checks)
        }
        Err(trouble) => {
            checks.push(Check::unknown("deployed", &trouble));
            (None, checks)
        }
    }
}

fn nowhere(account: &Account, site: &Site) -> Check {
    let read = site.regions.len().saturating_sub(site.unread.len());
    let message = format!("account {} has no stack {STACK} in any of {read} regions", account.id);
    let lost = !site.forwarders.is_empty();
    let check = Check::new("deployed", if read > 0 { Verdict::Bad } else { Verdict::Unknown }, message);
    let fix = if lost {
        "forwarders are there, and what they send goes nowhere: `tagger deploy` with their home region"
    } else {
        "`tagger deploy`, after `tagger deploy --dry-run`"
    };
    check.fix(fix)
}

/// What a stack's status and version say.
fn judge(stack: &Stack) -> impl Iterator<Item = Check> + use<> {
    let status = Check {
        details: [("status".to_owned(), stack.status.as_str().into())].into_iter().collect(),
        ..of_status(&stack.name, &stack.status, &stack.reason)
    };
    let version = stack.outputs.get("Version").map(|deployed| of_version("version", deployed));
    [Some(status), version].into_iter().flatten()
}

/// What a stack's status says.
pub fn of_status(name: &str, status: &str, reason: &str) -> Check {
    let said = if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let check =
        |verdict, words: &str| Check::new("stack", verdict, format!("{name} is {status}{words}{said}"));
    match status {
        "CREATE_COMPLETE" | "UPDATE_COMPLETE" | "IMPORT_COMPLETE" => check(Verdict::Ok, ""),
        "UPDATE_ROLLBACK_COMPLETE" => check(Verdict::Warn, ", the last change of it failed and was undone")
            .fix("`tagger deploy` does it again"),
        _ if status.contains("DELETE") && status.ends_with("IN_PROGRESS") => {
            check(Verdict::Bad, ", it is being deleted")
        }
        _ if status.ends_with("IN_PROGRESS") => {
            check(Verdict::Warn, ", it is being changed").fix("wait, and ask again")
        }
        _ => check(Verdict::Bad, ", it is not complete").fix("`tagger deploy` fixes it"),
    }
}

/// What a deployed version says beside this program's.
pub fn of_version(name: &'static str, deployed: &str) -> Check {
    let words = format!("version {deployed} is deployed, this tagger is {VERSION}");
    match compare(deployed, VERSION) {
        Ordering::Equal => Check::ok(name, format!("version {deployed}, as this tagger")),
        Ordering::Less => Check::new(name, Verdict::Warn, words).fix("`tagger deploy` brings it up to date"),
        Ordering::Greater => Check::new(name, Verdict::Warn, words)
            .fix(format!("use tagger {deployed}, not to deploy an older one over it")),
    }
}

/// Versions by their numbers.
fn compare(one: &str, other: &str) -> Ordering {
    let numbers = |text: &str| -> Vec<u64> {
        text.split(['.', '-', '+']).map_while(|part| part.parse().ok()).collect()
    };
    numbers(one)
        .cmp(&numbers(other))
        .then_with(|| if one == other { Ordering::Equal } else { one.cmp(other) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_status_has_its_verdict() {
        for (status, verdict) in [
            ("CREATE_COMPLETE", Verdict::Ok),
            ("UPDATE_COMPLETE", Verdict::Ok),
            ("UPDATE_ROLLBACK_COMPLETE", Verdict::Warn),
            ("UPDATE_IN_PROGRESS", Verdict::Warn),
            ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Verdict::Warn),
            ("DELETE_IN_PROGRESS", Verdict::Bad),
            ("ROLLBACK_COMPLETE", Verdict::Bad),
            ("ROLLBACK_FAILED", Verdict::Bad),
            ("UPDATE_ROLLBACK_FAILED", Verdict::Bad),
            ("DELETE_FAILED", Verdict::Bad),
            ("REVIEW_IN_PROGRESS", Verdict::Warn),
        ] {
            assert_eq!(of_status(STACK, status, "").verdict, verdict, "{status}");
        }
        assert!(of_status(STACK, "ROLLBACK_COMPLETE", "no role").message.ends_with(": no role"));
    }

    #[test]
    fn versions_are_compared_by_number() {
        for (one, other, expected) in [
            ("0.1.0", "0.1.0", Ordering::Equal),
            ("0.9.0", "0.10.0", Ordering::Less),
            ("1.0.0", "0.10.0", Ordering::Greater),
        ] {
            assert_eq!(compare(one, other), expected, "{one} {other}");
        }
        assert_eq!(of_version("version", VERSION).verdict, Verdict::Ok);
        assert!(of_version("version", "0.0.9").fix.unwrap().contains("tagger deploy"));
        assert!(of_version("version", "99.0.0").fix.unwrap().contains("use tagger 99.0.0"));
    }
}
