//! Where an operation's call goes, and how it is signed. Pure; the facts are in the table.

use crate::outcome::{Class, Failure};
use tagger_catalog::{
    endpoint::{self, Kind},
    operation::Operation,
    partition,
};

/// A host and the region of its signature.
#[derive(Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Host name.
    pub host: String,
    /// Region of the SigV4 signature.
    pub signing_region: String,
}

/// The endpoint of an operation for a resource of this region and account.
///
/// # Errors
/// AWS has no endpoint of this kind there. The usual one is not taken instead, since who asks for FIPS means it.
pub fn of(operation: &Operation, kind: Kind, region: &str, account: &str) -> Result<Endpoint, Failure> {
    let partition = partition::of_region(region);
    let global = operation.global.iter().find(|endpoint| endpoint.partition == partition.name);
    let fixed_region = global.map(|endpoint| endpoint.region).filter(|fixed| !fixed.is_empty());
    let signing_region = fixed_region.unwrap_or(region);
    let template = if kind == Kind::Usual {
        let usual = format!("{}.{{region}}.{{dns-suffix}}", operation.endpoint);
        let stated = if operation.host.is_empty() { &usual } else { operation.host };
        Some(global.map_or(stated, |endpoint| endpoint.host).to_owned())
    } else {
        endpoint::host(operation.endpoint, kind, partition.name, region)
    };
    let template = template.ok_or_else(|| {
        let message = format!(
            "AWS has no endpoint of the kind {kind:?} for it in {region}: unset AWS_USE_FIPS_ENDPOINT or AWS_USE_DUALSTACK_ENDPOINT"
        );
        Failure::ours(Class::Unsupported, operation.name, "NoEndpoint", message)
    })?;
    // What is in one region of its partition only has its FIPS and dual-stack hosts there.
    let own_region = if kind == Kind::Usual { region } else { signing_region };
    let host = format!("{}{template}", operation.host_prefix)
        .replace("{account}", account)
        .replace("{region}", own_region)
        .replace("{dns-suffix}", partition.dns_suffix)
        .replace("{dualstack-suffix}", partition.dualstack_suffix);
    Ok(Endpoint { host, signing_region: signing_region.to_owned() })
}
