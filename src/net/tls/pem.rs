//! Reads PEM: the roots to trust, a client's chain and key. Pure.

use std::sync::Arc;

use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};

use super::roots::Roots;

/// Whether PEM from an object can be used, so that a mistake is told when the object is read and not when
/// it first runs. `cert` and `key` come both or not at all.
///
/// # Errors
/// What is wrong, in one line that names the field (`ca`, `cert`, `key`) and never what a key holds.
pub fn check_pem(ca: Option<&str>, cert: Option<&str>, key: Option<&str>) -> Result<(), String> {
    if let Some(ca) = ca {
        Roots::from_pem(ca)?;
    }
    match (cert, key) {
        (None, None) => Ok(()),
        (Some(cert), Some(key)) => identity(cert, key, &super::provider()).map(drop),
        (Some(_), None) => Err("cert is given without key".to_owned()),
        (None, Some(_)) => Err("key is given without cert".to_owned()),
    }
}

/// The certificates of a PEM text, at least one.
pub(super) fn certificates(pem: &str, field: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certificates {
        Ok(found) if found.is_empty() => Err(format!("{field} holds no PEM certificate (BEGIN CERTIFICATE)")),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("{field} is not PEM: {error}")),
    }
}

/// A client's chain with its key.
pub(super) fn identity(cert: &str, key: &str, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, String> {
    let chain = certificates(cert, "cert")?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes())
        .map_err(|_| "key holds no PEM private key (BEGIN PRIVATE KEY, not encrypted)".to_owned())?;
    CertifiedKey::from_der(chain, key, provider).map(Arc::new).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => "key does not belong to cert".to_owned(),
        rustls::Error::InvalidCertificate(what) => format!("cert is not usable: {what}"),
        // The message of a key that cannot be loaded is about its format, never about its content.
        other => format!("key is not usable: {other}"),
    })
}
