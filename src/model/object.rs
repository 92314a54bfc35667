//! An object of any kind.

use std::sync::Arc;

use super::{AlertRule, HealthCheck, Kind, Labels};

/// A valid object of one of the kinds.
#[derive(Debug, Clone)]
pub enum Object {
    HealthCheck(Arc<HealthCheck>),
    AlertRule(Arc<AlertRule>),
}

impl Object {
    pub fn kind(&self) -> Kind {
        match self {
            Self::HealthCheck(_) => Kind::HealthCheck,
            Self::AlertRule(_) => Kind::AlertRule,
        }
    }

    /// Of its metadata.
    pub fn labels(&self) -> &Labels {
        match self {
            Self::HealthCheck(check) => &check.labels,
            Self::AlertRule(rule) => &rule.labels,
        }
    }

    /// The same, of that generation.
    #[must_use]
    pub fn of_generation(self, generation: i64) -> Self {
        // Nobody else holds what was just made, so nothing is copied.
        match self {
            Self::HealthCheck(mut check) => {
                Arc::make_mut(&mut check).generation = generation;
                Self::HealthCheck(check)
            }
            Self::AlertRule(mut rule) => {
                Arc::make_mut(&mut rule).generation = generation;
                Self::AlertRule(rule)
            }
        }
    }

    pub fn as_check(&self) -> Option<&Arc<HealthCheck>> {
        match self {
            Self::HealthCheck(check) => Some(check),
            Self::AlertRule(_) => None,
        }
    }

    /// Whether both are the very same.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::HealthCheck(a), Self::HealthCheck(b)) => Arc::ptr_eq(a, b),
            (Self::AlertRule(a), Self::AlertRule(b)) => Arc::ptr_eq(a, b),
            (Self::HealthCheck(_) | Self::AlertRule(_), _) => false,
        }
    }
}
