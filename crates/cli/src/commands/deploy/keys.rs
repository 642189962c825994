//! Which resource types cannot have the keys that a stack is told, since their services refuse a character of them. Pure.
//! It is a warning and no error: everything else is tagged.

use super::parameters::Parameters;
use std::collections::BTreeMap;
use tagger_aws::account::stacks::Stack;
use tagger_core::{Policy, config};

/// The most types that a warning names; docs/configuration.md has all.
const NAMED: usize = 5;

/// A sentence for each such key. Settings that cannot be read are somebody else's to say.
pub fn warnings(parameters: &Parameters, stack: Option<&Stack>) -> Vec<String> {
    let given: BTreeMap<&str, Option<&str>> =
        parameters.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    let value = |name: &str| match given.get(name) {
        Some(Some(value)) => Some((*value).to_owned()),
        // What is not named keeps the stack's value.
        Some(None) => stack.and_then(|stack| stack.parameters.get(name)).cloned(),
        None => None,
    };
    let variables = [("TagKey", "TAGGER_KEY"), ("MoreTags", "TAGGER_TAGS")].into_iter().filter_map(
        |(parameter, variable)| {
            let value = value(parameter).filter(|value| !value.is_empty())?;
            Some((variable.to_owned(), value))
        },
    );
    let Ok(policy) = config::from_environment(Policy::default(), variables) else { return Vec::new() };
    let sentences = config::refused_keys(&policy).into_iter().map(|(key, types)| {
        let what = if key == policy.tag.key {
            "are not tagged at all: choose another TagKey, or leave them"
        } else {
            "do not get this tag"
        };
        let mut named = types.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
        if types.len() > NAMED {
            named = format!("{named} and {} more (docs/configuration.md)", types.len() - NAMED);
        }
        format!("the services of {named} refuse a character of the key {key:?}; they {what}")
    });
    sentences.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_some_services_refuse() {
        let stack = Stack {
            parameters: BTreeMap::from([("TagKey".to_owned(), "auto:creator".to_owned())]),
            ..Stack::default()
        };
        let pair = |name: &str, value: Option<&str>| (name.to_owned(), value.map(str::to_owned));
        for (what, parameters, stack, expected) in [
            ("none is told", vec![], None, vec![]),
            ("one that fits everywhere", vec![pair("TagKey", Some("Owner"))], None, vec![]),
            (
                "a new one",
                vec![pair("TagKey", Some("cost center"))],
                None,
                vec![("\"cost center\"", "are not tagged at all")],
            ),
            (
                "the stack's own",
                vec![pair("TagKey", None)],
                Some(&stack),
                vec![("AWS::SSMContacts::Contact", "are not tagged at all")],
            ),
            (
                "a further one",
                vec![pair("MoreTags", Some("a:b=x;Team=y"))],
                Some(&stack),
                vec![("\"a:b\"", "do not get this tag")],
            ),
            ("settings that are wrong", vec![pair("MoreTags", Some("x"))], None, vec![]),
        ] {
            let found = warnings(&parameters, stack);
            assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
            for (text, words) in found.iter().zip(expected) {
                assert!(text.contains(words.0) && text.contains(words.1), "{what}: {text}");
            }
        }
    }
}
