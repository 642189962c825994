//! The records in files and folders, with what could not be read named on standard error.

use crate::{args::PolicyFile, exit_code::Error};
use std::{
    fs,
    path::{Path, PathBuf},
};
use tagger_aws::log_files;
use tagger_core::{Policy, Record, config, documents};

/// The policy of a configuration file, or the default.
///
/// # Errors
/// The file cannot be read, or is wrong; with the line and the nearest right name.
pub fn policy(file: &PolicyFile) -> Result<Policy, Error> {
    let Some(path) = &file.config else { return Ok(Policy::default()) };
    let text =
        fs::read_to_string(path).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))?;
    config::from_toml(&text).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}

/// Every file of the paths; what cannot be listed is named and counted.
pub fn files(paths: &[PathBuf], unreadable: &mut usize) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        found.extend(log_files::below(path, &mut |path, error| {
            complain(path, &error.to_string(), unreadable)
        }));
    }
    found
}

/// Gives every record of a file to `each`, in order, until it fails; what cannot be read is named
/// and counted.
///
/// # Errors
/// What `each` returned.
pub fn records(
    path: &Path,
    unreadable: &mut usize,
    each: &mut dyn FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    let contents = match log_files::read(path) {
        Ok(contents) => contents,
        Err(error) => {
            complain(path, &error.to_string(), unreadable);
            return Ok(());
        }
    };
    let mut result = Ok(());
    documents::read(&contents.text, &mut |item| match item {
        _ if result.is_err() => {}
        Ok(record) => result = each(record),
        // The text of a damaged file ends somewhere; that it does is said once, below.
        Err(problem) => complain(path, &problem.to_string(), unreadable),
    });
    if let Some(error) = contents.error {
        complain(path, &error, unreadable);
    }
    result
}

fn complain(path: &Path, message: &str, unreadable: &mut usize) {
    let name = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
    eprintln!("tagger: {name}: {message}");
    *unreadable += 1;
}
