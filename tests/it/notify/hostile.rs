//! Receivers that hang, reset, show bad certificates, send without end, or are where nobody may go.

use std::time::Instant;

use probity::{
    model::Receiver,
    net::Egress,
    notify::{ATTEMPT, Answer, Marks, Parts},
};

use super::world::{Lines, attempt, channel, endpoint, firing, sender_with, trusting, webhook};
use crate::probes::peers::{
    http::{Site, answer},
    pki::{Authority, Identity, NOW},
    script::{Act, script},
};

fn retry(answer: Answer) -> (String, bool) {
    match answer {
        Answer::Retry { reason, maybe_taken, .. } => (reason, maybe_taken),
        other => panic!("{other:?}"),
    }
}

fn url(port: u16) -> Receiver {
    webhook(endpoint(&format!("http://127.0.0.1:{port}/hook")))
}

#[tokio::test]
async fn one_that_hangs_is_given_up_in_time_and_may_have_taken_it() {
    let peer = script(vec![Act::Hear(b"\r\n\r\n"), Act::Hold]).await;
    let start = Instant::now();
    let (reason, maybe_taken) = retry(attempt(url(peer.port())).await);
    assert!(maybe_taken && reason.contains("did not answer in time"), "{reason}");
    assert!(start.elapsed() >= ATTEMPT && start.elapsed() < ATTEMPT * 3, "{:?}", start.elapsed());
}

#[tokio::test]
async fn one_that_resets_after_it_was_sent_may_have_taken_it_and_one_that_refuses_has_not() {
    let peer = script(vec![Act::Hear(b"\"alerts\""), Act::Reset]).await;
    assert!(retry(attempt(url(peer.port())).await).1);
    let peer = script(vec![Act::Hear(b"\"alerts\"")]).await;
    assert!(retry(attempt(url(peer.port())).await).1);
    let free = crate::probes::peers::real::free_port();
    let (reason, maybe_taken) = retry(attempt(url(free)).await);
    assert!(!maybe_taken && reason.contains("refused the connection"), "{reason}");
}

#[tokio::test]
async fn a_bad_certificate_is_told_and_nothing_is_sent() {
    let root = Authority::new("root", NOW);
    for (identity, ca) in [
        (Identity::self_signed(&["localhost"], false), root.pem.clone()),
        (root.server(&["localhost"], (2000, 2001)), root.pem.clone()),
        (root.server(&["elsewhere.example"], NOW), root.pem.clone()),
    ] {
        let config = identity.server(None, rustls::ALL_VERSIONS);
        let site = Site::start("127.0.0.1:0", Some(config), |_| answer("200 OK", &[], "")).await;
        let url = format!("https://localhost:{}/hook", site.address.port());
        let (reason, maybe_taken) = retry(attempt(webhook(trusting(&url, &ca))).await);
        assert!(!maybe_taken && reason.contains("certificate"), "{reason}");
        assert!(site.heard().is_empty());
    }
    let config = root.server(&["localhost"], NOW).server(None, rustls::ALL_VERSIONS);
    let site = Site::start("127.0.0.1:0", Some(config), |_| answer("200 OK", &[], "")).await;
    let url = format!("https://localhost:{}/hook", site.address.port());
    assert!(matches!(attempt(webhook(trusting(&url, &root.pem))).await, Answer::Ok { .. }));
}

#[tokio::test]
async fn an_answer_without_end_is_not_read_to_its_end() {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    const CHUNK: &[u8] = b"20\r\n0123456789abcdef0123456789abcdef\r\n";
    static CHUNKS: std::sync::LazyLock<Vec<u8>> = std::sync::LazyLock::new(|| CHUNK.repeat(256));
    let peer = script(vec![Act::Hear(b"\"alerts\""), Act::Say(head), Act::Forever(&CHUNKS)]).await;
    let start = Instant::now();
    assert!(matches!(attempt(url(peer.port())).await, Answer::Ok { .. }));
    assert!(start.elapsed() < ATTEMPT, "{:?}", start.elapsed());
}

#[tokio::test]
async fn where_nobody_may_go_nothing_goes() {
    let closed = sender_with(Egress::default(), &Lines::default());
    let open = sender_with(Egress { allow_loopback: true, ..Egress::default() }, &Lines::default());
    let site = Site::fixed(answer("200 OK", &[], "")).await;
    for (sender, to) in [
        (&closed, site.url("/")),
        (&closed, format!("http://localhost:{}/", site.address.port())),
        (&open, "http://169.254.169.254/latest".to_owned()),
        (&open, "http://[::ffff:a9fe:a9fe]/latest".to_owned()),
    ] {
        let got =
            sender.send(&channel(webhook(endpoint(&to))), &firing("1"), Marks::default(), &Parts::default()).await;
        let Answer::Permanent { reason, gone: false, .. } = got else { panic!("{to}: {got:?}") };
        assert!(reason.contains("denied by the egress policy"), "{reason}");
    }
    assert!(site.heard().is_empty());
}
