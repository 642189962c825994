//! Does the function run, is it of this version, do its settings leave anything to tag, and may the rules call it?

use super::{
    report::{Check, Verdict, some},
    stack::{Site, of_version},
};
use crate::deployment::FUNCTION;
use serde_json::Value;
use std::collections::BTreeMap;
use tagger_aws::account::{
    Account,
    function::{Function, Mapping},
};
use tagger_core::{Policy, config, identity::Kind, policy::matches};

/// What other checks need of the function.
#[derive(Debug, Default)]
pub struct Known {
    /// The ARN of its role.
    pub role: Option<String>,
    /// Its settings, as far as the environment says them.
    pub policy: Option<Policy>,
}

/// Looks at the function.
pub async fn check(account: &Account, site: &Site) -> (Vec<Check>, Known) {
    let functions = account.functions(&site.home);
    let function = match functions.find(FUNCTION).await {
        Ok(Some(function)) => function,
        Ok(None) => {
            let message = format!("there is no function {FUNCTION} in {}", site.home);
            let mend = "CloudFormation does not bring back what was deleted behind its back: `tagger destroy`, then `tagger deploy`";
            return (vec![Check::new("function", Verdict::Bad, message).mend(mend)], Known::default());
        }
        Err(trouble) => return (vec![Check::unknown("function", &trouble)], Known::default()),
    };
    let mut checks = of_state(&function);
    checks.push(of_description(&function.description));
    let (settings, policy) = of_settings(&function);
    checks.push(settings);
    checks.push(match functions.reserved(FUNCTION).await {
        Ok(reserved) => of_reserved(reserved),
        Err(trouble) => Check::unknown("concurrency", &trouble),
    });
    if !site.is_queued() {
        let rules = format!("arn:{}:events:{}:{}:rule/", account.partition.name, site.home, account.id);
        checks.push(match functions.policy(FUNCTION).await {
            Ok(policy) => of_resource_policy(policy.as_deref(), &rules, site),
            Err(trouble) => Check::unknown("invocation", &trouble),
        });
    }
    checks.push(match functions.mappings(FUNCTION).await {
        Ok(mappings) => of_mappings(&mappings, site),
        Err(trouble) => Check::unknown("queues-read", &trouble),
    });
    let stated = site.output("RoleArn").filter(|stated| *stated != function.role);
    if let Some(stated) = stated {
        let message = format!("the function has the role {} instead of {stated}", function.role);
        let mend = format!(
            "`aws lambda update-function-configuration --function-name {FUNCTION} --role {stated} --region {}`",
            site.home
        );
        checks.push(Check::new("function", Verdict::Warn, message).mend(mend));
    }
    (checks, Known { role: Some(function.role), policy })
}

/// <https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html>
fn of_state(function: &Function) -> Vec<Check> {
    let mut checks = Vec::new();
    let because = |reason: &str| if reason.is_empty() { String::new() } else { format!(": {reason}") };
    let (state, update) = (function.state.as_str(), function.last_update.as_str());
    if !matches!(state, "Active" | "") {
        let verdict = if state == "Failed" { Verdict::Bad } else { Verdict::Warn };
        let message = format!("{FUNCTION} is {state}{}", because(&function.state_reason));
        checks.push(
            Check::new("function", verdict, message)
                .mend("wait and ask again; `tagger deploy`, if it stays so"),
        );
    }
    if !matches!(update, "Successful" | "") {
        let verdict = if update == "Failed" { Verdict::Bad } else { Verdict::Warn };
        let message = format!("its last update is {update}{}", because(&function.last_update_reason));
        checks.push(
            Check::new("function", verdict, message)
                .mend("wait and ask again; `tagger deploy`, if it stays so"),
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
fn of_settings(function: &Function) -> (Check, Option<Policy>) {
    let name = "settings";
    let Some(variables) = &function.variables else {
        let message = format!("Lambda does not tell the function's variables: {}", function.variables_error);
        return (
            Check::new(name, Verdict::Unknown, message).mend("let this principal use their KMS key"),
            None,
        );
    };
    let pairs = variables.iter().map(|(name, value)| (name.clone(), value.clone()));
    let policy = match config::from_environment(Policy::default(), pairs) {
        Ok(policy) => policy,
        Err(error) => {
            let message = format!("the function does not start, its settings are wrong: {error}");
            let mend = "mend the stack's parameter, for example `tagger deploy --set TagKey=CreatedBy`; a variable that was \
                        changed by hand: `aws lambda update-function-configuration`";
            return (Check::new(name, Verdict::Bad, message).mend(mend), None);
        }
    };
    let all_skipped = Kind::ALL.iter().all(|kind| policy.skipped.contains(kind));
    let everybody = policy
        .excluded
        .iter()
        .find(|pattern| matches(pattern, "arn:aws:iam::111122223333:user/x") && matches(pattern, "x"));
    let check = if all_skipped {
        Check::new(name, Verdict::Bad, "every kind of creator is skipped, so nothing is tagged")
            .mend("`tagger deploy --set SkipKinds=`")
    } else if let Some(pattern) = everybody {
        let message = format!("the pattern `{pattern}` excludes everybody, so nothing is tagged");
        Check::new(name, Verdict::Bad, message).mend("`tagger deploy --set ExcludePrincipals=`")
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
                .mend(format!("`aws lambda delete-function-concurrency --function-name {FUNCTION}`"))
        }
        Some(number) => Check::ok("concurrency", format!("{number} calls at a time are reserved for it")),
        None => Check::ok("concurrency", "it shares the account's concurrency"),
    }
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
    let mend = format!(
        "`aws lambda add-permission --function-name {FUNCTION} --region {} --statement-id rules --action lambda:InvokeFunction \
         --principal events.amazonaws.com --source-arn '{rules}auto-tag-create-resources*'`",
        site.home
    );
    let message = format!("its policy does not let these rules call it: {}", some(&refused, 6));
    Check::new("invocation", Verdict::Bad, message).mend(mend)
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
                let mend = format!(
                    "`aws lambda create-event-source-mapping --function-name {FUNCTION} --region {} --batch-size {size} \
                     --function-response-types ReportBatchItemFailures --event-source-arn` with the queue's ARN",
                    site.home
                );
                return Check::new("queues-read", verdict, message).mend(mend);
            }
            Some(mapping)
                if !matches!(mapping.state.as_str(), "Enabled" | "Enabling" | "Updating" | "Creating") =>
            {
                let message = format!("the function does not read {queue}: its mapping is {}", mapping.state);
                let mend = format!(
                    "`aws lambda update-event-source-mapping --uuid {} --enabled --region {}`",
                    mapping.uuid, site.home
                );
                return Check::new("queues-read", verdict, message).mend(mend);
            }
            Some(_) => {}
        }
    }
    match wanted {
        [] => Check::ok("queues-read", "it has no queues to read"),
        wanted => Check::ok("queues-read", format!("it reads {}", wanted.join(" and "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tagger_aws::account::stacks::Stack;

    fn site(outputs: &[(&str, &str)]) -> Site {
        let outputs = outputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Site {
            home: "us-east-1".to_owned(),
            stack: Some(Stack { outputs, ..Stack::default() }),
            ..Site::default()
        }
    }

    #[test]
    fn states() {
        for (state, update, verdict) in [
            ("Active", "Successful", Verdict::Ok),
            ("Pending", "Successful", Verdict::Warn),
            ("Inactive", "Successful", Verdict::Warn),
            ("Failed", "Successful", Verdict::Bad),
            ("Active", "InProgress", Verdict::Warn),
            ("Active", "Failed", Verdict::Bad),
        ] {
            let function =
                Function { state: state.into(), last_update: update.into(), ..Function::default() };
            assert_eq!(of_state(&function)[0].verdict, verdict, "{state} {update}");
        }
        assert_eq!(of_reserved(Some(0)).verdict, Verdict::Bad);
        assert_eq!(of_reserved(Some(5)).verdict, Verdict::Ok);
        assert_eq!(of_reserved(None).verdict, Verdict::Ok);
        assert_eq!(
            of_description("Tags every new resource with its creator (0.0.1).").verdict,
            Verdict::Warn
        );
        assert_eq!(of_description("").verdict, Verdict::Info);
    }

    #[test]
    fn settings() {
        let every = Kind::ALL.map(Kind::as_str).join(" ");
        for (variables, verdict, message) in [
            (vec![("RETRY_QUEUE_URL", "https://x")], Verdict::Ok, "CreatedBy={name}"),
            (
                vec![("TAGGER_KEY", "Owner"), ("TAGGER_SKIP_KINDS", "service ci")],
                Verdict::Ok,
                "Owner={name}; left alone are the kinds service, ci",
            ),
            (vec![("TAGGER_KEI", "Owner")], Verdict::Bad, "did you mean `TAGGER_KEY`?"),
            (vec![("TAGGER_SKIP_KINDS", every.as_str())], Verdict::Bad, "every kind"),
            (vec![("TAGGER_EXCLUDE", "*")], Verdict::Bad, "excludes everybody"),
            (vec![("TAGGER_EXCLUDE", "arn:*:role/ci-*")], Verdict::Ok, "left alone are arn:*:role/ci-*"),
        ] {
            let variables =
                variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let (check, _) = of_settings(&Function { variables: Some(variables), ..Function::default() });
            assert_eq!(check.verdict, verdict, "{check:?}");
            assert!(check.message.contains(message), "{check:?}");
        }
        assert_eq!(of_settings(&Function::default()).0.verdict, Verdict::Unknown);
    }

    #[test]
    fn who_may_call_it() {
        let rules = "arn:aws:events:us-east-1:111122223333:rule/";
        let statement = |principal: Value, source: &str| {
            json!({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "lambda:InvokeFunction",
                "Condition": {"ArnLike": {"AWS:SourceArn": source}}}]})
            .to_string()
        };
        let events = json!({"Service": "events.amazonaws.com"});
        let site = site(&[("RuleNames", "auto-tag-create-resources,auto-tag-create-resources-2")]);
        for (case, policy, verdict) in [
            (
                "the template's",
                Some(statement(events.clone(), &format!("{rules}auto-tag-create-resources*"))),
                Verdict::Ok,
            ),
            (
                "one rule only",
                Some(statement(events.clone(), &format!("{rules}auto-tag-create-resources"))),
                Verdict::Bad,
            ),
            (
                "another region",
                Some(statement(events, "arn:aws:events:eu-west-1:111122223333:rule/auto-tag*")),
                Verdict::Bad,
            ),
            (
                "another service",
                Some(statement(json!({"Service": "s3.amazonaws.com"}), &format!("{rules}*"))),
                Verdict::Bad,
            ),
            ("none", None, Verdict::Bad),
        ] {
            assert_eq!(of_resource_policy(policy.as_deref(), rules, &site).verdict, verdict, "{case}");
        }
    }

    #[test]
    fn what_it_reads() {
        let mapping = |queue: &str, state: &str| Mapping {
            source: format!("arn:aws:sqs:us-east-1:111122223333:auto-resource-tagger-{queue}"),
            state: state.to_owned(),
            ..Mapping::default()
        };
        let (direct, queued) = (site(&[("Delivery", "direct")]), site(&[("Delivery", "queue")]));
        for (case, mappings, site, verdict) in [
            ("direct", vec![mapping("retry", "Enabled")], &direct, Verdict::Ok),
            ("direct, off", vec![mapping("retry", "Disabled")], &direct, Verdict::Warn),
            ("direct, gone", vec![], &direct, Verdict::Warn),
            ("queue", vec![mapping("retry", "Enabled"), mapping("events", "Enabled")], &queued, Verdict::Ok),
            (
                "queue, off",
                vec![mapping("retry", "Enabled"), mapping("events", "Disabled")],
                &queued,
                Verdict::Bad,
            ),
            ("queue, gone", vec![mapping("retry", "Enabled")], &queued, Verdict::Bad),
            ("no stack", vec![], &Site::default(), Verdict::Ok),
        ] {
            assert_eq!(of_mappings(&mappings, site).verdict, verdict, "{case}");
        }
    }
}
