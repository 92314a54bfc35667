//! An SLOTarget as the engine works with it.

use std::sync::Arc;

use super::{Labels, ObjectKey, Selector};
use crate::slo::{Objective, Tier};

/// A valid SLOTarget. The checks that it selects are looked for when they are needed: they may come and go.
#[derive(Debug, Clone)]
pub struct SloTarget {
    pub key: ObjectKey,
    /// Rises with every change of the spec; stand-alone the source counts it.
    pub generation: i64,
    /// Of the object itself.
    pub labels: Labels,
    /// Its name in `/monitoring/sla`.
    pub report_as: Arc<str>,
    pub description: Option<Arc<str>>,
    /// Which HealthChecks of its own namespace it is about.
    pub checks: Selector,
    pub objective: Objective,
    /// None: a budget that burns makes no alert.
    pub alerting: Option<SloAlerting>,
    /// Tiers of the mode Auto that can never fire at this target, and are left out.
    pub left_out: Arc<[Tier]>,
}

/// Who is told of a budget that burns too fast.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SloAlerting {
    /// None: the default channels.
    pub notify: Arc<[ObjectKey]>,
}
