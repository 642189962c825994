//! The settings that hold in an account: the file in the zip that is deployed, and the stack's parameters on top of it.
//! `tagger status` shows them, and `tagger deploy` keeps them and says what would change.

use crate::{config_file::ConfigFile, deployment::ZIP_SETTINGS};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    io::{Cursor, Read},
};
use tagger_aws::account::{Account, Kind, stacks::Stack};
use tagger_core::{Policy, config, settings::people};
use zip::ZipArchive;

/// The parameters that become the function's settings, with their variables (`Environment` in
/// `templates/tagger.template.yaml`). An empty one leaves its variable out.
pub const VARIABLES: [(&str, &str); 6] = [
    ("TagKey", "TAGGER_KEY"),
    ("TagValue", "TAGGER_VALUE"),
    ("Existing", "TAGGER_EXISTING"),
    ("MoreTags", "TAGGER_TAGS"),
    ("SkipKinds", "TAGGER_SKIP_KINDS"),
    ("ExcludePrincipals", "TAGGER_EXCLUDE"),
];

/// The policy of a file, or the default, with the stack's parameters on top.
///
/// # Errors
/// A parameter that the function refuses.
pub fn policy(
    file: Option<&ConfigFile>,
    parameters: &BTreeMap<String, String>,
) -> Result<Policy, config::ConfigError> {
    let base = file.map(|file| file.policy.clone()).unwrap_or_default();
    let variables = VARIABLES.iter().filter_map(|(name, variable)| {
        let value = parameters.get(*name).filter(|value| !value.is_empty())?;
        Some(((*variable).to_owned(), value.clone()))
    });
    config::from_environment(base, variables)
}

/// What is known of the settings file in a deployed zip.
#[derive(Debug, Default)]
pub struct Held {
    /// The file; none where the zip has none.
    pub file: Option<ConfigFile>,
    /// Why it is not known whether it has one.
    pub unread: Option<String>,
    /// Whether the zip's key says that it has one.
    pub is_certain: bool,
    /// The zip's SHA-256 in base64, as Lambda states that of a function's code; none where the zip was not read.
    pub code: Option<String>,
}

/// Looks into the zip of a stack.
pub async fn of_stack(account: &Account, region: &str, stack: &Stack) -> Held {
    let told = |name: &str| stack.parameters.get(name).cloned().unwrap_or_default();
    of_zip(account, region, &told("CodeBucket"), &told("CodeKey")).await
}

/// Looks into a zip in a bucket.
pub async fn of_zip(account: &Account, region: &str, bucket: &str, key: &str) -> Held {
    let is_certain = key.split('/').any(|part| part == ZIP_SETTINGS);
    if bucket.is_empty() || key.is_empty() {
        return Held::default();
    }
    let unread = |why: String| Held {
        unread: Some(format!("s3://{bucket}/{key}: {why}")),
        is_certain,
        ..Held::default()
    };
    match account.buckets(region).get(bucket, key).await {
        Ok(bytes) => {
            let code = Some(BASE64_STANDARD.encode(Sha256::digest(&bytes)));
            match in_zip(&bytes) {
                Ok(file) => Held { file, is_certain, code, ..Held::default() },
                Err(why) => Held { code, ..unread(why) },
            }
        }
        // Whoever emptied the bucket took no settings away that the key does not tell of.
        Err(trouble) if trouble.kind() == Kind::NotFound && !is_certain => Held::default(),
        Err(trouble) => unread(trouble.to_string()),
    }
}

/// The settings file in a zip.
///
/// # Errors
/// The zip or the file cannot be read.
pub fn in_zip(bytes: &[u8]) -> Result<Option<ConfigFile>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("no zip: {error}"))?;
    let mut read = |name: &str| -> Result<Option<Vec<u8>>, String> {
        if archive.index_for_name(name).is_none() {
            return Ok(None);
        }
        let mut file = archive.by_name(name).map_err(|error| format!("{name} in the zip: {error}"))?;
        let mut content = Vec::new();
        file.read_to_end(&mut content).map_err(|error| format!("{name} in the zip: {error}"))?;
        Ok(Some(content))
    };
    let Some(text) = read(config::FILE)? else { return Ok(None) };
    let text = String::from_utf8(text).map_err(|error| format!("{} in the zip: {error}", config::FILE))?;
    let table = read(people::FILE)?;
    ConfigFile::of_zip(text, table).map(Some)
}
