//! Where an operation's call goes, and how it is signed. Pure; the facts are in the table.

use tagger_catalog::{operation::Operation, partition};

/// A host and the region of its signature.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name.
    pub host: String,
    /// Region of the SigV4 signature.
    pub signing_region: String,
}

/// The endpoint of an operation for a resource of this region and account.
pub fn of(operation: &Operation, region: &str, account: &str) -> Endpoint {
    let partition = partition::of_region(region);
    let global = operation.global.iter().find(|endpoint| endpoint.partition == partition.name);
    let fixed_region = global.map(|endpoint| endpoint.region).filter(|fixed| !fixed.is_empty());
    let usual = format!("{}.{{region}}.{{dns-suffix}}", operation.endpoint);
    let stated = if operation.host.is_empty() { &usual } else { operation.host };
    let host = format!("{}{}", operation.host_prefix, global.map_or(stated, |endpoint| endpoint.host))
        .replace("{account}", account)
        .replace("{region}", region)
        .replace("{dns-suffix}", partition.dns_suffix)
        .replace("{dualstack-suffix}", partition.dualstack_suffix);
    Endpoint { host, signing_region: fixed_region.unwrap_or(region).to_owned() }
}
