//! The `tcp` probe.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use probity::{
    health::Reason,
    model::{Address, IpFamily, Pattern, Probe, Tcp, TcpStep, Tls},
    probe::{Details, Outcome, TcpDetails, Verdict},
};

use super::peers::{
    Peer, context,
    pki::{Authority, NOW},
    probe, probe_within, real,
    script::{Act, script},
};

fn step(send: &'static str, expect: &str) -> TcpStep {
    let send = (!send.is_empty()).then(|| Bytes::from(send));
    let expect = (!expect.is_empty()).then(|| Pattern::unanchored(expect).unwrap());
    TcpStep { send, expect, start_tls: false }
}

fn start_tls(send: &'static str, expect: &str) -> TcpStep {
    TcpStep { start_tls: true, ..step(send, expect) }
}

fn spec(address: Address, tls: Tls, steps: Vec<TcpStep>) -> Probe {
    Probe::Tcp(Tcp { address, ip_family: IpFamily::Any, tls: Arc::new(tls), steps })
}

async fn run(peer: &Peer, steps: Vec<TcpStep>) -> Outcome {
    probe(&context(&[]), spec(peer.named("localhost"), Tls::default(), steps)).await
}

fn details(outcome: &Outcome) -> &TcpDetails {
    let Details::Tcp(details) = &outcome.details else { panic!("no details: {outcome:?}") };
    details
}

#[tokio::test]
async fn connecting_is_enough() {
    let peer = script(vec![Act::Hold]).await;
    let outcome = run(&peer, vec![]).await;
    assert_eq!((outcome.verdict, &*outcome.message), (Verdict::Good, "connected"));
    let resolved = details(&outcome).resolved.unwrap();
    assert_eq!((resolved.ip.to_string().as_str(), resolved.cached), ("127.0.0.1", false));
    assert!(details(&outcome).connect > Duration::ZERO && outcome.latency >= details(&outcome).connect);
}

#[tokio::test]
async fn a_port_where_nobody_listens_refuses() {
    let address = Address { host: "127.0.0.1".into(), port: real::free_port() };
    let outcome = probe(&context(&[]), spec(address.clone(), Tls::default(), vec![])).await;
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Failed, Reason::ConnectionRefused));
    assert_eq!(*outcome.message, format!("{address} refused the connection"));
    assert!(details(&outcome).resolved.is_some());
}

#[tokio::test]
async fn steps_send_and_expect_in_turns() {
    let peer = script(vec![
        Act::Say(b"220 one\r\n220 two\r\n"),
        Act::Hear(b"HELO x\r\n"),
        Act::Say(b"25"),
        Act::Say(b"0 hi\r\n"),
        Act::Hear(b"QUIT\r\n"),
    ])
    .await;
    let steps = vec![step("", "^220 one"), step("", "two"), step("HELO x\r\n", "^250 hi"), step("QUIT\r\n", "")];
    let outcome = run(&peer, steps).await;
    assert_eq!(&*outcome.message, "connected, and all 4 steps hold", "{outcome:?}");
    assert!(!details(&outcome).failed_due_to_regex);
}

#[tokio::test]
async fn what_was_heard_in_a_step_before_does_not_count() {
    let peer = script(vec![Act::Say(b"hello\n"), Act::Hear(b"x"), Act::Say(b"bye\n")]).await;
    let outcome = run(&peer, vec![step("", "hello"), step("x", "hello")]).await;
    assert_eq!(outcome.reason, Reason::ExpectationFailed);
    let expected = format!("step 2: localhost:{} closed the connection, and nothing matched /hello/", peer.port());
    assert_eq!(*outcome.message, expected);
    assert!(details(&outcome).failed_due_to_regex);
}

#[tokio::test]
async fn a_peer_that_closes_resets_or_stays_silent_is_told_apart() {
    for (acts, reason) in [
        (vec![], Reason::ExpectationFailed),
        (vec![Act::Say(b"no\n")], Reason::ExpectationFailed),
        (vec![Act::Reset], Reason::ConnectionReset),
    ] {
        let outcome = run(&script(acts).await, vec![step("", "yes")]).await;
        assert_eq!(outcome.reason, reason, "{outcome:?}");
    }
    for acts in [vec![Act::Hold], vec![Act::Say(b"no\n"), Act::Hold]] {
        let peer = script(acts).await;
        let spec = spec(peer.named("localhost"), Tls::default(), vec![step("", "yes")]);
        let outcome = probe_within(&context(&[]), spec, Duration::from_millis(300)).await;
        assert_eq!(outcome.reason, Reason::Timeout);
        assert_eq!(&*outcome.message, "no answer within 300ms: still at step 1");
        assert!(details(&outcome).failed_due_to_regex && details(&outcome).connect > Duration::ZERO);
    }
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let peer = script(vec![Act::Forever(&[b'x'; 1000])]).await;
    let outcome = run(&peer, vec![step("", "y")]).await;
    assert_eq!(outcome.reason, Reason::ExpectationFailed);
    assert_eq!(&*outcome.message, "step 1: nothing in the first 64 KiB matches /y/");
}

#[tokio::test]
async fn tls_from_the_start_or_from_a_step_on() {
    let root = Authority::new("Root", NOW);
    let identity = root.server(&["localhost"], NOW);
    let trusting = |ca: &str| Tls { asked: true, ca: Some(ca.into()), ..Tls::default() };
    let from_start = script(vec![Act::tls(&identity), Act::Hear(b"PING"), Act::Say(b"PONG")]).await;
    let spec_start = spec(from_start.named("localhost"), trusting(&root.pem), vec![step("PING", "PONG")]);
    let outcome = probe(&context(&[]), spec_start).await;
    assert_eq!(&*outcome.message, "connected with TLS 1.3, and the step holds", "{outcome:?}");
    assert!(details(&outcome).tls_handshake > Duration::ZERO);

    // What was said in the clear ("PONG" too) does not count in TLS.
    let later = script(vec![
        Act::Say(b"220 hi\r\n"),
        Act::Hear(b"STARTTLS\r\n"),
        Act::Say(b"220 PONG\r\n"),
        Act::tls(&identity),
        Act::Hear(b"PING"),
        Act::Say(b"250 PONG\r\n"),
    ])
    .await;
    let steps = || vec![step("", "220"), start_tls("STARTTLS\r\n", "220"), step("PING", "^250 PONG")];
    let outcome = probe(&context(&[]), spec(later.named("localhost"), trusting(&root.pem), steps())).await;
    assert_eq!(outcome.reason, Reason::Ok, "{outcome:?}");

    let stranger = Authority::new("Stranger", NOW);
    let outcome = probe(&context(&[]), spec(later.named("localhost"), trusting(&stranger.pem), steps())).await;
    assert_eq!(outcome.reason, Reason::CertificateInvalid, "{outcome:?}");
    assert!(details(&outcome).tls.is_some());
}

#[tokio::test]
async fn a_peer_that_wants_a_certificate_objects_also_when_nothing_is_said() {
    let root = Authority::new("Root", NOW);
    let config = root.server(&["localhost"], NOW).server(Some(&root), rustls::ALL_VERSIONS);
    let peer = script(vec![Act::Tls(Arc::new(config)), Act::Hold]).await;
    let tls = Tls { asked: true, ca: Some(root.pem.as_str().into()), ..Tls::default() };
    for steps in [vec![], vec![step("PING", "PONG")]] {
        let outcome = probe(&context(&[]), spec(peer.named("localhost"), tls.clone(), steps)).await;
        assert_eq!(outcome.reason, Reason::TLSError, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_real_redis_answers_needs_redis() {
    let Some(server) = real::redis("secret").await else { return };
    let address = Address { host: "127.0.0.1".into(), port: server.address.port() };
    let run = async |steps| probe(&context(&[]), spec(address.clone(), Tls::default(), steps)).await;
    let login = || step("AUTH secret\r\n", r"^\+OK\r\n");
    let outcome = run(vec![login(), step("PING\r\n", r"^\+PONG\r\n"), step("QUIT\r\n", r"\+OK")]).await;
    assert_eq!(outcome.reason, Reason::Ok, "{outcome:?}");
    // Redis answers an error and closes after QUIT.
    let outcome = run(vec![step("PING\r\nQUIT\r\n", r"\+PONG")]).await;
    assert_eq!(outcome.reason, Reason::ExpectationFailed, "{outcome:?}");
}

#[tokio::test]
async fn a_run_leaves_no_port_behind() {
    let peer = script(vec![Act::Say(b"hi\n"), Act::Hold]).await;
    for _ in 0..20 {
        assert_eq!(run(&peer, vec![step("", "hi")]).await.reason, Reason::Ok);
        assert_eq!(run(&peer, vec![]).await.reason, Reason::Ok);
    }
    // Local address, remote address, state: 06 is TIME_WAIT.
    let remote = format!("0100007F:{:04X}", peer.port());
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let waiting = table.lines().filter(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields.get(2) == Some(&remote.as_str()) && fields.get(3) == Some(&"06")
    });
    assert_eq!(waiting.count(), 0);
}
