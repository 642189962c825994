//! Which of many resources have a key, asked for by hundreds. What is not named in the answer may have no tags
//! or be of a service that does not take part, so this only spares reads and says nothing about the others.
//! <https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html>

use crate::{
    client::Client,
    history::json_call,
    outcome::{Class, Failure},
};
use serde_json::json;
use std::collections::HashMap;
use tagger_catalog::{
    Operation,
    ec2::describe,
    operation::{Protocol, Takes, Variant},
};

const CALL: &str = "tag:GetResources";
/// Most ARNs in one call.
const MOST_ARNS: usize = 100;

/// Where the service is and how its calls are signed; nothing is tagged by it.
static TAGGING: Operation = Operation {
    name: CALL,
    actions: &[],
    reads: &[CALL],
    protocol: Protocol::Json { minor: "1.1", target: "ResourceGroupsTaggingAPI_20170126" },
    endpoint: "tagging",
    signing: "tagging",
    host: "",
    host_prefix: "",
    global: &[],
    takes: Takes::Arn,
    variant: Variant::Regular,
    write: describe("TagResources", "ResourceARNList"),
    read: None,
    refused_in_keys: "",
    refused_in_values: "",
    max_tags: 50,
};

/// Those of some resources of a region that are known to have the key, each with its value.
///
/// # Errors
/// What AWS answered.
pub async fn with_key(
    client: &Client,
    region: &str,
    arns: &[&str],
    key: &str,
) -> Result<HashMap<String, String>, Failure> {
    let mut found = HashMap::new();
    let mut parts: Vec<&[&str]> = arns.chunks(MOST_ARNS).collect();
    while let Some(part) = parts.pop() {
        client.place(CALL, region).await?;
        let request = json_call(&TAGGING, "GetResources", &json!({ "ResourceARNList": part }));
        let answer = match client.send(&TAGGING, CALL, region, "", request).await {
            Ok(answer) => answer,
            // One ARN that it does not like spoils the call for all; alone, it is left to its own service.
            Err(failure) if failure.code.starts_with("InvalidParameter") => {
                if part.len() > 1 {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([first, second]);
                }
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let Some(mappings) = answer["ResourceTagMappingList"].as_array() else {
            let message = "GetResources answered without ResourceTagMappingList";
            return Err(Failure::ours(Class::Failed, CALL, "UnreadableAnswer", message));
        };
        let with_key = mappings.iter().filter_map(|mapping| {
            let tag = mapping["Tags"].as_array().into_iter().flatten().find(|tag| tag["Key"] == key)?;
            let value = tag["Value"].as_str().unwrap_or_default();
            Some((mapping["ResourceARN"].as_str()?.to_owned(), value.to_owned()))
        });
        found.extend(with_key);
    }
    Ok(found)
}
