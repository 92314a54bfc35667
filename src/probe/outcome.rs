//! What one run saw.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::health::Reason;

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Good,
    /// It passed, but is worse than it should be.
    Degraded,
    Failed,
    /// Nothing was learned about the target: the trouble is ours.
    Unobserved,
}

/// The result of one run.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub verdict: Verdict,
    pub reason: Reason,
    /// Stable: says what, not how long; never a secret, at most [`Outcome::MESSAGE_MAX`] bytes.
    pub message: Arc<str>,
    /// Of the whole run.
    pub latency: Duration,
    pub details: Details,
}

impl Outcome {
    /// Long enough for a sentence and a name; a status holds up to 20 of them.
    pub const MESSAGE_MAX: usize = 256;

    pub fn good(message: impl AsRef<str>, details: Details) -> Self {
        Self::new(Verdict::Good, Reason::Ok, message, details)
    }

    /// Failed, or unobserved when the reason is ours.
    pub fn failed(reason: Reason, message: impl AsRef<str>) -> Self {
        let verdict = if reason.is_ours() { Verdict::Unobserved } else { Verdict::Failed };
        Self::new(verdict, reason, message, Details::None)
    }

    pub fn new(verdict: Verdict, reason: Reason, message: impl AsRef<str>, details: Details) -> Self {
        Self { verdict, reason, message: bounded(message.as_ref()), latency: Duration::ZERO, details }
    }

    /// The same run, for another reason.
    #[must_use]
    pub fn because(self, reason: Reason, message: &str) -> Self {
        Self { reason, message: bounded(message), ..self }
    }

    pub fn with_details(mut self, details: Details) -> Self {
        self.details = details;
        self
    }
}

fn bounded(message: &str) -> Arc<str> {
    message[..message.floor_char_boundary(Outcome::MESSAGE_MAX)].into()
}

/// What a kind of probe measures beside its verdict: as much of it as the run came to.
#[derive(Debug, Clone, Default)]
pub enum Details {
    #[default]
    None,
    Http(Box<HttpDetails>),
    Tcp(Box<TcpDetails>),
    Tls(Box<TcpDetails>),
    Dns(Box<DnsDetails>),
}

/// How the address was found, and which was used.
#[derive(Debug, Clone, Copy)]
pub struct Resolved {
    pub ip: IpAddr,
    /// Time of the look-up; zero when it came from the cache or was a literal.
    pub took: Duration,
    pub cached: bool,
}

/// Summed over redirects, as blackbox_exporter does.
#[derive(Debug, Clone, Copy, Default)]
pub struct HttpPhases {
    pub resolve: Duration,
    pub connect: Duration,
    pub tls: Duration,
    /// From the request's last byte to the answer's first.
    pub processing: Duration,
    pub transfer: Duration,
}

#[derive(Debug, Clone, Default)]
pub struct HttpDetails {
    pub resolved: Option<Resolved>,
    pub phases: HttpPhases,
    /// 0 when there was no answer.
    pub status: u16,
    /// -1 when the answer did not say.
    pub content_length: i64,
    /// Bytes read, after decompression.
    pub body_length: u64,
    pub redirects: u8,
    /// Whether the final connection was TLS.
    pub ssl: bool,
    /// 1.0, 1.1 or 2.0; 0 when there was no answer.
    pub version: f32,
    pub failed_due_to_regex: bool,
    /// None when no CEL expectation is configured.
    pub failed_due_to_cel: Option<bool>,
    /// Unix seconds of Last-Modified.
    pub last_modified: Option<i64>,
    pub tls: Option<TlsDetails>,
}

/// Of a `tcp` or a `tls` probe.
#[derive(Debug, Clone, Default)]
pub struct TcpDetails {
    pub resolved: Option<Resolved>,
    pub connect: Duration,
    pub tls_handshake: Duration,
    pub failed_due_to_regex: bool,
    pub tls: Option<TlsDetails>,
}

/// Of a finished handshake, also when its chain does not verify.
#[derive(Debug, Clone)]
pub struct TlsDetails {
    /// "TLS 1.3".
    pub version: &'static str,
    pub cipher: &'static str,
    /// Unix seconds: the earliest notAfter of the certificates that the peer sent.
    pub earliest_expiry: i64,
    /// Unix seconds: the latest over verified chains of their earliest notAfter; None when none verifies.
    pub chain_expiry: Option<i64>,
    /// Of the leaf; shared between runs that saw the same one.
    pub certificate: Arc<CertificateDetails>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateDetails {
    /// Lower-case hex.
    pub fingerprint_sha256: String,
    pub subject: String,
    pub issuer: String,
    /// DNS names and addresses, joined by ",".
    pub subject_alternative: String,
    /// Lower-case hex.
    pub serial: String,
    /// Unix seconds.
    pub not_after: i64,
}

#[derive(Debug, Clone, Default)]
pub struct DnsDetails {
    pub resolved: Option<Resolved>,
    pub resolve: Duration,
    pub connect: Duration,
    pub request: Duration,
    pub answer_rrs: u16,
    pub authority_rrs: u16,
    pub additional_rrs: u16,
    /// An answer came, whatever it said.
    pub query_succeeded: bool,
    /// Of a SOA answer.
    pub serial: Option<u32>,
}
