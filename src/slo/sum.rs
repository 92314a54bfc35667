//! What a window comes to: the hours of the ledger, the minutes at its edge, and those that may still change. Pure.

use crate::{clock::WallMs, history::MINUTE_MS};

use super::{
    cell::{Cell, Observed},
    ledger::Ledger,
};

/// The newest minutes, which are not in the ledger as they may still change: from [`Ledger::folded`] up to the running one.
#[derive(Debug, Clone, Copy, Default)]
pub struct Live<'a> {
    /// The number of the first.
    pub first: u32,
    /// At most sixty; what is behind the last was not seen.
    pub minutes: &'a [Observed],
}

/// What was seen in a window.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    /// As it was.
    pub raw: Cell,
    /// Without what planned work leaves out.
    pub corrected: Cell,
    /// How long the window has gone on, without what is left out.
    pub elapsed_ms: f64,
    pub excluded_ms: f64,
    /// False while the minutes of an hour at an edge are not known, and its share is taken for them; while the live
    /// minutes do not follow upon the ledger; and where the window begins before the ledger does.
    pub is_exact: bool,
}

impl Sum {
    fn add(&mut self, observed: &Observed, length_ms: f64) {
        self.raw += observed.cell;
        self.corrected += observed.corrected();
        self.excluded_ms += observed.excluded * length_ms;
    }
}

impl Ledger {
    /// What was seen from the minute `from` up to `to`, which is now or the beginning of a minute: of the minute that
    /// runs at `to` all that is known counts.
    pub fn sum(&self, from: u32, to: WallMs, live: Live<'_>) -> Sum {
        let end = minute_after(to);
        let mut sum = Sum { is_exact: true, ..Sum::default() };
        self.add_hours(from, end.min(self.folded()), &mut sum);
        if end > self.folded() {
            sum.is_exact &= live.first <= self.folded();
            for minute in from.max(self.folded())..end {
                let place = minute.checked_sub(live.first).map(|place| place as usize);
                let passed = (to - i64::from(minute) * MINUTE_MS).min(MINUTE_MS);
                if let Some(observed) = place.and_then(|place| live.minutes.get(place)) {
                    sum.add(observed, passed as f64);
                }
            }
        }
        let length = (to - i64::from(from) * MINUTE_MS).max(0) as f64;
        sum.elapsed_ms = (length - sum.excluded_ms).max(0.0);
        sum
    }

    /// Adds the minutes from `from` to `to` that are in the ledger.
    fn add_hours(&self, from: u32, to: u32, sum: &mut Sum) {
        if from >= to {
            return;
        }
        sum.is_exact &= from >= self.begins();
        let from = from.max(self.begins());
        let open = self.open().edge.hour;
        let (mut first, last) = (from / 60, to / 60);
        if !from.is_multiple_of(60) {
            self.add_cut(first, from, to.min((first + 1) * 60), sum);
            first += 1;
        }
        self.add_whole(first, last.min(open), sum);
        if first <= last {
            self.add_cut(last, last * 60, to, sum);
        }
    }

    /// Adds whole hours, from the first up to, and without, the last.
    fn add_whole(&self, first: u32, last: u32, sum: &mut Sum) {
        if first >= last {
            return;
        }
        let mut touched = self.corrections(first).iter().take_while(|correction| correction.hour < last).peekable();
        let mut next = touched.peek().map_or(last, |correction| correction.hour);
        let place = |hour: u32| (hour.saturating_sub(self.first()) as usize).min(self.hours().len());
        for (hour, packed) in (first..last).zip(self.hours().range(place(first)..place(last))) {
            let cell = packed.cell();
            sum.raw += cell;
            if hour != next {
                sum.corrected += cell;
                continue;
            }
            if let Some(correction) = touched.next() {
                sum.corrected += correction.cell.cell();
                sum.excluded_ms += f64::from(correction.excluded_ms);
            }
            next = touched.peek().map_or(last, |correction| correction.hour);
        }
    }

    /// Adds some minutes of one hour.
    fn add_cut(&self, hour: u32, from: u32, to: u32, sum: &mut Sum) {
        if from >= to {
            return;
        }
        let open = &self.open().edge;
        let edge = if open.hour == hour { Some(open) } else { self.edge(hour) };
        if let Some(edge) = edge {
            (from..to).for_each(|minute| sum.add(&edge.get(minute), MINUTE_MS as f64));
            return;
        }
        let mut whole = Sum::default();
        self.add_whole(hour, hour + 1, &mut whole);
        let share = f64::from(to - from) / 60.0;
        sum.raw += whole.raw.scaled(share);
        sum.corrected += whole.corrected.scaled(share);
        sum.excluded_ms += whole.excluded_ms * share;
        sum.is_exact = false;
    }
}

/// The first minute that has not begun at a time.
fn minute_after(at: WallMs) -> u32 {
    let minute = at.max(0).div_euclid(MINUTE_MS) + i64::from(at.max(0) % MINUTE_MS > 0);
    u32::try_from(minute).unwrap_or(u32::MAX)
}
