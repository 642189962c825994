//! Does the function run, is it of this version, do its settings leave anything to tag, and may the rules call it?

use super::{
    code,
    report::{Check, Verdict, some},
    stack::{Site, of_version},
};
use crate::{
    deployment::FUNCTION,
    held_settings::{self, Held},
};
use serde_json::Value;
use std::collections::BTreeMap;
use tagger_aws::account::{
    Account, Trouble,
    function::{Function, Limit, Mapping},
};
use tagger_core::{Policy, config, identity::Kind, policy::matches, settings};

/// What other checks need of the function.
#[derive(Debug, Default)]
pub struct Known {
    /// The ARN of its role.
    pub role: Option<String>,
    /// Its settings: those of the file in its zip, and of its environment on top.
    pub policy: Option<Policy>,
}

/// Looks at the function.
pub async fn check(account: &Account, site: &Site) -> (Vec<Check>, Known) {
    let functions = account.functions(&site.home);
    let function = match functions.find(FUNCTION).await {
        Ok(Some(function)) => function,
        Ok(None) => {
            let message = format!("there is no function {FUNCTION} in {}", site.home);
            let fix = "CloudFormation does not recreate what was deleted outside of it: `tagger destroy`, then `tagger deploy`";
            return (vec![Check::new("function", Verdict::Bad, message).fix(fix)], Known::default());
        }
        Err(trouble) => return (vec![Check::unknown("function", &trouble)], Known::default()),
    };
    let mut checks = of_state(&function);
    checks.push(of_description(&function.description));
    let held = match &site.stack {
        Some(stack) => held_settings::of_stack(account, &site.home, stack).await,
        None => Held::default(),
    };
    checks.push(code::judge(&function, &held, site.stack.as_ref()));
    let (settings, policy) = of_settings(&function, &held);
    checks.push(settings);
    let mappings = functions.mappings(FUNCTION).await;
    let mapped =
        mappings.as_ref().map_or(0, |mappings| mappings.iter().filter_map(|mapping| mapping.most).sum());
    match functions.reserved(FUNCTION).await {
        Ok(reserved) => {
            checks.push(of_reserved(reserved));
            if reserved.is_none() {
                checks.push(of_limit(&functions.limit().await, mapped, &site.home));
            }
        }
        Err(trouble) => checks.push(Check::unknown("concurrency", &trouble)),
    }
    if !site.is_queued() {
        let rules = format!("arn:{}:events:{}:{}:rule/", account.partition.name, site.home, account.id);
        checks.push(match functions.policy(FUNCTION).await {
            Ok(policy) => of_resource_policy(policy.as_deref(), &rules, site),
            Err(trouble) => Check::unknown("invocation", &trouble),
        });
    }
    checks.push(match &mappings {
        Ok(mappings) => of_mappings(mappings, site),
        Err(trouble) => Check::unknown("queues-read", trouble),
    });
    let stated = site.output("RoleArn").filter(|stated| *stated != function.role);
    if let Some(stated) = stated {
        let message = format!("the function has the role {} instead of {stated}", function.role);
        let fix = format!(
            "`aws lambda update-function-configuration --function-name {FUNCTION} --role {stated} --region {}`",
            site.home
        );
        checks.push(Check::new("function", Verdict::Warn, message).fix(fix));
    }
    (checks, Known { role: Some(function.role), policy })
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>
fn of_state(function: &Function) -> Vec<Check> {
    let mut checks = Vec::new();
    let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let (state, update) = (function.state.as_str(), function.last_update.as_str());
    if state.is_empty() {
        checks.push(Check::new(
            "function",
            Verdict::Unknown,
            format!("Lambda does not tell the state of {FUNCTION}"),
        ));
    } else if state != "Active" {
        let verdict = if state == "Failed" { Verdict::Bad } else { Verdict::Warn };
        let message = format!("{FUNCTION} is {state}{}", because(&function.state_reason));
        checks.push(
            Check::new("function", verdict, message)
                .fix("wait and ask again; `tagger deploy`, if it stays so"),
        );
    }
    if !matches!(update, "Successful" | "") {
        let verdict = if update == "Failed" { Verdict::Bad } else { Verdict::Warn };
        let message = format!("its last update is {update}{}", because(&function.last_update_reason));
        checks.push(
            Check::new("function", verdict, message)
                .fix("wait and ask again; `tagger deploy`, if it stays so"),
        );
    }
    if checks.is_empty() {
        checks.push(Check::ok("function", format!("{FUNCTION} is active, {}", function.architecture)));
    }
    checks
}

/// The template puts the version in brackets at the end of the description.
fn of_description(description: &str) -> Check {
    let version =
        description.trim_end_matches('.').rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    match version {
        Some(version) => of_version("function-version", version),
        None => Check::new(
            "function-version",
            Verdict::Info,
            "the function's description does not say its version",
        ),
    }
}

/// What the variables say, and the settings that they give.
fn of_settings(function: &Function, held: &Held) -> (Check, Option<Policy>) {
    let name = "settings";
    if let Some(why) = &held.unread {
        let message = format!("the settings in the deployed zip could not be read: {why}");
        let fix = "let this principal read the zip (s3:GetObject), or deploy again with --config";
        return (Check::new(name, Verdict::Unknown, message).fix(fix), None);
    }
    let Some(variables) = &function.variables else {
        let message = format!("Lambda does not tell the function's variables: {}", function.variables_error);
        return (
            Check::new(name, Verdict::Unknown, message).fix("let this principal use their KMS key"),
            None,
        );
    };
    let pairs = variables.iter().map(|(name, value)| (name.clone(), value.clone()));
    let base = held.file.as_ref().map(|file| file.policy.clone()).unwrap_or_default();
    let policy = match config::from_environment(base, pairs) {
        Ok(policy) => policy,
        Err(error) => {
            let message = format!("the function does not start, its settings are wrong: {error}");
            let fix = "fix the stack's parameter, for example `tagger deploy --set TagKey=CreatedBy`; a variable that was \
                        changed by hand: `aws lambda update-function-configuration`";
            return (Check::new(name, Verdict::Bad, message).fix(fix), None);
        }
    };
    let all_skipped = Kind::ALL.iter().all(|kind| policy.skipped.contains(kind));
    let everybody = policy
        .excluded
        .iter()
        .find(|pattern| matches(pattern, "arn:aws:iam::111122223333:user/x") && matches(pattern, "x"));
    let check = if all_skipped {
        Check::new(name, Verdict::Bad, "every kind of creator is skipped, so nothing is tagged")
            .fix("`tagger deploy --set SkipKinds=`")
    } else if let Some(pattern) = everybody {
        let message = format!("the pattern `{pattern}` excludes everybody, so nothing is tagged");
        Check::new(name, Verdict::Bad, message).fix("`tagger deploy --set ExcludePrincipals=`")
    } else {
        Check::ok(name, words(&policy, variables))
    };
    (check, Some(policy))
}

fn words(policy: &Policy, variables: &BTreeMap<String, String>) -> String {
    let mut words = format!("{}={}", policy.tag.key, policy.tag.value.as_str());
    for tag in &policy.further {
        words.push_str(&format!(", {}={}", tag.key, tag.value.as_str()));
    }
    if !policy.skipped.is_empty() {
        let kinds: Vec<_> = policy.skipped.iter().map(|kind| kind.as_str()).collect();
        words.push_str(&format!("; left alone are the kinds {}", kinds.join(", ")));
    }
    if !policy.excluded.is_empty() {
        words.push_str(&format!("; left alone are {}", some(&policy.excluded, 3)));
    }
    // The rest is in sentences that `tagger status` shows.
    let shown = 1
        + policy.further.len()
        + usize::from(!policy.skipped.is_empty())
        + usize::from(!policy.excluded.is_empty());
    let more = settings::words::of(policy).len().saturating_sub(shown);
    if more > 0 {
        words.push_str(&format!("; and {more} more (`tagger status` shows them)"));
    }
    if variables.contains_key("TAGGER_CONFIG") {
        words.push_str("; what the file TAGGER_CONFIG in the zip adds is not seen here");
    }
    words
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html>
fn of_reserved(reserved: Option<i32>) -> Check {
    match reserved {
        Some(0) => {
            Check::new("concurrency", Verdict::Bad, "the function is stopped: its reserved concurrency is 0")
                .fix(format!("`aws lambda delete-function-concurrency --function-name {FUNCTION}`"))
        }
        Some(number) => Check::ok("concurrency", format!("{number} calls at a time are reserved for it")),
        None => {
            Check::ok("concurrency", "nothing is reserved for it: it shares the account's calls at a time")
        }
    }
}

/// From so many calls at a time on, a limit is not worth a word. The default is 1,000; new accounts begin with 10.
const ROOM: i32 = 100;

/// What the account's limit means. A low one is no fault: what finds no place waits. Lambda keeps the event of a rule
/// and tries it again for six hours, then it is a dead letter; a message stays in its queue.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
fn of_limit(limit: &Result<Limit, Trouble>, mapped: i32, home: &str) -> Check {
    let name = "account-limit";
    let Limit { all, shared } = match limit {
        Ok(limit) => *limit,
        Err(trouble) => return Check::unknown(name, trouble),
    };
    let details = |check: Check| check.detail("limit", all).detail("shared", shared);
    let ask = format!(
        "a higher limit costs nothing: `aws service-quotas request-service-quota-increase --service-code lambda --quota-code \
         L-B99A9384 --desired-value 1000 --region {home}`"
    );
    if mapped > shared {
        let message = format!(
            "the account's functions may have {shared} calls at a time in {home}, and the queues' mappings up to {mapped}: under \
             load the function takes the place of others, and messages that are received too often become dead letters"
        );
        let fix = format!("{ask}; or `tagger deploy --delivery direct`, which is made for this");
        return details(Check::new(name, Verdict::Warn, message).fix(fix));
    }
    if shared < ROOM {
        let message = format!(
            "the account's functions may have {shared} calls at a time in {home} (new accounts begin with 10): when more is \
             created at once the events wait, up to six hours, and none is lost"
        );
        return details(Check::new(name, Verdict::Info, message).fix(ask));
    }
    details(Check::ok(name, format!("the account's functions may have {shared} calls at a time in {home}")))
}

/// Whether the rules may call the function.
fn of_resource_policy(policy: Option<&str>, rules: &str, site: &Site) -> Check {
    let policy: Value = policy.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let names = site.output("RuleNames").unwrap_or("auto-tag-create-resources");
    let refused: Vec<&str> =
        names.split(',').filter(|name| !admits(&policy, &format!("{rules}{name}"))).collect();
    if refused.is_empty() {
        return Check::ok("invocation", "its policy lets the rules call it");
    }
    let fix = format!(
        "`aws lambda add-permission --function-name {FUNCTION} --region {} --statement-id rules --action lambda:InvokeFunction \
         --principal events.amazonaws.com --source-arn '{rules}auto-tag-create-resources*'`",
        site.home
    );
    let message = format!("its policy does not let these rules call it: {}", some(&refused, 6));
    Check::new("invocation", Verdict::Bad, message).fix(fix)
}

/// Whether a function's policy lets a rule call it. Conditions that are not known here are taken for fulfilled.
fn admits(policy: &Value, rule: &str) -> bool {
    let list = |value: &Value| -> Vec<String> {
        match value {
            Value::Array(values) => values.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            Value::String(text) => vec![text.clone()],
            _ => Vec::new(),
        }
    };
    policy["Statement"].as_array().into_iter().flatten().any(|statement| {
        let who = &statement["Principal"];
        let who = if who.is_object() { list(&who["Service"]) } else { list(who) };
        let conditions = ["ArnLike", "ArnEquals", "StringLike", "StringEquals"].into_iter();
        let sources: Vec<_> = conditions
            .flat_map(|test| {
                let of = statement["Condition"][test].as_object().into_iter().flatten();
                of.filter(|(key, _)| key.eq_ignore_ascii_case("aws:SourceArn"))
                    .flat_map(|(_, value)| list(value))
            })
            .collect();
        statement["Effect"] == "Allow"
            && who.iter().any(|who| who == "events.amazonaws.com" || who == "*")
            && list(&statement["Action"])
                .iter()
                .any(|action| matches(&action.to_lowercase(), "lambda:invokefunction"))
            && (sources.is_empty() || sources.iter().any(|source| matches(source, rule)))
    })
}

/// Whether it reads the queues that it has to read.
fn of_mappings(mappings: &[Mapping], site: &Site) -> Check {
    let wanted = if site.is_queued() {
        &["auto-resource-tagger-events", "auto-resource-tagger-retry"][..]
    } else {
        &["auto-resource-tagger-retry"]
    };
    // What was made without the stack has no queues.
    let wanted = if site.stack.is_some() { wanted } else { &[] };
    for queue in wanted {
        let mapping = mappings.iter().find(|mapping| mapping.source.ends_with(&format!(":{queue}")));
        let of_events = queue.ends_with("-events");
        let verdict = if of_events { Verdict::Bad } else { Verdict::Warn };
        match mapping {
            None => {
                let message = format!("the function does not read {queue}");
                let size = if of_events { "1000 --maximum-batching-window-in-seconds 1" } else { "10" };
                let fix = format!(
                    "`aws lambda create-event-source-mapping --function-name {FUNCTION} --region {} --batch-size {size} \
                     --function-response-types ReportBatchItemFailures --event-source-arn` with the queue's ARN",
                    site.home
                );
                return Check::new("queues-read", verdict, message).fix(fix);
            }
            Some(mapping)
                if !matches!(mapping.state.as_str(), "Enabled" | "Enabling" | "Updating" | "Creating") =>
            {
                let message = format!("the function does not read {queue}: its mapping is {}", mapping.state);
                let fix = format!(
                    "`aws lambda update-event-source-mapping --uuid {} --enabled --region {}`",
                    mapping.uuid, site.home
                );
                return Check::new("queues-read", verdict, message).fix(fix);
            }
            Some(_) => {}
        }
    }
    match wanted {
        [] => Check::new(
            "queues-read",
            Verdict::Info,
            "made without the stack, it is not expected to read queues",
        ),
        wanted => Check::ok("queues-read", format!("it reads {}", wanted.join(" and "))),
    }
}

#[cfg(test)]
mod tests;
