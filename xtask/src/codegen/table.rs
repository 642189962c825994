//! `crates/catalog/src/generated.rs`: the static tables.

use crate::catalog::{
    Call, Catalog, Client, Fixed, Identities, Known, Meaning, OneOrMany, Operation, Parent, Quota, Resource,
    Session, Together, Told,
};
use std::{collections::BTreeMap, fmt::Write};
use tagger_catalog::template::{self, Filter, Part};

/// The file's text.
///
/// # Errors
/// A word in the catalog that no type of `tagger-catalog` has.
pub fn tables(catalog: &Catalog) -> Result<String, String> {
    let mut out = String::from(
        "//! Generated from `catalog/*.toml` by `cargo xtask codegen`; do not edit by hand. A line an entry, so it is not formatted.\n\n\
         use crate::{\n    client::Client,\n    ec2::describe,\n    entry::{Copies, Entry, Event, Evidence, Upsert},\n    errors::{By, Class, Meaning},\n    finder::{Child, Finder},\n    identities::{Kind, Known},\n    \
         endpoint::{Kind as EndpointKind, Variant as EndpointVariant},\n    lifetime::{Named, Slow, Told},\n    not_ours::NotOurs,\n    operation::{\n        Call, Fixed, GlobalEndpoint, \
         Operation, Place, Protocol, Shape, Takes, Variant,\n    },\n    parent::{Parent, Session},\n    partition::Partition,\n    quota::{Quota, Together},\n    template::{Filter, Part},\n};\n\n",
    );
    let operations = catalog.used_operations();
    let place: BTreeMap<&str, usize> =
        operations.iter().enumerate().map(|(index, operation)| (operation.name.as_str(), index)).collect();

    out.push_str("pub(crate) static OPERATIONS: &[Operation] = &[\n");
    for operation in &operations {
        let _ = writeln!(out, "    {},", operation_literal(operation)?);
    }
    out.push_str("];\n\npub(crate) static EVENTS: &[Event] = &[\n");

    let mut events: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
    for (file, entry) in catalog.entries() {
        let literal = format!(
            "Entry {{ resource_type: {:?}, arn: {}, id: {}, region: {}, operation: &OPERATIONS[{}], with: &{:?}, describe: \
             {:?}, except: {}, when: &{:?}, unless: &{:?}, upsert: {}, copies: {}, evidence: Evidence::{:?}, source: {:?} }}",
            entry.r#type,
            templates(&entry.arn)?,
            templates(&entry.id)?,
            templates(&entry.region)?,
            place[entry.tag.as_str()],
            entry.with.iter().collect::<Vec<_>>(),
            entry.describe,
            templates(&entry.except)?,
            entry.when.iter().collect::<Vec<_>>(),
            entry.unless.as_slice(),
            upsert(entry)?,
            copies(entry)?,
            entry.evidence,
            entry.source,
        );
        events.entry((&file.event_source, &entry.event)).or_default().push(literal);
    }
    for ((source, name), entries) in events {
        let _ = writeln!(
            out,
            "    Event {{ source: {source:?}, name: {name:?}, entries: &[{}] }},",
            entries.join(", ")
        );
    }
    out.push_str("];\n\npub(crate) static LEFT_ALONE: &[(&str, &str, &str)] = &[\n");
    for row in catalog.events_left_alone() {
        let _ = writeln!(out, "    {row:?},");
    }
    out.push_str("];\n\npub(crate) static PARTITIONS: &[Partition] = &[\n");
    for partition in &catalog.partitions {
        let _ = writeln!(
            out,
            "    Partition {{ name: {:?}, prefixes: &{:?}, dns_suffix: {:?}, dualstack_suffix: {:?}, global_region: {:?}, global_event_regions: &{:?}, forwards_events: {} }},",
            partition.name,
            partition.prefixes,
            partition.dns_suffix,
            partition.dualstack_suffix,
            partition.global_region,
            partition.global_event_regions,
            partition.forwards_events
        );
    }
    out.push_str("];\n\n");
    endpoints(catalog, &operations, &mut out)?;
    identities(catalog, &mut out)?;
    out.push_str("pub(crate) static CLIENTS: &[Client] = &[\n");
    for Client { via, agent, after_console, .. } in &catalog.clients {
        let _ =
            writeln!(out, "    Client {{ via: {via:?}, agent: {agent:?}, after_console: {after_console} }},");
    }
    out.push_str("];\n\n");
    over_time(catalog, &mut out)?;
    parents(catalog, &place, &mut out)?;
    super::children::tables(catalog, &mut out);
    Ok(out)
}

/// Names of sessions, source identities and web identity providers.
fn identities(catalog: &Catalog, out: &mut String) -> Result<(), String> {
    let Identities { session, source_identity, web_identity } = &catalog.identities;
    for (name, list) in
        [("SESSIONS", session), ("SOURCE_IDENTITIES", source_identity), ("PROVIDERS", web_identity)]
    {
        let _ = writeln!(out, "pub(crate) static {name}: &[Known] = &[");
        for Known { pattern, kind, made_up, .. } in list {
            let kind = word(kind, &[("workload", "Workload"), ("ci", "Ci"), ("role", "Role")])
                .map_err(|error| format!("catalog/identities.toml: {pattern}: {error}"))?;
            let _ = writeln!(
                out,
                "    Known {{ pattern: {pattern:?}, kind: Kind::{kind}, made_up: {made_up} }},"
            );
        }
        out.push_str("];\n\n");
    }
    Ok(())
}

/// FIPS and dual-stack endpoints that do not follow the pattern, of the operations that are used.
fn endpoints(catalog: &Catalog, operations: &[&Operation], out: &mut String) -> Result<(), String> {
    out.push_str("pub(crate) static ENDPOINT_VARIANTS: &[EndpointVariant] = &[\n");
    for endpoint in &catalog.endpoints {
        if operations.iter().all(|operation| operation.endpoint != endpoint.prefix) {
            continue;
        }
        for variant in &endpoint.variants {
            let kinds = [("fips", "Fips"), ("dualstack", "Dualstack"), ("fips-dualstack", "FipsDualstack")];
            let kind = word(&variant.kind, &kinds)
                .map_err(|error| format!("catalog/endpoints.toml: {}: {error}", endpoint.prefix))?;
            let _ = writeln!(
                out,
                "    EndpointVariant {{ endpoint: {:?}, kind: EndpointKind::{kind}, regions: &{:?}, partitions: &{:?}, host: {:?} }},",
                endpoint.prefix, variant.regions, variant.partitions, variant.host
            );
        }
    }
    out.push_str("];\n\n");
    Ok(())
}

/// For whom services act.
fn parents(catalog: &Catalog, place: &BTreeMap<&str, usize>, out: &mut String) -> Result<(), String> {
    out.push_str("\npub(crate) static SERVICE_SESSIONS: &[Session] = &[\n");
    for Session { name, by, tags_later, .. } in &catalog.parents.session {
        let _ = writeln!(out, "    Session {{ pattern: {name:?}, by: &{by:?}, tags_later: {tags_later} }},");
    }
    let principals: Vec<_> = catalog.parents.principal.iter().map(|principal| &principal.tag).collect();
    let on_behalf: Vec<_> = catalog.parents.on_behalf.iter().map(|known| &known.session).collect();
    let _ = writeln!(out, "];\n\npub(crate) static PRINCIPALS: &[&str] = &{principals:?};\n");
    let _ = writeln!(out, "pub(crate) static ON_BEHALF: &[&str] = &{on_behalf:?};\n");
    let readers = &catalog.parents.operation;
    out.push_str("static READERS: &[Operation] = &[\n");
    for operation in readers {
        let _ = writeln!(out, "    {},", operation_literal(operation)?);
    }
    out.push_str("];\n\npub(crate) static PARENTS: &[Parent] = &[\n");
    for parent in &catalog.parents.parent {
        let Parent { r#type: resource_type, tags, path, form, role, by, arn, id, with, read, .. } = parent;
        let Parent { was_there, changed_by, drafted_by, set_by, made_by, .. } = parent;
        let operation = match readers.iter().position(|reader| reader.name == *read) {
            Some(index) => format!("&READERS[{index}]"),
            None => format!("&OPERATIONS[{}]", place[read.as_str()]),
        };
        let with: Vec<_> = with.iter().collect();
        let _ = writeln!(
            out,
            "    Parent {{ resource_type: {resource_type:?}, tags: &{tags:?}, named: ({path:?}, {form:?}), role: {role:?}, by: {by:?}, \
             arn: {arn:?}, id: {id:?}, with: &{with:?}, operation: {operation}, was_there: {was_there}, changed_by: &{changed_by:?}, \
             drafted_by: &{drafted_by:?}, set_by: &{set_by:?}, made_by: &{made_by:?} }},"
        );
    }
    out.push_str("];\n");
    Ok(())
}

/// What error codes mean, what is known of types over time, how many calls are sent.
fn over_time(catalog: &Catalog, out: &mut String) -> Result<(), String> {
    out.push_str("pub(crate) static MEANINGS: &[Meaning] = &[\n");
    for meaning in &catalog.errors {
        let Meaning { class, by, passes, lasts, services, codes, contains, messages } = meaning;
        let classes = tagger_catalog::errors::Class::ALL.iter().find(|known| known.as_str() == class);
        let class = classes.ok_or_else(|| format!("catalog/errors.toml: unknown class `{class}`"))?;
        let by = match by {
            None => "None".to_owned(),
            Some(by) => {
                let known = tagger_catalog::errors::By::ALL.iter().find(|known| known.as_str() == by);
                format!(
                    "Some(By::{:?})",
                    known.ok_or_else(|| format!("catalog/errors.toml: unknown `{by}`"))?
                )
            }
        };
        let _ = writeln!(
            out,
            "    Meaning {{ class: Class::{class:?}, by: {by}, passes: {passes}, lasts: {lasts}, services: &{services:?}, codes: &{codes:?}, \
             contains: &{contains:?}, messages: &{messages:?} }},"
        );
    }
    let unique: Vec<_> = catalog.unique_types().into_iter().collect();
    let _ = writeln!(out, "];\n\npub(crate) static UNIQUE: &[&str] = &{unique:?};\n");
    out.push_str("pub(crate) static TOLD: &[Told] = &[\n");
    for told in &catalog.lifetimes.told {
        let _ = writeln!(out, "    {},", told_literal(told, catalog)?);
    }
    out.push_str("];\n\npub(crate) static SLOW: &[Slow] = &[\n");
    for slow in &catalog.lifetimes.slow {
        let _ = writeln!(out, "    Slow {{ resource_type: {:?}, minutes: {} }},", slow.r#type, slow.minutes);
    }
    out.push_str("];\n\npub(crate) static QUOTAS: &[Quota] = &[\n");
    for Quota { call, a_second, burst, .. } in &catalog.quotas.quota {
        let _ = writeln!(out, "    Quota {{ call: {call:?}, a_second: {a_second}, burst: {burst} }},");
    }
    let rate = &catalog.quotas.default;
    let _ = writeln!(
        out,
        "];\n\npub(crate) static QUOTA: Quota = Quota {{ call: \"\", a_second: {}, burst: {} }};",
        rate.a_second, rate.burst
    );
    out.push_str("\npub(crate) static TOGETHER: &[Together] = &[\n");
    for Together { operation, write, read, names, .. } in &catalog.quotas.together {
        let _ = writeln!(
            out,
            "    Together {{ operation: {operation:?}, write: {write}, read: {read}, names: {names:?} }},"
        );
    }
    out.push_str("];\n");
    Ok(())
}

fn told_literal(told: &Told, catalog: &Catalog) -> Result<String, String> {
    let takes = if told.takes.starts_with("requestParameters.") || told.takes.starts_with("responseElements.")
    {
        format!("Recorded({:?})", told.takes)
    } else {
        word(&told.takes, &[("id", "Id"), ("arn", "Arn"), ("path", "Path")])
            .map_err(|error| format!("catalog/lifetimes.toml: {}: {error}", told.r#type))?
            .to_owned()
    };
    let entry = catalog.entries().find(|(_, entry)| entry.r#type == told.r#type);
    let operation = entry.and_then(|(_, entry)| catalog.operations.get(told.endpoint(entry)));
    let operation = operation.ok_or_else(|| format!("catalog/lifetimes.toml: {}: no entry", told.r#type))?;
    let list = told.describe.list.iter().map(|(name, texts)| (name.clone(), Fixed::Texts(texts.clone())));
    let call = Call {
        operation: told.describe.operation.clone(),
        method: told.describe.method.clone(),
        uri: told.describe.uri.clone(),
        id: told.describe.id.clone(),
        r#in: told.describe.r#in.clone(),
        many: told.describe.many,
        shape: "list".to_owned(),
        extra: list.collect(),
        headers: told.describe.headers.clone(),
        ..Call::default()
    };
    Ok(format!(
        "Told {{ resource_type: {:?}, describe: {}, at: {:?}, only_existed: {:?}, takes: Named::{takes}, among: {:?}, name: {:?}, same: {:?}, created: {:?}, \
         within: {}, status: {:?}, ready: &{:?} }}",
        told.r#type,
        call_literal(&call, operation)?,
        told.at,
        told.only_existed,
        told.among,
        told.name,
        told.same,
        told.created,
        told.within.unwrap_or(15),
        told.status,
        told.ready,
    ))
}

/// Whether the call answers with success for what exists.
fn upsert(entry: &Resource) -> Result<String, String> {
    match (entry.upsert, entry.upsert_in.as_slice()) {
        (false, []) => Ok("Upsert::Never".to_owned()),
        (true, []) => Ok("Upsert::Always".to_owned()),
        (false, regions) => Ok(format!("Upsert::In(&{regions:?})")),
        (true, _) => Err(format!("{} {}: `upsert` or `upsert-in`, not both", entry.event, entry.r#type)),
    }
}

/// Whether the call copies the source's tags.
fn copies(entry: &Resource) -> Result<String, String> {
    Ok(match entry.copies.as_str() {
        "" => "Copies::Never".to_owned(),
        "always" => "Copies::Always".to_owned(),
        text => match text.split_once(' ') {
            Some(("if", path)) if path.starts_with("requestParameters.") => format!("Copies::If({path:?})"),
            Some(("unless", path)) if path.starts_with("requestParameters.") => {
                format!("Copies::Unless({path:?})")
            }
            _ => {
                return Err(format!(
                    "catalog: {} by {}: `copies = {text:?}` is none of \"always\", \"if PATH\" and \"unless PATH\", with a path in requestParameters",
                    entry.r#type, entry.event
                ));
            }
        },
    })
}

fn templates(list: &OneOrMany) -> Result<String, String> {
    let templates = list.as_slice().iter().map(|text| {
        let parts = template::parse(text)?.into_iter().map(|part| match part {
            Part::Text(text) => format!("Part::Text({text:?})"),
            Part::Partition => "Part::Partition".to_owned(),
            Part::Region => "Part::Region".to_owned(),
            Part::Account => "Part::Account".to_owned(),
            Part::DnsSuffix => "Part::DnsSuffix".to_owned(),
            Part::Child => "Part::Child".to_owned(),
            Part::Path { path, filter } => {
                let filter = match filter {
                    Filter::None => "None",
                    Filter::Name => "Name",
                    Filter::Slash => "Slash",
                };
                format!("Part::Path {{ path: {path:?}, filter: Filter::{filter} }}")
            }
        });
        Ok(format!("&[{}]", parts.collect::<Vec<_>>().join(", ")))
    });
    Ok(format!("&[{}]", templates.collect::<Result<Vec<_>, String>>()?.join(", ")))
}

fn operation_literal(operation: &Operation) -> Result<String, String> {
    let protocol = match operation.protocol.as_str() {
        "json-1.0" => format!("Json {{ minor: \"1.0\", target: {:?} }}", operation.target),
        "json-1.1" => format!("Json {{ minor: \"1.1\", target: {:?} }}", operation.target),
        "query" => format!("Query({:?})", operation.version),
        "ec2" => format!("Ec2({:?})", operation.version),
        "rest-json" => "RestJson".to_owned(),
        "rest-xml" => "RestXml".to_owned(),
        other => {
            return Err(format!("catalog/operations.toml: {}: unknown protocol `{other}`", operation.name));
        }
    };
    let takes = match operation.takes.strip_prefix("after ") {
        Some(text) => format!("After({text:?})"),
        None => {
            let known = [("arn", "Arn"), ("path", "Path"), ("last", "Last"), ("given", "Given")];
            word(&operation.takes, &known)
                .map_err(|error| format!("catalog/operations.toml: {}: {error}", operation.name))?
                .to_owned()
        }
    };
    let variant = match operation.variant.as_deref() {
        None | Some("autoscaling") => "Regular",
        Some("ec2") => "Ec2",
        Some("s3") => "S3",
        Some("s3-replace") => "Replaces",
        Some("tagging-api") => "Regular",
        Some(other) => {
            return Err(format!("catalog/operations.toml: {}: unknown variant `{other}`", operation.name));
        }
    };
    let global: Vec<_> = operation
        .global
        .iter()
        .map(|at| {
            format!(
                "GlobalEndpoint {{ partition: {:?}, host: {:?}, region: {:?} }}",
                at.partition, at.host, at.region
            )
        })
        .collect();
    let read = operation.read.as_ref().map(|call| call_literal(call, operation)).transpose()?;
    Ok(format!(
        "Operation {{ name: {:?}, actions: &{:?}, reads: &{:?}, protocol: Protocol::{protocol}, endpoint: {:?}, signing: {:?}, \
         host: {:?}, host_prefix: {:?}, global: &[{}], takes: Takes::{takes}, variant: Variant::{variant}, write: {}, read: {}, \
         refused_in_keys: {:?}, refused_in_values: {:?}, max_tags: {} }}",
        operation.name,
        operation.actions,
        operation.reads,
        operation.endpoint,
        operation.signing.as_deref().unwrap_or(&operation.endpoint),
        operation.host,
        operation.host_prefix,
        global.join(", "),
        // What only reads has no other call.
        call_literal(
            operation.read.as_ref().filter(|_| operation.actions.is_empty()).unwrap_or(&operation.write),
            operation
        )?,
        read.map_or("None".to_owned(), |read| format!("Some({read})")),
        operation.refused_in_keys,
        operation.refused_in_values,
        operation.max_tags.unwrap_or(50),
    ))
}

fn call_literal(call: &Call, operation: &Operation) -> Result<String, String> {
    let place = call.r#in.as_deref().unwrap_or("body");
    let places = [("body", "Body"), ("uri", "Uri"), ("query", "Query"), ("header", "Header"), ("tag", "Tag")];
    let place = word(place, &places)
        .map_err(|error| format!("catalog/operations.toml: {}: {error}", operation.name))?;
    let shape = word(&call.shape, &[("map", "Map"), ("list", "List")])
        .map_err(|error| format!("catalog/operations.toml: {}: {error}", operation.name))?;
    let mut uri = call.uri.clone().unwrap_or_else(|| "/".to_owned());
    for (name, value) in &call.query {
        let value = match value {
            Fixed::Text(text) => text.clone(),
            Fixed::Number(number) => number.to_string(),
            Fixed::Texts(texts) => texts.join(","),
        };
        uri = format!("{uri}{}{name}={value}", if uri.contains('?') { '&' } else { '?' });
    }
    let extra = call.extra.iter().map(|(name, value)| match value {
        Fixed::Text(text) => format!("({name:?}, Fixed::Text({text:?}))"),
        Fixed::Number(number) => format!("({name:?}, Fixed::Number({number}))"),
        Fixed::Texts(texts) => format!("({name:?}, Fixed::Texts(&{texts:?}))"),
    });
    Ok(format!(
        "Call {{ operation: {:?}, method: {:?}, uri: {uri:?}, id: {:?}, id_in: Place::{place}, many: {}, id_member: {:?}, tags: {:?}, \
         shape: Shape::{shape}, key: {:?}, value: {:?}, tag_member: {:?}, tag_extra: &{:?}, root: {:?}, xmlns: {:?}, extra: \
         &[{}], headers: &{:?}, checksum: {} }}",
        call.operation,
        call.method.as_deref().unwrap_or("POST"),
        call.id,
        call.many,
        if call.flat { "" } else { call.id_member.as_deref().unwrap_or("member") },
        call.tags,
        call.key.as_deref().unwrap_or("Key"),
        call.value.as_deref().unwrap_or("Value"),
        if call.flat_tags { "" } else { call.tag_member.as_deref().unwrap_or("member") },
        call.tag_extra.iter().collect::<Vec<_>>(),
        call.root,
        call.xmlns,
        extra.collect::<Vec<_>>().join(", "),
        call.headers.iter().collect::<Vec<_>>(),
        call.checksum,
    ))
}

fn word(found: &str, known: &[(&str, &'static str)]) -> Result<&'static str, String> {
    let words = known.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    known
        .iter()
        .find(|(word, _)| *word == found)
        .map(|(_, name)| *name)
        .ok_or_else(|| format!("`{found}` is not one of {words}"))
}
