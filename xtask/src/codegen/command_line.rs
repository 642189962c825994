//! `crates/cli/src/commands/catalog/generated.rs`: what `tagger catalog` shows beside the catalog's own tables. It is
//! the command line's alone, so that the function's program does not grow by it.

use crate::catalog::{Catalog, REASONS};
use serde_json::Value;
use std::fmt::Write;

/// The tables' text.
pub fn tables(catalog: &Catalog, rules: &Value) -> String {
    let mut out = String::from(
        "//! Generated from `catalog/*.toml` by `cargo xtask codegen`; do not edit by hand. A line a row, so it is not formatted.\n\n\
         /// An event source, and events of it.\n\
         pub type Branch = (&'static str, &'static [&'static str]);\n\n\
         /// The EventBridge rules: name, and for each event source the events.\n\
         pub const RULES: &[(&str, &[Branch])] = &[\n",
    );
    for rule in rules.as_array().into_iter().flatten() {
        let _ = writeln!(out, "    ({}, &[", rule["name"]);
        // A service that fills a pattern stands in it by itself.
        let detail = &rule["pattern"]["detail"];
        let branches = detail["$or"].as_array().map_or(std::slice::from_ref(detail), Vec::as_slice);
        for branch in branches {
            // A versioned name's prefix stands beside its plain form.
            let names = branch["eventName"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let names: Vec<_> = names.map(|name| format!("{name:?}")).collect();
            let _ = writeln!(out, "        ({}, &[{}]),", branch["eventSource"][0], names.join(", "));
        }
        out.push_str("    ]),\n");
    }
    out.push_str(
        "];\n\n/// The IAM action that tells which resource of a type it is, and where that is documented.\n\
         pub const DESCRIBING: &[(&str, &str, &str)] = &[\n",
    );
    for told in &catalog.lifetimes.told {
        let _ = writeln!(out, "    ({:?}, {:?}, {:?}),", told.r#type, told.action, told.source);
    }
    out.push_str(
        "];\n\n/// The taggable types without an entry: the reason's word, what it means, and where it can be read.\n\
         pub const EXEMPT: &[(&str, &str, &str, &str)] = &[\n",
    );
    for one in &catalog.exemptions.exempt {
        let meaning =
            REASONS.iter().find(|(reason, _)| *reason == one.reason).map_or("", |(_, meaning)| meaning);
        let other = one.r#as.iter().map(|other| format!(" ({other})"));
        let why = one.why.iter().map(|why| format!("; {}", why.trim_end_matches('.')));
        let text: String = std::iter::once(meaning.to_owned()).chain(other).chain(why).collect();
        let _ = writeln!(out, "    ({:?}, {:?}, {text:?}, {:?}),", one.r#type, one.reason, one.source);
    }
    out.push_str("];\n");
    out
}
