//! The types of how many calls the client sends, from `catalog/quotas.toml`. Data only.

/// The rate of one API in one region.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// The call, for example `sns:TagResource`; empty for every other.
    pub call: &'static str,
    /// Calls a second.
    pub a_second: u32,
    /// Calls that may go at once after a pause.
    pub burst: u32,
}
