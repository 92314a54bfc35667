//! A Silence as alerting works with it.

use std::sync::Arc;

use super::{Labels, ObjectKey};
use crate::{alert::Matchers, clock::WallMs};

/// Mutes the alerts that match, for a time.
#[derive(Debug, Clone)]
pub struct Silence {
    pub key: ObjectKey,
    /// Rises with every change of the spec; stand-alone the source counts it.
    pub generation: i64,
    /// Of the object itself.
    pub labels: Labels,
    /// They do not match everything.
    pub matchers: Matchers,
    pub starts_at: WallMs,
    /// After `starts_at`.
    pub ends_at: WallMs,
    pub comment: Arc<str>,
    pub created_by: Arc<str>,
    /// It was made over HTTP and is in the store: what is done to it is written down with it, and not when it is seen.
    pub is_kept: bool,
}
