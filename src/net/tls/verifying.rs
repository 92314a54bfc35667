//! TLS of HTTP clients that are no probes: a bad certificate ends the handshake, as there is nothing to describe.

use std::sync::Arc;

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime},
};

use super::{PROVIDER, config::TakesAnyChain, pem, provider, roots::Roots, server_name};
use crate::model::Tls;

/// What an object's `tls` comes to. Without a `ca` the anchors of `native` are trusted.
///
/// # Errors
/// What is wrong with the object's PEM, or what the TLS library says when it cannot be set up.
pub(super) fn config(tls: &Tls, native: &[TrustAnchor<'static>]) -> Result<ClientConfig, String> {
    let roots = match tls.ca.as_deref() {
        Some(ca) => Roots::from_pem(ca)?.anchors,
        None => native.to_vec(),
    };
    let roots = RootCertStore { roots };
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let builder = match (tls.insecure_skip_verify, tls.server_name.as_deref()) {
        (true, _) => {
            let any = Arc::new(TakesAnyChain(PROVIDER.signature_verification_algorithms));
            builder.dangerous().with_custom_certificate_verifier(any)
        }
        (false, None) => builder.with_root_certificates(roots),
        (false, Some(name)) => {
            let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider());
            let inner = inner.build().map_err(|error| error.to_string())?;
            let name = server_name(name).map_err(|failure| failure.message)?;
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Named { inner, name }))
        }
    };
    match (tls.cert.as_deref(), &tls.key) {
        (Some(cert), Some(key)) => {
            let identity = pem::identity(cert, key.expose(), &PROVIDER)?;
            let single = Arc::new(rustls::sign::SingleCertAndKey::from(identity));
            Ok(builder.with_client_cert_resolver(single))
        }
        _ => Ok(builder.with_no_client_auth()),
    }
}

/// Verifies for another name than the host's; the host's is still the one that is sent.
#[derive(Debug)]
struct Named {
    inner: Arc<WebPkiServerVerifier>,
    name: ServerName<'static>,
}

impl ServerCertVerifier for Named {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
