//! The function's zip: found, looked into, and made where only the program is there.
//!
//! It must not reach AWS.

use crate::{cost_model::Architecture, exit_code::Error};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{Cursor, Read, Write},
    path::{Path, PathBuf},
};
use zip::{CompressionMethod, ZipArchive, ZipWriter, write::SimpleFileOptions};

/// What the function runs.
pub struct FunctionZip {
    /// The file that it is from.
    pub path: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The processor that it was built for.
    pub architecture: Architecture,
}

impl FunctionZip {
    /// The zip that was named, or `bootstrap.zip` beside this program, or `bootstrap` there.
    ///
    /// # Errors
    /// There is none, or it holds no program for Lambda.
    pub fn find(stated: Option<&Path>) -> Result<Self, Error> {
        if let Some(path) = stated {
            return Self::read(path);
        }
        let program = std::env::current_exe().ok();
        let beside = program.as_deref().and_then(Path::parent);
        let names = ["bootstrap.zip", "bootstrap"];
        let found =
            beside.and_then(|folder| names.iter().map(|name| folder.join(name)).find(|path| path.is_file()));
        let found = found.ok_or_else(|| {
            Error::Failure(
                "the function's zip `bootstrap.zip` is not beside this program; a release has it there. Name it with \
                 --zip, or build it: `cargo xtask dist` (docs/building.md)"
                    .to_owned(),
            )
        })?;
        Self::read(&found)
    }

    /// Reads a zip, or packs a program.
    fn read(path: &Path) -> Result<Self, Error> {
        let wrong = |message: String| Error::Usage(format!("{}: {message}", path.display()));
        let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let (bytes, program) = if bytes.starts_with(b"\x7fELF") {
            (pack(&bytes).map_err(|error| wrong(error.to_string()))?, bytes)
        } else {
            let program = unpack(&bytes).map_err(wrong)?;
            (bytes, program)
        };
        let architecture = architecture(&program).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), bytes, architecture })
    }

    /// The key in a bucket. It changes with the bytes, since CloudFormation compares keys.
    pub fn key(&self, version: &str) -> String {
        let digest = Sha256::digest(&self.bytes);
        let hex: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        format!("{version}/{hex}/bootstrap-{}.zip", self.architecture.name())
    }
}

/// The program in a zip.
fn unpack(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(|error| format!("no zip: {error}"))?;
    let mut file =
        archive.by_name("bootstrap").map_err(|_| "the zip holds no file `bootstrap`".to_owned())?;
    // Lambda does not start what it may not execute.
    if file.unix_mode().is_some_and(|mode| mode & 0o111 == 0) {
        return Err("`bootstrap` in the zip is not executable; pack it with its mode 755".to_owned());
    }
    let mut program = Vec::new();
    file.read_to_end(&mut program).map_err(|error| format!("`bootstrap` in the zip: {error}"))?;
    Ok(program)
}

/// A zip with one program; the same bytes for the same program.
fn pack(program: &[u8]) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o755);
    writer.start_file("bootstrap", options)?;
    writer.write_all(program)?;
    Ok(writer.finish()?.into_inner())
}

/// The processor of an ELF program: `e_machine`, two bytes at offset 18
/// (<https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html>).
fn architecture(program: &[u8]) -> Result<Architecture, String> {
    match program.get(18..20) {
        Some([0x3e, 0]) if program.starts_with(b"\x7fELF") => Ok(Architecture::x86_64),
        Some([0xb7, 0]) if program.starts_with(b"\x7fELF") => Ok(Architecture::arm64),
        _ => Err("the program is not one for Linux on x86_64 or arm64, which is what Lambda runs".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u8) -> Vec<u8> {
        let mut program = b"\x7fELF".to_vec();
        program.resize(18, 0);
        program.extend([machine, 0]);
        program
    }

    #[test]
    fn the_processor_is_that_of_the_program() {
        let folder = std::env::temp_dir().join(format!("tagger-zip-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (machine, expected) in [(0x3e, Architecture::x86_64), (0xb7, Architecture::arm64)] {
            let program = folder.join("bootstrap");
            fs::write(&program, elf(machine)).unwrap();
            let packed = FunctionZip::read(&program).unwrap();
            let zip = folder.join("bootstrap.zip");
            fs::write(&zip, &packed.bytes).unwrap();
            let read = FunctionZip::read(&zip).unwrap();
            assert_eq!((read.architecture, read.key("1")), (expected, packed.key("1")));
        }
        let wrong = folder.join("wrong");
        for (bytes, says) in
            [(elf(8), "not one for Linux"), (b"PK".to_vec(), "no zip"), (Vec::new(), "no zip")]
        {
            fs::write(&wrong, bytes).unwrap();
            let error = FunctionZip::read(&wrong).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains("wrong"), "{error}");
        }
        fs::remove_dir_all(folder).unwrap();
    }
}
