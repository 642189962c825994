//! EC2 tags many resources in one call, and reads the tags of many in another.
//!
//! Reads all, writes what all lack, and one by one when the one write fails, so that one bad id
//! does not spoil the others. What the record says was given at creation counts as there; where it cannot
//! say, the resource must be seen before anything is written, since DescribeTags lists nothing for an id
//! that is not visible yet and CreateTags overwrites. (CreateTags with DryRun checks permissions only.)

use crate::{
    apply::{no_read, unreadable, written},
    children,
    client::Client,
    join::join_some,
    outcome::{Class, Failure, Outcome},
    tags::Tags,
    wire::Ask,
};
use serde_json::Value;
use std::collections::HashMap;
use tagger_catalog::operation::{Call, Fixed};
use tagger_core::{
    Plan,
    attempt::{pairs, to_write},
    given::Given,
    policy::Existing,
    resources::Resource,
};

/// DescribeTags and the others take 200 values of a filter at most:
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeVolumes.html>
const MOST_VALUES: usize = 200;

/// A resource of a group, and what its record tells of its tags.
#[derive(Debug)]
pub struct Member<'a> {
    /// The resource.
    pub resource: &'a Resource,
    /// What it was given at creation.
    pub given: Given,
}

/// How a type is seen, with its tags.
struct Look {
    resource_type: &'static str,
    call: Call,
    /// The set in the answer, and the member with an id.
    set: &'static str,
    id: &'static str,
}

const fn look(
    resource_type: &'static str,
    operation: &'static str,
    filter: &'static [(&'static str, Fixed)],
    set: &'static str,
    id: &'static str,
) -> Look {
    let call = Call { extra: filter, ..children::describe(operation, "Filter.1.Value") };
    Look { resource_type, call, set, id }
}

/// The types that can have tags at creation which are in no record: by a launch template, or copied.
static LOOKS: [Look; 3] = [
    look(
        "AWS::EC2::Volume",
        "DescribeVolumes",
        &[("Filter.1.Name", Fixed::Text("volume-id"))],
        "volumeSet",
        "volumeId",
    ),
    look(
        "AWS::EC2::NetworkInterface",
        "DescribeNetworkInterfaces",
        &[("Filter.1.Name", Fixed::Text("network-interface-id"))],
        "networkInterfaceSet",
        "networkInterfaceId",
    ),
    look(
        "AWS::EC2::Image",
        "DescribeImages",
        &[("Filter.1.Name", Fixed::Text("image-id"))],
        "imagesSet",
        "imageId",
    ),
];

/// Resources that lack the same keys share a call; nearly always all lack all.
struct Write<'a> {
    tags: Vec<(&'a str, &'a str)>,
    /// Places in the group.
    indexes: Vec<usize>,
}

/// Tags resources of one region; the outcomes are in the order of the group.
pub async fn tag(client: &Client, plan: &Plan, region: &str, group: &[Member<'_>]) -> Vec<Outcome> {
    let Some(first) = group.first().map(|member| member.resource) else { return Vec::new() };
    let operation = first.entry.operation;
    let mut outcomes: Vec<Option<Outcome>> = group.iter().map(|_| None).collect();
    let there = match plan.existing {
        Existing::Overwrite => group.iter().map(|_| Tags::new()).collect(),
        Existing::Keep => there(client, plan, region, group, &mut outcomes).await,
    };
    let mut writes: Vec<Write> = Vec::new();
    for (index, there) in there.iter().enumerate() {
        if outcomes[index].is_some() {
            continue;
        }
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
            let ids: Vec<&str> = indexes.iter().map(|index| group[*index].resource.id.as_str()).collect();
            let ask = Ask { ids: &ids, tags: &tags, with: &[], account: &first.account };
            let answer = client.call(operation, &operation.write, region, ask).await?;
            written(operation, &answer)
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

/// The planned keys that each member has already. What could not be read has an outcome instead.
async fn there(
    client: &Client,
    plan: &Plan,
    region: &str,
    group: &[Member<'_>],
    outcomes: &mut [Option<Outcome>],
) -> Vec<Tags> {
    let is_planned = |key: &str| plan.tags.iter().any(|(planned, _)| planned == key);
    let mut there: Vec<Tags> = group
        .iter()
        .map(|member| member.given.tags.iter().filter(|(key, _)| is_planned(key)).cloned().collect())
        .collect();
    // By the call that shows them; what the record settles is not asked for.
    let mut asked: Vec<(Option<&Look>, Vec<usize>)> = Vec::new();
    for (index, Member { resource, given }) in group.iter().enumerate() {
        if to_write(plan, resource.entry.operation, &there[index]).is_err() {
            continue;
        }
        let look =
            LOOKS.iter().find(|look| !given.whole && look.resource_type == resource.entry.resource_type);
        let same = |other: &Option<&Look>| other.map(|other| other.id) == look.map(|look| look.id);
        match asked.iter_mut().find(|(other, _)| same(other)) {
            Some((_, indexes)) => indexes.push(index),
            None => asked.push((look, vec![index])),
        }
    }
    let parts: Vec<(Option<&Look>, &[usize])> = asked
        .iter()
        .flat_map(|(look, indexes)| indexes.chunks(MOST_VALUES).map(move |part| (*look, part)))
        .collect();
    let ask = async |(look, part): &(Option<&Look>, &[usize])| {
        let resources: Vec<&Resource> = part.iter().map(|index| group[*index].resource).collect();
        match look {
            None => described(client, plan, region, &resources).await,
            Some(look) => seen(client, look, region, &resources).await,
        }
    };
    let found = join_some(5, parts.iter().map(ask)).await;
    for ((look, part), found) in parts.into_iter().zip(found) {
        for index in part {
            let id = group[*index].resource.id.as_str();
            match found.as_ref().map(|found| found.get(id)) {
                Err(failure) => outcomes[*index] = Some(Outcome::Failed(failure.clone())),
                Ok(Some(tags)) => {
                    let new = |key: &str| there[*index].iter().all(|(known, _)| known != key);
                    let new: Tags = tags.iter().filter(|(key, _)| new(key)).cloned().collect();
                    there[*index].extend(new);
                }
                Ok(None) => {
                    let Some(look) = look else { continue };
                    let call = format!("ec2:{}", look.call.operation);
                    let message = format!("{id} is not in the answer");
                    let failure = Failure::ours(Class::NotFound, &call, "NotInAnswer", message);
                    outcomes[*index] = Some(Outcome::Failed(failure));
                }
            }
        }
    }
    there
}

/// The planned keys that DescribeTags lists, by id. It lists nothing for an id that is not visible.
async fn described(
    client: &Client,
    plan: &Plan,
    region: &str,
    resources: &[&Resource],
) -> Result<HashMap<String, Tags>, Failure> {
    let mut there: HashMap<String, Tags> = HashMap::new();
    let Some(first) = resources.first() else { return Ok(there) };
    let call = first.entry.operation.read.as_ref().ok_or_else(|| no_read(first.entry.operation))?;
    let names: Vec<String> = (1..=plan.tags.len()).map(|number| format!("Filter.2.Value.{number}")).collect();
    let mut keys = vec![("Filter.2.Name", "key")];
    keys.extend(names.iter().zip(&plan.tags).map(|(name, (key, _))| (name.as_str(), key.as_str())));
    for item in items_of(client, call, "tagSet", region, resources, &keys).await? {
        let text = |name: &str| item[name].as_str().map(str::to_owned);
        let (Some(id), Some(key)) = (text("resourceId"), text("key")) else {
            let message = "DescribeTags answered with an item that is no tag".to_owned();
            return Err(unreadable(first.entry.operation, message));
        };
        there.entry(id).or_default().push((key, text("value").unwrap_or_default()));
    }
    Ok(there)
}

/// Those that are visible, by id, with all their tags.
async fn seen(
    client: &Client,
    look: &Look,
    region: &str,
    resources: &[&Resource],
) -> Result<HashMap<String, Tags>, Failure> {
    let items = items_of(client, &look.call, look.set, region, resources, &[]).await?;
    let of = |item: &Value| {
        let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
        let tags = children::items(&item["tagSet"])
            .map(|tag| Some((text(tag, "key")?, text(tag, "value").unwrap_or_default())));
        Some((text(item, look.id)?, tags.collect::<Option<Tags>>()?))
    };
    let Some(first) = resources.first() else { return Ok(HashMap::new()) };
    let found: Option<HashMap<String, Tags>> = items.iter().map(of).collect();
    found.ok_or_else(|| {
        let message = format!("{} answered with an item without an id, or no tag", look.call.operation);
        unreadable(first.entry.operation, message)
    })
}

/// The items of a set that a call shows of these resources, page by page.
async fn items_of(
    client: &Client,
    call: &Call,
    set: &str,
    region: &str,
    resources: &[&Resource],
    with: &[(&str, &str)],
) -> Result<Vec<Value>, Failure> {
    let (mut items, mut page) = (Vec::new(), String::new());
    let Some(first) = resources.first() else { return Ok(items) };
    let operation = first.entry.operation;
    let ids: Vec<&str> = resources.iter().map(|resource| resource.id.as_str()).collect();
    let root = format!("{}Response", call.operation);
    loop {
        let mut with = with.to_vec();
        if !page.is_empty() {
            with.push(("NextToken", &page));
        }
        let ask = Ask { ids: &ids, tags: &[], with: &with, account: &first.account };
        let answer = client.call(operation, call, region, ask).await?;
        let answer = &answer[root.as_str()];
        let refused =
            |what: String| Err(unreadable(operation, format!("{} answered {what}", call.operation)));
        if !answer.is_object() {
            return refused(format!("without {root}"));
        }
        // The set is there also when it is empty:
        // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
        match &answer[set] {
            Value::String(text) if text.trim().is_empty() => {}
            Value::Object(inside) if inside.keys().all(|name| name == "item") => {}
            _ => return refused(format!("without a {set} of items")),
        }
        items.extend(children::items(&answer[set]).cloned());
        match answer["nextToken"].as_str() {
            Some(next) if next == page => return refused("with the same page again".to_owned()),
            Some(next) if !next.is_empty() => page = next.to_owned(),
            _ => return Ok(items),
        }
    }
}
