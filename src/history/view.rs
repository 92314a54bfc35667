//! A target's history as `GET …/history` gives it. Pure.

use std::{ops::RangeInclusive, time::Duration};

use serde::Serialize;

use crate::clock::{WallMs, rfc3339};

use super::{
    bucket::{DAY_MS, Day, HOUR_MS, Hour, MINUTE_MS, Totals},
    due::Due,
    sketch::Sketch,
};

/// Buckets from the oldest to the one that runs; one without runs is there with 0.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct History {
    /// Seconds.
    pub window: u64,
    /// Seconds: 60, 3,600 or 86,400.
    pub step: u64,
    pub buckets: Vec<Bucket>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Bucket {
    /// RFC 3339.
    pub start: String,
    /// Runs that were due by the interval; 0 while suspended.
    pub expected: u64,
    /// With the excluded ones.
    pub runs: u64,
    pub good: u64,
    pub degraded: u64,
    pub failed: u64,
    pub latency: Latency,
}

/// Seconds, of the runs that were not excluded; null where there were none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Latency {
    pub avg: Option<f64>,
    pub max: Option<f64>,
    /// Within 1 %; null in minutes, which keep no sketch.
    pub p50: Option<f64>,
    pub p90: Option<f64>,
    pub p99: Option<f64>,
}

/// The longest window, whatever is asked for: ten years of days.
const WINDOW_MAX: Duration = Duration::from_secs(3_650 * 86_400);

/// Puts hours and days into the buckets of one window.
pub struct Assembly {
    window: Duration,
    step_ms: i64,
    /// The first bucket's number, by `step_ms`.
    first: u32,
    now: WallMs,
    buckets: Vec<(Totals, Sketch)>,
}

impl Assembly {
    /// Minutes for up to 6 hours, hours for up to 7 days, else days. The last bucket is the one that runs.
    pub fn new(window: Duration, now: WallMs) -> Self {
        let window = window.clamp(Duration::from_secs(60), WINDOW_MAX);
        let step_ms = match window.as_secs() {
            0..=21_600 => MINUTE_MS,
            21_601..=604_800 => HOUR_MS,
            _ => DAY_MS,
        };
        // At most 3,650, so both fit; before 1970 there is nothing.
        let count = window.as_millis().div_ceil(step_ms as u128) as u32;
        let newest = u32::try_from(now.max(0) / step_ms).unwrap_or(u32::MAX);
        let first = newest.saturating_sub(count - 1);
        let buckets = (first..=newest).map(|_| Default::default()).collect();
        Self { window, step_ms, first, now, buckets }
    }

    /// Whether days are enough.
    pub fn by_day(&self) -> bool {
        self.step_ms == DAY_MS
    }

    /// The hours that are in the window.
    pub fn hours(&self) -> RangeInclusive<u32> {
        let hour = |at: i64| u32::try_from(at / HOUR_MS).unwrap_or(u32::MAX);
        let end = self.start(self.buckets.len());
        hour(self.start(0))..=hour(end - 1)
    }

    pub fn add_hour(&mut self, hour: u32, data: &Hour) {
        if self.step_ms == MINUTE_MS {
            for (minute, at) in data.minutes.iter().zip(i64::from(hour) * 60..) {
                if let Some((totals, _)) = self.bucket(at * MINUTE_MS) {
                    totals.add_minute(minute);
                }
            }
        } else if let Some((totals, sketch)) = self.bucket(i64::from(hour) * HOUR_MS) {
            totals.add(&data.totals());
            sketch.merge(&data.sketch);
        }
    }

    /// A day whose hours are not added.
    pub fn add_day(&mut self, day: u32, data: &Day) {
        if let Some((totals, sketch)) = self.bucket(i64::from(day) * DAY_MS) {
            totals.add(&data.totals);
            sketch.merge(&data.sketch);
        }
    }

    pub fn finish(self, due: &Due) -> History {
        let bucket = |(index, (totals, sketch)): (usize, &(Totals, Sketch))| {
            let (start, end) = (self.start(index), self.start(index + 1));
            let timed = totals.timed();
            let quantile = |q| sketch.quantile(q).map(seconds);
            Bucket {
                start: rfc3339(start),
                // What is due later in the running bucket is not missing yet.
                expected: due.expected(start, end.min(self.now)),
                runs: totals.runs(),
                good: totals.good,
                degraded: totals.degraded,
                failed: totals.failed,
                latency: Latency {
                    avg: (timed > 0).then(|| seconds(totals.latency_sum_us as f64 / timed as f64)),
                    max: (timed > 0).then(|| seconds(totals.latency_max_us.into())),
                    p50: quantile(0.5),
                    p90: quantile(0.9),
                    p99: quantile(0.99),
                },
            }
        };
        History {
            window: self.window.as_secs(),
            step: (self.step_ms / 1_000).unsigned_abs(),
            buckets: self.buckets.iter().enumerate().map(bucket).collect(),
        }
    }

    fn start(&self, index: usize) -> WallMs {
        (i64::from(self.first) + index as i64) * self.step_ms
    }

    fn bucket(&mut self, at: WallMs) -> Option<&mut (Totals, Sketch)> {
        let index = at / self.step_ms - i64::from(self.first);
        usize::try_from(index).ok().and_then(|index| self.buckets.get_mut(index))
    }
}

fn seconds(us: f64) -> f64 {
    us / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        health::Reason,
        history::{Class, Run},
    };

    const NOW: WallMs = 1_800_000_000_000 + 90_000;
    const HOURS: u64 = 3_600;

    fn hour_of(runs: u16) -> Hour {
        let mut hour = Hour::default();
        for n in 0..runs {
            let class = if n % 10 == 9 { Class::Failed } else { Class::Good };
            let run = Run { class, reason: Reason::Ok, latency: Duration::from_millis(u64::from(n) + 1) };
            hour.add_run(usize::from(n % 60), &run);
        }
        hour
    }

    #[test]
    fn the_step_follows_the_window_and_every_bucket_is_there() {
        for (window, step, count) in [
            (1, 60, 1),
            (HOURS, 60, 60),
            (6 * HOURS, 60, 360),
            (6 * HOURS + 1, 3_600, 7),
            (24 * HOURS, 3_600, 24),
            (168 * HOURS, 3_600, 168),
            (169 * HOURS, 86_400, 8),
            (720 * HOURS, 86_400, 30),
            (u64::MAX, 86_400, 3_650),
        ] {
            let history = Assembly::new(Duration::from_secs(window), NOW).finish(&Due::default());
            assert_eq!((history.step, history.buckets.len()), (step, count), "{window}");
            assert!(history.buckets.iter().all(|bucket| bucket.runs == 0 && bucket.latency == Latency::default()));
        }
    }

    #[test]
    fn minutes_have_no_quantiles_and_hours_have() {
        let hour = (NOW / HOUR_MS) as u32;
        let mut minutes = Assembly::new(Duration::from_secs(2 * HOURS), NOW);
        assert_eq!(minutes.hours(), hour - 2..=hour);
        minutes.add_hour(hour - 1, &hour_of(100));
        let mut due = Due::default();
        due.change(NOW - 60_000, Some(Duration::from_secs(10)));
        let history = minutes.finish(&due);
        assert_eq!(history.buckets.iter().map(|bucket| bucket.runs).sum::<u64>(), 100);
        assert_eq!(history.buckets.iter().map(|bucket| bucket.expected).collect::<Vec<_>>()[118..], [3, 3]);
        assert_eq!(history.buckets[119].start, "2027-01-15T08:01:00.000Z");
        let first = history.buckets.iter().find(|bucket| bucket.runs > 0).unwrap();
        assert_eq!((first.latency.avg, first.latency.max, first.latency.p50), (Some(0.031), Some(0.061), None));

        let mut hours = Assembly::new(Duration::from_secs(24 * HOURS), NOW);
        hours.add_hour(hour, &hour_of(100));
        hours.add_hour(hour + 1, &hour_of(100));
        hours.add_hour(hour - 24, &hour_of(100));
        let history = hours.finish(&Due::default());
        let last = history.buckets.last().unwrap();
        assert_eq!((last.runs, last.good, last.failed), (100, 90, 10));
        assert!((last.latency.p50.unwrap() - 0.05).abs() < 0.0006, "{last:?}");
        assert_eq!(history.buckets.iter().map(|bucket| bucket.runs).sum::<u64>(), 100);
    }

    #[test]
    fn a_day_is_the_sum_of_its_hours() {
        let (window, today) = (Duration::from_secs(10 * 86_400), (NOW / DAY_MS) as u32);
        let (mut by_day, mut by_hour) = (Assembly::new(window, NOW), Assembly::new(window, NOW));
        let mut day = Day::default();
        for n in 0..24 {
            by_hour.add_hour((today - 3) * 24 + u32::from(n), &hour_of(n * 3));
            day.add(&hour_of(n * 3));
        }
        by_day.add_day(today - 3, &day);
        assert_eq!(by_day.finish(&Due::default()), by_hour.finish(&Due::default()));
    }
}
