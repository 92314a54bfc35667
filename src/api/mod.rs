//! The CRD types of the group `probity.dev`: what a user writes, one file per kind and per probe.
//!
//! Owns the schema: fields, bounds, defaults, texts for `kubectl explain` and the CEL rules by which an API
//! server refuses. Reads no spec: only `validate` does that. The bounds on strings, lists and maps are there
//! so that the API server can bound what a rule costs, and so that no object can be large in memory.
//!
//! Numbers are signed, because an API server does not know unsigned formats. One-of is a struct of optional
//! fields with a rule. Every rule has its equal in `validate`, and a table of manifests holds both to it.

mod alert_rule;
mod alert_rule_status;
mod channel;
mod channel_status;
mod condition;
mod crd;
mod discover;
mod dns;
mod duration;
mod health_check;
mod http;
mod maintenance;
mod probity_test;
mod receivers;
mod rules;
mod silence;
mod slo_target;
mod slo_target_status;
mod source;
mod status;
mod tcp;
mod template;
mod tls;
mod value;
mod workload;
mod yaml;

pub use alert_rule::{
    AlertRule, AlertRuleSpec, ChannelRef, EscalationSpec, InhibitionSpec, OnErrorSpec, OnNoDataSpec, SeverityName,
};
pub use alert_rule_status::{AlertRuleStatus, AlertStatus, NotificationStatus, RuleStateName};
pub use channel::{
    AllowedNamespacesSpec, FromSpec, GroupingSpec, NotificationChannel, NotificationChannelSpec, RateLimitSpec,
};
pub use channel_status::NotificationChannelStatus;
pub use condition::{
    AggregateSpec, BurnRateSpec, ConditionSpec, HealthCheckConditionSpec, MeasurementConditionSpec, ProbeConditionSpec,
    ProbeMetricSpec, PromqlConditionSpec, SloConditionSpec, SloStateName,
};
pub use crd::{GROUP, VERSION, crds, schema};
pub use discover::{DiscoverKind, DiscoverSpec, LabelValue, OperatorSpec, PortSpec, RequirementSpec, SelectorSpec};
pub use dns::{DnsExpectSpec, DnsRcode, DnsRecordType, DnsSpec, DnsTransportSpec};
pub use duration::{DurationText, WindowText};
pub use health_check::{DegradedSpec, DependencySpec, HealthCheck, HealthCheckSpec};
pub use http::{
    AuthSpec, BasicAuthSpec, BearerAuthSpec, HeaderExpectSpec, HeaderSpec, HttpExpectSpec, HttpMethod, HttpScheme,
    HttpSpec, HttpVersionSpec, OAuth2Spec, ServiceSpec,
};
pub use maintenance::{MaintenanceWindow, MaintenanceWindowSpec, MaintenanceWindowStatus};
pub use probity_test::{
    AcknowledgeSpec, AlertStateName, ChannelEventSpec, CheckResultsSpec, EventSpec, ExpectSpec, ExpectedAlertSpec,
    ExpectedCheckSpec, ExpectedToldSpec, FailingSpec, ProbityTestSpec, QueryResultsSpec, SeriesSpec, SilenceEventSpec,
    StatusName, TEST_KIND, TargetResultsSpec, TestSpec, ToldAlertSpec, WhyName, test_schema,
};
pub use receivers::{
    AlertmanagerSpec, DiscordSpec, EmailSpec, HmacSpec, LogSpec, LoginSpec, PagerDutySpec, SlackSpec, TeamsSpec,
    TelegramSpec, WebhookSpec,
};
pub use silence::{Silence, SilenceSpec, SilenceStateName, SilenceStatus};
pub use slo_target::{
    AvailabilitySpec, BurnRateModeSpec, BurnRatesSpec, CalendarSpec, CombineSpec, ErrorRateSpec, IndicatorSpec,
    MethodSpec, PeriodSpec, ResponseTimeSpec, SloAlertingSpec, SloTarget, SloTargetSpec, SloWindowSpec, StatisticSpec,
    TierSpec, ToleranceOfSpec, ToleranceSpec,
};
pub use slo_target_status::{BoundsStatus, BurnRateStatus, ErrorBudgetStatus, SloSummary, SloTargetStatus};
pub use source::SourceSpec;
pub use status::{FailingTarget, HealthCheckStatus, StateName, TargetCounts};
pub use tcp::{TcpSpec, TcpStepSpec};
pub use template::TemplateText;
pub use tls::{IpFamilySpec, StartTlsSpec, TlsProbeSpec, TlsSpec};
pub use value::{CredentialSource, KeyRef, TextSource, ValueFrom};
pub use workload::{WorkloadKindSpec, WorkloadSpec};
pub use yaml::document as yaml_document;

#[cfg(test)]
mod tests;
