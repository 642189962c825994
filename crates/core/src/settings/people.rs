//! The people table: who is behind a name, an ARN, a role, a session, an id or an e-mail address, and which further tags
//! what they make gets. Compiled from rows into bytes that are looked up as they are: nothing is made of a row until
//! somebody asks for it, and no look-up walks through all of them.
//!
//! A row's pattern is indexed by one of its pieces between the stars, the rarest: whole, at the front, at the back, or
//! anywhere. A look-up hashes the pieces of these lengths out of the text and compares what it finds.

mod compile;
mod rows;

pub use compile::compile;
pub(crate) use rows::of_list;
pub use rows::{Row, RowError, from_toml};

use crate::{
    identity::{Creator, Kind, Principal},
    json,
    policy::matches,
    record::Record,
};
use std::{fmt, ops::Range, sync::Arc};

/// The file in the zip that holds the compiled table.
pub const FILE: &str = "people.table";

/// How a compiled table begins; the number is that of its form.
const MAGIC: &[u8; 16] = b"tagger people 1\n";
const HEADER: usize = 16 + 5 * 4;
const PROBE: usize = 4;
const ENTRY: usize = 12;
/// A text: where it begins, and its length.
const TEXT: usize = 6;

/// What of a caller a pattern is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Field {
    Name,
    Arn,
    Role,
    Session,
    User,
    Id,
    Email,
}

impl Field {
    const ALL: [(Field, &'static str); 7] = [
        (Field::Name, "name"),
        (Field::Arn, "arn"),
        (Field::Role, "role"),
        (Field::Session, "session"),
        (Field::User, "user"),
        (Field::Id, "id"),
        (Field::Email, "email"),
    ];

    /// Ids and e-mail addresses are the same in any case.
    fn folds(self) -> bool {
        matches!(self, Field::Id | Field::Email)
    }
}

/// Where in a text the piece stands by which a pattern is indexed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Anchor {
    Whole,
    Front,
    Back,
    Anywhere,
}

impl Anchor {
    const ALL: [Anchor; 4] = [Anchor::Whole, Anchor::Front, Anchor::Back, Anchor::Anywhere];
}

/// The table.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct People {
    bytes: Arc<Vec<u8>>,
    keys: Vec<String>,
    rows: usize,
    probes: Range<usize>,
    entries: Range<usize>,
    at_rows: Range<usize>,
    texts: Range<usize>,
}

impl fmt::Debug for People {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "People {{ rows: {}, keys: {:?} }}", self.rows, self.keys)
    }
}

/// What the table says of a caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person<'a> {
    /// The pattern of the row.
    pub pattern: &'a str,
    /// The name; none where the row gives none.
    pub name: Option<&'a str>,
    /// The further tags.
    pub tags: Vec<(&'a str, &'a str)>,
}

impl People {
    /// Takes a compiled table.
    ///
    /// # Errors
    /// It is none, of another version, or cut off.
    pub fn read(bytes: Vec<u8>) -> Result<Self, String> {
        let wrong = |what: &str| {
            Err(format!("{what}; `tagger deploy --config FILE` writes it anew from the people file"))
        };
        if !bytes.starts_with(MAGIC) {
            return wrong("this is no compiled people table of this version");
        }
        let number = |at: usize| u32_at(&bytes, 16 + at * 4).map(|number| number as usize);
        let numbers = [0, 1, 2, 3, 4].map(number);
        let [Some(rows), Some(keys), Some(probes), Some(entries), Some(length)] = numbers else {
            return wrong("the people table is cut off");
        };
        let stride = 1 + (2 + keys) * TEXT;
        let mut end = HEADER;
        let mut section = |bytes: usize| {
            let begin = end;
            end = end.saturating_add(bytes);
            begin..end
        };
        let at_probes = section(probes.saturating_mul(PROBE));
        let at_entries = section(entries.saturating_mul(ENTRY));
        let at_rows = section(rows.saturating_mul(stride));
        let at_keys = section(keys.saturating_mul(TEXT));
        let texts = section(length);
        if end != bytes.len() {
            return wrong("the people table is cut off");
        }
        if std::str::from_utf8(&bytes[texts.clone()]).is_err() {
            return wrong("the texts of the people table are damaged");
        }
        let mut people = Self {
            bytes: Arc::new(bytes),
            keys: Vec::new(),
            rows,
            probes: at_probes,
            entries: at_entries,
            at_rows,
            texts,
        };
        let keys = (0..keys).map(|key| people.text(at_keys.start + key * TEXT).map(str::to_owned));
        let Some(keys) = keys.collect::<Option<Vec<_>>>() else {
            return wrong("the keys of the people table are damaged");
        };
        people.keys = keys;
        Ok(people)
    }

    /// The compiled table.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The keys of its further tags.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// The first row that fits whoever made a call.
    pub fn find(&self, record: &Record, creator: &Creator) -> Option<Person<'_>> {
        if self.is_empty() {
            return None;
        }
        let mut first: Option<usize> = None;
        for (field, text) in candidates(record, creator) {
            let text = if field.folds() { text.to_lowercase() } else { text };
            self.first(field, &text, &mut first);
        }
        self.person(first?)
    }

    /// Makes `first` the row of this field that fits the text, if there is one and it stands before.
    fn first(&self, field: Field, text: &str, first: &mut Option<usize>) {
        let bytes = text.as_bytes();
        for (anchor, length) in self.probes_of(field).filter(|(_, length)| *length <= bytes.len()) {
            let mut look = |piece: &[u8]| {
                for row in self.rows_of(hash(field, anchor, piece)) {
                    if first.is_some_and(|first| first <= row) {
                        break;
                    }
                    let fits = self
                        .row(row)
                        .is_some_and(|(found, pattern)| found == field && matches(pattern, text));
                    if fits {
                        *first = Some(row);
                        break;
                    }
                }
            };
            match anchor {
                Anchor::Whole if length == 0 => look(bytes),
                Anchor::Whole => {}
                Anchor::Front => look(&bytes[..length]),
                Anchor::Back => look(&bytes[bytes.len() - length..]),
                Anchor::Anywhere => bytes.windows(length.max(1)).for_each(look),
            }
        }
    }

    /// Where the pieces stand by which patterns of a field are indexed, and how long they are; 0 for a whole text.
    fn probes_of(&self, field: Field) -> impl Iterator<Item = (Anchor, usize)> {
        let probes = self.bytes[self.probes.clone()].chunks_exact(PROBE);
        probes.filter(move |probe| probe[0] == field as u8).filter_map(|probe| {
            let anchor = *Anchor::ALL.get(usize::from(probe[1]))?;
            Some((anchor, usize::from(u16::from_le_bytes([probe[2], probe[3]]))))
        })
    }

    /// The rows of a hash, in their order.
    fn rows_of(&self, hash: u64) -> impl Iterator<Item = usize> {
        let entries = &self.bytes[self.entries.clone()];
        let at = |entry: usize| {
            let bytes = entries.get(entry * ENTRY..(entry + 1) * ENTRY)?;
            Some((u64::from_le_bytes(bytes[..8].try_into().ok()?), u32_at(bytes, 8)? as usize))
        };
        let count = entries.len() / ENTRY;
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            if at(middle).is_some_and(|(found, _)| found < hash) { low = middle + 1 } else { high = middle }
        }
        (low..count).map_while(move |entry| at(entry).filter(|(found, _)| *found == hash).map(|(_, row)| row))
    }

    fn stride(&self) -> usize {
        1 + (2 + self.keys.len()) * TEXT
    }

    fn row(&self, row: usize) -> Option<(Field, &str)> {
        let at = self.at_rows.start + row * self.stride();
        let (field, _) = *Field::ALL.get(usize::from(*self.bytes.get(at)?))?;
        Some((field, self.text(at + 1)?))
    }

    fn person(&self, row: usize) -> Option<Person<'_>> {
        let (_, pattern) = self.row(row)?;
        let at = self.at_rows.start + row * self.stride() + 1;
        let name = self.text(at + TEXT).filter(|name| !name.is_empty());
        let tags = self.keys.iter().enumerate().filter_map(|(key, name)| {
            let value = self.text(at + (2 + key) * TEXT)?;
            (!value.is_empty()).then_some((name.as_str(), value))
        });
        Some(Person { pattern, name, tags: tags.collect() })
    }

    fn text(&self, at: usize) -> Option<&str> {
        let begin = u32_at(&self.bytes, at)? as usize;
        let length = u16::from_le_bytes(self.bytes.get(at + 4..at + 6)?.try_into().ok()?);
        let texts = &self.bytes[self.texts.clone()];
        std::str::from_utf8(texts.get(begin..begin.checked_add(usize::from(length))?)?).ok()
    }
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// FNV-1a over where a piece stands and what it is: it has to be the same in every build, and collisions are compared.
fn hash(field: Field, anchor: Anchor, piece: &[u8]) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let begin = step(step(0xcbf2_9ce4_8422_2325, field as u8), anchor as u8);
    piece.iter().fold(begin, |hash, byte| step(hash, *byte))
}

/// What of a caller the patterns are compared with.
fn candidates(record: &Record, creator: &Creator) -> Vec<(Field, String)> {
    let identity = record.user_identity();
    let context = json::member(identity, "sessionContext");
    let issuer = json::member(context, "sessionIssuer");
    let owned = |text: Option<std::borrow::Cow<str>>| text.map(|text| text.trim().to_owned());
    let arn = owned(json::member_text(identity, "arn"));
    let principal = arn.as_deref().map(Principal::of_arn).unwrap_or_default();
    let text = |part: Option<&str>| part.map(str::to_owned);
    let of_user = json::member_text(identity, "userName").filter(|_| creator.kind == Kind::User);
    let role = text(principal.role).or_else(|| owned(json::member_text(issuer, "userName")));
    let source = owned(json::member_text(context, "sourceIdentity"));
    let id = owned(json::member_text(json::member(identity, "onBehalfOf"), "userId"));
    let emails =
        [&creator.name, &text(principal.session), &source, &owned(json::member_text(identity, "userName"))];
    let emails: Vec<String> =
        emails.into_iter().flatten().filter(|text| text.contains('@')).cloned().collect();
    let mut all = vec![
        (Field::Name, creator.name.clone()),
        (Field::Arn, arn.clone()),
        (Field::Arn, owned(json::member_text(issuer, "arn"))),
        (Field::Role, role),
        (Field::Session, text(principal.session)),
        (Field::User, text(principal.user).or_else(|| owned(of_user))),
        (Field::Id, id),
        // Where nothing else names them, the id is the name.
        (Field::Id, creator.name.clone().filter(|name| rows::is_id(name))),
    ];
    all.extend(emails.into_iter().map(|email| (Field::Email, Some(email))));
    all.into_iter().filter_map(|(field, text)| Some((field, text?))).collect()
}

#[cfg(test)]
mod tests;
