//! How far the event history is reconciled, kept where it costs nothing and everybody can see it: in tags of
//! the function itself, one for each region. The role may tag functions as it is.
//! What a mark means is in `tagger_core::reconcile`.

use crate::{
    ask,
    client::Client,
    outcome::{Class, Failure},
    time,
};
use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};
use tagger_core::{
    arn::Arn,
    reconcile::{mark_key, marked_region},
    resources::Resource,
};

/// The marks of a function: seconds since 1970, by region; none where a mark was taken back.
pub type Marks = BTreeMap<String, Option<u64>>;

/// Reads them.
///
/// # Errors
/// The function's tags cannot be read: then nothing is known, and nothing may begin anew.
pub async fn read(client: &Client, function_arn: &str) -> Result<Marks, Failure> {
    let tags = ask::tags_of(client, &function(function_arn)?).await?;
    let marks =
        tags.iter().filter_map(|(key, value)| Some((marked_region(key)?.to_owned(), time::seconds(value))));
    Ok(marks.collect())
}

/// Writes them.
///
/// # Errors
/// What AWS answered.
pub async fn write(client: &Client, function_arn: &str, marks: &Marks) -> Result<(), Failure> {
    if marks.is_empty() {
        return Ok(());
    }
    let at = |seconds: u64| time::format(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    let tags: Vec<(String, String)> = marks
        .iter()
        .map(|(region, mark)| (mark_key(region), mark.map_or_else(|| "none".to_owned(), at)))
        .collect();
    ask::set_tags(client, &function(function_arn)?, &tags).await
}

/// The function as a resource, without the version or alias by which it was called.
fn function(arn: &str) -> Result<Resource, Failure> {
    let entry = tagger_catalog::event("lambda.amazonaws.com", "CreateFunction")
        .and_then(|event| event.entries.first());
    let function = Arn::parse(arn).and_then(|arn| Some((arn, arn.function()?)));
    match (entry, function) {
        (Some(entry), Some((Arn { region, account, .. }, arn))) => {
            let (region, account) = (region.to_owned(), account.to_owned());
            Ok(Resource { entry, id: arn.to_owned(), arn: arn.to_owned(), region, account })
        }
        _ => {
            let message = format!("`{arn}` is no function's ARN");
            Err(Failure::ours(Class::Unsupported, "lambda:ListTags", "NoFunction", message))
        }
    }
}
