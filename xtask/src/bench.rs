//! `cargo xtask bench`: the function beside the specification's Python handler, in one run.

/// Runs the benchmark.
pub fn run(_arguments: &[String]) -> Result<(), String> {
    Err("not written yet".to_owned())
}
