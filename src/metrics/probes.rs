//! One target as the table reads it: everything pulled once, so that a scrape sees each target at one moment.
//!
//! A scrape goes over all targets once per metric, some 300,000 lines, and waits for memory at each step from a
//! target to what is written of it. So labels are copied side by side and runs are two steps away; copying the runs
//! as well would be faster still, and take 5 MB per scrape from each thread's own heap.

use std::{
    net::IpAddr,
    ops::Range,
    sync::{Arc, LazyLock},
    time::Duration,
};

use crate::{
    engine::{LastRun, Snapshot, TargetCell, TargetView},
    health::{Reason, State},
    metrics::text::Lines,
    model::ProbeKind,
    probe::{Details, DnsDetails, HttpDetails, Resolved, TcpDetails, TlsDetails, Verdict},
};

/// Seconds of Go's zero time, which blackbox_exporter gives when no chain verifies.
pub(super) const GO_ZERO_TIME: i64 = -62_135_596_800;

/// Every target at one moment.
#[derive(Default)]
pub(super) struct Pulled {
    pub(super) targets: Vec<Target>,
    /// The labels of all of them, one behind the other.
    labels: String,
    pub(super) objects: Objects,
}

pub(super) struct Target {
    cell: Arc<TargetCell>,
    labels: Range<usize>,
    pub(super) state: State,
    /// The last run, unless it no longer says how the target is: an old success must not look like a new one.
    pub(super) run: Option<Run>,
}

/// Counts of objects by whether they are in force.
#[derive(Default, Clone, Copy)]
pub(super) struct Objects {
    pub(super) ready: u64,
    pub(super) refused: u64,
}

impl Pulled {
    pub(super) fn new(snapshot: &Snapshot) -> Self {
        let checks = snapshot.checks();
        let mut pulled = Self { targets: Vec::with_capacity(checks.len()), ..Self::default() };
        for cell in checks.values() {
            let check = cell.view.load();
            if check.ready.ok {
                pulled.objects.ready += 1;
            } else {
                pulled.objects.refused += 1;
            }
            let Some(kind) = check.kind else { continue };
            for target in check.targets.iter() {
                pulled.push(target, kind, check.timeout);
            }
        }
        pulled
    }

    fn push(&mut self, cell: &Arc<TargetCell>, kind: ProbeKind, timeout: Duration) {
        let view = cell.view.load();
        let start = self.labels.len();
        self.labels.push_str(&cell.series_labels);
        self.targets.push(Target {
            cell: Arc::clone(cell),
            labels: start..self.labels.len(),
            state: view.state,
            run: Run::of(&view, kind, timeout),
        });
    }

    /// What stands in the braces of each of a target's series.
    pub(super) fn labels(&self, target: &Target) -> &str {
        self.labels.get(target.labels.clone()).unwrap_or_default()
    }
}

pub(super) struct Run {
    last: Arc<LastRun>,
    kind: ProbeKind,
    timeout: Duration,
}

/// What a run that failed before it measured anything has measured: series of a kind are there on every run.
static NO_HTTP: LazyLock<HttpDetails> = LazyLock::new(HttpDetails::default);
static NO_TCP: LazyLock<TcpDetails> = LazyLock::new(TcpDetails::default);
static NO_DNS: LazyLock<DnsDetails> = LazyLock::new(DnsDetails::default);

/// What a kind of probe measures.
enum Measured<'a> {
    Http(&'a HttpDetails),
    Tcp(&'a TcpDetails),
    Tls(&'a TcpDetails),
    Dns(&'a DnsDetails),
    /// Of a kind that measures no more than how long it took.
    Nothing,
}

impl Run {
    fn of(view: &TargetView, kind: ProbeKind, timeout: Duration) -> Option<Self> {
        if view.state == State::Suspended || view.reason == Reason::Stale {
            return None;
        }
        Some(Self { last: Arc::clone(view.last.as_ref()?), kind, timeout })
    }

    fn measured(&self) -> Measured<'_> {
        match (&self.last.outcome.details, self.kind) {
            (Details::Http(http), _) => Measured::Http(http),
            (Details::Tcp(tcp), _) => Measured::Tcp(tcp),
            (Details::Tls(tcp), _) => Measured::Tls(tcp),
            (Details::Dns(dns), _) => Measured::Dns(dns),
            (Details::None, ProbeKind::Http) => Measured::Http(&NO_HTTP),
            (Details::None, ProbeKind::Tcp) => Measured::Tcp(&NO_TCP),
            (Details::None, ProbeKind::Tls) => Measured::Tls(&NO_TCP),
            (Details::None, ProbeKind::Dns) => Measured::Dns(&NO_DNS),
            (Details::None, ProbeKind::Workload) => Measured::Nothing,
        }
    }

    pub(super) fn passed(&self) -> bool {
        matches!(self.last.outcome.verdict, Verdict::Good | Verdict::Degraded)
    }

    pub(super) fn latency(&self) -> Duration {
        self.last.outcome.latency
    }

    /// How long a run may take.
    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn http(&self) -> Option<&HttpDetails> {
        if let Measured::Http(http) = self.measured() { Some(http) } else { None }
    }

    pub(super) fn dns(&self) -> Option<&DnsDetails> {
        if let Measured::Dns(dns) = self.measured() { Some(dns) } else { None }
    }

    /// Only after a handshake.
    pub(super) fn tls(&self) -> Option<&TlsDetails> {
        match self.measured() {
            Measured::Http(http) => http.tls.as_ref(),
            Measured::Tcp(tcp) | Measured::Tls(tcp) => tcp.tls.as_ref(),
            Measured::Dns(_) | Measured::Nothing => None,
        }
    }

    /// Only when an address was found.
    pub(super) fn resolved(&self) -> Option<&Resolved> {
        match self.measured() {
            Measured::Http(http) => http.resolved.as_ref(),
            Measured::Tcp(tcp) | Measured::Tls(tcp) => tcp.resolved.as_ref(),
            Measured::Dns(dns) => dns.resolved.as_ref(),
            Measured::Nothing => None,
        }
    }

    pub(super) fn failed_due_to_regex(&self) -> Option<bool> {
        match self.measured() {
            Measured::Http(http) => Some(http.failed_due_to_regex),
            Measured::Tcp(tcp) => Some(tcp.failed_due_to_regex),
            Measured::Tls(_) | Measured::Dns(_) | Measured::Nothing => None,
        }
    }
}

/// `probity_probe_runs_total`.
pub(super) fn runs(target: &Target, lines: &mut Lines<'_>) {
    for ((verdict, reason), count) in target.cell.runs.lock().iter() {
        let result = match verdict {
            Verdict::Good => "good",
            Verdict::Degraded => "degraded",
            Verdict::Failed => "failed",
            Verdict::Unobserved => "unobserved",
        };
        lines.labelled2(("result", result), ("reason", reason.as_str()), *count as f64);
    }
}

/// FNV-1a, 32 bits, over the address's bytes (draft-eastlake-fnv), as blackbox_exporter has it.
pub(super) fn address_hash(ip: IpAddr) -> u32 {
    let fold =
        |bytes: &[u8]| bytes.iter().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(*b)).wrapping_mul(0x0100_0193));
    match ip {
        IpAddr::V4(v4) => fold(&v4.octets()),
        IpAddr::V6(v6) => fold(&v6.octets()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_hash_is_fnv_1a() {
        // "foob" and "a" padded would be other tests; these are the published values of 4 and of 16 zero bytes.
        assert_eq!(address_hash(IpAddr::from([0_u8; 4])), 0x4b95_f515);
        assert_ne!(address_hash(IpAddr::from([127, 0, 0, 1])), address_hash(IpAddr::from([127, 0, 0, 2])));
    }
}
