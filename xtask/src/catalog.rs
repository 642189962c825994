//! The catalog's files, read and checked. Every complaint names file, entry and the fix.
//!
//! The types are the files' own form; `codegen` turns them into static tables. Nothing is written here.

mod exempt;
mod finders;
mod identifiers;
mod identities;
mod left_alone;
mod not_ours;
mod operation;
mod over_time;
mod parents;
mod sources;

pub use exempt::{Exemptions, REASONS};
pub use finders::Finder;
pub use identities::{Identities, Known};
pub use left_alone::LeftAlone;
pub use not_ours::NotOurs;
pub use operation::{Call, Fixed, Operation};
pub use over_time::{Lifetimes, Meaning, Quota, Quotas, Together, Told};
pub use parents::{Parent, Parents, Session};
use serde::{Deserialize, Deserializer, de::Error as _};
pub use sources::Sources;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};
use tagger_catalog::Evidence;

/// The files of `catalog/` that hold no entries.
const NOT_ENTRIES: [&str; 13] = [
    "clients.toml",
    "coverage.toml",
    "exempt.toml",
    "finders.toml",
    "not_ours.toml",
    "parents.toml",
    "operations.toml",
    "partitions.toml",
    "endpoints.toml",
    "identities.toml",
    "errors.toml",
    "lifetimes.toml",
    "quotas.toml",
];

/// All of it.
pub struct Catalog {
    /// Entry files, by file name.
    pub files: Vec<(String, EntryFile)>,
    /// Operations, by name.
    pub operations: BTreeMap<String, Operation>,
    /// Partitions.
    pub partitions: Vec<Partition>,
    /// Endpoints of other kinds.
    pub endpoints: Vec<Endpoint>,
    /// Known session names and providers.
    pub identities: Identities,
    /// What calls are made with.
    pub clients: Vec<Client>,
    /// What error codes mean.
    pub errors: Vec<Meaning>,
    /// What is known of types over time.
    pub lifetimes: Lifetimes,
    /// How many calls are sent.
    pub quotas: Quotas,
    /// For whom services act.
    pub parents: Parents,
    /// How children are found.
    pub finders: Vec<Finder>,
    /// What only AWS may change.
    pub not_ours: Vec<NotOurs>,
    /// The ARN formats of the types, from `reference/entry_formats.json`.
    pub formats: BTreeMap<String, Vec<String>>,
    /// The events that are left alone, and why.
    pub left_alone: LeftAlone,
    /// How event sources are known.
    pub sources: Sources,
    /// Types of which it is not known whether they take tags.
    pub open_forms: BTreeSet<String>,
    /// Taggable types without an entry.
    pub exemptions: Exemptions,
    /// The types that CloudFormation lists as taggable.
    pub taggable: BTreeSet<String>,
}

/// `catalog/<service>.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct EntryFile {
    /// The record's `eventSource`.
    pub event_source: String,
    /// Whether the service appends API versions to its event names (Lambda, CloudFront).
    #[serde(default)]
    pub versioned: bool,
    /// The entries.
    pub resource: Vec<Resource>,
}

/// One entry.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resource {
    /// CloudFormation resource type.
    pub r#type: String,
    /// Plain event name.
    pub event: String,
    /// ARN templates.
    pub arn: OneOrMany,
    /// Identifier templates.
    #[serde(default)]
    pub id: OneOrMany,
    /// Region templates.
    #[serde(default)]
    pub region: OneOrMany,
    /// Operation's name.
    pub tag: String,
    /// Fixed members.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    /// Describe call.
    pub describe: Option<String>,
    /// Templates of identifiers that were only used.
    #[serde(default)]
    pub except: OneOrMany,
    /// Paths and values of a creation.
    #[serde(default)]
    pub when: BTreeMap<String, String>,
    /// Paths that a creation does not have.
    #[serde(default)]
    pub unless: OneOrMany,
    /// Whether the event fires again on what exists.
    #[serde(default)]
    pub upsert: bool,
    /// The regions in which it does, where it does not in all.
    #[serde(default)]
    pub upsert_in: Vec<String>,
    /// Whether the call gives it the tags of its source: `always`, `if PATH`, `unless PATH`.
    #[serde(default)]
    pub copies: String,
    /// `recorded`, `documented` or `derived`.
    #[serde(deserialize_with = "evidence")]
    pub evidence: Evidence,
    /// Link.
    pub source: String,
}

/// A text or a list of texts.
#[derive(Deserialize, Default)]
#[serde(untagged)]
pub enum OneOrMany {
    /// Nothing.
    #[default]
    None,
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl OneOrMany {
    /// As a slice.
    pub fn as_slice(&self) -> &[String] {
        match self {
            OneOrMany::None => &[],
            OneOrMany::One(text) => std::slice::from_ref(text),
            OneOrMany::Many(texts) => texts,
        }
    }
}

/// `catalog/partitions.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Partition {
    /// Name.
    pub name: String,
    /// Prefixes of regions.
    pub prefixes: Vec<String>,
    /// DNS suffix.
    pub dns_suffix: String,
    /// Dual-stack DNS suffix.
    pub dualstack_suffix: String,
    /// Region of global services.
    pub global_region: String,
    /// Regions in which global services log.
    pub global_event_regions: Vec<String>,
    /// Whether EventBridge sends events between its regions.
    pub forwards_events: bool,
}

/// An endpoint of `catalog/endpoints.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Endpoint {
    /// The operations' endpoint.
    pub prefix: String,
    /// Where its FIPS and dual-stack hosts do not follow the pattern.
    pub variants: Vec<Variant>,
}

/// One of them.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Variant {
    /// `fips`, `dualstack` or `fips-dualstack`.
    pub kind: String,
    /// Regions.
    #[serde(default)]
    pub regions: Vec<String>,
    /// Partitions.
    #[serde(default)]
    pub partitions: Vec<String>,
    /// The host.
    pub host: String,
}

/// A client of `catalog/clients.toml`.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Client {
    /// What it is called in a tag.
    pub via: String,
    /// How the word of the user agent begins.
    pub agent: String,
    /// Whether the console itself uses it.
    #[serde(default)]
    pub after_console: bool,
    /// Who says so.
    pub source: String,
}

impl Catalog {
    /// Reads and checks `catalog/`.
    ///
    /// # Errors
    /// Every complaint, one a line.
    pub fn read(root: &Path) -> Result<Self, String> {
        let folder = root.join("catalog");
        #[derive(Deserialize)]
        struct Operations {
            operation: Vec<Operation>,
        }
        #[derive(Deserialize)]
        struct Partitions {
            partition: Vec<Partition>,
        }
        let operations: Operations = parse(&folder.join("operations.toml"))?;
        let partitions: Partitions = parse(&folder.join("partitions.toml"))?;
        #[derive(Deserialize)]
        struct Endpoints {
            endpoint: Vec<Endpoint>,
        }
        let endpoints: Endpoints = parse(&folder.join("endpoints.toml"))?;
        let identities = parse(&folder.join("identities.toml"))?;
        #[derive(Deserialize)]
        struct Clients {
            client: Vec<Client>,
        }
        let clients: Clients = parse(&folder.join("clients.toml"))?;
        #[derive(Deserialize)]
        struct Errors {
            error: Vec<Meaning>,
        }
        let errors: Errors = parse(&folder.join("errors.toml"))?;
        let lifetimes = parse(&folder.join("lifetimes.toml"))?;
        let quotas = parse(&folder.join("quotas.toml"))?;
        let parents = parse(&folder.join("parents.toml"))?;
        let finders: finders::FinderFile = parse(&folder.join("finders.toml"))?;
        let not_ours: not_ours::NotOursFile = parse(&folder.join("not_ours.toml"))?;
        let path = folder.join("reference/entry_formats.json");
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let formats = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
        let exemptions = parse(&folder.join("exempt.toml"))?;
        let left_alone = left_alone::read(&folder, &exemptions)?;
        let taggable = exempt::taggable(&folder)?;
        let sources = Sources::read(&folder)?;
        let open_forms = sources::open_forms(&folder)?;
        let mut files = Vec::new();
        let listing = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for file in listing {
            let path = file.map_err(|error| format!("{}: {error}", folder.display()))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.ends_with(".toml") && !NOT_ENTRIES.contains(&&*name) {
                files.push((name, parse(&path)?));
            }
        }
        files.sort_by(|(a, _), (b, _)| a.cmp(b));
        let operations =
            operations.operation.into_iter().map(|operation| (operation.name.clone(), operation)).collect();
        let partitions = partitions.partition;
        let errors = errors.error;
        let mut catalog = Self {
            files,
            operations,
            partitions,
            endpoints: endpoints.endpoint,
            identities,
            clients: clients.client,
            errors,
            lifetimes,
            quotas,
            parents,
            finders: finders.finder,
            not_ours: not_ours.not_ours,
            left_alone,
            sources,
            open_forms,
            exemptions,
            taggable,
            formats,
        };
        catalog.add_describing_actions();
        let mut complaints = catalog.complaints();
        complaints.extend(catalog.identities.complaints());
        complaints.extend(catalog.lifetime_complaints());
        complaints.extend(catalog.identifier_complaints());
        complaints.extend(catalog.parent_complaints());
        complaints.extend(catalog.finder_complaints());
        complaints.extend(catalog.not_ours_complaints());
        complaints.extend(catalog.exempt_complaints());
        complaints.extend(catalog.source_complaints());
        if complaints.is_empty() { Ok(catalog) } else { Err(complaints.join("\n")) }
    }

    fn complaints(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        for client in self.clients.iter().filter(|client| !client.source.starts_with("https://")) {
            complaints.push(format!("catalog/clients.toml: {}: give a link as `source`", client.agent));
        }
        let mut seen = BTreeSet::new();
        for (file, entries) in &self.files {
            let sorted = entries.resource.windows(2).find(|pair| {
                (&pair[0].event, pair[0].describe.is_some()) > (&pair[1].event, pair[1].describe.is_some())
            });
            if let Some(pair) = sorted {
                complaints.push(format!(
                    "catalog/{file}: {} stands before {}; sort the entries by event, children (describe) last",
                    pair[0].event, pair[1].event
                ));
            }
            for entry in &entries.resource {
                let name = format!("catalog/{file}: {} of {}", entry.r#type, entry.event);
                if !seen.insert((&entries.event_source, &entry.event, &entry.r#type)) {
                    complaints.push(format!("{name}: stands there twice; remove one"));
                }
                if tagger_catalog::plain_event_name(&entry.event) != entry.event {
                    complaints.push(format!(
                        "{name}: write the event without its version, and `versioned = true` for the file"
                    ));
                }
                if entry.arn.as_slice().is_empty() {
                    complaints.push(format!("{name}: `arn` is missing"));
                }
                let templates = [&entry.arn, &entry.id, &entry.region, &entry.except];
                for template in templates.into_iter().flat_map(OneOrMany::as_slice) {
                    if let Err(error) = tagger_catalog::template::parse(template) {
                        complaints.push(format!("{name}: {error}"));
                    }
                    if template.starts_with("arn:aws:") {
                        complaints.push(format!(
                            "{name}: `{template}`: write arn:{{partition}}: instead of arn:aws:"
                        ));
                    }
                }
                if !entry.source.starts_with("https://") {
                    complaints.push(format!("{name}: `source` must be a link"));
                }
                match self.operations.get(&entry.tag) {
                    None => complaints.push(format!(
                        "{name}: there is no operation `{}` in catalog/operations.toml",
                        entry.tag
                    )),
                    Some(operation) => self.check_operation(operation, entry, &name, &mut complaints),
                }
            }
        }
        complaints
    }

    fn check_operation(
        &self,
        operation: &Operation,
        entry: &Resource,
        name: &str,
        complaints: &mut Vec<String>,
    ) {
        // `tagger_aws::apply` makes tags fit where it writes one resource.
        let many = matches!(operation.variant.as_deref(), Some("ec2" | "s3" | "s3-replace"))
            || self.quotas.together.iter().any(|together| together.operation == operation.name);
        if many && !(operation.refused_in_keys.is_empty() && operation.refused_in_values.is_empty()) {
            complaints.push(format!(
                "{name}: {} refuses characters in tags; let crates/aws/src/{{ec2,s3,together}}.rs make them fit",
                entry.tag
            ));
        }
        if operation.replaces {
            complaints.push(format!("{name}: {} replaces all tags; choose an additive operation", entry.tag));
        }
        if operation.read.is_none() {
            complaints.push(format!(
                "{name}: {} has no read, and a tag that cannot be read cannot be kept",
                entry.tag
            ));
        }
        if operation.takes == "given" && entry.id.as_slice().is_empty() {
            complaints.push(format!(
                "{name}: {} takes an identifier that the ARN does not hold; add `id`",
                entry.tag
            ));
        }
        for need in &operation.needs {
            if !entry.with.contains_key(need) {
                complaints.push(format!("{name}: {} needs `with = {{ {need} = … }}`", entry.tag));
            }
        }
    }

    /// The operations that entries use, with S3's fall-back.
    pub fn used_operations(&self) -> Vec<&Operation> {
        let mut names: BTreeSet<&str> = self.entries().map(|(_, entry)| entry.tag.as_str()).collect();
        if names.contains("s3:TagResource") {
            names.insert("s3:PutBucketTagging");
        }
        names.into_iter().filter_map(|name| self.operations.get(name)).collect()
    }

    /// Every entry with its file.
    pub fn entries(&self) -> impl Iterator<Item = (&EntryFile, &Resource)> {
        self.files.iter().flat_map(|(_, file)| file.resource.iter().map(move |entry| (file, entry)))
    }
}

fn evidence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Evidence, D::Error> {
    let word = String::deserialize(deserializer)?;
    Evidence::ALL.into_iter().find(|evidence| evidence.as_str() == word).ok_or_else(|| {
        D::Error::custom(format!("evidence `{word}` is not one of recorded, documented, derived"))
    })
}

fn parse<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<T, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}
