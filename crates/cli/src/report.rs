//! What a verb that takes its time says: sentences for people, or one JSON object a line.
//!
//! Each JSON line has a `step`, the same words that people read, and what belongs to it.

use crate::{aws::Stop, exit_code::Error};
use serde_json::{Value, json};
use std::{
    io::{IsTerminal, Write},
    sync::mpsc,
    time::Duration,
};
use tagger_core::printable;

/// Where it goes, and in which form.
#[derive(Debug, Clone, Copy)]
pub struct Report {
    json: bool,
}

impl Report {
    /// For people, or for programs.
    pub fn new(json: bool) -> Self {
        Self { json }
    }

    /// Says something. `step` names what this is about, `more` is an object with what belongs to it.
    ///
    /// # Errors
    /// Standard output is closed.
    pub fn say(&self, step: &str, text: &str, more: Value) -> Result<(), Error> {
        let mut out = std::io::stdout().lock();
        if self.json {
            let mut line = json!({ "step": step, "message": text.trim() });
            if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
                line.extend(more.clone());
            }
            writeln!(out, "{}", printable::json(&line.to_string()))?;
        } else {
            writeln!(out, "{}", printable::lines(text))?;
        }
        out.flush()?;
        Ok(())
    }

    /// Asks for a yes. Without a terminal nobody can be asked; Ctrl-C is a no.
    ///
    /// # Errors
    /// There is nobody to ask.
    pub fn ask(&self, question: &str, yes: bool, stop: &Stop) -> Result<bool, Error> {
        if yes {
            return Ok(true);
        }
        if self.json || !std::io::stdin().is_terminal() {
            return Err(Error::Usage(
                "there is no terminal to ask at: give --yes, or --dry-run to look only".to_owned(),
            ));
        }
        let mut out = std::io::stdout().lock();
        write!(out, "\n{question} [y/N] ")?;
        out.flush()?;
        // A thread reads, so that Ctrl-C is heard meanwhile.
        let (sender, answers) = mpsc::channel();
        std::thread::spawn(move || {
            let mut answer = String::new();
            let _ = std::io::stdin().read_line(&mut answer);
            let _ = sender.send(answer);
        });
        loop {
            match answers.recv_timeout(Duration::from_millis(50)) {
                Ok(answer) => return Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")),
                Err(mpsc::RecvTimeoutError::Timeout) if !stop.is_asked() => {}
                Err(_) => {
                    writeln!(out)?;
                    return Ok(false);
                }
            }
        }
    }
}
