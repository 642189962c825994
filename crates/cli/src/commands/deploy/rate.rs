//! How many resources the account creates in a month, from its own event history.

use crate::exit_code::Error;
use std::{collections::BTreeSet, time::Duration};
use tagger_aws::account::{Account, history::Recent};
use tagger_core::{Policy, documents, identity::Kind};

/// How far back it looks.
const WITHIN: Duration = Duration::from_secs(24 * 3600);
/// How many pages of 50 events, at two a second.
const PAGES: usize = 8;
/// Thirty days.
const MONTH: f64 = 30.0 * 24.0 * 3600.0;

/// What was seen.
#[derive(Debug, Clone, PartialEq)]
pub struct Rate {
    /// Calls that write.
    pub writes: usize,
    /// Resources that the catalog would tag.
    pub created: usize,
    /// How long a time that was.
    pub seconds: f64,
    /// The kinds of those who created them.
    pub kinds: BTreeSet<Kind>,
}

impl Rate {
    /// Resources in a month, if it goes on like this.
    pub fn a_month(&self) -> u64 {
        (self.created as f64 * MONTH / self.seconds.max(1.0)).round() as u64
    }

    /// Calls that write for each resource, as the cost of a trail of one's own depends on it.
    pub fn writes_per_resource(&self) -> f64 {
        if self.created == 0 { 10.0 } else { (self.writes as f64 / self.created as f64).max(1.0) }
    }
}

/// Looks at the home region's history.
///
/// # Errors
/// The history could not be read.
pub async fn of(account: &Account) -> Result<Rate, Error> {
    let recent = account.recent(&account.region, WITHIN, PAGES).await?;
    Ok(count(&recent))
}

fn count(recent: &Recent) -> Rate {
    let policy = Policy::default();
    let (mut created, mut kinds) = (0, BTreeSet::new());
    for text in &recent.records {
        documents::read(text.as_bytes(), &mut |item| {
            if let Ok(record) = item {
                let plan = tagger_core::plan(&record, &policy, None);
                created += plan.actions.len();
                kinds.extend((!plan.actions.is_empty()).then_some(plan.creator.kind));
            }
        });
    }
    Rate { writes: recent.records.len(), created, seconds: recent.covers.as_secs_f64(), kinds }
}

/// Where several kinds of creators were seen and the value is the bare name, `alice` may be an IAM user, somebody's session or
/// a source identity: which value tells them apart.
pub fn hardened(kinds: &BTreeSet<Kind>, value: &str) -> Option<String> {
    if kinds.len() < 2 || value != Policy::default().tag.value.as_str() {
        return None;
    }
    let seen: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
    Some(format!(
        "creators of the kinds {} were seen, and the bare name does not tell them apart (docs/who-gets-the-tag.md): \
         --set 'TagValue={{kind}}:{{name}}' or '{{arn}}' does",
        seen.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_becomes_a_month() {
        let queue = r#"{"eventSource":"sqs.amazonaws.com","eventName":"CreateQueue","awsRegion":"us-east-1","recipientAccountId":
            "111122223333","readOnly":false,"userIdentity":{"type":"IAMUser","userName":"alice","accountId":"111122223333"},
            "requestParameters":{"queueName":"a"},"responseElements":{"queueUrl":"https://sqs.us-east-1.amazonaws.com/111122223333/a"}}"#;
        let other =
            r#"{"eventSource":"sqs.amazonaws.com","eventName":"DeleteQueue","userIdentity":{"type":"Root"}}"#;
        let records = vec![queue.to_owned(), queue.to_owned(), other.to_owned(), other.to_owned()];
        let rate = count(&Recent { records, covers: Duration::from_secs(24 * 3600) });
        assert_eq!((rate.writes, rate.created, rate.a_month()), (4, 2, 60));
        assert_eq!(rate.kinds, [Kind::User].into(), "who creates nothing is no creator");
        assert!((rate.writes_per_resource() - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_value_that_tells_kinds_apart_is_suggested() {
        for (kinds, value, expected) in [
            (&[Kind::User, Kind::Ci][..], "{name}", true),
            (&[Kind::User], "{name}", false),
            (&[Kind::User, Kind::Ci], "{kind}:{name}", false),
        ] {
            let hint = hardened(&kinds.iter().copied().collect(), value);
            assert_eq!(hint.is_some(), expected, "{kinds:?} {value}: {hint:?}");
        }
    }
}
