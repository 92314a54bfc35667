//! What the store keeps costs: bytes per target and day, bytes through the log, time per transaction.
//!
//! `cargo bench --bench store` takes the real writer through 30 days of 200 targets, and through three hours of
//! 10,000, under a clock that goes as fast as it can, and then lets 10,000 alerts fire at once; it fails when a bound does not
//! hold. `-- size`, `-- log` and `-- outbox` run only that part; `--targets N` and `--days N` change the first.
//!
//! `cargo bench --bench store -- --fill DIR [--targets N] [--days N]` leaves a store with a history for the checks
//! `check-00000`, `check-00001` … of the namespace `default`, for other benchmarks to start on. `-- --load DIR` tells
//! how long such a history takes to be in memory.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark fails by panicking, reads clocks, and is not the program"
)]

#[path = "../probes/figures.rs"]
mod figures;
mod fill;
mod noise;
mod outbox;
mod simulation;

use std::{path::PathBuf, process::ExitCode, time::Instant};

use figures::Figures;
use probity::history::Store;
use simulation::{DAY, HOUR, MINUTE, Simulation, T0, bytes_of, number};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let value = |name: &str| {
        let place = arguments.iter().position(|argument| argument == name)?;
        Some(arguments.get(place + 1).unwrap_or_else(|| panic!("{name} takes a value")).clone())
    };
    let count = |name: &str, default| value(name).map_or(default, |text| text.parse::<u32>().unwrap());
    if let Some(dir) = value("--fill") {
        fill::run(&PathBuf::from(dir), count("--targets", 10_000), count("--days", 30));
        return ExitCode::SUCCESS;
    }
    if let Some(dir) = value("--load") {
        fill::load(&PathBuf::from(dir), count("--targets", 10_000));
        return ExitCode::SUCCESS;
    }
    let wanted =
        |part: &str| !["size", "log", "outbox"].iter().any(|known| arguments.iter().any(|a| a == known && a != part));
    let mut figures = Figures::default();
    if wanted("size") {
        size(&mut figures, count("--targets", 200), count("--days", 30));
    }
    if wanted("log") {
        log(&mut figures);
    }
    if wanted("outbox") {
        outbox::run(&mut figures);
    }
    figures.print();
    if figures.all_hold() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What 30 days take on disk, all in all: rows, frames, indexes, pages that are not full.
fn size(figures: &mut Figures, targets: u32, days: u32) {
    eprintln!("{days} days of {targets} targets at 10 s");
    let (dir, began) = (tempfile::tempdir().unwrap(), Instant::now());
    let mut simulation = Simulation::new(dir.path(), targets);
    // Flushes six times as far apart as the real ones: what stays on disk is the same.
    let end = T0 + i64::from(days) * DAY;
    simulation.until(end, 30_000);
    let stats = simulation.store.stats();
    simulation.store.close();
    let file = bytes_of(dir.path(), "probity.db");
    figures.tell("simulated in", format!("{:.0} s", began.elapsed().as_secs_f64()));
    figures.tell("a result, in the engine's thread", format!("{:.0} ns", simulation.nanoseconds()));
    figures.tell("failed runs", format!("{:.2} %", simulation.failed_percent()));
    for table in ["hour", "day"] {
        let rows = number(dir.path(), &format!("SELECT count(*) FROM {table}"));
        let bytes = number(dir.path(), &format!("SELECT sum(length(data)) FROM {table}"));
        figures.tell(&format!("bytes of a row, {table}"), format!("{:.1} of {rows}", bytes / rows));
    }
    figures.at_most("on disk per target and day", file / f64::from(targets) / f64::from(days), 4_096.0, "bytes");
    figures.at_most("longest transaction of rows", stats.pack_seconds_max * 1e3, 20.0, "ms");
}

/// What 10,000 targets write into the log, once hours are packed and frames go as they come.
fn log(figures: &mut Figures) {
    eprintln!("three hours of 10,000 targets at 10 s");
    let dir = tempfile::tempdir().unwrap();
    let mut simulation = Simulation::new(dir.path(), 10_000);
    simulation.until(T0 + 2 * HOUR + 5 * MINUTE, 5_000);
    let before = simulation.store.stats();
    simulation.until(T0 + 3 * HOUR + 5 * MINUTE, 5_000);
    let stats = simulation.store.stats();
    let records = (stats.records - before.records) as f64;
    let frames = (stats.frame_bytes - before.frame_bytes) as f64;
    let log = (stats.wal_written_bytes - before.wal_written_bytes) as f64;
    let flushes = (stats.flushes - before.flushes) as f64;
    figures.tell("bytes of a result in its frame", format!("{:.2}", frames / records));
    figures.at_most("log per day, 10,000 targets at 10 s", log * 24.0 / 1e6, 1_000.0, "MB");
    figures.tell(
        "flush of 5,000 results",
        format!("{:.2} ms", (stats.flush_seconds - before.flush_seconds) * 1e3 / flushes),
    );
    figures.at_most("longest transaction of rows, 10,000 targets", stats.pack_seconds_max * 1e3, 20.0, "ms");
    let kept = stats.records - stats.dropped_records;
    figures.at_least("results kept of those seen", kept as f64 / stats.records as f64, 1.0, "of 1");
}
