//! Whether a chain of certificates can be trusted, and if not, why. Pure.
//!
//! The handshake takes any chain (see `config`), so that a bad one can be described; this is where it
//! is judged, by the rules of RFC 5280 as webpki has them.

use std::cell::Cell;

use rustls::{
    crypto::WebPkiSupportedAlgorithms,
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use webpki::{EndEntityCert, Error, KeyUsage, VerifiedPath};

use super::{
    details::{Facts, day},
    roots::Roots,
};

/// A chain that leads to a root, for as long as none of its certificates begins or ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trusted {
    /// Unix seconds.
    pub(super) from: i64,
    /// Unix seconds: the earliest notAfter of the path that lasts longest, its root included.
    pub(super) until: i64,
}

impl Trusted {
    pub(super) fn holds_at(&self, now: i64) -> bool {
        (self.from..=self.until).contains(&now)
    }
}

/// A chain as it came, with what its certificates say.
pub(super) struct Chain<'a> {
    /// The leaf first; at least one.
    pub(super) certificates: &'a [CertificateDer<'a>],
    pub(super) facts: &'a [Facts],
    pub(super) leaf_fingerprint: &'a [u8; 32],
}

/// Looks for a path from the leaf to one of the roots that holds at `now` (unix seconds).
///
/// # Errors
/// Why there is none, as a sentence about the certificate.
pub(super) fn path(
    chain: &Chain<'_>,
    roots: &Roots,
    algorithms: &WebPkiSupportedAlgorithms,
    now: i64,
) -> Result<Trusted, String> {
    let Some(leaf_facts) = chain.facts.first() else { return Err("the peer sent no certificate".to_owned()) };
    if roots.contain(chain.leaf_fingerprint) {
        // The certificate itself is what the user trusts: there is no path to look for.
        let itself = Trusted { from: leaf_facts.not_before, until: leaf_facts.not_after };
        return if itself.holds_at(now) { Ok(itself) } else { Err(out_of_time(leaf_facts, now, "certificate")) };
    }
    let (leaf, others) = chain.certificates.split_at(1);
    let best: Cell<Option<Trusted>> = Cell::new(None);
    let expired_root: Cell<Option<i64>> = Cell::new(None);
    // Every path that verifies is refused after it was noted, so that the search goes on to the next:
    // a chain lasts as long as the longest-lasting of them.
    let note = |path: &VerifiedPath<'_>| {
        let found = span(path, chain, roots);
        if found.holds_at(now) {
            if best.get().is_none_or(|best| found.until > best.until) {
                best.set(Some(found));
            }
        } else {
            expired_root.set(Some(found.until));
        }
        Err(Error::UnknownIssuer)
    };
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now.max(0).unsigned_abs()));
    let verified = EndEntityCert::try_from(&leaf[0]).and_then(|leaf| {
        leaf.verify_for_usage(algorithms.all, &roots.anchors, others, time, KeyUsage::server_auth(), None, Some(&note))
            .map(drop)
    });
    if let Some(best) = best.get() {
        return Ok(best);
    }
    match (expired_root.get(), verified) {
        (Some(until), _) => Err(format!("the root of the certificate's chain expired on {}", day(until))),
        (None, Err(error)) => Err(explain(&error, chain, now)),
        // `note` refuses every path, so that success never comes; it would mean no more than "unknown" if it did.
        (None, Ok(())) => Err(explain(&Error::UnknownIssuer, chain, now)),
    }
}

/// When a path begins and ends to hold.
fn span(path: &VerifiedPath<'_>, chain: &Chain<'_>, roots: &Roots) -> Trusted {
    let leaf = chain.facts.first().map(|facts| (facts.not_before, facts.not_after));
    let between = path.intermediate_certificates().filter_map(|certificate| {
        let der = certificate.der();
        let index = chain.certificates.iter().position(|sent| sent.as_ref() == der.as_ref())?;
        chain.facts.get(index).map(|facts| (facts.not_before, facts.not_after))
    });
    let root = roots
        .anchors
        .iter()
        .position(|anchor| std::ptr::eq(anchor, path.anchor()))
        .and_then(|index| roots.validity.get(index).copied());
    let all = leaf.into_iter().chain(between).chain(root);
    all.fold(Trusted { from: i64::MIN, until: i64::MAX }, |span, (from, until)| Trusted {
        from: span.from.max(from),
        until: span.until.min(until),
    })
}

/// Whether the leaf is for the name that was meant.
///
/// # Errors
/// For which names it is, as a sentence about the certificate.
pub(super) fn name(leaf: &CertificateDer<'_>, wanted: &ServerName<'_>, names: &str) -> Result<(), String> {
    let verified = EndEntityCert::try_from(leaf).and_then(|leaf| leaf.verify_is_valid_for_subject_name(wanted));
    if verified.is_ok() {
        return Ok(());
    }
    let wanted = wanted.to_str();
    if names.is_empty() {
        return Err(format!("certificate names no host or address, so it is not for {wanted}"));
    }
    let mut some: Vec<&str> = names.split(',').take(NAMES_TOLD + 1).collect();
    let more = some.len() > NAMES_TOLD;
    some.truncate(NAMES_TOLD);
    Err(format!("certificate is for {}{}, not {wanted}", some.join(", "), if more { " and others" } else { "" }))
}

/// Enough to see what the certificate is for; a message is short.
const NAMES_TOLD: usize = 3;

fn explain(error: &Error, chain: &Chain<'_>, now: i64) -> String {
    let Some(leaf) = chain.facts.first() else { return error.to_string() };
    match error {
        Error::CertExpired { .. } | Error::CertNotValidYet { .. } => {
            let bad =
                chain.facts.iter().enumerate().find(|(_, facts)| !(facts.not_before..=facts.not_after).contains(&now));
            match bad {
                Some((0, facts)) => out_of_time(facts, now, "certificate"),
                Some((_, facts)) => out_of_time(facts, now, &format!("intermediate certificate {}", facts.subject)),
                None => error.to_string(),
            }
        }
        Error::UnknownIssuer | Error::CaUsedAsEndEntity if leaf.self_issued => "certificate is self-signed".to_owned(),
        Error::UnknownIssuer => {
            // The last issuer that is not among the certificates sent.
            let missing = chain
                .facts
                .iter()
                .map(|facts| &facts.issuer)
                .find(|issuer| !chain.facts.iter().any(|facts| facts.subject == **issuer))
                .or_else(|| chain.facts.last().map(|facts| &facts.issuer));
            let hint = if chain.facts.len() == 1 { " (the peer sent no intermediate certificate)" } else { "" };
            format!("certificate is issued by an unknown authority: {}{hint}", missing.map_or("", String::as_str))
        }
        Error::CaUsedAsEndEntity => "certificate is an authority's, not a server's".to_owned(),
        Error::RequiredEkuNotFoundContext(_) => "certificate is not for servers (extended key usage)".to_owned(),
        Error::InvalidSignatureForPublicKey => "certificate is not signed by the authority that it names".to_owned(),
        Error::NameConstraintViolation => "certificate is for a name that its authority may not sign for".to_owned(),
        other => format!("certificate cannot be verified: {other}"),
    }
}

fn out_of_time(facts: &Facts, now: i64, which: &str) -> String {
    if now > facts.not_after {
        format!("{which} expired on {}", day(facts.not_after))
    } else {
        format!("{which} is not valid before {}", day(facts.not_before))
    }
}
