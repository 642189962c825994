//! How text is laid out for people: bold where a terminal can show it, columns that line up; and what goes to standard
//! error.

use crate::args::Color;
use std::io::{IsTerminal, Write};

/// Says something on standard error. Whoever read it may be gone (`2>&1 | head`): then there is nobody to tell, which is
/// no reason to stop. `eprintln!` panics there, and the release build aborts on a panic, so it is not used.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// What is printed around a headline: escape codes, or nothing.
pub fn bold(color: Color) -> (String, String) {
    let wanted = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    };
    let style = anstyle::Style::new().bold();
    if wanted {
        (style.render().to_string(), style.render_reset().to_string())
    } else {
        (String::new(), String::new())
    }
}

/// Rows as columns that line up; the last column is not padded.
pub fn columns(rows: &[Vec<String>]) -> String {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..count).map(width).collect();
    let mut out = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        out.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        out.push('\n');
    }
    out
}

/// A text of a record without what would move the cursor, colour the terminal or begin another line.
pub fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}
