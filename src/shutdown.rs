//! SIGTERM, ^C, and a terminal that is closed: the first asks to stop in order, the second stops at once.

use std::{io, time::Duration};

use futures::FutureExt;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::cli::Exit;

/// These signals, caught from now on.
pub struct Signals {
    term: Signal,
    interrupt: Signal,
    hangup: Signal,
}

/// A terminal, a shell and `timeout` may each send the same signal for one wish: what comes within this is one.
const APART: Duration = Duration::from_secs(1);

impl Signals {
    /// # Errors
    /// When the runtime cannot register a handler.
    pub fn catch() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.term.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }

    /// Cancels `shutdown` at the first signal. At a second one, [`APART`] later or more, the process ends where it
    /// stands; what was not flushed is lost, as with a kill.
    pub async fn watch(mut self, shutdown: CancellationToken) {
        let signal = tokio::select! {
            signal = self.next() => signal,
            () = shutdown.cancelled() => "another task's end",
        };
        info!(signal, "stopping in order; once more stops at once");
        shutdown.cancel();
        tokio::time::sleep(APART).await;
        while self.next().now_or_never().is_some() {}
        let signal = self.next().await;
        warn!(signal, "stopping at once");
        std::process::exit(Exit::CouldNotRun as i32);
    }
}
