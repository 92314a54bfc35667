//! After a kill: brings the frames that the last process left into rows.
//!
//! A row tells the last frame that it holds, so that each record counts once, however often this is begun.

use std::collections::{HashMap, hash_map::Entry};

use rusqlite::{OptionalExtension, params};

use crate::history::{Part, Record, bucket::Hour, frame, record::split};

use super::{
    pack::write_part,
    schema::{key, set_meta},
    shared::Waiting,
    writer::Writer,
};

/// Targets per pass over the frames: some two hours each, of 2 KB, so 12 MB.
const TARGETS: u32 = 2_500;

/// Rows in one transaction, so that it stays under 20 ms.
const ROWS: usize = 64;

/// What frames hold of one hour of one target, beyond what its row holds.
struct Sum {
    /// The last frame that the row holds.
    covered: u64,
    hour: Hour,
    touched: bool,
}

type Sums = HashMap<(u32, u32), Sum>;

impl Writer {
    pub fn replay(&mut self) -> rusqlite::Result<()> {
        let (last, end) = {
            let state = self.shared.state.lock();
            (state.seq, state.next_id)
        };
        let frames: i64 = self.connection.query_row("SELECT count(*) FROM frame", [], |row| row.get(0))?;
        if frames > 0 {
            tracing::info!(frames, "reading what the last process left");
            for start in (0..end).step_by(TARGETS as usize) {
                let sums = self.sum(start..start.saturating_add(TARGETS), last)?;
                self.write_sums(sums, last)?;
            }
            self.transact(|transaction| {
                set_meta(transaction, "seq", last as i64)?;
                transaction.execute("DELETE FROM frame WHERE seq <= ?1", [last as i64]).map(drop)
            })?;
        }
        self.sweep.kept = 0;
        Ok(())
    }

    /// Sums what all frames up to `last` hold of some targets.
    fn sum(&mut self, targets: std::ops::Range<u32>, last: u64) -> rusqlite::Result<Sums> {
        let (mut sums, mut seq) = (Sums::new(), 0u64);
        loop {
            let next: Option<(i64, Vec<u8>)> = self
                .connection
                .prepare_cached("SELECT seq, data FROM frame WHERE seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT 1")?
                .query_row(params![seq as i64, last as i64], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((found, bytes)) = next else { return Ok(sums) };
            seq = found.unsigned_abs();
            match frame::decode(&bytes) {
                Ok(records) => {
                    for record in records.iter().filter(|record| targets.contains(&record.target)) {
                        self.add(&mut sums, record, seq)?;
                    }
                }
                Err(error) => tracing::error!(frame = seq, %error, "results of one flush are lost"),
            }
            self.commit_if_due();
        }
    }

    fn add(&self, sums: &mut Sums, record: &Record, seq: u64) -> rusqlite::Result<()> {
        let (pieces, run) = split(record);
        for piece in pieces {
            let sum = self.sum_of(sums, record.target, piece.minute / 60)?;
            if sum.covered < seq {
                sum.hour.minutes[piece.minute as usize % 60].add_time(record.span_class, piece.ms);
                sum.touched = true;
            }
        }
        if let Some((minute, run)) = run {
            let sum = self.sum_of(sums, record.target, minute / 60)?;
            if sum.covered < seq {
                sum.hour.add_run(minute as usize % 60, run);
                sum.touched = true;
            }
        }
        Ok(())
    }

    fn sum_of<'a>(&self, sums: &'a mut Sums, target: u32, hour: u32) -> rusqlite::Result<&'a mut Sum> {
        match sums.entry((target, hour)) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(place) => {
                let covered: Option<i64> = self
                    .connection
                    .prepare_cached("SELECT covered FROM hour WHERE key = ?1")?
                    .query_row([key(hour, target)], |row| row.get(0))
                    .optional()?;
                let covered = covered.unwrap_or(0).unsigned_abs();
                Ok(place.insert(Sum { covered, hour: Hour::default(), touched: false }))
            }
        }
    }

    fn write_sums(&mut self, sums: Sums, last: u64) -> rusqlite::Result<()> {
        let mut sums: Vec<_> = sums.into_iter().filter(|(_, sum)| sum.touched).collect();
        sums.sort_by_key(|&((target, hour), _)| (hour, target));
        let rolled = self.sweep.rolled;
        for chunk in sums.chunks(ROWS) {
            self.transact(|transaction| {
                chunk.iter().try_for_each(|((target, hour), sum)| {
                    let part = Part::new(*hour, &sum.hour, false);
                    write_part(transaction, *target, &Waiting { part, seq: last }, rolled)
                })
            })?;
            self.commit_if_due();
        }
        Ok(())
    }
}
