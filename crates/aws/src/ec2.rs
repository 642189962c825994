//! EC2's describing calls: tags of many ids, those that are visible, and the children of instances and images. Reads
//! only; the calls are data in `tagger_catalog::ec2`.

use crate::{
    client::Client,
    outcome::{Class, Failure},
    tags::unreadable,
    wire::Ask,
};
use serde_json::Value;
use std::collections::HashMap;
use tagger_catalog::{
    ec2::Look,
    finder::{Child, Finder, finder},
    operation::Call,
};
use tagger_core::step::{Answer, Shown, Tags, Target};

/// The tags of these keys, by id. DescribeTags lists nothing for an id that has none of them, or is not visible.
///
/// # Errors
/// What AWS answered, or an answer of another form.
pub async fn described(
    client: &Client,
    call: &Call,
    targets: &[Target],
    keys: &[String],
) -> Result<HashMap<String, Tags>, Failure> {
    let mut found: HashMap<String, Tags> =
        targets.iter().map(|target| (target.id.clone(), Tags::new())).collect();
    let names: Vec<String> = (1..=keys.len()).map(|number| format!("Filter.2.Value.{number}")).collect();
    let mut with = vec![("Filter.2.Name", "key")];
    with.extend(names.iter().zip(keys).map(|(name, key)| (name.as_str(), key.as_str())));
    let Some(first) = targets.first() else { return Ok(found) };
    for item in items_of(client, call, &["DescribeTagsResponse", "tagSet"], targets, &with).await? {
        let text = |name: &str| item[name].as_str().map(str::to_owned);
        let (Some(id), Some(key)) = (text("resourceId"), text("key")) else {
            let message = "DescribeTags answered with an item that is no tag".to_owned();
            return Err(unreadable(first.operation, message));
        };
        found.entry(id).or_default().push((key, text("value").unwrap_or_default()));
    }
    Ok(found)
}

/// Those that are visible, by id, with all their tags.
///
/// # Errors
/// What AWS answered, or an answer of another form.
pub async fn seen(
    client: &Client,
    look: &Look,
    targets: &[Target],
) -> Result<HashMap<String, Tags>, Failure> {
    let root = format!("{}Response", look.call.operation);
    let path: Vec<&str> = std::iter::once(root.as_str()).chain(look.set.iter().copied()).collect();
    let items = items_of(client, &look.call, &path, targets, &[]).await?;
    let of = |item: &Value| {
        let text = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
        let tags = entries(&item["tagSet"])
            .map(|tag| Some((text(tag, "key")?, text(tag, "value").unwrap_or_default())));
        Some((text(item, look.id)?, tags.collect::<Option<Tags>>()?))
    };
    let found: Option<HashMap<String, Tags>> = items.iter().map(of).collect();
    let Some(first) = targets.first() else { return Ok(HashMap::new()) };
    found.ok_or_else(|| {
        let message = format!("{} answered with an item without an id, or no tag", look.call.operation);
        unreadable(first.operation, message)
    })
}

/// What each parent shows of its children.
///
/// # Errors
/// What AWS answered, or an answer of another form.
pub async fn children(
    client: &Client,
    name: &'static str,
    targets: &[Target],
) -> Result<HashMap<String, Answer>, Failure> {
    let finder = known(name)?;
    let items = items_of(client, &finder.call, finder.items, targets, &[]).await?;
    Ok(by_parent(finder, &items).into_iter().map(|(id, shown)| (id, Answer::Children(shown))).collect())
}

/// What a launch of a client token made.
///
/// # Errors
/// What AWS answered, or an answer of another form.
pub async fn launched(client: &Client, name: &'static str, target: &Target) -> Result<Answer, Failure> {
    let finder = known(name)?;
    let call = finder.by_token.as_ref().ok_or_else(|| unknown(name))?;
    let items = items_of(client, call, finder.items, std::slice::from_ref(target), &[]).await?;
    Ok(Answer::Launched(by_parent(finder, &items)))
}

fn known(name: &'static str) -> Result<&'static Finder, Failure> {
    finder(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Failure {
    let message = "the catalog names a describe call that this version does not know";
    Failure::ours(Class::Unsupported, name, "UnknownCall", message)
}

/// The items at the end of a path of sets that a call shows of these targets, page by page.
async fn items_of(
    client: &Client,
    call: &Call,
    path: &[&str],
    targets: &[Target],
    with: &[(&str, &str)],
) -> Result<Vec<Value>, Failure> {
    let (mut found, mut page) = (Vec::new(), String::new());
    let (Some(first), Some((root, sets))) = (targets.first(), path.split_first()) else { return Ok(found) };
    let ids: Vec<&str> = targets.iter().map(|target| target.id.as_str()).collect();
    let refused =
        |what: String| Err(unreadable(first.operation, format!("{} answered {what}", call.operation)));
    loop {
        let mut with = with.to_vec();
        if !page.is_empty() {
            with.push(("NextToken", &page));
        }
        let answer = client
            .call(
                first.operation,
                call,
                &first.region,
                Ask { ids: &ids, tags: &[], with: &with, account: &first.account },
            )
            .await?;
        // Another page with HTTP 200 does not say that they are not there.
        let answer = &answer[*root];
        if !answer.is_object() {
            return refused(format!("without {root}"));
        }
        let mut holders = vec![answer];
        for set in sets {
            // The set is there also when it is empty:
            // <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html>
            let is_set = |holder: &&Value| match &holder[*set] {
                Value::String(text) => text.trim().is_empty(),
                Value::Object(inside) => inside.keys().all(|name| name == "item"),
                _ => false,
            };
            if !holders.iter().all(is_set) {
                return refused(format!("without a {set} of items"));
            }
            holders = holders.into_iter().flat_map(|holder| entries(&holder[*set])).collect();
        }
        found.extend(holders.into_iter().cloned());
        match answer["nextToken"].as_str() {
            Some(next) if next == page => return refused("with the same page again".to_owned()),
            Some(next) if !next.is_empty() => page = next.to_owned(),
            _ => return Ok(found),
        }
    }
}

/// What each parent shows of each type of child. An item is a parent, or one of its children.
fn by_parent(finder: &Finder, items: &[Value]) -> Vec<(String, Vec<Shown>)> {
    let mut found: Vec<(String, Vec<&Value>)> = Vec::new();
    for item in items {
        for id in texts(item, finder.of) {
            match found.iter_mut().find(|(known, _)| *known == id) {
                Some((_, items)) => items.push(item),
                None => found.push((id, vec![item])),
            }
        }
    }
    found.into_iter().map(|(id, items)| (id, shown(finder, &items))).collect()
}

fn shown(finder: &Finder, items: &[&Value]) -> Vec<Shown> {
    let of_type = |child: &Child| {
        let is_one = |item: &&&Value| {
            child.only.is_none_or(|(path, value)| texts(item, path).iter().any(|text| text == value))
        };
        let mut ids: Vec<String> = Vec::new();
        for id in items.iter().filter(is_one).flat_map(|item| texts(item, child.id)) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let still = items.iter().any(|item| may_still_come(finder, item, child.resource_type));
        let (more, alone) = ((ids.is_empty() || !finder.whole) && still, items.len() == 1);
        Shown { resource_type: child.resource_type, ids, more, alone }
    };
    finder.children.iter().map(of_type).collect()
}

/// The texts at the end of a path; a step into a set goes into each of its items.
fn texts(value: &Value, path: &[&str]) -> Vec<String> {
    let mut found = vec![value];
    for step in path {
        let inner = found.into_iter().map(|value| &value[*step]);
        found = inner
            .flat_map(|value| match value.get("item") {
                Some(_) => entries(value).collect(),
                None => vec![value],
            })
            .collect();
    }
    found.into_iter().filter_map(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned).collect()
}

/// Whether a child can still appear: an instance that boots has an interface, and a volume unless it
/// boots from an instance store; an image gets its snapshots while it is made.
fn may_still_come(finder: &Finder, parent: &Value, resource_type: &str) -> bool {
    let (path, states) = finder.state;
    let state = path.iter().try_fold(parent, |at, step| at.get(step)).and_then(Value::as_str);
    let on_the_host = parent["rootDeviceType"].as_str() == Some("instance-store");
    let has_disks = matches!(resource_type, "AWS::EC2::Volume" | "AWS::EC2::Snapshot");
    state.is_some_and(|state| states.contains(&state)) && !(has_disks && on_the_host)
}

/// The entries of an EC2 set: none, one or several `item` elements.
pub(crate) fn entries(set: &Value) -> impl Iterator<Item = &Value> {
    let item = &set["item"];
    let list = item.as_array().map(Vec::as_slice);
    list.unwrap_or(if item.is_null() { &[] } else { std::slice::from_ref(item) }).iter()
}
