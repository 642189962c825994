//! EventBridge's rules on a region's default bus, where they send to, and what they match. Reads only.

use super::{Account, Kind, Trouble, text, trouble::told};
use aws_sdk_eventbridge::Client;

/// A rule on the default bus.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// `ENABLED`, `DISABLED` or `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`.
    pub state: String,
    /// Its pattern, as JSON; empty for a schedule.
    pub pattern: String,
}

/// EventBridge in one region.
pub struct Rules {
    client: Client,
    region: String,
}

impl Account {
    /// EventBridge in a region.
    pub fn rules(&self, region: &str) -> Rules {
        Rules { client: Client::new(&self.at(region)), region: region.to_owned() }
    }
}

impl Rules {
    /// Every rule of the default bus, where CloudTrail's events arrive.
    ///
    /// # Errors
    /// EventBridge could not be asked.
    pub async fn all(&self) -> Result<Vec<Rule>, Trouble> {
        let (mut rules, mut page) = (Vec::new(), None);
        loop {
            let asked = self.client.list_rules().set_next_token(page).send().await;
            let answer = asked.map_err(told("events:ListRules", &self.region))?;
            rules.extend(answer.rules().iter().map(|found| Rule {
                name: text(found.name()),
                arn: text(found.arn()),
                state: text(found.state().map(|state| state.as_str())),
                pattern: text(found.event_pattern()),
            }));
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(rules);
            }
        }
    }

    /// The state of a rule, if there is one of that name.
    ///
    /// # Errors
    /// EventBridge could not be asked.
    pub async fn state(&self, rule: &str) -> Result<Option<String>, Trouble> {
        let asked = self.client.describe_rule().name(rule).send().await;
        match asked.map_err(told("events:DescribeRule", &self.region)) {
            Ok(found) => Ok(Some(text(found.state().map(|state| state.as_str())))),
            Err(trouble) if trouble.kind() == Kind::NotFound => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    /// The ARNs that a rule sends to.
    ///
    /// # Errors
    /// EventBridge could not be asked.
    pub async fn targets(&self, rule: &str) -> Result<Vec<String>, Trouble> {
        let (mut targets, mut page) = (Vec::new(), None);
        loop {
            let asked = self.client.list_targets_by_rule().rule(rule).set_next_token(page).send().await;
            let answer = asked.map_err(told("events:ListTargetsByRule", &self.region))?;
            targets.extend(answer.targets().iter().map(|target| target.arn().to_owned()));
            page = answer.next_token().map(str::to_owned);
            if page.is_none() {
                return Ok(targets);
            }
        }
    }

    /// Whether EventBridge says that a pattern matches an event. The event needs id, account, source, time,
    /// region, resources and detail-type:
    /// <https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html>
    ///
    /// # Errors
    /// EventBridge could not be asked, or refuses the pattern.
    pub async fn matches(&self, pattern: &str, event: &str) -> Result<bool, Trouble> {
        let asked = self.client.test_event_pattern().event_pattern(pattern).event(event).send().await;
        Ok(asked.map_err(told("events:TestEventPattern", &self.region))?.result())
    }
}
