//! How a verb talks to AWS: one thread, and Ctrl-C as a flag that it looks at where it can stop.

use crate::{args::Aws, exit_code::Error};
use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tagger_aws::account::{Account, Trouble};

/// Runs a verb's work to its end.
///
/// # Errors
/// What the work returned.
pub fn run<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Error::Failure(format!("cannot start: {error}")))?.block_on(work)
}

/// The account of the AWS configuration.
///
/// # Errors
/// No region, no credentials, or AWS refuses them.
pub async fn account(aws: &Aws) -> Result<Account, Trouble> {
    Account::open(aws.profile.as_deref(), aws.region.as_deref()).await
}

/// Whether the user wants it to end (Ctrl-C, SIGTERM, a closed terminal).
#[derive(Clone)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Listens from now on. A second Ctrl-C ends the process at once.
    ///
    /// # Errors
    /// The system does not let it listen.
    pub fn listen() -> Result<Self, Error> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP]
        {
            signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag))
                .and_then(|_| signal_hook::flag::register(signal, Arc::clone(&flag)))
                .map_err(|error| Error::Failure(format!("cannot listen for signals: {error}")))?;
        }
        Ok(Self(flag))
    }

    /// Whether it was asked for.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits for a time, or until it is asked for.
    pub async fn wait(&self, time: Duration) {
        let asked = async {
            while !self.is_asked() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::select! { () = asked => {}, () = tokio::time::sleep(time) => {} }
    }
}
