//! How describing calls tell the children of resources, from `catalog/finders.toml`. Data only.

use crate::{generated, operation::Call};

/// How a describing call finds the children of many parents.
#[derive(Debug)]
pub struct Finder {
    /// The call as entries name it, for example `ec2:DescribeInstances`.
    pub name: &'static str,
    /// The call, by the parents' ids.
    pub call: Call,
    /// The call, by the client token of the launch; none where there is no such filter.
    pub by_token: Option<Call>,
    /// The type of the parents.
    pub parent: &'static str,
    /// The path to the items in the answer.
    pub items: &'static [&'static str],
    /// The path in an item to the id of its parent.
    pub of: &'static [&'static str],
    /// The children.
    pub children: &'static [Child],
    /// The path to an item's state, and the states in which children can still appear.
    pub state: (&'static [&'static str], &'static [&'static str]),
    /// Whether those that are shown in such a state are all, rather than the first.
    pub whole: bool,
    /// Whether a record may name some of the children and not all.
    pub part: bool,
    /// The calls by which somebody else can make what looks the same; none where nobody can.
    pub rivals: &'static [&'static str],
    /// Whether only the one of its kind that a parent has is surely its own.
    pub alone: bool,
}

/// A type of children.
#[derive(Debug)]
pub struct Child {
    /// The CloudFormation type.
    pub resource_type: &'static str,
    /// The path in an item to the id. A step into a set goes into each of its items.
    pub id: &'static [&'static str],
    /// A path and the value there, where not every item is one.
    pub only: Option<(&'static [&'static str], &'static str)>,
}

/// Parents that are asked for in one call. It takes up to 1,000 ids or 200 values of a filter, and the answer holds some
/// kilobytes for each: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html>
pub const MOST_PARENTS: usize = 100;

/// How the call of this name finds children.
pub fn finder(name: &str) -> Option<&'static Finder> {
    generated::FINDERS.iter().find(|finder| finder.name == name)
}

/// Every one.
pub fn finders() -> &'static [Finder] {
    generated::FINDERS
}
