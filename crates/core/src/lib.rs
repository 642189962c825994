//! The decision: who created which resource, and which tags it gets.
//!
//! A reader follows one record through these files in order:
//! [`record`] → [`identity`] → [`resources`] → [`plan`]; `apply`, the fifth step, is in `tagger-aws`.
//! [`documents`] and [`containers`] come before them and turn JSON of any known kind into records;
//! [`explain`] comes after them and prints a plan.
//!
//! [`arn`] is an ARN and its parts; no other file cuts one.
//!
//! [`inherit`] finds for whom a service acts; [`stack`] who made a stack.
//!
//! [`attempt`] and [`settle`] are the decisions around the fifth step: what to ask AWS about one resource,
//! and what becomes of a failure, by [`outcome`] and [`patience`]; [`work`] is what the queues hold.
//! [`config`] reads the user's choices, [`policy`] holds them, and [`settings`] has their parts: templates, scope, people.
//! [`chain`] follows sessions back to whoever began the first of them, for `tagger who`.
//! [`reconcile`] finds what all of that missed, in the event history; [`tag_change`] says what becomes of a tag that
//! somebody changed.
//!
//! Nothing here does I/O or knows the time, and a decision cannot fail: whatever parses as JSON is
//! answered with a plan and [diagnostics](diagnostic). Only a configuration can be refused. Needs `tagger-catalog`, and no AWS SDK.

pub mod actor;
pub mod arn;
pub mod attempt;
pub mod case;
pub mod chain;
pub mod config;
pub mod containers;
pub mod diagnostic;
pub mod documents;
pub mod explain;
pub mod given;
pub mod glance;
pub mod heir;
pub mod history;
pub mod identity;
pub mod inherit;
pub mod json;
mod lanes;
mod not_ours;
pub mod outcome;
pub mod patience;
pub mod plan;
pub mod policy;
pub mod printable;
pub mod proof;
pub mod reason;
pub mod reconcile;
pub mod record;
pub mod resources;
pub mod search;
pub mod settings;
pub mod settle;
pub mod stack;
pub mod step;
pub mod tag_change;
pub mod tags_in;
pub mod value;
pub mod waves;
pub mod window;
pub mod work;

pub use plan::{Plan, plan};
pub use policy::Policy;
pub use record::Record;
