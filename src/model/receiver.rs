//! What is at the end of a channel: one type per kind, with its settings and its Secrets' values.

use std::{fmt, sync::Arc};

use url::Url;

use super::{Address, Header, Mailbox, Secret, Tls};

/// Whom a channel tells. A new kind is an arm here and a folder in `notify/`; the compiler names the rest.
#[derive(Debug, Clone, Hash)]
pub enum Receiver {
    Slack(Slack),
    Email(Box<Email>),
    PagerDuty(PagerDuty),
    Webhook(Webhook),
    Alertmanager(Alertmanager),
    Teams(Teams),
    Discord(Discord),
    Telegram(Telegram),
    /// A line on stdout.
    Log,
}

/// The name of a kind: its field in the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReceiverKind {
    Slack,
    Email,
    PagerDuty,
    Webhook,
    Alertmanager,
    Teams,
    Discord,
    Telegram,
    Log,
}

impl Receiver {
    pub fn kind(&self) -> ReceiverKind {
        match self {
            Self::Slack(_) => ReceiverKind::Slack,
            Self::Email(_) => ReceiverKind::Email,
            Self::PagerDuty(_) => ReceiverKind::PagerDuty,
            Self::Webhook(_) => ReceiverKind::Webhook,
            Self::Alertmanager(_) => ReceiverKind::Alertmanager,
            Self::Teams(_) => ReceiverKind::Teams,
            Self::Discord(_) => ReceiverKind::Discord,
            Self::Telegram(_) => ReceiverKind::Telegram,
            Self::Log => ReceiverKind::Log,
        }
    }
}

impl ReceiverKind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Email => "email",
            Self::PagerDuty => "pagerduty",
            Self::Webhook => "webhook",
            Self::Alertmanager => "alertmanager",
            Self::Teams => "teams",
            Self::Discord => "discord",
            Self::Telegram => "telegram",
            Self::Log => "log",
        }
    }
}

/// An HTTP address that is posted to. The URL may hold a secret anywhere but in its host, so it is one.
#[derive(Debug, Clone, Hash)]
pub struct HttpEndpoint {
    url: Secret<Url>,
    peer: Arc<str>,
    /// Sent with each request; what `auth` says is among them. Values from a Secret are marked sensitive.
    pub headers: Vec<Header>,
    pub tls: Arc<Tls>,
}

/// Why a URL is no endpoint. The URL is not in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the URL must begin with http:// or https:// and name a host")]
pub struct EndpointError;

impl HttpEndpoint {
    /// # Errors
    /// When the URL is neither `http` nor `https`, or has no host.
    pub fn new(url: Url, headers: Vec<Header>, tls: Arc<Tls>) -> Result<Self, EndpointError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(EndpointError);
        }
        let host = url.host_str().ok_or(EndpointError)?;
        let peer = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { peer: peer.into(), url: Secret::new(url), headers, tls })
    }

    /// One without headers and with the machine's roots.
    ///
    /// # Errors
    /// As [`HttpEndpoint::new`].
    pub fn plain(url: Url) -> Result<Self, EndpointError> {
        Self::new(url, Vec::new(), Tls::default().shared())
    }

    pub fn url(&self) -> &Secret<Url> {
        &self.url
    }

    /// Host and port, which is what messages may name.
    pub fn peer(&self) -> &str {
        &self.peer
    }
}

/// As a message may name it.
impl fmt::Display for HttpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.peer)
    }
}

/// An incoming webhook of Slack, or of what speaks as it does (Mattermost, Rocket.Chat).
#[derive(Debug, Clone, Hash)]
pub struct Slack {
    pub endpoint: HttpEndpoint,
}

/// PagerDuty's Events API v2.
#[derive(Debug, Clone, Hash)]
pub struct PagerDuty {
    /// `https://events.pagerduty.com/v2/enqueue`, or that of the EU.
    pub endpoint: HttpEndpoint,
    pub routing_key: Secret,
}

/// Whoever takes Alertmanager's webhook.
#[derive(Debug, Clone, Hash)]
pub struct Webhook {
    pub endpoint: HttpEndpoint,
    pub hmac: Option<Hmac>,
}

/// How a webhook's body is signed: HMAC-SHA256 (RFC 2104) over `<unix seconds>:<body>`, in hexadecimal.
#[derive(Debug, Clone, Hash)]
pub struct Hmac {
    pub secret: Secret,
    /// The one before, while it is rotated: its signature goes along, after a comma.
    pub previous: Option<Secret>,
    pub signature_header: hyper::header::HeaderName,
    pub timestamp_header: hyper::header::HeaderName,
}

impl Hmac {
    /// The names of the headers where the object says nothing.
    pub const SIGNATURE: &'static str = "x-probity-signature";
    pub const TIMESTAMP: &'static str = "x-probity-timestamp";
}

/// Every replica of an Alertmanager: each is told everything, as they do not share alerts.
#[derive(Debug, Clone, Hash)]
pub struct Alertmanager {
    /// Their base URLs; at least one, at most [`Alertmanager::URLS_MAX`].
    endpoints: Vec<HttpEndpoint>,
}

/// Why there is no such Alertmanager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an alertmanager has 1 to {} URLs", Alertmanager::URLS_MAX)]
pub struct ReplicasError;

impl Alertmanager {
    /// More replicas than anybody runs, and a bound on what one notification comes to.
    pub const URLS_MAX: usize = 16;

    /// # Errors
    /// When there is none, or more than [`Alertmanager::URLS_MAX`].
    pub fn new(endpoints: Vec<HttpEndpoint>) -> Result<Self, ReplicasError> {
        if (1..=Self::URLS_MAX).contains(&endpoints.len()) { Ok(Self { endpoints }) } else { Err(ReplicasError) }
    }

    pub fn endpoints(&self) -> &[HttpEndpoint] {
        &self.endpoints
    }
}

/// A workflow of Microsoft Teams that takes a card, or a connector of the older kind.
#[derive(Debug, Clone, Hash)]
pub struct Teams {
    pub endpoint: HttpEndpoint,
}

/// A webhook of Discord.
#[derive(Debug, Clone, Hash)]
pub struct Discord {
    pub endpoint: HttpEndpoint,
    pub username: Option<Arc<str>>,
}

/// A bot of Telegram.
#[derive(Debug, Clone, Hash)]
pub struct Telegram {
    /// The API's base, `https://api.telegram.org`, without the token.
    pub endpoint: HttpEndpoint,
    pub token: Secret,
    /// A number, or `@name` of a channel.
    pub chat: Arc<str>,
    /// A topic of a forum.
    pub thread: Option<i64>,
    pub silent: bool,
}

/// A mail server that takes mail from us.
#[derive(Debug, Clone, Hash)]
pub struct Email {
    pub address: Address,
    pub from: Mailbox,
    /// At least one, at most [`Email::TO_MAX`].
    pub to: Vec<Mailbox>,
    pub security: MailSecurity,
    /// What EHLO says; None: `localhost`.
    pub hello: Option<Arc<str>>,
}

impl Email {
    /// RFC 5321, section 4.5.3.1.8: a server takes at least as many recipients of one message.
    pub const TO_MAX: usize = 100;
}

/// How the way to a mail server is kept secret. Without TLS there is no login: a password never goes in the clear.
#[derive(Debug, Clone, Hash)]
pub enum MailSecurity {
    /// TLS after STARTTLS (RFC 3207), and no mail where the server does not offer it.
    StartTls { tls: Arc<Tls>, login: Option<Login> },
    /// TLS from the first byte (RFC 8314).
    Tls { tls: Arc<Tls>, login: Option<Login> },
    /// None, for a relay on the same machine or network.
    Plain,
}

/// SMTP AUTH (RFC 4954).
#[derive(Debug, Clone, Hash)]
pub struct Login {
    pub username: Secret,
    pub password: Secret,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_shows_its_host_alone() {
        let url = "https://hooks.example:8443/services/T0/B0/s3cret?token=s3cret".parse().unwrap();
        let endpoint = HttpEndpoint::plain(url).unwrap();
        assert_eq!(endpoint.to_string(), "hooks.example:8443");
        assert!(!format!("{endpoint:?}").contains("s3cret"));
        for bad in ["ftp://host/", "data:text/plain,x", "mailto:a@b.example"] {
            assert_eq!(HttpEndpoint::plain(bad.parse().unwrap()).unwrap_err(), EndpointError, "{bad}");
        }
        assert!(Alertmanager::new(vec![]).is_err());
        assert!(Alertmanager::new(vec![endpoint; 17]).is_err());
    }
}
