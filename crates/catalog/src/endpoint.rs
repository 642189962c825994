//! FIPS and dual-stack endpoints: which host an endpoint has instead of its usual one. Data; who wants which kind is
//! said in `tagger-aws`.

/// A kind of endpoint: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// The usual one.
    #[default]
    Usual,
    /// With cryptography that is validated by FIPS 140.
    Fips,
    /// By IPv6 as well as by IPv4.
    Dualstack,
    /// Both.
    FipsDualstack,
}

impl Kind {
    /// The kind by AWS's two settings.
    pub fn of(fips: bool, dualstack: bool) -> Self {
        match (fips, dualstack) {
            (false, false) => Kind::Usual,
            (true, false) => Kind::Fips,
            (false, true) => Kind::Dualstack,
            (true, true) => Kind::FipsDualstack,
        }
    }
}

/// Where the host of a kind does not follow the pattern, from `catalog/endpoints.toml`.
#[derive(Debug)]
pub struct Variant {
    /// The operations' endpoint, for example `iam`.
    pub endpoint: &'static str,
    /// Of which kind.
    pub kind: Kind,
    /// In these regions; empty: in the partitions.
    pub regions: &'static [&'static str],
    /// In these partitions; empty: in all.
    pub partitions: &'static [&'static str],
    /// The host; empty where AWS's rules refuse this kind. May hold `{region}`, `{dns-suffix}` and `{dualstack-suffix}`.
    pub host: &'static str,
}

/// The host of an endpoint of a kind other than the usual, as a template; none where AWS's rules refuse it.
///
/// ```
/// use tagger_catalog::endpoint::{Kind, host};
/// assert_eq!(host("sns", Kind::Fips, "aws", "us-east-1").as_deref(), Some("sns-fips.{region}.{dns-suffix}"));
/// assert_eq!(host("iam", Kind::Dualstack, "aws", "us-east-1").as_deref(), Some("iam.global.{dualstack-suffix}"));
/// assert_eq!(host("s3", Kind::Fips, "aws-cn", "cn-north-1"), None);
/// ```
pub fn host(endpoint: &str, kind: Kind, partition: &str, region: &str) -> Option<String> {
    let fits = |variant: &&Variant| {
        variant.endpoint == endpoint
            && variant.kind == kind
            && (variant.regions.is_empty() || variant.regions.contains(&region))
            && (variant.partitions.is_empty() || variant.partitions.contains(&partition))
    };
    match crate::generated::ENDPOINT_VARIANTS.iter().find(fits) {
        Some(variant) => (!variant.host.is_empty()).then(|| variant.host.to_owned()),
        None => Some(match kind {
            Kind::Usual => format!("{endpoint}.{{region}}.{{dns-suffix}}"),
            Kind::Fips => format!("{endpoint}-fips.{{region}}.{{dns-suffix}}"),
            Kind::Dualstack => format!("{endpoint}.{{region}}.{{dualstack-suffix}}"),
            Kind::FipsDualstack => format!("{endpoint}-fips.{{region}}.{{dualstack-suffix}}"),
        }),
    }
}
