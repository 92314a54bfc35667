//! One file of a thousand changes: one check changes.

use std::{
    collections::HashMap,
    fs,
    time::{Duration, Instant},
};

use super::{check, process::Probity, target::Target, write_checks};

const CHECKS: usize = 1000;
const INTERVAL: &str = "5s";

/// Runs so far by check and target, from the metrics.
fn runs(metrics: &str) -> HashMap<(String, String), f64> {
    let mut found = HashMap::new();
    for line in metrics.lines().filter(|line| line.starts_with("probity_probe_runs_total{")) {
        let label = |name: &str| {
            let start = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
            line[start..].split('"').next().unwrap().to_owned()
        };
        let value: f64 = line.rsplit(' ').next().unwrap().parse().unwrap();
        *found.entry((label("healthcheck"), label("instance"))).or_insert(0.0) += value;
    }
    found
}

#[test]
fn one_file_of_a_thousand_changes_one_check() {
    let folder = tempfile::tempdir().unwrap();
    let checks = folder.path().join("checks");
    let (target, other) = (Target::start(), Target::start());
    write_checks(&checks, CHECKS, INTERVAL, &target);
    let probity = Probity::start(&checks, &folder.path().join("data"), &[]);
    let before = probity.wait_for("/metrics", |answer| {
        let runs = runs(&answer.text());
        (runs.len() == CHECKS && runs.values().all(|runs| *runs >= 2.0)).then_some(runs)
    });

    let changed = ("check-0500".to_owned(), other.url(500));
    fs::write(checks.join("check-0500.yaml"), check(500, INTERVAL, &changed.1)).unwrap();
    let written = Instant::now();
    let after = probity.wait_for("/metrics", |answer| {
        let runs = runs(&answer.text());
        runs.contains_key(&changed).then_some(runs)
    });
    // Taken up within 2 s, and then run at once; the rest is this machine's.
    assert!(written.elapsed() < Duration::from_secs(4), "it took {:?}", written.elapsed());

    let mut same = 0;
    for (key, runs) in &before {
        match after.get(key) {
            Some(now) => {
                assert!(now >= runs, "{key:?} started over: {runs} runs before, {now} after");
                // At most as many as are due in the time between, and the one at once would be one more.
                let due = written.elapsed().as_secs_f64() / 5.0 + 1.0;
                assert!(now - runs <= due.ceil(), "{key:?} ran {} times in {:?}", now - runs, written.elapsed());
                same += 1;
            }
            None => assert_eq!(key.0, changed.0, "the series of {key:?} are gone"),
        }
    }
    assert_eq!(same, CHECKS - 1, "the old target of the changed check has no series any more");

    // A file that is broken now keeps its check running.
    fs::write(checks.join("check-0001.yaml"), "kind: [").unwrap();
    probity.wait_for("/api/v1/healthchecks/default/check-0001", |answer| {
        answer.text().contains("SourceStale").then_some(())
    });
    let key = ("check-0001".to_owned(), target.url(1));
    let then = runs(&probity.get("/metrics").text())[&key];
    probity.wait_for("/metrics", |answer| (runs(&answer.text())[&key] > then).then_some(()));

    // One that is gone takes its check with it.
    fs::remove_file(checks.join("check-0002.yaml")).unwrap();
    probity.wait_for("/metrics", |answer| {
        (!runs(&answer.text()).contains_key(&("check-0002".to_owned(), target.url(2)))).then_some(())
    });
}
