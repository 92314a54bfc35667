//! Manifests, the program over them, and what its metrics say.

use std::{
    fmt::Write as _,
    fs,
    path::PathBuf,
    process::Command,
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::{
    figures::Figures,
    measure::{Buckets, cpu, histogram, histogram_quantile},
    process::{Probity, run_command},
};

/// A folder with manifests and a store; it goes with this value.
pub struct World {
    folder: tempfile::TempDir,
}

impl World {
    pub fn new(objects: impl Iterator<Item = Value>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("manifests")).unwrap();
        let objects: Vec<_> = objects.collect();
        for (number, chunk) in objects.chunks(500).enumerate() {
            let mut text = String::new();
            for object in chunk {
                writeln!(text, "---\n{object}").unwrap();
            }
            fs::write(folder.path().join(format!("manifests/{number:03}.yaml")), text).unwrap();
        }
        Self { folder }
    }

    /// Starts the program; `on_one_core` keeps it to the first.
    pub fn start(&self, on_one_core: bool) -> Probity {
        let path = |name: &str| -> PathBuf { self.folder.path().join(name) };
        let (manifests, data) = (path("manifests"), path("data"));
        if !on_one_core {
            return Probity::start(&manifests, &data, &[]);
        }
        let arguments = ["--manifests", manifests.to_str().unwrap(), "--data-dir", data.to_str().unwrap()];
        let command = run_command(&[&arguments[..], &["--listen", "127.0.0.1:0"]].concat());
        let mut pinned = Command::new("taskset");
        pinned.args(["-c", "0"]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => pinned.env(name, value),
                None => pinned.env_remove(name),
            };
        }
        Probity::spawn(pinned)
    }
}

pub fn object(kind: &str, name: &str, spec: Value) -> Value {
    json!({"apiVersion": "probity.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

pub fn check(number: usize, targets: std::net::SocketAddr) -> Value {
    let url = format!("http://{targets}/{number}");
    let spec = json!({"interval": "10s", "failureThreshold": 1, "http": {"url": url}});
    object("HealthCheck", &format!("check-{number}"), spec)
}

/// The channel that all rules tell.
pub fn channel(receiver: std::net::SocketAddr) -> Value {
    let url = format!("http://{receiver}/");
    object("NotificationChannel", "bench", json!({"default": true, "webhook": {"url": {"value": url}}}))
}

/// Waits until it is so.
pub fn until(what: &str, probity: &Probity, patience: Duration, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < patience, "{what}: not in {patience:?}\n{}", probity.told());
        sleep(Duration::from_millis(20));
    }
}

/// The metrics of rules at one time.
struct Reading {
    at: Instant,
    cpu: Duration,
    lag: Buckets,
    evaluations: f64,
    errors: f64,
    skipped: f64,
}

impl Reading {
    fn of(probity: &Probity) -> Self {
        let answer = probity.get("/metrics");
        let is_text = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/plain"));
        assert!(answer.status == 200 && is_text, "/metrics answers {}", answer.status);
        let text = answer.text();
        let sum = |start: &str| -> f64 {
            let lines = text.lines().filter(|line| line.starts_with(start));
            lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
        };
        Self {
            at: Instant::now(),
            cpu: cpu(probity.child.id()),
            lag: histogram(&text, "probity_alert_evaluation_lag_seconds"),
            evaluations: sum("probity_alert_evaluations_total{"),
            errors: sum("probity_alert_evaluations_total{result=\"error\"}"),
            skipped: sum("probity_alert_evaluations_skipped_total{"),
        }
    }
}

/// Looks at `rules` rules that are due every 15 s for a while, and tells whether they were looked at, and how late.
pub fn on_time(what: &str, probity: &Probity, rules: f64, window: Duration, figures: &mut Figures) {
    let before = Reading::of(probity);
    sleep(window);
    let after = Reading::of(probity);
    let (took, used) = ((after.at - before.at).as_secs_f64(), (after.cpu - before.cpu).as_secs_f64());
    let done = after.evaluations - before.evaluations;
    let late = |share: f64| histogram_quantile(&before.lag, &after.lag, share);
    figures.at_least(&format!("{what}: evaluations done, of those due"), done / (rules * took / 15.0), 0.99, "of 1");
    figures.at_most(&format!("{what}: … that failed"), after.errors - before.errors, 0.0, "");
    figures.at_most(&format!("{what}: … that were skipped"), after.skipped - before.skipped, 0.0, "");
    figures.tell(&format!("{what}: from due to done, p50"), format!("{:.1} ms", late(0.5) * 1e3));
    figures.at_most(&format!("{what}: from due to done, p99"), late(0.99), 5.0, "s");
    figures.tell(&format!("{what}: CPU, of one core"), format!("{:.1} %", used / took * 100.0));
}
