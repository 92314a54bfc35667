//! What manifest files cost as a source: reading 10,000 checks at the start, watching them, and one change.
//!
//! `cargo bench --bench source` prints a table and fails when a bound does not hold.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, reads clocks, and is not the program"
)]

use std::{
    fs,
    path::Path,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use probity::{
    clock::Clock,
    source::{Catalog, Event, Files},
};
use tokio::sync::mpsc::{self, Receiver};
use tokio_util::sync::CancellationToken;

const CHECKS: usize = 10_000;
/// A start with 10,000 checks is then done in 3 s.
const MAX_MS_PER_CHECK: f64 = 0.3;
/// Of one core, while nothing changes.
const MAX_WATCHING_PERCENT: f64 = 4.0;
const MAX_CHANGE: Duration = Duration::from_secs(2);
const WATCHED: Duration = Duration::from_secs(10);

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().worker_threads(2).build().unwrap();
    println!("{:<28}{:>14}{:>16}{:>16}", "10,000 checks in", "ms per check", "watching, % CPU", "one change, ms");
    let good = [10, 1_000, CHECKS].map(|files| runtime.block_on(measure(files)));
    if good.iter().all(|good| *good) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints one line; whether the bounds hold.
async fn measure(files: usize) -> bool {
    let dir = tempfile::tempdir().unwrap();
    for file in 0..files {
        let text: String = (0..CHECKS / files).map(|n| check(file * (CHECKS / files) + n, "10s")).collect();
        fs::write(dir.path().join(format!("{file}.yaml")), text).unwrap();
    }
    let (sender, mut events) = mpsc::channel(1024);
    let shutdown = CancellationToken::new();
    let catalog = Arc::new(Catalog::default());
    let source = Files::new(vec![dir.path().to_owned()], catalog.clone(), sender, Clock::system()).unwrap();

    let begin = Instant::now();
    let task = tokio::spawn(source.run(shutdown.clone()));
    while next(&mut events).await != Event::Ready {}
    let per_check = begin.elapsed().as_secs_f64() * 1e3 / CHECKS as f64;
    assert_eq!(catalog.len(), CHECKS);

    let before = cpu_time();
    tokio::time::sleep(WATCHED).await;
    let watching = (cpu_time() - before).as_secs_f64() / WATCHED.as_secs_f64() * 100.0;

    let path = dir.path().join("0.yaml");
    change(&path);
    let begin = Instant::now();
    next(&mut events).await;
    let took = begin.elapsed();

    shutdown.cancel();
    task.await.unwrap().unwrap();
    println!("{:<28}{per_check:>14.3}{watching:>16.2}{:>16}", format!("{files} files"), took.as_millis());
    per_check <= MAX_MS_PER_CHECK && watching <= MAX_WATCHING_PERCENT && took <= MAX_CHANGE
}

async fn next(events: &mut Receiver<Event>) -> Event {
    tokio::time::timeout(Duration::from_secs(60), events.recv()).await.unwrap().unwrap()
}

/// Changes the first check of a file.
fn change(path: &Path) {
    let text = fs::read_to_string(path).unwrap().replacen("interval: 10s", "interval: 20s", 1);
    fs::write(path, text).unwrap();
}

/// A check as people write them, with a regular expression and a CEL expression.
fn check(number: usize, interval: &str) -> String {
    format!(
        "apiVersion: probity.dev/v1alpha1
kind: HealthCheck
metadata:
  name: check-{number}
  labels: {{component: shop, tier: backend}}
spec:
  description: One of many
  interval: {interval}
  timeout: 5s
  degraded: {{latency: 500ms}}
  http:
    url: http://127.0.0.1:8000/health/{number}
    expect:
      status: [\"200-299\"]
      bodyMatches: [\"healthy|ready\"]
      when: \"response.json.status == 'healthy'\"
---
"
    )
}

/// What this process has used of the CPU, in the kernel's steps of 10 ms.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name in parentheses may hold spaces; user and system time are the 12th and 13th field after it.
    let ticks = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
    Duration::from_millis(ticks.map(|ticks| ticks.parse::<u64>().unwrap() * 10).sum())
}
