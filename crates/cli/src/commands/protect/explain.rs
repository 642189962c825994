//! What the two policies cover, what they do not, and what they break, in words. Pure.

use super::{guard::Guard, policy::Protection, unseen};
use std::collections::BTreeMap;

/// The page about both.
pub fn page(protection: &Protection, guard: &Guard) -> String {
    format!("{}\n{}", of_protection(protection), of_guard(guard))
}

/// What the guard does.
fn of_guard(guard: &Guard) -> String {
    let deployers = match guard.deployers.as_slice() {
        [] => "the deployers that you name with --deployer".to_owned(),
        patterns => patterns.join(", "),
    };
    format!(
        "\
THE GUARD (--guard): who may change, feed and call the tagger

Refused, to everybody but {deployers}
  Changing, removing or invoking its functions, and what calls them; making or changing its rules, stacks,
  role, policies, queues, topic, alarms, log filters and its own trail; passing its role. Writing into its
  buckets and working on its queues (there the function's role is excepted). Making a deployer's role or
  user, and changing who may take it.

Not held by it
  The management account; service-linked roles; what tells IAM no part of the tagger: sns:Unsubscribe
  (the rule auto-resource-tagger-own-parts tells of it), an existing trail of yours, KMS keys, a deployer's
  own credentials in wrong hands, and everybody who may assume a deployer's role.

What it breaks
  Deploying, `destroy`, `redrive` and `doctor --canary` by anybody who is not named. A stack with a service
  role, and StackSets (--deployer 'arn:*:iam::*:role/stacksets-exec-*'), until that role is named. Tools that
  tag, encrypt, or set retention, concurrency or alarms on every function, queue or bucket of an account
  (Config remediations, Cloud Custodian): they are refused on the tagger's own.

More: docs/protection.md
"
    )
}

/// What the protection of the tag does.
fn of_protection(protection: &Protection) -> String {
    let (total, seen) = unseen::counts();
    let keys = protection.keys.join(", ");
    let ours = unseen::ours();
    let mut others: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for action in unseen::all().filter(|action| !ours.contains(action)) {
        let (service, name) = action.split_once(':').unwrap_or((action, ""));
        others.entry(service).or_default().push(name);
    }
    let others: Vec<String> =
        others.into_iter().map(|(service, names)| format!("  {service}: {}", names.join(", "))).collect();
    let treated = if protection.strict {
        "with --strict they are refused to everybody but the tagger, whatever the key"
    } else {
        "with --strict they are refused altogether; what they changed is said or put back by the stack with \
         `tagger deploy --set TagChanges=alarm` or `=restore`; `tagger protect --detect` has rules that tell who it was"
    };
    let except = match protection.except.as_slice() {
        [] => String::new(),
        patterns => format!(", and to {}", patterns.join(", ")),
    };
    format!(
        "\
THE TAG'S PROTECTION: who may write the key

Refused, to everybody but AutoResourceTaggerRole{except}
  Every call that tells IAM the key {keys} (in large or small letters): setting, changing and removing it, and
  creating something with it. {seen} of {total} tagging actions tell their keys, and most creations.

Not seen: {unseen} of {total} tagging actions do not tell IAM their keys
  Of services that the tagger tags; {treated}:
  {ours}
  Of others:
{others}

Not held by it
  The management account; service-linked roles, so that Auto Scaling and its like still hand tags on; calls
  of AWS's services in their own name; whoever can take the tagger's role or change its function.

What it breaks
  Stacks, launch templates and Terraform configurations that set the key; Terraform's `apply` where it
  removes what it does not know: `ignore_tags`. Copies that bring tags along, if they are made with the
  rights of a person or of an ordinary role. AWS Backup and Data Lifecycle Manager copy tags with such a
  role; except it where they are used:
    --except 'arn:*:iam::*:role/service-role/AWSBackupDefaultServiceRole'
    --except 'arn:*:iam::*:role/*AWSDataLifecycleManagerDefaultRole*'
  Session tags of that name. Controllers that hold a resource's tags to what they know take the key away, are
  refused, and then often change nothing at all: AWS Controllers for Kubernetes and Crossplane, unless they are
  told to leave foreign tags; the AWS Load Balancer Controller, which needs the key in its flag
  --external-managed-tags. Except their roles, or set them up first: docs/protection.md.
",
        unseen = total - seen,
        ours = ours.join(", "),
        others = others.join("\n"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exception_is_named() {
        let protection = Protection { keys: vec!["CreatedBy".to_owned()], ..Protection::default() };
        let page = page(&protection, &Guard::default());
        assert!(page.contains("52 of 735 tagging actions do not"), "{page}");
        for action in unseen::all() {
            let (service, name) = action.split_once(':').unwrap();
            let is_there = page.contains(action)
                || page.lines().any(|line| {
                    line.trim_start().starts_with(&format!("{service}: "))
                        && line.split([' ', ',']).any(|word| word == name)
                });
            assert!(is_there, "{action}");
        }
    }
}
