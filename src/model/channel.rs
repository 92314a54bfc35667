//! A NotificationChannel as alerting and the outbox work with it.

use std::{
    hash::{DefaultHasher, Hash as _, Hasher as _},
    num::NonZeroU32,
    sync::Arc,
    time::Duration,
};

use super::{Labels, ObjectKey, Receiver, Selector, Severity};

/// A valid NotificationChannel with every Secret resolved.
#[derive(Debug, Clone)]
pub struct Channel {
    pub key: ObjectKey,
    /// Rises with every change of the spec; stand-alone the source counts it.
    pub generation: i64,
    /// Of the object itself.
    pub labels: Labels,
    pub receiver: Receiver,
    /// Used by rules that name no channel.
    pub is_default: bool,
    /// Whom it is for. A label `severity` that is none of the four always passes.
    pub severities: Severities,
    pub send_resolved: bool,
    pub grouping: Grouping,
    /// None: no limit.
    pub rate_limit: Option<RateLimit>,
    /// Told when this one gives a permanent error. Never itself.
    pub fallback: Option<ObjectKey>,
    pub allowed_namespaces: AllowedNamespaces,
}

impl Channel {
    /// Another one with every change of the spec, and of a Secret in it: what would not take something under one is tried
    /// again under another. The same in every process of one build.
    pub fn edition(&self) -> i64 {
        let mut hasher = DefaultHasher::new();
        self.receiver.hash(&mut hasher);
        // It is written down, and 16 bits of it tell next to nothing of a Secret. One rotation in 65,536 is not noticed.
        let digest = i64::from(hasher.finish() as u16);
        self.generation.wrapping_shl(16) | digest
    }
}

/// A set of severities, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Severities(u8);

impl Severities {
    /// All of them, which is the default.
    pub const ALL: Self = Self(0b1111);

    /// None when `of` is empty: such a channel would never be told anything.
    pub fn new(of: impl IntoIterator<Item = Severity>) -> Option<Self> {
        let bits = of.into_iter().fold(0, |bits, severity| bits | Self::bit(severity));
        (bits != 0).then_some(Self(bits))
    }

    /// Whether an alert of this severity passes; one without passes always.
    pub fn pass(self, severity: Option<Severity>) -> bool {
        severity.is_none_or(|severity| self.0 & Self::bit(severity) != 0)
    }

    pub fn iter(self) -> impl Iterator<Item = Severity> {
        Severity::ALL.into_iter().filter(move |&severity| self.pass(Some(severity)))
    }

    fn bit(severity: Severity) -> u8 {
        1 << severity as u8
    }
}

impl Default for Severities {
    fn default() -> Self {
        Self::ALL
    }
}

/// Which alerts come in one message, and how long they are gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// Names of labels: alerts with the same values for all of them are one group.
    pub by: Arc<[Arc<str>]>,
    /// How long a new alert waits for others, in a new group or a known one. A critical one never waits.
    pub wait: Duration,
    /// How long other changes of a group are gathered.
    pub interval: Duration,
    /// After how long what still fires is told again.
    pub repeat: Duration,
}

impl Default for Grouping {
    fn default() -> Self {
        Self {
            by: ["namespace", "alertname"].map(Arc::from).into(),
            wait: Duration::from_secs(5),
            interval: Duration::from_secs(15),
            repeat: Duration::from_secs(4 * 3600),
        }
    }
}

/// At most so many notifications in so much time; what is over it becomes one digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    pub max: NonZeroU32,
    /// At least 1 s.
    pub per: Duration,
}

impl RateLimit {
    /// What holds for kinds that people read, where nothing else is said: 30 a minute.
    pub const DEFAULT: Self = Self { max: NonZeroU32::MIN.saturating_add(29), per: Duration::from_secs(60) };
}

/// From which namespaces rules may use the channel, by name, by default, to escalate or as a fallback.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum AllowedNamespaces {
    /// Its own alone.
    #[default]
    Same,
    All,
    /// Those whose labels match.
    Selector(Selector),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotated_secret_is_another_edition() {
        let endpoint = |url: &str| crate::model::HttpEndpoint::plain(url.parse().unwrap()).unwrap();
        let channel = |generation, url: &str| Channel {
            generation,
            receiver: Receiver::Slack(crate::model::Slack { endpoint: endpoint(url) }),
            key: ObjectKey::new("a", "b"),
            labels: Labels::default(),
            is_default: false,
            severities: Severities::ALL,
            send_resolved: true,
            grouping: Grouping::default(),
            rate_limit: None,
            fallback: None,
            allowed_namespaces: AllowedNamespaces::Same,
        };
        let (old, new) = ("https://hooks.example/a", "https://hooks.example/b");
        assert_eq!(channel(1, old).edition(), channel(1, old).edition());
        assert_ne!(channel(1, old).edition(), channel(1, new).edition());
        assert_ne!(channel(1, old).edition(), channel(2, old).edition());
    }

    #[test]
    fn severities_let_their_own_pass_and_what_has_none() {
        let grave = Severities::new([Severity::High, Severity::Critical]).unwrap();
        for (severity, passes) in [
            (Some(Severity::Low), false),
            (Some(Severity::Medium), false),
            (Some(Severity::High), true),
            (Some(Severity::Critical), true),
            (None, true),
        ] {
            assert_eq!(grave.pass(severity), passes, "{severity:?}");
        }
        assert_eq!(grave.iter().collect::<Vec<_>>(), [Severity::High, Severity::Critical]);
        assert_eq!(Severities::new(Severity::ALL), Some(Severities::ALL));
        assert_eq!(Severities::new([]), None);
    }
}
