//! From a check that fails to whoever is told, by the program as a process.

use std::{fs, net::TcpListener, path::Path, time::Instant};

use rustix::process::Signal;
use serde_json::Value;

use crate::promql::{Prometheus, sources};

use super::{
    process::Probity,
    target::{Target, free_port},
    wire::PATIENCE,
};

/// A check of a port, and a rule over it, told at once.
pub fn write(folder: &Path, port: u16) {
    let manifests = format!(
        "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {{name: shop, labels: {{tier: web}}}}\nspec:\n  \
         interval: 1s\n  failureThreshold: 1\n  http: {{url: 'http://127.0.0.1:{port}/'}}\n---\n\
         apiVersion: probity.dev/v1alpha1\nkind: AlertRule\nmetadata: {{name: down}}\nspec:\n  alertName: ShopDown\n  \
         severity: critical\n  condition: {{healthCheck: {{selector: {{matchLabels: {{tier: web}}}}}}}}\n  \
         labelsFromObject: [tier]\n  message: '{{{{ $labels.healthcheck }}}} of {{{{ $labels.tier }}}} is down'\n  \
         notify: [{{name: lines}}]\n---\n\
         apiVersion: probity.dev/v1alpha1\nkind: NotificationChannel\nmetadata: {{name: lines}}\nspec: {{log: {{}}}}\n"
    );
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("all.yaml"), manifests).unwrap();
}

/// The notifications that were written so far.
pub fn told(probity: &Probity) -> Vec<Value> {
    let lines = probity.log.lock();
    let parsed = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    parsed.filter(|line| line["target"] == "probity::notify" && line["alerts"].is_array()).collect()
}

/// Waits for the notification of that number.
pub fn nth(probity: &Probity, number: usize) -> Value {
    let begin = Instant::now();
    loop {
        if let Some(found) = told(probity).into_iter().nth(number) {
            return found;
        }
        assert!(begin.elapsed() < PATIENCE, "no notification {number}:\n{}", probity.told());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[test]
fn an_alert_is_told_survives_a_kill_and_its_end_is_told_by_the_next_process() {
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data, port) = (folder.path().join("manifests"), folder.path().join("data"), free_port());
    write(&manifests, port);

    let probity = Probity::start(&manifests, &data, &[]);
    let firing = nth(&probity, 0);
    assert_eq!((&firing["status"], &firing["severity"]), (&"firing".into(), &"critical".into()), "{firing}");
    let alert = &firing["alerts"][0];
    assert_eq!(alert["message"], "shop of web is down");
    let labels = serde_json::json!({
        "alertname": "ShopDown", "namespace": "default", "severity": "critical", "healthcheck": "shop", "tier": "web",
    });
    assert_eq!(alert["labels"], labels);
    probity.stop(Signal::KILL);

    // It fires on. Where the kill came between the line and its record, the line comes again, under the same id.
    let probity = Probity::start(&manifests, &data, &[]);
    probity.wait_for("/health/detailed", |answer| (answer.json()["status"] == "unhealthy").then_some(()));
    let repeated = told(&probity);
    assert!(repeated.len() <= 1, "{repeated:?}");
    assert!(repeated.iter().all(|again| again["notification"] == firing["notification"]), "{repeated:?}");

    let _up = Target::on(TcpListener::bind(("127.0.0.1", port)).unwrap());
    let resolved = nth(&probity, repeated.len());
    assert_eq!(resolved["status"], "resolved", "{resolved}");
    assert_eq!(resolved["alerts"][0]["labels"], labels);
    probity.stop(Signal::TERM);
}

/// What a rule over PromQL makes of a real Prometheus: what is over the bound fires, with what its templates ask for; a
/// source that goes is no end.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_asks_its_source_and_a_source_that_is_gone_ends_nothing_needs_prometheus() {
    let prometheus = Prometheus::start(&sources()).await;
    let folder = tempfile::tempdir().unwrap();
    let (manifests, data) = (folder.path().join("manifests"), folder.path().join("data"));
    fs::create_dir_all(&manifests).unwrap();
    let rule = format!(
        "apiVersion: probity.dev/v1alpha1\nkind: AlertRule\nmetadata: {{name: busy}}\nspec:\n  severity: critical\n  \
         interval: 1s\n  condition: {{promql: {{expr: 'label_replace(vector(7), \"shop\", \"a\", \"\", \"\")', above: 5, \
         source: {{url: 'http://{}'}}}}}}\n  \
         message: '{{{{ $labels.shop }}}} has {{{{ $value }}}} of {{{{ query \"vector(9)\" | first | value }}}}'\n",
        prometheus.address
    );
    fs::write(manifests.join("rule.yaml"), rule).unwrap();
    let probity = Probity::start(&manifests, &data, &[]);
    let firing = nth(&probity, 0);
    assert_eq!(firing["alerts"][0]["message"], "a has 7 of 9", "{firing}");

    drop(prometheus);
    let begin = Instant::now();
    while !probity.log.lock().iter().any(|line| line.contains("the rule cannot see")) {
        assert!(begin.elapsed() < PATIENCE, "nobody is told that the source is gone:\n{}", probity.told());
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert_eq!(told(&probity).len(), 1, "a rule that cannot see resolves nothing");
    fs::remove_file(manifests.join("rule.yaml")).unwrap();
    let resolved = nth(&probity, 1);
    assert_eq!((&resolved["status"], &resolved["alerts"][0]["reason"]), (&"resolved".into(), &"RuleGone".into()));
}
