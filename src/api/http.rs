//! The `http` probe.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialSource, IpFamilySpec, PortSpec, TextSource, TlsSpec, ValueFrom, rules};

/// Sends an HTTP request. It passes when status, body, headers and `when` hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!(has(self.path) && has(self.url))")
    .message("path goes with service or discover; a url has its own").field_path(".path"))]
#[x_kube(validation = Rule::new(
    "!(self.method == 'HEAD' && has(self.expect) && has(self.expect.bodyMatches) && self.expect.bodyMatches.size() > 0)")
    .message("the answer to HEAD has no body to match").field_path(".expect.bodyMatches"))]
#[x_kube(validation = Rule::new(
    "!(has(self.tls) && has(self.url) && self.url.matches('(?i)^http:') && !self.followRedirects)")
    .message("tls has no effect: the url is plain http and redirects are not followed").field_path(".tls"))]
#[x_kube(validation = Rule::new(
    "!(has(self.auth) && has(self.headers) && self.headers.exists(h, h.name.lowerAscii() == 'authorization'))")
    .message("at most one of auth and a header Authorization may be set").field_path(".auth"))]
pub struct HttpSpec {
    /// The URL, http or https. Credentials are never in it: see `auth`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = rules::url())]
    #[x_kube(validation = rules::url_without_credentials("auth"))]
    #[x_kube(validation = rules::url_without_spaces())]
    #[x_kube(validation = rules::url_port())]
    pub url: Option<String>,
    /// A Service of the object's own namespace, in place of a url. It needs a cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceSpec>,
    /// The path, and query if any, to ask a `service` or what `discover` finds for; default `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048), regex(pattern = r"^/"))]
    pub path: Option<String>,
    /// What is spoken with what `discover` finds; default http.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<HttpScheme>,
    /// The request's method.
    #[serde(default)]
    pub method: HttpMethod,
    /// Headers to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(validation = Rule::new(
        "self.all(h, self.exists_one(other, other.name.lowerAscii() == h.name.lowerAscii()))")
        .message("a header may be set only once"))]
    pub headers: Option<Vec<HeaderSpec>>,
    /// The request's body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub body: Option<String>,
    /// Whether redirects are followed, at most 10. Credentials do not follow to another origin.
    #[serde(default = "follow_redirects")]
    pub follow_redirects: bool,
    /// How much of a body is read at most, after decompression. It is an error only if an expectation needed
    /// the rest.
    // The ceiling times the default number of runs in flight has to fit a small container.
    #[serde(default = "max_body_bytes")]
    #[schemars(range(min = 1, max = 16_777_216))]
    pub max_body_bytes: i64,
    /// Any takes the first address that connects; IPv4 or IPv6 takes only those.
    #[serde(default)]
    pub ip_family: IpFamilySpec,
    /// The version to speak. HTTP2 is negotiated on https, and spoken at once on http.
    #[serde(default)]
    pub http_version: HttpVersionSpec,
    /// Credentials for the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthSpec>,
    /// How TLS connections are made; on an http url it is for redirects to https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// What the answer must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expect: Option<HttpExpectSpec>,
}

/// A Service and one of its ports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct ServiceSpec {
    /// The Service's name; it is in the namespace of this object.
    #[schemars(length(min = 1, max = 63), regex(pattern = r"^[a-z]([-a-z0-9]*[a-z0-9])?$"))]
    pub name: String,
    /// The Service's port: its number or its name.
    pub port: PortSpec,
    /// What is spoken on the port.
    #[serde(default)]
    pub scheme: HttpScheme,
}

/// The scheme of a URL.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpScheme {
    #[default]
    Http,
    Https,
}

/// A request's method (RFC 9110, section 9.3, and RFC 5789).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

/// A version of HTTP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpVersionSpec {
    #[default]
    Http1,
    Http2,
}

/// A header to send. One whose value comes from a Secret does not follow a redirect to another origin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.value) != has(self.valueFrom)")
    .message("exactly one of value, valueFrom must be set"))]
pub struct HeaderSpec {
    /// The header's name.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"))]
    #[x_kube(validation = Rule::new(
        "!(self.lowerAscii() in ['connection', 'content-length', 'expect', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])")
        .message("belongs to the connection and cannot be set"))]
    pub name: String,
    /// The header's value. Never a credential: everyone who may read this object sees it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096), regex(pattern = r"^[^\x00-\x08\x0a-\x1f\x7f]*$"))]
    pub value: Option<String>,
    /// Where the value comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueFrom>,
}

/// Credentials: exactly one kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("[has(self.basic), has(self.bearer), has(self.oauth2)].filter(set, set).size() == 1")
    .message("exactly one of basic, bearer, oauth2 must be set"))]
pub struct AuthSpec {
    /// User name and password (RFC 7617).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basic: Option<BasicAuthSpec>,
    /// A token (RFC 6750).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer: Option<BearerAuthSpec>,
    /// A token that is fetched by client credentials (RFC 6749, section 4.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oauth2: Option<OAuth2Spec>,
}

/// User name and password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct BasicAuthSpec {
    /// The user's name.
    pub username: TextSource,
    /// The user's password.
    pub password: CredentialSource,
}

/// A bearer token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct BearerAuthSpec {
    /// The token, without the word Bearer.
    pub token: CredentialSource,
}

/// Client credentials of OAuth 2.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct OAuth2Spec {
    /// Where tokens are issued, http or https.
    #[serde(rename = "tokenURL")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = rules::url())]
    #[x_kube(validation = rules::url_without_credentials("clientID and clientSecret"))]
    #[x_kube(validation = rules::url_without_spaces())]
    #[x_kube(validation = rules::url_port())]
    pub token_url: String,
    /// The client's name.
    #[serde(rename = "clientID")]
    pub client_id: TextSource,
    /// The client's secret.
    #[serde(rename = "clientSecret")]
    pub client_secret: CredentialSource,
    /// The scopes to ask for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 256), regex(pattern = r"^[\x21\x23-\x5b\x5d-\x7e]+$")))]
    pub scopes: Option<Vec<String>>,
}

/// What an HTTP answer must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HttpExpectSpec {
    /// The status codes that pass: single ones such as "204", or ranges such as "200-299".
    #[serde(default = "success")]
    #[schemars(
        length(min = 1, max = 50),
        inner(length(max = 7), regex(pattern = r"^[1-5][0-9]{2}(-[1-5][0-9]{2})?$"))
    )]
    #[x_kube(validation = Rule::new("self.all(range, range.size() != 7 || range.substring(0, 3) <= range.substring(4, 7))")
        .message("the first code of a range must not be over the last"))]
    pub status: Vec<String>,
    /// Regular expressions, unanchored; each must match the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 1024)))]
    pub body_matches: Option<Vec<String>>,
    /// Regular expressions, unanchored; none may match the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20), inner(length(min = 1, max = 1024)))]
    pub body_not_matches: Option<Vec<String>>,
    /// Headers that the answer must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 20))]
    pub headers: Option<Vec<HeaderExpectSpec>>,
    /// A CEL expression that must be true, such as `response.json.status == 'healthy'`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub when: Option<String>,
}

/// A header that the answer must have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct HeaderExpectSpec {
    /// The header's name.
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"))]
    pub name: String,
    /// A regular expression, anchored, that one of the header's values must match.
    #[schemars(length(max = 1024))]
    pub matches: String,
}

fn follow_redirects() -> bool {
    true
}

fn max_body_bytes() -> i64 {
    1 << 20
}

fn success() -> Vec<String> {
    vec!["200-299".to_owned()]
}
