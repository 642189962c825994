//! Is there a second tagger: a rule that is not ours, admits creations that we tag, and sends them to a function? Pure.

use super::{
    report::{Check, Verdict, counted, some},
    rules::{PREFIX, Seen, events},
};
use crate::deployment::FUNCTION;
use serde_json::Value;
use tagger_aws::account::rules::Rule;
use tagger_core::arn::Arn;

/// How many creations of the catalog somebody else's rule admits, if any: it is CloudTrail's, and it is on.
pub fn admits_creations(rule: &Rule) -> Option<usize> {
    let product = rule.name.starts_with(PREFIX) || rule.name.starts_with("auto-resource-tagger-");
    if product || !rule.state.starts_with("ENABLED") {
        return None;
    }
    let pattern: Value = serde_json::from_str(&rule.pattern).ok()?;
    let of_trail =
        pattern["detail-type"].as_array()?.iter().any(|kind| kind == "AWS API Call via CloudTrail");
    let known = |source: &str, name: &str| {
        let matches = |pattern: &str, text: &str| tagger_core::policy::matches(pattern, text);
        tagger_catalog::events()
            .iter()
            .filter(|event| matches(source, event.source) && matches(name, event.name))
            .count()
    };
    let count = events(&pattern).iter().map(|(source, name)| known(source, name)).sum();
    (of_trail && count > 0).then_some(count)
}

/// Another rule that sends creations to another function.
pub fn second_tagger(region: &str, seen: &Seen) -> Vec<Check> {
    let mut checks = Vec::new();
    for rule in &seen.rules {
        let Some(count) = admits_creations(rule) else { continue };
        let targets = seen.targets.get(&rule.name).into_iter().flatten();
        let others: Vec<_> = targets
            .filter(|arn| arn.contains(":lambda:") || arn.contains(":sns:"))
            .filter(|arn| !arn.ends_with(&format!(":function:{FUNCTION}")))
            .map(|arn| Arn::parse(arn).map_or(arn.as_str(), |arn| arn.path()).to_owned())
            .collect();
        let tags = |text: &str| text.to_lowercase().contains("tag");
        let looks_like_it = tags(&rule.name) || others.iter().any(|name| tags(name));
        // A topic that merely hears of creations is nobody's tagger.
        let functions =
            seen.targets.get(&rule.name).into_iter().flatten().any(|arn| arn.contains(":lambda:"));
        if others.is_empty() || !(functions || looks_like_it) {
            continue;
        }
        let what = if looks_like_it { "looks like a second tagger" } else { "may be a second tagger" };
        let message = format!(
            "{what}: the rule {} sends {} that are tagged here too to {}",
            rule.name,
            counted(count, "creation"),
            some(&others, 3)
        );
        let fix = "if it tags: whoever writes last wins; switch one of them off, or give them different keys";
        checks.push(Check::new("second-tagger", Verdict::Warn, message).fix(fix).at(region));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_second_tagger_is_seen() {
        let of = |name: &str, pattern: Value, target: &str| {
            let rule = Rule {
                name: name.to_owned(),
                state: "ENABLED".to_owned(),
                pattern: pattern.to_string(),
                ..Rule::default()
            };
            let targets = [(name.to_owned(), vec![target.to_owned()])].into();
            second_tagger("us-east-1", &Seen { rules: vec![rule], targets, matches: Ok(true) })
        };
        let creations = json!({"detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventName": ["RunInstances", "CreateBucket"]}});
        let changes =
            json!({"detail-type": ["AWS API Call via CloudTrail"], "detail": {"eventName": ["StopLogging"]}});
        let states = json!({"detail-type": ["EC2 Instance State-change Notification"]});
        let (function, topic) =
            ("arn:aws:lambda:us-east-1:1:function:audit", "arn:aws:sns:us-east-1:1:alerts");
        for (case, name, pattern, target, expected) in [
            (
                "GorillaStack",
                "AutoTagRule",
                &creations,
                "arn:aws:sns:us-east-1:1:AutoTagSNSTopic",
                Some("looks like"),
            ),
            ("some function", "audit", &creations, function, Some("may be")),
            ("a topic", "audit", &creations, topic, None),
            ("changes only", "audit", &changes, function, None),
            ("no API calls", "audit", &states, function, None),
            (
                "our own function",
                "mine",
                &creations,
                "arn:aws:lambda:us-east-1:111122223333:function:auto-resource-tagger",
                None,
            ),
            ("our own rule", "auto-resource-tagger-x", &creations, function, None),
        ] {
            let found = of(name, pattern.clone(), target);
            assert_eq!(
                found.first().map(|check| check.message.starts_with(expected.unwrap_or("-"))),
                expected.map(|_| true),
                "{case}: {found:?}"
            );
        }
    }
}
