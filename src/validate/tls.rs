//! TLS settings, and the `tls` probe.

use std::sync::Arc;

use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName},
};

use super::{checker::Checker, field::FieldPath};
use crate::{
    api::{IpFamilySpec, StartTlsSpec, TlsProbeSpec, TlsSpec},
    model::{IpFamily, Secret, StartTls, Tls, TlsProbe, pem},
};

pub fn probe(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    spec: &TlsProbeSpec,
    discovers: bool,
) -> Option<(TlsProbe, String)> {
    let address = checker.target_address(path, spec.address.as_deref(), discovers);
    let inner = spec.tls.as_ref().and_then(|tls| tls.server_name.as_ref());
    if inner.is_some() && spec.server_name.is_some() {
        checker.refuse(&path.field("serverName"), "at most one of serverName, tls.serverName may be set");
    }
    let outer = spec.server_name.as_ref().map(|name| server_name(checker, &path.field("serverName"), name));
    let tls = settings(checker, &path.field("tls"), spec.tls.as_ref());
    let (address, mut tls) = (address?, tls?);
    if let Some(name) = outer {
        tls.server_name = Some(name?);
    }
    let start_tls = spec.start_tls.map(|protocol| match protocol {
        StartTlsSpec::Smtp => StartTls::Smtp,
        StartTlsSpec::Imap => StartTls::Imap,
        StartTlsSpec::Postgres => StartTls::Postgres,
    });
    let probe = TlsProbe { address, ip_family: family(spec.ip_family), tls: tls.shared(), start_tls };
    Some((probe, spec.address.clone().unwrap_or_default()))
}

pub fn family(spec: IpFamilySpec) -> IpFamily {
    match spec {
        IpFamilySpec::Any => IpFamily::Any,
        IpFamilySpec::IPv4 => IpFamily::IPv4,
        IpFamilySpec::IPv6 => IpFamily::IPv6,
    }
}

/// The settings of a `tls` field, or the usual ones when there is none.
pub fn settings(checker: &mut Checker<'_>, path: &FieldPath, spec: Option<&TlsSpec>) -> Option<Tls> {
    let Some(spec) = spec else {
        // One that was written, and left out because it is wrong, is not to be taken for the usual ones.
        return (!checker.is_set(path)).then(Tls::default);
    };
    if checker.is_set(&path.field("cert")) != checker.is_set(&path.field("key")) {
        checker.refuse(path, "cert and key must be set together");
    }
    let ca = spec.ca.as_ref().map(|source| {
        let at = path.field("ca");
        let text = checker.text(&at, source)?;
        certificates(checker, &at, text.value.expose()).filter(|found| trusted(checker, &at, found))?;
        Some(Arc::from(text.value.expose().as_str()))
    });
    let cert = spec.cert.as_ref().map(|source| {
        let at = path.field("cert");
        let text = checker.text(&at, source)?;
        let chain = certificates(checker, &at, text.value.expose())?;
        Some((text.value, chain))
    });
    let key = spec.key.as_ref().map(|source| {
        let at = path.field("key");
        let text = checker.credential(&at, source)?;
        let key = private_key(checker, &at, text.expose())?;
        Some((text, key))
    });
    let name = spec.server_name.as_ref().map(|name| server_name(checker, &path.field("serverName"), name));

    let mut tls = Tls { asked: true, insecure_skip_verify: spec.insecure_skip_verify, ..Tls::default() };
    tls.ca = given(ca)?;
    tls.server_name = given(name)?;
    if let (Some((cert, chain)), Some((text, key))) = (given(cert)?, given(key)?) {
        belong_together(checker, &path.field("key"), chain, key)?;
        tls.cert = Some(Arc::from(cert.expose().as_str()));
        tls.key = Some(Secret::new(Arc::from(text.expose().as_str())));
    }
    Some(tls)
}

/// Absent is well; given and wrong is not.
fn given<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(None) => None,
        Some(Some(value)) => Some(Some(value)),
    }
}

fn server_name(checker: &mut Checker<'_>, path: &FieldPath, name: &str) -> Option<Arc<str>> {
    if ServerName::try_from(name).is_err() {
        checker.refuse_with(path, "is neither a host name nor an address", "such as db.example.com, without a port");
        return None;
    }
    Some(name.into())
}

fn certificates(checker: &mut Checker<'_>, path: &FieldPath, text: &str) -> Option<Vec<CertificateDer<'static>>> {
    pem::certificates(text).map_err(|problem| checker.refuse(path, problem)).ok()
}

/// Whether each of the certificates can serve as a root.
fn trusted(checker: &mut Checker<'_>, path: &FieldPath, certificates: &[CertificateDer<'static>]) -> bool {
    let mut roots = RootCertStore::empty();
    let bad = certificates.iter().position(|certificate| roots.add(certificate.clone()).is_err());
    if let Some(at) = bad {
        checker.refuse(path, format!("certificate {} of {} in it cannot be read", at + 1, certificates.len()));
    }
    bad.is_none()
}

fn private_key(checker: &mut Checker<'_>, path: &FieldPath, text: &str) -> Option<PrivateKeyDer<'static>> {
    pem::private_key(text).map_err(|problem| checker.refuse(path, problem)).ok()
}

fn belong_together(
    checker: &mut Checker<'_>,
    path: &FieldPath,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Option<()> {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    pem::identity(chain, key, &provider).map(drop).map_err(|problem| checker.refuse(path, problem)).ok()
}
