//! CloudTrail's event history of one region, page by page: what wrote, or what is about a name, within a window. It costs nothing and
//! needs no trail. <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>
//!
//! An account has two calls a second in a region, for everybody: one a second is made here, and two where reconciling is
//! behind ([`Pace`]). What of it matters is decided by the caller, who gets each record's text.

use crate::{client::Client, outcome::Failure, wire};
use aws_smithy_async::rt::sleep::{AsyncSleep, TokioSleep};
use serde_json::{Value, json};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};
use tagger_catalog::{Operation, operation::Protocol};
use tagger_core::{outcome::Class, reconcile::Window};

const CALL: &str = "cloudtrail:LookupEvents";
/// How long to leave the history to others when it answers that there were too many calls.
const PAUSE: Duration = Duration::from_secs(2);
/// The most that a reader waits longer between two calls since others call as well.
const LONGEST_PAUSE: Duration = Duration::from_secs(8);

/// Why a window was not read to its end.
#[derive(Debug)]
pub enum Stopped {
    /// The time for reading is over, or the caller has enough.
    Enough,
    /// AWS did not answer.
    Failed(Failure),
}

/// What is asked for: one attribute, since AWS takes no more, and its value.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupAttribute.html>
#[derive(Debug, Clone, Copy)]
pub enum Which<'a> {
    /// What wrote.
    Writes,
    /// Of this user's name; of a role's session its name.
    Username(&'a str),
    /// About a resource, by the name under which CloudTrail knows it.
    ResourceName(&'a str),
    /// Of this name, such as `CreateStack`.
    EventName(&'a str),
}

impl<'a> Which<'a> {
    fn attribute(self) -> (&'static str, &'a str) {
        match self {
            Which::Writes => ("ReadOnly", "false"),
            Which::Username(name) => ("Username", name),
            Which::ResourceName(name) => ("ResourceName", name),
            Which::EventName(name) => ("EventName", name),
        }
    }
}

/// How fast one reader of one region calls: as it is told, and slower while AWS answers that there were too many calls.
#[derive(Debug, Default)]
pub struct Pace {
    gap: Cell<Duration>,
    /// What is added to that, since others call as well.
    more: Cell<Duration>,
    next: Cell<Option<Instant>>,
    calls: Cell<u64>,
}

impl Pace {
    /// So long between two calls from now on.
    pub fn set(&self, gap: Duration) {
        self.gap.set(gap);
    }

    /// How many calls were answered.
    pub fn calls(&self) -> u64 {
        self.calls.get()
    }

    async fn wait(&self) {
        if let Some(next) = self.next.get() {
            TokioSleep::new().sleep(next.saturating_duration_since(Instant::now())).await;
        }
        self.next.set(Some(Instant::now() + self.gap.get() + self.more.get()));
    }

    fn answered(&self) {
        self.calls.set(self.calls.get() + 1);
        self.more.set(self.more.get() / 2);
    }

    /// Half a second more, then twice as much each time.
    fn throttled(&self) {
        self.more.set((self.more.get() * 2).clamp(Duration::from_millis(500), LONGEST_PAUSE));
    }
}

/// Gives the text of each record of a window to `each`, newest first, which says whether it takes more.
///
/// # Errors
/// It was not read to its end.
pub async fn read(
    client: &Client,
    region: &str,
    which: Which<'_>,
    window: Window,
    stop: Instant,
    each: &mut dyn FnMut(&str) -> bool,
) -> Result<(), Stopped> {
    read_at(client, region, which, window, stop, None, each).await
}

/// The same, at a pace of one's own; without one, at that of `catalog/quotas.toml`.
///
/// # Errors
/// As for [`read`].
pub async fn read_at(
    client: &Client,
    region: &str,
    which: Which<'_>,
    window: Window,
    stop: Instant,
    pace: Option<&Pace>,
    each: &mut dyn FnMut(&str) -> bool,
) -> Result<(), Stopped> {
    let operation = cloudtrail().ok_or_else(|| {
        let message = "the catalog has no operation of CloudTrail";
        Stopped::Failed(Failure::ours(Class::Unsupported, CALL, "NoOperation", message))
    })?;
    let mut page: Option<String> = None;
    loop {
        let answer = lookup(client, (operation, region, pace), which, window, page.as_deref(), stop).await?;
        let Some(events) = answer["Events"].as_array() else {
            let message = "LookupEvents answered without Events";
            return Err(Stopped::Failed(Failure::ours(Class::Failed, CALL, "UnreadableAnswer", message)));
        };
        let mut more = true;
        for event in events {
            more &= event["CloudTrailEvent"].as_str().is_none_or(&mut *each);
        }
        let next = answer["NextToken"].as_str().filter(|token| !token.is_empty()).map(str::to_owned);
        match next {
            None => return Ok(()),
            Some(_) if !more => return Err(Stopped::Enough),
            next if next == page => {
                let message = "the next page is the same as the last";
                return Err(Stopped::Failed(Failure::ours(Class::Failed, CALL, "UnreadableAnswer", message)));
            }
            next => page = next,
        }
    }
}

/// One page; where others use up the rate, it is asked for again until the time is over.
async fn lookup(
    client: &Client,
    (operation, region, pace): (&Operation, &str, Option<&Pace>),
    which: Which<'_>,
    window: Window,
    page: Option<&str>,
    stop: Instant,
) -> Result<Value, Stopped> {
    loop {
        if Instant::now() >= stop {
            return Err(Stopped::Enough);
        }
        let place = match pace {
            Some(pace) => {
                pace.wait().await;
                Ok(())
            }
            None => client.place(CALL, region).await,
        };
        let asked = match place {
            Ok(()) => client.send(operation, CALL, region, "", request(operation, which, window, page)).await,
            Err(failure) => Err(failure),
        };
        match asked {
            Err(failure) if failure.class == Class::Throttled || failure.passes => {
                if Instant::now() + PAUSE >= stop {
                    return Err(Stopped::Failed(failure));
                }
                pace.inspect(|pace| pace.throttled());
                TokioSleep::new().sleep(PAUSE).await;
            }
            other => {
                pace.inspect(|pace| pace.answered());
                return other.map_err(Stopped::Failed);
            }
        }
    }
}

/// The request of a page. Both ends of the time belong to it, and times are whole seconds.
pub fn request(operation: &Operation, which: Which<'_>, window: Window, page: Option<&str>) -> wire::Request {
    let (key, value) = which.attribute();
    let mut body = json!({
        "LookupAttributes": [{ "AttributeKey": key, "AttributeValue": value }],
        "StartTime": window.from,
        "EndTime": window.until.saturating_sub(1),
        "MaxResults": 50,
    });
    if let Some(page) = page {
        body["NextToken"] = page.into();
    }
    json_call(operation, "LookupEvents", &body)
}

/// A call in AWS's JSON protocol that no table describes.
pub(crate) fn json_call(operation: &Operation, name: &str, body: &Value) -> wire::Request {
    let (minor, target) = match operation.protocol {
        Protocol::Json { minor, target } => (minor, target),
        _ => ("1.1", ""),
    };
    wire::Request {
        method: "POST",
        path: "/".to_owned(),
        headers: vec![
            ("content-type", format!("application/x-amz-json-{minor}")),
            ("x-amz-target", format!("{target}.{name}")),
        ],
        body: body.to_string().into_bytes(),
    }
}

/// Where CloudTrail is and how its calls are signed, by the operation that tags trails.
fn cloudtrail() -> Option<&'static Operation> {
    tagger_catalog::operations().iter().find(|operation| operation.name == "cloudtrail:AddTags")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_gives_way_to_others_and_comes_back() {
        let pace = Pace::default();
        pace.set(Duration::from_millis(500));
        for millis in [500, 1000, 2000, 4000, 8000, 8000] {
            pace.throttled();
            assert_eq!(pace.more.get(), Duration::from_millis(millis));
        }
        for millis in [4000, 2000, 1000] {
            pace.answered();
            assert_eq!(pace.more.get(), Duration::from_millis(millis));
        }
        assert_eq!((pace.calls(), pace.gap.get()), (3, Duration::from_millis(500)));
    }

    #[test]
    fn a_page() {
        let operation = cloudtrail().unwrap();
        let asked = request(operation, Which::Writes, Window { from: 100, until: 200 }, Some("next"));
        let body: Value = serde_json::from_slice(&asked.body).unwrap();
        assert_eq!(body["EndTime"], 199, "the second after the last is of the next window");
        assert_eq!((&body["StartTime"], &body["NextToken"]), (&json!(100), &json!("next")));
        let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
        assert_eq!(asked.headers[1], ("x-amz-target", target.to_owned()));
        assert_eq!(
            body["LookupAttributes"],
            json!([{"AttributeKey": "ReadOnly", "AttributeValue": "false"}])
        );
        let named = request(operation, Which::ResourceName("jobs"), Window { from: 1, until: 2 }, None);
        let body: Value = serde_json::from_slice(&named.body).unwrap();
        let attribute = json!([{"AttributeKey": "ResourceName", "AttributeValue": "jobs"}]);
        assert_eq!((&body["LookupAttributes"], &body["NextToken"]), (&attribute, &Value::Null));
    }
}
