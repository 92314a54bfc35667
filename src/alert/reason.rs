//! Why an alert fires or is resolved where it is not simply its condition.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Absent where the condition holds (firing) or holds no more (resolved).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Fires: the rule finds no data, and `onNoData` is Fire.
    NoData,
    /// Fires: the rule's evaluation fails, and `onError` is Fire.
    Error,
    /// Resolved: the rule finds no data, and `onNoData` is Resolve.
    NoDataResolved,
    /// Resolved: the object or target that it was about is deleted.
    ObjectGone,
    /// Resolved: its rule is deleted, or refused after an edit.
    RuleGone,
    /// Resolved: its rule is suspended.
    RuleSuspended,
    /// Resolved: its rule was edited, and what it makes now has other labels.
    RuleChanged,
}

impl Reason {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoData => "NoData",
            Self::Error => "Error",
            Self::NoDataResolved => "NoDataResolved",
            Self::ObjectGone => "ObjectGone",
            Self::RuleGone => "RuleGone",
            Self::RuleSuspended => "RuleSuspended",
            Self::RuleChanged => "RuleChanged",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
