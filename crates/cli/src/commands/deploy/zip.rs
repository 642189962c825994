//! The function's zip: found, looked into, and made where only the program is there.
//!
//! It must not reach AWS.

use crate::{
    config_file::ConfigFile, cost_model::Architecture, deployment::ZIP_SETTINGS, exit_code::Error,
    held_settings::in_zip,
};
use sha2::{Digest, Sha256};
use std::{
    fs,
    io::{Cursor, Read, Write},
    path::{Path, PathBuf},
};
use tagger_core::{config, settings::people};
use tagger_elf::{Elf, Processor};
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
    pub fn find(stated: Option<&Path>, any_glibc: bool) -> Result<Self, Error> {
        if let Some(path) = stated {
            return Self::read(path, any_glibc);
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
        Self::read(&found, any_glibc)
    }

    /// Reads a zip, or packs a program, and refuses what Lambda could not start.
    fn read(path: &Path, any_glibc: bool) -> Result<Self, Error> {
        let wrong = |message: String| Error::Usage(format!("{}: {message}", path.display()));
        let bytes = fs::read(path).map_err(|error| wrong(error.to_string()))?;
        let (bytes, program) = if bytes.starts_with(b"\x7fELF") {
            (pack(&bytes).map_err(|error| wrong(error.to_string()))?, bytes)
        } else {
            let program = unpack(&bytes).map_err(wrong)?;
            (bytes, program)
        };
        let architecture = check(&program, any_glibc).map_err(wrong)?;
        Ok(Self { path: path.to_owned(), bytes, architecture })
    }

    /// The same with the files of a configuration in it, in place of those that it has.
    ///
    /// # Errors
    /// The zip cannot be written anew.
    pub fn with(&self, config: &ConfigFile) -> Result<Self, Error> {
        let wrong =
            |error: zip::result::ZipError| Error::Failure(format!("{}: {error}", self.path.display()));
        let bytes = repack(&self.bytes, &config.in_zip()).map_err(wrong)?;
        Ok(Self { path: self.path.clone(), bytes, architecture: self.architecture })
    }

    /// The configuration that is in it.
    ///
    /// # Errors
    /// It is wrong: the function would tag nothing.
    pub fn config(&self) -> Result<Option<ConfigFile>, Error> {
        in_zip(&self.bytes).map_err(|error| Error::Usage(format!("{}: {error}", self.path.display())))
    }

    /// The key in a bucket. It changes with the bytes, since CloudFormation compares keys; and it says whether there are
    /// settings in it, since who deploys without naming any keeps them.
    pub fn key(&self, version: &str) -> String {
        let digest = Sha256::digest(&self.bytes);
        let hex: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
        let settings =
            if matches!(in_zip(&self.bytes), Ok(None)) { String::new() } else { format!("{ZIP_SETTINGS}/") };
        format!("{version}/{hex}/{settings}bootstrap-{}.zip", self.architecture.name())
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

/// A zip with other files beside its program; the same bytes for the same files.
fn repack(bytes: &[u8], files: &[(&str, Vec<u8>)]) -> zip::result::ZipResult<Vec<u8>> {
    let mut archive = ZipArchive::new(Cursor::new(bytes))?;
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let replaced = [config::FILE, people::FILE];
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index)?;
        if !replaced.contains(&&*file.name()?) {
            writer.raw_copy_file(file)?;
        }
    }
    // The function's user reads them.
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o644);
    for (name, content) in files {
        writer.start_file(*name, options)?;
        writer.write_all(content)?;
    }
    Ok(writer.finish()?.into_inner())
}

/// Refuses a program that would end at its start on Lambda; the same check as `cargo xtask dist` makes. Its processor.
fn check(program: &[u8], any_glibc: bool) -> Result<Architecture, String> {
    let elf = Elf::read(program).map_err(|what| {
        format!("`bootstrap` cannot run on Lambda: {what}. Build it with `cargo xtask dist`, or take a release's zip")
    })?;
    let fits = elf.check_loader().and_then(|()| if any_glibc { Ok(None) } else { elf.check_glibc() });
    fits.map_err(|what| {
        format!(
            "`bootstrap` would end at its start on Lambda: {what}. Build it with `cargo xtask dist` \
             (target/dist/bootstrap.zip), which links against Lambda's glibc; only for an emulator on this computer, add \
             --any-glibc"
        )
    })?;
    Ok(match elf.processor {
        Processor::X86_64 => Architecture::x86_64,
        Processor::Arm64 => Architecture::arm64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use tagger_elf::sample::Sample;

    const MUSL: &str = "/lib/ld-musl-x86_64.so.1";

    #[test]
    fn what_lambda_starts_is_taken_and_nothing_else() {
        let folder = std::env::temp_dir().join(format!("tagger-zip-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let fine = Sample::default();
        let arm64 = Sample { machine: 0xb7, loader: "/lib/ld-linux-aarch64.so.1", ..fine };
        for (sample, expected) in [(fine, Architecture::x86_64), (arm64, Architecture::arm64)] {
            let program = folder.join("bootstrap");
            fs::write(&program, sample.bytes()).unwrap();
            let packed = FunctionZip::read(&program, false).unwrap();
            let zip = folder.join("bootstrap.zip");
            fs::write(&zip, &packed.bytes).unwrap();
            let read = FunctionZip::read(&zip, false).unwrap();
            assert_eq!((read.architecture, read.key("1")), (expected, packed.key("1")));
        }
        let newer = Sample { version: "GLIBC_2.39", ..fine }.bytes();
        let not_executable = zipped("bootstrap", 0o644, &fine.bytes());
        let wrong = folder.join("wrong");
        for (bytes, any_glibc, says) in [
            (newer.clone(), false, "needs GLIBC_2.39 of libc.so.6, and Amazon Linux 2023 has glibc 2.34"),
            (pack(&newer).unwrap(), false, "cargo xtask dist"),
            (newer.clone(), true, ""),
            (Sample { loader: MUSL, ..fine }.bytes(), true, "wants the loader /lib/ld-musl"),
            (Sample { machine: 8, ..fine }.bytes(), true, "not for x86_64 or arm64"),
            (zipped("bootstrap", 0o755, b"#!/bin/sh\n"), true, "no program for 64 bit Linux"),
            (not_executable, true, "is not executable"),
            (zipped("main", 0o755, &fine.bytes()), true, "holds no file `bootstrap`"),
            (b"PK".to_vec(), true, "no zip"),
            (Vec::new(), true, "no zip"),
        ] {
            fs::write(&wrong, bytes).unwrap();
            let found = match FunctionZip::read(&wrong, any_glibc) {
                Ok(_) => String::new(),
                Err(error) => error.to_string(),
            };
            assert!(
                found.contains(says) && found.is_empty() == says.is_empty(),
                "expected {says:?}, found {found:?}"
            );
            assert!(found.is_empty() || found.contains("wrong"), "{found}");
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn settings_are_put_beside_the_program_and_replace_each_other() {
        let folder = std::env::temp_dir().join(format!("tagger-zip-settings-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let program = folder.join("bootstrap");
        fs::write(&program, Sample::default().bytes()).unwrap();
        let plain = FunctionZip::read(&program, false).unwrap();
        assert!(plain.config().unwrap().is_none());
        let config = |text: &str| {
            let path = folder.join("tagger.toml");
            fs::write(&path, text).unwrap();
            ConfigFile::read(&path).unwrap()
        };
        fs::write(folder.join("people.csv"), "match,name\nalice,Alice\n").unwrap();
        let with_people = plain.with(&config("[people]\nfile = \"people.csv\"\n")).unwrap();
        let other = config("[tag]\nkey = \"Owner\"\n");
        let owner = with_people.with(&other).unwrap();
        assert_eq!(with_people.config().unwrap().unwrap().policy.people.len(), 1);
        assert_eq!(owner.config().unwrap().unwrap().policy.tag.key, "Owner");
        assert_eq!(
            owner.bytes,
            plain.with(&other).unwrap().bytes,
            "what was there before leaves nothing behind"
        );
        assert_eq!(unpack(&owner.bytes).unwrap(), Sample::default().bytes());
        let keys = [&plain, &with_people, &owner].map(|zip| zip.key("1"));
        assert!(keys[0] != keys[1] && keys[1] != keys[2], "{keys:?}");
        assert!(!keys[0].contains("/settings/") && keys[1].contains("/settings/"), "{keys:?}");
        let wrong = zipped("bootstrap", 0o755, &Sample::default().bytes());
        let wrong = repack(&wrong, &[("tagger.toml", b"[tag]\nkye = \"x\"\n".to_vec())]).unwrap();
        fs::write(&program, wrong).unwrap();
        let said = FunctionZip::read(&program, false).unwrap().config().unwrap_err().to_string();
        assert!(said.contains("line 2: tag.kye"), "{said}");
        fs::remove_dir_all(folder).unwrap();
    }

    fn zipped(name: &str, mode: u32, content: &[u8]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        writer.start_file(name, SimpleFileOptions::default().unix_permissions(mode)).unwrap();
        writer.write_all(content).unwrap();
        writer.finish().unwrap().into_inner()
    }
}
