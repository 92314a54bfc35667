//! Figures and spans as a status shows them. Pure.

use super::{Counts, budget::Budget};

/// A figure in the fewest decimals that say it, at least as far as the fourth: without the noise of binary, and never as
/// a bound that it is not at. 99.99996 is not 100, and 99.89999 beside a target of 99.9 not 99.9.
pub fn figure(value: f64, target: f64) -> f64 {
    if !value.is_finite() {
        return 0.0;
    }
    let is_at = |bound: f64| (value - bound).abs() <= NOISE * bound.abs().max(1.0);
    let bounds = [0.0, 100.0, target];
    if let Some(bound) = bounds.into_iter().find(|bound| is_at(*bound)) {
        return bound;
    }
    let rounded = |decimals: i32| (value * 10f64.powi(decimals)).round() / 10f64.powi(decimals);
    let shown = (4..=DECIMALS_MAX).map(rounded).find(|shown| !bounds.contains(shown));
    // Adding 0 makes 0 of -0.
    shown.unwrap_or(value) + 0.0
}

/// What is nearer to a bound than this is at it: sums of packed cells are no more exact.
const NOISE: f64 = 1e-10;
/// Enough to be apart from a bound by more than the noise.
const DECIMALS_MAX: i32 = 11;

/// A span of a budget: `43m12s`, `-5m`, `7h12m`, `2s592ms`; to the second from ten seconds on.
pub fn span(ms: f64) -> String {
    // `as` saturates, and makes 0 of NaN.
    let whole = ms.abs().round() as u64;
    let whole = if whole >= 10_000 { whole.saturating_add(500) / 1000 * 1000 } else { whole };
    let sign = if ms < 0.0 && whole > 0 { "-" } else { "" };
    let parts = [(whole / 3_600_000, "h"), (whole / 60_000 % 60, "m"), (whole / 1000 % 60, "s"), (whole % 1000, "ms")];
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0s".to_owned() } else { format!("{sign}{text}") }
}

/// The length of a window: `5m`, `1h`, `30d`, `1d12h`.
pub fn window(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    units([(minutes / 1_440, "d"), (minutes / 60 % 24, "h"), (minutes % 60, "m")])
}

/// The same without days: `24h`, `1h30m`.
pub fn hours(ms: i64) -> String {
    let minutes = ms.max(0) / 60_000;
    units([(0, "d"), (minutes / 60, "h"), (minutes % 60, "m")])
}

fn units(parts: [(i64, &str); 3]) -> String {
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    if text.is_empty() { "0m".to_owned() } else { text }
}

impl Budget {
    /// The total, as `status.errorBudget.total` has it: a span, or a number of runs.
    pub fn total_text(&self) -> String {
        self.amount(self.total)
    }

    /// What remains, likewise.
    pub fn remaining_text(&self) -> String {
        self.amount(self.remaining)
    }

    fn amount(&self, amount: f64) -> String {
        match self.counts {
            Counts::Time => span(amount),
            // Tenths, as a small budget is some tenths of a run.
            Counts::Events => ((amount * 10.0).round() / 10.0 + 0.0).to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_without_noise_and_never_at_a_bound_that_they_are_not_at() {
        for (value, target, want) in [
            (99.899_999_999_999_99, 99.9, "99.9"),
            (99.95, 99.9, "99.95"),
            (99.973_148, 99.9, "99.9731"),
            (99.899_999, 99.9, "99.899999"),
            (99.999_96, 99.9, "99.99996"),
            (99.999_999_6, 99.9, "99.9999996"),
            (100.0, 99.9, "100"),
            (0.000_004, 1.0, "0.000004"),
            (-4.69e-12, 99.9, "0"),
            (-0.0, 99.9, "0"),
            (-8_233.333_333, 99.9, "-8233.3333"),
            (200.000_000_000_01, 200.0, "200"),
            (f64::NAN, 99.9, "0"),
            (f64::INFINITY, 99.9, "0"),
        ] {
            assert_eq!(figure(value, target).to_string(), want, "{value}");
        }
    }

    #[test]
    fn spans() {
        for (ms, want) in [
            (2_592_000.0, "43m12s"),
            (2_591_999.999_999_85, "43m12s"),
            (-300_000.0, "-5m"),
            (25_920_000.0, "7h12m"),
            (2_592.0, "2s592ms"),
            (259.2, "259ms"),
            (-1.5e-7, "0s"),
            (0.0, "0s"),
            (59_999.9, "1m"),
            (1_080_000_000.0, "300h"),
            (f64::NAN, "0s"),
        ] {
            assert_eq!(span(ms), want, "{ms}");
        }
        for (minutes, want) in [(5, "5m"), (60, "1h"), (206, "3h26m"), (43_200, "30d"), (2_160, "1d12h"), (0, "0m")] {
            assert_eq!(window(minutes * 60_000), want);
        }
    }

    #[test]
    fn budgets() {
        let budget =
            |counts, total, remaining| Budget { counts, total, remaining, remaining_percent: 0.0, exhausted_at: None };
        let time = budget(Counts::Time, 2_592_000.0, -60_000.0);
        assert_eq!((time.total_text().as_str(), time.remaining_text().as_str()), ("43m12s", "-1m"));
        let events = budget(Counts::Events, 3.6, -0.04);
        assert_eq!((events.total_text().as_str(), events.remaining_text().as_str()), ("3.6", "0"));
    }
}
