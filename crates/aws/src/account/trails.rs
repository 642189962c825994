//! CloudTrail's trails: which there are, and whether each would send us the creations.

use super::{Account, Kind, Trouble, text, trouble::told};
use aws_sdk_cloudtrail::{
    Client,
    types::{AdvancedEventSelector, ReadWriteType},
};
use std::time::{Duration, SystemTime};

/// A trail that this account has, or that its organization has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trail {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The region where it was made.
    pub home: String,
    /// Whether it is an organization's.
    pub of_organization: bool,
    /// Whether it logs all regions.
    pub all_regions: bool,
    /// Whether it logs global services.
    pub global_services: bool,
    /// The bucket that it writes to.
    pub bucket: String,
    /// Whether it logs now; not known where the caller may not ask.
    pub logging: Option<bool>,
    /// Since when it logs without an interruption; not known where the caller may not ask.
    pub since: Option<SystemTime>,
    /// What it logs; not known where the caller may not ask.
    pub selection: Option<Selection>,
}

/// What a trail logs of the management events.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// Whether calls that write are logged.
    pub writes: bool,
    /// Whether calls that only read are logged as well; `AssumeRole` is one.
    pub reads: bool,
    /// Event sources that are left out, for example `kms.amazonaws.com`.
    pub without: Vec<String>,
}

impl Account {
    /// Every trail that can be seen in a region, those of other regions and of the organization too.
    ///
    /// # Errors
    /// CloudTrail could not be asked which trails there are.
    pub async fn trails(&self, region: &str) -> Result<Vec<Trail>, Trouble> {
        let client = Client::new(&self.at(region));
        let asked = client.describe_trails().include_shadow_trails(true).send().await;
        let answer = asked.map_err(told("cloudtrail:DescribeTrails", region))?;
        let mut trails = Vec::new();
        for found in answer.trail_list() {
            let arn = text(found.trail_arn());
            // Of a trail that was made in another region only that one tells what it logs.
            let home = found.home_region().unwrap_or(region);
            let client = Client::new(&self.at(home));
            // A member account may see its organization's trail and yet not be told about it.
            let status = client.get_trail_status().name(&arn).send().await;
            let logging = known(status.map_err(told("cloudtrail:GetTrailStatus", home)))?;
            let selectors = client.get_event_selectors().trail_name(&arn).send().await;
            let selectors =
                known(selectors.map_err(told("cloudtrail:GetEventSelectors", home)))?.filter(|found| {
                    !(found.event_selectors().is_empty() && found.advanced_event_selectors().is_empty())
                });
            trails.push(Trail {
                name: text(found.name()),
                arn,
                home: text(found.home_region()),
                of_organization: found.is_organization_trail() == Some(true),
                all_regions: found.is_multi_region_trail() == Some(true),
                global_services: found.include_global_service_events() == Some(true),
                bucket: text(found.s3_bucket_name()),
                logging: logging.as_ref().and_then(|status| status.is_logging()),
                since: logging.as_ref().and_then(|status| status.start_logging_time()).map(|time| {
                    SystemTime::UNIX_EPOCH + Duration::from_secs(time.secs().max(0).unsigned_abs())
                }),
                selection: selectors.map(|selectors| {
                    let mut selection = Selection::default();
                    for selector in selectors.event_selectors() {
                        if selector.include_management_events() != Some(false) {
                            selection.writes |= selector.read_write_type() != Some(&ReadWriteType::ReadOnly);
                            selection.reads |= selector.read_write_type() != Some(&ReadWriteType::WriteOnly);
                            selection
                                .without
                                .extend(selector.exclude_management_event_sources().iter().cloned());
                        }
                    }
                    for selector in selectors.advanced_event_selectors() {
                        advanced(selector, &mut selection);
                    }
                    selection
                }),
            });
        }
        Ok(trails)
    }
}

/// Takes in an advanced selector; those of data events say nothing about management events.
fn advanced(selector: &AdvancedEventSelector, selection: &mut Selection) {
    let field = |name: &str| selector.field_selectors().iter().find(|field| field.field() == name);
    if !field("eventCategory").is_some_and(|field| field.equals().iter().any(|value| value == "Management")) {
        return;
    }
    let only = |which: &str| {
        field("readOnly").is_some_and(|field| field.equals().iter().any(|value| value == which))
    };
    // A selector that names event sources or names logs only those.
    let narrowed = ["eventSource", "eventName", "userIdentity.arn"].iter().any(|name| {
        field(name).is_some_and(|field| !field.equals().is_empty() || !field.starts_with().is_empty())
    });
    selection.writes |= !only("true") && !narrowed;
    selection.reads |= !only("false") && !narrowed;
    if let Some(sources) = field("eventSource") {
        selection.without.extend(sources.not_equals().iter().cloned());
    }
}

/// What a trail does not tell this caller is not known; only what would be the same for every trail is a failure.
fn known<T>(asked: Result<T, Trouble>) -> Result<Option<T>, Trouble> {
    match asked {
        Ok(answer) => Ok(Some(answer)),
        Err(trouble) if matches!(trouble.kind(), Kind::Expired | Kind::Unreachable | Kind::Throttled) => {
            Err(trouble)
        }
        Err(_) => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudtrail::types::AdvancedFieldSelector;

    #[test]
    fn what_advanced_selectors_log() {
        let selector = |fields: &[(&str, &str)]| {
            let field = |(name, value): &(&str, &str)| {
                AdvancedFieldSelector::builder().field(*name).equals(*value).build().unwrap()
            };
            let fields = fields.iter().map(field).collect();
            AdvancedEventSelector::builder().set_field_selectors(Some(fields)).build().unwrap()
        };
        let management = ("eventCategory", "Management");
        for (case, fields, writes, reads) in [
            ("all", vec![management], true, true),
            ("writes", vec![management, ("readOnly", "false")], true, false),
            ("reads", vec![management, ("readOnly", "true")], false, true),
            ("one service", vec![management, ("eventSource", "kms.amazonaws.com")], false, false),
            ("data events", vec![("eventCategory", "Data")], false, false),
        ] {
            let mut selection = Selection::default();
            advanced(&selector(&fields), &mut selection);
            assert_eq!((selection.writes, selection.reads), (writes, reads), "{case}");
        }
    }
}
