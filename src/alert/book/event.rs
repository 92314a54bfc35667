//! What goes into the book's step, what comes out, and what it reads.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    alert::{Incident, Moment, Transition, rule::Evaluation},
    health::State,
    model::{AlertRule, Labels, ObjectKey, ProbeMetric},
};

/// What the book is told.
#[derive(Debug, Clone)]
pub enum Event {
    /// What the sources hold now of a rule; None when it is deleted or refused.
    Rule { key: ObjectKey, uid: Arc<str>, rule: Option<Arc<AlertRule>> },
    /// A check became so, or is gone. Each state that it passes through is told, in order.
    Check { key: ObjectKey, seen: Option<Seen> },
    /// There was no room for some of these: everything is to be looked at as it is now.
    Missed,
    /// Everything that is configured has come. Nothing is looked at before.
    Loaded,
    /// A source answered, and this is what it comes to.
    Answered { rule: ObjectKey, number: u64, evaluation: Evaluation },
    /// Time passed: what is due is due.
    Time,
}

/// What the book wants done.
#[derive(Debug, Clone)]
pub enum Effect {
    /// What happened to alerts, in order. One evaluation's are one effect.
    Transitions(Vec<Transition>),
    /// Ask the rule's source, and tell what it answers.
    Ask(Order),
    /// So many evaluations that were due did not take place.
    Skipped(Skipped, i64),
    /// This rule is another, sees more or less than before, or is gone.
    Rule(ObjectKey),
    /// Something else is to be shown of these alerts of a rule, or they have ended.
    Alerts(ObjectKey, BTreeSet<Incident>),
    /// A rule was looked at; on its interval: and when that was due, on the timeline.
    Evaluated(ObjectKey, Looked, Option<i64>),
}

/// How an evaluation went; of one that looked at several things, the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Looked {
    Ok,
    NoData,
    Failed,
}

impl Looked {
    pub const ALL: [Self; 3] = [Self::Ok, Self::NoData, Self::Failed];

    /// The value of the label `result`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::NoData => "no_data",
            Self::Failed => "error",
        }
    }
}

impl From<&Evaluation> for Looked {
    fn from(evaluation: &Evaluation) -> Self {
        match evaluation {
            Evaluation::Met(_) | Evaluation::Gone => Self::Ok,
            Evaluation::NoData(_) => Self::NoData,
            Evaluation::Failed(..) => Self::Failed,
        }
    }
}

/// A question to a rule's source.
#[derive(Debug, Clone)]
pub struct Order {
    pub rule: Arc<AlertRule>,
    pub number: u64,
    pub at: Moment,
}

/// Why an evaluation that was due did not take place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Skipped {
    /// The one before it had not ended.
    Overlap,
    /// The process stood still for over an interval.
    Stall,
}

impl Skipped {
    pub const ALL: [Self; 2] = [Self::Overlap, Self::Stall];

    /// The value of the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Overlap => "overlap",
            Self::Stall => "stall",
        }
    }
}

/// What there is to look at. The present, whatever the event said.
pub trait World {
    /// None: there is no such check.
    fn check(&self, key: &ObjectKey) -> Option<Seen>;

    /// The checks of a namespace.
    fn checks(&self, namespace: &str) -> Vec<Seen>;

    /// A figure of each target of a check over the last `minutes`, the running one included.
    fn figures(&self, check: &ObjectKey, metric: ProbeMetric, minutes: u32) -> Vec<Target>;
}

/// A check as it is.
#[derive(Debug, Clone)]
pub struct Seen {
    pub key: ObjectKey,
    pub labels: Labels,
    pub state: State,
    /// Whether `state` says something about the check: a threshold was reached since the process began.
    pub is_verdict: bool,
    pub message: Arc<str>,
    /// The check that is down and that this one depends on.
    pub dependency: Option<Arc<str>>,
}

/// A figure of one target of a check.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    pub instance: Arc<str>,
    /// Whether the check has others, so that the alert has to say which it is about.
    pub is_one_of_many: bool,
    /// None: nothing was seen in that time.
    pub value: Option<f64>,
}
