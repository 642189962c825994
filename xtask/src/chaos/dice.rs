//! Decisions by chance that a seed repeats: each is a pure function of the seed and of what is decided.

/// A number from what it is about; the same for the same.
pub fn roll(seed: u64, about: &[u64]) -> u64 {
    about.iter().fold(mixed(seed ^ 0x9e37_79b9_7f4a_7c15), |state, part| mixed(state ^ mixed(*part)))
}

/// splitmix64's finish.
fn mixed(mut value: u64) -> u64 {
    value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A text as a number, for `roll`.
pub fn of_text(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// A row of numbers from one roll.
pub struct Dice(u64);

impl Dice {
    /// The row that belongs to something.
    pub fn of(seed: u64, about: &[u64]) -> Self {
        Self(roll(seed, about))
    }

    /// The next number below a bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0 = mixed(self.0);
        self.0 % bound.max(1)
    }

    /// A number from a range, its end left out.
    pub fn from(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.below(range.end.saturating_sub(range.start))
    }

    /// Whether something happens that happens so many times in ten thousand.
    pub fn chance(&mut self, in_ten_thousand: u64) -> bool {
        self.below(10_000) < in_ten_thousand
    }
}
