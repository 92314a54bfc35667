//! The kind NotificationChannel.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    AlertmanagerSpec, ChannelRef, DiscordSpec, DurationText, EmailSpec, LogSpec, NotificationChannelStatus,
    PagerDutySpec, SelectorSpec, SeverityName, SlackSpec, TeamsSpec, TelegramSpec, WebhookSpec,
};

/// Where notifications go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "probity.dev",
    version = "v1alpha1",
    kind = "NotificationChannel",
    plural = "notificationchannels",
    shortname = "pnc",
    category = "probity",
    namespaced,
    doc = "Where notifications go, which of them, and how they are gathered.",
    status = "NotificationChannelStatus",
    derive = "PartialEq",
    printcolumn(name = "Kind", type_ = "string", json_path = ".status.kind", description = "What is at the end of it."),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Ready')].status",
        description = "Whether it is valid and in force."
    ),
    printcolumn(
        name = "Delivering",
        type_ = "string",
        json_path = ".status.conditions[?(@.type=='Delivering')].status",
        description = "Whether what was sent last has arrived."
    ),
    printcolumn(name = "Waiting", type_ = "integer", json_path = ".status.waiting", description = "How many notifications wait to be delivered."),
    printcolumn(name = "Last", type_ = "date", json_path = ".status.lastDelivery", description = "When one was last delivered."),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since the object was made."),
    validation = Rule::new(
        "!has(self.spec.fallback) || self.spec.fallback.name != self.metadata.name || has(self.spec.fallback.namespace)")
        .message("a channel cannot be its own fallback").field_path(".spec.fallback")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "[has(self.slack), has(self.email), has(self.pagerduty), has(self.webhook), has(self.alertmanager), has(self.teams), \
     has(self.discord), has(self.telegram), has(self.log)].filter(set, set).size() == 1")
    .message("exactly one of slack, email, pagerduty, webhook, alertmanager, teams, discord, telegram, log must be set"))]
pub struct NotificationChannelSpec {
    /// An incoming webhook of Slack, or of what speaks as it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slack: Option<SlackSpec>,
    /// Mail, by SMTP.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<EmailSpec>,
    /// PagerDuty's Events API v2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pagerduty: Option<PagerDutySpec>,
    /// Whoever takes the JSON of Alertmanager's webhook, version 4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub webhook: Option<WebhookSpec>,
    /// An Alertmanager, which then does its own grouping and routing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alertmanager: Option<AlertmanagerSpec>,
    /// A workflow of Microsoft Teams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams: Option<TeamsSpec>,
    /// A webhook of Discord.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discord: Option<DiscordSpec>,
    /// A bot of Telegram.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub telegram: Option<TelegramSpec>,
    /// A line on standard output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<LogSpec>,
    /// Whether it is told by rules that name no channel: those of its own namespace, and, when it is in that of the operator,
    /// of every namespace that it allows and that has none of its own.
    #[serde(default)]
    pub default: bool,
    /// The severities that it is told of; default all. An alert whose label severity is none of the four always passes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4))]
    pub severities: Option<Vec<SeverityName>>,
    /// Whether it is told when an alert is over.
    #[serde(default = "yes")]
    pub send_resolved: bool,
    /// Which alerts come in one message, and how long they are gathered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grouping: Option<GroupingSpec>,
    /// How many messages it takes; what is over that comes as one digest. Default 30 a minute, and none for webhook,
    /// alertmanager and log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimitSpec>,
    /// The channel that is told when this one gives a permanent error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<ChannelRef>,
    /// Which namespaces may use it; default its own alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_namespaces: Option<AllowedNamespacesSpec>,
}

/// Which alerts come in one message, and how long they are gathered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct GroupingSpec {
    /// Labels: alerts with the same values for all of them come together.
    #[serde(default = "by")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 128)))]
    pub by: Vec<String>,
    /// How long a new alert waits for others. A critical one never waits.
    #[serde(default = "wait")]
    #[x_kube(validation = Rule::new("duration(self) <= duration('1h')").message("must be at most 1h"))]
    pub wait: DurationText,
    /// How long other changes of a group are gathered.
    #[serde(default = "gather")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("must be 1s to 24h"))]
    pub interval: DurationText,
    /// After how long what still fires is told again.
    #[serde(default = "repeat")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m')").message("must be at least 1m"))]
    pub repeat: DurationText,
}

/// At most so many messages in so much time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct RateLimitSpec {
    /// How many messages.
    #[schemars(range(min = 1, max = 100_000))]
    pub max: i32,
    /// In how much time.
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('24h')")
        .message("must be 1s to 24h"))]
    pub per: DurationText,
}

/// Which namespaces may use a channel, by name, by default, to escalate or as a fallback.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("(self.from == 'Selector') == has(self.selector)")
    .message("a selector goes with from: Selector").field_path(".selector"))]
pub struct AllowedNamespacesSpec {
    /// Same is its own alone.
    #[serde(default)]
    pub from: FromSpec,
    /// The labels of the namespaces. It needs a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorSpec>,
}

/// Where users of a channel may be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum FromSpec {
    #[default]
    Same,
    All,
    Selector,
}

fn yes() -> bool {
    true
}

fn by() -> Vec<String> {
    ["namespace", "alertname"].map(str::to_owned).to_vec()
}

fn wait() -> DurationText {
    "5s".into()
}

fn gather() -> DurationText {
    "15s".into()
}

fn repeat() -> DurationText {
    "4h".into()
}
