//! `cargo +nightly fuzz run plan`, see `../README.md`; what is asserted is in `../src/plan.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tagger_fuzz::plan::run(bytes));
