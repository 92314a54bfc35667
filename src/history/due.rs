//! How many runs were due: from the intervals a target has had, also while Probity was down. Pure.

use std::{ops::Range, time::Duration};

use crate::clock::WallMs;

/// The most changes of interval that are kept of one target; the oldest go first. A change a day for a retention of
/// 100 days is a tenth of it.
pub const CHANGES_MAX: usize = 1_000;

/// From `at` on, runs are due every `every_ms`, the first at `at`; 0: none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    pub at: WallMs,
    pub every_ms: u32,
}

/// A target's changes of interval, by time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    changes: Vec<Change>,
}

impl Due {
    /// Notes a change and returns it; None when it says what holds already.
    pub fn change(&mut self, at: WallMs, every: Option<Duration>) -> Option<Change> {
        let every_ms = every.map_or(0, |every| u32::try_from(every.as_millis()).unwrap_or(u32::MAX).max(1));
        if self.changes.last().map_or(0, |last| last.every_ms) == every_ms {
            return None;
        }
        let change = Change { at, every_ms };
        self.push(change);
        Some(change)
    }

    /// Appends what was noted before, from the store.
    pub fn push(&mut self, change: Change) {
        // A clock that stepped back: what was noted for later never came to be.
        while self.changes.last().is_some_and(|last| last.at >= change.at) {
            self.changes.pop();
        }
        if self.changes.len() == CHANGES_MAX {
            self.changes.remove(0);
        }
        if self.changes.is_empty() {
            self.changes.reserve_exact(1);
        }
        self.changes.push(change);
    }

    /// Forgets what ended before `cutoff`.
    pub fn forget(&mut self, cutoff: WallMs) {
        let ended = self.changes.iter().skip(1).take_while(|next| next.at <= cutoff).count();
        self.changes.drain(..ended);
    }

    /// The stretches of time, by the milliseconds at which they begin and end, in which runs were due at all: not while
    /// suspended, and not before the target came or after it went. The last one may have no end yet.
    pub fn spans(&self) -> impl Iterator<Item = Range<WallMs>> + '_ {
        let ends = self.changes.iter().skip(1).map(|next| next.at).chain([WallMs::MAX]);
        self.changes.iter().zip(ends).filter(|(change, _)| change.every_ms > 0).map(|(change, end)| change.at..end)
    }

    /// Runs due from `from` on and before `to`.
    pub fn expected(&self, from: WallMs, to: WallMs) -> u64 {
        let ends = self.changes.iter().skip(1).map(|next| next.at).chain([WallMs::MAX]);
        self.changes
            .iter()
            .zip(ends)
            .filter(|(change, _)| change.every_ms > 0)
            .map(|(change, end)| before(change, to.min(end)).saturating_sub(before(change, from.min(end))))
            .fold(0, u64::saturating_add)
    }
}

/// Runs due before `end` since the change: those at `at + k * every` for k from 0.
fn before(change: &Change, end: WallMs) -> u64 {
    u64::try_from(end.saturating_sub(change.at)).unwrap_or(0).div_ceil(change.every_ms.into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn due(changes: &[(WallMs, u64)]) -> Due {
        let mut due = Due::default();
        for &(at, every) in changes {
            due.change(at, (every > 0).then(|| Duration::from_millis(every)));
        }
        due
    }

    #[test]
    fn table() {
        let one = due(&[(1_000, 10_000)]);
        let changed = due(&[(1_000, 10_000), (31_000, 60_000), (200_000, 0), (500_000, 10_000)]);
        for (due, from, to, want) in [
            (&one, 0, 1_000, 0),
            (&one, 0, 1_001, 1),
            (&one, 0, 60_000, 6),
            (&one, 60_000, 120_000, 6),
            (&one, 60_000, 60_000, 0),
            (&one, 120_000, 60_000, 0),
            (&changed, 0, 31_000, 3),
            (&changed, 31_000, 92_000, 2),
            (&changed, 200_000, 500_000, 0),
            (&changed, 200_000, 520_000, 2),
            (&Due::default(), 0, WallMs::MAX, 0),
            (&one, WallMs::MIN, WallMs::MAX, 922_337_203_685_478),
        ] {
            assert_eq!(due.expected(from, to), want, "{due:?} {from} {to}");
        }
    }

    #[test]
    fn what_holds_already_changes_nothing_and_a_step_back_takes_back() {
        let mut due = due(&[(1_000, 10_000), (5_000, 10_000)]);
        assert_eq!(due.changes.len(), 1);
        due.change(90_000, None);
        due.change(50_000, Some(Duration::from_secs(1)));
        assert_eq!(due.expected(0, 100_000), 5 + 50);
        due.forget(60_000);
        assert_eq!(due.expected(0, 100_000), 50);
    }

    proptest! {
        #[test]
        fn the_sum_of_parts_is_the_whole(
            mut changes in prop::collection::vec((0i64..1_000_000, prop_oneof![Just(0u64), 1u64..100_000]), 0..8),
            mut cuts in prop::collection::vec(-1_000i64..1_100_000, 2..10),
        ) {
            changes.sort_unstable();
            cuts.sort_unstable();
            let due = due(&changes);
            let parts: u64 = cuts.windows(2).map(|cut| due.expected(cut[0], cut[1])).sum();
            prop_assert_eq!(parts, due.expected(cuts[0], *cuts.last().unwrap()));
        }

        #[test]
        fn the_number_of_changes_is_bounded(count in 0i64..3_000) {
            let mut due = Due::default();
            (0..count).for_each(|at| { due.change(at, Some(Duration::from_secs(1 + at as u64 % 2))); });
            prop_assert!(due.changes.len() <= CHANGES_MAX);
        }
    }
}
