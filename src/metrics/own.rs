//! What happens inside this program: counted as it happens, in a registry of the `prometheus` crate.

use std::{sync::Arc, time::Duration};

use prometheus::{
    Encoder, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder, core::Collector, process_collector::ProcessCollector,
};

/// The handles of everything that is counted in here. Cheap to clone.
#[derive(Clone)]
pub struct Metrics(Arc<Handles>);

struct Handles {
    registry: Registry,
    requests: IntCounterVec,
    request_duration: HistogramVec,
    requests_in_flight: IntGauge,
    connections: IntGauge,
    connections_rejected: IntCounter,
    probe_lag: prometheus::Histogram,
    probes_skipped: IntCounterVec,
    probes_in_flight: IntGauge,
}

/// From a localhost answer to the time at which a request is cut off.
const REQUEST_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// Around the bounds that the schedule is held to: 50 ms in calm, 250 ms with a fifth of the targets silent.
const LAG_SECONDS: &[f64] = &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

impl Metrics {
    /// # Errors
    /// When a name is taken twice or is no name: a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let handles = Handles {
            requests: add(
                &registry,
                IntCounterVec::new(
                    Opts::new("http_requests_total", "HTTP requests answered, by route template."),
                    &["method", "endpoint", "status_code"],
                ),
            )?,
            request_duration: add(
                &registry,
                HistogramVec::new(
                    HistogramOpts::new(
                        "http_request_duration_seconds",
                        "Time from a request's head to its answer's last byte, by route template.",
                    )
                    .buckets(REQUEST_SECONDS.to_vec()),
                    &["method", "endpoint"],
                ),
            )?,
            requests_in_flight: add(
                &registry,
                IntGauge::new("probity_http_requests_in_flight", "HTTP requests that are being answered now."),
            )?,
            connections: add(
                &registry,
                IntGauge::new("probity_http_connections", "Connections that clients hold open to this server."),
            )?,
            connections_rejected: add(
                &registry,
                IntCounter::new(
                    "probity_http_connections_rejected_total",
                    "Connections turned away because as many as are allowed were open.",
                ),
            )?,
            probe_lag: add(
                &registry,
                prometheus::Histogram::with_opts(
                    HistogramOpts::new(
                        "probity_probe_lag_seconds",
                        "How much later than due probe runs began, over all checks.",
                    )
                    .buckets(LAG_SECONDS.to_vec()),
                ),
            )?,
            probes_skipped: add(
                &registry,
                IntCounterVec::new(
                    Opts::new("probity_probes_skipped_total", "Probe runs that were due and did not begin, by reason."),
                    &["reason"],
                ),
            )?,
            probes_in_flight: add(
                &registry,
                IntGauge::new("probity_probes_in_flight", "Probe runs that have begun and not ended."),
            )?,
            registry,
        };
        let build = add(
            &handles.registry,
            IntGaugeVec::new(
                Opts::new("probity_build_info", "Always 1; its label says which version runs."),
                &["version"],
            ),
        )?;
        build.with_label_values(&[env!("CARGO_PKG_VERSION")]).set(1);
        handles.registry.register(Box::new(ProcessCollector::for_self()))?;
        Ok(Self(Arc::new(handles)))
    }

    /// A request was answered. `endpoint` is a route template, never a path that a client sent.
    pub fn request(&self, method: &str, endpoint: &str, status: u16, took: Duration) {
        let mut digits = itoa::Buffer::new();
        self.0.requests.with_label_values(&[method, endpoint, digits.format(status)]).inc();
        self.0.request_duration.with_label_values(&[method, endpoint]).observe(took.as_secs_f64());
    }

    /// Requests that are being answered now.
    pub fn requests_in_flight(&self) -> &IntGauge {
        &self.0.requests_in_flight
    }

    /// Connections of clients that are open now.
    pub fn connections(&self) -> &IntGauge {
        &self.0.connections
    }

    /// Connections that were turned away.
    pub fn connections_rejected(&self) -> &IntCounter {
        &self.0.connections_rejected
    }

    /// A run began `lag` later than it was due.
    pub fn probe_lag(&self, lag: Duration) {
        self.0.probe_lag.observe(lag.as_secs_f64());
    }

    /// So many runs that were due did not begin. The reasons are a closed list of the scheduler's.
    pub fn probes_skipped(&self, reason: &'static str, count: u32) {
        self.0.probes_skipped.with_label_values(&[reason]).inc_by(count.into());
    }

    /// Shows these reasons from the start, at zero: a series that appears with its first count has no rate.
    pub fn skip_reasons(&self, reasons: impl IntoIterator<Item = &'static str>) {
        for reason in reasons {
            let _ = self.0.probes_skipped.with_label_values(&[reason]);
        }
    }

    /// Runs that have begun and not ended.
    pub fn probes_in_flight(&self) -> &IntGauge {
        &self.0.probes_in_flight
    }

    /// Adds counters of another part of the program to each scrape.
    ///
    /// # Errors
    /// When one of its names is taken.
    pub fn register(&self, collector: Box<dyn Collector>) -> Result<(), prometheus::Error> {
        self.0.registry.register(collector)
    }

    /// Writes all of this in the text format.
    pub(super) fn encode(&self, out: &mut Vec<u8>) -> Result<(), prometheus::Error> {
        TextEncoder::new().encode(&self.0.registry.gather(), out)
    }
}

fn add<C: Collector + Clone + 'static>(
    registry: &Registry,
    collector: Result<C, prometheus::Error>,
) -> Result<C, prometheus::Error> {
    let collector = collector?;
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}
