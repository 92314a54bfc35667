//! Cells as a ledger keeps them: an hour in 10 bytes, the minutes of an hour in 600. Pure.
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
    part: [f32; 60],
    whole: [f32; 60],
    seen_ms: [u16; 60],
    /// Where any is left out.
    excluded: Option<Box<[f32; 60]>>,
}

impl Edge {
    pub fn new(hour: u32) -> Box<Self> {
        Box::new(Self { hour, part: [0.0; 60], whole: [0.0; 60], seen_ms: [0; 60], excluded: None })
    }

    /// Takes a minute, by its number since the epoch.
    pub fn set(&mut self, minute: u32, observed: &Observed) {
        let place = minute as usize % 60;
        self.part[place] = observed.cell.part as f32;
        self.whole[place] = observed.cell.whole as f32;
        self.seen_ms[place] = observed.cell.seen_ms.min(MINUTE_MS as f64).round() as u16;
        if observed.excluded > 0.0 || self.excluded.is_some() {
            self.excluded.get_or_insert_with(|| Box::new([0.0; 60]))[place] = observed.excluded as f32;
        }
    }

    /// Of a minute, by its number since the epoch.
    pub fn get(&self, minute: u32) -> Observed {
        let place = minute as usize % 60;
        Observed {
            cell: Cell {
                part: self.part[place].into(),
                whole: self.whole[place].into(),
                seen_ms: self.seen_ms[place].into(),
            },
            excluded: self.excluded.as_ref().map_or(0.0, |excluded| excluded[place].into()),
        }
    }

    /// Bytes on the heap, its own included.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        size_of::<Self>() + self.excluded.as_ref().map_or(0, |_| size_of::<[f32; 60]>())
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
        ) {
            let mut edge = Edge::new(7);
            let observed = |(part, seen, excluded): (u16, u16, bool)| Observed {
                cell: Cell { part: part.into(), whole: seen.into(), seen_ms: seen.into() },
                excluded: if excluded { 0.5 } else { 0.0 },
            };
            minutes.iter().for_each(|(at, minute)| edge.set(420 + at, &observed(*minute)));
            for at in 0..60 {
                prop_assert_eq!(edge.get(420 + at), minutes.get(&at).map(|minute| observed(*minute)).unwrap_or_default());
            }
        }
    }
}
