//! "Did you mean": the known name that is nearest to a word that is not known.

/// `; did you mean …?` for the nearest known name, or nothing when none is near.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let best = near(word, known).into_iter().next();
    best.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

/// The known names that are near a word, the nearest first.
pub fn near<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(&word, &name.to_lowercase());
    let all = known.into_iter().map(|name| (likeness(name), name));
    let mut near: Vec<_> = all.filter(|(likeness, _)| *likeness >= 0.5).collect();
    near.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    near.into_iter().map(|(_, name)| name).collect()
}

/// That a word is none of those that are known, and which one may be meant.
pub fn one_of(found: &str, known: &[&str]) -> String {
    format!("`{found}` is not one of {}{}", known.join(", "), nearest(found, known.iter().copied()))
}
