//! `tagger explain`: for each record who, what and which tags, or why none. Plans only.

use crate::{
    args::Explain,
    exit_code::{Error, ExitCode},
    input::{self, Unreadable},
    output,
};
use std::io::{BufWriter, Write};
use tagger_core::explain;

/// Runs the verb.
///
/// # Errors
/// A wrong configuration, or the output cannot be written.
pub fn run(arguments: &Explain) -> Result<ExitCode, Error> {
    let policy = input::policy(&arguments.policy)?;
    let (bold, plain) = output::bold(arguments.color);
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut unreadable = Unreadable::default();
    for file in input::files(&arguments.files, &mut unreadable) {
        input::records(&file, &mut unreadable, &mut |_| false, &mut |record| {
            let plan = tagger_core::plan(&record, &policy, None);
            if arguments.json {
                writeln!(out, "{}", explain::json(&record, &plan))?;
            } else {
                writeln!(out, "{}", explain::text(&record, &plan, &bold, &plain))?;
            }
            Ok(())
        })?;
    }
    out.flush()?;
    Ok(if unreadable.count == 0 { ExitCode::Fine } else { ExitCode::Unreadable })
}
