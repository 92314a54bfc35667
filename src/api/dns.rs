//! The `dns` probe.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::IpFamilySpec;

/// Asks a DNS server. It passes when the response code and the answers hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsSpec {
    /// The server to ask, such as `10.96.0.10` or `ns1.example.com:5353`; port 53 when it has none.
    /// Without this field, and without `discover`, the servers of Probity's own resolv.conf are asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262))]
    pub server: Option<String>,
    /// The name to look up, always from the root: search domains are not applied.
    #[schemars(length(min = 1, max = 254))]
    pub name: String,
    /// The type of record to ask for.
    #[serde(rename = "type", default)]
    pub record_type: DnsRecordType,
    /// How the question is sent. A truncated answer over udp is asked again over tcp.
    #[serde(default)]
    pub transport: DnsTransportSpec,
    /// Which addresses of the server are used.
    #[serde(default)]
    pub ip_family: IpFamilySpec,
    /// What the answer must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<DnsExpectSpec>,
}

/// A type of record (IANA's DNS parameters).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsRecordType {
    #[default]
    A,
    Aaaa,
    Caa,
    Cname,
    Dnskey,
    Ds,
    Https,
    Mx,
    Naptr,
    Ns,
    Ptr,
    Soa,
    Srv,
    Sshfp,
    Svcb,
    Tlsa,
    Txt,
}

/// How a question is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DnsTransportSpec {
    #[default]
    Udp,
    Tcp,
}

/// A response code (RFC 6895, section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum DnsRcode {
    NoError,
    FormErr,
    ServFail,
    NxDomain,
    NotImp,
    Refused,
    YxDomain,
    YxRrSet,
    NxRrSet,
    NotAuth,
    NotZone,
}

/// What a DNS answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DnsExpectSpec {
    /// The response codes that pass, such as NOERROR or NXDOMAIN.
    #[serde(default = "no_error")]
    #[schemars(length(min = 1, max = 11))]
    pub rcode: Vec<DnsRcode>,
    /// Regular expressions, anchored; each must match one of the answers of the asked type, in any order.
    /// Names are without the trailing dot, texts without quotes.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 20), inner(length(min = 1, max = 1024)))]
    pub answers: Option<Vec<String>>,
}

fn no_error() -> Vec<DnsRcode> {
    vec![DnsRcode::NoError]
}
