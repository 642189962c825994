//! The type of what AWS lets nobody tag, from `catalog/not_ours.toml`. Data only; `tagger-core` holds it against a record.

/// Resources of a type that only AWS may change.
#[derive(Debug)]
pub struct NotOurs {
    /// The CloudFormation type.
    pub resource_type: &'static str,
    /// The ARN, where `*` stands for anything; empty where it does not matter.
    pub arn: &'static str,
    /// Paths in the record and the values there, all of which have to fit.
    pub when: &'static [(&'static str, &'static str)],
    /// Why nobody else may.
    pub why: &'static str,
}
