//! The calls of the engine and the server: into memory, and a bell for the threads.

use std::{
    fs::File,
    ops::RangeInclusive,
    path::Path,
    sync::{Arc, mpsc::sync_channel},
    thread::{self, JoinHandle},
    time::Duration,
};

use futures::{channel::oneshot, future::BoxFuture};
use parking_lot::{Condvar, Mutex};
use rusqlite::Connection;
use tokio::sync::Semaphore;

use crate::{
    audit::{Body, Entry, Head, Lost, Place},
    clock::{Clock, WallMs},
    history::{
        AuditPage, AuditQuery, Commit, Due, History, Hour, Keeper, Loaded, Outbox, OutboxQuery, OutboxRow, PATIENCE,
        Part, ReadError, Recent, Record, Recording, Settled, Stats, Store, StoreHealth, Ticket, due::Change,
    },
    model::{ObjectKey, TargetKey},
};

use super::{
    loaded, loader,
    open::{self, OpenError, Opened},
    reader,
    schema::{TARGET_MAX, meta},
    shared::{Held, RECORDS_MAX, Shared, State},
    writer::Writer,
};

/// Histories read at once; each has a connection with half a megabyte of cache.
const READERS: usize = 4;

/// Histories that wait for their turn: more than the server has connections for.
const READS_WAITING: usize = 256;

/// How the store keeps.
#[derive(Debug, Clone)]
pub struct Options {
    pub clock: Clock,
    /// How often results are written; a kill loses at most this much. Default 5 s.
    pub flush_every: Duration,
    /// How long history is kept. Default 100 days.
    pub retention: Duration,
    /// How long the audit trail is kept. Default 400 days.
    pub audit_retention: Duration,
}

impl Options {
    pub fn new(clock: Clock) -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { clock, flush_every: Duration::from_secs(5), retention: days(100), audit_retention: days(400) }
    }
}

/// The embedded store.
pub struct SqliteStore {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    readers: Arc<Readers>,
    /// The dir is ours until this is closed.
    lock: Mutex<Option<File>>,
}

/// Connections that are not in use, and who may have one.
struct Readers {
    idle: Mutex<Vec<Connection>>,
    turns: Semaphore,
    /// Those that read and those that wait.
    places: Semaphore,
}

/// Opens or creates the store in `dir`. Blocks for a moment; histories load later, in the background.
///
/// # Errors
/// When the directory cannot be used, another process uses it, or a newer version wrote it. A file that is no
/// database is set aside, not an error.
pub fn open(dir: &Path, options: Options) -> Result<Arc<SqliteStore>, OpenError> {
    let now = options.clock.now();
    let Opened { connection, lock, aside } = open::open(dir, now.wall)?;
    let failed = |source| OpenError::Sqlite { dir: dir.to_owned(), source };
    let mut state = known(&connection).map_err(failed)?;
    // A chain of its own, whose first row is the first thing that is written.
    let note = aside.map_or(String::new(), |aside| format!("the database was damaged and set aside as {aside}"));
    let start = Body::of(&Entry::start(now.wall, state.head, &note));
    state.urgent.add(Commit::default(), vec![start], now.mono, oneshot::channel().0);
    let mut head = state.head.unwrap_or_default();
    head.place = Place { chain: head.place.chain + 1, seq: 0 };
    let shared = Arc::new(Shared {
        dir: dir.to_owned(),
        options,
        state: Mutex::new(state),
        writer_bell: Condvar::new(),
        loader_bell: Condvar::new(),
    });
    let writer = Writer::new(connection, shared.clone(), head).map_err(failed)?;
    let loading = shared.clone();
    let start = |name: &str, work: Box<dyn FnOnce() + Send>| {
        let builder = thread::Builder::new().name(name.to_owned());
        builder.spawn(work).map_err(|source| OpenError::NotWritable { dir: dir.to_owned(), source })
    };
    let threads = vec![
        start("store-writer", Box::new(move || writer.run()))?,
        start("store-loader", Box::new(move || loader::run(&loading)))?,
    ];
    Ok(Arc::new(SqliteStore {
        shared,
        threads: Mutex::new(threads),
        readers: Arc::new(Readers {
            idle: Mutex::default(),
            turns: Semaphore::new(READERS),
            places: Semaphore::new(READERS + READS_WAITING),
        }),
        lock: Mutex::new(Some(lock)),
    }))
}

/// What an earlier process knew.
fn known(connection: &Connection) -> rusqlite::Result<State> {
    let mut state = State::new();
    let mut targets = connection.prepare("SELECT id, namespace, name, slot FROM target")?;
    let mut rows = targets.query([])?;
    while let Some(row) = rows.next()? {
        let check = ObjectKey::new(row.get::<_, String>(1)?, row.get::<_, String>(2)?);
        let id = row.get(0)?;
        state.ids.insert(TargetKey { check, slot: row.get::<_, String>(3)?.into() }, id);
        state.next_id = state.next_id.max(id + 1);
    }
    let mut due = connection.prepare("SELECT target, at, every_ms FROM due ORDER BY target, at")?;
    let mut rows = due.query([])?;
    while let Some(row) = rows.next()? {
        let change = Change { at: row.get(1)?, every_ms: row.get(2)? };
        state.due.entry(row.get(0)?).or_default().push(change);
    }
    let written: Option<i64> = connection.query_row("SELECT max(seq) FROM frame", [], |row| row.get(0))?;
    let noted: Option<i64> = meta(connection, "seq")?;
    state.seq = written.max(noted).unwrap_or(0).unsigned_abs();
    state.head = loaded::head(connection)?;
    Ok(state)
}

impl SqliteStore {
    /// Writes what has come so far, and waits for it. For tests and benchmarks.
    pub fn flush(&self) {
        let (done, wait) = sync_channel(1);
        let mut state = self.shared.state.lock();
        if state.closing {
            return;
        }
        state.asked.push(done);
        self.shared.writer_bell.notify_one();
        drop(state);
        // An error says that the writer is gone, so there is nothing to wait for.
        let _ = wait.recv();
    }

    /// Adds to an hour of a target what was not seen by this process. For benchmarks that need a past.
    pub fn import(&self, target: u32, part: Part) {
        self.shared.state.lock().add_parts(target, [part]);
    }

    /// A history, read on this thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn read(&self, target: u32, window: Duration, now: WallMs) -> Result<History, ReadError> {
        self.readers.read(&self.shared, target, window, now)
    }

    /// Reads away from the runtime's threads, when it is its turn.
    fn blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Readers) -> Result<T, ReadError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadError>> {
        let readers = self.readers.clone();
        Box::pin(async move {
            let _place = readers.places.try_acquire().map_err(|_| ReadError::Busy)?;
            let _turn = readers.turns.acquire().await.map_err(|_| ReadError::Closed)?;
            let reading = readers.clone();
            tokio::task::spawn_blocking(move || read(&reading)).await.map_err(|_| ReadError::Closed)?
        })
    }

    fn ask<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, ReadError>> {
        let shared = self.shared.clone();
        self.blocking(move |readers| readers.with(&shared, read).map_err(|source| ReadError::Table { what, source }))
    }
}

/// A commit that comes when everything is over.
fn all_of(commit: &Commit) -> Lost {
    let count = |list: usize| list as u64;
    Lost {
        audit: count(commit.audit.len()),
        transitions: count(commit.transitions.len()),
        kept: count(commit.kept.len()),
        outbox: count(commit.outbox.len()),
    }
}

impl Readers {
    fn read(&self, shared: &Shared, target: u32, window: Duration, now: WallMs) -> Result<History, ReadError> {
        self.with(shared, |connection| reader::read(connection, shared, target, window, now))
            .map_err(|source| ReadError::Sqlite { target, source })
    }

    fn with<T>(
        &self,
        shared: &Shared,
        read: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let idle = self.idle.lock().pop();
        let mut connection = idle.map_or_else(|| open::reader(&shared.dir), Ok)?;
        // One that failed is not used again.
        let found = read(&mut connection)?;
        let mut idle = self.idle.lock();
        if idle.len() < READERS {
            idle.push(connection);
        }
        Ok(found)
    }
}

impl Store for SqliteStore {
    fn register(&self, key: &TargetKey) -> u32 {
        let mut guard = self.shared.state.lock();
        let state = &mut *guard;
        if let Some(&id) = state.ids.get(key) {
            return id;
        }
        let id = state.next_id.min(TARGET_MAX);
        state.next_id = id + 1;
        state.ids.insert(key.clone(), id);
        state.unsaved.targets.push((id, key.clone()));
        id
    }

    fn attach(&self, keeper: Arc<dyn Keeper>) {
        let target = keeper.target();
        loop {
            let old = self.shared.state.lock().held.get(&target).map(|held| held.keeper.clone());
            let same = |old: &Arc<dyn Keeper>| std::ptr::eq(old.recent(), keeper.recent());
            let moved = old.as_ref().filter(|old| !same(old));
            // The new one first, then the old one, then the state; nobody else holds two.
            let new_recent = moved.map(|_| keeper.recent().lock());
            let old_recent = moved.map(|old| old.recent().lock());
            let mut state = self.shared.state.lock();
            let loaded = match (state.held.get(&target), &old) {
                (None, None) => false,
                (Some(held), Some(old)) if Arc::ptr_eq(&held.keeper, old) => held.loaded,
                // Another call was faster.
                _ => continue,
            };
            if let (Some(mut new), Some(mut old)) = (new_recent, old_recent) {
                *new = std::mem::take(&mut *old);
            }
            state.held.insert(target, Held { keeper, loaded, gone: false });
            self.shared.loader_bell.notify_one();
            return;
        }
    }

    fn detach(&self, target: u32) {
        if let Some(held) = self.shared.state.lock().held.get_mut(&target) {
            held.gone = true;
        }
    }

    fn due(&self, target: u32, at: WallMs, every: Option<Duration>) {
        let mut guard = self.shared.state.lock();
        let state = &mut *guard;
        if let Some(change) = state.due.entry(target).or_default().change(at, every) {
            state.unsaved.due.push((target, change));
        }
    }

    fn record(&self, recent: &Mutex<Recent>, record: Record) {
        let mut recent = recent.lock();
        let parts = recent.apply(&record);
        let mut state = self.shared.state.lock();
        state.stats.records += 1;
        if state.records.len() < RECORDS_MAX {
            state.records.push(record);
        } else {
            state.stats.dropped_records += 1;
        }
        state.add_parts(record.target, parts);
    }

    fn commit(&self, commit: Commit) -> Ticket {
        if commit.is_empty() {
            return Ticket::ready(Settled::Committed { known: Arc::default() });
        }
        let shared = &self.shared;
        // Not under the lock: a hundred rows are a tenth of a millisecond.
        let bodies: Vec<_> = commit.audit.iter().map(Body::of).collect();
        let notifications = commit.outbox.iter().filter(|change| matches!(change, Outbox::Insert(_))).count() as u64;
        let now = shared.options.clock.now();
        let (settle, settled) = oneshot::channel();
        let mut state = shared.state.lock();
        state.stats.commits += 1;
        state.stats.transitions += commit.transitions.len() as u64;
        let lost = if state.closing { all_of(&commit) } else { state.urgent.add(commit, bodies, now.mono, settle) };
        if lost.sum() > 0 {
            state.stats.dropped_transitions += lost.transitions;
            state.stats.dropped_audit_rows += lost.audit;
            state.stats.dropped_changes += lost.kept + lost.outbox;
            state.gap(now.wall).lost += lost;
        }
        shared.writer_bell.notify_one();
        if lost.sum() > 0 || state.late(now.mono).is_some() {
            state.tell_unrecorded(notifications, now.wall);
            return Ticket::ready(Settled::Unrecorded);
        }
        drop(state);
        let (deadline, shared) = (shared.options.clock.instant(now.mono + PATIENCE), shared.clone());
        Ticket::new(async move {
            match tokio::time::timeout_at(deadline, settled).await {
                Ok(Ok(known)) => Settled::Committed { known },
                Ok(Err(_)) | Err(_) => {
                    shared.state.lock().tell_unrecorded(notifications, now.wall);
                    Settled::Unrecorded
                }
            }
        })
    }

    fn recording(&self) -> Recording {
        let now = self.shared.options.clock.now();
        match self.shared.state.lock().late(now.mono) {
            None => Recording::Recorded,
            Some(waited) => Recording::Unrecorded { since: now.wall - i64::try_from(waited.as_millis()).unwrap_or(0) },
        }
    }

    fn load(&self) -> Result<Loaded, ReadError> {
        let what = "what the last process left";
        let mut connection = open::reader(&self.shared.dir).map_err(|source| ReadError::Table { what, source })?;
        let loaded = loaded::load(&mut connection).map_err(|source| ReadError::Table { what, source })?;
        Ok(Loaded { head: self.audit_head(), ..loaded })
    }

    fn audit_head(&self) -> Option<Head> {
        self.shared.state.lock().head
    }

    fn audit(&self, query: AuditQuery) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        self.ask("the audit trail", move |connection| loaded::page(connection, &query))
    }

    fn audit_chain(&self, after: Place, limit: usize) -> BoxFuture<'static, Result<AuditPage, ReadError>> {
        self.ask("the audit trail", move |connection| loaded::chain(connection, after, limit))
    }

    fn outbox(&self, query: OutboxQuery) -> BoxFuture<'static, Result<Vec<OutboxRow>, ReadError>> {
        self.ask("the outbox", move |connection| loaded::outbox(connection, &query))
    }

    fn history(&self, target: u32, window: Duration, now: WallMs) -> BoxFuture<'static, Result<History, ReadError>> {
        let shared = self.shared.clone();
        self.blocking(move |readers| readers.read(&shared, target, window, now))
    }

    fn targets(&self, check: &ObjectKey) -> Vec<(u32, Due)> {
        let state = self.shared.state.lock();
        let of_check = state.ids.range(TargetKey::fixed(check.clone())..).take_while(|(key, _)| key.check == *check);
        of_check.map(|(_, id)| (*id, state.due.get(id).cloned().unwrap_or_default())).collect()
    }

    fn hours(
        &self,
        target: u32,
        hours: RangeInclusive<u32>,
    ) -> BoxFuture<'static, Result<Vec<(u32, Hour)>, ReadError>> {
        let shared = self.shared.clone();
        self.blocking(move |readers| {
            let read = |connection: &mut Connection| reader::hours(connection, &shared, target, &hours);
            readers.with(&shared, read).map_err(|source| ReadError::Sqlite { target, source })
        })
    }

    fn stats(&self) -> Stats {
        let state = self.shared.state.lock();
        Stats {
            queued_records: state.records.len() as u64,
            queued_transitions: state.urgent.transitions.len() as u64,
            loading: state.held.values().filter(|held| !held.loaded).count() as u64,
            ..state.stats
        }
    }

    fn health(&self) -> StoreHealth {
        self.shared.state.lock().health.clone()
    }

    fn close(&self) {
        self.shared.state.lock().closing = true;
        self.readers.turns.close();
        self.readers.idle.lock().clear();
        self.shared.writer_bell.notify_all();
        self.shared.loader_bell.notify_all();
        for thread in self.threads.lock().drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store ended by a panic");
            }
        }
        *self.lock.lock() = None;
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}
