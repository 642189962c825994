//! Settings in words, as `tagger deploy`, `tagger status` and `tagger config check` say them: a line each, in an order
//! that stays, so that two of them can be compared.

use crate::policy::{Existing, Policy};

/// What holds: what it is about, and what it is.
pub fn of(policy: &Policy) -> Vec<(String, String)> {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |about: &str, what: String| lines.push((about.to_owned(), what));
    let existing = match policy.existing {
        Existing::Keep => "one that is there stays",
        Existing::Overwrite => "one that is there is overwritten",
    };
    add("creator's tag", format!("{}={}; {existing}", policy.tag.key, policy.tag.value.as_str()));
    for (kind, template) in &policy.values {
        let what = format!("{}={}", policy.tag.key, template.as_str());
        add(&format!("made by {}", kind.as_str()), what);
    }
    for tag in &policy.further {
        add(&format!("tag {}", tag.key), format!("{}={}", tag.key, tag.value.as_str()));
    }
    if !policy.skipped.is_empty() {
        let kinds: Vec<&str> = policy.skipped.iter().map(|kind| kind.as_str()).collect();
        add("skipped kinds", kinds.join(", "));
    }
    if !policy.excluded.is_empty() {
        add("excluded", policy.excluded.join(", "));
    }
    if !policy.people.is_empty() || policy.people_file.is_some() {
        let from = policy.people_file.as_deref().map(|file| format!(" of {file}")).unwrap_or_default();
        let keys = policy.people.keys();
        let tags = if keys.is_empty() { String::new() } else { format!(", with {}", keys.join(", ")) };
        let rows = if policy.people.len() == 1 { "row" } else { "rows" };
        add("people", format!("{} {rows}{from}{tags}", policy.people.len()));
    }
    let scope = &policy.scope;
    let lists = [
        ("services", &scope.services),
        ("types", &scope.types),
        ("accounts", &scope.accounts),
        ("regions", &scope.regions),
        ("VPCs", &scope.vpcs),
    ];
    for (about, words) in lists.into_iter().filter(|(_, words)| !words.is_empty()) {
        add(about, words.words());
    }
    if !scope.since.is_empty() {
        add("since", scope.since.clone());
    }
    if !policy.opt_out.is_empty() {
        add("opted out by", policy.opt_out.to_string());
    }
    lines
}

/// What changes from one to the other: a sign (`+` new, `-` no longer, `~` other than before), what it is about, and what.
pub fn changes(before: &Policy, after: &Policy) -> Vec<(char, String, String)> {
    let (old, new) = (of(before), of(after));
    let value = |lines: &[(String, String)], about: &str| {
        lines.iter().find(|(known, _)| known == about).map(|(_, what)| what.clone())
    };
    let mut changes: Vec<(char, String, String)> = Vec::new();
    for (about, what) in &new {
        match value(&old, about) {
            None => changes.push(('+', about.clone(), what.clone())),
            Some(earlier) if earlier != *what => {
                changes.push(('~', about.clone(), format!("{what} (was {earlier})")));
            }
            // Of people only the numbers are told.
            Some(_) if about == "people" && before.people != after.people => {
                changes.push(('~', about.clone(), format!("{what}; the rows are other ones")));
            }
            Some(_) => {}
        }
    }
    for (about, what) in old {
        if value(&new, &about).is_none() {
            changes.push(('-', about, what));
        }
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::from_toml;

    #[test]
    fn what_holds_and_what_changes() {
        let before = from_toml("[tags]\nTeam = \"x\"\n[scope]\nservices = [\"!logs\"]\n").unwrap();
        let text = "[tag]\nexisting = \"overwrite\"\n[value]\nworkload = \"{role}\"\n[scope]\nservices = [\"!logs\"]\n\
                    [opt-out]\ntags = [\"auto-tag=off\"]\n[[person]]\nmatch = \"a\"\nname = \"A\"\nUnit = \"u\"\n";
        let after = from_toml(text).unwrap();
        let written = |(about, what): (String, String)| format!("{about}: {what}");
        let found: Vec<String> = of(&after).into_iter().map(written).collect();
        let expected = [
            "creator's tag: CreatedBy={name}; one that is there is overwritten",
            "made by workload: CreatedBy={role}",
            "people: 1 row, with Unit",
            "services: all but logs",
            "opted out by: auto-tag=off",
        ];
        assert_eq!(found, expected);
        let found: Vec<String> = changes(&before, &after)
            .into_iter()
            .map(|(sign, about, what)| format!("{sign} {about}: {what}"))
            .collect();
        let expected = [
            "~ creator's tag: CreatedBy={name}; one that is there is overwritten (was CreatedBy={name}; one that is there stays)",
            "+ made by workload: CreatedBy={role}",
            "+ people: 1 row, with Unit",
            "+ opted out by: auto-tag=off",
            "- tag Team: Team=x",
        ];
        assert_eq!(found, expected);
        assert_eq!(changes(&after, &after), []);
    }
}
