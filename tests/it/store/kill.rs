//! `kill -9` in the middle of everything: what was flushed is there, and nothing twice.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use probity::history::Class;
use tempfile::tempdir;

use super::tools::*;

const TARGETS: u64 = 40;
const DIR: &str = "PROBITY_TEST_KILL_DIR";
const FROM: &str = "PROBITY_TEST_KILL_FROM";

/// Records and flushes until it is killed; says after each flush how many runs are on disk. Not a test by itself:
/// it is what the test below starts.
#[test]
fn child() {
    let (Ok(dir), Ok(from)) = (env::var(DIR), env::var(FROM)) else { return };
    let mut at: i64 = from.parse().unwrap();
    let clock = clock_at(at);
    let store = open(Path::new(&dir), &clock);
    let cells: Vec<_> = (0..TARGETS).map(|n| attach(&store, &format!("t{n}"))).collect();
    loaded(&store);
    for round in 1.. {
        at += 10 * SECOND;
        set(&clock, at);
        cells.iter().for_each(|cell| run(&store, cell, at, 10 * SECOND, Class::Good));
        store.flush();
        println!("flushed {}", round * TARGETS);
    }
}

#[test]
fn what_was_flushed_survives_kills_and_counts_once() {
    let dir = tempdir().unwrap();
    let mut total = 0;
    // The children go through hours of their time; these are killed in the first, while rows of it are written,
    // and after some of its frames went.
    for (round, flushes) in [(0, 150), (1, 500), (2, 371), (3, 900)] {
        let from = T0 + round * 7 * HOUR + 11 * MINUTE;
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["store::kill::child", "--exact", "--nocapture"])
            .envs([(DIR, dir.path().display().to_string()), (FROM, from.to_string())])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut flushed = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(number) = line.split("flushed ").nth(1) {
                flushed = number.parse::<u64>().unwrap();
            }
            if flushed == flushes * TARGETS {
                // SIGKILL.
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(flushed >= flushes * TARGETS);

        let now = from + 6 * HOUR;
        let clock = clock_at(now);
        let store = open(dir.path(), &clock);
        let cells: Vec<_> = (0..TARGETS).map(|n| attach(&store, &format!("t{n}"))).collect();
        loaded(&store);
        let found: u64 = cells.iter().map(|cell| count(&store, cell, 10 * DAY, now)).sum();
        // One more flush may have ended before the kill came.
        assert!((total + flushed..=total + flushed + TARGETS).contains(&found), "{total} {flushed} {found}");
        assert_eq!(number(dir.path(), "SELECT count(*) FROM frame"), 0, "frames of the killed are in rows");
        total = found;
    }
}

#[test]
fn after_a_kill_memory_is_as_it_was() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let cells = [attach(&store, "a"), attach(&store, "b")];
    loaded(&store);
    let mut at = T0;
    for n in 0..(8 * 360 + 100) {
        at += 10 * SECOND;
        set(&clock, at);
        let class = [Class::Good, Class::Degraded, Class::Failed, Class::Excluded][(n / 7 % 11).min(3)];
        run(&store, &cells[0], at, 10 * SECOND, class);
        if n % 30 == 0 {
            run(&store, &cells[1], at, 300 * SECOND, class);
        }
        if n % 6 == 0 {
            store.flush();
        }
    }
    store.flush();
    // The files as they are now are what a kill would leave.
    let copy = tempdir().unwrap();
    for file in ["probity.db", "probity.db-wal"] {
        fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let again = open(copy.path(), &clock);
    for cell in &cells {
        let after = attach(&again, if cell.id == cells[0].id { "a" } else { "b" });
        loaded(&again);
        let (mine, theirs) = (cell.recent.lock(), after.recent.lock());
        assert_eq!(theirs.uptime(at), mine.uptime(at));
        let (mine, theirs) = (mine.running().unwrap(), theirs.running().unwrap());
        assert_eq!((theirs.0, &theirs.1.sketch, &theirs.1.reasons), (mine.0, &mine.1.sketch, &mine.1.reasons));
        for (mine, theirs) in mine.1.minutes.iter().zip(theirs.1.minutes.iter()) {
            assert_eq!((mine.good, mine.failed, mine.observed_ms), (theirs.good, theirs.failed, theirs.observed_ms));
        }
    }
}
