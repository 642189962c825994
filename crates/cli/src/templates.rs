//! The CloudFormation templates, as they were when this program was built.
//!
//! They are carried in the program, so that templates, rules, function and tool are of one version.

use serde_json::Value;
use std::{collections::BTreeSet, sync::LazyLock};

/// `templates/tagger.yaml`, for the home region.
pub const TAGGER: &str = include_str!("../../../templates/tagger.yaml");
/// `templates/forwarder.yaml`, for every other region.
pub const FORWARDER: &str = include_str!("../../../templates/forwarder.yaml");
/// `templates/organization.yaml`, for the management account.
pub const ORGANIZATION: &str = include_str!("../../../templates/organization.yaml");
/// The role's policy by itself.
pub const POLICY: &str = include_str!("../../../templates/policy.json");

/// A parameter as a template declares it
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html>).
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Declared<'a> {
    /// Its name.
    pub name: &'a str,
    /// `String`, `Number` or `CommaDelimitedList`.
    pub kind: &'a str,
    /// What it is where nobody says it.
    pub default: Option<&'a str>,
    /// The values that it may have; empty for any.
    pub allowed: Vec<&'a str>,
    /// What all of a value has to match; of a list, each item.
    pub pattern: Option<&'a str>,
    /// The most characters.
    pub most: Option<usize>,
    /// What is allowed, in words.
    pub rule: &'a str,
}

/// A template's parameters, in its order. The form of the lines is that of the files in `templates/`.
pub fn declared(template: &str) -> Vec<Declared<'_>> {
    let section = template.lines().skip_while(|line| *line != "Parameters:").skip(1);
    let section = section.take_while(|line| line.is_empty() || line.starts_with(' '));
    // A parameter's name stands two spaces in, what it is four.
    let mut all: Vec<Declared> = Vec::new();
    for line in section {
        let name = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'));
        if let Some(name) = name.filter(|name| !name.starts_with(' ')) {
            all.push(Declared { name, ..Declared::default() });
        } else if let Some(last) = all.last_mut()
            && let Some((property, value)) = line.trim_start().split_once(": ")
        {
            match property {
                "Type" => last.kind = value,
                "Default" => last.default = Some(unquoted(value)),
                "AllowedPattern" => last.pattern = Some(unquoted(value)),
                "MaxLength" => last.most = value.parse().ok(),
                "ConstraintDescription" => last.rule = unquoted(value),
                "AllowedValues" => {
                    let list = value.trim_start_matches('[').trim_end_matches(']');
                    last.allowed = list.split(',').map(|one| unquoted(one.trim())).collect();
                }
                _ => {}
            }
        }
    }
    all
}

/// A YAML scalar of one line; none of ours has an escape in it.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

/// The names of a template's parameters, in its order.
pub fn parameters(template: &str) -> Vec<&str> {
    declared(template).into_iter().map(|one| one.name).collect()
}

/// A template's resources in its order: name, type, and the condition under which each is made.
pub fn resources(template: &str) -> Vec<(&str, &str, Option<&str>)> {
    let section = template.lines().skip_while(|line| *line != "Resources:").skip(1);
    let section = section.take_while(|line| line.is_empty() || line.starts_with(' '));
    let mut all: Vec<(&str, &str, Option<&str>)> = Vec::new();
    for line in section {
        let name = line.strip_prefix("  ").and_then(|line| line.strip_suffix(':'));
        if let Some(name) = name.filter(|name| !name.starts_with(' ')) {
            all.push((name, "", None));
        } else if let Some(last) = all.last_mut() {
            last.1 = line.strip_prefix("    Type: ").unwrap_or(last.1);
            last.2 = line.strip_prefix("    Condition: ").or(last.2);
        }
    }
    all
}

/// What the role may do: how many actions, of how many services, and how many of those only read.
pub fn permissions() -> (usize, usize, usize) {
    let policy: Value = serde_json::from_str(POLICY).unwrap_or_default();
    let statements = policy["Statement"].as_array().into_iter().flatten();
    let actions: BTreeSet<&str> = statements
        .flat_map(|statement| match &statement["Action"] {
            Value::Array(actions) => actions.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect::<Vec<_>>(),
        })
        .collect();
    let services: BTreeSet<&str> = actions.iter().filter_map(|action| action.split(':').next()).collect();
    let reads = |action: &&&str| {
        let name = action.split(':').nth(1).unwrap_or_default();
        ["Get", "List", "Describe", "Lookup", "GET"].iter().any(|verb| name.starts_with(verb))
    };
    (actions.len(), services.len(), actions.iter().filter(reads).count())
}

/// The statement of the role's policy that allows an action.
pub fn statement(action: &str) -> Option<String> {
    static STATEMENTS: LazyLock<Vec<(String, BTreeSet<String>)>> = LazyLock::new(|| {
        let policy: Value = serde_json::from_str(POLICY).unwrap_or_default();
        let texts = |value: &Value| match value {
            Value::Array(list) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
            one => one.as_str().map(str::to_owned).into_iter().collect(),
        };
        let statements = policy["Statement"].as_array().into_iter().flatten();
        statements
            .map(|statement| {
                (statement["Sid"].as_str().unwrap_or_default().to_owned(), texts(&statement["Action"]))
            })
            .collect()
    });
    STATEMENTS.iter().find(|(_, actions)| actions.contains(action)).map(|(name, _)| name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found() {
        assert_eq!(parameters(FORWARDER), ["HomeRegion", "TagKey", "TagChanges", "QueueOperators"]);
        let tagger = parameters(TAGGER);
        assert_eq!(&tagger[..3], ["CodeBucket", "CodeKey", "Architecture"]);
        assert!(tagger.contains(&"LogRetentionDays"), "{tagger:?}");
        assert!(parameters(ORGANIZATION).contains(&"TargetIds"));
    }

    #[test]
    fn declarations_are_read() {
        let all = declared(TAGGER);
        let of = |name: &str| all.iter().find(|one| one.name == name).unwrap();
        let existing = of("Existing");
        assert_eq!((existing.kind, existing.default), ("String", Some("")));
        assert_eq!(existing.allowed, ["", "keep", "overwrite"]);
        assert_eq!(of("LogRetentionDays").default, Some("30"));
        assert_eq!(of("Reconcile").allowed, ["hourly", "off"]);
        assert_eq!(of("MoreTags").most, Some(900));
        assert_eq!(of("CodeBucket").pattern, Some("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"));
        for one in [TAGGER, FORWARDER, ORGANIZATION].into_iter().flat_map(declared) {
            assert!(!one.kind.is_empty() && one.rule.ends_with('.'), "{one:?}");
            assert!(one.pattern.is_some() == one.allowed.is_empty(), "{one:?} says not what is allowed");
            assert!(one.pattern.is_none_or(|pattern| pattern.ends_with('$')), "{one:?} is cut off");
        }
    }

    /// A StackSet refuses a template's parameter whose default is empty and that is not given:
    /// <https://github.com/boto/botocore/issues/1597>
    #[test]
    fn stack_sets_are_given_every_parameter_with_an_empty_default() {
        let (functions, forwarders) = ORGANIZATION.split_once("\n  Forwarders:\n").unwrap();
        for (set, template) in [(functions, TAGGER), (forwarders, FORWARDER)] {
            for one in declared(template).into_iter().filter(|one| one.default.is_none_or(str::is_empty)) {
                let given = format!("ParameterKey: {}", one.name);
                let given = set.lines().any(|line| {
                    line.split_once(&given)
                        .is_some_and(|(_, rest)| !rest.starts_with(|sign: char| sign.is_alphanumeric()))
                });
                assert!(given, "organization.yaml does not give {} to its StackSet", one.name);
            }
        }
    }

    #[test]
    fn resources_are_found() {
        let all = resources(TAGGER);
        assert_eq!(all[0], ("Function", "AWS::Lambda::Function", None));
        assert!(all.contains(&("EventsQueue", "AWS::SQS::Queue", Some("Queued"))), "{all:?}");
        assert!(all.iter().all(|(_, resource_type, _)| resource_type.starts_with("AWS::")), "{all:?}");
    }

    #[test]
    fn permissions_are_counted() {
        let (actions, services, reads) = permissions();
        assert!(
            actions > 100 && services > 50 && reads > 50 && reads < actions,
            "{actions} {services} {reads}"
        );
    }
}
