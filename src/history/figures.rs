//! What the last minutes of one target come to, for rules. Pure.

use std::collections::VecDeque;

use crate::clock::WallMs;

/// Latencies are kept for as long as a rule may look back.
const KEPT_MS: WallMs = 3_600_000;
/// An hour of runs every second, which is the shortest interval.
const LATENCIES_MAX: usize = 3_600;

/// Runs that were not excluded, over some minutes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    pub(super) runs: u64,
    pub(super) failed: u64,
    pub(super) latency_sum_us: u64,
    /// Microseconds, sorted. Only where quantiles were asked for before.
    pub(super) latencies: Vec<u32>,
}

impl Figures {
    /// 0 to 1; None without runs.
    pub fn failure_ratio(&self) -> Option<f64> {
        (self.runs > 0).then(|| self.failed as f64 / self.runs as f64)
    }

    /// Seconds; None without runs.
    pub fn latency_average(&self) -> Option<f64> {
        (self.runs > 0).then(|| self.latency_sum_us as f64 / self.runs as f64 / 1e6)
    }

    /// Seconds, by the nearest rank: the smallest latency that at least the share `quantile` of the runs kept to. None
    /// where none was seen.
    pub fn latency_quantile(&self, quantile: f64) -> Option<f64> {
        let rank = (quantile * self.latencies.len() as f64).ceil().max(1.0) as usize;
        self.latencies.get(rank - 1).map(|us| f64::from(*us) / 1e6)
    }
}

/// The latencies of the last hour, one by one: kept for a target from when a rule first asks for a quantile, until none
/// has asked for an hour.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    /// When, and microseconds.
    all: VecDeque<(WallMs, u32)>,
    asked: WallMs,
}

impl Latencies {
    pub fn asked_at(at: WallMs) -> Self {
        Self { all: VecDeque::new(), asked: at }
    }

    /// False when nobody has asked for long: they are to be let go.
    pub fn push(&mut self, at: WallMs, us: u32) -> bool {
        while self.all.front().is_some_and(|(first, _)| at - first > KEPT_MS) || self.all.len() >= LATENCIES_MAX {
            self.all.pop_front();
        }
        self.all.push_back((at, us));
        at - self.asked <= KEPT_MS
    }

    /// Those since `from`, sorted.
    pub fn since(&mut self, from: WallMs, now: WallMs) -> Vec<u32> {
        self.asked = now;
        let mut found: Vec<u32> = self.all.iter().filter(|(at, _)| *at >= from).map(|(_, us)| *us).collect();
        found.sort_unstable();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_by_the_nearest_rank() {
        let figures = |latencies: &[u32]| Figures { latencies: latencies.to_vec(), ..Figures::default() };
        let hundred: Vec<u32> = (1..=100).map(|n| n * 1_000_000).collect();
        for (quantile, expected) in [(0.5, 50.0), (0.9, 90.0), (0.95, 95.0), (0.99, 99.0)] {
            assert_eq!(figures(&hundred).latency_quantile(quantile), Some(expected));
            assert_eq!(figures(&[2_000_000]).latency_quantile(quantile), Some(2.0));
            assert_eq!(figures(&[]).latency_quantile(quantile), None);
        }
        assert_eq!(figures(&[1, 3_000_000]).latency_quantile(0.5), Some(1e-6));
    }

    #[test]
    fn latencies_are_of_the_last_hour_and_bounded() {
        let mut latencies = Latencies::asked_at(0);
        for n in 0..10_000 {
            assert!(latencies.push(n, 1));
        }
        assert_eq!(latencies.since(0, 10_000).len(), LATENCIES_MAX);
        assert!(latencies.push(10_000 + KEPT_MS, 2));
        assert!(!latencies.push(10_002 + KEPT_MS, 3));
        assert_eq!(latencies.since(10_000, KEPT_MS), [2, 3]);
    }
}
