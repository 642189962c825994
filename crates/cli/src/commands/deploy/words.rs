//! A change set in words, and what the deployment will cost and may do. Pure.

use crate::{
    cost_model::{self, Shape},
    output, templates,
};
use std::collections::BTreeMap;
use tagger_aws::account::stacks::{Change, ChangeSet};
use tagger_core::arn::Arn;

/// What a resource type is, for somebody who reads a plan.
const NOUNS: &[(&str, &str, &str)] = &[
    ("AWS::Lambda::Function", "the function", "functions"),
    ("AWS::Lambda::Permission", "the rules' right to call it", "rights to call it"),
    ("AWS::Lambda::EventInvokeConfig", "its retries, and where what failed goes", "settings of retries"),
    ("AWS::Lambda::EventSourceMapping", "its reading of a queue", "readings of queues"),
    ("AWS::IAM::Role", "the role", "roles"),
    ("AWS::IAM::ManagedPolicy", "a part of the role's policy", "parts of the role's policy"),
    ("AWS::Events::Rule", "a rule", "rules"),
    ("AWS::SQS::Queue", "a queue", "queues"),
    ("AWS::SQS::QueuePolicy", "a queue's policy", "queues' policies"),
    ("AWS::CloudTrail::Trail", "the trail", "trails"),
    ("AWS::S3::Bucket", "a bucket", "buckets"),
    ("AWS::S3::BucketPolicy", "the bucket's policy", "buckets' policies"),
    ("AWS::SNS::Topic", "the alarms' topic", "topics"),
    ("AWS::SNS::TopicPolicy", "the topic's policy", "topics' policies"),
    ("AWS::SNS::Subscription", "the address that hears of alarms", "subscriptions"),
    ("AWS::KMS::Key", "the topic's key", "keys"),
    ("AWS::CloudWatch::Alarm", "an alarm", "alarms"),
    ("AWS::CloudWatch::Dashboard", "the dashboard", "dashboards"),
    ("AWS::Logs::LogGroup", "the function's log", "logs"),
    ("AWS::Logs::MetricFilter", "a metric out of the log", "metrics out of the log"),
    ("AWS::Oam::Link", "the link to the monitoring account", "links"),
    ("AWS::Oam::Sink", "the sink for the accounts' metrics", "sinks"),
    ("AWS::CloudFormation::StackSet", "a StackSet", "StackSets"),
];

/// Rows of a change set: a sign, what, and which.
pub fn changes(change_set: &ChangeSet) -> String {
    let mut groups: BTreeMap<(usize, &'static str, usize, &str), Vec<&Change>> = BTreeMap::new();
    for change in &change_set.changes {
        let (order, sign) = match (change.action.as_str(), change.replaced) {
            ("Add" | "Import", _) => (0, "+"),
            ("Remove", _) => (3, "-"),
            (_, true) => (2, "!"),
            _ => (1, "~"),
        };
        let place = NOUNS.iter().position(|noun| noun.0 == change.resource_type).unwrap_or(NOUNS.len());
        groups.entry((order, sign, place, &change.resource_type)).or_default().push(change);
    }
    let rows = groups.into_iter().map(|((_, sign, place, resource_type), group)| {
        let what = match (NOUNS.get(place), group.len()) {
            (Some((_, one, _)), 1) => (*one).to_owned(),
            (Some((_, _, many)), count) => format!("{count} {many}"),
            (None, _) => resource_type.to_owned(),
        };
        let which = group.iter().map(|change| one(change, sign));
        vec![format!("  {sign}"), what, which.collect::<Vec<_>>().join(", ")]
    });
    output::columns(&rows.collect::<Vec<_>>())
}

fn one(change: &Change, sign: &str) -> String {
    let name = if change.physical.is_empty() { &change.logical } else { &change.physical };
    let name = Arn::parse(name).map_or(name.as_str(), |arn| arn.path());
    match (sign, change.properties.is_empty()) {
        ("~", false) => format!("{name} ({})", change.properties.join(", ")),
        ("!", _) => format!("{name} (made anew: {})", change.properties.join(", ")),
        _ => name.to_owned(),
    }
}

/// What the role may do, in one sentence.
pub fn permissions() -> String {
    let (actions, services, reads) = templates::permissions();
    format!(
        "{actions} actions of {services} services: {} that set tags, {reads} that read tags or describe; its own log and \
         queues. It may not create, delete, read data, untag or pass a role (docs/iam-policy.md)",
        actions - reads
    )
}

/// What it will cost, in one sentence.
pub fn cost(shape: &Shape) -> String {
    let bill = cost_model::bill(shape);
    let dearest = bill.lines.iter().max_by_key(|line| line.cost);
    let most = match dearest {
        Some(line) if line.cost.dollars() >= 0.005 => {
            format!(", most of it {} (${:.2})", line.what, line.cost.dollars())
        }
        _ => String::new(),
    };
    format!(
        "${:.2} at {} resources a month in {} {}{most}; prices of us-east-1, `tagger cost` has every line",
        bill.sum().dollars(),
        cost_model::thousands(shape.resources),
        shape.regions,
        if shape.regions == 1 { "region" } else { "regions" },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(action: &str, resource_type: &str, logical: &str) -> Change {
        Change {
            action: action.to_owned(),
            resource_type: resource_type.to_owned(),
            logical: logical.to_owned(),
            physical: String::new(),
            replaced: false,
            properties: Vec::new(),
        }
    }

    #[test]
    fn a_change_set_in_words() {
        let changes_ = vec![
            change("Add", "AWS::Events::Rule", "Rule2"),
            change("Add", "AWS::Events::Rule", "Rule1"),
            Change {
                physical: "auto-resource-tagger".to_owned(),
                properties: vec!["Code".to_owned(), "Environment".to_owned()],
                ..change("Modify", "AWS::Lambda::Function", "Function")
            },
            Change {
                physical: "arn:aws:sns:us-east-1:111122223333:old".to_owned(),
                ..change("Remove", "AWS::SNS::Topic", "Topic")
            },
            change("Add", "AWS::New::Type", "Surprise"),
        ];
        let set = ChangeSet { id: String::new(), stack: String::new(), creates: false, changes: changes_ };
        let expected = "  +  2 rules           Rule2, Rule1\n  +  AWS::New::Type    Surprise\n  ~  the function      \
                        auto-resource-tagger (Code, Environment)\n  -  the alarms' topic  old\n";
        let squeeze = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(squeeze(&changes(&set)), squeeze(expected), "{}", changes(&set));
    }

    #[test]
    fn every_resource_of_the_templates_has_a_noun() {
        for template in [templates::TAGGER, templates::FORWARDER, templates::ORGANIZATION] {
            for line in template.lines().filter_map(|line| line.strip_prefix("    Type: AWS::")) {
                let resource_type = format!("AWS::{line}");
                assert!(
                    NOUNS.iter().any(|noun| noun.0 == resource_type),
                    "{resource_type}: give it a noun in words.rs"
                );
            }
        }
    }
}
