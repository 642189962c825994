//! The members of a record that say by themselves that it gives no tag: the same answer as the plan's, from the text.
//!
//! [`tagger_core::glance`] does the same with a parse of the record's top.

use std::sync::OnceLock;
use tagger_core::diagnostic::Code;

/// What a record's top says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Top<'t> {
    /// The code of the diagnostic for which [`tagger_core::plan`] leaves the record alone.
    pub code: Code,
    /// `eventSource`, where the code is that of an unknown event; else empty.
    pub source: &'t str,
    /// `eventName`, where the code is that of an unknown event, or of a call that reads and the name has no escape; else empty.
    pub name: &'t str,
}

const NAMES: [&[u8]; 5] =
    [b"eventSource\"", b"eventName\"", b"errorCode\"", b"errorMessage\"", b"readOnly\""];

/// The top of a record, if it can be told from five members of the usual form that it gives no tag. `keys` are the places
/// of all keys of its members that may be one of them, also in another case.
pub fn of(record: &[u8], keys: impl Iterator<Item = usize>) -> Option<Top<'_>> {
    let mut members: [Option<&[u8]>; NAMES.len()] = [None; NAMES.len()];
    for key in keys {
        let rest = &record[key + 1..];
        let Some(index) = NAMES.iter().position(|name| rest.starts_with(name)) else {
            // Whoever writes `ErrorCode` means the same, and the full parse knows which goes first.
            let same =
                |name: &&&[u8]| rest.get(..name.len()).is_some_and(|key| key.eq_ignore_ascii_case(name));
            if NAMES.iter().any(|name| same(&name)) {
                return None;
            }
            continue;
        };
        let rest = &rest[NAMES[index].len()..];
        let value = rest.iter().position(|byte| !b": \t\n\r".contains(byte))?;
        if members[index].replace(&rest[value..]).is_some() {
            return None;
        }
    }
    let [source, name, code, message, read_only] = members;
    let (source, name) = (filled(source?)?, filled(name?)?);
    let read_only = read_only.map_or(b'n', |value| value[0]);
    if source.starts_with(b"aws:")
        || !b"tfn".contains(&read_only)
        || message.is_some_and(|value| !b"\"n".contains(&value[0]))
    {
        return None;
    }
    let settled = |code: Code| Some(Top { code, source: "", name: "" });
    let given = |value: &&[u8]| value[0] != b'n' && !value.starts_with(b"\"\"");
    if let Some(code) = code.filter(given).filter(|code| !code.starts_with(b"\"0\"")) {
        let dry_run = string(filled(code)?)?.ends_with(b"DryRunOperation");
        return settled(if dry_run { Code::DryRun } else { Code::FailedCall });
    }
    if let Some(message) = message.filter(given) {
        return filled(message).and_then(|_| settled(Code::FailedCall));
    }
    if read_only == b't' {
        let name = string(name).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default();
        return Some(Top { code: Code::ReadOnlyCall, source: "", name });
    }
    let (source, name) = (string(source)?, string(name)?);
    let usual =
        source.iter().chain(name).all(u8::is_ascii_graphic) && !source.iter().any(u8::is_ascii_uppercase);
    let (source, name) = (std::str::from_utf8(source).ok()?, std::str::from_utf8(name).ok()?);
    let unknown = usual && (!Names::all().may_have(name) || tagger_catalog::event(source, name).is_none());
    unknown.then_some(Top { code: Code::UnknownEvent, source, name })
}

/// The names of the catalog's events, as a filter: most names of a log are none of them, and need no search.
struct Names([u64; Self::BITS / 64]);

impl Names {
    const BITS: usize = 1 << 16;

    fn all() -> &'static Self {
        static ALL: OnceLock<Names> = OnceLock::new();
        ALL.get_or_init(|| {
            let mut names = Self([0; Self::BITS / 64]);
            for event in tagger_catalog::events() {
                let bit = Self::bit(event.name);
                names.0[bit / 64] |= 1 << (bit % 64);
            }
            names
        })
    }

    fn bit(name: &str) -> usize {
        // FNV-1a: http://www.isthe.com/chongo/tech/comp/fnv/
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        (hash >> 48) as usize % Self::BITS
    }

    /// Whether the catalog may have an event of this name.
    fn may_have(&self, name: &str) -> bool {
        let bit = Self::bit(tagger_catalog::plain_event_name(name));
        self.0[bit / 64] >> (bit % 64) & 1 == 1
    }
}

/// What stands behind the quote of a string that certainly is not blank.
fn filled(value: &[u8]) -> Option<&[u8]> {
    value.strip_prefix(b"\"").filter(|text| text[0].is_ascii_graphic() && !br#""\"#.contains(&text[0]))
}

/// A string up to its closing quote, if there is no escape in it.
fn string(text: &[u8]) -> Option<&[u8]> {
    text.iter()
        .position(|byte| br#""\"#.contains(byte))
        .filter(|end| text[*end] == b'"')
        .map(|end| &text[..end])
}
