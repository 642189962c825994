//! May the role do what tagging needs? By IAM's simulation, whose limits are said with its answer.

use super::{
    report::{Check, Verdict, some},
    stack::Site,
};
use crate::templates;
use std::collections::BTreeSet;
use tagger_aws::account::{Account, permissions::Decision};

/// Asks the simulation about every action that the catalog's operations need.
pub async fn check(account: &Account, site: &Site, role: &str) -> Check {
    let (home, actions) = (&site.home, actions(site));
    let (of_api, others): (Vec<&str>, Vec<&str>) =
        actions.iter().map(String::as_str).partition(|action| action.starts_with("apigateway:"));
    let mut decisions = match account.simulate(role, &others, "*").await {
        Ok(decisions) => decisions,
        Err(trouble) => return Check::unknown("permissions", &trouble),
    };
    // API Gateway's actions are HTTP's verbs, and are allowed below /tags only.
    let tags = format!("arn:{}:apigateway:{home}::/tags/x", account.partition.name);
    match account.simulate(role, &of_api, &tags).await {
        Ok(more) => decisions.extend(more),
        Err(trouble) => return Check::unknown("permissions", &trouble),
    }
    judge(&decisions, &[of_api, others].concat())
}

/// Where the role is not known, nothing can be asked about it.
pub fn no_role() -> Check {
    let message = "not looked at: neither the function nor the stack says which role it is";
    Check::new("permissions", Verdict::Unknown, message)
}

/// The actions of the policy that this version deploys, but those on the function's own log, and those of reconciling
/// where that is off.
fn actions(site: &Site) -> BTreeSet<String> {
    let policy: serde_json::Value = serde_json::from_str(templates::POLICY).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let stated = statements.flat_map(|statement| {
        let is_for_reconciling = statement["Sid"] == "Reconcile";
        // The simulation knows no request, so what is allowed to some of them only would be refused.
        let is_conditional = !statement["Condition"].is_null();
        let actions =
            statement["Action"].as_array().into_iter().flatten().filter_map(|action| action.as_str());
        actions.filter(move |_| !is_conditional && (!is_for_reconciling || reconciles(site)))
    });
    stated
        .filter(|action| !action.starts_with("logs:Create") && !action.starts_with("logs:Put"))
        .map(str::to_owned)
        .collect()
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
        let all = actions(&Site::default());
        let operations = tagger_catalog::operations().iter().flat_map(|operation| operation.actions);
        let missing: Vec<&&str> = operations.filter(|action| !all.contains(**action)).collect();
        assert!(missing.is_empty() && !all.contains("logs:PutLogEvents"), "{missing:?}");
        for (reconcile, lists) in [("hourly", true), ("off", false)] {
            let parameters = [("Reconcile".to_owned(), reconcile.to_owned())].into();
            let stack = Some(Stack { parameters, ..Stack::default() });
            let asked = actions(&Site { stack, ..Site::default() });
            let found = (asked.contains("cloudtrail:LookupEvents"), asked.contains("ec2:DescribeRegions"));
            assert_eq!(found, (true, lists), "{reconcile}");
        }
    }
}
