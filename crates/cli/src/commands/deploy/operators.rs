//! Who works on the queues beside the function: where nobody says it, whoever deploys, so that `tagger redrive` works. Pure.

use super::parameters::Parameters;
use tagger_aws::account::stacks::Stack;
use tagger_core::arn::Arn;

/// The parameter.
const OPERATORS: &str = "QueueOperators";

/// Fills it in where neither the command line nor the stack says it.
pub fn fill(parameters: &mut Parameters, caller: &str, stack: Option<&Stack>) {
    let is_told = parameters.iter().any(|(name, _)| name == OPERATORS);
    let is_kept = stack.is_some_and(|stack| stack.parameters.contains_key(OPERATORS));
    if is_told || is_kept {
        return;
    }
    if let Some(pattern) = of_caller(caller) {
        parameters.push((OPERATORS.to_owned(), Some(pattern)));
    }
}

/// What `aws:PrincipalArn` is for the calls of this principal. A session does not show the path of its role, so both are
/// named. The root user may in any case; a federated user has another key.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn>
fn of_caller(caller: &str) -> Option<String> {
    let arn = Arn::parse(caller)?;
    let role =
        |path: &str, name: &str| format!("arn:{}:iam::{}:role/{path}{name}", arn.partition, arn.account);
    match (arn.service, arn.resource.split('/').collect::<Vec<_>>().as_slice()) {
        ("iam", ["user", ..]) => Some(caller.to_owned()),
        ("sts", ["assumed-role", name, ..]) => Some(format!("{},{}", role("", name), role("*/", name))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::templates;

    #[test]
    fn whoever_deploys_may_redrive() {
        let longest = "x".repeat(64);
        let session = format!("arn:aws-us-gov:sts::111122223333:assumed-role/{longest}/alice@example.com");
        let both = format!(
            "arn:aws-us-gov:iam::111122223333:role/{longest},arn:aws-us-gov:iam::111122223333:role/*/{longest}"
        );
        let declared = templates::declared(templates::TAGGER);
        let declared = declared.iter().find(|one| one.name == OPERATORS).unwrap();
        for (caller, expected) in [
            (
                "arn:aws:iam::111122223333:user/people/alice",
                Some("arn:aws:iam::111122223333:user/people/alice"),
            ),
            (session.as_str(), Some(both.as_str())),
            ("arn:aws:iam::111122223333:root", None),
            ("arn:aws:sts::111122223333:federated-user/bob", None),
            ("nonsense", None),
        ] {
            let found = of_caller(caller);
            assert_eq!(found.as_deref(), expected, "{caller}");
            assert!(found.is_none_or(|value| value.len() <= declared.most.unwrap()), "{caller}");
        }
    }

    #[test]
    fn what_is_said_or_kept_stays() {
        let pair = |value: &str| (OPERATORS.to_owned(), Some(value.to_owned()));
        let stack = |parameters: &[&str]| Stack {
            parameters: parameters.iter().map(|name| ((*name).to_owned(), "none".to_owned())).collect(),
            ..Stack::default()
        };
        let alice = "arn:aws:iam::111122223333:user/alice";
        for (what, told, stack, expected) in [
            ("a new stack", vec![], None, vec![pair(alice)]),
            ("a stack of before", vec![], Some(stack(&["TagKey"])), vec![pair(alice)]),
            ("said", vec![pair("none")], None, vec![pair("none")]),
            ("kept", vec![], Some(stack(&[OPERATORS])), vec![]),
        ] {
            let mut parameters = told;
            fill(&mut parameters, alice, stack.as_ref());
            assert_eq!(parameters, expected, "{what}");
        }
    }
}
