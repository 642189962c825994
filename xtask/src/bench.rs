//! `cargo xtask bench`: the function beside the specification's Python handler, in one run.
//!
//! The measuring is `bench/suite.py`'s; this builds what is measured, makes the virtual environment,
//! and prints the table. A figure never fails it, only a run with errors. It needs Linux.

use serde_json::{Value, json};
use std::{
    env,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

const HELP: &str = "cargo xtask bench [--runs N] [--json]
--runs N   how often each function is started and measured; default 5
--json     the medians as one JSON object instead of the table";

/// What is measured: heading, member of the JSON, decimals, aim.
const COLUMNS: [(&str, &str, usize, Option<f64>); 5] = [
    ("start ms", "start_ms", 1, Some(4.0)),
    ("start + first ms", "start_and_first_ms", 1, Some(6.0)),
    ("CPU ms/event", "cpu_per_event_ms", 3, Some(0.15)),
    ("peak MB", "peak_mb", 1, Some(10.0)),
    ("calls/resource", "calls_per_resource", 2, None),
];
const ZIP_AIM_MB: f64 = 3.0;

/// Runs the benchmark.
///
/// # Errors
/// A wrong argument, something that is missing on this machine, or a run with errors.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let mut runs = 5_u32;
    let mut as_json = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--json" => as_json = true,
            "--runs" => {
                let number = rest.next().and_then(|number| number.parse().ok()).filter(|number| *number > 0);
                runs = number.ok_or_else(|| format!("--runs takes a number from 1\n{HELP}"))?;
            }
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            other => return Err(format!("unknown argument {other:?}\n{HELP}")),
        }
    }
    if !cfg!(target_os = "linux") {
        return Err("cargo xtask bench reads /proc and needs Linux".to_owned());
    }
    let root = crate::root();
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let bootstrap = build(&root, &target)?;
    let python = environment(&root, &target.join("bench-venv"))?;
    let report = measure(&root, &python, &bootstrap, runs)?;
    if as_json {
        println!("{report}");
    } else {
        print!("{}", table(&report));
    }
    refuse_errors(&report)
}

/// Builds `bootstrap` and says where it is.
fn build(root: &Path, target: &Path) -> Result<PathBuf, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--release", "-p", "tagger-lambda", "--target-dir"])
        .arg(target)
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo could not be started: {error}"))?;
    if !status.success() {
        return Err("cargo build --release -p tagger-lambda failed; its own message is above".to_owned());
    }
    Ok(target.join("release/bootstrap"))
}

/// Makes the virtual environment, unless it has what `bench/requirements.txt` asks for, and returns
/// its Python.
///
/// # Errors
/// What is missing on this machine.
pub fn environment(root: &Path, folder: &Path) -> Result<PathBuf, String> {
    let requirements = root.join("bench/requirements.txt");
    let wanted = fs::read(&requirements).map_err(|error| format!("bench/requirements.txt: {error}"))?;
    let python = folder.join("bin/python3");
    // Written last, so that it is there only when everything is.
    let done = folder.join("requirements.txt");
    if python.exists() && fs::read(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    eprintln!("making a virtual environment with bench/requirements.txt");
    let recent = Command::new("python3")
        .args(["-c", "import sys; sys.exit(sys.version_info < (3, 11))"])
        .stderr(Stdio::null())
        .status();
    if !recent.is_ok_and(|status| status.success()) {
        return Err(
            "cargo xtask bench needs Python 3.11 or later: install python3 and python3-venv".to_owned()
        );
    }
    let venv = Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder).output();
    if !venv.is_ok_and(|output| output.status.success()) {
        return Err("python3 -m venv failed: install python3-venv".to_owned());
    }
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"];
    let pip = Command::new(&python)
        .args(pip)
        .args(["--only-binary", ":all:", "-r"])
        .arg(&requirements)
        .output()
        .map_err(|error| format!("pip could not be started: {error}"))?;
    if !pip.status.success() {
        let said = String::from_utf8_lossy(&pip.stderr);
        return Err(format!("pip could not install bench/requirements.txt: {}", said.trim()));
    }
    fs::write(&done, wanted).map_err(|error| format!("{}: {error}", done.display()))?;
    Ok(python)
}

fn measure(root: &Path, python: &Path, bootstrap: &Path, runs: u32) -> Result<Value, String> {
    let output = Command::new(python)
        .arg(root.join("bench/suite.py"))
        .arg("--bootstrap")
        .arg(bootstrap)
        .args(["--runs", &runs.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("bench/suite.py could not be started: {error}"))?;
    if !output.status.success() {
        return Err("bench/suite.py failed; its own message is above".to_owned());
    }
    let mut report: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("bench/suite.py: {error}"))?;
    let mut aims: serde_json::Map<_, _> =
        COLUMNS.iter().filter_map(|column| Some((column.1.to_owned(), json!(column.3?)))).collect();
    aims.insert("zip_mb".to_owned(), json!(ZIP_AIM_MB));
    report["aims"] = Value::Object(aims);
    Ok(report)
}

fn refuse_errors(report: &Value) -> Result<(), String> {
    for function in functions(report) {
        if function["errors"] != 0 {
            return Err(format!(
                "{}: {} invocations failed, the first with {}",
                function["name"].as_str().unwrap_or_default(),
                function["errors"],
                function["first_error"]
            ));
        }
    }
    Ok(())
}

fn functions(report: &Value) -> &[Value] {
    report["functions"].as_array().map_or(&[], Vec::as_slice)
}

/// The report in words: sizes, a Markdown table of medians, and which aims are met.
fn table(report: &Value) -> String {
    let mb = |name: &str| report[name].as_f64().unwrap_or_default() / 1e6;
    let zip = mb("zip_bytes");
    let mut out = format!(
        "bootstrap: {:.2} MB stripped, {zip:.2} MB zipped (aim: at most {ZIP_AIM_MB} MB, {})\n",
        mb("binary_bytes"),
        met(zip <= ZIP_AIM_MB)
    );
    let text = |name: &str| report[name].as_str().unwrap_or_default();
    let _ = writeln!(
        out,
        "{}, Python {}, medians of {} runs; in brackets the ratio to the first line\n",
        text("machine"),
        text("python"),
        report["runs"]
    );
    let headings: Vec<_> = COLUMNS.iter().map(|column| column.0).collect();
    let _ = writeln!(out, "| function | {} |\n|---|{}", headings.join(" | "), "---|".repeat(COLUMNS.len()));
    let functions = functions(report);
    for (index, function) in functions.iter().enumerate() {
        let _ = write!(out, "| {} |", function["name"].as_str().unwrap_or_default());
        for (_, member, decimals, _) in COLUMNS {
            let _ = match (function[member].as_f64(), functions[0][member].as_f64()) {
                (Some(value), Some(base)) if index > 0 && base > 0.0 && value > 0.0 => {
                    write!(out, " {value:.decimals$} ({}) |", ratio(value / base))
                }
                (Some(value), _) => write!(out, " {value:.decimals$} |"),
                (None, _) => write!(out, " - |"),
            };
        }
        out.push('\n');
    }
    let aims = COLUMNS.map(|(.., aim)| aim.map_or("-".to_owned(), |aim| format!("at most {aim}")));
    let _ = writeln!(out, "| aim | {} |", aims.join(" | "));
    for function in functions.iter().skip_while(|function| !is_ours(function)) {
        let cells = COLUMNS.map(|(_, member, _, aim)| match (function[member].as_f64(), aim) {
            (Some(value), Some(aim)) => met(value <= aim),
            _ => "-",
        });
        let name = function["name"].as_str().unwrap_or_default();
        let _ = writeln!(out, "| aim met: {name} | {} |", cells.join(" | "));
    }
    out
}

fn is_ours(function: &Value) -> bool {
    function["name"].as_str().is_some_and(|name| name.starts_with("ours"))
}

fn met(is_met: bool) -> &'static str {
    if is_met { "met" } else { "not met" }
}

/// `1.70x`, or `1/180` where that reads better.
fn ratio(ratio: f64) -> String {
    if ratio < 0.2 { format!("1/{:.0}", 1.0 / ratio) } else { format!("{ratio:.2}x") }
}

#[cfg(test)]
mod tests {
    use super::{ratio, refuse_errors, table};
    use serde_json::json;

    #[test]
    fn a_table_of_medians() {
        let report = json!({
            "machine": "2 cores", "python": "3.11", "runs": 1, "binary_bytes": 6_000_000, "zip_bytes": 3_100_000,
            "functions": [
                {"name": "specification's handler", "start_ms": 500.0, "calls_per_resource": 1.0, "errors": 0},
                {"name": "ours, default", "start_ms": 2.5, "calls_per_resource": 1.7, "errors": 1},
            ],
        });
        let text = table(&report);
        for line in [
            "bootstrap: 6.00 MB stripped, 3.10 MB zipped (aim: at most 3 MB, not met)",
            "| specification's handler | 500.0 | - | - | - | 1.00 |",
            "| ours, default | 2.5 (1/200) | - | - | - | 1.70 (1.70x) |",
            "| aim met: ours, default | met | - | - | - | - |",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(refuse_errors(&report).is_err());
    }

    #[test]
    fn ratios() {
        for (value, text) in [(1.7, "1.70x"), (0.25, "0.25x"), (0.005, "1/200")] {
            assert_eq!(ratio(value), text);
        }
    }
}
