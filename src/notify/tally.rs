//! What is counted of notifications.

use std::time::Duration;

use prometheus::{Histogram, HistogramOpts, IntCounterVec, Opts};

use crate::{metrics::Metrics, model::ObjectKey};

/// From a webhook on the same network to what is given up after a day.
const DELAY_SECONDS: &[f64] =
    &[0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 7_200.0, 21_600.0, 86_400.0];
/// How an attempt ends, and that a notification went out as part of another.
const OUTCOMES: [&str; 4] = ["delivered", "retry", "dead", "folded"];

/// The counters. Cheap to clone.
#[derive(Clone)]
pub struct Tally {
    notifications: IntCounterVec,
    delay: Histogram,
    repeats: IntCounterVec,
}

impl Tally {
    /// Adds them to what a scrape shows.
    ///
    /// # Errors
    /// When one of the names is taken: there is one tally per process.
    pub fn new(metrics: &Metrics) -> Result<Self, prometheus::Error> {
        let tally = Self {
            notifications: IntCounterVec::new(
                Opts::new(
                    "probity_notifications_total",
                    "Notifications, by channel and by how it ended: delivered, dead, or, of one attempt, retry; folded went out as part of another.",
                ),
                &["channel", "outcome"],
            )?,
            delay: Histogram::with_opts(
                HistogramOpts::new(
                    "probity_notification_delay_seconds",
                    "Time from when a notification was made to when the receiver took it.",
                )
                .buckets(DELAY_SECONDS.to_vec()),
            )?,
            repeats: IntCounterVec::new(
                Opts::new("probity_alertmanager_repeats_total", "Rounds of telling an Alertmanager again what stands."),
                &["outcome"],
            )?,
        };
        metrics.register(Box::new(tally.notifications.clone()))?;
        metrics.register(Box::new(tally.delay.clone()))?;
        metrics.register(Box::new(tally.repeats.clone()))?;
        Ok(tally)
    }

    /// The series of a channel, at zero: one that appears with its first count has no rate.
    pub(super) fn begin(&self, channel: &ObjectKey) {
        for outcome in OUTCOMES {
            let _ = self.notifications.with_label_values(&[channel.to_string().as_str(), outcome]);
        }
    }

    pub(super) fn ended(&self, channel: &ObjectKey, outcome: &str) {
        self.notifications.with_label_values(&[channel.to_string().as_str(), outcome]).inc();
    }

    pub(super) fn delay(&self, delay: Duration) {
        self.delay.observe(delay.as_secs_f64());
    }

    pub(super) fn repeated(&self, taken: bool) {
        self.repeats.with_label_values(&[if taken { "delivered" } else { "retry" }]).inc();
    }

    /// The channel is gone, and its series with it.
    pub(super) fn forget(&self, channel: &ObjectKey) {
        for outcome in OUTCOMES {
            // It fails where there is none.
            let _ = self.notifications.remove_label_values(&[channel.to_string().as_str(), outcome]);
        }
    }
}
