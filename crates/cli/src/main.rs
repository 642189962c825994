//! `tagger`, the command line. A table of contents: what was typed is in [`args`], one file a verb
//! in [`commands`], and this file turns results into exit codes.

mod args;
mod commands;
mod cost_model;
mod cost_prices;
mod exit_code;
mod input;
mod output;

use args::{Arguments, Verb};
use clap::Parser;
use exit_code::ExitCode;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    let result = match arguments.verb {
        Verb::Explain(arguments) => commands::explain::run(&arguments),
        Verb::Scan(arguments) => commands::scan::run(&arguments),
        Verb::Catalog(arguments) => commands::catalog::run(&arguments),
        Verb::Cost(arguments) => commands::cost::run(&arguments),
        Verb::Sandbox(arguments) => commands::sandbox::run(&arguments),
        Verb::Completions(arguments) => commands::shell::completions(&arguments),
        Verb::Man => commands::shell::man(),
    };
    match result {
        Ok(code) => code.into(),
        // Whoever reads the output has closed it (`| head`); that is no failure.
        Err(error) if error.is_broken_pipe() => ExitCode::Fine.into(),
        Err(error) => {
            eprintln!("tagger: {error}");
            error.exit_code().into()
        }
    }
}
