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

/// Which events are asked for. LookupEvents takes one attribute:
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// Every call that writes.
    Writes,
    /// Calls of this name, for example `RunInstances`.
    Named(&'a str),
    /// Calls about a resource, by the name under which CloudTrail knows it.
    About(&'a str),
}

/// What a look at a part of the history saw.
#[derive(Debug)]
pub struct Part {
    /// The records, each as JSON, newest first.
    pub records: Vec<String>,
    /// The time of the oldest event that was seen; the asked time where everything was seen.
    pub from: SystemTime,
    /// Whether everything of the asked time was seen.
    pub complete: bool,
    /// Events that came without their record.
    pub without_record: usize,
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
        let now = SystemTime::now();
        let part = self.history(region, Which::Writes, now - within, now, pages).await?;
        let covers = if part.complete { within } else { now.duration_since(part.from).unwrap_or(within) };
        Ok(Recent { records: part.records, covers: covers.min(within) })
    }

    /// A part of a region's event history, newest first, in so many pages of 50 at most. Both ends of the time belong
    /// to it. Each call waits before it is sent, so that several looks one after another keep to CloudTrail's rate.
    ///
    /// # Errors
    /// CloudTrail could not be asked.
    pub async fn history(
        &self,
        region: &str,
        which: Which<'_>,
        from: SystemTime,
        until: SystemTime,
        pages: usize,
    ) -> Result<Part, Trouble> {
        let mut part = Part { records: Vec::new(), from, complete: true, without_record: 0 };
        if from >= until {
            return Ok(part);
        }
        let client = Client::new(&self.at(region));
        let (key, value) = match which {
            Which::Writes => (LookupAttributeKey::ReadOnly, "false"),
            Which::Named(name) => (LookupAttributeKey::EventName, name),
            Which::About(name) => (LookupAttributeKey::ResourceName, name),
        };
        let attribute =
            LookupAttribute::builder().attribute_key(key).attribute_value(value).build().map_err(
                |error| Trouble::new("cloudtrail:LookupEvents", region, "InvalidRequest", error.to_string()),
            )?;
        let (mut page, mut oldest): (Option<String>, _) = (None, until);
        for _ in 0..pages {
            if !self.is_emulated() {
                tokio::time::sleep(PAUSE).await;
            }
            let ask = client.lookup_events().lookup_attributes(attribute.clone()).max_results(50);
            let ask =
                ask.start_time(DateTime::from(from)).end_time(DateTime::from(until)).set_next_token(page);
            let answer = ask.send().await.map_err(told("cloudtrail:LookupEvents", region))?;
            let before = part.records.len();
            part.records.extend(answer.events().iter().filter_map(|event| event.cloud_trail_event.clone()));
            part.without_record += answer.events().len() - (part.records.len() - before);
            page = answer.next_token().filter(|token| !token.is_empty()).map(str::to_owned);
            if page.is_none() {
                return Ok(part);
            }
            // There is more: what was seen reaches back to the last event of this page.
            if let Some(time) = answer.events().last().and_then(|event| event.event_time()) {
                let time = Duration::from_secs(time.secs().max(0).unsigned_abs());
                oldest = (SystemTime::UNIX_EPOCH + time).max(from);
            }
        }
        Ok(Part { from: oldest, complete: false, ..part })
    }
}
