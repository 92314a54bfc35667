//! The last sixty minutes of one target, packed: a target's hour is a seventh of what it is unpacked. Pure.
//!
//! The two newest are as they are counted, since nearly all that comes is theirs; those before are bytes. Whatever
//! changes one of these packs all anew. Nothing is lost in it.

use super::bucket::{MINUTE_MS, Minute};

/// How many there are.
const ALL: usize = 60;
/// So many of them are not packed.
const OPEN: usize = 2;
/// The bytes grow by so many, and not by double: ten thousand of these stay in memory.
const GROW: usize = 48;
const FULL: u16 = MINUTE_MS as u16;

/// The newest minute that was reached, and those before it.
#[derive(Debug, Clone, Default)]
pub struct Minutes {
    /// Since the epoch; 0 before the first.
    newest: u32,
    /// How many are in `packed`, at most 58.
    count: u8,
    /// The newest one and the one before it.
    open: [Minute; OPEN],
    /// Those before these, the oldest first.
    packed: Vec<u8>,
}

/// The minutes of an hour that ends now, by number.
#[derive(Debug, Clone)]
pub struct Window {
    newest: u32,
    /// The newest first.
    minutes: [Minute; ALL],
}

impl Window {
    /// The minute of this number, or an empty one outside of the window.
    pub fn get(&self, at: u32) -> Minute {
        self.place(at).map(|place| self.minutes[place]).unwrap_or_default()
    }

    pub fn slot(&mut self, at: u32) -> Option<&mut Minute> {
        self.place(at).map(|place| &mut self.minutes[place])
    }

    fn place(&self, at: u32) -> Option<usize> {
        let age = self.newest.checked_sub(at)? as usize;
        (age < ALL).then_some(age)
    }
}

impl Minutes {
    /// Makes `at` the newest, if it is newer; what falls out is forgotten.
    pub fn reach(&mut self, at: u32) {
        let gap = at.saturating_sub(self.newest);
        if gap as usize >= ALL {
            // Also the first of all.
            *self = Self { newest: at, ..Self::default() };
            return;
        }
        for _ in 0..gap {
            let [newest, before] = self.open;
            self.push(&before);
            self.open = [Minute::default(), newest];
            self.newest += 1;
        }
    }

    /// Forgets `from` and what is newer: the clock stepped back.
    pub fn forget(&mut self, from: u32) {
        if from > self.newest {
            return;
        }
        let newest = from.saturating_sub(1);
        let before = self.window();
        let mut minutes = [Minute::default(); ALL];
        for (age, minute) in (0..).zip(&mut minutes) {
            *minute = newest.checked_sub(age).filter(|at| *at < from).map(|at| before.get(at)).unwrap_or_default();
        }
        self.set(&Window { newest, minutes });
    }

    /// All of them, to be looked at.
    pub fn window(&self) -> Window {
        let mut minutes = [Minute::default(); ALL];
        minutes[..OPEN].copy_from_slice(&self.open);
        let mut bytes = self.packed.as_slice();
        for place in (OPEN..OPEN + usize::from(self.count)).rev() {
            // There are as many as were counted.
            minutes[place] = unpack(&mut bytes).unwrap_or_default();
        }
        Window { newest: self.newest, minutes }
    }

    /// Takes back what [`Minutes::window`] gave and was changed.
    pub fn set(&mut self, window: &Window) {
        let [newest, before, older @ ..] = &window.minutes;
        self.newest = window.newest;
        self.open = [*newest, *before];
        self.count = 0;
        self.packed.clear();
        older.iter().rev().for_each(|minute| self.push(minute));
    }

    /// Changes the minute of this number, if it is one of them.
    pub fn change(&mut self, at: u32, change: impl FnOnce(&mut Minute)) {
        match self.newest.checked_sub(at).map(|age| age as usize) {
            Some(age @ ..OPEN) => change(&mut self.open[age]),
            Some(OPEN..ALL) => {
                let mut window = self.window();
                window.slot(at).map(change);
                self.set(&window);
            }
            Some(ALL..) | None => {}
        }
    }

    /// Packs one behind the others. Of a target that has just begun there are none yet.
    fn push(&mut self, minute: &Minute) {
        if self.count == 0 && *minute == Minute::default() {
            return;
        }
        if usize::from(self.count) == ALL - OPEN {
            let mut rest = self.packed.as_slice();
            let _oldest = unpack(&mut rest);
            let length = self.packed.len() - rest.len();
            self.packed.drain(..length);
        } else {
            self.count += 1;
        }
        let mut bytes = Bytes::default();
        pack(minute, &mut bytes);
        let bytes = &bytes.bytes[..bytes.length];
        if self.packed.capacity() - self.packed.len() < bytes.len() {
            self.packed.reserve_exact(GROW);
        }
        self.packed.extend_from_slice(bytes);
    }
}

// === one minute as bytes ===

/// Degraded, failed and excluded runs follow.
const OTHERS: u8 = 1;
/// All of it was observed, and good.
const GOOD: u8 = 2;
/// Times follow; without it and [`GOOD`] nothing was observed.
const TIMES: u8 = 4;
/// There were runs that have a latency.
const TIMED: u8 = 8;
/// From here on a byte holds the number of good runs; the largest says that it follows.
const RUNS: u32 = 4;
const MANY: u16 = 15;

/// One minute: a byte, four counts of at most 3, three times, two latencies of at most 5.
#[derive(Default)]
struct Bytes {
    bytes: [u8; 29],
    length: usize,
}

impl Bytes {
    fn put(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }

    /// Seven bits a byte, the low ones first; the highest bit says that more follow.
    fn put_number(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.put(number as u8 | 0x80);
            number >>= 7;
        }
        self.put(number as u8);
    }
}

fn pack(minute: &Minute, out: &mut Bytes) {
    let Minute { good, degraded, failed, excluded, .. } = *minute;
    let times = [minute.observed_ms, minute.good_ms, minute.degraded_ms];
    let flag = |holds, flag| if holds { flag } else { 0 };
    let others = (degraded, failed, excluded) != (0, 0, 0);
    let (is_good, is_nothing) = (times == [FULL, FULL, 0], times == [0, 0, 0]);
    let timed = (minute.latency_sum_us, minute.latency_max_us) != (0, 0);
    let flags = flag(others, OTHERS) | flag(is_good, GOOD) | flag(!is_good && !is_nothing, TIMES) | flag(timed, TIMED);
    out.put(flags | (good.min(MANY) << RUNS) as u8);
    if good >= MANY {
        out.put_number(good.into());
    }
    if others {
        [degraded, failed, excluded].into_iter().for_each(|count| out.put_number(count.into()));
    }
    if !is_good && !is_nothing {
        times.iter().flat_map(|time| time.to_le_bytes()).for_each(|byte| out.put(byte));
    }
    if timed {
        out.put_number(minute.latency_sum_us);
        out.put_number(minute.latency_max_us);
    }
}

/// The next minute, and the bytes behind it; None at their end.
fn unpack(bytes: &mut &[u8]) -> Option<Minute> {
    let first = take(bytes)?;
    let mut minute = Minute { good: u16::from(first >> RUNS), ..Minute::default() };
    if minute.good == MANY {
        minute.good = count(bytes)?;
    }
    if first & OTHERS != 0 {
        (minute.degraded, minute.failed, minute.excluded) = (count(bytes)?, count(bytes)?, count(bytes)?);
    }
    if first & GOOD != 0 {
        (minute.observed_ms, minute.good_ms) = (FULL, FULL);
    }
    if first & TIMES != 0 {
        let mut time = || Some(u16::from_le_bytes([take(bytes)?, take(bytes)?]));
        (minute.observed_ms, minute.good_ms, minute.degraded_ms) = (time()?, time()?, time()?);
    }
    if first & TIMED != 0 {
        (minute.latency_sum_us, minute.latency_max_us) = (number(bytes)?, number(bytes)?);
    }
    Some(minute)
}

fn take(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

fn count(bytes: &mut &[u8]) -> Option<u16> {
    u16::try_from(number(bytes)?).ok()
}

fn number(bytes: &mut &[u8]) -> Option<u32> {
    let mut number = 0;
    for shift in (0..32).step_by(7) {
        let byte = take(bytes)?;
        number |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            break;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::history::ring::Ring;

    fn minute() -> impl Strategy<Value = Minute> {
        let some = |all: std::ops::RangeInclusive<u16>| prop_oneof![3 => Just(0u16), 1 => 0u16..=20, 1 => all];
        let times = prop_oneof![Just((FULL, FULL, 0)), Just((0, 0, 0)), (0..=FULL, 0..=FULL, 0..=FULL),];
        let latencies = prop_oneof![(0u32..20_000, 0u32..20_000), (any::<u32>(), any::<u32>())];
        let all = || some(0..=u16::MAX);
        (all(), all(), all(), all(), times, latencies).prop_map(
            |(good, degraded, failed, excluded, times, latencies)| {
                let (observed_ms, good_ms, degraded_ms) = times;
                let (latency_sum_us, latency_max_us) = latencies;
                Minute {
                    good,
                    degraded,
                    failed,
                    excluded,
                    observed_ms,
                    good_ms,
                    degraded_ms,
                    latency_sum_us,
                    latency_max_us,
                }
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_packed_comes_back(minutes in prop::collection::vec(minute(), 0..5)) {
            let mut bytes = Vec::new();
            for minute in &minutes {
                let mut one = Bytes::default();
                pack(minute, &mut one);
                bytes.extend_from_slice(&one.bytes[..one.length]);
            }
            let mut rest = bytes.as_slice();
            let back: Vec<_> = std::iter::from_fn(|| unpack(&mut rest)).collect();
            prop_assert_eq!(back, minutes);
        }

        #[test]
        fn they_are_what_a_ring_of_minutes_is(
            // By how much each is later than the one before, and how far back it is changed.
            steps in prop::collection::vec((0u32..4, 0u32..70, minute(), prop::bool::weighted(0.05)), 1..200),
            begin in 100u32..200,
        ) {
            let (mut minutes, mut ring) = (Minutes::default(), Ring::<Minute, ALL>::default());
            let mut at = begin;
            for (later, back, minute, step_back) in steps {
                at += if later == 3 && back > 65 { 59 + back } else { later };
                if step_back {
                    at -= back.min(at - 1);
                    minutes.forget(at);
                    ring.forget(at);
                }
                minutes.reach(at);
                ring.reach(at);
                let place = at - back.min(at);
                minutes.change(place, |slot| *slot = minute);
                if let Some(slot) = ring.slot(place) {
                    *slot = minute;
                }
                let window = minutes.window();
                for number in at.saturating_sub(80)..at + 3 {
                    prop_assert_eq!(window.get(number), ring.get(number), "{} of {}", number, at);
                }
            }
        }
    }

    #[test]
    fn an_hour_of_runs_takes_a_few_hundred_bytes() {
        let mut minutes = Minutes::default();
        for at in 1_000..1_200 {
            minutes.reach(at);
            minutes.change(at, |minute| {
                (minute.good, minute.observed_ms, minute.good_ms) = (6, FULL, FULL);
                (minute.latency_sum_us, minute.latency_max_us) = (9_000 + at, 2_000 + at);
            });
        }
        assert!(minutes.packed.capacity() <= 58 * 6 + GROW, "{}", minutes.packed.capacity());
        assert_eq!(size_of::<Minutes>(), 80);
    }
}
