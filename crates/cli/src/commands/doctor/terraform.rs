//! Does Terraform leave the tag alone? A scan of the text of a folder's files for `provider "aws"` blocks without
//! `ignore_tags`. It does not evaluate Terraform: what a variable or a module holds, it cannot know, and says so.

use super::report::{Check, Verdict, counted, some};
use serde_json::Value;
use std::{fs, path::Path};

/// Where the documents say what to write.
const FIX: &str = "`ignore_tags { keys = [\"KEY\"] }` in it: docs/deployment.md#terraform";

/// What one provider block says of the tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    /// It names the key, or a prefix of it.
    Ignored,
    /// It has the block, but the key does not stand in it.
    Unclear,
    /// It has no such block.
    Nothing,
}

/// Searches a folder, or says how to find out without.
pub fn check(folder: Option<&Path>, key: &str) -> Check {
    let name = "terraform";
    let fix = FIX.replace("KEY", key);
    let Some(folder) = folder else {
        let message = "whether Terraform takes the tag away again is not looked at";
        return Check::new(name, Verdict::Info, message)
            .fix("`tagger doctor --terraform FOLDER` searches its files for `ignore_tags`");
    };
    let (mut found, mut unread) = (Vec::new(), Vec::new());
    search(folder, key, &mut found, &mut unread);
    let of = |wanted: Said| -> Vec<String> {
        let places = found.iter().filter(|(_, said)| *said == wanted);
        places.map(|(place, _)| place.clone()).collect()
    };
    let (without, unclear) = (of(Said::Nothing), of(Said::Unclear));
    if !without.is_empty() {
        let message = format!(
            "provider \"aws\" without `ignore_tags`, so the next apply takes {key} away: {}",
            some(&without, 5)
        );
        Check::new(name, Verdict::Bad, message).fix(fix)
    } else if !unread.is_empty() {
        Check::new(name, Verdict::Unknown, format!("not read: {}", some(&unread, 5)))
    } else if !unclear.is_empty() {
        let message =
            format!("`ignore_tags` is there, but {key} does not stand in it as text: {}", some(&unclear, 5));
        Check::new(name, Verdict::Warn, message).fix("look whether a variable puts it in")
    } else if found.is_empty() {
        let message = format!("no provider \"aws\" in the files of {}", folder.display());
        Check::new(name, Verdict::Info, message)
            .fix("name the folder of the root module; modules get their provider from it")
    } else {
        Check::ok(
            name,
            format!(
                "{} in {}: each ignores {key}, as far as its text says",
                counted(found.len(), "provider"),
                folder.display()
            ),
        )
    }
}

/// Walks the folder; `.terraform` holds copies of modules.
fn search(folder: &Path, key: &str, found: &mut Vec<(String, Said)>, unread: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else {
        unread.push(folder.display().to_string());
        return;
    };
    let mut paths = Vec::new();
    for entry in entries {
        match entry {
            Ok(entry) => paths.push(entry.path()),
            Err(error) => unread.push(format!("{}: {error}", folder.display())),
        }
    }
    paths.sort();
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        // A link could lead round and round.
        if path.is_dir() && !path.is_symlink() && !name.starts_with('.') {
            search(&path, key, found, unread);
        } else if name.ends_with(".tf") || name.ends_with(".tf.json") || name.ends_with(".tofu") {
            let Ok(text) = fs::read_to_string(&path) else {
                unread.push(path.display().to_string());
                continue;
            };
            let blocks = if name.ends_with(".json") {
                let Some(blocks) = in_json(&text, key) else {
                    unread.push(path.display().to_string());
                    continue;
                };
                blocks
            } else {
                in_hcl(&text, key)
            };
            found.extend(blocks.into_iter().map(|(line, said)| (format!("{}:{line}", path.display()), said)));
        }
    }
}

/// The provider blocks of an HCL file, each with its line.
fn in_hcl(text: &str, key: &str) -> Vec<(usize, Said)> {
    let text = without_comments(text);
    let mut found = Vec::new();
    for (at, _) in text.match_indices("provider") {
        let starts = text[..at]
            .chars()
            .next_back()
            .is_none_or(|before| before == '\n' || before == ' ' || before == '}');
        let after = text[at + "provider".len()..].trim_start();
        if let Some(rest) = after.strip_prefix("\"aws\"").filter(|rest| rest.trim_start().starts_with('{'))
            && starts
        {
            let line = 1 + text[..at].matches('\n').count();
            // A block that does not end cannot be read; it is not taken for none.
            let Some(block) = braces(rest.trim_start()) else {
                found.push((line, Said::Unclear));
                continue;
            };
            let ignored = block.find("ignore_tags").map(|at| &block[at + "ignore_tags".len()..]);
            let said = match ignored
                .map(|rest| rest.trim_start().trim_start_matches('=').trim_start())
                .and_then(braces)
            {
                None => Said::Nothing,
                Some(inner) => of_texts(quoted(inner), key),
            };
            found.push((line, said));
        }
    }
    found
}

/// The provider blocks of a JSON file; they have no line worth a name.
fn in_json(text: &str, key: &str) -> Option<Vec<(usize, Said)>> {
    let file: Value = serde_json::from_str(text).ok()?;
    let list = |value: &Value| -> Vec<Value> {
        match value {
            Value::Array(values) => values.clone(),
            Value::Null => Vec::new(),
            one => vec![one.clone()],
        }
    };
    let providers =
        list(&file["provider"]).iter().flat_map(|provider| list(&provider["aws"])).collect::<Vec<_>>();
    let said = providers.iter().map(|provider| {
        let blocks = list(&provider["ignore_tags"]);
        if blocks.is_empty() {
            return (1, Said::Nothing);
        }
        let texts = blocks.iter().flat_map(|block| {
            list(&block["keys"])
                .into_iter()
                .chain(list(&block["key_prefixes"]))
                .filter_map(|text| Some(text.as_str()?.to_owned()))
        });
        (1, of_texts(texts, key))
    });
    Some(said.collect())
}

/// A text is a key or the beginning of keys; which of the two is not told apart.
fn of_texts(texts: impl IntoIterator<Item = impl AsRef<str>>, key: &str) -> Said {
    let names = |text: &str| !text.is_empty() && key.starts_with(text);
    if texts.into_iter().any(|text| names(text.as_ref())) { Said::Ignored } else { Said::Unclear }
}

/// What stands between the braces that the text begins with.
fn braces(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('{')?;
    let (mut depth, mut in_text, mut escaped) = (1, false, false);
    for (at, character) in inner.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            '{' if !in_text => depth += 1,
            '}' if !in_text => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(&inner[..at]);
        }
    }
    None
}

/// The texts in quotes.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('"').skip(1).step_by(2)
}

/// The text with its comments blanked out, line by line; a `#` in quotes is none.
fn without_comments(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut in_text, mut in_line, mut in_block) = (false, false, false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match character {
            '\n' => (in_text, in_line) = (false, false),
            '*' if in_block && next == Some('/') => {
                in_block = false;
                characters.next();
                out.push_str("  ");
                continue;
            }
            _ if in_line || in_block => {}
            '\\' if in_text => {
                out.push(character);
                out.extend(characters.next());
                continue;
            }
            '"' => in_text = !in_text,
            '#' if !in_text => in_line = true,
            '/' if !in_text && next == Some('/') => in_line = true,
            '/' if !in_text && next == Some('*') => in_block = true,
            _ => {}
        }
        out.push(if (in_line || in_block) && character != '\n' { ' ' } else { character });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_in_text() {
        for (text, expected) in [
            ("provider \"aws\" {\n  region = \"eu-west-1\"\n}\n", vec![(1, Said::Nothing)]),
            (
                "provider \"aws\" {\n  ignore_tags {\n    keys = [\"CreatedBy\"]\n  }\n}\n",
                vec![(1, Said::Ignored)],
            ),
            (
                "provider \"aws\" {\n  ignore_tags {\n    key_prefixes = [\"Created\"]\n  }\n}\n",
                vec![(1, Said::Ignored)],
            ),
            ("provider \"aws\" { ignore_tags { keys = [\"Team\"] } }", vec![(1, Said::Unclear)]),
            ("provider \"aws\" { ignore_tags { keys = var.keys } }", vec![(1, Said::Unclear)]),
            ("\nprovider \"aws\" {\n # ignore_tags { keys = [\"CreatedBy\"] }\n}", vec![(2, Said::Nothing)]),
            (
                "provider \"aws\" {\n /* ignore_tags { keys = [\"CreatedBy\"] }\n */ a = \"#\" }\nprovider \"aws\" {}",
                vec![(1, Said::Nothing), (4, Said::Nothing)],
            ),
            ("provider \"google\" {}\n# provider \"aws\" {}\n", vec![]),
            ("required_providers { aws = { source = \"hashicorp/aws\" } }", vec![]),
            ("provider \"aws\" {", vec![(1, Said::Unclear)]),
        ] {
            assert_eq!(in_hcl(text, "CreatedBy"), expected, "{text}");
        }
    }

    #[test]
    fn providers_in_json() {
        for (text, expected) in [
            (r#"{"provider": {"aws": {"region": "x"}}}"#, Some(vec![(1, Said::Nothing)])),
            (
                r#"{"provider": {"aws": [{"ignore_tags": {"keys": ["CreatedBy"]}}, {}]}}"#,
                Some(vec![(1, Said::Ignored), (1, Said::Nothing)]),
            ),
            (
                r#"{"provider": [{"aws": {"ignore_tags": [{"keys": ["Team"]}]}}]}"#,
                Some(vec![(1, Said::Unclear)]),
            ),
            (r#"{"resource": {}}"#, Some(vec![])),
            ("{", None),
        ] {
            assert_eq!(in_json(text, "CreatedBy"), expected, "{text}");
        }
    }
}
