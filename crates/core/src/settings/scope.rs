//! Scope: of which services, types, accounts, regions and VPCs what is created is tagged, and since when.
//!
//! Each list says what is tagged; a word that begins with `!` says what is not. `["ec2", "s3"]` is these two,
//! `["!logs"]` is all but that one. What cannot be known, such as the VPC of a bucket, is not in a list that names some.

use super::near::nearest;
use crate::{json, record::Record, resources::is_region};
use serde_json::Value;

/// How deep VPCs are looked for in requests and answers.
const MOST_DEPTH: usize = 12;

/// What is tagged, and what is not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    only: Vec<String>,
    not: Vec<String>,
}

impl Words {
    fn add(&mut self, word: &str) {
        match word.strip_prefix('!') {
            Some(word) => self.not.push(word.trim().to_owned()),
            None => self.only.push(word.to_owned()),
        }
    }

    /// Whether it says nothing, so that everything is tagged.
    pub fn is_empty(&self) -> bool {
        self.only.is_empty() && self.not.is_empty()
    }

    /// Whether it leaves out what has these names; several names are those of one thing.
    fn leaves_out(&self, names: &[&str]) -> bool {
        let has = |list: &[String]| names.iter().any(|name| list.iter().any(|word| fits(word, name)));
        has(&self.not) || !self.only.is_empty() && !has(&self.only)
    }

    /// In words.
    pub fn words(&self) -> String {
        let not = self.not.join(", ");
        match (self.only.is_empty(), self.not.is_empty()) {
            (true, _) => format!("all but {not}"),
            (false, true) => format!("only {}", self.only.join(", ")),
            (false, false) => format!("only {}, and not {not}", self.only.join(", ")),
        }
    }
}

/// Whether a word, in which `*` stands for anything, is the name, whatever its case.
fn fits(word: &str, name: &str) -> bool {
    crate::policy::matches(&word.to_ascii_lowercase(), &name.to_ascii_lowercase())
}

/// The scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Services, such as `ec2`.
    pub services: Words,
    /// Resource types, such as `AWS::EC2::Instance`.
    pub types: Words,
    /// Accounts.
    pub accounts: Words,
    /// Regions.
    pub regions: Words,
    /// VPCs.
    pub vpcs: Words,
    /// The time from which on what is created is tagged, as CloudTrail writes times; empty for always.
    pub since: String,
}

impl Scope {
    /// Adds a word to one of the lists.
    ///
    /// # Errors
    /// A word that can never fit, with what is right.
    pub fn add(&mut self, list: &str, word: &str) -> Result<(), String> {
        let plain = word.strip_prefix('!').unwrap_or(word).trim();
        if plain.is_empty() {
            return Err("an empty word; leave it out".to_owned());
        }
        let open = plain.contains('*');
        let (words, fits) = match list {
            "services" => (&mut self.services, service(plain)),
            "types" => (&mut self.types, resource_type(plain)),
            "accounts" => {
                let is_id = plain.len() == 12 && plain.bytes().all(|byte| byte.is_ascii_digit());
                let says = || format!("`{plain}` is no account: an id has 12 digits, in quotes");
                (&mut self.accounts, if is_id || open { Ok(()) } else { Err(says()) })
            }
            "regions" => {
                let says = || format!("`{plain}` is no region's name, such as eu-west-1");
                (&mut self.regions, if open || is_region(plain) { Ok(()) } else { Err(says()) })
            }
            _ => {
                let says = || format!("`{plain}` is no VPC's id, such as vpc-0123456789abcdef0");
                let is_id = plain.strip_prefix("vpc-").is_some_and(|id| !id.is_empty());
                (&mut self.vpcs, if open || is_id { Ok(()) } else { Err(says()) })
            }
        };
        fits?;
        words.add(word.trim());
        Ok(())
    }

    /// Sets the time from which on it tags.
    ///
    /// # Errors
    /// It is no time.
    pub fn set_since(&mut self, text: &str) -> Result<(), String> {
        let form = |form: &str| {
            text.len() == form.len()
                && text.bytes().zip(form.bytes()).all(|(byte, form)| match form {
                    b'0' => byte.is_ascii_digit(),
                    form => byte == form,
                })
        };
        let number = |from: usize| text.get(from..from + 2).and_then(|digits| digits.parse::<u8>().ok());
        let is_day = |()| matches!((number(5), number(8)), (Some(1..=12), Some(1..=31)));
        let is_hour =
            || matches!((number(11), number(14), number(17)), (Some(0..=23), Some(0..=59), Some(0..=59)));
        if form("0000-00-00") && is_day(()) {
            self.since = format!("{text}T00:00:00Z");
        } else if form("0000-00-00T00:00:00Z") && is_day(()) && is_hour() {
            self.since = text.to_owned();
        } else {
            return Err(format!(
                "`{text}` is no time; it is written as 2026-11-24 or 2026-11-24T08:30:00Z, in UTC"
            ));
        }
        Ok(())
    }

    /// Why what a record tells of is not tagged, whatever its type: the setting and what the record says. None where it is.
    pub fn leaves_out(&self, record: &Record) -> Option<(&'static str, String)> {
        let source = record.event_source();
        let service = source.strip_suffix(".amazonaws.com").unwrap_or(&source);
        if self.services.leaves_out(&[service, &source]) {
            return Some(("services", format!("the service is {service}")));
        }
        let stated = |what: &str, found: &str| match found {
            "" => format!("the record names no {what}"),
            found => format!("the {what} is {found}"),
        };
        let account = record.account().unwrap_or_default();
        if self.accounts.leaves_out(&[&account]) {
            return Some(("accounts", stated("account", &account)));
        }
        let region = record.region().unwrap_or_default();
        if self.regions.leaves_out(&[&region]) {
            return Some(("regions", stated("region", &region)));
        }
        if !self.vpcs.is_empty() {
            let vpcs = vpcs(record);
            if self.vpcs.leaves_out(&vpcs.iter().map(String::as_str).collect::<Vec<_>>()) {
                return Some(("vpcs", stated("VPC", &vpcs.join(", "))));
            }
        }
        // Times of CloudTrail's form compare as texts; one of another form says nothing.
        let time = record.text("eventTime").unwrap_or_default();
        let is_time = time.len() >= 19 && time.as_bytes()[4] == b'-' && time.as_bytes()[10] == b'T';
        (is_time && *time < *self.since).then(|| ("since", format!("it was made at {time}")))
    }

    /// Whether a resource type is not tagged.
    pub fn leaves_out_type(&self, resource_type: &str) -> bool {
        self.types.leaves_out(&[resource_type])
    }
}

/// Whether the catalog has an event of this service.
fn service(word: &str) -> Result<(), String> {
    let known = || {
        let sources = tagger_catalog::events().iter().map(|event| event.source);
        sources.map(|source| source.strip_suffix(".amazonaws.com").unwrap_or(source))
    };
    let plain = word.strip_suffix(".amazonaws.com").unwrap_or(word);
    if known().any(|name| fits(plain, name)) {
        return Ok(());
    }
    let near = nearest(plain, known());
    Err(format!(
        "no service `{word}` in the catalog{near}; `tagger catalog` lists them by their event source"
    ))
}

/// Whether the catalog has this type.
fn resource_type(word: &str) -> Result<(), String> {
    let known =
        || tagger_catalog::events().iter().flat_map(|event| event.entries).map(|entry| entry.resource_type);
    if known().any(|name| fits(word, name)) {
        return Ok(());
    }
    let near = nearest(word, known());
    Err(format!("no type `{word}` in the catalog{near}; docs/resources.md lists them"))
}

/// The VPCs that a record names, in its request and its answer; for a new VPC its own.
fn vpcs(record: &Record) -> Vec<String> {
    let mut found = Vec::new();
    for part in ["requestParameters", "responseElements"] {
        collect(json::member(record.value(), part), 0, &mut found);
    }
    found
}

fn collect(value: &Value, depth: usize, found: &mut Vec<String>) {
    match value {
        _ if depth > MOST_DEPTH => {}
        Value::Array(list) => list.iter().for_each(|value| collect(value, depth + 1, found)),
        Value::Object(map) => {
            for (name, inner) in map {
                match inner {
                    Value::String(id)
                        if id.starts_with("vpc-") && name.to_ascii_lowercase().contains("vpc") =>
                    {
                        if !found.contains(id) {
                            found.push(id.clone());
                        }
                    }
                    inner => collect(inner, depth + 1, found),
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn group(vpc: Option<&str>) -> Record {
        Record::new(json!({
            "eventSource": "ec2.amazonaws.com", "eventName": "CreateSecurityGroup", "awsRegion": "eu-west-1",
            "recipientAccountId": "111122223333", "eventTime": "2026-11-24T08:30:00Z",
            "requestParameters": { "groupName": "web", "vpcId": vpc },
        }))
    }

    #[test]
    fn what_is_in_scope() {
        for (list, words, vpc, expected) in [
            ("services", vec!["ec2", "s3"], None, None),
            ("services", vec!["ec2.amazonaws.com"], None, None),
            ("services", vec!["s3"], None, Some("services")),
            ("services", vec!["!ec2"], None, Some("services")),
            ("services", vec!["!logs"], None, None),
            ("services", vec!["e*", "!ec2"], None, Some("services")),
            ("accounts", vec!["111122223333"], None, None),
            ("accounts", vec!["!1111*"], None, Some("accounts")),
            ("regions", vec!["eu-*"], None, None),
            ("regions", vec!["us-east-1"], None, Some("regions")),
            ("vpcs", vec!["vpc-1"], Some("vpc-1"), None),
            ("vpcs", vec!["vpc-1"], Some("vpc-2"), Some("vpcs")),
            ("vpcs", vec!["vpc-1"], None, Some("vpcs")),
            ("vpcs", vec!["!vpc-1"], Some("vpc-1"), Some("vpcs")),
            ("vpcs", vec!["!vpc-1"], None, None),
        ] {
            let mut scope = Scope::default();
            words.iter().for_each(|word| scope.add(list, word).unwrap());
            let found = scope.leaves_out(&group(vpc)).map(|(setting, _)| setting);
            assert_eq!(found, expected, "{list} = {words:?}, {vpc:?}");
        }
        for (since, expected) in
            [("2026-11-24", None), ("2026-11-25", Some("since")), ("2026-11-24T08:30:01Z", Some("since"))]
        {
            let mut scope = Scope::default();
            scope.set_since(since).unwrap();
            assert_eq!(scope.leaves_out(&group(None)).map(|(setting, _)| setting), expected, "{since}");
        }
        let mut types = Scope::default();
        types.add("types", "AWS::EC2::*").unwrap();
        types.add("types", "!AWS::EC2::Volume").unwrap();
        let found = ["AWS::EC2::Instance", "AWS::EC2::Volume", "AWS::SQS::Queue"]
            .map(|name| types.leaves_out_type(name));
        assert_eq!(found, [false, true, true]);
    }

    #[test]
    fn what_can_never_fit_is_refused() {
        for (list, word, says) in [
            ("services", "ec3", "did you mean `ec2`?"),
            ("services", "zz*", "no service `zz*`"),
            ("types", "AWS::EC2::Instanse", "did you mean `AWS::EC2::Instance`?"),
            ("accounts", "1111", "12 digits"),
            ("regions", "europe", "no region's name"),
            ("vpcs", "subnet-1", "no VPC's id"),
            ("vpcs", "!", "an empty word"),
        ] {
            let error = Scope::default().add(list, word).unwrap_err();
            assert!(error.contains(says), "{list} {word}: expected {says:?}, got {error:?}");
        }
        for since in ["yesterday", "2026-13-01", "2026-11-24T25:00:00Z", "2026-11-24 08:30"] {
            assert!(Scope::default().set_since(since).is_err(), "{since}");
        }
    }
}
