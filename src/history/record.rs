//! One result, as history keeps it.

use std::time::Duration;

use crate::{clock::WallMs, health::Reason};

/// What a run, or a span of time, counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    Good,
    /// Good, but worse than it should be.
    Degraded,
    Failed,
    /// Neither good nor bad: nothing was learned, or it is left out on purpose.
    Excluded,
}

/// One run's end, and the time that is now known.
///
/// A result covers the time until the next one, at most two intervals; so it is the next one that brings the
/// span. Time in a streak of failures that has not reached its threshold is held back until the streak ends
/// one way or the other, and then comes as one span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Record {
    /// The target's number in the store.
    pub target: u32,
    /// When the run ended.
    pub at: WallMs,
    /// How the run went; None for a record that brings only a span.
    pub run: Option<Run>,
    /// The time that ends at `at` and what it counts as; zero length when there is none.
    pub span: Duration,
    pub span_class: Class,
}

/// How one run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    pub class: Class,
    pub reason: Reason,
    pub latency: Duration,
}
