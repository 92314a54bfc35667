//! The JSON of `/health/detailed`, which is also that of `probity check -o json`. Pure.

use std::{sync::Arc, time::Duration};

use serde::{
    Serialize,
    ser::{SerializeMap, SerializeSeq, SerializeStruct, Serializer},
};

use crate::{
    clock::{WallMs, rfc3339},
    engine::{CheckView, TargetView},
    health::{Reason, State},
    model::ProbeKind,
    probe::{Details, TlsDetails},
};

/// One check as it is to be told.
#[derive(Clone)]
pub struct Row {
    /// Its `reportAs`.
    pub name: Arc<str>,
    pub namespace: Arc<str>,
    /// None when the spec is refused.
    pub kind: Option<ProbeKind>,
    /// What it probes; empty when the spec is refused.
    pub instance: Arc<str>,
    pub state: State,
    pub reason: Reason,
    pub message: Arc<str>,
    /// When the state last changed; None where nothing remembers (`probity check`).
    pub since: Option<WallMs>,
    /// Its target; of several the one whose state is the check's. What it carries of the last run is told:
    /// duration, timestamp and details.
    pub target: Option<Arc<TargetView>>,
}

impl Row {
    pub fn of(check: &CheckView) -> Self {
        let views = check.targets.iter().map(|cell| (cell, cell.view.load_full()));
        let mut chosen: Option<(Arc<str>, Arc<TargetView>)> = None;
        for (cell, view) in views {
            let better = chosen.as_ref().is_none_or(|(_, held)| view.state.rank() > held.state.rank());
            if better {
                chosen = Some((Arc::clone(&cell.instance), view));
            }
        }
        let (instance, target) = chosen.map_or_else(|| (Arc::from(""), None), |(i, t)| (i, Some(t)));
        Self {
            name: Arc::clone(&check.report_as),
            namespace: Arc::clone(&check.key.namespace),
            kind: check.kind,
            instance,
            state: check.state,
            reason: check.reason,
            message: Arc::clone(&check.message),
            since: Some(check.since),
            target,
        }
    }
}

/// The whole answer. Serialises straight from the rows.
pub struct Detailed {
    timestamp: WallMs,
    rows: Vec<Row>,
}

/// Gathers rows into the answer.
pub fn report(rows: impl IntoIterator<Item = Row>, timestamp: WallMs) -> Detailed {
    Detailed { timestamp, rows: rows.into_iter().collect() }
}

impl Detailed {
    /// The worst state of those that are not suspended: unhealthy > unknown > degraded > healthy. Unknown when
    /// there is none: not seen is not healthy.
    pub fn status(&self) -> State {
        let worst = self.counted().map(|row| row.state).max_by_key(|state| state.rank());
        worst.unwrap_or(State::Unknown)
    }

    /// Whether one is Unhealthy or Unknown: exit code 1.
    pub fn is_bad(&self) -> bool {
        self.counted().any(|row| matches!(row.state, State::Unhealthy | State::Unknown))
    }

    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    fn counted(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.state != State::Suspended)
    }

    fn failed(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.state == State::Unhealthy)
    }
}

impl Serialize for Detailed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (total, failed) = (self.counted().count(), self.failed().count());
        let mut map = serializer.serialize_struct("Detailed", 6)?;
        map.serialize_field("status", self.status().as_lower())?;
        map.serialize_field("timestamp", &rfc3339(self.timestamp))?;
        map.serialize_field("checks", &self.rows)?;
        map.serialize_field("failed_checks", &Names(self))?;
        map.serialize_field("total_checks", &total)?;
        map.serialize_field("passed_checks", &(total - failed))?;
        map.end()
    }
}

struct Names<'a>(&'a Detailed);

impl Serialize for Names<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for row in self.0.failed() {
            seq.serialize_element(&*row.name)?;
        }
        seq.end()
    }
}

impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let last = self.target.as_ref().and_then(|target| target.last.as_ref());
        let mut map = serializer.serialize_struct("Check", 8)?;
        map.serialize_field("name", &*self.name)?;
        map.serialize_field("namespace", &*self.namespace)?;
        map.serialize_field("status", self.state.as_lower())?;
        map.serialize_field("reason", self.reason.as_str())?;
        map.serialize_field("message", &*self.message)?;
        map.serialize_field("duration", &last.map(|run| run.outcome.latency.as_secs_f64()))?;
        map.serialize_field("timestamp", &last.map(|run| rfc3339(run.at)))?;
        map.serialize_field("details", &RowDetails(self))?;
        map.end()
    }
}

/// `details`: what is probed, since when it is as it is, and what its kind measured last. Seconds throughout.
struct RowDetails<'a>(&'a Row);

impl Serialize for RowDetails<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let row = self.0;
        let mut map = serializer.serialize_map(None)?;
        if let Some(kind) = row.kind {
            map.serialize_entry("probe", kind.as_str())?;
            map.serialize_entry("target", &*row.instance)?;
        }
        if let Some(since) = row.since {
            map.serialize_entry("since", &rfc3339(since))?;
        }
        let details = row.target.as_ref().and_then(|target| target.last.as_ref()).map(|run| &run.outcome.details);
        match details {
            None | Some(Details::None) => {}
            Some(Details::Http(http)) => {
                if http.status != 0 {
                    map.serialize_entry("status_code", &http.status)?;
                }
                if http.redirects != 0 {
                    map.serialize_entry("redirects", &http.redirects)?;
                }
                let phases = Phases([
                    ("resolve", http.phases.resolve),
                    ("connect", http.phases.connect),
                    ("tls", http.phases.tls),
                    ("processing", http.phases.processing),
                    ("transfer", http.phases.transfer),
                ]);
                map.serialize_entry("phases", &phases)?;
                address(&mut map, http.resolved.as_ref())?;
                certificate(&mut map, http.tls.as_ref())?;
            }
            Some(Details::Tcp(tcp) | Details::Tls(tcp)) => {
                map.serialize_entry("phases", &Phases([("connect", tcp.connect), ("tls", tcp.tls_handshake)]))?;
                address(&mut map, tcp.resolved.as_ref())?;
                certificate(&mut map, tcp.tls.as_ref())?;
            }
            Some(Details::Dns(dns)) => {
                let phases = [("resolve", dns.resolve), ("connect", dns.connect), ("request", dns.request)];
                map.serialize_entry("phases", &Phases(phases))?;
                map.serialize_entry("answers", &dns.answer_rrs)?;
                address(&mut map, dns.resolved.as_ref())?;
            }
        }
        map.end()
    }
}

fn address<M: SerializeMap>(map: &mut M, resolved: Option<&crate::probe::Resolved>) -> Result<(), M::Error> {
    resolved.map_or(Ok(()), |resolved| map.serialize_entry("address", &resolved.ip))
}

fn certificate<M: SerializeMap>(map: &mut M, tls: Option<&TlsDetails>) -> Result<(), M::Error> {
    let Some(tls) = tls else { return Ok(()) };
    map.serialize_entry("tls_version", tls.version)?;
    map.serialize_entry("certificate_not_after", &rfc3339(tls.earliest_expiry.saturating_mul(1000)))
}

struct Phases<const N: usize>([(&'static str, Duration); N]);

impl<const N: usize> Serialize for Phases<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(N))?;
        for (name, took) in &self.0 {
            map.serialize_entry(name, &took.as_secs_f64())?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        engine::LastRun,
        probe::{HttpDetails, Outcome},
    };

    fn row(name: &str, state: State) -> Row {
        let mut outcome =
            Outcome::good("200 OK", Details::Http(Box::new(HttpDetails { status: 200, ..HttpDetails::default() })));
        outcome.latency = Duration::from_millis(1500);
        let target = TargetView {
            state,
            reason: Reason::Ok,
            message: Arc::from(""),
            since: 0,
            last: Some(Arc::new(LastRun { at: 1_700_000_000_120, outcome })),
        };
        Row {
            name: Arc::from(name),
            namespace: Arc::from("web"),
            kind: Some(ProbeKind::Http),
            instance: Arc::from("http://x/"),
            state,
            reason: Reason::Ok,
            message: Arc::from("200 OK"),
            since: Some(0),
            target: Some(Arc::new(target)),
        }
    }

    fn told(rows: Vec<Row>) -> Value {
        serde_json::to_value(report(rows, 1_700_000_001_000)).unwrap()
    }

    #[test]
    fn the_answer_has_the_shape_of_the_contract() {
        let told = told(vec![row("a_b", State::Healthy)]);
        assert_eq!(told["status"], "healthy");
        assert_eq!(told["timestamp"], "2023-11-14T22:13:21.000Z");
        assert_eq!(told["failed_checks"], json!([]));
        let check = &told["checks"][0];
        assert_eq!(check["details"]["status_code"], 200);
        assert_eq!(check["details"]["probe"], "http");
        let mut check = check.clone();
        check["details"] = json!({});
        assert_eq!(
            check,
            json!({
                "name": "a_b", "namespace": "web", "status": "healthy", "reason": "Ok", "message": "200 OK",
                "duration": 1.5, "timestamp": "2023-11-14T22:13:20.120Z", "details": {}
            })
        );
    }

    #[test]
    fn the_worst_counts_and_suspended_ones_do_not() {
        use State::{Degraded, Healthy, Suspended, Unhealthy, Unknown};
        type Case = (&'static [State], &'static str, &'static [&'static str], u64, u64);
        let cases: [Case; 6] = [
            (&[], "unknown", &[], 0, 0),
            (&[Suspended], "unknown", &[], 0, 0),
            (&[Healthy, Suspended], "healthy", &[], 1, 1),
            (&[Healthy, Degraded], "degraded", &[], 2, 2),
            (&[Degraded, Unknown], "unknown", &[], 2, 2),
            (&[Unknown, Unhealthy, Suspended], "unhealthy", &["c1"], 2, 1),
        ];
        for (states, status, failed, total, passed) in cases {
            let rows: Vec<_> = states.iter().enumerate().map(|(i, s)| row(&format!("c{i}"), *s)).collect();
            let listed = rows.len();
            let told = told(rows);
            assert_eq!(told["status"], status, "{states:?}");
            assert_eq!(told["failed_checks"], json!(failed), "{states:?}");
            assert_eq!(told["total_checks"], total, "{states:?}");
            assert_eq!(told["passed_checks"], passed, "{states:?}");
            assert_eq!(told["checks"].as_array().unwrap().len(), listed, "{states:?}");
        }
    }

    #[test]
    fn a_check_that_never_ran_says_null() {
        let mut row = row("a", State::Unknown);
        row.target = None;
        let told = told(vec![row]);
        assert_eq!(told["checks"][0]["duration"], Value::Null);
        assert_eq!(told["checks"][0]["timestamp"], Value::Null);
    }
}
