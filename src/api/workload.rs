//! The `workload` probe.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SelectorSpec;

/// Reads what an object of the cluster says of itself. It passes when its status is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.name) != has(self.selector)").message("exactly one of name, selector must be set"))]
pub struct WorkloadSpec {
    /// What is read. A Node only from the namespace that Probity runs in.
    pub kind: WorkloadKindSpec,
    /// The object's name; it is in the namespace of this object, unless it is a Node.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"))]
    pub name: Option<String>,
    /// Every object that has these labels, at most 100.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<SelectorSpec>,
    /// A CEL expression over `object` that must be true, such as `object.status.readyReplicas >= 2`, in place of what
    /// is expected of the kind: a Deployment, StatefulSet or DaemonSet is rolled out and all of it is available, a
    /// PersistentVolumeClaim is bound, a Node is ready.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub expect: Option<String>,
}

/// A kind of object that says how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum WorkloadKindSpec {
    Deployment,
    StatefulSet,
    DaemonSet,
    PersistentVolumeClaim,
    Node,
}
