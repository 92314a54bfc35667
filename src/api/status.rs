//! What Probity says about a HealthCheck.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What Probity says about a HealthCheck.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HealthCheckStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// The kind of probe: http, tcp, tls or dns.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub probe: Option<String>,
    /// The worst state of all targets: unhealthy, then unknown, degraded, healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<StateName>,
    /// Why the state is what it is, in one word.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub reason: Option<String>,
    /// Why the state is what it is, in one line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub message: Option<String>,
    /// How many targets are in which state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub targets: Option<TargetCounts>,
    /// The targets that are not healthy, at most 20 of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub failing: Option<Vec<FailingTarget>>,
    /// When the state last changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<Time>,
    /// How long runs take: coarse, and refreshed slowly. The API has the exact figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    pub latency: Option<String>,
    /// Percent of observed time that was good, by window: 1h, 24h, 30d. Absent while nothing was observed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 8))]
    pub uptime: Option<BTreeMap<String, String>>,
    /// Ready: the spec is valid and in force. Healthy: the target is as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
}

/// A state of `health`, as a status writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StateName {
    Healthy,
    Degraded,
    Unhealthy,
    Unknown,
    Suspended,
}

/// How many targets are in which state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct TargetCounts {
    /// All of them.
    #[schemars(range(min = 0))]
    pub total: i32,
    /// Those that are healthy.
    #[schemars(range(min = 0))]
    pub healthy: i32,
    /// Those that pass, but are worse than they should be.
    #[schemars(range(min = 0))]
    pub degraded: i32,
    /// Those that fail.
    #[schemars(range(min = 0))]
    pub unhealthy: i32,
    /// Those of which nothing is known.
    #[schemars(range(min = 0))]
    pub unknown: i32,
    /// Good ones (healthy or degraded) of all, such as 3/4.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub summary: Option<String>,
}

/// A target that is not healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct FailingTarget {
    /// The target as a person would write it.
    #[schemars(length(max = 2048))]
    pub target: String,
    /// Why, in one word.
    #[schemars(length(max = 64))]
    pub reason: String,
    /// Why, in one line.
    #[schemars(length(max = 1024))]
    pub message: String,
    /// Since when.
    pub since: Time,
}
