//! Conditions of a status, and the small things that all statuses share. Pure.

use std::hash::{BuildHasher, Hash};

use foldhash::quality::FixedState;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::{clock::WallMs, engine::Ready};

/// As the schema has it, in characters.
pub(super) const MAX_MESSAGE: usize = 1024;

/// A condition that stands in the API server, as far as it is remembered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) status: Answer,
    /// `lastTransitionTime`, in Unix seconds.
    pub(crate) since: Option<i64>,
    /// Of reason and message.
    pub(crate) why: u64,
}

/// A condition's status.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    True,
    False,
    Unknown,
    /// There is no such condition.
    #[default]
    Absent,
}

impl Standing {
    pub(super) fn of(condition: Option<&Condition>) -> Self {
        let Some(condition) = condition else { return Self::default() };
        let status = match condition.status.as_str() {
            "True" => Answer::True,
            "False" => Answer::False,
            _ => Answer::Unknown,
        };
        Self {
            status,
            since: Some(seconds(&condition.last_transition_time)),
            why: hash(&(&condition.reason, &condition.message)),
        }
    }
}

/// The condition of that name.
pub(super) fn find<'c>(conditions: Option<&'c [Condition]>, name: &str) -> Option<&'c Condition> {
    conditions.into_iter().flatten().find(|condition| condition.type_ == name)
}

/// A condition. `before` is what stands there: its time stays while its status does; else it is `at`.
pub(super) fn condition(
    name: &str,
    answer: Answer,
    before: Standing,
    at: WallMs,
    reason: &str,
    message: &str,
    generation: i64,
) -> Condition {
    let kept = before.since.filter(|_| before.status == answer);
    let status = match answer {
        Answer::True => "True",
        Answer::False => "False",
        Answer::Unknown | Answer::Absent => "Unknown",
    };
    Condition {
        type_: name.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: cut(message, MAX_MESSAGE),
        last_transition_time: time(kept.unwrap_or_else(|| at.div_euclid(1000))),
        observed_generation: Some(generation),
    }
}

/// The condition Ready.
pub(super) fn ready(ready: &Ready, before: Standing, now: WallMs, generation: i64) -> Condition {
    let answer = if ready.ok { Answer::True } else { Answer::False };
    condition("Ready", answer, before, now, ready.reason, &ready.message, generation)
}

/// A time in Unix seconds. One that no calendar has is the epoch.
pub(super) fn time(seconds: i64) -> Time {
    Time(Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH))
}

pub(super) fn seconds(time: &Time) -> i64 {
    time.0.as_second()
}

/// At most `max` characters, the last of them an ellipsis when something is left out.
pub(super) fn cut(text: &str, max: usize) -> String {
    if text.chars().nth(max).is_none() {
        return text.to_owned();
    }
    text.chars().take(max - 1).chain(['…']).collect()
}

/// Only compared with others of this process.
pub(super) fn hash(what: &impl Hash) -> u64 {
    FixedState::default().hash_one(what)
}
