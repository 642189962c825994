//! How far the reading is: files, MB/s, time left. On a terminal only.

use crate::input::Input;
use indicatif::{ProgressBar, ProgressStyle};
use std::fs;

/// A bar on standard error; nothing where that is no terminal.
pub struct Progress(Option<ProgressBar>);

impl Progress {
    /// Before these files.
    pub fn over(files: &[Input]) -> Self {
        let bar = ProgressBar::new(0);
        if bar.is_hidden() {
            return Self(None);
        }
        let form = "{bar:30} {bytes}/{total_bytes}  {binary_bytes_per_sec}  {eta} left  {msg}";
        bar.set_style(ProgressStyle::with_template(form).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_length(files.iter().map(size).sum());
        bar.set_message(format!("{} files", files.len()));
        Self(Some(bar))
    }

    /// A file was read.
    pub fn done(&self, file: &Input) {
        if let Some(bar) = &self.0 {
            bar.inc(size(file));
        }
    }

    /// Takes the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

fn size(file: &Input) -> u64 {
    fs::metadata(&file.path).map_or(0, |about| about.len())
}
