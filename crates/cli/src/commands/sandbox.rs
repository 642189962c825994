//! `tagger sandbox`: an AWS on this computer in which the product runs.
//!
//! Starts the emulator behind the recorder that plays CloudTrail ([`cloud`]), puts the function,
//! its role and its rules into it, and either says what to type ([`guide`]) and shows what comes of it ([`feed`]), or does it ([`demo`]).
//! Loopback only; every child gets a clean environment and ends with this process.

mod cloud;
mod demo;
mod feed;
mod files;
mod guide;
mod steps;

use crate::{
    args::Sandbox,
    exit_code::{Error, ExitCode},
    input, python,
};
use cloud::Cloud;
use feed::Feed;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

/// Runs the verb.
///
/// # Errors
/// A missing prerequisite, in one sentence; or the sandbox did not start.
pub fn run(arguments: &Sandbox) -> Result<ExitCode, Error> {
    // The file is checked here, where its errors can be read; the function gets it as it is.
    let policy = input::policy(&arguments.policy)?;
    let bootstrap = bootstrap(arguments.bootstrap.as_deref())?;
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
        signal_hook::flag::register(signal, Arc::clone(&stop))
            .map_err(|error| Error::Failure(format!("cannot listen for signals: {error}")))?;
    }
    let wanted = python::Wanted { name: "sandbox", of: "the sandbox", requirements: files::REQUIREMENTS };
    let python = python::environment(wanted, &stop)?;
    let cloud = Cloud::start(&python, arguments.port, arguments.consistency, &stop)?;
    let installed = cloud.install(&bootstrap, arguments.policy.config.as_deref())?;
    if arguments.demo {
        demo::run(&cloud, &installed, arguments.json, &stop)
    } else {
        let feed = Feed::start(&cloud, policy)?;
        guide::run(&cloud, &installed, feed, arguments.json, &stop)
    }
}

/// The function's program.
fn bootstrap(stated: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(path) = stated {
        return if path.is_file() {
            Ok(path.to_owned())
        } else {
            Err(Error::Usage(format!(
                "{}: there is no such file; --bootstrap names the function's program",
                path.display()
            )))
        };
    }
    // In a checkout the function is a release build, whatever this program is.
    let folder = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.to_owned()));
    let places =
        folder.iter().flat_map(|folder| [folder.join("bootstrap"), folder.join("../release/bootstrap")]);
    places.into_iter().find(|path| path.is_file()).ok_or_else(|| {
        Error::Failure(
            "the function's program `bootstrap` is not beside this program; build it with `cargo build --release --package \
             tagger-lambda`, or name it with --bootstrap"
                .to_owned(),
        )
    })
}
