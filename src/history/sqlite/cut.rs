//! The retention of the audit trail and of the outbox: what is too old goes, and what is left stays provable.

use std::time::Duration;

use failpoint::failpoint;
use rusqlite::params;

use crate::{
    audit::{Digest, Entry, Event, Head, Place},
    clock::{Now, WallMs},
    history::bucket::DAY_MS,
};

use super::writer::Writer;

/// Rows of the trail that one step removes: some 20 µs each, so that it stays under 20 ms.
const ROWS: i64 = 500;

/// So long is an id known after its notification was delivered: no crash, and no receiver that is asked again, goes
/// back further.
const DELIVERED_DAYS: i64 = 7;

/// So long one that was given up may be sent again.
const DEAD_DAYS: i64 = 30;

/// Rows of the outbox that one step lets go.
const OUTBOX_ROWS: i64 = 200;

impl Writer {
    /// Removes the oldest rows of the audit trail once they are a day too old, and writes a row that tells what was removed.
    pub fn cut_audit(&mut self) -> rusqlite::Result<()> {
        let now = self.believed(self.shared.options.clock.now());
        let cutoff = now - i64::try_from(self.shared.options.audit_retention.as_millis()).unwrap_or(i64::MAX);
        let oldest: Option<WallMs> = self
            .connection
            .prepare_cached("SELECT at FROM audit ORDER BY chain, seq LIMIT 1")?
            .query_map([], |row| row.get(0))?
            .next()
            .transpose()?;
        // A day later, so that a day's rows go together, and not each for itself with a row of its own.
        if oldest.is_none_or(|oldest| oldest >= cutoff - DAY_MS) {
            return Ok(());
        }
        let Some((up_to, rows)) = self.too_old(cutoff)? else { return Ok(()) };
        let entry = Entry::of_process(now, Event::Cut { up_to, rows });
        self.append_with(&entry, |transaction| {
            transaction
                .prepare_cached("DELETE FROM audit WHERE (chain, seq) <= (?1, ?2)")?
                .execute(params![up_to.place.chain as i64, up_to.place.seq as i64])?;
            failpoint!("cut.within");
            Ok(())
        })?;
        failpoint!("cut.done");
        Ok(())
    }

    /// The last of the oldest rows that are before `cutoff`, and how many these are.
    fn too_old(&self, cutoff: WallMs) -> rusqlite::Result<Option<(Head, u64)>> {
        let mut read =
            self.connection.prepare_cached("SELECT chain, seq, at, digest FROM audit ORDER BY chain, seq LIMIT ?1")?;
        let mut found = read.query([ROWS])?;
        let (mut last, mut rows) = (None, 0);
        while let Some(row) = found.next()? {
            if row.get::<_, WallMs>(2)? >= cutoff {
                break;
            }
            let place =
                Place { chain: row.get::<_, i64>(0)?.unsigned_abs(), seq: row.get::<_, i64>(1)?.unsigned_abs() };
            // One that was changed stays: what it was is not known, and that it was changed is to be seen.
            let Ok(digest) = <[u8; 32]>::try_from(row.get_ref(3)?.as_blob().unwrap_or_default()) else { break };
            // The head stays, too: the next row hangs on it.
            if place == self.head.place {
                break;
            }
            last = Some(Head { place, digest: Digest(digest) });
            rows += 1;
        }
        Ok(last.map(|last| (last, rows)))
    }

    /// Lets go of notifications that ended long ago.
    pub fn forget_notifications(&mut self, now: WallMs) -> rusqlite::Result<()> {
        for (state, days) in [("delivered", DELIVERED_DAYS), ("folded", DELIVERED_DAYS), ("dead", DEAD_DAYS)] {
            let cutoff = now - days * DAY_MS;
            let oldest: Option<WallMs> = self
                .connection
                .prepare_cached("SELECT min(ended) FROM outbox WHERE state = ?1")?
                .query_row([state], |row| row.get(0))?;
            if oldest.is_some_and(|oldest| oldest < cutoff) {
                self.rows(0, |transaction| {
                    transaction
                        .prepare_cached(
                            "DELETE FROM outbox WHERE number IN
                                 (SELECT number FROM outbox WHERE state = ?1 AND ended < ?2 ORDER BY ended LIMIT ?3)",
                        )?
                        .execute(params![state, cutoff, OUTBOX_ROWS])
                        .map(drop)
                })?;
            }
        }
        Ok(())
    }

    /// The wall clock, unless it ran away while the process was running: then a day beyond what has passed. A clock that
    /// jumps a year ahead for a minute removes no year of the trail.
    fn believed(&self, now: Now) -> WallMs {
        let passed = now.mono.saturating_sub(self.began.mono) + Duration::from_secs(86_400);
        now.wall.min(self.began.wall.saturating_add(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX)))
    }
}
