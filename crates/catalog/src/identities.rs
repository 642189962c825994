//! Names that programs give to role sessions, and identity providers, that tell a machine or a pipeline from a person, from
//! `catalog/identities.toml`. Data and one matcher; what a kind means is decided in `tagger-core`.

/// What a known pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A machine.
    Workload,
    /// A pipeline.
    Ci,
    /// Nothing more than a role: people use the tool that makes such names as well.
    Role,
}

/// A pattern and what it stands for.
#[derive(Debug)]
pub struct Known {
    /// Text with placeholders, such as `botocore-session-{digits}`; see [`check`].
    pub pattern: &'static str,
    /// What it stands for.
    pub kind: Kind,
    /// Whether a program makes the name up, so that it does not say who or what made a call.
    pub made_up: bool,
}

/// What is known of a role session's name, when it is one that a program gives to its sessions.
///
/// ```
/// use tagger_catalog::identities::{Kind, of_session};
/// let known = of_session("botocore-session-1698765432").unwrap();
/// assert!(known.made_up && known.kind == Kind::Workload);
/// let known = of_session("GitHubActions").unwrap();
/// assert!(!known.made_up && known.kind == Kind::Ci);
/// assert!(of_session("alice").is_none());
/// ```
pub fn of_session(name: &str) -> Option<&'static Known> {
    find(crate::generated::SESSIONS, name)
}

/// What is known of a source identity by its form. Without regard to case, since host names have none.
pub fn of_source_identity(name: &str) -> Option<&'static Known> {
    find(crate::generated::SOURCE_IDENTITIES, &name.to_ascii_lowercase())
}

/// The kind of a web identity provider (the host, with or without `https://`, or the ARN of the
/// IAM OIDC provider).
pub fn of_provider(provider: &str) -> Option<Kind> {
    let host = provider.rsplit_once(":oidc-provider/").map_or(provider, |(_, host)| host);
    let host = host.strip_prefix("https://").unwrap_or(host);
    find(crate::generated::PROVIDERS, host.trim_end_matches('/')).map(|known| known.kind)
}

fn find(known: &'static [Known], text: &str) -> Option<&'static Known> {
    known.iter().find(|known| matches(known.pattern, text))
}

/// More than a source identity can have, and the longest that is looked at.
const LONGEST: usize = 256;

/// Whether all of `text` is of the form `pattern`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let before = &pattern[..pattern.find('{').unwrap_or(pattern.len())];
    let Some(rest) = text.strip_prefix(before).filter(|_| text.len() <= LONGEST) else { return false };
    let mut pattern = &pattern[before.len()..];
    let Some(holders_end) = pattern.rfind('}') else { return rest.is_empty() };
    // Each record is held against every pattern, so most are refused by their texts alone.
    let tail = &pattern[holders_end + 1..];
    let between =
        pattern[..holders_end].split_once('}').map(|(_, after)| &after[..after.find('{').unwrap_or(0)]);
    if !rest.ends_with(tail) || between.is_some_and(|literal| !rest.contains(literal)) {
        return false;
    }
    if between.is_none() {
        let holder = &pattern[1..holders_end];
        return Piece::parse(holder)
            .is_ok_and(|piece| piece.ends(rest, 0).contains(&(rest.len() - tail.len())));
    }
    // Where in the rest one may be after each piece of the pattern.
    let mut reached = vec![false; rest.len() + 1];
    reached[0] = true;
    while let Some((holder, after)) = pattern.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
        let literal = &after[..after.find('{').unwrap_or(after.len())];
        let Ok(piece) = Piece::parse(holder) else { return false };
        let mut next = vec![false; rest.len() + 1];
        for from in (0..=rest.len()).filter(|from| reached[*from]) {
            for to in piece.ends(rest, from) {
                if rest.as_bytes()[to..].starts_with(literal.as_bytes()) {
                    next[to + literal.len()] = true;
                }
            }
        }
        reached = next;
        pattern = &after[literal.len()..];
    }
    pattern.is_empty() && reached[rest.len()]
}

/// Why a pattern cannot be read, if it cannot. Placeholders are `{digits}`, `{hex}`, `{letters}`, `{alnum}`, `{upper}`
/// (capitals and digits), `{label}` (a part of a host name) and `{any}`, each for at least one character; with `:32`,
/// `:10+` or `:8-17` after the name for that many. `{uuid}` and `{date}` (a day from 2000 to 2099) have their forms.
///
/// # Errors
/// A sentence that says what is wrong.
pub fn check(pattern: &str) -> Result<(), String> {
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        let close = rest[open..].find('}').ok_or_else(|| format!("`{pattern}`: `{{` without `}}`"))? + open;
        Piece::parse(&rest[open + 1..close]).map_err(|problem| format!("`{pattern}`: {problem}"))?;
        rest = &rest[close + 1..];
        if rest.starts_with('{') {
            return Err(format!("`{pattern}`: two placeholders need a text between them"));
        }
    }
    if rest.contains('}') { Err(format!("`{pattern}`: `}}` without `{{`")) } else { Ok(()) }
}

/// What a placeholder takes.
enum Piece {
    Uuid,
    Date,
    Bytes { belongs: fn(u8) -> bool, least: usize, most: usize },
}

impl Piece {
    fn parse(holder: &str) -> Result<Self, String> {
        let (name, count) = holder.split_once(':').unwrap_or((holder, "1+"));
        let belongs: fn(u8) -> bool = match name {
            "uuid" | "date" if holder != name => return Err(format!("`{name}` has a length of its own")),
            "uuid" => return Ok(Self::Uuid),
            "date" => return Ok(Self::Date),
            "digits" => |byte| byte.is_ascii_digit(),
            "hex" => |byte| byte.is_ascii_hexdigit(),
            "letters" => |byte| byte.is_ascii_alphabetic(),
            "alnum" => |byte| byte.is_ascii_alphanumeric(),
            "upper" => |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            "label" => |byte| byte.is_ascii_alphanumeric() || byte == b'-',
            "any" => |_| true,
            _ => return Err(format!("unknown placeholder `{{{holder}}}`")),
        };
        let number = |text: &str| {
            let number = text.parse::<usize>().ok().filter(|number| (1..=LONGEST).contains(number));
            number.ok_or_else(|| format!("`{{{holder}}}`: expected a length such as 32, 10+ or 8-17"))
        };
        let (least, most) = match (count.strip_suffix('+'), count.split_once('-')) {
            (Some(least), _) => (number(least)?, LONGEST),
            (None, Some((least, most))) => (number(least)?, number(most)?),
            (None, None) => (number(count)?, number(count)?),
        };
        Ok(Self::Bytes { belongs, least, most })
    }

    /// Where it can end in a text from a place on.
    fn ends(&self, text: &str, from: usize) -> std::ops::RangeInclusive<usize> {
        let bytes = &text.as_bytes()[from..];
        let none = std::ops::RangeInclusive::new(1, 0);
        match self {
            Self::Uuid if bytes.get(..36).is_some_and(is_uuid) => from + 36..=from + 36,
            Self::Date => [10, 8]
                .into_iter()
                .find(|length| bytes.get(..*length).is_some_and(is_date))
                .map_or(none, |length| from + length..=from + length),
            Self::Bytes { belongs, least, most } => {
                let length = bytes.iter().take(*most).take_while(|byte| belongs(**byte)).count();
                if length < *least { none } else { from + least..=from + length }
            }
            Self::Uuid => none,
        }
    }
}

fn is_uuid(bytes: &[u8]) -> bool {
    bytes.iter().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// `20261130` or `2026-11-30`.
fn is_date(bytes: &[u8]) -> bool {
    let dashes = bytes.len() == 10;
    if dashes && (bytes[4] != b'-' || bytes[7] != b'-') {
        return false;
    }
    let digits: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != b'-').collect();
    if digits.len() != 8 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let two = |at: usize| (digits[at] - b'0') * 10 + (digits[at + 1] - b'0');
    two(0) == 20 && (1..=12).contains(&two(4)) && (1..=31).contains(&two(6))
}

#[cfg(test)]
mod tests {
    use super::{check, matches};

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("aws-go-sdk-{digits}", "aws-go-sdk-1698765432", true),
            ("aws-go-sdk-{digits}", "aws-go-sdk-", false),
            ("aws-go-sdk-{digits}", "aws-go-sdk-12x", false),
            ("i-{hex:8-17}", "i-0abc1234", true),
            ("i-{hex:8-17}", "i-0abc", false),
            ("i-{hex:8-17}", "i-robot", false),
            ("AWSCodeBuild-{uuid}", "AWSCodeBuild-0f1e2d3c-0000-4000-8000-000000000001", true),
            ("AWSCodeBuild-{uuid}", "AWSCodeBuild-0f1e2d3c-0000-4000-8000-0000000000012", false),
            ("AWSCodeBuild-{uuid}", "AWSCodeBuild-1", false),
            ("oidc.eks.{any}/id/{hex}", "oidc.eks.eu-west-1.amazonaws.com/id/ABC123", true),
            ("eks-{any}-{uuid}", "eks-prod-web-7d9f-0f1e2d3c-0000-4000-8000-000000000001", true),
            ("{digits:10+}", "1556618400", true),
            ("{digits:10+}", "155661840", false),
            ("{hex:32}", "0123456789abcdef0123456789abcdef", true),
            ("{hex:32}", "0123456789abcdef0123456789abcdef0", false),
            ("{date}", "20261130", true),
            ("{date}", "2026-11-30", true),
            ("{date}", "20261330", false),
            ("{date}", "12345678", false),
            ("GitHubActions", "GitHubActions", true),
            ("GitHubActions", "GitHubActions2", false),
            ("{any}", "é", true),
            ("{any}-x", "é-x", true),
            ("a{any}b", "ab", false),
            ("{any}.{any}.internal", "a.b.c.internal", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
            assert_eq!(check(pattern), Ok(()));
        }
        let long = "a-".repeat(50_000);
        assert!(!matches("{any}-{any}-{any}-{any}", &long), "what is longer than any name matches nothing");
    }

    #[test]
    fn wrong_patterns_are_refused() {
        for (pattern, reason) in [
            ("{digit}", "unknown placeholder"),
            ("{digits:x}", "expected a length"),
            ("{digits:0}", "expected a length"),
            ("{uuid:3}", "length of its own"),
            ("{digits", "without `}`"),
            ("digits}", "without `{`"),
            ("{any}{hex}", "a text between"),
        ] {
            let problem = check(pattern).unwrap_err();
            assert!(problem.contains(reason), "{pattern}: {problem}");
        }
    }
}
