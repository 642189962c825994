//! `cargo xtask demo` and `cargo xtask test`: the README's two commands.
//!
//! Each installs what it needs and says in one sentence what is missing. `.ci/run` runs the second: it builds, checks what
//! needs no process of ours, and then runs all tests side by side (`jobs.rs`).

use crate::{
    codegen,
    jobs::{self, Job},
};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Builds the product and runs it against an AWS on this computer: the function as it is released, and the command line
/// as it is built fastest.
///
/// # Errors
/// A build or the demo failed.
pub fn demo(arguments: &[String]) -> Result<(), String> {
    let function = Job::new("release build of the function", function_build())
        .begin(&crate::root().join("target/gate"))?;
    let built = run(cargo().args(["build", "--quiet", "--package", "tagger-cli"]));
    function.end()?;
    built?;
    let mut tagger = Command::new(crate::root().join("target/debug/tagger"));
    run(tagger.args(["sandbox", "--demo"]).args(arguments))
}

/// Every check of the project, the end-to-end run among them.
///
/// # Errors
/// The first check that failed, or all tests that failed.
pub fn test() -> Result<(), String> {
    // Asked for now: a build below replaces the file, and then the name of this process's program is another.
    let xtask = std::env::current_exe().map_err(|error| format!("the path of xtask: {error}"))?;
    let logs = crate::root().join("target/gate");
    step("format");
    run(cargo().args(["fmt", "--all", "--check"]))?;
    step("generated files");
    codegen::run(true)?;
    // Linking it takes one processor for minutes, so the other builds run meanwhile.
    let function = Job::new("release build of the function", function_build()).begin(&logs)?;
    step("the catalog against AWS's API models");
    catalog_against_models()?;
    step("lints");
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    step("the core has no I/O");
    core_stays_pure()?;
    step("build of the tests");
    run(cargo().args(["test", "--workspace", "--no-run", "--quiet"]))?;
    function.end()?;
    step("tests, side by side; each is printed when it ends");
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    jobs::side_by_side(tests(&xtask)?, processors, &logs)
}

/// The longest first.
fn tests(xtask: &Path) -> Result<Vec<Job>, String> {
    let templates = installed("templates-venv", "templates/tests/requirements.txt")?;
    let sandbox = installed("sandbox-venv", "sandbox/requirements.txt")?;
    let mut jobs = vec![
        Job::new("the templates' tests", unittest(&templates, "templates/tests")),
        Job::new("the sandbox's own tests", unittest(&sandbox, "sandbox/tests")),
        Job::new("the first run on AWS, in the sandbox", unittest(&sandbox, "first-run/tests")),
    ];
    let (ends, others) = targets()?;
    // The sandbox is installed below target/, so that a test run leaves nothing elsewhere.
    let cache = crate::root().join("target/cache");
    jobs.extend(ends.into_iter().map(|name| {
        let mut command = cargo();
        command
            .args(["test", "--workspace", "--no-fail-fast", "--test", &name])
            .env("XDG_CACHE_HOME", &cache);
        Job::new(format!("the command line: {name}"), command)
    }));
    let mut command = cargo();
    command.args(["test", "--workspace", "--no-fail-fast", "--lib", "--bins"]);
    command.args(others.iter().flat_map(|name| ["--test", name])).env("XDG_CACHE_HOME", &cache);
    jobs.push(Job::new("unit tests, and those of core, aws and lambda", command));
    let mut command = cargo();
    command.args(["test", "--workspace", "--doc", "--quiet"]);
    jobs.push(Job::new("examples in the documentation", command));
    let mut command = Command::new(xtask);
    command.arg("trips");
    jobs.push(Job::new("round trips: created on an emulator, tagged by the function, read back", command));
    let mut command = Command::new(xtask);
    command.args(["chaos", "--events", "2000", "--seed", "1"]);
    jobs.push(Job::new("chaos: faults, kills and duplicates, and nothing lost", command));
    Ok(jobs)
}

/// The names of the files in `crates/*/tests`: the command line's, most of which start a sandbox, and all others.
fn targets() -> Result<(Vec<String>, Vec<String>), String> {
    let (mut ends, mut others) = (Vec::new(), Vec::new());
    let crates = crate::root().join("crates");
    let failed = |error: std::io::Error| format!("{}: {error}", crates.display());
    for package in fs::read_dir(&crates).map_err(failed)? {
        let package = package.map_err(failed)?;
        let names = if package.file_name() == "cli" { &mut ends } else { &mut others };
        // A crate without such a folder has unit tests only.
        for file in fs::read_dir(package.path().join("tests")).into_iter().flatten() {
            let path = file.map_err(failed)?.path();
            // A file is a target by itself, and so is a folder with a main.rs.
            if path.extension().is_some_and(|kind| kind == "rs") || path.join("main.rs").is_file() {
                names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
            }
        }
    }
    ends.sort();
    others.sort();
    Ok((ends, others))
}

/// Every path of every entry is in the shapes of its operation, every event has a sample, and what is
/// made from the models is what they give.
fn catalog_against_models() -> Result<(), String> {
    let python = installed("models-venv", "catalog/tools/requirements.txt")?;
    for script in ["entries.py", "operations.py", "requests.py", "births.py"] {
        run(Command::new(&python).arg(format!("catalog/tools/{script}")).arg("--check"))?;
    }
    run(&mut unittest(&python, "catalog/tools"))
}

fn unittest(python: &Path, folder: &str) -> Command {
    let mut command = Command::new(python);
    command.args(["-m", "unittest", "discover", "--start-directory", folder]).current_dir(crate::root());
    command
}

/// A Python with what a list names, installed once below target/, and anew when the list changed.
///
/// # Errors
/// The list cannot be read, or the packages cannot be installed.
pub fn installed(name: &str, requirements: &str) -> Result<PathBuf, String> {
    let folder = crate::root().join("target").join(name);
    let wanted = fs::read_to_string(crate::root().join(requirements))
        .map_err(|error| format!("{requirements}: {error}"))?;
    let (python, complete) = (folder.join("bin/python"), folder.join("complete"));
    if fs::read_to_string(&complete).ok().as_ref() != Some(&wanted) {
        run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let install = [
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "-r",
        ];
        run(Command::new(&python).args(install).arg(requirements))?;
        fs::write(&complete, &wanted).map_err(|error| format!("{}: {error}", complete.display()))?;
    }
    Ok(python)
}

/// By itself, so that the function is built without the command line's features.
///
/// # Errors
/// The build failed.
pub fn build_function() -> Result<(), String> {
    run(&mut function_build())
}

fn function_build() -> Command {
    let mut command = cargo();
    command.args(["build", "--release", "--quiet", "--package", "tagger-lambda"]);
    command
}

/// `core` decides and does nothing else: no runtime, no AWS SDK below it.
fn core_stays_pure() -> Result<(), String> {
    let output = cargo()
        .args(["tree", "--package", "tagger-core", "--edges", "normal", "--prefix", "none"])
        .output()
        .map_err(|error| format!("cargo tree: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo tree: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let tree = String::from_utf8_lossy(&output.stdout);
    let forbidden = tree
        .lines()
        .find(|line| ["tokio ", "aws-", "hyper ", "reqwest "].iter().any(|name| line.starts_with(name)));
    match forbidden {
        Some(line) => Err(format!("tagger-core depends on {line}: move what needs it into tagger-aws")),
        None => Ok(()),
    }
}

fn step(what: &str) {
    println!("\n== {what}");
}

fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(crate::root());
    cargo
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let status = command.current_dir(crate::root()).stdin(Stdio::null()).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} {} failed ({status})", words.join(" "))),
        Err(error) => Err(format!("{name} did not run: {error}")),
    }
}

#[cfg(test)]
mod tests {
    /// The property test is a folder, and was left out once.
    #[test]
    fn files_and_folders_of_tests_are_run() {
        let (ends, others) = super::targets().unwrap();
        for (list, name) in [(&ends, "deploy"), (&others, "delivery"), (&others, "golden")] {
            assert!(list.iter().any(|one| one == name), "{name} is not among {list:?}");
        }
        assert!(!ends.iter().chain(&others).any(|name| name == "support"), "{ends:?} {others:?}");
    }
}
