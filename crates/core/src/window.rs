//! A window of the event history, in whole seconds. Pure.

/// From this age of an event, in seconds, the history is asked: it shows a call some minutes after it was made.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/view-cloudtrail-events.html>
pub const SHOWN_AFTER: u64 = 2 * 60;
/// After so many seconds it shows a call for sure: "typically within an average of about 5 minutes", it says there.
/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html>
pub const SHOWN_FOR_SURE: u64 = 10 * 60;
/// The history holds so many seconds, 90 days (the same page).
pub const KEPT: u64 = 90 * 24 * 60 * 60;
/// A mark moves by so much at a time at most, or to the end of the window; by less where there is much.
pub const SLICE: u64 = 30 * 60;
/// By so much first.
const FIRST: u64 = 60;
/// And then by what so many calls read, since a part that was not read to its end is read again.
const CALLS: u64 = 100;

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

    /// Its first part, as long as some [`CALLS`] read where so many calls read so many seconds before it, and [`FIRST`] where
    /// nothing is known; none where it is empty.
    pub fn first(self, calls: u64, read: u64) -> Option<Self> {
        let length = if read == 0 { FIRST } else { (CALLS * read / calls.max(1)).clamp(1, SLICE) };
        (self.from < self.until).then(|| Self { until: (self.from + length).min(self.until), ..self })
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
