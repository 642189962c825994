//! `tagger`, the command line. A table of contents: what was typed is in [`args`], one file a verb
//! in [`commands`], and this file turns results into exit codes.

// They panic when their reader is gone: standard output is written with errors, standard error by `output::complain`.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod aws;
mod commands;
mod config_file;
mod cost_model;
mod cost_prices;
mod creations;
mod deployment;
mod exit_code;
mod follow;
mod held_settings;
mod input;
mod moment;
mod output;
mod python;
mod reasons;
mod report;
mod templates;

use args::{Arguments, Verb};
use clap::Parser;
use exit_code::ExitCode;

fn main() -> std::process::ExitCode {
    let arguments = Arguments::parse();
    // A verb that changes something has not ended well when nobody reads how it went.
    let changes = matches!(
        arguments.verb,
        Verb::Deploy(_) | Verb::Destroy(_) | Verb::Redrive(_) | Verb::Protect(_) | Verb::Backfill(_)
    );
    let result = match arguments.verb {
        Verb::Deploy(arguments) => commands::deploy::run(&arguments),
        Verb::Status(arguments) => commands::status::run(&arguments),
        Verb::Doctor(arguments) => commands::doctor::run(&arguments),
        Verb::Backfill(arguments) => commands::backfill::run(&arguments),
        Verb::Redrive(arguments) => commands::redrive::run(&arguments),
        Verb::Protect(arguments) => commands::protect::run(&arguments),
        Verb::Destroy(arguments) => commands::destroy::run(&arguments),
        Verb::Explain(arguments) => commands::explain::run(&arguments),
        Verb::Config(arguments) => commands::config::run(&arguments),
        Verb::Scan(arguments) => commands::scan::run(&arguments),
        Verb::Who(arguments) => commands::who::run(&arguments),
        Verb::Report(arguments) => commands::report::run(&arguments),
        Verb::Catalog(arguments) => commands::catalog::run(&arguments),
        Verb::Cost(arguments) => commands::cost::run(&arguments),
        Verb::Sandbox(arguments) => commands::sandbox::run(&arguments),
        Verb::Completions(arguments) => commands::shell::completions(&arguments),
        Verb::Man => commands::shell::man(),
    };
    match result {
        Ok(code) => code.into(),
        // Whoever reads the output has closed it (`| head`); that is no failure.
        Err(error) if error.is_broken_pipe() && !changes => ExitCode::Fine.into(),
        Err(error) => {
            output::complain(&format!("tagger: {error}"));
            error.exit_code().into()
        }
    }
}
