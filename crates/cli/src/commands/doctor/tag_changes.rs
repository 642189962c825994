//! Are changes of the creator's tag looked at, where the stack says so: is the function there and may it work, and does
//! the rule of each region send them?
//!
//! [`check`] asks; what is concluded is pure.

use super::{
    report::{Check, Verdict},
    stack::Site,
};
use crate::deployment::TAG_CHANGES;
use futures_util::future::join_all;
use tagger_aws::account::{Account, Trouble, function::Mapping};

/// Looks into every region at once; nothing where the stack does not watch the tag.
pub async fn check(account: &Account, site: &Site) -> Vec<Check> {
    let told = site.stack.as_ref().and_then(|stack| stack.parameters.get("TagChanges"));
    let Some(mode) = told.filter(|mode| *mode != "off") else { return Vec::new() };
    let functions = account.functions(&site.home);
    let function = functions.find(TAG_CHANGES).await.map(|function| function.is_some());
    let mappings = functions.mappings(TAG_CHANGES).await;
    let regions = site.covered();
    let rules =
        join_all(regions.iter().map(async |region| account.rules(region).state(TAG_CHANGES).await)).await;
    let rules: Vec<_> = regions.into_iter().zip(rules).collect();
    judge(mode, site, &function, &mappings, &rules)
}

/// The state of a rule, by region; none where there is none.
type Rules = [(String, Result<Option<String>, Trouble>)];

fn judge(
    mode: &str,
    site: &Site,
    function: &Result<bool, Trouble>,
    mappings: &Result<Vec<Mapping>, Trouble>,
    rules: &Rules,
) -> Vec<Check> {
    let name = "tag-changes";
    let again = format!("`tagger deploy --set TagChanges=off`, then `tagger deploy --set TagChanges={mode}`");
    let mut checks = Vec::new();
    match function {
        Ok(true) => {}
        Ok(false) => {
            let message =
                format!("there is no function {TAG_CHANGES} in {}, and the stack says {mode}", site.home);
            return vec![Check::new(name, Verdict::Warn, message).fix(again)];
        }
        Err(trouble) => checks.push(Check::unknown(name, trouble)),
    }
    match mappings {
        Ok(mappings) => match mappings.first() {
            Some(mapping)
                if !matches!(mapping.state.as_str(), "Enabled" | "Enabling" | "Updating" | "Creating") =>
            {
                let message =
                    format!("the function does not read its queue: its mapping is {}", mapping.state);
                let fix = format!(
                    "`aws lambda update-event-source-mapping --uuid {} --enabled --region {}`",
                    mapping.uuid, site.home
                );
                checks.push(Check::new(name, Verdict::Warn, message).fix(fix));
            }
            Some(_) => {}
            None => {
                checks.push(Check::new(name, Verdict::Warn, "the function reads no queue").fix(again.clone()))
            }
        },
        Err(trouble) => checks.push(Check::unknown(name, trouble)),
    }
    for (region, rule) in rules {
        let (message, fix) = match rule {
            Ok(Some(state)) if state == "ENABLED" => continue,
            Ok(Some(state)) => (
                format!("the rule {TAG_CHANGES} is {state}: changes of the tag here are not seen"),
                format!("`aws events enable-rule --name {TAG_CHANGES} --region {region}`"),
            ),
            // A forwarder of before the parameter, or one that was not told.
            Ok(None) => (
                format!("there is no rule {TAG_CHANGES}: changes of the tag here are not seen"),
                format!("`tagger deploy --region {} --regions {region}`", site.home),
            ),
            Err(trouble) => {
                checks.push(Check::unknown(name, trouble));
                continue;
            }
        };
        checks.push(Check::new(name, Verdict::Warn, message).fix(fix).at(region));
    }
    if checks.is_empty() {
        let message = match mode {
            "restore" => "a changed tag is put back where its creator is known, and said where not",
            _ => "a changed tag is said",
        };
        checks.push(Check::ok(name, message).detail("tagChanges", mode));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let site = Site { home: "us-east-1".to_owned(), ..Site::default() };
        let mapping = |state: &str| {
            Ok(vec![Mapping { state: state.to_owned(), uuid: "u".to_owned(), ..Mapping::default() }])
        };
        let rule = |state: Option<&str>| vec![("us-east-1".to_owned(), Ok(state.map(str::to_owned)))];
        let on = || rule(Some("ENABLED"));
        let refused = || Trouble::new("events:DescribeRule", "us-east-1", "AccessDenied", "no");
        for (what, function, mappings, rules, verdict, words) in [
            ("fine", Ok(true), mapping("Enabled"), on(), Verdict::Ok, "put back"),
            ("no function", Ok(false), Ok(vec![]), on(), Verdict::Warn, "there is no function"),
            ("the mapping is off", Ok(true), mapping("Disabled"), on(), Verdict::Warn, "--uuid u --enabled"),
            ("no mapping", Ok(true), Ok(vec![]), on(), Verdict::Warn, "reads no queue"),
            (
                "the rule is off",
                Ok(true),
                mapping("Enabled"),
                rule(Some("DISABLED")),
                Verdict::Warn,
                "enable-rule",
            ),
            ("no rule", Ok(true), mapping("Enabled"), rule(None), Verdict::Warn, "--regions us-east-1"),
            (
                "not told",
                Ok(true),
                mapping("Enabled"),
                vec![("us-east-1".to_owned(), Err(refused()))],
                Verdict::Unknown,
                "events:DescribeRule",
            ),
        ] {
            let checks = judge("restore", &site, &function, &mappings, &rules);
            let [check] = checks.as_slice() else { panic!("{what}: {checks:?}") };
            let text = format!("{} {}", check.message, check.fix.as_deref().unwrap_or_default());
            assert!(check.verdict == verdict && text.contains(words), "{what}: {check:?}");
        }
    }
}
