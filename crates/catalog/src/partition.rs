//! Partitions of AWS: which one a region belongs to, and its DNS suffix.

/// A partition, from `catalog/partitions.toml`.
#[derive(Debug, PartialEq, Eq)]
pub struct Partition {
    /// As it stands in an ARN: `aws`, `aws-cn`, `aws-us-gov`, …
    pub name: &'static str,
    /// The beginnings of its regions' names; empty for the partition that all others fall into.
    pub prefixes: &'static [&'static str],
    /// The DNS suffix of its endpoints, for example `amazonaws.com.cn`.
    pub dns_suffix: &'static str,
    /// The DNS suffix of its dual-stack endpoints, for example `api.aws`.
    pub dualstack_suffix: &'static str,
    /// The region in which its global services sign.
    pub global_region: &'static str,
    /// The regions in which IAM, CloudFront and Route 53 log; China has two
    /// (<https://docs.amazonaws.cn/en_us/aws/latest/userguide/cloudtrail.html>).
    pub global_event_regions: &'static [&'static str],
    /// Whether EventBridge sends events from one of its regions to another, so that one region's function can tag for
    /// all. In China it does not
    /// (<https://aws.amazon.com/blogs/compute/expanding-cross-region-event-routing-with-amazon-eventbridge/>).
    pub forwards_events: bool,
}

/// The partition of a region. A region that nobody has seen yet belongs to `aws`, so that a new
/// region works on the day it opens.
///
/// ```
/// assert_eq!(tagger_catalog::partition::of_region("cn-north-1").name, "aws-cn");
/// assert_eq!(tagger_catalog::partition::of_region("us-isob-east-1").name, "aws-iso-b");
/// assert_eq!(tagger_catalog::partition::of_region("mars-north-1").name, "aws");
/// ```
pub fn of_region(region: &str) -> &'static Partition {
    let all = crate::generated::PARTITIONS;
    all.iter()
        .find(|partition| partition.prefixes.iter().any(|prefix| region.starts_with(prefix)))
        .or_else(|| all.iter().find(|partition| partition.prefixes.is_empty()))
        .unwrap_or(&all[0])
}
