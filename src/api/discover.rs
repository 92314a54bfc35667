//! `discover`: targets that a selector finds, in place of a fixed address; and the selector.

use std::{borrow::Cow, collections::BTreeMap};

use kube::KubeSchema;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Runs the probe against every object of the own namespace that a selector finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DiscoverSpec {
    /// What is looked for. A Service is probed at its cluster address, a Pod at its own, and of an EndpointSlice every
    /// ready endpoint.
    pub kind: DiscoverKind,
    /// Which of them, by their labels; an empty one takes all.
    pub selector: SelectorSpec,
    /// The port to probe: its number, or the name that the object gives it.
    pub port: PortSpec,
    /// How many targets are probed at most: the first by name.
    // A target costs some KiB of memory and its place in a status; a thousand are a large Deployment.
    #[serde(default = "max_targets")]
    #[schemars(range(min = 1, max = 1000))]
    pub max_targets: i32,
}

/// A kind of object that has addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum DiscoverKind {
    Service,
    Pod,
    EndpointSlice,
}

/// A label selector of Kubernetes: all of its requirements must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SelectorSpec {
    /// Labels that must be there, with these values.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("maxProperties" = 20))]
    pub match_labels: Option<BTreeMap<String, LabelValue>>,
    /// Requirements on labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub match_expressions: Option<Vec<RequirementSpec>>,
}

/// One requirement on a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)")
    .message("In and NotIn take values, Exists and DoesNotExist take none"))]
pub struct RequirementSpec {
    /// The label's name.
    #[schemars(
        length(min = 1, max = 317),
        regex(pattern = r"^([a-z0-9.-]+/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$")
    )]
    pub key: String,
    /// How the label is compared.
    pub operator: OperatorSpec,
    /// The values that it is compared with.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    pub values: Option<Vec<LabelValue>>,
}

/// How a label is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OperatorSpec {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

/// The value of a label.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelValue(pub String);

impl JsonSchema for LabelValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "LabelValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "maxLength": 63, "pattern": "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$" })
    }
}

/// A port by its number or its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PortSpec {
    Number(i32),
    Name(String),
}

/// An API server knows such a value by `x-kubernetes-int-or-string`; the bounds apply to the type that is there.
impl JsonSchema for PortSpec {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Port".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "x-kubernetes-int-or-string": true,
            "anyOf": [{ "type": "integer" }, { "type": "string" }],
            "minimum": 1, "maximum": 65535,
            // The name of a Service's port may be as long as a label of DNS; a letter in it tells it from a number.
            "minLength": 1, "maxLength": 63, "pattern": "^([0-9][-0-9]*)?[a-z]([-a-z0-9]*[a-z0-9])?$",
        })
    }
}

fn max_targets() -> i32 {
    100
}
