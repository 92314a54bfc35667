//! Cells as a ledger keeps them: an hour in 10 bytes, the minutes of an hour in 400 to 640. Pure.
//!
//! An f32 is exact for whole numbers under 2^24, which an hour's milliseconds and a check's runs are; of others, as sums
//! of latencies and means of checks, it is off by 6e-8 at most, a tenth of a second in 30 days.

use crate::history::{HOUR_MS, MINUTE_MS};

use super::cell::{Cell, Observed};

/// One hour's cell. What was observed of the hour is kept in 65,535ths of it, 55 ms each: it is for the coverage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Packed([u8; 10]);

const SEEN_FULL: f64 = u16::MAX as f64;

impl Packed {
    pub fn of(cell: &Cell) -> Self {
        let [a, b, c, d] = (cell.part as f32).to_le_bytes();
        let [e, f, g, h] = (cell.whole as f32).to_le_bytes();
        // `as` saturates, so that no hour is longer than it is.
        let [i, j] = ((cell.seen_ms / HOUR_MS as f64 * SEEN_FULL).round() as u16).to_le_bytes();
        Self([a, b, c, d, e, f, g, h, i, j])
    }

    pub fn cell(self) -> Cell {
        let [a, b, c, d, e, f, g, h, i, j] = self.0;
        Cell {
            part: f32::from_le_bytes([a, b, c, d]).into(),
            whole: f32::from_le_bytes([e, f, g, h]).into(),
            seen_ms: f64::from(u16::from_le_bytes([i, j])) * (HOUR_MS as f64 / SEEN_FULL),
        }
    }
}

/// The minutes of one hour.
#[derive(Debug, Clone)]
pub(super) struct Edge {
    /// Since the epoch.
    pub hour: u32,
    counts: Counts,
    /// Milliseconds.
    seen: [u16; 60],
    /// Milliseconds; where any are left out.
    excluded: Option<Box<[u16; 60]>>,
}

/// Part and whole of each minute.
#[derive(Debug, Clone)]
enum Counts {
    /// While all are whole numbers that fit, as those of one check are.
    Narrow(Box<[[u16; 2]; 60]>),
    Wide(Box<[[f32; 2]; 60]>),
}

impl Edge {
    pub fn new(hour: u32) -> Self {
        Self { hour, counts: Counts::Narrow(Box::new([[0; 2]; 60])), seen: [0; 60], excluded: None }
    }

    /// Takes a minute, by its number since the epoch.
    pub fn set(&mut self, minute: u32, observed: &Observed) {
        let place = minute as usize % 60;
        self.counts.set(place, observed.cell.part, observed.cell.whole);
        self.seen[place] = observed.cell.seen_ms.min(MINUTE_MS as f64).round() as u16;
        if observed.excluded > 0.0 || self.excluded.is_some() {
            let excluded = (observed.excluded.min(1.0) * MINUTE_MS as f64).round() as u16;
            self.excluded.get_or_insert_with(|| Box::new([0; 60]))[place] = excluded;
        }
    }

    /// Of a minute, by its number since the epoch.
    pub fn get(&self, minute: u32) -> Observed {
        let place = minute as usize % 60;
        let (part, whole) = self.counts.get(place);
        let excluded = self.excluded.as_ref().map_or(0, |excluded| excluded[place]);
        Observed {
            cell: Cell { part, whole, seen_ms: self.seen[place].into() },
            excluded: f64::from(excluded) / MINUTE_MS as f64,
        }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        let counts = match &self.counts {
            Counts::Narrow(all) => size_of_val(all.as_ref()),
            Counts::Wide(all) => size_of_val(all.as_ref()),
        };
        counts + self.excluded.as_ref().map_or(0, |excluded| size_of_val(excluded.as_ref()))
    }
}

impl Counts {
    fn set(&mut self, place: usize, part: f64, whole: f64) {
        if let Self::Narrow(all) = self {
            // `as` saturates: what does not fit comes back as another number.
            let narrow = [part as u16, whole as u16];
            if narrow.map(f64::from) == [part, whole] {
                all[place] = narrow;
                return;
            }
            *self = Self::Wide(Box::new(all.map(|minute| minute.map(f32::from))));
        }
        if let Self::Wide(all) = self {
            all[place] = [part as f32, whole as f32];
        }
    }

    fn get(&self, place: usize) -> (f64, f64) {
        match self {
            Self::Narrow(all) => (all[place][0].into(), all[place][1].into()),
            Self::Wide(all) => (all[place][0].into(), all[place][1].into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_hour_s_milliseconds_are_exact() {
        for (part, whole) in [(0.0, 0.0), (1.0, 3_600_000.0), (3_599_999.0, 3_600_000.0), (123_457.0, 16_777_215.0)] {
            let cell = Packed::of(&Cell { part, whole, seen_ms: 3_600_000.0 }).cell();
            assert_eq!((cell.part, cell.whole, cell.seen_ms), (part, whole, 3_600_000.0));
        }
        assert_eq!(Packed::of(&Cell { seen_ms: 9e9, ..Cell::default() }).cell().seen_ms, 3_600_000.0);
        assert_eq!(size_of::<Packed>(), 10);
    }

    proptest! {
        #[test]
        fn what_is_packed_is_near(part in 0.0..1e12f64, whole in 0.0..1e12f64, seen_ms in 0.0..3_600_000.0f64) {
            let cell = Packed::of(&Cell { part, whole, seen_ms }).cell();
            prop_assert!((cell.part - part).abs() <= part * 6e-8);
            prop_assert!((cell.whole - whole).abs() <= whole * 6e-8);
            prop_assert!((cell.seen_ms - seen_ms).abs() <= 28.0);
        }

        #[test]
        fn minutes_come_back(
            minutes in prop::collection::btree_map(
                0u32..60, (0u16..60_000, 0u16..=60_000, prop::bool::weighted(0.1)), 0..60),
            // Not a whole number, or too large a one: from some minute on all are wide.
            other in prop::option::of((0u32..60, prop::sample::select(vec![0.5, 65_536.0, 4e6]))),
        ) {
            let mut edge = Edge::new(7);
            let observed = |(part, seen, excluded): (u16, u16, bool)| Observed {
                cell: Cell { part: part.into(), whole: seen.into(), seen_ms: seen.into() },
                excluded: if excluded { 0.5 } else { 0.0 },
            };
            let mut want: Vec<_> =
                (0..60).map(|at| minutes.get(&at).map(|minute| observed(*minute)).unwrap_or_default()).collect();
            if let Some((at, part)) = other {
                want[at as usize].cell.part = part;
            }
            for (at, observed) in (420..).zip(&want) {
                edge.set(at, observed);
            }
            let got: Vec<_> = (420..480).map(|at| edge.get(at)).collect();
            prop_assert_eq!(got, want);
            prop_assert_eq!(matches!(edge.counts, Counts::Wide(_)), other.is_some());
        }
    }
}
