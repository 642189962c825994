//! Which resource types cannot have the keys of the settings, since their services refuse a character of them. Pure.
//! It is a warning and no error: everything else is tagged.

use tagger_core::{Policy, config};

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
