//! The types of the tagging operations: how each one goes on the wire. Data only; the client that
//! executes them is in `tagger-aws`.

/// A tagging operation of AWS, from `catalog/operations.toml`.
#[derive(Debug)]
pub struct Operation {
    /// IAM service prefix and operation, for example `sqs:TagQueue`.
    pub name: &'static str,
    /// The IAM actions that setting tags needs.
    pub actions: &'static [&'static str],
    /// The IAM actions that reading them needs.
    pub reads: &'static [&'static str],
    /// The wire protocol.
    pub protocol: Protocol,
    /// The endpoint's prefix: `https://{endpoint}.{region}.{dns-suffix}`.
    pub endpoint: &'static str,
    /// The service's name in a SigV4 signature.
    pub signing: &'static str,
    /// The host's template where it is not `{endpoint}.{region}.{dns-suffix}`.
    pub host: &'static str,
    /// What stands before the host; may hold `{account}`.
    pub host_prefix: &'static str,
    /// Hosts and signing regions of a service that is not regional, one for each partition.
    pub global: &'static [GlobalEndpoint],
    /// What the identifier is.
    pub takes: Takes,
    /// Whether it is executed from this table alone, or by code of its own.
    pub variant: Variant,
    /// The call that sets tags and leaves the others alone.
    pub write: Call,
    /// The call that reads the tags of one resource.
    pub read: Option<Call>,
    /// Which of the characters that keys may have elsewhere it refuses in a tag's key.
    pub refused_in_keys: &'static str,
    /// Which of the characters that values may have elsewhere it refuses in a tag's value.
    pub refused_in_values: &'static str,
    /// Most tags that one resource may have.
    pub max_tags: u16,
}

/// One call on the wire.
#[derive(Debug)]
pub struct Call {
    /// The operation's name.
    pub operation: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path, with labels in braces (`{Label+}` keeps slashes), and a fixed query string.
    pub uri: &'static str,
    /// The wire name of the identifier's member.
    pub id: &'static str,
    /// Where the identifier goes.
    pub id_in: Place,
    /// Whether the identifier is a list.
    pub many: bool,
    /// The wire name of that list's elements (query); empty when the list is flat, as EC2's are.
    pub id_member: &'static str,
    /// In a write the wire name of the tags' member; in a read the path to them in the answer.
    pub tags: &'static str,
    /// The form of the tags.
    pub shape: Shape,
    /// The wire name of a pair's key.
    pub key: &'static str,
    /// The wire name of a pair's value.
    pub value: &'static str,
    /// The wire name of a list element of the tags (query, XML); empty when the list is flat.
    pub tag_member: &'static str,
    /// Further members of each tag.
    pub tag_extra: &'static [(&'static str, &'static str)],
    /// The root element of an XML body; empty where there is none.
    pub root: &'static str,
    /// The namespace of that element.
    pub xmlns: &'static str,
    /// Further fixed members of the body.
    pub extra: &'static [(&'static str, Fixed)],
    /// Further headers; a value may hold `{account}`.
    pub headers: &'static [(&'static str, &'static str)],
    /// Whether the body needs a checksum header.
    pub checksum: bool,
}

/// A fixed value in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fixed {
    /// A text; may hold `{account}`.
    Text(&'static str),
    /// A number.
    Number(i64),
    /// A list of texts; JSON only.
    Texts(&'static [&'static str]),
}

/// Where a member of a REST request goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the body; for query protocols in the form.
    Body,
    /// In the path.
    Uri,
    /// In the query string.
    Query,
    /// In a header.
    Header,
    /// In each tag (Auto Scaling).
    Tag,
}

/// The form of tags on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// `{"CreatedBy": "alice"}`.
    Map,
    /// `[{"Key": "CreatedBy", "Value": "alice"}]`.
    List,
}

/// AWS's wire protocols.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON; `minor` is `1.0` or `1.1`, `target` the prefix of the `X-Amz-Target` header.
    Json {
        /// `1.0` or `1.1`.
        minor: &'static str,
        /// Prefix of `X-Amz-Target`.
        target: &'static str,
    },
    /// AWS Query with its API version.
    Query(&'static str),
    /// EC2 Query with its API version.
    Ec2(&'static str),
    /// REST with JSON bodies.
    RestJson,
    /// REST with XML bodies.
    RestXml,
}

/// What the identifier of an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Takes {
    /// The ARN.
    Arn,
    /// What stands behind the word of the type in the ARN's resource: `team/app` of `repository/team/app`.
    Path,
    /// What stands behind this text in the ARN's resource.
    After(&'static str),
    /// The ARN's text after the last `/`, or else after the last `:`; it holds neither.
    Last,
    /// Neither: the entry says it with `id`.
    Given,
}

/// Operations that the table alone does not describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Variant {
    /// The table says all.
    Regular,
    /// EC2's CreateTags: many ids in one call, read by one DescribeTags with a filter.
    Ec2,
    /// S3 buckets: S3 Control's TagResource, else read, merge and write of the whole set.
    S3,
    /// Replaces the whole set of tags, so it is only ever used to write a merged set.
    Replaces,
}

/// The endpoint of a service that is not regional.
#[derive(Debug)]
pub struct GlobalEndpoint {
    /// Partition, for example `aws-cn`.
    pub partition: &'static str,
    /// Host name; may hold `{region}`, `{dns-suffix}` and `{dualstack-suffix}`.
    pub host: &'static str,
    /// Region of the signature; empty where that is the resource's own.
    pub region: &'static str,
}
