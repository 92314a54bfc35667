//! The kind AlertRule.

use std::collections::BTreeMap;

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AlertRuleStatus, ConditionSpec, DurationText, TemplateText};

/// A condition, and whom to tell when it holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "probity.dev",
    version = "v1alpha1",
    kind = "AlertRule",
    plural = "alertrules",
    shortname = "par",
    category = "probity",
    namespaced,
    doc = "A condition over probe results or PromQL, and whom to tell when it holds.",
    status = "AlertRuleStatus",
    derive = "PartialEq",
    printcolumn(name = "Severity", type_ = "string", json_path = ".spec.severity", description = "How grave its alerts are."),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state", description = "The gravest state of its alerts."),
    printcolumn(name = "Active", type_ = "integer", json_path = ".status.active", description = "How many alerts are firing."),
    printcolumn(
        name = "Since",
        type_ = "date",
        json_path = ".status.lastTransitionTime",
        description = "When the state last changed."
    ),
    printcolumn(
        name = "Notified",
        type_ = "date",
        json_path = ".status.lastNotification.time",
        description = "When somebody was last told."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since the object was made."),
    validation = Rule::new(
        "!has(self.spec.inhibitedBy) || self.spec.inhibitedBy.all(by, by.name != self.metadata.name || has(by.namespace))")
        .message("a rule cannot be inhibited by itself").field_path(".spec.inhibitedBy")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.onNoData) || !has(self.condition.promql) || has(self.condition.promql.above) || has(self.condition.promql.below)")
    .message("an expression alone cannot tell no data from not met: set above or below, and leave the comparison out of the expression")
    .field_path(".onNoData"))]
#[x_kube(validation = Rule::new("!has(self.onNoData) || !has(self.condition.healthCheck)")
    .message("a healthCheck condition always has data: name Unknown among its states").field_path(".onNoData"))]
pub struct AlertRuleSpec {
    /// The alerts' name, their label alertname; default the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub alert_name: Option<String>,
    /// How grave an alert of this rule is.
    #[serde(default)]
    pub severity: SeverityName,
    /// How often the condition is looked at, at least 1s. A healthCheck condition acts on change and ignores it.
    #[serde(default = "interval")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s')").message("must be at least 1s"))]
    pub interval: DurationText,
    /// How long the condition has to hold before the alert fires.
    #[serde(default = "at_once")]
    pub r#for: DurationText,
    /// How long an alert goes on firing after its condition has ceased to hold.
    #[serde(default = "at_once")]
    pub keep_firing_for: DurationText,
    /// When there is an alert: exactly one kind of condition.
    pub condition: ConditionSpec,
    /// What happens while there is no data; default Keep: every alert stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_no_data: Option<OnNoDataSpec>,
    /// What happens while the condition cannot be looked at. It never resolves an alert.
    #[serde(default)]
    pub on_error: OnErrorSpec,
    /// Labels of the alerts; the values are templates. alertname and namespace are not among them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 50))]
    #[x_kube(validation = Rule::new("self.all(name, name.matches('^[a-zA-Z_][a-zA-Z0-9_]{0,127}$'))")
        .message("a label's name begins with a letter or _, and holds letters, digits and _ only"))]
    #[x_kube(validation = Rule::new("!('alertname' in self) && !('namespace' in self)")
        .message("alertname and namespace are given: set alertName, or make the rule in that namespace"))]
    pub labels: Option<BTreeMap<String, TemplateText>>,
    /// Labels of the HealthCheck that come along, by their names. Where a name holds other characters than letters, digits and
    /// _, these become _.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 317)))]
    pub labels_from_object: Option<Vec<String>>,
    /// What the alert says, in a line: a Go template with the functions of Prometheus.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub message: Option<String>,
    /// More to say; the values are templates.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 50))]
    #[x_kube(validation = Rule::new("self.all(name, name.matches('^[a-zA-Z_][a-zA-Z0-9_]{0,127}$'))")
        .message("an annotation's name begins with a letter or _, and holds letters, digits and _ only"))]
    pub annotations: Option<BTreeMap<String, TemplateText>>,
    /// The channels that are told; without any, the default ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub notify: Option<Vec<ChannelRef>>,
    /// Channels that are told later, while nobody has acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 10))]
    pub escalate: Option<Vec<EscalationSpec>>,
    /// Rules whose firing alerts hold back those of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub inhibited_by: Option<Vec<InhibitionSpec>>,
}

/// How grave an alert is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SeverityName {
    Low,
    #[default]
    Medium,
    High,
    Critical,
}

/// What happens while there is no data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnNoDataSpec {
    Keep,
    Fire,
    Resolve,
}

/// What happens while the condition cannot be looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnErrorSpec {
    #[default]
    Keep,
    Fire,
}

/// A NotificationChannel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct ChannelRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// Its namespace; default that of this object. A channel says which namespaces may use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// A channel that is told later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct EscalationSpec {
    /// How long the alert has been firing by then.
    #[x_kube(validation = Rule::new("duration(self) > duration('0s')").message("must be over 0"))]
    pub after: DurationText,
    /// The channel's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The channel's namespace; default that of this object.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
}

/// A rule whose firing alerts hold back those of this one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct InhibitionSpec {
    /// The AlertRule's name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
    /// The AlertRule's namespace; default that of this object. Another one is that of the operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub namespace: Option<String>,
    /// Labels that must have the same value on both sides; one that is missing on both is equal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 128)))]
    pub equal: Option<Vec<String>>,
}

fn interval() -> DurationText {
    "15s".into()
}

fn at_once() -> DurationText {
    "0s".into()
}
