//! The `http` probe over TLS, over HTTP/2, and over both families of addresses.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use probity::{
    health::Reason,
    model::{Expression, Http, HttpVersion, IpFamily, Pattern, Probe, Tls},
    probe::{Details, HttpDetails, Outcome, Verdict},
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

use super::peers::{
    Peer, context,
    http::{Site, http, ok},
    pki::{Authority, NOW},
    probe,
    script::{Act, script},
};

async fn ask(http: Http) -> Outcome {
    probe(&context(&[]), Probe::Http(Box::new(http))).await
}

fn details(outcome: &Outcome) -> &HttpDetails {
    let Details::Http(details) = &outcome.details else { panic!("no details: {outcome:?}") };
    details
}

#[track_caller]
fn assert_end(outcome: &Outcome, reason: Reason, message: &str) {
    assert_eq!((outcome.reason, &*outcome.message), (reason, message), "{outcome:?}");
}

fn trusting(root: &Authority) -> Arc<Tls> {
    Arc::new(Tls { asked: true, ca: Some(root.pem.as_str().into()), ..Tls::default() })
}

async fn http2(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) {
    let answer = service_fn(async |request: Request<Incoming>| {
        let text = format!(
            "{:?} {} {} {}",
            request.version(),
            request.method(),
            request.uri(),
            request.headers().contains_key("host")
        );
        Ok::<_, std::convert::Infallible>(Response::new(Full::new(Bytes::from(text))))
    });
    let builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
    let _ = builder.serve_connection(TokioIo::new(stream), answer).await;
}

#[tokio::test]
async fn http2_by_prior_knowledge() {
    let peer = Peer::tcp(http2).await;
    let mut plain = http(&format!("http://{}/p?q=1", peer.address));
    plain.version = HttpVersion::Http2;
    let whole = format!("^HTTP/2.0 GET http://{}/p\\?q=1 false$", peer.address);
    plain.expect.body_matches = vec![Pattern::unanchored(&whole).unwrap()];
    let outcome = ask(plain).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    assert_eq!((details(&outcome).version, details(&outcome).ssl), (2.0, false));

    let old = script(vec![Act::Hear(b"\r\n\r\n"), Act::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    let mut plain = http(&format!("http://{}/", old.address));
    plain.version = HttpVersion::Http2;
    let outcome = ask(plain).await;
    let message =
        format!("{} does not answer as HTTP/2: connection error detected: frame with invalid size", old.address);
    assert_end(&outcome, Reason::ProtocolError, &message);
}

#[tokio::test]
async fn http2_by_negotiation() {
    let root = Authority::new("Root", NOW);
    let identity = root.server(&["localhost"], NOW);
    let serving = |protocols: &[&[u8]]| {
        let mut config = identity.server(None, rustls::ALL_VERSIONS);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Peer::tcp(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                if let Ok(stream) = acceptor.accept(stream).await {
                    http2(stream).await;
                }
            }
        })
    };
    let probe = |peer: &Peer| {
        let url = format!("https://localhost:{}/", peer.port());
        Http { version: HttpVersion::Http2, tls: trusting(&root), ..http(&url) }
    };
    let both = serving(&[b"h2", b"http/1.1"]).await;
    let outcome = ask(probe(&both)).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    assert_eq!((details(&outcome).version, details(&outcome).ssl), (2.0, true));
    let none = serving(&[]).await;
    let message = format!("localhost:{} does not offer HTTP/2", none.port());
    assert_end(&ask(probe(&none)).await, Reason::ProtocolError, &message);
}

#[tokio::test]
async fn what_tls_showed_is_told() {
    let root = Authority::new("Root", NOW);
    let tls = root.server(&["localhost"], NOW).server(None, rustls::ALL_VERSIONS);
    let site = Site::start("127.0.0.1:0", Some(tls), |_| ok("healthy")).await;
    let url = format!("https://localhost:{}/", site.address.port());
    let mut secure = Http { tls: trusting(&root), ..http(&url) };
    secure.expect.when = Some(Expression::compile("certificate.notAfter > timestamp('2100-01-01T00:00:00Z')").unwrap());
    secure.expect.body_matches = vec![Pattern::unanchored("^healthy$").unwrap()];
    let outcome = ask(secure).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    let seen = details(&outcome);
    assert!(seen.ssl && seen.phases.tls > Duration::ZERO);
    assert_eq!(seen.tls.as_ref().map(|tls| tls.version), Some("TLS 1.3"));
    assert_eq!(site.heard()[0].header("host"), Some(format!("localhost:{}", site.address.port()).as_str()));

    // Nothing is sent to a server that is not the one.
    let outcome = ask(http(&url)).await;
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Failed, Reason::CertificateInvalid), "{outcome:?}");
    assert!(details(&outcome).tls.is_some(), "its details are told all the same");
    assert_eq!(site.heard().len(), 1);
    let careless = Arc::new(Tls { insecure_skip_verify: true, ..Tls::default() });
    assert_end(&ask(Http { tls: careless, ..http(&url) }).await, Reason::Ok, "200 OK");
}

#[tokio::test]
async fn a_plain_server_where_tls_is_expected() {
    let peer = script(vec![Act::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n")]).await;
    let outcome = ask(http(&format!("https://localhost:{}/", peer.port()))).await;
    assert_end(&outcome, Reason::TLSError, "localhost does not speak TLS here");
}

#[tokio::test]
async fn both_families_and_only_the_one_that_is_asked_for() {
    let six = Site::start("[::1]:0", None, |_| ok("")).await;
    let port = six.address.port();
    let literal = http(&format!("http://[::1]:{port}/"));
    let outcome = ask(literal.clone()).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    assert_eq!(details(&outcome).resolved.unwrap().ip, six.address.ip());
    assert_eq!(six.heard()[0].header("host"), Some(format!("[::1]:{port}").as_str()));
    let outcome = ask(Http { ip_family: IpFamily::IPv4, ..literal }).await;
    assert_eq!(outcome.reason, Reason::DNSError, "{outcome:?}");

    let four = Site::fixed(ok("")).await;
    let named = http(&format!("http://localhost:{}/", four.address.port()));
    assert_end(&ask(Http { ip_family: IpFamily::IPv4, ..named.clone() }).await, Reason::Ok, "200 OK");
    assert_end(&ask(named).await, Reason::Ok, "200 OK");
}

/// No port of ours is left waiting when we close first.
#[tokio::test]
async fn nothing_stays_behind() {
    let keeps_open =
        vec![Act::Hear(b"\r\n\r\n"), Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"), Act::Hold];
    let peer = script(keeps_open).await;
    for _ in 0..20 {
        let mut whole = http(&format!("http://{}/", peer.address));
        whole.expect.body_matches = vec![Pattern::unanchored("^ok$").unwrap()];
        assert_end(&ask(whole).await, Reason::Ok, "200 OK");
        assert_end(&ask(http(&format!("http://{}/", peer.address))).await, Reason::Ok, "200 OK");
    }
    // proc(5): the third column is the remote end, the fourth the state; 06 is TIME_WAIT.
    let port = format!(":{:04X}", peer.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let waiting = table.lines().filter(|line| {
        let mut columns = line.split_whitespace().skip(2);
        columns.next().is_some_and(|remote| remote.ends_with(&port)) && columns.next() == Some("06")
    });
    assert_eq!(waiting.count(), 0);
}
