//! Whether checks run often enough to tell a target that is met from one that is missed. Pure.

use std::{fmt, time::Duration};

use super::{Combine, Indicator, Method, Objective, show};

/// How fine a figure can be, given how often checks run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resolution {
    /// Runs in the window, if none is missed.
    pub runs: f64,
    /// The share that one failed run is.
    pub step: f64,
    /// The share that may be bad.
    pub allowance: f64,
    /// The closest target that one failed run keeps to, in percent.
    pub finest_target: f64,
}

impl Resolution {
    /// Given the intervals of all checks; None without any, and for an indicator without a budget.
    pub fn of(objective: &Objective, intervals: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let allowance = objective.allowance()?;
        let window = objective.window.nominal().as_secs_f64();
        let (mut checks, mut longest, mut pooled) = (0.0, 0.0_f64, 0.0);
        for interval in intervals.into_iter().map(|interval| interval.as_secs_f64()).filter(|interval| *interval > 0.0)
        {
            checks += 1.0;
            longest = longest.max(interval);
            pooled += window / interval;
        }
        if checks == 0.0 {
            return None;
        }
        let runs = match objective.indicator {
            // A failed run of the slowest check is as long as its interval, of the mean of all.
            Indicator::Availability { method: Method::Time, combine: Combine::Average } => checks * window / longest,
            Indicator::Availability { combine: Combine::All | Combine::Any, .. } => window / longest,
            _ => pooled,
        };
        let step = 1.0 / runs;
        let finest = if objective.indicator.is_more_better() { 1.0 - step } else { step };
        Some(Self { runs, step, allowance, finest_target: 100.0 * finest })
    }

    /// Whether one failed run may be, and the target is still met.
    pub fn is_fine_enough(&self) -> bool {
        self.step <= self.allowance * (1.0 + 1e-9)
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let percent = |share: f64| show::figure(100.0 * share, 0.0);
        write!(
            f,
            "the window holds {} runs, of which one is {} %; {} % may be bad",
            self.runs.floor(),
            percent(self.step),
            percent(self.allowance)
        )?;
        if !self.is_fine_enough() {
            write!(f, ": one failed run misses the target")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slo::tests::objective;

    fn resolution(target: f64, hours: u64, indicator: Option<Indicator>, intervals: &[u64]) -> Option<Resolution> {
        let mut objective = objective(target, Duration::from_secs(3600 * hours));
        objective.indicator = indicator.unwrap_or(objective.indicator);
        Resolution::of(&objective, intervals.iter().map(|seconds| Duration::from_secs(*seconds)))
    }

    #[test]
    fn one_failed_run_against_the_allowance() {
        let hour = resolution(99.9, 1, None, &[30]).unwrap();
        assert_eq!((hour.runs, hour.is_fine_enough()), (120.0, false));
        assert_eq!(
            hour.to_string(),
            "the window holds 120 runs, of which one is 0.8333 %; 0.1 % may be bad: one failed run misses the target"
        );
        let month = resolution(99.9, 720, None, &[30, 10]).unwrap();
        assert_eq!((month.runs, month.is_fine_enough()), (86_400.0, true));
        assert_eq!(month.to_string(), "the window holds 86400 runs, of which one is 0.0012 %; 0.1 % may be bad");
        // Just one of a thousand.
        assert!(resolution(99.9, 1000, None, &[3600]).unwrap().is_fine_enough());
        assert!(!resolution(99.9, 999, None, &[3600]).unwrap().is_fine_enough());
    }

    #[test]
    fn what_is_pooled_has_the_runs_of_all() {
        let average = |method| Some(Indicator::Availability { method, combine: Combine::Average });
        let runs = |indicator| resolution(99.0, 1, indicator, &[30, 60]).unwrap().runs;
        assert_eq!(runs(average(Method::Time)), 120.0);
        assert_eq!(runs(average(Method::Events)), 180.0);
        assert_eq!(runs(Some(Indicator::ErrorRate)), 180.0);
        assert_eq!(resolution(1.0, 1, Some(Indicator::ErrorRate), &[36]).unwrap().finest_target, 1.0);
        let response = Indicator::ResponseTime { statistic: crate::slo::Statistic::Average };
        assert_eq!(resolution(200.0, 1, Some(response), &[30]), None);
        assert_eq!(resolution(99.0, 1, None, &[]), None);
        assert_eq!(resolution(99.0, 1, None, &[0]), None);
    }
}
