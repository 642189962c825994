//! What the fuzz targets assert, as plain functions of bytes, so that libFuzzer and a test on the stable toolchain
//! (`crates/lambda/tests/fuzz_corpus.rs`) run the same.
//!
//! [`records`] takes bytes as a file of records; [`plan`], [`input`] and [`answers`] draw ([`draw`]) something of the
//! right form from them and spoil it. Nothing here may be used by the product.

pub mod answers;
pub mod draw;
pub mod input;
pub mod plan;
pub mod records;
