//! A test file as it is run. Times are milliseconds since the start of the test.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{Script, Series};
use crate::{
    alert::{Labels, Matchers, Status, Why},
    clock::WallMs,
    health::{Reason, State},
    model::ObjectKey,
};

/// One ProbityTest.
#[derive(Debug, Clone, PartialEq)]
pub struct Suite {
    pub key: ObjectKey,
    /// As written; None: what is given on the command line.
    pub manifests: Option<Vec<String>>,
    pub tests: Vec<Test>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Test {
    pub name: Arc<str>,
    pub start: WallMs,
    pub checks: Vec<CheckResults>,
    pub queries: Vec<QueryResults>,
    /// The time between two values of a series.
    pub interval: i64,
    /// By their time.
    pub events: Vec<Event>,
    /// By their time; never empty.
    pub expect: Vec<Expect>,
}

impl Test {
    /// When the last thing of it is looked at.
    pub fn end(&self) -> i64 {
        let last = |at: Option<i64>| at.unwrap_or_default();
        last(self.expect.last().map(|expect| expect.at)).max(last(self.events.last().map(|event| event.at)))
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct CheckResults {
    pub key: ObjectKey,
    pub targets: Vec<TargetResults>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct TargetResults {
    /// None: of a check with one target.
    pub instance: Option<Arc<str>>,
    pub script: Arc<Script>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct QueryResults {
    pub of: Of,
    pub series: Vec<Series>,
    pub failing: Vec<Failing>,
}

/// Whose results they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Of {
    /// Of the rule's expression.
    Rule(ObjectKey),
    /// An expression, with single blanks.
    Expression(Arc<str>),
}

/// From `from` up to, and without, `to` the source gives this error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failing {
    pub from: i64,
    pub to: i64,
    pub message: Arc<str>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub at: i64,
    /// Its place in the file.
    pub index: usize,
    pub what: Happens,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Happens {
    Silence { key: ObjectKey, matchers: Matchers, duration: Duration },
    Expire(ObjectKey),
    Acknowledge { labels: BTreeMap<String, String>, by: Arc<str> },
    Channel { key: ObjectKey, fails: Option<Arc<str>> },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    pub at: i64,
    /// `alerts` is about this rule only.
    pub rule: Option<ObjectKey>,
    pub alerts: Option<Vec<WantedAlert>>,
    pub told: Option<Vec<WantedTold>>,
    pub checks: Option<Vec<WantedCheck>>,
}

/// What an alert is to be like; None: anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedAlert {
    pub state: Option<AlertState>,
    /// Of an alert in a notification.
    pub status: Option<WantedStatus>,
    /// With `alertname`.
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub message: Option<String>,
}

impl WantedAlert {
    /// Whether labels, annotations and message are as wanted.
    pub fn fits(&self, labels: &Labels, annotations: &Labels, message: &str) -> bool {
        let holds = |wanted: &BTreeMap<String, String>, found: &Labels| {
            wanted.iter().all(|(name, value)| found.value(name) == value)
        };
        holds(&self.labels, labels)
            && holds(&self.annotations, annotations)
            && self.message.as_ref().is_none_or(|wanted| wanted == message)
    }
}

/// How an alert that is pending or fires is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    Pending,
    Firing,
    Silenced,
    Inhibited,
    Dependent,
}

impl AlertState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Silenced => "silenced",
            Self::Inhibited => "inhibited",
            Self::Dependent => "dependent",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WantedStatus {
    Firing,
    Resolved,
}

impl WantedStatus {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }

    pub fn fits(self, status: Status) -> bool {
        (self == Self::Resolved) == (status == Status::Resolved)
    }
}

/// What a notification is to be like; None: anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTold {
    pub channel: ObjectKey,
    pub at: Option<i64>,
    pub status: Option<WantedStatus>,
    pub why: Option<Why>,
    /// All that are in it.
    pub alerts: Option<Vec<WantedAlert>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedCheck {
    pub key: ObjectKey,
    pub state: State,
    pub reason: Option<Reason>,
}
