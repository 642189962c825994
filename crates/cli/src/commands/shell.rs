//! `tagger completions` and `tagger man`: made from the same definition as the help.

use crate::{
    args::{Arguments, Completions},
    exit_code::{Error, ExitCode},
};
use clap::CommandFactory;
use std::io::Write;

/// Prints a completion script.
///
/// # Errors
/// The output cannot be written.
pub fn completions(arguments: &Completions) -> Result<ExitCode, Error> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut Arguments::command(), "tagger", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(ExitCode::Fine)
}

/// Prints the man page, the verbs' pages after the program's.
///
/// # Errors
/// The output cannot be written.
pub fn man() -> Result<ExitCode, Error> {
    let mut out = std::io::stdout().lock();
    let mut command = Arguments::command();
    command.build();
    clap_mangen::Man::new(command.clone()).render(&mut out)?;
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        clap_mangen::Man::new(verb.clone()).render(&mut out)?;
    }
    Ok(ExitCode::Fine)
}
