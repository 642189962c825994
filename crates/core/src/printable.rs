//! Texts that others chose, so that they can be printed: what would move a terminal's cursor, colour it, begin another line, or
//! change what a reader sees. Names, ARNs and messages in records are chosen by callers.
//!
//! Hidden are control characters (C0, DEL, C1), and characters that show nothing and change the order or the look of others:
//! U+202E turns a name around, U+200B makes two names look the same. <https://www.unicode.org/reports/tr36/>

use std::{borrow::Cow, fmt::Write};

/// What stands for a hidden character.
const STAND_IN: char = '\u{fffd}';

/// Whether a character shows nothing by itself, and changes what is seen or where.
pub fn is_hidden(sign: char) -> bool {
    sign.is_control()
        || matches!(sign,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
                | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A text for a place within a line.
pub fn text(text: &str) -> String {
    text.chars().map(|sign| if is_hidden(sign) { STAND_IN } else { sign }).collect()
}

/// A text of several lines, whose ends stay.
pub fn lines(text: &str) -> Cow<'_, str> {
    let kept = |sign: char| sign == '\n' || !is_hidden(sign);
    if text.chars().all(kept) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|sign| if kept(sign) { sign } else { STAND_IN }).collect())
}

/// A line of JSON in which each hidden character is written as JSON escapes it, so that it is the same JSON. C0 is escaped
/// by every writer of JSON already.
pub fn json(line: &str) -> Cow<'_, str> {
    if !line.chars().any(|sign| is_hidden(sign) && sign != '\n') {
        return Cow::Borrowed(line);
    }
    let mut escaped = String::with_capacity(line.len() + 16);
    for sign in line.chars() {
        if is_hidden(sign) && sign != '\n' {
            for unit in sign.encode_utf16(&mut [0; 2]) {
                let _ = write!(escaped, "\\u{unit:04x}");
            }
        } else {
            escaped.push(sign);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const HOSTILE: [(&str, char); 11] = [
        ("NUL", '\0'),
        ("ESC, with which colours and titles begin", '\u{1b}'),
        ("DEL", '\u{7f}'),
        ("C1: CSI in one character", '\u{9b}'),
        ("zero width space", '\u{200b}'),
        ("right-to-left mark", '\u{200f}'),
        ("line separator", '\u{2028}'),
        ("right-to-left override", '\u{202e}'),
        ("right-to-left isolate", '\u{2067}'),
        ("byte order mark", '\u{feff}'),
        ("a tag character", '\u{e0041}'),
    ];

    #[test]
    fn what_shows_nothing_does_not_reach_a_terminal() {
        for (what, sign) in HOSTILE {
            let name = format!("al{sign}ice");
            assert_eq!(text(&name), "al\u{fffd}ice", "{what}");
            assert_eq!(lines(&format!("{name}\nbob")), "al\u{fffd}ice\nbob", "{what}");
        }
        for name in ["alice@example.com", "Ärzte 東京 🙂", "שלום"] {
            assert_eq!(text(name), name);
        }
        assert_eq!(text("a\nb"), "a\u{fffd}b", "a name begins no line");
    }

    #[test]
    fn json_says_the_same_and_shows_what_is_hidden() {
        for (what, sign) in HOSTILE {
            let value = json!({ "name": format!("al{sign}ice"), "more": ["x\ny"] });
            let line = value.to_string();
            let line = json(&line);
            assert!(!line.chars().any(is_hidden), "{what}: {line:?}");
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), value, "{what}");
        }
    }
}
