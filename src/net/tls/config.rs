//! TLS configurations, made once per content and never per run.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        ResolvesClientCert, Resumption,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{self, CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, ServerName, UnixTime},
    sign::CertifiedKey,
};

/// What is offered as the protocol inside of TLS (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alpn {
    /// Nothing.
    None,
    Http1,
    Http2,
}

/// One configuration per [`Alpn`].
#[derive(Debug)]
pub(super) struct Configs([Arc<ClientConfig>; 3]);

impl Configs {
    /// # Errors
    /// When the provider has no ciphers for the versions that we speak, which does not happen.
    pub(super) fn new(provider: &Arc<CryptoProvider>, identity: Option<Arc<CertifiedKey>>) -> Result<Self, String> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TakesAnyChain(provider.signature_verification_algorithms)));
        let mut plain = builder.with_client_cert_resolver(Arc::new(Identity(identity)));
        // A resumed session shows no certificate, and a probe is there to see it.
        plain.resumption = Resumption::disabled();
        let with = |protocol: &[u8]| {
            let mut config = plain.clone();
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config)
        };
        let (http1, http2) = (with(b"http/1.1"), with(b"h2"));
        Ok(Self([Arc::new(plain), http1, http2]))
    }

    /// The configuration for one handshake, and whether a client's certificate is asked for in it.
    pub(super) fn for_handshake(&self, alpn: Alpn) -> (Arc<ClientConfig>, Arc<Observed>) {
        let config = &self.0[alpn as usize];
        let observed =
            Arc::new(Observed { inner: Arc::clone(&config.client_auth_cert_resolver), asked: AtomicBool::new(false) });
        // Copies a few pointers: small beside a handshake.
        let mut config = ClientConfig::clone(config);
        config.client_auth_cert_resolver = Arc::clone(&observed) as Arc<dyn ResolvesClientCert>;
        (Arc::new(config), observed)
    }
}

/// Shows the client's certificate to whoever asks, if there is one.
#[derive(Debug)]
struct Identity(Option<Arc<CertifiedKey>>);

impl ResolvesClientCert for Identity {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

/// Notes that a certificate was asked for.
#[derive(Debug)]
pub(super) struct Observed {
    inner: Arc<dyn ResolvesClientCert>,
    asked: AtomicBool,
}

impl Observed {
    pub(super) fn was_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }
}

impl ResolvesClientCert for Observed {
    fn resolve(&self, hints: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.inner.resolve(hints, schemes)
    }

    fn has_certs(&self) -> bool {
        self.inner.has_certs()
    }

    fn only_raw_public_keys(&self) -> bool {
        self.inner.only_raw_public_keys()
    }
}

/// Lets the handshake finish whatever the chain is, so that a bad certificate can be described. The
/// signatures in the handshake are verified: the peer does hold the key of what it shows. Whether it can
/// be trusted is decided right after, by `verdict`.
#[derive(Debug)]
pub(super) struct TakesAnyChain(pub(super) WebPkiSupportedAlgorithms);

impl ServerCertVerifier for TakesAnyChain {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls12_signature(message, cert, dss, &self.0)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        crypto::verify_tls13_signature(message, cert, dss, &self.0)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_schemes()
    }
}
