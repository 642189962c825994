//! Step 3, resources: which resources did the call create?
//!
//! Fills the catalog's templates from the record. It knows the record and the catalog; it must not
//! know who made the call or which tags will be set.

use crate::{json, record::Record};
use tagger_catalog::{
    Entry, Event, ec2,
    lifetime::{Named, Told},
    operation::Takes,
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
        if parents.is_empty() || named >= parents.len() {
            continue;
        }
        let call = entry.describe.unwrap_or_default();
        let except = entry.except.iter().flat_map(|template| fill(record, template, &variables));
        match found.children.iter_mut().find(|search| search.call == call) {
            Some(search) => {
                search.entries.push(entry);
                search.except.extend(except);
            }
            None => {
                let (entries, except) = (vec![entry], except.collect());
                found.children.push(Children { call, entries, parents: parents.clone(), except });
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
    let parent = ec2::finder(call).filter(|finder| finder.by_token.is_some())?.parent;
    let entry = entries.into_iter().find(|entry| entry.resource_type == parent)?;
    let variables = Variables::of(record);
    let except = children.iter().flat_map(|entry| entry.except);
    let except = except.flat_map(|template| fill(record, template, &variables)).collect();
    let Variables { region, account } = variables;
    let found = Launch { call, token: token.into_owned(), entry, children, except, region, account };
    (!found.token.is_empty() && !found.region.is_empty() && !found.account.is_empty()).then_some(found)
}

/// In the catalog's `when`: any value, as long as there is one.
const ANY: &str = "*";

/// What in the record says that the call changed something that was there already.
fn change(record: &Record, entry: &Entry) -> Option<String> {
    let first = |path: &str| json::at_path(record.value(), path).into_iter().find_map(json::text);
    let differs = entry.when.iter().find_map(|(path, value)| match first(path) {
        None if *value == ANY => Some(format!("{path} is not there")),
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
            Part::Path { .. } => arn + id,
            other => arn + &variables.text(other)?,
        })
    })?;
    let (region, account) = (variables.region, variables.account);
    Some(Resource { entry, arn, id: id.to_owned(), region, account })
}

fn of_entry(record: &Record, entry: &'static Entry, variables: &Variables) -> Vec<Resource> {
    let arns = first_that_resolves(record, entry.arn, variables, is_arn);
    let ids = first_that_resolves(record, entry.id, variables, |_| true);
    let except: Vec<_> = entry.except.iter().flat_map(|template| fill(record, template, variables)).collect();
    let region = first_that_resolves(record, entry.region, variables, |_| true).into_iter().next();
    let mut resources: Vec<Resource> = Vec::with_capacity(arns.len());
    for (index, arn) in arns.into_iter().enumerate() {
        let id = match (entry.id.is_empty(), entry.operation.takes) {
            (false, _) => ids.get(index).cloned(),
            (true, Takes::Last) => Some(last(&arn).to_owned()),
            (true, _) => Some(arn.clone()),
        };
        let Some(id) = id.filter(|id| !except.contains(id) && !except.contains(&arn)) else { continue };
        if resources.iter().any(|earlier| earlier.arn == arn) {
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
    arn.split(':').nth(3).filter(|region| !region.is_empty()).unwrap_or(&variables.region)
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

/// Whether a text is an ARN. Spaces stand only in the name at its end: alarms have them.
fn is_arn(text: &str) -> bool {
    let parts: Vec<_> = text.splitn(6, ':').collect();
    parts.len() == 6
        && parts[0] == "arn"
        && !parts[5].is_empty()
        && parts[..5].iter().all(|part| !part.contains(char::is_whitespace))
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
            values.into_iter().filter_map(json::text).filter(|value| !is_hidden(value)).collect();
        texts = texts
            .iter()
            .flat_map(|so_far| {
                values.iter().map(move |value| format!("{so_far}{}", filtered(value, *filter)))
            })
            .collect();
    }
    texts
}

/// Whether a service put this text in the place of what it does not want in the record. It names nothing, so an ARN made of it
/// would be that of something else. The samples of `voiceid/CreateDomain`, `directconnect/CreatePrivateVirtualInterface` and
/// `greengrass/CreateFunctionDefinition` have one of each kind.
fn is_hidden(text: &str) -> bool {
    [
        "HIDDEN_DUE_TO_SECURITY_REASONS",
        "Value hidden due to security reasons.",
        "<sensitiveDataRemoved>",
        "[PROTECTED]",
    ]
    .contains(&text)
        || (!text.is_empty() && text.bytes().all(|byte| byte == b'*'))
}

fn filtered(text: &str, filter: Filter) -> std::borrow::Cow<'_, str> {
    match filter {
        Filter::None => text.into(),
        Filter::Last => last(text).into(),
        Filter::Slash if text.starts_with('/') => text.into(),
        Filter::Slash => format!("/{text}").into(),
    }
}

/// What stands after the last `/`, or else after the last `:`.
fn last(text: &str) -> &str {
    text.rsplit_once('/').or_else(|| text.rsplit_once(':')).map_or(text, |(_, last)| last)
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
            Part::Partition | Part::DnsSuffix | Part::Path { .. } => "",
        };
        (!text.is_empty()).then(|| text.to_owned())
    }
}

/// What identifies the resource in the describing call.
pub fn identifier<'a>(told: &Told, resource: &'a Resource, record: &Record) -> std::borrow::Cow<'a, str> {
    let arn = resource.arn.as_str();

    match told.takes {
        Named::Id => resource.id.as_str().into(),
        Named::Arn => arn.into(),
        Named::Last => last(arn).into(),
        Named::Path => {
            let resource = arn.splitn(6, ':').nth(5).unwrap_or(arn);
            resource.split_once(['/', ':']).map_or(resource, |(_, name)| name).into()
        }
        Named::Recorded(path) => {
            let recorded = json::at_path(record.value(), path).into_iter().find_map(json::text);
            recorded.map_or_else(|| last(arn).into(), |name| name.into_owned().into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn last_parts() {
        for (text, expected) in
            [("a/b/c", "c"), ("a:b", "b"), ("arn:aws:iam::1:role/p/x", "x"), ("x", "x"), ("", "")]
        {
            assert_eq!(last(text), expected);
        }
    }

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
    fn arns() {
        for (text, expected) in [
            ("arn:aws:s3:::b", true),
            ("arn:aws:sqs:r:1:q:x", true),
            ("arn:aws:sqs", false),
            ("...", false),
            ("https://sqs", false),
            ("arn:aws:cloudwatch:r:1:alarm:cpu is high", true),
            ("arn:aws:x:r r:1:y", false),
            ("arn:aws:x:r:1:", false),
        ] {
            assert_eq!(is_arn(text), expected, "{text}");
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
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "***"}}), vec![]),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "[PROTECTED]"}}), vec![]),
            (json!({"awsRegion": "eu-west-1", "requestParameters": {"n": "a*"}}), vec!["aws:/a*"]),
            (json!({"requestParameters": {"n": "x"}}), vec![]),
        ] {
            let record = Record::new(record);
            assert_eq!(fill(&record, TEMPLATE, &Variables::of(&record)), expected);
        }
    }

    fn told_of(resource_type: &str) -> &'static Told {
        match tagger_catalog::lifetime(resource_type) {
            tagger_catalog::Lifetime::Told(told) => told,
            other => panic!("{resource_type}: {other:?}"),
        }
    }

    #[test]
    fn what_identifies() {
        let entry = &tagger_catalog::event("sqs.amazonaws.com", "CreateQueue").unwrap().entries[0];
        let record = Record::new(json!({"requestParameters": {"endpointName": "My-Endpoint"}}));
        for (resource_type, arn, expected) in [
            // The ARN has the name in lower case, and the call wants it as it was given.
            ("AWS::SageMaker::Endpoint", "arn:aws:sagemaker:r:1:endpoint/my-endpoint", "My-Endpoint"),
            ("AWS::SageMaker::Model", "arn:aws:sagemaker:r:1:model/of-another-record", "of-another-record"),
            ("AWS::SQS::Queue", "arn:aws:sqs:r:1:jobs", "the-id"),
            ("AWS::IAM::Role", "arn:aws:iam::1:role/path/ops", "ops"),
            ("AWS::IAM::ManagedPolicy", "arn:aws:iam::1:policy/ops", "arn:aws:iam::1:policy/ops"),
            ("AWS::Logs::LogGroup", "arn:aws:logs:r:1:log-group:/aws/x", "/aws/x"),
            ("AWS::ECR::Repository", "arn:aws:ecr:r:1:repository/team/app", "team/app"),
            ("AWS::ElastiCache::ReplicationGroup", "arn:aws:elasticache:r:1:replicationgroup:s", "s"),
        ] {
            let (arn, id, region, account) =
                (arn.to_owned(), "the-id".to_owned(), "r".to_owned(), "1".to_owned());
            let resource = Resource { entry, arn, id, region, account };
            assert_eq!(identifier(told_of(resource_type), &resource, &record), expected, "{resource_type}");
        }
    }
}
