//! A budget per second: a bucket that tokens drip into. Pure.

use std::time::Duration;

/// Lets at most `burst + rate × T` through in any stretch of `T` seconds.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    /// Per second; 0 lets nothing through.
    rate: f64,
    burst: f64,
    tokens: f64,
    /// When `tokens` was right, on the monotonic clock.
    at: Duration,
}

impl Bucket {
    /// A full bucket.
    pub(super) fn new(rate: f64, burst: f64) -> Self {
        Self { rate, burst, tokens: burst, at: Duration::ZERO }
    }

    /// A budget of whole tokens a second, of which a tenth (at least one) may go at once: what is even over a
    /// second stays even.
    pub(super) fn per_second(rate: u32) -> Self {
        let rate = f64::from(rate);
        Self::new(rate, if rate > 0.0 { (rate / 10.0).max(1.0) } else { 0.0 })
    }

    pub(super) fn is_off(&self) -> bool {
        self.rate <= 0.0
    }

    /// Whether there is a token now.
    pub(super) fn has(&mut self, now: Duration) -> bool {
        self.fill(now);
        self.tokens >= 1.0
    }

    /// Takes a token if there is one.
    pub(super) fn take(&mut self, now: Duration) -> bool {
        let has = self.has(now);
        if has {
            self.tokens -= 1.0;
        }
        has
    }

    /// When the next token is there; never, when the budget is 0.
    pub(super) fn ready(&self) -> Option<Duration> {
        if self.is_off() {
            return None;
        }
        let missing = (1.0 - self.tokens).max(0.0);
        // Rounded up, so that who wakes then finds it.
        Some(self.at + Duration::from_micros((missing / self.rate * 1e6).ceil() as u64 + 1))
    }

    fn fill(&mut self, now: Duration) {
        let passed = now.saturating_sub(self.at);
        self.tokens = (self.tokens + passed.as_secs_f64() * self.rate).min(self.burst);
        self.at = self.at.max(now);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_stretch_of_time_lets_more_through_than_its_budget(
            rate in 1u32..500,
            steps in prop::collection::vec(0u64..50, 1..400),
        ) {
            let mut bucket = Bucket::per_second(rate);
            let (mut now, mut taken) = (Duration::ZERO, Vec::new());
            for step in steps {
                now += Duration::from_millis(step);
                while bucket.take(now) {
                    taken.push(now);
                }
            }
            let burst = (f64::from(rate) / 10.0).max(1.0);
            for first in 0..taken.len() {
                for last in first..taken.len() {
                    let stretch = (taken[last] - taken[first]).as_secs_f64();
                    prop_assert!((last - first + 1) as f64 <= burst + f64::from(rate) * stretch + 0.01);
                }
            }
        }

        #[test]
        fn who_waits_until_it_is_ready_gets_a_token(rate in 1u32..500, start in 0u64..100_000) {
            let mut bucket = Bucket::per_second(rate);
            let now = Duration::from_millis(start);
            while bucket.take(now) {}
            prop_assert!(bucket.take(bucket.ready().unwrap()));
        }
    }

    #[test]
    fn a_budget_of_nothing_lets_nothing_through() {
        let mut bucket = Bucket::per_second(0);
        assert!(bucket.is_off() && !bucket.take(Duration::from_secs(100)) && bucket.ready().is_none());
    }
}
