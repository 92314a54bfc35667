//! The `http` probe: basic, bearer, OAuth2 and client certificates.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use probity::{
    health::Reason,
    model::{Auth, Http, Probe, Secret, StatusSet, Tls},
    probe::{Context, Outcome, Verdict},
};

use super::peers::{
    context,
    http::{Heard, Site, answer, http, ok, redirect},
    pki::{Authority, NOW},
    probe,
};

async fn ask(context: &Context, http: Http) -> Outcome {
    probe(context, Probe::Http(Box::new(http))).await
}

fn secret(text: &str) -> Secret {
    Secret::new(text.to_owned())
}

#[track_caller]
fn assert_end(outcome: &Outcome, reason: Reason, message: &str) {
    assert_eq!((outcome.reason, &*outcome.message), (reason, message), "{outcome:?}");
    assert!(!format!("{outcome:?}").contains("s3cret"), "a secret is in {outcome:?}");
}

#[tokio::test]
async fn basic_and_bearer() {
    let site = Site::new(|heard| match heard.header("authorization") {
        Some("Basic YW5uOnMzY3JldA==" | "Bearer s3cret") => ok(""),
        _ => answer("401 Unauthorized", &[], ""),
    })
    .await;
    let with = |auth| Http { auth: Some(Box::new(auth)), ..http(&site.url("/")) };
    let context = context(&[]);
    let basic = |password| Auth::Basic { username: secret("ann"), password: secret(password) };
    assert_end(&ask(&context, with(basic("s3cret"))).await, Reason::Ok, "200 OK");
    assert_end(&ask(&context, with(Auth::Bearer { token: secret("s3cret\n") })).await, Reason::Ok, "200 OK");
    let wrong = ask(&context, with(basic("wrong"))).await;
    assert_end(&wrong, Reason::UnexpectedStatus, "401 Unauthorized, expected 200-299");
    let mut fine = with(basic("wrong"));
    fine.expect.status = StatusSet(vec![(401, 401)]);
    assert_end(&ask(&context, fine).await, Reason::Ok, "401 Unauthorized");
}

/// A token server whose tokens are `t1`, `t2`, …, and what it was asked.
async fn issuer(lifetime: &'static str) -> (Site, Arc<AtomicU32>) {
    let issued = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&issued);
    let site = Site::new(move |heard| {
        if heard.header("authorization") != Some("Basic aWQlMkZ4OnMzY3JldA==") {
            return answer("401 Unauthorized", &[], r#"{"error":"invalid_client"}"#);
        }
        let number = count.fetch_add(1, Ordering::SeqCst) + 1;
        ok(format!(r#"{{"access_token":"t{number}","token_type":"Bearer","expires_in":{lifetime}}}"#))
    })
    .await;
    (site, issued)
}

fn oauth2(url: &str, issuer: &Site, client_secret: &str) -> Http {
    let auth = Auth::OAuth2 {
        token_url: issuer.url("/token").parse().unwrap(),
        client_id: secret("id/x"),
        client_secret: secret(client_secret),
        scopes: vec!["read".into(), "write all".into()],
    };
    Http { auth: Some(Box::new(auth)), ..http(url) }
}

fn tokens(site: &Site) -> Vec<String> {
    let token = |heard: &Heard| heard.header("authorization").unwrap_or("none").to_owned();
    site.heard().iter().map(token).collect()
}

#[tokio::test]
async fn a_token_serves_until_it_expires() {
    let (issuer, issued) = issuer("3600").await;
    let site = Site::fixed(ok("")).await;
    let context = context(&[]);
    let runs = (0..5).map(|_| ask(&context, oauth2(&site.url("/"), &issuer, "s3cret")));
    for outcome in futures::future::join_all(runs).await {
        assert_end(&outcome, Reason::Ok, "200 OK");
    }
    // Five at once asked for one.
    assert_eq!(issued.load(Ordering::SeqCst), 1);
    assert_eq!(tokens(&site), vec!["Bearer t1"; 5]);
    let heard = issuer.heard();
    assert_eq!(heard[0].line, "POST /token HTTP/1.1");
    assert_eq!(heard[0].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(heard[0].body, b"grant_type=client_credentials&scope=read+write+all");

    let (brief, issued) = self::issuer("0").await;
    for _ in 0..2 {
        assert_end(&ask(&context, oauth2(&site.url("/"), &brief, "s3cret")).await, Reason::Ok, "200 OK");
    }
    assert_eq!(issued.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_token_that_is_refused_is_fetched_again_once() {
    let (issuer, issued) = issuer("3600").await;
    // It takes t1 once, and after that only t2.
    let uses = AtomicU32::new(0);
    let site = Site::new(move |heard| match (heard.header("authorization"), uses.fetch_add(1, Ordering::SeqCst)) {
        (Some("Bearer t1"), 0) | (Some("Bearer t2"), _) => ok(""),
        _ => answer("401 Unauthorized", &[], ""),
    })
    .await;
    let context = context(&[]);
    assert_end(&ask(&context, oauth2(&site.url("/"), &issuer, "s3cret")).await, Reason::Ok, "200 OK");
    assert_end(&ask(&context, oauth2(&site.url("/"), &issuer, "s3cret")).await, Reason::Ok, "200 OK");
    assert_eq!(tokens(&site), ["Bearer t1", "Bearer t1", "Bearer t2"]);
    assert_eq!(issued.load(Ordering::SeqCst), 2);

    // Where a new one is refused too, that is the answer.
    let never = Site::fixed(answer("401 Unauthorized", &[], "")).await;
    let outcome = ask(&context, oauth2(&never.url("/"), &issuer, "s3cret")).await;
    assert_end(&outcome, Reason::UnexpectedStatus, "401 Unauthorized, expected 200-299");
    assert_eq!(tokens(&never), ["Bearer t2", "Bearer t3"]);
}

#[tokio::test]
async fn why_there_is_no_token() {
    let (issuer, _) = issuer("3600").await;
    let site = Site::fixed(ok("")).await;
    let context = context(&[]);
    let no = |peer: String, what: &str| format!("no token from {peer}: {what}");
    let outcome = ask(&context, oauth2(&site.url("/"), &issuer, "wr0ng")).await;
    let message = no(issuer.address.to_string(), "it answered 401 Unauthorized (invalid_client)");
    assert_end(&outcome, Reason::AuthenticationFailed, &message);
    // Tried in the header, and then in the form.
    let heard = issuer.heard();
    assert!(String::from_utf8_lossy(&heard[1].body).contains("client_id=id%2Fx&client_secret=wr0ng"), "{heard:?}");

    let port = super::peers::real::free_port();
    let nobody = Auth::OAuth2 {
        token_url: format!("http://127.0.0.1:{port}/").parse().unwrap(),
        client_id: secret("id"),
        client_secret: secret("s3cret"),
        scopes: vec![],
    };
    let outcome = ask(&context, Http { auth: Some(Box::new(nobody)), ..http(&site.url("/")) }).await;
    let message = no(format!("127.0.0.1:{port}"), &format!("127.0.0.1:{port} refused the connection"));
    assert_end(&outcome, Reason::AuthenticationFailed, &message);

    for denied in ["http://169.254.169.254/token", "http://[::ffff:a9fe:a9fe]/token"] {
        let metadata = Auth::OAuth2 {
            token_url: denied.parse().unwrap(),
            client_id: secret("id"),
            client_secret: secret("s3cret"),
            scopes: vec![],
        };
        let outcome = ask(&context, Http { auth: Some(Box::new(metadata)), ..http(&site.url("/")) }).await;
        assert_eq!((outcome.verdict, outcome.reason), (Verdict::Unobserved, Reason::Blocked), "{outcome:?}");
    }
    // A token server that sends on could be made to send on to anywhere.
    let forwarding = Site::fixed(redirect("302 Found", "http://169.254.169.254/")).await;
    let outcome = ask(&context, oauth2(&site.url("/"), &forwarding, "s3cret")).await;
    let message = no(forwarding.address.to_string(), "it answered 302 Found");
    assert_end(&outcome, Reason::AuthenticationFailed, &message);
    let large = Site::fixed(ok("x".repeat(100_000))).await;
    let outcome = ask(&context, oauth2(&site.url("/"), &large, "s3cret")).await;
    assert_eq!(outcome.reason, Reason::AuthenticationFailed, "{outcome:?}");
    assert!(site.heard().is_empty(), "nothing goes out without a token");
}

#[tokio::test]
async fn a_token_does_not_follow_to_another_origin() {
    let (issuer, _) = issuer("3600").await;
    let other = Site::fixed(ok("")).await;
    let away = other.url("/");
    let site = Site::new(move |_| redirect("302 Found", &away)).await;
    let outcome = ask(&context(&[]), oauth2(&site.url("/"), &issuer, "s3cret")).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    assert_eq!((tokens(&site), tokens(&other)), (vec!["Bearer t1".to_owned()], vec!["none".to_owned()]));
}

#[tokio::test]
async fn a_token_server_of_the_checks_own_authority_is_trusted() {
    let (root, other) = (Authority::new("Root", NOW), Authority::new("Other", NOW));
    let server = root.server(&["localhost"], NOW).server(None, rustls::ALL_VERSIONS);
    let answer = |_: &Heard| ok(r#"{"access_token":"t1","token_type":"Bearer"}"#);
    let issuer = Site::start("127.0.0.1:0", Some(server), answer).await;
    let site = Site::fixed(ok("")).await;
    let context = context(&[]);
    let with = |ca: Option<&Authority>| {
        let ca = ca.map(|ca| ca.pem.as_str().into());
        let auth = Auth::OAuth2 {
            token_url: format!("https://localhost:{}/token", issuer.address.port()).parse().unwrap(),
            client_id: secret("id"),
            client_secret: secret("s3cret"),
            scopes: vec![],
        };
        Http {
            auth: Some(Box::new(auth)),
            tls: Arc::new(Tls { asked: true, ca, ..Tls::default() }),
            ..http(&site.url("/"))
        }
    };
    assert_end(&ask(&context, with(Some(&root))).await, Reason::Ok, "200 OK");
    // What one check trusts serves no other: not its roots, and not the token that came by them.
    for stranger in [None, Some(&other)] {
        let outcome = ask(&context, with(stranger)).await;
        assert_eq!(outcome.reason, Reason::AuthenticationFailed, "{outcome:?}");
        assert!(outcome.message.contains("certificate"), "{outcome:?}");
    }
    assert_eq!(tokens(&site), ["Bearer t1"]);
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let root = Authority::new("Root", NOW);
    let clients = Authority::new("Clients", NOW);
    let server = root.server(&["localhost"], NOW).server(Some(&clients), rustls::ALL_VERSIONS);
    let site = Site::start("127.0.0.1:0", Some(server), |_| ok("")).await;
    let url = format!("https://localhost:{}/", site.address.port());
    let trusting = Tls { asked: true, ca: Some(root.pem.as_str().into()), ..Tls::default() };
    let known = clients.client("probe");
    let with = |tls: Tls| Http { tls: Arc::new(tls), ..http(&url) };
    let shown = Tls {
        cert: Some(known.chain_pem.as_str().into()),
        key: Some(Secret::new(Arc::from(known.key_pem.as_str()))),
        ..trusting.clone()
    };
    let context = context(&[]);
    assert_end(&ask(&context, with(shown)).await, Reason::Ok, "200 OK");
    let outcome = ask(&context, with(trusting)).await;
    assert_eq!(outcome.reason, Reason::TLSError, "{outcome:?}");
    assert!(outcome.message.contains("certificate_required"), "{outcome:?}");
}
