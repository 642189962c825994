//! The records in files and folders, with what could not be read named on standard error.

use crate::{args::PolicyFile, config_file::ConfigFile, exit_code::Error, output::complain};
use std::path::{Path, PathBuf};
use tagger_aws::log_files;
use tagger_core::{
    Policy, Record,
    documents::{self, ProblemKind},
    glance::Glance,
};

/// The policy of a configuration file, or the default.
///
/// # Errors
/// The file cannot be read, or is wrong; with the line and the nearest right name.
pub fn policy(file: &PolicyFile) -> Result<Policy, Error> {
    file.config.as_deref().map_or_else(|| Ok(Policy::default()), |path| Ok(ConfigFile::read(path)?.policy))
}

/// What could not be read: named on standard error as it is found, and counted.
#[derive(Debug, Default)]
pub struct Unreadable {
    /// How many places.
    pub count: usize,
}

/// How many places of one file are named; a file of another kind has as many as lines.
const MOST_NAMED: usize = 20;

impl Unreadable {
    fn complain(&mut self, path: &Path, message: &str) {
        complain(&format!("tagger: {}: {message}", shown(path)));
        self.count += 1;
    }
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// A file to read.
#[derive(Debug)]
pub struct Input {
    path: PathBuf,
    /// Whether it was named, rather than found in a folder.
    named: bool,
}

/// Every file of the paths; what cannot be listed is named.
pub fn files(paths: &[PathBuf], unreadable: &mut Unreadable) -> Vec<Input> {
    let mut found = Vec::new();
    for path in paths {
        let below = log_files::below(path, &mut |path, error| unreadable.complain(path, &error.to_string()));
        if below.is_empty() {
            unreadable.complain(
                path,
                &format!(
                    "no log file below it; names end in {}, also with .gz",
                    log_files::ENDINGS.join(", ")
                ),
            );
        }
        found.extend(below.into_iter().map(|file| Input { named: file == *path, path: file }));
    }
    found
}

/// Gives every record of a file to `each`, in order, until it fails, but those of which a glance is
/// enough; what cannot be read is named.
///
/// # Errors
/// What `each` returned.
pub fn records(
    input: &Input,
    unreadable: &mut Unreadable,
    glance: &mut dyn FnMut(&Glance) -> bool,
    each: &mut dyn FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    let path = &input.path;
    let contents = match log_files::read(path) {
        Ok(contents) => contents,
        Err(error) => {
            unreadable.complain(path, &format!("{error}; check the path and its permissions"));
            return Ok(());
        }
    };
    let mut result = Ok(());
    let mut named = 0;
    documents::read_glancing(&contents.text, glance, &mut |item| match item {
        _ if result.is_err() => {}
        Ok(record) => result = each(record),
        // Where the text of a damaged file ends says less than why, which comes below.
        Err(problem) if contents.error.is_some() && problem.kind == ProblemKind::CutOff => {}
        // A tree of log files also holds a manifest here and there.
        Err(problem)
            if !input.named && problem.kind == ProblemKind::UnknownShape && problem.record.is_none() =>
        {
            complain(&format!("tagger: {}: passed over, it is no log file: {problem}", shown(path)));
        }
        Err(problem) => {
            named += 1;
            match named {
                ..=MOST_NAMED => unreadable.complain(path, &problem.to_string()),
                _ => unreadable.count += 1,
            }
        }
    });
    if named > MOST_NAMED {
        let more = named - MOST_NAMED;
        complain(&format!("tagger: {}: and {more} more places; is it a CloudTrail log file?", shown(path)));
    }
    if let Some(error) = contents.error {
        unreadable.complain(path, &error);
    }
    result
}
