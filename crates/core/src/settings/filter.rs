//! Filters: what a value goes through on its way into a tag, such as `lower` in `{name|lower}`.
//!
//! Each takes a text and gives a text. One that finds nothing to do gives what it got; one that leaves nothing gives no
//! value, so that a tag never becomes empty by a filter.

use crate::settings::near::nearest;

/// The filters, each with how it is written and what it does.
pub const FILTERS: &[(&str, &str, &str)] = &[
    ("lower", "lower", "small letters"),
    ("upper", "upper", "capital letters"),
    ("before", "before:@", "what stands before the first `@`; the whole where there is none"),
    ("after", "after:/", "what stands behind the first `/`; the whole where there is none"),
    ("before-last", "before-last:-", "what stands before the last `-`"),
    ("after-last", "after-last:/", "what stands behind the last `/`"),
    (
        "replace",
        "replace:.:-",
        "each `.` becomes `-`; `replace:.:` removes it, `replace:::-` is about the colon itself",
    ),
    (
        "permission-set",
        "permission-set",
        "`AWSReservedSSO_Admin_0123456789abcdef` becomes `Admin`; anything else stays",
    ),
    ("limit", "limit:20", "the first 20 characters"),
    ("default", "default:nobody", "`nobody` where nothing before it has a value"),
];

/// How the roles begin that Identity Center makes for its permission sets:
/// <https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html>
const RESERVED: &str = "AWSReservedSSO_";

/// One filter with its arguments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Small letters.
    Lower,
    /// Capital letters.
    Upper,
    /// What stands before the first occurrence.
    Before(String),
    /// What stands behind the first occurrence.
    After(String),
    /// What stands before the last occurrence.
    BeforeLast(String),
    /// What stands behind the last occurrence.
    AfterLast(String),
    /// Each occurrence of the first becomes the second.
    Replace(String, String),
    /// The permission set of a role that Identity Center made.
    PermissionSet,
    /// So many characters.
    Limit(usize),
    /// This, where there is no value.
    Default(String),
}

/// Whether a word between bars is written as a filter: it has the name of one, or an argument.
pub fn is_filter(word: &str) -> bool {
    let name = word.split(':').next().unwrap_or_default();
    word.contains(':') || FILTERS.iter().any(|(known, ..)| *known == name)
}

impl Filter {
    /// Reads one, as it stands between bars.
    ///
    /// # Errors
    /// A filter that does not exist, with those that do; or one without its argument.
    pub fn parse(word: &str) -> Result<Self, String> {
        let (name, argument) = word.split_once(':').map_or((word, None), |(name, rest)| (name, Some(rest)));
        let name = name.trim();
        let Some((_, form, _)) = FILTERS.iter().find(|(known, ..)| *known == name) else {
            let names = FILTERS.iter().map(|(known, ..)| *known);
            let all = FILTERS.iter().map(|(_, form, _)| format!("`{form}`")).collect::<Vec<_>>().join(", ");
            return Err(format!("unknown filter `{name}`{}; filters are {all}", nearest(name, names)));
        };
        let wrong = |what: &str| Err(format!("the filter `{word}` {what}; it is written as `{form}`"));
        let filled = argument.filter(|argument| !argument.is_empty());
        let text = || filled.map(str::to_owned);
        match (name, argument, text()) {
            ("lower", None, _) => Ok(Self::Lower),
            ("upper", None, _) => Ok(Self::Upper),
            ("permission-set", None, _) => Ok(Self::PermissionSet),
            ("lower" | "upper" | "permission-set", ..) => wrong("takes no argument"),
            (_, _, None) => wrong("needs an argument"),
            ("before", _, Some(text)) => Ok(Self::Before(text)),
            ("after", _, Some(text)) => Ok(Self::After(text)),
            ("before-last", _, Some(text)) => Ok(Self::BeforeLast(text)),
            ("after-last", _, Some(text)) => Ok(Self::AfterLast(text)),
            ("default", _, Some(text)) => Ok(Self::Default(text)),
            ("limit", _, Some(text)) => match text.trim().parse() {
                Ok(most @ 1..=255) => Ok(Self::Limit(most)),
                _ => wrong("takes a number from 1 to 255"),
            },
            (_, _, Some(text)) => {
                // What is replaced has at least one character, so that it can be the colon itself.
                let first = text.chars().next().map_or(0, char::len_utf8);
                match text[first..].split_once(':') {
                    Some((rest, to)) => Ok(Self::Replace(format!("{}{rest}", &text[..first]), to.to_owned())),
                    None => wrong("needs a second colon, behind which stands the new text"),
                }
            }
        }
    }

    /// What it makes of a value.
    pub fn apply(&self, value: Option<String>) -> Option<String> {
        let filtered = match (self, value) {
            (Self::Default(text), None) => text.clone(),
            (_, None) => return None,
            (Self::Default(_), Some(value)) => value,
            (Self::Lower, Some(value)) => value.to_lowercase(),
            (Self::Upper, Some(value)) => value.to_uppercase(),
            (Self::Before(mark), Some(value)) => part(value.split_once(mark).map(|parts| parts.0), &value),
            (Self::After(mark), Some(value)) => part(value.split_once(mark).map(|parts| parts.1), &value),
            (Self::BeforeLast(mark), Some(value)) => {
                part(value.rsplit_once(mark).map(|parts| parts.0), &value)
            }
            (Self::AfterLast(mark), Some(value)) => {
                part(value.rsplit_once(mark).map(|parts| parts.1), &value)
            }
            (Self::Replace(from, to), Some(value)) => value.replace(from, to),
            (Self::PermissionSet, Some(value)) => permission_set(&value).unwrap_or(&value).to_owned(),
            (Self::Limit(most), Some(value)) => value.chars().take(*most).collect(),
        };
        Some(filtered).filter(|value| !value.trim().is_empty())
    }
}

fn part(found: Option<&str>, whole: &str) -> String {
    found.unwrap_or(whole).to_owned()
}

/// The permission set in the name or the ARN of a role that Identity Center made: AWS puts `_` and 16 hexadecimal digits
/// behind its name, which may hold `_` itself.
fn permission_set(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once(RESERVED)?;
    let name = rest.split('/').next()?;
    let (set, unique) = name.rsplit_once('_')?;
    let is_unique = !unique.is_empty() && unique.bytes().all(|byte| byte.is_ascii_hexdigit());
    Some(set).filter(|set| is_unique && !set.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_filter_makes() {
        let reserved = "AWSReservedSSO_Power_User_0123456789abcdef";
        for (filter, value, expected) in [
            ("lower", "Jane.Doe", Some("jane.doe")),
            ("upper", "jane", Some("JANE")),
            ("before:@", "jane@example.com", Some("jane")),
            ("before:@", "jane", Some("jane")),
            ("before:@", "@example.com", None),
            ("after:/", "team/jane/x", Some("jane/x")),
            ("after:/", "jane", Some("jane")),
            ("after-last:/", "team/jane/x", Some("x")),
            ("before-last:-", "web-prod-1", Some("web-prod")),
            ("replace:.:-", "a.b.c", Some("a-b-c")),
            ("replace:.:", "a.b.c", Some("abc")),
            ("replace:::-", "a:b", Some("a-b")),
            ("replace:dev:prod", "dev-dev", Some("prod-prod")),
            ("replace:a:", "aaa", None),
            ("permission-set", reserved, Some("Power_User")),
            (
                "permission-set",
                "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123456789abcdef/jane",
                Some("Admin"),
            ),
            ("permission-set", "Deploy", Some("Deploy")),
            ("permission-set", "AWSReservedSSO_Admin", Some("AWSReservedSSO_Admin")),
            ("limit:3", "Zoë Müller", Some("Zoë")),
            ("limit:9", "Zoë", Some("Zoë")),
            ("default:x", "y", Some("y")),
        ] {
            let found = Filter::parse(filter).unwrap().apply(Some(value.to_owned()));
            assert_eq!(found.as_deref(), expected, "{filter} on {value}");
        }
        assert_eq!(Filter::parse("default:x").unwrap().apply(None).as_deref(), Some("x"));
        assert_eq!(Filter::parse("lower").unwrap().apply(None), None);
    }

    #[test]
    fn a_wrong_filter_is_refused_with_those_that_exist() {
        for (filter, says) in [
            ("lwoer", "did you mean `lower`?"),
            ("trim:x", "filters are `lower`, `upper`, `before:@`"),
            ("lower:x", "takes no argument"),
            ("before:", "needs an argument"),
            ("before", "needs an argument"),
            ("limit:0", "a number from 1 to 255"),
            ("limit:x", "written as `limit:20`"),
            ("replace:a", "needs a second colon"),
        ] {
            let error = Filter::parse(filter).unwrap_err();
            assert!(error.contains(says), "{filter}: expected {says:?}, got {error:?}");
        }
    }

    /// A word between bars is a name or a filter; it must never be both.
    #[test]
    fn no_filter_has_the_name_of_a_field() {
        for (name, form, _) in FILTERS {
            assert!(Filter::parse(form).is_ok(), "{form}");
            assert!(crate::settings::fields::FIELDS.iter().all(|(field, _)| field != name), "{name}");
        }
    }
}
