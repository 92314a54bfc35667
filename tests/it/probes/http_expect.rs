//! The `http` probe: what is sent, what is expected, and what is measured.

use std::time::Duration;

use probity::{
    health::Reason,
    model::{Degraded, Expression, Header, HeaderExpect, Http, HttpExpect, Pattern, Place, Probe, StatusSet},
    probe::{Details, HttpDetails, Job, Outcome, Verdict, run},
};

use super::peers::{
    context,
    http::{Site, answer, http, ok},
    probe,
};

fn details(outcome: &Outcome) -> &HttpDetails {
    let Details::Http(details) = &outcome.details else { panic!("no details: {outcome:?}") };
    details
}

async fn ask(http: Http) -> Outcome {
    probe(&context(&[]), Probe::Http(Box::new(http))).await
}

async fn expecting(site: &Site, expect: impl FnOnce(&mut HttpExpect)) -> Outcome {
    let mut http = http(&site.url("/"));
    expect(&mut http.expect);
    ask(http).await
}

fn pattern(source: &str) -> Pattern {
    Pattern::unanchored(source).unwrap()
}

fn header(name: &'static str, matches: &str) -> HeaderExpect {
    HeaderExpect { name: name.parse().unwrap(), matches: Pattern::anchored(matches).unwrap() }
}

#[track_caller]
fn assert_end(outcome: &Outcome, reason: Reason, message: &str) {
    assert_eq!((outcome.reason, &*outcome.message), (reason, message), "{outcome:?}");
}

#[tokio::test]
async fn what_is_sent_is_what_the_object_says() {
    let site = Site::fixed(ok("")).await;
    let port = site.address.port();
    let outcome = ask(http(&format!("http://localhost:{port}/health?deep=1&x=%20#top"))).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    let mut post = http(&site.url("/submit"));
    post.method = hyper::Method::POST;
    post.body = Some("{\"a\":1}".into());
    post.headers = vec![
        Header { name: "content-type".parse().unwrap(), value: "application/json".parse().unwrap() },
        Header { name: "user-agent".parse().unwrap(), value: "mine".parse().unwrap() },
    ];
    ask(post).await;
    let mut head = http(&site.url("/head"));
    head.method = hyper::Method::HEAD;
    assert_end(&ask(head).await, Reason::Ok, "200 OK");

    let heard = site.heard();
    assert_eq!(heard[0].line, "GET /health?deep=1&x=%20 HTTP/1.1");
    assert_eq!(heard[0].header("host"), Some(format!("localhost:{port}").as_str()));
    assert_eq!(heard[0].header("user-agent"), Some(concat!("probity/", env!("CARGO_PKG_VERSION"))));
    assert_eq!((heard[0].header("connection"), heard[0].header("content-length")), (Some("close"), None));
    assert_eq!((heard[1].line.as_str(), heard[1].body.as_slice()), ("POST /submit HTTP/1.1", &b"{\"a\":1}"[..]));
    assert_eq!((heard[1].header("content-length"), heard[1].header("user-agent")), (Some("7"), Some("mine")));
    assert_eq!(heard[1].header("content-type"), Some("application/json"));
    assert_eq!(heard[2].line, "HEAD /head HTTP/1.1");
}

#[tokio::test]
async fn the_status_decides_first_and_nothing_is_read_for_it() {
    // The body never comes to its end; nobody waits for that.
    let site = Site::fixed("HTTP/1.1 503 Service Unavailable\r\ncontent-length: 1000\r\n\r\nhealthy").await;
    let outcome = expecting(&site, |expect| expect.body_matches = vec![pattern("healthy")]).await;
    assert_end(&outcome, Reason::UnexpectedStatus, "503 Service Unavailable, expected 200-299");
    let seen = details(&outcome);
    assert_eq!((seen.status, seen.content_length, seen.body_length), (503, 1000, 0));
    let outcome = expecting(&site, |expect| expect.status = StatusSet(vec![(200, 299), (503, 503)])).await;
    assert_end(&outcome, Reason::Ok, "503 Service Unavailable");
    let outcome = expecting(&site, |expect| expect.status = StatusSet(vec![(200, 204), (301, 301)])).await;
    assert_end(&outcome, Reason::UnexpectedStatus, "503 Service Unavailable, expected 200-204, 301");

    let refused = Site::fixed(answer("401 Unauthorized", &[], "")).await;
    assert_end(&expecting(&refused, |_| {}).await, Reason::UnexpectedStatus, "401 Unauthorized, expected 200-299");
    let odd = Site::fixed(answer("599 Whatever They Say", &[], "")).await;
    assert_end(&expecting(&odd, |_| {}).await, Reason::UnexpectedStatus, "599, expected 200-299");
}

#[tokio::test]
async fn headers_bodies_and_expressions_are_expected_in_this_order() {
    let headers = [("content-type", "application/json; charset=utf-8"), ("x-a", "one"), ("x-a", "two")];
    let site = Site::fixed(answer("200 OK", &headers, r#"{"status":"healthy","queue":7}"#)).await;
    let when = |source: &str| Some(Expression::compile(source).unwrap());

    let all = |expect: &mut HttpExpect| {
        expect.headers = vec![header("content-type", "application/json.*"), header("x-a", "two")];
        expect.body_matches = vec![pattern("healthy"), pattern("queue.:[0-9]")];
        expect.body_not_matches = vec![pattern("broken")];
        expect.when = when("response.json.queue < 10 && response.headers['x-a'] == 'one, two'");
    };
    let outcome = expecting(&site, all).await;
    assert_end(&outcome, Reason::Ok, "200 OK");
    let seen = details(&outcome);
    assert_eq!((seen.failed_due_to_regex, seen.failed_due_to_cel, seen.body_length), (false, Some(false), 30));

    let outcome = expecting(&site, |expect| expect.headers = vec![header("content-type", "application/json")]).await;
    let message = "header content-type does not match: expected /application/json/";
    assert_end(&outcome, Reason::HeaderMismatch, message);
    assert!(details(&outcome).failed_due_to_regex);
    let outcome = expecting(&site, |expect| expect.headers = vec![header("x-none", ".*")]).await;
    assert_end(&outcome, Reason::HeaderMismatch, "header x-none is not there: expected /.*/");
    let outcome = expecting(&site, |expect| expect.body_matches = vec![pattern("healthy"), pattern("fine")]).await;
    assert_end(&outcome, Reason::BodyMismatch, "the body does not match /fine/");
    let outcome = expecting(&site, |expect| expect.body_not_matches = vec![pattern("queue")]).await;
    assert_end(&outcome, Reason::BodyMismatch, "the body matches /queue/, which it must not");
    assert!(details(&outcome).failed_due_to_regex);
    let outcome = expecting(&site, |expect| expect.when = when("response.json.queue > 10")).await;
    assert_end(&outcome, Reason::ExpectationFailed, "expect.when does not hold: response.json.queue > 10");
    assert_eq!(details(&outcome).failed_due_to_cel, Some(true));
    let outcome = expecting(&site, |expect| expect.when = when("response.json.length > 10")).await;
    assert_end(&outcome, Reason::ExpressionError, "expect.when: response.json.length: no such key");
    assert_eq!(details(&outcome).failed_due_to_cel, Some(true));

    let html = Site::fixed(ok("<html>")).await;
    let outcome = expecting(&html, |expect| expect.when = when("response.json.queue > 10")).await;
    let message = "expect.when: the body is not JSON: expected value at line 1 column 1";
    assert_end(&outcome, Reason::ExpressionError, message);
    let outcome = expecting(&html, |expect| expect.when = when("certificate.notAfter > timestamp(0)")).await;
    assert_end(&outcome, Reason::ExpressionError, "expect.when: certificate.notAfter: there was no certificate");
}

#[tokio::test]
async fn what_was_measured_is_told() {
    let headers = [("last-modified", "Sun, 06 Nov 1994 08:49:37 GMT")];
    let site = Site::fixed(answer("200 OK", &headers, "healthy")).await;
    let outcome = expecting(&site, |expect| expect.body_matches = vec![pattern("^healthy$")]).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    let seen = details(&outcome);
    assert_eq!((seen.status, seen.content_length, seen.body_length), (200, 7, 7));
    assert_eq!((seen.redirects, seen.ssl, seen.version), (0, false, 1.1));
    assert_eq!((seen.last_modified, seen.failed_due_to_cel), (Some(784_111_777), None));
    assert!(seen.tls.is_none());
    assert_eq!(seen.resolved.unwrap().ip, site.address.ip());
    let phases = seen.phases;
    assert!(phases.connect > Duration::ZERO && phases.processing > Duration::ZERO && phases.tls == Duration::ZERO);
    let sum = phases.resolve + phases.connect + phases.processing + phases.transfer;
    assert!(sum <= outcome.latency, "{phases:?} {:?}", outcome.latency);

    let old = Site::fixed("HTTP/1.0 200 OK\r\n\r\nhealthy").await;
    let outcome = expecting(&old, |expect| expect.body_matches = vec![pattern("^healthy$")]).await;
    let seen = details(&outcome);
    assert_eq!((outcome.verdict, seen.version, seen.content_length), (Verdict::Good, 1.0, -1));
}

#[tokio::test]
async fn a_run_that_passes_may_be_degraded_all_the_same() {
    let site = Site::fixed(ok(r#"{"queue":700}"#)).await;
    let outcome = async |degraded: &Degraded| {
        let probe = Probe::Http(Box::new(http(&site.url("/"))));
        let timeout = Duration::from_secs(20);
        let job = Job { probe: &probe, place: &Place::Named, degraded, timeout, retries: 0, max_cache: timeout };
        run(&context(&[]), &job).await
    };
    let when = |source| Degraded { when: Some(Expression::compile(source).unwrap()), ..Degraded::default() };
    let busy = outcome(&when("response.json.queue > 100")).await;
    assert_eq!(busy.verdict, Verdict::Degraded);
    assert_end(&busy, Reason::DegradedCondition, "200 OK, but degraded.when holds");
    assert_eq!(outcome(&when("response.json.queue > 1000")).await.verdict, Verdict::Good);
    let error = outcome(&when("response.json.length > 1000")).await;
    assert_eq!(error.verdict, Verdict::Good);
    assert_end(&error, Reason::Ok, "200 OK; degraded.when: response.json.length: no such key");
    let slow = outcome(&Degraded { latency: Some(Duration::ZERO), ..Degraded::default() }).await;
    assert_end(&slow, Reason::Slow, "200 OK, but slower than 0ms");
}
