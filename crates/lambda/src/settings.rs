//! The function's settings: `tagger.toml` beside the program or where `TAGGER_CONFIG` points, with the compiled people
//! table beside it where it names a people file, then the environment. With a wrong setting the function tags nothing
//! ([`crate::misconfigured`]), rather than tag otherwise than was asked; the error names the line and the fix.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};
use tagger_aws::Queues;
use tagger_core::{
    Policy, config,
    settings::people::{self, People},
    tag_change::Mode,
};

/// The function's own queues, which the template states; none where it does not.
///
/// # Errors
/// One without the other: what waits could not be given up, or the other way round.
pub fn queues() -> Result<Option<Queues>, String> {
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    match (variable("RETRY_QUEUE_URL"), variable("DEAD_LETTER_QUEUE_URL")) {
        (None, None) => Ok(None),
        (Some(retry), Some(dead_letters)) => {
            let region = variable("AWS_REGION").unwrap_or_default();
            Ok(Some(Queues { retry, dead_letters, region }))
        }
        _ => Err("RETRY_QUEUE_URL and DEAD_LETTER_QUEUE_URL: set both, or neither".to_owned()),
    }
}

/// What becomes of the creator's tag where somebody changed it, which the template states; to say it where it does not.
///
/// # Errors
/// A word that is neither.
pub fn tag_changes() -> Result<Mode, String> {
    match std::env::var("TAG_CHANGES").unwrap_or_default().as_str() {
        "" | "off" | "alarm" => Ok(Mode::Alarm),
        "restore" => Ok(Mode::Restore),
        other => Err(format!("TAG_CHANGES: `{other}`; say alarm or restore")),
    }
}

/// Reads them.
///
/// # Errors
/// Which file or variable is wrong, and what is right.
pub fn policy() -> Result<Policy, String> {
    let stated = std::env::var_os("TAGGER_CONFIG").filter(|path| !path.is_empty()).map(PathBuf::from);
    let beside = std::env::var_os("LAMBDA_TASK_ROOT").map(|folder| PathBuf::from(folder).join(config::FILE));
    let policy = match stated.clone().or(beside) {
        None => Policy::default(),
        Some(path) => match fs::read_to_string(&path) {
            Ok(text) => of_file(&path, &text)?,
            Err(error) if error.kind() == ErrorKind::NotFound && stated.is_none() => Policy::default(),
            Err(error) => return Err(format!("{}: {error}; fix TAGGER_CONFIG or the file", path.display())),
        },
    };
    config::from_environment(policy, std::env::vars()).map_err(|error| error.to_string())
}

/// The policy of a file, with its people.
fn of_file(path: &Path, text: &str) -> Result<Policy, String> {
    let wrong = |path: &Path, error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let policy = config::from_toml(text).map_err(|error| wrong(path, &error))?;
    let Some(file) = &policy.people_file else { return Ok(policy) };
    let table = path.with_file_name(people::FILE);
    let bytes = fs::read(&table).map_err(|error| {
        let why = format!("{error}; {file} is compiled into it by `tagger deploy --config FILE`");
        wrong(&table, &why)
    })?;
    let people = People::read(bytes).map_err(|error| wrong(&table, &error))?;
    config::with_people(policy, people).map_err(|error| wrong(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_people_stand_beside_the_file_or_nothing_is_tagged() {
        let folder = std::env::temp_dir().join(format!("tagger-settings-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join(config::FILE);
        let text = "[people]\nfile = \"people.csv\"\n";
        let missing = of_file(&path, text).unwrap_err();
        assert!(missing.contains(people::FILE) && missing.contains("tagger deploy --config"), "{missing}");
        fs::write(folder.join(people::FILE), b"something else").unwrap();
        let other = of_file(&path, text).unwrap_err();
        assert!(other.contains("no compiled people table"), "{other}");
        let row = people::Row { pattern: "alice".into(), name: "Alice".into(), ..people::Row::default() };
        fs::write(folder.join(people::FILE), people::compile(&[], &[row]).unwrap().bytes()).unwrap();
        assert_eq!(of_file(&path, text).unwrap().people.len(), 1);
        fs::remove_dir_all(folder).unwrap();
    }
}
