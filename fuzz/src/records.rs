//! Any bytes as a file of records: no panic, and tags or a reason for every record that is found.

use super::plan::check;
use tagger_core::{Policy, documents};

/// One run.
pub fn run(bytes: &[u8]) {
    let policy = Policy::default();
    documents::read(bytes, &mut |item| {
        if let Ok(record) = item {
            check(&record, &policy);
        }
    });
}
