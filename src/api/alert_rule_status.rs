//! What Probity says about an AlertRule.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What Probity says about an AlertRule.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertRuleStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The gravest state of its alerts, or why there can be none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<RuleStateName>,
    /// Why the state is what it is, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// How many alerts are firing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub active: Option<i32>,
    /// The alerts that are pending or firing, at most 20 of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub alerts: Option<Vec<AlertStatus>>,
    /// When the state last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// The last time that somebody was told, or was to be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_notification: Option<NotificationStatus>,
    /// Ready: the spec is valid and in force. Routed: its alerts get to the channels that they are meant for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
}

/// The state of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RuleStateName {
    /// Nothing holds.
    Inactive,
    /// It holds, but not for long enough.
    Pending,
    Firing,
    /// Firing, and everything that is firing is silenced.
    Silenced,
    /// It cannot be looked at.
    Error,
    /// There is nothing to look at.
    NoData,
}

/// An alert that is pending or firing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AlertStatus {
    /// What tells it from the others: 16 hexadecimal digits over its labels.
    #[schemars(length(max = 16))]
    pub fingerprint: String,
    /// Pending, Firing or Silenced.
    #[schemars(length(max = 16))]
    pub state: String,
    /// How grave it is.
    #[schemars(length(max = 64))]
    pub severity: String,
    /// Its labels.
    #[schemars(extend("maxProperties" = 100))]
    pub labels: BTreeMap<String, String>,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub message: Option<String>,
    /// The value that it was last seen with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub value: Option<String>,
    /// Since when.
    pub starts_at: Time,
    /// What silences it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    pub silenced_by: Option<String>,
}

/// The last time that somebody was told, or was to be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct NotificationStatus {
    /// The channel, as namespace/name.
    #[schemars(length(max = 317))]
    pub channel: String,
    /// What came of it: delivered, retrying, dead.
    #[schemars(length(max = 32))]
    pub outcome: String,
    /// When.
    pub time: Time,
}
