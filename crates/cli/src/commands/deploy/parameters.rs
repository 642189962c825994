//! What the stack is told: the template's parameters, from the command line, the configuration and
//! what is there already. Pure.

use super::{trail::Choice, zip::FunctionZip};
use crate::{args::Deploy, cost_model::Delivery, deployment::VERSION, exit_code::Error, templates};
use std::collections::BTreeMap;
use tagger_aws::account::stacks::Stack;
use tagger_core::Policy;

/// Parameters of a change set; none as the value keeps what the stack has.
pub type Parameters = Vec<(String, Option<String>)>;

/// Those of `templates/tagger.yaml`. What nobody names keeps its value, or is the template's default.
///
/// # Errors
/// A parameter that the template does not have, or a setting that does not fit into one.
pub fn of_tagger(
    arguments: &Deploy,
    policy: Option<&Policy>,
    bucket: &str,
    zip: &FunctionZip,
    trail: &Choice,
    stack: Option<&Stack>,
) -> Result<Parameters, Error> {
    let mut set = settings(arguments, policy)?;
    if let Some(name) = &trail.existing_trail {
        set.insert("ExistingTrail".to_owned(), name.clone());
    }
    if let Some(name) = &trail.existing_bucket {
        set.insert("ExistingTrailBucket".to_owned(), name.clone());
    }
    set.insert("CodeBucket".to_owned(), bucket.to_owned());
    set.insert("CodeKey".to_owned(), zip.key(VERSION));
    set.insert("Architecture".to_owned(), zip.architecture.name().to_owned());
    // What is given by name goes before what was found.
    set.extend(arguments.set.iter().cloned());
    Ok(merged(&templates::parameters(templates::TAGGER), set, stack))
}

/// What the command line and the configuration say, without what follows from the account and the zip.
///
/// # Errors
/// A parameter that follows from the zip, or a setting that does not fit into one.
pub fn settings(arguments: &Deploy, policy: Option<&Policy>) -> Result<BTreeMap<String, String>, Error> {
    let mut set = BTreeMap::new();
    if let Some(policy) = policy {
        set.extend(of_policy(policy, arguments.policy.config.is_some()));
    }
    if let Some(delivery) = arguments.delivery {
        let word = if delivery == Delivery::Queue { "queue" } else { "direct" };
        set.insert("Delivery".to_owned(), word.to_owned());
    }
    if let Some(address) = &arguments.alarm_email {
        set.insert("AlarmEmail".to_owned(), address.clone());
    }
    for (name, value) in &arguments.set {
        if ["CodeBucket", "CodeKey", "Architecture"].contains(&name.as_str()) {
            return Err(Error::Usage(format!(
                "--set {name}: this follows from the zip; use --zip or --code-bucket"
            )));
        }
        set.insert(name.clone(), value.clone());
    }
    Ok(set)
}

/// The option with which a parameter was given, if it was.
pub fn option(arguments: &Deploy, policy: Option<&Policy>, name: &str) -> Option<&'static str> {
    let of_file = ["TagKey", "TagValue", "Existing", "MoreTags", "SkipKinds", "ExcludePrincipals"];
    match name {
        _ if arguments.set.iter().any(|(given, _)| given == name) => Some("--set"),
        "Delivery" if arguments.delivery.is_some() => Some("--delivery"),
        "AlarmEmail" if arguments.alarm_email.is_some() => Some("--alarm-email"),
        _ if arguments.policy.config.is_some() && of_file.contains(&name) => Some("--config"),
        _ if policy.is_some() && name == "TagKey" => Some("tagger.toml in the zip"),
        _ => None,
    }
}

/// Those of `templates/forwarder.yaml`: what its rules need of what the home region's stack is told or has.
pub fn of_forwarder(home: &str, of_tagger: &Parameters, stack: Option<&Stack>) -> Parameters {
    let has = |name: &str| stack.and_then(|stack| stack.parameters.get(name)).cloned();
    let told = |name: &str, default: &str| {
        let given = of_tagger.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.clone());
        (name.to_owned(), Some(given.or_else(|| has(name)).unwrap_or_else(|| default.to_owned())))
    };
    let home = ("HomeRegion".to_owned(), Some(home.to_owned()));
    vec![home, told("TagKey", ""), told("TagChanges", "off"), told("QueueOperators", "none")]
}

/// All known parameters: those that are set, and those that the stack has already.
pub fn merged(known: &[&str], mut set: BTreeMap<String, String>, stack: Option<&Stack>) -> Parameters {
    let mut all = Parameters::new();
    for name in known {
        match set.remove(*name) {
            Some(value) => all.push(((*name).to_owned(), Some(value))),
            // One that the deployed template did not have yet takes its default.
            None if stack.is_some_and(|stack| stack.parameters.contains_key(*name)) => {
                all.push(((*name).to_owned(), None));
            }
            None => {}
        }
    }
    all
}

/// What a configuration file means for the template's parameters. The file itself goes into the zip. CloudFormation has to
/// know the key, for the rules that watch it. A file that was named is the whole truth: what other parameters say would go
/// before it, so they become empty; what is given with `--set` beside it goes before it all the same.
pub fn of_policy(policy: &Policy, named: bool) -> Vec<(String, String)> {
    let key = ("TagKey".to_owned(), policy.tag.key.clone());
    let others = ["TagValue", "Existing", "MoreTags", "SkipKinds", "ExcludePrincipals"];
    let others = others.into_iter().filter(|_| named).map(|name| (name.to_owned(), String::new()));
    std::iter::once(key).chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_core::config;

    #[test]
    fn a_file_leaves_nothing_to_the_parameters_but_the_key() {
        let policy = config::from_toml("[tag]\nkey = \"Owner\"\n[tags]\nA = \"b;c\"\n").unwrap();
        let pairs = |named| -> Vec<String> {
            of_policy(&policy, named).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        assert_eq!(pairs(false), ["TagKey=Owner"]);
        let all = ["TagKey=Owner", "TagValue=", "Existing=", "MoreTags=", "SkipKinds=", "ExcludePrincipals="];
        assert_eq!(pairs(true), all);
        // What the stack is told then changes nothing of the file.
        let told = of_policy(&policy, true).into_iter().collect();
        let file = crate::config_file::ConfigFile::of_zip(
            "[tag]\nkey = \"Owner\"\n[tags]\nA = \"b;c\"\n".to_owned(),
            None,
        );
        assert_eq!(crate::held_settings::policy(file.ok().as_ref(), &told).unwrap(), policy);
    }

    #[test]
    fn forwarders_are_told_what_their_rules_need() {
        let pair = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        let stack = Stack {
            parameters: BTreeMap::from([("TagKey".to_owned(), "Owner".to_owned())]),
            ..Stack::default()
        };
        let given = vec![pair("TagKey", None), pair("TagChanges", Some("alarm")), pair("CodeKey", Some("x"))];
        let told = |key, changes| {
            vec![
                pair("HomeRegion", Some("us-east-1")),
                pair("TagKey", Some(key)),
                pair("TagChanges", Some(changes)),
                pair("QueueOperators", Some("none")),
            ]
        };
        for (what, given, stack, expected) in [
            ("kept and given", &given, Some(&stack), told("Owner", "alarm")),
            ("no stack yet", &given, None, told("", "alarm")),
            ("nothing given", &Parameters::new(), None, told("", "off")),
        ] {
            assert_eq!(of_forwarder("us-east-1", given, stack), expected, "{what}");
        }
        let known = templates::parameters(templates::FORWARDER);
        assert_eq!(known, ["HomeRegion", "TagKey", "TagChanges", "QueueOperators"]);
    }

    #[test]
    fn what_is_not_named_keeps_its_value() {
        let stack = Stack {
            parameters: BTreeMap::from([("A".to_owned(), "1".to_owned()), ("B".to_owned(), "2".to_owned())]),
            ..Stack::default()
        };
        let set = BTreeMap::from([("B".to_owned(), "3".to_owned())]);
        let expected = vec![("A".to_owned(), None), ("B".to_owned(), Some("3".to_owned()))];
        assert_eq!(merged(&["A", "B", "C"], set.clone(), Some(&stack)), expected);
        assert_eq!(merged(&["A", "B", "C"], set, None), expected[1..]);
    }
}
