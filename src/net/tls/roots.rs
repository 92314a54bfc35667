//! The certificates to trust.

use std::{
    collections::HashSet,
    sync::atomic::{AtomicU64, Ordering},
};

use foldhash::fast::RandomState;
use rustls::pki_types::{CertificateDer, TrustAnchor};
use sha2::{Digest, Sha256};

use super::{details, pem};

static NEXT_ID: AtomicU64 = AtomicU64::new(0);

/// A set of roots, the system's or those of one object.
pub(super) struct Roots {
    /// Tells two sets apart for as long as the process lives.
    pub(super) id: u64,
    pub(super) anchors: Vec<TrustAnchor<'static>>,
    /// Of each anchor, in unix seconds: not before, not after.
    pub(super) validity: Vec<(i64, i64)>,
    /// Of the whole certificates: a server's own certificate may be the one to trust.
    fingerprints: HashSet<[u8; 32], RandomState>,
}

impl Roots {
    /// The roots of this machine; `SSL_CERT_FILE` and `SSL_CERT_DIR` name others. What cannot be read is left out.
    pub(super) fn native() -> Self {
        let loaded = rustls_native_certs::load_native_certs();
        for error in loaded.errors {
            tracing::warn!(%error, "some of this machine's root certificates cannot be read");
        }
        let mut roots = Self::empty();
        for certificate in loaded.certs {
            // System bundles hold a few that nobody can use; they are no reason to stop.
            let _ = roots.add(&certificate);
        }
        if roots.anchors.is_empty() {
            tracing::warn!("this machine has no root certificates: no certificate will verify without tls.ca");
        }
        roots
    }

    /// # Errors
    /// What is wrong with the PEM, in one line.
    pub(super) fn from_pem(ca: &str) -> Result<Self, String> {
        let mut roots = Self::empty();
        for (index, certificate) in pem::certificates(ca, "ca")?.into_iter().enumerate() {
            roots.add(&certificate).map_err(|error| format!("ca: certificate {}: {error}", index + 1))?;
        }
        Ok(roots)
    }

    fn empty() -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            anchors: Vec::new(),
            validity: Vec::new(),
            fingerprints: HashSet::default(),
        }
    }

    fn add(&mut self, certificate: &CertificateDer<'_>) -> Result<(), String> {
        let anchor = webpki::anchor_from_trusted_cert(certificate)
            .map_err(|error| format!("not a certificate to trust: {error}"))?
            .to_owned();
        let facts = details::facts(certificate).ok_or("not a certificate")?;
        self.anchors.push(anchor);
        self.validity.push((facts.not_before, facts.not_after));
        self.fingerprints.insert(Sha256::digest(certificate).into());
        Ok(())
    }

    /// Whether this very certificate is one of the roots.
    pub(super) fn contain(&self, fingerprint: &[u8; 32]) -> bool {
        self.fingerprints.contains(fingerprint)
    }
}
