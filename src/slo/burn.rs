//! How fast a budget burns: 1 is as fast as it may, so that it lasts for just its window. Pure.

use std::time::Duration;

use super::{Cell, Objective, window::millis};

/// How fast it burns over the last `window`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Burn {
    pub window: Duration,
    /// None where nothing was seen: a burn rate of nothing is not 0.
    pub rate: Option<f64>,
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// Those over which burn rates are shown, the shortest first.
static WINDOWS: [Duration; 7] =
    [minutes(5), minutes(30), minutes(60), minutes(120), minutes(360), minutes(1_440), minutes(4_320)];

/// That which says when a budget will be spent: an hour, as it is the rate that people are shown beside it.
const OUTLOOK: Duration = minutes(60);

/// Over which windows an objective's burn rates are shown: those that are shorter than its own window. Over a longer one
/// it would be a rate of what is no longer counted. Periods of the calendar are taken at their usual length.
pub fn windows(objective: &Objective) -> &'static [Duration] {
    let all = if objective.allowance().is_some() { &WINDOWS[..] } else { &[] };
    let whole = objective.window.nominal();
    &all[..all.partition_point(|window| *window < whole)]
}

/// The share that is bad, by the share that may be; None where nothing was seen.
pub fn rate(cell: &Cell, allowance: f64) -> Option<f64> {
    Some(cell.ratio()? / allowance).filter(|rate| rate.is_finite())
}

/// The rate by which the outlook goes: that over an hour or, where the window is no longer than that, over the longest.
pub(super) fn outlook(burns: &[Burn]) -> Option<f64> {
    burns.iter().rfind(|burn| burn.window <= OUTLOOK)?.rate
}

impl Burn {
    /// The name of its window: `5m`, `1h`, `3d`.
    pub fn name(&self) -> String {
        super::show::window(millis(self.window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::tests::objective;

    #[test]
    fn windows_are_shorter_than_the_objective_s() {
        let names = |window: u64| {
            let objective = objective(99.9, Duration::from_secs(60 * window));
            let burns = windows(&objective).iter().map(|window| Burn { window: *window, rate: None }.name());
            burns.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(names(43_200), "5m 30m 1h 2h 6h 1d 3d");
        assert_eq!(names(4_320), "5m 30m 1h 2h 6h 1d");
        assert_eq!(names(61), "5m 30m 1h");
        assert_eq!(names(60), "5m 30m");
        assert_eq!(names(5), "");
    }

    #[test]
    fn a_rate_is_a_number_or_none() {
        let cell = |part, whole| Cell { part, whole, seen_ms: 0.0 };
        assert_eq!(rate(&cell(0.0, 0.0), 0.001), None);
        assert_eq!(rate(&cell(0.0, 10.0), 0.001), Some(0.0));
        assert_eq!(rate(&cell(1.0, 1.0), 0.001), Some(1000.0));
        assert_eq!(rate(&cell(1.0, 1.0), 0.0), None);
    }

    #[test]
    fn the_outlook_is_that_of_an_hour() {
        let burn = |minutes: u64, rate| Burn { window: Duration::from_secs(60 * minutes), rate };
        let all = [burn(5, Some(9.0)), burn(30, Some(3.0)), burn(60, Some(2.0)), burn(120, Some(1.0))];
        assert_eq!(outlook(&all), Some(2.0));
        assert_eq!(outlook(&all[..2]), Some(3.0));
        assert_eq!(outlook(&[burn(60, None), burn(120, Some(1.0))]), None);
        assert_eq!(outlook(&[]), None);
    }
}
