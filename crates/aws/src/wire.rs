//! One tagging call as an HTTP request, in AWS's own protocols, from the operation table alone.
//!
//! Pure: no network, no credentials. `tests/wire.rs` compares every byte with what botocore sends.

use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};
use std::{borrow::Cow, fmt::Write};
use tagger_catalog::operation::{Call, Fixed, Operation, Place, Protocol, Shape};

/// Everything but RFC 3986's unreserved characters is escaped.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// In a greedy label (`{resourceArn+}`) slashes stay.
const GREEDY: &AsciiSet = &UNRESERVED.remove(b'/');

/// What a call is asked to do.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The resources, as the operation names them; one, unless the call takes many.
    pub ids: &'a [&'a str],
    /// The tags to set; empty for a read.
    pub tags: &'a [(&'a str, &'a str)],
    /// Further members, from the catalog entry or of a paged read.
    pub with: &'a [(&'a str, &'a str)],
    /// The account of the resource.
    pub account: &'a str,
}

/// An HTTP request without its host.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Method.
    pub method: &'static str,
    /// Path and query string.
    pub path: String,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// Body.
    pub body: Vec<u8>,
}

/// Writes a call.
pub fn request(operation: &Operation, call: &Call, ask: &Ask) -> Request {
    let mut headers = Vec::with_capacity(4);
    let mut path = call.uri.to_owned();
    let members = members(call, ask, &mut path);
    match call.id_in {
        Place::Body | Place::Tag => {}
        Place::Uri => {
            fill_label(&mut path, call.id, ask.ids.first().copied().unwrap_or_default());
        }
        Place::Query => ask.ids.iter().for_each(|id| add_query(&mut path, call.id, id)),
        Place::Header => headers.push((call.id, ask.ids.first().copied().unwrap_or_default().to_owned())),
    }
    for (name, value) in call.headers {
        headers.push((*name, with_account(value, ask.account).into_owned()));
    }
    let (body, kind) = match operation.protocol {
        Protocol::Json { minor, target } => {
            headers.push(("x-amz-target", format!("{target}.{}", call.operation)));
            (json_body(call, ask, members), format!("application/x-amz-json-{minor}"))
        }
        Protocol::RestJson => {
            let body = json_body(call, ask, members);
            (if body == b"{}" { Vec::new() } else { body }, "application/json".to_owned())
        }
        Protocol::Query(version) | Protocol::Ec2(version) => {
            let kind = "application/x-www-form-urlencoded; charset=utf-8";
            (form_body(call, ask, members, version), kind.to_owned())
        }
        Protocol::RestXml if ask.tags.is_empty() => (Vec::new(), String::new()),
        Protocol::RestXml => (xml_body(call, ask), "application/xml".to_owned()),
    };
    if !body.is_empty() {
        headers.push(("content-type", kind));
    }
    if call.checksum && !body.is_empty() {
        let checksum = BASE64_STANDARD.encode(crc32fast::hash(&body).to_be_bytes());
        headers.push(("x-amz-sdk-checksum-algorithm", "CRC32".to_owned()));
        headers.push(("x-amz-checksum-crc32", checksum));
    }
    Request { method: call.method, path, headers, body }
}

/// The further members of a call, without those that stand in its path.
fn members(call: &Call, ask: &Ask, path: &mut String) -> Map<String, Value> {
    let mut members = Map::new();
    for (name, value) in ask.with {
        if fill_label(path, name, value) {
            continue;
        }
        if call.method == "GET" {
            add_query(path, name, value);
        } else {
            members.insert((*name).to_owned(), Value::from(*value));
        }
    }
    for (name, value) in call.extra {
        match value {
            Fixed::Number(number) => drop(members.insert((*name).to_owned(), Value::from(*number))),
            Fixed::Texts(texts) => drop(members.insert((*name).to_owned(), Value::from(*texts))),
            Fixed::Text(text) => {
                let text = with_account(text, ask.account);
                if !fill_label(path, name, &text) {
                    members.insert((*name).to_owned(), Value::from(text.as_ref()));
                }
            }
        }
    }
    members
}

fn add_query(path: &mut String, name: &str, value: &str) {
    let separator = if path.contains('?') { '&' } else { '?' };
    let _ = write!(path, "{separator}{name}={}", utf8_percent_encode(value, UNRESERVED));
}

fn with_account<'a>(text: &'a str, account: &str) -> Cow<'a, str> {
    if text.contains("{account}") {
        Cow::Owned(text.replace("{account}", account))
    } else {
        Cow::Borrowed(text)
    }
}

/// Puts a value in place of `{name}` or `{name+}`; false when the path has no such label.
fn fill_label(path: &mut String, name: &str, value: &str) -> bool {
    for (label, escaped) in [(format!("{{{name}}}"), UNRESERVED), (format!("{{{name}+}}"), GREEDY)] {
        if let Some(at) = path.find(&label) {
            path.replace_range(at..at + label.len(), &utf8_percent_encode(value, escaped).to_string());
            return true;
        }
    }
    false
}

fn json_body(call: &Call, ask: &Ask, mut members: Map<String, Value>) -> Vec<u8> {
    if call.id_in == Place::Body {
        let id = if call.many {
            Value::from(ask.ids)
        } else {
            Value::from(ask.ids.first().copied().unwrap_or_default())
        };
        insert_path(&mut members, call.id, id);
    }
    if !ask.tags.is_empty() {
        let tags = match call.shape {
            Shape::Map => Value::Object(
                ask.tags.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect(),
            ),
            Shape::List => ask.tags.iter().map(|tag| Value::Object(json_tag(call, ask, tag))).collect(),
        };
        insert_path(&mut members, call.tags, tags);
    }
    Value::Object(members).to_string().into_bytes()
}

/// A wire name such as `Tags.Items` makes an object in an object.
fn insert_path(members: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            members.insert(path.to_owned(), value);
        }
        Some((outer, inner)) => {
            let holder = members.entry(outer).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(holder) = holder {
                insert_path(holder, inner, value);
            }
        }
    }
}

fn json_tag(call: &Call, ask: &Ask, (key, value): &(&str, &str)) -> Map<String, Value> {
    let mut tag = Map::new();
    if call.id_in == Place::Tag {
        tag.insert(call.id.to_owned(), Value::from(ask.ids.first().copied().unwrap_or_default()));
    }
    for (name, value) in call.tag_extra {
        tag.insert((*name).to_owned(), Value::from(*value));
    }
    tag.insert(call.key.to_owned(), Value::from(*key));
    tag.insert(call.value.to_owned(), Value::from(*value));
    tag
}

fn form_body(call: &Call, ask: &Ask, members: Map<String, Value>, version: &str) -> Vec<u8> {
    let mut form = format!("Action={}&Version={version}", call.operation);
    let mut add = |name: &str, value: &str| {
        let _ = write!(
            form,
            "&{}={}",
            utf8_percent_encode(name, UNRESERVED),
            utf8_percent_encode(value, UNRESERVED)
        );
    };
    if call.id_in == Place::Body {
        for (index, id) in ask.ids.iter().enumerate() {
            match (call.many, call.id_member) {
                (false, _) => add(call.id, id),
                (true, "") => add(&format!("{}.{}", call.id, index + 1), id),
                (true, member) => add(&format!("{}.{member}.{}", call.id, index + 1), id),
            }
        }
    }
    for (name, value) in &members {
        add(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned).as_str());
    }
    for (index, tag) in ask.tags.iter().enumerate() {
        let separator = if call.tag_member.is_empty() { "" } else { "." };
        let prefix = format!("{}{separator}{}.{}", call.tags, call.tag_member, index + 1);
        for (name, value) in json_tag(call, ask, tag) {
            add(&format!("{prefix}.{name}"), value.as_str().unwrap_or_default());
        }
    }
    form.into_bytes()
}

fn xml_body(call: &Call, ask: &Ask) -> Vec<u8> {
    let escaped = |text| quick_xml::escape::escape(text);
    let mut tags = String::new();
    for (key, value) in ask.tags {
        let _ = write!(
            tags,
            "<{member}><{k}>{}</{k}><{v}>{}</{v}></{member}>",
            escaped(*key),
            escaped(*value),
            member = call.tag_member,
            k = call.key,
            v = call.value
        );
    }
    format!(
        "<{root} xmlns=\"{}\"><{holder}>{tags}</{holder}></{root}>",
        call.xmlns,
        root = call.root,
        holder = call.tags
    )
    .into_bytes()
}
