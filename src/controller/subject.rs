//! Whom a status or an event is about.

use std::fmt;

use crate::model::ObjectKey;

/// The kinds that have a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    HealthCheck,
}

impl Kind {
    /// As a manifest writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::HealthCheck => "HealthCheck",
        }
    }

    /// As it stands in the API server's paths.
    pub fn plural(self) -> &'static str {
        match self {
            Self::HealthCheck => "healthchecks",
        }
    }
}

/// One object of one kind.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    pub kind: Kind,
    pub key: ObjectKey,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.key)
    }
}
