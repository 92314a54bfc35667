//! The `http` probe: where redirects lead, what goes there, and where they may not.

use std::time::Duration;

use probity::{
    health::Reason,
    model::{Auth, Header, Http, Probe, Secret},
    probe::{Details, Outcome, Verdict},
};

use super::peers::{
    context,
    http::{Site, http, ok, redirect},
    pki::{Authority, NOW},
    probe,
};

async fn ask(http: Http) -> Outcome {
    probe(&context(&[]), Probe::Http(Box::new(http))).await
}

fn redirects(outcome: &Outcome) -> u8 {
    let Details::Http(details) = &outcome.details else { panic!("no details: {outcome:?}") };
    details.redirects
}

#[track_caller]
fn assert_end(outcome: &Outcome, reason: Reason, message: &str) {
    assert_eq!((outcome.reason, &*outcome.message), (reason, message), "{outcome:?}");
}

/// Answers `/N` with a redirect to `/N-1`, and `/0` with 200.
async fn stairs() -> Site {
    Site::new(|heard| match heard.path().trim_start_matches('/').parse::<u32>() {
        Ok(0) => ok("here"),
        Ok(step) => redirect("302 Found", &(step - 1).to_string()),
        Err(_) => redirect("302 Found", heard.path()),
    })
    .await
}

#[tokio::test]
async fn ten_are_followed_and_no_more() {
    let site = stairs().await;
    let outcome = ask(http(&site.url("/10"))).await;
    assert_eq!((outcome.verdict, redirects(&outcome)), (Verdict::Good, 10), "{outcome:?}");
    let outcome = ask(http(&site.url("/11"))).await;
    assert_end(&outcome, Reason::TooManyRedirects, "redirected over 10 times");
    assert_eq!(redirects(&outcome), 10);
    let outcome = ask(http(&site.url("/circle"))).await;
    assert_end(&outcome, Reason::TooManyRedirects, "redirected over 10 times");
}

#[tokio::test]
async fn phases_are_summed_over_them() {
    let each = Duration::from_millis(20);
    let site = Site::new(move |heard| {
        // What the test is about: three answers that take their time.
        std::thread::sleep(each);
        match heard.path() {
            "/a" => redirect("302 Found", "/b"),
            "/b" => redirect("302 Found", "/c"),
            _ => ok(""),
        }
    })
    .await;
    let outcome = ask(http(&site.url("/a"))).await;
    let Details::Http(details) = &outcome.details else { panic!("no details") };
    assert!(details.phases.processing >= each * 3, "{:?}", details.phases);
}

#[tokio::test]
async fn one_that_is_not_followed_is_an_answer() {
    let site = stairs().await;
    let mut stay = http(&site.url("/1"));
    stay.follow_redirects = false;
    assert_end(&ask(stay).await, Reason::UnexpectedStatus, "302 Found, expected 200-299");
    assert_eq!(site.heard().len(), 1);
    // 304 is no redirect, nor is one that says not where to.
    for answer in ["304 Not Modified", "300 Multiple Choices"] {
        let site = Site::fixed(redirect(answer, "/elsewhere")).await;
        assert_end(&ask(http(&site.url("/"))).await, Reason::UnexpectedStatus, &format!("{answer}, expected 200-299"));
    }
    let nowhere = Site::fixed("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n").await;
    assert_end(&ask(http(&nowhere.url("/"))).await, Reason::UnexpectedStatus, "302 Found, expected 200-299");
}

#[tokio::test]
async fn places_that_are_no_web_address() {
    for (location, what) in [
        ("ftp://127.0.0.1/", "what is neither http nor https"),
        ("javascript:alert(1)", "what is neither http nor https"),
        ("http://", "what is no URL"),
        ("http://a b/", "what is no URL"),
    ] {
        let site = Site::fixed(redirect("302 Found", location)).await;
        assert_end(&ask(http(&site.url("/"))).await, Reason::ProtocolError, &format!("redirected to {what}"));
    }
}

#[tokio::test]
async fn the_policy_is_asked_again_on_each() {
    for denied in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[::ffff:a9fe:a9fe]/",
        "http://0xa9fea9fe/",
        "http://2852039166/",
        "http://[fd00:ec2::254]/",
        "http://0.0.0.0/",
        "//169.254.169.254/",
    ] {
        let site = Site::fixed(redirect("302 Found", denied)).await;
        let outcome = ask(http(&site.url("/"))).await;
        assert_eq!((outcome.verdict, outcome.reason), (Verdict::Unobserved, Reason::Blocked), "{denied} {outcome:?}");
    }
    for denied in ["http://169.254.169.254/", "http://[::ffff:a9fe:a9fe]/"] {
        let outcome = ask(http(denied)).await;
        assert_eq!((outcome.verdict, outcome.reason), (Verdict::Unobserved, Reason::Blocked), "{denied} {outcome:?}");
        assert!(outcome.message.contains("denied by the egress policy"), "{outcome:?}");
    }
}

#[tokio::test]
async fn methods_and_bodies_change_as_browsers_do_it() {
    for (status, method, body) in
        [("303 See Other", "GET", ""), ("302 Found", "GET", ""), ("307 Temporary Redirect", "POST", "{}")]
    {
        let site = Site::new(move |heard| match heard.path() {
            "/from" => redirect(status, "/to"),
            _ => ok(""),
        })
        .await;
        let mut post = http(&site.url("/from"));
        post.method = hyper::Method::POST;
        post.body = Some("{}".into());
        post.headers =
            vec![Header { name: "content-type".parse().unwrap(), value: "application/json".parse().unwrap() }];
        assert_eq!(ask(post).await.verdict, Verdict::Good);
        let heard = site.heard();
        assert_eq!(heard[1].line, format!("{method} /to HTTP/1.1"), "{status}");
        assert_eq!(heard[1].body, body.as_bytes(), "{status}");
        assert_eq!(heard[1].header("content-type").is_some(), method == "POST", "{status}");
    }
}

fn with_credentials(url: &str) -> Http {
    let mut http = http(url);
    http.auth = Some(Box::new(Auth::Bearer { token: Secret::new("t0ken".into()) }));
    let mut secret: hyper::header::HeaderValue = "s3cret".parse().unwrap();
    secret.set_sensitive(true);
    http.headers = vec![
        Header { name: "x-api-key".parse().unwrap(), value: secret },
        Header { name: "cookie".parse().unwrap(), value: "c=1".parse().unwrap() },
        Header { name: "x-plain".parse().unwrap(), value: "plain".parse().unwrap() },
    ];
    http
}

#[tokio::test]
async fn credentials_go_nowhere_else_and_do_not_come_back() {
    // From the first site to the second, and back to the first.
    let home = std::sync::Arc::new(std::sync::OnceLock::<String>::new());
    let back = std::sync::Arc::clone(&home);
    let other = Site::new(move |_| redirect("302 Found", back.get().unwrap())).await;
    let away = other.url("/away");
    let first = Site::new(move |heard| match heard.path() {
        "/start" => redirect("302 Found", "/same"),
        "/same" => redirect("307 Temporary Redirect", &away),
        _ => ok(""),
    })
    .await;
    home.set(first.url("/home")).unwrap();
    let outcome = ask(with_credentials(&first.url("/start"))).await;
    assert_eq!((outcome.verdict, redirects(&outcome)), (Verdict::Good, 3), "{outcome:?}");

    let told = |heard: &super::peers::http::Heard| {
        ["authorization", "x-api-key", "cookie", "x-plain"].map(|name| heard.header(name).map(str::to_owned))
    };
    let (at_home, away) = (first.heard(), other.heard());
    let all = ["Bearer t0ken", "s3cret", "c=1", "plain"].map(|value| Some(value.to_owned()));
    let none = [None, None, None, Some("plain".to_owned())];
    assert_eq!((at_home[0].path(), told(&at_home[0])), ("/start", all.clone()));
    assert_eq!((at_home[1].path(), told(&at_home[1])), ("/same", all));
    assert_eq!((away[0].path(), told(&away[0])), ("/away", none.clone()));
    assert_eq!((at_home[2].path(), told(&at_home[2])), ("/home", none));
    assert_eq!(away[0].header("host"), Some(other.address.to_string().as_str()));
}

#[tokio::test]
async fn another_name_and_another_scheme_are_another_origin() {
    let plain = Site::fixed(ok("")).await;
    let root = Authority::new("Root", NOW);
    let down = plain.url("/down");
    let tls = root.server(&["localhost"], NOW).server(None, rustls::ALL_VERSIONS);
    let secure = Site::start("127.0.0.1:0", Some(tls), move |_| redirect("302 Found", &down)).await;
    let mut from_https = with_credentials(&format!("https://localhost:{}/", secure.address.port()));
    from_https.tls = std::sync::Arc::new(probity::model::Tls {
        asked: true,
        ca: Some(root.pem.as_str().into()),
        ..Default::default()
    });
    let outcome = ask(from_https).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    let Details::Http(details) = &outcome.details else { panic!("no details") };
    // The final connection was a plain one.
    assert!(!details.ssl && details.tls.is_none() && details.phases.tls > Duration::ZERO);
    assert_eq!(secure.heard()[0].header("authorization"), Some("Bearer t0ken"));
    assert_eq!((plain.heard()[0].header("authorization"), plain.heard()[0].header("x-api-key")), (None, None));

    let port = plain.address.port();
    let name = Site::fixed(redirect("301 Moved Permanently", &format!("http://localhost:{port}/"))).await;
    assert_eq!(ask(with_credentials(&name.url("/"))).await.verdict, Verdict::Good);
    assert_eq!(plain.heard()[1].header("authorization"), None);
}
