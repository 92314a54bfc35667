//! One result, as history keeps it.

use std::time::Duration;

use crate::{clock::WallMs, health::Reason};

use super::bucket::{DAY_MS, HOUR_MS, MINUTE_MS};

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

/// The longest span that is counted: what is in memory, and more than any interval's.
const SPAN_MAX_MS: i64 = 31 * DAY_MS;

/// The end of the time that is counted, in the year 2448: hours fit 22 bits until then, and no sum overflows.
pub const WALL_MAX: WallMs = (1 << 22) * HOUR_MS;

/// What of a span lies in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Piece {
    /// Since the epoch.
    pub minute: u32,
    /// 1 to 60,000.
    pub ms: u16,
}

/// A record by minutes: its span's pieces, the oldest first, and its run with the minute in which it ended.
pub fn split(record: &Record) -> (impl Iterator<Item = Piece>, Option<(u32, &Run)>) {
    let at = record.at.clamp(0, WALL_MAX);
    let span = i64::try_from(record.span.as_millis()).unwrap_or(i64::MAX).min(SPAN_MAX_MS).min(at);
    // Minutes up to WALL_MAX fit 28 bits, and a minute's milliseconds 16.
    let minute = |at: WallMs| (at / MINUTE_MS) as u32;
    let mut from = at - span;
    let pieces = std::iter::from_fn(move || {
        let to = at.min((from / MINUTE_MS + 1) * MINUTE_MS);
        let piece = Piece { minute: minute(from), ms: (to - from) as u16 };
        from = to;
        (piece.ms > 0).then_some(piece)
    });
    (pieces, record.run.as_ref().map(|run| (minute(at), run)))
}
