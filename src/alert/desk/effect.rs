//! What comes out of the desk's step: notifications, what is to be kept, and why each decision was made.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::MuteKey;
use crate::{
    alert::{Episode, Incident, Notification, NotificationId, Status, Why},
    clock::WallMs,
    model::ObjectKey,
};

/// What the desk wants done. All effects of a step are one transaction of the store, and a notification goes out only
/// after it.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Into the outbox of its channel, behind what is there.
    Notify(Arc<Notification>),
    /// Into the audit trail: what `probity why` tells.
    Fact(Fact),
    /// Write this under the key, or remove it: what [`super::Desk::restore`] is given after a restart.
    Keep { key: String, value: Option<String> },
    /// Something else is to be shown of this alert, or it is forgotten.
    Show(Incident),
}

/// A decision about one alert.
#[derive(Debug, Clone, PartialEq)]
pub struct Fact {
    pub at: WallMs,
    pub episode: Arc<Episode>,
    pub what: What,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum What {
    /// No channel is told, and what stands in the way.
    Suppressed(Suppressed),
    /// Nothing stands in the way any more.
    Unsuppressed,
    /// It is resolved, and no channel was told that it fired.
    NeverTold,
    /// The channel is told of it at `until` at the latest.
    Waits {
        channel: ObjectKey,
        until: WallMs,
        because: Wait,
    },
    /// The channel is told.
    Told {
        channel: ObjectKey,
        notification: NotificationId,
        why: Why,
        status: Status,
    },
    /// The channel is not told.
    NotTold {
        channel: ObjectKey,
        because: Because,
    },
    /// No channel can be used: it goes to the log.
    NoChannel,
    /// Nobody acted: this channel is told too.
    Escalated {
        channel: ObjectKey,
    },
    Acknowledged(Ack),
    Unacknowledged {
        by: Arc<str>,
    },
    /// The channel gave a permanent error; `instead` is told.
    Dead {
        channel: ObjectKey,
        notification: NotificationId,
        error: Arc<str>,
        instead: Option<ObjectKey>,
    },
    /// There are so many alerts already that this one is not taken.
    Refused,
}

/// What stands between an alert and its channels.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Suppressed {
    /// Silences and maintenance windows.
    pub mutes: Vec<MuteKey>,
    /// A rule named by `inhibitedBy`, and its alert that fires.
    pub inhibited: Option<(ObjectKey, Incident)>,
    /// The check that is down and that the alert's one depends on.
    pub dependency: Option<Arc<str>>,
}

impl Suppressed {
    pub fn is_empty(&self) -> bool {
        self.mutes.is_empty() && self.inhibited.is_none() && self.dependency.is_none()
    }
}

/// What a notification waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Wait {
    /// `grouping.wait`: others may come.
    Wait,
    /// `grouping.interval`: other changes may come.
    Interval,
    /// `rateLimit` is reached: it will stand in a digest.
    RateLimit,
}

/// Why a channel is not told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Because {
    /// There is no such channel.
    UnknownChannel,
    /// The channel is refused as it is.
    ChannelNotReady,
    /// Its `allowedNamespaces` does not name the rule's.
    NotPermitted,
    /// Its `severities` does not have the alert's.
    Severity,
    /// It is resolved, and `sendResolved` is false.
    SendResolved,
    /// It was told of the alert already.
    AlreadyTold,
    /// It flaps, and so many of its ends wait to be told that the oldest is left out.
    Flapping,
}

impl Because {
    /// As the audit trail writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::UnknownChannel => "unknown channel",
            Self::ChannelNotReady => "channel not ready",
            Self::NotPermitted => "allowedNamespaces",
            Self::Severity => "severities",
            Self::SendResolved => "sendResolved",
            Self::AlreadyTold => "already told",
            Self::Flapping => "flapping",
        }
    }
}

/// Somebody acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    pub by: Arc<str>,
    pub comment: Arc<str>,
    pub at: WallMs,
}
