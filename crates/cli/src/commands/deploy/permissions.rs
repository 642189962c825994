//! Who may deploy: the policies of `templates/deployer.json`, printed; and whether whoever deploys could also remove
//! what a change set makes, asked before one is made.

use crate::{
    args::{Deploy, PolicyOf},
    deployment::STACK,
    exit_code::{Error, ExitCode},
    report::Report,
};
use serde_json::{Value, json};
use std::io::Write;
use tagger_aws::account::{Account, Kind};
use tagger_catalog::partition;
use tagger_core::arn::Arn;

/// Generated from `templates/deployer.toml`; docs/security.md says what each policy is for.
const DEPLOYER: &str = include_str!("../../../../../templates/deployer.json");

/// What a plan needs: without the last three, the empty stack of a change set would stay (`REVIEW_IN_PROGRESS`).
const OF_A_PLAN: [&str; 5] = [
    "cloudformation:CreateChangeSet",
    "cloudformation:DescribeChangeSet",
    "cloudformation:ListChangeSets",
    "cloudformation:DeleteChangeSet",
    "cloudformation:DeleteStack",
];
/// What carrying it out needs besides.
const OF_ITS_EXECUTION: [&str; 2] = ["cloudformation:ExecuteChangeSet", "cloudformation:DescribeStackEvents"];

/// `--print-policy`: asks nobody.
///
/// # Errors
/// Standard output is closed.
pub fn print(arguments: &Deploy, which: PolicyOf) -> Result<ExitCode, Error> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let region = arguments.aws.region.clone().or_else(|| variable("AWS_REGION"));
    let region = region.or_else(|| variable("AWS_DEFAULT_REGION")).unwrap_or_default();
    writeln!(std::io::stdout(), "{:#}", document(which, partition::of_region(&region).name, "*"))?;
    Ok(ExitCode::Fine)
}

/// A policy, for a partition and an account (`*` for any).
fn document(which: PolicyOf, partition: &str, account: &str) -> Value {
    let text = DEPLOYER.replace("{partition}", partition).replace("{account}", account);
    let all: Value = serde_json::from_str(&text).unwrap_or_default();
    all[which.name()].clone()
}

/// Refuses to make a change set that this principal could not remove or carry out, before anything is made.
///
/// # Errors
/// What it may not do, and which policy allows it.
pub async fn check(account: &Account, dry_run: bool, report: Report) -> Result<(), Error> {
    let Some(principal) = principal(&account.caller) else { return Ok(()) };
    let actions = [&OF_A_PLAN[..], &OF_ITS_EXECUTION].concat();
    let stack = format!(
        "arn:{}:cloudformation:{}:{}:stack/{STACK}/00000000-0000-0000-0000-000000000000",
        account.partition.name, account.region, account.id
    );
    let denied: Vec<String> = match account.simulate(&principal, &actions, &stack, &[]).await {
        // A condition on what the simulation was not told says nothing.
        Ok(decisions) => {
            let denied = decisions.into_iter().filter(|one| !one.allowed && !one.lacks_context);
            denied.map(|one| one.action).collect()
        }
        // A role of IAM Identity Center has a path that its session does not show, and not everybody may ask.
        Err(_) => match account.stacks(&account.region).may_list_change_sets(STACK).await {
            Err(trouble) if trouble.kind() == Kind::Denied => {
                vec!["cloudformation:ListChangeSets".to_owned()]
            }
            _ => Vec::new(),
        },
    };
    let (missing, later): (Vec<String>, Vec<String>) =
        denied.into_iter().partition(|action| !dry_run || OF_A_PLAN.contains(&action.as_str()));
    if !later.is_empty() {
        let text = format!("  WARNING {principal} may not carry this out: it lacks {}", later.join(", "));
        report.say("warning", &text, json!({ "missing": later }))?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    Err(Error::Failure(format!(
        "{principal} lacks {} on the stack {STACK}, so nothing was made: a change set that is not carried out has to be \
         removed again\n  `tagger deploy --print-policy command` prints what whoever deploys needs (docs/security.md)",
        missing.join(", ")
    )))
}

/// Whose policies hold for a caller: a user's own, or those of a session's role. None for root, who may do all.
fn principal(caller: &str) -> Option<String> {
    let arn = Arn::parse(caller)?;
    if arn.kind() == "user" {
        return Some(caller.to_owned());
    }
    let (role, _) =
        arn.path().split_once('/').filter(|_| arn.service == "sts" && arn.kind() == "assumed-role")?;
    Some(format!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_policies_are_whole() {
        let actions = |which: PolicyOf| -> BTreeSet<String> {
            let document = document(which, "aws-cn", "111122223333");
            let text = document.to_string();
            assert!(
                !text.contains('{') || !text.contains("{account}") && !text.contains("{partition}"),
                "{text}"
            );
            assert!(!text.contains("arn:aws:"), "{text}");
            let statements = document["Statement"].as_array().unwrap().clone();
            let lists = statements.into_iter().map(|one| one["Action"].as_array().unwrap().clone());
            lists.flatten().map(|one| one.as_str().unwrap().to_owned()).collect()
        };
        let (command, made) = (actions(PolicyOf::Command), actions(PolicyOf::Cloudformation));
        for action in OF_A_PLAN.iter().chain(&OF_ITS_EXECUTION) {
            assert!(command.contains(*action), "{action}");
        }
        for action in
            ["iam:PassRole", "iam:CreateRole", "events:PutRule", "lambda:CreateFunction", "sqs:CreateQueue"]
        {
            assert!(
                made.contains(action) && !command.contains(action) || action == "sqs:CreateQueue",
                "{action}"
            );
        }
        assert!(actions(PolicyOf::Organization).contains("cloudformation:CreateStackSet"));
    }

    #[test]
    fn a_sessions_policies_are_its_roles() {
        for (caller, expected) in [
            ("arn:aws:iam::111122223333:root", None),
            ("arn:aws:iam::111122223333:user/ops/alice", Some("arn:aws:iam::111122223333:user/ops/alice")),
            (
                "arn:aws-cn:sts::111122223333:assumed-role/Admin/bob",
                Some("arn:aws-cn:iam::111122223333:role/Admin"),
            ),
            ("arn:aws:sts::111122223333:federated-user/carol", None),
            ("", None),
        ] {
            assert_eq!(principal(caller).as_deref(), expected, "{caller}");
        }
    }
}
