//! `catalog/operations.toml`: the operations that tag and read tags, as the file has them.

use serde::Deserialize;
use std::collections::BTreeMap;

/// An operation.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Operation {
    /// Name.
    pub name: String,
    /// IAM actions to write.
    pub actions: Vec<String>,
    /// IAM actions to read.
    #[serde(default)]
    pub reads: Vec<String>,
    /// Protocol.
    pub protocol: String,
    /// Endpoint prefix.
    pub endpoint: String,
    /// Signing name.
    pub signing: Option<String>,
    /// `X-Amz-Target` prefix.
    #[serde(default)]
    pub target: String,
    /// Query API version.
    #[serde(default)]
    pub version: String,
    /// Host template.
    #[serde(default)]
    pub host: String,
    /// Host prefix.
    #[serde(default)]
    pub host_prefix: String,
    /// Global endpoints.
    #[serde(default)]
    pub global: Vec<GlobalEndpoint>,
    /// `arn`, `path`, `after TEXT`, `last`, `given`.
    pub takes: String,
    /// The model's pattern of what `last` takes.
    pub pattern: Option<String>,
    /// Variant.
    pub variant: Option<String>,
    /// Members that the entry has to give.
    #[serde(default)]
    pub needs: Vec<String>,
    /// Whether the whole set is replaced.
    #[serde(default)]
    pub replaces: bool,
    /// Characters that a tag's key must not hold.
    #[serde(default)]
    pub refused_in_keys: String,
    /// Characters that a tag's value must not hold.
    #[serde(default)]
    pub refused_in_values: String,
    /// Most tags.
    pub max_tags: Option<u16>,
    /// The write; an operation of `parents.toml` has none.
    #[serde(default)]
    pub write: Call,
    /// The read.
    pub read: Option<Call>,
}

/// A global endpoint.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GlobalEndpoint {
    /// Partition.
    pub partition: String,
    /// Host.
    pub host: String,
    /// Signing region.
    #[serde(default)]
    pub region: String,
}

/// A call.
#[derive(Deserialize, Default)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Call {
    /// Operation.
    pub operation: String,
    /// Method.
    pub method: Option<String>,
    /// URI.
    pub uri: Option<String>,
    /// Identifier's member.
    pub id: String,
    /// Identifier's place.
    pub r#in: Option<String>,
    /// List of identifiers.
    #[serde(default)]
    pub many: bool,
    /// List element's name.
    pub id_member: Option<String>,
    /// Flat list of identifiers.
    #[serde(default)]
    pub flat: bool,
    /// Tags' member or path.
    pub tags: String,
    /// `map` or `list`.
    pub shape: String,
    /// Key's name.
    pub key: Option<String>,
    /// Value's name.
    pub value: Option<String>,
    /// List element's name.
    pub tag_member: Option<String>,
    /// Flat list of tags.
    #[serde(default)]
    pub flat_tags: bool,
    /// Further members of each tag.
    #[serde(default)]
    pub tag_extra: BTreeMap<String, String>,
    /// XML root.
    #[serde(default)]
    pub root: String,
    /// XML namespace.
    #[serde(default)]
    pub xmlns: String,
    /// Further members.
    #[serde(default)]
    pub extra: BTreeMap<String, Fixed>,
    /// Headers.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Query parameters.
    #[serde(default)]
    pub query: BTreeMap<String, Fixed>,
    /// Checksum header.
    #[serde(default)]
    pub checksum: bool,
}

/// A fixed value of a request.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Fixed {
    /// Texts.
    Texts(Vec<String>),
    /// A number.
    Number(i64),
    /// A text.
    Text(String),
}
