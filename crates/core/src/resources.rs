//! Step 3, resources: which resources did the call create?
//!
//! Fills the catalog's templates from the record. It knows the record and the catalog; it must not
//! know who made the call or which tags will be set.

use crate::{
    arn::{self, Arn},
    json,
    record::Record,
};
use std::{borrow::Cow, collections::HashSet};
use tagger_catalog::{
    Entry, Event,
    finder::finder,
    lifetime::{Named, Told},
    partition,
    template::{Filter, Part, Template},
};

/// A resource that a call created.
#[derive(Debug, Clone)]
pub struct Resource {
    /// The catalog's entry: type and operation.
    pub entry: &'static Entry,
    /// Its ARN.
    pub arn: String,
    /// What the operation takes: the ARN, an id, a name or a URL.
    pub id: String,
    /// The region in which it is tagged; empty when the record does not say.
    pub region: String,
    /// The account that it belongs to; empty when the record does not say.
    pub account: String,
}

impl Resource {
    /// What identifies it in the call that tells which resource it is; none where neither record nor ARN says it.
    pub fn identifier<'a>(&'a self, told: &Told, record: &'a Record) -> Option<Cow<'a, str>> {
        match told.takes {
            Named::Id => Some(self.id.as_str().into()),
            Named::Arn => Some(self.arn.as_str().into()),
            Named::Path => Arn::parse(&self.arn).map(|arn| arn.path().into()),
            Named::Recorded(path) => json::at_path(record.value(), path).into_iter().find_map(json::text),
        }
    }
}

/// Children that are not in the record yet and have to be looked up from their parents.
#[derive(Debug, Clone)]
pub struct Children {
    /// The call that finds them, for example `ec2:DescribeInstances`.
    pub call: &'static str,
    /// The entries of the types that are looked for.
    pub entries: Vec<&'static Entry>,
    /// The resources whose children they are.
    pub parents: Vec<Resource>,
    /// Identifiers that the call only used.
    pub except: Vec<String>,
}

/// A launch whose answer CloudTrail left out, since it was more than 100 KB: it is found by its client token.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
#[derive(Debug, Clone)]
pub struct Launch {
    /// The call that finds it, for example `ec2:DescribeInstances`.
    pub call: &'static str,
    /// The client token.
    pub token: String,
    /// The entry of what was launched.
    pub entry: &'static Entry,
    /// The entries of its children.
    pub children: Vec<&'static Entry>,
    /// How many it launched at least.
    pub least: usize,
    /// Identifiers that the call only used.
    pub except: Vec<String>,
    /// The region.
    pub region: String,
    /// The account.
    pub account: String,
}

/// What an event created.
#[derive(Debug, Default)]
pub struct Found {
    /// The resources in the record.
    pub resources: Vec<Resource>,
    /// The children that are not in it.
    pub children: Vec<Children>,
    /// The entries for which the record tells of a change, and what in it says so.
    pub changes: Vec<(&'static Entry, String)>,
}

/// The resources that the record of this event tells of.
pub fn find(record: &Record, event: &'static Event) -> Found {
    let variables = Variables::of(record);
    let mut found = Found::default();
    let (children, entries): (Vec<_>, Vec<_>) =
        event.entries.iter().partition(|entry| entry.describe.is_some());
    for entry in entries {
        if let Some(reason) = change(record, entry) {
            found.changes.push((entry, reason));
            continue;
        }
        found.resources.extend(of_entry(record, entry, &variables));
    }
    let parents = found.resources.clone();
    for entry in children {
        // An instance that shows fewer children than the record has instances may have more.
        let named = first_that_resolves(record, entry.arn, &variables, is_arn).len();
        found.resources.extend(of_entry(record, entry, &variables));
        let call = entry.describe.unwrap_or_default();
        let (of_type, part) = finder(call).map_or(("", false), |finder| (finder.parent, finder.part));
        let parents = || parents.iter().filter(|parent| parent.entry.resource_type == of_type);
        if parents().next().is_none() || named >= parents().count() && !part {
            continue;
        }
        let except = entry.except.iter().flat_map(|template| fill(record, template, &variables));
        match found.children.iter_mut().find(|search| search.call == call) {
            Some(search) => {
                search.entries.push(entry);
                search.except.extend(except);
            }
            None => {
                let (entries, except) = (vec![entry], except.collect());
                let parents = parents().cloned().collect();
                found.children.push(Children { call, entries, parents, except });
            }
        }
    }
    found
}

/// What a launch made that has no answer in its record, if it can be found by the token of its request.
pub fn launch(record: &Record, event: &'static Event) -> Option<Launch> {
    let token =
        json::at_path(record.value(), "requestParameters.clientToken").into_iter().find_map(json::text)?;
    let (children, entries): (Vec<_>, Vec<_>) =
        event.entries.iter().partition(|entry| entry.describe.is_some());
    let call = children.first().and_then(|entry| entry.describe)?;
    let parent = finder(call).filter(|finder| finder.by_token.is_some())?.parent;
    let entry = entries.into_iter().find(|entry| entry.resource_type == parent)?;
    let variables = Variables::of(record);
    let except = children.iter().flat_map(|entry| entry.except);
    let except = except.flat_map(|template| fill(record, template, &variables)).collect();
    let Variables { region, account } = variables;
    let least = json::at_path(record.value(), "requestParameters.instancesSet.items[].minCount");
    let least = least.into_iter().find_map(json::text).and_then(|count| count.parse().ok()).unwrap_or(1);
    let found = Launch { call, token: token.into_owned(), entry, children, least, except, region, account };
    (!found.token.is_empty() && !found.region.is_empty() && !found.account.is_empty()).then_some(found)
}

/// In the catalog's `when`: any value, as long as there is one.
const ANY: &str = "*";
/// In the catalog's `when`: any value but the one at the path behind it.
const OTHER: &str = "not ";

/// What in the record says that the call changed something that was there already.
fn change(record: &Record, entry: &Entry) -> Option<String> {
    let first = |path: &str| json::at_path(record.value(), path).into_iter().find_map(json::text);
    let differs = entry.when.iter().find_map(|(path, value)| match first(path) {
        None if *value == ANY || value.starts_with(OTHER) => Some(format!("{path} is not there")),
        Some(found) if value.starts_with(OTHER) => {
            let other = value.strip_prefix(OTHER)?;
            match first(other) {
                None => Some(format!("{other} is not there")),
                Some(same) if same == found => Some(format!("{path} is {found}, as {other} is")),
                Some(_) => None,
            }
        }
        Some(found) if *value != ANY && found != *value => {
            Some(format!("{path} is {found}, and {value} where it creates"))
        }
        _ => None,
    });
    differs.or_else(|| {
        let path = entry.unless.iter().find(|path| first(path).is_some())?;
        Some(format!("{path} is there, which names something that exists"))
    })
}

/// The resource of a child that a describe call found.
pub fn child(entry: &'static Entry, parent: &Resource, id: &str) -> Option<Resource> {
    // The ARN's template with the id in the place of the path: a child's ARN differs in nothing else.
    let variables = Variables { region: parent.region.clone(), account: parent.account.clone() };
    let arn = entry.arn.first()?.iter().try_fold(String::new(), |arn, part| {
        Some(match part {
            Part::Path { .. } | Part::Child => arn + id,
            other => arn + &variables.text(other)?,
        })
    })?;
    let (region, account) = (variables.region, variables.account);
    Some(Resource { entry, arn, id: id.to_owned(), region, account })
}

fn of_entry(record: &Record, entry: &'static Entry, variables: &Variables) -> Vec<Resource> {
    let arns = first_that_resolves(record, entry.arn, variables, is_arn);
    let ids = first_that_resolves(record, entry.id, variables, |_| true);
    let except: HashSet<_> =
        entry.except.iter().flat_map(|template| fill(record, template, variables)).collect();
    let region = first_that_resolves(record, entry.region, variables, |_| true).into_iter().next();
    let count = arns.len();
    let mut resources: Vec<Resource> = Vec::with_capacity(count);
    // A record can name 50,000, so none is compared with all others.
    let mut seen = HashSet::with_capacity(count);
    for (index, arn) in arns.into_iter().enumerate() {
        let id = if entry.id.is_empty() {
            Arn::parse(&arn).and_then(|arn| arn.identifier(entry.operation.takes)).map(str::to_owned)
        } else {
            // Which id belongs to which ARN is known only where each has one.
            ids.get(index).filter(|_| ids.len() == count).cloned()
        };
        let Some(id) = id.filter(|id| !except.contains(id) && !except.contains(&arn)) else { continue };
        if !seen.insert(arn.clone()) {
            continue;
        }
        let region = region.as_deref().map_or_else(|| region_of(&arn, variables), bucket_region).to_owned();
        // It becomes part of the host that gets the signed request, so it must be nothing but a region.
        if !is_region(&region) {
            continue;
        }
        resources.push(Resource { entry, arn, id, region, account: variables.account.clone() });
    }
    resources
}

/// The region in an ARN; resources of global services have none there, and are tagged where the
/// record was written.
fn region_of<'a>(arn: &'a str, variables: &'a Variables) -> &'a str {
    Arn::parse(arn).map(|arn| arn.region).filter(|region| !region.is_empty()).unwrap_or(&variables.region)
}

/// S3 still knows the Ireland region as `EU`:
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucketConfiguration.html>
fn bucket_region(constraint: &str) -> &str {
    if constraint == "EU" { "eu-west-1" } else { constraint }
}

/// Whether a text has the form of a region's name, such as `us-gov-west-1`.
pub(crate) fn is_region(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let is_word = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    first.len() >= 2
        && first.bytes().all(|byte| byte.is_ascii_lowercase())
        && text.contains('-')
        && parts.all(is_word)
}

fn is_arn(text: &str) -> bool {
    Arn::parse(text).is_some()
}

fn first_that_resolves(
    record: &Record,
    templates: &[Template],
    variables: &Variables,
    accepts: impl Fn(&str) -> bool,
) -> Vec<String> {
    let filled = templates.iter().map(|template| fill(record, template, variables));
    filled
        .map(|texts| texts.into_iter().filter(|text| accepts(text)).collect::<Vec<_>>())
        .find(|texts| !texts.is_empty())
        .unwrap_or_default()
}

/// What a template gives: one text, several where a path walks a list, none where something in it
/// is not in the record.
fn fill(record: &Record, template: &[Part], variables: &Variables) -> Vec<String> {
    let mut texts = vec![String::new()];
    for part in template {
        let Part::Path { path, filter } = part else {
            let Some(text) = variables.text(part) else { return Vec::new() };
            texts.iter_mut().for_each(|so_far| so_far.push_str(&text));
            continue;
        };
        let values = json::at_path(record.value(), path);
        let values: Vec<_> =
            values.into_iter().filter_map(json::text).filter(|value| !json::is_hidden(value)).collect();
        texts = texts
            .iter()
            .flat_map(|so_far| {
                values
                    .iter()
                    .filter_map(|value| filtered(value, *filter))
                    .map(move |value| format!("{so_far}{value}"))
            })
            .collect();
    }
    texts
}

/// A value as the template wants it; none where it is not what the template is for.
fn filtered(text: &str, filter: Filter) -> Option<Cow<'_, str>> {
    Some(match filter {
        Filter::None => text.into(),
        Filter::Name => arn::name(text)?.into(),
        Filter::Slash if text.starts_with('/') => text.into(),
        Filter::Slash => format!("/{text}").into(),
    })
}

/// What the variables of a template stand for.
struct Variables {
    region: String,
    account: String,
}

impl Variables {
    fn of(record: &Record) -> Self {
        Self {
            region: record.region().filter(|region| is_region(region)).unwrap_or_default().into_owned(),
            account: record.account().unwrap_or_default(),
        }
    }

    fn text(&self, part: &Part) -> Option<String> {
        let text = match part {
            Part::Text(text) => return Some((*text).to_owned()),
            Part::Region => &self.region,
            Part::Account => &self.account,
            Part::Partition if !self.region.is_empty() => partition::of_region(&self.region).name,
            Part::DnsSuffix if !self.region.is_empty() => partition::of_region(&self.region).dns_suffix,
            Part::Partition | Part::DnsSuffix | Part::Child | Part::Path { .. } => "",
        };
        (!text.is_empty()).then(|| text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn regions() {
        for (text, expected) in [
            ("eu-west-1", true),
            ("us-isob-east-1", true),
            ("mexico-central-1", true),
            ("x@evil.example/", false),
            ("us-east-1.evil.example", false),
            ("7", false),
            ("us", false),
            ("", false),
        ] {
            assert_eq!(is_region(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_not_in_the_record_makes_no_resource() {
        const TEMPLATE: &[Part] = &[
            Part::Partition,
            Part::Text(":"),
            Part::Path { path: "requestParameters.n", filter: Filter::Slash },
        ];
        for (record, expected) in [
            (json!({"awsRegion": "cn-north-1", "requestParameters": {"n": "x"}}), vec!["aws-cn:/x"]),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "/x"}}), vec!["aws:/x"]),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": {}}}), vec![]),
            (
                json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "HIDDEN_DUE_TO_SECURITY_REASONS"}}),
                vec![],
            ),
            (
                json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "Hidden_For_Security_Reasons"}}),
                vec![],
            ),
            (
                json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "Value hidden due to security reasons."}}),
                vec![],
            ),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "<sensitiveDataRemoved>"}}), vec![]),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "hidden"}}), vec!["aws:/hidden"]),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "***"}}), vec![]),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "[PROTECTED]"}}), vec![]),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "a*"}}), vec!["aws:/a*"]),
            (json!({"requestParameters": {"n": "x"}}), vec![]),
        ] {
            let record = Record::new(record);
            assert_eq!(fill(&record, TEMPLATE, &Variables::of(&record)), expected);
        }
    }
}
