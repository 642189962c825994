//! Compiles the rows of a people table into its bytes, and finds the rows that can never fit. It may take its time: it
//! runs where somebody deploys, not in the function.

use super::{Anchor, Field, MAGIC, People, Row, RowError, hash, rows};
use std::collections::{BTreeSet, HashMap};

/// How many wrong rows are named.
const MOST_ERRORS: usize = 20;

/// Compiles a table. Its first row that fits is taken, so rows come in their order.
///
/// # Errors
/// Every row that is wrong or can never fit, the first twenty of them.
pub fn compile(keys: &[String], rows: &[Row]) -> Result<People, Vec<RowError>> {
    let wrong = |line: usize, message: String| RowError { line, message };
    rows::keys(keys).map_err(|message| vec![wrong(1, message)])?;
    let mut errors = Vec::new();
    let mut patterns: Vec<(Field, String)> = Vec::with_capacity(rows.len());
    for row in rows {
        let read = rows::content(row, keys).and_then(|()| rows::meaning(&row.pattern));
        match read {
            Ok(pattern) => patterns.push(pattern),
            Err(message) => errors.push(wrong(row.line, message)),
        }
    }
    if errors.is_empty() {
        let people = People::read(write(keys, rows, &patterns)).map_err(|message| vec![wrong(1, message)])?;
        errors = shadowed(&people, rows, &patterns);
        if errors.is_empty() {
            return Ok(people);
        }
    }
    errors.truncate(MOST_ERRORS);
    Err(errors)
}

/// The rows before which one stands that fits all that they fit.
fn shadowed(people: &People, rows: &[Row], patterns: &[(Field, String)]) -> Vec<RowError> {
    // Whoever is planned for has a name.
    let everybody = patterns
        .iter()
        .position(|(field, text)| *field == Field::Name && text.bytes().all(|byte| byte == b'*'));
    let found = patterns.iter().enumerate().filter_map(|(index, (field, text))| {
        // A star of this one is an ordinary character for the others, which only their own stars take in.
        let mut first = None;
        people.first(*field, text, &mut first);
        let earlier = [first, everybody].into_iter().flatten().filter(|earlier| *earlier < index).min()?;
        let Row { line, pattern, .. } = &rows[earlier];
        let message = format!(
            "`{}` can never fit: line {line} (`{}`) fits the same callers and stands before it; the first row that fits is \
             taken, so put the narrower one first, or remove one",
            rows[index].pattern.trim(),
            pattern.trim()
        );
        Some(RowError { line: rows[index].line, message })
    });
    found.collect()
}

/// The piece by which each pattern is indexed: the rarest of it, and of those the longest.
fn anchors(patterns: &[(Field, String)]) -> Vec<(Anchor, &str)> {
    let of = |text: &'_ str| -> Vec<(Anchor, usize, usize)> {
        if !text.contains('*') {
            return vec![(Anchor::Whole, 0, text.len())];
        }
        let (mut pieces, mut at) = (Vec::new(), 0);
        for piece in text.split('*') {
            let end = at + piece.len();
            let anchor = match (at == 0, end == text.len()) {
                (true, _) => Anchor::Front,
                (_, true) => Anchor::Back,
                _ => Anchor::Anywhere,
            };
            if !piece.is_empty() {
                pieces.push((anchor, at, end));
            }
            at = end + 1;
        }
        pieces
    };
    let mut counts: HashMap<(Field, Anchor, &str), usize> = HashMap::new();
    for (field, text) in patterns {
        for (anchor, begin, end) in of(text) {
            *counts.entry((*field, anchor, &text[begin..end])).or_default() += 1;
        }
    }
    let rarest = |(field, text): &'_ (Field, String)| {
        let pieces = of(text);
        let best = pieces.into_iter().min_by_key(|(anchor, begin, end)| {
            let count = counts.get(&(*field, *anchor, &text[*begin..*end])).copied().unwrap_or_default();
            (count, usize::MAX - (end - begin))
        });
        // Nothing but stars fits everything, which begins with nothing.
        best.unwrap_or((Anchor::Front, 0, 0))
    };
    patterns
        .iter()
        .map(|pattern| {
            let (anchor, begin, end) = rarest(pattern);
            (anchor, &pattern.1[begin..end])
        })
        .collect()
}

/// Texts, each stored once.
#[derive(Default)]
struct Texts<'a> {
    bytes: Vec<u8>,
    known: HashMap<&'a str, u32>,
}

impl<'a> Texts<'a> {
    fn reference(&mut self, text: &'a str) -> [u8; 6] {
        let Self { bytes, known } = self;
        let begin = *known.entry(text).or_insert_with(|| {
            let begin = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            bytes.extend_from_slice(text.as_bytes());
            begin
        });
        let length = u16::try_from(text.len()).unwrap_or_default().to_le_bytes();
        let [a, b, c, d] = begin.to_le_bytes();
        [a, b, c, d, length[0], length[1]]
    }
}

fn write(keys: &[String], rows: &[Row], patterns: &[(Field, String)]) -> Vec<u8> {
    let mut probes: BTreeSet<(u8, u8, u16)> = BTreeSet::new();
    let mut entries: Vec<(u64, u32)> = Vec::with_capacity(rows.len());
    for (index, ((field, _), (anchor, piece))) in patterns.iter().zip(anchors(patterns)).enumerate() {
        // Which length a whole text has does not matter.
        let length = if anchor == Anchor::Whole { 0 } else { u16::try_from(piece.len()).unwrap_or_default() };
        probes.insert((*field as u8, anchor as u8, length));
        entries.push((hash(*field, anchor, piece.as_bytes()), u32::try_from(index).unwrap_or(u32::MAX)));
    }
    entries.sort_unstable();
    let mut texts = Texts::default();
    let mut table: Vec<u8> = Vec::new();
    for (row, (field, pattern)) in rows.iter().zip(patterns) {
        table.push(*field as u8);
        table.extend(texts.reference(pattern));
        table.extend(texts.reference(row.name.trim()));
        for tag in &row.tags {
            table.extend(texts.reference(tag.trim()));
        }
    }
    for key in keys {
        table.extend(texts.reference(key));
    }
    let mut bytes = MAGIC.to_vec();
    for number in [rows.len(), keys.len(), probes.len(), entries.len(), texts.bytes.len()] {
        bytes.extend(u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes());
    }
    for (field, anchor, length) in probes {
        bytes.extend([field, anchor]);
        bytes.extend(length.to_le_bytes());
    }
    for (hash, row) in entries {
        bytes.extend(hash.to_le_bytes());
        bytes.extend(row.to_le_bytes());
    }
    bytes.extend(table);
    bytes.extend(texts.bytes);
    bytes
}
