//! `cargo +nightly fuzz run records`, see `../README.md`; what is asserted is in `../src/records.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tagger_fuzz::records::run(bytes));
