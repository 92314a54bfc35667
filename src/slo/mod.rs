//! Decides about SLOs: what was seen in a window, how it stands against the objective, what is left of the error budget
//! and how fast it burns. Pure.
//!
//! ```text
//! minutes of checks ──► Cell per minute ──► Ledger (hours, and the minutes at each edge) ──► Sums ──► Standing
//!                       (combine)            (corrections beside it)                      (judge)
//! ```
//! Owns windows, cells, budgets and burn rates; says nothing of who is told. Called by `validate`, which makes
//! objectives, by `engine::slos`, which keeps a ledger per target, and by `probity test`.

mod objective;

pub use objective::{
    AllowanceOf, Combine, Indicator, Method, Objective, Period, Statistic, Tier, Tolerance, Unit, Window,
};
