//! The kind MaintenanceWindow.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{DurationText, SelectorSpec};

/// Planned work, once or again and again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[expect(clippy::duplicated_attributes, reason = "each column has a type of its own")]
#[kube(
    group = "probity.dev",
    version = "v1alpha1",
    kind = "MaintenanceWindow",
    plural = "maintenancewindows",
    shortname = "pmw",
    category = "probity",
    namespaced,
    doc = "Planned work: mutes alerts while it goes on, and may be left out of SLOs. One in the operator's namespace reaches every namespace.",
    status = "MaintenanceWindowStatus",
    derive = "PartialEq",
    printcolumn(name = "Open", type_ = "boolean", json_path = ".status.open", description = "Whether it goes on now."),
    printcolumn(
        name = "From",
        type_ = "string",
        json_path = ".status.from",
        description = "When it begins next, or began."
    ),
    printcolumn(name = "To", type_ = "string", json_path = ".status.to", description = "When it ends."),
    printcolumn(
        name = "Schedule",
        type_ = "string",
        json_path = ".spec.schedule",
        description = "When it comes again."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since the object was made."
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.schedule) ? (has(self.duration) && !has(self.startsAt) && !has(self.endsAt)) \
     : (has(self.startsAt) && has(self.endsAt) && !has(self.duration) && !has(self.timeZone))")
    .message("either schedule and duration (and timeZone), or startsAt and endsAt"))]
#[x_kube(validation = Rule::new("!has(self.startsAt) || !has(self.endsAt) || self.startsAt < self.endsAt")
    .message("must be after startsAt").field_path(".endsAt"))]
pub struct MaintenanceWindowSpec {
    /// What is worked on: the alerts of rules, HealthChecks and SLOTargets with these labels. An empty one takes all.
    pub selector: SelectorSpec,
    /// When it begins, again and again: five fields as of cron, such as 0 3 * * SUN.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub schedule: Option<String>,
    /// How long it lasts each time.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("must be at least 1m"))]
    pub duration: Option<DurationText>,
    /// The time zone of the schedule, such as Europe/Vienna; default UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: Option<String>,
    /// When it begins, where it comes once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<Time>,
    /// When it ends, where it comes once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<Time>,
    /// Whether nobody is told of alerts while it goes on. What still fires at its end is told then.
    #[serde(default = "yes")]
    pub mute_alerts: bool,
    /// Whether SLOTargets leave out the time while it goes on, and what was counted in it, also where it is over already.
    #[serde(default, rename = "excludeFromSLO")]
    pub exclude_from_slo: bool,
}

/// What Probity says about a MaintenanceWindow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceWindowStatus {
    /// The generation of the spec that this status is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Whether it goes on now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,
    /// When it begins next, or began.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Time>,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Time>,
    /// Ready: the spec is valid and in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Option<Vec<Condition>>,
}

fn yes() -> bool {
    true
}
