//! What Probity says about an SLOTarget.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::SloStateName;

/// What Probity says about an SLOTarget. A figure that there is none of is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SloTargetStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// How it stands against the target: Unknown only when nothing at all was observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<SloStateName>,
    /// Why the state is what it is, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// The figures as kubectl get shows them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<SloSummary>,
    /// What it is over the window, without what MaintenanceWindows leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<f64>,
    /// What it is with that; absent where nothing is left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw: Option<f64>,
    /// What is promised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<f64>,
    /// Of both: % or ms.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub unit: Option<String>,
    /// The time that is looked at: 30d, or the name of a period of the calendar.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub period: Option<String>,
    /// What may be bad within the window, and what is left of that. A response time has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_budget: Option<ErrorBudgetStatus>,
    /// How many times faster than it may the budget burnt, over some windows up to now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub burn_rates: Option<Vec<BurnRateStatus>>,
    /// Percent of the window that was observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coverage: Option<f64>,
    /// What it would be if all that was not observed had been bad, or good.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bounds: Option<BoundsStatus>,
    /// When the state last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// Alerting: whether alerts are made, where the spec asks for them; not by this version. Ready: the spec is valid and in force. Compliant: the target is met. Observed: what it is about was seen. Resolvable: the
    /// interval of the checks is short enough to tell whether the target is met.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
}

/// The figures as kubectl get shows them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SloSummary {
    /// What is looked at, such as availability.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub indicator: Option<String>,
    /// What is promised, with its unit, such as 99.9%.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub target: Option<String>,
    /// What it is over the window, with its unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub current: Option<String>,
    /// What is left of the error budget, such as 50% (21m36s).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub budget: Option<String>,
    /// How many times faster than it may the budget burnt in the last hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub burn1h: Option<String>,
}

/// What may be bad within the window, and what is left of that.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBudgetStatus {
    /// All of it: time such as 43m12s, or a number of runs.
    #[schemars(length(max = 32))]
    pub total: String,
    /// What is left of it: less than nothing when more was bad than may be.
    #[schemars(length(max = 32))]
    pub remaining: String,
    /// The same in percent of all of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_percent: Option<f64>,
    /// When nothing will be left, if it goes on as in the last hour; absent if it would last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exhausted_at: Option<Time>,
}

/// How fast the budget burnt, over one window up to now.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct BurnRateStatus {
    /// How long it is, such as 1h.
    #[schemars(length(max = 16))]
    pub window: String,
    /// How many times faster than it may: at 1 the budget lasts for just the window of the target.
    pub rate: f64,
}

/// What it would be if all that was not observed had been bad, or good.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct BoundsStatus {
    /// The smaller of the two.
    pub lowest: f64,
    /// The larger one.
    pub highest: f64,
}
