//! What goes into the desk's step.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    alert::{Incident, Labels, Matchers, Notification, Transition},
    clock::WallMs,
    model::{self, AlertRule, Channel, Escalation, Inhibition, MaintenanceWindow, ObjectKey, Selector, Silence},
};

/// What the desk is told. Objects first: [`Event::Loaded`] says that all that there are at the start have come, and
/// nobody is told anything before it.
#[derive(Debug, Clone)]
pub enum Event {
    /// What a rule says now about whom to tell; None when it is deleted or refused. Its alerts are ended by transitions.
    Rule(ObjectKey, Option<Arc<Routing>>),
    Channel(ObjectKey, ChannelIs),
    /// The labels of a namespace, by which channels say who may use them.
    Namespace(Arc<str>, Option<model::Labels>),
    /// A silence, or the time that a maintenance window is open now or next; None when there is none.
    Mute(MuteKey, Option<Mute>),
    /// Everything that is configured has come.
    Loaded,
    /// What happened to alerts, in order. What one evaluation gives comes as one event, and is told as one.
    Transitions(Vec<Transition>),
    /// Somebody acts: until the alert is resolved it is not escalated and not repeated.
    Acknowledge {
        incident: Incident,
        by: Arc<str>,
        comment: Arc<str>,
    },
    /// Nobody acts any more.
    Unacknowledge {
        incident: Incident,
        by: Arc<str>,
    },
    /// A channel gave a permanent error, or could not be reached until it was too late.
    Dead {
        notification: Arc<Notification>,
        error: Arc<str>,
    },
    /// What was dead has been delivered after all, as somebody sent it again.
    Revived(Arc<Notification>),
    /// Time passed: what is due is due.
    Time,
}

/// What of a rule's spec the desk depends on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Routing {
    /// Of the object, which maintenance windows select by.
    pub labels: model::Labels,
    /// None: the default channels.
    pub notify: Arc<[ObjectKey]>,
    /// By `after`, the soonest first.
    pub escalate: Arc<[Escalation]>,
    pub inhibited_by: Arc<[Inhibition]>,
}

impl From<&AlertRule> for Routing {
    fn from(rule: &AlertRule) -> Self {
        Self {
            labels: rule.labels.clone(),
            notify: rule.notify.clone(),
            escalate: rule.escalate.clone(),
            inhibited_by: rule.inhibited_by.clone(),
        }
    }
}

/// How a channel is.
#[derive(Debug, Clone)]
pub enum ChannelIs {
    Valid(Arc<Channel>),
    /// It is there, and cannot be used now: what it was told, it will be told the end of.
    Refused,
    Gone,
}

/// Which object mutes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MuteKey {
    pub kind: MuteKind,
    pub object: ObjectKey,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum MuteKind {
    Silence,
    MaintenanceWindow,
}

impl MuteKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Silence => "silence",
            Self::MaintenanceWindow => "maintenance",
        }
    }
}

/// What mutes which alerts, and when. A window that comes again is told anew whenever its next time is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Mute {
    /// The namespace whose alerts it reaches; None: all, as it is in the operator's.
    pub scope: Option<Arc<str>>,
    pub muted: Muted,
    /// From here up to, and without, `ends_at`.
    pub starts_at: WallMs,
    pub ends_at: WallMs,
}

impl Mute {
    /// What a silence mutes. `operator` is the namespace whose silences and windows reach all.
    pub fn of_silence(silence: &Silence, operator: &str) -> Self {
        Self {
            scope: scope(&silence.key, operator),
            muted: Muted::Alerts(silence.matchers.clone()),
            starts_at: silence.starts_at,
            ends_at: silence.ends_at,
        }
    }

    /// What a maintenance window mutes at `at`, or next after it; None when it mutes nothing any more.
    pub fn of_window(window: &MaintenanceWindow, operator: &str, at: WallMs) -> Option<Self> {
        if !window.mute_alerts {
            return None;
        }
        let open = |at| window.window.active_at(at);
        let span = open(at).or_else(|| open(window.window.next_change_after(at)?))?;
        let muted = Muted::Objects(window.selector.clone());
        Some(Self { scope: scope(&window.key, operator), muted, starts_at: span.start, ends_at: span.end })
    }
}

/// The namespace that a silence or a window reaches; None: all.
fn scope(key: &ObjectKey, operator: &str) -> Option<Arc<str>> {
    (*key.namespace != *operator).then(|| key.namespace.clone())
}

#[derive(Debug, Clone, PartialEq)]
pub enum Muted {
    /// Alerts with these labels.
    Alerts(Matchers),
    /// Alerts of rules, or about objects, with these labels of their own.
    Objects(Selector),
}

impl Muted {
    pub(super) fn reaches(&self, labels: &Labels, rule: &model::Labels, object: &model::Labels) -> bool {
        match self {
            Self::Alerts(matchers) => matchers.matches(labels),
            Self::Objects(selector) => selector.matches(rule) || selector.matches(object),
        }
    }
}
