//! A text from its first byte to its last, in pieces that need little memory: its records, and what of it is none.
//!
//! The fast way is [`crate::walk`]. Where a text is wrong or of another form, it is read again from its beginning by
//! [`tagger_core::documents`], which holds it as a whole, names every broken place and goes on behind it.

use crate::{
    files::{self, File},
    rows,
    top::Top,
    walk::{Listener, Odd, Place, Walker},
};
use fearless_simd::Level;
use std::io::{self, Read};
use tagger_core::{
    Record,
    diagnostic::Code,
    documents::{self, Open, Problem, ProblemKind},
};

/// So much of a text is read at a time.
const PIECE: usize = 256 << 10;
/// What is bigger, packed or unpacked, is read piece by piece; a record or a document of another form that is bigger is left
/// to the full parse.
const BIG: usize = 16 << 20;
/// A text that has to be held as a whole may be so long. A packed file can hold far more than memory does.
pub const MOST_HELD: u64 = 1 << 30;

/// Who is given the records of a text.
pub trait Reader {
    /// The top of a record that gives no tag. Whether nothing more is to be known of it; else it comes as a record.
    fn glance(&mut self, top: &Top) -> bool;
    /// A record, or a place that could not be read.
    fn item(&mut self, item: Result<Record, Problem>);
    /// All of the text's records and places so far are to be forgotten: it is read again from its beginning.
    fn again(&mut self);
}

/// Buffers and the processor's level; used for one file after another.
pub struct Texts {
    level: Level,
    raw: Vec<u8>,
    text: Vec<u8>,
    gunzip: libdeflater::Decompressor,
}

impl Default for Texts {
    fn default() -> Self {
        Self::at(Level::new())
    }
}

impl Texts {
    /// With the processor's level told, for tests.
    pub fn at(level: Level) -> Self {
        Self { level, raw: Vec::new(), text: Vec::new(), gunzip: libdeflater::Decompressor::new() }
    }

    /// Reads a file. The error is that of the reading; what came before it was given.
    ///
    /// # Errors
    /// It could not be read to its end, or is too long for its form.
    pub fn read(&mut self, file: &File, open: &mut Open, to: &mut dyn Reader) -> io::Result<()> {
        let mut rest = file.raw()?;
        self.raw.clear();
        (&mut rest).take(BIG as u64).read_to_end(&mut self.raw)?;
        files::refuse_zip(&self.raw)?;
        let mut walker = Walker::new(self.level);
        let is_packed = files::is_gzip(&self.raw);
        let whole = match () {
            () if self.raw.len() >= BIG => None,
            () if is_packed => {
                gunzip(&mut self.gunzip, &self.raw, &mut self.text).map(|length| &self.text[..length])
            }
            () => Some(&self.raw[..]),
        };
        let walked = match whole {
            Some(text) if text.trim_ascii().is_empty() => Err(Odd),
            Some(text) => walker.feed(text, true, &mut Opener { open, to }),
            None => {
                let raw = self.raw.as_slice().chain(rest);
                let mut reader: Box<dyn Read> =
                    if is_packed { Box::new(files::unpacked(raw)) } else { Box::new(raw) };
                walk(&mut walker, &mut *reader, &mut self.text, &mut Opener { open, to })
            }
        };
        if walked.is_ok() {
            return Ok(());
        }
        to.again();
        let (whole, error) = held(&mut *file.text()?)?;
        read_whole(&whole, open, to);
        error.map_or(Ok(()), Err)
    }
}

/// All of a gzip'd text, if it is not big and certainly one member: libdeflate does not say where a member ends. The size
/// is that of the trailer (RFC 1952), and only if no second header stands anywhere.
fn gunzip(gunzip: &mut libdeflater::Decompressor, raw: &[u8], text: &mut Vec<u8>) -> Option<usize> {
    let size = u32::from_le_bytes(*raw.last_chunk()?) as usize;
    if size > BIG || memchr::memmem::find(raw.get(18..)?, b"\x1f\x8b\x08").is_some() {
        return None;
    }
    if text.len() < size {
        text.resize(size, 0);
    }
    gunzip.gzip_decompress(raw, &mut text[..size]).ok().filter(|length| *length == size)
}

/// Walks through a text piece by piece. An error of reading is left to the slow way, which gives what there is.
fn walk(
    walker: &mut Walker,
    reader: &mut dyn Read,
    text: &mut Vec<u8>,
    to: &mut impl Listener,
) -> Result<(), Odd> {
    let (mut filled, mut total, mut ended) = (0, 0, false);
    while !ended {
        if text.len() < filled + PIECE {
            text.resize(filled + PIECE, 0);
        }
        let more = match reader.read(&mut text[filled..]) {
            Ok(more) => more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(Odd),
        };
        (filled, total, ended) = (filled + more, total + more, more == 0);
        walker.feed(&text[..filled], ended, to)?;
        if filled > BIG || ended && total == 0 {
            return Err(Odd);
        }
        filled = walker.forget(&mut text[..filled]);
    }
    Ok(())
}

/// Opens what a glance does not settle.
struct Opener<'a> {
    open: &'a mut Open,
    to: &'a mut dyn Reader,
}

impl Listener for Opener<'_> {
    fn glance(&mut self, top: &Top) -> bool {
        self.to.glance(top)
    }

    fn open(&mut self, text: &str, place: &dyn Fn() -> Place) {
        match documents::value(text) {
            Ok(value) => documents::records_in(value, self.open, &mut |item| {
                self.to.item(item.map_err(|problem| {
                    let Place { line, record } = place();
                    Problem { line, record, ..problem }
                }));
            }),
            // The walk has checked it; what it lets through and the parser does not, is named all the same.
            Err(error) => {
                let (message, kind, Place { line, record }) =
                    (error.to_string(), ProblemKind::Broken, place());
                self.to.item(Err(Problem { line, record, message, kind }));
            }
        }
    }
}

/// A text as a whole, and the error that ended it.
///
/// # Errors
/// It is longer than [`MOST_HELD`].
pub fn held(reader: &mut dyn Read) -> io::Result<(Vec<u8>, Option<io::Error>)> {
    let mut whole = Vec::new();
    let error = reader.take(MOST_HELD + 1).read_to_end(&mut whole).err();
    if whole.len() as u64 > MOST_HELD {
        let size = MOST_HELD >> 30;
        return Err(io::Error::other(format!(
            "it is longer than {size} GiB, and its form is none that can be read piece by piece, as CloudTrail's own and JSON \
             lines can; split it, or look whether it is a log at all"
        )));
    }
    Ok((from_utf16(&whole).unwrap_or(whole), error))
}

/// The slow way.
pub fn read_whole(text: &[u8], open: &mut Open, to: &mut dyn Reader) {
    if rows::is_csv(text) {
        return rows::of_csv(text, &mut |line, row| match row {
            Ok(row) => documents::records_in(row, open, &mut |item| {
                to.item(item.map_err(|problem| Problem { line, ..problem }));
            }),
            Err(message) => to.item(Err(Problem { line, record: None, message, kind: ProblemKind::Broken })),
        });
    }
    if let Some(text) = prefixed(text) {
        return read_lines(text, open, to);
    }
    // Both closures need it, one at a time.
    let to = std::cell::RefCell::new(to);
    documents::read_with(
        text,
        open,
        &mut |glance| {
            // What Lambda's own records say of their source is no service that was called.
            let code = glance.code().filter(|_| !glance.event_source().starts_with("aws:"));
            let Some(code) = code else { return false };
            let unknown = code == Code::UnknownEvent;
            let (source, name) =
                if unknown { (glance.event_source(), glance.event_name()) } else { ("", "") };
            to.borrow_mut().glance(&Top { code, source, name })
        },
        &mut |item| to.borrow_mut().item(item),
    );
}

/// The text, where its lines begin with something and then have a record, as `aws logs tail` and syslog print it.
fn prefixed(text: &[u8]) -> Option<&str> {
    let first = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).find(|line| !line.is_empty())?;
    let begin = first.iter().position(|byte| *byte == b'{').filter(|begin| *begin > 0)?;
    let has_record = memchr::memmem::find(&first[begin..], b"eventName").is_some();
    let prefix_is_json = matches!(first[0], b'[' | b'\x1e' | 0xef);
    std::str::from_utf8(text).ok().filter(|_| has_record && !prefix_is_json)
}

/// Lines, each with a record somewhere.
fn read_lines(text: &str, open: &mut Open, to: &mut dyn Reader) {
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = |problem| Problem { line: index + 1, ..problem };
        let value = line.find('{').map(|begin| documents::value(&line[begin..]));
        match value {
            Some(Ok(value)) => {
                documents::records_in(value, open, &mut |item| to.item(item.map_err(place)));
            }
            other => {
                let message = match other {
                    Some(Err(error)) => {
                        error.to_string().split(" at line ").next().unwrap_or_default().to_owned()
                    }
                    _ => "no record in this line".to_owned(),
                };
                to.item(Err(place(Problem { line: 0, record: None, message, kind: ProblemKind::Broken })));
            }
        }
    }
}

/// The text of a file that says by its first two bytes that it is UTF-16, as a PowerShell redirection
/// writes it.
fn from_utf16(raw: &[u8]) -> Option<Vec<u8>> {
    let unit: fn([u8; 2]) -> u16 = match raw {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = raw[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    Some(String::from_utf16_lossy(&units).into_bytes())
}
