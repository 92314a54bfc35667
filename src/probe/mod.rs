//! Runs one probe now and says what it saw. One folder per kind, each with the same files.
//!
//! Owns the way to the target and back; knows nothing of thresholds, schedules or objects. Called by the
//! engine's runner and by `probity check`. [`run`] is the one registration point of the kinds.

mod outcome;

pub use outcome::{
    CertificateDetails, Details, DnsDetails, HttpDetails, HttpPhases, Outcome, Resolved, TcpDetails, TlsDetails,
    Verdict,
};

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    model::{Degraded, Probe},
    net::Net,
};

/// What every probe has at hand: shared, cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub clock: Clock,
    pub net: Arc<Net>,
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
pub async fn run(_context: &Context, _job: &Job<'_>) -> Outcome {
    Outcome::failed(crate::health::Reason::ProtocolError, "not written yet")
}
