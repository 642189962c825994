//! CloudTrail's log files: found in a tree, read, decompressed.
//!
//! A truncated file gives what can be read of it and says that it is truncated. It must not know
//! what a record is.

use flate2::read::MultiGzDecoder;
use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
};

/// How the names of log files end, before a `.gz`.
pub const ENDINGS: [&str; 3] = [".json", ".jsonl", ".ndjson"];

/// What could be read of one file, and what went wrong, if something did.
#[derive(Debug)]
pub struct Contents {
    /// The text, decompressed.
    pub text: Vec<u8>,
    /// Why the text is not all of it.
    pub error: Option<String>,
}

/// Reads a file, or standard input for `-`; gzip is known by its first bytes, not by the name.
///
/// # Errors
/// The file cannot be opened at all.
pub fn read(path: &Path) -> io::Result<Contents> {
    let mut raw = Vec::new();
    let read = if path == Path::new("-") {
        io::stdin().lock().read_to_end(&mut raw)
    } else {
        File::open(path)?.read_to_end(&mut raw)
    };
    let mut error = read.err().map(|error| error.to_string());
    if raw.starts_with(b"PK\x03\x04") {
        return Err(io::Error::other("this is a zip archive; unpack it first"));
    }
    if !raw.starts_with(&[0x1f, 0x8b]) {
        return Ok(Contents { text: from_utf16(&raw).unwrap_or(raw), error });
    }
    let mut text = Vec::with_capacity(raw.len() * 8);
    if let Err(cause) = MultiGzDecoder::new(raw.as_slice()).read_to_end(&mut text) {
        error = Some(match cause.kind() {
            io::ErrorKind::UnexpectedEof => {
                "the gzip data ends too early; the file was cut off, fetch it again".to_owned()
            }
            _ => format!("the gzip data is damaged ({cause}); fetch the file again"),
        });
    }
    Ok(Contents { text, error })
}

/// The text of a file that says by its first two bytes that it is UTF-16, as a PowerShell redirection
/// writes it.
fn from_utf16(raw: &[u8]) -> Option<Vec<u8>> {
    let unit: fn([u8; 2]) -> u16 = match raw {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        _ => return None,
    };
    let units: Vec<u16> = raw[2..].chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
    Some(String::from_utf16_lossy(&units).into_bytes())
}

/// Every file below a path, in order: the path itself when it is a file, else all whose names end
/// in `.json`, `.jsonl`, `.ndjson` or these and `.gz`. CloudTrail's digest files hold no records
/// and are passed over. What cannot be listed is given to `problem`.
pub fn below(path: &Path, problem: &mut dyn FnMut(&Path, io::Error)) -> Vec<PathBuf> {
    let mut found = Vec::new();
    if path == Path::new("-") || !path.is_dir() {
        found.push(path.to_owned());
        return found;
    }
    walk(path, &mut found, problem);
    found.sort();
    found
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>, problem: &mut dyn FnMut(&Path, io::Error)) {
    let listing = match fs::read_dir(folder) {
        Ok(listing) => listing,
        Err(error) => return problem(folder, error),
    };
    for entry in listing {
        let (path, kind) = match entry.and_then(|entry| Ok((entry.path(), entry.file_type()?))) {
            Ok(entry) => entry,
            Err(error) => {
                problem(folder, error);
                continue;
            }
        };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if kind.is_dir() {
            // https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-log-file-validation-digest-file-structure.html
            if name != "CloudTrail-Digest" {
                walk(&path, found, problem);
            }
        } else if is_log_file(&name) {
            found.push(path);
        }
    }
}

fn is_log_file(name: &str) -> bool {
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    ENDINGS.iter().any(|ending| plain.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use std::io::Write;

    #[test]
    fn a_truncated_gzip_gives_what_there_is_and_says_so() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let text: String = (0..2000).map(|number| format!("{number} ")).collect();
        encoder.write_all(text.as_bytes()).unwrap();
        let whole = encoder.finish().unwrap();
        let folder = std::env::temp_dir().join(format!("tagger-log-files-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (name, bytes, complete) in
            [("whole.json.gz", &whole[..], true), ("cut.json.gz", &whole[..whole.len() / 2], false)]
        {
            let path = folder.join(name);
            fs::write(&path, bytes).unwrap();
            let contents = read(&path).unwrap();
            assert_eq!(contents.error.is_none(), complete, "{name}: {:?}", contents.error);
            assert_eq!(contents.text == text.as_bytes(), complete, "{name}");
            assert!(text.as_bytes().starts_with(&contents.text), "{name}");
        }
        let found = below(&folder, &mut |path, error| panic!("{}: {error}", path.display()));
        assert_eq!(found.len(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
