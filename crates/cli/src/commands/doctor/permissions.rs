//! May the role do what tagging needs? By IAM's simulation, whose limits are said with its answer.

use super::{
    report::{Check, Verdict, some},
    stack::Site,
};
use crate::{deployment::FUNCTION, templates};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use tagger_aws::account::{
    Account,
    permissions::{Carried, Decision},
};
use tagger_core::arn::Arn;

/// Asks the simulation about every action that the catalog's operations need, each on a resource that the policy names, in
/// the name of the function and with the creator's key.
pub async fn check(account: &Account, site: &Site, role: &str) -> Check {
    let function =
        format!("arn:{}:lambda:{}:{}:function:{FUNCTION}", account.partition.name, site.home, account.id);
    let key = site.stack.as_ref().and_then(|stack| stack.parameters.get("TagKey"));
    let key = key.filter(|key| !key.is_empty()).map_or("CreatedBy", String::as_str);
    let (function, keys) = ([function.as_str()], [key]);
    let carried = [
        Carried { key: "lambda:SourceFunctionArn", values: &function, is_list: false },
        Carried { key: "aws:TagKeys", values: &keys, is_list: true },
    ];
    let asked = asked(site, account.partition.name, &account.id);
    let mut decisions = Vec::new();
    for (resource, actions) in &asked {
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        match account.simulate(role, &actions, resource, &carried).await {
            Ok(more) => decisions.extend(more),
            Err(trouble) => return Check::unknown("permissions", &trouble),
        }
    }
    let all: Vec<&str> = asked.values().flatten().map(String::as_str).collect();
    judge(&decisions, &all)
}

/// Where the role is not known, nothing can be asked about it.
pub fn no_role() -> Check {
    let message = "not looked at: neither the function nor the stack says which role it is";
    Check::new("permissions", Verdict::Unknown, message)
}

/// The actions of the policy that this version deploys, by a resource that each may be used on, but those on the function's
/// own log, and those of reconciling where that is off.
fn asked(site: &Site, partition: &str, account: &str) -> BTreeMap<String, BTreeSet<String>> {
    let policy: Value = serde_json::from_str(templates::POLICY).unwrap_or_default();
    let mut asked: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for statement in policy["Statement"].as_array().into_iter().flatten() {
        if statement["Sid"] == "WriteOwnLog" || (statement["Sid"] == "Reconcile" && !reconciles(site)) {
            continue;
        }
        for action in statement["Action"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let resource = resource(&statement["Resource"], action)
                .map_or_else(|| "*".to_owned(), |pattern| example(pattern, partition, &site.home, account));
            asked.entry(resource).or_default().insert(action.to_owned());
        }
    }
    asked
}

/// The first resource of a statement that is of the action's service; none where any is allowed.
fn resource<'a>(stated: &'a Value, action: &str) -> Option<&'a str> {
    let (service, _) = action.split_once(':')?;
    let several = stated.as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut patterns = stated.as_str().into_iter().chain(several);
    patterns.find(|pattern| Arn::parse(pattern).is_some_and(|arn| arn.service == service))
}

/// An ARN that the pattern of one matches.
fn example(pattern: &str, partition: &str, region: &str, account: &str) -> String {
    let Some(arn) = Arn::parse(pattern) else { return pattern.to_owned() };
    let filled = |part: &str, value: &str| if part == "*" { value.to_owned() } else { part.to_owned() };
    let (region, account) = (filled(arn.region, region), filled(arn.account, account));
    format!("arn:{partition}:{}:{region}:{account}:{}", arn.service, arn.resource.replace('*', "x"))
}

/// Whether the stack's parameters say so.
fn reconciles(site: &Site) -> bool {
    let told = site.stack.as_ref().and_then(|stack| stack.parameters.get("Reconcile"));
    told.is_none_or(|mode| mode != "off")
}

/// What the simulation's answers say.
fn judge(decisions: &[Decision], asked: &[&str]) -> Check {
    let name = "permissions";
    let refused = |of: fn(&&Decision) -> bool| -> Vec<&str> {
        let refused = decisions.iter().filter(|decision| !decision.allowed).filter(of);
        refused.map(|decision| decision.action.as_str()).collect()
    };
    let by_organization = refused(|decision| decision.by_organization == Some(false));
    let by_boundary =
        refused(|decision| decision.by_organization != Some(false) && decision.by_boundary == Some(false));
    let by_role =
        refused(|decision| decision.by_organization != Some(false) && decision.by_boundary != Some(false));
    let allowed = decisions.iter().filter(|decision| decision.allowed).count();
    let scps = if decisions.iter().any(|decision| decision.by_organization.is_some()) {
        "service control policies as far as IAM knows them, but"
    } else {
        "no service control policies here,"
    };
    let limits =
        format!("the simulation sees {scps} no tag policies and no policies of resources (KMS keys)");
    let counts = format!("{allowed} of {} actions are allowed by simulation", asked.len());
    let all = |check: Check| {
        let list = |actions: &[&str]| {
            actions.iter().map(|action| serde_json::Value::from(*action)).collect::<Vec<_>>()
        };
        check
            .detail("refusedByRole", list(&by_role))
            .detail("refusedByBoundary", list(&by_boundary))
            .detail("refusedByOrganization", list(&by_organization))
    };
    if !by_role.is_empty() {
        let message = format!("{counts}; the role's policies refuse {}; {limits}", some(&by_role, 8));
        let fix = "allow them again in the role's policies, docs/iam-policy.md lists all; `tagger deploy` does not do it, since \
                    CloudFormation does not see what was changed outside of it";
        return all(Check::new(name, Verdict::Bad, message).fix(fix));
    }
    if !by_boundary.is_empty() {
        let message =
            format!("{counts}; the role's permissions boundary refuses {}; {limits}", some(&by_boundary, 8));
        return all(Check::new(name, Verdict::Bad, message).fix("widen the boundary, or ask whoever sets it"));
    }
    if !by_organization.is_empty() {
        let message =
            format!("{counts}; service control policies refuse {}; {limits}", some(&by_organization, 8));
        let fix = "ask whoever manages the organization; whether it is so, the log says: lines with `denied`";
        return all(Check::new(name, Verdict::Warn, message).fix(fix));
    }
    let unanswered =
        |action: &&&str| !decisions.iter().any(|decision| decision.action.eq_ignore_ascii_case(action));
    let silent: Vec<&str> = asked.iter().filter(unanswered).copied().collect();
    if !silent.is_empty() {
        let message = format!("{counts}; the simulation says nothing of {}; {limits}", some(&silent, 8));
        return all(Check::new(name, Verdict::Unknown, message)
            .fix("whether they are refused, the log says: lines with `denied`"));
    }
    Check::ok(name, format!("{counts}; {limits}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_aws::account::stacks::Stack;

    #[test]
    fn who_refuses_decides() {
        let decision = |allowed, by_organization, by_boundary| Decision {
            action: "sqs:TagQueue".to_owned(),
            allowed,
            by_organization,
            by_boundary,
            lacks_context: false,
        };
        for (decisions, verdict, words) in [
            (
                vec![decision(true, None, None)],
                Verdict::Ok,
                "sees no service control policies here, no tag policies",
            ),
            (
                vec![decision(true, Some(true), None)],
                Verdict::Ok,
                "sees service control policies as far as IAM knows them, but no tag",
            ),
            (vec![decision(false, None, None)], Verdict::Bad, "the role's policies refuse sqs:TagQueue"),
            (vec![decision(false, Some(true), Some(true))], Verdict::Bad, "the role's policies refuse"),
            (vec![decision(false, Some(true), Some(false))], Verdict::Bad, "boundary refuses"),
            (vec![decision(false, Some(false), None)], Verdict::Warn, "service control policies refuse"),
            (vec![], Verdict::Unknown, "says nothing of sqs:TagQueue"),
        ] {
            let check = judge(&decisions, &["sqs:TagQueue"]);
            assert_eq!(check.verdict, verdict, "{check:?}");
            assert!(check.message.contains(words), "{check:?}");
        }
    }

    #[test]
    fn what_is_asked_is_what_tagging_needs() {
        let at = |stack| {
            asked(&Site { home: "eu-west-1".to_owned(), stack, ..Site::default() }, "aws", "111122223333")
        };
        let by_resource = at(None);
        let all: BTreeSet<&str> = by_resource.values().flatten().map(String::as_str).collect();
        let operations = tagger_catalog::operations().iter().flat_map(|operation| operation.actions);
        let missing: Vec<&&str> = operations.filter(|action| !all.contains(**action)).collect();
        assert!(missing.is_empty() && !all.contains("logs:PutLogEvents"), "{missing:?}");
        for (action, resource) in [
            ("sqs:TagQueue", "*"),
            ("dax:TagResource", "arn:aws:dax:eu-west-1:111122223333:cache/x"),
            ("route53:ChangeTagsForResource", "arn:aws:route53:::hostedzone/x"),
            ("apigateway:PUT", "arn:aws:apigateway:eu-west-1::/tags/x"),
        ] {
            let of = |(_, actions): &(&String, &BTreeSet<String>)| actions.contains(action);
            let found: Vec<&String> = by_resource.iter().filter(of).map(|(resource, _)| resource).collect();
            assert_eq!(found, [resource], "{action}");
        }
        for (reconcile, lists) in [("hourly", true), ("off", false)] {
            let parameters = [("Reconcile".to_owned(), reconcile.to_owned())].into();
            let stack = Some(Stack { parameters, ..Stack::default() });
            let asked = at(stack);
            let contains = |action: &str| asked.values().any(|actions| actions.contains(action));
            let found = (contains("cloudtrail:LookupEvents"), contains("ec2:DescribeRegions"));
            assert_eq!(found, (true, lists), "{reconcile}");
        }
    }
}
