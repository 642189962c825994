//! What of the product is deployed where: its stacks, in every region.
//!
//! The names are the templates' own. Reads only.

use crate::exit_code::Error;
use futures_util::future::join_all;
use std::collections::BTreeMap;
use tagger_aws::account::{Account, Kind, Trouble, stacks::Stack};

/// The stack of `templates/tagger.yaml`.
pub const STACK: &str = "auto-resource-tagger";
/// The stack of `templates/forwarder.yaml`.
pub const FORWARDER: &str = "auto-resource-tagger-forwarder";
/// The stack of `templates/organization.yaml`.
pub const ORGANIZATION: &str = "auto-resource-tagger-organization";
/// The organization's StackSet of forwarders; that of the functions has the stack's name.
pub const FORWARDERS: &str = "auto-resource-tagger-forwarders";
/// The function.
pub const FUNCTION: &str = "auto-resource-tagger";
/// The function that looks through the event history, and the rule that calls it.
pub const RECONCILE: &str = "auto-resource-tagger-reconcile";
/// The function that looks at changes of the creator's tag, its rule and its queue.
pub const TAG_CHANGES: &str = "auto-resource-tagger-tag-changes";
/// The part of a zip's key that says that settings are in the zip.
pub const ZIP_SETTINGS: &str = "settings";
/// The version of this program, and of the templates and the function that belong to it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The stacks that there are.
#[derive(Debug, Default)]
pub struct Deployment {
    /// The home region and its stack. A StackSet's stack counts too.
    pub home: Option<(String, Stack)>,
    /// Other regions that have a function of their own: all of them where EventBridge does not send events between
    /// regions. Elsewhere there are none, as the role's name is fixed.
    pub more_homes: BTreeMap<String, Stack>,
    /// Forwarders, by region.
    pub forwarders: BTreeMap<String, Stack>,
    /// The organization's stack, in the region that was configured.
    pub organization: Option<Stack>,
    /// Every enabled region.
    pub regions: Vec<String>,
    /// Regions that could not be looked at, and why.
    pub unread: Vec<Trouble>,
}

impl Deployment {
    /// Every region that has a function, with its stack.
    pub fn homes(&self) -> impl Iterator<Item = (&String, &Stack)> {
        self.home.iter().map(|(region, stack)| (region, stack)).chain(&self.more_homes)
    }

    /// Looks into every enabled region at once.
    ///
    /// # Errors
    /// It is not known which regions there are, or the configured one could not be looked at.
    pub async fn find(account: &Account) -> Result<Self, Error> {
        let mut found = Self { regions: account.regions().await?, ..Self::default() };
        if !found.regions.contains(&account.region) {
            let all = found.regions.join(", ");
            return Err(Error::Failure(format!(
                "{}: this region is not enabled in account {}; enabled are {all}",
                account.region, account.id
            )));
        }
        let looked = join_all(found.regions.iter().map(|region| in_region(account, region))).await;
        for (region, result) in found.regions.clone().into_iter().zip(looked) {
            match result {
                Ok((home, forwarder)) => {
                    if let Some(home) = home {
                        // The region that was asked for wins.
                        let before = match &found.home {
                            Some(_) if region != account.region => Some((region.clone(), home)),
                            _ => found.home.replace((region.clone(), home)),
                        };
                        found.more_homes.extend(before);
                    }
                    found.forwarders.extend(forwarder.map(|stack| (region, stack)));
                }
                // Expired credentials are the same everywhere: say it once.
                Err(trouble) if region == account.region || trouble.kind() == Kind::Expired => {
                    return Err(trouble.into());
                }
                Err(trouble) => found.unread.push(trouble),
            }
        }
        found.organization = account.stacks(&account.region).find(ORGANIZATION).await?;
        Ok(found)
    }
}

/// The two stacks of a region, made by `tagger deploy`, by hand or by the organization's StackSets.
async fn in_region(account: &Account, region: &str) -> Result<(Option<Stack>, Option<Stack>), Trouble> {
    let stacks = account.stacks(region);
    let (mut home, mut forwarder) = (stacks.find(STACK).await?, stacks.find(FORWARDER).await?);
    if home.is_none() && forwarder.is_none() {
        home = stacks.of_stack_set(STACK).await?;
        forwarder = stacks.of_stack_set(FORWARDERS).await?;
    }
    Ok((home, forwarder))
}
