//! Every call of the operation table, every describing call and those of the queues, byte for byte beside
//! what botocore sends.
//!
//! `catalog/tools/wire_samples.jsonl` was written by botocore itself (`wire_samples.py`). JSON is
//! compared as JSON and forms without regard to order, since both may order members as they like.

use serde_json::Value;
use std::{collections::BTreeSet, fs, path::Path};
use tagger_aws::{
    endpoint, queue,
    wire::{self, Ask},
};
use tagger_catalog::{
    endpoint::Kind,
    operation::{Operation, Protocol},
};

/// What is compared of a request.
#[derive(Debug, PartialEq)]
struct Sent {
    method: String,
    host: String,
    scope: String,
    path: String,
    query: BTreeSet<String>,
    headers: BTreeSet<(String, String)>,
    body: Body,
}

#[derive(Debug, PartialEq)]
enum Body {
    Json(Value),
    Form(BTreeSet<String>),
    Text(String),
}

fn body(protocol: Protocol, bytes: &[u8]) -> Body {
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    match protocol {
        Protocol::Json { .. } | Protocol::RestJson if !text.is_empty() => {
            Body::Json(serde_json::from_str(&text).unwrap())
        }
        // In a form a space may be written both ways.
        Protocol::Query(_) | Protocol::Ec2(_) => {
            Body::Form(text.split('&').map(|part| part.replace('+', "%20")).collect())
        }
        _ => Body::Text(text),
    }
}

fn split(path: &str) -> (String, BTreeSet<String>) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    // `?tagging` and `?tagging=` are the same.
    let parts =
        query.split('&').filter(|part| !part.is_empty()).map(|part| part.trim_end_matches('=').to_owned());
    (path.to_owned(), parts.collect())
}

/// Where botocore does otherwise, and why that is no difference.
fn is_no_difference(operation: &Operation, header: &str) -> bool {
    // botocore sends none with XML; S3 and Route 53 take it.
    operation.protocol == Protocol::RestXml && header == "content-type"
}

#[test]
fn requests_are_those_of_botocore() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/tools/wire_samples.jsonl");
    let samples = fs::read_to_string(path).unwrap();
    let (mut compared, mut differences) = (BTreeSet::new(), Vec::new());
    for line in samples.lines() {
        let sample: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| sample[name].as_str().unwrap_or_default();
        let of_queue = text("call") == "queue";
        let found = tagger_catalog::operations().iter().find(|operation| operation.name == text("operation"));
        let Some(operation) = (if of_queue { queue::sqs() } else { found }) else {
            continue;
        };
        let is_write = text("call") == "write";
        let call = match text("call") {
            "write" => &operation.write,
            "describe" => {
                let told = tagger_catalog::told_of(text("type"));
                &told.unwrap_or_else(|| panic!("{} is not told", text("type"))).describe
            }
            _ => operation.read.as_ref().unwrap(),
        };
        let with: Vec<(&str, &str)> = sample["with"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value.as_str().unwrap()))
            .collect();
        let tags: &[(&str, &str)] = if is_write { &[("CreatedBy", "alice")] } else { &[] };
        let ids = [text("identifier")];
        let request = match text("operation") {
            "sqs:SendMessage" => queue::sending(ids[0], "{}", 20),
            "sqs:ChangeMessageVisibility" => queue::postponing(ids[0], "receipt", 20),
            _ => {
                wire::request(operation, call, &Ask { ids: &ids, tags, with: &with, account: "111122223333" })
            }
        };
        let endpoint = endpoint::of(operation, Kind::Usual, "eu-west-1", "111122223333").unwrap();
        let (sent_path, sent_query) = split(&request.path);
        let headers = request.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let ours = Sent {
            method: request.method.to_owned(),
            host: endpoint.host,
            scope: format!("{}/{}", endpoint.signing_region, operation.signing),
            path: sent_path,
            query: sent_query,
            headers: headers.filter(|(name, _)| !is_no_difference(operation, name)).collect(),
            body: body(operation.protocol, &request.body),
        };
        let (path, query) = split(text("path"));
        // SQS and Kinesis of botocore take the host from the identifier.
        let by_identifier = ["sqs:TagQueue", "kinesis:AddTagsToStream"].contains(&operation.name);
        let theirs = Sent {
            method: text("method").to_owned(),
            host: if by_identifier { ours.host.clone() } else { text("host").to_owned() },
            scope: if by_identifier { ours.scope.clone() } else { text("scope").to_owned() },
            path,
            query,
            headers: sample["headers"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, value)| (name.to_lowercase(), value.as_str().unwrap().to_owned()))
                .filter(|(name, _)| !is_no_difference(operation, name))
                .collect(),
            body: body(operation.protocol, text("body").as_bytes()),
        };
        if ours != theirs {
            differences.push(format!(
                "{} {}\n  botocore {theirs:?}\n  ours     {ours:?}",
                operation.name,
                text("call")
            ));
        }
        compared.insert(if text("call") == "describe" {
            text("type").to_owned()
        } else {
            text("operation").to_owned()
        });
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let operations = tagger_catalog::operations().iter().map(|operation| operation.name);
    let told = tagger_catalog::told().iter().map(|told| told.resource_type);
    let calls = operations.chain(told).chain(["sqs:SendMessage", "sqs:ChangeMessageVisibility"]);
    let missing: Vec<_> = calls.filter(|name| !compared.contains(*name)).collect();
    assert!(
        missing.is_empty(),
        "calls without a sample of botocore: {missing:?}; add them to catalog/tools/wire_samples.py and run it"
    );
}

/// FIPS and dual-stack hosts, by botocore's own reading of AWS's endpoint rules, for each endpoint in regions of seven
/// partitions.
#[test]
fn endpoints_of_other_kinds_are_those_of_botocore() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/tools/endpoint_samples.jsonl");
    let samples = fs::read_to_string(path).unwrap();
    let (mut compared, mut differences) = (BTreeSet::new(), Vec::new());
    for line in samples.lines() {
        let sample: Value = serde_json::from_str(line).unwrap();
        let name = sample["operation"].as_str().unwrap();
        let Some(endpoint) = endpoint_of(name) else { continue };
        let operations = tagger_catalog::operations().iter().filter(|one| one.endpoint == endpoint);
        for operation in operations {
            for (region, hosts) in sample["hosts"].as_object().unwrap() {
                let kinds = [Kind::Fips, Kind::Dualstack, Kind::FipsDualstack];
                for (kind, theirs) in kinds.into_iter().zip(hosts.as_array().unwrap()) {
                    let ours = endpoint::of(operation, kind, region, "111122223333").ok().map(|one| one.host);
                    if ours.as_deref() != theirs.as_str() {
                        differences.push(format!(
                            "{} {kind:?} in {region}: botocore {theirs}, ours {ours:?}",
                            operation.name
                        ));
                    }
                }
            }
            compared.insert(operation.name);
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    let missing: Vec<_> = tagger_catalog::operations()
        .iter()
        .map(|one| one.name)
        .filter(|name| !compared.contains(name))
        .collect();
    assert!(missing.is_empty(), "no sample of {missing:?}; run catalog/tools/wire_samples.py --endpoints");
}

/// The endpoint of an operation of the samples, which have those too that the catalog does not use.
fn endpoint_of(name: &str) -> Option<&'static str> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../catalog/operations.toml");
    static TABLE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let text = TABLE.get_or_init(|| fs::read_to_string(path).unwrap());
    let (_, rest) = text.split_once(&format!("name = {name:?}\n"))?;
    let endpoint = rest.lines().find_map(|line| line.strip_prefix("endpoint = "))?.trim_matches('"');
    tagger_catalog::operations().iter().map(|one| one.endpoint).find(|known| *known == endpoint)
}

/// Who asks for FIPS means it: the usual endpoint is no substitute.
#[test]
fn where_there_is_no_such_endpoint_nothing_is_sent() {
    let operation = tagger_catalog::operations().iter().find(|one| one.name == "s3:TagResource").unwrap();
    let bucket = tagger_catalog::operations().iter().find(|one| one.name == "s3:PutBucketTagging").unwrap();
    let failure = endpoint::of(bucket, Kind::Fips, "cn-north-1", "111122223333").unwrap_err();
    assert_eq!((failure.code.as_str(), failure.class.as_str()), ("NoEndpoint", "unsupported"));
    assert!(failure.message.contains("AWS_USE_FIPS_ENDPOINT"), "{}", failure.message);
    let found = endpoint::of(operation, Kind::Dualstack, "eu-west-1", "111122223333").unwrap();
    assert_eq!(found.host, "111122223333.s3-control.dualstack.eu-west-1.amazonaws.com");
}
