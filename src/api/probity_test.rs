//! The kind ProbityTest: unit tests for rules, in files beside the manifests. No API server knows it.

use std::{collections::BTreeMap, sync::LazyLock};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::core::schema::{OptionalEnum, OptionalIntOrString, StructuralSchemaRewriter};
use schemars::{JsonSchema, generate::SchemaSettings, transform::AddNullable};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{DurationText, crd::tidied};

/// The name of the kind.
pub const TEST_KIND: &str = "ProbityTest";

/// The schema of its spec.
pub fn test_schema() -> &'static Value {
    static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
        // As the CRDs are made, so that the same walk can read it.
        let settings = SchemaSettings::openapi3().with(|settings| {
            settings.inline_subschemas = true;
            settings.meta_schema = None;
        });
        let generator = settings
            .with_transform(AddNullable::default())
            .with_transform(StructuralSchemaRewriter)
            .with_transform(OptionalEnum)
            .with_transform(OptionalIntOrString)
            .into_generator();
        tidied(serde_json::to_value(generator.into_root_schema_for::<ProbityTestSpec>()))
    });
    &SCHEMA
}

/// Tests of rules over given results.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProbityTestSpec {
    /// Files and folders with the objects that are tested, seen from this file; default all that are given on the
    /// command line. Other objects of this file are always among them.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 4096)))]
    pub manifests: Option<Vec<String>>,
    /// Each begins anew.
    #[schemars(length(min = 1, max = 1000))]
    pub tests: Vec<TestSpec>,
}

/// What is seen over time, and what is to come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TestSpec {
    /// What it shows.
    #[schemars(length(min = 1, max = 200))]
    pub name: String,
    /// The time at which it begins, for windows and silences; default 2026-01-01T00:00:00Z, a Thursday.
    pub start: Option<Time>,
    /// The time between two values of a series; default 1m.
    pub interval: Option<DurationText>,
    /// Results of checks. One that is not named has none.
    #[schemars(length(max = 1000))]
    pub checks: Option<Vec<CheckResultsSpec>>,
    /// Results of PromQL expressions. A rule whose expression has none is left out.
    #[schemars(length(max = 1000))]
    pub queries: Option<Vec<QueryResultsSpec>>,
    /// What people do, and what becomes of channels.
    #[schemars(length(max = 1000))]
    pub events: Option<Vec<EventSpec>>,
    /// In the order of their times. The last one ends the test.
    #[schemars(length(min = 1, max = 1000))]
    pub expect: Vec<ExpectSpec>,
}

/// What the runs of one check see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckResultsSpec {
    /// The check, as NAME or NAMESPACE/NAME.
    #[schemars(length(min = 1, max = 317))]
    pub name: String,
    /// One after the other, at the check's interval: `ok x10 fail(ConnectionRefused) x5 slow(800ms) ok`. The last one
    /// goes on.
    #[schemars(length(min = 1, max = 16384))]
    pub results: Option<String>,
    /// Of a check that finds its targets, in place of `results`: those that it has.
    #[schemars(length(min = 1, max = 100))]
    pub targets: Option<Vec<TargetResultsSpec>>,
}

/// What the runs of one target see.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TargetResultsSpec {
    /// What the label `instance` says.
    #[schemars(length(min = 1, max = 253))]
    pub instance: String,
    /// As of a check.
    #[schemars(length(min = 1, max = 16384))]
    pub results: String,
}

/// What a source answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryResultsSpec {
    /// The rule whose expression it is, as NAME or NAMESPACE/NAME.
    #[schemars(length(min = 1, max = 317))]
    pub rule: Option<String>,
    /// The expression itself, in place of a rule: that of several, or one that a template asks for.
    #[schemars(length(min = 1, max = 32768))]
    pub expr: Option<String>,
    /// The elements of the result.
    #[schemars(length(max = 10000))]
    pub series: Option<Vec<SeriesSpec>>,
    /// Times in which the source gives an error.
    #[schemars(length(max = 100))]
    pub failing: Option<Vec<FailingSpec>>,
}

/// One element of a result over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SeriesSpec {
    /// Its name and labels, such as `up{job="shop"}`; `{}` for one without.
    #[schemars(length(max = 8192))]
    pub series: String,
    /// In promtool's notation: `1 2 3`, `0+10x5`, `0x3`, `_x5`. Behind the last value there is none.
    #[schemars(length(min = 1, max = 16384))]
    pub values: String,
}

/// A time in which a source gives an error.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailingSpec {
    pub from: DurationText,
    /// From then on it answers again; default never.
    pub to: Option<DurationText>,
    /// What it says.
    #[schemars(length(max = 300))]
    pub message: Option<String>,
}

/// Something that happens at a time: exactly one of its fields.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventSpec {
    /// Since the start.
    pub at: DurationText,
    /// Somebody makes a silence.
    pub silence: Option<SilenceEventSpec>,
    /// Somebody ends a silence; its name.
    #[schemars(length(min = 1, max = 317))]
    pub expire: Option<String>,
    /// Somebody acts on alerts.
    pub acknowledge: Option<AcknowledgeSpec>,
    /// A channel begins to give permanent errors, or can be reached again.
    pub channel: Option<ChannelEventSpec>,
}

/// A silence that begins now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SilenceEventSpec {
    /// NAME or NAMESPACE/NAME, to end it by; default one that nobody else has.
    #[schemars(length(min = 1, max = 317))]
    pub name: Option<String>,
    /// As of a Silence.
    #[schemars(length(min = 1, max = 50), inner(length(min = 2, max = 2048)))]
    pub matchers: Vec<String>,
    pub duration: DurationText,
}

/// Somebody acts on the alerts with these labels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AcknowledgeSpec {
    #[schemars(extend("maxProperties" = 64))]
    pub labels: BTreeMap<String, String>,
    #[schemars(length(max = 253))]
    pub by: Option<String>,
}

/// What becomes of a channel.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChannelEventSpec {
    /// NAME or NAMESPACE/NAME.
    #[schemars(length(min = 1, max = 317))]
    pub name: String,
    /// The permanent error that it gives from now on; none: it can be reached again.
    #[schemars(length(min = 1, max = 300))]
    pub fails: Option<String>,
}

/// What is to be so at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpectSpec {
    /// Since the start.
    pub at: DurationText,
    /// `alerts` holds those of this rule only; NAME or NAMESPACE/NAME.
    #[schemars(length(min = 1, max = 317))]
    pub rule: Option<String>,
    /// All alerts that are pending or fire; `[]` for none.
    #[schemars(length(max = 1000))]
    pub alerts: Option<Vec<ExpectedAlertSpec>>,
    /// All that was told since the `told` before, or the start; `[]` for nothing.
    #[schemars(length(max = 1000))]
    pub told: Option<Vec<ExpectedToldSpec>>,
    /// How some checks are.
    #[schemars(length(max = 1000))]
    pub checks: Option<Vec<ExpectedCheckSpec>>,
}

/// An alert; what is not said may be anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedAlertSpec {
    pub state: Option<AlertStateName>,
    /// The label `alertname`.
    #[schemars(length(min = 1, max = 253))]
    pub alertname: Option<String>,
    /// Some of its labels.
    #[schemars(extend("maxProperties" = 64))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Some of its annotations.
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: Option<BTreeMap<String, String>>,
    #[schemars(length(max = 8192))]
    pub message: Option<String>,
}

/// How an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertStateName {
    /// Its condition holds, `for` has not passed.
    Pending,
    /// It fires, and nothing stands in the way of who is told.
    Firing,
    /// It fires, and a silence or a maintenance window mutes it.
    Silenced,
    /// It fires, and so does one that it is inhibited by.
    Inhibited,
    /// It fires, and a check that it depends on is down: only that one is told.
    Dependent,
}

/// A notification; what is not said may be anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedToldSpec {
    /// NAME or NAMESPACE/NAME; `/log` is the log, for alerts that no channel can be told of.
    #[schemars(length(min = 1, max = 317))]
    pub channel: String,
    /// Exactly when, since the start.
    pub at: Option<DurationText>,
    pub status: Option<StatusName>,
    /// Why it is told: First, New, SomeResolved, AllResolved, Repeat, Escalation, MuteEnded, Unsuppressed or Digest.
    pub why: Option<WhyName>,
    /// All the alerts in it.
    #[schemars(length(min = 1, max = 1000))]
    pub alerts: Option<Vec<ToldAlertSpec>>,
}

/// How a notification, or an alert in it, stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusName {
    Firing,
    Resolved,
}

/// Why a channel is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WhyName {
    First,
    New,
    SomeResolved,
    AllResolved,
    Repeat,
    Escalation,
    MuteEnded,
    Unsuppressed,
    Digest,
}

/// An alert in a notification; what is not said may be anything.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ToldAlertSpec {
    pub status: Option<StatusName>,
    /// The label `alertname`.
    #[schemars(length(min = 1, max = 253))]
    pub alertname: Option<String>,
    /// Some of its labels.
    #[schemars(extend("maxProperties" = 64))]
    pub labels: Option<BTreeMap<String, String>>,
    /// Some of its annotations.
    #[schemars(extend("maxProperties" = 64))]
    pub annotations: Option<BTreeMap<String, String>>,
    #[schemars(length(max = 8192))]
    pub message: Option<String>,
}

/// How a check is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExpectedCheckSpec {
    /// NAME or NAMESPACE/NAME.
    #[schemars(length(min = 1, max = 317))]
    pub name: String,
    /// Healthy, Degraded, Unhealthy or Unknown.
    pub state: super::StateName,
    #[schemars(length(min = 1, max = 100))]
    pub reason: Option<String>,
}
