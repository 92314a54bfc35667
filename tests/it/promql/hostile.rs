//! Sources that want credentials, and some that are none.

use std::{sync::Arc, time::Duration};

use probity::{
    health::Reason,
    model::{Auth, Header, Secret, Source, Tls},
    net::{Egress, Failure},
    promql::Found,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{sources, sources_under};
use crate::probes::peers::{
    Peer,
    http::{Heard, Site, answer, ok, redirect},
    pki::{Authority, NOW},
};

const EMPTY: &str = r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#;

fn source(url: &str) -> Source {
    Source { timeout: Duration::from_secs(20), ..Source::plain(url.parse().unwrap()) }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

async fn failure(source: &Source) -> Failure {
    sources().instant(source, "up", 0).await.unwrap_err()
}

#[tokio::test]
async fn the_request_is_what_the_api_wants() {
    let site = Site::fixed(ok(EMPTY)).await;
    let mut source = source(&site.url("/prometheus/?extra=1"));
    let value = "team-a".parse().unwrap();
    source.headers = vec![Header { name: "x-scope-orgid".parse().unwrap(), value }];
    let answer = sources().instant(&source, "up{a=\"b c\"}", 1_500).await.unwrap();
    assert_eq!(answer.found, Found::Vector(vec![]));
    let heard = site.heard().remove(0);
    assert_eq!(heard.line, "POST /prometheus/api/v1/query?extra=1 HTTP/1.1");
    assert_eq!(heard.header("x-scope-orgid"), Some("team-a"));
    assert_eq!(heard.header("content-type"), Some("application/x-www-form-urlencoded"));
    let form = String::from_utf8(heard.body).unwrap();
    assert!(form.starts_with("query=up%7Ba%3D%22b+c%22%7D&time=1.500&timeout=20000ms&limit=10001&"), "{form}");
}

#[tokio::test]
async fn credentials_of_every_kind() {
    let wanted = |heard: &Heard| match heard.header("authorization") {
        Some("Basic YW5uOnMzY3JldA==" | "Bearer s3cret" | "Bearer t1") => ok(EMPTY),
        _ => answer("401 Unauthorized", &[], "who are you"),
    };
    let site = Site::new(wanted).await;
    let issuer = Site::fixed(ok(r#"{"access_token":"t1","token_type":"Bearer","expires_in":3600}"#)).await;
    let oauth2 = Auth::OAuth2 {
        token_url: issuer.url("/token").parse().unwrap(),
        client_id: secret("id"),
        client_secret: secret("s3cret"),
        scopes: vec![],
    };
    let basic = |password| Auth::Basic { username: secret("ann"), password: secret(password) };
    let with = |auth| Source { auth: Some(Box::new(auth)), ..source(&site.url("/")) };
    for auth in [basic("s3cret"), Auth::Bearer { token: secret("s3cret") }, oauth2.clone()] {
        assert!(sources().instant(&with(auth), "up", 0).await.is_ok());
    }
    let refused = failure(&with(basic("wr0ng"))).await;
    assert_eq!(refused.reason, Reason::AuthenticationFailed);
    assert_eq!(refused.message, format!("127.0.0.1:{} answered 401 Unauthorized", site.address.port()));
    assert!(!format!("{:?}", with(basic("wr0ng"))).contains("wr0ng"));
    // One token serves many queries.
    let sources = sources();
    for _ in 0..3 {
        assert!(sources.instant(&with(oauth2.clone()), "up", 0).await.is_ok());
    }
    assert_eq!(issuer.heard().len(), 2);
}

#[tokio::test]
async fn tls_by_an_authority_of_its_own_with_a_certificate_of_ours() {
    let (root, clients) = (Authority::new("Root", NOW), Authority::new("Clients", NOW));
    let server = root.server(&["prom.internal"], NOW).server(Some(&clients), rustls::ALL_VERSIONS);
    let site = Site::start("127.0.0.1:0", Some(server), |_| ok(EMPTY)).await;
    let identity = clients.client("probity");
    let tls = Tls {
        asked: true,
        ca: Some(root.pem.as_str().into()),
        cert: Some(identity.chain_pem.as_str().into()),
        key: Some(Secret::new(identity.key_pem.as_str().into())),
        server_name: Some("prom.internal".into()),
        insecure_skip_verify: false,
    };
    let with =
        |tls: Tls| Source { tls: Arc::new(tls), ..source(&format!("https://localhost:{}", site.address.port())) };
    assert!(sources().instant(&with(tls.clone()), "up", 0).await.is_ok());
    let misnamed = failure(&with(Tls { server_name: None, ..tls.clone() })).await;
    assert_eq!(misnamed.reason, Reason::CertificateInvalid, "{misnamed}");
    let unknown = failure(&with(Tls { ca: None, ..tls.clone() })).await;
    assert_eq!(unknown.reason, Reason::CertificateInvalid, "{unknown}");
    let skips = Tls { ca: None, server_name: None, insecure_skip_verify: true, ..tls.clone() };
    assert!(sources().instant(&with(skips), "up", 0).await.is_ok());
    let nobody = failure(&with(Tls { cert: None, key: None, ..tls })).await;
    assert_eq!(nobody.reason, Reason::TLSError, "{nobody}");
}

#[tokio::test]
async fn answers_that_are_none() {
    let many = |count: usize| {
        let items = vec![r#"{"metric":{"a":"b"},"value":[1,"1"]}"#; count].join(",");
        format!(r#"{{"status":"success","data":{{"resultType":"vector","result":[{items}]}}}}"#)
    };
    let table = [
        (ok("<html>"), Reason::ProtocolError, "does not answer as Prometheus' API does"),
        (ok(""), Reason::ProtocolError, "does not answer as Prometheus' API does"),
        (
            ok(r#"{"status":"error","errorType":"timeout","error":"too slow"}"#),
            Reason::QueryFailed,
            "(timeout): too slow",
        ),
        (answer("503 Service Unavailable", &[], "busy"), Reason::UnexpectedStatus, "answered 503 Service Unavailable"),
        (redirect("307 Temporary Redirect", "/elsewhere"), Reason::UnexpectedStatus, "answered 307"),
        (ok(many(10_001)), Reason::QueryFailed, "gave 10001 series, over 10000"),
        (ok("x".repeat((16 << 20) + 1)), Reason::BodyTooLarge, "an answer of more than 16777216 bytes"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{\"status".to_vec(), Reason::ConnectionReset, ""),
        (b"SSH-2.0-OpenSSH_9\r\n".to_vec(), Reason::ProtocolError, "did not answer as HTTP"),
    ];
    for (sent, reason, message) in table {
        let site = Site::fixed(sent).await;
        let failure = failure(&source(&site.url("/"))).await;
        assert!(failure.message.contains(message), "{failure}");
        assert_eq!(failure.reason, reason, "{failure}");
    }
    let site = Site::fixed(ok(many(10_000))).await;
    let whole = sources().instant(&source(&site.url("/")), "up", 0).await.unwrap();
    assert_eq!(whole.into_vector().unwrap().len(), 10_000);
}

#[tokio::test]
async fn who_hangs_is_left_at_the_deadline() {
    let endless = |mut stream: tokio::net::TcpStream| async move {
        let mut ignored = [0; 1024];
        let _ = stream.read(&mut ignored).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        while stream.write_all(b"1\r\n \r\n").await.is_ok() {
            // So slow that the answer never ends before the deadline, whatever its size.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let silent = |mut stream: tokio::net::TcpStream| async move {
        let mut ignored = [0; 1024];
        while stream.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
    };
    for peer in [Peer::tcp(endless).await, Peer::tcp(silent).await] {
        let url = format!("http://{}", peer.address);
        let late = failure(&Source { timeout: Duration::from_millis(500), ..source(&url) }).await;
        assert_eq!(late.reason, Reason::Timeout, "{late}");
        assert_eq!(late.message, format!("{} did not answer within 500ms", peer.address));
    }
}

#[tokio::test]
async fn the_egress_policy_is_asked_for_every_address() {
    let site = Site::fixed(ok(EMPTY)).await;
    let closed = sources_under(Egress::default());
    for host in ["127.0.0.1", "localhost"] {
        let url = format!("http://{host}:{}/", site.address.port());
        let blocked = closed.instant(&source(&url), "up", 0).await.unwrap_err();
        assert_eq!(blocked.reason, Reason::Blocked, "{blocked}");
    }
    let metadata = failure(&source("http://169.254.169.254/")).await;
    assert_eq!(metadata.reason, Reason::Blocked, "{metadata}");
    assert!(site.heard().is_empty());
}
