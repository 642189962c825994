//! Packs what was built: the zip that Lambda takes, the tar.gz for Linux, and SHA-256.
//!
//! The same content must give the same bytes on every computer. So nothing is asked of the file system
//! or the clock: names, modes, owner and time stand here, and one encoder in Rust deflates, on which
//! neither the processor nor an installed program has an influence.

use super::EPOCH;
use flate2::{Compression, GzBuilder};
use sha2::{Digest as _, Sha256};
use std::io::{Cursor, Write as _};
use zip::{CompressionMethod, DateTime, System, ZipWriter, write::SimpleFileOptions};

/// A zip with one program in it.
pub(super) fn zip(name: &str, content: &[u8]) -> Result<Vec<u8>, String> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(DateTime::DEFAULT)
        // Of Unix, so that the mode counts.
        .system(System::Unix)
        .unix_permissions(0o755);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file(name, options).map_err(|error| format!("{name} cannot be zipped: {error}"))?;
    zip.write_all(content).map_err(|error| format!("{name} cannot be zipped: {error}"))?;
    Ok(zip.finish().map_err(|error| format!("{name} cannot be zipped: {error}"))?.into_inner())
}

/// A gzipped tar (ustar) of files, given as name, mode and content, that belong to root, all from
/// 1980-01-01.
pub(super) fn tar_gz(files: &[(&str, u32, &[u8])]) -> Result<Vec<u8>, String> {
    // 3 is Unix; without a time, gzip's header has 0 for it.
    let gzip = GzBuilder::new().operating_system(3).write(Vec::new(), Compression::best());
    let mut tar = tar::Builder::new(gzip);
    for (name, mode, content) in files {
        let mut put = || -> std::io::Result<()> {
            let mut header = tar::Header::new_ustar();
            header.set_entry_type(tar::EntryType::Regular);
            header.set_path(name)?;
            header.set_mode(*mode);
            header.set_uid(0);
            header.set_gid(0);
            header.set_username("root")?;
            header.set_groupname("root")?;
            header.set_mtime(EPOCH);
            header.set_size(content.len() as u64);
            header.set_cksum();
            tar.append(&header, *content)
        };
        put().map_err(|error| format!("{name} cannot be put into a tar: {error}"))?;
    }
    let packed = tar.into_inner().and_then(flate2::write::GzEncoder::finish);
    packed.map_err(|error| format!("the tar cannot be gzipped: {error}"))
}

/// The SHA-256 of some bytes, as `sha256sum` writes it.
pub(super) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tools::{output, text};
    use super::*;
    use std::{env, fs, io::Read as _, process::Command};

    fn script() -> Vec<u8> {
        b"#!/bin/sh\necho started\n".repeat(100)
    }

    fn packed(content: &[u8]) -> Vec<u8> {
        tar_gz(&[("a/tagger", 0o755, content), ("a/LICENSE", 0o644, b"text")]).unwrap()
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        // Enough for several blocks of deflate, and neither random nor one pattern over and over.
        let content: Vec<u8> = (0..400_000_u32).map(|n| (n.wrapping_mul(n) >> 9) as u8 & 0x3f).collect();
        let (zipped, archive) = (zip("bootstrap", &content).unwrap(), packed(&content));
        assert!(zipped == zip("bootstrap", &content).unwrap() && archive == packed(&content));
        // Another day and another processor must give them too, which only fixed hashes show. A new
        // version of a crate may change them: then the new ones belong here.
        assert_eq!(sha256(&zipped), "62e2ebf34171a0bec2c956cedb7d5467ed322ae7df4be0de8b6e46af0319b42f");
        assert_eq!(sha256(&archive), "6c043b9580e6019f4c4ad4b7a50fb8a2368122e2684635c7aa116bd4658c2c45");
    }

    #[test]
    fn the_zip_has_one_member_that_may_be_started() {
        let content = script();
        let mut zip = zip::ZipArchive::new(Cursor::new(zip("bootstrap", &content).unwrap())).unwrap();
        assert_eq!(zip.len(), 1);
        let mut member = zip.by_index(0).unwrap();
        assert_eq!(member.name().unwrap(), "bootstrap");
        assert_eq!(member.unix_mode(), Some(0o100_755));
        let date = member.last_modified().unwrap();
        assert_eq!((date.year(), date.month(), date.day()), (1980, 1, 1));
        assert_eq!((date.hour(), date.minute(), date.second()), (0, 0, 0));
        let mut read = Vec::new();
        member.read_to_end(&mut read).unwrap();
        assert!(read == content);
    }

    #[test]
    fn a_zip_and_a_tar_are_what_other_programs_read() {
        let folder = env::temp_dir().join(format!("tagger-dist-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let content = script();
        fs::write(folder.join("a.tar.gz"), packed(&content)).unwrap();
        fs::write(folder.join("a.zip"), zip("bootstrap", &content).unwrap()).unwrap();
        let listed = output(Command::new("tar").arg("-tvf").arg(folder.join("a.tar.gz")).env("TZ", "UTC"));
        let listed = text(listed.unwrap());
        assert!(listed.starts_with("-rwxr-xr-x root/root      2300 1980-01-01 00:00 a/tagger"), "{listed}");
        assert!(listed.contains("-rw-r--r-- root/root         4 1980-01-01 00:00 a/LICENSE"), "{listed}");
        let read = "import sys, zipfile; f = zipfile.ZipFile(sys.argv[1]); i = f.infolist(); assert len(i) == 1; \
                    print(f.testzip(), i[0].filename, oct(i[0].external_attr >> 16), i[0].date_time, i[0].file_size)";
        let read = output(Command::new("python3").args(["-c", read]).arg(folder.join("a.zip"))).unwrap();
        assert_eq!(text(read), "None bootstrap 0o100755 (1980, 1, 1, 0, 0, 0) 2300");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_hash_is_what_sha256sum_writes() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
