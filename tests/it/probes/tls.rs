//! The `tls` probe, and the handshake that `tcp` and `http` share with it.

use std::{sync::Arc, time::Duration};

use probity::{
    health::Reason,
    model::{IpFamily, Probe, Secret, StartTls, Tls, TlsProbe},
    probe::{Context, Details, Outcome, TcpDetails, Verdict},
};

use super::peers::{
    Peer, context,
    pki::{Authority, Identity, NOW},
    probe, probe_within, real,
    script::{Act, script, tls},
};

fn spec(peer: &Peer, tls: Tls, start_tls: Option<StartTls>) -> Probe {
    let tls = Arc::new(tls);
    Probe::Tls(TlsProbe { address: peer.named("localhost"), ip_family: IpFamily::Any, tls, start_tls })
}

fn trusting(ca: &str) -> Tls {
    Tls { asked: true, ca: Some(ca.into()), ..Tls::default() }
}

fn with_client(ca: &str, client: &Identity) -> Tls {
    let key = Secret::new(Arc::from(client.key_pem.as_str()));
    Tls { cert: Some(client.chain_pem.as_str().into()), key: Some(key), ..trusting(ca) }
}

async fn run(peer: &Peer, tls: Tls) -> Outcome {
    probe(&context(&[]), spec(peer, tls, None)).await
}

fn details(outcome: &Outcome) -> &TcpDetails {
    let Details::Tls(details) = &outcome.details else { panic!("no details: {outcome:?}") };
    details
}

/// Unix seconds of the first day of a year.
fn year(year: i16) -> i64 {
    jiff::civil::date(year, 1, 1).to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_second()
}

#[track_caller]
fn assert_failed(outcome: &Outcome, reason: Reason, message: &str) {
    assert_eq!((outcome.reason, &*outcome.message), (reason, message), "{outcome:?}");
}

#[tokio::test]
async fn a_chain_of_a_private_authority_is_good_and_has_its_details() {
    let root = Authority::new("Root", (2020, 2150));
    let middle = root.intermediate("Middle", (2020, 2120));
    let peer = tls(&middle.server(&["localhost", "127.0.0.1", "b.example"], (2021, 2130))).await;
    let outcome = run(&peer, trusting(&root.pem)).await;
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Good, Reason::Ok), "{outcome:?}");
    assert_eq!(&*outcome.message, "TLS 1.3, certificate valid");
    let details = details(&outcome);
    assert_eq!(details.resolved.unwrap().ip.to_string(), "127.0.0.1");
    assert!(details.tls_handshake > Duration::ZERO);
    let tls = details.tls.as_ref().unwrap();
    assert!(tls.cipher.starts_with("TLS_"), "{}", tls.cipher);
    assert_eq!((tls.earliest_expiry, tls.chain_expiry), (year(2120), Some(year(2120))));
    let certificate = &tls.certificate;
    assert_eq!((&*certificate.subject, &*certificate.issuer), ("CN=localhost", "CN=Middle"));
    assert_eq!(certificate.subject_alternative, "localhost,127.0.0.1,b.example");
    assert_eq!((certificate.not_after, certificate.fingerprint_sha256.len()), (year(2130), 64));
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_and_its_details_are_there() {
    let root = Authority::new("Root", NOW);
    let other = Authority::new("Other", NOW);
    let old_middle = root.intermediate("Old Middle", (2000, 2010));
    let old_root = Authority::new("Old Root", (2000, 2010));
    let cases: [(Identity, &str, &str); 9] = [
        (root.server(&["localhost"], (2000, 2001)), &root.pem, "certificate expired on 2001-01-01"),
        (root.server(&["localhost"], (2150, 2151)), &root.pem, "certificate is not valid before 2150-01-01"),
        (root.server(&["a.example"], NOW), &root.pem, "certificate is for a.example, not localhost"),
        (
            root.server(&["a.example", "b.example", "c.example", "d.example"], NOW),
            &root.pem,
            "certificate is for a.example, b.example, c.example and others, not localhost",
        ),
        (Identity::self_signed(&["localhost"], false), &root.pem, "certificate is self-signed"),
        (Identity::self_signed(&["localhost"], true), &root.pem, "certificate is self-signed"),
        (
            root.intermediate("Middle", NOW).server(&["localhost"], NOW).alone(),
            &root.pem,
            "certificate is issued by an unknown authority: CN=Middle (the peer sent no intermediate certificate)",
        ),
        (
            old_middle.server(&["localhost"], NOW),
            &root.pem,
            "intermediate certificate CN=Old Middle expired on 2010-01-01",
        ),
        (
            old_root.server(&["localhost"], NOW),
            &old_root.pem,
            "the root of the certificate's chain expired on 2010-01-01",
        ),
    ];
    for (identity, ca, message) in cases {
        let outcome = run(&tls(&identity).await, trusting(ca)).await;
        assert_failed(&outcome, Reason::CertificateInvalid, message);
        assert_eq!(outcome.verdict, Verdict::Failed);
        let tls = details(&outcome).tls.as_ref().unwrap();
        assert!(tls.certificate.subject.starts_with("CN="), "{tls:?}");
        assert_eq!(tls.certificate.fingerprint_sha256.len(), 64);
    }
    // The machine's own roots know nothing of ours.
    let outcome = run(&tls(&other.server(&["localhost"], NOW)).await, Tls::default()).await;
    assert_eq!(outcome.reason, Reason::CertificateInvalid);
    assert!(outcome.message.contains("unknown authority: CN=Other"), "{outcome:?}");
}

#[tokio::test]
async fn a_certificate_can_vouch_for_itself_when_it_is_the_one_to_trust() {
    for is_authority in [false, true] {
        let identity = Identity::self_signed(&["localhost"], is_authority);
        let peer = tls(&identity).await;
        let outcome = run(&peer, trusting(&identity.chain_pem)).await;
        assert_eq!(outcome.reason, Reason::Ok, "{outcome:?}");
        assert_eq!(details(&outcome).tls.as_ref().unwrap().chain_expiry, Some(year(2200)));
    }
}

#[tokio::test]
async fn a_verified_chain_is_not_good_for_longer_than_it_lasts() {
    let root = Authority::new("Root", NOW);
    let peer = tls(&root.server(&["localhost"], (2020, 2100))).await;
    let context = context(&[]);
    let run = async |context: &Context| probe(context, spec(&peer, trusting(&root.pem), None)).await;
    assert_eq!(run(&context).await.reason, Reason::Ok);
    assert_eq!(run(&context).await.reason, Reason::Ok);
    context.clock.step_wall(year(2101) * 1000 - context.clock.wall());
    assert_failed(&run(&context).await, Reason::CertificateInvalid, "certificate expired on 2100-01-01");
    context.clock.step_wall(year(2050) * 1000 - context.clock.wall());
    assert_eq!(run(&context).await.reason, Reason::Ok);
}

#[tokio::test]
async fn one_chain_is_judged_by_each_set_of_roots_and_for_each_name() {
    let (root, other) = (Authority::new("Root", NOW), Authority::new("Other", NOW));
    let peer = tls(&root.server(&["localhost", "a.example"], NOW)).await;
    let context = context(&[]);
    let named = |name: &str, ca: &str| Tls { server_name: Some(name.into()), ..trusting(ca) };
    for _ in 0..2 {
        for (tls, good) in [
            (trusting(&root.pem), true),
            (trusting(&other.pem), false),
            (named("a.example", &root.pem), true),
            (named("A.example.", &root.pem), true),
            (named("b.example", &root.pem), false),
            (Tls { insecure_skip_verify: true, ..trusting(&other.pem) }, true),
        ] {
            let outcome = probe(&context, spec(&peer, tls.clone(), None)).await;
            assert_eq!(outcome.verdict == Verdict::Good, good, "{tls:?}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn skipping_verification_is_good_and_says_so() {
    let peer = tls(&Authority::new("Root", NOW).server(&["a.example"], (2000, 2001))).await;
    let outcome = run(&peer, Tls { insecure_skip_verify: true, ..Tls::default() }).await;
    assert_eq!(&*outcome.message, "TLS 1.3, certificate not verified");
    let tls = details(&outcome).tls.as_ref().unwrap();
    assert_eq!((tls.earliest_expiry, tls.chain_expiry), (year(2001), None));
}

#[tokio::test]
async fn the_name_that_is_sent_is_the_one_that_is_verified() {
    let root = Authority::new("Root", NOW);
    let peer = tls(&root.server(&["127.0.0.1"], NOW)).await;
    let literal = |tls: Tls| {
        Probe::Tls(TlsProbe {
            address: peer.named("127.0.0.1"),
            ip_family: IpFamily::Any,
            tls: Arc::new(tls),
            start_tls: None,
        })
    };
    assert_eq!(probe(&context(&[]), literal(trusting(&root.pem))).await.reason, Reason::Ok);
    let renamed = Tls { server_name: Some("a.example".into()), ..trusting(&root.pem) };
    let outcome = probe(&context(&[]), literal(renamed)).await;
    assert_failed(&outcome, Reason::CertificateInvalid, "certificate is for 127.0.0.1, not a.example");
    let no_name = Tls { server_name: Some("not a name".into()), ..trusting(&root.pem) };
    assert_eq!(probe(&context(&[]), literal(no_name)).await.reason, Reason::TLSError);
}

#[tokio::test]
async fn a_peer_that_wants_a_certificate_gets_it_or_objects() {
    let (root, clients, strangers) =
        (Authority::new("Root", NOW), Authority::new("Clients", NOW), Authority::new("Strangers", NOW));
    let (client, stranger) = (clients.client("probity"), strangers.client("probity"));
    for version in rustls::ALL_VERSIONS {
        let config = Arc::new(root.server(&["localhost"], NOW).server(Some(&clients), &[*version]));
        let peer = script(vec![Act::Tls(config), Act::Hold]).await;
        let good = run(&peer, with_client(&root.pem, &client)).await;
        assert_eq!(good.reason, Reason::Ok, "{version:?}: {good:?}");
        for tls in [trusting(&root.pem), with_client(&root.pem, &stranger)] {
            let refused = run(&peer, tls).await;
            assert_eq!(refused.reason, Reason::TLSError, "{version:?}: {refused:?}");
            assert!(refused.message.contains("ended TLS with the alert"), "{}", refused.message);
            assert!(!refused.message.contains("PRIVATE"));
        }
    }
}

#[tokio::test]
async fn what_is_no_handshake_is_told() {
    let record = b"\x15\x03\x03\x00\x02\x02\x28"; // a fatal alert: handshake_failure
    for (acts, reason, message) in [
        (vec![Act::Say(b"220 hello\r\n")], Reason::TLSError, "localhost does not speak TLS here"),
        (vec![Act::Say(b"HTTP/1.1 400 Bad Request\r\n\r\n")], Reason::TLSError, "localhost does not speak TLS here"),
        (vec![Act::Hear(b"localhost"), Act::Reset], Reason::ConnectionReset, "localhost reset the connection"),
        (vec![Act::Hear(b"localhost")], Reason::TLSError, "localhost closed the connection in the TLS handshake"),
        (vec![Act::Say(record), Act::Hold], Reason::TLSError, "localhost ended TLS with the alert handshake_failure"),
    ] {
        let outcome = run(&script(acts).await, Tls::default()).await;
        assert_failed(&outcome, reason, message);
    }
    for acts in [vec![Act::Hold], vec![Act::Hear(b"localhost"), Act::Say(b"\x16\x03\x03\x00\x7a\x02"), Act::Hold]] {
        let peer = script(acts).await;
        let outcome = probe_within(&context(&[]), spec(&peer, Tls::default(), None), Duration::from_millis(300)).await;
        assert_failed(&outcome, Reason::Timeout, "no answer within 300ms: still in the TLS handshake");
        assert!(details(&outcome).resolved.is_some());
    }
}

const SMTP: [Act; 5] = [
    Act::Say(b"220-mail.example ESMTP\r\n220 ready\r\n"),
    Act::Hear(b"EHLO probity.invalid\r\n"),
    Act::Say(b"250-mail.example\r\n250-starttls\r\n250 8BITMIME\r\n"),
    Act::Hear(b"STARTTLS\r\n"),
    Act::Say(b"220 go ahead\r\n"),
];

const IMAP: [Act; 3] = [
    Act::Say(b"* OK IMAP4rev2 ready\r\n"),
    Act::Hear(b"a1 STARTTLS\r\n"),
    Act::Say(b"* CAPABILITY IMAP4rev2\r\na1 OK begin TLS\r\n"),
];

const POSTGRES: [Act; 2] = [Act::Hear(b"\x00\x00\x00\x08\x04\xd2\x16\x2f"), Act::Say(b"S")];

#[tokio::test]
async fn starttls_leads_to_a_handshake() {
    let root = Authority::new("Root", NOW);
    let identity = root.server(&["localhost"], NOW);
    for (how, talk) in [(StartTls::Smtp, &SMTP[..]), (StartTls::Imap, &IMAP[..]), (StartTls::Postgres, &POSTGRES[..])] {
        let mut acts = talk.to_vec();
        acts.extend([Act::tls(&identity), Act::Hold]);
        let peer = script(acts).await;
        let outcome = probe(&context(&[]), spec(&peer, trusting(&root.pem), Some(how))).await;
        assert_eq!(outcome.reason, Reason::Ok, "{how:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn starttls_that_is_refused_garbled_or_endless_ends() {
    let with = |count: usize, act: Act| SMTP[..count].iter().cloned().chain([act]).collect::<Vec<_>>();
    let cases = [
        (StartTls::Smtp, vec![Act::Say(b"554 go away\r\n"), Act::Hold], "greets with 554"),
        (StartTls::Smtp, vec![Act::Say(b"SSH-2.0-OpenSSH\r\n"), Act::Hold], "not an SMTP reply"),
        (StartTls::Smtp, vec![Act::Forever(b"220-welcome\r\n")], "says more than 16384 bytes in one reply"),
        (StartTls::Smtp, vec![Act::Forever(b"220 welcome")], "says more than 16384 bytes in one reply"),
        (StartTls::Smtp, with(2, Act::Say(b"250 8BITMIME\r\n")), "does not offer STARTTLS"),
        (StartTls::Smtp, with(2, Act::Say(b"502 what\r\n")), "answers EHLO with 502"),
        (StartTls::Smtp, with(4, Act::Say(b"454 not now\r\n")), "answers STARTTLS with 454"),
        (StartTls::Smtp, with(4, Act::Say(b"220 go\r\n250 injected\r\n")), "says more than its answer before TLS"),
        (StartTls::Smtp, vec![Act::Say(b"220-hello\r\n")], "closed the connection before TLS began"),
        (StartTls::Imap, vec![Act::Say(b"* BYE busy\r\n"), Act::Hold], "does not greet with OK"),
        (StartTls::Imap, vec![Act::Say(b"* PREAUTH hi\r\n")], "greets with PREAUTH, after which there is no STARTTLS"),
        (
            StartTls::Imap,
            vec![Act::Say(b"* OK\r\n"), Act::Hear(b"STARTTLS\r\n"), Act::Say(b"a1 BAD no\r\n")],
            "refuses STARTTLS",
        ),
        (StartTls::Imap, vec![Act::Forever(b"* OK and more")], "says more than 16384 bytes in one reply"),
        (StartTls::Postgres, vec![Act::Hear(b"\x2f"), Act::Say(b"N")], "does not offer TLS (PostgreSQL answered N)"),
        (StartTls::Postgres, vec![Act::Hear(b"\x2f"), Act::Say(b"HTTP")], "does not speak PostgreSQL"),
    ];
    for (how, acts, message) in cases {
        let peer = script(acts).await;
        let outcome = probe(&context(&[]), spec(&peer, Tls::default(), Some(how))).await;
        assert_failed(&outcome, Reason::ProtocolError, &format!("localhost:{} {message}", peer.port()));
    }
    let silent = script(vec![Act::Hold]).await;
    let probe = spec(&silent, Tls::default(), Some(StartTls::Smtp));
    let outcome = probe_within(&context(&[]), probe, Duration::from_millis(300)).await;
    assert_failed(&outcome, Reason::Timeout, "no answer within 300ms: still asking for TLS");
}

#[tokio::test]
async fn a_real_postgresql_starts_tls_needs_postgres() {
    let root = Authority::new("Root", NOW);
    let identity = root.server(&["localhost"], NOW);
    let Some(server) = real::postgres(&identity.chain_pem, &identity.key_pem).await else { return };
    let spec = |tls: Tls| {
        let address = probity::model::Address { host: "localhost".into(), port: server.address.port() };
        let (tls, start_tls) = (Arc::new(tls), Some(StartTls::Postgres));
        Probe::Tls(TlsProbe { address, ip_family: IpFamily::IPv4, tls, start_tls })
    };
    let outcome = probe(&context(&[]), spec(trusting(&root.pem))).await;
    assert_eq!((outcome.reason, &*outcome.message), (Reason::Ok, "TLS 1.3, certificate valid"), "{outcome:?}");
    let outcome = probe(&context(&[]), spec(Tls::default())).await;
    assert_eq!(outcome.reason, Reason::CertificateInvalid, "{outcome:?}");
}
