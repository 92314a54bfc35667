//! The last hour, day and month of one target, in memory. Pure.
//!
//! Also the one place where records become buckets: live, and again when frames are read after a kill. An hour
//! that ends comes out as a [`Part`] of its row; so does time that belongs to an hour that has ended already.

use std::time::Duration;

use crate::clock::WallMs;

use super::{
    Class, Record,
    bucket::{DAY_MS, HOUR_MS, Hour, MINUTE_MS, Minute, Reasons, Totals, micros, tell},
    figures::{Figures, Latencies},
    minutes::{Minutes, Window},
    record::{WALL_MAX, split},
    ring::Ring,
    row,
    sketch::Sketch,
};

/// Results are stamped when they end, so that one of an hour before the running one means that the clock stepped
/// back. By less than this it is awaited; by more, the running hour is ended and the older one begun again.
const STEP_MS: i64 = 5 * MINUTE_MS;

/// 60 minutes, 24 hours and 30 days of one target, and the sketch of the running hour. About 1.5 KB once it runs.
#[derive(Debug, Default)]
pub struct Recent {
    minutes: Minutes,
    /// One more than the window, for the hour that its edge cuts.
    hours: Ring<Summary, 25>,
    days: Ring<Summary, 31>,
    open: Option<Open>,
    /// Where a rule asks for quantiles.
    latencies: Option<Box<Latencies>>,
}

/// The running hour, but for its minutes, which are in the ring.
#[derive(Debug)]
struct Open {
    hour: u32,
    sketch: Sketch,
    reasons: Reasons,
    /// Something was added since it was begun, other than from disk.
    touched: bool,
    /// It holds what its row on disk holds, too.
    whole: bool,
}

/// What an hour or a day comes to. 8 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Summary {
    /// Milliseconds of a day fit.
    observed_ms: u32,
    up_ms: u32,
}

impl Summary {
    fn add(&mut self, observed_ms: u64, up_ms: u64) {
        let add = |sum: u32, more: u64| u32::try_from(u64::from(sum).saturating_add(more)).unwrap_or(u32::MAX);
        self.observed_ms = add(self.observed_ms, observed_ms);
        self.up_ms = add(self.up_ms, up_ms);
    }
}

/// Percent of observed time in a good state; None while nothing was observed.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Uptime {
    pub hour: Option<f64>,
    pub day: Option<f64>,
    pub month: Option<f64>,
}

/// Some of what an hour's row is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Since the epoch.
    pub hour: u32,
    /// As `row` writes an hour.
    pub body: Box<[u8]>,
    /// It takes the row's place, since it holds what the row holds; else it is added to it.
    pub whole: bool,
}

impl Recent {
    /// Counts a record. What comes back is for the store; mostly nothing.
    pub fn apply(&mut self, record: &Record) -> Vec<Part> {
        let at = record.at.clamp(0, WALL_MAX);
        let mut parts = Vec::new();
        let mut late: Vec<(u32, Hour)> = Vec::new();
        self.settle(at, &mut parts);

        let (pieces, run) = split(record);
        for piece in pieces {
            let class = record.span_class;
            self.minute(piece.minute, &mut parts, &mut late, |bucket| bucket.add_time(class, piece.ms));
            self.summarise(piece.minute, class, piece.ms);
        }
        if let Some((minute, run)) = run {
            let us = micros(run);
            self.minute(minute, &mut parts, &mut late, |bucket| bucket.add_run(run.class, us));
            if run.class != Class::Excluded && self.latencies.as_mut().is_some_and(|kept| !kept.push(at, us)) {
                self.latencies = None;
            }
            let (sketch, reasons) = match (late.iter_mut().find(|(hour, _)| *hour == minute / 60), &mut self.open) {
                (Some((_, hour)), _) => (&mut hour.sketch, &mut hour.reasons),
                (None, Some(open)) => (&mut open.sketch, &mut open.reasons),
                (None, None) => return parts,
            };
            tell(run, us, sketch, reasons);
        }
        parts.extend(late.into_iter().map(|(hour, data)| Part::new(hour, &data, false)));
        parts
    }

    /// Uptime of the last 60 minutes, the running one included, 24 hours and 30 days. Of the hour and of the day
    /// that a window's edge cuts, the share that is inside counts.
    pub fn uptime(&self, now: WallMs) -> Uptime {
        let now = now.clamp(0, WALL_MAX);
        let (minute, minutes) = (number(now, MINUTE_MS), self.minutes.window());
        let (mut observed, mut up) = (0, 0);
        for at in minute.saturating_sub(59)..=minute {
            let bucket = minutes.get(at);
            observed += u32::from(bucket.observed_ms);
            up += u32::from(bucket.good_ms) + u32::from(bucket.degraded_ms);
        }
        Uptime {
            hour: percent(up.into(), observed.into()),
            day: rolling(&self.hours, now, HOUR_MS, 24),
            month: rolling(&self.days, now, DAY_MS, 30),
        }
    }

    /// What the last `minutes`, the running one included, come to; at most 60. Latencies one by one are kept from the
    /// first time that `quantiles` is set.
    pub fn figures(&mut self, now: WallMs, minutes: u32, quantiles: bool) -> Figures {
        let now = now.clamp(0, WALL_MAX);
        let (minute, window) = (number(now, MINUTE_MS), self.minutes.window());
        let first = minute.saturating_sub(minutes.clamp(1, 60) - 1);
        let mut figures = Figures::default();
        for at in first..=minute {
            let bucket = window.get(at);
            figures.runs += u64::from(bucket.good) + u64::from(bucket.degraded) + u64::from(bucket.failed);
            figures.failed += u64::from(bucket.failed);
            figures.latency_sum_us += u64::from(bucket.latency_sum_us);
        }
        if quantiles {
            let kept = self.latencies.get_or_insert_with(|| Box::new(Latencies::asked_at(now)));
            figures.latencies = kept.since(i64::from(first) * MINUTE_MS, now);
        }
        figures
    }

    /// The last 60 minutes, the running one included, as they are now: time of a failing streak is held back, and comes
    /// late into minutes that have ended.
    pub fn last_hour(&self) -> Window {
        self.minutes.window()
    }

    /// The average latency of the last five minutes with runs among the last 60; None without any.
    pub fn latency(&self, now: WallMs) -> Option<Duration> {
        let (minute, window) = (number(now.clamp(0, WALL_MAX), MINUTE_MS), self.minutes.window());
        let (mut runs, mut us, mut minutes) = (0, 0, 0);
        for at in (minute.saturating_sub(59)..=minute).rev() {
            let bucket = window.get(at);
            let timed = u64::from(bucket.good) + u64::from(bucket.degraded) + u64::from(bucket.failed);
            runs += timed;
            us += u64::from(bucket.latency_sum_us);
            minutes += u32::from(timed > 0);
            if minutes == 5 {
                break;
            }
        }
        us.checked_div(runs).map(Duration::from_micros)
    }

    /// Ends the running hour if it is another than `hour`, though no record has come since.
    pub fn close_but(&mut self, hour: u32) -> Option<Part> {
        self.open.as_ref().filter(|open| open.hour != hour)?;
        let part = self.end();
        self.begin(hour);
        part
    }

    /// Ends the running hour as it stands; what comes later of it is added to its row.
    pub fn close(&mut self) -> Option<Part> {
        let hour = self.open.as_ref()?.hour;
        let part = self.end();
        self.begin(hour);
        part
    }

    /// The running hour in full, and its number.
    pub fn running(&self) -> Option<(u32, Hour)> {
        let open = self.open.as_ref()?;
        let mut data = Hour { sketch: open.sketch.clone(), reasons: open.reasons.clone(), ..Hour::default() };
        let minutes = self.minutes.window();
        for (at, minute) in (open.hour * 60..).zip(data.minutes.iter_mut()) {
            *minute = minutes.get(at);
        }
        Some((open.hour, data))
    }

    /// Latencies of the running hour.
    pub fn running_sketch(&self) -> Option<&Sketch> {
        self.open.as_ref().map(|open| &open.sketch)
    }

    /// Whether the running hour holds what its row on disk holds.
    pub fn is_whole(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.whole)
    }

    /// Merges the minutes of an hour that was on disk when this process began, at a time `now`. Once per hour.
    pub fn absorb_hour(&mut self, hour: u32, data: &Hour, now: WallMs) {
        if self.open.is_none() {
            self.begin(number(now.clamp(0, WALL_MAX), HOUR_MS));
        }
        self.reach(number(now.clamp(0, WALL_MAX), MINUTE_MS));
        // Minutes of an hour later than the running one would be counted twice once it begins.
        if self.open.as_ref().is_some_and(|open| hour <= open.hour) {
            let mut minutes = self.minutes.window();
            for (at, minute) in (hour.saturating_mul(60)..).zip(data.minutes.iter()) {
                if let Some(bucket) = minutes.slot(at) {
                    bucket.merge(minute);
                }
            }
            self.minutes.set(&minutes);
        }
        if let Some(open) = self.open.as_mut().filter(|open| open.hour == hour) {
            open.sketch.merge(&data.sketch);
            open.reasons.merge(&data.reasons);
            open.whole = true;
        }
    }

    /// Merges what an hour comes to. Once per hour.
    pub fn absorb_totals(&mut self, hour: u32, totals: &Totals, now: WallMs) {
        self.reach(number(now.clamp(0, WALL_MAX), MINUTE_MS));
        if let Some(bucket) = self.hours.slot(hour) {
            bucket.add(totals.observed_ms, totals.up_ms());
        }
    }

    /// Merges what a day, or some of it, comes to. Once per day or per each of its hours.
    pub fn absorb_day(&mut self, day: u32, totals: &Totals, now: WallMs) {
        self.reach(number(now.clamp(0, WALL_MAX), MINUTE_MS));
        if let Some(bucket) = self.days.slot(day) {
            bucket.add(totals.observed_ms, totals.up_ms());
        }
    }

    /// Ends the running hour when the clock has stepped back behind it.
    fn settle(&mut self, at: WallMs, parts: &mut Vec<Part>) {
        let Some(open) = &self.open else { return };
        if at + STEP_MS < i64::from(open.hour) * HOUR_MS {
            parts.extend(self.end());
            let hour = number(at, HOUR_MS);
            self.hours.forget(hour + 1);
            self.days.forget(hour / 24 + 1);
            self.begin(hour);
        }
    }

    /// Changes a minute's bucket: in the running hour, in the next one, or in an hour that has ended.
    fn minute(
        &mut self,
        minute: u32,
        parts: &mut Vec<Part>,
        late: &mut Vec<(u32, Hour)>,
        change: impl Fn(&mut Minute),
    ) {
        let hour = minute / 60;
        if self.open.as_ref().is_none_or(|open| open.hour < hour) {
            parts.extend(self.end());
            self.begin(hour);
        }
        self.reach(minute);
        self.minutes.change(minute, &change);
        match &mut self.open {
            Some(open) if open.hour == hour => open.touched = true,
            _ => {
                let place = late.iter().position(|(known, _)| *known == hour).unwrap_or_else(|| {
                    late.push((hour, Hour::default()));
                    late.len() - 1
                });
                change(&mut late[place].1.minutes[minute as usize % 60]);
            }
        }
    }

    fn summarise(&mut self, minute: u32, class: Class, ms: u16) {
        let (observed_ms, up_ms) = match class {
            Class::Good | Class::Degraded => (ms.into(), ms.into()),
            Class::Failed => (ms.into(), 0),
            Class::Excluded => return,
        };
        if let Some(hour) = self.hours.slot(minute / 60) {
            hour.add(observed_ms, up_ms);
        }
        if let Some(day) = self.days.slot(minute / 60 / 24) {
            day.add(observed_ms, up_ms);
        }
    }

    /// Takes the running hour out; its minutes stay in the ring, to be shown.
    fn end(&mut self) -> Option<Part> {
        let (hour, data) = self.running()?;
        let open = self.open.take()?;
        open.touched.then(|| Part::new(hour, &data, open.whole))
    }

    /// Begins an hour with nothing in it: what the ring holds of it and of later ones is in parts already.
    fn begin(&mut self, hour: u32) {
        self.minutes.forget(hour.saturating_mul(60));
        let (sketch, reasons) = Default::default();
        self.open = Some(Open { hour, sketch, reasons, touched: false, whole: false });
    }

    fn reach(&mut self, minute: u32) {
        self.minutes.reach(minute);
        self.hours.reach(minute / 60);
        self.days.reach(minute / 60 / 24);
    }
}

impl Part {
    pub fn new(hour: u32, data: &Hour, whole: bool) -> Self {
        Self { hour, body: row::encode_hour(data).into(), whole }
    }
}

/// The number since the epoch of the minute, hour or day that holds a time of 0 to [`WALL_MAX`].
fn number(at: WallMs, length: i64) -> u32 {
    u32::try_from(at / length).unwrap_or(0)
}

fn percent(up: u64, observed: u64) -> Option<f64> {
    (observed > 0).then(|| 100.0 * up as f64 / observed as f64)
}

/// Percent over the newest `count` slots before the running one, the running one, less what the edge cuts off.
fn rolling<const N: usize>(ring: &Ring<Summary, N>, now: WallMs, length: i64, count: u32) -> Option<f64> {
    let newest = number(now, length);
    let inside = 1.0 - (now % length) as f64 / length as f64;
    let (mut observed, mut up) = (0.0, 0.0);
    for at in newest.saturating_sub(count)..=newest {
        let share = if at + count == newest { inside } else { 1.0 };
        let summary = ring.get(at);
        observed += share * f64::from(summary.observed_ms);
        up += share * f64::from(summary.up_ms);
    }
    (observed > 0.0).then(|| (100.0 * up / observed).min(100.0))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, time::Duration};

    use proptest::prelude::*;

    use super::*;
    use crate::{
        health::Reason,
        history::{Class, Run},
    };

    const T0: WallMs = 1_800_000_000_000 / DAY_MS * DAY_MS;

    fn record(at: WallMs, span_ms: u64, class: Class) -> Record {
        let run = Run { class, reason: Reason::Ok, latency: Duration::from_micros(1_500) };
        Record { target: 1, at, run: Some(run), span: Duration::from_millis(span_ms), span_class: class }
    }

    fn collect(rows: &mut BTreeMap<u32, Hour>, parts: impl IntoIterator<Item = Part>) {
        for part in parts {
            let data = row::decode_hour(&part.body).unwrap();
            let row = rows.entry(part.hour).or_default();
            if part.whole { *row = data } else { row.merge(&data) }
        }
    }

    fn class() -> impl Strategy<Value = Class> {
        prop::sample::select(vec![Class::Good, Class::Degraded, Class::Failed, Class::Excluded])
    }

    proptest! {
        #[test]
        fn parts_hold_every_run_and_every_observed_millisecond_once(
            steps in prop::collection::vec((1u64..9_000_000, class()), 1..60),
        ) {
            let (mut recent, mut rows, mut at) = (Recent::default(), BTreeMap::new(), T0);
            let mut sums = Totals::default();
            for &(span, class) in &steps {
                at += span as i64;
                collect(&mut rows, recent.apply(&record(at, span, class)));
                if class != Class::Excluded {
                    sums.observed_ms += span;
                }
                if class == Class::Good {
                    sums.good_ms += span;
                }
            }
            collect(&mut rows, recent.close());
            let mut totals = Totals::default();
            rows.values().for_each(|row| totals.add(&row.totals()));
            prop_assert_eq!(totals.runs(), steps.len() as u64);
            prop_assert_eq!((totals.observed_ms, totals.good_ms), (sums.observed_ms, sums.good_ms));
        }

        #[test]
        fn a_clock_that_steps_loses_no_run_and_makes_no_minute_longer(
            steps in prop::collection::vec((-200_000_000i64..200_000_000, 0u64..10_000_000, class()), 1..40),
        ) {
            let (mut recent, mut rows, mut at) = (Recent::default(), BTreeMap::new(), T0);
            for &(step, span, class) in &steps {
                at += step;
                collect(&mut rows, recent.apply(&record(at, span, class)));
                let uptime = recent.uptime(at);
                for figure in [uptime.hour, uptime.day, uptime.month].into_iter().flatten() {
                    prop_assert!((0.0..=100.0).contains(&figure));
                }
            }
            collect(&mut rows, recent.close());
            prop_assert_eq!(rows.values().map(|row| row.totals().runs()).sum::<u64>(), steps.len() as u64);
            for row in rows.values() {
                prop_assert!(row.minutes.iter().all(|minute| minute.observed_ms <= 60_000));
            }
        }

    }

    proptest! {
        // Each may be a month of minutes.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn any_record_is_borne(at: i64, ms: u64, class in class(), now: i64) {
            let mut recent = Recent::default();
            recent.apply(&record(T0, 5_000, class));
            recent.apply(&record(at, ms, class));
            recent.uptime(now);
        }
    }

    #[test]
    fn uptime_is_of_observed_time_in_each_window() {
        let mut recent = Recent::default();
        assert_eq!(recent.uptime(T0), Uptime::default());
        // 40 days of minutes: the first 20 hours of the last day bad, the half of the last hour unobserved.
        let end = T0 + 40 * DAY_MS;
        for minute in 0..40 * 24 * 60 {
            let at = T0 + (minute + 1) * MINUTE_MS;
            let class = match end - at {
                left if left < 30 * MINUTE_MS => Class::Excluded,
                left if (4 * HOUR_MS..DAY_MS).contains(&left) => Class::Failed,
                left if left < 35 * MINUTE_MS => Class::Degraded,
                _ => Class::Good,
            };
            recent.apply(&record(at, 60_000, class));
        }
        let uptime = recent.uptime(end - 1);
        let near = |got: Option<f64>, want: f64| assert!((got.unwrap() - want).abs() < 0.1, "{got:?} {want}");
        near(uptime.hour, 100.0);
        near(uptime.day, 100.0 * 3.5 / 23.5);
        near(uptime.month, 100.0 * (29.0 * 24.0 + 3.5) / (30.0 * 24.0 - 0.5));
    }

    #[test]
    fn a_quiet_hour_is_closed_from_outside_once() {
        let mut recent = Recent::default();
        recent.apply(&record(T0 + 1_000, 0, Class::Good));
        let hour = number(T0, HOUR_MS);
        assert_eq!(recent.close_but(hour), None);
        assert_eq!(recent.close_but(hour + 1).map(|part| (part.hour, part.whole)), Some((hour, false)));
        assert_eq!(recent.close_but(hour + 1), None);
        assert_eq!(recent.close(), None);
    }

    #[test]
    fn an_hour_absorbed_from_disk_takes_its_row_s_place() {
        let (mut before, mut after, mut rows) = (Recent::default(), Recent::default(), BTreeMap::new());
        for n in 1..=60 {
            collect(&mut rows, before.apply(&record(T0 + n * 10_000, 10_000, Class::Good)));
        }
        collect(&mut rows, before.close());
        let hour = number(T0, HOUR_MS);
        // The process starts again; records come before the history is there, and after.
        let now = T0 + 700_000;
        collect(&mut rows, after.apply(&record(now, 0, Class::Failed)));
        after.absorb_hour(hour, &rows[&hour], now);
        after.absorb_totals(hour, &rows[&hour].totals(), now);
        assert!(after.is_whole());
        collect(&mut rows, after.apply(&record(now + 10_000, 10_000, Class::Failed)));
        assert!((after.uptime(now).hour.unwrap() - 100.0 * 60.0 / 61.0).abs() < 1e-9);
        assert_eq!(after.running().unwrap().1.totals().runs(), 62);
        collect(&mut rows, after.close_but(hour + 1));
        assert_eq!(rows[&hour].totals().runs(), 62);
        assert_eq!(rows[&hour].totals().observed_ms, 610_000);
    }

    #[test]
    fn what_is_absorbed_before_the_first_record_is_there() {
        let hour = number(T0, HOUR_MS);
        let mut data = Hour::default();
        data.minutes[3].add_time(Class::Failed, 60_000);
        let mut recent = Recent::default();
        recent.absorb_hour(hour, &data, T0 + HOUR_MS / 2);
        assert_eq!(recent.running(), Some((hour, data)));
        assert_eq!(recent.uptime(T0 + HOUR_MS / 2).hour, Some(0.0));
        assert_eq!(recent.close_but(hour + 1), None, "the row on disk says it already");
    }

    #[test]
    fn an_idle_one_is_small() {
        assert!(size_of::<Recent>() <= 176, "{}", size_of::<Recent>());
        assert!(size_of::<[Summary; 25]>() + size_of::<[Summary; 31]>() <= 450);
    }
}
