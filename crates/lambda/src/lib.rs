//! The parts of the Lambda functions `auto-resource-tagger` and `auto-resource-tagger-reconcile`. A library beside
//! the program only so that the fuzz targets (`fuzz/`) and the tests reach [`intake`]; nothing else builds on it.
//! A table of contents; the work is in [`handler`], the decision in `tagger-core`.

pub mod handler;
pub mod intake;
pub mod log;
pub mod misconfigured;
pub mod origin;
pub mod reconcile;
pub mod settings;
pub mod tag_changes;
pub mod worker;
