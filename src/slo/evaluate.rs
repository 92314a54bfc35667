//! One evaluation of one target: all its windows over one ledger. Pure.

use crate::clock::WallMs;

use super::{
    Alarms, Burn, Ledger, Live, Look, Objective, Percentile, Standing, alarm, burn, standing::judge, window::back,
};

/// What an evaluation comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    pub standing: Standing,
    pub alarms: Alarms,
}

/// The minutes at which windows begin at `now`: that of the objective and those of its burn rates and tiers. The hours that
/// they cut are what [`Ledger::settle`] asks for.
pub fn starts(objective: &Objective, now: WallMs) -> Vec<u32> {
    let lookbacks = alarm::lookbacks(objective);
    let mut all: Vec<_> = lookbacks.into_iter().map(|window| back(now, window)).collect();
    all.push(objective.window.at(now).start);
    all.sort_unstable();
    all.dedup();
    all
}

/// The first minute that any window needs: what is before it may be forgotten. In the first days of a period of the
/// calendar that is before the period, as burn rates look back further.
pub fn needs_from(objective: &Objective, now: WallMs) -> u32 {
    starts(objective, now).first().copied().unwrap_or_default()
}

/// Evaluates a target. Costs some microseconds: a window of 30 days is the sum of 720 hours.
pub fn evaluate(
    objective: &Objective,
    ledger: &Ledger,
    live: Live<'_>,
    percentile: Percentile,
    now: WallMs,
) -> Evaluation {
    let extent = objective.window.at(now);
    let mut sum = ledger.sum(extent.start, extent.now, live);
    let looks: Vec<Look> = alarm::lookbacks(objective)
        .into_iter()
        .map(|window| {
            let look = ledger.sum(back(extent.now, window), extent.now, live);
            sum.is_exact &= look.is_exact;
            Look { window, cell: look.corrected }
        })
        .collect();
    let rate = |window| {
        let look = looks.iter().find(|look| look.window == window);
        burn::rate(&look?.cell, objective.allowance()?)
    };
    let burns = burn::windows(objective).iter().map(|window| Burn { window: *window, rate: rate(*window) }).collect();
    Evaluation {
        standing: judge(objective, &extent, &sum, percentile, burns),
        alarms: alarm::alarms(objective, &looks),
    }
}
