//! A target's history as `GET …/history` gives it. Pure.

use serde::Serialize;

/// Buckets from the oldest to the one that runs; one without runs is there with 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// Seconds.
    pub window: u64,
    /// Seconds: 60, 3,600 or 86,400.
    pub step: u64,
    pub buckets: Vec<Bucket>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bucket {
    /// RFC 3339.
    pub start: String,
    /// Runs that were due by the interval; 0 while suspended.
    pub expected: u64,
    /// With the excluded ones.
    pub runs: u64,
    pub good: u64,
    pub degraded: u64,
    pub failed: u64,
    pub latency: Latency,
}

/// Seconds, of the runs that were not excluded; null where there were none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    pub avg: Option<f64>,
    pub max: Option<f64>,
    /// Within 1 %; null in minutes, which keep no sketch.
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
}
