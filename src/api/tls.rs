//! TLS settings, and the `tls` probe.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialSource, TextSource, rules};

/// How a TLS connection is made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.cert) == has(self.key)").message("cert and key must be set together"))]
pub struct TlsSpec {
    /// The certificates to trust in place of the system's, as PEM.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<TextSource>,
    /// The chain of the client's certificate, as PEM. It needs `key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cert: Option<TextSource>,
    /// The private key of the client's certificate, as PEM. It needs `cert`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<CredentialSource>,
    /// The name to ask for and to verify, in place of the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub server_name: Option<String>,
    /// Takes every certificate. What the chain says is still measured.
    #[serde(default)]
    pub insecure_skip_verify: bool,
}

/// Which IP addresses of a name are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum IpFamilySpec {
    #[default]
    Any,
    IPv4,
    IPv6,
}

/// The protocol that is spoken before the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartTlsSpec {
    Smtp,
    Imap,
    Postgres,
}

/// Makes a TLS handshake. It passes when the chain and the name verify.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.serverName) && has(self.tls) && has(self.tls.serverName))")
    .message("at most one of serverName, tls.serverName may be set").field_path(".serverName"))]
pub struct TlsProbeSpec {
    /// Host and port, unless there is `discover`, such as `db.example.com:5432` or `[2001:db8::1]:443`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 262))]
    #[x_kube(validation = rules::address())]
    #[x_kube(validation = rules::address_port())]
    pub address: Option<String>,
    /// The name to ask for and to verify, in place of the host's.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub server_name: Option<String>,
    /// The protocol to speak before the handshake: smtp, imap or postgres.
    #[serde(rename = "startTLS", skip_serializing_if = "Option::is_none")]
    pub start_tls: Option<StartTlsSpec>,
    /// Any takes the first address that connects; IPv4 or IPv6 takes only those.
    #[serde(default)]
    pub ip_family: IpFamilySpec,
    /// How the TLS connection is made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
}
