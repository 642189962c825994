//! What a check found, and how it is printed: a line of text, or a line of JSON.
//!
//! Knows nothing of AWS but that a call can fail. The words of the JSON are stable:
//! `{"check","region"?,"verdict","message","fix"?,…}` for each check, and at the end
//! `{"verdict","ok","info","warn","bad","unknown"}`.

use crate::exit_code::{Error, ExitCode};
use serde_json::{Map, Value, json};
use std::io::Write;
use tagger_aws::account::Trouble;
use tagger_core::printable;

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Ok,
    /// Something to know.
    Info,
    /// It works, but not for everything, or not for long.
    Warn,
    /// It could not be looked at, so nothing is said about it.
    Unknown,
    /// This is why something is not tagged.
    Bad,
}

impl Verdict {
    const ALL: [Self; 5] = [Self::Ok, Self::Info, Self::Warn, Self::Unknown, Self::Bad];

    fn word(self) -> &'static str {
        match self {
            Verdict::Ok => "ok",
            Verdict::Info => "INFO",
            Verdict::Warn => "WARN",
            Verdict::Unknown => "UNKNOWN",
            Verdict::Bad => "BAD",
        }
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its name.
    pub name: &'static str,
    /// Where, if it is of one region.
    pub region: Option<String>,
    /// How it ended.
    pub verdict: Verdict,
    /// A sentence.
    pub message: String,
    /// What to do about it.
    pub fix: Option<String>,
    /// More, for programs.
    pub details: Map<String, Value>,
}

impl Check {
    /// A finding.
    pub fn new(name: &'static str, verdict: Verdict, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { name, region: None, verdict, message, fix: None, details: Map::new() }
    }

    /// All is well.
    pub fn ok(name: &'static str, message: impl Into<String>) -> Self {
        Self::new(name, Verdict::Ok, message)
    }

    /// It could not be looked at.
    pub fn unknown(name: &'static str, trouble: &Trouble) -> Self {
        let message =
            format!("not looked at: {} answered {}: {}", trouble.call, trouble.code, trouble.message);
        let region = Some(trouble.region.clone()).filter(|region| !region.is_empty());
        Self { region, fix: trouble.fix(), ..Self::new(name, Verdict::Unknown, message) }
    }

    /// Where it is.
    pub fn at(self, region: &str) -> Self {
        Self { region: Some(region.to_owned()), ..self }
    }

    /// What to do about it.
    pub fn fix(self, fix: impl Into<String>) -> Self {
        Self { fix: Some(fix.into()), ..self }
    }

    /// More, for programs.
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }
}

/// Prints checks as they are found, and counts them.
#[derive(Debug)]
pub struct Report {
    json: bool,
    count: [usize; 5],
}

impl Report {
    /// Nothing found yet.
    pub fn new(json: bool) -> Self {
        Self { json, count: [0; 5] }
    }

    /// Prints a check.
    ///
    /// # Errors
    /// The output could not be written.
    pub fn say(&mut self, check: &Check) -> Result<(), Error> {
        self.count[check.verdict as usize] += 1;
        let text = match self.json {
            true => format!("{}\n", printable::json(&as_json(check))),
            false => printable::lines(&as_text(check)).into_owned(),
        };
        let mut out = std::io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// Prints several.
    ///
    /// # Errors
    /// The output could not be written.
    pub fn say_all(&mut self, checks: &[Check]) -> Result<(), Error> {
        checks.iter().try_for_each(|check| self.say(check))
    }

    /// Prints the verdict of all.
    ///
    /// # Errors
    /// The output could not be written.
    pub fn end(self) -> Result<ExitCode, Error> {
        let [ok, info, warn, unknown, bad] = self.count;
        let (verdict, code) = overall(self.count);
        let text = if self.json {
            let word = verdict.word().to_lowercase();
            format!(
                "{}\n",
                json!({ "verdict": word, "ok": ok, "info": info, "warn": warn, "unknown": unknown, "bad": bad })
            )
        } else {
            format!("\n{}\n", summary(self.count))
        };
        std::io::stdout().lock().write_all(text.as_bytes())?;
        Ok(code)
    }
}

/// The worst of all, and what the process says.
fn overall(count: [usize; 5]) -> (Verdict, ExitCode) {
    let worst = Verdict::ALL.into_iter().rev().find(|verdict| count[*verdict as usize] > 0);
    match worst.unwrap_or(Verdict::Ok) {
        Verdict::Bad => (Verdict::Bad, ExitCode::Failure),
        Verdict::Unknown => (Verdict::Unknown, ExitCode::Unreadable),
        Verdict::Warn => (Verdict::Warn, ExitCode::Fine),
        Verdict::Info | Verdict::Ok => (Verdict::Ok, ExitCode::Fine),
    }
}

fn summary([ok, _, warn, unknown, bad]: [usize; 5]) -> String {
    let mut parts = vec![format!("{ok} ok")];
    let others = [(warn, Verdict::Warn), (unknown, Verdict::Unknown), (bad, Verdict::Bad)];
    parts.extend(
        others.iter().filter(|(count, _)| *count > 0).map(|(count, of)| format!("{count} {}", of.word())),
    );
    let advice = match (bad, unknown, warn) {
        (0, 0, 0) => "Nothing is wrong.",
        (0, 0, _) => "Nothing is broken; read the WARN lines.",
        (0, _, _) => "Nothing wrong was found, but not everything could be looked at.",
        _ => "Begin with the first BAD line: what comes after it may follow from it.",
    };
    format!("{}. {advice}", parts.join(", "))
}

fn as_text(check: &Check) -> String {
    let place = check.region.as_ref().map(|region| format!("{region}: ")).unwrap_or_default();
    let mut text = format!("{:<7}  {:<16}  {place}{}\n", check.verdict.word(), check.name, check.message);
    for line in check.fix.iter().flat_map(|fix| fix.lines()) {
        text.push_str(&format!("{:27}{}\n", "", line.trim_start()));
    }
    text
}

fn as_json(check: &Check) -> String {
    let mut line = check.details.clone();
    line.insert("check".to_owned(), check.name.into());
    line.insert("verdict".to_owned(), check.verdict.word().to_lowercase().into());
    line.insert("message".to_owned(), check.message.as_str().into());
    if let Some(region) = &check.region {
        line.insert("region".to_owned(), region.as_str().into());
    }
    if let Some(fix) = &check.fix {
        line.insert("fix".to_owned(), fix.as_str().into());
    }
    Value::Object(line).to_string()
}

/// A count and its noun: `1 rule`, `5 rules`.
pub fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The first few of a list, and how many more there are.
pub fn some<T: AsRef<str>>(items: &[T], most: usize) -> String {
    let shown: Vec<&str> = items.iter().take(most).map(AsRef::as_ref).collect();
    let more = items.len().saturating_sub(most);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides() {
        for (count, verdict, code) in [
            ([3, 1, 0, 0, 0], Verdict::Ok, ExitCode::Fine),
            ([3, 0, 1, 0, 0], Verdict::Warn, ExitCode::Fine),
            ([3, 0, 1, 1, 0], Verdict::Unknown, ExitCode::Unreadable),
            ([3, 0, 1, 1, 1], Verdict::Bad, ExitCode::Failure),
            ([0, 0, 0, 0, 0], Verdict::Ok, ExitCode::Fine),
        ] {
            assert_eq!(overall(count), (verdict, code), "{count:?}");
        }
    }

    #[test]
    fn a_line_of_each_kind() {
        let check = Check::new("rules", Verdict::Bad, "2 are off").at("eu-west-1").fix("do this\n  and that");
        assert_eq!(
            as_text(&check),
            "BAD      rules             eu-west-1: 2 are off\n                           do this\n                           and that\n"
        );
        let line: Value = serde_json::from_str(&as_json(&check)).unwrap();
        assert_eq!(
            line,
            json!({"check": "rules", "region": "eu-west-1", "verdict": "bad", "message": "2 are off", "fix": "do this\n  and that"})
        );
        assert_eq!(some(&["a", "b", "c"], 2), "a, b and 1 more");
        assert_eq!(counted(1, "rule"), "1 rule");
    }
}
