//! EC2 tags many resources in one call, and reads the tags of many in another.
//!
//! Reads all, writes what all lack, and one by one when the one write fails, so that one bad id
//! does not spoil the others.

use crate::{
    apply::{no_read, unreadable},
    children,
    client::Client,
    outcome::{Class, Failure, Outcome},
    tags::Tags,
    wire::Ask,
};
use std::collections::HashMap;
use tagger_core::{
    Plan,
    attempt::{pairs, to_write},
    policy::Existing,
    resources::Resource,
};

/// Resources that lack the same keys share a call; nearly always all lack all.
struct Write<'a> {
    tags: Vec<(&'a str, &'a str)>,
    /// Places in the group.
    indexes: Vec<usize>,
}

/// Tags resources of one region; the outcomes are in the order of the group.
pub async fn tag(client: &Client, plan: &Plan, region: &str, group: &[&Resource]) -> Vec<Outcome> {
    let Some(first) = group.first() else { return Vec::new() };
    let operation = first.entry.operation;
    let there = match plan.existing {
        Existing::Overwrite => HashMap::new(),
        Existing::Keep => match read(client, plan, region, group).await {
            Ok(there) => there,
            Err(failure) => return group.iter().map(|_| Outcome::Failed(failure.clone())).collect(),
        },
    };
    let mut outcomes: Vec<Option<Outcome>> = group.iter().map(|_| None).collect();
    let mut writes: Vec<Write> = Vec::new();
    let none = Tags::new();
    for (index, resource) in group.iter().enumerate() {
        let there = there.get(&resource.id).unwrap_or(&none);
        let to_set = match plan.existing {
            Existing::Overwrite => pairs(plan),
            Existing::Keep => match to_write(plan, operation, there) {
                Ok(tags) => tags,
                Err(outcome) => {
                    outcomes[index] = Some(outcome);
                    continue;
                }
            },
        };
        match writes.iter_mut().find(|write| write.tags == to_set) {
            Some(write) => write.indexes.push(index),
            None => writes.push(Write { tags: to_set, indexes: vec![index] }),
        }
    }
    for Write { tags, indexes } in writes {
        let write = async |indexes: &[usize]| {
            let ids: Vec<&str> = indexes.iter().map(|index| group[*index].id.as_str()).collect();
            let ask = Ask { ids: &ids, tags: &tags, with: &[], account: &first.account };
            client.call(operation, &operation.write, region, ask).await
        };
        match write(&indexes).await {
            Ok(_) => indexes.iter().for_each(|index| outcomes[*index] = Some(Outcome::Tagged)),
            Err(failure) if indexes.len() == 1 || failure.class == Class::Throttled => {
                indexes.iter().for_each(|index| outcomes[*index] = Some(Outcome::Failed(failure.clone())));
            }
            Err(_) => {
                for index in indexes {
                    let outcome = write(&[index]).await.map_or_else(Outcome::Failed, |_| Outcome::Tagged);
                    outcomes[index] = Some(outcome);
                }
            }
        }
    }
    outcomes.into_iter().flatten().collect()
}

/// The planned keys that each resource has already, by id. DescribeTags lists nothing for an id
/// that does not exist; CreateTags then says so.
async fn read(
    client: &Client,
    plan: &Plan,
    region: &str,
    group: &[&Resource],
) -> Result<HashMap<String, Tags>, Failure> {
    let mut there: HashMap<String, Tags> = HashMap::new();
    let Some(first) = group.first() else { return Ok(there) };
    let operation = first.entry.operation;
    let call = operation.read.as_ref().ok_or_else(|| no_read(operation))?;
    // DescribeTags takes 200 values of a filter at most.
    for part in group.chunks(200) {
        let ids: Vec<&str> = part.iter().map(|resource| resource.id.as_str()).collect();
        let mut page = String::new();
        loop {
            let mut with = vec![("Filter.2.Name", "key")];
            let names: Vec<String> =
                (1..=plan.tags.len()).map(|number| format!("Filter.2.Value.{number}")).collect();
            with.extend(names.iter().zip(&plan.tags).map(|(name, (key, _))| (name.as_str(), key.as_str())));
            if !page.is_empty() {
                with.push(("NextToken", &page));
            }
            let ask = Ask { ids: &ids, tags: &[], with: &with, account: &first.account };
            let answer = client.call(operation, call, region, ask).await?;
            let answer = &answer["DescribeTagsResponse"];
            if !answer.is_object() {
                return Err(unreadable(
                    operation,
                    "DescribeTags answered without DescribeTagsResponse".to_owned(),
                ));
            }
            for item in children::items(&answer["tagSet"]) {
                let text = |name: &str| item[name].as_str().unwrap_or_default().to_owned();
                there.entry(text("resourceId")).or_default().push((text("key"), text("value")));
            }
            match answer["nextToken"].as_str() {
                Some(next) if !next.is_empty() => page = next.to_owned(),
                _ => break,
            }
        }
    }
    Ok(there)
}
