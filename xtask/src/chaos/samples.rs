//! Records to be made anew: each sample of the catalog with holes for names, ids, region, time and who.
//!
//! Who made which resource is known from the making: the creator is put in, and the ARN is the one that lies
//! beside the sample with the same name put in. The planner of `tagger-core` is not asked.

use super::names;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use tagger_catalog::{Copies, Lifetime, lifetime::Named, template::Part};

/// The account of the run.
pub const ACCOUNT: &str = "111122223333";
/// The regions of the run; services without regions stay where their sample is.
pub const REGIONS: [&str; 4] = ["us-east-1", "eu-west-1", "eu-central-1", "ap-southeast-2"];

/// A kind of creation.
pub struct Sample {
    /// The record as JSON, cut at its holes.
    record: Vec<Piece>,
    /// What it makes.
    pub resources: Vec<Made>,
    /// `eventSource` of the record, without its domain.
    pub service: String,
    /// `eventName` of the record.
    pub event_name: String,
    /// The region, where it cannot be chosen.
    pub fixed_region: Option<String>,
    /// Whether its call, which creates a bucket in us-east-1, answers with success for what is there, too.
    pub answers_for_what_exists: bool,
}

/// A resource of a sample.
pub struct Made {
    /// Type.
    pub resource_type: &'static str,
    /// The operation that tags it.
    pub operation: &'static str,
    /// Its ARN with a hole for the name and one for the region.
    arn: Vec<Piece>,
    /// The place of the resource of which it is a child that the record does not name.
    pub child_of: Option<usize>,
    /// What is known of it over time.
    pub lifetime: Lifetime,
    /// Most tags.
    pub most_tags: usize,
    /// Whether the operation takes something that does not stand in the ARN, such as a key pair's id.
    pub given: bool,
    /// Its word in a specification of EC2's tags; none elsewhere.
    pub kind: Option<String>,
    /// Whether it can have tags from a launch template or from what it is a copy of.
    pub inherits: bool,
    /// Whether the call gives it the tags of what it is made from; of EC2's, where it says so in its record.
    pub copies: bool,
}

/// The tags with which EC2's calls create, as they stand in their records.
#[derive(Default)]
pub struct Given {
    /// Type and tags, where the request names them.
    pub specified: Vec<(String, Vec<(String, String)>)>,
    /// Whether there is a template, or a copy with its tags.
    pub inherited: bool,
}

/// A piece of a text.
enum Piece {
    Text(String),
    Mark(usize),
    Region,
    Time,
    EventId,
    Who,
    Generation,
    Given,
    GivenWrapped,
    Template,
    Copies,
}

/// What goes into the holes.
pub struct Filling<'a> {
    /// The mark of the first resource; the others follow.
    pub first_mark: usize,
    /// Region.
    pub region: &'a str,
    /// `eventTime`.
    pub time: &'a str,
    /// `eventID`.
    pub event_id: &'a str,
    /// `userIdentity`, as JSON.
    pub who: &'a str,
    /// How often the name was given before.
    pub generation: usize,
    /// The tags of the call.
    pub given: &'a Given,
}

/// The mark that stands in names and ids, by which a resource is found again.
pub fn mark(number: usize) -> String {
    format!("zq{number:08x}")
}

/// The marks in a text.
pub fn marks(text: &str) -> Vec<usize> {
    let found = text.match_indices("zq");
    found.filter_map(|(at, _)| usize::from_str_radix(text.get(at + 2..at + 10)?, 16).ok()).collect()
}

impl Sample {
    /// The record.
    pub fn record(&self, with: &Filling) -> String {
        fill(&self.record, with)
    }

    /// The ARN of one of its resources.
    pub fn arn(&self, resource: usize, with: &Filling) -> String {
        fill(&self.resources[resource].arn, with)
    }
}

fn fill(pieces: &[Piece], with: &Filling) -> String {
    let mut text = String::with_capacity(2048);
    for piece in pieces {
        match piece {
            Piece::Text(part) => text += part,
            Piece::Mark(index) => text += &mark(with.first_mark + index),
            Piece::Region => text += with.region,
            Piece::Time => text += with.time,
            Piece::EventId => text += with.event_id,
            Piece::Who => text += with.who,
            Piece::Generation => text += &with.generation.to_string(),
            Piece::Given => text += &specification(with.given, false).to_string(),
            Piece::GivenWrapped => text += &specification(with.given, true).to_string(),
            Piece::Template if with.given.inherited => text += r#"{"launchTemplateId":"lt-0abc"}"#,
            Piece::Template => text += "null",
            Piece::Copies => text += &with.given.inherited.to_string(),
        }
    }
    text
}

/// The tags of a call as older records write them, and as those with a wrapper do.
fn specification(given: &Given, wrapped: bool) -> Value {
    let (kind, tag, key, value) = if wrapped {
        ("ResourceType", "Tag", "Key", "Value")
    } else {
        ("resourceType", "tags", "key", "value")
    };
    let all = given.specified.iter().map(|(name, tags)| {
        let tags: Vec<_> = tags.iter().map(|(name, text)| json!({ key: name, value: text })).collect();
        json!({ kind: name, tag: tags })
    });
    let all: Vec<_> = all.collect();
    if wrapped { all.into() } else { json!({ "items": all }) }
}

/// Reads the samples that create something in the usual partition.
///
/// # Errors
/// A file that cannot be read.
pub fn read(root: &Path) -> Result<Vec<Sample>, String> {
    let mut files = Vec::new();
    let services = list(&root.join("catalog/samples"))?.into_iter().filter(|path| path.is_dir());
    for folder in services {
        files
            .extend(list(&folder)?.into_iter().filter(|path| path.to_string_lossy().ends_with(".plan.json")));
    }
    files.sort();
    let mut samples = Vec::new();
    for plan in files {
        let sample = PathBuf::from(plan.to_string_lossy().replace(".plan.json", ".json"));
        // An interface that the caller handed in is in the record and is not created.
        if !sample.to_string_lossy().contains("handed-in") {
            samples.extend(of_files(&read_json(&sample)?["record"], &read_json(&plan)?));
        }
    }
    Ok(samples)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(entries.flatten().map(|entry| entry.path()).collect())
}

fn read_json(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// None where nothing in the record can be given another name.
fn of_files(record: &Value, plan: &Value) -> Option<Sample> {
    let mut record = if record["detail"].is_object() { record["detail"].clone() } else { record.clone() };
    let actions = plan["actions"].as_array().filter(|actions| !actions.is_empty())?;
    let account = plan["account"].as_str()?;
    let (source, name) =
        (record["eventSource"].as_str()?.to_owned(), record["eventName"].as_str()?.to_owned());
    let event = tagger_catalog::event(&source, &name)?;
    let service = source.split('.').next()?.to_owned();
    for (member, hole) in [("userIdentity", "@@who@@"), ("eventTime", "@@time@@"), ("eventID", "@@event@@")] {
        record[member] = hole.into();
    }
    for member in ["resources", "recipientAccountId", "requestID"] {
        record.as_object_mut()?.remove(member);
    }
    record["recipientAccountId"] = account.into();
    if service == "ec2" {
        add_given(&mut record, &name);
    }
    let mut made = Vec::new();
    let mut tokens = BTreeSet::new();
    let mut regional = true;
    let region = plan["region"].as_str()?;
    for (index, action) in actions.iter().enumerate() {
        let (resource_type, arn) = (action["type"].as_str()?, action["arn"].as_str()?);
        let entry = event.entries.iter().find(|entry| entry.resource_type == resource_type)?;
        let token = names::end(arn);
        // Some samples of the services' own documents name two accounts.
        let owner = names::part(arn, 4);
        let foreign = !owner.is_empty() && owner != account && owner != "aws";
        if foreign || !arn.starts_with("arn:aws:") || token.len() < 3 || !tokens.insert(token.to_owned()) {
            return None;
        }
        let marked = format!("{token}-@@mark{index}@@");
        if replace(&mut record, token, &marked) == 0 {
            return None;
        }
        regional &= names::part(arn, 3) == region;
        let arn = arn.strip_suffix(token).map(|head| format!("{head}{marked}"))?.replace(account, ACCOUNT);
        made.push((entry, arn, None));
        for path in entry.id.iter().flat_map(|template| template.iter()).filter_map(path) {
            let member = path.rsplit('.').next().unwrap_or_default();
            add_mark(&mut record["responseElements"], member, &format!("-@@mark{index}@@"));
        }
    }
    let mut tells = true;
    if let Lifetime::Told(told) = tagger_catalog::lifetime(made[0].0.resource_type)
        && !told.same.0.is_empty()
    {
        match record.pointer_mut(&format!("/{}", told.same.0.replace('.', "/"))) {
            Some(id) if id.is_string() => *id = "ID-@@mark0@@-@@generation@@".into(),
            // Where the service tells an id alone, a record without it has nothing to compare.
            _ => tells = !told.created.is_empty(),
        }
    }
    // A synthetic record has one name in its request and another in its ARN; here the service is asked for the former.
    if let Lifetime::Told(told) = tagger_catalog::lifetime(made[0].0.resource_type)
        && let Named::Recorded(path) = told.takes
        && let Some(name) = record.pointer_mut(&format!("/{}", path.replace('.', "/")))
    {
        *name = names::end(&made[0].1).into();
    }
    // Each parent that the record names without its children has one of each type that is looked up.
    for entry in event.entries.iter().filter(|entry| entry.describe.is_some()) {
        let named = made.iter().filter(|(known, ..)| known.resource_type == entry.resource_type).count();
        let finder = entry.describe.and_then(tagger_catalog::finder::finder)?;
        let is_parent = |(known, _, child_of): &(&tagger_catalog::Entry, String, Option<usize>)| {
            known.resource_type == finder.parent && child_of.is_none()
        };
        let parents: Vec<_> = (0..made.len()).filter(|index| is_parent(&made[*index])).skip(named).collect();
        for parent in parents {
            let parent_arn = &made[parent].1;
            let head = &parent_arn[..parent_arn.len() - names::part(parent_arn, 5).len() - 1];
            let (kind, prefix) = match entry.resource_type {
                "AWS::EC2::Volume" => ("volume", "vol"),
                "AWS::EC2::NetworkInterface" => ("network-interface", "eni"),
                "AWS::EC2::Snapshot" => ("snapshot", "snap"),
                "AWS::EC2::Image" => ("image", "ami"),
                "AWS::EC2::InternetGateway" => ("internet-gateway", "igw"),
                "AWS::EC2::NetworkAcl" => ("network-acl", "acl"),
                "AWS::EC2::RouteTable" => ("route-table", "rtb"),
                "AWS::EC2::SecurityGroup" => ("security-group", "sg"),
                "AWS::EC2::Subnet" => ("subnet", "subnet"),
                "AWS::EC2::TransitGatewayRouteTable" => ("transit-gateway-route-table", "tgw-rtb"),
                _ => return None,
            };
            // A snapshot or an image belongs to nobody in its ARN: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html>
            let head = if ["snapshot", "image"].contains(&kind) {
                head.replace(ACCOUNT, "")
            } else {
                head.to_owned()
            };
            let arn = format!("{head}:{kind}/{prefix}-@@mark{}@@", made.len());
            made.push((entry, arn, Some(parent)));
        }
    }
    let is_there = |path: &str| {
        let value = record.pointer(&format!("/{}", path.replace('.', "/")));
        value.is_some_and(|value| !value.is_null() && value != &Value::Bool(false) && value != &json!([]))
    };
    let copies: Vec<bool> = made
        .iter()
        .map(|(entry, ..)| match entry.copies {
            Copies::Never => false,
            Copies::Always => true,
            Copies::If(path) => is_there(path),
            Copies::Unless(path) => !is_there(path),
        })
        .collect();
    let hole = |text: &str| if regional { text.replace(region, "@@region@@") } else { text.to_owned() };
    let mut text = record.to_string().replace(account, ACCOUNT);
    for hole in ["@@who@@", "@@given@@", "@@given-wrapped@@", "@@template@@", "@@copies@@"] {
        text = text.replace(&format!("\"{hole}\""), hole);
    }
    let record = hole(&text);
    let resources = made.iter().zip(&copies).map(|((entry, arn, child_of), copies)| Made {
        resource_type: entry.resource_type,
        operation: entry.operation.name,
        arn: cut(&hole(arn)),
        child_of: *child_of,
        lifetime: if tells { tagger_catalog::lifetime(entry.resource_type) } else { Lifetime::Unknown },
        most_tags: usize::from(entry.operation.max_tags),
        given: !entry.id.is_empty(),
        kind: (service == "ec2").then(|| names::kind(arn).to_owned()),
        inherits: match name.as_str() {
            "RunInstances" => child_of.is_some(),
            "CopyImage" => names::kind(arn) == "image",
            _ => false,
        },
        copies: *copies,
    });
    let fixed_region = (!regional).then(|| region.to_owned());
    let answers_for_what_exists = service == "s3"
        && name == "CreateBucket"
        && region == "us-east-1"
        && !record.contains("LocationConstraint");
    Some(Sample {
        record: cut(&record),
        resources: resources.collect(),
        service,
        event_name: name,
        fixed_region,
        answers_for_what_exists,
    })
}

/// Makes the holes for the tags that a call of EC2 gives. The answer shows none of its own.
fn add_given(record: &mut Value, name: &str) {
    empty_tag_sets(&mut record["responseElements"]);
    let request = &mut record["requestParameters"];
    if !request.is_object() {
        *request = json!({});
    }
    let Some(map) = request.as_object_mut() else { return };
    map.remove("tagSpecificationSet");
    match map.iter_mut().find(|(name, value)| name.ends_with("Request") && value.is_object()) {
        Some((_, wrapped)) => wrapped["TagSpecification"] = "@@given-wrapped@@".into(),
        None => drop(map.insert("tagSpecificationSet".to_owned(), "@@given@@".into())),
    }
    match name {
        "RunInstances" => drop(map.insert("launchTemplate".to_owned(), "@@template@@".into())),
        "CopyImage" => drop(map.insert("copyImageTags".to_owned(), "@@copies@@".into())),
        _ => {}
    }
}

fn empty_tag_sets(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(empty_tag_sets),
        Value::Object(map) => {
            map.remove("tagSet");
            map.values_mut().for_each(empty_tag_sets);
        }
        _ => {}
    }
}

/// Marks a member that the operation takes, wherever it stands.
fn add_mark(value: &mut Value, member: &str, mark: &str) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|value| add_mark(value, member, mark)),
        Value::Object(map) => map.iter_mut().for_each(|(name, value)| match value {
            Value::String(text) if name == member && !text.contains("@@") => *text += mark,
            other => add_mark(other, member, mark),
        }),
        _ => {}
    }
}

fn path(part: &Part<'static>) -> Option<&'static str> {
    match part {
        Part::Path { path, .. } => Some(path),
        _ => None,
    }
}

/// Puts a text in the place of a name wherever it stands by itself, and says how often it did.
fn replace(value: &mut Value, name: &str, by: &str) -> usize {
    match value {
        Value::String(text) => {
            let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte);
            let (mut out, mut from, mut count) = (String::new(), 0, 0);
            for (at, _) in text.match_indices(name) {
                let before = text[..at].bytes().last().is_some_and(is_word);
                let after = text[at + name.len()..].bytes().next().is_some_and(is_word);
                if at >= from && !before && !after {
                    out += &text[from..at];
                    out += by;
                    (from, count) = (at + name.len(), count + 1);
                }
            }
            out += &text[from..];
            *text = out;
            count
        }
        Value::Array(list) => list.iter_mut().map(|value| replace(value, name, by)).sum(),
        Value::Object(map) => map.values_mut().map(|value| replace(value, name, by)).sum(),
        _ => 0,
    }
}

fn cut(text: &str) -> Vec<Piece> {
    let holes = |(index, part): (usize, &str)| match part {
        part if index % 2 == 0 => Piece::Text(part.to_owned()),
        "region" => Piece::Region,
        "time" => Piece::Time,
        "event" => Piece::EventId,
        "who" => Piece::Who,
        "generation" => Piece::Generation,
        "given" => Piece::Given,
        "given-wrapped" => Piece::GivenWrapped,
        "template" => Piece::Template,
        "copies" => Piece::Copies,
        part => Piece::Mark(part.trim_start_matches("mark").parse().unwrap_or_default()),
    };
    text.split("@@").enumerate().map(holes).collect()
}

#[cfg(test)]
mod tests {
    use super::{Filling, Given, mark, marks, read};
    use std::collections::BTreeSet;

    #[test]
    fn samples_become_new_records() {
        let samples = read(&crate::root()).unwrap();
        let types: BTreeSet<_> =
            samples.iter().flat_map(|sample| &sample.resources).map(|made| made.resource_type).collect();
        assert!(types.len() >= 150, "the samples give {} types, fewer than expected", types.len());
        let tags = vec![("CreatedBy".to_owned(), "carol".to_owned())];
        let given = Given { specified: vec![("volume".to_owned(), tags)], inherited: true };
        for sample in &samples {
            let with = Filling {
                first_mark: 7,
                region: "eu-west-1",
                time: "2026-11-24T08:30:00Z",
                event_id: "e-1",
                who: "{}",
                generation: 0,
                given: &given,
            };
            let record: serde_json::Value = serde_json::from_str(&sample.record(&with)).unwrap();
            assert_eq!(record["eventID"], "e-1");
            assert!(!record.to_string().contains("@@"), "a hole is left: {record}");
            let is_ec2 = sample.resources.iter().any(|made| made.kind.is_some());
            assert_eq!(record["requestParameters"].to_string().contains("carol"), is_ec2, "{record}");
            for index in 0..sample.resources.len() {
                assert_eq!(marks(&sample.arn(index, &with)), [7 + index]);
            }
        }
        assert_eq!(marks(&format!("x-{}/{}", mark(1), mark(0xabc))), [1, 0xabc]);
    }
}
