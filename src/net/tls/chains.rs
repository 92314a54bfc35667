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

/// How many bytes of chains are kept, as they were sent; what is kept of a chain is at most about as long. A usual
/// one is 4 KB, so these are 8,000 different ones, more than any fleet that one process probes. It is bytes that are
/// counted because a hostile peer may send 64 KB, and other ones each time.
const BYTES_MAX: usize = 32 << 20;

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

/// The chains that were seen.
#[derive(Default)]
pub(super) struct Chains(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    /// By the digest of all that was sent.
    chains: HashMap<[u8; 32], Arc<Known>, RandomState>,
    /// Of the chains in it, as they were sent.
    bytes: usize,
}

impl Chains {
    /// What is known of a chain, read now if it is new. None when it cannot be read.
    pub(super) fn get(&self, certificates: &[CertificateDer<'_>]) -> Option<Arc<Known>> {
        let mut digest = Sha256::new();
        let mut bytes = 0;
        for certificate in certificates {
            digest.update(certificate.len().to_le_bytes());
            digest.update(certificate);
            bytes += certificate.len();
        }
        let digest: [u8; 32] = digest.finalize().into();
        if let Some(known) = self.0.lock().chains.get(&digest) {
            return Some(Arc::clone(known));
        }
        let known = Arc::new(Known::read(certificates)?);
        let mut seen = self.0.lock();
        if seen.bytes + bytes > BYTES_MAX {
            // Certificates are renewed and never come back: emptying the map costs each live chain one reading.
            *seen = Seen::default();
        }
        if seen.chains.insert(digest, Arc::clone(&known)).is_none() {
            seen.bytes += bytes;
        }
        Some(known)
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair};

    use super::*;

    #[test]
    fn what_is_kept_is_bounded_by_bytes_whatever_peers_send() {
        let key = KeyPair::generate().unwrap();
        let names =
            |seed: usize| (0..400).map(|i| format!("{seed}-{i}.{}.example", "x".repeat(60))).collect::<Vec<_>>();
        let chains = Chains::default();
        let (mut sent, mut emptied) = (0, false);
        for seed in 0.. {
            let leaf = CertificateParams::new(names(seed)).unwrap().self_signed(&key).unwrap().der().clone();
            // Long chains are made of one certificate here, as many times as a handshake message has room for.
            let chain = vec![leaf.clone(); 2];
            let before = chains.0.lock().bytes;
            assert!(chains.get(&chain).is_some());
            assert!(Arc::ptr_eq(&chains.get(&chain).unwrap(), &chains.get(&chain).unwrap()));
            let seen = chains.0.lock();
            assert!(seen.bytes <= BYTES_MAX);
            sent += leaf.len() * 2;
            emptied |= seen.bytes < before;
            if sent > BYTES_MAX + (1 << 20) {
                break;
            }
        }
        assert!(emptied);
    }
}
