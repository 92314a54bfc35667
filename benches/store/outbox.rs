//! What 10,000 alerts that fire at once cost the store: from the first commit to all of them on disk, delivered, loaded
//! again and proven.

use std::{sync::Arc, time::Instant};

use futures::future::join_all;
use probity::{
    audit::{Entry, Event, Place, Verifier},
    clock::Clock,
    history::{self, Commit, Options, Outbox, OutboxRow, OutboxState, OutboxUpdate, Settled, Space, Store},
};

use super::{
    figures::Figures,
    fill::resident,
    simulation::{T0, bytes_of},
};

const ALERTS: u64 = 10_000;

pub fn run(figures: &mut Figures) {
    eprintln!("{ALERTS} alerts at once");
    let dir = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (before, clock) = (resident(), Clock::system());
    let store = history::open(dir.path(), Options::new(clock.clone())).unwrap();
    let all = |name: &str, figures: &mut Figures, commit: &dyn Fn(u64) -> Commit, bound: f64| {
        let began = Instant::now();
        let tickets: Vec<_> = (0..ALERTS).map(|n| store.commit(commit(n))).collect();
        let handed = began.elapsed().as_secs_f64();
        let settled = runtime.block_on(join_all(tickets));
        let took = began.elapsed().as_secs_f64();
        let recorded = settled.iter().filter(|settled| matches!(settled, Settled::Committed { .. })).count();
        figures.tell(
            &format!("{name}: handed over, in the engine's thread"),
            format!("{:.1} µs each", handed * 1e6 / ALERTS as f64),
        );
        figures.at_most(&format!("{name}: all on disk"), took, bound, "s");
        figures.tell(&format!("{name}: on disk within 2 s"), format!("{recorded} of {ALERTS}"));
    };
    all("firing, with its notification", figures, &fires, 2.0);
    figures.at_most("memory on top", resident() - before, 100.0, "MB");
    all("an attempt begins", figures, &begins, 2.0);
    all("delivered", figures, &ends, 2.0);
    let stats = store.stats();
    figures.tell("transactions", stats.urgent_commits.to_string());
    figures.tell("rows of the audit trail", stats.audit_rows.to_string());
    store.close();
    drop(store);
    figures.tell("database", format!("{:.1} MB", bytes_of(dir.path(), "probity.db") / 1e6));

    let began = Instant::now();
    let store = history::open(dir.path(), Options::new(clock)).unwrap();
    let loaded = store.load().unwrap();
    figures.at_most("open, and load 10,000 episodes", began.elapsed().as_secs_f64(), 1.0, "s");
    assert_eq!(loaded.of(Space::Episode).count() as u64, ALERTS);
    let (began, mut verifier, mut after) = (Instant::now(), Verifier::new(loaded.head), Place::default());
    loop {
        let page = runtime.block_on(store.audit_chain(after, 1_000)).unwrap();
        let Some(last) = page.rows.last() else { break };
        after = last.place;
        page.rows.iter().try_for_each(|row| verifier.take(row)).unwrap();
    }
    let rows = verifier.finish().unwrap().rows;
    figures.tell("proven", format!("{:.1} µs a row", began.elapsed().as_secs_f64() * 1e6 / rows as f64));
}

fn id(n: u64) -> String {
    format!("{n:032x}")
}

fn entry(n: u64, event: Event) -> Entry {
    Entry {
        at: T0,
        namespace: "shop".into(),
        rule: Some(format!("errors-{}", n % 100).into()),
        alert: Some("HighErrorRate".into()),
        fingerprint: Some(format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)).into()),
        notification: Some(id(n).into()),
        event,
    }
}

fn fires(n: u64) -> Commit {
    let channel: Arc<str> = "ops/slack".into();
    let transition = Event::Transition {
        from: "Pending".into(),
        to: "Firing".into(),
        reason: None,
        value: Some("0.25".into()),
        message: "Error rate is 25 %".into(),
    };
    let told = Event::Told { channel: channel.clone(), status: "firing".into(), why: "First".into() };
    let mut commit = Commit { audit: vec![entry(n, transition), entry(n, told)], ..Commit::default() };
    commit.put(Space::Episode, format!("uid/{n}"), vec![7; 500]);
    commit.put(Space::Desk, format!("group/{n}"), vec![7; 300]);
    commit.outbox.push(Outbox::Insert(OutboxRow {
        id: id(n).into(),
        channel,
        incident: id(n).into(),
        order: n,
        body: vec![b'x'; 1_500].into(),
        created: T0,
        state: OutboxState::Queued,
        attempts: 0,
        not_before: T0,
        answer: "".into(),
        ambiguous: false,
    }));
    commit
}

fn update(n: u64, state: OutboxState, answer: &str) -> Outbox {
    let answer = answer.into();
    Outbox::Update(OutboxUpdate {
        id: id(n).into(),
        at: T0,
        state,
        attempts: 1,
        not_before: T0,
        answer,
        ambiguous: false,
    })
}

fn begins(n: u64) -> Commit {
    Commit { outbox: vec![update(n, OutboxState::InFlight, "")], ..Commit::default() }
}

fn ends(n: u64) -> Commit {
    let attempt = Event::Notification {
        channel: "ops/slack".into(),
        alerts: 1,
        attempt: 1,
        outcome: "delivered".into(),
        answer: "200 OK: ok".into(),
        next: None,
        ambiguous: false,
        unrecorded: false,
    };
    Commit {
        outbox: vec![update(n, OutboxState::Delivered, "200 OK")],
        audit: vec![entry(n, attempt)],
        ..Commit::default()
    }
}
