//! TLS, and a certificate that is renewed.

use std::{path::Path, sync::Arc};

use hyper::Method;
use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::world::{World, ask, checks, options, until};
use probity::server::{Options, ServerError, TlsFiles, bind};

fn renew(files: &TlsFiles) -> rustls::pki_types::CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&files.cert, made.cert.pem()).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    made.cert.der().clone()
}

fn files(dir: &Path) -> TlsFiles {
    TlsFiles { cert: dir.join("cert.pem"), key: dir.join("key.pem") }
}

async fn shake(
    world: &World,
    root: &rustls::pki_types::CertificateDer<'static>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(world.address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let first = renew(&files);
    let world = World::with(Options { tls: Some(files.clone()), ..options() }, checks()).await;
    let stream = shake(&world, &first).await.unwrap();
    let answer = ask(stream, world.address, Method::GET, "/health/detailed", &[]).await;
    assert_eq!(answer.status, 200);
    assert!(answer.header("x-correlation-id").is_some());
    let second = renew(&files);
    until("the renewed certificate", async || shake(&world, &second).await.is_ok()).await;
    assert!(shake(&world, &first).await.is_err());
    // What cannot be used changes nothing.
    std::fs::write(&files.cert, "nonsense").unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    assert!(shake(&world, &second).await.is_ok());
}

#[tokio::test]
async fn a_client_that_speaks_no_tls_disturbs_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let root = renew(&files);
    let limits = probity::server::Limits { handshake: std::time::Duration::from_millis(300), ..Default::default() };
    let world = World::with(Options { tls: Some(files), limits, ..options() }, checks()).await;
    let silent = TcpStream::connect(world.address).await.unwrap();
    let mut plain = TcpStream::connect(world.address).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut plain, b"GET /health HTTP/1.1\r\n\r\n").await.unwrap();
    assert!(shake(&world, &root).await.is_ok());
    until("both gone", async || world.state.metrics.connections().get() == 0).await;
    drop(silent);
}

#[tokio::test]
async fn files_that_do_not_fit_together_stop_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let files = files(dir.path());
    let start = async || bind(Options { tls: Some(files.clone()), ..options() }).await.err().unwrap();
    assert!(matches!(start().await, ServerError::Read { .. }));
    renew(&files);
    let cert = std::fs::read(&files.cert).unwrap();
    renew(&files);
    std::fs::write(&files.cert, cert).unwrap();
    let error = start().await.to_string();
    assert!(error.contains("do not serve together"), "{error}");
    std::fs::write(&files.cert, "").unwrap();
    assert!(start().await.to_string().contains("no certificate"));
}
