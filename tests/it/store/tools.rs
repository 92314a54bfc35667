//! A store in a temporary dir, under a clock that the test moves, and targets that record into it.

use std::{path::Path, sync::Arc, time::Duration};

use parking_lot::Mutex;
use probity::{
    clock::{Clock, WallMs},
    health::Reason,
    history::{self, Class, History, Keeper, Options, Recent, Record, Run, SqliteStore, Store},
    model::{ObjectKey, TargetKey},
};

pub const SECOND: i64 = 1_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// Midnight of a day in 2027, before which nothing is.
pub const T0: WallMs = 1_800_000_000_000 / DAY * DAY;

/// A target as the engine would hold it.
pub struct Cell {
    pub id: u32,
    pub recent: Mutex<Recent>,
}

impl Keeper for Cell {
    fn target(&self) -> u32 {
        self.id
    }

    fn recent(&self) -> &Mutex<Recent> {
        &self.recent
    }
}

pub fn key(name: &str) -> TargetKey {
    TargetKey::fixed(ObjectKey::new("default", name))
}

/// A clock that reads about `at` now.
pub fn clock_at(at: WallMs) -> Clock {
    let clock = Clock::system();
    clock.step_wall(at - clock.wall());
    clock
}

pub fn set(clock: &Clock, at: WallMs) {
    clock.step_wall(at - clock.wall());
}

/// Opens without flushes but those that the test asks for.
pub fn open(dir: &Path, clock: &Clock) -> Arc<SqliteStore> {
    history::open(dir, options(clock)).unwrap()
}

pub fn options(clock: &Clock) -> Options {
    Options { flush_every: Duration::from_secs(3_600), ..Options::new(clock.clone()) }
}

pub fn attach(store: &SqliteStore, name: &str) -> Arc<Cell> {
    let cell = Arc::new(Cell { id: store.register(&key(name)), recent: Mutex::default() });
    store.attach(cell.clone());
    cell
}

/// Waits until all that was on disk is in memory.
pub fn loaded(store: &SqliteStore) {
    until("histories are loaded", || store.stats().loading == 0);
}

pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("not within 20 s: {what}");
}

/// One run that ends at `at`, and the time since the one before.
pub fn run(store: &SqliteStore, cell: &Cell, at: WallMs, span: i64, class: Class) {
    let reason = if class == Class::Failed { Reason::Timeout } else { Reason::Ok };
    let latency = Duration::from_micros(10_000 + at.unsigned_abs() / 10 % 977);
    let span = Duration::from_millis(span.unsigned_abs());
    let record = Record { target: cell.id, at, run: Some(Run { class, reason, latency }), span, span_class: class };
    store.record(&cell.recent, record);
}

/// Runs every 10 s in (from, to], with a flush each minute, the clock going along.
pub fn runs(store: &SqliteStore, clock: &Clock, cells: &[Arc<Cell>], from: WallMs, to: WallMs) {
    let mut at = from;
    while at < to {
        at += 10 * SECOND;
        set(clock, at);
        for cell in cells {
            run(store, cell, at, 10 * SECOND, Class::Good);
        }
        if at % MINUTE == 0 {
            store.flush();
        }
    }
}

pub fn read(store: &SqliteStore, cell: &Cell, window: i64, now: WallMs) -> History {
    store.read(cell.id, Duration::from_millis(window.unsigned_abs()), now).unwrap()
}

/// All runs in a window.
pub fn count(store: &SqliteStore, cell: &Cell, window: i64, now: WallMs) -> u64 {
    read(store, cell, window, now).buckets.iter().map(|bucket| bucket.runs).sum()
}

/// A second connection, to look behind the store's back.
pub fn sql(dir: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(dir.join("probity.db")).unwrap()
}

pub fn number(dir: &Path, query: &str) -> i64 {
    sql(dir).query_row(query, [], |row| row.get(0)).unwrap()
}
