//! What is counted of the looks at SLOTargets.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts};

use crate::metrics::Metrics;

/// Around the bound that a step is held to: 1 ms.
const STEP_SECONDS: &[f64] = &[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.000_75, 0.001, 0.002_5, 0.01, 0.1];

/// The counters. Cheap to clone.
#[derive(Clone)]
pub struct Tally {
    step: Histogram,
    reads: IntCounterVec,
}

impl Tally {
    /// Adds them to what a scrape shows, each series at zero.
    ///
    /// # Errors
    /// When one of the names is taken: there is one tally per process.
    pub fn new(metrics: &Metrics) -> Result<Self, prometheus::Error> {
        let tally = Self {
            step: Histogram::with_opts(
                HistogramOpts::new(
                    "probity_slo_step_seconds",
                    "How long one step of looking at SLOTargets took: some of all, ten times a second.",
                )
                .buckets(STEP_SECONDS.to_vec()),
            )?,
            reads: IntCounterVec::new(
                Opts::new("probity_slo_reads_total", "Histories that were read for SLOTargets, by result: ok, error."),
                &["result"],
            )?,
        };
        metrics.register(Box::new(tally.step.clone()))?;
        metrics.register(Box::new(tally.reads.clone()))?;
        for result in ["ok", "error"] {
            let _ = tally.reads.with_label_values(&[result]);
        }
        Ok(tally)
    }

    pub(super) fn step(&self, took: Duration) {
        self.step.observe(took.as_secs_f64());
    }

    pub(super) fn read(&self, good: bool) {
        self.reads.with_label_values(&[if good { "ok" } else { "error" }]).inc();
    }
}
