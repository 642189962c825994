//! How text is laid out for people: bold where a terminal can show it, columns that line up; and what goes to standard
//! error. What callers of AWS chose is printed by `tagger_core::printable`.

use crate::args::Color;
use std::io::{IsTerminal, Write};
use tagger_core::printable;

/// Says something on standard error. Whoever read it may be gone (`2>&1 | head`): then there is nobody to tell, which is
/// no reason to stop. `eprintln!` panics there, and the release build aborts on a panic, so it is not used.
pub fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{}", printable::lines(text));
}

/// What is printed around a headline: escape codes, or nothing.
pub fn bold(color: Color) -> (String, String) {
    let style = anstyle::Style::new().bold();
    if shows_styles(color) {
        (style.render().to_string(), style.render_reset().to_string())
    } else {
        (String::new(), String::new())
    }
}

fn shows_styles(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

/// How a line looks on a terminal. No meaning of its own: the text says the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As it is.
    Plain,
    /// Of less interest.
    Dim,
    /// A failure.
    Red,
}

impl Look {
    /// The text with this look, where standard output is a terminal that shows it.
    pub fn of(self, text: &str) -> String {
        let style = match self {
            _ if !shows_styles(Color::Auto) => anstyle::Style::new(),
            Look::Plain => anstyle::Style::new(),
            Look::Dim => anstyle::Style::new().dimmed(),
            Look::Red => anstyle::AnsiColor::Red.on_default(),
        };
        format!("{}{text}{}", style.render(), style.render_reset())
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
