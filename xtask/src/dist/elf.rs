//! Whether a built program may be released: Lambda can load it (the crate `tagger-elf`), it holds no path of this
//! computer, and it starts. It changes nothing.

use super::{Arch, megabytes};
use std::{
    env,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use tagger_elf::{Elf, GLIBC};

const START_LIMIT: Duration = Duration::from_secs(10);

/// Refuses a program that Amazon Linux 2023 would not load, or that tells where it was built.
///
/// `names` are the paths of this computer, with what stands for them in a program.
pub(super) fn check(
    arch: &Arch,
    program: &str,
    content: &[u8],
    names: &[(String, String)],
) -> Result<(), String> {
    let wrong = |what: &str| format!("{program} for {}: {what}", arch.name);
    let elf = Elf::read(content).map_err(|what| wrong(&what))?;
    if elf.processor != arch.processor {
        return Err(wrong("it is for another processor"));
    }
    elf.check_loader().map_err(|what| wrong(&what))?;
    let newest = elf.check_glibc().map_err(|what| wrong(&what))?;
    if let Some((path, _)) = names.iter().find(|(path, _)| holds(content, path)) {
        return Err(wrong(&format!("it holds the path {path}, so that another folder gives other bytes")));
    }
    println!("  {:.2} MB stripped ({} bytes)", megabytes(content), content.len());
    match newest {
        Some(need) => {
            println!(
                "  newest version needed: {} ({}, at most {}.{})",
                need.version, need.symbol, GLIBC.0, GLIBC.1
            )
        }
        None => println!("  it needs nothing of glibc"),
    }
    Ok(())
}

/// Whether a path stands in the bytes, as a whole and not as the end of a longer one.
fn holds(content: &[u8], path: &str) -> bool {
    let whole = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| content.get(at));
        let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-/".contains(byte);
        content.get(at + path.len()) == Some(&b'/') && !before.is_some_and(inside)
    };
    content.windows(path.len().max(1)).enumerate().any(|(at, window)| window == path.as_bytes() && whole(at))
}

/// Starts a program once, to see that the loader takes it.
pub(super) fn starts(arch: &Arch, program: &str, path: &Path) -> Result<String, String> {
    if env::consts::OS != "linux" || !arch.triple.starts_with(env::consts::ARCH) {
        return Ok("not started: this computer has another processor or system".to_owned());
    }
    let failed = |what: &str| format!("{program} for {} does not start: {what}", arch.name);
    // Without Lambda's variables the function ends at once, and says which one it misses.
    let mut command = Command::new(path);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if program != "bootstrap" {
        command.arg("--version");
    }
    let mut child = command.spawn().map_err(|error| failed(&error.to_string()))?;
    let begin = Instant::now();
    while child.try_wait().map_err(|error| failed(&error.to_string()))?.is_none() {
        if begin.elapsed() > START_LIMIT {
            child.kill().map_err(|error| failed(&error.to_string()))?;
            return Err(failed("it did not end within 10 seconds"));
        }
        thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().map_err(|error| failed(&error.to_string()))?;
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let line = said.lines().find(|line| line.contains("AWS_LAMBDA_") || line.starts_with("tagger "));
    match line {
        Some(line) => Ok(format!("starts: {line}")),
        None => Err(failed(&format!("{} ({})", said.trim(), output.status))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_paths_are_found() {
        assert!(holds(b"\0/src/lib.rs", "/src"));
        assert!(!holds(b"/crates/ring/src/lib.rs", "/src"));
        assert!(!holds(b"/srcs/lib.rs", "/src"));
    }
}
