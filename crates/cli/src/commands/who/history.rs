//! The records of chains, from the event history of the account: one call finds what a name is about, one more the call
//! that issued a key. 90 days, one account, below two calls a second.

use super::{Known, Looked};
use crate::{args::Who, exit_code::Error};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tagger_aws::account::{Account, history::Which};
use tagger_core::{arn::Arn, chain::walk::MOST, documents};

/// The history holds 90 days: <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
const KEPT: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// Pages of 50 events for one name.
const PAGES: usize = 10;
/// Where global services and the global endpoint of STS are logged.
const GLOBAL: &str = "us-east-1";

/// What is said of people, by their id in an identity store: the name, and ENABLED or DISABLED.
pub type People = BTreeMap<String, (String, String)>;

/// Asks for the names, then for what the chains lack.
///
/// # Errors
/// The account cannot be opened, or its history cannot be read.
pub async fn read(arguments: &Who, known: &mut Known) -> Result<(Looked, People), Error> {
    let account = crate::aws::account(&arguments.aws).await?;
    let mut asking = Asking { account: &account, done: BTreeSet::new(), regions: BTreeSet::new(), cut: 0 };
    let given = match arguments.regions.as_slice() {
        [all] if all == "all" => account.regions().await?,
        given => given.to_vec(),
    };
    for (at, name) in arguments.names.iter().enumerate() {
        let (names, regions) = places(name, &given, &account);
        for region in &regions {
            for name in &names {
                asking.about(name, region, known).await?;
            }
        }
        // The history knows the resources of some services only.
        if known.asked[at].made.is_empty() {
            let events = creating(name);
            for (region, event) in
                regions.iter().flat_map(|region| events.iter().map(move |event| (region, *event)))
            {
                asking.ask(Which::Named(event), region, known).await?;
            }
        }
    }
    for _ in 0..MOST {
        let mut questions = BTreeSet::new();
        for missing in known.chains().iter().flat_map(|answer| &answer.chain.missing) {
            // Another account's history cannot be asked.
            if missing.account.is_empty() || missing.account == account.id {
                let regions = missing.regions.iter().filter(|region| !region.is_empty());
                questions.extend(
                    regions
                        .flat_map(|region| missing.names.iter().map(|name| (name.clone(), region.clone()))),
                );
            }
        }
        let mut asked = 0;
        for (name, region) in questions {
            asked += usize::from(asking.about(&name, &region, known).await?);
        }
        if asked == 0 {
            break;
        }
    }
    let mut limits = vec![
        "The event history holds 90 days, one account and one region each, and knows the names of some services' resources \
         only: give the ARN; --regions all asks every region, and --logs reads a trail's files."
            .to_owned(),
    ];
    if asking.cut > 0 {
        limits.push(format!(
            "{} names have more than {} events, of which the newest were read.",
            asking.cut,
            PAGES * 50
        ));
    }
    let regions: Vec<String> = asking.regions.iter().cloned().collect();
    let wher = format!("in the event history of account {} in {}", account.id, regions.join(", "));
    let people = people(&account, known).await;
    Ok((Looked { wher, unreadable: 0, limits }, people))
}

struct Asking<'a> {
    account: &'a Account,
    done: BTreeSet<(String, String)>,
    regions: BTreeSet<String>,
    /// Names whose events were not read to their end.
    cut: usize,
}

impl Asking<'_> {
    /// Takes in what the history of a region knows about a name; false where that was done.
    async fn about(&mut self, name: &str, region: &str, known: &mut Known) -> Result<bool, Error> {
        if name.is_empty() || !self.done.insert((name.to_owned(), region.to_owned())) {
            return Ok(false);
        }
        self.ask(Which::About(name), region, known).await?;
        Ok(true)
    }

    async fn ask(&mut self, which: Which<'_>, region: &str, known: &mut Known) -> Result<(), Error> {
        self.regions.insert(region.to_owned());
        let now = SystemTime::now();
        let from = now.checked_sub(KEPT).unwrap_or(UNIX_EPOCH);
        let part = self.account.history(region, which, from, now, PAGES).await?;
        self.cut += usize::from(!part.complete);
        for text in &part.records {
            documents::read(text.as_bytes(), &mut |item| {
                if let Ok(record) = item {
                    known.add(&record);
                }
            });
        }
        Ok(())
    }
}

/// The calls that create resources of an ARN's service; none where they are too many to be read, or where no ARN says which
/// service it is. Of the services for which CloudTrail lists resources, the names found it already:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events-supported-resource-types.html>
fn creating(name: &str) -> Vec<&'static str> {
    const MOST: usize = 12;
    let Some(arn) = Arn::parse(name) else { return Vec::new() };
    let source = format!("{}.amazonaws.com", arn.service);
    let events = tagger_catalog::events().iter().filter(|event| event.source == source);
    let names: BTreeSet<&str> = events.map(|event| event.name).collect();
    if names.len() > MOST { Vec::new() } else { names.into_iter().collect() }
}

/// The names under which the history may know what was asked for, and the regions to ask.
fn places(name: &str, asked: &[String], account: &Account) -> (Vec<String>, Vec<String>) {
    let parsed = Arn::parse(name);
    let names = match parsed {
        Some(arn) => tagger_core::history::names(name, arn.last()),
        None => vec![name.to_owned()],
    };
    let region = parsed.map(|arn| arn.region).filter(|region| !region.is_empty());
    let mut regions: Vec<String> = asked.to_vec();
    if regions.is_empty() {
        regions.push(region.unwrap_or(&account.region).to_owned());
        // A bucket's ARN has no region, and IAM is logged in one.
        if region.is_none() && account.region != GLOBAL {
            regions.push(GLOBAL.to_owned());
        }
    }
    (names, regions)
}

/// The names of those who are known by an id alone, as far as the caller may ask.
async fn people(account: &Account, known: &Known) -> People {
    let mut people = People::new();
    for answer in known.chains() {
        let Some((id, store)) = answer.chain.who.and_then(|who| who.guid) else { continue };
        if let Ok(user) = account.person(&store, &id).await {
            people.insert(id, (user.name, user.status));
        }
    }
    people
}
