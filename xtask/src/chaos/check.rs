//! The judgement at the end: every resource's tags and every dead letter are read, and each resource that is
//! there has the person who made it, or a dead letter says why not. It asks nothing of the product's own code.

use super::{
    story::{Event, Story},
    world::{KEY, World},
};
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};

/// What was found.
#[derive(Default)]
pub struct Verdict {
    /// Resources that were made.
    pub resources: usize,
    /// Those that have their creator's tag.
    pub tagged: usize,
    /// Those whose owner had set it before.
    pub kept: usize,
    /// Those that still have the creator of what they were made from, since their event came late.
    pub copied: usize,
    /// Those that are no longer there.
    pub gone: usize,
    /// Those that a dead letter accounts for.
    pub in_letters: usize,
    /// Those that only AWS may tag, of which no dead letter says anything.
    pub not_ours: usize,
    /// Letters by reason.
    pub letters: BTreeMap<String, usize>,
    /// Resources, and records that are none, of which nothing is left.
    pub lost: Vec<String>,
    /// Tags of the wrong person.
    pub wrong: Vec<String>,
    /// Tags that were there and are not, or not as they were.
    pub overwritten: Vec<String>,
}

/// Judges.
pub fn judge<'a>(story: &Story, world: &World, letters: impl Iterator<Item = &'a str>) -> Verdict {
    let mut verdict =
        Verdict { wrong: world.wrong.clone(), overwritten: world.overwritten.clone(), ..Verdict::default() };
    let (mut of_event, mut texts): (HashMap<String, Vec<Value>>, HashSet<String>) = Default::default();
    for text in letters {
        let letter: Value = serde_json::from_str(text).unwrap_or(Value::Null);
        *verdict.letters.entry(reason(&letter)).or_default() += 1;
        let record = [&letter["record"], &letter["requestPayload"]["detail"], &letter["detail"]];
        let id = record.iter().find_map(|record| record["eventID"].as_str());
        match id {
            Some(id) => of_event.entry(id.to_owned()).or_default().push(letter),
            None => texts.extend(odd_words(text)),
        }
    }
    for (number, event) in story.events.iter().enumerate() {
        if let Event::Odd(text, Some(word)) = event
            && !texts.contains(word)
        {
            verdict.lost.push(format!(
                "event {number}, which is no record, is not among the dead letters: {text:.80}"
            ));
        }
    }
    for place in &world.places {
        for (index, made) in place.generations.iter().enumerate() {
            verdict.resources += 1;
            let is_last = index + 1 == place.generations.len();
            let missing = made.first_tags.iter().filter(|tag| !made.tags.contains(tag));
            verdict
                .overwritten
                .extend(missing.map(|(key, value)| format!("{}: {key}={value} is not there", place.arn)));
            if made.deleted || !is_last {
                verdict.gone += 1;
                continue;
            }
            let is_first = made.first_tags.iter().any(|(key, _)| key == KEY);
            match made.tags.iter().find(|(key, _)| key == KEY) {
                Some(_) if is_first => verdict.kept += 1,
                Some((_, value)) if made.copied.as_ref() == Some(value) => verdict.copied += 1,
                Some((_, value)) if *value == place.fitted(&made.creator) => verdict.tagged += 1,
                Some((_, value)) => {
                    verdict.wrong.push(format!("{}: {KEY}={value}, expected {}", place.arn, made.creator));
                }
                None => {
                    let parent = place.parent.map(|parent| world.places[parent].arn.as_str());
                    let covers = |letter: &&Value| covers(letter, &place.arn, place.resource_type, parent);
                    let letters = of_event.get(&format!("event-{}", made.event));
                    let names = |letter: &Value| {
                        letter["tagger"] == "dead-letter" && letter["reason"]["class"] == "not-ours"
                    };
                    if letters.into_iter().flatten().any(|letter| covers(&letter)) {
                        verdict.in_letters += 1;
                        if place.not_ours && letters.into_iter().flatten().any(names) {
                            verdict
                                .wrong
                                .push(format!("{}: a dead letter, though only AWS may tag it", place.arn));
                        }
                    } else if place.not_ours {
                        verdict.not_ours += 1;
                    } else {
                        verdict.lost.push(format!(
                            "{} of event-{}, made by {}: no tag, and no dead letter of {} names it",
                            place.arn,
                            made.event,
                            made.creator,
                            letters.map_or(0, Vec::len)
                        ));
                    }
                }
            }
        }
    }
    // A write is judged when it comes and again by what is left of it; a resource counts once.
    for found in [&mut verdict.wrong, &mut verdict.overwritten] {
        let mut seen = HashSet::new();
        found.retain(|sentence| seen.insert(sentence.split(": ").next().unwrap_or_default().to_owned()));
    }
    verdict
}

/// Whether a dead letter accounts for a resource: by its name, by its parent's, or because it is the whole event.
fn covers(letter: &Value, arn: &str, resource_type: &str, parent: Option<&str>) -> bool {
    let names = |list: &Value| {
        list.as_array().into_iter().flatten().any(|named| {
            let name = named["arn"].as_str().or(named.as_str()).unwrap_or_default();
            name == arn
                || Some(name) == parent && named["type"].as_str().is_none_or(|word| word == resource_type)
        })
    };
    match letter["tagger"].as_str() {
        Some("dead-letter") => names(&letter["resources"]),
        // A piece of work that came too often; without names it is the whole record.
        Some(_) => {
            let all = letter["resources"].is_null() && letter["children"].is_null();
            let of_parents = letter["children"].as_array().into_iter().flatten().any(|search| {
                let holds =
                    |list: &Value, word: &str| list.as_array().into_iter().flatten().any(|one| one == word);
                parent.is_some_and(|parent| holds(&search["parents"], parent))
                    && holds(&search["types"], resource_type)
            });
            all || names(&letter["resources"]) || of_parents
        }
        None => true,
    }
}

fn reason(letter: &Value) -> String {
    if letter["tagger"] == "dead-letter" {
        let text = |name: &str| letter["reason"][name].as_str().unwrap_or("nothing").to_owned();
        let (class, code) = (text("class"), text("code"));
        return match letter["reason"]["by"].as_str() {
            Some(by) => format!("{class} by {by}"),
            None if class == "failed" => format!("{class}, {code}"),
            None => class,
        };
    }
    if letter["requestPayload"].is_null() {
        return "received too often".to_owned();
    }
    let error = letter["responsePayload"]["errorType"].as_str().unwrap_or("no error");
    format!("called three times, {error}")
}

/// The words of odd events in a text.
fn odd_words(text: &str) -> Vec<String> {
    let found = text.match_indices("odd-");
    found.filter_map(|(at, _)| Some(text[at..].split_once('.')?.0)).map(|word| format!("{word}.")).collect()
}
