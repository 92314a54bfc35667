//! What is known of the chains that were seen lately, so that a run pays for the handshake and not for
//! reading and verifying the same certificates again.
//!
//! A verified path holds until one of its certificates ends: there is nothing else that could change it.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use rustls::{crypto::WebPkiSupportedAlgorithms, pki_types::CertificateDer};
use sha2::{Digest, Sha256};

use super::{
    details::{self, Facts},
    roots::Roots,
    verdict::{self, Trusted},
};
use crate::probe::CertificateDetails;

/// How many chains are kept. An entry is about 2 KB, so a full map is 32 MB; that many different
/// certificates are more than any fleet that one process probes.
const CHAINS_MAX: usize = 1 << 14;

/// One chain is usually judged by one set of roots, or by a few.
const ROOTS_MAX: usize = 8;

/// What does not change about a chain.
pub(super) struct Known {
    pub(super) details: Arc<CertificateDetails>,
    /// Unix seconds: the earliest notAfter of what was sent.
    pub(super) earliest_expiry: i64,
    facts: Vec<Facts>,
    leaf_fingerprint: [u8; 32],
    /// By the id of the roots.
    trusted: Mutex<Vec<(u64, Trusted)>>,
}

impl Known {
    /// None when there is no certificate in it that can be read.
    fn read(certificates: &[CertificateDer<'_>]) -> Option<Self> {
        let leaf = certificates.first()?;
        let facts: Vec<Facts> = certificates.iter().filter_map(|der| details::facts(der)).collect();
        if facts.len() != certificates.len() {
            return None;
        }
        Some(Self {
            details: Arc::new(details::details(leaf)?),
            earliest_expiry: facts.iter().map(|facts| facts.not_after).min()?,
            facts,
            leaf_fingerprint: Sha256::digest(leaf).into(),
            trusted: Mutex::default(),
        })
    }

    /// The path from this chain to one of the roots, at `now` (unix seconds).
    pub(super) fn path(
        &self,
        certificates: &[CertificateDer<'_>],
        roots: &Roots,
        algorithms: &WebPkiSupportedAlgorithms,
        now: i64,
    ) -> Result<Trusted, String> {
        let known = self.trusted.lock().iter().find(|(id, _)| *id == roots.id).map(|&(_, trusted)| trusted);
        if let Some(known) = known
            && known.holds_at(now)
        {
            return Ok(known);
        }
        let chain = verdict::Chain { certificates, facts: &self.facts, leaf_fingerprint: &self.leaf_fingerprint };
        let trusted = verdict::path(&chain, roots, algorithms, now)?;
        let mut kept = self.trusted.lock();
        kept.retain(|(id, _)| *id != roots.id);
        if kept.len() >= ROOTS_MAX {
            kept.remove(0);
        }
        kept.push((roots.id, trusted));
        Ok(trusted)
    }
}

/// The chains that were seen, by the digest of all that was sent.
#[derive(Default)]
pub(super) struct Chains(Mutex<HashMap<[u8; 32], Arc<Known>, RandomState>>);

impl Chains {
    /// What is known of a chain, read now if it is new. None when it cannot be read.
    pub(super) fn get(&self, certificates: &[CertificateDer<'_>]) -> Option<Arc<Known>> {
        let mut digest = Sha256::new();
        for certificate in certificates {
            digest.update(certificate.len().to_le_bytes());
            digest.update(certificate);
        }
        let digest: [u8; 32] = digest.finalize().into();
        if let Some(known) = self.0.lock().get(&digest) {
            return Some(Arc::clone(known));
        }
        let known = Arc::new(Known::read(certificates)?);
        let mut chains = self.0.lock();
        if chains.len() >= CHAINS_MAX {
            // Certificates are renewed and never come back: emptying the map costs each live chain one reading.
            chains.clear();
        }
        chains.insert(digest, Arc::clone(&known));
        Some(known)
    }
}
