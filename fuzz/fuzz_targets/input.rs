//! `cargo +nightly fuzz run input`, see `../README.md`; what is asserted is in `../src/input.rs`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tagger_fuzz::input::run(bytes));
