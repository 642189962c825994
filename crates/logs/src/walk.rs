//! Step 2 of reading a text fast: nesting, records, their members, numbers.
//!
//! Goes through the places that [`crate::bits`] marked, some 25 a record. At a record's end its five members of use are
//! looked at in place; most records are settled by that, without allocation or copy. What is odd about a record (an escape
//! in a key, a member given twice, a value of another type) goes to the full parse, one record at a time. What is wrong,
//! or of another form, ends the walk: at that moment every record that was given was checked to its last byte.

use crate::{
    bits::{CHUNK, Carry, Found, Window},
    top::{self, Top},
};
use fearless_simd::{Level, Simd, dispatch};

/// What is deeper is left to the full parse.
const DEEPEST: i32 = 60;
/// Records with more keys of use are left to the full parse.
const MOST_KEYS: usize = 64;

/// Who is given what was found.
pub trait Listener {
    /// The top of a record. Whether nothing more is to be known of it; else it is opened.
    fn glance(&mut self, top: &Top) -> bool;
    /// A record, or what stands in the place of one: right JSON.
    fn open(&mut self, text: &str, place: &dyn Fn() -> Place);
}

/// Where a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Line, counted from 1.
    pub line: usize,
    /// Position in its list, counted from 0, where there is a list.
    pub record: Option<usize>,
}

/// The text is wrong, or of a form that only the full parse knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Odd;

/// A walk through one text, which may come in pieces.
pub struct Walker {
    level: Level,
    found: Box<Found>,
    carry: Carry,
    /// How far the text is read.
    at: usize,
    /// A bit for each open bracket, the innermost last, 1 for an object; and how many they are.
    stack: u64,
    depth: i32,
    /// How many brackets there are around a record's members.
    record_depth: i32,
    /// Behind the last bracket that is not inside of a record.
    shell: usize,
    /// Where the record begins, its keys of use, how many these are.
    start: usize,
    keys: [usize; MOST_KEYS],
    used: usize,
    /// Behind the last place that is odd; behind the last chunk that has something not ASCII.
    odd: usize,
    high: usize,
    /// Line ends in what was forgotten, whether there may be more; records of the list so far.
    lines: usize,
    has_lines: bool,
    index: usize,
}

impl Walker {
    /// Before a text, for a processor's level.
    pub fn new(level: Level) -> Self {
        Self {
            level,
            found: Box::default(),
            carry: Carry::default(),
            at: 0,
            stack: 0,
            depth: 0,
            record_depth: 1,
            shell: 0,
            start: 0,
            keys: [0; MOST_KEYS],
            used: 0,
            odd: 0,
            high: 0,
            lines: 0,
            has_lines: false,
            index: 0,
        }
    }

    /// Reads on in a text, to its end when it is the last piece.
    ///
    /// # Errors
    /// The text is no JSON, or of a form that only the full parse knows.
    pub fn feed(&mut self, text: &[u8], last: bool, to: &mut impl Listener) -> Result<(), Odd> {
        while self.at < text.len() {
            let padded;
            let window = match text.get(self.at..).and_then(<[u8]>::first_chunk) {
                Some(window) => window,
                None if !last => return Ok(()),
                None => {
                    padded = padded_window(&text[self.at..]);
                    &padded
                }
            };
            let right = dispatch!(self.level, simd => self.chunk(simd, text, window, to));
            if !right {
                return Err(Odd);
            }
            self.at += CHUNK;
        }
        let rest = text.get(self.shell..).unwrap_or_default();
        let ended = self.depth == 0 && !self.carry.in_string() && rest.trim_ascii().is_empty();
        if last && !ended { Err(Odd) } else { Ok(()) }
    }

    /// Takes away from the text what is not needed any more, and says how much is left.
    pub fn forget(&mut self, text: &mut [u8]) -> usize {
        let gone = if self.depth >= self.record_depth { self.start } else { self.shell }.min(text.len());
        if self.has_lines {
            self.lines += newlines(&text[..gone]);
            // What is left was looked at already, and is not again.
            self.has_lines = gone < text.len();
        }
        text.copy_within(gone.., 0);
        for place in [&mut self.at, &mut self.shell, &mut self.start, &mut self.odd, &mut self.high] {
            *place = place.saturating_sub(gone);
        }
        for key in &mut self.keys[..self.used.min(MOST_KEYS)] {
            *key = key.saturating_sub(gone);
        }
        text.len() - gone
    }

    #[inline(always)]
    fn chunk<S: Simd>(&mut self, simd: S, text: &[u8], window: &Window, to: &mut impl Listener) -> bool {
        let Some(oddities) = self.found.find(simd, window, &mut self.carry) else { return false };
        if oddities.odd {
            self.odd = self.at + CHUNK;
        }
        self.has_lines |= oddities.control;
        if oddities.high {
            self.high = self.at + CHUNK;
        }
        self.nesting(text, window, to)
    }

    #[inline(always)]
    fn nesting(&mut self, text: &[u8], window: &Window, to: &mut impl Listener) -> bool {
        let (mut bad, mut last, mut stack, mut depth) = (0, 0, self.stack, self.depth);
        for block in 1..CHUNK / 64 + 1 {
            let (open, close) = (self.found.open[block], self.found.close[block]);
            let (element, loose) = (self.found.element[block], self.found.loose[block]);
            let mut events = self.found.event[block];
            while events != 0 {
                let bit = events.trailing_zeros();
                events &= events - 1;
                let event = (block - 1) * 64 + bit as usize;
                // Only a list may hold what is no member.
                bad |= element >> bit & stack;
                if (open | close) >> bit & 1 == 1 {
                    bad |= u64::from(stack & 1 == 0 && self.colon_between(last, event));
                    last = event;
                    let (open, close) = (open >> bit & 1, close >> bit & 1);
                    let object = u64::from(window[event]) >> 5 & 1;
                    bad |= close & (stack ^ object);
                    stack = (stack << open | open & object) >> close;
                    let outer = depth - i32::from(close == 1);
                    depth = outer + i32::from(open == 1);
                    bad |= loose >> bit & u64::from(outer > 0) | u64::from(depth > DEEPEST);
                    if outer < self.record_depth
                        && (bad & 1 == 1 || !self.shell(text, self.at + event, open == 1, outer, to))
                    {
                        return false;
                    }
                } else if window[event] == b'"' {
                    self.keys[self.used % MOST_KEYS] = self.at + event;
                    self.used += usize::from(depth == self.record_depth);
                } else if window[event] != b',' {
                    bad |= u64::from(!self.scalar(&window[event..], self.at + event));
                }
            }
        }
        (self.stack, self.depth) = (stack, depth);
        bad & 1 == 0 && (stack & 1 == 1 || !self.colon_between(last, CHUNK))
    }

    /// Whether a colon stands between two places of the chunk; none may in a list.
    fn colon_between(&self, from: usize, to: usize) -> bool {
        let behind =
            |block: usize| self.found.colon[block + 1] & u64::MAX << from.saturating_sub(block * 64).min(63);
        (from / 64..to.div_ceil(64)).any(|block| behind(block) << (block * 64 + 64).saturating_sub(to) != 0)
    }

    /// A bracket that is not inside of a record. Around records there is only a list, with nothing else in it.
    fn shell(&mut self, text: &[u8], place: usize, open: bool, outer: i32, to: &mut impl Listener) -> bool {
        let before = &text[self.shell..place];
        self.shell = place + 1;
        if open && outer == 0 {
            (self.record_depth, self.index) = (document(&text[place..]), 0);
        }
        let is_record = outer + 1 == self.record_depth;
        if is_record && !open {
            return self.finish(text, place + 1, to);
        }
        if is_record {
            (self.start, self.used) = (place, 0);
        }
        let named = self.record_depth == 3 && outer == 1 && open && !before.contains(&b',');
        let passes = |byte: &u8| byte.is_ascii_whitespace() || *byte == b',' && is_record && outer > 0;
        outer >= 0 && (named || before.iter().all(passes)) && (!is_record || text[place] == b'{')
    }

    /// The end of a record.
    fn finish(&mut self, text: &[u8], end: usize, to: &mut impl Listener) -> bool {
        let record = &text[self.start..end];
        let index = self.index;
        self.index += 1;
        if self.high > self.start && std::str::from_utf8(record).is_err() {
            return false;
        }
        let usual = self.odd <= self.start && self.used <= MOST_KEYS;
        let keys = self.keys[..self.used.min(MOST_KEYS)].iter().map(|key| key - self.start);
        if usual && top::of(record, keys).is_some_and(|top| to.glance(&top)) {
            return true;
        }
        let Ok(record) = std::str::from_utf8(record) else { return false };
        // Lines are counted only where somebody is told of them.
        to.open(record, &|| Place {
            line: self.lines + 1 + newlines(&text[..self.start]),
            record: (self.record_depth > 1).then_some(index),
        });
        true
    }

    /// A literal or a number, and nothing behind it that could be part of it.
    fn scalar(&mut self, text: &[u8], place: usize) -> bool {
        let ends = |at: usize| b",}] \n\r\t".contains(&text[at]);
        if text.starts_with(b"true") || text.starts_with(b"null") {
            return ends(4);
        }
        if text.starts_with(b"false") {
            return ends(5);
        }
        let digits =
            |from: usize| text[from..from + 20].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let sign = usize::from(text[0] == b'-');
        let whole = digits(sign);
        let dot = usize::from(text[sign + whole] == b'.');
        let part = dot * digits(sign + whole + dot);
        let end = sign + whole + dot + part;
        let right = whole > 0 && (whole == 1 || text[sign] != b'0') && part >= dot;
        // Long ones and exponents are rare: the record's full parse tells. A mark is never lowered.
        let odd = b"eE0123456789".contains(&text[end]);
        if odd {
            self.odd = self.odd.max(place + 1);
        }
        right && (odd || ends(end))
    }
}

/// The last bytes of a text, and spaces.
#[cold]
fn padded_window(rest: &[u8]) -> Window {
    let mut padded = [b' '; CHUNK + 64];
    padded[..rest.len()].copy_from_slice(rest);
    padded
}

fn newlines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

/// How deep the members of records stand in the document that begins here.
fn document(mut text: &[u8]) -> i32 {
    let other = if text[0] == b'[' { 2 } else { 1 };
    for part in [&b"{"[..], b"\"Records\"", b":", b"["] {
        let Some(behind) = text.trim_ascii_start().strip_prefix(part) else { return other };
        text = behind;
    }
    3
}
