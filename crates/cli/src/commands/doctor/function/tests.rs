//! What each state and each setting of the function is worth.

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
        ("", "", Verdict::Unknown),
    ] {
        let function = Function { state: state.into(), last_update: update.into(), ..Function::default() };
        assert_eq!(of_state(&function)[0].verdict, verdict, "{state} {update}");
    }
    assert_eq!(of_reserved(Some(0)).verdict, Verdict::Bad);
    assert_eq!(of_reserved(Some(5)).verdict, Verdict::Ok);
    assert_eq!(of_reserved(None).verdict, Verdict::Ok);
    assert_eq!(of_description("Tags every new resource with its creator (0.0.1).").verdict, Verdict::Warn);
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
        let (check, _) =
            of_settings(&Function { variables: Some(variables), ..Function::default() }, &Held::default());
        assert_eq!(check.verdict, verdict, "{check:?}");
        assert!(check.message.contains(message), "{check:?}");
    }
    assert_eq!(of_settings(&Function::default(), &Held::default()).0.verdict, Verdict::Unknown);
}

#[test]
fn the_accounts_limit_is_said_and_is_no_fault() {
    let limit = |all, shared| Ok(Limit { all, shared });
    let refused = Err(Trouble::new("lambda:GetAccountSettings", "us-east-1", "AccessDenied", "no"));
    for (case, limit, mapped, verdict, words) in [
        ("the default", limit(1_000, 1_000), 5, Verdict::Ok, "1000 calls at a time"),
        (
            "a new account",
            limit(10, 10),
            5,
            Verdict::Info,
            "the events wait, up to six hours, and none is lost",
        ),
        ("others have reserved most", limit(1_000, 60), 5, Verdict::Info, "may have 60 calls at a time"),
        (
            "a new account, delivery by queue",
            limit(10, 10),
            105,
            Verdict::Warn,
            "the queues' mappings up to 105",
        ),
        ("delivery by queue", limit(1_000, 1_000), 105, Verdict::Ok, "1000 calls"),
        ("not to be asked", refused, 5, Verdict::Unknown, "lambda:GetAccountSettings answered AccessDenied"),
    ] {
        let check = of_limit(&limit, mapped, "us-east-1");
        assert!(check.verdict == verdict && check.message.contains(words), "{case}: {check:?}");
    }
    let check = of_limit(&limit(10, 10), 5, "eu-west-1");
    assert!(check.fix.as_deref().is_some_and(|fix| fix.contains("--quota-code L-B99A9384")), "{check:?}");
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
        ("no stack", vec![], &Site::default(), Verdict::Info),
    ] {
        assert_eq!(of_mappings(&mappings, site).verdict, verdict, "{case}");
    }
}
