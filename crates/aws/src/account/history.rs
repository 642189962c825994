//! CloudTrail's event history: what happened lately, without a trail and without a price.

use super::{Account, Trouble, trouble::told};
use aws_sdk_cloudtrail::{
    Client,
    types::{LookupAttribute, LookupAttributeKey},
};
use aws_smithy_types::DateTime;
use std::time::{Duration, SystemTime};

/// A look at the event history of one region, newest first.
#[derive(Debug, Default)]
pub struct Recent {
    /// The records of calls that write, each as JSON.
    pub records: Vec<String>,
    /// How far back they reach.
    pub covers: Duration,
}

/// LookupEvents answers two calls a second:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
const PAUSE: Duration = Duration::from_millis(550);

impl Account {
    /// What was written in a region within a time, in so many pages of 50 at most.
    ///
    /// # Errors
    /// CloudTrail could not be asked.
    pub async fn recent(&self, region: &str, within: Duration, pages: usize) -> Result<Recent, Trouble> {
        let client = Client::new(&self.at(region));
        let now = SystemTime::now();
        let writes = LookupAttribute::builder()
            .attribute_key(LookupAttributeKey::ReadOnly)
            .attribute_value("false")
            .build()
            .map_err(|error| {
                Trouble::new("cloudtrail:LookupEvents", region, "InvalidRequest", error.to_string())
            })?;
        let mut recent = Recent { records: Vec::new(), covers: within };
        let mut page: Option<String> = None;
        for number in 0..pages {
            if number > 0 && !self.is_emulated() {
                tokio::time::sleep(PAUSE).await;
            }
            let ask = client.lookup_events().lookup_attributes(writes.clone()).max_results(50);
            let ask = ask.start_time(DateTime::from(now - within)).set_next_token(page);
            let answer = ask.send().await.map_err(told("cloudtrail:LookupEvents", region))?;
            recent.records.extend(answer.events().iter().filter_map(|event| event.cloud_trail_event.clone()));
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(recent);
            }
            // There is more: what was seen reaches back to the last event of this page.
            let oldest =
                answer.events().last().and_then(|event| event.event_time()).map_or(0, DateTime::secs);
            let oldest = SystemTime::UNIX_EPOCH + Duration::from_secs(oldest.max(0).unsigned_abs());
            recent.covers = now.duration_since(oldest).unwrap_or(within).min(within);
        }
        Ok(recent)
    }
}
