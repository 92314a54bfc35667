//! The `http` probe: how far a body is read, what it is decoded to, and where reading stops.

use std::{io::Write as _, time::Duration};

use flate2::{
    Compression,
    write::{DeflateEncoder, GzEncoder, ZlibEncoder},
};
use probity::{
    health::Reason,
    model::{Degraded, Expression, Http, HttpExpect, Pattern, Place, Probe},
    probe::{Details, Job, Outcome, run},
};

use super::peers::{
    Peer, context,
    http::{Site, answer, http, ok},
    probe, probe_within,
    script::{Act, script},
};

async fn ask(http: Http) -> Outcome {
    probe(&context(&[]), Probe::Http(Box::new(http))).await
}

async fn expecting(url: &str, max: u64, expect: impl FnOnce(&mut HttpExpect)) -> Outcome {
    let mut http = http(url);
    http.max_body_bytes = max;
    expect(&mut http.expect);
    ask(http).await
}

fn matching(sources: &[&str]) -> Vec<Pattern> {
    sources.iter().map(|source| Pattern::unanchored(source).unwrap()).collect()
}

fn when(source: &str) -> Option<Expression> {
    Some(Expression::compile(source).unwrap())
}

fn length(outcome: &Outcome) -> u64 {
    let Details::Http(details) = &outcome.details else { panic!("no details: {outcome:?}") };
    details.body_length
}

#[track_caller]
fn assert_end(outcome: &Outcome, reason: Reason, message: &str) {
    assert_eq!((outcome.reason, &*outcome.message), (reason, message), "{outcome:?}");
}

fn url(peer: &Peer) -> String {
    format!("http://{}/", peer.address)
}

#[tokio::test]
async fn a_body_that_nobody_asks_for_is_not_read() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nsome of it";
    let peer = script(vec![Act::Hear(b"\r\n\r\n"), Act::Say(head), Act::Hold]).await;
    let outcome = expecting(&url(&peer), 1 << 20, |_| {}).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    assert_eq!(length(&outcome), 0);
}

#[tokio::test]
async fn a_match_that_came_early_ends_the_reading() {
    // Both never end: one goes on for ever, the other just stays.
    let endless = vec![
        Act::Hear(b"\r\n\r\n"),
        Act::Say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nhealthy\r\n\r\n"),
        Act::Forever(b"5\r\nabcd\n\r\n"),
    ];
    let silent = vec![
        Act::Hear(b"\r\n\r\n"),
        Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhealthy and"),
        Act::Hold,
    ];
    for acts in [endless, silent] {
        let peer = script(acts).await;
        let outcome = expecting(&url(&peer), 1 << 20, |expect| expect.body_matches = matching(&["^healthy\\b"])).await;
        assert_end(&outcome, Reason::Ok, "200 OK");
        assert!(length(&outcome) < 1 << 20, "{}", length(&outcome));
    }
}

#[tokio::test]
async fn a_match_at_the_end_waits_for_the_end() {
    // "ok" is all that comes first; what follows undoes it.
    let acts = vec![
        Act::Hear(b"\r\n\r\n"),
        Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nok"),
        Act::Say(b" or broken"),
        Act::Hold,
    ];
    let peer = script(acts).await;
    let outcome = expecting(&url(&peer), 1 << 20, |expect| expect.body_matches = matching(&["^ok$"])).await;
    assert_end(&outcome, Reason::BodyMismatch, "the body does not match /^ok$/");
}

#[tokio::test]
async fn only_what_an_expectation_needed_of_the_rest_is_an_error() {
    let text = format!("healthy {}end", "x".repeat(10_000));
    let site = Site::fixed(ok(&text)).await;
    let small = |expect: fn(&mut HttpExpect)| expecting_owned(site.url("/"), 100, expect);
    let outcome = small(|expect| expect.body_matches = matching(&["healthy"])).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    let outcome = small(|expect| expect.body_matches = matching(&["healthy", "end"])).await;
    let message = "the body is over 100 bytes, which are not enough to tell whether it matches /end/";
    assert_end(&outcome, Reason::BodyTooLarge, message);
    assert_eq!(length(&outcome), 100);
    let outcome = small(|expect| expect.body_not_matches = matching(&["broken"])).await;
    let message = "the body is over 100 bytes, which are not enough to tell that it does not match /broken/";
    assert_end(&outcome, Reason::BodyTooLarge, message);
    let outcome = small(|expect| expect.body_not_matches = matching(&["healthy"])).await;
    assert_end(&outcome, Reason::BodyMismatch, "the body matches /healthy/, which it must not");
    let outcome = small(|expect| expect.when = when("response.body.contains('end')")).await;
    let message = "the body is over 100 bytes, which are not enough to tell whether expect.when holds";
    assert_end(&outcome, Reason::BodyTooLarge, message);
    // What needs no body does not miss it.
    let outcome = small(|expect| expect.when = when("response.status == 200")).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    // Exactly the bound is not over it.
    let outcome = expecting(&site.url("/"), text.len() as u64, |expect| {
        expect.body_matches = matching(&["end$"]);
        expect.body_not_matches = matching(&["broken"]);
    })
    .await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    // An error in what makes it Degraded fails nothing.
    let mut cut = http(&site.url("/"));
    cut.max_body_bytes = 100;
    let probe = Probe::Http(Box::new(cut));
    let degraded = Degraded { when: when("response.body.contains('end')"), ..Degraded::default() };
    let timeout = Duration::from_secs(20);
    let job = Job { probe: &probe, place: &Place::Named, degraded: &degraded, timeout, retries: 0, max_cache: timeout };
    let outcome = run(&context(&[]), &job).await;
    assert_end(&outcome, Reason::Ok, "200 OK; degraded.when: the body is over 100 bytes");
}

async fn expecting_owned(url: String, max: u64, expect: fn(&mut HttpExpect)) -> Outcome {
    expecting(&url, max, expect).await
}

#[tokio::test]
async fn encodings_are_undone_asked_for_or_not() {
    let text = br#"{"status":"healthy"}"#;
    let best = Compression::best();
    let mut gzip = GzEncoder::new(vec![], best);
    gzip.write_all(text).unwrap();
    let mut zlib = ZlibEncoder::new(vec![], best);
    zlib.write_all(text).unwrap();
    let mut bare = DeflateEncoder::new(vec![], best);
    bare.write_all(text).unwrap();
    let cases = [
        ("gzip", gzip.finish().unwrap()),
        ("deflate", zlib.finish().unwrap()),
        ("deflate", bare.finish().unwrap()),
        ("zstd", zstd::encode_all(&text[..], 3).unwrap()),
        ("identity", text.to_vec()),
        ("of-our-own", text.to_vec()),
    ];
    for (encoding, body) in cases {
        let site = Site::fixed(answer("200 OK", &[("content-encoding", encoding)], &body)).await;
        let outcome = expecting(&site.url("/"), 1 << 20, |expect| {
            expect.body_matches = matching(&["^.{20}$"]);
            expect.when = when("response.json.status == 'healthy'");
        })
        .await;
        assert_end(&outcome, Reason::Ok, "200 OK");
        assert_eq!(length(&outcome), 20, "{encoding}");
        assert_eq!(site.heard()[0].header("accept-encoding"), None);

        let half = Site::fixed(answer("200 OK", &[("content-encoding", encoding)], &body[..body.len() / 2])).await;
        let outcome = expecting(&half.url("/"), 1 << 20, |expect| expect.body_matches = matching(&["never"])).await;
        if ["gzip", "deflate", "zstd"].contains(&encoding) {
            let message = format!("{} sent a body that is no valid {encoding}", half.address);
            assert_end(&outcome, Reason::ProtocolError, &message);
        } else {
            assert_end(&outcome, Reason::BodyMismatch, "the body does not match /never/");
        }
    }
}

#[tokio::test]
async fn a_bomb_stops_at_the_bound() {
    let mut bomb = GzEncoder::new(vec![], Compression::best());
    let zeros = vec![b'0'; 1 << 20];
    for _ in 0..64 {
        bomb.write_all(&zeros).unwrap();
    }
    let bomb = bomb.finish().unwrap();
    assert!(bomb.len() < 1 << 17, "64 MiB in {} bytes", bomb.len());
    let site = Site::fixed(answer("200 OK", &[("content-encoding", "gzip")], &bomb)).await;
    let outcome = expecting(&site.url("/"), 10_000, |expect| expect.body_matches = matching(&["1"])).await;
    let message = "the body is over 10000 bytes, which are not enough to tell whether it matches /1/";
    assert_end(&outcome, Reason::BodyTooLarge, message);
    assert_eq!(length(&outcome), 10_000);
}

#[tokio::test]
async fn an_endless_body_stops_at_the_bound_or_at_the_timeout() {
    let fast = vec![
        Act::Hear(b"\r\n\r\n"),
        Act::Say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"),
        Act::Forever(b"8\r\nabcdefgh\r\n"),
    ];
    let peer = script(fast).await;
    let outcome = expecting(&url(&peer), 100_000, |expect| expect.body_matches = matching(&["never"])).await;
    assert_eq!((outcome.reason, length(&outcome)), (Reason::BodyTooLarge, 100_000), "{outcome:?}");

    let stuck =
        vec![Act::Hear(b"\r\n\r\n"), Act::Say(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhealthy"), Act::Hold];
    let peer = script(stuck).await;
    let mut http = http(&url(&peer));
    http.expect.body_matches = matching(&["never"]);
    let outcome = probe_within(&context(&[]), Probe::Http(Box::new(http)), Duration::from_millis(300)).await;
    assert_end(&outcome, Reason::Timeout, "no answer within 300ms: still reading the body");
    let Details::Http(details) = &outcome.details else { panic!("details are lost") };
    assert_eq!(details.status, 200);
}
