//! The form of tags that AWS accepts.
//!
//! Pure text work. A value has ASCII letters, digits, space and `_ . : / = + - @`, 1 to 255 of them, which all services but
//! a few accept (Bedrock and DataSync take ASCII only, WorkSpaces 255 characters; sources in `docs/architecture.md`). What an
//! operation refuses of those is in its row of the catalog, and the value is made to fit it ([`fit_for`]). What a value is made
//! of is in [`crate::settings::template`].

use std::borrow::Cow;
use tagger_catalog::Operation;

/// Most characters of a value.
pub const MOST_CHARACTERS: usize = 255;

/// The value that AWS accepts everywhere: other characters become `_`, what is too long is cut.
pub fn fit(value: &str) -> Cow<'_, str> {
    let trimmed = value.trim();
    if trimmed.len() <= MOST_CHARACTERS && trimmed.chars().all(is_accepted) {
        return Cow::Borrowed(trimmed);
    }
    let replaced: String =
        trimmed.chars().take(MOST_CHARACTERS).map(|c| if is_accepted(c) { c } else { '_' }).collect();
    Cow::Owned(replaced.trim_end().to_owned())
}

/// The value as an operation accepts it: what [`fit`] let in and this one refuses becomes `_`.
pub fn fit_for<'a>(operation: &Operation, value: &'a str) -> Cow<'a, str> {
    let refused = operation.refused_in_values;
    if value.contains(|character| refused.contains(character)) {
        let fitted = value.chars().map(|character| if refused.contains(character) { '_' } else { character });
        return Cow::Owned(fitted.collect());
    }
    Cow::Borrowed(value)
}

/// The first character of a key that an operation refuses. A key cannot be made to fit: it would be another key.
pub fn refused_in_key(operation: &Operation, key: &str) -> Option<char> {
    key.chars().find(|character| operation.refused_in_keys.contains(*character))
}

/// Tags as an operation accepts them: values made to fit, and without those whose key it refuses.
pub fn tags_for<'a>(
    operation: &Operation,
    tags: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Vec<(&'a str, Cow<'a, str>)> {
    let accepted = tags.into_iter().filter(|(key, _)| refused_in_key(operation, key).is_none());
    accepted.map(|(key, value)| (key, fit_for(operation, value))).collect()
}

/// Why a text can be no tag's key, if it cannot.
pub fn key_problem(key: &str) -> Option<String> {
    let refused = key.chars().find(|character| !is_accepted(*character));
    if key.is_empty() || key.len() > 127 {
        Some("a tag's key has 1 to 127 characters".to_owned())
    } else if let Some(character) = refused {
        Some(format!(
            "`{character}` cannot stand in a tag's key; letters, digits, spaces and _ . : / = + - @ can"
        ))
    } else if key.to_ascii_lowercase().starts_with("aws:") {
        Some("keys that begin with `aws:` belong to AWS".to_owned())
    } else if key.trim() != key {
        Some("a tag's key does not begin or end with a space".to_owned())
    } else {
        None
    }
}

/// Whether nearly every service accepts this character in a tag.
pub fn is_accepted(character: char) -> bool {
    character.is_ascii_alphanumeric() || " _.:/=+-@".contains(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_fit() {
        let long = "x".repeat(300);
        for (value, expected) in [
            ("alice@example.com", "alice@example.com"),
            ("smith,john", "smith_john"),
            ("Zoë", "Zo_"),
            (" padded ", "padded"),
            ("a\tb\u{0}", "a_b_"),
            (long.as_str(), &long[..255]),
        ] {
            assert_eq!(fit(value), expected, "{value}");
        }
    }

    fn operation(name: &str) -> &'static Operation {
        tagger_catalog::operations().iter().find(|one| one.name == name).unwrap()
    }

    #[test]
    fn what_an_operation_refuses_becomes_an_underscore() {
        for (name, value, expected) in [
            ("sqs:TagQueue", "John Smith j.s@example.com", "John Smith j.s@example.com"),
            ("bcm-pricing-calculator:TagResource", "j.s@example.com", "j_s@example_com"),
            ("evs:TagResource", "John Smith", "John_Smith"),
            ("mailmanager:TagResource", "John Smith", "John_Smith"),
            ("route53-recovery-control-config:TagResource", "John Smith", "John_Smith"),
        ] {
            assert_eq!(fit_for(operation(name), value), expected, "{name}");
        }
        let tags = [("CreatedBy", "a b"), ("cost center", "x"), ("a:b", "y")];
        let fitted = tags_for(operation("ssm-contacts:TagResource"), tags);
        assert_eq!(fitted, [("CreatedBy", "a b".into())]);
        assert_eq!(refused_in_key(operation("ssm-contacts:TagResource"), "auto:creator"), Some(':'));
    }

    /// `catalog/tools/operations.py` holds the sets against the models' patterns: each text of what is left matches, and
    /// no text with what is refused does. Here: whatever the name, nothing else is sent.
    #[test]
    fn every_operation_gets_only_what_it_accepts() {
        let mut any = 7_u64;
        let mut next = |most: u64| {
            // Knuth's generator; the same names each time.
            any = any.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (any >> 33) % most
        };
        let names: Vec<String> = (0..200)
            .map(|_| {
                let length = next(300);
                (0..=length).filter_map(|_| char::from_u32(32 + u32::try_from(next(300)).unwrap())).collect()
            })
            .chain(["...", "   .", "a", "João da Silva", "CN=x,OU=y"].map(str::to_owned))
            .collect();
        for operation in tagger_catalog::operations() {
            assert!(!operation.refused_in_values.contains('_'), "{}", operation.name);
            // The default key fits everywhere, and so does the mark where it is written.
            assert_eq!(refused_in_key(operation, "CreatedBy"), None, "{}", operation.name);
            for name in names.iter().filter(|name| !fit(name).is_empty()) {
                let fitted = fit(name);
                let sent = fit_for(operation, &fitted);
                let accepted = |c: char| is_accepted(c) && !operation.refused_in_values.contains(c);
                assert!(sent.chars().all(accepted), "{}: {sent:?}", operation.name);
                assert!((1..=MOST_CHARACTERS).contains(&sent.len()) && sent.trim() == sent, "{sent:?}");
                assert_eq!(fit_for(operation, &sent), sent, "twice is as once");
            }
        }
        let mark = crate::reconcile::mark_key("ap-southeast-2");
        assert_eq!(refused_in_key(operation("lambda:TagResource"), &mark), None);
        assert_eq!(fit_for(operation("lambda:TagResource"), "2026-11-24T08:30:00Z"), "2026-11-24T08:30:00Z");
    }
}
