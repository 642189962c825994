//! The verbs, one file each.

pub mod backfill;
pub mod catalog;
pub mod config;
pub mod cost;
pub mod deploy;
pub mod destroy;
pub mod doctor;
pub mod explain;
pub mod protect;
pub mod redrive;
pub mod report;
pub mod sandbox;
pub mod scan;
pub mod shell;
pub mod status;
pub mod who;
