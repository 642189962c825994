//! The keys of the settings: what the role must be allowed to write, and which resource types cannot have them, since
//! their services refuse a character. That is a warning and no error: everything else is tagged. Pure.

use crate::exit_code::Error;
use tagger_core::{Policy, config};

/// The parameter with the keys that the role may write beside the creator's.
pub const MORE: &str = "MoreTagKeys";

/// How long the parameter may be.
const LONGEST: usize = 256;

/// The value of [`MORE`]: every key that the settings can make, but the creator's.
///
/// # Errors
/// They are too long for one parameter.
pub fn more(policy: &Policy) -> Result<String, Error> {
    let mut keys: Vec<&str> = policy.further.iter().map(|tag| tag.key.as_str()).collect();
    keys.extend(policy.people.keys().iter().map(String::as_str));
    keys.retain(|key| *key != policy.tag.key);
    keys.sort_unstable();
    keys.dedup();
    let keys = keys.join(",");
    if keys.len() > LONGEST {
        return Err(Error::Usage(format!(
            "the keys of the further tags take {} characters together, {LONGEST} at most, since the role's policy names them: \
             {keys}",
            keys.len()
        )));
    }
    Ok(keys)
}

/// The most types that a warning names; docs/configuration.md has all.
const NAMED: usize = 5;

/// A sentence for each such key.
pub fn warnings(policy: &Policy) -> Vec<String> {
    let sentences = config::refused_keys(policy).into_iter().map(|(key, types)| {
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
    fn the_role_may_write_what_the_settings_make() {
        let long = format!("[tags]\n{} = \"x\"\n{} = \"x\"\n", "a".repeat(127), "b".repeat(127));
        let too_long = format!("{long}{} = \"x\"\n", "c".repeat(5));
        for (text, expected) in [
            ("", Some(String::new())),
            ("[tags]\nTeam = \"x\"\nCreatedAt = \"{eventTime}\"\n", Some("CreatedAt,Team".to_owned())),
            (
                "[tags]\nTeam = \"x\"\n[[person]]\nmatch = \"al\"\nname = \"Alice\"\nCostCenter = \"7\"\n",
                Some("CostCenter,Team".to_owned()),
            ),
            (&long, Some(format!("{},{}", "a".repeat(127), "b".repeat(127)))),
            (&too_long, None),
        ] {
            let found = more(&config::from_toml(text).unwrap()).ok();
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn keys_that_some_services_refuse() {
        for (what, text, expected) in [
            ("the default", "", vec![]),
            ("one that fits everywhere", "[tag]\nkey = \"Owner\"\n", vec![]),
            (
                "a key with a space",
                "[tag]\nkey = \"cost center\"\n",
                vec![("\"cost center\"", "are not tagged at all")],
            ),
            (
                "a key with a colon",
                "[tag]\nkey = \"auto:creator\"\n",
                vec![("AWS::SSMContacts::Contact", "are not tagged at all")],
            ),
            (
                "a further one",
                "[tags]\n\"a:b\" = \"x\"\nTeam = \"y\"\n",
                vec![("\"a:b\"", "do not get this tag")],
            ),
            (
                "a column of the people",
                "[[person]]\nmatch = \"alice\"\n\"a:b\" = \"x\"\n",
                vec![("\"a:b\"", "do not get this tag")],
            ),
        ] {
            let found = warnings(&config::from_toml(text).unwrap());
            assert_eq!(found.len(), expected.len(), "{what}: {found:?}");
            for (text, words) in found.iter().zip(expected) {
                assert!(text.contains(words.0) && text.contains(words.1), "{what}: {text}");
            }
        }
    }
}
