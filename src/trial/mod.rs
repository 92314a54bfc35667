//! Unit tests for rules: what is seen over time is given, and what comes of it is held against what was expected.
//!
//! ```text
//! results of checks ─► engine::Core ─► states, figures ─┐                        ┌─► alerts
//! results of queries ──────────────────────────────────┴─► alert::Book ─► Desk ─┴─► who is told   ─► Report
//! what people do ──────────────────────────────────────────────────────────┘
//! ```
//! The decisions are the program's own: the engine's step with its thresholds and dependencies, the book, the desk,
//! windows. Owns what goes into them in place of a network, a Prometheus and people, and a time that passes as fast as
//! it can be computed. Everything runs in step: a check's n-th result is there n intervals after the start.
//! Notifications count as delivered at once; how a receiver is tried again is `notify`'s, and not seen here.
//!
//! Pure: reads no file and no clock. `validate` makes a [`Suite`] of a test file, `probity test` runs it.

mod answers;
mod bind;
mod checks;
mod judge;
mod log;
mod model;
mod run;
mod script;
mod series;
mod show;

pub use answers::normal;
pub use bind::{Objects, STEPS_MAX, bind};
pub use judge::Failure;
pub use log::Entry;
pub use model::{
    AlertState, CheckResults, Event, Expect, Failing, Happens, Of, QueryResults, Suite, TargetResults, Test,
    WantedAlert, WantedCheck, WantedStatus, WantedTold,
};
pub use run::{Report, run};
pub use script::{How, Reading, Script, is_failure};
pub use series::{Series, labels};
pub use show::time;

/// What is wrong with a text of a test, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub message: String,
    pub hint: String,
}

impl Fault {
    fn new(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: hint.into() }
    }
}
