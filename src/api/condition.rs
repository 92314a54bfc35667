//! When an AlertRule has an alert.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DurationText, SelectorSpec, SourceSpec, StateName, TemplateText};

/// When there is an alert: exactly one of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.healthCheck), has(self.probe), has(self.promql), has(self.measurement), has(self.slo)].filter(set, set).size() == 1")
    .message("exactly one of healthCheck, probe, promql, measurement, slo must be set"))]
pub struct ConditionSpec {
    /// A HealthCheck is in one of some states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<HealthCheckConditionSpec>,
    /// A figure of a HealthCheck's own history is over or under a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probe: Option<ProbeConditionSpec>,
    /// What a Prometheus answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promql: Option<PromqlConditionSpec>,
    /// A measurement of a HealthCheck is over or under a bound.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measurement: Option<MeasurementConditionSpec>,
    /// An SLOTarget burns its budget too fast, has little of it left, or is in one of some states.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slo: Option<SloConditionSpec>,
}

/// HealthChecks of the rule's namespace, one or all that a selector finds, in one of these states. Each is an alert of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.name) != has(self.selector)")
    .message("exactly one of name, selector must be set"))]
pub struct HealthCheckConditionSpec {
    /// The HealthCheck's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Which HealthChecks, by their labels; an empty one takes all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorSpec>,
    /// The states that make an alert.
    #[serde(default = "unhealthy")]
    #[schemars(length(min = 1, max = 5))]
    pub states: Vec<StateName>,
}

/// A figure over the last runs of HealthChecks of the rule's namespace. Each target is an alert of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.name) != has(self.selector)")
    .message("exactly one of name, selector must be set"))]
#[x_kube(validation = Rule::new("has(self.above) != has(self.below)")
    .message("exactly one of above, below must be set"))]
pub struct ProbeConditionSpec {
    /// The HealthCheck's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Which HealthChecks, by their labels; an empty one takes all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorSpec>,
    /// Which figure. Latencies are in seconds, a ratio is 0 to 1.
    pub metric: ProbeMetricSpec,
    /// How far back it looks: whole minutes and the running one, 1m to 1h.
    // The minutes in memory are 60.
    #[serde(default = "five_minutes")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m') && duration(self) <= duration('1h')")
        .message("must be 1m to 1h"))]
    pub over: DurationText,
    /// There is an alert while the figure is over this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// There is an alert while the figure is under this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

/// A figure of a check's own history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProbeMetricSpec {
    FailureRatio,
    LatencyAvg,
    LatencyP50,
    LatencyP90,
    LatencyP95,
    LatencyP99,
}

/// An expression of PromQL. Without a bound each element of its result is an alert, as in Prometheus.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!(has(self.above) && has(self.below))")
    .message("at most one of above, below may be set"))]
pub struct PromqlConditionSpec {
    /// The expression.
    #[schemars(length(min = 1, max = 16384))]
    pub expr: String,
    /// Who is asked; without it, the source that Probity was started with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceSpec>,
    /// There is an alert for each element that is over this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// There is an alert for each element that is under this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

/// A measurement of a HealthCheck, over some time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.above) != has(self.below)")
    .message("exactly one of above, below must be set"))]
pub struct MeasurementConditionSpec {
    /// The measurement's name.
    #[schemars(length(min = 1, max = 128))]
    pub name: String,
    /// Labels that its series must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 20))]
    pub labels: Option<BTreeMap<String, TemplateText>>,
    /// How its values become one.
    #[serde(default)]
    pub aggregate: AggregateSpec,
    /// How far back it looks.
    #[serde(default = "five_minutes")]
    pub over: DurationText,
    /// There is an alert while the figure is over this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub above: Option<f64>,
    /// There is an alert while the figure is under this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

/// How the values of a measurement become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AggregateSpec {
    #[default]
    Last,
    Avg,
    Min,
    Max,
    Sum,
    Increase,
    Rate,
}

/// SLOTargets of the rule's namespace, one or all that a selector finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.name) != has(self.selector)")
    .message("exactly one of name, selector must be set"))]
#[x_kube(validation = Rule::new("[has(self.burnRate), has(self.states), has(self.budgetBelow)].filter(set, set).size() == 1")
    .message("exactly one of burnRate, states, budgetBelow must be set"))]
pub struct SloConditionSpec {
    /// The SLOTarget's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub name: Option<String>,
    /// Which SLOTargets, by their labels; an empty one takes all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorSpec>,
    /// The budget is burnt this much faster than it may be, over both windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burn_rate: Option<BurnRateSpec>,
    /// The states that make an alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4))]
    pub states: Option<Vec<SloStateName>>,
    /// Less than this much of the budget is left, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_below: Option<f64>,
}

/// Two windows over which the budget is burnt too fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct BurnRateSpec {
    /// The long window.
    pub long: DurationText,
    /// The short one, by which an alert ends soon after the burning has.
    pub short: DurationText,
    /// How many times faster than the budget allows.
    pub factor: f64,
}

/// A state of an SLOTarget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SloStateName {
    Compliant,
    Warning,
    Violated,
    Unknown,
}

fn five_minutes() -> DurationText {
    "5m".into()
}

fn unhealthy() -> Vec<StateName> {
    vec![StateName::Unhealthy]
}
