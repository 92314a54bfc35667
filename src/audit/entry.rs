//! What a row says: when, about what, and what happened.

use std::{fmt, str::FromStr, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::Head;
use crate::{
    clock::{WallMs, rfc3339},
    model::ObjectKey,
};

/// One thing that happened. Texts are for people, and hold no secret; what is over 1,024 characters is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub at: WallMs,
    /// Of the rule, the silence or the channel that it is about: who may read there may read this. Empty for what is
    /// about the process as a whole.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub namespace: Arc<str>,
    /// The name of the AlertRule.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<str>>,
    /// The alert's name, which is its label `alertname`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<Arc<str>>,
    /// Of the one alert that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Arc<str>>,
    /// The id of the notification that it is about, which is its idempotency key: ties what was decided about an alert
    /// to the attempts at telling it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notification: Option<Arc<str>>,
    #[serde(flatten)]
    pub event: Event,
}

/// What happened. Where a channel, a silence or a rule is meant, its text is `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum Event {
    /// An alert's state changed.
    Transition {
        from: Arc<str>,
        to: Arc<str>,
        /// Where it is not simply the condition.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Arc<str>>,
        /// What the condition gave, as text: there are no fractions in a row.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        value: Option<Arc<str>>,
        #[serde(default, skip_serializing_if = "str::is_empty")]
        message: Arc<str>,
    },
    /// It was decided to tell a channel about an alert; the entry's `notification` is the one.
    Told {
        channel: Arc<str>,
        /// What is said of the alert: firing or resolved.
        status: Arc<str>,
        /// Why now.
        why: Arc<str>,
    },
    /// A channel is not told about an alert, or not yet.
    Suppression {
        /// What kind of thing stands in the way: silence, maintenance, inhibition, dependency, grouping, rate limit,
        /// severity, …
        by: Arc<str>,
        /// Which one.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        name: Arc<str>,
        /// None: no channel is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        channel: Option<Arc<str>>,
        /// What would have been said of the alert.
        status: Arc<str>,
        /// Whether it ended, rather than began.
        #[serde(default, skip_serializing_if = "no")]
        ended: bool,
        /// Until when it stands in the way, as far as is known.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "write_some_time",
            deserialize_with = "read_some_time"
        )]
        until: Option<WallMs>,
        /// Who made it, and what for.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        said: Arc<str>,
        /// The channel that is told in place of this one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        instead: Option<Arc<str>>,
    },
    /// A notification was sent, or tried to be.
    Notification {
        channel: Arc<str>,
        /// How many alerts it tells of.
        alerts: u64,
        /// From 1.
        attempt: u32,
        /// delivered, retry or dead.
        outcome: Arc<str>,
        /// What the receiver said, without its secrets.
        answer: Arc<str>,
        /// When it is tried again.
        #[serde(
            default,
            skip_serializing_if = "Option::is_none",
            serialize_with = "write_some_time",
            deserialize_with = "read_some_time"
        )]
        next: Option<WallMs>,
        /// An earlier process may have sent it already.
        #[serde(default, skip_serializing_if = "no")]
        ambiguous: bool,
        /// It was sent while the store failed, before it was written down.
        #[serde(default, skip_serializing_if = "no")]
        unrecorded: bool,
    },
    /// A silence came, changed, began, ended or went.
    Silence { id: Arc<str>, change: Arc<str>, by: Arc<str>, comment: Arc<str>, matchers: Vec<Arc<str>> },
    /// Somebody acts on an alert, or does no more.
    Ack {
        change: Arc<str>,
        by: Arc<str>,
        #[serde(default, skip_serializing_if = "str::is_empty")]
        comment: Arc<str>,
    },
    /// Somebody tried a channel; the entry's `notification` is what its receiver was sent.
    Trial {
        channel: Arc<str>,
        by: Arc<str>,
        /// delivered, or what would become of a notification: retry or refused.
        outcome: Arc<str>,
        /// What the receiver said, without its secrets.
        answer: Arc<str>,
    },
    /// A rule came, changed, was refused or went.
    Rule {
        change: Arc<str>,
        generation: i64,
        #[serde(default, skip_serializing_if = "str::is_empty")]
        message: Arc<str>,
    },
    /// The store failed for a while. Written by the store.
    Gap {
        #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
        from: WallMs,
        why: Arc<str>,
        /// Notifications that went out before they were written down.
        unrecorded: u64,
        /// What there was no room for.
        lost: Lost,
    },
    /// Rows were removed because they were too old: all up to `upTo`. Written by the store.
    Cut { up_to: Head, rows: u64 },
    /// A process took the store: the first row of its chain. Written by the store.
    Start {
        version: Arc<str>,
        /// The last row of the last chain; None for the first chain of a store.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<Head>,
        /// What was found at the start and is worth knowing.
        #[serde(default, skip_serializing_if = "str::is_empty")]
        note: Arc<str>,
    },
}

/// What a store had no room for while it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lost {
    /// Rows of this trail.
    pub audit: u64,
    /// State changes of targets.
    pub transitions: u64,
    /// Changes of episodes, of what was told, of silences and acknowledgements.
    pub kept: u64,
    /// Notifications, or what became of them.
    pub outbox: u64,
}

impl Lost {
    pub fn sum(self) -> u64 {
        self.audit + self.transitions + self.kept + self.outbox
    }
}

impl std::ops::AddAssign for Lost {
    fn add_assign(&mut self, more: Self) {
        self.audit += more.audit;
        self.transitions += more.transitions;
        self.kept += more.kept;
        self.outbox += more.outbox;
    }
}

/// The kinds of [`Event`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    Transition,
    Told,
    Suppression,
    Notification,
    Silence,
    Ack,
    Trial,
    Rule,
    Gap,
    Cut,
    Start,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::Transition,
        Self::Told,
        Self::Suppression,
        Self::Notification,
        Self::Silence,
        Self::Ack,
        Self::Trial,
        Self::Rule,
        Self::Gap,
        Self::Cut,
        Self::Start,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transition => "transition",
            Self::Told => "told",
            Self::Suppression => "suppression",
            Self::Notification => "notification",
            Self::Silence => "silence",
            Self::Ack => "ack",
            Self::Trial => "trial",
            Self::Rule => "rule",
            Self::Gap => "gap",
            Self::Cut => "cut",
            Self::Start => "start",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|kind| kind.as_str()).collect();
            format!("it is no kind of row; there are {}", known.join(", "))
        })
    }
}

impl Event {
    pub fn kind(&self) -> Kind {
        match self {
            Self::Transition { .. } => Kind::Transition,
            Self::Told { .. } => Kind::Told,
            Self::Suppression { .. } => Kind::Suppression,
            Self::Notification { .. } => Kind::Notification,
            Self::Silence { .. } => Kind::Silence,
            Self::Ack { .. } => Kind::Ack,
            Self::Trial { .. } => Kind::Trial,
            Self::Rule { .. } => Kind::Rule,
            Self::Gap { .. } => Kind::Gap,
            Self::Cut { .. } => Kind::Cut,
            Self::Start { .. } => Kind::Start,
        }
    }
}

impl Entry {
    /// One that is about the process as a whole.
    pub fn of_process(at: WallMs, event: Event) -> Self {
        Self { at, namespace: "".into(), rule: None, alert: None, fingerprint: None, notification: None, event }
    }

    /// What was done to a silence, and by whom as far as that is known.
    pub fn silence(
        at: WallMs,
        key: &ObjectKey,
        change: &str,
        by: &str,
        comment: &str,
        matchers: impl Iterator<Item: fmt::Display>,
    ) -> Self {
        let event = Event::Silence {
            id: key.to_string().into(),
            change: change.into(),
            by: by.into(),
            comment: comment.into(),
            matchers: matchers.map(|matcher| matcher.to_string().into()).collect(),
        };
        Self { namespace: key.namespace.clone(), ..Self::of_process(at, event) }
    }

    /// The first row of a chain, behind what is there already.
    pub fn start(at: WallMs, last: Option<Head>, note: &str) -> Self {
        let event = Event::Start { version: env!("CARGO_PKG_VERSION").into(), head: last, note: note.into() };
        Self::of_process(at, event)
    }
}

fn no(value: &bool) -> bool {
    !value
}

/// The years that can be written; a clock far outside of them is cut to them.
const TIMES: std::ops::RangeInclusive<WallMs> = 0..=253_402_200_000_000;

fn write_time<S: Serializer>(at: &WallMs, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339((*at).clamp(*TIMES.start(), *TIMES.end())))
}

pub(super) fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<WallMs, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    let at: jiff::Timestamp = text.parse().map_err(de::Error::custom)?;
    Ok(at.as_millisecond())
}

fn write_some_time<S: Serializer>(at: &Option<WallMs>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => write_time(at, serializer),
        None => serializer.serialize_none(),
    }
}

fn read_some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<WallMs>, D::Error> {
    read_time(deserializer).map(Some)
}
