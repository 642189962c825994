//! What a text tells by its form alone: an e-mail address, a unique id of IAM, a name that a program made up.

use tagger_catalog::identities::{self, Known};

/// What a source identity, or the subject of a propagated identity, looks like.
pub(super) enum Form {
    /// An e-mail address.
    Email,
    /// One of the forms of the catalog: a job, a host, a certificate's subject.
    Known(&'static Known),
    /// Neither: a name as people have it.
    Plain,
}

pub(super) fn of(text: &str) -> Form {
    if is_email(text) {
        return Form::Email;
    }
    // Some tools set their session's name as the source identity as well.
    let known = identities::of_source_identity(text).or_else(|| identities::of_session(text));
    known.map_or(Form::Plain, Form::Known)
}

/// Whether a text is one of IAM's unique ids, such as `AIDACKCEVSQ6C2EXAMPLE`, which names nobody:
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids>
pub(super) fn is_unique_id(text: &str) -> bool {
    const PREFIXES: [&str; 12] =
        ["ABIA", "ACCA", "AGPA", "AIDA", "AIPA", "AKIA", "ANPA", "ANVA", "APKA", "AROA", "ASCA", "ASIA"];
    text.len() >= 16
        && PREFIXES.iter().any(|prefix| text.starts_with(prefix))
        && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

/// Whether a session's name was made up by a program, so that it says neither who nor what made a call.
pub(super) fn is_made_up(session: &str) -> bool {
    is_unique_id(session) || identities::of_session(session).is_some_and(|known| known.made_up)
}

/// Whether a text is the serial number of a certificate, as IAM Roles Anywhere names its sessions.
pub(super) fn is_serial_number(session: &str) -> bool {
    session.len() >= 16 && session.bytes().all(|byte| byte.is_ascii_hexdigit())
}

pub(super) fn is_email(text: &str) -> bool {
    text.split_once('@').is_some_and(|(user, host)| {
        !user.is_empty()
            && host.contains('.')
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !host.contains('@')
            && !user.contains(['=', '/'])
    })
}
