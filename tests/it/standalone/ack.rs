//! Somebody acts on an alert: over HTTP, kept through a kill, and in the audit trail.

use std::{fs, time::Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::cli::ack::ack;

use super::{
    alerts::{told, write},
    process::Probity,
    target::free_port,
    wire,
};

/// Waits for a notification.
pub fn wait(probity: &Probity, wanted: impl Fn(&Value) -> bool) -> Value {
    let begin = Instant::now();
    loop {
        if let Some(found) = told(probity).into_iter().find(&wanted) {
            return found;
        }
        assert!(begin.elapsed() < wire::PATIENCE, "no such notification:\n{}", probity.told());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn until(probity: &Probity, condition: impl Fn() -> bool) {
    let begin = Instant::now();
    while !condition() {
        assert!(begin.elapsed() < wire::PATIENCE, "it never came:\n{}", probity.told());
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

/// The rows of a kind, oldest first.
pub fn rows(probity: &Probity, kind: &str) -> Vec<Value> {
    let page = probity.get(&format!("/api/v1/audit?kind={kind}")).json();
    page["items"].as_array().unwrap().iter().map(|row| row["entry"].clone()).collect()
}

#[test]
fn who_acts_is_kept_and_nobody_more_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data) = (folder.path().join("manifests"), folder.path().join("data"));
    write(&manifests, free_port());
    let rule = |name: &str, alert: &str| {
        let condition = "condition: {healthCheck: {name: shop}}";
        let whom = "notify: [{name: lines}], escalate: [{after: 5s, name: pager}]";
        format!(
            "---\napiVersion: probity.dev/v1alpha1\nkind: AlertRule\nmetadata: {{name: {name}}}\n\
             spec: {{alertName: {alert}, severity: critical, {condition}, {whom}}}\n"
        )
    };
    let pager =
        "---\napiVersion: probity.dev/v1alpha1\nkind: NotificationChannel\nmetadata: {name: pager}\nspec: {log: {}}\n";
    fs::write(manifests.join("more.yaml"), rule("cared", "Cared") + &rule("alone", "Alone") + pager).unwrap();
    let probity = Probity::start(&manifests, &data, &[]);
    let alert = wait(&probity, |line| line["alerts"][0]["labels"]["alertname"] == "Cared")["alerts"][0].clone();
    let path = format!("/api/v1/alerts/{}/ack", alert["fingerprint"].as_str().unwrap());
    let send = |probity: &Probity, method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let answer = wire::send(probity.address, method, path, headers, body).unwrap();
        (answer.status, answer.text())
    };
    // Not by a page of somewhere else, not for nothing, not with a comment without end.
    let stranger = send(&probity, "POST", &path, &[("Origin", "http://evil.example")], "{}");
    assert!(stranger.0 == 403 && stranger.1.contains("cross_origin"), "{stranger:?}");
    let unknown = send(&probity, "POST", "/api/v1/alerts/00000000000000ff/ack", &[], "");
    assert!(unknown.0 == 404 && unknown.1.contains("/api/v2/alerts lists"), "{unknown:?}");
    assert_eq!(send(&probity, "POST", "/api/v1/alerts/none/ack", &[], "").0, 404);
    let long = json!({"comment": "x".repeat(2_000)}).to_string();
    assert_eq!(send(&probity, "POST", &path, &[], &long).0, 400);
    assert_eq!(send(&probity, "POST", &path, &[], "{\"whom\": 1}").0, 400);
    assert_eq!(send(&probity, "GET", &path, &[], "").0, 405);

    let (status, text) = send(&probity, "POST", &path, &[], "{\"by\": \"ann\", \"comment\": \"on it\"}");
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((status, &answer["recorded"], &answer["alerts"][0]["ack"]["by"]), (200, &json!(true), &json!("ann")));
    assert_eq!(answer["alerts"][0]["rule"], "cared");
    probity.stop(Signal::KILL);

    let probity = Probity::start(&manifests, &data, &[]);
    probity.wait_for("/health/detailed", |answer| (answer.json()["status"] == "unhealthy").then_some(()));
    let acts = rows(&probity, "ack");
    assert_eq!(acts.len(), 1, "{acts:?}");
    assert_eq!((&acts[0]["by"], &acts[0]["comment"]), (&json!("ann"), &json!("on it")));
    // What nobody acts on is told to more people. As long as she acts, hers is not; when she does no more, it is.
    let escalated =
        |alert: &str| rows(&probity, "told").iter().any(|row| row["alert"] == alert && row["why"] == "Escalation");
    until(&probity, || escalated("Alone"));
    assert!(!escalated("Cared"), "{:?}", rows(&probity, "told"));
    assert_eq!(send(&probity, "DELETE", &path, &[], "").0, 200);
    until(&probity, || escalated("Cared"));
    assert_eq!(rows(&probity, "ack").len(), 2);
    probity.stop(Signal::TERM);
}

#[test]
fn the_command_acknowledges_at_a_server_and_takes_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data) = (folder.path().join("manifests"), folder.path().join("data"));
    write(&manifests, free_port());
    let rule = |name: &str, hold: &str| {
        format!(
            "---\napiVersion: probity.dev/v1alpha1\nkind: AlertRule\nmetadata: {{name: {name}}}\nspec: {{alertName: Other, \
             severity: critical, for: {hold}, condition: {{healthCheck: {{name: shop}}}}, labels: {{of: {name}}}}}\n"
        )
    };
    fs::write(manifests.join("more.yaml"), rule("one", "0s") + &rule("two", "0s") + &rule("later", "1h")).unwrap();
    let probity = Probity::start(&manifests, &data, &[]);
    let server = format!("http://{}", probity.address);
    let ask = |arguments: &[&str]| {
        let output = ack(&[arguments, &["--by", "ann", "--server", &server]].concat());
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let alerts = probity.wait_for("/api/v2/alerts", |answer| {
        let alerts = answer.json().as_array()?.clone();
        (alerts.len() == 3).then_some(alerts)
    });
    let acting = |probity: &Probity| -> Vec<String> {
        let all = probity.get("/api/v2/alerts").json();
        let acked = all.as_array().unwrap().iter().filter(|alert| alert["annotations"]["acknowledged_by"] == "ann");
        let mut names: Vec<_> =
            acked.map(|alert| format!("{} {}", alert["labels"]["alertname"], alert["labels"]["of"])).collect();
        names.sort();
        names
    };
    let named = |name: &str| {
        let found = alerts.iter().find(|alert| alert["labels"]["of"] == name || alert["labels"]["alertname"] == name);
        found.unwrap()["fingerprint"].as_str().unwrap().to_owned()
    };

    let (code, out, err) = ask(&["ShopDown", "--comment", "on it"]);
    assert_eq!((code, &*err), (Some(0), ""), "{out}");
    assert_eq!(out, format!("ShopDown {} of default/down: ann acts: on it\n", named("ShopDown")));
    assert_eq!(acting(&probity), ["\"ShopDown\" null"]);
    // Of two with one name none is meant, until it is said which, or that all are. What is pending fires not yet.
    let (code, out, err) = ask(&["Other"]);
    assert!(code == Some(2) && out.is_empty() && err.contains("2 alerts are called Other"), "{out}{err}");
    assert!(err.contains(&named("one")) && err.contains("of=\"two\""), "{err}");
    let (code, out, err) = ask(&[&named("one"), "-o", "json"]);
    assert_eq!(code, Some(0), "{err}");
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&told[0]["recorded"], &told[0]["alerts"][0]["rule"]), (&json!(true), &json!("one")), "{told}");
    let (code, out, _) = ask(&["Other", "--all"]);
    assert_eq!((code, out.lines().count()), (Some(0), 2), "{out}");
    assert_eq!(acting(&probity).len(), 3);
    let (code, out, _) = ask(&["Other", "--all", "--end"]);
    assert!(code == Some(0) && out.lines().all(|line| line.ends_with(": nobody acts")), "{out}");
    assert_eq!(acting(&probity), ["\"ShopDown\" null"]);
    for (asked, says) in
        [("Nothing", "no alert fires that is called Nothing"), ("00000000000000ff", "no alert 00000000000000ff fires")]
    {
        let (code, out, err) = ask(&[asked]);
        assert!(code == Some(1) && out.is_empty() && err.contains(says), "{asked}: {err}");
    }
    let acts: Vec<String> =
        rows(&probity, "ack").iter().map(|row| format!("{} {} {}", row["rule"], row["change"], row["by"])).collect();
    assert_eq!(acts.iter().filter(|row| row.ends_with("\"acknowledged\" \"ann\"")).count(), 4, "{acts:?}");
    assert_eq!(acts.iter().filter(|row| row.ends_with("\"ended\" \"ann\"")).count(), 2, "{acts:?}");
    probity.stop(Signal::KILL);

    let (code, _, err) = ask(&["ShopDown"]);
    assert!(code == Some(3) && err.contains("cannot reach"), "{err}");
    let probity = Probity::start(&manifests, &data, &[]);
    probity.wait_for("/api/v2/alerts", |answer| (answer.json().as_array()?.len() == 3).then_some(()));
    assert_eq!(acting(&probity), ["\"ShopDown\" null"]);
    probity.stop(Signal::TERM);
}
