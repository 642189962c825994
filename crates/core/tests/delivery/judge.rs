//! What is asserted of the model's end: nothing is lost, and no dead letter is about what only had to be waited for.

use super::world::{DAY, Life, World};
use std::collections::BTreeSet;
use tagger_core::{
    containers,
    outcome::Class,
    work::{Document, Named},
};

impl World {
    /// Every resource that lives and is not tagged must be in a dead letter of its event.
    pub fn lost(&self) -> Vec<String> {
        let mut in_letters: BTreeSet<(String, String)> = BTreeSet::new();
        for text in &self.letters {
            let record = containers::records_in(serde_json::from_str(text).unwrap()).remove(0).unwrap();
            let event = record.text("eventID").unwrap().into_owned();
            let number: usize = event["e-".len()..].parse().unwrap();
            let named: Vec<String> = match serde_json::from_str(text) {
                Ok(Document::DeadLetter(letter)) => {
                    // What was never seen has shown no children: the record is sent again as a whole.
                    let never = letter.reason.code == "never-seen";
                    let named = letter.resources.into_iter();
                    named
                        .flat_map(|Named { r#type, arn }| {
                            [never.then(|| child(VOLUME, arn.clone())), Some(child(&r#type, arn))]
                        })
                        .flatten()
                        .collect()
                }
                Ok(Document::Work(work)) if !work.resources.is_empty() || !work.children.is_empty() => {
                    let parents = work.children.into_iter().flat_map(|search| search.parents);
                    work.resources.into_iter().chain(parents.map(|arn| child(VOLUME, arn))).collect()
                }
                // Lambda's letter is about the whole event.
                _ => self.made[number].clone(),
            };
            // A launch that was not found is about the whole event too.
            let named = if named.iter().any(String::is_empty) { self.made[number].clone() } else { named };
            in_letters.extend(named.into_iter().map(|arn| (event.clone(), arn)));
        }
        let is_lost = |(arn, life): &(&String, &Life)| {
            life.tag.is_none() && !in_letters.contains(&(format!("e-{}", life.event), (*arn).clone()))
        };
        self.lives.iter().filter(is_lost).map(|(arn, life)| format!("{arn} of {}", life.creator)).collect()
    }
}

/// Letters about what only had to be waited for. The mishaps of a run pass, so that only three things end
/// in a dead letter: a denial, a name of which nothing tells, and what took longer than a day.
pub fn unjust(letters: &[String]) -> Vec<String> {
    let is_unjust = |text: &&String| match serde_json::from_str(text) {
        Ok(Document::DeadLetter(letter)) => {
            let born = letter.record["born"].as_u64().unwrap();
            let tells = letter.resources.iter().any(|named| named.arn.contains(":replicationgroup:"));
            match letter.reason.class {
                Class::Denied => letter.record["briefly"] == true,
                Class::NotReady => letter.gave_up < born + DAY,
                _ if letter.reason.code == "resource-uncertain" => tells,
                _ if ["never-seen", "no-resource-in-record"].contains(&letter.reason.code.as_str()) => {
                    letter.record["never"] != true
                }
                _ => {
                    let waits = |name: &str| !letter.resources[0].arn.contains(name);
                    letter.gave_up < letter.since + DAY && [":sns:", ":s3:"].into_iter().all(waits)
                }
            }
        }
        _ => false,
    };
    letters.iter().filter(is_unjust).cloned().collect()
}

const VOLUME: &str = "AWS::EC2::Volume";

/// The resource that is meant: a child that was not found goes by its parent's ARN.
fn child(resource_type: &str, arn: String) -> String {
    if resource_type == VOLUME { arn.replacen("instance/i-", "volume/vol-", 1) } else { arn }
}
