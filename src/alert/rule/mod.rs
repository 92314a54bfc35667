//! One rule's alerts: from what an evaluation saw to what fires. Prometheus' state machine (`rules/alerting.go`), with
//! policies of our own for what it cannot see.
//!
//! ```text
//!                      compose                         RuleState::step
//! samples, targets ──────────────► candidates, or ───────────────────► transitions ──► the desk
//! (labels, a value)   templates,   "no data", or      for, keepFiringFor,
//!                     labels       "it failed"        onNoData, onError
//! ```
//! A rule sees one or more *subjects*. A PromQL rule has one, the empty one: each evaluation says all that there is. A
//! rule over checks has a subject per target, and each is evaluated by itself, so that a thousand targets cost nothing
//! when one of them changes.
//!
//! While a rule cannot see a subject, no alert of it is resolved, unless its `onNoData` is Resolve. This module does no I/O, reads
//! no clock and renders no template: a function that does is passed in. Called by the engine.

mod compose;
mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::{Moment, moment::millis};
use crate::model::{AlertRule, OnError, OnNoData};

pub use compose::{Candidate, Found, Render, compose};
pub use state::RuleState;

/// A rule has at most this many alerts, as many as a source may answer with series. At about 1.5 KB each a rule that
/// went wrong costs 15 MB.
pub const ALERTS_MAX: usize = 10_000;

/// What of a rule's spec its state machine depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// `for`, in milliseconds.
    pub hold: i64,
    /// `keepFiringFor`, in milliseconds.
    pub keep: i64,
    pub on_no_data: OnNoData,
    pub on_error: OnError,
    pub generation: i64,
    /// At most [`ALERTS_MAX`].
    pub limit: usize,
}

impl From<&AlertRule> for Policy {
    fn from(rule: &AlertRule) -> Self {
        Self {
            hold: millis(rule.hold),
            keep: millis(rule.keep_firing_for),
            on_no_data: rule.on_no_data,
            on_error: rule.on_error,
            generation: rule.generation,
            limit: ALERTS_MAX,
        }
    }
}

/// What an evaluation saw of one subject.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluation {
    /// The condition holds for these, and for nothing else of the subject. None of them: it is "not met".
    Met(Vec<Candidate>),
    /// There is no data. With the alert that `onNoData: Fire` would make of it.
    NoData(Option<Box<Candidate>>),
    /// It failed, and why. With the alert that `onError: Fire` would make of it.
    Failed(Arc<str>, Option<Box<Candidate>>),
    /// The object or target is deleted.
    Gone,
}

/// Why a rule does not see all that it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    Clear,
    /// The result has so many alerts more than the limit: they are left out.
    Limited(usize),
    /// Subjects without data, and since when the first of them is.
    NoData {
        subjects: usize,
        since: Moment,
    },
    /// Subjects whose evaluation fails, since when, and what the last one said.
    Failing {
        subjects: usize,
        since: Moment,
        message: Arc<str>,
    },
}
