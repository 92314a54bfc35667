//! TLS to a target: the handshake, what it showed, and whether the certificate can be trusted.
//!
//! The handshake succeeds with any certificate and the verdict comes beside it, so that an expired or
//! misnamed one still has its details. Owns every TLS configuration; none is built per run.

mod chains;
mod config;
mod details;
mod pem;
mod roots;
mod verdict;
mod verifying;

use std::{
    collections::HashMap,
    fmt::Display,
    io,
    sync::{Arc, LazyLock, Weak},
    time::Duration,
};

use chains::Chains;
pub use config::Alpn;
use config::Configs;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use roots::Roots;
use rustls::{CipherSuite, ProtocolVersion, crypto::CryptoProvider, pki_types::ServerName};
use sha2::{Digest, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::Failure;
use crate::{
    clock::Clock,
    health::Reason,
    model::{Pool, Tls},
    probe::TlsDetails,
};

/// A finished handshake.
#[derive(Debug)]
pub struct Secured {
    pub stream: TlsStream<TcpStream>,
    pub details: TlsDetails,
    pub took: Duration,
    /// What is wrong with the certificate, as a sentence that begins with it: the reason is CertificateInvalid.
    /// Always good with `insecureSkipVerify`.
    pub verdict: Result<(), String>,
    /// The peer asked for a client's certificate. In TLS 1.3 it says only afterwards whether it takes it.
    pub certificate_asked: bool,
}

/// How long a peer that asked for a certificate may take to say that it does not like it. It says so one
/// round trip after the handshake, if at all; a peer that stays silent has nothing against it.
const OBJECTION: Duration = Duration::from_secs(1);

impl Secured {
    /// Ends the connection, and hears whether the peer objects to the client's certificate or to its lack.
    ///
    /// In TLS 1.3 the client's handshake is over before the server has looked at its certificate (RFC 8446,
    /// section 4.4.2.4), so that an alert comes later. Whoever goes on to talk will hear it anyway.
    ///
    /// # Errors
    /// TLSError: the alert.
    pub async fn hear_objection(&mut self, peer: &(dyn Display + Sync)) -> Result<(), Failure> {
        if !self.certificate_asked {
            return Ok(());
        }
        let listen = async {
            let mut ignored = [0; 1024];
            self.stream.shutdown().await?;
            while self.stream.read(&mut ignored).await? > 0 {}
            Ok::<(), io::Error>(())
        };
        let heard = tokio::time::timeout(OBJECTION, listen).await.unwrap_or(Ok(()));
        let failure = heard.map_err(|error| Failure::from_io(&error, peer));
        // Only an alert is about the certificate: how a connection ends after goodbye says nothing.
        failure.or_else(|failure| if failure.reason == Reason::TLSError { Err(failure) } else { Ok(()) })
    }
}

/// What one model's settings come to.
struct Setup {
    configs: Arc<Configs>,
    roots: Arc<Roots>,
}

type Held = (Weak<Tls>, Arc<Setup>);

/// All TLS configurations, shared by content.
pub(super) struct Settings {
    clock: Clock,
    /// For whoever sets nothing: most of all.
    plain: Result<Arc<Setup>, String>,
    /// By the address of the model's settings. The weak reference keeps that address from being used again,
    /// so that a hit needs no comparison of PEM texts.
    by_address: Mutex<HashMap<usize, Held, RandomState>>,
    configs: Pool<Configs>,
    roots: Pool<Roots>,
    native: Arc<Roots>,
    chains: Chains,
}

static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

impl Settings {
    pub(super) fn new(clock: Clock) -> Self {
        let native = Arc::new(Roots::native());
        let plain = Configs::new(&PROVIDER, None)
            .map(|configs| Arc::new(Setup { configs: Arc::new(configs), roots: Arc::clone(&native) }));
        Self {
            clock,
            plain,
            by_address: Mutex::default(),
            configs: Pool::new(),
            roots: Pool::new(),
            native,
            chains: Chains::default(),
        }
    }

    pub(super) async fn handshake(
        &self,
        stream: TcpStream,
        tls: &Arc<Tls>,
        host: &str,
        alpn: Alpn,
    ) -> Result<Secured, Failure> {
        let setup = self.setup(tls).map_err(|error| Failure::new(Reason::TLSError, format!("tls: {error}")))?;
        let name = server_name(tls.server_name.as_deref().unwrap_or(host))?;
        let (config, observed) = setup.configs.for_handshake(alpn);
        let start = self.clock.mono();
        let stream = TlsConnector::from(config).connect(name.clone(), stream).await.map_err(|error| {
            let mut failure = Failure::from_io(&error, &host);
            if error.kind() == io::ErrorKind::UnexpectedEof {
                failure = Failure::new(Reason::TLSError, format!("{host} closed the connection in the TLS handshake"));
            }
            failure
        })?;
        let took = self.clock.mono().saturating_sub(start);
        let (details, verdict) = self.judge(&stream, tls, &setup.roots, &name)?;
        Ok(Secured { stream, details, took, verdict, certificate_asked: observed.was_asked() })
    }

    /// What the handshake showed, and whether to trust it.
    fn judge(
        &self,
        stream: &TlsStream<TcpStream>,
        tls: &Tls,
        roots: &Roots,
        name: &ServerName<'_>,
    ) -> Result<(TlsDetails, Result<(), String>), Failure> {
        let (_, connection) = stream.get_ref();
        let certificates = connection.peer_certificates().unwrap_or_default();
        let Some((leaf, known)) = certificates.first().zip(self.chains.get(certificates)) else {
            let message = format!("certificate of {} cannot be read", name.to_str());
            return Err(Failure::new(Reason::CertificateInvalid, message));
        };
        let (chain_expiry, verdict) = if tls.insecure_skip_verify {
            (None, Ok(()))
        } else {
            let now = self.clock.wall() / 1000;
            match known.path(certificates, roots, &PROVIDER.signature_verification_algorithms, now) {
                Ok(path) => (Some(path.until), verdict::name(leaf, name, &known.details.subject_alternative)),
                Err(why) => (None, Err(why)),
            }
        };
        let details = TlsDetails {
            version: version(connection.protocol_version()),
            cipher: connection.negotiated_cipher_suite().map_or("", |suite| cipher(suite.suite())),
            earliest_expiry: known.earliest_expiry,
            chain_expiry,
            certificate: Arc::clone(&known.details),
        };
        Ok((details, verdict))
    }

    fn setup(&self, tls: &Arc<Tls>) -> Result<Arc<Setup>, String> {
        if tls.ca.is_none() && tls.cert.is_none() {
            return self.plain.clone();
        }
        let address = Arc::as_ptr(tls) as usize;
        if let Some((_, setup)) = self.by_address.lock().get(&address) {
            return Ok(Arc::clone(setup));
        }
        let setup = Arc::new(self.build(tls)?);
        let mut known = self.by_address.lock();
        // Amortised: each time the map doubles, what nobody holds any more goes.
        if known.len() >= 64 && known.len().is_power_of_two() {
            known.retain(|_, (tls, _)| tls.strong_count() > 0);
        }
        known.insert(address, (Arc::downgrade(tls), Arc::clone(&setup)));
        Ok(setup)
    }

    fn build(&self, tls: &Tls) -> Result<Setup, String> {
        let roots = match tls.ca.as_deref() {
            Some(ca) => self.roots.get(&digest(&[ca]), || Roots::from_pem(ca))?,
            None => Arc::clone(&self.native),
        };
        let configs = match (tls.cert.as_deref(), &tls.key) {
            (Some(cert), Some(key)) => {
                let key = key.expose();
                self.configs.get(&digest(&[cert, key]), || {
                    Configs::new(&PROVIDER, Some(pem::identity(cert, key, &PROVIDER)?))
                })?
            }
            _ => Arc::clone(&self.plain.as_ref().map_err(String::clone)?.configs),
        };
        Ok(Setup { configs, roots })
    }

    /// A configuration that verifies in the handshake, for clients that are no probes.
    pub(super) fn verifying_as(&self, tls: &Tls) -> Result<rustls::ClientConfig, String> {
        verifying::config(tls, &self.native.anchors)
    }

    /// As [`Settings::verifying_as`], with this machine's roots and with those of `ca` beside them.
    pub(super) fn verifying(&self, ca: Option<&str>) -> Result<rustls::ClientConfig, String> {
        let mut roots = rustls::RootCertStore { roots: self.native.anchors.clone() };
        if let Some(ca) = ca {
            roots.roots.extend_from_slice(&Roots::from_pem(ca)?.anchors);
        }
        Ok(rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }
}

/// A short key for a long text, some of which may be secret.
fn digest(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part.len().to_le_bytes());
        digest.update(part);
    }
    format!("{:x?}", digest.finalize().as_slice())
}

/// The name to send and to verify. A trailing dot belongs to DNS and to no certificate (RFC 6066, section 3).
fn server_name(host: &str) -> Result<ServerName<'static>, Failure> {
    ServerName::try_from(host.trim_end_matches('.').to_owned())
        .map_err(|_| Failure::new(Reason::TLSError, format!("{host} is not a name that a certificate can have")))
}

fn version(version: Option<ProtocolVersion>) -> &'static str {
    match version {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "unknown",
    }
}

/// As IANA registers it.
fn cipher(suite: CipherSuite) -> &'static str {
    match suite {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => "TLS_AES_128_GCM_SHA256",
        CipherSuite::TLS13_AES_256_GCM_SHA384 => "TLS_AES_256_GCM_SHA384",
        CipherSuite::TLS13_CHACHA20_POLY1305_SHA256 => "TLS_CHACHA20_POLY1305_SHA256",
        other => other.as_str().unwrap_or("unknown"),
    }
}
