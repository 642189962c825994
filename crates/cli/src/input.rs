//! The records in files and folders, with what could not be read named on standard error.

use crate::{args::PolicyFile, config_file::ConfigFile, exit_code::Error, output::complain};
use std::path::{Path, PathBuf};
use tagger_core::{
    Policy, Record,
    documents::{Problem, ProblemKind},
};
use tagger_logs::{
    archive,
    files::{self, File},
    glob,
    read::{self, Reader, Texts},
    top::Top,
    wrappings,
};

/// The policy of a configuration file, or the default.
///
/// # Errors
/// The file cannot be read, or is wrong; with the line and the nearest right name.
pub fn policy(file: &PolicyFile) -> Result<Policy, Error> {
    file.config.as_deref().map_or_else(|| Ok(Policy::default()), |path| Ok(ConfigFile::read(path)?.policy))
}

/// What could not be read: named on standard error as it is found, and counted.
#[derive(Debug, Default)]
pub struct Unreadable {
    /// How many places.
    pub count: usize,
    is_quiet: bool,
}

/// How many places of one file are named; a file of another kind has as many as lines.
const MOST_NAMED: usize = 20;

impl Unreadable {
    /// For what is read once more: everything was named the first time.
    pub fn quiet() -> Self {
        Self { count: 0, is_quiet: true }
    }

    fn note(&self, message: &str) {
        if !self.is_quiet {
            complain(message);
        }
    }

    fn complain(&mut self, path: &Path, message: &str) {
        self.note(&format!("tagger: {}: {message}", shown(path)));
        self.count += 1;
    }
}

fn shown(path: &Path) -> String {
    if path == Path::new("-") { "standard input".to_owned() } else { path.display().to_string() }
}

/// A file to read.
#[derive(Debug)]
pub struct Input {
    /// Where it is; `-` is standard input.
    pub path: PathBuf,
    /// Whether it was named, rather than found in a folder.
    named: bool,
}

/// Every file of the paths; what cannot be listed is named.
pub fn files(paths: &[PathBuf], unreadable: &mut Unreadable) -> Vec<Input> {
    let mut found = Vec::new();
    for path in paths.iter().flat_map(|path| {
        let expanded = glob::expand(path);
        if expanded.is_empty() { vec![path.clone()] } else { expanded }
    }) {
        let path = &path;
        let below = files::below(path, &mut |path, error| unreadable.complain(path, &error.to_string()));
        if below.is_empty() {
            unreadable.complain(
                path,
                &format!("no log file below it; names end in {}, also with .gz", files::ENDINGS.join(", ")),
            );
        }
        found.extend(below.into_iter().map(|file| Input { named: file == *path, path: file }));
    }
    found
}

/// The places of one file that could not be read, in order.
#[derive(Debug, Default)]
struct Places {
    named: Vec<String>,
    count: usize,
    /// That of the text's end, of which the file's own error says more.
    cut_off: Option<String>,
    passed_over: Vec<String>,
}

impl Places {
    fn add(&mut self, input: &Input, problem: &Problem) {
        // A tree of log files also holds a manifest here and there.
        if !input.named && problem.kind == ProblemKind::UnknownShape && problem.record.is_none() {
            self.passed_over.push(problem.to_string());
        } else if problem.kind == ProblemKind::CutOff && self.cut_off.is_none() {
            self.cut_off = Some(problem.to_string());
        } else {
            self.count += 1;
            if self.count <= MOST_NAMED {
                self.named.push(problem.to_string());
            }
        }
    }

    /// Names them, and why the file was not read to its end.
    fn say(self, input: &Input, error: Option<std::io::Error>, unreadable: &mut Unreadable) {
        let path = &input.path;
        if let Some(what) = self.passed_over.first() {
            unreadable.note(&format!("tagger: {}: passed over, it is no log file: {what}", shown(path)));
        }
        for place in &self.named {
            unreadable.complain(path, place);
        }
        if self.count > self.named.len() {
            let more = self.count - self.named.len();
            unreadable.count += more;
            unreadable.note(&format!(
                "tagger: {}: and {more} more places; is it a CloudTrail log file?",
                shown(path)
            ));
        }
        match (error, self.cut_off) {
            (Some(error), _) => unreadable.complain(path, &error.to_string()),
            (None, Some(place)) => unreadable.complain(path, &place),
            (None, None) => {}
        }
    }
}

/// The file, if it is one that can be read; else it is named. A pipe or a device in a folder is no log.
fn opened(input: &Input, unreadable: &mut Unreadable) -> Option<File> {
    match File::at(&input.path) {
        Ok(file) => Some(file),
        Err(error) if !input.named && error.kind() == std::io::ErrorKind::InvalidInput => {
            unreadable.note(&format!("tagger: {}: passed over, it is {error}", shown(&input.path)));
            None
        }
        Err(error) => {
            unreadable.complain(&input.path, &format!("{error}; check the path and its permissions"));
            None
        }
    }
}

/// Gives every record of a file to `each`, in order, until it fails; what cannot be read is named.
///
/// # Errors
/// What `each` returned.
pub fn records(
    input: &Input,
    unreadable: &mut Unreadable,
    each: &mut dyn FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    if archive::is_one(&input.path) {
        let mut result = Ok(());
        each_part(input, unreadable, &mut |part, file, unreadable| {
            if result.is_ok() {
                result = records_of(part, file, unreadable, each);
            }
        });
        return result;
    }
    let Some(file) = opened(input, unreadable) else { return Ok(()) };
    records_of(input, &file, unreadable, each)
}

/// Gives every file of an archive, under its name in it.
fn each_part(
    input: &Input,
    unreadable: &mut Unreadable,
    give: &mut dyn FnMut(&Input, &File, &mut Unreadable),
) {
    let read = archive::each(&input.path, &mut |name, file| {
        let part = Input { path: input.path.join(name), named: false };
        match file {
            Ok(file) => give(&part, &file, unreadable),
            Err(error) => unreadable.complain(&part.path, &error.to_string()),
        }
    });
    if let Err(error) = read {
        unreadable.complain(&input.path, &format!("{error}; the archive is not read to its end"));
    }
}

fn records_of(
    input: &Input,
    file: &File,
    unreadable: &mut Unreadable,
    each: &mut dyn FnMut(Record) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut every = Every { input, places: Places::default(), result: Ok(()), each };
    let error = match file.text().and_then(|mut text| read::held(&mut *text)) {
        Ok((text, error)) => {
            read::read_whole(&text, &mut wrappings::open, &mut every);
            error
        }
        Err(error) => Some(error),
    };
    let Every { places, result, .. } = every;
    places.say(input, error, unreadable);
    result
}

/// Every record, opened.
struct Every<'a> {
    input: &'a Input,
    places: Places,
    result: Result<(), Error>,
    each: &'a mut dyn FnMut(Record) -> Result<(), Error>,
}

impl Reader for Every<'_> {
    fn glance(&mut self, _: &Top) -> bool {
        false
    }

    fn item(&mut self, item: Result<Record, Problem>) {
        match item {
            _ if self.result.is_err() => {}
            Ok(record) => self.result = (self.each)(record),
            Err(problem) => self.places.add(self.input, &problem),
        }
    }

    fn again(&mut self) {}
}

/// Who adds up the records of a file.
pub trait Adds {
    /// Before a file.
    fn begin(&mut self);
    /// The top of a record that gives no tag. Whether nothing more is to be known of it; else it comes as a record.
    fn glance(&mut self, top: &Top) -> bool;
    /// A record.
    fn record(&mut self, record: &Record);
    /// All of this file is to be forgotten: it is read again from its beginning.
    fn again(&mut self);
}

/// Adds up a file, fast and in little memory; what cannot be read is named.
pub fn add_up(texts: &mut Texts, input: &Input, unreadable: &mut Unreadable, to: &mut impl Adds) {
    if archive::is_one(&input.path) {
        return each_part(input, unreadable, &mut |part, file, unreadable| {
            to.begin();
            add_up_file(texts, part, file, unreadable, to);
        });
    }
    let Some(file) = opened(input, unreadable) else { return };
    to.begin();
    add_up_file(texts, input, &file, unreadable, to);
}

fn add_up_file(
    texts: &mut Texts,
    input: &Input,
    file: &File,
    unreadable: &mut Unreadable,
    to: &mut impl Adds,
) {
    let mut adding = Adding { input, places: Places::default(), to };
    let error = texts.read(file, &mut wrappings::open, &mut adding).err();
    adding.places.say(input, error, unreadable);
}

struct Adding<'a, A> {
    input: &'a Input,
    places: Places,
    to: &'a mut A,
}

impl<A: Adds> Reader for Adding<'_, A> {
    fn glance(&mut self, top: &Top) -> bool {
        self.to.glance(top)
    }

    fn item(&mut self, item: Result<Record, Problem>) {
        match item {
            Ok(record) => self.to.record(&record),
            Err(problem) => self.places.add(self.input, &problem),
        }
    }

    fn again(&mut self) {
        self.places = Places::default();
        self.to.again();
    }
}
