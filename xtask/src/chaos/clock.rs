//! The time of the run: some times as fast as ours, and ahead of it by jumps. The function is told the
//! same time by `clock.c`; this file compiles that, and must not be used by anything that is released.

use std::{
    fs::{self, File},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

/// The clock, in nanoseconds since 1970.
pub struct Clock {
    anchor: u64,
    scale: u64,
    jump: AtomicU64,
    file: File,
    path: PathBuf,
    library: PathBuf,
}

fn real() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

impl Clock {
    /// A clock that goes `scale` times as fast, with its files in a folder.
    pub fn new(folder: &Path, scale: u64) -> Result<Self, String> {
        let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
        let path = folder.join("clock");
        let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
        fs::write(&source, include_str!("clock.c")).map_err(failed)?;
        fs::write(&path, 0_u64.to_ne_bytes()).map_err(failed)?;
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .arg(&library)
            .arg(&source)
            .arg("-ldl")
            .output()
            .map_err(|error| format!("cc could not be started: {error}; install a C compiler"))?;
        if !compiled.status.success() {
            return Err(format!("cc: {}", String::from_utf8_lossy(&compiled.stderr)));
        }
        let file = File::options().write(true).open(&path).map_err(failed)?;
        Ok(Self { anchor: real(), scale, jump: AtomicU64::new(0), file, path, library })
    }

    /// What time it is.
    pub fn now(&self) -> u64 {
        self.anchor + (real() - self.anchor) * self.scale + self.jump.load(Ordering::Relaxed)
    }

    /// Goes ahead to a time, unless it has passed. Only when the function has nothing in hand, since
    /// whatever it waits for would be over at once.
    pub fn jump_to(&self, time: u64) -> Result<(), String> {
        let by = time.saturating_sub(self.now());
        let jump = self.jump.fetch_add(by, Ordering::Relaxed) + by;
        self.file.write_all_at(&jump.to_ne_bytes(), 0).map_err(|error| format!("the clock's file: {error}"))
    }

    /// The variables that give a program this time.
    pub fn environment(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("CHAOS_CLOCK", self.path.display().to_string()),
            ("CHAOS_ANCHOR", self.anchor.to_string()),
            ("CHAOS_SCALE", self.scale.to_string()),
        ]
    }
}

/// A time as CloudTrail and XML answers write it.
pub fn text(nanoseconds: u64) -> String {
    let seconds = nanoseconds / SECOND;
    let (days, of_day) = (seconds / 86_400, seconds % 86_400);
    // Days to a date: <https://howardhinnant.github.io/date_algorithms.html#civil_from_days>
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (of_day / 3_600, of_day / 60 % 60, of_day % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::{SECOND, text};

    #[test]
    fn texts_of_times() {
        assert_eq!(text(1_795_509_000 * SECOND), "2026-11-24T08:30:00Z");
        assert_eq!(text(1_709_164_799 * SECOND), "2024-02-28T23:59:59Z");
    }
}
