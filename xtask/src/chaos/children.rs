//! The describing calls of EC2 that tell the children of resources, by `catalog/finders.toml`: each parent with its state,
//! or each child with the id of its parent. A child appears some seconds after its parent.

use super::http::Answer;
use std::fmt::Write;
use tagger_catalog::finder::{Finder, finders};

/// The call of this action, if it tells children.
pub fn of_action(action: &str) -> Option<&'static Finder> {
    finders().iter().find(|finder| finder.name.strip_prefix("ec2:") == Some(action))
}

/// A parent that is asked about.
pub struct Parent {
    /// Its id.
    pub id: String,
    /// Whether children of it are to come.
    pub pending: bool,
    /// Those that are there: type and id.
    pub children: Vec<(&'static str, String)>,
}

/// What the call answers about these parents.
pub fn answer(finder: &Finder, parents: &[Parent]) -> Answer {
    let mut items = String::new();
    for parent in parents {
        let ids = |resource_type: &str| -> Vec<&str> {
            let of_type = parent.children.iter().filter(|(known, _)| *known == resource_type);
            of_type.map(|(_, id)| id.as_str()).collect()
        };
        let of = nested(finder.of, &[&parent.id]);
        if finder.state.0.is_empty() {
            for child in finder.children {
                for id in ids(child.resource_type) {
                    let only = child.only.map_or(String::new(), |(path, value)| nested(path, &[value]));
                    let _ = write!(items, "<item>{of}{}{only}</item>", nested(child.id, &[id]));
                }
            }
            continue;
        }
        let state = if parent.pending { finder.state.1[0] } else { "done" };
        let mut parts = vec![(finder.state.0, vec![state])];
        parts.extend(finder.children.iter().map(|child| (child.id, ids(child.resource_type))));
        let _ = write!(items, "<item>{of}<rootDeviceType>ebs</rootDeviceType>{}</item>", together(&parts));
    }
    let (root, sets) = finder.items.split_first().map_or(("", &[][..]), |(root, sets)| (*root, sets));
    let body = sets.iter().rev().enumerate().fold(items, |inner, (depth, set)| {
        let inner = if depth == 0 { inner } else { format!("<item>{inner}</item>") };
        format!("<{set}>{inner}</{set}>")
    });
    Answer::new(200, "text/xml", format!("<{root}>{body}</{root}>"))
}

/// Several paths; what begins alike stands in one element.
fn together(parts: &[(&[&str], Vec<&str>)]) -> String {
    let mut out = String::new();
    for (place, (path, values)) in parts.iter().enumerate() {
        let Some((step, rest)) = path.split_first() else { continue };
        if rest.is_empty() || is_set(step) {
            out += &nested(path, values);
        } else if parts[..place].iter().all(|(earlier, _)| earlier.first() != Some(step)) {
            let same = parts.iter().filter(|(other, _)| other.first() == Some(step));
            let inner: String = same.map(|(other, values)| nested(&other[1..], values)).collect();
            let _ = write!(out, "<{step}>{inner}</{step}>");
        }
    }
    out
}

fn is_set(step: &str) -> bool {
    step.ends_with("Set") || step.ends_with("Mapping")
}

/// Values at the end of a path. The first step that is a set holds an item for each.
fn nested(path: &[&str], values: &[&str]) -> String {
    let Some((step, rest)) = path.split_first() else { return values.concat() };
    let inner: String = if is_set(step) {
        values.iter().map(|value| format!("<item>{}</item>", nested(rest, &[value]))).collect()
    } else if values.is_empty() {
        return String::new();
    } else {
        nested(rest, values)
    };
    format!("<{step}>{inner}</{step}>")
}
