//! `cargo xtask demo` and `cargo xtask test`: the README's two commands.
//!
//! Each installs what it needs and says in one sentence what is missing. `.ci/run` runs the second.

use crate::codegen;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// Builds the product and runs it against an AWS on this computer.
///
/// # Errors
/// The build or the demo failed.
pub fn demo(arguments: &[String]) -> Result<(), String> {
    build()?;
    let mut tagger = Command::new(crate::root().join("target/release/tagger"));
    run(tagger.args(["sandbox", "--demo"]).args(arguments))
}

/// Every check of the project, the end-to-end run among them.
///
/// # Errors
/// The first check that failed.
pub fn test() -> Result<(), String> {
    step("format");
    run(cargo().args(["fmt", "--all", "--check"]))?;
    step("generated files");
    codegen::run(true)?;
    step("the catalog against AWS's API models");
    catalog_against_models()?;
    step("lints");
    run(cargo().args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"]))?;
    step("the core has no I/O");
    core_stays_pure()?;
    step("release build of the function");
    build_function()?;
    step("tests");
    // The sandbox is installed below target/, so that a test run leaves nothing elsewhere.
    let cache = crate::root().join("target/cache");
    run(cargo().args(["test", "--workspace", "--no-fail-fast"]).env("XDG_CACHE_HOME", &cache))?;
    step("chaos: faults, kills and duplicates, and nothing lost");
    crate::chaos::run(&["--events".to_owned(), "2000".to_owned(), "--seed".to_owned(), "1".to_owned()])?;
    // These mostly wait for their emulators, so the others run meanwhile; what they say comes last.
    let templates = installed("templates-venv", "templates/tests/requirements.txt")?;
    let sandbox = installed_python(&cache)?;
    let meanwhile = [
        ("the templates' tests", begun(&templates, "templates/tests")?),
        ("the first run on AWS, in the sandbox", begun(&sandbox, "first-run/tests")?),
    ];
    let others = in_the_foreground(&sandbox);
    let mut failed = Vec::new();
    for (name, tests) in meanwhile {
        step(name);
        let output = tests.wait_with_output().map_err(|error| format!("{name}: {error}"))?;
        print!("{}", String::from_utf8_lossy(&output.stdout));
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
        if !output.status.success() {
            failed.push(format!("{name}: {}", output.status));
        }
    }
    others?;
    if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
}

/// The tests of a folder, whose output is kept until they are waited for.
fn begun(python: &Path, folder: &str) -> Result<Child, String> {
    unittest(python, folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", python.display()))
}

fn in_the_foreground(sandbox: &Path) -> Result<(), String> {
    step("the sandbox's own tests");
    run(&mut unittest(sandbox, "sandbox/tests"))?;
    step("round trips: created on an emulator, tagged by the function, read back");
    crate::trips::run(&[])
}

/// Every path of every entry is in the shapes of its operation, every event has a sample, and what is
/// made from the models is what they give.
fn catalog_against_models() -> Result<(), String> {
    let python = installed("models-venv", "catalog/tools/requirements.txt")?;
    for script in ["entries.py", "operations.py", "requests.py"] {
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

fn build() -> Result<(), String> {
    build_function()?;
    run(cargo().args(["build", "--release", "--quiet", "--package", "tagger-cli"]))
}

/// By itself, so that the function is built without the command line's features.
///
/// # Errors
/// The build failed.
pub fn build_function() -> Result<(), String> {
    run(cargo().args(["build", "--release", "--quiet", "--package", "tagger-lambda"]))
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

/// The Python of the sandbox that the end-to-end test installed.
fn installed_python(cache: &Path) -> Result<PathBuf, String> {
    let folder = cache.join("auto-resource-tagger");
    let entries = fs::read_dir(&folder)
        .map_err(|error| format!("{}: {error}; the end-to-end test installs it", folder.display()))?;
    // `tagger catalog --propose` has a folder beside it.
    let is_sandbox = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("sandbox-") && path.join("complete").is_file()
    };
    let complete = entries.flatten().map(|entry| entry.path()).find(is_sandbox);
    complete
        .map(|path| path.join("venv/bin/python"))
        .ok_or_else(|| format!("{}: no complete sandbox", folder.display()))
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
