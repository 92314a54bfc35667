//! What is remembered of a status that stands in the API server: enough to tell whether the present differs. Pure.

use super::figures::{Hundredths, Step, read_uptime};
use crate::{
    api::{HealthCheckStatus, StateName},
    controller::status::{
        Difference,
        condition::{Standing, find, hash, seconds},
    },
    health::Reason,
};

/// A status in 150 bytes instead of some 2 KB: 10,000 of them are 1.5 MB. Made by the same function from what we
/// write and from what the source read, so that a restart compares like with like.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Written {
    /// `observedGeneration`; 0 for none.
    pub(crate) generation: i64,
    pub(crate) state: Option<StateName>,
    /// It said that no verdict had been reached.
    pub(crate) pending: bool,
    /// `lastTransitionTime`, in Unix seconds.
    pub(crate) since: Option<i64>,
    pub(crate) ready: Standing,
    pub(crate) healthy: Standing,
    pub(crate) latency: Step,
    pub(crate) uptime: Hundredths,
    /// Since when which target fails: hashes of their names, and Unix seconds. Empty while all is well.
    failing: Box<[(u64, i64)]>,
    /// Of all that a reader acts on: probe, generation, states, why it is not Ready, counts.
    standing: u64,
    /// Of the texts.
    words: u64,
}

impl Written {
    pub(crate) fn of(status: &HealthCheckStatus) -> Self {
        let (ready, healthy) =
            (find(status.conditions.as_deref(), "Ready"), find(status.conditions.as_deref(), "Healthy"));
        let (ready_standing, healthy_standing) = (Standing::of(ready), Standing::of(healthy));
        let counts =
            status.targets.as_ref().map(|t| (t.total, t.healthy, t.degraded, t.unhealthy, t.unknown, &t.summary));
        let failing = status.failing.as_deref().unwrap_or_default();
        let failing_words: Vec<_> = failing.iter().map(|one| (&one.target, &one.reason, &one.message)).collect();
        let generations = [ready, healthy].map(|condition| condition.and_then(|c| c.observed_generation));
        let standing = hash(&(
            &status.probe,
            status.observed_generation,
            generations,
            status.state.map(|state| state as u8),
            (ready_standing.status, ready.map(|ready| &ready.reason)),
            healthy_standing.status,
            counts,
        ));
        let words = hash(&(&status.reason, &status.message, failing_words, ready_standing.why, healthy_standing.why));
        Self {
            generation: status.observed_generation.unwrap_or(0),
            state: status.state,
            pending: status.reason.as_deref() == Some(Reason::Pending.as_str()),
            since: status.last_transition_time.as_ref().map(seconds),
            ready: ready_standing,
            healthy: healthy_standing,
            latency: Step::read(status.latency.as_deref()),
            uptime: read_uptime(status.uptime.as_ref()),
            failing: failing.iter().map(|one| (hash(&one.target), seconds(&one.since))).collect(),
            standing,
            words,
        }
    }

    /// Since when this target has been said to fail.
    pub(crate) fn failing_since(&self, target: &str) -> Option<i64> {
        let target = hash(&target);
        self.failing.iter().find(|(name, _)| *name == target).map(|(_, since)| *since)
    }

    /// How `present` differs from this.
    pub(crate) fn difference(&self, present: &Self) -> Difference {
        let times = |one: &Self| (one.since, one.ready.since, one.healthy.since);
        // While no verdict has been reached under this generation, the one of before stands: a check that is as it was
        // before a restart is not said to be unknown in between.
        let same_object = self.generation == present.generation && self.ready.status == present.ready.status;
        let had_verdict = self.state.is_some() && !self.pending;
        if present.pending && same_object && had_verdict {
            return Difference::None;
        }
        if self.standing != present.standing {
            return Difference::Standing;
        }
        if self.words != present.words || times(self) != times(present) {
            Difference::Words
        } else if (self.latency, self.uptime) != (present.latency, present.uptime) {
            Difference::Figures
        } else {
            Difference::None
        }
    }
}
