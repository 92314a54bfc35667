//! What is counted of rules and their alerts.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, IntGaugeVec, Opts};

use crate::{
    alert::{
        AlertIs, Severity, Shown,
        book::{Looked, Skipped},
    },
    metrics::Metrics,
};

/// From a look at one check to the deadline of a source.
const EVALUATION_SECONDS: &[f64] =
    &[0.000_01, 0.000_1, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// Around the bound that ten thousand rules are held to: 5 s.
const LAG_SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0];

/// The label `severity` of an alert whose own is none of the four.
const NO_SEVERITY: &str = "none";

/// The counters. Cheap to clone.
#[derive(Clone)]
pub struct Tally {
    alerts: IntGaugeVec,
    evaluations: IntCounterVec,
    skipped: IntCounterVec,
    duration: Histogram,
    lag: Histogram,
}

impl Tally {
    /// Adds them to what a scrape shows, each series at zero.
    ///
    /// # Errors
    /// When one of the names is taken: there is one tally per process.
    pub fn new(metrics: &Metrics) -> Result<Self, prometheus::Error> {
        let tally = Self {
            alerts: IntGaugeVec::new(
                Opts::new("probity_alerts", "Alerts that are open, by state: pending, firing, silenced; and severity."),
                &["state", "severity"],
            )?,
            evaluations: IntCounterVec::new(
                Opts::new(
                    "probity_alert_evaluations_total",
                    "Looks at rules, by result: ok, no_data, error; of one at several things the worst.",
                ),
                &["result"],
            )?,
            skipped: IntCounterVec::new(
                Opts::new(
                    "probity_alert_evaluations_skipped_total",
                    "Evaluations of rules that were due and did not take place, by reason: overlap, stall.",
                ),
                &["reason"],
            )?,
            duration: Histogram::with_opts(
                HistogramOpts::new(
                    "probity_alert_evaluation_duration_seconds",
                    "How long looking at one rule took, with waiting for its source.",
                )
                .buckets(EVALUATION_SECONDS.to_vec()),
            )?,
            lag: Histogram::with_opts(
                HistogramOpts::new(
                    "probity_alert_evaluation_lag_seconds",
                    "How much later than due looks at rules ended, with waiting for their source.",
                )
                .buckets(LAG_SECONDS.to_vec()),
            )?,
        };
        metrics.register(Box::new(tally.alerts.clone()))?;
        metrics.register(Box::new(tally.evaluations.clone()))?;
        metrics.register(Box::new(tally.skipped.clone()))?;
        metrics.register(Box::new(tally.duration.clone()))?;
        metrics.register(Box::new(tally.lag.clone()))?;
        for is in AlertIs::ALL {
            for severity in Severity::ALL.map(Severity::as_str).into_iter().chain([NO_SEVERITY]) {
                let _ = tally.alerts.with_label_values(&[is.as_lower(), severity]);
            }
        }
        for looked in Looked::ALL {
            let _ = tally.evaluations.with_label_values(&[looked.as_str()]);
        }
        for skipped in Skipped::ALL {
            let _ = tally.skipped.with_label_values(&[skipped.as_str()]);
        }
        Ok(tally)
    }

    /// One alert is shown in the place of another; None: it was not there, or is there no more.
    pub(super) fn alert(&self, before: Option<&Shown>, after: Option<&Shown>) {
        let labels = |shown: &Shown| {
            let severity = shown.episode.severity.map_or(NO_SEVERITY, Severity::as_str);
            [shown.is().as_lower(), severity]
        };
        let (before, after) = (before.map(labels), after.map(labels));
        if before == after {
            return;
        }
        if let Some(labels) = before {
            self.alerts.with_label_values(&labels).dec();
        }
        if let Some(labels) = after {
            self.alerts.with_label_values(&labels).inc();
        }
    }

    pub(super) fn evaluated(&self, looked: Looked, took: Duration) {
        self.evaluations.with_label_values(&[looked.as_str()]).inc();
        self.duration.observe(took.as_secs_f64());
    }

    /// A look ended so many milliseconds later than it was due.
    pub(super) fn late(&self, late: i64) {
        self.lag.observe(Duration::from_millis(u64::try_from(late).unwrap_or_default()).as_secs_f64());
    }

    pub(super) fn skipped(&self, skipped: Skipped, count: i64) {
        self.skipped.with_label_values(&[skipped.as_str()]).inc_by(u64::try_from(count).unwrap_or_default());
    }
}
