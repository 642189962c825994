//! Archives: the log files in a zip, or in a tar that may be gzip'd. One file at a time is held.

use crate::{
    files::{self, File},
    read::MOST_HELD,
};
use std::{
    fs,
    io::{self, Read},
    path::Path,
};

/// Whether a name is that of an archive.
pub fn is_one(path: &Path) -> bool {
    let name = path.to_string_lossy().to_ascii_lowercase();
    [".zip", ".tar", ".tgz", ".tar.gz"].iter().any(|ending| name.ends_with(ending))
}

/// Gives every file in an archive, with its name in it, or why it cannot be read. Folders, links and digests are passed
/// over.
///
/// # Errors
/// The archive cannot be read, or only to where it is damaged.
pub fn each(path: &Path, give: &mut dyn FnMut(&str, io::Result<File>)) -> io::Result<()> {
    let archive = fs::File::open(path)?;
    let is_log = |name: &str| {
        let is_hidden = name.rsplit('/').next().is_none_or(|name| name.is_empty() || name.starts_with('.'));
        !is_hidden
            && !["CloudTrail-Digest/", "CloudTrail-Insight/"].iter().any(|folder| name.contains(folder))
    };
    if path.to_string_lossy().to_ascii_lowercase().ends_with(".zip") {
        let mut zip = zip::ZipArchive::new(archive).map_err(io::Error::other)?;
        for index in 0..zip.len() {
            let mut entry = zip.by_index(index).map_err(io::Error::other)?;
            let name = entry.name().map_err(io::Error::other)?.into_owned();
            if entry.is_file() && is_log(&name) {
                give(&name, held(&mut entry));
            }
        }
        return Ok(());
    }
    let file = File::Of(path.to_owned());
    let text: Box<dyn Read + '_> = match files::is_gzip(&head(path)?) {
        true => file.text()?,
        false => Box::new(archive),
    };
    for entry in tar::Archive::new(text).entries()? {
        let mut entry = entry?;
        let name = entry.path()?.to_string_lossy().into_owned();
        if entry.header().entry_type().is_file() && is_log(&name) {
            give(&name, held(&mut entry));
        }
    }
    Ok(())
}

fn head(path: &Path) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    fs::File::open(path)?.take(4).read_to_end(&mut head)?;
    Ok(head)
}

fn held(entry: &mut dyn Read) -> io::Result<File> {
    let mut raw = Vec::new();
    entry.take(MOST_HELD + 1).read_to_end(&mut raw)?;
    if raw.len() as u64 > MOST_HELD {
        return Err(io::Error::other(
            "it unpacks to more than 1 GiB; unpack the archive and give the folder",
        ));
    }
    Ok(File::Held(raw))
}
