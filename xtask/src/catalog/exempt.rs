//! The ratchet on breadth: every taggable type has an entry or an exemption with a reason, and no exemption outlives its reason.
//!
//! The taggable types are CloudFormation's, in `catalog/reference/types.json`; the exemptions are `catalog/exempt.toml`.

use super::Catalog;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// Why a type has no entry, and what that means to a reader. The list is closed.
pub const REASONS: [(&str, &str); 11] = [
    ("same-resource", "CloudFormation has another type for it, which is covered"),
    ("retired", "the service, or this part of it, takes no new resources"),
    ("no-api", "no call of AWS's published API models creates it"),
    ("by-aws", "AWS alone creates it, with something else"),
    ("no-create-event", "its creation is no management event of CloudTrail"),
    ("not-in-record", "the record of its creation holds neither its ARN nor what its ARN is made of"),
    (
        "update-only",
        "its tags are read or changed only with a right to more than tags, which the function does not take",
    ),
    ("no-read", "no call reads its tags by what the record holds, and what cannot be read cannot be kept"),
    ("no-tagging", "no call tags it"),
    ("cbor-only", "its service speaks CBOR alone, which the client does not"),
    ("undecided", "something about it is doubted"),
];

/// `catalog/exempt.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exemptions {
    /// In the types' order.
    pub exempt: Vec<Exempt>,
}

/// A taggable type without an entry.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exempt {
    /// CloudFormation resource type.
    pub r#type: String,
    /// One of [`REASONS`].
    pub reason: String,
    /// The type that covers the same resource.
    pub r#as: Option<String>,
    /// What is special, in a sentence.
    pub why: Option<String>,
    /// Link.
    #[serde(default)]
    pub source: String,
}

/// The types that CloudFormation lists as taggable.
pub fn taggable(folder: &Path) -> Result<BTreeSet<String>, String> {
    #[derive(Deserialize)]
    struct Facts {
        ground: String,
    }
    #[derive(Deserialize)]
    struct Types {
        types: BTreeMap<String, Facts>,
    }
    let path = folder.join("reference/types.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let found: Types = serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let of_cloudformation =
        found.types.into_iter().filter(|(_, facts)| facts.ground != "not a type of CloudFormation");
    Ok(of_cloudformation.map(|(name, _)| name).collect())
}

impl Catalog {
    pub(super) fn exempt_complaints(&self) -> Vec<String> {
        let covered = self.entries().map(|(_, entry)| entry.r#type.as_str()).collect();
        complaints(&self.exemptions.exempt, &self.taggable, &covered)
    }
}

fn complaints(exempt: &[Exempt], taggable: &BTreeSet<String>, covered: &BTreeSet<&str>) -> Vec<String> {
    let mut out = Vec::new();
    for pair in exempt.windows(2) {
        let (first, second) = (&pair[0].r#type, &pair[1].r#type);
        if first == second {
            out.push(format!("catalog/exempt.toml: {first}: stands there twice; remove one"));
        } else if first > second {
            out.push(format!("catalog/exempt.toml: {first} stands before {second}; sort by type"));
        }
    }
    for one in exempt {
        let name = format!("catalog/exempt.toml: {}", one.r#type);
        if !REASONS.iter().any(|(reason, _)| *reason == one.reason) {
            let reasons: Vec<_> = REASONS.iter().map(|(reason, _)| *reason).collect();
            out.push(format!("{name}: reason `{}` is not one of {}", one.reason, reasons.join(", ")));
        }
        if !one.source.starts_with("https://") {
            out.push(format!("{name}: `source` must be a link that shows the reason"));
        }
        if one.reason == "undecided" && one.why.is_none() {
            out.push(format!("{name}: say in `why` what is doubted"));
        }
        match (&one.r#as, one.reason == "same-resource") {
            (None, true) => out.push(format!("{name}: name in `as` the type that covers the same resource")),
            (Some(_), false) => {
                out.push(format!("{name}: `as` is for the reason same-resource alone; remove it"))
            }
            (Some(other), true) if !covered.contains(other.as_str()) => {
                out.push(format!("{name}: no entry has the type {other} of `as`; give another reason"));
            }
            _ => {}
        }
        if covered.contains(one.r#type.as_str()) {
            out.push(format!("{name}: has an entry by now; remove the exemption"));
        }
        if !taggable.contains(&one.r#type) {
            out.push(format!(
                "{name}: is no taggable type of catalog/reference/types.json any more; remove the exemption"
            ));
        }
    }
    let exempted: BTreeSet<_> = exempt.iter().map(|one| one.r#type.as_str()).collect();
    for name in taggable {
        if !covered.contains(name.as_str()) && !exempted.contains(name.as_str()) {
            out.push(format!(
                "catalog/reference/types.json: {name} has neither an entry nor an exemption; \
                 `python catalog/tools/entries.py --propose {name}` derives the one, or say why not in catalog/exempt.toml"
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = "https://docs.aws.amazon.com/";

    fn exempt(name: &str, reason: &str) -> Exempt {
        Exempt {
            r#type: name.to_owned(),
            reason: reason.to_owned(),
            r#as: None,
            why: None,
            source: SOURCE.to_owned(),
        }
    }

    /// The taggable types are A, B and C, of which C has an entry.
    fn told(exempt: &[Exempt]) -> Vec<String> {
        complaints(exempt, &["A", "B", "C"].map(str::to_owned).into(), &["C"].into())
    }

    #[test]
    fn a_type_with_an_entry_or_a_reason_is_no_complaint() {
        let same = Exempt { r#as: Some("C".to_owned()), ..exempt("B", "same-resource") };
        assert_eq!(told(&[exempt("A", "retired"), same]), Vec::<String>::new());
    }

    #[test]
    fn every_break_of_the_ratchet_is_told_with_its_fix() {
        let (a, b) = (|| exempt("A", "retired"), || exempt("B", "retired"));
        let cases: [(&str, Vec<Exempt>, &str); 11] = [
            (
                "neither covered nor exempt",
                vec![a()],
                "catalog/reference/types.json: B has neither an entry nor an exemption; `python catalog/tools/entries.py --propose B` derives the one, or say why not in catalog/exempt.toml",
            ),
            (
                "covered by now",
                vec![a(), b(), exempt("C", "retired")],
                "catalog/exempt.toml: C: has an entry by now; remove the exemption",
            ),
            (
                "no longer a type",
                vec![a(), b(), exempt("D", "retired")],
                "catalog/exempt.toml: D: is no taggable type of catalog/reference/types.json any more; remove the exemption",
            ),
            (
                "unknown reason",
                vec![a(), exempt("B", "too hard")],
                "catalog/exempt.toml: B: reason `too hard` is not one of same-resource, retired, no-api, by-aws, no-create-event, not-in-record, update-only, no-read, no-tagging, cbor-only, undecided",
            ),
            (
                "no link",
                vec![a(), Exempt { source: String::new(), ..b() }],
                "catalog/exempt.toml: B: `source` must be a link that shows the reason",
            ),
            ("not sorted", vec![b(), a()], "catalog/exempt.toml: B stands before A; sort by type"),
            ("twice", vec![a(), a(), b()], "catalog/exempt.toml: A: stands there twice; remove one"),
            (
                "undecided without a doubt",
                vec![a(), exempt("B", "undecided")],
                "catalog/exempt.toml: B: say in `why` what is doubted",
            ),
            (
                "the same as nothing",
                vec![a(), exempt("B", "same-resource")],
                "catalog/exempt.toml: B: name in `as` the type that covers the same resource",
            ),
            (
                "the same as what has no entry",
                vec![a(), Exempt { r#as: Some("A".to_owned()), ..exempt("B", "same-resource") }],
                "catalog/exempt.toml: B: no entry has the type A of `as`; give another reason",
            ),
            (
                "`as` with another reason",
                vec![a(), Exempt { r#as: Some("C".to_owned()), ..b() }],
                "catalog/exempt.toml: B: `as` is for the reason same-resource alone; remove it",
            ),
        ];
        for (name, exempt, expected) in cases {
            assert_eq!(told(&exempt), [expected], "{name}");
        }
    }
}
