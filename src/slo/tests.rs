//! What all tests of SLOs share, and those of the whole.

use std::{sync::Arc, time::Duration};

use super::*;

mod properties;
mod simulate;
mod worked;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
pub(super) const DAY: Duration = Duration::from_secs(86_400);

/// Availability by time of all checks, with tiers of mode Auto.
pub(super) fn objective(target: f64, window: Duration) -> Objective {
    with(target, Window::Rolling(window), Indicator::Availability { method: Method::Time, combine: Combine::All })
}

/// With the default tolerance, and tiers of mode Auto.
pub(super) fn with(target: f64, window: Window, indicator: Indicator) -> Objective {
    let of = if indicator.unit() == Unit::Percent { AllowanceOf::Allowance } else { AllowanceOf::Target };
    let tolerance = Tolerance { percent: 10.0, of };
    let mut objective = Objective { indicator, target, window, tolerance, tiers: Arc::from([]) };
    if let Some(allowance) = objective.allowance() {
        objective.tiers = auto_tiers(objective.window.nominal(), allowance).tiers.into();
    }
    objective
}

/// A minute that was seen as a whole, so much of it bad.
pub(super) fn bad(ms: f64) -> Observed {
    Observed { cell: Cell { part: ms, whole: 60_000.0, seen_ms: 60_000.0 }, excluded: 0.0 }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers for the same seed everywhere.
pub(super) struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (z ^ (z >> 31)) % sides
    }

    pub fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}
