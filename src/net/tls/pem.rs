//! What PEM of an object is to this module: the roots to trust, a client's chain and key. Pure.

use std::sync::Arc;

use rustls::{crypto::CryptoProvider, pki_types::CertificateDer, sign::CertifiedKey};

use crate::model::pem;

/// The certificates of a PEM text, at least one.
pub(super) fn certificates(text: &str, field: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    pem::certificates(text).map_err(|problem| format!("{field} {problem}"))
}

/// A client's chain with its key.
pub(super) fn identity(cert: &str, key: &str, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, String> {
    let chain = certificates(cert, "cert")?;
    let key = pem::private_key(key).map_err(|problem| format!("key {problem}"))?;
    pem::identity(chain, key, provider).map(Arc::new).map_err(|problem| format!("key {problem}"))
}
