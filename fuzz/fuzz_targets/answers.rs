//! `cargo +nightly fuzz run answers`, see `../README.md`; what is asserted is in `../src/answers.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tagger_fuzz::answers::run(bytes));
