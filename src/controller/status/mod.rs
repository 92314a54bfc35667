//! What a status says, and whether it says something else than what stands there. Pure.
//!
//! Owns, for each kind, the way from what is shown of an object to its status, how much a difference matters, and which
//! events it is worth. When it is written is the writer's.

mod announce;
mod channel;
mod check;
mod condition;
mod rule;
#[cfg(test)]
mod samples;
mod silence;
mod slo_target;
mod window;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(super) use channel::channel;
pub(super) use check::{TargetSeen, health_check};
pub(super) use rule::{RuleSeen, alert_rule};
pub(super) use silence::silence;
pub(super) use slo_target::slo_target;
pub(super) use window::window;

use super::events::Note;
use crate::{
    api::{
        AlertRuleStatus, HealthCheckStatus, MaintenanceWindowStatus, NotificationChannelStatus, SilenceStatus,
        SloTargetStatus,
    },
    model::Kind,
};

/// A status of any kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Status {
    HealthCheck(Box<HealthCheckStatus>),
    AlertRule(Box<AlertRuleStatus>),
    SloTarget(Box<SloTargetStatus>),
    NotificationChannel(Box<NotificationChannelStatus>),
    Silence(Box<SilenceStatus>),
    MaintenanceWindow(Box<MaintenanceWindowStatus>),
}

/// What is remembered of a status that stands in the API server. Made by the same function from what we write and from
/// what the source read, so that a restart compares like with like. Of kinds that there may be 10,000 of it is a
/// digest; of the others, of which people make dozens, the status itself.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Written {
    HealthCheck(check::Written),
    AlertRule(Box<rule::Written>),
    SloTarget(Box<slo_target::Written>),
    NotificationChannel(Box<NotificationChannelStatus>),
    Silence(Box<SilenceStatus>),
    MaintenanceWindow(Box<MaintenanceWindowStatus>),
}

/// How the present differs from what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Difference {
    None,
    /// Latency, uptime, counts, times: what moves by itself.
    Figures,
    /// Reasons, messages and lists, while the state is the same.
    Words,
    /// A transition, a first result, another generation, Ready: what people and programs wait for.
    Standing,
}

impl Written {
    /// What an object has as its status. One that cannot be read counts as none.
    pub(super) fn read(kind: Kind, status: Option<&Value>) -> Self {
        fn of<T: DeserializeOwned + Default>(status: Option<&Value>) -> Box<T> {
            Box::new(status.and_then(|status| T::deserialize(status).ok()).unwrap_or_default())
        }
        match kind {
            Kind::HealthCheck => Self::HealthCheck(check::Written::of(&of(status))),
            Kind::AlertRule => Self::AlertRule(Box::new(rule::Written::of(&of(status)))),
            Kind::SloTarget => Self::SloTarget(Box::new(slo_target::Written::of(&of(status)))),
            Kind::NotificationChannel => Self::NotificationChannel(of(status)),
            Kind::Silence => Self::Silence(of(status)),
            Kind::MaintenanceWindow => Self::MaintenanceWindow(of(status)),
        }
    }

    pub(super) fn of(status: &Status) -> Self {
        match status {
            Status::HealthCheck(status) => Self::HealthCheck(check::Written::of(status)),
            Status::AlertRule(status) => Self::AlertRule(Box::new(rule::Written::of(status))),
            Status::SloTarget(status) => Self::SloTarget(Box::new(slo_target::Written::of(status))),
            Status::NotificationChannel(status) => Self::NotificationChannel(status.clone()),
            Status::Silence(status) => Self::Silence(status.clone()),
            Status::MaintenanceWindow(status) => Self::MaintenanceWindow(status.clone()),
        }
    }

    /// How `present` differs from this.
    pub(super) fn difference(&self, present: &Self) -> Difference {
        match (self, present) {
            (Self::HealthCheck(a), Self::HealthCheck(b)) => a.difference(b),
            (Self::AlertRule(a), Self::AlertRule(b)) => a.difference(b),
            (Self::SloTarget(a), Self::SloTarget(b)) => a.difference(b),
            (Self::NotificationChannel(a), Self::NotificationChannel(b)) => channel::difference(a, b),
            (Self::Silence(a), Self::Silence(b)) => silence::difference(a, b),
            (Self::MaintenanceWindow(a), Self::MaintenanceWindow(b)) => window::difference(a, b),
            // An object keeps its kind.
            _ => Difference::None,
        }
    }
}

/// The events that a written status is worth, in the order in which they are told: from what stood there to what stands
/// there now, so that a restart tells nothing twice, and what came and went while the API server was away is not told
/// as if it were news.
pub(super) fn announcements(before: &Written, after: &Written, status: &Status) -> Vec<Note> {
    match (before, after, status) {
        (Written::HealthCheck(before), Written::HealthCheck(after), Status::HealthCheck(status)) => {
            check::announcements(before, after, status)
        }
        (Written::AlertRule(before), Written::AlertRule(after), Status::AlertRule(status)) => {
            rule::announcements(before, after, status)
        }
        (Written::SloTarget(before), Written::SloTarget(after), Status::SloTarget(status)) => {
            slo_target::announcements(before, after, status)
        }
        (Written::NotificationChannel(before), _, Status::NotificationChannel(after)) => {
            channel::announcements(before, after)
        }
        (Written::Silence(before), _, Status::Silence(after)) => silence::announcements(before, after),
        (Written::MaintenanceWindow(before), _, Status::MaintenanceWindow(after)) => {
            window::announcements(before, after)
        }
        _ => Vec::new(),
    }
}
