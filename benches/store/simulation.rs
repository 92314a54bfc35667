//! Targets that record into a store while its clock is pushed along.

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use probity::{
    clock::{Clock, WallMs},
    history::{self, Class, Keeper, Options, Recent, Record, SqliteStore, Store},
    model::{ObjectKey, TargetKey},
};

use super::noise::Noise;

pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// A midnight.
pub const T0: WallMs = 1_800_000_000_000 / DAY * DAY;

const INTERVAL: i64 = 10_000;

/// Failed runs in a row from which time counts as failed.
const THRESHOLD: u32 = 3;

pub struct Target {
    id: u32,
    recent: Mutex<Recent>,
}

impl Target {
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether anything is known of the last 30 days.
    pub fn has_month(&self, now: WallMs) -> bool {
        self.recent.lock().uptime(now).month.is_some()
    }
}

impl Keeper for Target {
    fn target(&self) -> u32 {
        self.id
    }

    fn recent(&self) -> &Mutex<Recent> {
        &self.recent
    }
}

struct Probe {
    target: Arc<Target>,
    noise: Noise,
    due: WallMs,
    ended: WallMs,
    streak: u32,
}

pub struct Simulation {
    pub store: Arc<SqliteStore>,
    clock: Clock,
    probes: Vec<Probe>,
    now: WallMs,
    runs: u64,
    failed: u64,
    recording: Duration,
}

impl Simulation {
    pub fn new(dir: &Path, targets: u32) -> Self {
        let clock = Clock::system();
        set(&clock, T0);
        let store = open(dir, &clock);
        let probes = (0..targets).map(|number| {
            let phase = i64::from(number) * 7_919 % INTERVAL;
            let target = attach(&store, number);
            Probe { target, noise: Noise::new(number), due: T0 + phase, ended: T0 + phase, streak: 0 }
        });
        let probes = probes.collect();
        while store.stats().loading > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Self { store, clock, probes, now: T0, runs: 0, failed: 0, recording: Duration::ZERO }
    }

    /// All runs up to `end`, with a flush every `flush` milliseconds.
    pub fn until(&mut self, end: WallMs, flush: i64) {
        while self.now < end {
            self.now += flush;
            set(&self.clock, self.now);
            let began = Instant::now();
            for probe in &mut self.probes {
                while probe.due <= self.now {
                    let run = probe.noise.run();
                    let at = probe.due + run.latency.as_millis() as i64;
                    probe.streak = if run.class == Class::Failed { probe.streak + 1 } else { 0 };
                    self.runs += 1;
                    self.failed += u64::from(run.class == Class::Failed);
                    let record = Record {
                        target: probe.target.id,
                        at,
                        span: Duration::from_millis((at - probe.ended).max(0).unsigned_abs()),
                        span_class: if probe.streak >= THRESHOLD { Class::Failed } else { Class::Good },
                        run: Some(run),
                    };
                    self.store.record(&probe.target.recent, record);
                    probe.ended = at;
                    probe.due += INTERVAL;
                }
            }
            self.recording += began.elapsed();
            self.store.flush();
        }
    }

    /// What one result costs the engine's thread, its making up here included.
    pub fn nanoseconds(&self) -> f64 {
        self.recording.as_secs_f64() * 1e9 / self.runs as f64
    }

    pub fn failed_percent(&self) -> f64 {
        100.0 * self.failed as f64 / self.runs as f64
    }
}

pub fn set(clock: &Clock, at: WallMs) {
    clock.step_wall(at - clock.wall());
}

/// Flushes come only when they are asked for.
pub fn open(dir: &Path, clock: &Clock) -> Arc<SqliteStore> {
    let options = Options { flush_every: Duration::from_secs(86_400), ..Options::new(clock.clone()) };
    history::open(dir, options).unwrap()
}

/// A target by the name that the benchmark of probes gives its check.
pub fn attach(store: &SqliteStore, number: u32) -> Arc<Target> {
    let key = TargetKey::fixed(ObjectKey::new("default", format!("check-{number:05}")));
    let target = Arc::new(Target { id: store.register(&key), recent: Mutex::default() });
    store.attach(target.clone());
    target
}

pub fn bytes_of(dir: &Path, file: &str) -> f64 {
    std::fs::metadata(dir.join(file)).unwrap().len() as f64
}

/// One number out of the database, behind the store's back.
pub fn number(dir: &Path, query: &str) -> f64 {
    let database = rusqlite::Connection::open(dir.join("probity.db")).unwrap();
    database.query_row(query, [], |row| row.get(0)).unwrap()
}
