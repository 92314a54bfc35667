//! TLS settings, addresses, and the `tls` probe.

use std::{
    fmt,
    sync::{Arc, LazyLock},
};

use super::Secret;

/// How a TLS connection is made. Equal settings share one configuration in `net`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Tls {
    /// Whether the object asked for TLS by a `tls` field of its own (it matters to `tcp`).
    pub asked: bool,
    /// PEM of the roots to trust in place of the system's; it held at least one certificate.
    pub ca: Option<Arc<str>>,
    /// PEM of the client's chain and key; both or neither.
    pub cert: Option<Arc<str>>,
    pub key: Option<Secret<Arc<str>>>,
    /// The name to send and to verify, in place of the host's.
    pub server_name: Option<Arc<str>>,
    pub insecure_skip_verify: bool,
}

impl Tls {
    /// These settings, which are one object wherever they are the defaults, as nearly everywhere.
    pub fn shared(self) -> Arc<Self> {
        static DEFAULTS: LazyLock<Arc<Tls>> = LazyLock::new(Arc::default);
        if self == **DEFAULTS { Arc::clone(&DEFAULTS) } else { Arc::new(self) }
    }
}

/// Host and port, as the user named them. The host is a name, an IPv4 or an IPv6 literal without brackets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    pub host: Arc<str>,
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum IpFamily {
    /// Both, first to connect (RFC 8305).
    #[default]
    Any,
    IPv4,
    IPv6,
}

#[derive(Debug, Clone)]
pub struct TlsProbe {
    pub address: Address,
    pub ip_family: IpFamily,
    pub tls: Arc<Tls>,
    pub start_tls: Option<StartTls>,
}

/// The talk that comes before the handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StartTls {
    /// RFC 3207.
    Smtp,
    /// RFC 9051, section 6.2.1.
    Imap,
    /// PostgreSQL's SSLRequest message.
    Postgres,
}
