//! The one place where time is read.
//!
//! Intervals run on the monotonic half of [`Now`], so that a step of the wall clock moves no probe;
//! what people and the store see is the wall half. Decisions never read a clock: they are given a `Now`.

#![expect(clippy::disallowed_methods, reason = "this is the place that the bans send everyone to")]

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// A moment, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Time since the process's clock was made. Never goes back, never jumps.
    pub mono: Duration,
    /// Milliseconds since the Unix epoch, as the machine believes it to be.
    pub wall: WallMs,
}

/// Milliseconds since the Unix epoch (UTC).
pub type WallMs = i64;

/// Reads both clocks. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clock {
    origin: tokio::time::Instant,
    /// Added to the wall clock: zero but in tests that step it.
    step: Arc<AtomicI64>,
}

impl Clock {
    /// A clock whose monotonic half starts at zero now.
    pub fn system() -> Self {
        Self { origin: tokio::time::Instant::now(), step: Arc::default() }
    }

    /// Both clocks, read one after the other.
    pub fn now(&self) -> Now {
        Now { mono: self.mono(), wall: self.wall() }
    }

    /// Time since this clock was made.
    pub fn mono(&self) -> Duration {
        tokio::time::Instant::now().duration_since(self.origin)
    }

    /// The wall clock, in milliseconds since the Unix epoch.
    pub fn wall(&self) -> WallMs {
        jiff::Timestamp::now().as_millisecond() + self.step.load(Ordering::Relaxed)
    }

    /// The tokio instant at which the monotonic half reads `mono`, to sleep until.
    pub fn instant(&self, mono: Duration) -> tokio::time::Instant {
        self.origin + mono
    }

    /// Steps the wall clock, as an operator or NTP would. For tests.
    pub fn step_wall(&self, by_ms: i64) {
        self.step.fetch_add(by_ms, Ordering::Relaxed);
    }
}

/// Writes a wall time as RFC 3339 in UTC, with milliseconds: `2026-11-22T18:47:34.120Z`.
pub fn rfc3339(wall: WallMs) -> String {
    jiff::Timestamp::from_millisecond(wall).map_or_else(|_| "invalid".to_owned(), |t| format!("{t:.3}"))
}
