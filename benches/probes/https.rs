//! HTTPS checks every minute, each with a full handshake.

use std::{fs, thread::sleep, time::Duration};

use super::{
    Plan,
    child::Role,
    figures::Figures,
    manifests::{self, Check, EXPECTATIONS},
    measure::{cpu, resident},
    process::Probity,
    server::Server,
};

const INTERVAL: Duration = Duration::from_secs(60);
const TLS: &str = "    tls: {serverName: localhost, ca: {valueFrom: {configMapKeyRef: {name: ca, key: ca.pem}}}}\n";

pub fn run(plan: &Plan, figures: &mut Figures) {
    eprintln!("{} HTTPS checks every {} s", plan.checks, INTERVAL.as_secs());
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let checks = folder.path().join("checks");
    let more = format!("{TLS}{EXPECTATIONS}");
    manifests::write(
        &checks,
        100,
        (0..plan.checks).map(|number| Check {
            number,
            scheme: "https",
            port: server.https,
            interval: "60s",
            more: &more,
        }),
    );
    let ca = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"ca.pem": server.ca},
    });
    fs::write(checks.join("ca.json"), ca.to_string()).unwrap();
    let probity = Probity::start(&checks, &folder.path().join("data"), &[]);
    let floor = Role::start(
        "floor",
        &[server.https.to_string(), plan.checks.to_string(), INTERVAL.as_millis().to_string(), server.ca.clone()],
    );
    // Every target has had its first run by then, which transitions, and reads what later runs find read.
    sleep(plan.warm_up.max(INTERVAL + Duration::from_secs(5)));
    let counts = server.counts();
    let used = (cpu(probity.child.id()), cpu(floor.id()));
    sleep(plan.window);
    let after = server.counts();
    let (ours, bare) = (cpu(probity.child.id()) - used.0, cpu(floor.id()) - used.1);
    let probes = (after.probes - counts.probes) as f64;
    let per_probe = ours.as_secs_f64() * 1e6 / probes;
    let per_floor = bare.as_secs_f64() * 1e6 / (after.floor - counts.floor) as f64;
    let due = f64::from(plan.checks) * plan.window.as_secs_f64() / INTERVAL.as_secs_f64();
    figures.at_least("HTTPS probes done of those due", probes / due, 0.98, "of 1");
    figures.tell("CPU per HTTPS probe", format!("{per_probe:.1} µs"));
    figures.tell("CPU per HTTPS probe of the bare rustls loop", format!("{per_floor:.1} µs"));
    figures.at_most("CPU per HTTPS probe, to the bare loop", per_probe / per_floor, 1.3, "times");
    figures.tell("resident memory, HTTPS", format!("{:.1} MB", resident(probity.child.id())));
}
