//! What is not certain of an entry: an event source that only a model suggests (`catalog/reference/event_sources.tsv`), and an
//! ARN of which no document says that it takes tags (`tag_forms.tsv`). The documents say so beside the types.

use super::Catalog;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The grounds that a row may give. The list is closed.
const GROUNDS: [&str; 3] = ["eventbridge", "documented", "model"];

/// How sources are known: by the source, or by the source and an event, to the ground.
pub struct Sources(BTreeMap<String, String>);

impl Sources {
    /// Reads the table.
    ///
    /// # Errors
    /// A row that is not a source, a ground and, unless the ground is `model`, a link.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let name = "catalog/reference/event_sources.tsv";
        let text = fs::read_to_string(folder.join("reference/event_sources.tsv"))
            .map_err(|error| format!("{name}: {error}"))?;
        Self::parse(&text).map_err(|why| format!("{name}: {why}"))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut rows = BTreeMap::new();
        for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let mut cells = line.split('\t');
            let (source, ground, link) = (cells.next(), cells.next(), cells.next().unwrap_or_default());
            let (Some(source), Some(ground)) = (source, ground) else {
                return Err(format!("`{line}`: write a source, a tab and how it is known"));
            };
            if !GROUNDS.contains(&ground) {
                return Err(format!("{source}: `{ground}` is not one of {}", GROUNDS.join(", ")));
            }
            if ground != "model" && !link.starts_with("https://") {
                return Err(format!("{source}: a link must show it"));
            }
            if rows.insert(source.to_owned(), ground.to_owned()).is_some() {
                return Err(format!("{source}: stands there twice; remove one"));
            }
        }
        Ok(Self(rows))
    }

    /// Whether only a model suggests that this event comes from this source.
    pub fn only_modelled(&self, source: &str, event: &str) -> bool {
        let of_event = self.0.get(&format!("{source} {event}"));
        of_event.or_else(|| self.0.get(source)).is_some_and(|ground| ground == "model")
    }

    fn complaints(&self, used: &BTreeSet<String>, sources: &BTreeSet<&str>) -> Vec<String> {
        let mut out = Vec::new();
        for source in sources.iter().filter(|source| !self.0.contains_key(**source)) {
            out.push(format!(
                "catalog/reference/event_sources.tsv: {source} is missing; say where it was seen, or `model`"
            ));
        }
        for row in self.0.keys().filter(|row| !used.contains(*row) && !sources.contains(row.as_str())) {
            out.push(format!("catalog/reference/event_sources.tsv: no entry has {row}; remove the row"));
        }
        out
    }
}

/// The types of which no document says that their ARNs take tags: the rows `open` of `catalog/reference/tag_forms.tsv`.
///
/// # Errors
/// The table cannot be read.
pub fn open_forms(folder: &Path) -> Result<BTreeSet<String>, String> {
    let text = fs::read_to_string(folder.join("reference/tag_forms.tsv"))
        .map_err(|error| format!("catalog/reference/tag_forms.tsv: {error}"))?;
    let rows = text.lines().filter(|line| !line.starts_with('#'));
    Ok(rows.filter_map(|line| line.split_once("\topen\t")).map(|(kind, _)| kind.to_owned()).collect())
}

impl Catalog {
    pub(super) fn source_complaints(&self) -> Vec<String> {
        let used =
            self.entries().map(|(file, entry)| format!("{} {}", file.event_source, entry.event)).collect();
        let sources = self.files.iter().map(|(_, file)| file.event_source.as_str()).collect();
        self.sources.complaints(&used, &sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_may_be_known_less_well_than_its_source() {
        let sources =
            Sources::parse("a.com\teventbridge\thttps://x\na.com E\tmodel\nb.com\tmodel\n").unwrap();
        let asked = [("a.com", "D"), ("a.com", "E"), ("b.com", "D")];
        assert_eq!(asked.map(|(source, event)| sources.only_modelled(source, event)), [false, true, true]);
    }

    #[test]
    fn a_source_without_a_row_and_a_row_without_a_source_are_complaints() {
        let sources = Sources::parse("a.com\tmodel\nb.com\tmodel\na.com E\tmodel\n").unwrap();
        let told = sources.complaints(&["a.com D".to_owned()].into(), &["a.com", "c.com"].into());
        assert_eq!(told.len(), 3, "{told:#?}");
        assert!(told[0].contains("c.com is missing"), "{told:#?}");
        assert!(told[1].contains("a.com E; remove") && told[2].contains("b.com; remove"), "{told:#?}");
    }

    #[test]
    fn a_row_of_another_form_is_refused() {
        for (text, why) in [
            ("a.com", "write a source"),
            ("a.com\tguess", "`guess` is not one of"),
            ("a.com\tdocumented", "a link must show it"),
            ("a.com\tmodel\na.com\tmodel", "twice"),
        ] {
            let told = Sources::parse(text).err().unwrap_or_default();
            assert!(told.contains(why), "{text:?}: expected {why:?}, got {told:?}");
        }
    }
}
