//! The types of how many calls the client sends, and for how many resources each, from `catalog/quotas.toml`. Data only.

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

/// An operation that reads and tags many resources in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Together {
    /// The operation's name, for example `elasticloadbalancing:AddTags`.
    pub operation: &'static str,
    /// Most resources in one call that writes.
    pub write: usize,
    /// Most resources in one call that reads.
    pub read: usize,
    /// The member of the answer that names the resource whose tags stand beside it.
    pub names: &'static str,
}
