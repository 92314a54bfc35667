//! The least that a probe can cost: a loop that connects, sends one GET, reads to the end and closes, at a pace.

use std::{sync::Arc, time::Duration};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};
use tokio_rustls::TlsConnector;

use super::{
    child::{raise_descriptors, runtime},
    manifests::host,
};

/// `targets` targets on `port`, each once every `every_ms`, until killed; over TLS when there is an authority.
pub fn main(port: u16, targets: u32, every_ms: u64, ca: Option<&str>) {
    match ca {
        None => http(port, targets, every_ms),
        Some(ca) => https(port, targets, every_ms, ca),
    }
}

fn http(port: u16, targets: u32, every_ms: u64) {
    pace(targets, every_ms, move |target| async move {
        let stream = connect(port, target).await?;
        ask(stream).await
    });
}

/// A full TLS handshake each, verified by `ca`.
fn https(port: u16, targets: u32, every_ms: u64, ca: &str) {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca.as_bytes()) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let mut config = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    pace(targets, every_ms, move |target| {
        let (connector, name) = (connector.clone(), name.clone());
        async move {
            let stream = connect(port, target).await?;
            ask(connector.connect(name, stream).await?).await
        }
    });
}

async fn connect(port: u16, target: u32) -> std::io::Result<TcpStream> {
    let stream = TcpStream::connect((host(target), port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
    stream.write_all(b"GET /floor HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::with_capacity(1024);
    stream.read_to_end(&mut answer).await?;
    assert!(answer.starts_with(b"HTTP/1.1 200"));
    Ok(())
}

fn pace<F: Future<Output = std::io::Result<()>> + Send + 'static>(
    targets: u32,
    every_ms: u64,
    probe: impl Fn(u32) -> F + Send + 'static,
) {
    raise_descriptors();
    println!("ready");
    runtime().block_on(async move {
        let step = Duration::from_millis(every_ms) / targets;
        let mut ticks = tokio::time::interval(step);
        let mut running = JoinSet::new();
        let mut next = 0;
        loop {
            ticks.tick().await;
            running.spawn(probe(next));
            next = (next + 1) % targets;
            while running.try_join_next().is_some() {}
        }
    });
}
