//! CloudTrail's log files: found in a tree, opened, decompressed piece by piece.
//!
//! A truncated file gives what can be read of it and says that it is truncated. It must not know
//! what a record is.

use crate::read::MOST_HELD;
use flate2::read::MultiGzDecoder;
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

/// How the names of log files end, before a `.gz`.
pub const ENDINGS: [&str; 3] = [".json", ".jsonl", ".ndjson"];

/// A file that can be read more than once.
#[derive(Debug)]
pub enum File {
    /// One of the file system.
    Of(PathBuf),
    /// Standard input, held: nobody can read it twice.
    Held(Vec<u8>),
}

impl File {
    /// A regular file, or standard input for `-`.
    ///
    /// # Errors
    /// There is no such file, or it is a device or a pipe, which may never end.
    pub fn at(path: &Path) -> io::Result<Self> {
        if path == Path::new("-") {
            let mut raw = Vec::new();
            io::stdin().lock().take(MOST_HELD).read_to_end(&mut raw)?;
            return Ok(Self::Held(raw));
        }
        let kind = fs::metadata(path)?.file_type();
        let what = if kind.is_dir() { "a folder" } else { "a device, a pipe or a socket" };
        if kind.is_file() {
            return Ok(Self::Of(path.to_owned()));
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("{what}, and only regular files are read; pipe it into standard input, `-`"),
        ))
    }

    /// Its bytes from the beginning.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn raw(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Of(path) => Box::new(fs::File::open(path)?),
            Self::Held(raw) => Box::new(raw.as_slice()),
        })
    }

    /// Its text from the beginning, unpacked. gzip is known by its first bytes, not by the name.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn text(&self) -> io::Result<Box<dyn Read + '_>> {
        let mut raw = self.raw()?;
        let mut head = Vec::new();
        (&mut raw).take(4).read_to_end(&mut head)?;
        refuse_zip(&head)?;
        let is_packed = is_gzip(&head);
        let raw = io::BufReader::new(io::Cursor::new(head).chain(raw));
        Ok(if is_packed { Box::new(unpacked(raw)) } else { Box::new(raw) })
    }
}

/// Whether a file begins as gzip does.
pub fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b])
}

/// # Errors
/// It begins as a zip archive does.
pub fn refuse_zip(head: &[u8]) -> io::Result<()> {
    let is_zip = head.starts_with(b"PK\x03\x04");
    if is_zip { Err(io::Error::other("this is a zip archive; unpack it first")) } else { Ok(()) }
}

/// The text of gzip'd bytes, of which there may be several members.
pub fn unpacked<'r>(raw: impl Read + 'r) -> impl Read + 'r {
    Unpacked(MultiGzDecoder::new(raw))
}

/// A gzip'd text, whose errors say what to do.
struct Unpacked<R: Read>(MultiGzDecoder<R>);

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        self.0.read(to).map_err(|cause| match cause.kind() {
            io::ErrorKind::Interrupted => cause,
            io::ErrorKind::UnexpectedEof => {
                io::Error::other("the gzip data ends too early; the file was cut off, fetch it again")
            }
            _ => io::Error::other(format!("the gzip data is damaged ({cause}); fetch the file again")),
        })
    }
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
            if !["CloudTrail-Digest", "CloudTrail-Insight"].contains(&&*name) {
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
            let mut found = Vec::new();
            let read = File::at(&path).unwrap().text().unwrap().read_to_end(&mut found);
            assert_eq!(read.is_ok(), complete, "{name}: {read:?}");
            assert_eq!(found == text.as_bytes(), complete, "{name}");
            assert!(text.as_bytes().starts_with(&found), "{name}");
        }
        let found = below(&folder, &mut |path, error| panic!("{}: {error}", path.display()));
        assert_eq!(found.len(), 2);
        fs::remove_dir_all(&folder).unwrap();
    }
}
