//! The kind Silence.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DurationText;

/// Mutes the alerts that match, for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[expect(clippy::duplicated_attributes, reason = "each column has a type of its own")]
#[kube(
    group = "probity.dev",
    version = "v1alpha1",
    kind = "Silence",
    plural = "silences",
    shortname = "psil",
    category = "probity",
    namespaced,
    doc = "Mutes the alerts that match, for a time. One in the operator's namespace reaches every namespace.",
    status = "SilenceStatus",
    derive = "PartialEq",
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = ".status.state",
        description = "Pending, Active or Expired."
    ),
    printcolumn(
        name = "Matches",
        type_ = "integer",
        json_path = ".status.matches",
        description = "How many alerts it mutes."
    ),
    printcolumn(name = "Ends", type_ = "string", json_path = ".status.endsAt", description = "When it ends."),
    printcolumn(name = "By", type_ = "string", json_path = ".spec.createdBy", description = "Who made it."),
    printcolumn(name = "Comment", type_ = "string", json_path = ".spec.comment", description = "Why.", priority = "1"),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since the object was made."
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.duration) != has(self.endsAt)")
    .message("exactly one of duration, endsAt must be set"))]
#[x_kube(validation = Rule::new("!has(self.startsAt) || !has(self.endsAt) || self.startsAt < self.endsAt")
    .message("must be after startsAt").field_path(".endsAt"))]
pub struct SilenceSpec {
    /// What an alert's labels must be like, all of them, as Alertmanager writes it: `alertname="HighErrorRate"`, `service=~"coord.*"`,
    /// with = != =~ and !~. One at least must not match an empty label.
    #[schemars(length(min = 1, max = 50), inner(length(min = 2, max = 2048)))]
    pub matchers: Vec<String>,
    /// When it begins; default when the object was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,
    /// How long it lasts.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) > duration('0s')").message("must be over 0"))]
    pub duration: Option<DurationText>,
    /// When it ends, in place of a duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub comment: Option<String>,
    /// Who made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub created_by: Option<String>,
}

/// What Probity says about a Silence.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SilenceStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether it mutes now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<SilenceStateName>,
    /// How many alerts it mutes now.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub matches: Option<i64>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// Ready: the spec is valid and in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
}

/// Where a silence stands in its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum SilenceStateName {
    Pending,
    Active,
    Expired,
}
