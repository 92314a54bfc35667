//! What is counted of all this. Registered only where there is a cluster.

use prometheus::{IntCounterVec, IntGaugeVec, Opts};

use crate::{metrics::Metrics, model::Kind};

/// How a status write ended, as a label.
pub(super) const WRITE_OUTCOMES: [&str; 5] = ["written", "gone", "refused", "busy", "unavailable"];
/// What became of an event, as a label.
pub(super) const EVENT_OUTCOMES: [&str; 4] = ["written", "repeated", "limited", "dropped"];

/// The counters. Cheap to clone.
#[derive(Clone)]
pub struct Tally {
    writes: IntCounterVec,
    backlog: IntGaugeVec,
    events: IntCounterVec,
}

impl Tally {
    /// Adds them to what a scrape shows, at zero.
    ///
    /// # Errors
    /// When one of the names is taken: there is one tally per process.
    pub fn new(metrics: &Metrics) -> Result<Self, prometheus::Error> {
        let tally = Self {
            writes: IntCounterVec::new(
                Opts::new("probity_status_writes_total", "Requests that write a status, by kind and outcome."),
                &["kind", "outcome"],
            )?,
            backlog: IntGaugeVec::new(
                Opts::new("probity_status_backlog", "Objects whose status is to be written or is being written."),
                &["kind"],
            )?,
            events: IntCounterVec::new(
                Opts::new(
                    "probity_events_total",
                    "Kubernetes Events: written, counted onto an earlier one, held back by a limit, or lost.",
                ),
                &["outcome"],
            )?,
        };
        metrics.register(Box::new(tally.writes.clone()))?;
        metrics.register(Box::new(tally.backlog.clone()))?;
        metrics.register(Box::new(tally.events.clone()))?;
        for kind in Kind::ALL {
            for outcome in WRITE_OUTCOMES {
                let _ = tally.writes.with_label_values(&[kind.as_str(), outcome]);
            }
            tally.backlog(kind, 0);
        }
        for outcome in EVENT_OUTCOMES {
            let _ = tally.events.with_label_values(&[outcome]);
        }
        Ok(tally)
    }

    pub(super) fn write(&self, kind: Kind, outcome: &'static str) {
        self.writes.with_label_values(&[kind.as_str(), outcome]).inc();
    }

    pub(super) fn backlog(&self, kind: Kind, objects: usize) {
        let objects = i64::try_from(objects).unwrap_or(i64::MAX);
        self.backlog.with_label_values(&[kind.as_str()]).set(objects);
    }

    pub(super) fn event(&self, outcome: &'static str) {
        self.events.with_label_values(&[outcome]).inc();
    }
}
