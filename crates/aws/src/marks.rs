//! How far the event history is reconciled, kept where it costs nothing and everybody can see it: in tags of
//! the function itself, one for each region. The role may tag functions as it is.
//! What a mark means is in `tagger_core::reconcile`.

use crate::{
    ask,
    client::Client,
    outcome::{Class, Failure},
    time,
};
use std::collections::BTreeMap;
use tagger_core::{
    arn::Arn,
    reconcile::{Mark, mark_key, marked_region},
    resources::Resource,
};

/// The marks of a function by region; none where a mark was taken back.
pub type Marks = BTreeMap<String, Option<Mark>>;

/// What stands between a mark's two times where it was set back on purpose. A tag's value takes letters, digits, spaces and
/// `_.:/=+-@`: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-tags.html>
const BACKFILL: &str = " backfill until ";

/// Reads a mark: `2026-11-24T08:30:00Z`, or `2026-09-01T00:00:00Z backfill until 2026-11-24T08:30:00Z`.
pub fn parse(value: &str) -> Option<Mark> {
    let (at, backfill) = match value.split_once(BACKFILL) {
        Some((at, until)) => (at, Some(time::seconds(until)?)),
        None => (value, None),
    };
    Some(Mark { at: time::seconds(at)?, backfill })
}

fn text(mark: Mark) -> String {
    let until = mark.backfill.map(|until| format!("{BACKFILL}{}", time::at(until))).unwrap_or_default();
    format!("{}{until}", time::at(mark.at))
}

/// The marks among a function's tags.
pub fn among<'a>(tags: impl IntoIterator<Item = (&'a String, &'a String)>) -> Marks {
    let marks =
        tags.into_iter().filter_map(|(key, value)| Some((marked_region(key)?.to_owned(), parse(value))));
    marks.collect()
}

/// Reads them.
///
/// # Errors
/// The function's tags cannot be read: then nothing is known, and nothing may begin anew.
pub async fn read(client: &Client, function_arn: &str) -> Result<Marks, Failure> {
    let tags = ask::tags_of(client, &function(function_arn)?).await?;
    Ok(among(tags.iter().map(|(key, value)| (key, value))))
}

/// Writes them.
///
/// # Errors
/// What AWS answered.
pub async fn write(client: &Client, function_arn: &str, marks: &Marks) -> Result<(), Failure> {
    if marks.is_empty() {
        return Ok(());
    }
    let tags: Vec<(String, String)> = marks
        .iter()
        .map(|(region, mark)| (mark_key(region), mark.map_or_else(|| "none".to_owned(), text)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let (early, late) = (1_788_220_800, 1_795_509_000);
        for (mark, expected) in [
            (Mark { at: late, backfill: None }, "2026-11-24T08:30:00Z"),
            (
                Mark { at: early, backfill: Some(late) },
                "2026-09-01T00:00:00Z backfill until 2026-11-24T08:30:00Z",
            ),
        ] {
            assert_eq!(text(mark), expected);
            assert_eq!(parse(expected), Some(mark));
            assert!(expected.len() <= 256 && expected.chars().all(tagger_core::value::is_accepted));
        }
        for wrong in ["none", "", "2026-11-24T08:30:00Z backfill until soon", "soon"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
