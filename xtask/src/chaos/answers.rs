//! What AWS answers, in the form of each protocol. It must not know resources: tags, codes and facts are
//! handed in.

use super::{
    calls::Known,
    clock::{self, SECOND},
    http::Answer,
};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use tagger_catalog::{
    lifetime::Told,
    operation::{Protocol, Shape, Variant},
};

/// What a service tells of a resource.
pub struct Facts<'a> {
    /// Under which name it was asked for.
    pub id: &'a str,
    /// The id that is never given again.
    pub unique: &'a str,
    /// When it was made, in nanoseconds since 1970.
    pub created: u64,
    /// Its state.
    pub status: &'a str,
}

fn is_xml(known: &Known) -> bool {
    matches!(known.operation.protocol, Protocol::Query(_) | Protocol::Ec2(_) | Protocol::RestXml)
}

fn kind(known: &Known) -> &'static str {
    match known.operation.protocol {
        Protocol::Json { minor: "1.0", .. } => "application/x-amz-json-1.0",
        Protocol::Json { .. } => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        Protocol::RestXml => "application/xml",
        Protocol::Query(_) | Protocol::Ec2(_) => "text/xml",
    }
}

/// An error.
pub fn error(known: &Known, status: u16, code: &str, message: &str) -> Answer {
    let (code, message) = (escaped(code), escaped(message));
    let body = match known.operation.protocol {
        Protocol::Json { .. } => {
            json!({ "__type": format!("com.amazonaws.x#{code}"), "message": message }).to_string()
        }
        Protocol::RestJson => json!({ "message": message }).to_string(),
        Protocol::Ec2(_) => {
            format!(
                "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors></Response>"
            )
        }
        Protocol::RestXml if known.operation.signing == "s3" => {
            format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
        }
        Protocol::Query(_) | Protocol::RestXml => {
            format!(
                "<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
            )
        }
    };
    let mut answer = Answer::new(status, kind(known), body);
    if known.operation.protocol == Protocol::RestJson {
        answer.headers.push(("x-amzn-errortype", code));
    }
    answer
}

/// Tags were set.
pub fn written(known: &Known) -> Answer {
    let name = known.call.operation;
    let body = match known.operation.protocol {
        Protocol::Json { .. } => "{}".to_owned(),
        Protocol::RestJson | Protocol::RestXml => return Answer { status: 204, ..Answer::default() },
        Protocol::Ec2(_) => {
            format!("<{name}Response><requestId>r</requestId><return>true</return></{name}Response>")
        }
        Protocol::Query(_) => wrapped(name, ""),
    };
    Answer::new(200, kind(known), body)
}

/// The call did nothing, and says so inside a success.
pub fn failed_inside(known: &Known, id: &str) -> Answer {
    let inside = json!({ "ErrorCode": "InternalServiceException", "StatusCode": 500, "ErrorMessage": "" });
    Answer::new(200, kind(known), json!({ "FailedResourcesMap": { id: inside } }).to_string())
}

/// The tags of a resource.
pub fn tags(known: &Known, id: &str, tags: &[(String, String)]) -> Answer {
    if !is_xml(known) {
        let list = match known.call.shape {
            Shape::Map => {
                Value::Object(tags.iter().map(|(key, value)| (key.clone(), value.as_str().into())).collect())
            }
            Shape::List => tags
                .iter()
                .map(|(key, value)| json!({ known.call.key: key, known.call.value: value }))
                .collect(),
        };
        let mut body = known.call.tags.rsplit('.').fold(list, |inner, step| json!({ step: inner }));
        if let Some(list) = body.get_mut("ResourceTagList") {
            list["ResourceId"] = id.into();
            *list = json!([list.take()]);
        }
        return Answer::new(200, kind(known), body.to_string());
    }
    let mut pairs = String::new();
    let pair =
        |key: &str, value: &str| format!("<Key>{}</Key><Value>{}</Value>", escaped(key), escaped(value));
    // Which element stands around each pair: the service's models; `member` where they state none.
    let name = known.call.operation;
    let body = match (known.operation.variant, known.operation.signing) {
        (Variant::Replaces, _) => {
            tags.iter().for_each(|(key, value)| _ = write!(pairs, "<Tag>{}</Tag>", pair(key, value)));
            format!("<Tagging><TagSet>{pairs}</TagSet></Tagging>")
        }
        (Variant::S3, _) => {
            tags.iter().for_each(|(key, value)| _ = write!(pairs, "<Tag>{}</Tag>", pair(key, value)));
            format!("<{name}Result><Tags>{pairs}</Tags></{name}Result>")
        }
        (_, "cloudfront") => {
            tags.iter().for_each(|(key, value)| _ = write!(pairs, "<Tag>{}</Tag>", pair(key, value)));
            format!("<Tags><Items>{pairs}</Items></Tags>")
        }
        (_, "route53") => {
            tags.iter().for_each(|(key, value)| _ = write!(pairs, "<Tag>{}</Tag>", pair(key, value)));
            format!(
                "<{name}Response><ResourceTagSet><ResourceType>x</ResourceType><ResourceId>x</ResourceId><Tags>{pairs}</Tags></ResourceTagSet></{name}Response>"
            )
        }
        (_, "redshift") => {
            let one = |(key, value): &(String, String)| {
                let (pair, id) = (pair(key, value), escaped(id));
                _ = write!(
                    pairs,
                    "<TaggedResource><Tag>{pair}</Tag><ResourceName>{id}</ResourceName></TaggedResource>"
                );
            };
            tags.iter().for_each(one);
            wrapped(name, &format!("<TaggedResources>{pairs}</TaggedResources>"))
        }
        (_, "rds" | "elasticache") => {
            tags.iter().for_each(|(key, value)| _ = write!(pairs, "<Tag>{}</Tag>", pair(key, value)));
            wrapped(name, &format!("<{0}>{pairs}</{0}>", known.call.tags))
        }
        _ => {
            tags.iter().for_each(|(key, value)| _ = write!(pairs, "<member>{}</member>", pair(key, value)));
            let (outer, inner) = known.call.tags.split_once('.').unwrap_or(("", known.call.tags));
            let list = format!("<{inner}>{pairs}</{inner}>");
            let list =
                if outer.is_empty() { list } else { format!("<{outer}><member>{list}</member></{outer}>") };
            wrapped(name, &list)
        }
    };
    Answer::new(200, kind(known), body)
}

/// The tags of many resources, each with its name, as load balancers have them.
pub fn tags_of_each(known: &Known, found: &[(&str, &[(String, String)])]) -> Answer {
    let mut inside = String::new();
    for (id, tags) in found {
        let mut pairs = String::new();
        for (key, value) in *tags {
            let (key, value) = (escaped(key), escaped(value));
            _ = write!(pairs, "<member><Key>{key}</Key><Value>{value}</Value></member>");
        }
        _ = write!(inside, "<member><ResourceArn>{}</ResourceArn><Tags>{pairs}</Tags></member>", escaped(id));
    }
    let list = format!("<TagDescriptions>{inside}</TagDescriptions>");
    Answer::new(200, kind(known), wrapped(known.call.operation, &list))
}

/// EC2's tags of many resources: id, key and value of each.
pub fn ec2_tags(found: &[(String, String, String)]) -> Answer {
    let items = found.iter().map(|(id, key, value)| {
        let (key, value) = (escaped(key), escaped(value));
        format!("<item><resourceId>{id}</resourceId><resourceType>x</resourceType><key>{key}</key><value>{value}</value></item>")
    });
    let items: String = items.collect();
    Answer::new(
        200,
        "text/xml",
        format!(
            "<DescribeTagsResponse><requestId>r</requestId><tagSet>{items}</tagSet></DescribeTagsResponse>"
        ),
    )
}

/// What a describing call answers: the resources of those it was asked for that are there.
pub fn described(known: &Known, told: &Told, found: &[Facts]) -> Answer {
    let is_list = known.call.many || told.among.ends_with('s') && told.among != "Attributes";
    let resources: Vec<_> = found.iter().map(|facts| members(known, told, facts)).collect();
    if is_xml(known) {
        let (outer, inner) =
            told.among.split_once('.').unwrap_or((told.among, if is_list { "member" } else { "" }));
        let text = |members: &Map<String, Value>| {
            let text = |(name, value): (&String, &Value)| {
                format!("<{name}>{}</{name}>", escaped(value.as_str().unwrap_or_default()))
            };
            let inside: String = members.iter().map(text).collect();
            if inner.is_empty() { inside } else { format!("<{inner}>{inside}</{inner}>") }
        };
        let inside: String = resources.iter().map(text).collect();
        let inside = if outer.is_empty() { inside } else { format!("<{outer}>{inside}</{outer}>") };
        if known.operation.signing == "s3" {
            let list = format!("<ListAllMyBucketsResult>{inside}</ListAllMyBucketsResult>");
            return Answer::new(200, kind(known), list);
        }
        return Answer::new(200, kind(known), wrapped(known.call.operation, &inside));
    }
    let inside =
        if is_list { json!(resources) } else { json!(resources.first().cloned().unwrap_or_default()) };
    let body = if told.among.is_empty() { inside } else { json!({ told.among: inside }) };
    Answer::new(200, kind(known), body.to_string())
}

fn members(known: &Known, told: &Told, facts: &Facts) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, value) in [(told.same.1, facts.unique), (told.status, facts.status), (told.name, facts.id)] {
        if !name.is_empty() {
            members.insert(name.to_owned(), value.into());
        }
    }
    let seconds = facts.created / SECOND;
    let created = match told.created {
        "CreatedTimestamp" => seconds.to_string().into(),
        "creationTime" => (facts.created / 1_000_000).into(),
        _ if is_xml(known) => clock::text(facts.created).into(),
        _ => json!(seconds as f64 + 0.25),
    };
    // Some services tell an id alone.
    if !told.created.is_empty() {
        members.insert(told.created.to_owned(), created);
    }
    members
}

/// The answer of a call that tells which resource it is and shows its tags: the members of two JSON answers, in the first
/// resource of the one that tells.
pub fn merged(described: Answer, tags: &Answer) -> Answer {
    if described.status != 200 || tags.status != 200 {
        return described;
    }
    let parsed = |answer: &Answer| serde_json::from_slice::<Value>(&answer.body).unwrap_or(Value::Null);
    let (mut whole, tags) = (parsed(&described), parsed(tags));
    for (name, inner) in tags.as_object().into_iter().flatten() {
        let resource = match &mut whole[name] {
            Value::Array(list) => list.first_mut(),
            other => Some(other),
        };
        if let (Some(Value::Object(resource)), Value::Object(inner)) = (resource, inner) {
            resource.extend(inner.clone());
        }
    }
    Answer { body: whole.to_string().into_bytes(), ..described }
}

/// DescribeVolumes and its like: those that are visible, with their tags.
pub fn looks(operation: &str, shown: &[(String, &[(String, String)])]) -> Answer {
    let (set, member) = match operation {
        "DescribeVolumes" => ("volumeSet", "volumeId"),
        "DescribeNetworkInterfaces" => ("networkInterfaceSet", "networkInterfaceId"),
        "DescribeInstances" => ("instancesSet", "instanceId"),
        _ => ("imagesSet", "imageId"),
    };
    let items: String = shown
        .iter()
        .map(|(id, tags)| {
            let tags: String = tags
                .iter()
                .map(|(key, value)| {
                    format!("<item><key>{}</key><value>{}</value></item>", escaped(key), escaped(value))
                })
                .collect();
            format!("<item><{member}>{}</{member}><tagSet>{tags}</tagSet></item>", escaped(id))
        })
        .collect();
    let set = format!("<{set}>{items}</{set}>");
    let set = match operation {
        "DescribeInstances" => format!("<reservationSet><item>{set}</item></reservationSet>"),
        _ => set,
    };
    Answer::new(200, "text/xml", format!("<{operation}Response>{set}</{operation}Response>"))
}

/// DescribeStacks: when it was made, and changed.
pub fn stack(arn: &str, created: &str, updated: &str) -> Answer {
    let arn = escaped(arn);
    let inner = format!(
        "<Stacks><member><StackId>{arn}</StackId><StackName>s</StackName><CreationTime>{created}</CreationTime>\
         <LastUpdatedTime>{updated}</LastUpdatedTime></member></Stacks>"
    );
    Answer::new(200, "text/xml", wrapped("DescribeStacks", &inner))
}

fn wrapped(name: &str, inner: &str) -> String {
    format!(
        "<{name}Response><{name}Result>{inner}</{name}Result><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{name}Response>"
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
