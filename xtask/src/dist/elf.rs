//! Whether Amazon Linux 2023 takes a program: what its ELF asks for, which paths it holds, whether it
//! starts.
//!
//! It must not believe what the linker was told, only what stands in the file; what cannot be read is
//! refused. It changes nothing.

use super::{Arch, GLIBC, megabytes};
use object::{
    LittleEndian,
    elf::{FileHeader64, Machine, SHT_DYNSYM},
    read::elf::{FileHeader as _, Sym as _},
};
use std::{
    collections::BTreeMap,
    env,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

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
    if elf.machine() != arch.machine {
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
    if let Some((path, _)) = names.iter().find(|(path, _)| holds(content, path)) {
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

/// A program in ELF, 64 bit, little endian.
struct Elf<'a> {
    content: &'a [u8],
    header: &'a FileHeader64<LittleEndian>,
}

impl<'a> Elf<'a> {
    fn read(content: &'a [u8]) -> Result<Self, String> {
        let header = FileHeader64::<LittleEndian>::parse(content);
        match header.and_then(|header| header.endian().map(|_| header)) {
            Ok(header) => Ok(Self { content, header }),
            Err(_) => Err("it is no 64 bit ELF".to_owned()),
        }
    }

    fn machine(&self) -> Machine {
        self.header.e_machine(LittleEndian)
    }

    /// Every version that it needs of another library, once for each symbol that asks for it.
    fn needs(&self) -> Result<Vec<Need>, String> {
        match self.read_needs().map_err(|error| format!("its ELF cannot be read: {error}"))? {
            Some(needs) => Ok(needs),
            None => Err("its ELF has no sections, so that what it needs is not known".to_owned()),
        }
    }

    /// As above; nothing if there are no sections, which would tell.
    fn read_needs(&self) -> object::read::Result<Option<Vec<Need>>> {
        let (endian, content) = (LittleEndian, self.content);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let sections = self.header.sections(endian, content)?;
        if sections.is_empty() {
            return Ok(None);
        }
        let mut asking: BTreeMap<u16, Vec<String>> = BTreeMap::new();
        if let Some((versions, _)) = sections.gnu_versym(endian, content)? {
            let symbols = sections.symbols(endian, content, SHT_DYNSYM)?;
            // A symbol is at the same place in both tables.
            for (symbol, version) in symbols.iter().zip(versions) {
                let name = text(symbol.name(endian, symbols.strings())?);
                asking.entry(version.0.get(endian).index().0).or_default().push(name);
            }
        }
        let mut needs = Vec::new();
        let Some((libraries, names)) = sections.gnu_verneed(endian, content)? else {
            return Ok(Some(needs));
        };
        let names = sections.strings(endian, content, names)?;
        for library in libraries {
            let (library, versions) = library?;
            let file = text(library.file(endian, names)?);
            for version in versions {
                let version = version?;
                let name = text(version.name(endian, names)?);
                let symbols = asking.get(&version.vna_other(endian).index().0).cloned();
                // Some versions only mark what the loader must know, and no symbol has them.
                for symbol in symbols.unwrap_or_else(|| vec!["the program itself".to_owned()]) {
                    needs.push(Need { library: file.clone(), version: name.clone(), symbol });
                }
            }
        }
        Ok(Some(needs))
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
        let content = std::fs::read(env::current_exe().unwrap()).unwrap();
        let needs = Elf::read(&content).unwrap().needs().unwrap();
        let write = needs.iter().find(|need| need.symbol == "write").expect("it prints");
        assert!(write.number().is_some() && write.library.starts_with("libc.so"), "{write:?}");
        assert!(Elf::read(&content[..content.len() / 2]).unwrap().needs().is_err());
        assert!(Elf::read(b"#!/bin/sh\n").is_err());
    }

    #[test]
    fn only_whole_paths_are_found() {
        assert!(holds(b"\0/src/lib.rs", "/src"));
        assert!(!holds(b"/crates/ring/src/lib.rs", "/src"));
        assert!(!holds(b"/srcs/lib.rs", "/src"));
    }
}
