//! Whether the loops that must turn do turn.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use parking_lot::RwLock;

use crate::clock::Clock;

/// The loops that must turn, and when each last did. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct Progress {
    clock: Clock,
    loops: Arc<RwLock<Vec<Loop>>>,
}

/// Its name, and when it last turned: milliseconds of monotonic time.
type Loop = (&'static str, Arc<AtomicU64>);

/// What one loop beats on each turn. Monotonic time, so a step of the wall clock stalls nothing.
#[derive(Debug, Clone)]
pub struct Beat {
    clock: Clock,
    last: Arc<AtomicU64>,
}

impl Progress {
    pub fn new(clock: Clock) -> Self {
        Self { clock, loops: Arc::default() }
    }

    /// Watches one more loop from now on. It must beat at least every few seconds, also when it has nothing to do.
    pub fn watch(&self, name: &'static str) -> Beat {
        let beat = Beat { clock: self.clock.clone(), last: Arc::default() };
        beat.turn();
        self.loops.write().push((name, Arc::clone(&beat.last)));
        beat
    }

    /// The loops that have not turned for `limit`, each with how long.
    pub fn stalled(&self, limit: Duration) -> Vec<(&'static str, Duration)> {
        self.stalled_at(self.clock.mono(), limit)
    }

    fn stalled_at(&self, now: Duration, limit: Duration) -> Vec<(&'static str, Duration)> {
        let since = |last: &AtomicU64| now.saturating_sub(Duration::from_millis(last.load(Ordering::Relaxed)));
        let all = self.loops.read();
        all.iter().map(|(name, last)| (*name, since(last))).filter(|(_, since)| *since >= limit).collect()
    }
}

impl Beat {
    /// The loop has turned once more.
    pub fn turn(&self) {
        let ms = u64::try_from(self.clock.mono().as_millis()).unwrap_or(u64::MAX);
        self.last.store(ms, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_does_not_turn_is_named() {
        let progress = Progress::new(Clock::system());
        let (_one, two) = (progress.watch("scheduler"), progress.watch("engine"));
        two.last.store(2_000, Ordering::Relaxed);
        let limit = Duration::from_secs(60);
        assert!(progress.stalled_at(Duration::from_secs(59), limit).is_empty());
        assert_eq!(
            progress.stalled_at(Duration::from_secs(61), limit).first().map(|(name, _)| *name),
            Some("scheduler")
        );
        assert_eq!(progress.stalled_at(Duration::from_secs(62), limit).len(), 2);
        two.turn();
        assert!(progress.stalled(limit).is_empty());
    }
}
