//! S3 buckets, the one type with two ways to be tagged.
//!
//! S3 Control's TagResource adds tags and leaves the others alone; it is the first choice, and the
//! only one for buckets with attribute-based access control. Where it is not to be had, the whole
//! set is read, merged and written back, and only `NoSuchTagSet` counts as an empty set. Between
//! that read and that write somebody else's tag can be lost; that is why it is the second choice.
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_TagResource.html>

use crate::{
    apply::{no_read, unreadable, written},
    client::Client,
    outcome::{Class, Failure},
    tags::{self, Tags},
    wire::Ask,
};
use tagger_catalog::operation::Operation;
use tagger_core::resources::Resource;

/// The tags of a bucket.
pub async fn read(client: &Client, bucket: &Resource) -> Result<Tags, Failure> {
    let operation = bucket.entry.operation;
    let ids = [bucket.id.as_str()];
    let Some(call) = &operation.read else { return read_whole(client, bucket).await };
    match client.call(operation, call, &bucket.region, ask(&ids, &[], bucket)).await {
        Ok(answer) => tags::read(&answer, operation, call).map_err(|message| unreadable(operation, message)),
        Err(failure) if is_not_to_be_had(&failure) => read_whole(client, bucket).await,
        Err(failure) => Err(failure),
    }
}

/// Adds tags to a bucket.
pub async fn write(client: &Client, bucket: &Resource, tags: &[(&str, &str)]) -> Result<(), Failure> {
    let operation = bucket.entry.operation;
    let ids = [bucket.id.as_str()];
    match client.call(operation, &operation.write, &bucket.region, ask(&ids, tags, bucket)).await {
        Ok(answer) => written(operation, &answer),
        Err(failure) if is_not_to_be_had(&failure) => merge(client, bucket, tags).await,
        Err(failure) => Err(failure),
    }
}

/// Whether S3 Control's tagging does not exist here. A time-out or a reset says nothing of the kind: the
/// first choice is tried again later, rather than the second one now.
fn is_not_to_be_had(failure: &Failure) -> bool {
    let no_such_host = failure.code == "Unreachable" && failure.message.contains("dns error");
    failure.class == Class::Unsupported
        || ["HTTP405", "HTTP501"].contains(&failure.code.as_str())
        || no_such_host
}

async fn read_whole(client: &Client, bucket: &Resource) -> Result<Tags, Failure> {
    let operation = whole_set(bucket)?;
    let call = operation.read.as_ref().ok_or_else(|| no_read(operation))?;
    let ids = [name(bucket)];
    match client.call(operation, call, &bucket.region, ask(&ids, &[], bucket)).await {
        Ok(answer) => tags::read(&answer, operation, call).map_err(|message| unreadable(operation, message)),
        Err(failure) if failure.code == "NoSuchTagSet" => Ok(Tags::new()),
        Err(failure) => Err(failure),
    }
}

async fn merge(client: &Client, bucket: &Resource, tags: &[(&str, &str)]) -> Result<(), Failure> {
    let operation = whole_set(bucket)?;
    let there = read_whole(client, bucket).await?;
    let mut all: Vec<(&str, &str)> =
        there.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    all.retain(|(key, _)| !tags.iter().any(|(new, _)| new == key));
    all.extend(tags);
    let ids = [name(bucket)];
    let answer = client.call(operation, &operation.write, &bucket.region, ask(&ids, &all, bucket)).await?;
    written(operation, &answer)
}

fn whole_set(bucket: &Resource) -> Result<&'static Operation, Failure> {
    let found = tagger_catalog::operations().iter().find(|operation| operation.name == "s3:PutBucketTagging");
    let call = bucket.entry.operation.name;
    let message = "the catalog has no s3:PutBucketTagging";
    found.ok_or_else(|| Failure::ours(Class::Unsupported, call, "NoFallBack", message))
}

fn name(bucket: &Resource) -> &str {
    bucket.arn.rsplit(':').next().unwrap_or_default()
}

fn ask<'a>(ids: &'a [&'a str], tags: &'a [(&'a str, &'a str)], bucket: &'a Resource) -> Ask<'a> {
    Ask { ids, tags, with: &[], account: &bucket.account }
}
