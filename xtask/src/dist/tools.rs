//! What builds the programs, and what a build may see: the work tree, its copies, the environment,
//! zig from its virtual environment, cargo.
//!
//! Nothing of this computer may get in that could change the bytes: no variable but those named here,
//! and no path without another name for it. Nothing is installed outside of the target folder.

use super::{Arch, EPOCH};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tagger_elf::GLIBC;

/// What of the environment a build sees. All else, such as RUSTFLAGS, could change its bytes.
const KEPT: [&str; 10] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "http_proxy",
    "https_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
];
const KEPT_FAMILIES: [&str; 4] = ["CARGO_NET_", "CARGO_HTTP_", "CARGO_REGISTRIES_", "SSL_CERT_"];

/// The commit that is built, and whether somebody who has it has all: a release has no uncommitted changes.
pub(super) fn revision(root: &Path) -> String {
    let git = |arguments: &[&str]| output(Command::new("git").args(arguments).current_dir(root)).map(text);
    match (git(&["rev-parse", "HEAD"]), git(&["status", "--porcelain"])) {
        (Ok(commit), Ok(changes)) if changes.is_empty() => format!("commit {commit}"),
        (Ok(commit), Ok(_)) => {
            format!("commit {commit} with uncommitted changes, which nobody else can build")
        }
        _ => "sources that are no git work tree".to_owned(),
    }
}

/// The files that git knows or would add, so that a build has what a commit would have.
pub(super) fn tracked(root: &Path) -> Result<Vec<String>, String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let listed = String::from_utf8(output(&mut git)?)
        .map_err(|_| "the name of a file in the work tree is not UTF-8".to_owned())?;
    Ok(listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

pub(super) fn copy_tree(from: &Path, to: &Path, names: &[String]) -> Result<(), String> {
    for name in names {
        // What was deleted and not yet committed is listed too.
        if !from.join(name).is_file() {
            continue;
        }
        let path = to.join(name);
        let copied =
            path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::copy(from.join(name), &path));
        copied.map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

/// Where a build happens: sources, folder for all that it makes, cargo's home if not the usual one.
pub(super) struct Place {
    pub tree: PathBuf,
    pub work: PathBuf,
    pub cargo_home: Option<PathBuf>,
}

impl Place {
    /// A command in the tree with a bare environment.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.tree).stdin(Stdio::null()).env_clear().env("LC_ALL", "C");
        for (name, value) in env::vars_os() {
            let known = name.to_str().is_some_and(|name| {
                KEPT.contains(&name) || KEPT_FAMILIES.iter().any(|family| name.starts_with(family))
            });
            if known {
                command.env(name, value);
            }
        }
        if let Some(home) = &self.cargo_home {
            command.env("CARGO_HOME", home);
        }
        command
    }

    /// Cargo's home under another name: what was downloaded is there, and every path differs.
    pub fn link_cargo_home(&self) -> Result<(), String> {
        let Some(link) = &self.cargo_home else { return Ok(()) };
        fs::create_dir_all(link).map_err(|error| format!("{}: {error}", link.display()))?;
        let usual = env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| env::home_dir().map(|home| home.join(".cargo")));
        for entry in usual.and_then(|home| fs::read_dir(home).ok()).into_iter().flatten().flatten() {
            std::os::unix::fs::symlink(entry.path(), link.join(entry.file_name()))
                .map_err(|error| format!("{}: {error}", link.display()))?;
        }
        Ok(())
    }

    /// What cargo knows of the packages that one architecture needs.
    pub fn metadata(&self, triple: &str) -> Result<Value, String> {
        let mut cargo = self.command("cargo");
        cargo.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", triple]);
        serde_json::from_slice(&output(&mut cargo)?).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// The names that the paths of this computer get in the programs; of several that fit, the last holds.
    pub fn names(&self, metadata: &Value) -> Result<Vec<(String, String)>, String> {
        let sysroot = text(output(self.command("rustc").args(["--print", "sysroot"]))?);
        let version = text(output(self.command("rustc").args(["--version", "--verbose"]))?);
        let commit = version.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
        let mut names = vec![
            // Where the sources of the standard library are installed, rustc names them instead of this.
            (format!("{sysroot}/lib/rustlib/src/rust"), format!("/rustc/{commit}")),
            (path_text(&self.tree), "/source".to_owned()),
            (path_text(&self.work), "/build".to_owned()),
        ];
        // Wherever the crates lie: a mirror or a vendor folder has other names than the usual registry.
        let crates: BTreeSet<_> = metadata["packages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|package| package["source"].is_string())
            .filter_map(|package| {
                Path::new(package["manifest_path"].as_str()?).parent()?.parent().map(path_text)
            })
            .collect();
        names.extend(crates.into_iter().map(|folder| (folder, "/crates".to_owned())));
        match names.iter().find(|(path, _)| path.contains(char::is_whitespace)) {
            Some((path, _)) => Err(format!(
                "{path:?} has a space in its name, which cannot be passed to a C compiler: build in another folder"
            )),
            None => Ok(names),
        }
    }
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(super) fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// What builds: zig and cargo-zigbuild from their virtual environment, or the computer's own linker.
pub(super) struct Tools {
    /// `bin` of the virtual environment, and the program zig.
    zig: Option<(PathBuf, PathBuf)>,
    /// Names and versions, for the SBOM.
    pub versions: Vec<(String, String)>,
}

impl Tools {
    pub fn ready(root: &Path, target: &Path, plain: bool) -> Result<Self, String> {
        let rustc = text(output(Command::new("rustc").arg("--version").current_dir(root))?);
        let mut versions = vec![("rustc".to_owned(), rustc.trim_start_matches("rustc ").to_owned())];
        if plain {
            println!(
                "without zig: the programs are linked by this computer's own linker, against its own glibc"
            );
            return Ok(Self { zig: None, versions });
        }
        let requirements = fs::read_to_string(root.join("xtask/dist-requirements.txt"))
            .map_err(|error| format!("xtask/dist-requirements.txt: {error}"))?;
        let pinned = requirements.lines().filter_map(|line| line.split_once("=="));
        versions.extend(pinned.map(|(name, version)| (name.to_owned(), version.replace([' ', '\\'], ""))));
        let bin = environment(root, &target.join("dist-venv"), &requirements)?;
        let ask = "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";
        let zig = PathBuf::from(text(output(Command::new(bin.join("python3")).args(["-c", ask]))?));
        Ok(Self { zig: Some((bin, zig)), versions })
    }
}

/// Makes the virtual environment, unless it has what is asked for, and returns its `bin`.
fn environment(root: &Path, folder: &Path, wanted: &str) -> Result<PathBuf, String> {
    let bin = folder.join("bin");
    // Written last, so that it is there only when everything is.
    let done = folder.join("requirements.txt");
    if bin.join("cargo-zigbuild").exists() && fs::read_to_string(&done).is_ok_and(|there| there == wanted) {
        return Ok(bin);
    }
    println!("installing zig and cargo-zigbuild into {}", folder.display());
    let or_plain = "or build with --plain";
    let python =
        Command::new("python3").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !python.is_ok_and(|status| status.success()) {
        return Err(format!(
            "cargo xtask dist gets zig by python3, which is not here: install it, {or_plain}"
        ));
    }
    let venv = Command::new("python3").args(["-m", "venv", "--clear"]).arg(folder).output();
    if !venv.is_ok_and(|output| output.status.success()) {
        return Err(format!("python3 -m venv failed: install python3-venv, {or_plain}"));
    }
    let pip =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "--no-deps"];
    let mut command = Command::new(bin.join("python3"));
    command.args(pip).args(["--only-binary", ":all:", "-r"]).arg(root.join("xtask/dist-requirements.txt"));
    let pip = command.output().map_err(|error| format!("pip could not be started: {error}"))?;
    if !pip.status.success() {
        let said = last_line(&pip.stderr);
        return Err(format!(
            "pip could not install xtask/dist-requirements.txt: reach its registry, {or_plain} ({said})"
        ));
    }
    fs::write(&done, wanted).map_err(|error| format!("{}: {error}", done.display()))?;
    Ok(bin)
}

/// Builds one package, and returns the path of its program. `names` stand for the paths of this computer.
pub(super) fn compile(
    place: &Place,
    tools: &Tools,
    arch: &Arch,
    package: &str,
    program: &str,
    names: &[(String, String)],
) -> Result<PathBuf, String> {
    let mut command = match &tools.zig {
        Some((bin, zig)) => {
            let mut command = place.command(bin.join("cargo-zigbuild"));
            command
                .args(["zigbuild", "--target", &format!("{}.{}.{}", arch.triple, GLIBC.0, GLIBC.1)])
                // Caches of its own, so that two builds that are compared share nothing that was compiled.
                .env("CARGO_ZIGBUILD_ZIG_PATH", zig)
                .env("CARGO_ZIGBUILD_CACHE_DIR", place.work.join("zig/wrappers"))
                .env("ZIG_GLOBAL_CACHE_DIR", place.work.join("zig/global"))
                .env("ZIG_LOCAL_CACHE_DIR", place.work.join("zig/local"));
            command
        }
        None => {
            let mut command = place.command("cargo");
            command.args(["build", "--target", arch.triple]);
            command
        }
    };
    let each =
        |flag: &str| names.iter().map(|(path, name)| format!("{flag}={path}={name}")).collect::<Vec<_>>();
    command
        .args(["--release", "--locked", "--quiet", "--package", package, "--target-dir"])
        .arg(place.work.join("target"))
        .env("CARGO_ENCODED_RUSTFLAGS", each("--remap-path-prefix").join("\u{1f}"))
        .env(format!("CFLAGS_{}", arch.triple.replace('-', "_")), each("-ffile-prefix-map").join(" "))
        .env("SOURCE_DATE_EPOCH", EPOCH.to_string());
    let status = command.status().map_err(|error| format!("cargo could not be started: {error}"))?;
    if !status.success() {
        return Err(format!("building {package} for {} failed; the message is above", arch.name));
    }
    Ok(place.work.join("target").join(arch.triple).join("release").join(program))
}

/// What a command prints; what it complains of, if it fails.
pub(super) fn output(command: &mut Command) -> Result<Vec<u8>, String> {
    let mut name = command.get_program().to_string_lossy().into_owned();
    if let Some(verb) = command.get_args().next().filter(|verb| !verb.to_string_lossy().starts_with('-')) {
        name = format!("{name} {}", verb.to_string_lossy());
    }
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("{name} could not be started: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} failed: {}", last_line(&output.stderr)));
    }
    Ok(output.stdout)
}

fn last_line(bytes: &[u8]) -> String {
    let said = String::from_utf8_lossy(bytes);
    said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing").to_owned()
}
