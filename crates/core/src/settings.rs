//! The parts of the user's settings, from the small to the large: [`near`] (did you mean), [`filter`], [`fields`] and
//! [`template`] (a tag's value), [`scope`] and [`opt_out`] (what is left alone), [`people`] (the table of
//! names). [`crate::policy`] holds them all, [`crate::config`] reads them, and [`words`] says them in sentences.
//!
//! A file here may use those that stand before it, and none after it.

pub mod near;

pub mod filter;

pub mod fields;

pub mod template;

pub mod scope;

pub mod opt_out;

pub mod people;

pub mod words;
