//! Killed under load: what was flushed is there, and the gap shows.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{due_and_done, process::Probity, target::Target, wire::Answer, write_checks};

const CHECKS: usize = 1000;
const INTERVAL: f64 = 4.0;
/// The store writes results this often.
const FLUSH: f64 = 5.0;

fn path(number: usize) -> String {
    format!("/api/v1/healthchecks/default/check-{number:04}/history?window=1h")
}

fn runs(answer: &Answer) -> Option<f64> {
    due_and_done(answer).map(|(_, runs)| runs)
}

#[test]
fn a_killed_process_has_kept_what_was_flushed_and_shows_the_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (checks, data) = (folder.path().join("checks"), folder.path().join("data"));
    let target = Target::start();
    write_checks(&checks, CHECKS, "4s", &target);

    let probity = Probity::start(&checks, &data, &[]);
    let samples = [0, 1, 250, 500, 999];
    for number in samples {
        probity.wait_for(&path(number), |answer| runs(answer).filter(|runs| *runs >= 4.0));
    }
    let before = samples.map(|number| runs(&probity.get(&path(number))).unwrap());
    probity.stop(Signal::KILL);
    let killed = Instant::now();
    // The time in which it is down is what this is about.
    sleep(Duration::from_secs(10));

    let probity = Probity::start(&checks, &data, &[]);
    let down = killed.elapsed().as_secs_f64();
    // At most the last flush is lost.
    for (number, before) in samples.into_iter().zip(before) {
        let least = before - (FLUSH / INTERVAL).ceil();
        probity.wait_for(&path(number), |answer| runs(answer).filter(|runs| *runs >= least));
    }
    // Two runs more, so that it is this process that goes on.
    let resumed = samples.map(|number| runs(&probity.get(&path(number))).unwrap());
    for (number, resumed) in samples.into_iter().zip(resumed) {
        let (expected, runs) =
            probity.wait_for(&path(number), |answer| due_and_done(answer).filter(|(_, now)| *now >= resumed + 2.0));
        let gap = expected - runs;
        let (least, most) = ((down / INTERVAL).floor() - 1.0, ((down + FLUSH) / INTERVAL).ceil() + 1.0);
        assert!((least..=most).contains(&gap), "check {number}: {expected} due, {runs} done; down for {down} s");
    }
}
