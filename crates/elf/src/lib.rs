//! Whether Lambda can load a program: which processor, loader and versions of glibc its ELF asks for.
//!
//! It must not believe what the linker was told, only what stands in the file; what cannot be read is
//! refused. No I/O: bytes come in. The limits are those of Amazon Linux 2023, on which `provided.al2023` runs.

#[cfg(any(test, feature = "sample"))]
pub mod sample;

use object::{
    LittleEndian,
    elf::{EM_AARCH64, EM_X86_64, FileHeader64, SHT_DYNSYM},
    read::elf::{FileHeader as _, ProgramHeader as _, Sym as _},
};
use std::collections::BTreeMap;

/// The glibc of Amazon Linux 2023, which stays the same for its whole life. A program that was built for a newer one
/// ends at its start (<https://github.com/aws/aws-lambda-rust-runtime/issues/932>).
pub const GLIBC: (u32, u32) = (2, 34);

/// A processor that Lambda has (<https://docs.aws.amazon.com/lambda/latest/dg/foundation-arch.html>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Processor {
    /// 64 bit, of Intel and AMD.
    X86_64,
    /// 64 bit, of Arm: Graviton.
    Arm64,
}

impl Processor {
    /// As Lambda writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Arm64 => "arm64",
        }
    }

    /// The loader of glibc, which Amazon Linux has; a program for musl names another.
    fn loader(self) -> &'static [u8] {
        match self {
            Self::X86_64 => b"/lib64/ld-linux-x86-64.so.2",
            Self::Arm64 => b"/lib/ld-linux-aarch64.so.1",
        }
    }
}

/// A version of a library that a program asks for, and a symbol that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// For example `libc.so.6`.
    pub library: String,
    /// For example `GLIBC_2.34`.
    pub version: String,
    /// For example `write`.
    pub symbol: String,
}

impl Need {
    /// The number of a version of glibc.
    pub fn number(&self) -> Option<(u32, u32)> {
        let mut numbers = self.version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
        Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
    }

    /// Whether Amazon Linux 2023 lacks it. What is no number is too new as well: `GLIBC_ABI_DT_RELR` came
    /// with 2.36, and `GLIBC_PRIVATE` changes with every glibc.
    fn is_too_new(&self) -> bool {
        self.version.starts_with("GLIBC_") && self.number().is_none_or(|number| number > GLIBC)
    }
}

/// A program in ELF, 64 bit, little endian.
pub struct Elf<'a> {
    content: &'a [u8],
    header: &'a FileHeader64<LittleEndian>,
    /// The processor that it was built for.
    pub processor: Processor,
}

impl<'a> Elf<'a> {
    /// Reads a program's header.
    ///
    /// # Errors
    /// It is no program for Linux on one of Lambda's processors; half a sentence about `it`.
    pub fn read(content: &'a [u8]) -> Result<Self, String> {
        let header = FileHeader64::<LittleEndian>::parse(content);
        let Ok(header) = header.and_then(|header| header.endian().map(|_| header)) else {
            return Err("it is no program for 64 bit Linux (ELF), which is what Lambda runs".to_owned());
        };
        let processor = match header.e_machine(LittleEndian) {
            EM_X86_64 => Processor::X86_64,
            EM_AARCH64 => Processor::Arm64,
            _ => return Err("it is not for x86_64 or arm64, the processors that Lambda has".to_owned()),
        };
        Ok(Self { content, header, processor })
    }

    /// Refuses what Amazon Linux 2023 would not load, whatever its glibc: a program for another C library.
    ///
    /// # Errors
    /// Half a sentence about `it`.
    pub fn check_loader(&self) -> Result<(), String> {
        let unreadable = |error| format!("its ELF cannot be read: {error}");
        let headers = self.header.program_headers(LittleEndian, self.content).map_err(unreadable)?;
        for header in headers {
            let loader = header.interpreter(LittleEndian, self.content).map_err(unreadable)?;
            if let Some(loader) = loader.filter(|loader| *loader != self.processor.loader()) {
                let (found, expected) =
                    (String::from_utf8_lossy(loader), String::from_utf8_lossy(self.processor.loader()));
                return Err(format!("it wants the loader {found}, and Lambda has {expected} (glibc)"));
            }
        }
        Ok(())
    }

    /// Refuses a program that needs a newer glibc than Amazon Linux 2023 has. Otherwise the newest that it needs.
    ///
    /// # Errors
    /// Half a sentence about `it`.
    pub fn check_glibc(&self) -> Result<Option<Need>, String> {
        let needs = self.needs()?;
        if let Some(need) = needs.iter().find(|need| need.is_too_new()) {
            return Err(format!(
                "it was built for a newer glibc than Lambda has: {} needs {} of {}, and Amazon Linux 2023 has glibc {}.{}",
                need.symbol, need.version, need.library, GLIBC.0, GLIBC.1
            ));
        }
        let numbered = needs.into_iter().filter_map(|need| Some((need.number()?, need)));
        Ok(numbered.max_by(|a, b| a.0.cmp(&b.0)).map(|(_, need)| need))
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
    use sample::{Sample, X86_64_LOADER};

    fn need(version: &str) -> Need {
        Need { library: "libc.so.6".to_owned(), version: version.to_owned(), symbol: "f".to_owned() }
    }

    #[test]
    fn versions_after_that_of_amazon_linux_are_too_new() {
        for version in ["GLIBC_2.2.5", "GLIBC_2.9", "GLIBC_2.34", "GCC_3.0"] {
            assert!(!need(version).is_too_new(), "{version}");
        }
        for version in ["GLIBC_2.35", "GLIBC_3.0", "GLIBC_ABI_DT_RELR", "GLIBC_PRIVATE"] {
            assert!(need(version).is_too_new(), "{version}");
        }
    }

    #[test]
    fn what_lambda_cannot_load_is_refused() {
        let fine = Sample::default();
        let static_program = Sample { loader: "", version: "", ..fine };
        for (program, expected) in [
            (fine, "GLIBC_2.34"),
            (Sample { machine: 0xb7, loader: "/lib/ld-linux-aarch64.so.1", ..fine }, "GLIBC_2.34"),
            (static_program, "nothing"),
            (Sample { version: "GLIBC_2.38", ..fine }, "needs GLIBC_2.38 of libc.so.6"),
            (Sample { version: "GLIBC_ABI_DT_RELR", ..fine }, "needs GLIBC_ABI_DT_RELR"),
            (
                Sample { loader: "/lib/ld-musl-x86_64.so.1", ..fine },
                "wants the loader /lib/ld-musl-x86_64.so.1",
            ),
            (Sample { machine: 0xb7, loader: X86_64_LOADER, ..fine }, "wants the loader"),
            (Sample { machine: 0x28, ..fine }, "not for x86_64 or arm64"),
        ] {
            let bytes = program.bytes();
            let found = Elf::read(&bytes).and_then(|elf| elf.check_loader().and_then(|()| elf.check_glibc()));
            let found = match found {
                Ok(newest) => newest.map_or_else(|| "nothing".to_owned(), |need| need.version),
                Err(reason) => reason,
            };
            assert!(found.contains(expected), "{program:?}: expected {expected:?}, found {found:?}");
        }
        let bytes = fine.bytes();
        for (bytes, expected) in [
            (&b"#!/bin/sh\n"[..], "no program for 64 bit Linux"),
            (b"", "no program for 64 bit Linux"),
            (&bytes[..bytes.len() / 2], "cannot be read"),
        ] {
            let found = Elf::read(bytes).and_then(|elf| elf.check_glibc()).unwrap_err();
            assert!(found.contains(expected), "expected {expected:?}, found {found:?}");
        }
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu", target_pointer_width = "64"))]
    fn the_versions_that_this_test_needs_are_read() {
        let content = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = Elf::read(&content).unwrap().needs().unwrap();
        let write = needs.iter().find(|need| need.symbol == "write").expect("it prints");
        assert!(write.number().is_some() && write.library.starts_with("libc.so"), "{write:?}");
    }
}
