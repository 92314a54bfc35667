//! From records to rows to answers: every run once, at every moment.

use std::{
    sync::atomic::{AtomicU64, Ordering::SeqCst},
    time::Duration,
};

use probity::{
    health::{Reason, State},
    history::{Class, Options, Store, Transition, Uptime},
};
use tempfile::tempdir;

use super::tools::*;

#[test]
fn a_run_is_counted_once_at_every_moment() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let cells = [attach(&store, "a"), attach(&store, "b")];
    loaded(&store);
    let mut at = T0;
    // Over three hours, so that each target's hours are open, waiting and written in turn.
    while at < T0 + 3 * HOUR + 20 * MINUTE {
        runs(&store, &clock, &cells, at, at + 5 * MINUTE);
        at += 5 * MINUTE;
        run(&store, &cells[0], at + 1, 1, Class::Good);
        let (first, second) = (count(&store, &cells[0], 6 * HOUR, at + 2), count(&store, &cells[1], DAY, at + 2));
        let minutes = (at - T0) / MINUTE;
        assert_eq!((first, second), ((minutes * 6 + minutes / 5) as u64, (minutes * 6) as u64), "minute {minutes}");
    }
    assert!(number(dir.path(), "SELECT count(*) FROM hour") >= 4);
    assert!(number(dir.path(), "SELECT count(*) FROM frame") <= 140, "frames of hours that are in rows go");
}

#[test]
fn a_reader_beside_the_writer_sees_each_run_once() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let cells = [attach(&store, "a"), attach(&store, "b"), attach(&store, "c")];
    loaded(&store);
    let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut reads = 0;
            while done.load(SeqCst) < 6 * 360 {
                let least = done.load(SeqCst);
                let found = count(&store, &cells[1], DAY, T0 + 7 * HOUR);
                let most = begun.load(SeqCst);
                assert!((least..=most).contains(&found), "{least} {found} {most}");
                reads += 1;
            }
            reads
        });
        for n in 1..=6 * 360 {
            let at = T0 + n * 10 * SECOND;
            set(&clock, at);
            begun.store(n.unsigned_abs(), SeqCst);
            cells.iter().for_each(|cell| run(&store, cell, at, 10 * SECOND, Class::Good));
            done.store(n.unsigned_abs(), SeqCst);
            if n % 3 == 0 {
                store.flush();
            }
        }
        assert!(reader.join().unwrap() > 10);
    });
}

#[test]
fn a_restart_in_order_loses_nothing_and_memory_is_as_before() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let cell = attach(&store, "a");
    loaded(&store);
    let cells = [cell];
    let end = T0 + 30 * HOUR + 17 * MINUTE;
    runs(&store, &clock, &cells, T0, end);
    let uptime = cells[0].recent.lock().uptime(end);
    let (hour, day) = (read(&store, &cells[0], HOUR, end), read(&store, &cells[0], 10 * DAY, end));
    store.close();
    assert_eq!(number(dir.path(), "SELECT count(*) FROM frame"), 0);

    let store = open(dir.path(), &clock);
    let cell = attach(&store, "a");
    assert_eq!(cell.id, cells[0].id);
    loaded(&store);
    assert_eq!(cell.recent.lock().uptime(end), uptime);
    let again = read(&store, &cell, HOUR, end);
    for (before, after) in hour.buckets.iter().zip(&again.buckets) {
        assert_eq!((before.runs, before.good, &before.start), (after.runs, after.good, &after.start));
        let near = |a: Option<f64>, b: Option<f64>| (a.unwrap_or(0.0) - b.unwrap_or(0.0)).abs() <= 0.021 * 0.011;
        assert!(near(before.latency.avg, after.latency.avg) && near(before.latency.max, after.latency.max));
    }
    let again = read(&store, &cell, 10 * DAY, end);
    let sums = |history: &probity::history::History| {
        history.buckets.iter().map(|bucket| (bucket.runs, bucket.latency.p50)).collect::<Vec<_>>()
    };
    assert_eq!(sums(&again), sums(&day));
    // The running hour goes on in the same row.
    runs(&store, &clock, std::slice::from_ref(&cell), end, end + 2 * HOUR);
    assert_eq!(count(&store, &cell, 10 * DAY, end + 2 * HOUR), ((end + 2 * HOUR - T0) / (10 * SECOND)) as u64);
}

#[test]
fn days_are_rolled_up_and_a_late_span_still_comes_in() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0 + 20 * HOUR));
    let store = open(dir.path(), &clock);
    let cells = [attach(&store, "a")];
    loaded(&store);
    let end = T0 + 27 * HOUR;
    runs(&store, &clock, &cells, T0 + 20 * HOUR, end);
    assert_eq!(number(dir.path(), "SELECT count(*) FROM day"), 1);
    let before = read(&store, &cells[0], 8 * DAY, end);
    // A streak of failures is settled only now, and reaches back into the day before.
    let record = probity::history::Record {
        target: cells[0].id,
        at: end,
        run: None,
        span: Duration::from_secs(12 * 3_600),
        span_class: Class::Failed,
    };
    store.record(&cells[0].recent, record);
    runs(&store, &clock, &cells, end, end + 2 * HOUR);
    let after = read(&store, &cells[0], 8 * DAY, end);
    assert_eq!(after.buckets[6].runs, before.buckets[6].runs);
    store.close();
    assert_eq!(number(dir.path(), "SELECT count(*) FROM hour"), 15, "from 15:00 of the first day on");
    assert_eq!(number(dir.path(), "SELECT count(*) FROM day"), 1);
}

#[test]
fn a_midnight_that_nobody_saw_is_rolled_up_later() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0 + 20 * HOUR));
    for (from, to) in [(20, 21), (34, 36)] {
        set(&clock, T0 + from * HOUR);
        let store = open(dir.path(), &clock);
        let cells = [attach(&store, "a")];
        loaded(&store);
        runs(&store, &clock, &cells, T0 + from * HOUR, T0 + to * HOUR);
        store.close();
    }
    assert_eq!(number(dir.path(), "SELECT count(*) FROM day"), 1);
    let store = open(dir.path(), &clock);
    let cell = attach(&store, "a");
    loaded(&store);
    let now = T0 + 36 * HOUR;
    let days: Vec<_> = read(&store, &cell, 8 * DAY, now).buckets.iter().map(|bucket| bucket.runs).collect();
    assert_eq!(days, [0, 0, 0, 0, 0, 0, 360, 720]);
    assert_eq!(cell.recent.lock().uptime(now), Uptime { hour: Some(100.0), day: Some(100.0), month: Some(100.0) });
}

#[test]
fn what_is_older_than_the_retention_goes() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let retention = Duration::from_secs(2 * 86_400);
    let store = probity::history::open(dir.path(), Options { retention, ..options(&clock) }).unwrap();
    let cells = [attach(&store, "a"), attach(&store, "b")];
    loaded(&store);
    store.transition(transition(cells[0].id, T0));
    let mut at = T0;
    while at < T0 + 6 * DAY {
        at += 5 * MINUTE;
        set(&clock, at);
        cells.iter().for_each(|cell| run(&store, cell, at, 5 * MINUTE, Class::Good));
        store.flush();
        if at == T0 + DAY {
            store.detach(cells[1].id);
        }
    }
    let oldest = number(dir.path(), "SELECT min(key) >> 24 FROM hour");
    let cutoff = (at - 2 * DAY) / HOUR;
    assert!((cutoff - 1..=cutoff + 1).contains(&oldest), "{oldest} {cutoff}");
    assert_eq!(number(dir.path(), "SELECT min(key) >> 24 FROM day"), (at - 2 * DAY) / DAY);
    assert_eq!(number(dir.path(), "SELECT count(*) FROM transition"), 0);
}

#[test]
fn runs_that_are_due_count_also_while_nobody_runs_them() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let ten = Some(Duration::from_secs(10));
    let store = open(dir.path(), &clock);
    let cell = attach(&store, "a");
    store.due(cell.id, T0, ten);
    loaded(&store);
    runs(&store, &clock, std::slice::from_ref(&cell), T0, T0 + 10 * MINUTE);
    store.close();
    drop(store);

    // Down for half an hour; then up again, then suspended.
    let store = open(dir.path(), &clock_at(T0 + 40 * MINUTE));
    let cell = attach(&store, "a");
    store.due(cell.id, T0 + 40 * MINUTE, ten);
    store.due(cell.id, T0 + 50 * MINUTE, None);
    store.flush();
    let history = read(&store, &cell, 2 * HOUR, T0 + HOUR);
    let (expected, runs): (Vec<_>, Vec<_>) = history.buckets.iter().map(|b| (b.expected, b.runs)).unzip();
    assert_eq!(expected.iter().sum::<u64>(), 50 * 6);
    assert_eq!(expected.iter().sum::<u64>() - runs.iter().sum::<u64>(), 40 * 6);
    assert_eq!((expected[59 + 45], expected[59 + 55]), (6, 0));
    assert_eq!(number(dir.path(), "SELECT count(*) FROM due"), 2);
}

#[test]
fn a_target_that_comes_back_has_its_history() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let cell = attach(&store, "a");
    loaded(&store);
    runs(&store, &clock, std::slice::from_ref(&cell), T0, T0 + 30 * MINUTE);
    store.detach(cell.id);
    // At once, from memory; and after its moment has come, from disk.
    let cell = attach(&store, "a");
    assert_eq!(cell.recent.lock().uptime(T0 + 30 * MINUTE).hour, Some(100.0));
    assert_eq!(count(&store, &cell, HOUR, T0 + 30 * MINUTE), 180);
    store.detach(cell.id);
    for minute in 30..125 {
        set(&clock, T0 + minute * MINUTE);
        store.flush();
    }
    assert_eq!(number(dir.path(), "SELECT count(*) FROM hour"), 1);
    let cell = attach(&store, "a");
    loaded(&store);
    assert_eq!(cell.recent.lock().uptime(T0 + 125 * MINUTE).day, Some(100.0));
    assert_eq!(count(&store, &cell, 6 * HOUR, T0 + 125 * MINUTE), 180);
}

#[test]
fn transitions_are_on_disk_at_once() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let cell = attach(&store, "a");
    for n in 0..100 {
        store.transition(transition(cell.id, T0 + n));
    }
    until("transitions are written without a flush", || number(dir.path(), "SELECT count(*) FROM transition") == 100);
    assert_eq!(number(dir.path(), "SELECT count(*) FROM target"), 1, "with the target that they name");
    let stats = store.stats();
    assert!((1..=100).contains(&stats.urgent_commits) && stats.queued_transitions == 0 && stats.transitions == 100);
}

fn transition(target: u32, at: i64) -> Transition {
    let message = "connection refused".into();
    Transition { target, at, from: State::Healthy, to: State::Unhealthy, reason: Reason::ConnectionRefused, message }
}
