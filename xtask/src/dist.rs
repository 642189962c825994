//! `cargo xtask dist`: what is released: the function's zip and the command line for each
//! architecture, their checksums and their SBOMs; `--verify` builds all of it twice and compares.
//!
//! The same sources, Rust, `Cargo.lock` and `dist-requirements.txt` give the same bytes in every folder.
//! Here stands what is made and in which order; how, in the modules below. A file that fails a check must
//! not be written.

mod elf;
mod pack;
mod sbom;
mod tools;

use pack::sha256;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
};
use tagger_elf::Processor;
use tools::{Place, Tools, copy_tree, output, revision, text, tracked};

const HELP: &str = "cargo xtask dist [--out DIR] [--verify] [--plain]
--out DIR  where the files go; default target/dist
--verify   builds twice, from copies of the work tree in two folders, and compares every file
--plain    the computer's own linker instead of zig's; the check of glibc's version remains";

/// 1980-01-01, the first moment that a zip can hold.
const EPOCH: u64 = 315_532_800;

struct Arch {
    name: &'static str,
    triple: &'static str,
    processor: Processor,
}

const ARCHES: [Arch; 2] = [
    Arch { name: "x86_64", triple: "x86_64-unknown-linux-gnu", processor: Processor::X86_64 },
    Arch { name: "arm64", triple: "aarch64-unknown-linux-gnu", processor: Processor::Arm64 },
];

/// What is built: package, program, and the name of its SBOM.
const PRODUCTS: [(&str, &str, &str); 2] =
    [("tagger-lambda", "bootstrap", "sbom.cdx.json"), ("tagger-cli", "tagger", "sbom-tagger.cdx.json")];

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
    let tools = Tools::ready(&root, &target, plain)?;
    println!("building {}", revision(&root));
    if verify {
        return verified(&root, &out, &tools);
    }
    let place = Place { tree: root, work: target.join("dist-build"), cargo_home: None };
    let files = build(&place, &tools)?;
    write(&files, &out)?;
    list(&files, &out);
    Ok(())
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
        let hashes = (sha256(content), two.get(name).map(|other| sha256(other)).unwrap_or_default());
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
    let libraries = text(output(place.command("rustc").args(["--print", "sysroot"]))?);
    let mut built = Vec::new();
    for arch in &ARCHES {
        if !Path::new(&libraries).join("lib/rustlib").join(arch.triple).is_dir() {
            println!("{} is not built: its Rust target {} is not installed", arch.name, arch.triple);
            continue;
        }
        let metadata = place.metadata(arch.triple)?;
        let names = place.names(&metadata)?;
        let (mut programs, mut packages) = (Vec::new(), Vec::new());
        // One package at a time, so that the function is built without the command line's features.
        for (package, program, _) in PRODUCTS {
            println!("building {program} for {}", arch.name);
            let path = tools::compile(place, tools, arch, package, program, &names)?;
            let content = fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            elf::check(arch, program, &content, &names)?;
            println!("  {}", elf::starts(arch, program, &path)?);
            programs.push(content);
            packages.push([
                sbom::tree(place, arch, package, "normal,no-proc-macro")?,
                sbom::tree(place, arch, package, "normal")?,
            ]);
        }
        built.push(Built { arch, metadata, programs, packages });
    }
    if built.is_empty() {
        return Err(
            "no Rust target for Lambda is installed: rustup target add x86_64-unknown-linux-gnu".to_owned()
        );
    }
    released(place, tools, &built)
}

/// Packs the programs, and adds the SBOMs and the checksums.
fn released(place: &Place, tools: &Tools, built: &[Built]) -> Result<Files, String> {
    let licence = fs::read(place.tree.join("LICENSE")).map_err(|error| format!("LICENSE: {error}"))?;
    let lock =
        fs::read_to_string(place.tree.join("Cargo.lock")).map_err(|error| format!("Cargo.lock: {error}"))?;
    let mut files = Files::new();
    for one in built {
        let [bootstrap, tagger] = one.programs.as_slice() else {
            return Err("a program is missing".to_owned());
        };
        let zip = pack::zip("bootstrap", bootstrap)?;
        let name = format!("tagger-{}-linux", one.arch.name);
        let archive = pack::tar_gz(&[
            (&format!("{name}/tagger"), 0o755, tagger),
            (&format!("{name}/bootstrap.zip"), 0o644, &zip),
            (&format!("{name}/LICENSE"), 0o644, &licence),
        ])?;
        if built.len() == 1 {
            files.insert("bootstrap.zip".to_owned(), zip.clone());
        }
        files.insert(format!("bootstrap-{}.zip", one.arch.name), zip);
        files.insert(format!("{name}.tar.gz"), archive);
    }
    for (index, (package, program, name)) in PRODUCTS.iter().enumerate() {
        let released = files.iter().filter(|(name, _)| {
            if index == 0 { name.starts_with("bootstrap") } else { name.starts_with("tagger-") }
        });
        let released = released.map(
            |(name, content)| json!({ "type": "file", "name": name, "hashes": sbom::hashes(&sha256(content)) }),
        );
        let sbom = sbom::sbom(tools, built, index, package, program, &lock, released.collect())?;
        files.insert((*name).to_owned(), format!("{sbom:#}\n").into_bytes());
    }
    let sums: String = files.iter().map(|(name, content)| format!("{}  {name}\n", sha256(content))).collect();
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

fn list(files: &Files, out: &Path) {
    println!("written to {}", out.display());
    for (name, content) in files {
        println!("{}  {name} ({:.2} MB, {} bytes)", sha256(content), megabytes(content), content.len());
    }
}

fn megabytes(content: &[u8]) -> f64 {
    f64::from(u32::try_from(content.len()).unwrap_or(u32::MAX)) / 1e6
}
