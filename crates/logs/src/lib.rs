//! Texts of logs, fast and exact: which records of CloudTrail need to be opened, found without parsing the others.
//!
//! [`read`] is where to begin: a text goes in, records and broken places come out, the same as from a full parse of
//! everything ([`tagger_core::documents`]). [`bits`] and [`walk`] are the two steps of the fast way, [`top`] what a record
//! says by its first members.
//! [`wrappings`] and [`rows`] know the forms that others make of records. [`files`] finds and unpacks them,
//! [`archive`] those in archives. Used by the command line; the function reads what Lambda gives it.

pub mod archive;
pub mod bits;
pub mod files;
pub mod glob;
pub mod read;
pub mod rows;
pub mod top;
pub mod walk;
pub mod wrappings;
