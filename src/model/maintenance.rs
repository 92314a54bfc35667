//! A MaintenanceWindow as alerting and SLOs work with it.

use super::{Labels, ObjectKey, Selector};
use crate::schedule::Window;

/// Planned work, once or again and again.
#[derive(Debug, Clone)]
pub struct MaintenanceWindow {
    pub key: ObjectKey,
    /// Rises with every change of the spec; stand-alone the source counts it.
    pub generation: i64,
    /// Of the object itself.
    pub labels: Labels,
    /// Rules, checks and SLOTargets with these labels.
    pub selector: Selector,
    pub window: Window,
    pub mute_alerts: bool,
    /// Whether SLOs leave its time out.
    pub exclude_from_slo: bool,
}
