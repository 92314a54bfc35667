//! Certificates and keys from PEM, with what is wrong in words that name no content.

use rustls::{
    Error,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// The certificates of a PEM text, at least one.
///
/// # Errors
/// What is wrong, to follow the name of the field.
pub fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match certificates {
        Ok(found) if found.is_empty() => Err("holds no PEM certificate (BEGIN CERTIFICATE)".to_owned()),
        Ok(found) => readable(found),
        Err(_) => Err("is not well-formed PEM".to_owned()),
    }
}

/// The private key of a PEM text.
///
/// # Errors
/// What is wrong, to follow the name of the field.
pub fn private_key(pem: &str) -> Result<PrivateKeyDer<'static>, String> {
    PrivateKeyDer::from_pem_slice(pem.as_bytes())
        .map_err(|_| "holds no PEM private key (BEGIN PRIVATE KEY, not encrypted)".to_owned())
}

/// A client's chain with its key.
///
/// # Errors
/// What is wrong with the key, to follow the name of its field.
pub fn identity(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    provider: &CryptoProvider,
) -> Result<CertifiedKey, String> {
    // The message of a key that cannot be loaded is about its format, never about its content.
    let key = provider.key_provider.load_private_key(key).map_err(|error| format!("cannot be used: {error}"))?;
    let identity = CertifiedKey::new(chain, key);
    match identity.keys_match() {
        Err(Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err("does not belong to the first certificate of cert".to_owned())
        }
        // Not known whether they match: so it is with X.509 version 1, which rustls does not take from a
        // server, while clients' certificates are often of it. The server judges them.
        _ => Ok(identity),
    }
}

fn readable(certificates: Vec<CertificateDer<'static>>) -> Result<Vec<CertificateDer<'static>>, String> {
    match certificates.iter().position(|certificate| X509Certificate::from_der(certificate).is_err()) {
        Some(at) => {
            Err(format!("holds {} certificates, of which number {} cannot be read", certificates.len(), at + 1))
        }
        None => Ok(certificates),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};

    use super::*;

    fn pair() -> (String, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["a".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn what_belongs_together_is_taken_and_nothing_else() {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let ((cert, key), (_, other)) = (pair(), pair());
        let judge = |cert: &str, key: &str| identity(certificates(cert)?, private_key(key)?, &provider).map(drop);
        assert_eq!(judge(&cert, &key), Ok(()));
        assert_eq!(judge(&cert, &other).unwrap_err(), "does not belong to the first certificate of cert");
        assert_eq!(judge("", &key).unwrap_err(), "holds no PEM certificate (BEGIN CERTIFICATE)");
        assert_eq!(judge(&key, &key).unwrap_err(), "holds no PEM certificate (BEGIN CERTIFICATE)");
        assert!(judge(&cert, &cert).unwrap_err().starts_with("holds no PEM private key"));
        let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(judge(garbage, &key).unwrap_err(), "holds 1 certificates, of which number 1 cannot be read");
        let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
        assert!(judge(&cert, garbage).unwrap_err().starts_with("cannot be used"));
        assert_eq!(certificates("-----BEGIN CERTIFICATE-----\nA?\n").unwrap_err(), "is not well-formed PEM");
    }
}
