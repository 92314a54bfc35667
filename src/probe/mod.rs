//! Runs one probe now and says what it saw. One folder per kind, each with the same files.
//!
//! Owns the way to the target and back; knows nothing of thresholds, schedules or objects. Called by the
//! engine's runner and by `probity check`. The `match` in [`run()`] is the one registration point of the kinds.

pub mod dns;
pub mod http;
mod outcome;
mod run;
pub mod tcp;
pub mod tls;
mod workload;

use std::{sync::Arc, time::Duration};

pub use outcome::{
    CertificateDetails, Details, DnsDetails, HttpDetails, HttpPhases, Outcome, Resolved, TcpDetails, TlsDetails,
    Verdict,
};
pub use run::{Kind, Passed, Phase, Run};

use tokio::sync::Semaphore;

use crate::{
    clock::Clock,
    model::{Degraded, Place, Probe},
    net::{Net, oauth2::Tokens},
};

/// What every probe has at hand: shared, cheap to clone.
#[derive(Clone)]
pub struct Context {
    pub clock: Clock,
    pub net: Arc<Net>,
    /// OAuth2 tokens, shared between all checks that use the same grant.
    pub tokens: Arc<Tokens>,
    /// For `workload`; None stand-alone.
    pub cluster: Option<Cluster>,
}

/// The API server, as probes may ask it.
#[derive(Clone)]
pub struct Cluster {
    client: kube::Client,
    turns: Arc<Semaphore>,
}

impl Cluster {
    /// Requests of probes under way at once. At some 5 ms each that is thousands a second; a namespace full of checks
    /// takes no more of what the API server has for us, so that our watches and statuses have their share.
    const AT_ONCE: usize = 32;

    fn new(client: kube::Client) -> Self {
        Self { client, turns: Arc::new(Semaphore::new(Self::AT_ONCE)) }
    }
}

impl Context {
    pub fn new(clock: Clock, net: Arc<Net>) -> Self {
        Self { clock, net, tokens: Arc::default(), cluster: None }
    }

    /// With an API server to read from.
    #[must_use]
    pub fn in_cluster(self, client: kube::Client) -> Self {
        Self { cluster: Some(Cluster::new(client)), ..self }
    }
}

/// What one run is to do.
pub struct Job<'a> {
    pub probe: &'a Probe,
    /// Where the target is, if that is known beside its name.
    pub place: &'a Place,
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
    if let Place::Nowhere(nowhere) = job.place {
        return Outcome::failed(nowhere.reason, &nowhere.message);
    }
    let run = Run::start(context, job);
    match job.probe {
        Probe::Http(http) => run.tries(&**http).await,
        Probe::Tcp(tcp) => run.tries(tcp).await,
        Probe::Tls(tls) => run.tries(tls).await,
        Probe::Dns(dns) => run.tries(dns).await,
        Probe::Workload(workload) => run.tries(workload).await,
    }
}
