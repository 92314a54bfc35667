//! Decides about SLOs: what was seen in a window, how it stands against the objective, what is left of the error budget
//! and how fast it burns. Pure.
//!
//! ```text
//! minutes of checks ──► Cell per minute ──► Ledger (hours, and the minutes at each edge) ──► Sum ──► Standing
//!                       (Combiner)           (corrections beside it)              (evaluate)    └──► Alarms
//! ```
//! Owns windows, cells, budgets, burn rates and tiers; says nothing of who is told. Called by `validate`, which makes
//! objectives, by `engine::slos`, which keeps a ledger per target, and by `probity test`.

mod alarm;
mod budget;
mod burn;
mod cell;
mod combine;
mod evaluate;
mod excluded;
mod latencies;
mod ledger;
mod name;
mod objective;
mod packed;
mod resolvable;
mod show;
mod standing;
mod sum;
mod tiers;
mod window;

pub use alarm::{Alarm, Alarms, Look, alarms, lookbacks};
pub use budget::{Budget, Counts, counts};
pub use burn::{Burn, rate as burn_rate, windows as burn_windows};
pub use cell::{Cell, Observed};
pub use combine::{Check, Combiner};
pub use evaluate::{Evaluation, evaluate, needs_from, starts};
pub use excluded::Excluded;
pub use latencies::Latencies;
pub use ledger::{Folded, Ledger};
pub use objective::{
    AllowanceOf, Combine, Indicator, Method, Objective, Period, Statistic, Tier, Tolerance, Unit, Window,
};
pub use resolvable::Resolution;
pub use show::{figure, span as show_span, window as show_window};
pub use standing::{Bounds, Percentile, Standing, State, judge};
pub use sum::{Live, Sum};
pub use tiers::{Auto, TierError, auto as auto_tiers};
pub use window::Extent;

#[cfg(test)]
mod tests;
