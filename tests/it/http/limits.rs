//! Clients that take too much, or too long.

use std::time::Duration;

use hyper::{Method, StatusCode};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::world::{Log, PATIENCE, World, checks, options, until};
use probity::server::{Limits, Options};

fn with(limits: Limits) -> Options {
    Options { limits, ..options() }
}

/// Everything until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut got = Vec::new();
    let read = stream.read_to_end(&mut got);
    // A reset is a close too.
    let _ = tokio::time::timeout(PATIENCE, read).await.expect("the server closes the connection");
    String::from_utf8_lossy(&got).into_owned()
}

#[tokio::test]
async fn a_head_that_never_ends_is_cut_off() {
    let limits = Limits { head: Duration::from_millis(300), ..Limits::default() };
    let world = World::with(with(limits), checks()).await;
    // Nothing at all, half a line, half a head, and a finished request after which nothing comes.
    for begun in [
        "",
        "GET /heal",
        "GET /health HTTP/1.1\r\nHost: localhost\r\nX-A",
        "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        rest(&mut stream).await;
    }
    assert_eq!(world.get("/health").await.status, 200);
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_cut_off() {
    let limits = Limits { whole: Duration::from_millis(500), ..Limits::default() };
    let many = (0..2_000).map(|i| super::metrics::probed(&format!("check-{i}"))).collect();
    let world = World::with(with(limits), many).await;
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    // Until it is over for the server, though not one byte was read.
    until("the cut", async || world.state.metrics.connections().get() == 0).await;
    assert_eq!(world.state.metrics.requests_in_flight().get(), 0);
}

#[tokio::test]
async fn heads_that_are_too_large_are_refused() {
    let world = World::start().await;
    let long = "x".repeat(17 * 1024);
    let answer = world.ask(Method::GET, "/health", &[("x-long", &long)]).await;
    assert_eq!(answer.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    assert_eq!(answer.json()["error"]["code"], "headers_too_large");
    let names: Vec<_> = (0..120).map(|i| format!("x-{i}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(world.ask(Method::GET, "/health", &many).await.status, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    let answer = world.get(&format!("/health?{}", "x".repeat(5_000))).await;
    assert_eq!(answer.status, StatusCode::URI_TOO_LONG);
    // Beyond what is even looked at.
    let mut stream = TcpStream::connect(world.address).await.unwrap();
    let endless = format!("GET /health HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(200 * 1024));
    let _ = stream.write_all(endless.as_bytes()).await;
    let said = rest(&mut stream).await;
    assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
}

#[tokio::test]
async fn what_cannot_be_read_is_refused_in_our_words_logged_and_counted() {
    let world = World::start().await;
    let (log, _guard) = Log::capture("info");
    let many: String = (0..300).map(|i| format!("x-{i}: 1\r\n")).collect();
    let garbage = "\u{16}\u{3}\u{1}\u{2}\0 TLS, perhaps\r\n\r\n".to_owned();
    for (sent, status, code) in [
        (garbage, 400, "bad_request"),
        ("GET / HTTP/9.9\r\n\r\n".to_owned(), 400, "bad_request"),
        ("GET / HTTP/1.1\r\nHost: localhost\r\nx-correlation-id: a\r\n b\r\n\r\n".to_owned(), 400, "bad_request"),
        (format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n"), 431, "headers_too_large"),
        // After a good one, on the same connection.
        ("GET /health HTTP/1.1\r\nHost: localhost\r\n\r\nBREW\r\n\r\n".to_owned(), 400, "bad_request"),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let said = rest(&mut stream).await;
        let at = said.find(&format!("HTTP/1.1 {status} ")).unwrap_or_else(|| panic!("{sent:?}: {said:?}"));
        let (head, body) = said[at..].split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}\r\n", body.len())), "{said}");
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"]["code"], code, "{said}");
        let id = body["error"]["correlation_id"].as_str().unwrap();
        assert!(head.contains(&format!("x-correlation-id: {id}")), "{said}");
        let told = log.requests();
        let line = told.iter().find(|line| line["correlation_id"] == id).unwrap_or_else(|| panic!("no line: {told:?}"));
        assert_eq!((&line["status"], &line["method"]), (&status.into(), &"other".into()), "{line}");
    }
    let metrics = world.metrics().await;
    let counted = r#"http_requests_total{endpoint="unmatched",method="other",status_code="400"} 4"#;
    assert!(metrics.contains(counted), "{metrics}");
}

#[tokio::test]
async fn bodies_are_not_taken_and_not_waited_for() {
    let world = World::start().await;
    for (head, status) in [
        ("POST /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n", "413"),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\nConnection: close\r\n\r\n", "200"),
        ("GET /health HTTP/1.1\r\nConnection: close\r\n\r\n", "400"),
        ("GET /health HTTP/1.1\r\nHost: localhost\r\nHost: x\r\nConnection: close\r\n\r\n", "400"),
    ] {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut first = [0; 12];
        tokio::time::timeout(PATIENCE, stream.read_exact(&mut first)).await.unwrap().unwrap();
        assert_eq!(String::from_utf8_lossy(&first), format!("HTTP/1.1 {status}"), "{head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_all_seats_and_is_silent_loses_them() {
    let limits = Limits { connections: 8, crowded: Duration::from_millis(200), ..Limits::default() };
    let world = World::with(with(limits), checks()).await;
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(TcpStream::connect(world.address).await.unwrap());
    }
    until("all seats taken", async || world.state.metrics.connections().get() == 8).await;
    // Far before the 35 s that a connection may be silent otherwise.
    until("an answer", async || {
        let mut stream = TcpStream::connect(world.address).await.unwrap();
        // One that is turned away may be closed before it has asked.
        let _ =
            stream.write_all(b"GET /health/liveness HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        rest(&mut stream).await.starts_with("HTTP/1.1 200")
    })
    .await;
}

#[tokio::test]
async fn one_connection_too_many_is_turned_away_and_counted() {
    let world = World::with(with(Limits { connections: 2, ..Limits::default() }), checks()).await;
    let held = [TcpStream::connect(world.address).await.unwrap(), TcpStream::connect(world.address).await.unwrap()];
    until("both seats taken", async || world.state.metrics.connections().get() == 2).await;
    let mut third = TcpStream::connect(world.address).await.unwrap();
    let said = rest(&mut third).await;
    assert!(said.starts_with("HTTP/1.1 503"), "{said}");
    assert!(said.contains("x-correlation-id: ") && said.contains("too_many_connections"), "{said}");
    assert_eq!(world.state.metrics.connections_rejected().get(), 1);
    drop(held);
    until("a free seat", async || world.state.metrics.connections().get() == 0).await;
    assert_eq!(world.get("/health").await.status, 200);
}

#[tokio::test]
async fn http2_is_spoken_too() {
    use http_body_util::{BodyExt, Empty};
    use hyper_util::rt::{TokioExecutor, TokioIo};

    let world = World::start().await;
    let stream = TcpStream::connect(world.address).await.unwrap();
    let shake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = shake.await.unwrap();
    let mut connections = tokio::task::JoinSet::new();
    connections.spawn(connection);
    for (method, host, status) in [("GET", "localhost", 200), ("HEAD", "127.0.0.1", 200), ("GET", "evil.example", 421)]
    {
        let request = hyper::Request::builder().method(method).uri(format!("http://{host}/health"));
        let response = sender.send_request(request.body(Empty::<bytes::Bytes>::new()).unwrap()).await.unwrap();
        assert_eq!(response.status(), status, "{method} {host}");
        assert!(response.headers().contains_key("x-correlation-id"));
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.is_empty(), method == "HEAD");
    }
}
