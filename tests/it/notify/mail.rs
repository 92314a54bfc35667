//! Mail, to a real server and to some that misbehave.

use std::sync::Arc;

use probity::{
    alert::Status,
    model::{Address, Email, Login, MailSecurity, Receiver, Secret, Tls},
    notify::{Answer, Parts},
};
use serde_json::Value;

use super::world::{alert, firing, notification, send};
use crate::probes::peers::{
    pki::{Authority, NOW},
    real::{self, Smtp},
    script::{Act, script},
};

fn email(port: u16, security: MailSecurity, to: &[&str]) -> Receiver {
    Receiver::Email(Box::new(Email {
        address: Address { host: "localhost".into(), port },
        from: "Probity <probity@example.org>".parse().unwrap(),
        to: to.iter().map(|to| to.parse().unwrap()).collect(),
        security,
        hello: None,
    }))
}

fn tls(ca: &str) -> Arc<Tls> {
    Arc::new(Tls { asked: true, ca: Some(ca.into()), ..Tls::default() })
}

fn login(password: &str) -> Option<Login> {
    Some(Login { username: Secret::new("probity".to_owned()), password: Secret::new(password.to_owned()) })
}

async fn tell(receiver: &Receiver) -> Answer {
    send(receiver, &firing("7"), &Parts::default()).await
}

#[tokio::test]
async fn mail_arrives_over_starttls_with_a_login_needs_smtp() {
    let root = Authority::new("root", NOW);
    let identity = root.server(&["localhost"], NOW);
    for offered in ["PLAIN", "LOGIN"] {
        let Some(server) = real::smtp(&identity.chain_pem, &identity.key_pem, Smtp::StartTls, offered).await else {
            return;
        };
        let starttls = |password| MailSecurity::StartTls { tls: tls(&root.pem), login: login(password) };
        let to = ["ops@example.org", "never@example.org", "Öps <b@example.org>"];
        let got = tell(&email(server.address.port(), starttls("s3cret"), &to)).await;
        let Answer::Ok { detail, .. } = got else { panic!("{offered}: {got:?}") };
        assert!(detail.contains("never@example.org: 550") && detail.contains("queued as 7"), "{detail}");
        let mails = server.mails();
        assert_eq!(mails.len(), 1);
        let mail = &mails[0];
        assert_eq!(mail["to"], serde_json::json!(["ops@example.org", "b@example.org"]));
        assert_eq!((&mail["from"], &mail["tls"]), (&"probity@example.org".into(), &true.into()));
        // As Python's own parser of mail reads it.
        assert_eq!(mail["subject"], "\u{1f6a8} HIGH Alert: HighErrorRate");
        assert_eq!(mail["message_id"], "<00000000000000000000000000000007@example.org>");
        assert_eq!(mail["correlation_id"], "corr-7");
        assert_eq!(mail["defects"], 0);
        let text = mail["text"].as_str().unwrap();
        assert!(text.contains("Error rate is 7.5% <now> & \u{1f600}") && text.contains("Status: firing"), "{text}");
        let html = mail["html"].as_str().unwrap();
        assert!(html.contains("&lt;now&gt; &amp; \u{1f600}"), "{html}");

        // The resolve is in the same conversation, and has an id of its own.
        let resolved = notification("8", vec![alert("HighErrorRate", Status::Resolved)]);
        let receiver = email(server.address.port(), starttls("s3cret"), &["ops@example.org"]);
        assert!(matches!(send(&receiver, &resolved, &Parts::default()).await, Answer::Ok { .. }));
        let mails = server.mails();
        assert_eq!(mails[1]["references"], mails[0]["references"]);
        assert_ne!(mails[1]["message_id"], mails[0]["message_id"]);

        let got = tell(&email(server.address.port(), starttls("wr0ng-password"), &["ops@example.org"])).await;
        let Answer::Permanent { reason, .. } = got else { panic!("{got:?}") };
        assert!(reason.contains("535") && !reason.contains("wr0ng"), "{reason}");
        assert_eq!(server.mails().len(), 2);
    }
}

#[tokio::test]
async fn mail_arrives_over_implicit_tls_and_a_deferred_recipient_gets_it_alone_needs_smtp() {
    let root = Authority::new("root", NOW);
    let identity = root.server(&["localhost"], NOW);
    let Some(server) = real::smtp(&identity.chain_pem, &identity.key_pem, Smtp::Tls, "PLAIN").await else { return };
    let security = MailSecurity::Tls { tls: tls(&root.pem), login: login("s3cret") };
    let receiver = email(server.address.port(), security, &["ops@example.org", "later@example.org"]);
    let got = tell(&receiver).await;
    let Answer::Retry { done, reason, maybe_taken: false, .. } = got else { panic!("{got:?}") };
    assert!(done.has(0) && !done.has(1) && reason.contains("later@example.org: 450"), "{reason}");
    // The server takes it the second time.
    let got = send(&receiver, &firing("7"), &done).await;
    assert!(matches!(got, Answer::Ok { .. }), "{got:?}");
    let to: Vec<Value> = server.mails().iter().map(|mail| mail["to"].clone()).collect();
    assert_eq!(to, [serde_json::json!(["ops@example.org"]), serde_json::json!(["later@example.org"])]);

    // Another authority: nobody speaks to that.
    let other = Authority::new("other", NOW);
    let security = MailSecurity::Tls { tls: tls(&other.pem), login: login("s3cret") };
    let got = tell(&email(server.address.port(), security, &["ops@example.org"])).await;
    let Answer::Retry { reason, maybe_taken: false, .. } = got else { panic!("{got:?}") };
    assert!(reason.contains("unknown authority"), "{reason}");
    assert_eq!(server.mails().len(), 2);
}

/// A server that greets, answers EHLO with this, and then does so.
async fn server(hello: &'static [u8], acts: &[Act]) -> u16 {
    let mut all = vec![Act::Say(b"220 mail\r\n"), Act::Hear(b"\r\n"), Act::Say(hello)];
    all.extend(acts.iter().cloned());
    let peer = script(all).await;
    let port = peer.port();
    // It goes on until the test's runtime ends.
    std::mem::forget(peer);
    port
}

fn plain(port: u16) -> Receiver {
    email(port, MailSecurity::Plain, &["ops@example.org"])
}

const HELLO: &[u8] = b"250-mail\r\n250 8BITMIME\r\n";
const ENVELOPE: [Act; 5] =
    [Act::Hear(b"\r\n"), Act::Say(b"250 ok\r\n"), Act::Hear(b"\r\n"), Act::Say(b"250 ok\r\n"), Act::Hear(b"DATA\r\n")];

#[tokio::test]
async fn what_a_server_says_is_for_later_or_for_good() {
    let after = |acts: &[Act]| [&ENVELOPE, acts].concat();
    let mail = [Act::Say(b"354 go\r\n"), Act::Hear(b"\r\n.\r\n")];
    let end = |reply: &'static [u8]| after(&[&mail[..], &[Act::Say(reply), Act::Hold]].concat());
    for (acts, wanted) in [
        (end(b"250 2.0.0 queued\r\n"), "ok"),
        (end(b"452 4.3.1 full\r\n"), "later"),
        (end(b"554 5.7.1 spam\r\n"), "never"),
        (after(&[Act::Say(b"421 4.3.2 closing\r\n"), Act::Hold]), "later"),
        (vec![Act::Hear(b"\r\n"), Act::Say(b"550 5.1.8 bad sender\r\n"), Act::Hold], "never"),
        (vec![Act::Hear(b"\r\n"), Act::Say(b"451 4.7.1 later\r\n"), Act::Hold], "later"),
        // It goes away before it has said whether it took the mail.
        (after(&[&mail[..], &[Act::Reset]].concat()), "maybe"),
        (after(&mail), "maybe"),
        (vec![Act::Hear(b"\r\n"), Act::Reset], "later"),
        (vec![Act::Hear(b"\r\n"), Act::Say(b"HTTP/1.1 400 no\r\n")], "later"),
    ] {
        let got = tell(&plain(server(HELLO, &acts).await)).await;
        let found = match &got {
            Answer::Ok { .. } => "ok",
            Answer::Retry { maybe_taken: false, .. } => "later",
            Answer::Retry { maybe_taken: true, .. } => "maybe",
            Answer::Permanent { .. } => "never",
        };
        assert_eq!(found, wanted, "{got:?}");
    }
}

#[tokio::test]
async fn a_password_never_goes_in_the_clear() {
    let root = Authority::new("root", NOW);
    let security = || MailSecurity::StartTls { tls: tls(&root.pem), login: login("s3cret") };
    // No STARTTLS on offer.
    let port = server(b"250-mail\r\n250 AUTH PLAIN\r\n", &[Act::Hold]).await;
    let got = tell(&email(port, security(), &["ops@example.org"])).await;
    let Answer::Permanent { reason, .. } = got else { panic!("{got:?}") };
    assert!(reason.contains("does not offer STARTTLS"), "{reason}");
    // Something in between adds to the answer.
    let injected = [Act::Hear(b"STARTTLS\r\n"), Act::Say(b"220 go\r\n250 AUTH PLAIN\r\n"), Act::Hold];
    let port = server(b"250-mail\r\n250 STARTTLS\r\n", &injected).await;
    let got = tell(&email(port, security(), &["ops@example.org"])).await;
    let Answer::Retry { reason, .. } = got else { panic!("{got:?}") };
    assert!(reason.contains("more than its answer"), "{reason}");
}
