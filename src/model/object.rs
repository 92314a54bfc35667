//! An object of any kind.

use std::sync::Arc;

use super::{AlertRule, Channel, HealthCheck, Kind, Labels, MaintenanceWindow, Silence, SloTarget};

/// A valid object of one of the kinds.
#[derive(Debug, Clone)]
pub enum Object {
    HealthCheck(Arc<HealthCheck>),
    AlertRule(Arc<AlertRule>),
    NotificationChannel(Arc<Channel>),
    Silence(Arc<Silence>),
    MaintenanceWindow(Arc<MaintenanceWindow>),
    SloTarget(Arc<SloTarget>),
}

impl Object {
    pub fn kind(&self) -> Kind {
        match self {
            Self::HealthCheck(_) => Kind::HealthCheck,
            Self::AlertRule(_) => Kind::AlertRule,
            Self::NotificationChannel(_) => Kind::NotificationChannel,
            Self::Silence(_) => Kind::Silence,
            Self::MaintenanceWindow(_) => Kind::MaintenanceWindow,
            Self::SloTarget(_) => Kind::SloTarget,
        }
    }

    /// Of its metadata.
    pub fn labels(&self) -> &Labels {
        match self {
            Self::HealthCheck(check) => &check.labels,
            Self::AlertRule(rule) => &rule.labels,
            Self::NotificationChannel(channel) => &channel.labels,
            Self::Silence(silence) => &silence.labels,
            Self::MaintenanceWindow(window) => &window.labels,
            Self::SloTarget(target) => &target.labels,
        }
    }

    /// The same, of that generation.
    #[must_use]
    pub fn of_generation(mut self, generation: i64) -> Self {
        // Nobody else holds what was just made, so nothing is copied.
        match &mut self {
            Self::HealthCheck(check) => Arc::make_mut(check).generation = generation,
            Self::AlertRule(rule) => Arc::make_mut(rule).generation = generation,
            Self::NotificationChannel(channel) => Arc::make_mut(channel).generation = generation,
            Self::Silence(silence) => Arc::make_mut(silence).generation = generation,
            Self::MaintenanceWindow(window) => Arc::make_mut(window).generation = generation,
            Self::SloTarget(target) => Arc::make_mut(target).generation = generation,
        }
        self
    }

    pub fn as_check(&self) -> Option<&Arc<HealthCheck>> {
        if let Self::HealthCheck(check) = self { Some(check) } else { None }
    }

    /// Whether both are the very same.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::HealthCheck(a), Self::HealthCheck(b)) => Arc::ptr_eq(a, b),
            (Self::AlertRule(a), Self::AlertRule(b)) => Arc::ptr_eq(a, b),
            (Self::NotificationChannel(a), Self::NotificationChannel(b)) => Arc::ptr_eq(a, b),
            (Self::Silence(a), Self::Silence(b)) => Arc::ptr_eq(a, b),
            (Self::MaintenanceWindow(a), Self::MaintenanceWindow(b)) => Arc::ptr_eq(a, b),
            (Self::SloTarget(a), Self::SloTarget(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}
