//! Opting out: a resource whose request, or which itself, has one of these tags is left alone.

use std::fmt;

/// The tags that opt a resource out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OptOut {
    /// Each a key, with the value that it has to have, or with any.
    tags: Vec<(String, Option<String>)>,
}

impl OptOut {
    /// Adds one, as `auto-tag=off` or, whatever its value, `Owner`.
    ///
    /// # Errors
    /// There is no key.
    pub fn add(&mut self, text: &str) -> Result<(), String> {
        let (key, value) = text.split_once('=').map_or((text, None), |(key, value)| (key, Some(value)));
        let key = key.trim();
        if key.is_empty() {
            return Err(format!("`{text}` has no key; write `key=value`, or `key` for any value"));
        }
        self.tags.push((key.to_owned(), value.map(|value| value.trim().to_owned())));
        Ok(())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// The keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.tags.iter().map(|(key, _)| key.as_str())
    }

    /// The tag that opts out, among those that there are.
    pub fn find<'a>(&self, there: impl IntoIterator<Item = (&'a str, &'a str)>) -> Option<String> {
        let opts_out = |(key, value): &(&str, &str)| {
            self.tags.iter().any(|(known, wanted)| {
                known == key && wanted.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(value))
            })
        };
        there.into_iter().find(opts_out).map(|(key, value)| format!("{key}={value}"))
    }
}

impl fmt::Display for OptOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let written = self.tags.iter().map(|(key, value)| match value {
            Some(value) => format!("{key}={value}"),
            None => key.clone(),
        });
        f.write_str(&written.collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_to_be_the_one_that_is_named_and_a_key_alone_takes_any() {
        let mut opt_out = OptOut::default();
        opt_out.add("auto-tag=off").unwrap();
        opt_out.add("Owner").unwrap();
        for (there, expected) in [
            (vec![("auto-tag", "off")], Some("auto-tag=off")),
            (vec![("auto-tag", "Off")], Some("auto-tag=Off")),
            (vec![("auto-tag", "on")], None),
            (vec![("x", "y"), ("Owner", "")], Some("Owner=")),
            (vec![("owner", "bob")], None),
            (vec![], None),
        ] {
            assert_eq!(opt_out.find(there.clone()).as_deref(), expected, "{there:?}");
        }
        assert!(opt_out.add("=off").unwrap_err().contains("no key"));
    }
}
