//! From parts to rows, hour by hour and day by day.
//!
//! Each target has its own moment of the hour, in the order of their numbers: so the work is even, and rows are
//! appended. At that moment its last hour is ended, even if nothing came since, and its waiting parts are written.
//! When the round of an hour is done, the frames from before that hour are in rows, and go.

use std::{collections::BTreeSet, mem, ops::Range};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::{
    clock::WallMs,
    history::{
        bucket::{DAY_MS, Day, HOUR_MS},
        row,
    },
};

use super::{
    schema::{key, set_meta, unkey},
    shared::Waiting,
    writer::Writer,
};

/// Between two steps of the round: rows of half a minute fill pages, and cost the log a third of what those of
/// each flush would.
const STEP_MS: i64 = 30_000;

/// Rows in one transaction: some 30 µs each, and 200 µs with their day, so that it stays under 20 ms.
const ROWS: usize = 64;

/// Frames that one step lets go: a step brings 6.
const OLD_FRAMES: usize = 12;

/// Where the round stands.
pub struct Sweep {
    /// The hour that runs; the round writes what came before it.
    hour: Option<u32>,
    /// The first target whose moment is still to come.
    next: u32,
    last_step: WallMs,
    /// The last flush before the hour began.
    before: u64,
    /// A target had not been loaded at its moment, so that its frames are needed still.
    skipped: bool,
    /// Frames up to this one are in rows.
    pub obsolete: u64,
    /// Days up to this one have rows of their own.
    pub rolled: u32,
    /// Days whose rows this round writes.
    rolling: Vec<u32>,
    /// Frames up to this one are of the last process, and not in rows: they stay. 0 once they are.
    pub kept: u64,
}

/// One step of the round.
pub struct Step {
    targets: Range<u32>,
    hour: u32,
    /// Targets that are gone, ended for good.
    gone: Vec<u32>,
    /// When this step ends a round: the hour of that round, and the last flush before the next one.
    ends: Option<(u32, u64)>,
}

impl Sweep {
    pub fn new(rolled: u32, kept: u64) -> Self {
        Self {
            hour: None,
            next: 0,
            last_step: WallMs::MIN,
            before: 0,
            skipped: false,
            obsolete: 0,
            rolled,
            rolling: Vec::new(),
            kept,
        }
    }

    /// The step that is due, if one is; `end` is one past the largest number of a target.
    fn step(&mut self, now: WallMs, end: u32, seq: u64) -> Option<Step> {
        let hour = u32::try_from(now.max(0) / HOUR_MS).unwrap_or(u32::MAX);
        let round = *self.hour.get_or_insert(hour);
        if round != hour {
            return Some(Step { targets: self.next..u32::MAX, hour, gone: Vec::new(), ends: Some((round, seq)) });
        }
        // Also when the clock stepped back.
        if (now.saturating_sub(self.last_step)).unsigned_abs() < STEP_MS.unsigned_abs() {
            return None;
        }
        self.last_step = now;
        let share = (now.max(0) % HOUR_MS) as f64 / HOUR_MS as f64;
        let until = (share * f64::from(end)).ceil() as u32;
        (until > self.next).then(|| Step { targets: self.next..until, hour, gone: Vec::new(), ends: None })
    }
}

impl Writer {
    /// Ends the hours of the targets whose moment it is, before the flush that will cover them.
    pub fn close_hours(&mut self, now: WallMs) -> Option<Step> {
        let shared = self.shared.clone();
        let (mut step, held) = {
            let state = shared.state.lock();
            let step = self.sweep.step(now, state.next_id, state.seq)?;
            let held = state.held.range(step.targets.clone());
            let held: Vec<_> = held.map(|(id, held)| (*id, held.keeper.clone(), held.loaded, held.gone)).collect();
            (step, held)
        };
        for (target, keeper, loaded, gone) in held {
            self.sweep.skipped |= !loaded;
            if gone {
                step.gone.push(target);
            }
            let mut recent = keeper.recent().lock();
            let part = if gone { recent.close() } else { recent.close_but(step.hour) };
            shared.state.lock().add_parts(target, part);
        }
        Some(step)
    }

    /// Writes the rows of a step, and lets go what is too old.
    pub fn pack(&mut self, step: Step, now: WallMs) -> rusqlite::Result<()> {
        self.begin_rolling(now)?;
        // The hour that has just ended is for the next round: written now, the last targets' rows would stand in
        // the way of the others', and pages would split in place of being filled.
        let not_yet = step.ends.map(|(round, _)| round);
        self.write_parts(step.targets.clone(), |hour| Some(hour) != not_yet)?;
        for day in self.sweep.rolling.clone() {
            self.roll(day, step.targets.clone())?;
        }
        self.let_go(&step.gone);
        self.sweep.next = step.targets.end;
        if let Some((_, seq)) = step.ends {
            if !mem::take(&mut self.sweep.skipped) {
                self.sweep.obsolete = self.sweep.before;
            }
            self.sweep.before = seq;
            self.sweep.hour = Some(step.hour);
            self.sweep.next = 0;
            self.end_rolling(now)?;
        }
        self.forget_frames(OLD_FRAMES)?;
        self.forget_rows(now)?;
        self.forget_notifications(now)?;
        self.cut_audit()
    }

    /// Everything that waits, whosever moment it is; then no frame is needed.
    pub fn pack_all(&mut self) -> rusqlite::Result<()> {
        // None is loaded from now on: parts that do not hold their row are added to it.
        self.shared.state.lock().held.values_mut().for_each(|held| held.loaded = true);
        self.write_parts(0..u32::MAX, |_| true)?;
        self.sweep.obsolete = self.shared.state.lock().seq;
        while self.forget_frames(200)? > 0 {}
        Ok(())
    }

    /// Ends all running hours as they stand.
    pub fn close_all_hours(&mut self) {
        let keepers: Vec<_> = {
            let state = self.shared.state.lock();
            state.held.iter().map(|(id, held)| (*id, held.keeper.clone())).collect()
        };
        for (target, keeper) in keepers {
            let mut recent = keeper.recent().lock();
            let part = recent.close();
            self.shared.state.lock().add_parts(target, part);
        }
    }

    fn write_parts(&mut self, targets: Range<u32>, wanted: impl Fn(u32) -> bool) -> rusqlite::Result<()> {
        loop {
            let parts = {
                let mut guard = self.shared.state.lock();
                let state = &mut *guard;
                let loaded = |target| state.held.get(&target).is_none_or(|held| held.loaded);
                let ready = |target, hour| wanted(hour) && loaded(target);
                state.pending.take(targets.clone(), ready, ROWS)
            };
            if parts.is_empty() {
                return Ok(());
            }
            let rolled = self.sweep.rolled;
            let result = self.rows(parts.len(), |transaction| {
                parts.iter().try_for_each(|((target, _), waiting)| write_part(transaction, *target, waiting, rolled))
            });
            self.shared.state.lock().pending.written(result.is_ok());
            result?;
        }
    }

    /// One transaction of rows, measured; then what has become urgent meanwhile.
    pub fn rows(
        &mut self,
        count: usize,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> rusqlite::Result<()> {
        let clock = self.shared.options.clock.clone();
        let began = clock.mono();
        self.transact(work)?;
        let took = clock.mono().saturating_sub(began).as_secs_f64();
        {
            let mut state = self.shared.state.lock();
            state.stats.packs += 1;
            state.stats.rows_packed += count as u64;
            state.stats.pack_seconds += took;
            state.stats.pack_seconds_max = state.stats.pack_seconds_max.max(took);
        }
        self.commit_if_due();
        Ok(())
    }

    /// At the first step of a new day: which days this round rolls up.
    fn begin_rolling(&mut self, now: WallMs) -> rusqlite::Result<()> {
        let yesterday = u32::try_from(now / DAY_MS - 1).unwrap_or(0);
        // A clock that stepped back takes days back, too: they are rolled up again.
        self.sweep.rolled = self.sweep.rolled.min(yesterday);
        self.shared.state.lock().rolled = self.sweep.rolled;
        if self.sweep.next > 0 || !self.sweep.rolling.is_empty() {
            return Ok(());
        }
        let mut any =
            self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM hour WHERE key BETWEEN ?1 AND ?2)")?;
        for day in self.sweep.rolled + 1..=yesterday {
            if any.query_row(params![key(day * 24, 0), key(day * 24 + 24, 0) - 1], |row| row.get(0))? {
                self.sweep.rolling.push(day);
            }
        }
        Ok(())
    }

    fn end_rolling(&mut self, now: WallMs) -> rusqlite::Result<()> {
        let Some(&day) = self.sweep.rolling.last() else { return Ok(()) };
        self.transact(|transaction| set_meta(transaction, "rolled", day))?;
        self.sweep.rolling.clear();
        self.sweep.rolled = day;
        self.shared.state.lock().rolled = day;
        self.forget_targets(now)
    }

    /// Writes the rows of a day of the targets in the range that have one of its hours.
    fn roll(&mut self, day: u32, targets: Range<u32>) -> rusqlite::Result<()> {
        let mut found = BTreeSet::new();
        for hour in day * 24..day * 24 + 24 {
            let mut keys = self.connection.prepare_cached("SELECT key FROM hour WHERE key BETWEEN ?1 AND ?2")?;
            let range = params![key(hour, targets.start), key(hour, targets.end) - 1];
            for key in keys.query_map(range, |row| row.get(0))? {
                found.insert(unkey(key?).1);
            }
        }
        let today = day + 1;
        for chunk in found.into_iter().collect::<Vec<_>>().chunks(ROWS) {
            self.rows(chunk.len(), |transaction| {
                chunk.iter().try_for_each(|&target| {
                    write_day(transaction, day, target)?;
                    transaction
                        .prepare_cached("UPDATE target SET seen = ?2 WHERE id = ?1")?
                        .execute(params![target, today])
                        .map(drop)
                })
            })?;
        }
        Ok(())
    }

    /// Lets go the keepers of targets that are gone and written, unless they have come back.
    fn let_go(&mut self, gone: &[u32]) {
        let mut state = self.shared.state.lock();
        for id in gone {
            if state.held.get(id).is_some_and(|held| held.gone) {
                state.held.remove(id);
            }
        }
    }
}

/// Brings a part into its row, and its day if that has been rolled up.
pub fn write_part(connection: &Connection, target: u32, waiting: &Waiting, rolled: u32) -> rusqlite::Result<()> {
    let (part, place) = (&waiting.part, key(waiting.part.hour, target));
    let before: Option<Vec<u8>> = connection
        .prepare_cached("SELECT data FROM hour WHERE key = ?1")?
        .query_row([place], |row| row.get(0))
        .optional()?;
    let merged = before.filter(|_| !part.whole).and_then(|before| {
        let (mut hour, more) = (row::decode_hour(&before).ok()?, row::decode_hour(&part.body).ok()?);
        hour.merge(&more);
        Some(row::encode_hour(&hour))
    });
    connection.prepare_cached("INSERT OR REPLACE INTO hour VALUES (?1, ?2, ?3)")?.execute(params![
        place,
        waiting.seq as i64,
        merged.as_deref().unwrap_or(&part.body)
    ])?;
    if part.hour / 24 <= rolled { write_day(connection, part.hour / 24, target) } else { Ok(()) }
}

/// Sums a target's hours into the row of their day.
fn write_day(connection: &Connection, day: u32, target: u32) -> rusqlite::Result<()> {
    let mut sum = Day::default();
    let mut read = connection.prepare_cached("SELECT data FROM hour WHERE key = ?1")?;
    for hour in day * 24..day * 24 + 24 {
        let data: Option<Vec<u8>> = read.query_row([key(hour, target)], |row| row.get(0)).optional()?;
        // A row that cannot be read counts for nothing.
        if let Some(hour) = data.and_then(|data| row::decode_hour(&data).ok()) {
            sum.add(&hour);
        }
    }
    connection
        .prepare_cached("INSERT OR REPLACE INTO day VALUES (?1, ?2)")?
        .execute(params![key(day, target), row::encode_day(&sum)])
        .map(drop)
}
