//! The record parser and the plan on any bytes: no panic, and tags or a reason for every record.
//!
//! `cargo install cargo-fuzz`, then `cargo +nightly fuzz run records` in the repository's root.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagger_core::{Policy, documents, explain, plan};

fuzz_target!(|bytes: &[u8]| {
    let policy = Policy::default();
    documents::read(bytes, &mut |item| {
        let Ok(record) = item else { return };
        let plan = plan(&record, &policy, None);
        let reason = plan.diagnostics.iter().any(|diagnostic| diagnostic.code.stops());
        assert!(reason || !plan.actions.is_empty(), "neither tags nor a reason");
        let _ = explain::json(&record, &plan);
    });
});
