//! What may be bad, what of it is spent, and when it will be. Pure.
//!
//! | counts | total | spent |
//! | --- | --- | --- |
//! | time | the allowance × the window; of a period of the calendar, of the whole period | bad time |
//! | events | the allowance × the runs so far | failed runs |
//!
//! Time: the total is the same from the first minute on, however little was seen and whatever is left out. Events: how many
//! runs are yet to come is not known, so that a period of the calendar has the budget of those that were.

use crate::clock::WallMs;

use super::{Extent, Indicator, Method, Objective, Sum};

/// What a budget counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counts {
    /// Milliseconds.
    Time,
    /// Runs.
    Events,
}

/// An error budget.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    pub counts: Counts,
    pub total: f64,
    /// Negative when more was spent than there is.
    pub remaining: f64,
    /// Of the total. All of it while nothing was counted.
    pub remaining_percent: f64,
    /// When nothing will be left of it if it goes on as in the last hour, to the minute. None when it is spent, when it
    /// will not be within the window or before the period ends, and where nothing was seen in that hour.
    pub exhausted_at: Option<WallMs>,
}

impl Budget {
    /// The share of the total that is spent: what it and the remaining share come to is one.
    pub fn consumed(&self) -> f64 {
        1.0 - self.remaining_percent / 100.0
    }

    /// None for an indicator that has no budget. `burn` is the rate over the last hour.
    pub(super) fn of(objective: &Objective, extent: &Extent, sum: &Sum, burn: Option<f64>) -> Option<Self> {
        let allowance = objective.allowance()?;
        let counts = counts(objective.indicator);
        let length = extent.length_ms as f64;
        let seen = &sum.corrected;
        let total = match counts {
            Counts::Time => allowance * length,
            Counts::Events => allowance * seen.whole,
        };
        let remaining = total - seen.part;
        let left = if total > 0.0 { remaining / total } else { 1.0 };
        let wait = match (counts, extent.ends) {
            // Bad time comes at `burn × allowance` of the time that passes.
            (Counts::Time, _) => burn.map(|burn| remaining / (burn * allowance)),
            // The runs of the window stay as many: what burns is the share.
            (Counts::Events, None) => burn.map(|burn| left * length / burn),
            // With every run the budget grows by the allowance, and shrinks by the share that fails.
            (Counts::Events, Some(_)) => {
                let grows = total / sum.elapsed_ms.max(1.0);
                burn.map(|burn| remaining / (grows * (burn - 1.0)))
            }
        };
        let end = extent.ends.unwrap_or(extent.now.saturating_add(extent.length_ms));
        let exhausted_at = wait
            .filter(|wait| remaining > 0.0 && wait.is_finite() && *wait >= 0.0)
            .map(|wait| to_the_minute(extent.now, wait))
            .filter(|at| *at < end);
        Some(Self { counts, total, remaining, remaining_percent: 100.0 * left, exhausted_at })
    }
}

/// What an indicator's budget counts.
pub fn counts(indicator: Indicator) -> Counts {
    match indicator {
        Indicator::Availability { method: Method::Time, .. } => Counts::Time,
        _ => Counts::Events,
    }
}

/// Up to the next whole minute. `as` saturates.
fn to_the_minute(now: WallMs, wait_ms: f64) -> WallMs {
    let at = now.saturating_add(wait_ms.round() as i64);
    at.saturating_add((60_000 - at.rem_euclid(60_000)) % 60_000)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::slo::{Cell, Combine, tests::objective};

    const DAY: i64 = 86_400_000;

    fn month() -> Objective {
        objective(99.9, Duration::from_secs(30 * 86_400))
    }

    fn extent(now: WallMs, ends: Option<WallMs>) -> Extent {
        Extent { start: 0, now, length_ms: 30 * DAY, ends }
    }

    fn sum(part: f64, whole: f64) -> Sum {
        let cell = Cell { part, whole, seen_ms: whole };
        Sum { raw: cell, corrected: cell, elapsed_ms: 10.0 * DAY as f64, excluded_ms: 0.0, is_exact: true }
    }

    #[test]
    fn of_time() {
        let of = |part, burn| Budget::of(&month(), &extent(30 * DAY, None), &sum(part, 1e9), burn).unwrap();
        let full = of(0.0, Some(0.0));
        assert_eq!((full.total, full.remaining, full.remaining_percent), (2_592_000.0, 2_592_000.0, 100.0));
        assert_eq!(full.exhausted_at, None);
        let half = of(1_296_000.0, Some(36.0));
        assert_eq!((half.remaining, half.remaining_percent, half.consumed()), (1_296_000.0, 50.0, 0.5));
        // 21.6 minutes of budget, of which 3.6 % of the time burns: 600 minutes.
        assert_eq!(half.exhausted_at, Some(30 * DAY + 36_000_000));
        // As slow as it may: not within 30 days.
        assert_eq!(of(0.0, Some(1.0)).exhausted_at, None);
        assert_eq!(of(0.0, None).exhausted_at, None);
        let over = of(5_184_000.0, Some(1000.0));
        assert_eq!((over.remaining, over.remaining_percent, over.exhausted_at), (-2_592_000.0, -100.0, None));
    }

    #[test]
    fn of_time_in_a_period_of_the_calendar_it_is_renewed_at_the_end() {
        let of = |burn| {
            let extent = extent(10 * DAY, Some(30 * DAY));
            Budget::of(&month(), &extent, &sum(1_296_000.0, 10.0 * DAY as f64), Some(burn)).unwrap().exhausted_at
        };
        assert_eq!(of(1.0), Some(25 * DAY));
        assert_eq!(of(0.7), None);
    }

    #[test]
    fn of_events() {
        let mut events = month();
        events.indicator = Indicator::Availability { method: Method::Events, combine: Combine::All };
        let of =
            |part, whole, ends, burn| Budget::of(&events, &extent(10 * DAY, ends), &sum(part, whole), burn).unwrap();
        let rolling = of(5.0, 10_000.0, None, Some(2.0));
        assert_eq!((rolling.total, rolling.remaining, rolling.remaining_percent), (10.0, 5.0, 50.0));
        assert_eq!(rolling.exhausted_at, Some(10 * DAY + 15 * DAY / 2));
        // A thousand a day, of which one may fail and two do: the five that are left go in five days.
        assert_eq!(of(5.0, 10_000.0, Some(30 * DAY), Some(2.0)).exhausted_at, Some(15 * DAY));
        assert_eq!(of(5.0, 10_000.0, Some(30 * DAY), Some(1.0)).exhausted_at, None);
        // It recovers, and that is not when it will be spent.
        assert_eq!(of(15.0, 10_000.0, Some(30 * DAY), Some(0.5)).exhausted_at, None);
        let nothing = of(0.0, 0.0, None, None);
        assert_eq!((nothing.total, nothing.remaining, nothing.remaining_percent), (0.0, 0.0, 100.0));
    }

    #[test]
    fn a_time_is_rounded_up_to_the_minute() {
        assert_eq!(to_the_minute(0, 0.5), 60_000);
        assert_eq!(to_the_minute(60_000, 60_000.0), 120_000);
        assert_eq!(to_the_minute(0, 1e300), i64::MAX);
    }
}
