//! `cargo xtask <task>`: what is built besides the program. A table of contents; each task has a file.

mod bench;
mod burst;
mod catalog;
mod chaos;
mod check;
mod codegen;
mod dist;
mod jobs;
mod trips;

use std::{path::PathBuf, process::ExitCode};

const HELP: &str = "\
cargo xtask demo                builds the product and runs it against an AWS on this computer
cargo xtask test                installs what the tests need and passes them all
cargo xtask codegen [--check]   writes what is generated from the catalog; --check only compares
cargo xtask bench [OPTIONS]     measures the function beside the specification's Python handler
cargo xtask burst [OPTIONS]     measures one process of the function under a burst of events
cargo xtask chaos [OPTIONS]     the function on an AWS that fails; --events 100000 by hand
cargo xtask trips [--write]     creates what an emulator can, has the function tag it, reads it back; --write lists it
cargo xtask dist [OPTIONS]      builds what is released for Lambda and Linux, with checksums and SBOMs";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let result = match arguments.first().map(String::as_str) {
        Some("codegen") => codegen::run(arguments.iter().any(|argument| argument == "--check")),
        Some("demo") => check::demo(&arguments[1..]),
        Some("test") => check::test(),
        Some("bench") => bench::run(&arguments[1..]),
        Some("burst") => burst::run(&arguments[1..]),
        Some("chaos") => chaos::run(&arguments[1..]),
        Some("trips") => trips::run(&arguments[1..]),
        Some("dist") => dist::run(&arguments[1..]),
        Some("help" | "--help" | "-h") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(PathBuf::from).unwrap_or(here)
}
