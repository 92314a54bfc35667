//! What the engine and the server see of a store: SQLite today, PostgreSQL later.

use std::{ops::RangeInclusive, path::PathBuf, sync::Arc, time::Duration};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::{
    audit::{Head, Place},
    clock::WallMs,
    health::{Reason, State},
    model::{ObjectKey, TargetKey},
};

use super::{
    AuditPage, AuditQuery, Commit, Due, History, Hour, Loaded, OutboxQuery, OutboxRow, Recent, Record, Recording,
    Ticket,
};

/// Keeps the history of all targets, and what alerting may not lose. No call but [`Store::load`] and [`Store::close`]
/// waits for a disk.
pub trait Store: Send + Sync {
    /// The number of a target: the one it always had, or a new one.
    fn register(&self, key: &TargetKey) -> u32;

    /// Hands over where the target's [`Recent`] is, before its first record. What an earlier keeper of the same
    /// target held moves into it at once; what is on disk is merged in behind it, in the background.
    fn attach(&self, keeper: Arc<dyn Keeper>);

    /// The target is gone. What it held is written, and its keeper let go, within the hour.
    fn detach(&self, target: u32);

    /// From `at` on, runs are due every `every`, the first at `at`; None: suspended or gone. Saying again what
    /// holds already changes nothing, so that the time in which Probity was down counts as due.
    fn due(&self, target: u32, at: WallMs, every: Option<Duration>);

    /// Applies the record to `recent` and keeps it. What a full buffer drops is counted.
    fn record(&self, recent: &Mutex<Recent>, record: Record);

    /// Written before anything else, as one, and durable (synchronous FULL). The ticket says when it is.
    fn commit(&self, commit: Commit) -> Ticket;

    /// A commit of this alone, that nobody waits for.
    fn transition(&self, transition: Transition) {
        drop(self.commit(Commit { transitions: vec![transition], ..Commit::default() }));
    }

    /// Whether what is handed over now will be on disk in time.
    fn recording(&self) -> Recording;

    /// What an earlier process left of alerting. Blocks; to be asked before the first commit.
    ///
    /// # Errors
    /// When the database cannot be read.
    fn load(&self) -> Result<Loaded, ReadError>;

    /// The audit trail's last row.
    fn audit_head(&self) -> Option<Head>;

    /// A page of the audit trail, oldest first.
    fn audit(&self, query: AuditQuery) -> BoxFuture<'static, Result<AuditPage, ReadError>>;

    /// A page of the audit trail in the order of its chains: at most `limit` rows behind `after`, to be proven. Its
    /// `next` is of no use here.
    fn audit_chain(&self, after: Place, limit: usize) -> BoxFuture<'static, Result<AuditPage, ReadError>>;

    /// Rows of the outbox, newest first.
    fn outbox(&self, query: OutboxQuery) -> BoxFuture<'static, Result<Vec<OutboxRow>, ReadError>>;

    /// What is known of a target for the `window` that ends at `now`, the running minute included.
    fn history(&self, target: u32, window: Duration, now: WallMs) -> BoxFuture<'static, Result<History, ReadError>>;

    /// Every target that a check has now or had within the retention, and when runs of it were due.
    fn targets(&self, check: &ObjectKey) -> Vec<(u32, Due)>;

    /// What is known of a target in these hours, by the minute, the running minute included; the oldest first, and those
    /// without anything left out. An hour takes about 1.5 KB: who asks for many asks for one target after the other.
    fn hours(&self, target: u32, hours: RangeInclusive<u32>)
    -> BoxFuture<'static, Result<Vec<(u32, Hour)>, ReadError>>;

    /// Figures for `probity_store_*`.
    fn stats(&self) -> Stats;

    fn health(&self) -> StoreHealth;

    /// Writes everything that is buffered, in order, and ends. Blocks; what comes later is dropped.
    fn close(&self);
}

/// What holds a target's [`Recent`]: the engine's cell, as seen from here.
pub trait Keeper: Send + Sync {
    fn target(&self) -> u32;
    fn recent(&self) -> &Mutex<Recent>;
}

/// A target's state changed.
#[derive(Debug, Clone)]
pub struct Transition {
    pub target: u32,
    pub at: WallMs,
    pub from: State,
    pub to: State,
    pub reason: Reason,
    pub message: Arc<str>,
}

/// Whether what is seen is also kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreHealth {
    Ok,
    /// It is buffered, and then dropped and counted; the message says why, and what to do.
    Degraded {
        since: WallMs,
        message: Arc<str>,
    },
}

/// Counters since the start, and a few gauges, of a store.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Stats {
    /// Flushes of results that were committed, and the seconds they took.
    pub flushes: u64,
    pub flush_seconds: f64,
    /// Durable transactions, and the seconds from the first commit waiting to durable.
    pub urgent_commits: u64,
    pub urgent_seconds: f64,
    /// Transactions that wrote rows of hours and days, the seconds they took, and the longest.
    pub packs: u64,
    pub pack_seconds: f64,
    pub pack_seconds_max: f64,
    pub rows_packed: u64,
    pub records: u64,
    pub dropped_records: u64,
    pub transitions: u64,
    pub dropped_transitions: u64,
    /// What alerting handed over.
    pub commits: u64,
    /// Rows of the audit trail that were written, and those that there was no room for while the store failed.
    pub audit_rows: u64,
    pub dropped_audit_rows: u64,
    /// Changes of what is kept and of the outbox that there was no room for.
    pub dropped_changes: u64,
    /// Notifications that were not on disk in time, and went out all the same.
    pub unrecorded: u64,
    /// Hours of a target that had no room to wait in; their results are in frames, but not in rows.
    pub dropped_hours: u64,
    /// Bytes written to the write-ahead log.
    pub wal_written_bytes: u64,
    /// Transactions that failed.
    pub errors: u64,
    /// Bytes of results as framed.
    pub frame_bytes: u64,
    /// Gauges: records and transitions that wait, and the files' size at the last flush.
    pub queued_records: u64,
    pub queued_transitions: u64,
    pub database_bytes: u64,
    pub wal_bytes: u64,
    /// Targets whose history has not been loaded yet.
    pub loading: u64,
}

/// Why a history could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("read the history of target {target}")]
    Sqlite {
        target: u32,
        #[source]
        source: rusqlite::Error,
    },
    #[error("read {what} of the store")]
    Table {
        what: &'static str,
        #[source]
        source: rusqlite::Error,
    },
    #[error("{} was written by an older Probity and has no {what} yet: start this one on it once", .dir.display())]
    Older { dir: PathBuf, what: &'static str },
    #[error("too many histories are being read; try again")]
    Busy,
    #[error("the store is closed")]
    Closed,
}
