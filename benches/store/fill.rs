//! A store with a long history, quickly: hours that were made once are written for every target and hour.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use probity::{
    clock::Clock,
    history::{Part, Recent, Record, Store},
};

use super::{
    noise::{Noise, Random},
    simulation::{DAY, HOUR, T0, attach, bytes_of, open, set},
};

/// Different hours; each is some target's.
const HOURS: u32 = 500;

/// The history ends now, on an hour, and is closed in order.
pub fn run(dir: &Path, targets: u32, days: u32) {
    let (began, clock) = (Instant::now(), Clock::system());
    let end = clock.wall() / HOUR * HOUR;
    let start = end - i64::from(days) * DAY;
    set(&clock, start);
    let store = open(dir, &clock);
    let every = Some(Duration::from_secs(10));
    let ids: Vec<_> = (0..targets).map(|number| attach(&store, number).id()).collect();
    ids.iter().for_each(|&id| store.due(id, start, every));
    while store.stats().loading > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let (made, mut random): (Vec<_>, _) = ((0..HOURS).map(hour).collect(), Random::new(1));
    let mut at = start;
    while at < end {
        let number = u32::try_from(at / HOUR).unwrap();
        for &id in &ids {
            let pick = (random.uniform() * f64::from(HOURS)) as usize;
            store.import(id, Part { hour: number, ..made[pick].clone() });
        }
        at += HOUR;
        // The first flush makes them known, the second ends the hour's round, which writes them.
        store.flush();
        set(&clock, at);
        store.flush();
        if at % DAY == 0 {
            eprintln!("{} of {days} days, {:.0} s", (at - start) / DAY, began.elapsed().as_secs_f64());
        }
    }
    store.close();
    let stats = store.stats();
    assert_eq!((stats.dropped_hours, stats.errors), (0, 0));
    println!(
        "{targets} targets, {days} days, {} rows, {:.0} MB, in {:.0} s",
        stats.rows_packed,
        bytes_of(dir, "probity.db") / 1e6,
        began.elapsed().as_secs_f64()
    );
}

/// Opens such a store as a process does, and says how long it takes until all histories are in memory, and what
/// they hold.
pub fn load(dir: &Path, targets: u32) {
    let (before, began, clock) = (resident(), Instant::now(), Clock::system());
    let store = open(dir, &clock);
    let targets: Vec<_> = (0..targets).map(|number| attach(&store, number)).collect();
    let opened = began.elapsed();
    while store.stats().loading > 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let known = targets.iter().filter(|target| target.has_month(clock.wall())).count();
    println!(
        "open in {:.0} ms; {known} of {} histories in memory after {:.1} s, {:.1} MB",
        opened.as_secs_f64() * 1e3,
        targets.len(),
        began.elapsed().as_secs_f64(),
        resident() - before
    );
}

/// Of this process, in MB.
pub fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1e3
}

/// One hour of a target at 10 s, as a part.
fn hour(target: u32) -> Part {
    let (mut recent, mut noise) = (Recent::default(), Noise::new(target));
    for n in 1..360 {
        let run = noise.run();
        let (at, span) = (T0 + n * 10_000, Duration::from_secs(10));
        recent.apply(&Record { target, at, span_class: run.class, run: Some(run), span });
    }
    recent.close().unwrap()
}
