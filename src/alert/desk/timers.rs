//! What the desk has to do at which time.

use std::collections::BTreeSet;

use super::groups::GroupKey;
use crate::{alert::Incident, model::ObjectKey};

/// In the order in which they are done at one moment: what goes out in groups before the digest of what could not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// Channels or namespaces have changed: who is told of what is decided again.
    Reroute,
    Escalate(Incident),
    Group(GroupKey),
    Digest(ObjectKey),
    Forget(Incident),
}

/// A queue from which an entry can be taken out again; its owner knows when it is due.
#[derive(Debug, Default)]
pub(super) struct Timers(BTreeSet<(i64, Timer)>);

impl Timers {
    /// Moves a timer from where it stood to where it is due now.
    pub fn set(&mut self, timer: Timer, before: Option<i64>, at: Option<i64>) {
        let entry = |at| (at, timer.clone());
        if let Some(before) = before.filter(|before| Some(*before) != at) {
            self.0.remove(&entry(before));
        }
        self.0.extend(at.map(entry));
    }

    pub fn next(&self) -> Option<i64> {
        self.0.first().map(|(at, _)| *at)
    }

    /// Takes the first one that is due by `now`.
    pub fn pop(&mut self, now: i64) -> Option<Timer> {
        if self.next()? > now {
            return None;
        }
        self.0.pop_first().map(|(_, timer)| timer)
    }
}
