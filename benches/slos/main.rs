//! What SLOs cost: the real program on a store with 30 days of history.
//!
//! `cargo bench --bench slos` fills a store, prints one table and fails when a bound does not hold; `--store DIR` takes one
//! that is there (`cargo bench --bench store -- --targets 10000 --days 30 --fill DIR`); `--quick` has a tenth of everything.
//! The checks run once an hour, so that what the process does is nearly all done for SLOs; what it does without them is
//! measured beside it and taken off.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, reads clocks, and is not the program"
)]

#[path = "../probes/figures.rs"]
#[expect(dead_code, reason = "shared with other benchmarks, which use what this one does not")]
mod figures;
#[path = "../probes/measure.rs"]
#[expect(dead_code, reason = "shared with other benchmarks, which use what this one does not")]
mod measure;
#[path = "../../tests/it/standalone/process.rs"]
mod process;
#[path = "../../tests/it/standalone/wire.rs"]
#[expect(dead_code, reason = "shared with other benchmarks and tests, which use what this one does not")]
mod wire;

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    thread::sleep,
    time::{Duration, Instant},
};

use figures::Figures;
use process::Probity;
use serde_json::Value;

/// Every target is looked at once in so long.
const ROUND: f64 = 4.0;
/// Rounds over which CPU is measured.
const ROUNDS: u32 = 10;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let share = if arguments.iter().any(|argument| argument == "--quick") { 10 } else { 1 };
    let folder = tempfile::tempdir().unwrap();
    let given = arguments.iter().position(|argument| argument == "--store").map(|at| PathBuf::from(&arguments[at + 1]));
    let data = given.unwrap_or_else(|| fill(&folder.path().join("data"), 10_000 / share));
    let mut figures = Figures::default();
    reports(folder.path(), &data, 1_000 / share, &mut figures);
    evaluations(folder.path(), &data, 10_000 / share, &mut figures);
    figures.print();
    if figures.all_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The store's own benchmark knows how to write a history, and is built when it is asked.
fn fill(data: &Path, checks: usize) -> PathBuf {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "bench",
            "--quiet",
            "--bench",
            "store",
            "--",
            "--targets",
            &checks.to_string(),
            "--days",
            "30",
            "--fill",
        ])
        .arg(data)
        .status()
        .unwrap();
    assert!(status.success(), "the history could not be written");
    data.to_owned()
}

/// So many checks of a port that nobody listens on, and a target over each of the first `targets`.
fn manifests(folder: &Path, checks: usize, targets: usize) -> PathBuf {
    let folder = folder.join(format!("manifests-{targets}"));
    fs::create_dir_all(&folder).unwrap();
    for from in (0..checks).step_by(100) {
        let mut text = String::new();
        for number in from..(from + 100).min(checks) {
            write!(
                text,
                "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {{name: check-{number:05}, labels: {{n: c{number}}}}}\n\
                 spec: {{interval: 1h, tcp: {{address: '127.0.0.1:9'}}}}\n---\n"
            )
            .unwrap();
            if number < targets {
                write!(
                    text,
                    "apiVersion: probity.dev/v1alpha1\nkind: SLOTarget\nmetadata: {{name: up-{number:05}}}\nspec: {{target: 99.9, \
                     window: {{rolling: 30d}}, indicator: {{availability: {{healthChecks: {{matchLabels: {{n: c{number}}}}}}}}}}}\n---\n"
                )
                .unwrap();
            }
        }
        fs::write(folder.join(format!("{from:05}.yaml")), text).unwrap();
    }
    folder
}

/// How many targets have figures over nearly all of their 30 days.
fn known(report: &Value) -> usize {
    let all = report["metrics"].as_object().unwrap();
    all.values().filter(|metric| metric["coverage"].as_f64().is_some_and(|coverage| coverage > 90.0)).count()
}

fn reports(folder: &Path, data: &Path, targets: usize, figures: &mut Figures) {
    let four = manifests(&folder.join("four"), targets, 4);
    let probity = Probity::start(&four, data, &[]);
    wait_until_known(&probity, 4);
    figures.at_most("report of 4 targets, slowest of 50", slowest(&probity, 50), 5.0, "ms");
    drop(probity);
    let many = manifests(&folder.join("many"), targets, targets);
    let began = Instant::now();
    let probity = Probity::start(&many, data, &[]);
    wait_until_known(&probity, targets);
    let name = format!("{targets} targets with 30 days: right after a start");
    figures.at_most(&name, began.elapsed().as_secs_f64(), 10.0, "s");
    let name = format!("/monitoring/sla of {targets} targets, slowest of 20");
    figures.at_most(&name, slowest(&probity, 20), 50.0, "ms");
}

fn wait_until_known(probity: &Probity, targets: usize) {
    let end = Instant::now() + Duration::from_secs(300);
    while known(&probity.get("/monitoring/sla").json()) < targets {
        assert!(Instant::now() < end, "the targets never had their history:\n{}", probity.told());
        sleep(Duration::from_millis(100));
    }
}

/// Milliseconds.
fn slowest(probity: &Probity, times: u32) -> f64 {
    let ask = |_| {
        let began = Instant::now();
        assert_eq!(probity.get("/monitoring/sla").status, 200);
        began.elapsed().as_secs_f64() * 1e3
    };
    (0..times).map(ask).fold(0.0, f64::max)
}

fn evaluations(folder: &Path, data: &Path, targets: usize, figures: &mut Figures) {
    let without = manifests(&folder.join("without"), targets, 0);
    let (idle, bare) = {
        let probity = Probity::start(&without, data, &[]);
        // The history of ten thousand checks is read by then, and what is left is what goes on and on.
        sleep(Duration::from_secs(60));
        (cpu_per_round(&probity), measure::resident(probity.child.id()))
    };
    let with = manifests(&folder.join("with"), targets, targets);
    let probity = Probity::start(&with, data, &[]);
    wait_until_known(&probity, targets);
    // What reading their past has left to do is done.
    sleep(Duration::from_secs(20));
    let busy = cpu_per_round(&probity);
    let name = format!("one evaluation of {targets} targets: CPU");
    figures.at_most(&name, busy - idle, 100.0, "ms");
    figures.tell("… of the process without them, in that time", format!("{idle:.0} ms"));
    let more = (measure::resident(probity.child.id()) - bare) * 1e6 / targets as f64 / 1024.0;
    figures.tell("resident memory per target, with object, status and reading's buffers", format!("{more:.1} KB"));
    let steps = measure::histogram(&probity.get("/metrics").text(), "probity_slo_step_seconds");
    let none = steps.iter().map(|(bound, _)| (*bound, 0.0)).collect();
    let p99 = measure::histogram_quantile(&none, &steps, 0.999) * 1e3;
    figures.at_most("a step holds its thread, p99.9", p99, 1.0, "ms");
}

/// Milliseconds of CPU in the time in which all targets are looked at once.
fn cpu_per_round(probity: &Probity) -> f64 {
    let before = measure::cpu(probity.child.id());
    // The time over which CPU is measured.
    sleep(Duration::from_secs_f64(ROUND * f64::from(ROUNDS)));
    (measure::cpu(probity.child.id()) - before).as_secs_f64() * 1e3 / f64::from(ROUNDS)
}
