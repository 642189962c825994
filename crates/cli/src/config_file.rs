//! The configuration file and the people file beside it, as somebody wrote them; and as they lie in the function's zip:
//! `tagger.toml` as it is, and the people compiled, so that the function reads them in a few milliseconds.

use crate::exit_code::Error;
use std::{fs, path::Path};
use tagger_core::{
    Policy, config,
    settings::people::{self, People, Row},
};

/// A configuration with what belongs to it.
#[derive(Debug, Clone)]
pub struct ConfigFile {
    /// What it says, with its people.
    pub policy: Policy,
    text: String,
}

impl ConfigFile {
    /// Reads a file, and the people file that it names, from the same folder.
    ///
    /// # Errors
    /// One of them cannot be read or is wrong; with the line and what is right.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text = text_of(path)?;
        let wrong = |error: config::ConfigError| Error::Usage(format!("{}: {error}", path.display()));
        let policy = config::from_toml(&text).map_err(wrong)?;
        let policy = match &policy.people_file {
            None => policy,
            Some(name) => {
                let people = people_of(&path.with_file_name("").join(name))?;
                config::with_people(policy, people).map_err(wrong)?
            }
        };
        Ok(Self { policy, text })
    }

    /// What lies in a zip.
    ///
    /// # Errors
    /// It is wrong, which this version can also be the reason for.
    pub fn of_zip(text: String, table: Option<Vec<u8>>) -> Result<Self, String> {
        let policy = config::from_toml(&text).map_err(|error| format!("{}: {error}", config::FILE))?;
        let policy = match (&policy.people_file, table) {
            (None, _) => policy,
            (Some(name), None) => return Err(format!("{} is missing, which holds {name}", people::FILE)),
            (Some(_), Some(bytes)) => {
                let people = People::read(bytes).map_err(|error| format!("{}: {error}", people::FILE))?;
                config::with_people(policy, people).map_err(|error| format!("{}: {error}", config::FILE))?
            }
        };
        Ok(Self { policy, text })
    }

    /// The files that the zip gets.
    pub fn in_zip(&self) -> Vec<(&'static str, Vec<u8>)> {
        let mut files = vec![(config::FILE, self.text.clone().into_bytes())];
        if self.policy.people_file.is_some() {
            files.push((people::FILE, self.policy.people.bytes().to_vec()));
        }
        files
    }
}

fn text_of(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::Usage(format!("{}: {error}", path.display())))
}

/// The people of a CSV or a TOML file.
fn people_of(path: &Path) -> Result<People, Error> {
    let wrong = |message: String| Error::Usage(format!("{}: {message}", path.display()));
    let text = text_of(path)?;
    let is_csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
    let (keys, rows) = if is_csv {
        of_csv(&text).map_err(wrong)?
    } else {
        people::from_toml(&text).map_err(|error| wrong(error.to_string()))?
    };
    people::compile(&keys, &rows).map_err(|errors| {
        let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
        wrong(lines.join(&format!("\n{}: ", path.display())))
    })
}

/// The keys and the rows of a CSV file: a line with the names of the columns, `match` and `name` among them, then a row a
/// line. What separates them is a comma, a semicolon or a tab, whichever the first line has.
fn of_csv(text: &str) -> Result<(Vec<String>, Vec<Row>), String> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    let separator =
        [b',', b';', b'\t'].into_iter().find(|sign| first.as_bytes().contains(sign)).unwrap_or(b',');
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).trim(csv::Trim::All).from_reader(text.as_bytes());
    let headers = reader.headers().map_err(|error| error.to_string())?.clone();
    let column = |name: &str| headers.iter().position(|header| header.eq_ignore_ascii_case(name));
    let Some(pattern) = column("match") else {
        return Err(format!(
            "line 1: there is no column `match`; found {}. The first line names the columns: match, name, and one for each \
             further tag",
            headers.iter().collect::<Vec<_>>().join(", ")
        ));
    };
    let name = column("name");
    let others: Vec<usize> =
        (0..headers.len()).filter(|column| *column != pattern && Some(*column) != name).collect();
    if name.is_none() && others.is_empty() {
        return Err("line 1: there is neither a column `name` nor one for a tag".to_owned());
    }
    let cell = |record: &csv::StringRecord, column: usize| record.get(column).unwrap_or_default().to_owned();
    let mut lines = Lines { text: text.as_bytes(), at: 0, line: 1 };
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| wrong_row(&error, &mut lines))?;
        rows.push(Row {
            line: lines.at(record.position()),
            pattern: cell(&record, pattern),
            name: name.map(|column| cell(&record, column)).unwrap_or_default(),
            tags: others.iter().map(|column| cell(&record, *column)).collect(),
        });
    }
    Ok((others.into_iter().map(|column| headers[column].to_owned()).collect(), rows))
}

/// Counts lines up to where a row begins: a position of the reader's stands before the empty lines that it skips.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn at(&mut self, position: Option<&csv::Position>) -> usize {
        let begin = position.map_or(0, |position| usize::try_from(position.byte()).unwrap_or(usize::MAX));
        let blank = self.text.iter().skip(begin).take_while(|byte| byte.is_ascii_whitespace()).count();
        let end = begin.saturating_add(blank).min(self.text.len());
        self.line +=
            self.text.get(self.at..end).unwrap_or_default().iter().filter(|byte| **byte == b'\n').count();
        self.at = self.at.max(end);
        self.line
    }
}

fn wrong_row(error: &csv::Error, lines: &mut Lines) -> String {
    match error.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = lines.at(pos.as_ref());
            format!(
                "line {line}: it has {len} columns, and the first line names {expected_len}; a text with a comma in it stands in \
                 quotes"
            )
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn csv_files_as_spreadsheets_write_them() {
        for (what, text) in [
            ("commas", "match,name,Team\njane@example.com,\"Doe, Jane\",Shop\n\nrole:x,,Ops\n"),
            (
                "semicolons, with a mark",
                "\u{feff}match;name;Team\r\njane@example.com;Doe, Jane;Shop\r\n\r\nrole:x;;Ops\r\n",
            ),
            ("another order", "Team\tName\tMatch\nShop\tDoe, Jane\tjane@example.com\n\nOps\t\trole:x\n"),
        ] {
            let (keys, rows) = of_csv(text).unwrap();
            let row = |line, pattern: &str, name: &str, team: &str| Row {
                line,
                pattern: pattern.into(),
                name: name.into(),
                tags: vec![team.into()],
            };
            assert_eq!(keys, ["Team"], "{what}");
            assert_eq!(
                rows,
                [row(2, "jane@example.com", "Doe, Jane", "Shop"), row(4, "role:x", "", "Ops")],
                "{what}"
            );
        }
    }

    #[test]
    fn wrong_csv_files_are_refused_with_their_line() {
        for (text, says) in [
            ("name,Team\nx,y\n", "line 1: there is no column `match`; found name, Team"),
            ("match\nx\n", "line 1: there is neither a column `name`"),
            ("match,name\nx\n", "line 2: it has 1 columns, and the first line names 2"),
            ("match,name\na,b\nx,y,z\n", "line 3: it has 3 columns"),
        ] {
            let error = of_csv(text).unwrap_err();
            assert!(error.contains(says), "{text}: expected {says:?}, got {error:?}");
        }
    }

    #[test]
    fn what_goes_into_the_zip_comes_out_again() {
        let folder = std::env::temp_dir().join(format!("tagger-config-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let path = folder.join("any name.toml");
        fs::write(&path, "[people]\nfile = \"people.csv\"\n[tags]\nTeam = \"none\"\n").unwrap();
        fs::write(folder.join("people.csv"), "match,name,Team\nalice,Alice,Shop\n").unwrap();
        let read = ConfigFile::read(&path).unwrap();
        let files = read.in_zip();
        assert_eq!(files.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["tagger.toml", "people.table"]);
        let text = String::from_utf8(files[0].1.clone()).unwrap();
        assert_eq!(ConfigFile::of_zip(text.clone(), Some(files[1].1.clone())).unwrap().policy, read.policy);
        assert!(ConfigFile::of_zip(text, None).unwrap_err().contains("people.table is missing"));
        for (rows, says) in [
            ("match,name\nalice,A\nalice,B\nbob,\n", "people.csv: line 4: it gives neither"),
            ("match,name\nalice,A\nalice,B\n", "people.csv: line 3: `alice` can never fit: line 2"),
            ("match,name,CreatedBy\nalice,A,x\n", "people.file: the column `CreatedBy` is the creator's tag"),
        ] {
            fs::write(folder.join("people.csv"), rows).unwrap();
            let error = ConfigFile::read(&path).unwrap_err().to_string();
            assert!(error.contains(says), "{rows}: expected {says:?}, got {error:?}");
        }
        fs::remove_file(folder.join("people.csv")).unwrap();
        assert!(ConfigFile::read(&path).unwrap_err().to_string().contains("people.csv: No such file"));
        fs::remove_dir_all(folder).unwrap();
    }
}
