//! What a minute, an hour or a window comes to. Pure.

use std::ops::{Add, AddAssign};

/// Sums of what was seen. Adding cells up is all that there is to a window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Cell {
    /// What is bad of `whole`: milliseconds, or failed runs; for a response time the sum of latencies in microseconds.
    pub part: f64,
    /// What was seen: milliseconds, runs, or runs with a latency.
    pub whole: f64,
    /// Time that was observed, whatever `whole` counts: the mean of all checks, at most 60,000 a minute.
    pub seen_ms: f64,
}

impl Cell {
    /// So much of it.
    pub fn scaled(self, share: f64) -> Self {
        Self { part: self.part * share, whole: self.whole * share, seen_ms: self.seen_ms * share }
    }

    /// The part of the whole; None while nothing was seen.
    pub fn ratio(&self) -> Option<f64> {
        (self.whole > 0.0).then(|| self.part / self.whole)
    }
}

impl AddAssign for Cell {
    fn add_assign(&mut self, other: Self) {
        self.part += other.part;
        self.whole += other.whole;
        self.seen_ms += other.seen_ms;
    }
}

impl Add for Cell {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self += other;
        self
    }
}

/// A minute's cell, and how much of the minute is left out.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Observed {
    pub cell: Cell,
    /// 0 to 1: planned work that SLOs are not to count. Of the running minute, the share of what has passed.
    pub excluded: f64,
}

impl Observed {
    /// What is left when planned work is left out.
    pub fn corrected(&self) -> Cell {
        if self.excluded > 0.0 { self.cell.scaled((1.0 - self.excluded).max(0.0)) } else { self.cell }
    }
}
