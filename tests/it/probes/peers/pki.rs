//! Certificates of every kind, made for one test.

use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
    date_time_ymd,
};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};

/// First and last day of a certificate, as years.
pub type Years = (i32, i32);

/// Valid now, whenever the test runs.
pub const NOW: Years = (2020, 2200);

/// What signs certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub pem: String,
    der: CertificateDer<'static>,
    /// Of those between this one and its root.
    chain: Vec<CertificateDer<'static>>,
}

/// A chain with its key.
pub struct Identity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    pub chain_pem: String,
    pub key_pem: String,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            chain_pem: self.chain_pem.clone(),
            key_pem: self.key_pem.clone(),
        }
    }
}

fn params(common_name: &str, names: &[&str], years: Years) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(years.0, 1, 1);
    params.not_after = date_time_ymd(years.1, 1, 1);
    params
}

fn authority_params(name: &str, years: Years) -> CertificateParams {
    let mut params = params(name, &[], years);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

impl Authority {
    /// A root.
    pub fn new(name: &str, years: Years) -> Self {
        let (params, key) = (authority_params(name, years), KeyPair::generate().unwrap());
        let certificate = params.self_signed(&key).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Self { issuer: Issuer::new(params, key), pem, der, chain: vec![] }
    }

    /// One that this one signs.
    pub fn intermediate(&self, name: &str, years: Years) -> Self {
        let (params, key) = (authority_params(name, years), KeyPair::generate().unwrap());
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        let mut chain = vec![der.clone()];
        chain.extend(self.chain.iter().cloned());
        Self { issuer: Issuer::new(params, key), pem, der, chain }
    }

    /// A server's certificate, with what is between it and the root.
    pub fn server(&self, names: &[&str], years: Years) -> Identity {
        self.sign(names, years, ExtendedKeyUsagePurpose::ServerAuth)
    }

    pub fn client(&self, name: &str) -> Identity {
        self.sign(&[name], NOW, ExtendedKeyUsagePurpose::ClientAuth)
    }

    fn sign(&self, names: &[&str], years: Years, purpose: ExtendedKeyUsagePurpose) -> Identity {
        let mut params = params(names.first().copied().unwrap_or("nobody"), names, years);
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let mut chain = vec![certificate.der().clone()];
        chain.extend(self.chain.iter().cloned());
        Identity::new(chain, certificate.pem(), &key)
    }

    /// Who may come as a client: whom this one signed.
    pub fn root_store(&self) -> Arc<rustls::RootCertStore> {
        let mut store = rustls::RootCertStore::empty();
        store.add(self.der.clone()).unwrap();
        Arc::new(store)
    }
}

impl Identity {
    fn new(chain: Vec<CertificateDer<'static>>, chain_pem: String, key: &KeyPair) -> Self {
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Self { chain, key: der, chain_pem, key_pem: key.serialize_pem() }
    }

    /// A certificate that nobody but itself vouches for; like openssl, it may call itself an authority.
    pub fn self_signed(names: &[&str], is_authority: bool) -> Self {
        let mut params = params(names[0], names, NOW);
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Self::new(vec![certificate.der().clone()], certificate.pem(), &key)
    }

    /// Without what is between it and the root.
    pub fn alone(mut self) -> Self {
        self.chain.truncate(1);
        self
    }

    /// A server that shows this. With `clients`, it wants a certificate that this authority signed.
    pub fn server(&self, clients: Option<&Authority>, versions: &[&'static SupportedProtocolVersion]) -> ServerConfig {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_protocol_versions(versions).unwrap();
        let builder = match clients {
            Some(authority) => {
                let store = authority.root_store();
                let verifier = WebPkiClientVerifier::builder_with_provider(store, provider).build().unwrap();
                builder.with_client_cert_verifier(verifier)
            }
            None => builder.with_no_client_auth(),
        };
        builder.with_single_cert(self.chain.clone(), self.key.clone_key()).unwrap()
    }
}
