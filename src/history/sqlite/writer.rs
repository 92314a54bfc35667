//! The one thread that writes: what is urgent first, then results, then rows. Errors end here, in the store's health.

use std::{
    collections::VecDeque,
    fs, mem,
    os::unix::fs::MetadataExt,
    path::Path,
    sync::{Arc, mpsc::SyncSender},
    time::Duration,
};

use failpoint::failpoint;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use crate::{
    audit::Head,
    clock::Now,
    history::{bucket::DAY_MS, frame},
};

use super::{
    open::{self, DATABASE},
    pack::Sweep,
    schema::{meta, set_meta},
    shared::{Shared, Unsaved},
};

/// Frames that could not be written wait, up to this many bytes: half an hour of 1,000 runs/s.
const FRAMES_BYTES_MAX: usize = 8 << 20;

/// Pages in the log after which they are copied into the database: SQLite's own default.
const CHECKPOINT_PAGES: i64 = 1_000;

/// Trouble that lasts is logged again this often.
const LOG_AGAIN: Duration = Duration::from_secs(600);

/// A page in the log, with its header.
const WAL_PAGE: i64 = 4_096 + 24;

/// What the thread owns.
pub struct Writer {
    pub connection: Connection,
    pub shared: Arc<Shared>,
    pub sweep: Sweep,
    /// Encoded, with the number of records, until they are on disk.
    frames: VecDeque<(u64, Vec<u8>, usize)>,
    frames_bytes: usize,
    next_flush: Duration,
    /// Monotonic: no urgent commit before.
    pub next_commit: Duration,
    /// The audit trail's last row: of the last chain's, until this one's first is written.
    pub head: Head,
    /// When this process took the store.
    pub began: Now,
    logged: Option<Duration>,
    /// Which file the connection writes to.
    file: Option<FileId>,
    /// Pages in the log when last looked at, 0 after it was copied whole; and how many were copied then.
    wal_length: i64,
    wal_copied: i64,
}

/// Device and inode.
type FileId = (u64, u64);

fn file_id(path: &Path) -> Option<FileId> {
    fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

/// Why the thread woke.
enum Wake {
    Urgent,
    Flush(Vec<SyncSender<()>>),
    Close,
}

impl Writer {
    pub fn new(connection: Connection, shared: Arc<Shared>, head: Head) -> rusqlite::Result<Self> {
        // A new store has no day to roll up; noted at once, so that the day of its first start is one.
        let rolled = match meta::<i64>(&connection, "rolled")? {
            Some(rolled) => rolled,
            None => {
                let yesterday = shared.options.clock.wall() / DAY_MS - 1;
                set_meta(&connection, "rolled", yesterday)?;
                yesterday
            }
        };
        let rolled = u32::try_from(rolled).unwrap_or(0);
        shared.state.lock().rolled = rolled;
        let left = shared.state.lock().seq;
        let began = shared.options.clock.now();
        Ok(Self {
            connection,
            file: file_id(&shared.dir.join(DATABASE)),
            shared,
            sweep: Sweep::new(rolled, left),
            frames: VecDeque::new(),
            frames_bytes: 0,
            next_flush: Duration::ZERO,
            next_commit: Duration::ZERO,
            head,
            began,
            logged: None,
            wal_length: 0,
            wal_copied: 0,
        })
    }

    pub fn run(mut self) {
        // Its chain's first row: alerting need not wait for what follows.
        self.commit_urgent();
        self.say_head("the audit trail goes on behind this head");
        if let Err(error) = self.replay() {
            self.trouble("read what the last process left", &error);
        }
        self.shared.state.lock().replayed = true;
        self.shared.loader_bell.notify_all();
        self.next_flush = self.shared.options.clock.mono() + self.shared.options.flush_every;
        loop {
            match self.wait() {
                Wake::Urgent => {
                    self.commit_urgent();
                }
                Wake::Flush(asked) => {
                    self.flush();
                    self.next_flush = self.shared.options.clock.mono() + self.shared.options.flush_every;
                    for asked in asked {
                        // Who asked and has gone does not matter.
                        let _ = asked.try_send(());
                    }
                }
                Wake::Close => return self.close(),
            }
        }
    }

    fn wait(&mut self) -> Wake {
        let shared = self.shared.clone();
        let mut state = shared.state.lock();
        loop {
            let now = shared.options.clock.mono();
            let until_commit = state.is_urgent().then(|| self.next_commit.saturating_sub(now));
            if until_commit.is_some_and(|left| left.is_zero()) {
                return Wake::Urgent;
            }
            if !state.asked.is_empty() {
                return Wake::Flush(mem::take(&mut state.asked));
            }
            if state.closing {
                return Wake::Close;
            }
            let left = self.next_flush.saturating_sub(now);
            if left.is_zero() {
                return Wake::Flush(Vec::new());
            }
            shared.writer_bell.wait_for(&mut state, until_commit.map_or(left, |until| left.min(until)));
        }
    }

    pub fn transact(&mut self, work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        work(&transaction)?;
        transaction.commit()
    }

    /// Writes what has come since the last flush as frames, and the rows that are due. Once all of it works, the
    /// store is well again.
    fn flush(&mut self) {
        let clock = self.shared.options.clock.clone();
        let (began, now) = (clock.mono(), clock.wall());
        let mut well = self.commit_urgent();
        let step = self.close_hours(now);
        self.take_records();
        let mut done = self.write_frames().map_err(|error| ("write results", error));
        if done.is_ok() {
            let mut state = self.shared.state.lock();
            state.stats.flushes += 1;
            state.stats.flush_seconds += clock.mono().saturating_sub(began).as_secs_f64();
        }
        if let (Ok(()), Some(step)) = (&done, step) {
            done = self.pack(step, now).map_err(|error| ("write hours", error));
        }
        let done = done.and_then(|()| self.checkpoint().map_err(|error| ("copy the log into the database", error)));
        if let Err((doing, error)) = done {
            self.trouble(doing, &error);
            well = false;
        }
        if well && file_id(&self.shared.dir.join(DATABASE)) != self.file {
            // Writing works on, into a file that nobody will find again.
            let dir = self.shared.dir.display();
            self.degraded(&format!("{DATABASE} is gone from {dir}: put it back, or start Probity anew"), None);
            well = false;
        }
        if well {
            self.well();
        }
        self.measure();
    }

    /// Takes the buffer and encodes it. From here on, parts that came with it are covered.
    fn take_records(&mut self) {
        let (mut records, mut seq) = {
            let mut state = self.shared.state.lock();
            // As many as last time will come until the next flush.
            let next = Vec::with_capacity(state.records.len());
            let records = mem::replace(&mut state.records, next);
            let seq = state.seq;
            let frames = records.len().div_ceil(frame::RECORDS_MAX) as u64;
            // One more at least, so that a row tells that it holds parts that no record came with.
            state.seq += frames.max(u64::from(state.pending.has_fresh()));
            let covered = state.seq;
            state.pending.cover(covered);
            (records, seq)
        };
        for chunk in records.chunks_mut(frame::RECORDS_MAX) {
            seq += 1;
            let bytes = frame::encode(chunk);
            self.frames_bytes += bytes.len();
            self.frames.push_back((seq, bytes, chunk.len()));
        }
        while self.frames_bytes > FRAMES_BYTES_MAX {
            let Some((_, bytes, count)) = self.frames.pop_front() else { break };
            self.frames_bytes -= bytes.len();
            self.shared.state.lock().stats.dropped_records += count as u64;
        }
    }

    fn write_frames(&mut self) -> rusqlite::Result<()> {
        let unsaved = mem::take(&mut self.shared.state.lock().unsaved);
        if self.frames.is_empty() && unsaved.targets.is_empty() && unsaved.due.is_empty() {
            return Ok(());
        }
        let frames = mem::take(&mut self.frames);
        let today = self.shared.options.clock.wall() / DAY_MS;
        let result = self.transact(|transaction| {
            save(transaction, &unsaved, today)?;
            let mut insert = transaction.prepare_cached("INSERT OR REPLACE INTO frame VALUES (?1, ?2)")?;
            frames.iter().try_for_each(|(seq, bytes, _)| insert.execute(params![*seq as i64, bytes]).map(drop))
        });
        if result.is_ok() {
            self.shared.state.lock().stats.frame_bytes += self.frames_bytes as u64;
            self.frames_bytes = 0;
        } else {
            self.frames = frames;
            self.shared.state.lock().unsaved.restore(unsaved);
        }
        result
    }

    /// Copies the log into the database once it is long enough.
    fn checkpoint(&mut self) -> rusqlite::Result<()> {
        let pages = |mode: &str| {
            self.connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
                Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
            })
        };
        let (mut length, mut copied) = pages("NOOP")?;
        if (length, copied) == (self.wal_copied, self.wal_copied) {
            // Nothing was written since it was copied whole.
            return Ok(());
        }
        // A log that was copied whole begins anew at the next write.
        let added = if length < self.wal_length { length } else { length - self.wal_length };
        if length >= CHECKPOINT_PAGES {
            (length, copied) = pages("PASSIVE")?;
        }
        let whole = copied == length;
        (self.wal_length, self.wal_copied) = if whole { (0, length) } else { (length, 0) };
        let mut state = self.shared.state.lock();
        state.stats.wal_written_bytes += u64::try_from(added.max(0) * WAL_PAGE).unwrap_or(0);
        Ok(())
    }

    /// Logs the head: whoever keeps the log can tell later whether the trail's end was cut off.
    fn say_head(&self, what: &str) {
        if let Some(head) = self.shared.state.lock().head {
            tracing::info!(%head, "{what}");
        }
    }

    fn measure(&self) {
        let size = |suffix: &str| {
            let path = self.shared.dir.join(format!("{DATABASE}{suffix}"));
            fs::metadata(path).map_or(0, |file| file.len())
        };
        let (database, wal) = (size(""), size("-wal"));
        let mut state = self.shared.state.lock();
        state.stats.database_bytes = database;
        state.stats.wal_bytes = wal;
    }

    /// Everything, in order: what is urgent, results, the running hours, the log. What fails is said.
    fn close(mut self) {
        failpoint!("store.close");
        self.commit_urgent();
        self.close_all_hours();
        self.take_records();
        let mut result = self.write_frames();
        if result.is_ok() {
            result = self.pack_all();
        }
        if let Err(error) = result {
            tracing::error!(dir = %self.shared.dir.display(), %error, "the store could not write all it had at its end");
        }
        self.say_head("the audit trail ends with this head");
        failpoint!("store.closed");
        // The last connection that closes copies the log and removes it; readers of a moment ago may hold it up.
        let _ = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// Everything works.
    fn well(&mut self) {
        if self.shared.state.lock().set_health(None, self.shared.options.clock.wall()) {
            self.logged = None;
            tracing::info!(dir = %self.shared.dir.display(), "the store writes again");
        }
    }

    pub fn trouble(&mut self, doing: &str, error: &rusqlite::Error) {
        if open::is_damaged(error) {
            open::suspect(&self.shared.dir);
        }
        let message = format!("cannot {doing} in {}: {}", self.shared.dir.display(), advice(error));
        self.degraded(&message, Some(error));
    }

    /// Notes what is wrong; logs it when it is news, and now and then while it lasts.
    fn degraded(&mut self, message: &str, error: Option<&rusqlite::Error>) {
        let clock = &self.shared.options.clock;
        let (mono, now) = (clock.mono(), clock.wall());
        let mut state = self.shared.state.lock();
        state.stats.errors += u64::from(error.is_some());
        let news = state.set_health(Some(message), now);
        drop(state);
        if news || self.logged.is_none_or(|logged| mono.saturating_sub(logged) >= LOG_AGAIN) {
            self.logged = Some(mono);
            let error = error.map(|error| error as &dyn std::error::Error);
            tracing::error!(
                error,
                "{message}; probing goes on, what is seen is buffered, and dropped when that is full"
            );
        }
    }
}

fn advice(error: &rusqlite::Error) -> &'static str {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => "the disk is full; make room",
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "the database is damaged; it is set aside at the next start"
        }
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => "it is read-only; make it writable",
        Some(ErrorCode::SystemIoFailure) => "the disk fails",
        _ => "the database refuses it",
    }
}

/// Writes targets and intervals that are new.
pub fn save(transaction: &Transaction<'_>, unsaved: &Unsaved, today: i64) -> rusqlite::Result<()> {
    for (id, key) in &unsaved.targets {
        transaction.prepare_cached("INSERT OR IGNORE INTO target VALUES (?1, ?2, ?3, ?4, ?5)")?.execute(params![
            id,
            &*key.check.namespace,
            &*key.check.name,
            &*key.slot,
            today
        ])?;
    }
    for (target, change) in &unsaved.due {
        // What was noted for later never came to be, as in `Due`.
        transaction
            .prepare_cached("DELETE FROM due WHERE target = ?1 AND at >= ?2")?
            .execute(params![target, change.at])?;
        transaction.prepare_cached("INSERT INTO due VALUES (?1, ?2, ?3)")?.execute(params![
            target,
            change.at,
            change.every_ms
        ])?;
    }
    Ok(())
}
