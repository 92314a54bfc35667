//! The binary as a whole: files, reload, signals, a killed process, a full disk.

mod ack;
mod alerts;
mod amtool;
mod beside;
mod control;
mod correlation;
mod dashboards;
mod disk;
mod kill;
mod plan;
pub mod process;
mod quickstart;
mod refusals;
mod reload;
mod shown;
mod signals;
mod slos;
mod target;
mod why;
pub mod wire;

use std::{fs, path::Path};

/// Writes `count` checks of one target, a file each: `check-0000` and on, in the namespace `default`.
fn write_checks(folder: &Path, count: usize, interval: &str, target: &target::Target) {
    fs::create_dir_all(folder).unwrap();
    for number in 0..count {
        fs::write(folder.join(format!("check-{number:04}.yaml")), check(number, interval, &target.url(number)))
            .unwrap();
    }
}

/// One check as a manifest.
fn check(number: usize, interval: &str, url: &str) -> String {
    format!(
        "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata:\n  name: check-{number:04}\nspec:\n  \
         interval: {interval}\n  timeout: 1s\n  http:\n    url: {url}\n"
    )
}

/// Runs due and runs done, as an answer of `/api/v1/healthchecks/…/history` tells them; None while the check is
/// not known yet.
fn due_and_done(answer: &wire::Answer) -> Option<(f64, f64)> {
    let told = (answer.status == 200).then(|| answer.json())?;
    let sum = |name: &str| -> f64 {
        told["buckets"].as_array().unwrap().iter().map(|bucket| bucket[name].as_f64().unwrap()).sum()
    };
    Some((sum("expected"), sum("runs")))
}
