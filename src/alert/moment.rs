//! Time as alerts know it: one half to measure with, one to show.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Now, WallMs};

/// A moment. What lasts (`for`, `wait`, `repeat`) is measured between two `at`, which no step of the wall clock moves;
/// what people see is `wall`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Moment {
    /// Milliseconds on a [`Timeline`].
    pub at: i64,
    pub wall: WallMs,
}

impl Moment {
    /// Milliseconds from `earlier` to this; never negative, also when a restart met a clock that was set back.
    pub fn since(self, earlier: i64) -> i64 {
        self.at.saturating_sub(earlier).max(0)
    }

    /// What the wall clock will show when the timeline is at `at`.
    pub fn wall_at(self, at: i64) -> WallMs {
        self.wall.saturating_add(at.saturating_sub(self.at))
    }
}

/// Maps both clocks onto moments. It begins at the wall time of the process's start, so that what an earlier process
/// measured goes on, and from there it follows the monotonic clock.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    /// Where the timeline is when the monotonic clock reads zero.
    origin: i64,
}

impl Timeline {
    pub fn new(now: Now) -> Self {
        Self { origin: now.wall.saturating_sub(millis(now.mono)) }
    }

    /// Goes on where the process before this one was at `last`, also where the wall clock had been stepped while it ran.
    /// It never goes back.
    pub fn resume(now: Now, last: Moment) -> Self {
        let at = now.wall.saturating_add(last.at.saturating_sub(last.wall)).max(last.at);
        Self { origin: at.saturating_sub(millis(now.mono)) }
    }

    pub fn at(self, now: Now) -> Moment {
        Moment { at: self.origin.saturating_add(millis(now.mono)), wall: now.wall }
    }

    /// What the monotonic clock reads at `at`; zero for what lies before it began.
    pub fn mono(self, at: i64) -> Duration {
        Duration::from_millis(u64::try_from(at.saturating_sub(self.origin)).unwrap_or(0))
    }
}

/// A duration in milliseconds, as far as they go: 292 million years.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_the_wall_clock_moves_no_duration() {
        let start = Now { mono: Duration::from_secs(5), wall: 1_000_000 };
        let timeline = Timeline::new(start);
        let before = timeline.at(start);
        let after = timeline.at(Now { mono: Duration::from_secs(65), wall: 90_000_000 });
        assert_eq!((after.since(before.at), after.wall), (60_000, 90_000_000));
        assert_eq!(before.since(after.at), 0);
        assert_eq!(timeline.mono(after.at), Duration::from_secs(65));
        assert_eq!(after.wall_at(after.at + 1000), 90_001_000);
    }

    #[test]
    fn a_restart_goes_on_where_the_timeline_was() {
        let last = Moment { at: 5_000_000, wall: 1_000_000 };
        for (wall, expected) in [(1_000_000, 5_000_000), (1_060_000, 5_060_000), (500_000, 5_000_000)] {
            let now = Now { mono: Duration::from_secs(1), wall };
            assert_eq!(Timeline::resume(now, last).at(now).at, expected);
        }
    }
}
