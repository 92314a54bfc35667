//! The kind HealthCheck.

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{DiscoverSpec, DnsSpec, DurationText, HealthCheckStatus, HttpSpec, TcpSpec, TlsProbeSpec, WorkloadSpec};

/// What is probed, how often, and when it counts as unhealthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, CustomResource, KubeSchema)]
#[kube(
    group = "probity.dev",
    version = "v1alpha1",
    kind = "HealthCheck",
    plural = "healthchecks",
    shortname = "phc",
    category = "probity",
    namespaced,
    doc = "A probe that is run on an interval, and what it finds.",
    status = "HealthCheckStatus",
    derive = "PartialEq",
    printcolumn(name = "Probe", type_ = "string", json_path = ".status.probe", description = "The kind of probe."),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state", description = "The worst state of all targets."),
    printcolumn(name = "Targets", type_ = "string", json_path = ".status.targets.summary", description = "Good targets of all."),
    printcolumn(name = "Latency", type_ = "string", json_path = ".status.latency", description = "How long runs take, coarse."),
    printcolumn(
        name = "Uptime(24h)",
        type_ = "string",
        json_path = ".status.uptime['24h']",
        description = "Percent of the observed time of the last 24 hours that was good."
    ),
    printcolumn(
        name = "Since",
        type_ = "date",
        json_path = ".status.lastTransitionTime",
        description = "When the state last changed."
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.message",
        priority = "1",
        description = "Why the state is what it is."
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp", description = "Since the object was made."),
    validation = Rule::new("!has(self.spec.dependsOn) || self.spec.dependsOn.all(d, d.name != self.metadata.name)")
        .message("a check cannot depend on itself").field_path(".spec.dependsOn")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.http), has(self.tcp), has(self.tls), has(self.dns), has(self.workload)].filter(set, set).size() == 1")
    .message("exactly one of http, tcp, tls, dns, workload must be set"))]
#[x_kube(validation = Rule::new("!has(self.http) || has(self.discover) || has(self.http.url) != has(self.http.service)")
    .message("exactly one of url, service must be set").field_path(".http"))]
#[x_kube(validation = Rule::new("!has(self.tcp) || has(self.discover) || has(self.tcp.address)")
    .message("an address is required, or discover beside the probe").field_path(".tcp"))]
#[x_kube(validation = Rule::new("!has(self.tls) || has(self.discover) || has(self.tls.address)")
    .message("an address is required, or discover beside the probe").field_path(".tls"))]
#[x_kube(validation = Rule::new(
    "!(has(self.discover) && ((has(self.http) && (has(self.http.url) || has(self.http.service))) || \
     (has(self.tcp) && has(self.tcp.address)) || (has(self.tls) && has(self.tls.address)) || \
     (has(self.dns) && has(self.dns.server))))")
    .message("discover takes the place of the probe's own address").field_path(".discover"))]
#[x_kube(validation = Rule::new("!(has(self.discover) && has(self.workload))")
    .message("a workload probe has a selector of its own").field_path(".discover"))]
#[x_kube(validation = Rule::new("!has(self.http) || !has(self.http.scheme) || has(self.discover)")
    .message("scheme goes with discover; a url and a service have their own").field_path(".http"))]
#[x_kube(validation = Rule::new("!has(self.timeout) || duration(self.timeout) <= duration(self.interval)")
    .message("timeout must not be over the interval").field_path(".timeout"))]
#[x_kube(validation = Rule::new("!(has(self.dns) && has(self.degraded) && has(self.degraded.certificateValidFor))")
    .message("a dns probe sees no certificate").field_path(".degraded.certificateValidFor"))]
#[x_kube(validation = Rule::new("!(has(self.workload) && has(self.degraded) && has(self.degraded.certificateValidFor))")
    .message("a workload probe sees no certificate").field_path(".degraded.certificateValidFor"))]
#[x_kube(validation = Rule::new(
    "!(has(self.tcp) && has(self.degraded) && has(self.degraded.certificateValidFor)) || has(self.tcp.tls) || \
     (has(self.tcp.steps) && self.tcp.steps.exists(step, step.startTLS))")
    .message("a tcp probe without tls sees no certificate").field_path(".degraded.certificateValidFor"))]
pub struct HealthCheckSpec {
    /// What is checked, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub description: Option<String>,
    /// The check's name in /health/detailed; default the object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63), regex(pattern = r"^[a-z][a-z0-9_]*$"))]
    pub report_as: Option<String>,
    /// How often the probe runs, at least 1s.
    #[serde(default = "interval")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s')").message("must be at least 1s"))]
    pub interval: DurationText,
    /// How long a run may take, retries included: at most the interval. Without it 5s, or the interval if
    /// that is shorter.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) > duration('0s')").message("must be over 0"))]
    pub timeout: Option<DurationText>,
    /// How many runs in a row must fail before the state is Unhealthy.
    #[serde(default = "failure_threshold")]
    #[schemars(range(min = 1, max = 1000))]
    pub failure_threshold: i32,
    /// How many runs in a row must pass before the state is Healthy again.
    #[serde(default = "success_threshold")]
    #[schemars(range(min = 1, max = 1000))]
    pub success_threshold: i32,
    /// How many times a run tries again at once before it has failed. All tries share the timeout.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub retries: i32,
    /// Stops the probe; the state is then Suspended.
    #[serde(default)]
    pub suspend: bool,
    /// When a run that passes is Degraded all the same. An error in it fails nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degraded: Option<DegradedSpec>,
    /// Checks of the same namespace that this one needs. When one of them fails too, it alone is told.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub depends_on: Option<Vec<DependencySpec>>,
    /// Probes by an HTTP request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<HttpSpec>,
    /// Probes by a TCP connection, with a talk on it if there are steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp: Option<TcpSpec>,
    /// Probes by a TLS handshake.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsProbeSpec>,
    /// Probes by a DNS query.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<DnsSpec>,
    /// Reads the status of an object of the cluster, such as a Deployment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workload: Option<WorkloadSpec>,
    /// Runs the probe against every object that a selector finds, in place of a fixed address, and follows changes.
    /// Each target has a state of its own; that of the check is the worst. It needs a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discover: Option<DiscoverSpec>,
}

/// When a run that passes is Degraded all the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DegradedSpec {
    /// Degraded when the run took longer. 0ms is allowed, and always exceeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<DurationText>,
    /// Degraded when a certificate of the chain is valid for less.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate_valid_for: Option<DurationText>,
    /// A CEL expression; Degraded when it is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub when: Option<String>,
}

/// A check that another one needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct DependencySpec {
    /// The HealthCheck's name; it is in the namespace of this object.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

fn interval() -> DurationText {
    "30s".into()
}

fn failure_threshold() -> i32 {
    3
}

fn success_threshold() -> i32 {
    1
}
