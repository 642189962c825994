//! Which regions the product covers: its own, and each enabled one that has a forwarder. No region is written
//! down anywhere: EC2 names the enabled ones, and a forwarder is known by its role, since IAM is the same in
//! every region.

use crate::{
    client::Client,
    ec2::entries,
    outcome::{Class, Failure},
    wire::Ask,
};
use tagger_catalog::{Lifetime, Operation, ec2::describe, operation::Call};

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeRegions.html>: without `AllRegions`
/// it names those that are enabled.
static DESCRIBE_REGIONS: Call = describe("DescribeRegions", "RegionName");

/// The name of a forwarder's role, in `templates/forwarder.template.yaml`.
fn role_of(region: &str) -> String {
    format!("AutoResourceTaggerForwarder-{region}")
}

/// The regions, the own one first.
///
/// # Errors
/// EC2 or IAM did not answer: which regions are covered is then unknown, and not none.
pub async fn regions(client: &Client, own: &str) -> Result<Vec<String>, Failure> {
    let mut covered = vec![own.to_owned()];
    for region in enabled(client, own).await?.into_iter().filter(|region| region != own) {
        if has_forwarder(client, own, &region).await? {
            covered.push(region);
        }
    }
    Ok(covered)
}

/// The regions that are enabled in the account.
///
/// # Errors
/// EC2 did not answer, or named none.
pub async fn enabled(client: &Client, own: &str) -> Result<Vec<String>, Failure> {
    let ec2 = named("ec2:CreateTags")?;
    let ask = Ask { ids: &[], tags: &[], with: &[], account: "" };
    let answer = client.call(ec2, &DESCRIBE_REGIONS, own, ask).await?;
    let enabled: Vec<String> = entries(&answer["DescribeRegionsResponse"]["regionInfo"])
        .filter_map(|item| item["regionName"].as_str().map(str::to_owned))
        .collect();
    if enabled.is_empty() {
        let message = "DescribeRegions names no region";
        return Err(Failure::ours(Class::Failed, "ec2:DescribeRegions", "UnreadableAnswer", message));
    }
    Ok(enabled)
}

async fn has_forwarder(client: &Client, own: &str, region: &str) -> Result<bool, Failure> {
    let Lifetime::Told(told) = tagger_catalog::lifetime("AWS::IAM::Role") else {
        let message = "the catalog does not know how to look at a role";
        return Err(Failure::ours(Class::Unsupported, "iam:GetRole", "NoOperation", message));
    };
    let role = role_of(region);
    let ask = Ask { ids: &[&role], tags: &[], with: &[], account: "" };
    match client.call(named("iam:TagRole")?, &told.describe, own, ask).await {
        Ok(_) => Ok(true),
        Err(failure) if failure.class == Class::NotFound => Ok(false),
        Err(failure) => Err(failure),
    }
}

/// An operation of the table, for where its service is and how calls are signed.
fn named(name: &str) -> Result<&'static Operation, Failure> {
    let found = tagger_catalog::operations().iter().find(|operation| operation.name == name);
    found.ok_or_else(|| Failure::ours(Class::Unsupported, name, "NoOperation", "it is not in the catalog"))
}
