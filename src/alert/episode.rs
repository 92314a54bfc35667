//! One alert from when it is first pending until it is resolved: what the store keeps of it, so that a restart goes on.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Alert, Fingerprint, Incident, Labels, Moment, Reason, Severity, Status, Value};
use crate::model::{self, ObjectKey};

/// Where an episode is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Phase {
    /// The condition holds, `for` has not passed. Nobody is told.
    Pending,
    Firing,
    Resolved,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Firing => "Firing",
            Self::Resolved => "Resolved",
        }
    }
}

/// One alert of one rule, from pending to resolved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Episode {
    pub incident: Incident,
    pub rule: ObjectKey,
    /// The rule's, when the alert was last seen.
    pub generation: i64,
    /// What it is about: see [`super::rule`].
    pub subject: Arc<str>,
    pub phase: Phase,
    pub name: Arc<str>,
    pub severity: Option<Severity>,
    pub labels: Labels,
    pub fingerprint: Fingerprint,
    pub message: Arc<str>,
    pub annotations: Labels,
    pub value: Option<Value>,
    pub reason: Option<Reason>,
    /// Labels of the object that it is about, which maintenance windows select by.
    pub object: model::Labels,
    /// The check that is down and that this one depends on: only that one is told.
    pub dependency: Option<Arc<str>>,
    /// Since when the condition holds: `activeAt`.
    pub active: Moment,
    /// Since when it fires: `startsAt`.
    pub fired: Option<Moment>,
    /// Since when the condition does not hold, while `keepFiringFor` keeps it firing.
    pub keeping: Option<Moment>,
    /// When it was resolved: `endsAt`.
    pub resolved: Option<Moment>,
}

impl Episode {
    /// When it began to fire; while it is pending, when it became so.
    pub fn started(&self) -> Moment {
        self.fired.unwrap_or(self.active)
    }

    /// As people and receivers see it.
    pub fn alert(&self, status: Status) -> Alert {
        Alert {
            name: self.name.clone(),
            severity: self.severity,
            status,
            message: self.message.clone(),
            labels: self.labels.clone(),
            annotations: self.annotations.clone(),
            starts_at: self.started().wall,
            ends_at: (status == Status::Resolved).then_some(self.resolved).flatten().map(|moment| moment.wall),
            fingerprint: self.fingerprint,
            incident: self.incident,
            value: self.value,
            reason: self.reason,
            rule: self.rule.clone(),
            untold: false,
            known: false,
            news: true,
        }
    }
}
