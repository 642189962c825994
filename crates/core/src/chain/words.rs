//! A chain in words: one sentence, then a line for each link; and the same as JSON.

use super::{
    Chain, End, Link, Missing, Step,
    call::{Call, Caller},
    target::Made,
    time,
};
use crate::identity::Kind;
use serde_json::{Value, json};

/// The whole answer in one sentence.
pub fn sentence(chain: &Chain) -> String {
    let Some(who) = &chain.who else { return nobody(chain) };
    let mut text = titled(who);
    let roles = roles(chain);
    if !roles.is_empty() {
        text += &format!(", through {}", roles.join(" and "));
    }
    if let Some(behind) = &chain.behind {
        text += &format!(", from {}", titled(behind));
    }
    let hops = chain.hops();
    let plural = if hops == 1 { "" } else { "s" };
    text + &format!(", {hops} hop{plural}, weakest link: {}", chain.weakest().as_str())
}

fn nobody(chain: &Chain) -> String {
    let last = chain.steps.last().map(|step| described(&step.call.caller)).unwrap_or_default();
    if !chain.rivals.is_empty() {
        let callers: Vec<String> = chain.rivals.iter().map(|call| described(&call.caller)).collect();
        return format!(
            "ambiguous: {last} made it, and {} calls could have begun that session: by {}",
            callers.len(),
            callers.join("; by ")
        );
    }
    match chain.missing.first() {
        Some(missing) => format!("not known: {last} made it, and {} is not in the records", missing.what),
        None => format!("not known: {last} made it, and the records say no more"),
    }
}

/// Whoever it is, with what he is where the name does not say it.
fn titled(end: &End) -> String {
    let detail = end.detail.as_ref().map(|detail| format!(" ({detail})")).unwrap_or_default();
    match end.kind {
        Kind::Person => end.name.clone(),
        Kind::User => format!("{} (IAM user)", end.name),
        Kind::Root => format!("root {}", end.detail.clone().unwrap_or_default()).trim_end().to_owned(),
        Kind::Service => end.name.clone(),
        _ => format!("{} {}{detail}", end.what, end.name),
    }
}

/// The roles of the chain, from whoever is behind it to the creation.
fn roles(chain: &Chain) -> Vec<String> {
    let mut roles: Vec<String> = Vec::new();
    let accounts: std::collections::BTreeSet<&str> =
        chain.steps.iter().map(|step| step.call.caller.account.as_str()).collect();
    for step in chain.steps.iter().rev() {
        let Some(role) = &step.call.caller.role else { continue };
        let account = &step.call.caller.account;
        let text =
            if accounts.len() > 1 { format!("role {role} of {account}") } else { format!("role {role}") };
        if roles.last() != Some(&text) {
            roles.push(text);
        }
    }
    roles
}

/// Who made a call, as its record alone says.
pub fn described(caller: &Caller) -> String {
    let of =
        if caller.account.is_empty() { String::new() } else { format!(" of account {}", caller.account) };
    let named = caller.creator.name.clone().unwrap_or_else(|| "nobody".to_owned());
    if let ("WebIdentityUser", Some((provider, subject))) = (caller.stated_type.as_str(), &caller.provider) {
        return format!("{subject} of {provider}");
    }
    match (&caller.session, &caller.role) {
        (Some(session), Some(role)) => format!("session {session} of role {role}{of}"),
        _ if caller.stated_type == "IAMUser" => format!("IAM user {named}{of}"),
        _ if caller.stated_type == "AWSAccount" => format!("somebody{of}"),
        _ if caller.stated_type == "Root" => format!("root{of}"),
        _ => named,
    }
}

/// The chain, a line for each link, with the ids of its events.
pub fn lines(chain: &Chain) -> Vec<String> {
    let mut lines: Vec<String> = chain.steps.iter().map(line).collect();
    let mut behind: Vec<&End> = Vec::new();
    behind.extend(&chain.behind);
    behind.extend(&chain.who);
    for end in behind {
        lines.push(format!("{:<9}  {}: {} ({})", end.link.as_str(), end.what, end.name, end.why));
    }
    for rival in &chain.rivals {
        lines.push(format!("{:<9}  {}", Link::Ambiguous.as_str(), event(rival)));
    }
    lines.extend(chain.missing.iter().map(|missing| format!("{:<9}  {}", "missing", wanting(missing))));
    lines.extend(chain.notes.iter().map(|note| format!("{:<9}  {note}", "note")));
    lines
}

fn line(step: &Step) -> String {
    let link = step.link.map_or("made by", Link::as_str);
    format!("{link:<9}  {}", event(&step.call))
}

fn event(call: &Call) -> String {
    let at = call.time.map_or_else(|| "at no time".to_owned(), time::shown);
    let service = call.source.strip_suffix(".amazonaws.com").unwrap_or(&call.source);
    let where_ = [call.account.as_str(), call.region.as_str()].join(" ");
    format!(
        "{at}  {service} {}  by {}  [{} {}]",
        call.name,
        described(&call.caller),
        call.event_id,
        where_.trim()
    )
}

/// What is missing, with the place where it would be.
pub fn wanting(missing: &Missing) -> String {
    let account = if missing.account.is_empty() { "an account that is not known" } else { &missing.account };
    let when = match (missing.from, missing.until) {
        (_, 0) => String::new(),
        (0, until) => format!(", before {}", time::shown(until)),
        (from, until) => format!(", from {} to {}", time::shown(from), time::shown(until)),
    };
    let regions = missing.regions.iter().filter(|region| !region.is_empty()).cloned().collect::<Vec<_>>();
    let regions = if regions.is_empty() { String::new() } else { format!(" in {}", regions.join(" or ")) };
    format!("{}; it would be in a trail of account {account} that logs reads{regions}{when}", missing.what)
}

/// The same for programs.
pub fn json(asked: &str, made: &Made, chain: &Chain) -> Value {
    json!({
        "asked": asked,
        "found": true,
        "sentence": sentence(chain),
        "resource": { "type": made.resource_type, "arn": made.arn, "mayBeUpdate": made.may_be_update },
        "who": chain.who,
        "behind": chain.behind,
        "hops": chain.hops(),
        "weakest": chain.weakest(),
        "chain": chain.steps.iter().map(|step| {
            let mut value = event_json(&step.call);
            value["link"] = json!(step.link);
            value
        }).collect::<Vec<_>>(),
        "rivals": chain.rivals.iter().map(event_json).collect::<Vec<_>>(),
        "missing": chain.missing.iter().map(|missing| json!({
            "what": missing.what,
            "account": missing.account,
            "regions": missing.regions,
            "from": (missing.from > 0).then(|| time::shown(missing.from)),
            "until": (missing.until > 0).then(|| time::shown(missing.until)),
        })).collect::<Vec<_>>(),
        "notes": chain.notes,
    })
}

fn event_json(call: &Call) -> Value {
    let caller = &call.caller;
    json!({
        "eventID": call.event_id,
        "eventSource": call.source,
        "eventName": call.name,
        "eventTime": call.time.map(time::shown),
        "account": call.account,
        "region": call.region,
        "caller": {
            "name": caller.creator.name, "kind": caller.creator.kind, "type": caller.stated_type, "arn": caller.arn,
            "account": caller.account, "role": caller.role, "session": caller.session, "accessKeyId": caller.key,
        },
    })
}
