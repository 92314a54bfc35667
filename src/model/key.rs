//! Names of objects and of what they probe.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

/// The labels of an object, shared between all objects that carry the same ones.
pub type Labels = Arc<BTreeMap<String, String>>;

/// Namespace and name of an object of a kind that the context tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectKey {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl ObjectKey {
    pub fn new(namespace: impl Into<Arc<str>>, name: impl Into<Arc<str>>) -> Self {
        Self { namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// The kinds of objects that Probity serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    HealthCheck,
    AlertRule,
    NotificationChannel,
    Silence,
    MaintenanceWindow,
    SloTarget,
}

impl Kind {
    pub const ALL: [Self; 6] = [
        Self::HealthCheck,
        Self::AlertRule,
        Self::NotificationChannel,
        Self::Silence,
        Self::MaintenanceWindow,
        Self::SloTarget,
    ];

    /// As manifests write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HealthCheck => "HealthCheck",
            Self::AlertRule => "AlertRule",
            Self::NotificationChannel => "NotificationChannel",
            Self::Silence => "Silence",
            Self::MaintenanceWindow => "MaintenanceWindow",
            Self::SloTarget => "SLOTarget",
        }
    }

    /// As the paths of an API server write it.
    pub fn plural(self) -> &'static str {
        match self {
            Self::HealthCheck => "healthchecks",
            Self::AlertRule => "alertrules",
            Self::NotificationChannel => "notificationchannels",
            Self::Silence => "silences",
            Self::MaintenanceWindow => "maintenancewindows",
            Self::SloTarget => "slotargets",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One object of ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    pub kind: Kind,
    pub key: ObjectKey,
}

impl ObjectId {
    pub fn new(kind: Kind, key: ObjectKey) -> Self {
        Self { kind, key }
    }

    pub fn check(key: ObjectKey) -> Self {
        Self { kind: Kind::HealthCheck, key }
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.key)
    }
}

/// One target of one check: what has a phase, a state, a history and series of its own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetKey {
    pub check: ObjectKey,
    /// Empty for the fixed address of a check (so that its history outlives a new URL), else the
    /// discovered object's name.
    pub slot: Arc<str>,
}

impl TargetKey {
    /// The one target of a check with a fixed address.
    pub fn fixed(check: ObjectKey) -> Self {
        Self { check, slot: Arc::from("") }
    }
}

impl fmt::Display for TargetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.slot.is_empty() { self.check.fmt(f) } else { write!(f, "{}/{}", self.check, self.slot) }
    }
}
