//! A Python environment of one's own: pinned packages with hashes, in the user's cache, made once.

use crate::{exit_code::Error, output::complain};
use std::{
    collections::hash_map::DefaultHasher,
    fs::{self, File},
    hash::{Hash, Hasher},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

/// The oldest Python that our Python files run on.
const OLDEST: (u32, u32) = (3, 11);

/// What is wanted of an environment.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its folder's name in the cache, before a fingerprint.
    pub name: &'a str,
    /// What it is for, as messages say it: "the sandbox".
    pub of: &'a str,
    /// The text of a `requirements.txt` with a hash for each package.
    pub requirements: &'a str,
}

/// The folder of an environment with everything installed; made when it is not there yet.
///
/// # Errors
/// No Python that is new enough, or the packages cannot be installed; in one sentence.
pub fn environment(wanted: Wanted<'_>, stop: &AtomicBool) -> Result<PathBuf, Error> {
    let python = interpreter(wanted.of)?;
    let cache = cache(wanted.of)?;
    let folder = cache.join(format!("{}-{:016x}", wanted.name, fingerprint(&python, wanted.requirements)));
    let complete = folder.join("complete");
    let failed = |what: &str, why: String| Error::Failure(format!("{what}: {why}"));
    fs::create_dir_all(&cache).map_err(|error| failed("the cache", error.to_string()))?;
    // Two that start at once must not install into one folder; the lock ends with this process.
    let lock_file = folder.with_extension("lock");
    let lock = File::create(&lock_file)
        .map_err(|error| failed(&lock_file.display().to_string(), error.to_string()))?;
    while lock.try_lock().is_err() {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Failure("stopped".to_owned()));
        }
        thread::sleep(Duration::from_millis(100));
    }
    if complete.is_file() {
        return Ok(folder);
    }
    complain(&format!("Installing {} into {} (once)…", wanted.of, folder.display()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).map_err(|error| failed(&folder.display().to_string(), error.to_string()))?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, wanted.requirements)
        .map_err(|error| failed("requirements.txt", error.to_string()))?;
    run(Command::new(&python).args(["-m", "venv", "--clear"]).arg(folder.join("venv")), "python3 -m venv")?;
    let mut pip = Command::new(folder.join("venv/bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--require-hashes",
        "-r",
    ]);
    run(pip.arg(&requirements), "pip install")?;
    if stop.load(Ordering::Relaxed) {
        return Err(Error::Failure("stopped".to_owned()));
    }
    fs::write(&complete, "").map_err(|error| failed("complete", error.to_string()))?;
    Ok(folder)
}

fn run(command: &mut Command, what: &str) -> Result<(), Error> {
    let output =
        command.stdin(Stdio::null()).output().map_err(|error| Error::Failure(format!("{what}: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last =
        said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing").to_owned();
    Err(Error::Failure(format!(
        "{what} failed: {last} (is a Python package registry reachable, and the venv module installed?)"
    )))
}

/// `python3`, or the newest `python3.x`, that is new enough.
fn interpreter(of: &str) -> Result<PathBuf, Error> {
    let (major, minor) = OLDEST;
    let check = format!("import sys; print(sys.executable); sys.exit(sys.version_info < ({major}, {minor}))");
    for name in ["python3", "python3.13", "python3.12", "python3.11"] {
        let output = Command::new(name).args(["-c", &check]).stdin(Stdio::null()).output();
        if let Ok(output) = output
            && output.status.success()
        {
            return Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        }
    }
    Err(Error::Failure(format!(
        "{of} needs Python {major}.{minor} or newer as `python3`; install it and try again"
    )))
}

fn cache(of: &str) -> Result<PathBuf, Error> {
    let folder = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    base.map(|base| base.join("auto-resource-tagger")).ok_or_else(|| {
        Error::Failure(format!("neither XDG_CACHE_HOME nor HOME says where {of} may be installed"))
    })
}

/// Another Python or another list of packages makes another environment.
fn fingerprint(python: &Path, requirements: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (python, requirements).hash(&mut hasher);
    hasher.finish()
}
