//! What the policy covers, what it does not, and what it breaks, in words. Pure.

use super::{policy::Protection, unseen};
use std::collections::BTreeMap;

/// The page.
pub fn page(protection: &Protection) -> String {
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
  Session tags of that name.

More: docs/protection.md
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
        let page = page(&protection);
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
