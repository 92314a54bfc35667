//! Fills the memory of targets from disk, in the background: probing begins first, history comes in behind it.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    clock::WallMs,
    history::{
        Keeper, Recent,
        bucket::{DAY_MS, HOUR_MS, Hour, Totals},
        row,
    },
};

use super::{open, reader::rows_of, shared::Shared};

/// Targets that are read in one go: about 8 KB each until they are merged, and 80 ranges of rows for all of them.
const TARGETS: usize = 256;

/// Days that memory holds, with the one that runs.
const DAYS: u32 = 31;

/// What is on disk of one target.
#[derive(Default)]
struct Past {
    /// The running hour and the one before: minutes.
    near: Vec<(u32, Hour)>,
    /// The hours before, back to the first whose day has no row.
    hours: Vec<(u32, Totals)>,
    days: Vec<(u32, Totals)>,
}

/// Loads whoever is attached, until the store closes.
pub fn run(shared: &Shared) {
    while let Some((chunk, rolled)) = next(shared) {
        let ids: Vec<_> = chunk.iter().map(|(id, _)| *id).collect();
        let now = shared.options.clock.wall();
        let mut pasts = read(shared, &ids, rolled, now).unwrap_or_else(|error| {
            // What is on disk stays there, and is added to; only uptime begins anew.
            tracing::error!(%error, "the history of some targets could not be loaded");
            BTreeMap::new()
        });
        for (id, keeper) in chunk {
            merge(shared, id, keeper, &pasts.remove(&id).unwrap_or_default(), rolled, now);
        }
    }
}

type Chunk = Vec<(u32, Arc<dyn Keeper>)>;

/// Waits for targets that are not loaded; None when the store closes.
fn next(shared: &Shared) -> Option<(Chunk, u32)> {
    let mut state = shared.state.lock();
    loop {
        if state.closing {
            return None;
        }
        if state.replayed {
            let unloaded = state.held.iter().filter(|(_, held)| !held.loaded);
            let chunk: Vec<_> = unloaded.map(|(id, held)| (*id, held.keeper.clone())).take(TARGETS).collect();
            if !chunk.is_empty() {
                return Some((chunk, state.rolled));
            }
        }
        shared.loader_bell.wait(&mut state);
    }
}

fn read(shared: &Shared, ids: &[u32], rolled: u32, now: WallMs) -> rusqlite::Result<BTreeMap<u32, Past>> {
    let mut pasts = BTreeMap::<u32, Past>::new();
    let (Some(&first), Some(&last)) = (ids.first(), ids.last()) else { return Ok(pasts) };
    let connection = open::reader(&shared.dir)?;
    let (hour, today) = ((now.max(0) / HOUR_MS) as u32, (now.max(0) / DAY_MS) as u32);
    // Hours of days without a row of their own, and in any case of the last 24 hours.
    let from_hours = (rolled + 1).saturating_mul(24).max((today + 1).saturating_sub(DAYS) * 24);
    for at in from_hours.min(hour.saturating_sub(24))..=hour {
        rows_of(&connection, "hour", at, (first, last), |id, data| {
            let Ok(data) = row::decode_hour(data) else { return };
            if ids.binary_search(&id).is_err() {
                return;
            }
            let past = pasts.entry(id).or_default();
            if at + 1 >= hour {
                past.near.push((at, data));
            } else {
                past.hours.push((at, data.totals()));
            }
        })?;
    }
    for day in (today + 1).saturating_sub(DAYS)..=rolled.min(today) {
        rows_of(&connection, "day", day, (first, last), |id, data| {
            if let (Ok(data), Ok(_)) = (row::decode_day(data), ids.binary_search(&id)) {
                pasts.entry(id).or_default().days.push((day, data.totals));
            }
        })?;
    }
    Ok(pasts)
}

/// Merges a target's past into whatever holds its present, and notes that it is loaded, as one step.
fn merge(shared: &Shared, id: u32, mut keeper: Arc<dyn Keeper>, past: &Past, rolled: u32, now: WallMs) {
    loop {
        let mut recent = keeper.recent().lock();
        let mut state = shared.state.lock();
        let Some(held) = state.held.get_mut(&id) else { return };
        if Arc::ptr_eq(&held.keeper, &keeper) {
            absorb(&mut recent, past, rolled, now);
            held.loaded = true;
            return;
        }
        // A new keeper took over what the old one held.
        let newer = held.keeper.clone();
        drop(state);
        drop(recent);
        keeper = newer;
    }
}

/// Days up to `rolled` come as such, so that their hours are not counted there again.
fn absorb(recent: &mut Recent, past: &Past, rolled: u32, now: WallMs) {
    for (hour, data) in &past.near {
        recent.absorb_hour(*hour, data, now);
    }
    let near = past.near.iter().map(|(hour, data)| (*hour, data.totals()));
    for (hour, totals) in past.hours.iter().copied().chain(near) {
        recent.absorb_totals(hour, &totals, now);
        if hour / 24 > rolled {
            recent.absorb_day(hour / 24, &totals, now);
        }
    }
    for (day, totals) in &past.days {
        recent.absorb_day(*day, totals, now);
    }
}
