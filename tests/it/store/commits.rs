//! What alerting may not lose: commits that are whole, an outbox in its order, an audit trail that proves itself.

use std::{path::Path, time::Duration};

use futures::FutureExt;
use probity::{
    audit::{Entry, Event, Head, Kind, Place, Proof, Verifier, Why},
    history::{
        self, About, AuditPage, AuditQuery, AuditReader, Commit, Options, Outbox, OutboxQuery, OutboxRow, OutboxState,
        OutboxUpdate, Recording, Settled, Space, SqliteStore, Store, Volatile,
    },
};
use tempfile::tempdir;

use super::tools::*;

pub fn row(id: &str, order: u64) -> OutboxRow {
    OutboxRow {
        id: id.into(),
        channel: "ops/slack".into(),
        incident: "incident".into(),
        order,
        body: format!("body of {id}").into_bytes().into(),
        created: T0,
        state: OutboxState::Queued,
        attempts: 0,
        not_before: T0,
        answer: "".into(),
        ambiguous: false,
    }
}

pub fn update(id: &str, state: OutboxState) -> Outbox {
    Outbox::Update(OutboxUpdate {
        id: id.into(),
        at: T0,
        state,
        attempts: 1,
        not_before: T0,
        answer: "200 OK".into(),
        ambiguous: false,
    })
}

pub fn told(at: i64, alert: &str, id: &str) -> Entry {
    Entry {
        at,
        namespace: "shop".into(),
        rule: Some("errors".into()),
        alert: Some(alert.into()),
        fingerprint: Some("00000000000000ff".into()),
        notification: Some(id.into()),
        event: Event::Told { channel: "ops/slack".into(), status: "firing".into(), why: "First".into() },
    }
}

pub fn attempt(at: i64, id: &str, outcome: &str) -> Entry {
    let event = Event::Notification {
        channel: "ops/slack".into(),
        alerts: 1,
        attempt: 1,
        outcome: outcome.into(),
        answer: "200 OK".into(),
        next: None,
        ambiguous: false,
        unrecorded: false,
    };
    Entry { alert: None, fingerprint: None, event, ..told(at, "", id) }
}

pub fn settled(store: &dyn Store, commit: Commit) -> Settled {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let ticket = store.commit(commit);
    runtime.block_on(ticket)
}

fn committed(store: &dyn Store, commit: Commit) -> Vec<String> {
    match settled(store, commit) {
        Settled::Committed { known } => {
            let mut known: Vec<_> = known.iter().map(ToString::to_string).collect();
            known.sort_unstable();
            known
        }
        Settled::Unrecorded => panic!("it was not on disk in time"),
    }
}

/// The whole trail of a data dir, proven.
pub fn proof(dir: &Path, wanted: Option<Head>) -> Result<Proof, (Place, Why)> {
    let mut reader = AuditReader::open(dir).unwrap();
    let (mut verifier, mut after) = (Verifier::new(wanted), Place::default());
    let at = |broken: probity::audit::Broken| (Place { chain: broken.chain, seq: broken.seq }, broken.why);
    loop {
        // Pages that are not full, so that there are several.
        let page = reader.chain(after, 7).unwrap();
        let Some(last) = page.rows.last() else { return verifier.finish().map_err(at) };
        after = last.place;
        page.rows.iter().try_for_each(|row| verifier.take(row)).map_err(at)?;
    }
}

fn sample() -> Commit {
    let mut commit = Commit { audit: vec![told(T0, "Errors", "n1")], ..Commit::default() };
    commit.put(Space::Episode, "rule/1", *b"firing");
    commit.put(Space::Desk, "group", *b"told");
    commit.outbox.extend([Outbox::Insert(row("n2", 2)), Outbox::Insert(row("n1", 1))]);
    commit
}

#[test]
fn a_commit_is_on_disk_when_its_ticket_says_so_and_a_start_reads_it_again() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    assert_eq!(committed(&*store, sample()), [""; 0]);
    assert_eq!(number(dir.path(), "SELECT count(*) FROM outbox"), 2);
    let mut more = Commit { outbox: vec![update("n1", OutboxState::InFlight)], ..Commit::default() };
    more.forget(Space::Desk, "group");
    more.put(Space::Silence, "s", vec![0, 255]);
    assert_eq!(committed(&*store, more), [""; 0]);
    assert_eq!(store.recording(), Recording::Recorded);
    // As a kill would leave it.
    let copy = tempdir().unwrap();
    for file in ["probity.db", "probity.db-wal"] {
        std::fs::copy(dir.path().join(file), copy.path().join(file)).unwrap();
    }
    let again = open(copy.path(), &clock);
    let loaded = again.load().unwrap();
    let kept: Vec<_> =
        Space::ALL.into_iter().flat_map(|space| loaded.of(space)).map(|(key, value)| (&**key, &**value)).collect();
    assert_eq!(kept, [("rule/1", &b"firing"[..]), ("s", &[0, 255])]);
    let outbox: Vec<_> = loaded.outbox.iter().map(|row| (&*row.id, row.state, row.ambiguous, row.attempts)).collect();
    assert_eq!(outbox, [("n1", OutboxState::Queued, true, 1), ("n2", OutboxState::Queued, false, 0)]);
    assert_eq!(&*loaded.outbox[0].body, b"body of n1");

    assert_eq!(
        committed(&*again, Commit { outbox: vec![update("n1", OutboxState::Delivered)], ..Commit::default() }),
        [""; 0]
    );
    assert_eq!(again.load().unwrap().outbox.len(), 1, "what was delivered is not sent again");
    let twice =
        Commit { outbox: vec![Outbox::Insert(row("n1", 9)), Outbox::Insert(row("n3", 3))], ..Commit::default() };
    assert_eq!(committed(&*again, twice), ["n1"], "an id is known after its delivery");
}

#[test]
fn the_outbox_is_asked_by_channel_and_state() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let stores: [std::sync::Arc<dyn Store>; 2] = [open(dir.path(), &clock), std::sync::Arc::new(Volatile::default())];
    for store in stores {
        let mut commit = sample();
        commit.outbox.push(Outbox::Insert(OutboxRow { channel: "ops/mail".into(), ..row("n3", 1) }));
        commit.outbox.push(update("n3", OutboxState::Dead));
        assert_eq!(committed(&*store, commit.clone()), [""; 0]);
        let ask = |query| -> Vec<String> {
            runtime.block_on(store.outbox(query)).unwrap().iter().map(|row| row.id.to_string()).collect()
        };
        let any = OutboxQuery { limit: 10, ..OutboxQuery::default() };
        assert_eq!(ask(any.clone()).len(), 3);
        assert_eq!(ask(OutboxQuery { state: Some(OutboxState::Dead), ..any.clone() }), ["n3"]);
        assert_eq!(ask(OutboxQuery { channel: Some("ops/slack".into()), limit: 1, ..any.clone() }).len(), 1);
        let none = OutboxQuery { channel: Some("ops/mail".into()), state: Some(OutboxState::Queued), ..any };
        assert_eq!(ask(none), [""; 0]);
        assert_eq!(committed(&*store, commit), ["n1", "n2", "n3"].map(String::from));
        let rows: Vec<_> = store.load().unwrap().outbox.iter().map(|row| row.id.to_string()).collect();
        assert_eq!(rows, ["n1", "n2"]);
        store.close();
    }
}

#[test]
fn the_trail_is_asked_by_time_alert_rule_kind_and_namespace_page_by_page() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let stores: [std::sync::Arc<dyn Store>; 2] = [open(dir.path(), &clock), std::sync::Arc::new(Volatile::default())];
    for store in stores {
        // Later ones first: pages are in the order of time.
        for n in (0..20).rev() {
            let alert = if n % 2 == 0 { "Even" } else { "Odd" };
            let mut entries = vec![
                told(T0 + n * SECOND, alert, &format!("n{n}")),
                attempt(T0 + n * SECOND + 1, &format!("n{n}"), "delivered"),
            ];
            if n == 3 {
                entries[0].namespace = "other".into();
                entries[0].rule = Some("latency".into());
            }
            committed(&*store, Commit { audit: entries, ..Commit::default() });
        }
        let ask = |query: AuditQuery| -> AuditPage { runtime.block_on(store.audit(query)).unwrap() };
        let all = |query: AuditQuery| {
            let (mut rows, mut query) = (Vec::new(), query);
            loop {
                let page = ask(query.clone());
                assert!(page.rows.len() <= query.limit);
                assert_eq!(page.head, store.audit_head());
                rows.extend(page.rows.into_iter().map(|row| (row.index.unwrap().at - T0, row.body)));
                let Some(next) = page.next else { return rows };
                query.after = Some(next);
            }
        };
        let any = AuditQuery { limit: 3, since: Some(T0), ..AuditQuery::default() };
        let rows = all(AuditQuery { kind: Some(Kind::Told), ..any.clone() });
        assert_eq!(rows.iter().map(|(at, _)| at / SECOND).collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
        let some = AuditQuery { since: Some(T0 + 5 * SECOND), until: Some(T0 + 7 * SECOND), ..any.clone() };
        assert_eq!(all(some).len(), 4);
        let odd = AuditQuery { about: Some(About::alert("Odd")), ..any.clone() };
        assert_eq!(all(odd.clone()).len(), 20, "with the attempts at telling it");
        assert_eq!(all(AuditQuery { kind: Some(Kind::Notification), ..odd }).len(), 10);
        assert_eq!(all(AuditQuery { about: Some(About::alert("00000000000000ff")), ..any.clone() }).len(), 40);
        assert_eq!(all(AuditQuery { about: Some(About::rule("latency")), ..any.clone() }).len(), 2);
        assert_eq!(all(AuditQuery { about: Some(About::rule("shop/latency")), ..any.clone() }).len(), 0);
        assert_eq!(all(AuditQuery { about: Some(About::Notification("n4".into())), ..any.clone() }).len(), 2);
        let one =
            |name: &str| AuditQuery { namespaces: Some(std::sync::Arc::new([name.into()].into())), ..any.clone() };
        assert_eq!((all(one("other")).len(), all(one("shop")).len(), all(one("x")).len()), (1, 39, 0));
        assert_eq!(ask(AuditQuery { limit: 1, ..AuditQuery::default() }).rows.len(), 1);
        store.close();
    }
}

#[test]
fn each_start_begins_a_chain_and_all_chains_are_one_trail() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let mut heads = Vec::new();
    for n in 0..3 {
        let store = open(dir.path(), &clock);
        for m in 0..5 {
            committed(&*store, Commit { audit: vec![told(T0 + m, "Errors", "n")], ..Commit::default() });
        }
        heads.push(store.audit_head().unwrap());
        assert_eq!(heads[n].place, Place { chain: n as u64 + 1, seq: 6 });
        store.close();
    }
    for &head in &heads {
        let proof = proof(dir.path(), Some(head)).unwrap();
        assert_eq!((proof.head, proof.rows, proof.chains), (Some(heads[2]), 18, 3));
    }
    let database = sql(dir.path());
    database.execute("DELETE FROM audit WHERE chain = 3 AND seq > 4", []).unwrap();
    assert!(proof(dir.path(), None).is_ok());
    assert_eq!(proof(dir.path(), Some(heads[2])), Err((Place { chain: 3, seq: 5 }, Why::Tail)));
    assert!(proof(dir.path(), Some(heads[1])).is_ok());
    // The next process goes on behind what is there; the head that was kept still shows what is missing.
    open(dir.path(), &clock).close();
    assert_eq!(proof(dir.path(), None).unwrap().chains, 4);
    assert_eq!(proof(dir.path(), Some(heads[2])), Err((Place { chain: 3, seq: 6 }, Why::Missing)));
}

#[test]
fn whatever_is_changed_in_a_stored_row_is_found_in_it() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    for _ in 0..2 {
        let store = open(dir.path(), &clock);
        committed(
            &*store,
            Commit { audit: vec![told(T0, "Errors", "a"), attempt(T0, "a", "retry")], ..Commit::default() },
        );
        store.close();
    }
    let database = sql(dir.path());
    let place = Place { chain: 1, seq: 2 };
    for (change, why) in [
        ("at = at + 1", Why::Column("at")),
        ("kind = 'gap'", Why::Column("kind")),
        ("namespace = ''", Why::Column("namespace")),
        ("rule = NULL", Why::Column("rule")),
        ("alert = 'Other'", Why::Column("alert")),
        ("fingerprint = '00000000000000fe'", Why::Column("fingerprint")),
        ("notification = 'b'", Why::Column("notification")),
        ("body = CAST(replace(CAST(body AS TEXT), 'firing', 'silent') AS BLOB)", Why::Changed),
        ("body = CAST(body || ' ' AS BLOB)", Why::Changed),
        ("body = x''", Why::Changed),
        ("previous = zeroblob(32)", Why::Changed),
        ("previous = x''", Why::Changed),
        ("digest = zeroblob(32)", Why::Changed),
        ("seq = 9", Why::Missing),
        ("chain = 9", Why::Missing),
    ] {
        database.execute_batch("SAVEPOINT before").unwrap();
        let changed = database.execute(&format!("UPDATE audit SET {change} WHERE chain = 1 AND seq = 2"), []).unwrap();
        assert_eq!(changed, 1);
        database.execute_batch("RELEASE before").unwrap();
        assert_eq!(proof(dir.path(), None), Err((place, why)), "{change}");
        restore(&database, place);
        assert!(proof(dir.path(), None).is_ok(), "{change}");
    }

    fn restore(database: &rusqlite::Connection, place: Place) {
        let entry = told(T0, "Errors", "a");
        let previous: Vec<u8> =
            database.query_row("SELECT digest FROM audit WHERE chain = 1 AND seq = 1", [], |row| row.get(0)).unwrap();
        let digest = probity::audit::Digest(previous.clone().try_into().unwrap());
        let head = Head { place: Place { seq: place.seq - 1, ..place }, digest };
        let row = probity::audit::follow(&head, probity::audit::Body::of(&entry));
        let index = row.index.unwrap();
        database
            .execute(
                "DELETE FROM audit WHERE NOT (chain IN (1, 2) AND seq IN (1, 3)) AND NOT (chain = 2 AND seq = 2)",
                [],
            )
            .unwrap();
        database
            .execute(
                "INSERT INTO audit VALUES (1, 2, ?1, ?2, 'shop', 'errors', 'Errors', '00000000000000ff', 'a', ?3, ?4, ?5)",
                rusqlite::params![index.at, &*index.kind, previous, row.body, row.digest],
            )
            .unwrap();
    }
}

#[test]
fn what_is_too_old_is_cut_and_the_rest_stays_proven() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    for n in 0..30 {
        committed(&*store, Commit { audit: vec![told(T0 + n * DAY, "Errors", "n")], ..Commit::default() });
    }
    let old = store.audit_head().unwrap();
    store.close();
    // The first rows are too old now. A clock that says so while it runs is not believed.
    let later = clock_at(T0);
    let store = open(dir.path(), &later);
    set(&later, T0 + 500 * DAY + HOUR / 2);
    store.flush();
    assert_eq!(number(dir.path(), "SELECT count(*) FROM audit"), 32);
    store.close();
    let later = clock_at(T0 + 410 * DAY + HOUR / 2);
    let store = open(dir.path(), &later);
    store.flush();
    let left = number(dir.path(), "SELECT min(at) FROM audit WHERE chain = 1");
    assert!((T0 + 10 * DAY..=T0 + 11 * DAY).contains(&left), "{}", (left - T0) / DAY);
    assert_eq!(number(dir.path(), "SELECT count(*) FROM audit WHERE kind = 'cut'"), 1);
    let whole = proof(dir.path(), Some(old)).unwrap();
    assert_eq!(whole.head, store.audit_head());
    assert!(whole.cut.is_some());
    store.close();
    sql(dir.path()).execute("DELETE FROM audit WHERE chain = 1 AND seq < 15", []).unwrap();
    assert_eq!(proof(dir.path(), None), Err((Place { chain: 1, seq: 15 }, Why::Beginning)));
}

#[test]
fn what_was_delivered_or_given_up_long_ago_is_forgotten() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let mut commit = sample();
    commit.outbox.push(Outbox::Insert(row("n3", 3)));
    commit.outbox.extend([update("n1", OutboxState::Delivered), update("n2", OutboxState::Dead)]);
    committed(&*store, commit);
    for (days, left) in [(6, 3), (8, 2), (29, 2), (31, 1)] {
        set(&clock, T0 + days * DAY + HOUR);
        store.flush();
        assert_eq!(number(dir.path(), "SELECT count(*) FROM outbox"), left, "{days}");
    }
    assert_eq!(&*store.load().unwrap().outbox[0].id, "n3", "what waits is never too old");
}

#[test]
fn a_store_that_stands_still_is_told_and_leaves_a_gap_behind() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    committed(&*store, sample());
    let blocker = sql(dir.path());
    blocker.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut commit = Commit { audit: vec![told(T0, "Errors", "late")], ..Commit::default() };
    commit.outbox.push(Outbox::Insert(row("late", 3)));
    commit.put(Space::Episode, "rule/1", *b"resolved");
    let began = clock.mono();
    assert_eq!(settled(&*store, commit), Settled::Unrecorded);
    let waited = clock.mono() - began;
    assert!((Duration::from_secs(2)..Duration::from_secs(4)).contains(&waited), "{waited:?}");
    until("it says that it is late", || matches!(store.recording(), Recording::Unrecorded { .. }));
    // From now on nobody waits.
    let more = Commit {
        outbox: vec![Outbox::Insert(row("later", 4)), update("late", OutboxState::Delivered)],
        ..Commit::default()
    };
    assert_eq!(store.commit(more).now_or_never(), Some(Settled::Unrecorded));
    blocker.execute_batch("COMMIT").unwrap();
    until("it is well again", || store.recording() == Recording::Recorded);
    until("the gap is told", || number(dir.path(), "SELECT count(*) FROM audit WHERE kind = 'gap'") > 0);
    committed(&*store, Commit { outbox: vec![update("later", OutboxState::Delivered)], ..Commit::default() });

    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let gaps = AuditQuery { kind: Some(Kind::Gap), limit: 100, ..AuditQuery::default() };
    let gaps = runtime.block_on(store.audit(gaps)).unwrap().rows;
    let mut unrecorded = 0;
    for row in &gaps {
        let Some(Event::Gap { unrecorded: some, lost, from, .. }) = row.entry().map(|entry| entry.event) else {
            panic!()
        };
        assert_eq!(lost.sum(), 0);
        assert!(from <= row.index.as_ref().unwrap().at);
        unrecorded += some;
    }
    assert_eq!((unrecorded, store.stats().unrecorded), (2, 2));
    // All of it came to be written all the same.
    assert_eq!(number(dir.path(), "SELECT count(*) FROM outbox WHERE state = 'delivered'"), 2);
    assert_eq!(number(dir.path(), "SELECT count(*) FROM audit WHERE notification = 'late'"), 1);
    assert!(proof(dir.path(), store.audit_head()).is_ok());
}

#[test]
fn an_older_database_is_migrated_and_can_be_read_only_then() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    open(dir.path(), &clock).close();
    // As the version before alerts left it.
    sql(dir.path())
        .execute_batch("DROP TABLE audit; DROP TABLE outbox; DROP TABLE kept; PRAGMA user_version = 1")
        .unwrap();
    let error = AuditReader::open(dir.path()).map(drop).unwrap_err().to_string();
    assert!(error.contains("older Probity") && error.contains(&dir.path().display().to_string()), "{error}");
    let store = open(dir.path(), &clock);
    committed(&*store, sample());
    assert_eq!(proof(dir.path(), None).unwrap().rows, 2);
}

#[test]
fn after_the_end_nothing_is_taken() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let late = store.commit(sample());
    store.close();
    assert!(matches!(runtime.block_on(late), Settled::Committed { .. }), "what came before the end is written");
    assert_eq!(store.commit(sample()).now_or_never(), Some(Settled::Unrecorded));
    assert_eq!(committed(&*store, Commit::default()), [""; 0], "nothing is on disk at once");
}

#[test]
fn ten_thousand_commits_share_the_disk() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store: std::sync::Arc<SqliteStore> =
        history::open(dir.path(), Options { flush_every: Duration::from_secs(3600), ..Options::new(clock) }).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let tickets: Vec<_> = (0..10_000)
        .map(|n| {
            let id = format!("{n:032x}");
            let mut commit =
                Commit { audit: vec![told(T0, "Errors", &id), told(T0, "Errors", &id)], ..Commit::default() };
            commit.put(Space::Episode, format!("rule/{n}"), vec![7; 500]);
            commit.outbox.push(Outbox::Insert(row(&id, n)));
            store.commit(commit)
        })
        .collect();
    let all = runtime.block_on(futures::future::join_all(tickets));
    // A slow machine may take longer than alerting waits; then it says so, and loses nothing.
    until("all are written", || number(dir.path(), "SELECT count(*) FROM outbox") == 10_000);
    let in_time = all.iter().filter(|settled| matches!(settled, Settled::Committed { .. })).count() as u64;
    assert_eq!(in_time + store.stats().unrecorded, 10_000);
    assert!(store.stats().urgent_commits < 1_000);
    assert_eq!((store.stats().dropped_changes, store.stats().dropped_audit_rows), (0, 0));
}
