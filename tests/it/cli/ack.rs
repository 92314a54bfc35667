//! `probity ack` of several alerts at a server that says what a test wants; of a real one in `standalone::ack`.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::probes::peers::http::{Heard, Site, answer};

pub fn ack(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
    for name in ["PROBITY_SERVER", "PROBITY_API_TOKEN_FILE"] {
        command.env_remove(name);
    }
    command.arg("ack").args(arguments).output().unwrap()
}

/// A server with these alerts, of which some end between its list and their acknowledgement, and some are too much for it.
async fn server(alerts: &'static [&'static str], ended: &'static [&'static str], broken: &'static str) -> Site {
    Site::new(move |heard: &Heard| {
        let fingerprint = heard.path().trim_end_matches("/ack").rsplit('/').next().unwrap().to_owned();
        let error =
            |message: &str| json!({"error": {"code": "x", "message": message, "correlation_id": "c"}}).to_string();
        if heard.line.starts_with("GET") {
            let all = alerts.iter().map(|alert| json!({"fingerprint": alert, "labels": {"alertname": "Down"}}));
            return answer("200 OK", &[], Value::from_iter(all).to_string());
        }
        if fingerprint == broken {
            return answer("503 Service Unavailable", &[], error("too much to do"));
        }
        if ended.contains(&&*fingerprint) {
            return answer("404 Not Found", &[], error(&format!("no alert {fingerprint} fires")));
        }
        let ack = json!({"by": "ann", "comment": "on it\u{1b}[2J\nInjected"});
        let one = json!({"alertname": "Down", "namespace": "shop", "rule": "down", "ack": ack});
        answer("200 OK", &[], json!({"fingerprint": fingerprint, "recorded": true, "alerts": [one]}).to_string())
    })
    .await
}

async fn asked(site: &Site, arguments: &[&str]) -> (Option<i32>, String, String) {
    let (url, arguments) = (site.url(""), arguments.iter().map(|&one| one.to_owned()).collect::<Vec<_>>());
    tokio::task::spawn_blocking(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).chain(["--server", &url]).collect();
        let output = ack(&arguments);
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    })
    .await
    .unwrap()
}

const ALL: &[&str] = &["00000000000000aa", "00000000000000bb", "00000000000000cc"];

#[tokio::test(flavor = "multi_thread")]
async fn one_of_several_that_has_ended_keeps_nobody_from_the_others() {
    let site = server(ALL, &["00000000000000aa"], "").await;
    let (code, out, err) = asked(&site, &["Down", "--all"]).await;
    assert_eq!(code, Some(0), "{out}{err}");
    // A line each, and nothing that a terminal would do something with.
    let line = |which: &str| format!("Down {which} of shop/down: ann acts: on it\\u{{1b}}[2J\\nInjected\n");
    assert_eq!(out, line("00000000000000bb") + &line("00000000000000cc"));
    assert_eq!(err, "probity ack: no alert 00000000000000aa fires\n");
    // Where none is left it is no success.
    let site = server(ALL, ALL, "").await;
    let (code, out, err) = asked(&site, &["Down", "--all", "-o", "json"]).await;
    assert_eq!((code, &*out), (Some(1), ""), "{err}");
    assert!(err.contains("no alert"), "{err}");
    let (code, _, err) = asked(&site, &["Down"]).await;
    assert!(code == Some(2) && err.contains("3 alerts are called Down") && err.contains("--all"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_done_before_the_server_failed_is_told() {
    let site = server(ALL, &[], "00000000000000bb").await;
    let (code, out, err) = asked(&site, &["Down", "--all"]).await;
    assert_eq!(code, Some(3), "{out}{err}");
    assert!(out.starts_with("Down 00000000000000aa of shop/down: ann acts") && out.lines().count() == 1, "{out}");
    assert!(err.contains("too much to do"), "{err}");
}
