//! Globs: names with `*` for any text and `?` for any character.

use std::{
    fs,
    path::{Component, Path, PathBuf},
};

/// Whether a text is that of a pattern, in which `*` is any text and `?` any character.
pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(char) if *char == '?' || *char == text[t] => (p, t) = (p + 1, t + 1),
            // The last star takes one more.
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|char| *char == '*')
}

/// Every path that a path with globs means, in order; the path itself where it has none or names something. A star goes
/// over no slash.
pub fn expand(path: &Path) -> Vec<PathBuf> {
    let has_glob = |text: &Path| text.to_string_lossy().contains(['*', '?']);
    if !has_glob(path) || path.exists() {
        return vec![path.to_owned()];
    }
    let mut found = vec![PathBuf::new()];
    for part in path.components() {
        let Component::Normal(name) = part else {
            found.iter_mut().for_each(|folder| folder.push(part));
            continue;
        };
        if !has_glob(Path::new(name)) {
            found.iter_mut().for_each(|folder| folder.push(name));
            found.retain(|path| path.exists());
            continue;
        }
        let pattern = name.to_string_lossy();
        let below = |folder: &PathBuf| {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name())
        };
        found = found
            .iter()
            .flat_map(|folder| below(folder).map(move |name| (folder, name)))
            .filter(|(_, name)| matches(&pattern, &name.to_string_lossy()))
            .map(|(folder, name)| folder.join(name))
            .collect();
    }
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("alice", "alice", true),
            ("alice", "alice2", false),
            ("al*", "alice", true),
            ("*ice", "alice", true),
            ("a*i?e", "alice", true),
            ("*", "", true),
            ("?", "", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("AWS::EC2::*", "AWS::EC2::Volume", true),
            ("\u{e9}?", "\u{e9}\u{e8}", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
