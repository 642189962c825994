//! Commands side by side: most of the gate's tests wait for an emulator, so some of them share the processors.
//!
//! What a command prints is kept in a file and printed as a whole when it ends, so that no two mix.

use std::{
    collections::VecDeque,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Mutex,
    thread,
    time::Instant,
};

/// How many lines of a failed job's list of failures are said again, and how many of its last ones.
const LISTED: usize = 120;
const LAST: usize = 40;

/// A command with the name that the gate prints for it.
pub struct Job {
    /// As in `the templates' tests`.
    pub name: String,
    /// What is run.
    pub command: Command,
}

impl Job {
    /// A command by its name.
    pub fn new(name: impl Into<String>, command: Command) -> Self {
        Self { name: name.into(), command }
    }

    /// Starts it; `folder` gets the file with its output.
    ///
    /// # Errors
    /// The file cannot be made, or the program did not run.
    pub fn begin(mut self, folder: &Path) -> Result<Begun, String> {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        let file: String = self
            .name
            .chars()
            .map(|letter| if letter.is_ascii_alphanumeric() { letter } else { '-' })
            .collect();
        let output = folder.join(file).with_extension("log");
        let failed = |error: std::io::Error| format!("{}: {error}", output.display());
        let log = File::create(&output).map_err(failed)?;
        let child = self
            .command
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log)
            .spawn()
            .map_err(|error| format!("{}: {:?}: {error}", self.name, self.command.get_program()))?;
        Ok(Begun { name: self.name, child, output, begun: Instant::now() })
    }
}

/// A job that runs.
pub struct Begun {
    name: String,
    child: Child,
    output: PathBuf,
    begun: Instant,
}

impl Begun {
    /// Waits for its end and prints what it said.
    ///
    /// # Errors
    /// It failed; the name, how it ended, and what it said of that.
    pub fn end(mut self) -> Result<(), String> {
        let status = self.child.wait().map_err(|error| format!("{}: {error}", self.name))?;
        let said = fs::read(&self.output).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        // In one piece: others end at the same time.
        print!("\n== {} ({} s)\n{said}", self.name, self.begun.elapsed().as_secs());
        if status.success() { Ok(()) } else { Err(format!("{}: {status}\n{}", self.name, reason(&said))) }
    }
}

/// The part of an output to be read first: what `cargo test` lists as its failures, and the last lines.
///
/// It is said again at the gate's end, so that nobody looks for it in 5,000 lines, and a shortened log still has it.
fn reason(said: &str) -> String {
    let (mut lines, mut listed) = (Vec::new(), false);
    let last = said.lines().count().saturating_sub(LAST);
    for (index, line) in said.lines().enumerate() {
        listed = line == "failures:" || listed && !line.starts_with("test result: ");
        if index >= last || listed && lines.len() < LISTED {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Runs all of them, so many at a time, in the order given; the longest ones should come first.
///
/// # Errors
/// The names of those that failed, when all have ended.
pub fn side_by_side(jobs: Vec<Job>, at_a_time: usize, folder: &Path) -> Result<(), String> {
    let waiting = Mutex::new(VecDeque::from(jobs));
    let failed = Mutex::new(Vec::new());
    let next = || waiting.lock().expect("no job panics").pop_front();
    thread::scope(|scope| {
        for _ in 0..at_a_time {
            scope.spawn(|| {
                while let Some(job) = next() {
                    if let Err(error) = job.begin(folder).and_then(Begun::end) {
                        failed.lock().expect("no job panics").push(error);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no job panics");
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(name: &str, script: &str) -> Job {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Job::new(name, command)
    }

    #[test]
    fn all_run_and_those_that_failed_are_named() {
        let folder = std::env::temp_dir().join(format!("xtask-jobs-{}", std::process::id()));
        let ran = |name: &str| folder.join(format!("{name}.log")).is_file();
        let jobs = vec![
            shell("one", "exit 0"),
            shell("two words", "echo failures:; seq 200; echo test result: FAILED; seq 300 400; exit 3"),
            Job::new("not there", Command::new(folder.join("nothing"))),
            shell("last", "exit 0"),
        ];
        let error = side_by_side(jobs, 2, &folder).unwrap_err();
        let listed = "two words: exit status: 3\nfailures:\n1\n2\n";
        assert!(error.contains(listed) && error.contains("\n399\n400"), "{error}");
        assert!(!error.contains("\n200\n") && !error.contains("\n350\n"), "{error}");
        assert!(error.contains("not there: "), "{error}");
        assert!(!error.contains("one:") && !error.contains("last:"), "{error}");
        assert!(["one", "two-words", "last"].into_iter().all(ran), "{}", folder.display());
        fs::remove_dir_all(&folder).unwrap();
    }
}
