//! What each kind sends, and what it makes of every status that its receiver may answer.

use std::sync::Arc;

use probity::{
    alert::Status,
    model::{
        Alertmanager, Discord, Header, Hmac, HttpEndpoint, PagerDuty, Receiver, Secret, Slack, Teams, Telegram, Tls,
        Webhook,
    },
    notify::{Answer, Marks, Parts},
};
use serde_json::Value;

use super::world::{Lines, alert, attempt, channel, endpoint, firing, notification, send, sender_with};
use crate::probes::peers::http::{Site, answer};

/// Its name, how it is made, and status and body with which its receiver says that it took a message.
type Kind = (&'static str, fn(HttpEndpoint) -> Receiver, &'static str, &'static str);

fn kinds() -> Vec<Kind> {
    vec![
        ("slack", |endpoint| Receiver::Slack(Slack { endpoint }), "200 OK", "ok"),
        (
            "pagerduty",
            |endpoint| Receiver::PagerDuty(PagerDuty { endpoint, routing_key: Secret::new("R0UT1NG".to_owned()) }),
            "202 Accepted",
            r#"{"status":"success","message":"Event processed","dedup_key":"k"}"#,
        ),
        ("webhook", |endpoint| Receiver::Webhook(Webhook { endpoint, hmac: None }), "200 OK", ""),
        ("alertmanager", |endpoint| Receiver::Alertmanager(Alertmanager::new(vec![endpoint]).unwrap()), "200 OK", ""),
        ("teams", |endpoint| Receiver::Teams(Teams { endpoint }), "202 Accepted", ""),
        ("discord", |endpoint| Receiver::Discord(Discord { endpoint, username: None }), "200 OK", r#"{"id":"1"}"#),
        (
            "telegram",
            |endpoint| {
                let token = Secret::new("123:T0KEN".to_owned());
                Receiver::Telegram(Telegram { endpoint, token, chat: "-100".into(), thread: None, silent: false })
            },
            "200 OK",
            r#"{"ok":true,"result":{"message_id":7}}"#,
        ),
    ]
}

fn short(answer: &Answer) -> &'static str {
    match answer {
        Answer::Ok { .. } => "ok",
        Answer::Retry { after: Some(_), .. } => "later",
        Answer::Retry { .. } => "retry",
        Answer::Permanent { gone: false, .. } => "never",
        Answer::Permanent { gone: true, .. } => "gone",
    }
}

#[tokio::test]
async fn every_kind_is_taken_and_carries_its_ids() {
    for (name, receiver, status, body) in kinds() {
        let site = Site::fixed(answer(status, &[], body)).await;
        let got = attempt(receiver(endpoint(&site.url("/hook/path")))).await;
        assert_eq!(short(&got), "ok", "{name}: {got:?}");
        let heard = site.heard();
        assert_eq!(heard.len(), 1, "{name}");
        assert!(heard[0].line.starts_with("POST "), "{name}: {}", heard[0].line);
        assert_eq!(heard[0].header("x-correlation-id"), Some("corr-7"), "{name}");
        assert_eq!(heard[0].header("content-type"), Some("application/json"), "{name}");
        let text = String::from_utf8(heard[0].body.clone()).unwrap();
        let json: Value = serde_json::from_str(&text).unwrap();
        assert!(text.contains("HighErrorRate") && text.contains('\u{1f600}'), "{name}: {json}");
    }
}

#[tokio::test]
async fn every_status_means_what_it_should() {
    let table = [
        ("301 Moved", "never"),
        ("400 Bad Request", "never"),
        ("401 Unauthorized", "never"),
        ("403 Forbidden", "never"),
        ("408 Request Timeout", "retry"),
        ("413 Too Large", "never"),
        ("425 Too Early", "retry"),
        ("429 Too Many", "retry"),
        ("500 Error", "retry"),
        ("502 Bad Gateway", "retry"),
        ("503 Unavailable", "retry"),
        ("504 Timeout", "retry"),
    ];
    for (name, receiver, ..) in kinds() {
        for (status, wanted) in table {
            let site = Site::fixed(answer(status, &[("location", "http://127.0.0.1:1/")], "no")).await;
            let got = attempt(receiver(endpoint(&site.url("/")))).await;
            assert_eq!(short(&got), wanted, "{name} {status}: {got:?}");
            assert_eq!(site.heard().len(), 1, "{name} {status}");
        }
    }
}

/// Takes everything but what is about the alert `A2`.
async fn all_but_one(taken: (&'static str, &'static str)) -> Site {
    let names = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap().contains("A2\"");
    Site::new(move |heard| match names(&heard.body) {
        true => answer("400 Bad Request", &[], "\"invalid\""),
        false => answer(taken.0, &[], taken.1),
    })
    .await
}

#[tokio::test]
async fn of_several_alerts_one_that_is_refused_does_not_hide_that_the_others_were_taken() {
    for kind in [1, 3] {
        let (name, receiver, status, body) = kinds()[kind];
        let site = all_but_one((status, body)).await;
        let alerts = (0..5).map(|number| alert(&format!("A{number}"), Status::Firing)).collect();
        let got = send(&receiver(endpoint(&site.url("/"))), &notification("1", alerts), &Parts::default()).await;
        assert_eq!(short(&got), "never", "{name}: {got:?}");
        let told: Vec<bool> = (0..5).map(|place| got.has_told(place)).collect();
        assert_eq!(told, [true, true, false, true, true], "{name}: {got:?}");
        // An event for each; and an Alertmanager is asked again in halves, of 5, 2, 3, 1 and 2.
        assert_eq!(site.heard().len(), 5, "{name}");
    }
}

#[tokio::test]
async fn an_alertmanager_that_refuses_everything_is_not_asked_for_each_alert() {
    let site = Site::fixed(answer("400 Bad Request", &[], "\"no\"")).await;
    let receiver = Receiver::Alertmanager(Alertmanager::new(vec![endpoint(&site.url("/"))]).unwrap());
    let alerts = (0..1_000).map(|number| alert(&format!("A{number}"), Status::Firing)).collect();
    let got = send(&receiver, &notification("1", alerts), &Parts::default()).await;
    assert_eq!(short(&got), "never", "{got:?}");
    assert!(site.heard().len() < 60, "{}", site.heard().len());
}

#[tokio::test]
async fn hints_in_headers_and_bodies_are_read() {
    for (name, receiver, ..) in kinds() {
        for status in ["429 Too Many", "503 Unavailable"] {
            let site = Site::fixed(answer(status, &[("retry-after", "7")], "")).await;
            let got = attempt(receiver(endpoint(&site.url("/")))).await;
            let after = if let Answer::Retry { after, .. } = &got { *after } else { panic!("{name}: {got:?}") };
            assert_eq!(after, Some(std::time::Duration::from_secs(7)), "{name} {status}");
        }
    }
    let bodies = [
        (0, r#"{"retry_after":2,"ok":false,"error":"rate_limited"}"#),
        (5, r#"{"message":"You are being rate limited.","retry_after":2.0,"global":false}"#),
        (6, r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":2}}"#),
    ];
    for (kind, body) in bodies {
        let (name, receiver, ..) = kinds()[kind];
        let site = Site::fixed(answer("429 Too Many", &[], body)).await;
        let got = attempt(receiver(endpoint(&site.url("/")))).await;
        let Answer::Retry { after: Some(after), .. } = got else { panic!("{name}: {got:?}") };
        assert_eq!(after.as_secs(), 2, "{name}");
    }
}

#[tokio::test]
async fn an_error_inside_of_a_success_is_an_error() {
    let table = [
        (0, r#"{"ok":false,"error":"channel_not_found"}"#, "never"),
        (0, r#"{"ok":false,"error":"ratelimited"}"#, "retry"),
        (0, "<html>sign in</html>", "never"),
        (1, r#"{"status":"invalid event","message":"Event object is invalid","errors":["x"]}"#, "never"),
        (1, "<html>", "retry"),
        (
            4,
            "Webhook message delivery failed with error: Microsoft Teams endpoint returned HTTP error 429 with X",
            "retry",
        ),
        (6, r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#, "never"),
        (6, r#"{"ok":false,"error_code":429,"parameters":{"retry_after":3}}"#, "later"),
    ];
    for (kind, body, wanted) in table {
        let (name, receiver, ..) = kinds()[kind];
        let site = Site::fixed(answer("200 OK", &[], body)).await;
        let got = attempt(receiver(endpoint(&site.url("/")))).await;
        assert_eq!(short(&got), wanted, "{name} {body}: {got:?}");
    }
}

#[tokio::test]
async fn who_is_gone_is_gone() {
    for (kind, status, body) in [
        (0, "410 Gone", "channel_is_archived"),
        (0, "404 Not Found", "no_service"),
        (2, "410 Gone", ""),
        (4, "410 Gone", ""),
        (5, "404 Not Found", r#"{"message":"Unknown Webhook","code":10015}"#),
    ] {
        let (name, receiver, ..) = kinds()[kind];
        let site = Site::fixed(answer(status, &[], body)).await;
        assert_eq!(short(&attempt(receiver(endpoint(&site.url("/")))).await), "gone", "{name} {status}");
    }
}

#[tokio::test]
async fn a_webhook_is_signed_has_its_headers_and_a_key() {
    let site = Site::fixed(answer("200 OK", &[], "")).await;
    let header = |name: &'static str, value: &'static str| Header {
        name: hyper::header::HeaderName::from_static(name),
        value: hyper::header::HeaderValue::from_static(value),
    };
    let headers = vec![header("authorization", "Bearer t0k"), header("idempotency-key", "mine"), header("x-team", "a")];
    let endpoint =
        HttpEndpoint::new(site.url("/hook?team=ops").parse().unwrap(), headers, Tls::default().shared()).unwrap();
    let hmac = Hmac {
        secret: Secret::new("s".to_owned()),
        previous: None,
        signature_header: hyper::header::HeaderName::from_static(Hmac::SIGNATURE),
        timestamp_header: hyper::header::HeaderName::from_static(Hmac::TIMESTAMP),
    };
    let receiver = Receiver::Webhook(Webhook { endpoint, hmac: Some(hmac) });
    assert_eq!(short(&attempt(receiver).await), "ok");
    let heard = &site.heard()[0];
    assert_eq!(heard.path(), "/hook?team=ops");
    assert_eq!(heard.header("authorization"), Some("Bearer t0k"));
    assert_eq!(heard.header("x-team"), Some("a"));
    assert_eq!(heard.header("idempotency-key"), Some("00000000000000000000000000000001"));
    let timestamp: i64 = heard.header(Hmac::TIMESTAMP).unwrap().parse().unwrap();
    let now = probity::clock::Clock::system().wall() / 1000;
    assert!((now - 60..=now).contains(&timestamp));
    assert_eq!(heard.header(Hmac::SIGNATURE).unwrap().len(), 64);
    let body: Value = serde_json::from_slice(&heard.body).unwrap();
    assert_eq!((&body["version"], &body["status"]), (&"4".into(), &"firing".into()));
}

#[tokio::test]
async fn an_event_that_was_taken_is_not_sent_again() {
    let count = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let site = Site::new(move |_| match counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        1 => answer("429 Too Many", &[], ""),
        _ => answer("202 Accepted", &[], r#"{"status":"success"}"#),
    })
    .await;
    let receiver = kinds()[1].1(endpoint(&site.url("/v2/enqueue")));
    let all = ["A", "B", "C"].map(|name| alert(name, Status::Firing)).to_vec();
    let all = notification("1", all);
    let Answer::Retry { done, .. } = send(&receiver, &all, &Parts::default()).await else { panic!() };
    assert!(done.has(0) && !done.has(1));
    assert_eq!(short(&send(&receiver, &all, &done).await), "ok");
    let keys: Vec<Value> = site
        .heard()
        .iter()
        .map(|heard| serde_json::from_slice::<Value>(&heard.body).unwrap()["payload"]["class"].clone())
        .collect();
    assert_eq!(keys, ["A", "B", "B", "C"]);
}

#[tokio::test]
async fn no_secret_comes_back_in_an_answer() {
    let echo = |heard: &crate::probes::peers::http::Heard| {
        let said = format!("{} {}", heard.line, String::from_utf8_lossy(&heard.body));
        answer("400 Bad Request", &[], said)
    };
    for (name, receiver, ..) in kinds() {
        let site = Site::new(echo).await;
        let got = attempt(receiver(endpoint(&site.url("/services/T00000000/S3CR3TS3CR3T?key=S3CR3TS3CR3T")))).await;
        for secret in ["S3CR3T", "R0UT1NG", "T0KEN"] {
            assert!(!got.text().contains(secret), "{name}: {}", got.text());
        }
        assert!(got.text().contains(&site.address.to_string()), "{name}: {}", got.text());
    }
}

#[tokio::test]
async fn a_log_channel_writes_one_line() {
    let lines = Lines::default();
    let sender = sender_with(Default::default(), &lines);
    let got = sender.send(&channel(Receiver::Log), &firing("1"), Marks::default(), &Parts::default()).await;
    assert_eq!(short(&got), "ok");
    let text = lines.text();
    assert_eq!(text.lines().count(), 1);
    let line: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&line["correlation_id"], &line["status"]), (&"corr-7".into(), &"firing".into()));
}
