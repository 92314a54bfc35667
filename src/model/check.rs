//! A HealthCheck as the engine works with it.

use std::{sync::Arc, time::Duration};

use super::{Dns, Expression, Http, Labels, ObjectKey, Place, Seek, Tcp, TlsProbe, Workload};

/// A valid HealthCheck with every reference resolved.
#[derive(Debug, Clone)]
pub struct HealthCheck {
    pub key: ObjectKey,
    /// Rises with every change of the spec; stand-alone the source counts it.
    pub generation: i64,
    pub labels: Labels,
    /// Its name in `/health/detailed`.
    pub report_as: Arc<str>,
    /// At least 1 s.
    pub interval: Duration,
    /// Covers the whole run, retries too. At most `interval`.
    pub timeout: Duration,
    /// Consecutive failed runs before Unhealthy; at least 1.
    pub failure_threshold: u32,
    /// Consecutive good runs before Healthy again; at least 1.
    pub success_threshold: u32,
    /// Immediate tries again inside one run.
    pub retries: u32,
    pub suspend: bool,
    pub degraded: Degraded,
    /// In its own namespace.
    pub depends_on: Arc<[ObjectKey]>,
    pub probe: Arc<Probe>,
    /// What the `instance` label says: the target as a person would write it, without credentials.
    pub instance: Arc<str>,
    /// What the cluster is asked for its targets; None for a fixed address. What `probe` says of the address is then
    /// a form that each target fills in.
    pub seek: Option<Arc<Seek>>,
    /// Where the target is.
    pub place: Place,
}

/// When a run that passes is Degraded all the same.
#[derive(Debug, Clone, Default)]
pub struct Degraded {
    /// Reason Slow when the run took longer. Zero is allowed and always exceeded.
    pub latency: Option<Duration>,
    /// Reason CertificateExpiring when the earliest certificate of the chain is valid for less.
    pub certificate_valid_for: Option<Duration>,
    /// Reason DegradedCondition when it holds. An error in it fails nothing.
    pub when: Option<Expression>,
}

impl Degraded {
    /// The bound on the latency, if a run of this one is over it.
    pub fn exceeded(&self, latency: Duration) -> Option<Duration> {
        // Zero is always exceeded, also by a run that a coarse clock measures as nothing.
        self.latency.filter(|bound| latency > *bound || bound.is_zero())
    }

    /// A bound as messages show it.
    pub fn shown(bound: Duration) -> String {
        if bound.is_zero() { "0ms".to_owned() } else { format!("{bound:?}") }
    }
}

/// What a run does. A new kind is an arm here and a folder in `probe/`; the compiler names the rest.
#[derive(Debug, Clone)]
pub enum Probe {
    Http(Box<Http>),
    Tcp(Tcp),
    Tls(TlsProbe),
    Dns(Dns),
    Workload(Workload),
}

/// The name of a kind of probe: its field in the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeKind {
    Http,
    Tcp,
    Tls,
    Dns,
    Workload,
}

impl Probe {
    pub fn kind(&self) -> ProbeKind {
        match self {
            Self::Http(_) => ProbeKind::Http,
            Self::Tcp(_) => ProbeKind::Tcp,
            Self::Tls(_) => ProbeKind::Tls,
            Self::Dns(_) => ProbeKind::Dns,
            Self::Workload(_) => ProbeKind::Workload,
        }
    }
}

impl ProbeKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Dns => "dns",
            Self::Workload => "workload",
        }
    }
}
