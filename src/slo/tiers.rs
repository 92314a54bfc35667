//! By which burn rates somebody is told: those of mode Auto for any window and target, and what Custom ones may be. Pure.
//!
//! A tier says that a share of the budget went within its long window: at a factor of `share × window / long` (SRE
//! Workbook, chapter 5). Each is told under a severity of its own, so that the one incident of a target can rise:
//!
//! | long | short | share of 28 days and more | factor at 30 d | at 28 d | share of 7 days | factor at 7 d | severity |
//! | --- | --- | --- | --- | --- | --- | --- | --- |
//! | 1h | 5m | 2 % | 14.4 | 13.44 | 8 % | 13.44 | critical |
//! | 6h | 30m | 5 % | 6 | 5.6 | 12.5 % | 3.5 | high |
//! | 1d | 2h | 10 % | 3 | 2.8 | 20 % | 1.4 | medium |
//! | 3d | 6h | 10 % | 1 | 0.933 | 42 % | 0.98 | low |
//!
//! The shares of a month would make factors below 1 of a week: at that speed a budget outlasts its window. So between 7 and
//! 28 days a share falls evenly, in logarithms, from the one to the other. Below 7 days the long windows shrink with the
//! window, by whole minutes, and shares and factors stay; one of which the long window would be under five minutes is
//! left out, as then its short one, a twelfth of it, would be over in less than a run. So a window of under 12 hours is
//! without the first tier, and one of under half an hour has none.

use std::time::Duration;

use crate::model::Severity;

use super::{Indicator, Tier, show};

/// A tier of mode Auto.
struct Base {
    long: u32,
    short: u32,
    /// Of the budget of 28 days and more, and of 7 days.
    share: f64,
    share_of_week: f64,
    severity: Severity,
}

const fn base(long: u32, short: u32, share: f64, share_of_week: f64, severity: Severity) -> Base {
    Base { long, short, share, share_of_week, severity }
}

/// In minutes, the fastest first.
const BASES: [Base; 4] = [
    base(60, 5, 0.02, 0.08, Severity::Critical),
    base(360, 30, 0.05, 0.125, Severity::High),
    base(1_440, 120, 0.10, 0.20, Severity::Medium),
    base(4_320, 360, 0.10, 0.42, Severity::Low),
];

const WEEK: f64 = 10_080.0;
/// Minutes.
const LONG_MIN: f64 = 5.0;

/// What mode Auto comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Auto {
    /// The fastest first.
    pub tiers: Vec<Tier>,
    /// Those that can never fire: even if all were bad the budget would not burn that fast.
    pub left_out: Vec<Tier>,
}

/// The tiers for a window, as long as it is as a rule, and an allowance.
pub fn auto(window: Duration, allowance: f64) -> Auto {
    let (tiers, left_out) = BASES.iter().filter_map(|base| base.of(window)).partition(|tier| tier.can_fire(allowance));
    Auto { tiers, left_out }
}

impl Base {
    fn of(&self, window: Duration) -> Option<Tier> {
        let minutes = window.as_secs_f64() / 60.0;
        // 0 at a week, 1 at four weeks.
        let way = ((minutes / WEEK).ln() / 4f64.ln()).clamp(0.0, 1.0);
        // The ends themselves, so that their factors are without the noise of a power.
        let share = match way {
            0.0 => self.share_of_week,
            1.0 => self.share,
            way => self.share_of_week * (self.share / self.share_of_week).powf(way),
        };
        let shrink = (minutes / WEEK).min(1.0);
        let long = (f64::from(self.long) * shrink).round();
        let short = (f64::from(self.short) * shrink).round().max(1.0);
        let is_wide = f64::from(self.long) * shrink >= LONG_MIN;
        is_wide.then(|| Tier {
            long: Duration::from_secs(60 * long as u64),
            short: Duration::from_secs(60 * short as u64),
            factor: rounded(share * minutes / long),
            severity: self.severity,
        })
    }
}

/// To nine decimals: 14.4 and not 14.399999999999999.
fn rounded(factor: f64) -> f64 {
    (factor * 1e9).round() / 1e9
}

impl Tier {
    /// Whether it fires when all is bad.
    pub fn can_fire(&self, allowance: f64) -> bool {
        self.factor * allowance < 1.0
    }

    /// The target in percent at which it stops being reachable: it can fire at stricter ones only.
    pub fn stops_at(&self, indicator: Indicator) -> f64 {
        let allowance = 100.0 / self.factor;
        if indicator.is_more_better() { 100.0 - allowance } else { allowance }
    }

    /// The share of a window's budget that it stands for.
    pub fn share(&self, window: Duration) -> f64 {
        self.factor * self.long.as_secs_f64() / window.as_secs_f64()
    }

    /// How long from a good state to the alert while the share `bad` fails; None when it never comes.
    pub fn detection_time(&self, allowance: f64, bad: f64) -> Option<Duration> {
        let share = allowance * self.factor / bad;
        let is_reached = bad > 0.0 && share < 1.0;
        is_reached.then(|| Duration::try_from_secs_f64(share * self.long.as_secs_f64()).ok()).flatten()
    }

    /// What is wrong with one that a user wrote, for a window as long as it is as a rule.
    ///
    /// # Errors
    /// The first thing that is.
    pub fn check(&self, window: Duration, allowance: f64) -> Result<(), TierError> {
        let minute = Duration::from_secs(60);
        let is_whole = |length: Duration| length >= minute && length.as_nanos().is_multiple_of(minute.as_nanos());
        if !is_whole(self.long) {
            return Err(TierError::Long);
        }
        if !is_whole(self.short) {
            return Err(TierError::Short);
        }
        if self.short >= self.long {
            return Err(TierError::ShortOfLong);
        }
        if self.long > window {
            return Err(TierError::LongOfWindow { window });
        }
        if !(self.factor.is_finite() && self.factor > 0.0) {
            return Err(TierError::Factor);
        }
        if !self.can_fire(allowance) {
            return Err(TierError::NeverFires { factor: self.factor, below: 1.0 / allowance });
        }
        Ok(())
    }
}

/// Why a tier is none. The text follows the name of [`TierError::field`].
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TierError {
    #[error("must be whole minutes, at least one")]
    Long,
    #[error("must be whole minutes, at least one")]
    Short,
    #[error("must be shorter than long")]
    ShortOfLong,
    #[error("must be no longer than the window of {}", show::window(super::window::millis(*window)))]
    LongOfWindow { window: Duration },
    #[error("must be a number over 0")]
    Factor,
    #[error("can never be reached: if everything fails the budget burns {} times as fast as it may; {factor} must be below that", show::figure(*below, 0.0))]
    NeverFires { factor: f64, below: f64 },
}

impl TierError {
    /// The field of a tier that is wrong.
    pub fn field(&self) -> &'static str {
        match self {
            Self::Long | Self::LongOfWindow { .. } => "long",
            Self::Short | Self::ShortOfLong => "short",
            Self::Factor | Self::NeverFires { .. } => "factor",
        }
    }
}

#[cfg(test)]
mod tests;
