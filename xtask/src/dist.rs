//! `cargo xtask dist`: what is released: the function's zip and the command line for each
//! architecture, their checksums and their SBOMs; `--verify` builds all of it twice and compares.
//!
//! The same sources, Rust and `dist-requirements.txt` give the same bytes in every folder. No crate
//! helps here: `gzip` and `sha256sum` are on every Linux, and of ELF, zip and tar only some fields are
//! needed, fewer lines than the glue to a crate.

use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

const HELP: &str = "cargo xtask dist [--out DIR] [--verify] [--plain]
--out DIR  where the files go; default target/dist
--verify   builds twice, from copies of the work tree in two folders, and compares every file
--plain    the computer's own linker instead of zig's; the check of glibc's version remains";

/// The glibc of Amazon Linux 2023, which `provided.al2023` runs on.
const GLIBC: (u32, u32) = (2, 34);
/// 1980-01-01, the first moment that a zip can hold.
const EPOCH: u64 = 315_532_800;
const START_LIMIT: Duration = Duration::from_secs(10);

struct Arch {
    name: &'static str,
    triple: &'static str,
    /// `e_machine` of its ELF files.
    machine: u16,
}

const ARCHES: [Arch; 2] = [
    Arch { name: "x86_64", triple: "x86_64-unknown-linux-gnu", machine: 62 },
    Arch { name: "arm64", triple: "aarch64-unknown-linux-gnu", machine: 183 },
];

/// What is built: package, program, and the name of its SBOM.
const PRODUCTS: [(&str, &str, &str); 2] =
    [("tagger-lambda", "bootstrap", "sbom.cdx.json"), ("tagger-cli", "tagger", "sbom-tagger.cdx.json")];

/// What is linked in without being a package: the tool that brings it, name, licence, what it is.
const RUNTIMES: [(&str, &str, &str, &str); 2] = [
    ("rustc", "rust-std", "MIT OR Apache-2.0", "Rust's standard library, as it comes with the compiler"),
    (
        "ziglang",
        "zig-runtime",
        "MIT AND (Apache-2.0 WITH LLVM-exception)",
        "compiler-rt and LLVM's libunwind, as zig links them",
    ),
];

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

/// The released files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// Builds the released files, or with `--verify` builds them twice and compares.
///
/// # Errors
/// A wrong argument, something that is missing on this computer, a build that failed, a program that
/// needs more than Amazon Linux 2023 has or does not start, or two builds that differ.
pub fn run(arguments: &[String]) -> Result<(), String> {
    let root = crate::root();
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), |path| root.join(path));
    let (mut out, mut verify, mut plain) = (target.join("dist"), false, false);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--out" => {
                let folder = rest.next().ok_or_else(|| format!("--out takes a folder\n{HELP}"))?;
                out = env::current_dir().map_err(|error| format!("this folder: {error}"))?.join(folder);
            }
            "--verify" => verify = true,
            "--plain" => plain = true,
            "--help" | "-h" => {
                println!("{HELP}");
                return Ok(());
            }
            other => return Err(format!("unknown argument {other:?}\n{HELP}")),
        }
    }
    gnu_gzip()?;
    let tools = Tools::ready(&root, &target, plain)?;
    println!("building {}", revision(&root));
    if verify {
        return verified(&root, &out, &tools);
    }
    let place = Place { tree: root, work: target.join("dist-build"), cargo_home: None };
    let files = build(&place, &tools)?;
    write(&files, &out)?;
    list(&files, &out)
}

/// Builds from two copies of the work tree, in folders with names of different lengths and, the second
/// time, below another name of cargo's home.
fn verified(root: &Path, out: &Path, tools: &Tools) -> Result<(), String> {
    let temporary = env::temp_dir().join(format!("tagger-dist-{}", std::process::id()));
    let first =
        Place { tree: temporary.join("one/tree"), work: temporary.join("one/work"), cargo_home: None };
    let elsewhere = temporary.join("another");
    let second = Place {
        tree: elsewhere.join("a/longer/path/tree"),
        work: elsewhere.join("build"),
        cargo_home: Some(elsewhere.join("home")),
    };
    let both = || -> Result<(Files, Files), String> {
        // The second is copied from the first: somebody may be at work in the tree.
        let names = tracked(root)?;
        copy_tree(root, &first.tree, &names)?;
        copy_tree(&first.tree, &second.tree, &names)?;
        second.link_cargo_home()?;
        println!("first build, in {}", first.tree.display());
        let one = build(&first, tools)?;
        println!("second build, in {}", second.tree.display());
        Ok((one, build(&second, tools)?))
    };
    let (one, two) = both().inspect_err(|_| {
        // Gigabytes that nobody would look for; what failed is said already.
        let _ = fs::remove_dir_all(&temporary);
    })?;
    let mut differing = Vec::new();
    for (name, content) in &one {
        let hashes =
            (sha256(content)?, two.get(name).map(|other| sha256(other)).transpose()?.unwrap_or_default());
        println!("{name}\n  first  {}\n  second {}", hashes.0, hashes.1);
        if hashes.0 != hashes.1 {
            differing.push(name.as_str());
        }
    }
    if !differing.is_empty() || one.len() != two.len() {
        write(&one, &temporary.join("one/dist"))?;
        write(&two, &elsewhere.join("dist"))?;
        return Err(format!(
            "the two builds differ in {}; both are kept in {}",
            differing.join(", "),
            temporary.display()
        ));
    }
    write(&one, out)?;
    fs::remove_dir_all(&temporary).map_err(|error| format!("{}: {error}", temporary.display()))?;
    println!("{} files, the same bytes in both builds, written to {}", one.len(), out.display());
    Ok(())
}

/// The commit that is built, and whether somebody who has it has all: a release has no uncommitted changes.
fn revision(root: &Path) -> String {
    let git =
        |arguments: &[&str]| output(Command::new("git").args(arguments).current_dir(root), None).map(text);
    match (git(&["rev-parse", "HEAD"]), git(&["status", "--porcelain"])) {
        (Ok(commit), Ok(changes)) if changes.is_empty() => format!("commit {commit}"),
        (Ok(commit), Ok(_)) => {
            format!("commit {commit} with uncommitted changes, which nobody else can build")
        }
        _ => "sources that are no git work tree".to_owned(),
    }
}

/// The files that git knows or would add, so that a build has what a commit would have.
fn tracked(root: &Path) -> Result<Vec<String>, String> {
    let mut git = Command::new("git");
    git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]).current_dir(root);
    let listed = String::from_utf8(output(&mut git, None)?)
        .map_err(|_| "the name of a file in the work tree is not UTF-8".to_owned())?;
    Ok(listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

fn copy_tree(from: &Path, to: &Path, names: &[String]) -> Result<(), String> {
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
struct Place {
    tree: PathBuf,
    work: PathBuf,
    cargo_home: Option<PathBuf>,
}

impl Place {
    /// A command in the tree with a bare environment.
    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
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
    fn link_cargo_home(&self) -> Result<(), String> {
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
    fn metadata(&self, triple: &str) -> Result<Value, String> {
        let mut cargo = self.command("cargo");
        cargo.args(["metadata", "--locked", "--format-version", "1", "--filter-platform", triple]);
        serde_json::from_slice(&output(&mut cargo, None)?).map_err(|error| format!("cargo metadata: {error}"))
    }

    /// The names that the paths of this computer get in the programs; of several that fit, the last holds.
    fn names(&self, metadata: &Value) -> Result<Vec<(String, String)>, String> {
        let sysroot = text(output(self.command("rustc").args(["--print", "sysroot"]), None)?);
        let version = text(output(self.command("rustc").args(["--version", "--verbose"]), None)?);
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

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// What builds: zig and cargo-zigbuild from their virtual environment, or the computer's own linker.
struct Tools {
    /// `bin` of the virtual environment, and the program zig.
    zig: Option<(PathBuf, PathBuf)>,
    /// Names and versions, for the SBOM.
    versions: Vec<(String, String)>,
}

impl Tools {
    fn ready(root: &Path, target: &Path, plain: bool) -> Result<Self, String> {
        let rustc = text(output(Command::new("rustc").arg("--version").current_dir(root), None)?);
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
        let zig = PathBuf::from(text(output(Command::new(bin.join("python3")).args(["-c", ask]), None)?));
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

/// The programs of one architecture.
struct Built {
    arch: &'static Arch,
    metadata: Value,
    /// In the order of [`PRODUCTS`].
    programs: Vec<Vec<u8>>,
    /// For each product: the linked packages, and all that are needed, those of macros too.
    packages: Vec<[BTreeSet<(String, String)>; 2]>,
}

/// Builds and checks every program, and packs the files.
fn build(place: &Place, tools: &Tools) -> Result<Files, String> {
    let libraries = text(output(place.command("rustc").args(["--print", "sysroot"]), None)?);
    let mut built = Vec::new();
    for arch in &ARCHES {
        if !Path::new(&libraries).join("lib/rustlib").join(arch.triple).is_dir() {
            println!("{} is not built: its Rust target {} is not installed", arch.name, arch.triple);
            continue;
        }
        let metadata = place.metadata(arch.triple)?;
        let (mut programs, mut packages) = (Vec::new(), Vec::new());
        // One package at a time, so that the function is built without the command line's features.
        for (package, program, _) in PRODUCTS {
            println!("building {program} for {}", arch.name);
            let path = compile(place, tools, arch, package, program, &metadata)?;
            let content = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            check(place, arch, program, &content, &metadata)?;
            println!("  {}", starts(arch, program, &path)?);
            programs.push(content);
            packages.push([
                tree(place, arch, package, "normal,no-proc-macro")?,
                tree(place, arch, package, "normal")?,
            ]);
        }
        built.push(Built { arch, metadata, programs, packages });
    }
    if built.is_empty() {
        return Err(
            "no Rust target for Lambda is installed: rustup target add x86_64-unknown-linux-gnu".to_owned()
        );
    }
    pack(place, tools, &built)
}

fn compile(
    place: &Place,
    tools: &Tools,
    arch: &Arch,
    package: &str,
    program: &str,
    metadata: &Value,
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
    let names = place.names(metadata)?;
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

/// Refuses a program that Amazon Linux 2023 would not load, or that tells where it was built.
fn check(place: &Place, arch: &Arch, program: &str, content: &[u8], metadata: &Value) -> Result<(), String> {
    let wrong = |what: &str| format!("{program} for {}: {what}", arch.name);
    let elf = Elf(content);
    if elf.machine().map_err(|what| wrong(&what))? != arch.machine {
        return Err(wrong("it is for another processor"));
    }
    let needs = elf.needs().map_err(|what| wrong(&what))?;
    if let Some(need) = needs.iter().find(|need| need.too_new()) {
        return Err(wrong(&format!(
            "{} needs {} of {}, and Amazon Linux 2023 has glibc {}.{}",
            need.symbol, need.version, need.library, GLIBC.0, GLIBC.1
        )));
    }
    let newest = needs.iter().filter_map(|need| Some((need.number()?, need))).max_by(|a, b| a.0.cmp(&b.0));
    if let Some((path, _)) = place.names(metadata)?.iter().find(|(path, _)| holds(content, path)) {
        return Err(wrong(&format!("it holds the path {path}, so that another folder gives other bytes")));
    }
    println!("  {:.2} MB stripped ({} bytes)", megabytes(content), content.len());
    match newest {
        Some((_, need)) => {
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
fn starts(arch: &Arch, program: &str, path: &Path) -> Result<String, String> {
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

/// The packages that one product is made of, as (name, version).
fn tree(
    place: &Place,
    arch: &Arch,
    package: &str,
    edges: &str,
) -> Result<BTreeSet<(String, String)>, String> {
    // `cargo metadata` knows only the features of all products together, which would list too many.
    let mut cargo = place.command("cargo");
    cargo.args(["tree", "--locked", "--prefix", "none", "--format", "{p}", "--target", arch.triple]);
    let listed = output(cargo.args(["--package", package, "--edges", edges]), None)?;
    let listed = String::from_utf8_lossy(&listed);
    let read = |line: &str| {
        let mut words = line.split_whitespace();
        Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
    };
    Ok(listed.lines().filter_map(read).collect())
}

fn pack(place: &Place, tools: &Tools, built: &[Built]) -> Result<Files, String> {
    let licence = fs::read(place.tree.join("LICENSE")).map_err(|error| format!("LICENSE: {error}"))?;
    let lock =
        fs::read_to_string(place.tree.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let mut files = Files::new();
    for one in built {
        let [bootstrap, tagger] = one.programs.as_slice() else {
            return Err("a program is missing".to_owned());
        };
        let zip = zip("bootstrap", bootstrap)?;
        let name = format!("tagger-{}-linux", one.arch.name);
        let archive = tar(&[
            (&format!("{name}/tagger"), 0o755, tagger),
            (&format!("{name}/bootstrap.zip"), 0o644, &zip),
            (&format!("{name}/LICENSE"), 0o644, &licence),
        ])?;
        if built.len() == 1 {
            files.insert("bootstrap.zip".to_owned(), zip.clone());
        }
        files.insert(format!("bootstrap-{}.zip", one.arch.name), zip);
        files.insert(format!("{name}.tar.gz"), gzip(&archive)?);
    }
    for (index, (package, program, name)) in PRODUCTS.iter().enumerate() {
        let released = files.iter().filter(|(name, _)| {
            if index == 0 { name.starts_with("bootstrap") } else { name.starts_with("tagger-") }
        });
        let released = released
            .map(|(name, content)| {
                Ok(json!({ "type": "file", "name": name, "hashes": hashes(&sha256(content)?) }))
            })
            .collect::<Result<Vec<_>, String>>()?;
        let sbom = sbom(tools, built, index, package, program, &lock, released)?;
        files.insert((*name).to_owned(), format!("{sbom:#}\n").into_bytes());
    }
    let sums = files.iter().map(|(name, content)| Ok(format!("{}  {name}\n", sha256(content)?)));
    let sums = sums.collect::<Result<String, String>>()?;
    files.insert("SHA256SUMS".to_owned(), sums.into_bytes());
    Ok(files)
}

/// Writes the files, and removes what an earlier run made and this one did not.
fn write(files: &Files, out: &Path) -> Result<(), String> {
    fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let per_arch = ARCHES.iter().flat_map(|arch| {
        [format!("bootstrap-{}.zip", arch.name), format!("tagger-{}-linux.tar.gz", arch.name)]
    });
    for name in per_arch.chain(["bootstrap.zip".to_owned()]).filter(|name| !files.contains_key(name)) {
        let path = out.join(name);
        if path.exists() {
            fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
    }
    for (name, content) in files {
        let path = out.join(name);
        fs::write(&path, content).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(())
}

fn list(files: &Files, out: &Path) -> Result<(), String> {
    println!("written to {}", out.display());
    for (name, content) in files {
        println!("{}  {name} ({:.2} MB, {} bytes)", sha256(content)?, megabytes(content), content.len());
    }
    Ok(())
}

fn megabytes(content: &[u8]) -> f64 {
    f64::from(u32::try_from(content.len()).unwrap_or(u32::MAX)) / 1e6
}

/// CycloneDX 1.5 of one product. Two builds of the same sources give the same text: the serial number
/// is made of the hash of the rest, and no time is in it.
fn sbom(
    tools: &Tools,
    built: &[Built],
    index: usize,
    package: &str,
    program: &str,
    lock: &str,
    released: Vec<Value>,
) -> Result<Value, String> {
    let checksums = checksums(lock)?;
    let mut linked = BTreeSet::new();
    let mut needed = BTreeSet::new();
    let mut about = BTreeMap::new();
    let mut edges: BTreeMap<(String, String), BTreeSet<(String, String)>> = BTreeMap::new();
    for one in built {
        let [normal, all] = one.packages.get(index).ok_or("a product is missing")?;
        linked.extend(normal.iter().cloned());
        needed.extend(all.iter().cloned());
        let by_id: BTreeMap<&str, (String, String)> = members(&one.metadata["packages"])
            .filter_map(|package| Some((package["id"].as_str()?, key(package)?)))
            .collect();
        about.extend(
            members(&one.metadata["packages"]).filter_map(|package| Some((key(package)?, package.clone()))),
        );
        for node in members(&one.metadata["resolve"]["nodes"]) {
            let Some(from) = node["id"].as_str().and_then(|id| by_id.get(id)) else { continue };
            let normal = members(&node["deps"])
                .filter(|edge| members(&edge["dep_kinds"]).any(|kind| kind["kind"].is_null()))
                .filter_map(|edge| by_id.get(edge["pkg"].as_str()?))
                .filter(|to| all.contains(*to));
            edges.entry(from.clone()).or_default().extend(normal.cloned());
        }
    }
    let (mut components, mut runtimes) = (Vec::new(), Vec::new());
    for (tool, name, licence, about) in RUNTIMES {
        let Some((_, version)) = tools.versions.iter().find(|(name, _)| name == tool) else { continue };
        let version = version.split(' ').next().unwrap_or_default();
        let reference = format!("{name}@{version}");
        components.push(json!({
            "type": "library",
            "bom-ref": reference,
            "name": name,
            "version": version,
            "description": about,
            "licenses": [{ "expression": licence }],
            "scope": "required",
        }));
        runtimes.push(reference);
    }
    let mut dependencies = Vec::new();
    let mut main = Value::Null;
    for each in &needed {
        let facts =
            about.get(each).ok_or_else(|| format!("cargo metadata does not know {} {}", each.0, each.1))?;
        let mut component = component(each, facts, checksums.get(each), linked.contains(each));
        if each.0 == package {
            component["type"] = json!("application");
            component["name"] = json!(program);
            component["components"] = Value::Array(released.clone());
            if let Some(fields) = component.as_object_mut() {
                fields.remove("scope");
            }
            main = component;
        } else {
            components.push(component);
        }
        let mut on: Vec<_> = edges.get(each).into_iter().flatten().map(purl).collect();
        if each.0 == package {
            on.extend(runtimes.iter().cloned());
        }
        dependencies.push(json!({ "ref": purl(each), "dependsOn": on }));
    }
    let tools = tools.versions.iter();
    let tools: Vec<_> = tools
        .map(|(name, version)| json!({ "type": "application", "name": name, "version": version }))
        .collect();
    let mut document = json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": { "tools": { "components": tools }, "component": main },
        "components": components,
        "dependencies": dependencies,
    });
    document["serialNumber"] = json!(serial(&sha256(document.to_string().as_bytes())?)?);
    Ok(document)
}

fn members(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// The name and version of a package of `cargo metadata`.
fn key(package: &Value) -> Option<(String, String)> {
    Some((package["name"].as_str()?.to_owned(), package["version"].as_str()?.to_owned()))
}

fn purl((name, version): &(String, String)) -> String {
    format!("pkg:cargo/{name}@{}", version.replace('+', "%2B"))
}

fn hashes(sha256: &str) -> Value {
    json!([{ "alg": "SHA-256", "content": sha256 }])
}

/// What the SBOM says of one package. Those of macros, which run while building, are `excluded`.
fn component(package: &(String, String), facts: &Value, checksum: Option<&String>, linked: bool) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.0,
        "version": package.1,
        "scope": if linked { "required" } else { "excluded" },
    });
    if facts["source"].is_string() {
        // Our own packages are in no registry, where somebody else's may have their names.
        component["purl"] = json!(purl(package));
    }
    if let Some(licence) = facts["license"].as_str() {
        // Old crates write MIT/Apache-2.0, which SPDX does not know.
        let expression = licence.replace(" / ", "/").replace('/', " OR ");
        component["licenses"] = json!([{ "expression": expression }]);
    }
    if let Some(checksum) = checksum {
        component["hashes"] = hashes(checksum);
    }
    if let Some(address) = facts["repository"].as_str() {
        component["externalReferences"] = json!([{ "type": "vcs", "url": address }]);
    }
    component
}

/// The SHA-256 of every package's file, which `cargo metadata` leaves out.
fn checksums(lock: &str) -> Result<BTreeMap<(String, String), String>, String> {
    let lock: toml::Table = lock.parse().map_err(|error| format!("Cargo.lock: {error}"))?;
    let packages = lock.get("package").and_then(toml::Value::as_array).into_iter().flatten();
    let field = |package: &toml::Value, name: &str| Some(package.get(name)?.as_str()?.to_owned());
    Ok(packages
        .filter_map(|package| {
            Some(((field(package, "name")?, field(package, "version")?), field(package, "checksum")?))
        })
        .collect())
}

/// A UUID of version 8, which is for values of one's own making, from a hash.
fn serial(hash: &str) -> Result<String, String> {
    let part = |from: usize, to: usize| hash.get(from..to).ok_or_else(|| "sha256sum gave no hash".to_owned());
    Ok(format!(
        "urn:uuid:{}-{}-8{}-8{}-{}",
        part(0, 8)?,
        part(8, 12)?,
        part(12, 15)?,
        part(15, 18)?,
        part(18, 30)?
    ))
}

/// A zip with one program in it.
fn zip(name: &str, content: &[u8]) -> Result<Vec<u8>, String> {
    // A gzip file is a header of 10 bytes, the deflated content, its CRC-32 and its length.
    let packed = gzip(content)?;
    let inner = packed.len().checked_sub(8).filter(|end| *end > 10).ok_or("gzip gave too little")?;
    let (deflated, trailer) = (&packed[10..inner], &packed[inner..]);
    let length =
        u32::try_from(deflated.len()).map_err(|_| "the program is too large for a zip".to_owned())?;
    let name_length = u16::try_from(name.len()).map_err(|error| error.to_string())?;
    // Deflate, 1980-01-01 at midnight, CRC, sizes, length of the name, no extra field.
    let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0x21, 0];
    common.extend_from_slice(&trailer[..4]);
    common.extend_from_slice(&length.to_le_bytes());
    common.extend_from_slice(&trailer[4..]);
    common.extend_from_slice(&name_length.to_le_bytes());
    common.extend_from_slice(&[0, 0]);
    let mut zip = b"PK\x03\x04".to_vec();
    zip.extend_from_slice(&common);
    zip.extend_from_slice(name.as_bytes());
    zip.extend_from_slice(deflated);
    let directory = u32::try_from(zip.len()).map_err(|error| error.to_string())?;
    // Made by Unix, so that the mode below counts.
    zip.extend_from_slice(b"PK\x01\x02\x14\x03");
    zip.extend_from_slice(&common);
    zip.extend_from_slice(&[0; 6]);
    zip.extend_from_slice(&(0o100_755_u32 << 16).to_le_bytes());
    zip.extend_from_slice(&[0; 4]);
    zip.extend_from_slice(name.as_bytes());
    let size = u32::try_from(zip.len()).map_err(|error| error.to_string())? - directory;
    zip.extend_from_slice(b"PK\x05\x06\0\0\0\0\x01\0\x01\0");
    zip.extend_from_slice(&size.to_le_bytes());
    zip.extend_from_slice(&directory.to_le_bytes());
    zip.extend_from_slice(&[0, 0]);
    Ok(zip)
}

/// A tar (ustar) of files that belong to root, all from 1980-01-01.
fn tar(files: &[(&str, u32, &[u8])]) -> Result<Vec<u8>, String> {
    let mut tar = Vec::new();
    for (name, mode, content) in files {
        let mut header = [0_u8; 512];
        let mut put = |at: usize, text: &str| {
            header.get_mut(at..at + text.len()).map(|field| field.copy_from_slice(text.as_bytes()))
        };
        if name.len() > 99 {
            return Err(format!("{name} is too long a name for a tar"));
        }
        let fields = [
            (0, (*name).to_owned()),
            (100, format!("{mode:07o}")),
            (108, "0000000".to_owned()),
            (116, "0000000".to_owned()),
            (124, format!("{:011o}", content.len())),
            (136, format!("{EPOCH:011o}")),
            (148, " ".repeat(8)),
            (156, "0".to_owned()),
            (257, "ustar\u{0}00root".to_owned()),
            (297, "root".to_owned()),
        ];
        for (at, text) in fields {
            put(at, &text).ok_or("a field of the tar does not fit")?;
        }
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\u{0} ").as_bytes());
        tar.extend_from_slice(&header);
        tar.extend_from_slice(content);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    Ok(tar)
}

/// Other gzips deflate otherwise, and would give other bytes.
fn gnu_gzip() -> Result<(), String> {
    let version = Command::new("gzip").arg("--version").stdin(Stdio::null()).output();
    let gnu = version.is_ok_and(|output| output.stdout.starts_with(b"gzip "));
    if gnu { Ok(()) } else { Err("cargo xtask dist packs with GNU gzip: install gzip".to_owned()) }
}

fn gzip(content: &[u8]) -> Result<Vec<u8>, String> {
    output(Command::new("gzip").args(["-9", "--no-name", "--stdout"]).env_remove("GZIP"), Some(content))
}

fn sha256(content: &[u8]) -> Result<String, String> {
    let said = text(output(&mut Command::new("sha256sum"), Some(content))?);
    Ok(said.split(' ').next().unwrap_or_default().to_owned())
}

/// What a command prints; what it complains of, if it fails.
fn output(command: &mut Command, input: Option<&[u8]>) -> Result<Vec<u8>, String> {
    let mut name = command.get_program().to_string_lossy().into_owned();
    if let Some(verb) = command.get_args().next().filter(|verb| !verb.to_string_lossy().starts_with('-')) {
        name = format!("{name} {}", verb.to_string_lossy());
    }
    let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
    let mut child = command
        .stdin(stdin)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} could not be started: {error}"))?;
    let stdin = child.stdin.take();
    // Written beside the reading, for neither side waits for the other when the pipes are full.
    let output = thread::scope(|scope| {
        if let (Some(mut stdin), Some(input)) = (stdin, input) {
            // What it did not read shows in its status.
            scope.spawn(move || stdin.write_all(input));
        }
        child.wait_with_output()
    });
    let output = output.map_err(|error| format!("{name}: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name} failed: {}", last_line(&output.stderr)));
    }
    Ok(output.stdout)
}

fn last_line(bytes: &[u8]) -> String {
    let said = String::from_utf8_lossy(bytes);
    said.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("it said nothing").to_owned()
}

/// A version of a library that a program asks for, and a symbol that asks for it.
#[derive(Debug)]
struct Need {
    library: String,
    version: String,
    symbol: String,
}

impl Need {
    /// The number of a version of glibc.
    fn number(&self) -> Option<(u32, u32)> {
        let mut numbers = self.version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Whether Amazon Linux 2023 lacks it. What is no number is too new as well: `GLIBC_ABI_DT_RELR` came
    /// with 2.36, and `GLIBC_PRIVATE` changes with every glibc.
    fn too_new(&self) -> bool {
        self.version.starts_with("GLIBC_") && self.number().is_none_or(|number| number > GLIBC)
    }
}

/// A program in ELF, 64 bit, little endian: as much as tells which versions of libraries it needs.
struct Elf<'a>(&'a [u8]);

/// A section's type, place, length, linked section and number of entries.
#[derive(Clone, Copy)]
struct Section {
    kind: u32,
    at: usize,
    size: usize,
    link: usize,
    info: u32,
}

impl Elf<'_> {
    fn number<const N: usize>(&self, at: usize) -> Result<[u8; N], String> {
        let bytes = at.checked_add(N).and_then(|end| self.0.get(at..end));
        bytes.and_then(|bytes| bytes.try_into().ok()).ok_or_else(|| "its ELF ends too soon".to_owned())
    }

    fn half(&self, at: usize) -> Result<u16, String> {
        self.number(at).map(u16::from_le_bytes)
    }

    fn word(&self, at: usize) -> Result<u32, String> {
        self.number(at).map(u32::from_le_bytes)
    }

    fn offset(&self, at: usize) -> Result<usize, String> {
        let number = self.number(at).map(u64::from_le_bytes)?;
        usize::try_from(number).map_err(|_| "its ELF is too large".to_owned())
    }

    fn machine(&self) -> Result<u16, String> {
        if self.0.starts_with(b"\x7fELF\x02\x01") {
            self.half(18)
        } else {
            Err("it is no 64 bit ELF".to_owned())
        }
    }

    fn sections(&self) -> Result<Vec<Section>, String> {
        let (start, size) = (self.offset(40)?, usize::from(self.half(58)?));
        let section = |index: u16| {
            let at = start + usize::from(index) * size;
            Ok(Section {
                kind: self.word(at + 4)?,
                at: self.offset(at + 24)?,
                size: self.offset(at + 32)?,
                link: self.word(at + 40)? as usize,
                info: self.word(at + 44)?,
            })
        };
        (0..self.half(60)?).map(section).collect()
    }

    fn name(&self, table: Section, at: u32) -> Result<String, String> {
        let bytes = self.0.get(table.at + at as usize..).ok_or("its ELF has a name outside of it")?;
        let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
        Ok(String::from_utf8_lossy(&bytes[..end]).into_owned())
    }

    /// Every version that it needs of another library, once for each symbol that asks for it.
    fn needs(&self) -> Result<Vec<Need>, String> {
        const DYNAMIC_SYMBOLS: u32 = 11;
        const VERSIONS_NEEDED: u32 = 0x6fff_fffe;
        const VERSION_OF_SYMBOL: u32 = 0x6fff_ffff;
        let sections = self.sections()?;
        let find = |kind| sections.iter().copied().find(|section| section.kind == kind);
        let table = |link: usize| sections.get(link).copied().ok_or("its ELF has no table of names");
        if sections.is_empty() {
            return Err("its ELF has no sections, so that what it needs is not known".to_owned());
        }
        let mut asking: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        if let (Some(symbols), Some(versions)) = (find(DYNAMIC_SYMBOLS), find(VERSION_OF_SYMBOL)) {
            let names = table(symbols.link)?;
            for index in 0..symbols.size / 24 {
                let version = self.half(versions.at + 2 * index)? & 0x7fff;
                asking
                    .entry(version)
                    .or_default()
                    .push(self.name(names, self.word(symbols.at + 24 * index)?)?);
            }
        }
        let mut needs = Vec::new();
        let Some(needed) = find(VERSIONS_NEEDED) else { return Ok(needs) };
        let names = table(needed.link)?;
        let mut file = needed.at;
        for _ in 0..needed.info {
            let library = self.name(names, self.word(file + 4)?)?;
            let mut entry = file + self.word(file + 8)? as usize;
            for _ in 0..self.half(file + 2)? {
                let version = self.name(names, self.word(entry + 8)?)?;
                let symbols = asking.get(&self.half(entry + 6)?).cloned();
                for symbol in symbols.unwrap_or_else(|| vec!["the program itself".to_owned()]) {
                    needs.push(Need { library: library.clone(), version: version.clone(), symbol });
                }
                entry += self.word(entry + 12)? as usize;
            }
            file += self.word(file + 12)? as usize;
        }
        Ok(needs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(version: &str) -> Need {
        Need { library: "libc.so.6".to_owned(), version: version.to_owned(), symbol: "f".to_owned() }
    }

    #[test]
    fn versions_after_that_of_amazon_linux_are_too_new() {
        for version in ["GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.34", "GCC_3.0"] {
            assert!(!need(version).too_new(), "{version}");
        }
        for version in ["GLIBC_2.35", "GLIBC_3.0", "GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE"] {
            assert!(need(version).too_new(), "{version}");
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
    fn the_versions_that_this_test_needs_are_read() {
        let content = fs::read(env::current_exe().unwrap()).unwrap();
        let needs = Elf(&content).needs().unwrap();
        let write = needs.iter().find(|need| need.symbol == "write").expect("it prints");
        assert!(write.number().is_some() && write.library.starts_with("libc.so"), "{write:?}");
        assert!(Elf(&content[..content.len() / 2]).needs().is_err());
        assert!(Elf(b"#!/bin/sh\n").machine().is_err());
    }

    #[test]
    fn only_whole_paths_are_found() {
        assert!(holds(b"\0/src/lib.rs", "/src"));
        assert!(!holds(b"/crates/ring/src/lib.rs", "/src"));
        assert!(!holds(b"/srcs/lib.rs", "/src"));
    }

    #[test]
    fn a_zip_and_a_tar_are_what_other_programs_read() {
        let folder = env::temp_dir().join(format!("tagger-dist-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let content = b"#!/bin/sh\necho started\n".repeat(100);
        let archive = tar(&[("a/tagger", 0o755, &content), ("a/LICENSE", 0o644, b"text")]).unwrap();
        fs::write(folder.join("a.tar.gz"), gzip(&archive).unwrap()).unwrap();
        fs::write(folder.join("a.zip"), zip("bootstrap", &content).unwrap()).unwrap();
        let listed =
            output(Command::new("tar").arg("-tvf").arg(folder.join("a.tar.gz")).env("TZ", "UTC"), None);
        let listed = text(listed.unwrap());
        assert!(listed.starts_with("-rwxr-xr-x root/root      2300 1980-01-01 00:00 a/tagger"), "{listed}");
        assert!(listed.contains("-rw-r--r-- root/root         4 1980-01-01 00:00 a/LICENSE"), "{listed}");
        let read = "import sys, zipfile; f = zipfile.ZipFile(sys.argv[1]); i = f.infolist(); assert len(i) == 1; \
                    print(f.testzip(), i[0].filename, oct(i[0].external_attr >> 16), i[0].date_time, i[0].file_size)";
        let read =
            output(Command::new("python3").args(["-c", read]).arg(folder.join("a.zip")), None).unwrap();
        assert_eq!(text(read), "None bootstrap 0o100755 (1980, 1, 1, 0, 0, 0) 2300");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_serial_number_is_a_uuid_and_a_licence_is_spdx() {
        let serial = serial(&"0123456789abcdef".repeat(4)).unwrap();
        assert_eq!(serial, "urn:uuid:01234567-89ab-8cde-8f01-23456789abcd");
        let package = ("a".to_owned(), "1.0.0+b".to_owned());
        let facts = json!({ "license": "MIT / Apache-2.0", "source": "registry" });
        let component = component(&package, &facts, None, true);
        assert_eq!(component["licenses"][0]["expression"], "MIT OR Apache-2.0");
        assert_eq!(component["purl"], "pkg:cargo/a@1.0.0%2Bb");
    }
}
