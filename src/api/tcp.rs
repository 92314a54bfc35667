//! The `tcp` probe.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{IpFamilySpec, TlsSpec, rules};

/// Connects, and talks if there are steps. It passes when every `expect` matches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct TcpSpec {
    /// Host and port, unless there is `discover`, such as `db.example.com:5432` or `[2001:db8::1]:443`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262))]
    #[x_kube(validation = rules::address())]
    #[x_kube(validation = rules::address_port())]
    pub address: Option<String>,
    /// Any takes the first address that connects; IPv4 or IPv6 takes only those.
    #[serde(default)]
    pub ip_family: IpFamilySpec,
    /// TLS from the start, or from the step that says `startTLS`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// What is said, in order; within a step first `send`, then `expect`, then `startTLS`.
    // Longer talks are a protocol of their own; SMTP with STARTTLS and a login takes 8.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(validation = Rule::new("self.filter(step, step.startTLS).size() <= 1")
        .message("at most one step may have startTLS"))]
    pub steps: Option<Vec<TcpStepSpec>>,
}

/// One step of the talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.send) || has(self.expect) || self.startTLS")
    .message("at least one of send, expect, startTLS must be set"))]
pub struct TcpStepSpec {
    /// The text to send, as it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub send: Option<String>,
    /// A regular expression, unanchored, that must match what has arrived since the last step.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub expect: Option<String>,
    /// Begins TLS when the rest of this step is done.
    #[serde(rename = "startTLS", default)]
    pub start_tls: bool,
}
