//! Step 1 of reading a text fast: from bytes to bits.
//!
//! 4 KiB at a time. Comparisons make a bit mask of each block of 64 bytes for quotes, backslashes, brackets and so on; the
//! rest is arithmetic on 64-bit words, a bit for each byte, in short loops over plain arrays that the compiler makes vector
//! code of. The bits are carried from block to block and from chunk to chunk, so that a text may come in pieces.
//!
//! A rule of JSON that says what may stand behind what is a shift by one and a comparison of masks: behind a comma, a colon
//! or an opening bracket stands a value and nothing else (or the closing bracket); a value stands nowhere else; a colon
//! stands behind a key; a key is a string behind a comma or an opening bracket. What depends on whether one is in a list
//! or in an object is only marked here; [`crate::walk`] judges it. The grammar is RFC 8259's:
//! <https://www.rfc-editor.org/rfc/rfc8259>
//!
//! The method is that of Langdale and Lemire, "Parsing Gigabytes of JSON per Second": <https://arxiv.org/abs/1902.08318>

use fearless_simd::{Simd, prelude::*, u8x64};

/// So many blocks of 64 bytes are worked on at once.
const BLOCKS: usize = 64;
/// Bytes of a chunk.
pub const CHUNK: usize = BLOCKS * 64;
/// A chunk, and the block behind it, into which keys and numbers of the chunk may reach.
pub type Window = [u8; CHUNK + 64];
/// A bit for each byte of a chunk, from index 1; at index 0 is the last block of the chunk before.
pub type Bits = [u64; BLOCKS + 1];

/// What was found in a chunk. What stands inside of strings is in none of the first six.
pub struct Found {
    /// Opening brackets of both kinds.
    pub open: Bits,
    /// Closing brackets of both kinds.
    pub close: Bits,
    /// Colons: only an object may have them.
    pub colon: Bits,
    /// The beginnings of what only a list may hold.
    pub element: Bits,
    /// Opening brackets with nothing before them that a value may follow: documents begin so.
    pub loose: Bits,
    /// Where to look: brackets, elements, literals and numbers, and the keys that may be of use.
    pub event: Bits,
    quote: Bits,
    backslash: Bits,
    escaped: Bits,
    string: Bits,
    space: Bits,
    comma: Bits,
    scalar: Bits,
    key: Bits,
    sum: Bits,
    key_end: Bits,
    behind_comma: Bits,
    behind_colon: Bits,
    behind_open: Bits,
    behind_key: Bits,
}

/// What is carried from one chunk to the next.
#[derive(Debug, Clone, Copy, Default)]
pub struct Carry {
    /// 1 where the last byte escapes the first of the next chunk.
    escape: u64,
    /// All ones inside of a string.
    string: u64,
    /// 1 inside of a key.
    key: u64,
    /// 1 where only spaces stand between the chunk's end and a comma, a colon, an opening bracket, a key.
    spaces: [u64; 4],
}

impl Carry {
    /// Whether the text is inside of a string.
    pub fn in_string(&self) -> bool {
        self.string != 0
    }
}

/// What the bits of a chunk cannot say of it.
#[derive(Debug, Clone, Copy)]
pub struct Oddities {
    /// A key with an escape, or half of a surrogate pair: only a full parse can judge the record.
    pub odd: bool,
    /// A byte that is not ASCII: whether the text is UTF-8 is still to be seen.
    pub high: bool,
    /// A control character, such as the end of a line.
    pub control: bool,
}

impl Default for Found {
    fn default() -> Self {
        let none = [0; BLOCKS + 1];
        Self {
            open: none,
            close: none,
            colon: none,
            element: none,
            loose: none,
            event: none,
            quote: none,
            backslash: none,
            escaped: none,
            string: none,
            space: none,
            comma: none,
            scalar: none,
            key: none,
            sum: none,
            key_end: none,
            behind_comma: none,
            behind_colon: none,
            behind_open: none,
            behind_key: none,
        }
    }
}

// `1..BLOCKS + 1` is made into vector code, `1..=BLOCKS` is not.
const fn all() -> std::ops::Range<usize> {
    1..BLOCKS + 1
}

const fn all_if(any: bool) -> std::ops::Range<usize> {
    if any { all() } else { 0..0 }
}

#[inline(always)]
fn behind(bits: &Bits, block: usize) -> u64 {
    bits[block] << 1 | bits[block - 1] >> 63
}

impl Found {
    /// Finds everything in a chunk; none where it is no JSON.
    #[inline(always)]
    pub fn find<S: Simd>(&mut self, simd: S, window: &Window, carried: &mut Carry) -> Option<Oddities> {
        let mut carry = *carried;
        for bits in [&mut self.open, &mut self.colon, &mut self.comma, &mut self.scalar, &mut self.key_end] {
            bits[0] = bits[BLOCKS];
        }
        let (control, high) = self.classify(simd, window);
        let escapes = self.strings(&mut carry);
        let spaced = self.outside(&carry);
        self.keys(&mut carry, spaced);
        let mut bad = self.grammar();
        if control {
            bad |= self.control_characters(simd, window);
        }
        let odd = escapes && self.escapes(window, &mut bad);
        *carried = carry;
        (bad == 0).then_some(Oddities { odd, high, control })
    }

    /// From bytes to masks. Says whether there are control characters, and bytes that are not ASCII.
    #[inline(always)]
    fn classify<S: Simd>(&mut self, simd: S, window: &Window) -> (bool, bool) {
        let all_of = |byte: u8| u8x64::splat(simd, byte);
        let load =
            |block: usize, offset: usize| u8x64::from_slice(simd, &window[(block - 1) * 64 + offset..][..64]);
        let (mut any, mut least) = (all_of(0), all_of(b' '));
        for block in all() {
            let bytes = load(block, 0);
            let is = |byte: u8| bytes.simd_eq(all_of(byte)).to_bitmask();
            (self.quote[block], self.backslash[block]) = (is(b'"'), is(b'\\'));
            (self.comma[block], self.colon[block]) = (is(b','), is(b':'));
            let folded = bytes | all_of(0x20); // [ to {, ] to }
            self.open[block] = folded.simd_eq(all_of(b'{')).to_bitmask();
            self.close[block] = folded.simd_eq(all_of(b'}')).to_bitmask();
            self.space[block] = bytes.simd_le(all_of(b' ')).to_bitmask();
            // The eighth letters of eventName, eventSource, errorCode, errorMessage, readOnly, however they are written:
            // few other keys have one of these there.
            let eighth = load(block, 8) | all_of(0x20);
            let letter =
                eighth.simd_eq(all_of(b'm')) | eighth.simd_eq(all_of(b'u')) | eighth.simd_eq(all_of(b'd'));
            self.event[block] =
                (letter | eighth.simd_eq(all_of(b's')) | eighth.simd_eq(all_of(b'y'))).to_bitmask();
            (any, least) = (any | bytes, least.min(bytes));
        }
        (least.simd_lt(all_of(b' ')).any_true(), any.simd_ge(all_of(0x80)).any_true())
    }

    /// Strings, from the opening quote to before the closing one. Says whether there are escapes.
    #[inline(always)]
    fn strings(&mut self, carry: &mut Carry) -> bool {
        const ODD: u64 = 0xaaaa_aaaa_aaaa_aaaa;
        let escapes = self.backslash[1..].iter().fold(carry.escape, |any, bits| any | bits) != 0;
        for block in all_if(escapes) {
            // An odd number of backslashes escapes what stands behind them.
            let begins = self.backslash[block] & !carry.escape;
            let runs = (begins << 1 | ODD).wrapping_sub(begins) ^ ODD;
            self.escaped[block] = runs ^ (self.backslash[block] | carry.escape);
            carry.escape = (runs & self.backslash[block]) >> 63;
            self.quote[block] &= !self.escaped[block];
        }
        // The running exclusive-or of the quotes.
        let prefix_xor =
            |bits: u64| [1, 2, 4, 8, 16, 32].iter().fold(bits, |bits, shift| bits ^ bits << shift);
        for block in all() {
            self.string[block] = prefix_xor(self.quote[block]);
        }
        for block in all() {
            self.string[block] ^= carry.string;
            carry.string = (self.string[block] >> 63).wrapping_neg();
        }
        escapes
    }

    /// What stands outside of strings. Says whether there are spaces, or were at the end of the chunk before.
    #[inline(always)]
    fn outside(&mut self, carry: &Carry) -> bool {
        let mut spaced = carry.spaces.iter().fold(0, |any, bits| any | bits);
        for block in all() {
            let outside = !(self.string[block] | self.quote[block]);
            self.open[block] &= outside;
            self.close[block] &= outside;
            self.comma[block] &= outside;
            self.colon[block] &= outside;
            self.space[block] &= outside;
            let marks = self.open[block] | self.close[block] | self.comma[block] | self.colon[block];
            self.scalar[block] = outside & !(marks | self.space[block]);
            spaced |= self.space[block];
        }
        spaced != 0
    }

    /// Keys: strings behind a comma or an opening bracket. A sum carries the first bit of each to its closing quote.
    #[inline(always)]
    fn keys(&mut self, carry: &mut Carry, spaced: bool) {
        for block in all() {
            self.behind_comma[block] = behind(&self.comma, block);
            self.behind_colon[block] = behind(&self.colon, block);
            self.behind_open[block] = behind(&self.open, block);
        }
        if spaced {
            over_spaces(&mut self.behind_comma, &self.space, &mut carry.spaces[0]);
            over_spaces(&mut self.behind_colon, &self.space, &mut carry.spaces[1]);
            over_spaces(&mut self.behind_open, &self.space, &mut carry.spaces[2]);
        }
        for block in all() {
            let opened = self.behind_open[block] | self.behind_comma[block];
            self.key[block] = self.quote[block] & self.string[block] & opened;
        }
        let mut over = carry.key == 1;
        for block in all() {
            (self.sum[block], over) = self.string[block].carrying_add(self.key[block], over);
        }
        carry.key = u64::from(over);
        for block in all() {
            self.key_end[block] = self.sum[block] & self.quote[block] & !self.string[block];
        }
        for block in all() {
            self.behind_key[block] = behind(&self.key_end, block);
        }
        if spaced {
            over_spaces(&mut self.behind_key, &self.space, &mut carry.spaces[3]);
        }
    }

    /// What stands behind what, and where to look. Bits of the answer are mistakes.
    #[inline(always)]
    fn grammar(&mut self) -> u64 {
        let mut bad = 0;
        for block in all() {
            let scalar = self.scalar[block] & !behind(&self.scalar, block);
            let behind_opener = self.behind_comma[block] | self.behind_open[block];
            let behind_separator = behind_opener | self.behind_colon[block];
            let (open, close) = (self.open[block], self.close[block]);
            let value = self.quote[block] & self.string[block] | open | scalar;
            self.loose[block] = open & !behind_separator;
            // A list or an object may be empty.
            let right = close & self.behind_open[block] | self.loose[block];
            bad |= (behind_separator ^ value) & !right | self.colon[block] & !self.behind_key[block];
            self.element[block] =
                self.behind_key[block] & !self.colon[block] | behind_opener & (open | scalar);
            self.event[block] =
                self.event[block] & self.key[block] | open | close | scalar | self.element[block];
        }
        bad
    }

    /// Control characters, of which only some may stand outside of strings. Bits of the answer are mistakes.
    #[inline(always)]
    fn control_characters<S: Simd>(&self, simd: S, window: &Window) -> u64 {
        let all_of = |byte: u8| u8x64::splat(simd, byte);
        let mut bad = 0;
        for block in all() {
            let bytes = u8x64::from_slice(simd, &window[(block - 1) * 64..][..64]);
            let is_space =
                bytes.simd_eq(all_of(b'\n')) | bytes.simd_eq(all_of(b'\t')) | bytes.simd_eq(all_of(b'\r'));
            bad |= bytes.simd_lt(all_of(b' ')).to_bitmask() & !(is_space.to_bitmask() & self.space[block]);
        }
        bad
    }

    /// Escapes. Says whether one is odd.
    #[inline(always)]
    fn escapes(&mut self, window: &Window, bad: &mut u64) -> bool {
        let mut odd = false;
        for block in all() {
            odd |= self.backslash[block] & self.string[block] & !self.sum[block] != 0; // in a key
            let mut escaped = self.escaped[block];
            while escaped != 0 {
                let at = (block - 1) * 64 + escaped.trailing_zeros() as usize;
                escaped &= escaped - 1;
                let digits = &window[at + 1..at + 5];
                let hexadecimal = window[at] == b'u' && digits.iter().all(u8::is_ascii_hexdigit);
                *bad |= u64::from(!hexadecimal && !br#""\/bfnrt"#.contains(&window[at]));
                odd |= hexadecimal
                    && matches!(digits[..2], [b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F']);
            }
        }
        odd
    }
}

/// Moves bits on over spaces.
#[inline(always)]
fn over_spaces(bits: &mut Bits, space: &Bits, carried: &mut u64) {
    for (bits, space) in bits.iter_mut().zip(space).skip(1) {
        let from = *bits | *carried;
        let (sum, over) = (from & space).overflowing_add(*space);
        (*bits, *carried) = ((from | sum) & !space, u64::from(over));
    }
}
