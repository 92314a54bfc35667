//! A firing alert as it is shown: over HTTP, by `probity status` and in the metrics.

use std::{fs, process::Command};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{process::Probity, target::free_port};

/// A rule that fires, one whose source is not there, a channel that nobody answers for, and one that is refused.
fn write(folder: &std::path::Path) {
    let port = free_port();
    let object = |kind: &str, name: &str, spec: &str| {
        format!("apiVersion: probity.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n---\n")
    };
    let (url, source) = (format!("http://127.0.0.1:{port}/"), format!("{{url: 'http://127.0.0.1:{port}'}}"));
    let manifests = [
        object("HealthCheck", "shop", &format!("{{interval: 1s, failureThreshold: 1, http: {{url: '{url}'}}}}")),
        object(
            "AlertRule",
            "down",
            "{alertName: ShopDown, severity: critical, condition: {healthCheck: {name: shop}}, annotations: {a: b}, \
             notify: [{name: hook}, {name: none}]}",
        ),
        object(
            "AlertRule",
            "blind",
            &format!("{{interval: 1s, severity: low, condition: {{promql: {{expr: up, source: {source}}}}}}}"),
        ),
        object("NotificationChannel", "hook", &format!("{{webhook: {{url: {{value: '{url}'}}}}}}")),
        object("NotificationChannel", "wrong", "{log: {}, severities: []}"),
        object("Silence", "quiet", "{matchers: ['alertname=Nothing'], duration: 1h, startsAt: '2026-01-01T00:00:00Z'}"),
    ];
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("all.yaml"), manifests.concat()).unwrap();
}

#[test]
fn a_firing_alert_is_seen_everywhere_and_so_is_what_does_not_work() {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data) = (folder.path().join("manifests"), folder.path().join("data"));
    write(&manifests);
    let probity = Probity::start(&manifests, &data, &[]);

    let alert = probity.wait_for("/api/v1/alerts", |answer| answer.json().pointer("/data/alerts/0").cloned());
    assert_eq!((&alert["state"], &alert["value"]), (&"firing".into(), &"1e+00".into()), "{alert}");
    let labels =
        json!({"alertname": "ShopDown", "namespace": "default", "severity": "critical", "healthcheck": "shop"});
    assert_eq!(alert["labels"], labels);

    let group = |name: &'static str, wanted: fn(&Value) -> bool| {
        probity.wait_for("/api/v1/rules", move |answer| {
            let all = answer.json();
            let groups = all["data"]["groups"].as_array().unwrap();
            groups.iter().find(|group| group["name"] == name && wanted(&group["rules"][0])).cloned()
        })
    };
    let down = group("down", |rule| rule["state"] == "firing" && rule["health"] == "ok");
    assert_eq!(down["rules"][0]["alerts"][0]["fingerprint"], alert["fingerprint"]);
    group("blind", |rule| rule["health"] == "err" && rule["lastError"].is_string());

    let rule = probity.wait_for("/api/v1/alertrules/default/down", |answer| {
        let rule = answer.json();
        (rule["lastNotification"]["outcome"] == "retry").then_some(rule)
    });
    assert_eq!(rule["state"], "Firing");
    assert_eq!(rule["lastNotification"]["channel"], "default/hook");
    assert_eq!(rule["notTold"], json!([{"channel": "default/none", "because": "unknown channel"}]));
    let hook = probity.wait_for("/api/v1/channels/default/hook", |answer| {
        let channel = answer.json();
        (channel["delivering"] == false).then_some(channel)
    });
    assert_eq!((&hook["kind"], &hook["waiting"]), (&"webhook".into(), &1.into()), "{hook}");
    let silence = probity.wait_for("/api/v1/silences/default/quiet", |answer| Some(answer.json()));
    assert_eq!((&silence["state"], &silence["matches"]), (&"Expired".into(), &0.into()), "{silence}");

    let status = |more: &[&str]| {
        let server = format!("http://{}", probity.address);
        let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
        let output = command.args(["status", "--server", &server]).args(more).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let table = status(&[]);
    for part in ["ShopDown", "critical   Firing", "blind   Error", "hook", "2 rules: 1 error, 1 firing"] {
        assert!(table.contains(part), "{part:?} in:\n{table}");
    }
    let whole: Value = serde_json::from_str(&status(&["-o", "json"])).unwrap();
    assert_eq!(whole["status"], "unhealthy");
    assert_eq!(whole["alertrules"].as_array().map(Vec::len), Some(2));

    probity.wait_for("/metrics", |answer| {
        let text = answer.text();
        let has = |line: &str| text.lines().any(|found| found == line);
        let evaluated = |result: &str| {
            let name = format!("probity_alert_evaluations_total{{result=\"{result}\"}} ");
            text.lines().any(|line| line.strip_prefix(&name).is_some_and(|count| count != "0"))
        };
        let all = has("probity_alerts{severity=\"critical\",state=\"firing\"} 1")
            && has("probity_alerts{severity=\"low\",state=\"firing\"} 0")
            && has("probity_objects{kind=\"AlertRule\",ready=\"true\"} 2")
            && has("probity_objects{kind=\"NotificationChannel\",ready=\"false\"} 1")
            && has("probity_alert_evaluations_skipped_total{reason=\"overlap\"} 0")
            && evaluated("ok")
            && evaluated("error");
        all.then_some(())
    });
    probity.stop(Signal::TERM);
}
