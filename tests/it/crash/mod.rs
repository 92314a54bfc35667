//! `kill -9` at each fail point, and at any moment under load: nothing that was decided is lost, and nothing is told twice but
//! what the receiver knows by its key and we have marked.
//!
//! A run is a story (a check goes down, and up again; its receiver refuses; …), told by as many lives of the program as it
//! takes. Who tells what was to be told, and what was, is in [`judge`].
//!
//! `CRASH_RUNS=200 cargo test --test it crash:: -- --nocapture` runs each story several times and kills at 200 random
//! moments; it prints the table.

mod ack;
mod cases;
mod full;
mod judge;
mod life;
mod points;
mod random;
mod receiver;
mod stories;
mod table;
mod targets;
mod trail;
mod world;

use std::{
    env, panic,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use parking_lot::Mutex;

use cases::{CASES, Case, point};
use judge::{Verdict, judge};
use table::Table;
use world::World;

/// How long anything is waited for, through all lives of a run: a second where the machine does nothing else.
const PATIENCE: Duration = Duration::from_secs(90);

/// Runs that go on at once: each waits for most of its time.
const TOGETHER: usize = 10;

/// Random moments in the suite.
const RANDOM: usize = 30;
/// Kills of one random run.
const KILLS: usize = 10;

/// Milliseconds since 1970.
fn wall() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis().try_into().unwrap()
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// Random moments that are asked for, where they are.
fn asked() -> Option<usize> {
    env::var("CRASH_RUNS").ok().map(|runs| runs.parse().expect("CRASH_RUNS is a number"))
}

fn run(case: &Case) -> (Verdict, usize) {
    let (story, arms) = case;
    let mut world = World::new(story.checks());
    world.arm(arms);
    story.prepare(&world);
    story.tell(&mut world);
    let armed = arms.iter().filter(|arm| !arm.is_empty()).count();
    // The receiver hears of it before the point behind that.
    world.until("the fail point", |world| world.deaths == armed);
    let (evidence, _dir) = world.end();
    (judge(&evidence, story.allowed()), evidence.lives.len() - 1)
}

#[test]
fn a_kill_at_each_fail_point_loses_nothing_and_tells_nothing_twice() {
    let only = env::var("CRASH_ONLY").unwrap_or_default();
    let rounds = asked().map_or(1, |runs| runs.div_ceil(100) + 1);
    let cases: Vec<&Case> =
        (0..rounds).flat_map(|_| CASES).filter(|case| format!("{case:?}").contains(&only)).collect();
    let (next, table) = (AtomicUsize::new(0), Mutex::new(Table::default()));
    thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let what = format!("{case:?}");
                    match panic::catch_unwind(|| run(case)) {
                        Ok((verdict, kills)) => table.lock().add(point(case), kills, &what, &verdict),
                        Err(panic) => table.lock().failed(&what, &said(&*panic)),
                    }
                }
            });
        }
    });
    let table = table.into_inner();
    println!("{}", table.print());
    table.check();
    assert!(!only.is_empty() || table.points().count() >= 15);
}

#[test]
fn a_kill_at_any_moment_under_load_loses_nothing_and_tells_nothing_twice() {
    let runs = asked().unwrap_or(RANDOM).div_ceil(KILLS);
    let (next, table) = (AtomicUsize::new(0), Mutex::new(Table::default()));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::SeqCst) < runs {
                    let seed = random::Random::new().0;
                    let what = format!("seed {seed}");
                    match panic::catch_unwind(|| {
                        let (evidence, dir) = random::run(KILLS, seed);
                        let verdict = judge(&evidence, judge::Allowed::default());
                        assert!(verdict.told > 0, "nothing happened: {:?}", verdict.lost);
                        trail::tamper(&dir.path().join("data"), &evidence.head.unwrap());
                        verdict
                    }) {
                        Ok(verdict) => table.lock().add("(random, under load)", KILLS, &what, &verdict),
                        Err(panic) => table.lock().failed(&what, &said(&*panic)),
                    }
                }
            });
        }
    });
    let table = table.into_inner();
    println!("{}", table.print());
    table.check();
}
