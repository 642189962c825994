//! Any answers of AWS to every operation of the catalog, by way of the real client and the executor; only the connection is
//! replaced.
//!
//! Asserted: whatever is answered to whatever is asked, each resource gets an outcome. Where a resource has the
//! creator's tag and the answer that says so is cut short or spoilt, nothing is written: unreadable is never empty.
//! Where the answer is whole, its tag is found.

use super::draw::{ACCOUNT, Draw};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use aws_types::{SdkConfig, region::Region};
use serde_json::{Map, Value, json};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tagger_aws::{Client, Outcome};
use tagger_catalog::{
    Entry,
    operation::{Operation, Protocol, Shape, Takes, Variant},
};
use tagger_core::{
    Plan, Policy, Record,
    case::Case,
    patience::Guard,
    resources::{Children, Resource},
};

/// The answers that are still to be given: status and body. After them, every call is answered with nothing.
type Script = Arc<Mutex<VecDeque<(u16, Vec<u8>)>>>;

/// The connection: it gives the next answer to whatever is asked.
#[derive(Debug, Clone)]
struct Connection(Script);

impl HttpConnector for Connection {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let (status, body) = self.0.lock().unwrap().pop_front().unwrap_or((200, Vec::new()));
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
    }
}

impl HttpClient for Connection {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

/// One client for the whole of a process: preparing an operation costs more than a call.
struct World {
    client: Client,
    script: Script,
    runtime: tokio::runtime::Runtime,
}

thread_local! {
    static WORLD: World = World::new();
}

impl World {
    fn new() -> Self {
        let script = Script::default();
        let config = SdkConfig::builder()
            .region(Region::new("eu-west-1"))
            .endpoint_url("http://127.0.0.1:9")
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "AKIAIOSFODNN7EXAMPLE",
                "secret",
                None,
                None,
                "fuzz",
            )))
            .build();
        let http = SharedHttpClient::new(Connection(Arc::clone(&script)));
        let client = Client::new(&config, http).expect("credentials are configured");
        // Time stands still and jumps to the end of each sleep, so that the SDK's retries cost none.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        Self { client, script, runtime }
    }

    /// What becomes of the resources of a plan when AWS answers so.
    fn apply(&self, plan: Plan, guard: Guard, answers: Vec<(u16, Vec<u8>)>) -> Vec<Outcome> {
        *self.script.lock().unwrap() = answers.into();
        let record = Record::new(json!({ "eventTime": "2026-11-24T08:30:00Z" }));
        let now = tagger_aws::time::since_1970(std::time::SystemTime::now());
        let case = Case { plan, ..Case::new(record, Some(now - 20), now - 20, guard) };
        let cases = [case];
        let done = self.runtime.block_on(tagger_aws::run(&self.client, &Policy::default(), &cases)).remove(0);
        done.into_iter().map(|done| done.outcome).collect()
    }
}

/// One run.
pub fn run(bytes: &[u8]) {
    let mut draw = Draw::new(bytes);
    let entries: Vec<&'static Entry> =
        tagger_catalog::events().iter().flat_map(|event| event.entries).collect();
    let entry = entries[draw.below(entries.len())];
    WORLD.with(
        |world| if draw.rarely(2) { any(&mut draw, world, entry) } else { spoilt(&mut draw, world, entry) },
    );
}

/// Any answers, of any status.
fn any(draw: &mut Draw, world: &World, entry: &'static Entry) {
    let mut plan = plan(entry);
    if let Some(call) = entry.describe {
        // The entry is of a child: its parent is asked for it.
        let parents = std::mem::take(&mut plan.actions);
        plan.children.push(Children { call, entries: vec![entry], parents, except: Vec::new() });
    }
    let has_children = !plan.children.is_empty();
    let guard = draw.one(&[Guard::None, Guard::Strict, Guard::Confirmed]);
    let answers: Vec<_> = (0..draw.below(5))
        .map(|_| {
            let status = draw.one(&[200, 200, 200, 400, 403, 404, 405, 500]);
            let body = match draw.byte() % 5 {
                0 => truth(draw.one(&[entry.operation]), &[(draw.text(), draw.text())]),
                1 => draw.json(4).to_string().into_bytes(),
                2 => xml("Response", &draw.json(4)).into_bytes(),
                3 => json!({ "__type": draw.text(), "message": draw.text(), "NextToken": draw.text() })
                    .to_string()
                    .into_bytes(),
                _ => draw.bytes(256).to_vec(),
            };
            (status, body)
        })
        .collect();
    let outcomes = world.apply(plan, guard, answers);
    assert!(!outcomes.is_empty() || has_children, "{} came to nothing", entry.resource_type);
}

/// A resource has the creator's tag, and the answer that says so arrives spoilt.
fn spoilt(draw: &mut Draw, world: &World, entry: &'static Entry) {
    let operation = entry.operation;
    if operation.read.is_none() {
        return;
    }
    let mut tags = vec![("CreatedBy".to_owned(), "bob".to_owned())];
    for number in 0..draw.below(3) {
        tags.insert(draw.below(2).min(tags.len()), (format!("k{number}"), draw.text()));
    }
    let whole = truth(operation, &tags);
    let plan = plan(entry);
    let how = draw.byte() % 4;
    let body = match how {
        0 => whole.clone(),
        // The last byte closes the document.
        1 => whole[..draw.below(whole.len())].to_vec(),
        2 => respelt(draw, &whole),
        _ => match draw.one(&[0, 1, 2]) {
            0 => b"<html><head><title>Welcome</title></head><body>Sign in</body></html>".to_vec(),
            1 => b"<!DOCTYPE html><!-- nothing -->".to_vec(),
            _ => json!([draw.json(2)]).to_string().into_bytes(),
        },
    };
    let mut answers = vec![(200, body.clone())];
    // Where a call also answers with what is there, the service is first asked when that was made: it does not tell.
    if entry.upserts_in("eu-west-1") && tagger_catalog::told_of(entry.resource_type).is_some() {
        answers.insert(0, (200, Vec::new()));
    }
    let outcomes = world.apply(plan, Guard::None, answers);
    let [outcome] = outcomes.as_slice() else { panic!("{} outcomes of one resource", outcomes.len()) };
    let shown =
        || format!("{} by {}: {}", entry.resource_type, operation.name, String::from_utf8_lossy(&body));
    match (how, outcome) {
        (_, Outcome::AlreadyTagged { value }) if value == "bob" => {}
        // Where the record does not say it, EC2 is asked by another call whether the resource is visible.
        (0, Outcome::Failed(_)) if operation.variant == Variant::Ec2 => {}
        (0, other) => panic!("the tag is not found, {other:?}: {}", shown()),
        (2, Outcome::AlreadyTagged { .. }) | (1.., Outcome::Failed(_)) => {}
        (_, other) => panic!("not read and taken for empty, {other:?}: {}", shown()),
    }
}

/// A plan for one resource of an entry.
fn plan(entry: &'static Entry) -> Plan {
    let arn = format!("arn:aws:x:eu-west-1:{ACCOUNT}:thing/name");
    let id = match entry.operation.takes {
        Takes::Arn => arn.clone(),
        Takes::Path | Takes::After(_) | Takes::Last | Takes::Given => "name".to_owned(),
    };
    let resource = Resource { entry, arn, id, region: "eu-west-1".to_owned(), account: ACCOUNT.to_owned() };
    let policy = Policy::default();
    Plan {
        actions: vec![resource],
        tags: vec![(policy.tag.key, "alice".to_owned())],
        ..Plan::nothing(&Record::new(Value::Null))
    }
}

/// The answer of an operation's read, as AWS gives it, with these tags.
fn truth(operation: &Operation, tags: &[(String, String)]) -> Vec<u8> {
    let Some(call) = &operation.read else { return b"{}".to_vec() };
    let is_json = matches!(operation.protocol, Protocol::Json { .. } | Protocol::RestJson);
    let pairs = tags.iter().map(|(key, value)| {
        let mut pair = Map::new();
        if operation.variant == Variant::Ec2 {
            pair.insert("resourceId".to_owned(), json!("name"));
        }
        pair.insert(call.key.to_owned(), json!(key));
        pair.insert(call.value.to_owned(), json!(value));
        Value::Object(pair)
    });
    let mut answer = match call.shape {
        Shape::Map => {
            tags.iter().map(|(key, value)| (key.clone(), json!(value))).collect::<Map<_, _>>().into()
        }
        Shape::List if is_json => pairs.collect(),
        // Redshift has an element for each tagged resource: in it one `Tag`.
        Shape::List if call.tags == "TaggedResources.Tag" => {
            json!({ "TaggedResource": pairs.map(|pair| json!({ "Tag": pair })).collect::<Value>() })
        }
        Shape::List => {
            let name = match operation.protocol {
                Protocol::Ec2(_) => "item",
                Protocol::RestXml => "Tag",
                _ => "member",
            };
            json!({ name: pairs.collect::<Value>() })
        }
    };
    let path: Vec<&str> = if call.tags == "TaggedResources.Tag" {
        vec!["TaggedResources"]
    } else {
        call.tags.split('.').collect()
    };
    for (index, step) in path.iter().enumerate().rev() {
        answer = json!({ *step: answer });
        // What is asked for one resource is a list of one; so it is with ELB, RAM, CloudTrail and Direct Connect.
        let outer = index.checked_sub(1).map(|index| path[index]);
        match outer {
            Some("TagDescriptions") => answer = json!({ "member": [answer] }),
            Some("ResourceTagList" | "resourceTags" | "resourceShares")
                if call.operation != "ListTagsForResource" =>
            {
                answer = json!([answer])
            }
            _ => {}
        }
    }
    let name = call.operation;
    match operation.protocol {
        Protocol::Json { .. } | Protocol::RestJson => answer.to_string().into_bytes(),
        Protocol::Query(_) => xml(
            &format!("{name}Response"),
            &json!({ format!("{name}Result"): answer, "ResponseMetadata": { "RequestId": "r" } }),
        )
        .into_bytes(),
        Protocol::Ec2(_) => xml(&format!("{name}Response"), &answer).into_bytes(),
        Protocol::RestXml if name.starts_with("ListTags") && call.tags == "Items" => {
            xml("Tags", &answer).into_bytes()
        }
        Protocol::RestXml => xml(&format!("{name}Result"), &answer).into_bytes(),
    }
}

/// A value as an element: a list is the element again and again.
fn xml(name: &str, value: &Value) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric();
    let name = if name.is_empty() || !name.chars().all(fits) || name.starts_with(|c: char| c.is_ascii_digit())
    {
        "x"
    } else {
        name
    };
    let inside = match value {
        Value::Array(list) => return list.iter().map(|value| xml(name, value)).collect(),
        Value::Object(map) => map.iter().map(|(name, value)| xml(name, value)).collect(),
        Value::String(text) => text
            .chars()
            .map(|c| match c {
                '<' => "&lt;".to_owned(),
                '&' => "&amp;".to_owned(),
                c => c.to_string(),
            })
            .collect(),
        other => other.to_string(),
    };
    format!("<{name}>{inside}</{name}>")
}

/// The answer with one of its values in the place of another form: of JSON any value becomes one of another type that
/// is not empty; of XML the root or the tags' keys get another name. (An XML answer of the operation's own name may leave
/// out what is empty.)
fn respelt(draw: &mut Draw, whole: &[u8]) -> Vec<u8> {
    let Ok(mut value) = serde_json::from_slice::<Value>(whole) else {
        let text = String::from_utf8_lossy(whole);
        let root = text.trim_start_matches('<').split('>').next().unwrap_or_default();
        let key = if text.contains("<Key>") { "Key" } else { "key" };
        let name = draw.one(&[root, key]);
        return text
            .replace(&format!("<{name}>"), "<other>")
            .replace(&format!("</{name}>"), "</other>")
            .into_bytes();
    };
    let mut places = Vec::new();
    walk(&value, String::new(), &mut places);
    let place = draw.one(&(0..places.len()).collect::<Vec<_>>());
    if let Some(found) = value.pointer_mut(&places[place]) {
        // The tag's own key or value: another text is another tag, so it is made a number.
        *found = match found {
            Value::String(_) => json!(5),
            _ => draw.one(&[5, 6, 7]).into(),
        };
    }
    value.to_string().into_bytes()
}

/// The places on the way to the creator's tag.
fn walk(value: &Value, at: String, found: &mut Vec<String>) {
    if !value.to_string().contains("bob") {
        return;
    }
    found.push(at.clone());
    match value {
        Value::Object(map) => map.iter().for_each(|(name, inner)| walk(inner, format!("{at}/{name}"), found)),
        Value::Array(list) => {
            list.iter().enumerate().for_each(|(index, inner)| walk(inner, format!("{at}/{index}"), found))
        }
        _ => {}
    }
}
