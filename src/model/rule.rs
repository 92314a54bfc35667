//! An AlertRule as the engine works with it.

use std::{sync::Arc, time::Duration};

use super::{Labels, ObjectKey, Selector, Severity, Source};
use crate::{alert::template::Template, health::State};

/// A valid AlertRule. Channels, rules and checks that it names are looked for when they are needed: they may come
/// and go, and a rule goes on without them.
#[derive(Debug, Clone)]
pub struct AlertRule {
    pub key: ObjectKey,
    /// Rises with every change of the spec; stand-alone the source counts it.
    pub generation: i64,
    /// Of the object itself; no alert carries them.
    pub labels: Labels,
    /// The label `alertname`.
    pub alert_name: Arc<str>,
    pub severity: Severity,
    /// At least 1 s. A rule whose condition acts on change ignores it.
    pub interval: Duration,
    /// `for`: how long the condition has to hold before the alert fires.
    pub hold: Duration,
    /// How long an alert goes on firing after its condition has ceased to hold.
    pub keep_firing_for: Duration,
    pub condition: Condition,
    pub on_no_data: OnNoData,
    pub on_error: OnError,
    /// Names and templates, by name. They come after those of the object or the query, and win.
    pub alert_labels: Templates,
    /// Labels of the check that come along.
    pub labels_from_object: Arc<[Arc<str>]>,
    pub message: Option<Template>,
    /// Names and templates, by name.
    pub annotations: Templates,
    /// None: the default channels.
    pub notify: Arc<[ObjectKey]>,
    /// By `after`, the soonest first.
    pub escalate: Arc<[Escalation]>,
    pub inhibited_by: Arc<[Inhibition]>,
}

impl AlertRule {
    /// Whether it is about checks: one of them, by its key, or, as Some(None), those that it selects.
    pub fn named_check(&self) -> Option<Option<ObjectKey>> {
        match &self.condition {
            Condition::HealthCheck { checks, .. } | Condition::Probe { checks, .. } => Some(match checks {
                Checks::Named(name) => Some(ObjectKey::new(self.key.namespace.clone(), name.clone())),
                Checks::Selected(_) => None,
            }),
            Condition::Promql { .. } => None,
        }
    }
}

/// Names with templates, by name.
pub type Templates = Arc<[(Arc<str>, Template)]>;

/// When an alert is there.
#[derive(Debug, Clone)]
pub enum Condition {
    /// A check is in one of these states. Acts on transitions.
    HealthCheck { checks: Checks, states: Arc<[State]> },
    /// A figure of a check's own history is over or under a bound. Per target.
    Probe { checks: Checks, metric: ProbeMetric, over: Duration, bound: Bound },
    /// What a Prometheus answers. Without a bound each element of the result is an alert, and an empty result is
    /// "not met"; with one an empty result is "no data".
    Promql {
        expr: Arc<str>,
        /// None: that of `--prometheus-url`.
        source: Option<Arc<Source>>,
        bound: Option<Bound>,
    },
}

/// Checks of the rule's own namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checks {
    Named(Arc<str>),
    Selected(Selector),
}

/// A figure of a check's own history, as `probe.metric` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ProbeMetric {
    /// Failed runs of all runs, 0 to 1.
    FailureRatio,
    /// In seconds, as all latencies.
    LatencyAverage,
    /// The quantile, 0 to 1, of the latency in seconds.
    LatencyQuantile(Percentile),
}

/// A quantile that history keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Percentile {
    P50,
    P90,
    P95,
    P99,
}

impl Percentile {
    /// 0 to 1.
    pub fn quantile(self) -> f64 {
        match self {
            Self::P50 => 0.5,
            Self::P90 => 0.9,
            Self::P95 => 0.95,
            Self::P99 => 0.99,
        }
    }
}

/// What a figure is held against; the bound itself is within.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    Above(f64),
    Below(f64),
}

impl Bound {
    /// Whether `value` is beyond the bound. NaN never is.
    pub fn is_crossed(self, value: f64) -> bool {
        match self {
            Self::Above(bound) => value > bound,
            Self::Below(bound) => value < bound,
        }
    }
}

/// What a rule does while there is no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnNoData {
    /// Every alert stays as it is.
    #[default]
    Keep,
    Fire,
    Resolve,
}

/// What a rule does while its evaluation fails. It never resolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OnError {
    /// Every alert stays as it is.
    #[default]
    Keep,
    Fire,
}

/// A channel that is told when nobody has acted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Escalation {
    /// Since the alert fires.
    pub after: Duration,
    pub channel: ObjectKey,
}

/// A rule whose firing alerts hold back those of this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhibition {
    pub rule: ObjectKey,
    /// Labels that both alerts must have with the same value; one that is missing on both sides is equal.
    pub equal: Arc<[Arc<str>]>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_itself_is_within_and_nan_crosses_none() {
        assert!(Bound::Above(1.0).is_crossed(1.1) && !Bound::Above(1.0).is_crossed(1.0));
        assert!(Bound::Below(1.0).is_crossed(0.9) && !Bound::Below(1.0).is_crossed(1.0));
        assert!(!Bound::Above(1.0).is_crossed(f64::NAN) && !Bound::Below(1.0).is_crossed(f64::NAN));
    }
}
