//! What is too old goes, a little at each step of the round, so that no transaction is long.
//!
//! The pages that it leaves are used again, so the file stays as large as it once had to be.

use std::collections::BTreeSet;

use rusqlite::params;

use crate::{
    clock::WallMs,
    history::bucket::{DAY_MS, HOUR_MS},
};

use super::{
    schema::{key, set_meta},
    writer::Writer,
};

/// Rows of each table that one step lets go; a step brings 84 at 10,000 targets.
const ROWS: i64 = 1_000;

impl Writer {
    /// Deletes some frames that are in rows; says how many.
    pub fn forget_frames(&mut self, most: usize) -> rusqlite::Result<usize> {
        let (kept, obsolete) = (self.sweep.kept as i64, self.sweep.obsolete as i64);
        let seq = self.shared.state.lock().seq as i64;
        // Asked first, since a transaction that changes nothing still takes the lock.
        let some: bool = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM frame WHERE seq > ?1 AND seq <= ?2)")?
            .query_row([kept, obsolete], |row| row.get(0))?;
        if !some {
            return Ok(0);
        }
        let mut deleted = 0;
        self.transact(|transaction| {
            // The numbers go on from here, also when no frame is left.
            set_meta(transaction, "seq", seq)?;
            deleted = transaction
                .prepare_cached(
                    "DELETE FROM frame WHERE seq IN
                         (SELECT seq FROM frame WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)",
                )?
                .execute(params![kept, obsolete, most as i64])?;
            Ok(())
        })?;
        Ok(deleted)
    }

    /// Deletes some of what is older than the retention.
    pub fn forget_rows(&mut self, now: WallMs) -> rusqlite::Result<()> {
        let cutoff = self.cutoff(now).max(0);
        for (oldest, delete, before) in [
            (
                "SELECT min(key) FROM hour",
                "DELETE FROM hour WHERE key IN (SELECT key FROM hour WHERE key < ?1 ORDER BY key LIMIT ?2)",
                key((cutoff / HOUR_MS) as u32, 0),
            ),
            (
                "SELECT min(key) FROM day",
                "DELETE FROM day WHERE key IN (SELECT key FROM day WHERE key < ?1 ORDER BY key LIMIT ?2)",
                key((cutoff / DAY_MS) as u32, 0),
            ),
            (
                "SELECT min(at) FROM transition",
                "DELETE FROM transition WHERE id IN (SELECT id FROM transition WHERE at < ?1 ORDER BY at LIMIT ?2)",
                cutoff,
            ),
        ] {
            let oldest: Option<i64> = self.connection.prepare_cached(oldest)?.query_row([], |row| row.get(0))?;
            if oldest.is_some_and(|oldest| oldest < before) {
                self.rows(0, |transaction| {
                    transaction.prepare_cached(delete)?.execute(params![before, ROWS]).map(drop)
                })?;
            }
        }
        Ok(())
    }

    /// Forgets targets that nobody has seen for the retention, and intervals that ended before it.
    pub fn forget_targets(&mut self, now: WallMs) -> rusqlite::Result<()> {
        let cutoff = self.cutoff(now);
        let old: Vec<u32> = self
            .connection
            .prepare_cached("SELECT id FROM target WHERE seen < ?1 LIMIT 1000")?
            .query_map([cutoff / DAY_MS], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
        let old: BTreeSet<_> = {
            let mut state = self.shared.state.lock();
            let old: BTreeSet<_> = old.into_iter().filter(|id| !state.held.contains_key(id)).collect();
            state.ids.retain(|_, id| !old.contains(id));
            state.due.retain(|id, due| {
                due.forget(cutoff);
                !old.contains(id)
            });
            old
        };
        self.transact(|transaction| {
            for id in &old {
                transaction.prepare_cached("DELETE FROM target WHERE id = ?1")?.execute([id])?;
                transaction.prepare_cached("DELETE FROM due WHERE target = ?1")?.execute([id])?;
            }
            // The last change before the cutoff still holds after it.
            transaction
                .prepare_cached(
                    "DELETE FROM due WHERE at < (SELECT max(later.at) FROM due AS later
                         WHERE later.target = due.target AND later.at <= ?1)",
                )?
                .execute([cutoff])
                .map(drop)
        })
    }

    fn cutoff(&self, now: WallMs) -> WallMs {
        now.saturating_sub(i64::try_from(self.shared.options.retention.as_millis()).unwrap_or(i64::MAX))
    }
}
