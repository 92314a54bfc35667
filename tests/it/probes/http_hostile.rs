//! The `http` probe against servers that do what they should not: each has its own reason and message.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use probity::{
    health::Reason,
    model::{Http, Pattern, Probe},
    probe::{Outcome, Verdict},
};

use super::peers::{
    Peer, context,
    http::http,
    probe, probe_within,
    script::{Act, script},
};

async fn ask(http: Http) -> Outcome {
    probe(&context(&[]), Probe::Http(Box::new(http))).await
}

/// A probe that wants the whole body.
fn thorough(peer: &Peer) -> Http {
    let mut http = http(&format!("http://{}/", peer.address));
    http.expect.body_not_matches = vec![Pattern::unanchored("never").unwrap()];
    http
}

/// What a server comes to that says this, after the request.
async fn after_request(acts: Vec<Act>) -> (Outcome, String) {
    let peer = script([vec![Act::Hear(b"\r\n\r\n")], acts].concat()).await;
    (ask(thorough(&peer)).await, peer.address.to_string())
}

#[track_caller]
fn assert_failed((outcome, peer): &(Outcome, String), reason: Reason, message: &str) {
    let message = message.replace("PEER", peer);
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Failed, reason), "{outcome:?}");
    assert_eq!(&*outcome.message, message);
}

#[tokio::test]
async fn nobody_there() {
    let port = super::peers::real::free_port();
    let outcome = ask(http(&format!("http://127.0.0.1:{port}/"))).await;
    let expected = format!("127.0.0.1:{port} refused the connection");
    assert_eq!((outcome.reason, &*outcome.message), (Reason::ConnectionRefused, expected.as_str()));
}

#[tokio::test]
async fn nothing_at_all() {
    let peer = script(vec![Act::Hold]).await;
    let http = http(&format!("http://{}/", peer.address));
    let timeout = Duration::from_millis(300);
    let outcome = probe_within(&context(&[]), Probe::Http(Box::new(http)), timeout).await;
    assert_eq!(outcome.reason, Reason::Timeout);
    assert_eq!(&*outcome.message, "no answer within 300ms: still waiting for the answer");
    assert!(outcome.latency >= timeout && outcome.latency < timeout * 10, "{:?}", outcome.latency);
}

#[tokio::test]
async fn a_slow_first_byte_is_waited_for() {
    let peer = Peer::tcp(|mut stream| async move {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await;
        // What the test is about: an answer that takes its time.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    })
    .await;
    let outcome = ask(thorough(&peer)).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    let probity::probe::Details::Http(details) = &outcome.details else { panic!("no details") };
    assert!(details.phases.processing >= Duration::from_millis(190), "{:?}", details.phases);
}

#[tokio::test]
async fn closes_without_a_word() {
    let said = after_request(vec![]).await;
    assert_failed(&said, Reason::ConnectionReset, "PEER closed the connection without an answer");
}

#[tokio::test]
async fn resets() {
    let said = after_request(vec![Act::Reset]).await;
    assert_failed(&said, Reason::ConnectionReset, "PEER reset the connection");
}

#[tokio::test]
async fn half_a_head() {
    let said = after_request(vec![Act::Say(b"HTTP/1.1 200 OK\r\ncontent-le")]).await;
    assert_failed(&said, Reason::ConnectionReset, "PEER closed the connection in the middle of its answer");
}

#[tokio::test]
async fn half_a_body() {
    for half in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhealthy"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n7\r\nhealthy\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nff\r\nhealthy",
    ] {
        let said = after_request(vec![Act::Say(half)]).await;
        assert_failed(&said, Reason::ConnectionReset, "PEER closed the connection in the middle of its answer");
    }
}

#[tokio::test]
async fn another_protocol() {
    for (greeting, what) in [
        (&b"SSH-2.0-OpenSSH_9.2p1\r\n"[..], "invalid HTTP version parsed"),
        (b"\x00\x01\x02\x03\x04", "invalid HTTP version parsed"),
        (b"HTTP/1.1 9x9 No\r\n\r\n", "invalid HTTP status-code parsed"),
        (b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n", "invalid HTTP header parsed"),
    ] {
        let said = after_request(vec![Act::Say(greeting)]).await;
        assert_failed(&said, Reason::ProtocolError, &format!("PEER does not answer as HTTP: {what}"));
    }
}

#[tokio::test]
async fn a_body_in_garbled_chunks() {
    let said =
        after_request(vec![Act::Say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nwhat?\r\nhealthy\r\n")])
            .await;
    let message = "PEER does not answer as HTTP: Invalid chunk size line: missing size digit";
    assert_failed(&said, Reason::ProtocolError, message);
}

#[tokio::test]
async fn headers_without_end() {
    let message = "PEER sent headers without end: over 64 KiB or 100";
    let many = vec![Act::Say(b"HTTP/1.1 200 OK\r\n"), Act::Forever(b"x-more: and more\r\n")];
    assert_failed(&after_request(many).await, Reason::ProtocolError, message);
    let long = vec![Act::Say(b"HTTP/1.1 200 OK\r\nx-long: "), Act::Forever(b"and more and more")];
    assert_failed(&after_request(long).await, Reason::ProtocolError, message);
}

#[tokio::test]
async fn what_surrounds_a_body_without_end() {
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    let extension = vec![Act::Say(chunked), Act::Say(b"5;x="), Act::Forever(b"and more and more")];
    let message = "PEER does not answer as HTTP: chunk extensions over limit";
    assert_failed(&after_request(extension).await, Reason::ProtocolError, message);
    let trailers = vec![Act::Say(chunked), Act::Say(b"0\r\n"), Act::Forever(b"x-more: and more\r\n")];
    let message = "PEER does not answer as HTTP: chunk trailers count overflow";
    assert_failed(&after_request(trailers).await, Reason::ProtocolError, message);
}

#[tokio::test]
async fn preliminary_answers_without_end() {
    let peer = script(vec![Act::Hear(b"\r\n\r\n"), Act::Forever(b"HTTP/1.1 100 Continue\r\n\r\n")]).await;
    let probe = Probe::Http(Box::new(thorough(&peer)));
    let outcome = probe_within(&context(&[]), probe, Duration::from_millis(300)).await;
    assert_eq!(outcome.reason, Reason::Timeout, "{outcome:?}");
    assert!(outcome.latency < Duration::from_secs(10), "{outcome:?}");
}

#[tokio::test]
async fn two_lengths_and_other_lies() {
    let said =
        after_request(vec![Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 7\r\n\r\nhealthy")])
            .await;
    assert_eq!(said.0.reason, Reason::ProtocolError, "{said:?}");
    // More than was announced is not read.
    let said = after_request(vec![Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok never")]).await;
    assert_eq!(said.0.verdict, Verdict::Good, "{said:?}");
}

#[tokio::test]
async fn a_body_in_tiny_pieces_leaves_the_thread_to_others() {
    const PIECES: usize = 200_000;
    let mut said = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    said.extend(b"1\r\na\r\n".repeat(PIECES));
    said.extend(b"0\r\n\r\n");
    let peer = script(vec![Act::Hear(b"\r\n\r\n"), Act::Say(said.leak())]).await;
    let turns = Arc::new(AtomicUsize::new(0));
    let mut others = tokio::task::JoinSet::new();
    others.spawn({
        let turns = Arc::clone(&turns);
        async move {
            loop {
                turns.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        }
    });
    assert_eq!(ask(thorough(&peer)).await.reason, Reason::Ok);
    // A task's turn has room for 128 pieces; without the yield it has some 10,000.
    let turns = turns.load(Ordering::Relaxed);
    assert!(turns >= PIECES / 128, "{turns} turns");
}
