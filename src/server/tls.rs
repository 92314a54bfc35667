//! TLS for who asks: certificate chain and key from files, in force anew when they change.

use std::sync::Arc;

use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use super::{ServerError, TlsFiles, files::Watched};

/// Reads the files for the first time.
///
/// # Errors
/// When one cannot be read, holds no PEM of its kind, or the two do not belong together.
pub(super) fn load(files: &TlsFiles) -> Result<Watched<ServerConfig>, ServerError> {
    Watched::load("the TLS certificate (--tls-cert, --tls-key)", vec![files.cert.clone(), files.key.clone()], parse)
}

fn parse(files: &[Vec<u8>]) -> Result<ServerConfig, String> {
    let [cert, key] = files else { return Err("certificate and key are needed".to_owned()) };
    let chain: Vec<_> = CertificateDer::pem_slice_iter(cert)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("its certificates cannot be read: {error}"))?;
    if chain.is_empty() {
        return Err("it holds no certificate in PEM".to_owned());
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(|_| "the key file holds no private key in PEM".to_owned())?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| format!("certificate and key do not serve together: {error}"))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
