//! What a request to AWS asks: which operation of the catalog's table, of which resources, which tags.
//! Written against the table's description of the wire and not against the client that writes requests.

use super::{children, http::Request};
use serde_json::Value;
use std::collections::HashMap;
use tagger_catalog::{
    lifetime::Told,
    operation::{Call, Operation, Place, Protocol, Shape},
};

/// What a call is for.
#[derive(Clone, Copy)]
pub enum Role {
    /// Sets tags.
    Write,
    /// Reads them.
    Read,
    /// Tells which resource it is.
    Describe(&'static Told),
}

/// A call of the table.
#[derive(Clone, Copy)]
pub struct Known {
    /// Its operation.
    pub operation: &'static Operation,
    /// The call.
    pub call: &'static Call,
    /// What it is for.
    pub role: Role,
}

/// A request, understood.
pub struct Asked {
    /// Every call of the table that it can be; one, but where two operations share a reading call.
    pub known: Vec<Known>,
    /// For example `sqs:TagQueue`.
    pub name: String,
    /// The region of its signature.
    pub region: String,
    /// What it names.
    pub ids: Vec<String>,
    /// The tags that it sets.
    pub tags: Vec<(String, String)>,
    /// The fields of a form.
    pub form: Vec<(String, String)>,
    /// The body of a JSON call.
    pub json: Value,
}

/// Finds calls in the table.
pub struct Table {
    targets: HashMap<String, Vec<Known>>,
    forms: HashMap<(String, String), Vec<Known>>,
    paths: Vec<Known>,
}

impl Table {
    /// The table of the catalog.
    pub fn new() -> Self {
        let mut table = Self { targets: HashMap::new(), forms: HashMap::new(), paths: Vec::new() };
        for operation in tagger_catalog::operations() {
            table.add(Known { operation, call: &operation.write, role: Role::Write });
            if let Some(call) = &operation.read {
                table.add(Known { operation, call, role: Role::Read });
            }
        }
        let entries = || tagger_catalog::events().iter().flat_map(|event| event.entries);
        for told in tagger_catalog::told() {
            let of_type = entries().find(|entry| entry.resource_type == told.resource_type);
            if let Some(entry) = of_type {
                table.add(Known {
                    operation: tagger_catalog::operation(told.at).unwrap_or(entry.operation),
                    call: &told.describe,
                    role: Role::Describe(told),
                });
            }
        }
        table
    }

    fn add(&mut self, known: Known) {
        match known.operation.protocol {
            Protocol::Json { target, .. } => {
                self.targets.entry(format!("{target}.{}", known.call.operation)).or_default().push(known);
            }
            Protocol::Query(version) | Protocol::Ec2(version) => {
                self.forms
                    .entry((
                        known.call.operation.to_owned(),
                        format!("{} {version}", known.operation.signing),
                    ))
                    .or_default()
                    .push(known);
            }
            Protocol::RestJson | Protocol::RestXml => self.paths.push(known),
        }
    }

    /// Understands a request.
    ///
    /// # Errors
    /// It is no call of the table.
    pub fn understand(&self, request: &Request) -> Result<Asked, String> {
        let scope = request.header("authorization").split("Credential=").nth(1).unwrap_or_default();
        let mut scope = scope.split(',').next().unwrap_or_default().split('/').skip(2);
        let (region, signing) = (scope.next().unwrap_or_default(), scope.next().unwrap_or_default());
        let mut asked = Asked {
            known: Vec::new(),
            name: String::new(),
            region: region.to_owned(),
            ids: Vec::new(),
            tags: Vec::new(),
            form: Vec::new(),
            json: Value::Null,
        };
        let target = request.header("x-amz-target");
        let query = pairs(&request.query);
        let unknown = || format!("{signing}: {} {}?{} {target}", request.method, request.path, request.query);
        if !target.is_empty() {
            asked.known = self.targets.get(target).cloned().unwrap_or_default();
            asked.name = target.to_owned();
            asked.json =
                serde_json::from_slice(&request.body).map_err(|error| format!("{target}: {error}"))?;
        } else if request.header("content-type").starts_with("application/x-www-form-urlencoded") {
            asked.form = pairs(&String::from_utf8_lossy(&request.body));
            let field =
                |name: &str| asked.form.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            let action = field("Action").ok_or_else(unknown)?.clone();
            let version = format!("{signing} {}", field("Version").ok_or_else(unknown)?);
            asked.name = format!("{signing}:{action}");
            // No part of the table: the children of instances and images, asked for by parent, and a look at what
            // may have tags of which no record tells, by a filter.
            let looks = ["DescribeVolumes", "DescribeNetworkInterfaces"];
            let tells = children::of_action(&action).is_some() || looks.contains(&action.as_str());
            if signing == "ec2" && tells {
                let filtered = asked.form.iter().any(|(name, _)| name == "Filter.1.Name");
                let id = if filtered { "Filter.1.Value." } else { "Id" };
                let ids = asked.form.iter().filter(|(name, _)| name.contains(id));
                asked.ids = ids.map(|(_, id)| id.clone()).collect();
                return Ok(asked);
            }
            // Nor what only reads.
            if asked.name == "cloudformation:DescribeStacks" {
                asked.ids = field("StackName").cloned().into_iter().collect();
                return Ok(asked);
            }
            asked.known = self.forms.get(&(action, version)).cloned().unwrap_or_default();
        } else {
            let fits = |known: &&Known| {
                known.operation.signing == signing
                    && known.call.method == request.method
                    && labels(known.call.uri, &request.path, &query).is_some()
            };
            asked.known = self.paths.iter().filter(fits).copied().collect();
            asked.json = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
        }
        let known = *asked.known.first().ok_or_else(unknown)?;
        let service = known.operation.name.split(':').next().unwrap_or_default();
        asked.name = format!("{service}:{}", known.call.operation);
        asked.ids = ids(&known, request, &asked, &query);
        if matches!(known.role, Role::Write) {
            asked.tags = tags(known.call, request, &asked);
            if asked.tags.is_empty() {
                return Err(format!(
                    "{} without tags: {}",
                    asked.name,
                    String::from_utf8_lossy(&request.body)
                ));
            }
        }
        if asked.ids.is_empty() {
            return Err(format!("{} of nothing: {}", asked.name, String::from_utf8_lossy(&request.body)));
        }
        Ok(asked)
    }
}

fn ids(known: &Known, request: &Request, asked: &Asked, query: &[(String, String)]) -> Vec<String> {
    let call = known.call;
    let of = |fields: &[(String, String)], name: &str| -> Vec<String> {
        let dotted = format!("{name}.");
        let fits = |field: &&(String, String)| field.0 == name || field.0.starts_with(&dotted);
        fields.iter().filter(fits).map(|(_, value)| value.clone()).collect()
    };
    match call.id_in {
        Place::Header => vec![request.header(&call.id.to_ascii_lowercase()).to_owned()],
        Place::Query => of(query, call.id),
        Place::Uri => {
            let found = labels(call.uri, &request.path, query).unwrap_or_default();
            found.into_iter().filter(|(name, _)| name == call.id).map(|(_, value)| value).collect()
        }
        Place::Tag => {
            let last = format!(".{}", call.id);
            let mut ids: Vec<_> = asked
                .form
                .iter()
                .filter(|(name, _)| name.ends_with(&last))
                .map(|(_, id)| id.clone())
                .collect();
            ids.dedup();
            ids
        }
        Place::Body if !asked.form.is_empty() => of(&asked.form, call.id),
        Place::Body => match at(&asked.json, call.id) {
            Value::String(id) => vec![id.clone()],
            Value::Array(list) => list.iter().filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            _ => Vec::new(),
        },
    }
}

fn tags(call: &Call, request: &Request, asked: &Asked) -> Vec<(String, String)> {
    if !asked.form.is_empty() {
        let key = format!(".{}", call.key);
        let named = asked.form.iter().filter_map(|(name, value)| {
            let head = name.strip_suffix(&key).filter(|head| head.starts_with(call.tags))?;
            let other = format!("{head}.{}", call.value);
            let value_of = asked.form.iter().find(|(name, _)| *name == other)?;
            Some((value.clone(), value_of.1.clone()))
        });
        return named.collect();
    }
    match (at(&asked.json, call.tags), call.shape) {
        (Value::Object(map), Shape::Map) => {
            map.iter().filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
        }
        (Value::Array(list), Shape::List) => list
            .iter()
            .filter_map(|tag| {
                Some((tag[call.key].as_str()?.to_owned(), tag[call.value].as_str()?.to_owned()))
            })
            .collect(),
        _ => {
            let body = String::from_utf8_lossy(&request.body);
            let texts = |name: &str| -> Vec<String> {
                let (open, close) = (format!("<{name}>"), format!("</{name}>"));
                let parts = body.split(open.as_str()).skip(1);
                parts.filter_map(|part| Some(plain(part.split(close.as_str()).next()?))).collect()
            };
            texts(call.key).into_iter().zip(texts(call.value)).collect()
        }
    }
}

/// XML's five entities.
fn plain(text: &str) -> String {
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    entities.iter().fold(text.to_owned(), |text, (entity, by)| text.replace(entity, by))
}

fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(value, |value, step| &value[step])
}

/// What stands in a path where a template has labels; none where it is another path.
fn labels(uri: &str, path: &str, query: &[(String, String)]) -> Option<Vec<(String, String)>> {
    let (template, fixed) = uri.split_once('?').unwrap_or((uri, ""));
    if !pairs(fixed).iter().all(|pair| query.contains(pair)) {
        return None;
    }
    let (mut found, mut rest) = (Vec::new(), path);
    for step in template.split('/').skip(1) {
        rest = rest.strip_prefix('/')?;
        let Some(label) = step.strip_prefix('{').and_then(|step| step.strip_suffix('}')) else {
            rest = rest.strip_prefix(step).filter(|rest| rest.is_empty() || rest.starts_with('/'))?;
            continue;
        };
        let (name, value) = match label.strip_suffix('+') {
            Some(name) => (name, rest),
            None => (label, rest.split('/').next()?),
        };
        if value.is_empty() {
            return None;
        }
        rest = &rest[value.len()..];
        found.push((name.to_owned(), decoded(value)));
    }
    rest.is_empty().then_some(found)
}

fn pairs(text: &str) -> Vec<(String, String)> {
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let (mut out, mut bytes) = (Vec::with_capacity(text.len()), text.bytes());
    while let Some(byte) = bytes.next() {
        let hex = |byte: Option<u8>| (byte? as char).to_digit(16);
        match byte {
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(high), Some(low)) => out.push((high * 16 + low) as u8),
                _ => out.push(b'?'),
            },
            b'+' => out.push(b' '),
            byte => out.push(byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{decoded, labels};

    #[test]
    fn paths() {
        let arn = "arn:aws:x:r:1:y/z";
        for (uri, path, expected) in [
            ("/tags/{arn}", "/tags/arn%3Aaws%3Ax%3Ar%3A1%3Ay%2Fz", Some(arn)),
            ("/v1/tags/{arn+}", "/v1/tags/arn%3Aaws%3Ax%3Ar%3A1%3Ay/z", Some(arn)),
            ("/tags/{arn}/", "/tags/arn%3Aaws%3Ax%3Ar%3A1%3Ay%2Fz/", Some(arn)),
            ("/tags/{arn}", "/other/arn", None),
            ("/{arn}?tagging", "/bucket", None),
        ] {
            let found = labels(uri, path, &[]).map(|mut found| found.remove(0).1);
            assert_eq!(found.as_deref(), expected, "{uri} {path}");
        }
        assert_eq!(decoded("a%2Fb+c"), "a/b c");
    }
}
