//! Everything that leaves the process.
//!
//! Step 5 of the flow is [`run`](mod@run), which drives cases through `tagger_core::waves`; [`ask`](mod@ask) turns each of their calls into
//! one of AWS. Below it are [`client`], which sends one signed call, and
//! [`wire`] and [`xml`], which are pure and know the protocols.
//! [`limiter`] says how fast, [`queue`] sends what waits and what was given up.
//! [`history`], [`covered`], [`keyed`] and [`marks`] are what reconciling asks.
//! [`account`], which only the command line has, is an account as whoever deploys sees it.
//! What to do is decided in `tagger-core`; nothing here chooses a name, a type or a tag.

#[cfg(feature = "account")]
pub mod account;
pub mod ask;
pub mod client;
pub mod covered;
mod ec2;
pub mod endpoint;
pub mod history;
pub mod keyed;
pub mod lifetime;
pub mod limiter;
pub mod marks;
pub mod queue;
pub mod run;
pub mod tags;
pub mod time;
pub mod wire;
pub mod xml;

pub use client::Client;
pub use queue::Queues;
pub use run::{run, settling};
pub use tagger_core::outcome::{self, Class, Done, Failure, Outcome};
