//! `tagger catalog --propose`: derives an entry for a type from AWS's API models, or says what is doubtful about it.
//!
//! The derivation is `catalog/tools/entries.py`, which reads the catalog and its reference files beside it. Whoever
//! proposes an entry has a checkout to put it into, so it runs there and nothing of it is carried in this program; the
//! pinned models come into the user's cache, as the sandbox does.

use crate::{
    exit_code::{Error, ExitCode},
    python,
};
use serde_json::Value;
use std::{
    env, fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, atomic::AtomicBool},
};
use tagger_core::settings::near::near;

/// The derivation, in a checkout.
const TOOL: &str = "catalog/tools/entries.py";
/// The types that it knows.
const TYPES: &str = "catalog/reference/types.json";
/// The packages that it needs.
const REQUIREMENTS: &str = "catalog/tools/requirements.txt";

/// Prints the entry.
///
/// # Errors
/// No checkout, no such type, no Python, or the models leave it open: what is doubtful.
pub fn run(resource_type: &str) -> Result<ExitCode, Error> {
    let root = checkout()?;
    let resource_type = known(&root, resource_type)?;
    let requirements = read(&root, REQUIREMENTS)?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Error::Failure(format!("cannot listen for signals: {error}")))?;
    }
    let wanted =
        python::Wanted { name: "catalog", of: "the catalog's derivation", requirements: &requirements };
    let folder = python::environment(wanted, &stop)?;
    let output = Command::new(folder.join("venv/bin/python"))
        .arg(root.join(TOOL))
        .args(["--propose", &resource_type])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::Failure(format!("{TOOL}: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        // Of a Python error the last line says what it is.
        let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing");
        let is_there = super::all().any(|(_, entry)| entry.resource_type == resource_type);
        let hint = match (is_there, super::exemption(&resource_type)) {
            (true, _) => format!("`tagger catalog --type {resource_type}` shows its entry"),
            (false, Some(exemption)) => exemption,
            (false, None) => "catalog/README.md says how to write one by hand, from a record".to_owned(),
        };
        return Err(Error::Failure(format!("no entry can be derived. {last}; {hint}")));
    }
    std::io::stdout().write_all(&output.stdout)?;
    Ok(ExitCode::Fine)
}

/// The checkout that the current folder is in.
fn checkout() -> Result<PathBuf, Error> {
    let here = env::current_dir().map_err(|error| Error::Failure(format!("the current folder: {error}")))?;
    here.ancestors().find(|folder| folder.join(TOOL).is_file()).map(Path::to_owned).ok_or_else(|| {
        Error::Failure(format!(
            "--propose runs in a checkout of this project, since it reads the catalog that the entry is for; {} is in none \
             (there is no {TOOL} in it or above it)",
            here.display()
        ))
    })
}

fn read(root: &Path, name: &str) -> Result<String, Error> {
    fs::read_to_string(root.join(name)).map_err(|error| Error::Failure(format!("{name}: {error}")))
}

/// The type as CloudFormation spells it.
fn known(root: &Path, resource_type: &str) -> Result<String, Error> {
    let types: Value = serde_json::from_str(&read(root, TYPES)?)
        .map_err(|error| Error::Failure(format!("{TYPES}: {error}")))?;
    let Some(types) = types["types"].as_object() else {
        return Err(Error::Failure(format!("{TYPES}: expected an object `types`")));
    };
    if let Some(name) = types.keys().find(|name| name.eq_ignore_ascii_case(resource_type)) {
        return Ok(name.clone());
    }
    let near: Vec<&str> = near(resource_type, types.keys().map(String::as_str)).into_iter().take(3).collect();
    let near = if near.is_empty() { String::new() } else { format!("; the nearest are {}", near.join(", ")) };
    Err(Error::Failure(format!("{TYPES} has no type `{resource_type}`{near}")))
}
