//! Reads what is kept, the outbox and the audit trail, each on a connection that only reads.

use std::{path::Path, sync::Arc};

use rusqlite::{Connection, Row as SqlRow, params, types::ValueRef};

use crate::{
    audit::{Head, Index, Place, Row},
    clock::WallMs,
    history::{
        About, AuditPage, AuditQuery, Cursor, Kept, Loaded, OutboxQuery, OutboxRow, OutboxState, ReadError, Space,
        trail::{LOOKED_AT_MAX, PAGE_MAX},
    },
};

use super::{
    open::{self, DATABASE},
    schema,
};

/// What an earlier process left of alerting; the head apart.
pub fn load(connection: &mut Connection) -> rusqlite::Result<Loaded> {
    // One transaction, so that all of it is of one moment.
    let transaction = connection.transaction()?;
    let mut loaded = Loaded::default();
    let mut read = transaction.prepare("SELECT key, value FROM kept WHERE space = ?1 ORDER BY key")?;
    for space in Space::ALL {
        let mut rows = read.query([space.as_str()])?;
        while let Some(row) = rows.next()? {
            let value: Arc<[u8]> = row.get_ref(1)?.as_blob().unwrap_or_default().into();
            loaded.kept.push(Kept { space, key: text(row, 0)?, value: Some(value) });
        }
    }
    let mut read = transaction.prepare(&format!(
        "SELECT {OUTBOX} FROM outbox WHERE state IN ('queued', 'in flight') ORDER BY channel, incident, place, number"
    ))?;
    let mut rows = read.query([])?;
    while let Some(row) = rows.next()? {
        let mut row = outbox_row(row)?;
        // Whoever was sending it is dead, and has not said how it went.
        if row.state == OutboxState::InFlight {
            (row.state, row.ambiguous) = (OutboxState::Queued, true);
        }
        loaded.outbox.push(row);
    }
    Ok(loaded)
}

/// The trail's last row, as another connection would see it.
pub fn head(connection: &Connection) -> rusqlite::Result<Option<Head>> {
    let mut read =
        connection.prepare_cached(&format!("SELECT {AUDIT} FROM audit ORDER BY chain DESC, seq DESC LIMIT 1"))?;
    let mut rows = read.query([])?;
    // As it says itself, and not as its digest says: whoever changed it is to be found by the row that follows.
    rows.next()?.map(|row| audit_row(row).map(|row| row.head())).transpose()
}

const OUTBOX: &str = "id, channel, incident, place, state, attempts, not_before, created, ambiguous, answer, body";

fn outbox_row(row: &SqlRow<'_>) -> rusqlite::Result<OutboxRow> {
    let state = text(row, 4)?;
    Ok(OutboxRow {
        id: text(row, 0)?,
        channel: text(row, 1)?,
        incident: text(row, 2)?,
        order: row.get::<_, i64>(3)?.unsigned_abs(),
        // One that nobody knows was written by nobody: in doubt it is told.
        state: OutboxState::ALL.into_iter().find(|known| known.as_str() == &*state).unwrap_or(OutboxState::InFlight),
        attempts: row.get(5)?,
        not_before: row.get(6)?,
        created: row.get(7)?,
        ambiguous: row.get(8)?,
        answer: text(row, 9)?,
        body: row.get_ref(10)?.as_blob().unwrap_or_default().into(),
    })
}

/// Rows of the outbox, newest first.
pub fn outbox(connection: &Connection, query: &OutboxQuery) -> rusqlite::Result<Vec<OutboxRow>> {
    let mut read = connection.prepare_cached(&format!(
        "SELECT {OUTBOX} FROM outbox WHERE (?1 IS NULL OR channel = ?1) AND (?2 IS NULL OR state = ?2)
             ORDER BY number DESC LIMIT ?3"
    ))?;
    let limit = query.limit.clamp(1, PAGE_MAX) as i64;
    let mut rows = read.query(params![query.channel.as_deref(), query.state.map(OutboxState::as_str), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(outbox_row(row)?);
    }
    Ok(found)
}

const AUDIT: &str = "chain, seq, at, kind, namespace, rule, alert, fingerprint, notification, previous, body, digest";

/// Whatever somebody left in a row becomes one that can be looked at.
fn audit_row(row: &SqlRow<'_>) -> rusqlite::Result<Row> {
    let number = |at| Ok::<_, rusqlite::Error>(row.get_ref(at)?.as_i64().unwrap_or(-1));
    let bytes = |at| {
        Ok::<_, rusqlite::Error>(match row.get_ref(at)? {
            ValueRef::Blob(bytes) | ValueRef::Text(bytes) => bytes.to_vec(),
            _ => Vec::new(),
        })
    };
    let some = |at| match row.get_ref(at)? {
        ValueRef::Null => Ok::<_, rusqlite::Error>(None),
        _ => text(row, at).map(Some),
    };
    Ok(Row {
        place: Place { chain: number(0)? as u64, seq: number(1)? as u64 },
        index: Some(Index {
            at: number(2)?,
            kind: text(row, 3)?,
            namespace: text(row, 4)?,
            rule: some(5)?,
            alert: some(6)?,
            fingerprint: some(7)?,
            notification: some(8)?,
        }),
        previous: bytes(9)?,
        body: bytes(10)?,
        digest: bytes(11)?,
    })
}

fn text(row: &SqlRow<'_>, at: usize) -> rusqlite::Result<Arc<str>> {
    Ok(match row.get_ref(at)? {
        ValueRef::Text(bytes) => String::from_utf8_lossy(bytes).into(),
        _ => "".into(),
    })
}

/// A page, oldest first.
pub fn page(connection: &mut Connection, query: &AuditQuery) -> rusqlite::Result<AuditPage> {
    let transaction = connection.transaction()?;
    let (column, wanted) = match &query.about {
        None => (None, None),
        Some(About::Fingerprint(fingerprint) | About::FingerprintPrefix(fingerprint)) => {
            (Some("fingerprint"), Some(fingerprint))
        }
        Some(About::Alert(alert)) => (Some("alert"), Some(alert)),
        Some(About::Rule { name, .. }) => (Some("rule"), Some(name)),
        Some(About::Notification(id)) => (Some("notification"), Some(id)),
    };
    let of_namespace = match &query.about {
        Some(About::Rule { namespace, .. }) => namespace.clone(),
        _ => None,
    };
    // Every digit sorts before `g`, so that the index serves a beginning, too.
    let is = match &query.about {
        Some(About::FingerprintPrefix(_)) => "BETWEEN ?4 AND ?4 || 'g'",
        _ => "= ?4",
    };
    // The attempts at a notification are about each alert that it tells of, and are found by its id.
    let about = column.map_or(String::new(), |column| {
        format!(
            "AND ({column} {is} AND (?5 IS NULL OR namespace = ?5) OR kind = 'notification' AND notification IN
                 (SELECT notification FROM audit WHERE {column} {is} AND (?5 IS NULL OR namespace = ?5)
                      AND notification IS NOT NULL))"
        )
    });
    let mut read = transaction.prepare_cached(&format!(
        "SELECT {AUDIT} FROM audit WHERE (at, chain, seq) > (?1, ?2, ?3) {about} ORDER BY at, chain, seq LIMIT ?6"
    ))?;
    let since = Cursor { at: query.since.unwrap_or(WallMs::MIN), ..Cursor::default() };
    let from = query.after.map_or(since, |after| after.max(since));
    let (chain, seq) = (from.place.chain as i64, from.place.seq as i64);
    let most = LOOKED_AT_MAX as i64 + 1;
    let mut rows =
        read.query(params![from.at, chain, seq, wanted.map(|text| &**text), of_namespace.as_deref(), most])?;
    let mut found = AuditPage::default();
    let (mut last, mut looked_at) = (None, 0);
    while let Some(row) = rows.next()? {
        let row = audit_row(row)?;
        let index = row.index.clone().unwrap_or_default();
        if query.until.is_some_and(|until| index.at >= until) {
            break;
        }
        if found.rows.len() == query.page() || looked_at == LOOKED_AT_MAX {
            found.next = last;
            break;
        }
        looked_at += 1;
        last = Some(Cursor { at: index.at, place: row.place });
        if query.takes(&index) {
            found.rows.push(row);
        }
    }
    drop(rows);
    drop(read);
    found.head = head(&transaction)?;
    Ok(found)
}

/// A page in the order of the chains.
pub fn chain(connection: &mut Connection, after: Place, limit: usize) -> rusqlite::Result<AuditPage> {
    let transaction = connection.transaction()?;
    let mut page = AuditPage { head: head(&transaction)?, ..AuditPage::default() };
    let mut read = transaction.prepare_cached(&format!(
        "SELECT {AUDIT} FROM audit WHERE (chain, seq) > (?1, ?2) ORDER BY chain, seq LIMIT ?3"
    ))?;
    let mut rows = read.query(params![after.chain as i64, after.seq as i64, limit.clamp(1, PAGE_MAX) as i64])?;
    while let Some(row) = rows.next()? {
        page.rows.push(audit_row(row)?);
    }
    drop(rows);
    drop(read);
    Ok(page)
}

/// The audit trail of a data dir, beside the process that writes it or after it.
pub struct AuditReader(Connection);

impl AuditReader {
    /// Opens what is there, for reading.
    ///
    /// # Errors
    /// When there is no database, it cannot be read, or it has no audit trail yet.
    pub fn open(dir: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Table { what: DATABASE, source };
        let connection = open::reader(dir).map_err(failed)?;
        match schema::version(&connection).map_err(failed)? {
            0 | 1 => Err(ReadError::Older { dir: dir.to_owned(), what: "audit trail" }),
            _ => Ok(Self(connection)),
        }
    }

    /// As [`Store::audit`](crate::history::Store::audit), on this thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn page(&mut self, query: &AuditQuery) -> Result<AuditPage, ReadError> {
        page(&mut self.0, query).map_err(|source| ReadError::Table { what: "the audit trail", source })
    }

    /// As [`Store::audit_chain`](crate::history::Store::audit_chain), on this thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn chain(&mut self, after: Place, limit: usize) -> Result<AuditPage, ReadError> {
        chain(&mut self.0, after, limit).map_err(|source| ReadError::Table { what: "the audit trail", source })
    }
}
