//! Answers what a target's history is: from rows, from parts that wait for theirs, and from the running hour.

use std::{collections::BTreeMap, ops::RangeInclusive, time::Duration};

use rusqlite::{Connection, OptionalExtension, params};

use crate::{
    clock::WallMs,
    history::{
        History,
        bucket::{Day, Hour},
        due::Due,
        row,
        view::Assembly,
    },
};

use super::{
    schema::{key, unkey},
    shared::{Shared, Waiting},
};

/// How often a history is read again because rows were written meanwhile. They are once an hour.
const TRIES: u32 = 5;

/// What memory has of a target, all at one moment.
struct Memory {
    running: Option<(u32, Hour)>,
    /// The running hour holds its row.
    whole: bool,
    waiting: Vec<Waiting>,
    due: Due,
    /// The last flush.
    seq: u64,
    /// Days up to this one have rows of their own.
    rolled: u32,
}

/// What takes up hours and days, and which.
trait Sink {
    /// The hours that are in it.
    fn hours(&self) -> RangeInclusive<u32>;
    /// Whether days are enough.
    fn by_day(&self) -> bool;
    fn add_hour(&mut self, hour: u32, data: &Hour);
    /// A day whose hours are not added.
    fn add_day(&mut self, day: u32, data: &Day);
}

impl Sink for Assembly {
    fn hours(&self) -> RangeInclusive<u32> {
        self.hours()
    }

    fn by_day(&self) -> bool {
        self.by_day()
    }

    fn add_hour(&mut self, hour: u32, data: &Hour) {
        self.add_hour(hour, data);
    }

    fn add_day(&mut self, day: u32, data: &Day) {
        self.add_day(day, data);
    }
}

/// Hours as they are, those without anything left out.
struct Hours {
    wanted: RangeInclusive<u32>,
    found: BTreeMap<u32, Hour>,
}

impl Sink for Hours {
    fn hours(&self) -> RangeInclusive<u32> {
        self.wanted.clone()
    }

    fn by_day(&self) -> bool {
        false
    }

    fn add_hour(&mut self, hour: u32, data: &Hour) {
        if self.wanted.contains(&hour) {
            self.found.entry(hour).or_default().merge(data);
        }
    }

    fn add_day(&mut self, _day: u32, _data: &Day) {}
}

/// Reads a history on a connection of the caller's. Blocks.
pub fn read(
    connection: &mut Connection,
    shared: &Shared,
    target: u32,
    window: Duration,
    now: WallMs,
) -> rusqlite::Result<History> {
    let (assembly, due) = gather(connection, shared, target, || Assembly::new(window, now))?;
    Ok(assembly.finish(&due))
}

/// Reads hours of a target by the minute, the oldest first, on a connection of the caller's. Blocks.
pub fn hours(
    connection: &mut Connection,
    shared: &Shared,
    target: u32,
    wanted: &RangeInclusive<u32>,
) -> rusqlite::Result<Vec<(u32, Hour)>> {
    let empty = || Hours { wanted: wanted.clone(), found: BTreeMap::new() };
    let (hours, _) = gather(connection, shared, target, empty)?;
    Ok(hours.found.into_iter().collect())
}

fn gather<S: Sink>(
    connection: &mut Connection,
    shared: &Shared,
    target: u32,
    empty: impl Fn() -> S,
) -> rusqlite::Result<(S, Due)> {
    for left in (0..TRIES).rev() {
        let memory = remember(shared, target);
        let mut sink = empty();
        // A row that is newer than what was remembered may hold some of it twice.
        if add_rows(connection, &mut sink, target, &memory)? <= memory.seq || left == 0 {
            if let Some((hour, data)) = &memory.running {
                sink.add_hour(*hour, data);
            }
            return Ok((sink, memory.due));
        }
    }
    Ok((empty(), Due::default()))
}

fn remember(shared: &Shared, target: u32) -> Memory {
    let keeper = shared.state.lock().held.get(&target).map(|held| held.keeper.clone());
    // The target's own lock is held until all is copied, so that nothing moves from one place to the other.
    let recent = keeper.as_ref().map(|keeper| keeper.recent().lock());
    let state = shared.state.lock();
    Memory {
        running: recent.as_ref().and_then(|recent| recent.running()),
        whole: recent.as_ref().is_some_and(|recent| recent.is_whole()),
        waiting: state.pending.of(target),
        due: state.due.get(&target).cloned().unwrap_or_default(),
        seq: state.seq,
        rolled: state.rolled,
    }
}

/// Adds rows, and the parts that they do not hold yet. Gives the newest flush that a row holds.
fn add_rows(connection: &mut Connection, sink: &mut impl Sink, target: u32, memory: &Memory) -> rusqlite::Result<u64> {
    // One transaction, so that all rows are of one moment.
    let transaction = connection.transaction()?;
    let (first, last) = sink.hours().into_inner();
    let mut newest = 0;
    let mut from_hours = first;
    if sink.by_day() {
        from_hours = first.max((memory.rolled + 1).saturating_mul(24));
        let mut read = transaction.prepare_cached("SELECT data FROM day WHERE key = ?1")?;
        for day in first / 24..=memory.rolled.min(last / 24) {
            let data: Option<Vec<u8>> = read.query_row([key(day, target)], |row| row.get(0)).optional()?;
            if let Some(data) = data.and_then(|data| row::decode_day(&data).ok()) {
                sink.add_day(day, &data);
            }
        }
    }
    let mut read = transaction.prepare_cached("SELECT covered, data FROM hour WHERE key = ?1")?;
    let mut row_of = |hour: u32| {
        let found = read.query_row(params![key(hour, target)], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        Ok::<_, rusqlite::Error>(found.map_or((0, None), |(covered, data): (i64, Vec<u8>)| {
            (covered.unsigned_abs(), row::decode_hour(&data).ok())
        }))
    };
    let running = memory.running.as_ref().filter(|_| memory.whole).map(|(hour, _)| *hour);
    for hour in from_hours..=last {
        let (covered, data) = row_of(hour)?;
        newest = newest.max(covered);
        let replaced = |waiting: &Waiting| waiting.part.hour == hour && waiting.part.whole && waiting.seq > covered;
        if let Some(data) = data
            && running != Some(hour)
            && !memory.waiting.iter().any(replaced)
        {
            sink.add_hour(hour, &data);
        }
    }
    for waiting in &memory.waiting {
        let (covered, _) = row_of(waiting.part.hour)?;
        if let Ok(data) = row::decode_hour(&waiting.part.body)
            && waiting.seq > covered
        {
            sink.add_hour(waiting.part.hour, &data);
        }
    }
    Ok(newest)
}

/// The rows of a period of some targets, in their order.
pub fn rows_of(
    connection: &Connection,
    table: &str,
    period: u32,
    (first, last): (u32, u32),
    mut each: impl FnMut(u32, &[u8]),
) -> rusqlite::Result<()> {
    let statement = format!("SELECT key, data FROM {table} WHERE key BETWEEN ?1 AND ?2");
    let mut read = connection.prepare_cached(&statement)?;
    let mut rows = read.query(params![key(period, first), key(period, last)])?;
    while let Some(row) = rows.next()? {
        each(unkey(row.get(0)?).1, row.get_ref(1)?.as_blob().unwrap_or_default());
    }
    Ok(())
}
