//! One target as the table reads it: everything pulled once, so that a scrape sees each target at one moment.

use std::{
    net::IpAddr,
    sync::{Arc, LazyLock},
};

use crate::{
    engine::{Snapshot, TargetCell, TargetView},
    health::{Reason, State},
    metrics::text::Lines,
    model::ProbeKind,
    probe::{Details, DnsDetails, HttpDetails, Outcome, Resolved, TcpDetails, TlsDetails, Verdict},
};

/// Seconds of Go's zero time, which blackbox_exporter gives when no chain verifies.
pub(super) const GO_ZERO_TIME: i64 = -62_135_596_800;

/// What a run that failed before it measured anything has measured: series of a kind are there on every run.
static NO_HTTP: LazyLock<HttpDetails> = LazyLock::new(HttpDetails::default);
static NO_TCP: LazyLock<TcpDetails> = LazyLock::new(TcpDetails::default);
static NO_DNS: LazyLock<DnsDetails> = LazyLock::new(DnsDetails::default);

pub(super) struct Target {
    pub(super) cell: Arc<TargetCell>,
    pub(super) view: Arc<TargetView>,
    kind: ProbeKind,
    /// Seconds.
    timeout: f64,
}

/// Counts of objects by whether they are in force.
#[derive(Default, Clone, Copy)]
pub(super) struct Objects {
    pub(super) ready: u64,
    pub(super) refused: u64,
}

/// Pulls every target out of the snapshot, and counts the objects on the way.
pub(super) fn pull(snapshot: &Snapshot) -> (Vec<Target>, Objects) {
    let checks = snapshot.checks();
    let mut targets = Vec::with_capacity(checks.len());
    let mut objects = Objects::default();
    for cell in checks.values() {
        let check = cell.view.load();
        if check.ready.ok {
            objects.ready += 1;
        } else {
            objects.refused += 1;
        }
        let Some(kind) = check.kind else { continue };
        let timeout = check.timeout.as_secs_f64();
        targets.extend(check.targets.iter().map(|target| Target {
            cell: Arc::clone(target),
            view: target.view.load_full(),
            kind,
            timeout,
        }));
    }
    (targets, objects)
}

impl Target {
    /// The last run, unless it no longer says how the target is: an old success must not look like a new one.
    pub(super) fn run(&self) -> Option<Run<'_>> {
        if self.view.state == State::Suspended || self.view.reason == Reason::Stale {
            return None;
        }
        let outcome = &self.view.last.as_ref()?.outcome;
        Some(Run { outcome, kind: self.kind, timeout: self.timeout })
    }
}

pub(super) struct Run<'a> {
    pub(super) outcome: &'a Outcome,
    kind: ProbeKind,
    /// Seconds that a run may take.
    pub(super) timeout: f64,
}

impl<'a> Run<'a> {
    pub(super) fn passed(&self) -> bool {
        matches!(self.outcome.verdict, Verdict::Good | Verdict::Degraded)
    }

    pub(super) fn http(&self) -> Option<&'a HttpDetails> {
        match &self.outcome.details {
            Details::Http(http) => Some(http),
            _ if self.kind == ProbeKind::Http => Some(&NO_HTTP),
            _ => None,
        }
    }

    pub(super) fn dns(&self) -> Option<&'a DnsDetails> {
        match &self.outcome.details {
            Details::Dns(dns) => Some(dns),
            _ if self.kind == ProbeKind::Dns => Some(&NO_DNS),
            _ => None,
        }
    }

    /// Of `tcp` and `tls`.
    fn tcp(&self) -> Option<&'a TcpDetails> {
        match &self.outcome.details {
            Details::Tcp(tcp) | Details::Tls(tcp) => Some(tcp),
            _ if matches!(self.kind, ProbeKind::Tcp | ProbeKind::Tls) => Some(&NO_TCP),
            _ => None,
        }
    }

    /// Only after a handshake.
    pub(super) fn tls(&self) -> Option<&'a TlsDetails> {
        self.http().and_then(|http| http.tls.as_ref()).or_else(|| self.tcp().and_then(|tcp| tcp.tls.as_ref()))
    }

    /// Only when an address was found.
    pub(super) fn resolved(&self) -> Option<&'a Resolved> {
        match &self.outcome.details {
            Details::None => None,
            Details::Http(http) => http.resolved.as_ref(),
            Details::Tcp(tcp) | Details::Tls(tcp) => tcp.resolved.as_ref(),
            Details::Dns(dns) => dns.resolved.as_ref(),
        }
    }

    pub(super) fn failed_due_to_regex(&self) -> Option<bool> {
        match self.kind {
            ProbeKind::Http => self.http().map(|http| http.failed_due_to_regex),
            ProbeKind::Tcp => self.tcp().map(|tcp| tcp.failed_due_to_regex),
            ProbeKind::Tls | ProbeKind::Dns => None,
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
