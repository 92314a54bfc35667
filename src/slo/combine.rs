//! How several checks, and several targets of a check, become one cell of one minute. Pure.
//!
//! Targets of a check, in one minute: bad is the worst of them, and what was seen of any of them is seen. One of which
//! nothing was seen is left out, as targets come and go, unless nothing was seen of any. Their runs are one heap.
//!
//! Checks, in one minute, a check of which nothing was seen being unseen, neither good nor bad:
//!
//! | | All | Any | Average |
//! | --- | --- | --- | --- |
//! | Time | good as long as all are; bad as long as the worst is | good as long as the best is; bad as long as all are | the means |
//! | Events | the runs of the check with the largest share of failed ones | of that with the smallest | the runs of all |
//!
//! So one unseen check keeps All from being good, and Any from being bad. Error rates and response times take all runs.

use crate::history::Minute;

use super::{Cell, Combine, Indicator, Method};

/// Takes checks one by one, as a selector may find ten thousand. Which checks count (suspended ones do not) is the
/// caller's to say.
#[derive(Debug, Clone, Copy)]
pub struct Combiner {
    indicator: Indicator,
    checks: u32,
    /// Of all checks, summed.
    seen_ms: f64,
    /// Milliseconds; the least, the most or the sum of the checks so far.
    good_ms: f64,
    bad_ms: f64,
    /// Failed runs, or microseconds.
    part: f64,
    runs: f64,
}

/// One check, in one minute. Without targets it is one of which nothing was seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Check {
    seen_ms: u16,
    bad_ms: u16,
    failed: u64,
    runs: u64,
    latency_us: u64,
}

impl Check {
    fn of(targets: impl IntoIterator<Item = Minute>) -> Self {
        let mut check = Self::default();
        targets.into_iter().for_each(|minute| check.add(&minute));
        check
    }

    /// Takes one of its targets.
    pub fn add(&mut self, minute: &Minute) {
        let up_ms = minute.good_ms.saturating_add(minute.degraded_ms);
        self.seen_ms = self.seen_ms.max(minute.observed_ms);
        self.bad_ms = self.bad_ms.max(minute.observed_ms.saturating_sub(up_ms));
        self.failed += u64::from(minute.failed);
        self.runs += u64::from(minute.timed());
        self.latency_us += u64::from(minute.latency_sum_us);
    }
}

impl Combiner {
    pub fn new(indicator: Indicator) -> Self {
        Self { indicator, checks: 0, seen_ms: 0.0, good_ms: 0.0, bad_ms: 0.0, part: 0.0, runs: 0.0 }
    }

    /// Takes a check by its targets' minutes. One without targets is one of which nothing was seen.
    pub fn check(&mut self, targets: impl IntoIterator<Item = Minute>) {
        self.add(&Check::of(targets));
    }

    /// Takes a check of which all targets were taken.
    pub fn add(&mut self, check: &Check) {
        let is_first = self.checks == 0;
        self.checks = self.checks.saturating_add(1);
        self.seen_ms += f64::from(check.seen_ms);
        let (bad, good) = (f64::from(check.bad_ms), f64::from(check.seen_ms.saturating_sub(check.bad_ms)));
        match self.indicator {
            Indicator::Availability { method: Method::Time, combine } => {
                (self.good_ms, self.bad_ms) = match combine {
                    _ if is_first => (good, bad),
                    Combine::All => (self.good_ms.min(good), self.bad_ms.max(bad)),
                    Combine::Any => (self.good_ms.max(good), self.bad_ms.min(bad)),
                    Combine::Average => (self.good_ms + good, self.bad_ms + bad),
                };
            }
            Indicator::Availability { method: Method::Events, combine } => {
                let (failed, runs) = (check.failed as f64, check.runs as f64);
                match combine {
                    Combine::All => self.pick(failed, runs, |share, other| share > other),
                    Combine::Any => self.pick(failed, runs, |share, other| share < other),
                    Combine::Average => self.pool(failed, runs),
                }
            }
            Indicator::ErrorRate => self.pool(check.failed as f64, check.runs as f64),
            Indicator::ResponseTime { .. } => self.pool(check.latency_us as f64, check.runs as f64),
        }
    }

    /// What the checks so far come to.
    pub fn cell(&self) -> Cell {
        if self.checks == 0 {
            return Cell::default();
        }
        let checks = f64::from(self.checks);
        match self.indicator {
            Indicator::Availability { method: Method::Time, combine } => {
                let share = if combine == Combine::Average { checks } else { 1.0 };
                let (bad, whole) = (self.bad_ms / share, (self.good_ms + self.bad_ms) / share);
                Cell { part: bad, whole, seen_ms: whole }
            }
            _ => Cell { part: self.part, whole: self.runs, seen_ms: self.seen_ms / checks },
        }
    }

    fn pool(&mut self, part: f64, runs: f64) {
        self.part += part;
        self.runs += runs;
    }

    /// Takes a check's runs in place of those so far, if its share is the one that is looked for; of equal shares the
    /// one of more runs.
    fn pick(&mut self, failed: f64, runs: f64, is_sought: impl Fn(f64, f64) -> bool) {
        // The shares, times both numbers of runs: whole numbers, which compare exactly.
        let (share, other) = (failed * self.runs, self.part * runs);
        let is_taken = self.runs == 0.0 || is_sought(share, other) || (share == other && runs > self.runs);
        if runs > 0.0 && is_taken {
            (self.part, self.runs) = (failed, runs);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TIME: Method = Method::Time;
    const EVENTS: Method = Method::Events;

    /// Seconds of good and of bad time.
    fn time(good: u16, bad: u16) -> Minute {
        Minute { observed_ms: (good + bad) * 1000, good_ms: good * 1000, ..Minute::default() }
    }

    fn runs(good: u16, failed: u16) -> Minute {
        Minute { good, failed, observed_ms: 60_000, latency_sum_us: 1000 * u32::from(good), ..Minute::default() }
    }

    fn combined(indicator: Indicator, checks: &[&[Minute]]) -> Cell {
        let mut combiner = Combiner::new(indicator);
        checks.iter().for_each(|targets| combiner.check(targets.iter().copied()));
        combiner.cell()
    }

    fn availability(method: Method, combine: Combine, checks: &[&[Minute]]) -> (f64, f64, f64) {
        let cell = combined(Indicator::Availability { method, combine }, checks);
        (cell.part, cell.whole, cell.seen_ms)
    }

    #[test]
    fn time_of_three_checks() {
        let seen: [&[Minute]; 3] = [&[time(60, 0)], &[time(30, 30)], &[time(45, 15)]];
        assert_eq!(availability(TIME, Combine::All, &seen), (30_000.0, 60_000.0, 60_000.0));
        assert_eq!(availability(TIME, Combine::Any, &seen), (0.0, 60_000.0, 60_000.0));
        assert_eq!(availability(TIME, Combine::Average, &seen), (15_000.0, 60_000.0, 60_000.0));
        let unseen: [&[Minute]; 3] = [&[time(60, 0)], &[time(0, 0)], &[time(45, 15)]];
        assert_eq!(availability(TIME, Combine::All, &unseen), (15_000.0, 15_000.0, 15_000.0));
        assert_eq!(availability(TIME, Combine::Any, &unseen), (0.0, 60_000.0, 60_000.0));
        assert_eq!(availability(TIME, Combine::Average, &unseen), (5_000.0, 40_000.0, 40_000.0));
        // All that were seen are bad, and of one nothing was: Any may have been good.
        let bad: [&[Minute]; 2] = [&[time(0, 60)], &[]];
        assert_eq!(availability(TIME, Combine::Any, &bad), (0.0, 0.0, 0.0));
        assert_eq!(availability(TIME, Combine::All, &bad), (60_000.0, 60_000.0, 60_000.0));
    }

    #[test]
    fn degraded_is_good() {
        let minute = Minute { observed_ms: 60_000, good_ms: 20_000, degraded_ms: 30_000, ..Minute::default() };
        assert_eq!(availability(TIME, Combine::All, &[&[minute]]), (10_000.0, 60_000.0, 60_000.0));
        let minute = Minute { good: 1, degraded: 2, failed: 1, excluded: 9, ..Minute::default() };
        assert_eq!(availability(EVENTS, Combine::All, &[&[minute]]), (1.0, 4.0, 0.0));
    }

    #[test]
    fn targets_of_one_check_are_as_the_worst_of_those_that_were_seen() {
        let targets = [time(60, 0), time(50, 10), time(0, 0), time(5, 0)];
        assert_eq!(availability(TIME, Combine::All, &[&targets]), (10_000.0, 60_000.0, 60_000.0));
        assert_eq!(availability(TIME, Combine::All, &[&[time(0, 0), time(0, 0)]]), (0.0, 0.0, 0.0));
        assert_eq!(availability(EVENTS, Combine::All, &[&[runs(3, 1), runs(4, 0)]]), (1.0, 8.0, 60_000.0));
    }

    #[test]
    fn events_of_three_checks() {
        let seen: [&[Minute]; 3] = [&[runs(9, 1)], &[runs(1, 1)], &[runs(4, 0)]];
        assert_eq!(availability(EVENTS, Combine::All, &seen), (1.0, 2.0, 60_000.0));
        assert_eq!(availability(EVENTS, Combine::Any, &seen), (0.0, 4.0, 60_000.0));
        assert_eq!(availability(EVENTS, Combine::Average, &seen), (2.0, 16.0, 60_000.0));
        // Equal shares: the one of more runs. Without runs it is not there.
        let equal: [&[Minute]; 3] = [&[runs(1, 1)], &[runs(3, 3)], &[time(60, 0)]];
        assert_eq!(availability(EVENTS, Combine::All, &equal), (3.0, 6.0, 60_000.0));
        assert_eq!(availability(EVENTS, Combine::Any, &equal), (3.0, 6.0, 60_000.0));
        assert_eq!(availability(EVENTS, Combine::All, &[&[time(30, 0)], &[]]), (0.0, 0.0, 15_000.0));
    }

    #[test]
    fn rates_and_latencies_take_all_runs() {
        let checks: [&[Minute]; 2] = [&[runs(9, 1), runs(5, 0)], &[runs(1, 1)]];
        let of = |indicator| combined(indicator, &checks);
        assert_eq!(of(Indicator::ErrorRate), Cell { part: 2.0, whole: 17.0, seen_ms: 60_000.0 });
        let latency = of(Indicator::ResponseTime { statistic: crate::slo::Statistic::Average });
        assert_eq!(latency, Cell { part: 15_000.0, whole: 17.0, seen_ms: 60_000.0 });
        assert_eq!(combined(Indicator::ErrorRate, &[]), Cell::default());
    }

    fn minute() -> impl Strategy<Value = Minute> {
        (0u16..=60, 0u16..=60, 0u16..=60, 0u16..5, 0u16..5, 0u16..5).prop_map(|(a, b, c, good, degraded, failed)| {
            let mut ends = [a, b, c];
            ends.sort_unstable();
            let [good_ms, up_ms, observed_ms] = ends.map(|second| second * 1000);
            let mut minute = Minute { good, degraded, failed, observed_ms, good_ms, ..Minute::default() };
            minute.degraded_ms = up_ms - good_ms;
            minute
        })
    }

    fn indicators() -> Vec<Indicator> {
        let combines = [Combine::All, Combine::Any, Combine::Average];
        let of = |method| combines.map(|combine| Indicator::Availability { method, combine });
        let mut all = [of(TIME), of(EVENTS)].concat();
        all.push(Indicator::ErrorRate);
        all
    }

    proptest! {
        #[test]
        fn a_minute_is_no_longer_than_it_is_and_the_order_of_checks_does_not_matter(
            checks in prop::collection::vec(prop::collection::vec(minute(), 0..4), 1..6),
            indicator in prop::sample::select(indicators()),
            seed in any::<prop::sample::Index>(),
        ) {
            let checks: Vec<&[Minute]> = checks.iter().map(Vec::as_slice).collect();
            let cell = combined(indicator, &checks);
            prop_assert!(cell.part >= 0.0 && cell.part <= cell.whole, "{cell:?}");
            prop_assert!(cell.seen_ms <= 60_000.0 + 1e-6, "{cell:?}");
            if matches!(indicator, Indicator::Availability { method: Method::Time, .. }) {
                prop_assert_eq!(cell.whole, cell.seen_ms);
            }
            let mut turned = checks.clone();
            turned.rotate_left(seed.index(checks.len()));
            turned.reverse();
            prop_assert_eq!(combined(indicator, &turned), cell);
        }

        #[test]
        fn all_is_never_better_than_average_and_any_never_worse(
            checks in prop::collection::vec(minute(), 1..6),
        ) {
            let checks: Vec<&[Minute]> = checks.iter().map(std::slice::from_ref).collect();
            let bad = |combine| availability(TIME, combine, &checks).0;
            let good = |combine| { let (bad, whole, _) = availability(TIME, combine, &checks); whole - bad };
            prop_assert!(bad(Combine::Any) <= bad(Combine::Average) + 1e-6);
            prop_assert!(bad(Combine::Average) <= bad(Combine::All) + 1e-6);
            prop_assert!(good(Combine::All) <= good(Combine::Average) + 1e-6);
            prop_assert!(good(Combine::Average) <= good(Combine::Any) + 1e-6);
        }
    }
}
