//! What a channel is told: alerts as they were when it was decided to tell, and why.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{Fingerprint, Incident, Labels, Reason, Severity, Value};
use crate::{clock::WallMs, model::ObjectKey};

/// How an alert stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Firing,
    Resolved,
    /// It fires, and a silence or a maintenance window mutes it.
    Silenced,
}

impl Status {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Resolved => "resolved",
            Self::Silenced => "silenced",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One alert, as it was when a notification was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The label `alertname`.
    pub name: Arc<str>,
    /// What the label `severity` says, where it is one of the four.
    pub severity: Option<Severity>,
    pub status: Status,
    pub message: Arc<str>,
    pub labels: Labels,
    pub annotations: Labels,
    /// When it began to fire.
    pub starts_at: WallMs,
    /// When it was resolved; `None` while it fires.
    pub ends_at: Option<WallMs>,
    pub fingerprint: Fingerprint,
    /// The same for each notification that is about the same thing.
    pub incident: Incident,
    /// The value that it fires with.
    pub value: Option<Value>,
    pub reason: Option<Reason>,
    pub rule: ObjectKey,
    /// It is resolved, and this channel was not told before that it fired: the message says both.
    #[serde(default)]
    pub untold: bool,
    /// It fires, and this channel was told so before: it is worse now, say, or a silence has ended.
    #[serde(default)]
    pub known: bool,
    /// The notification is about this one. Others stand in it because they fire in the same group.
    #[serde(default = "yes")]
    pub news: bool,
}

fn yes() -> bool {
    true
}

/// The alerts of a channel that have the same values for the labels that it groups by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The same as long as the channel and the labels are.
    pub key: Arc<str>,
    pub labels: Labels,
}

/// Why a channel is told, and why now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Why {
    /// The first of its group.
    First,
    /// The group is known, some of its alerts are new.
    New,
    SomeResolved,
    AllResolved,
    /// It still fires after `grouping.repeat`.
    Repeat,
    /// Nobody acted in the time of `escalate`.
    Escalation,
    /// A silence or a maintenance window ended, and it still fires.
    MuteEnded,
    /// What stood in the way is gone (a source that inhibited it, a dependency that was down), and it still fires.
    Unsuppressed,
    /// The rate limit was reached: what would have been several notifications is this one.
    Digest,
    /// Somebody tries the channel.
    Test,
}

impl Why {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::First => "First",
            Self::New => "New",
            Self::SomeResolved => "SomeResolved",
            Self::AllResolved => "AllResolved",
            Self::Repeat => "Repeat",
            Self::Escalation => "Escalation",
            Self::MuteEnded => "MuteEnded",
            Self::Unsuppressed => "Unsuppressed",
            Self::Digest => "Digest",
            Self::Test => "Test",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A notification's idempotency key: the same however often it is sent, and another for every other one.
///
/// 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NotificationId(pub Arc<str>);

impl fmt::Display for NotificationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What one channel is told at one time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    pub id: NotificationId,
    pub channel: ObjectKey,
    pub group: Group,
    pub why: Why,
    /// In the order in which they are to be told: of one incident, what was before stands before what came after.
    /// Never empty, but where `why` is Test.
    pub alerts: Vec<Alert>,
    /// How many more alerts fire in the group than `alerts` holds. What is news is never left out.
    pub truncated: u32,
    pub created_at: WallMs,
    /// On the log lines and on the calls that go out; 1 to 128 of `[A-Za-z0-9._-]`.
    pub correlation_id: Arc<str>,
    /// The channel that should have been told, and gave a permanent error.
    #[serde(default)]
    pub instead_of: Option<ObjectKey>,
}

impl Notification {
    /// Firing if any of its alerts does.
    pub fn status(&self) -> Status {
        if self.firing().next().is_some() { Status::Firing } else { Status::Resolved }
    }

    /// Those that are not resolved.
    pub fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.status != Status::Resolved)
    }

    pub fn resolved(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.iter().filter(|alert| alert.status == Status::Resolved)
    }

    /// The labels that all its alerts have in common.
    pub fn common_labels(&self) -> Labels {
        Labels::common(self.alerts.iter().map(|alert| &alert.labels))
    }

    /// The annotations that all its alerts have in common.
    pub fn common_annotations(&self) -> Labels {
        Labels::common(self.alerts.iter().map(|alert| &alert.annotations))
    }

    /// The worst severity of what fires, or, where nothing does, of what is resolved.
    pub fn severity(&self) -> Option<Severity> {
        let firing = self.firing().map(|alert| alert.severity).max();
        firing.or_else(|| self.resolved().map(|alert| alert.severity).max()).flatten()
    }
}
