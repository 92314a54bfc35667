//! How an objective stands, given what was seen in its window. Pure.

use super::{
    AllowanceOf, Budget, Burn, Cell, Extent, Indicator, Objective, Statistic, Sum, Unit,
    budget::{Counts, counts},
    burn::outlook,
};

/// The state of an objective.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// At the target or better.
    Compliant,
    /// Missed, by no more than is tolerated.
    Warning,
    Violated,
    /// Nothing at all was seen.
    Unknown,
}

impl State {
    pub const ALL: [Self; 4] = [Self::Compliant, Self::Warning, Self::Violated, Self::Unknown];

    /// As `status.state` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Compliant => "Compliant",
            Self::Warning => "Warning",
            Self::Violated => "Violated",
            Self::Unknown => "Unknown",
        }
    }
}

/// What a figure would be if all that was not seen were bad, or good: the truth lies between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    pub lowest: f64,
    pub highest: f64,
}

/// A percentile over the window in milliseconds, as it was and without planned work. For a response time that is none of
/// the average.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Percentile {
    pub raw: Option<f64>,
    pub corrected: Option<f64>,
}

/// How an objective stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Standing {
    pub state: State,
    /// In `unit`, without planned work. None while nothing was seen. [`super::figure`] rounds it.
    pub current: Option<f64>,
    /// With planned work.
    pub raw: Option<f64>,
    pub unit: Unit,
    /// None for a unit that has none.
    pub budget: Option<Budget>,
    pub burn_rates: Vec<Burn>,
    /// Percent of the window, as far as it has gone on and without planned work, that was observed. None while that is
    /// nothing.
    pub coverage: Option<f64>,
    /// For percent; None while none of the window has gone on.
    pub bounds: Option<Bounds>,
    /// How much planned work is left out.
    pub excluded_ms: f64,
    /// False while something is an estimate: see [`Sum::is_exact`].
    pub is_exact: bool,
}

/// On target is whatever is this share of the allowance, or of the target, beside it. Twice what a packed hour may be off;
/// of the 43 minutes of 99.9 % in 30 days half a millisecond.
const SLACK: f64 = 2e-7;

/// Judges what was seen. `percentile` is for indicators of one; `burns` are those of [`super::burn_windows`].
pub fn judge(objective: &Objective, extent: &Extent, sum: &Sum, percentile: Percentile, burns: Vec<Burn>) -> Standing {
    let (current, raw) = match objective.indicator {
        Indicator::ResponseTime { statistic } if statistic != Statistic::Average => {
            (percentile.corrected, percentile.raw)
        }
        indicator => (value(indicator, &sum.corrected), value(indicator, &sum.raw)),
    };
    // Percent as what is bad: that is exact where almost nothing is.
    let missed = match objective.indicator.unit() {
        Unit::Percent => sum.corrected.ratio().map(|bad| 100.0 * bad),
        _ => current,
    };
    let miss = missed.map(|missed| Miss::of(objective, missed));
    let state = match miss {
        None => State::Unknown,
        Some(miss) if miss.by <= SLACK * miss.scale => State::Compliant,
        Some(miss) if miss.by <= miss.tolerated + SLACK * miss.scale => State::Warning,
        Some(_) => State::Violated,
    };
    let is_on_target = miss.is_some_and(|miss| miss.by.abs() <= SLACK * miss.scale);
    let elapsed = sum.elapsed_ms;
    Standing {
        state,
        current: if is_on_target { Some(objective.target) } else { current },
        raw,
        unit: objective.indicator.unit(),
        budget: Budget::of(objective, extent, sum, outlook(&burns)),
        burn_rates: burns,
        coverage: (elapsed > 0.0).then(|| (100.0 * sum.corrected.seen_ms / elapsed).clamp(0.0, 100.0)),
        bounds: bounds(objective.indicator, &sum.corrected, elapsed),
        excluded_ms: sum.excluded_ms,
        is_exact: sum.is_exact,
    }
}

/// By how much a figure misses its target, in its unit.
#[derive(Debug, Clone, Copy)]
struct Miss {
    /// Negative when it is better.
    by: f64,
    tolerated: f64,
    /// What a small difference is small beside.
    scale: f64,
}

impl Miss {
    /// Of a figure of which less is better.
    fn of(objective: &Objective, missed: f64) -> Self {
        let scale = objective.allowance().map_or(objective.target, |allowance| 100.0 * allowance);
        let of = match objective.tolerance.of {
            AllowanceOf::Allowance => scale,
            AllowanceOf::Target => objective.target,
        };
        Self { by: missed - scale, tolerated: objective.tolerance.percent / 100.0 * of, scale }
    }
}

/// What sums come to, in the indicator's unit; None of nothing.
fn value(indicator: Indicator, cell: &Cell) -> Option<f64> {
    let percent = |part: f64| 100.0 * part / cell.whole;
    (cell.whole > 0.0).then(|| match indicator {
        Indicator::Availability { .. } => percent((cell.whole - cell.part).max(0.0)),
        Indicator::ErrorRate => percent(cell.part),
        Indicator::ResponseTime { .. } => cell.part / cell.whole / 1000.0,
    })
}

fn bounds(indicator: Indicator, cell: &Cell, elapsed_ms: f64) -> Option<Bounds> {
    if indicator.unit() != Unit::Percent || elapsed_ms <= 0.0 {
        return None;
    }
    let unseen_ms = (elapsed_ms - cell.seen_ms).max(0.0);
    let unseen = match counts(indicator) {
        Counts::Time => unseen_ms,
        // As many runs as in the time that was seen; of none, any number.
        Counts::Events => cell.whole * unseen_ms / cell.seen_ms,
    };
    let all = cell.whole + unseen;
    // Nothing was seen, of the time or of the runs.
    if !(all > 0.0 && all.is_finite()) {
        return Some(Bounds { lowest: 0.0, highest: 100.0 });
    }
    let percent = |part: f64| (100.0 * part / all).clamp(0.0, 100.0);
    Some(if indicator.is_more_better() {
        Bounds { lowest: percent(cell.whole - cell.part), highest: percent(all - cell.part) }
    } else {
        Bounds { lowest: percent(cell.part), highest: percent(cell.part + unseen) }
    })
}

#[cfg(test)]
mod tests;
