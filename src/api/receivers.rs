//! What may be at the end of a NotificationChannel.

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{CredentialSource, HeaderSpec, TextSource, TlsSpec, rules};

/// An incoming webhook of Slack, or of what speaks as it does (Mattermost, Rocket.Chat).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct SlackSpec {
    /// The webhook's URL, which is a credential.
    pub url: TextSource,
    /// How TLS connections are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
}

/// Mail, by SMTP (RFC 5321). By default the way is kept secret by STARTTLS, and nothing is sent where the server does not offer it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(validation = Rule::new("!has(self.auth) || !has(self.startTLS) || self.startTLS || has(self.tls)")
    .message("a password never goes in the clear: leave startTLS out, or set tls").field_path(".auth"))]
pub struct EmailSpec {
    /// The mail server.
    #[schemars(length(min = 1, max = 253))]
    pub host: String,
    /// Its port; default 587, or 465 with tls from the start.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 65535))]
    pub port: Option<i32>,
    /// The sender, as local@domain or Name <local@domain>.
    #[schemars(length(min = 3, max = 600))]
    pub from: String,
    /// Whom it goes to.
    #[schemars(length(min = 1, max = 100), inner(length(min = 3, max = 600)))]
    pub to: Vec<String>,
    /// Whether TLS begins with STARTTLS. Default yes, unless tls is set. With false and without tls the mail goes in the clear.
    #[serde(rename = "startTLS", skip_serializing_if = "Option::is_none")]
    pub start_tls: Option<bool>,
    /// How TLS connections are made; TLS from the first byte, unless startTLS is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
    /// Who sends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auth: Option<LoginSpec>,
    /// The name that is given to the server (EHLO); default localhost.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253), regex(pattern = r"^[A-Za-z0-9.-]+$"))]
    pub hello: Option<String>,
}

/// A name and a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct LoginSpec {
    /// The name.
    pub username: TextSource,
    /// The password.
    pub password: CredentialSource,
}

/// PagerDuty's Events API v2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PagerDutySpec {
    /// The key of the integration.
    pub routing_key: CredentialSource,
    /// Where events go; that of the EU is `https://events.eu.pagerduty.com/v2/enqueue`.
    #[serde(default = "pagerduty")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = rules::url())]
    #[x_kube(validation = rules::url_without_credentials("routingKey"))]
    #[x_kube(validation = rules::url_without_spaces())]
    #[x_kube(validation = rules::url_port())]
    pub url: String,
}

/// Whoever takes the JSON of Alertmanager's webhook, version 4.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct WebhookSpec {
    /// Where it is posted to.
    pub url: TextSource,
    /// Headers to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(validation = Rule::new(
        "self.all(h, self.exists_one(other, other.name.lowerAscii() == h.name.lowerAscii()))")
        .message("a header may be set only once"))]
    pub headers: Option<Vec<HeaderSpec>>,
    /// How the body is signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hmac: Option<HmacSpec>,
    /// How TLS connections are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
}

/// HMAC-SHA256 (RFC 2104) over `<unix seconds>:<body>`, in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HmacSpec {
    /// The key.
    pub secret: CredentialSource,
    /// The key before, while it is rotated: its signature goes along, after a comma.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<CredentialSource>,
    /// The header that holds the signature.
    #[serde(default = "signature")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"))]
    pub header: String,
    /// The header that holds the seconds since 1970 that were signed.
    #[serde(default = "timestamp")]
    #[schemars(length(min = 1, max = 128), regex(pattern = r"^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"))]
    pub timestamp_header: String,
}

/// An Alertmanager: every one of its replicas is told everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct AlertmanagerSpec {
    /// Where the replicas are, without /api/v2.
    #[schemars(length(min = 1, max = 16))]
    pub urls: Vec<TextSource>,
    /// Headers to send.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 50))]
    #[x_kube(validation = Rule::new(
        "self.all(h, self.exists_one(other, other.name.lowerAscii() == h.name.lowerAscii()))")
        .message("a header may be set only once"))]
    pub headers: Option<Vec<HeaderSpec>>,
    /// How TLS connections are made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSpec>,
}

/// A workflow of Microsoft Teams that takes a card, or a connector of the older kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct TeamsSpec {
    /// The workflow's URL, which is a credential.
    pub url: TextSource,
}

/// A webhook of Discord.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct DiscordSpec {
    /// The webhook's URL, which is a credential.
    pub url: TextSource,
    /// Under which name messages appear; default that of the webhook.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 80))]
    pub username: Option<String>,
}

/// A bot of Telegram.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct TelegramSpec {
    /// The bot's token.
    pub token: CredentialSource,
    /// The chat: a number, or @name of a channel.
    #[schemars(length(min = 1, max = 64), regex(pattern = r"^(-?[0-9]+|@[A-Za-z0-9_]+)$"))]
    pub chat: String,
    /// The topic of a forum.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 9_007_199_254_740_991_i64))]
    pub thread: Option<i64>,
    /// Whether messages come without a sound.
    #[serde(default)]
    pub silent: bool,
    /// The API, where it is not that of Telegram.
    #[serde(default = "telegram")]
    #[schemars(length(min = 1, max = 2048))]
    #[x_kube(validation = rules::url())]
    #[x_kube(validation = rules::url_without_credentials("token"))]
    #[x_kube(validation = rules::url_without_spaces())]
    #[x_kube(validation = rules::url_port())]
    pub url: String,
}

/// A line on standard output, in the format of the log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[schemars(extend("maxProperties" = 0))]
pub struct LogSpec {}

fn pagerduty() -> String {
    "https://events.pagerduty.com/v2/enqueue".to_owned()
}

fn telegram() -> String {
    "https://api.telegram.org".to_owned()
}

fn signature() -> String {
    "X-Probity-Signature".to_owned()
}

fn timestamp() -> String {
    "X-Probity-Timestamp".to_owned()
}
