//! What documents promise exists: `docs/what-was-run.md` names a test or a command for each claim, and these are there; so
//! are the tests in the tables of `docs/security.md`.
//!
//! A code span with a path is a file of the repository. One that looks like a test's name, after such a file, is a test
//! in it. `cargo xtask VERB` and `tagger VERB` are verbs.

use std::{fs, path::Path};

/// Documents that are held to it; of the second, the lines that name a file of tests.
const DOCUMENTS: [&str; 2] = ["docs/what-was-run.md", "docs/security.md"];

/// Looks at every code span.
///
/// # Errors
/// What is named and is not there, with the document's line.
pub fn check(root: &Path) -> Result<(), String> {
    let help = read(root, "docs/cli.md")?;
    let tasks = read(root, "xtask/src/main.rs")?;
    let mut wrong = Vec::new();
    for name in DOCUMENTS {
        let names_tests = |line: &str| name == DOCUMENTS[0] || line.contains(".rs`") || line.contains(".py`");
        for (index, line) in read(root, name)?.lines().enumerate().filter(|(_, line)| names_tests(line)) {
            let mut file: Option<(&str, String)> = None;
            for span in line.split('`').skip(1).step_by(2) {
                let there = match kind(span) {
                    Kind::Path => {
                        let text = fs::read_to_string(root.join(span)).ok();
                        let there = text.is_some() || root.join(span).is_dir();
                        file = text.map(|text| (span, text));
                        there
                    }
                    Kind::Test => file.as_ref().is_some_and(|(_, text)| has_test(text, span)),
                    Kind::Task(verb) => tasks.contains(&format!("Some(\"{verb}\")")),
                    Kind::Verb(verb) => help.contains(&format!("\n## tagger {verb}\n")),
                    Kind::Other => true,
                };
                if !there {
                    let place = file.as_ref().map_or(String::new(), |(path, _)| format!(" in {path}"));
                    wrong.push(format!("{name}:{}: there is no `{span}`{place}", index + 1));
                }
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

fn read(root: &Path, name: &str) -> Result<String, String> {
    fs::read_to_string(root.join(name)).map_err(|error| format!("{name}: {error}"))
}

fn has_test(text: &str, name: &str) -> bool {
    ["fn ", "def "].iter().any(|word| text.contains(&format!("{word}{name}(")))
}

#[derive(Debug, PartialEq, Eq)]
enum Kind<'a> {
    Path,
    Test,
    Task(&'a str),
    Verb(&'a str),
    Other,
}

fn kind(span: &str) -> Kind<'_> {
    let words: Vec<_> = span.split(' ').collect();
    let is_name = |text: &str| text.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_');
    match words.as_slice() {
        ["cargo", "xtask", verb, ..] => Kind::Task(verb),
        ["tagger", verb, ..] => Kind::Verb(verb),
        [path] if path.contains('/') && !path.starts_with('/') && !path.contains(['*', '<', ':']) => {
            Kind::Path
        }
        [name] if name.matches('_').count() > 1 && is_name(name) => Kind::Test,
        _ => Kind::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::{Kind, check, has_test, kind};
    use std::fs;

    #[test]
    fn spans_are_told() {
        for (span, expected) in [
            ("crates/cli/tests/deploy.rs", Kind::Path),
            ("sandbox/tests", Kind::Path),
            ("from_nothing_to_nothing", Kind::Test),
            ("cargo xtask chaos --events 2000", Kind::Task("chaos")),
            ("tagger deploy --dry-run", Kind::Verb("deploy")),
            ("ignore_tags", Kind::Other),
            ("CreatedBy=alice", Kind::Other),
            ("/aws/lambda/auto-resource-tagger", Kind::Other),
        ] {
            assert_eq!(kind(span), expected, "{span}");
        }
        assert!(
            has_test("    fn one_of_them() {", "one_of_them")
                && !has_test("fn one_of_them_all(", "one_of_them")
        );
    }

    #[test]
    fn what_is_not_there_is_named_with_its_line() {
        let root = std::env::temp_dir().join(format!("tagger-documents-{}", std::process::id()));
        for (name, text) in [
            ("docs/cli.md", "\n## tagger deploy\n"),
            ("xtask/src/main.rs", "Some(\"demo\")"),
            ("crates/a.rs", "fn it_is_here() {"),
            ("docs/security.md", "`no/such/path`\n| x | `crates/a.rs` `it_was_gone_here` |\n"),
            (
                "docs/what-was-run.md",
                "`cargo xtask demo` `tagger deploy` `crates/a.rs` `it_is_here`\n`crates/a.rs` `it_was_here`\n`crates/b.rs`\n\
                 `cargo xtask gone` `tagger gone`\n",
            ),
        ] {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let message = check(&root).unwrap_err();
        fs::remove_dir_all(&root).unwrap();
        for expected in [
            "docs/what-was-run.md:2: there is no `it_was_here` in crates/a.rs",
            "docs/what-was-run.md:3: there is no `crates/b.rs`",
            "docs/what-was-run.md:4: there is no `cargo xtask gone`",
            "docs/what-was-run.md:4: there is no `tagger gone`",
            "docs/security.md:2: there is no `it_was_gone_here` in crates/a.rs",
        ] {
            assert!(message.lines().any(|line| line == expected), "{expected}: {message}");
        }
        assert_eq!(message.lines().count(), 5, "{message}");
    }
}
