//! The decision: who created which resource, and which tags it gets.
//!
//! A reader follows one record through these files in order:
//! [`record`] → [`identity`] → [`resources`] → [`plan`]; `apply`, the fifth step, is in `tagger-aws`.
//! [`documents`] comes before them and turns JSON of any known kind into records; [`explain`] comes
//! after them and prints a plan.
//!
//! Nothing here does I/O, knows the time, or can fail: whatever parses as JSON is answered with a
//! plan and [diagnostics](diagnostic). Needs `tagger-catalog`, and no AWS SDK.

pub mod config;
pub mod diagnostic;
pub mod documents;
pub mod explain;
pub mod identity;
pub mod json;
pub mod plan;
pub mod policy;
pub mod record;
pub mod resources;
pub mod value;

pub use plan::{Plan, plan};
pub use policy::Policy;
pub use record::Record;
