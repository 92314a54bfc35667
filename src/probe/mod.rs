//! Runs one probe now and says what it saw. One folder per kind, each with the same files.
//!
//! Owns the way to the target and back; knows nothing of thresholds, schedules or objects. Called by the
//! engine's runner and by `probity check`. The `match` in [`run`] is the one registration point of the kinds.

mod outcome;
mod run;

use std::{sync::Arc, time::Duration};

pub use outcome::{
    CertificateDetails, Details, DnsDetails, HttpDetails, HttpPhases, Outcome, Resolved, TcpDetails, TlsDetails,
    Verdict,
};
pub use run::{Passed, Phase, Run};

use crate::{
    clock::Clock,
    model::{Degraded, Probe},
    net::{Failure, Net},
};

/// What every probe has at hand: shared, cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub clock: Clock,
    pub net: Arc<Net>,
}

impl Context {
    pub fn new(clock: Clock, net: Arc<Net>) -> Self {
        Self { clock, net }
    }
}

/// What one run is to do.
pub struct Job<'a> {
    pub probe: &'a Probe,
    pub degraded: &'a Degraded,
    /// For everything, retries too.
    pub timeout: Duration,
    /// Immediate tries again.
    pub retries: u32,
    /// The longest that a cached address may be used: half the check's interval.
    pub max_cache: Duration,
}

/// Runs a probe to its verdict, within its timeout. Never panics and never fails: what goes wrong is the outcome.
pub async fn run(context: &Context, job: &Job<'_>) -> Outcome {
    let run = Run::start(context, job);
    // The details stay here while a kind fills them in, so that a timeout keeps what was measured until then.
    match job.probe {
        Probe::Http(_) => run.tries(Details::Http, async |_, _| Err(unwritten())).await,
        Probe::Tcp(_) => run.tries(Details::Tcp, async |_, _| Err(unwritten())).await,
        Probe::Tls(_) => run.tries(Details::Tls, async |_, _| Err(unwritten())).await,
        Probe::Dns(_) => run.tries(Details::Dns, async |_, _| Err(unwritten())).await,
    }
}

fn unwritten() -> Failure {
    Failure::new(crate::health::Reason::ProtocolError, "not written yet")
}
