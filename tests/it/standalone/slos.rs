//! SLOs of the program as a whole: what it says of targets over checks that are well, down, or not there; what planned
//! work leaves out, before and after the fact; and what a restart leaves of it.

use std::{
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{
    process::Probity,
    target::{Target, free_port},
};

fn object(kind: &str, name: &str, labels: &str, spec: &str) -> String {
    format!(
        "apiVersion: probity.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}, labels: {{{labels}}}}}\nspec: {spec}\n---\n"
    )
}

fn check(name: &str, labels: &str, url: &str) -> String {
    object("HealthCheck", name, labels, &format!("{{interval: 1s, failureThreshold: 1, http: {{url: '{url}'}}}}"))
}

fn slo(name: &str, indicator: &str, target: f64, window: &str) -> String {
    let spec = format!("{{target: {target}, window: {{rolling: {window}}}, indicator: {{{indicator}}}}}");
    object("SLOTarget", name, "", &spec)
}

/// A check that is well, one that is down, and targets over them.
fn write(folder: &Path, target: &Target) {
    fs::create_dir_all(folder).unwrap();
    let down = format!("http://127.0.0.1:{}/", free_port());
    let of = |tier: &str| format!("healthChecks: {{matchLabels: {{tier: {tier}}}}}");
    let manifests = [
        check("web", "tier: web, app: shop", &target.url(0)),
        check("api", "tier: api, app: shop", &down),
        slo("web-up", &format!("availability: {{{}}}", of("web")), 99.9, "1h"),
        slo("api-up", &format!("availability: {{{}, method: Events}}", of("api")), 99.0, "30d"),
        slo("shop-up", "availability: {healthChecks: {matchLabels: {app: shop}}}", 99.0, "1h"),
        slo("any-up", "availability: {healthChecks: {matchLabels: {app: shop}}, combine: Any}", 99.0, "1h"),
        slo("web-fast", &format!("responseTime: {{{}}}", of("web")), 10_000.0, "24h"),
        slo("web-slow", &format!("responseTime: {{{}, statistic: p99}}", of("web")), 0.000_1, "24h"),
        slo("errors", "errorRate: {healthChecks: {matchLabels: {app: shop}}}", 1.0, "24h"),
        slo("nothing", &format!("availability: {{{}}}", of("cache")), 99.0, "1h"),
    ];
    fs::write(folder.join("all.yaml"), manifests.concat()).unwrap();
}

fn metric(probity: &Probity, name: &str, is: impl Fn(&Value) -> bool) -> Value {
    probity.wait_for(&format!("/monitoring/sla/{name}"), |answer| {
        (answer.status == 200).then(|| answer.json()).filter(|metric| is(metric))
    })
}

#[test]
fn targets_stand_as_their_checks_do_and_a_restart_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data) = (folder.path().join("manifests"), folder.path().join("data"));
    let target = Target::start();
    write(&manifests, &target);
    let probity = Probity::start(&manifests, &data, &[]);

    let web = metric(&probity, "web_up", |metric| metric["status"] == "compliant" && metric["coverage"] != json!(0));
    assert_eq!((&web["target"], &web["unit"], &web["measurement_period"]), (&json!(99.9), &json!("%"), &json!("1h")));
    assert_eq!((&web["current"], &web["namespace"]), (&json!(100.0), &json!("default")));
    // Of an hour seconds were seen: what was not may have been bad.
    assert!(web["bounds"]["lowest"].as_f64().unwrap() < 50.0, "{web}");
    assert_eq!(web["bounds"]["highest"], json!(100.0));
    let api = metric(&probity, "api_up", |metric| metric["status"] == "violated");
    assert_eq!(api["current"], json!(0.0));
    assert!(api["error_budget_remaining_percent"].as_f64().unwrap() < -1_000.0, "{api}");
    metric(&probity, "shop_up", |metric| metric["status"] == "violated" && metric["current"] == json!(0.0));
    metric(&probity, "any_up", |metric| metric["status"] == "compliant");
    metric(&probity, "web_fast", |metric| metric["status"] == "compliant" && metric["unit"] == "ms");
    metric(&probity, "web_slow", |metric| metric["status"] == "violated" && metric["bounds"].is_null());
    metric(&probity, "errors", |metric| {
        metric["status"] == "violated" && (30.0..70.0).contains(&metric["current"].as_f64().unwrap_or_default())
    });
    metric(&probity, "nothing", |metric| metric["status"] == "unknown" && metric["current"].is_null());

    let report = probity.get("/monitoring/sla").json();
    assert_eq!(report["overall_status"], "violated");
    assert_eq!(report["metrics"].as_object().map(serde_json::Map::len), Some(8));
    assert_eq!(report["sla_definitions"]["web_fast"], json!({"target": 10_000.0, "unit": "ms", "period": "24h"}));
    let unknown = probity.get("/monitoring/sla/uptime");
    let said = unknown.json()["error"]["message"].as_str().unwrap().to_owned();
    assert_eq!((unknown.status, said.contains("any_up, api_up, errors")), (404, true), "{said}");

    let one = probity.get("/api/v1/slotargets/default/api-up").json();
    assert_eq!(
        (&one["state"], &one["indicator"], &one["checks"]),
        (&json!("Violated"), &json!("availability"), &json!(1))
    );
    assert_eq!(one["resolvable"]["status"], true, "{one}");
    assert_eq!(probity.get("/api/v1/slotargets/default/none").status, 404);
    let output = Command::new(env!("CARGO_BIN_EXE_probity"))
        .args(["status", "--server", &format!("http://{}", probity.address)])
        .output()
        .unwrap();
    let table = String::from_utf8_lossy(&output.stdout).into_owned();
    for part in ["api-up", "Violated", "8 SLOs: 4 violated, 1 unknown, 3 compliant"] {
        assert!(table.contains(part), "{part:?} in:\n{table}");
    }
    probity.wait_for("/metrics", |answer| {
        let text = answer.text();
        let has = |start: &str| text.lines().any(|line| line.starts_with(start));
        let all = has("probity_slo_objective{namespace=\"default\",slotarget=\"web-up\"} 99.9")
            && has("probity_slo_current{namespace=\"default\",slotarget=\"api-up\"} 0")
            && has("probity_slo_state{namespace=\"default\",slotarget=\"api-up\",state=\"violated\"} 1")
            && has("probity_slo_error_budget_remaining_ratio{namespace=\"default\",slotarget=\"web-up\"} 1")
            && has("probity_slo_burn_rate{namespace=\"default\",slotarget=\"api-up\",window=\"5m\"} 100")
            && has("probity_objects{kind=\"SLOTarget\",ready=\"true\"} 8");
        all.then_some(())
    });

    // Killed, and started again: what was flushed counts on, and the time in between was not seen.
    let runs = |probity: &Probity| {
        let path = "/api/v1/healthchecks/default/api/history?window=1h";
        probity.wait_for(path, |answer| super::due_and_done(answer).map(|(_, done)| done).filter(|done| *done > 6.0))
    };
    let before = runs(&probity);
    probity.stop(Signal::TERM);
    let probity = Probity::start(&manifests, &data, &[]);
    let began = Instant::now();
    let api = metric(&probity, "api_up", |metric| metric["status"] == "violated");
    assert!(began.elapsed() < Duration::from_secs(10), "right within ten seconds of a start: {:?}", began.elapsed());
    assert_eq!(api["current"], json!(0.0));
    let budget = probity.get("/api/v1/slotargets/default/api-up").json()["errorBudget"]["total"].clone();
    let runs_now: f64 = budget.as_str().unwrap().parse::<f64>().unwrap() / 0.01;
    assert!(runs_now >= before - 5.0, "{runs_now} of {before} runs are counted");

    // A target that is gone is gone everywhere.
    let text = fs::read_to_string(manifests.join("all.yaml")).unwrap();
    let kept: Vec<_> = text.split("---\n").filter(|document| !document.contains("name: web-up")).collect();
    fs::write(manifests.join("all.yaml"), kept.join("---\n")).unwrap();
    probity.wait_for("/monitoring/sla/web_up", |answer| (answer.status == 404).then_some(()));
    assert!(!probity.get("/metrics").text().contains("slotarget=\"web-up\""));
    probity.stop(Signal::TERM);
}

#[test]
fn planned_work_is_left_out_before_and_after_the_fact() {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data) = (folder.path().join("manifests"), folder.path().join("data"));
    fs::create_dir_all(&manifests).unwrap();
    let down = format!("http://127.0.0.1:{}/", free_port());
    let all = [
        check("api", "tier: api", &down),
        slo("up", "availability: {healthChecks: {matchLabels: {tier: api}}}", 99.0, "1h"),
    ];
    fs::write(manifests.join("all.yaml"), all.concat()).unwrap();
    let probity = Probity::start(&manifests, &data, &[]);
    metric(&probity, "up", |metric| metric["status"] == "violated");

    // Made afterwards, about what has been: nothing of it counts, and both figures stand side by side.
    let window = object(
        "MaintenanceWindow",
        "work",
        "",
        "{selector: {matchLabels: {tier: api}}, startsAt: '2026-01-01T00:00:00Z', endsAt: '2099-01-01T00:00:00Z', \
         excludeFromSLO: true}",
    );
    fs::write(manifests.join("work.yaml"), &window).unwrap();
    metric(&probity, "up", |metric| metric["status"] == "unknown" && metric["current"].is_null());
    let one = probity.get("/api/v1/slotargets/default/up").json();
    assert_eq!((&one["current"], &one["raw"]), (&Value::Null, &json!(0.0)), "{one}");
    assert!(one["excluded"].as_f64().unwrap() > 3_000.0, "{one}");
    assert_eq!(one["errorBudget"]["remainingPercent"], json!(100.0), "{one}");

    // One that does not say so leaves nothing out.
    fs::write(manifests.join("work.yaml"), window.replace("excludeFromSLO: true", "muteAlerts: true")).unwrap();
    metric(&probity, "up", |metric| metric["status"] == "violated");
    probity.stop(Signal::TERM);
}
