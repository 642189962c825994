//! A window of the event history, in whole seconds. Pure.

/// The history holds so many seconds, 90 days (the same page).
pub const KEPT: u64 = 90 * 24 * 60 * 60;
/// A mark moves by so much at a time, or to the end of the window; by less where there is much.
pub const SLICE: u64 = 30 * 60;

/// What is looked at in a region: from the first second to before the second, since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first second.
    pub from: u64,
    /// The second after its last.
    pub until: u64,
}

impl Window {
    /// What is still to be looked at. A region without a mark begins now: what was made before there was a
    /// tagger was not missed.
    pub fn after(mark: Option<u64>, now: u64, late: u64) -> Self {
        let until = now.saturating_sub(late);
        let oldest = now.saturating_sub(KEPT);
        Self { from: mark.unwrap_or(until).clamp(oldest, until.max(oldest)), until }
    }

    /// What came after it, until now: what it says takes precedence.
    pub fn rest(self, now: u64) -> Self {
        Self { from: self.until, until: now + 1 }
    }

    /// Its parts, oldest first.
    pub fn slices(self) -> Vec<Self> {
        let length = usize::try_from(SLICE).unwrap_or(usize::MAX);
        let starts = (self.from..self.until).step_by(length);
        starts.map(|from| Self { from, until: (from + SLICE).min(self.until) }).collect()
    }
}

impl Window {
    /// Its two halves; none where it is a single second.
    pub fn halves(self) -> Option<[Self; 2]> {
        let middle = self.from + (self.until - self.from) / 2;
        let halves = [Self { until: middle, ..self }, Self { from: middle, ..self }];
        (middle > self.from).then_some(halves)
    }
}
