//! The function's settings: `tagger.toml` beside the program or where `TAGGER_CONFIG` points, then
//! the environment. A wrong setting stops the function at its start, with the line and the mend,
//! rather than tag otherwise than was asked.

use std::{fs, io::ErrorKind, path::PathBuf};
use tagger_core::{Policy, config};

/// Reads them.
///
/// # Errors
/// Which file or variable is wrong, and what is right.
pub fn policy() -> Result<Policy, String> {
    let stated = std::env::var_os("TAGGER_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let beside = std::env::var_os("LAMBDA_TASK_ROOT").map(|folder| PathBuf::from(folder).join("tagger.toml"));
    let policy = match stated.clone().or(beside) {
        None => Policy::default(),
        Some(path) => match fs::read_to_string(&path) {
            Ok(text) => config::from_toml(&text).map_err(|error| format!("{}: {error}", path.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound && stated.is_none() => Policy::default(),
            Err(error) => return Err(format!("{}: {error}; mend TAGGER_CONFIG or the file", path.display())),
        },
    };
    config::from_environment(policy, std::env::vars()).map_err(|error| error.to_string())
}
