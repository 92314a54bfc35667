//! Whether somebody is to be told that a budget burns too fast, and how grave that is. Pure.
//!
//! A tier fires while both of its windows burn faster than its factor. Of runs that is not enough where they are few: one
//! that fails of five is 20 %, and says nothing. So for what counts runs, in the long window
//! - two must have failed at least, and
//! - even the share that may be taken for granted (Wilson's lower bound, 95 %) must burn too fast;
//!
//! and a short window that holds fewer than ten runs is widened up to the long one, so that a service with few requests of
//! which many fail is told all the same. What counts time needs neither: time is bad from when a check is Unhealthy, which takes
//! as many failed runs in a row as its threshold asks for.
//!
//! A long window of which no more was seen than a short one holds says nothing of its own: it waits.
//!
//! Not seen is not well: a tier that cannot tell keeps what stands, see [`Alarms::keeps`].

use std::time::Duration;

use crate::model::Severity;

use super::{Cell, Counts, Objective, Tier, budget::counts, burn, window::millis};

/// What was seen in the last `window`, without planned work.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Look {
    pub window: Duration,
    pub cell: Cell,
}

/// The gravest tier that fires.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Alarm {
    pub tier: Tier,
    /// The burn rates of its windows.
    pub long: f64,
    pub short: f64,
}

/// What is to be told of a target: one alert, as grave as the gravest tier.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Alarms {
    pub fires: Option<Alarm>,
    /// The gravest severity of a tier that cannot tell, as too little was seen.
    pub unseen: Option<Severity>,
}

impl Alarms {
    pub fn severity(&self) -> Option<Severity> {
        self.fires.map(|alarm| alarm.tier.severity)
    }

    /// Whether an alert that stands under `severity` goes on as it is: a tier as grave as that, or graver, cannot tell
    /// now, and none that is graver fires.
    pub fn keeps(&self, severity: Severity) -> bool {
        self.unseen >= Some(severity) && self.severity() <= Some(severity)
    }
}

/// Failed runs before anybody is told.
const FAILED_MIN: f64 = 2.0;
/// Runs of a short window before it is taken by itself.
const RUNS_MIN: f64 = 10.0;
/// The quantile of the normal distribution that 95 % lie below.
const QUANTILE: f64 = 1.645;

/// Over which times a burning budget is looked at: those of the burn rates, and both windows of each tier. The shortest
/// first.
pub fn lookbacks(objective: &Objective) -> Vec<Duration> {
    let tiers = objective.tiers.iter().flat_map(|tier| [tier.long, tier.short]);
    let mut all: Vec<_> = burn::windows(objective).iter().copied().chain(tiers).collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Asks every tier. `looks` are those of [`lookbacks`], in its order.
pub fn alarms(objective: &Objective, looks: &[Look]) -> Alarms {
    let mut alarms = Alarms::default();
    let Some(allowance) = objective.allowance() else { return alarms };
    for tier in objective.tiers.iter() {
        match ask(tier, allowance, counts(objective.indicator), looks) {
            // Of equally grave ones the first, which is the fastest.
            Answer::Fires(alarm) if alarms.severity() < Some(tier.severity) => alarms.fires = Some(alarm),
            Answer::Unseen => alarms.unseen = alarms.unseen.max(Some(tier.severity)),
            Answer::Fires(_) | Answer::Quiet => {}
        }
    }
    alarms
}

enum Answer {
    Quiet,
    Unseen,
    Fires(Alarm),
}

fn ask(tier: &Tier, allowance: f64, counts: Counts, looks: &[Look]) -> Answer {
    let within = |window: Duration| looks.iter().filter(move |look| (tier.short..=window).contains(&look.window));
    let long = within(tier.long).next_back().filter(|look| look.window == tier.long);
    let Some(long) = long.map(|look| look.cell) else { return Answer::Unseen };
    let Some(rate) = burn::rate(&long, allowance) else { return Answer::Unseen };
    if long.seen_ms < millis(tier.short) as f64 {
        return Answer::Unseen;
    }
    // The Workbook's `>`, of more than the noise of binary.
    let factor = tier.factor * (1.0 + 1e-9);
    if rate <= factor {
        return Answer::Quiet;
    }
    // Time that was not seen is not made up for.
    let Some(short) = within(tier.long).next().filter(|look| look.cell.seen_ms > 0.0) else { return Answer::Unseen };
    let short = match counts {
        Counts::Time => short.cell,
        Counts::Events => within(tier.long).find(|look| are_enough(look)).map_or(long, |look| look.cell),
    };
    let Some(short) = burn::rate(&short, allowance) else { return Answer::Unseen };
    if short <= factor {
        return Answer::Quiet;
    }
    let is_sure = match counts {
        Counts::Time => true,
        Counts::Events => long.part >= FAILED_MIN && surely(long.part, long.whole) > factor * allowance,
    };
    if is_sure { Answer::Fires(Alarm { tier: *tier, long: rate, short }) } else { Answer::Quiet }
}

/// Whether there are runs enough, of a window that was seen throughout: few because little was seen are not few.
fn are_enough(look: &Look) -> bool {
    let Look { window, cell } = look;
    cell.seen_ms > 0.0 && cell.whole * millis(*window) as f64 / cell.seen_ms >= RUNS_MIN
}

/// The share of failures that may be taken for granted when so many of so many runs failed: the lower end of Wilson's
/// interval (E. B. Wilson: "Probable inference, the law of succession, and statistical inference", 1927).
fn surely(failed: f64, runs: f64) -> f64 {
    let (share, square) = (failed / runs, QUANTILE * QUANTILE);
    let spread = (share * (1.0 - share) / runs + square / (4.0 * runs * runs)).max(0.0).sqrt();
    ((share + square / (2.0 * runs) - QUANTILE * spread) / (1.0 + square / runs)).max(0.0)
}

#[cfg(test)]
mod tests;
