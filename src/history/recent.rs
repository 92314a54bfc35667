//! The last hour, day and month of one target, in memory.

use crate::clock::WallMs;

use super::Record;

/// 60 minutes, 24 hours and 30 days of one target, and the sketch of the running hour. About 3.5 KB.
#[derive(Debug, Default)]
pub struct Recent {}

/// Percent of observed time in a good state; None while nothing was observed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Uptime {
    pub hour: Option<f64>,
    pub day: Option<f64>,
    pub month: Option<f64>,
}

impl Recent {
    pub fn apply(&mut self, _record: &Record) {}

    pub fn uptime(&self, _now: WallMs) -> Uptime {
        Uptime::default()
    }
}
