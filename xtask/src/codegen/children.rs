//! The tables of what is found by asking, and of what nobody may tag: a part of `generated.rs`.

use crate::catalog::Catalog;
use std::fmt::Write;

/// Both tables.
pub fn tables(catalog: &Catalog, out: &mut String) {
    out.push_str("\npub(crate) static FINDERS: &[Finder] = &[\n");
    for finder in &catalog.finders {
        let operation = finder.call.rsplit(':').next().unwrap_or_default();
        let (ids, mut filters) = match finder.ids.strip_prefix("filter ") {
            None => (finder.ids.clone(), Vec::new()),
            Some(name) => ("Filter.1.Value".to_owned(), vec![("Filter.1.Name".to_owned(), name)]),
        };
        for (place, (name, value)) in (filters.len() + 1..).zip(&finder.filters) {
            filters.push((format!("Filter.{place}.Name"), name));
            filters.push((format!("Filter.{place}.Value.1"), value));
        }
        let call = call(operation, &ids, &filters);
        let by_token = finder.token.as_ref().map_or("None".to_owned(), |name| {
            let filter = [("Filter.1.Name".to_owned(), name.as_str())];
            format!("Some({})", self::call(operation, "Filter.1.Value", &filter))
        });
        let root = format!("{operation}Response");
        let items: Vec<&str> =
            std::iter::once(root.as_str()).chain(finder.items.iter().map(String::as_str)).collect();
        let children = finder.child.iter().map(|child| {
            let only = child
                .only
                .as_ref()
                .map_or("None".to_owned(), |only| format!("Some((&{:?}, {:?}))", only.path, only.is));
            format!("Child {{ resource_type: {:?}, id: &{:?}, only: {only} }}", child.r#type, child.id)
        });
        let children: Vec<String> = children.collect();
        let state = finder
            .state
            .as_ref()
            .map_or("(&[], &[])".to_owned(), |state| format!("(&{:?}, &{:?})", state.path, state.still));
        let _ = writeln!(
            out,
            "    Finder {{ name: {:?}, call: {call}, by_token: {by_token}, parent: {:?}, items: &{items:?}, of: &{:?}, children: &[{}], \
             state: {state}, whole: {}, part: {}, rivals: &{:?}, alone: {} }},",
            finder.call,
            finder.parent,
            finder.of,
            children.join(", "),
            finder.whole,
            finder.part,
            finder.rival.iter().collect::<Vec<_>>(),
            finder.alone,
        );
    }
    out.push_str("];\n\npub(crate) static NOT_OURS: &[NotOurs] = &[\n");
    for one in &catalog.not_ours {
        let when: Vec<_> = one.when.iter().collect();
        let _ = writeln!(
            out,
            "    NotOurs {{ resource_type: {:?}, arn: {:?}, when: &{when:?}, why: {:?} }},",
            one.r#type, one.arn, one.why
        );
    }
    out.push_str("];\n");
}

fn call(operation: &str, ids: &str, filters: &[(String, &str)]) -> String {
    let filters = filters.iter().map(|(name, value)| format!("({name:?}, Fixed::Text({value:?}))"));
    let filters: Vec<String> = filters.collect();
    format!("Call {{ extra: &[{}], ..describe({operation:?}, {ids:?}) }}", filters.join(", "))
}
