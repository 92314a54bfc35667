//! What is counted: in a minute, in an hour, in a day. Pure.

use crate::health::Reason;

use super::{Class, Run, sketch::Sketch};

pub const MINUTE_MS: i64 = 60_000;
pub const HOUR_MS: i64 = 3_600_000;
pub const DAY_MS: i64 = 86_400_000;

/// Runs that ended in one minute, and what its time counts as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Minute {
    pub good: u16,
    pub degraded: u16,
    pub failed: u16,
    pub excluded: u16,
    /// Milliseconds, at most 60,000; good and degraded are parts of observed, failed time is the rest.
    pub observed_ms: u16,
    pub good_ms: u16,
    pub degraded_ms: u16,
    /// Microseconds, of all runs but the excluded ones. The runs of a target do not overlap, so that a minute's
    /// sum is at most a minute and one timeout; it stops at 71 minutes.
    pub latency_sum_us: u32,
    pub latency_max_us: u32,
}

impl Minute {
    const FULL: u16 = MINUTE_MS as u16;

    pub fn add_run(&mut self, class: Class, us: u32) {
        let count = match class {
            Class::Good => &mut self.good,
            Class::Degraded => &mut self.degraded,
            Class::Failed => &mut self.failed,
            Class::Excluded => &mut self.excluded,
        };
        *count = count.saturating_add(1);
        if class != Class::Excluded {
            self.latency_sum_us = self.latency_sum_us.saturating_add(us);
            self.latency_max_us = self.latency_max_us.max(us);
        }
    }

    /// Adds time, as far as the minute has any left: a clock that stepped back makes no minute longer.
    pub fn add_time(&mut self, class: Class, ms: u16) {
        if class == Class::Excluded {
            return;
        }
        let ms = ms.min(Self::FULL.saturating_sub(self.observed_ms));
        self.observed_ms += ms;
        match class {
            Class::Good => self.good_ms += ms,
            Class::Degraded => self.degraded_ms += ms,
            Class::Failed | Class::Excluded => {}
        }
    }

    pub fn merge(&mut self, other: &Self) {
        self.good = self.good.saturating_add(other.good);
        self.degraded = self.degraded.saturating_add(other.degraded);
        self.failed = self.failed.saturating_add(other.failed);
        self.excluded = self.excluded.saturating_add(other.excluded);
        self.observed_ms = self.observed_ms.saturating_add(other.observed_ms).min(Self::FULL);
        self.good_ms = self.good_ms.saturating_add(other.good_ms).min(self.observed_ms);
        self.degraded_ms = self.degraded_ms.saturating_add(other.degraded_ms).min(self.observed_ms - self.good_ms);
        self.latency_sum_us = self.latency_sum_us.saturating_add(other.latency_sum_us);
        self.latency_max_us = self.latency_max_us.max(other.latency_max_us);
    }

    /// Runs that have a latency.
    pub fn timed(&self) -> u32 {
        u32::from(self.good) + u32::from(self.degraded) + u32::from(self.failed)
    }
}

/// How often each reason came, of the runs that were not Ok. As many entries as there are reasons at most.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reasons {
    /// By reason's position.
    sorted: Vec<(u8, u32)>,
}

impl Reasons {
    pub fn add(&mut self, reason: Reason, count: u32) {
        if reason == Reason::Ok || count == 0 {
            return;
        }
        match self.sorted.binary_search_by_key(&reason.code(), |&(code, _)| code) {
            Ok(place) => self.sorted[place].1 = self.sorted[place].1.saturating_add(count),
            Err(place) => {
                self.sorted.reserve_exact(1);
                self.sorted.insert(place, (reason.code(), count));
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        other.iter().for_each(|(reason, count)| self.add(reason, count));
    }

    pub fn iter(&self) -> impl Iterator<Item = (Reason, u32)> + '_ {
        self.sorted.iter().filter_map(|&(code, count)| Some((Reason::from_code(code)?, count)))
    }
}

/// One hour of one target, in full: what a row holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    pub minutes: Box<[Minute; 60]>,
    pub sketch: Sketch,
    pub reasons: Reasons,
}

impl Default for Hour {
    fn default() -> Self {
        Self { minutes: Box::new([Minute::default(); 60]), sketch: Sketch::default(), reasons: Reasons::default() }
    }
}

impl Hour {
    pub fn add_run(&mut self, minute: usize, run: &Run) {
        let us = micros(run);
        self.minutes[minute % 60].add_run(run.class, us);
        tell(run, us, &mut self.sketch, &mut self.reasons);
    }

    pub fn merge(&mut self, other: &Self) {
        self.minutes.iter_mut().zip(other.minutes.iter()).for_each(|(mine, other)| mine.merge(other));
        self.sketch.merge(&other.sketch);
        self.reasons.merge(&other.reasons);
    }

    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        self.minutes.iter().for_each(|minute| totals.add_minute(minute));
        totals
    }
}

/// Puts a run into a sketch and among the reasons.
pub fn tell(run: &Run, us: u32, sketch: &mut Sketch, reasons: &mut Reasons) {
    if run.class != Class::Excluded {
        sketch.add(us);
    }
    reasons.add(run.reason, 1);
}

/// A run's latency as it is counted; over 71 minutes it stops.
pub fn micros(run: &Run) -> u32 {
    u32::try_from(run.latency.as_micros()).unwrap_or(u32::MAX)
}

/// The sums of any number of minutes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub good: u64,
    pub degraded: u64,
    pub failed: u64,
    pub excluded: u64,
    pub observed_ms: u64,
    pub good_ms: u64,
    pub degraded_ms: u64,
    pub latency_sum_us: u64,
    pub latency_max_us: u32,
}

impl Totals {
    pub fn add_minute(&mut self, minute: &Minute) {
        self.add(&Self {
            good: minute.good.into(),
            degraded: minute.degraded.into(),
            failed: minute.failed.into(),
            excluded: minute.excluded.into(),
            observed_ms: minute.observed_ms.into(),
            good_ms: minute.good_ms.into(),
            degraded_ms: minute.degraded_ms.into(),
            latency_sum_us: minute.latency_sum_us.into(),
            latency_max_us: minute.latency_max_us,
        });
    }

    pub fn add(&mut self, other: &Self) {
        self.good = self.good.saturating_add(other.good);
        self.degraded = self.degraded.saturating_add(other.degraded);
        self.failed = self.failed.saturating_add(other.failed);
        self.excluded = self.excluded.saturating_add(other.excluded);
        self.observed_ms = self.observed_ms.saturating_add(other.observed_ms);
        self.good_ms = self.good_ms.saturating_add(other.good_ms);
        self.degraded_ms = self.degraded_ms.saturating_add(other.degraded_ms);
        self.latency_sum_us = self.latency_sum_us.saturating_add(other.latency_sum_us);
        self.latency_max_us = self.latency_max_us.max(other.latency_max_us);
    }

    /// Runs that have a latency.
    pub fn timed(&self) -> u64 {
        self.good.saturating_add(self.degraded).saturating_add(self.failed)
    }

    pub fn runs(&self) -> u64 {
        self.timed().saturating_add(self.excluded)
    }

    pub fn up_ms(&self) -> u64 {
        self.good_ms.saturating_add(self.degraded_ms)
    }
}

/// One day of one target: its hours, summed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    pub totals: Totals,
    pub sketch: Sketch,
    pub reasons: Reasons,
}

impl Day {
    pub fn add(&mut self, hour: &Hour) {
        self.totals.add(&hour.totals());
        self.sketch.merge(&hour.sketch);
        self.reasons.merge(&hour.reasons);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class() -> impl Strategy<Value = Class> {
        prop::sample::select(vec![Class::Good, Class::Degraded, Class::Failed, Class::Excluded])
    }

    proptest! {
        #[test]
        fn parts_in_any_order_come_to_the_whole(
            runs in prop::collection::vec((0usize..60, class(), 0u32..100_000_000, 0u16..60, 0usize..3), 0..200),
            order in Just([0, 1, 2]).prop_shuffle(),
        ) {
            let (mut whole, mut parts) = (Hour::default(), [(); 3].map(|()| Hour::default()));
            for (minute, class, us, ms, part) in runs {
                let reason = if class == Class::Failed { Reason::Timeout } else { Reason::Ok };
                let run = Run { class, reason, latency: std::time::Duration::from_micros(us.into()) };
                for hour in [&mut whole, &mut parts[part]] {
                    hour.add_run(minute, &run);
                    hour.minutes[minute].add_time(class, ms);
                }
            }
            let mut sum = Hour::default();
            order.iter().for_each(|&part| sum.merge(&parts[part]));
            prop_assert_eq!(sum, whole);
        }
    }

    #[test]
    fn a_minute_takes_no_more_than_its_time() {
        let mut minute = Minute::default();
        minute.add_time(Class::Good, 50_000);
        minute.add_time(Class::Excluded, 50_000);
        minute.add_time(Class::Failed, 50_000);
        assert_eq!((minute.observed_ms, minute.good_ms, minute.degraded_ms), (60_000, 50_000, 0));
        let copy = minute;
        minute.merge(&copy);
        assert_eq!((minute.observed_ms, minute.good_ms, minute.degraded_ms), (60_000, 60_000, 0));
    }

    #[test]
    fn excluded_runs_have_no_latency_and_good_ones_no_reason() {
        let mut hour = Hour::default();
        let run = |class, reason| Run { class, reason, latency: std::time::Duration::from_millis(5) };
        hour.add_run(3, &run(Class::Excluded, Reason::Blocked));
        hour.add_run(3, &run(Class::Good, Reason::Ok));
        hour.add_run(63, &run(Class::Failed, Reason::Timeout));
        let totals = hour.totals();
        assert_eq!((totals.runs(), totals.timed(), totals.latency_sum_us), (3, 2, 10_000));
        assert_eq!(hour.reasons.iter().collect::<Vec<_>>(), [(Reason::Timeout, 1), (Reason::Blocked, 1)]);
    }
}
