//! The public exit codes, and the errors that lead to them.

use std::{fmt, io};
use tagger_aws::account::{Kind, Trouble};

/// What the process says at its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// All is done.
    Fine = 0,
    /// It failed.
    Failure = 1,
    /// It was called wrongly, or with a wrong configuration.
    Usage = 2,
    /// It is done, but some input could not be read.
    Unreadable = 3,
    /// Somebody stopped it (Ctrl-C); what was found until then is printed.
    Stopped = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

/// Why a verb stopped.
#[derive(Debug)]
pub enum Error {
    /// Standard output could not be written.
    Output(io::Error),
    /// The call or the configuration is wrong; the sentence says what is right.
    Usage(String),
    /// Something failed; the sentence says what to do.
    Failure(String),
}

impl Error {
    /// Whether the reader of the output is gone.
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }

    /// The exit code for it.
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Error::Usage(_) => ExitCode::Usage,
            Error::Output(_) | Error::Failure(_) => ExitCode::Failure,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => f.write_str(
                "whoever reads the output is gone (a pipe to `head`?): stopped there; the same command goes on from there",
            ),
            Error::Output(error) => write!(f, "cannot write the output: {error}"),
            Error::Usage(message) | Error::Failure(message) => f.write_str(message),
        }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble.kind() {
            Kind::NoProfile => Error::Usage(trouble.to_string()),
            _ => Error::Failure(trouble.to_string()),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Error::Output(error)
    }
}
