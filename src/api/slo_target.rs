//! The kind SLOTarget.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ChannelRef, SelectorSpec, SeverityName, SloTargetStatus, WindowText, rules};

/// What is promised, over which time, and who is told when the promise is in danger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[expect(clippy::duplicated_attributes, reason = "each column has a type of its own")]
#[kube(
    group = "probity.dev",
    version = "v1alpha1",
    kind = "SLOTarget",
    root = "SloTarget",
    plural = "slotargets",
    shortname = "pslo",
    category = "probity",
    namespaced,
    doc = "An objective over a window, its error budget, and how fast that burns.",
    status = "SloTargetStatus",
    derive = "PartialEq",
    printcolumn(
        name = "Indicator",
        type_ = "string",
        json_path = ".status.summary.indicator",
        description = "What is looked at."
    ),
    printcolumn(
        name = "Target",
        type_ = "string",
        json_path = ".status.summary.target",
        description = "What is promised."
    ),
    printcolumn(
        name = "Current",
        type_ = "string",
        json_path = ".status.summary.current",
        description = "What it is over the window, without what is left out."
    ),
    printcolumn(
        name = "State",
        type_ = "string",
        json_path = ".status.state",
        description = "Compliant, Warning, Violated or Unknown."
    ),
    printcolumn(
        name = "Budget",
        type_ = "string",
        json_path = ".status.summary.budget",
        description = "What is left of the error budget."
    ),
    printcolumn(
        name = "Burn(1h)",
        type_ = "string",
        json_path = ".status.summary.burn1h",
        description = "How many times faster than it may the budget burnt in the last hour."
    ),
    printcolumn(
        name = "Window",
        type_ = "string",
        json_path = ".status.period",
        description = "The time that is looked at."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.message",
        priority = "1",
        description = "Why the state is what it is."
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp",
        description = "Since the object was made."
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.indicator.responseTime) || (self.target > 0.0 && self.target < 100.0)")
    .message("must be over 0 and under 100, in percent").field_path(".target"))]
#[x_kube(validation = Rule::new("!has(self.indicator.responseTime) || self.target > 0.0")
    .message("must be over 0, in milliseconds").field_path(".target"))]
#[x_kube(validation = Rule::new(
    "!has(self.indicator.responseTime) || !has(self.tolerance) || !has(self.tolerance.of) || self.tolerance.of == 'Target'")
    .message("a response time has no allowance, only its target").field_path(".tolerance.of"))]
#[x_kube(validation = Rule::new(
    "!has(self.indicator.responseTime) || !has(self.alerting) || \
     (has(self.alerting.burnRates) && self.alerting.burnRates.mode == 'None')")
    .message("a response time has no error budget that could burn").field_path(".alerting"))]
#[x_kube(validation = Rule::new(
    "has(self.indicator.responseTime) || !has(self.alerting) || !has(self.alerting.burnRates) || \
     !has(self.alerting.burnRates.tiers) || self.alerting.burnRates.tiers.all(tier, \
     tier.factor * (has(self.indicator.errorRate) ? self.target : 100.0 - self.target) < 100.0)")
    .message("can never be reached: the target leaves so much allowance that no budget burns that fast")
    .field_path(".alerting.burnRates.tiers"))]
pub struct SloTargetSpec {
    /// What it is, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// Its name in /monitoring/sla; default the object's name with _ for - and . in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = "^[a-z][a-z0-9_]*$"))]
    pub report_as: Option<String>,
    /// What is promised, in the indicator's unit: percent, strictly between 0 and 100, or milliseconds.
    pub target: f64,
    /// The time that is looked at.
    pub window: SloWindowSpec,
    /// By how much the target may be missed before it is Violated: until then it is in Warning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tolerance: Option<ToleranceSpec>,
    /// What is looked at.
    pub indicator: IndicatorSpec,
    /// Alerts when the error budget burns too fast; without it there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerting: Option<SloAlertingSpec>,
}

/// The time that is looked at: exactly one of these. History is kept for 100 days unless Probity is told otherwise, and no
/// window is longer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("has(self.rolling) != has(self.calendar)")
    .message("exactly one of rolling, calendar must be set"))]
pub struct SloWindowSpec {
    /// So long, up to now: whole minutes, such as 30d, 4w or 24h, at least 5m.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::window_of_five_minutes())]
    #[x_kube(validation = rules::whole_minutes())]
    pub rolling: Option<WindowText>,
    /// The period of the calendar that runs now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calendar: Option<CalendarSpec>,
}

/// A period of the calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CalendarSpec {
    /// Which. A week begins on Monday.
    pub period: PeriodSpec,
    /// The time zone whose midnight begins it, such as Europe/Vienna.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
}

/// A period of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PeriodSpec {
    Day,
    Week,
    Month,
    Quarter,
}

/// By how much the target may be missed before it is Violated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
pub struct ToleranceSpec {
    /// How much, 0 to 100.
    #[serde(default = "ten")]
    #[x_kube(validation = Rule::new("self >= 0.0 && self <= 100.0").message("must be 0 to 100"))]
    pub percent: f64,
    /// What it is percent of. Allowance is what may be bad: 100 less the target, and of an error rate the target itself. Default
    /// Allowance where the target is in percent, else Target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<ToleranceOfSpec>,
}

/// What a tolerance is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ToleranceOfSpec {
    Allowance,
    Target,
}

/// What is looked at: exactly one of these.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.availability), has(self.responseTime), has(self.errorRate)].filter(set, set).size() == 1")
    .message("exactly one of availability, responseTime, errorRate must be set"))]
pub struct IndicatorSpec {
    /// Percent of the observed time that was good, or of runs. More is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability: Option<AvailabilitySpec>,
    /// The latency of runs that had an answer, in milliseconds. Less is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_time: Option<ResponseTimeSpec>,
    /// Percent of runs that failed. Less is better.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_rate: Option<ErrorRateSpec>,
}

/// How much of the time HealthChecks are good. Degraded is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AvailabilitySpec {
    /// Which HealthChecks of this namespace, by their labels; an empty one takes all.
    pub health_checks: SelectorSpec,
    /// Time is that in a good state over that which was observed; Events are good runs over runs.
    #[serde(default)]
    pub method: MethodSpec,
    /// How several checks become one: good when All are, when Any is, or the Average of them.
    #[serde(default)]
    pub combine: CombineSpec,
}

/// What availability counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MethodSpec {
    #[default]
    Time,
    Events,
}

/// How several checks become one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum CombineSpec {
    #[default]
    All,
    Any,
    Average,
}

/// How long runs of HealthChecks take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResponseTimeSpec {
    /// Which HealthChecks of this namespace, by their labels; an empty one takes all.
    pub health_checks: SelectorSpec,
    /// Which figure of all latencies: their mean, or the one that so many percent of them do not exceed.
    #[serde(default)]
    pub statistic: StatisticSpec,
}

/// A figure of many latencies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatisticSpec {
    #[default]
    Avg,
    P50,
    P90,
    P95,
    P99,
}

/// How many runs of HealthChecks fail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorRateSpec {
    /// Which HealthChecks of this namespace, by their labels; an empty one takes all.
    pub health_checks: SelectorSpec,
}

/// Alerts when the error budget burns too fast.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SloAlertingSpec {
    /// How fast is too fast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burn_rates: Option<BurnRatesSpec>,
    /// The channels that are told; without any, the default ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub notify: Option<Vec<ChannelRef>>,
}

/// How fast is too fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("(self.mode == 'Custom') == has(self.tiers)")
    .message("tiers go with mode: Custom, which has no others").field_path(".tiers"))]
pub struct BurnRatesSpec {
    /// Auto takes those of Google's SRE Workbook, scaled to the window, and leaves out what can never be reached at this target.
    /// Custom takes tiers. None makes no alerts.
    #[serde(default)]
    pub mode: BurnRateModeSpec,
    /// Each holds when the budget burns faster than its factor over both of its windows. All together make one alert, with the
    /// gravest severity of those that hold.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10))]
    pub tiers: Option<Vec<TierSpec>>,
}

/// Where the tiers come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum BurnRateModeSpec {
    #[default]
    Auto,
    Custom,
    // Not Off, which is a boolean in YAML where it is not in quotes.
    None,
}

/// Two windows over which the budget is burnt too fast.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new(
    "self.long.matches('[dw]') || self.short.matches('[dw]') || duration(self.short) < duration(self.long)")
    .message("must be shorter than long").field_path(".short"))]
pub struct TierSpec {
    /// The long window: whole minutes, and no longer than that of the target.
    #[x_kube(validation = rules::whole_minutes())]
    pub long: WindowText,
    /// The short one, by which an alert ends soon after the burning has: whole minutes.
    #[x_kube(validation = rules::whole_minutes())]
    pub short: WindowText,
    /// How many times faster than the budget allows.
    #[x_kube(validation = Rule::new("self > 0.0").message("must be a number over 0"))]
    pub factor: f64,
    /// How grave the alert is then.
    #[serde(default)]
    pub severity: SeverityName,
}

fn utc() -> String {
    "UTC".to_owned()
}

fn ten() -> f64 {
    10.0
}
