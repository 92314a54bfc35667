//! The data dir: made, locked, and its database opened, or set aside when it is none.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::clock::{WallMs, rfc3339};

use super::schema::{self, MigrateError};

pub const DATABASE: &str = "probity.db";
const LOCK: &str = "probity.lock";
/// Left when damage was met while running: the next open looks at every page.
const SUSPECT: &str = "probity.db.suspect";
/// Room that is given up when the disk is full at a start, so that the database can be opened at all.
const RESERVE: &str = "probity.reserve";
const RESERVE_BYTES: usize = 1 << 20;

/// A database up to this size is looked through at every open: it takes some 50 ms.
const LOOK_THROUGH_BYTES: u64 = 32 << 20;

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot create the data dir {}: make its parent writable, or name another with --data-dir", .dir.display())]
    Create {
        dir: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the data dir {} is there and is no folder: name another with --data-dir", .dir.display())]
    NotAFolder { dir: PathBuf },
    #[error("cannot write in the data dir {}: make it writable, or name another with --data-dir", .dir.display())]
    NotWritable {
        dir: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("the data dir {} is in use by another process: stop it, or name another with --data-dir", .dir.display())]
    InUse { dir: PathBuf },
    #[error("no space in the data dir {}: make room, or name another with --data-dir", .dir.display())]
    NoSpace { dir: PathBuf },
    #[error(
        "the database in {} is of a newer version: it needs Probity {needs} or later, and this is {}; \
         run that version, or name another dir with --data-dir",
        .dir.display(), env!("CARGO_PKG_VERSION")
    )]
    Newer { dir: PathBuf, needs: String },
    #[error("cannot open the database in {}: make it readable and writable, or name another with --data-dir", .dir.display())]
    Sqlite {
        dir: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
}

/// A data dir that is ours as long as the lock's file stays open.
pub struct Opened {
    pub connection: Connection,
    pub lock: File,
    /// What the damaged database that was there is called now.
    pub aside: Option<String>,
}

pub fn open(dir: &Path, now: WallMs) -> Result<Opened, OpenError> {
    fs::create_dir_all(dir).map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => OpenError::NotAFolder { dir: dir.to_owned() },
        _ => OpenError::Create { dir: dir.to_owned(), source },
    })?;
    let lock = lock(dir)?;
    let connection = match database(dir) {
        Err(OpenError::Sqlite { source, .. }) if is_full(&source) && fs::remove_file(dir.join(RESERVE)).is_ok() => {
            database(dir)
        }
        other => other,
    };
    let mut set_aside_as = None;
    let connection = match connection {
        Err(OpenError::Sqlite { source, .. }) if is_damaged(&source) => {
            let aside = set_aside(dir, now)?;
            set_aside_as = aside.file_name().map(|name| name.to_string_lossy().into_owned());
            tracing::error!(
                file = %dir.join(DATABASE).display(),
                set_aside = %aside.display(),
                error = %source,
                "the database is damaged; it was set aside and history begins anew"
            );
            database(dir)
        }
        other => other,
    };
    let connection = connection.map_err(|error| match error {
        OpenError::Sqlite { source, dir } if is_full(&source) => OpenError::NoSpace { dir },
        other => other,
    })?;
    reserve(dir);
    Ok(Opened { connection, lock, aside: set_aside_as })
}

/// A connection for reading only.
pub fn reader(dir: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(dir.join(DATABASE), flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    // In KiB. Up to four readers and the loader hold one each.
    connection.pragma_update(None, "cache_size", -512)?;
    Ok(connection)
}

/// Notes that the database is damaged, so that the next open looks at every page of it.
pub fn suspect(dir: &Path) {
    if let Err(error) = File::create(dir.join(SUSPECT)) {
        tracing::warn!(%error, "cannot note that the database is damaged");
    }
}

/// Whether an error says that the file is no sound database.
pub fn is_damaged(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt))
}

/// Whether an error may come of a full disk. A shared-memory file that cannot grow is an I/O error.
fn is_full(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure))
}

fn lock(dir: &Path) -> Result<File, OpenError> {
    let not_writable = |source: io::Error| match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => OpenError::NoSpace { dir: dir.to_owned() },
        _ => OpenError::NotWritable { dir: dir.to_owned(), source },
    };
    let file = File::options().create(true).write(true).truncate(false).open(dir.join(LOCK)).map_err(not_writable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(not_writable(source)),
    }
}

fn database(dir: &Path) -> Result<Connection, OpenError> {
    let failed = |source| OpenError::Sqlite { dir: dir.to_owned(), source };
    let path = dir.join(DATABASE);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    prepare(&connection).map_err(failed)?;
    schema::migrate(&mut connection).map_err(|error| match error {
        MigrateError::Newer(needs) => OpenError::Newer { dir: dir.to_owned(), needs },
        MigrateError::Sqlite(source) => failed(source),
    })?;
    let suspected = dir.join(SUSPECT).exists();
    if suspected || fs::metadata(&path).is_ok_and(|file| file.len() <= LOOK_THROUGH_BYTES) {
        look_through(&connection).map_err(failed)?;
    }
    if suspected {
        // If it stays, the next open looks through again: no harm.
        let _ = fs::remove_file(dir.join(SUSPECT));
    }
    Ok(connection)
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    // Readers hold no lock that the writer waits for in WAL mode, but for the moment of recovery.
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    // In KiB. What is written is appended, so little is read again.
    connection.pragma_update(None, "cache_size", -2_048)?;
    // The writer does it itself, see `writer`.
    connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(()))?;
    // A log that grew while a reader held it back is cut again.
    connection.pragma_update_and_check(None, "journal_size_limit", 32 << 20, |_| Ok(()))
}

/// Looks at every page.
fn look_through(connection: &Connection) -> rusqlite::Result<()> {
    let verdict: String = connection.pragma_query_value(None, "quick_check", |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(corrupt, Some(verdict)))
}

/// Renames the database with its log, so that somebody can still look at it.
fn set_aside(dir: &Path, now: WallMs) -> Result<PathBuf, OpenError> {
    let stamp = rfc3339(now).replace([':', '-'], "");
    let aside = dir.join(format!("{DATABASE}.corrupt-{stamp}"));
    for suffix in ["", "-wal", "-shm"] {
        let with = |path: &Path| PathBuf::from(format!("{}{suffix}", path.display()));
        match fs::rename(with(&dir.join(DATABASE)), with(&aside)) {
            Err(source) if source.kind() != ErrorKind::NotFound => {
                return Err(OpenError::NotWritable { dir: dir.to_owned(), source });
            }
            _ => {}
        }
    }
    let _ = fs::remove_file(dir.join(SUSPECT));
    Ok(aside)
}

/// Makes the reserve, unless there is no room for it: then it was needed, or will be made another time.
fn reserve(dir: &Path) {
    let path = dir.join(RESERVE);
    if !path.exists() && fs::write(&path, vec![1; RESERVE_BYTES]).is_err() {
        let _ = fs::remove_file(&path);
    }
}
