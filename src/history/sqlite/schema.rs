//! The tables, and how an older database becomes a newer one.

use failpoint::failpoint;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

/// Each brings the database from its position to the next, in one transaction. Never changed once released.
const MIGRATIONS: &[&str] = &[
    // Rows of hours and days lie in the order of time, then of targets, so that what is written is appended, what is
    // read at start is read in one go, and what is too old lies together. `covered`: all frames up to this one are in
    // the row. Names are kept apart, since a namespace cannot hold a '/', but a slot may.
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
     CREATE TABLE target (id INTEGER PRIMARY KEY, namespace TEXT NOT NULL, name TEXT NOT NULL, slot TEXT NOT NULL,
         seen INTEGER NOT NULL, UNIQUE (namespace, name, slot));
     CREATE TABLE due (target INTEGER NOT NULL, at INTEGER NOT NULL, every_ms INTEGER NOT NULL,
         PRIMARY KEY (target, at)) WITHOUT ROWID;
     CREATE TABLE frame (seq INTEGER PRIMARY KEY, data BLOB NOT NULL);
     CREATE TABLE hour (key INTEGER PRIMARY KEY, covered INTEGER NOT NULL, data BLOB NOT NULL);
     CREATE TABLE day (key INTEGER PRIMARY KEY, data BLOB NOT NULL);
     CREATE TABLE transition (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, target INTEGER NOT NULL,
         from_state INTEGER NOT NULL, to_state INTEGER NOT NULL, reason INTEGER NOT NULL, message TEXT NOT NULL);
     CREATE INDEX transition_at ON transition (at);",
    // Alerting. `kept` is state under keys, of four kinds. The number of a row of the outbox is when it came: it breaks
    // ties. Rows of the audit trail lie in the order of their chains, so that writing appends and proving reads in one
    // go; what can be asked for stands beside the body, which says the same.
    "CREATE TABLE kept (space TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (space, key))
         STRICT, WITHOUT ROWID;
     CREATE TABLE outbox (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL,
         incident TEXT NOT NULL, place INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
         not_before INTEGER NOT NULL, created INTEGER NOT NULL, ended INTEGER, ambiguous INTEGER NOT NULL,
         answer TEXT NOT NULL, body BLOB NOT NULL) STRICT;
     CREATE INDEX outbox_state ON outbox (state, ended);
     CREATE TABLE audit (chain INTEGER NOT NULL, seq INTEGER NOT NULL, at INTEGER NOT NULL, kind TEXT NOT NULL,
         namespace TEXT NOT NULL, rule TEXT, alert TEXT, fingerprint TEXT, notification TEXT,
         previous BLOB NOT NULL, body BLOB NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (chain, seq))
         STRICT, WITHOUT ROWID;
     CREATE INDEX audit_at ON audit (at);
     CREATE INDEX audit_rule ON audit (rule, at) WHERE rule IS NOT NULL;
     CREATE INDEX audit_alert ON audit (alert, at) WHERE alert IS NOT NULL;
     CREATE INDEX audit_fingerprint ON audit (fingerprint, at) WHERE fingerprint IS NOT NULL;
     CREATE INDEX audit_notification ON audit (notification, at) WHERE notification IS NOT NULL;",
];

/// The bits of a row's key that are its target's number; the hour or the day is above them. It leaves 16 million
/// targets, and keys of 7 bytes.
const TARGET_BITS: u32 = 24;

/// The largest number of a target.
pub const TARGET_MAX: u32 = (1 << TARGET_BITS) - 1;

/// The key of a target's row of an hour or a day.
pub fn key(period: u32, target: u32) -> i64 {
    i64::from(period) << TARGET_BITS | i64::from(target.min(TARGET_MAX))
}

/// The period and the target of a key.
pub fn unkey(key: i64) -> (u32, u32) {
    (u32::try_from(key >> TARGET_BITS).unwrap_or(u32::MAX), (key & i64::from(TARGET_MAX)) as u32)
}

/// Why a database cannot be brought to this version.
#[derive(Debug)]
pub enum MigrateError {
    /// The version of Probity that it needs.
    Newer(String),
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Brings a database, perhaps an empty one, to this version.
pub fn migrate(connection: &mut Connection) -> Result<(), MigrateError> {
    let version = version(connection)?;
    if version as usize > MIGRATIONS.len() {
        return Err(MigrateError::Newer(meta(connection, "needs")?.unwrap_or_else(|| "a newer version".to_owned())));
    }
    for (next, statements) in (1u32..).zip(MIGRATIONS).skip(version as usize) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(statements)?;
        failpoint!("migration.within");
        // An older Probity that meets this database says so.
        set_meta(&transaction, "needs", env!("CARGO_PKG_VERSION"))?;
        transaction.pragma_update(None, "user_version", next)?;
        transaction.commit()?;
        failpoint!("migration.done");
    }
    Ok(())
}

/// How many migrations a database has seen.
pub fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// A single value of the store as a whole.
pub fn meta<T: rusqlite::types::FromSql>(connection: &Connection, key: &str) -> rusqlite::Result<Option<T>> {
    connection.query_row("SELECT value FROM meta WHERE key = ?1", [key], |row| row.get(0)).optional()
}

pub fn set_meta(connection: &Connection, key: &str, value: impl rusqlite::ToSql) -> rusqlite::Result<()> {
    connection.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?.execute(params![key, value]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn migrating_twice_changes_nothing_and_a_newer_one_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let needs: Option<String> = meta(&connection, "needs").unwrap();
        assert_eq!(needs.as_deref(), Some(env!("CARGO_PKG_VERSION")));
        connection.pragma_update(None, "user_version", MIGRATIONS.len() as u32 + 1).unwrap();
        set_meta(&connection, "needs", "7.3.0").unwrap();
        assert!(matches!(migrate(&mut connection), Err(MigrateError::Newer(needs)) if needs == "7.3.0"));
    }

    #[test]
    fn keys_come_apart_again() {
        for (period, target) in [(0, 0), (500_000, 1), ((1 << 22) + 1, TARGET_MAX)] {
            assert_eq!(unkey(key(period, target)), (period, target));
        }
        assert!(key(2, 0) > key(1, TARGET_MAX));
    }
}
