//! The patterns of the templates' parameters that hold value templates: what CloudFormation refuses for those who
//! deploy by hand. The names in braces are the parser's own (`tagger_core::settings::fields::FIELDS`).
//!
//! The parser decides; the patterns come as near to it as a pattern can. `crates/cli/src/commands/deploy/settings.rs`
//! has the test that both say the same. They are read by Java, Python and Rust: no more than all of these know.

use tagger_core::settings::{
    fields::{FIELDS, PATHS},
    filter::FILTERS,
};

/// A character of a value that AWS's services take everywhere.
const TEXT: &str = "[A-Za-z0-9 _.:/=+@-]";

/// The names that may stand in braces.
pub fn fields(between: &str) -> String {
    FIELDS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(between)
}

/// Names in braces, of which the first that has a value stands, and behind them filters. What a filter takes is any text
/// without the signs that end it here: bars, braces, and the semicolon between further tags.
fn braces() -> String {
    let paths = PATHS.iter().map(|(start, _)| *start).collect::<Vec<_>>().join("|");
    let step = r"[A-Za-z0-9_:-]+(\[\])?";
    let name = format!(r"({}|({paths})(\.{step})+)", fields("|"));
    let takes = |form: &str| match form.split_once(':').map(|(filter, _)| filter) {
        None => form.to_owned(),
        Some("limit") => "limit:[1-9][0-9]{0,2}".to_owned(),
        Some("replace") => "replace:[^|{};][^|{};:]*:[^|{};]*".to_owned(),
        Some(filter) => format!("{filter}:[^|{{}};]+"),
    };
    let filters = FILTERS.iter().map(|(_, form, _)| takes(form)).collect::<Vec<_>>().join("|");
    format!(r"\{{ *{name}( *\| *{name})*( *\| *({filters}))* *\}}")
}

/// A value with names in braces. `text` is one character outside of them.
fn value(text: &str) -> String {
    format!("{text}*({}{text}*)*", braces())
}

/// `TagValue`: not only spaces.
pub fn tag_value() -> String {
    format!("^$|^(?! *$){}$", value(TEXT))
}

/// `MoreTags`: `Key=value;Key=value`, no key twice, since IAM does not tell `Team` from `team`.
pub fn more_tags() -> String {
    let once = r"(?!(?i:(.*;)? *([^=;]+?) *=.*; *\2 *=))";
    let key = "(?![aA][wW][sS]:)[A-Za-z0-9_.:/+@-]([A-Za-z0-9 _.:/+@-]{0,125}[A-Za-z0-9_.:/+@-])?";
    let pair = format!(" *{key} *=(?! *(;|$)){}", value(TEXT));
    format!("^$|^{once}({pair}(;|$))+$")
}
