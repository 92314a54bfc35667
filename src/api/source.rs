//! Who is asked for PromQL.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{AuthSpec, DurationText, HeaderSpec, TlsSpec, rules};

/// An HTTP API of Prometheus, or one that is compatible with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new(
    "!(has(self.auth) && has(self.headers) && self.headers.exists(h, h.name.lowerAscii() == 'authorization'))")
    .message("at most one of auth and a header Authorization may be set").field_path(".auth"))]
pub struct SourceSpec {
    /// Where it is, without /api/v1. Credentials are never in it: see `auth`.
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = rules::url())]
    #[x_kube(validation = rules::url_without_credentials("auth"))]
    #[x_kube(validation = rules::url_without_spaces())]
    #[x_kube(validation = rules::url_port())]
    pub url: String,
    /// How long an answer may take, up to 2m.
    #[serde(default = "ten_seconds")]
    #[x_kube(validation = Rule::new("duration(self) > duration('0s') && duration(self) <= duration('2m')")
        .message("must be over 0 and at most 2m"))]
    pub timeout: DurationText,
    /// Headers to send, such as the tenant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    #[x_kube(validation = Rule::new(
        "self.all(h, self.exists_one(other, other.name.lowerAscii() == h.name.lowerAscii()))")
        .message("a header may be set only once"))]
    pub headers: Option<Vec<HeaderSpec>>,
    /// Credentials for the requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthSpec>,
    /// How TLS connections are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
}

fn ten_seconds() -> DurationText {
    "10s".into()
}
