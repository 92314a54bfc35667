//! What happened to an alert of a rule: an episode and the turn that it took.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Episode;

/// A turn of an episode.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Turn {
    /// The condition holds, and `for` has not passed. Nobody is told.
    Pending,
    /// It was pending, and the condition holds no more. Nobody was told.
    Dropped,
    Firing,
    /// It fires on with another severity or other labels.
    Changed,
    /// It fires on with another value, message or annotation.
    Updated,
    /// The condition holds no more; `keepFiringFor` keeps it firing.
    Recovering,
    /// It was recovering, and the condition holds again.
    Relapsed,
    Resolved,
}

impl Turn {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Dropped => "Dropped",
            Self::Firing => "Firing",
            Self::Changed => "Changed",
            Self::Updated => "Updated",
            Self::Recovering => "Recovering",
            Self::Relapsed => "Relapsed",
            Self::Resolved => "Resolved",
        }
    }

    /// Whether the store and the audit trail have to have it. A value that changes at every evaluation does not
    /// matter to a restart: the next evaluation gives it again.
    pub fn is_kept(self) -> bool {
        self != Self::Updated
    }

    /// Whether the episode is at its end: the store may drop it from the open ones.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Dropped | Self::Resolved)
    }
}

impl fmt::Display for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// An episode, as it is after its turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    pub turn: Turn,
    pub episode: Arc<Episode>,
}
