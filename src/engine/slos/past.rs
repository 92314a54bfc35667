//! Reads what was seen of an SLOTarget's checks, and makes minutes of it: at the start, when its spec, its checks or
//! planned work is another, and for the hours that a window's edge cuts.

use std::{ops::RangeInclusive, sync::Arc};

use super::planned::Planned;
use crate::{
    clock::WallMs,
    history::{Due, Hour, MINUTE_MS, ReadError, Sketch, Store},
    model::ObjectKey,
    slo::{Check, Combiner, Indicator, Observed},
};

/// What is to be read.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) indicator: Indicator,
    pub(super) checks: Arc<[ObjectKey]>,
    pub(super) planned: Arc<Planned>,
    pub(super) hours: RangeInclusive<u32>,
    pub(super) now: WallMs,
}

/// What was found of it.
pub(super) struct Past {
    /// Minutes since the epoch: the first of `minutes`.
    pub(super) first: u32,
    /// One after the other, none left out.
    pub(super) minutes: Vec<Observed>,
    /// Latencies by the hour, the oldest first; only where a quantile is looked for.
    pub(super) sketches: Vec<(u32, Sketch)>,
}

impl Past {
    /// The share of an hour that is left out.
    pub(super) fn excluded(&self, hour: u32) -> f64 {
        let begin = hour.saturating_mul(60).saturating_sub(self.first) as usize;
        self.minutes.iter().skip(begin).take(60).map(|observed| observed.excluded).sum::<f64>() / 60.0
    }
}

/// Reads one target of a check after the other, so that no more than one is in memory at a time, beside a sum per minute
/// that takes some 60 bytes: 8 MB for 100 days.
///
/// # Errors
/// As the store's.
pub(super) async fn read(store: &dyn Store, wanted: &Wanted) -> Result<Past, ReadError> {
    let (first_hour, last_hour) = wanted.hours.clone().into_inner();
    let first = first_hour.saturating_mul(60);
    let count = (last_hour.saturating_add(1).saturating_sub(first_hour) as usize).saturating_mul(60);
    let takes_sketches =
        matches!(wanted.indicator, Indicator::ResponseTime { statistic } if statistic.quantile().is_some());
    let mut combiners = vec![Combiner::new(wanted.indicator); count];
    let mut sketches: Vec<(u32, Sketch)> = Vec::new();
    for (at, check) in wanted.checks.iter().enumerate() {
        let mut minutes: Vec<Option<Check>> = vec![None; count];
        for (target, due) in store.targets(check) {
            let Some(hours) = due_hours(&due, &wanted.hours) else { continue };
            take_part(&due, first, &mut minutes);
            for (hour, data) in store.hours(target, hours).await? {
                add(&mut minutes, first, hour, &data);
                if takes_sketches {
                    merge(&mut sketches, hour, &data.sketch);
                }
            }
        }
        for (minute, (combiner, check)) in (first..).zip(combiners.iter_mut().zip(&minutes)) {
            if let Some(check) = check.filter(|_| !wanted.planned.leaves_out(at, minute)) {
                combiner.add(&check);
            }
        }
        // A target with thousands of checks lets others have their turn.
        tokio::task::yield_now().await;
    }
    let observed = |(minute, combiner): (u32, &Combiner)| Observed {
        cell: combiner.cell(),
        excluded: wanted.planned.share(minute, wanted.now),
    };
    Ok(Past { first, minutes: (first..).zip(&combiners).map(observed).collect(), sketches })
}

/// Of the hours that are wanted those in which runs were due; None where none was.
fn due_hours(due: &Due, wanted: &RangeInclusive<u32>) -> Option<RangeInclusive<u32>> {
    let hour = |at: WallMs| u32::try_from(at.max(0) / (60 * MINUTE_MS)).unwrap_or(u32::MAX);
    let first = due.spans().map(|span| hour(span.start)).min()?.max(*wanted.start());
    // What was due before something ended may come in a little later.
    let last = due.spans().map(|span| hour(span.end).saturating_add(1)).max()?.min(*wanted.end());
    (first <= last).then_some(first..=last)
}

/// A check takes part in the minutes in which it was there and not suspended, seen or not.
fn take_part(due: &Due, first: u32, minutes: &mut [Option<Check>]) {
    for span in due.spans() {
        let place = |at: WallMs| usize::try_from(at / MINUTE_MS - i64::from(first)).unwrap_or(0).min(minutes.len());
        let (from, to) = (place(span.start), place(span.end.saturating_add(MINUTE_MS - 1)));
        for minute in minutes.get_mut(from..to).into_iter().flatten() {
            minute.get_or_insert_with(Check::default);
        }
    }
}

fn add(minutes: &mut [Option<Check>], first: u32, hour: u32, data: &Hour) {
    let begin = (hour.saturating_mul(60).saturating_sub(first)) as usize;
    let places = minutes.get_mut(begin..).into_iter().flatten();
    for (check, minute) in places.zip(data.minutes.iter()) {
        // Seen though nothing was due: what was under way when it ended.
        if minute.observed_ms > 0 || minute.timed() > 0 {
            check.get_or_insert_with(Check::default).add(minute);
        }
    }
}

fn merge(sketches: &mut Vec<(u32, Sketch)>, hour: u32, sketch: &Sketch) {
    match sketches.binary_search_by_key(&hour, |(hour, _)| *hour) {
        Ok(place) => {
            if let Some((_, sum)) = sketches.get_mut(place) {
                sum.merge(sketch);
            }
        }
        Err(place) => sketches.insert(place, (hour, sketch.clone())),
    }
}
