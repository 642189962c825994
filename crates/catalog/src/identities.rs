//! Session names and identity providers that tell a machine or a pipeline from a person, from
//! `catalog/identities.toml`. Data and one matcher; what a kind means is decided in `tagger-core`.

/// What a known pattern stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A machine.
    Workload,
    /// A pipeline.
    Ci,
}

/// A pattern and what it stands for.
#[derive(Debug)]
pub struct Known {
    /// Text with the placeholders `{digits}`, `{hex}`, `{uuid}` and `{any}`.
    pub pattern: &'static str,
    /// What it stands for.
    pub kind: Kind,
}

/// The kind of a role session's name, when it is one that a machine or a pipeline gives itself.
///
/// ```
/// use tagger_catalog::identities::{Kind, of_session};
/// assert_eq!(of_session("botocore-session-1698765432"), Some(Kind::Workload));
/// assert_eq!(of_session("alice"), None);
/// ```
pub fn of_session(name: &str) -> Option<Kind> {
    find(crate::generated::SESSIONS, name)
}

/// The kind of a web identity provider (the host, with or without `https://`, or the ARN of the
/// IAM OIDC provider).
pub fn of_provider(provider: &str) -> Option<Kind> {
    let host = provider.rsplit_once(":oidc-provider/").map_or(provider, |(_, host)| host);
    find(crate::generated::PROVIDERS, host.strip_prefix("https://").unwrap_or(host))
}

fn find(known: &[Known], text: &str) -> Option<Kind> {
    known.iter().find(|known| matches(known.pattern, text)).map(|known| known.kind)
}

/// Whether all of `text` is of the form `pattern`.
pub fn matches(pattern: &str, text: &str) -> bool {
    let Some(open) = pattern.find('{') else { return pattern == text };
    let Some(text) = text.strip_prefix(&pattern[..open]) else { return false };
    let Some(close) = pattern.find('}') else { return false };
    let rest = &pattern[close + 1..];
    let belongs: fn(u8) -> bool = match &pattern[open + 1..close] {
        "digits" => |byte| byte.is_ascii_digit(),
        "hex" => |byte| byte.is_ascii_hexdigit(),
        "uuid" => |byte| byte.is_ascii_hexdigit() || byte == b'-',
        _ => |_| true,
    };
    // The longest match is tried first; names are 64 characters at most, so trying all is cheap.
    let length = text.bytes().take_while(|byte| belongs(*byte)).count();
    let shortest = if pattern[open..].starts_with("{uuid}") { 36 } else { 1 };
    (shortest..=length).rev().any(|taken| text.get(taken..).is_some_and(|after| matches(rest, after)))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("aws-go-sdk-{digits}", "aws-go-sdk-1698765432", true),
            ("aws-go-sdk-{digits}", "aws-go-sdk-", false),
            ("aws-go-sdk-{digits}", "aws-go-sdk-12x", false),
            ("i-{hex}", "i-0abc123", true),
            ("i-{hex}", "i-robot", false),
            ("AWSCodeBuild-{uuid}", "AWSCodeBuild-0f1e2d3c-0000-4000-8000-000000000001", true),
            ("AWSCodeBuild-{uuid}", "AWSCodeBuild-1", false),
            ("oidc.eks.{any}/id/{hex}", "oidc.eks.eu-west-1.amazonaws.com/id/ABC123", true),
            ("GitHubActions", "GitHubActions", true),
            ("GitHubActions", "GitHubActions2", false),
            ("{any}", "é", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
