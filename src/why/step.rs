//! One step of a story.

use serde::{Deserialize, Serialize};

use crate::clock::{WallMs, rfc3339};

/// Something that happened, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// RFC 3339, UTC.
    pub at: String,
    pub text: String,
    #[serde(skip)]
    pub(super) wall: WallMs,
}

impl Step {
    pub(super) fn new(at: WallMs, text: impl Into<String>) -> Self {
        Self { at: rfc3339(at), text: text.into(), wall: at }
    }
}
