//! HTTP checks every 10 s: what a probe costs, what the process holds, whether it is on time, and what its own
//! endpoints cost meanwhile.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread::{self, sleep},
    time::{Duration, Instant},
};

use super::{
    DAYS, Plan,
    child::Role,
    figures::Figures,
    manifests::{self, Check, EXPECTATIONS},
    measure::{Buckets, cpu, histogram, histogram_quantile, quantile, resident},
    process::Probity,
    server::Server,
};

const INTERVAL: Duration = Duration::from_secs(10);
const LAG: &str = "probity_probe_lag_seconds";

/// Writes `checks` checks, of which the first `silent` ask a server that never answers.
fn write(folder: &Path, server: &Server, checks: u32, silent: u32) {
    manifests::write(
        folder,
        100,
        (0..checks).map(|number| Check {
            number,
            scheme: "http",
            port: if number < silent { server.silent } else { server.http },
            interval: "10s",
            more: EXPECTATIONS,
        }),
    );
}

/// All targets answer.
pub fn run(plan: &Plan, figures: &mut Figures) {
    eprintln!("{} HTTP checks every {} s", plan.checks, INTERVAL.as_secs());
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let (checks, data) = (folder.path().join("checks"), plan.data(folder.path()));
    let history = if plan.history { DAYS } else { 0 };
    write(&checks, &server, plan.checks, 0);
    let probity = Probity::start(&checks, &data, &[]);
    figures.at_most(
        "all first runs, since the manifests were read",
        first_runs(&probity, &server, plan.checks),
        10.05,
        "s",
    );

    let floor =
        Role::start("floor", &[server.http.to_string(), plan.checks.to_string(), INTERVAL.as_millis().to_string()]);
    // Time itself, here and below: rates are counted over a window, once what a start brings is over.
    sleep(plan.warm_up);
    let lag = lags(&probity);
    let counts = server.counts();
    let used = (cpu(probity.child.id()), cpu(floor.id()));
    sleep(plan.window);
    let after = server.counts();
    let (ours, bare) = (cpu(probity.child.id()) - used.0, cpu(floor.id()) - used.1);
    let lag = histogram_quantile(&lag, &lags(&probity), 0.99);
    let probes = (after.probes - counts.probes) as f64;
    let per_probe = ours.as_secs_f64() * 1e6 / probes;
    let per_floor = bare.as_secs_f64() * 1e6 / (after.floor - counts.floor) as f64;
    let due = f64::from(plan.checks) * plan.window.as_secs_f64() / INTERVAL.as_secs_f64();
    figures.at_least("probes done of those due", probes / due, 0.99, "of 1");
    figures.tell("CPU per HTTP probe", format!("{per_probe:.1} µs"));
    figures.tell("CPU per HTTP probe of the bare loop", format!("{per_floor:.1} µs"));
    figures.at_most("CPU per HTTP probe, to the bare loop", per_probe / per_floor, 1.5, "times");
    figures.at_most(
        &format!("resident memory, on {history} days of history"),
        resident(probity.child.id()),
        100.0,
        "MB",
    );
    figures.at_most("lag, p99", lag * 1e3, 50.0, "ms");
    drop(floor);
    endpoints(plan, &probity, figures);
}

/// A fifth of the targets accept and never answer.
pub fn run_silent(plan: &Plan, figures: &mut Figures) {
    let silent = plan.checks / 5;
    eprintln!("{} HTTP checks every {} s, {silent} of them silent", plan.checks, INTERVAL.as_secs());
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let checks = folder.path().join("checks");
    write(&checks, &server, plan.checks, silent);
    let probity = Probity::start(&checks, &folder.path().join("data"), &[]);
    sleep(plan.warm_up);
    let before = lags(&probity);
    sleep(plan.window);
    let lag = histogram_quantile(&before, &lags(&probity), 0.99);
    figures.at_most("lag, p99, with a fifth of the targets silent", lag * 1e3, 250.0, "ms");
}

/// Seconds from when all manifests were read, and so every check had its phase, until every target was asked once.
fn first_runs(probity: &Probity, server: &Server, checks: u32) -> f64 {
    let mut read = None;
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if read.is_none() && probity.log.lock().iter().any(|line| line.contains("manifests read")) {
            read = Some(Instant::now());
        }
        let counts = server.counts();
        if counts.targets >= u64::from(checks) {
            return read.map_or(0.0, |read| read.elapsed().as_secs_f64());
        }
        assert!(Instant::now() < end, "only {} of {checks} targets were ever asked", counts.targets);
        sleep(Duration::from_millis(20));
    }
}

/// What asking the program itself costs under this load.
fn endpoints(plan: &Plan, probity: &Probity, figures: &mut Figures) {
    let window = plan.window / 2;
    let start = cpu(probity.child.id());
    sleep(window);
    let quiet = cpu(probity.child.id()) - start;

    let scrapes = u32::try_from(window.as_secs()).unwrap();
    let before = resident(probity.child.id());
    let start = (cpu(probity.child.id()), Instant::now());
    let (peak, bytes) = peak_while(probity.child.id(), || {
        let mut bytes = 0;
        for scrape in 1..=scrapes {
            let answer = probity.get("/metrics");
            assert!(answer.header("content-type").is_some_and(|found| found.starts_with("text/plain")));
            bytes = answer.body.len();
            sleep((start.1 + window * scrape / scrapes).saturating_duration_since(Instant::now()));
        }
        bytes
    });
    let scraped = (cpu(probity.child.id()) - start.0).saturating_sub(quiet);
    figures.tell("/metrics, size before compression", format!("{:.1} MB", bytes as f64 / 1e6));
    figures.at_most("/metrics, CPU", scraped.as_secs_f64() * 1e3 / f64::from(scrapes), 60.0, "ms");
    figures.at_most("/metrics, memory on top", peak - before, 20.0, "MB");

    let mut took: Vec<_> = (0..20).map(|_| timed(|| probity.get("/health/detailed")).0).collect();
    figures.at_most("/health/detailed, slowest of 20", millis(quantile(&mut took, 1.0)), 100.0, "ms");
    for path in ["/health/readiness", "/health/liveness"] {
        let mut took: Vec<_> = (0..1000)
            .map(|_| {
                sleep(Duration::from_millis(2));
                let (took, answer) = timed(|| probity.get(path));
                assert_eq!(answer.status, 200, "{path}");
                took
            })
            .collect();
        figures.at_most(&format!("{path}, p99"), millis(quantile(&mut took, 0.99)), 5.0, "ms");
    }
}

fn lags(probity: &Probity) -> Buckets {
    histogram(&probity.get("/metrics").text(), LAG)
}

/// The most resident memory while `work` runs.
fn peak_while<T>(process: u32, work: impl FnOnce() -> T) -> (f64, T) {
    let done = Arc::new(AtomicBool::new(false));
    let watcher = thread::spawn({
        let done = done.clone();
        move || {
            let mut peak: f64 = 0.0;
            while !done.load(Relaxed) {
                peak = peak.max(resident(process));
                sleep(Duration::from_millis(2));
            }
            peak
        }
    });
    let result = work();
    done.store(true, Relaxed);
    (watcher.join().unwrap(), result)
}

/// How long `work` takes.
fn timed<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed(), result)
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}
