//! Hours and days as bytes: about 120 for an hour at 10 s. Pure; any bytes can be read without harm.
//!
//! Most minutes of an hour are alike but for their latencies. So a row holds one minute that is like most, the
//! few that differ from it, and two columns of latencies (average and maximum, on a logarithmic scale, within
//! 2 %), each as its distance from a running mean, Rice-coded. A first byte gives the format.

use crate::health::Reason;

use super::{
    bits::{Adaptive, BitReader, BitWriter, Damaged, unzigzag, zigzag},
    bucket::{Day, Hour, Minute, Reasons, Totals},
    sketch::{BUCKETS, Sketch},
};

const FORMAT: u64 = 1;

pub fn encode_hour(hour: &Hour) -> Vec<u8> {
    let mut out = BitWriter::default();
    out.put(FORMAT, 8);
    put_shapes(&mut out, &hour.minutes);
    put_latencies(&mut out, &hour.minutes);
    put_sketch(&mut out, &hour.sketch);
    put_reasons(&mut out, &hour.reasons);
    out.finish()
}

/// # Errors
/// When the bytes are not what [`encode_hour`] gives.
pub fn decode_hour(bytes: &[u8]) -> Result<Hour, Damaged> {
    let mut from = open(bytes)?;
    let mut hour = Hour::default();
    get_shapes(&mut from, &mut hour.minutes)?;
    get_latencies(&mut from, &mut hour.minutes)?;
    hour.sketch = get_sketch(&mut from)?;
    hour.reasons = get_reasons(&mut from)?;
    Ok(hour)
}

pub fn encode_day(day: &Day) -> Vec<u8> {
    let mut out = BitWriter::default();
    out.put(FORMAT, 8);
    let Totals { good, degraded, failed, excluded, observed_ms, good_ms, degraded_ms, latency_sum_us, latency_max_us } =
        day.totals;
    // Parameters that fit a day of runs every 10 s; other days take a few bits more.
    for (value, k) in [(good, 12), (degraded, 4), (failed, 4), (excluded, 2), (latency_sum_us, 28)] {
        out.put_rice(value, k);
    }
    out.put_rice(latency_max_us.into(), 18);
    out.put_rice(observed_ms, 26);
    out.put_rice(observed_ms.saturating_sub(good_ms), 10);
    out.put_rice(degraded_ms, 10);
    put_sketch(&mut out, &day.sketch);
    put_reasons(&mut out, &day.reasons);
    out.finish()
}

/// # Errors
/// When the bytes are not what [`encode_day`] gives.
pub fn decode_day(bytes: &[u8]) -> Result<Day, Damaged> {
    let mut from = open(bytes)?;
    let mut totals = Totals {
        good: from.get_rice(12)?,
        degraded: from.get_rice(4)?,
        failed: from.get_rice(4)?,
        excluded: from.get_rice(2)?,
        latency_sum_us: from.get_rice(28)?,
        latency_max_us: u32::try_from(from.get_rice(18)?).map_err(|_| Damaged)?,
        observed_ms: from.get_rice(26)?,
        ..Totals::default()
    };
    totals.good_ms = totals.observed_ms.checked_sub(from.get_rice(10)?).ok_or(Damaged)?;
    totals.degraded_ms = from.get_rice(10)?;
    Ok(Day { totals, sketch: get_sketch(&mut from)?, reasons: get_reasons(&mut from)? })
}

/// Reads any bytes as whatever rows there are. For fuzzing: it must come back.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(hour) = decode_hour(bytes) {
        let _ = encode_hour(&hour);
    }
    if let Ok(day) = decode_day(bytes) {
        let _ = encode_day(&day);
    }
}

fn open(bytes: &[u8]) -> Result<BitReader<'_>, Damaged> {
    let mut from = BitReader::new(bytes);
    if from.get(8)? == FORMAT { Ok(from) } else { Err(Damaged) }
}

// === a minute but for its latencies ===

/// What a minute is but for its latencies.
fn shape(minute: &Minute) -> Minute {
    Minute { latency_sum_us: 0, latency_max_us: 0, ..*minute }
}

fn put_shapes(out: &mut BitWriter, minutes: &[Minute; 60]) {
    let alike = |to: &Minute| minutes.iter().filter(|minute| shape(minute) == *to).count();
    let usual = minutes.iter().map(shape).max_by_key(alike).unwrap_or_default();
    put_shape(out, &usual, &Minute::default());
    out.put(60 - alike(&usual) as u64, 6);
    let mut next = 0;
    for (at, minute) in minutes.iter().enumerate() {
        if shape(minute) != usual {
            out.put_rice((at - next) as u64, 3);
            put_shape(out, minute, &usual);
            next = at + 1;
        }
    }
}

fn get_shapes(from: &mut BitReader<'_>, minutes: &mut [Minute; 60]) -> Result<(), Damaged> {
    let usual = get_shape(from, &Minute::default())?;
    minutes.fill(usual);
    let mut next = 0;
    for _ in 0..from.get(6)? {
        let at = from.get_rice(3)?.checked_add(next).ok_or(Damaged)?;
        let minute = usize::try_from(at).ok().and_then(|at| minutes.get_mut(at)).ok_or(Damaged)?;
        *minute = get_shape(from, &usual)?;
        next = at + 1;
    }
    Ok(())
}

/// As its difference from another minute, which costs 5 bits when there is none.
fn put_shape(out: &mut BitWriter, minute: &Minute, base: &Minute) {
    for (mine, base) in counts(minute).into_iter().zip(counts(base)) {
        out.put_rice(zigzag(i64::from(mine) - i64::from(base)), 0);
    }
    let times = |minute: &Minute| (minute.observed_ms, minute.good_ms, minute.degraded_ms);
    out.put_flag(times(minute) == times(base));
    if times(minute) != times(base) {
        // A full minute, all of it good, none of it degraded: each of them is the rule.
        for (value, rule) in
            [(minute.observed_ms, 60_000), (minute.good_ms, minute.observed_ms), (minute.degraded_ms, 0)]
        {
            out.put_flag(value == rule);
            if value != rule {
                out.put(value.into(), 16);
            }
        }
    }
}

fn get_shape(from: &mut BitReader<'_>, base: &Minute) -> Result<Minute, Damaged> {
    let mut counted = counts(base);
    for count in &mut counted {
        let value = i64::from(*count).checked_add(unzigzag(from.get_rice(0)?)).ok_or(Damaged)?;
        *count = u16::try_from(value).map_err(|_| Damaged)?;
    }
    let [good, degraded, failed, excluded] = counted;
    let mut minute = Minute { good, degraded, failed, excluded, ..*base };
    if !from.get_flag()? {
        let mut time = |rule| if from.get_flag()? { Ok(rule) } else { from.get(16).map(|value| value as u16) };
        minute.observed_ms = time(60_000)?;
        minute.good_ms = time(minute.observed_ms)?;
        minute.degraded_ms = time(0)?;
    }
    Ok(minute)
}

fn counts(minute: &Minute) -> [u16; 4] {
    [minute.good, minute.degraded, minute.failed, minute.excluded]
}

// === latencies ===

/// Predicts the next value by a mean that moves a quarter of the way: it follows a drift, and costs a tenth of a
/// bit over the true mean where there is only noise. In sixteenths.
struct Mean(Option<i64>);

/// The most, in sixteenths, that one value pulls at the mean: a doubling is 18 grades, a time-out hundreds.
const JUMP: i64 = 16 * 12;

impl Mean {
    fn guess(&self) -> i64 {
        self.0.map_or(0, |mean| (mean + 8) >> 4)
    }

    fn learn(&mut self, value: i64) {
        self.0 = Some(self.0.map_or(value * 16, |mean| mean + (value * 16 - mean).clamp(-JUMP, JUMP) / 4));
    }
}

/// The columns of one row, the same on both sides.
struct Columns {
    average: (Mean, Adaptive),
    /// Of the maximum over the average: a minute with one run has none.
    excess: (Mean, Adaptive),
}

impl Columns {
    fn new() -> Self {
        // Distances of a noise of 12 % and 15 %, zigzagged.
        Self { average: (Mean(None), Adaptive::new(5, 32)), excess: (Mean(None), Adaptive::new(6, 32)) }
    }
}

fn put_latencies(out: &mut BitWriter, minutes: &[Minute; 60]) {
    let mut columns = Columns::new();
    for minute in minutes.iter().filter(|minute| minute.timed() > 0) {
        let average = grade(f64::from(minute.latency_sum_us) / f64::from(minute.timed()));
        put_predicted(out, &mut columns.average, average);
        if minute.timed() > 1 {
            put_predicted(out, &mut columns.excess, grade(minute.latency_max_us.into()) - average);
        }
    }
}

fn get_latencies(from: &mut BitReader<'_>, minutes: &mut [Minute; 60]) -> Result<(), Damaged> {
    let mut columns = Columns::new();
    for minute in minutes.iter_mut().filter(|minute| minute.timed() > 0) {
        let average = get_predicted(from, &mut columns.average)?;
        let max = if minute.timed() > 1 { average + get_predicted(from, &mut columns.excess)? } else { average };
        // A float beyond u32 becomes the largest one.
        minute.latency_sum_us = (latency(average)? * f64::from(minute.timed())).round() as u32;
        minute.latency_max_us = latency(max)?.round() as u32;
    }
    Ok(())
}

fn put_predicted(out: &mut BitWriter, (mean, column): &mut (Mean, Adaptive), value: i64) {
    match mean.0 {
        None => out.put_rice(zigzag(value), 8),
        Some(_) => column.put_signed(out, value - mean.guess()),
    }
    mean.learn(value);
}

fn get_predicted(from: &mut BitReader<'_>, (mean, column): &mut (Mean, Adaptive)) -> Result<i64, Damaged> {
    let value = match mean.0 {
        None => unzigzag(from.get_rice(8)?),
        Some(_) => column.get_signed(from)?.checked_add(mean.guess()).ok_or(Damaged)?,
    };
    if !(-GRADES..GRADES).contains(&value) {
        return Err(Damaged);
    }
    mean.learn(value);
    Ok(value)
}

/// A grade's neighbours are 4 % away, so that its middle is within 2 % of what falls into it: a minute needs no
/// more, and each halving of that costs 15 bytes an hour.
const STEP: f64 = 1.04;

/// Grades there are: 0 for under a microsecond, 1 for one, then `ln(u32::MAX) / ln(STEP)` rounded.
const GRADES: i64 = 568;

fn grade(us: f64) -> i64 {
    if us < 1.0 { 0 } else { 1 + (us.ln() / STEP.ln()).round() as i64 }
}

/// The middle of a grade, in microseconds.
fn latency(grade: i64) -> Result<f64, Damaged> {
    match grade {
        0 => Ok(0.0),
        1..GRADES => Ok(STEP.powi(grade as i32 - 1)),
        _ => Err(Damaged),
    }
}

// === the sketch and the reasons ===

/// So many zeros in a row are followed by how many more there are.
const ZEROS: u32 = 4;

fn put_sketch(out: &mut BitWriter, sketch: &Sketch) {
    let (Some((first, _)), Some((last, _))) = (sketch.buckets().next(), sketch.buckets().last()) else {
        return out.put_flag(false);
    };
    out.put_flag(true);
    out.put(first.into(), 11);
    out.put((last - first).into(), 11);
    let mut column = Adaptive::new(1, 6);
    let (mut at, mut zeros) = (first, 0);
    for (bucket, count) in sketch.buckets() {
        while at < bucket {
            column.put(out, 0);
            at += 1;
            zeros += 1;
            if zeros == ZEROS {
                // And how many more: a slow tail may be far from the rest.
                out.put_rice(u64::from(bucket - at), 3);
                at = bucket;
            }
        }
        column.put(out, count.into());
        (at, zeros) = (bucket + 1, 0);
    }
}

fn get_sketch(from: &mut BitReader<'_>) -> Result<Sketch, Damaged> {
    let mut sketch = Sketch::default();
    if !from.get_flag()? {
        return Ok(sketch);
    }
    let mut at = from.get(11)?;
    let last = at + from.get(11)?;
    if last >= BUCKETS.into() {
        return Err(Damaged);
    }
    let mut column = Adaptive::new(1, 6);
    let mut zeros = 0;
    while at <= last {
        // Both fit: `at` is below BUCKETS, and a larger count stops at the sketch's most.
        let count = u32::try_from(column.get(from)?).unwrap_or(u32::MAX);
        sketch.add_bucket(at as u16, count);
        at += 1;
        zeros = if count == 0 { zeros + 1 } else { 0 };
        if zeros == ZEROS {
            at = from.get_rice(3)?.checked_add(at).ok_or(Damaged)?;
        }
    }
    Ok(sketch)
}

fn put_reasons(out: &mut BitWriter, reasons: &Reasons) {
    out.put_rice(reasons.iter().count() as u64, 0);
    for (reason, count) in reasons.iter() {
        out.put(reason.code().into(), 8);
        out.put_rice(count.into(), 3);
    }
}

fn get_reasons(from: &mut BitReader<'_>) -> Result<Reasons, Damaged> {
    let mut reasons = Reasons::default();
    for _ in 0..from.get_rice(0)?.min(Reason::ALL.len() as u64) {
        let reason = Reason::from_code(from.get(8)? as u8).ok_or(Damaged)?;
        reasons.add(reason, u32::try_from(from.get_rice(3)?).map_err(|_| Damaged)?);
    }
    Ok(reasons)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;
    use crate::history::{Class, Run};

    fn minute() -> impl Strategy<Value = Minute> {
        let counts = (0u16..9, 0u16..3, 0u16..3, prop_oneof![4 => Just(0), 1 => any::<u16>()]);
        let times = prop_oneof![3 => Just((60_000, 60_000, 0)), 1 => (0u16..=60_000, 0u16..=60_000, 0u16..=60_000)];
        let latencies = (any::<u32>(), any::<u32>());
        (counts, times, latencies).prop_map(|((good, degraded, failed, excluded), times, latencies)| Minute {
            good,
            degraded,
            failed,
            excluded,
            observed_ms: times.0,
            good_ms: times.1.min(times.0),
            degraded_ms: times.2.min(times.0 - times.1.min(times.0)),
            latency_sum_us: latencies.0,
            latency_max_us: latencies.1,
        })
    }

    fn hour() -> impl Strategy<Value = Hour> {
        let minutes = prop::collection::vec(prop_oneof![1 => Just(Minute::default()), 5 => minute()], 60);
        let sketch = prop::collection::vec((0..BUCKETS, 1u32..1000), 0..80);
        let reasons = prop::collection::vec((0..Reason::ALL.len(), 1u32..), 0..5);
        (minutes, sketch, reasons).prop_map(|(minutes, buckets, counts)| {
            let mut hour = Hour::default();
            hour.minutes.copy_from_slice(&minutes);
            buckets.into_iter().for_each(|(bucket, count)| hour.sketch.add_bucket(bucket, count));
            counts.into_iter().for_each(|(reason, count)| hour.reasons.add(Reason::ALL[reason], count));
            hour
        })
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 0.0201 * a + 1.0
    }

    proptest! {
        #[test]
        fn an_hour_comes_back_with_latencies_within_the_accuracy(hour in hour()) {
            let back = decode_hour(&encode_hour(&hour)).unwrap();
            prop_assert_eq!(&back.sketch, &hour.sketch);
            prop_assert_eq!(&back.reasons, &hour.reasons);
            for (back, minute) in back.minutes.iter().zip(hour.minutes.iter()) {
                prop_assert_eq!(shape(back), shape(minute));
                let timed = f64::from(minute.timed());
                if timed > 0.0 {
                    let average = f64::from(minute.latency_sum_us) / timed;
                    prop_assert!(near(average, f64::from(back.latency_sum_us) / timed) || back.latency_sum_us == u32::MAX);
                }
                if timed > 1.0 {
                    prop_assert!(near(minute.latency_max_us.into(), back.latency_max_us.into()));
                }
            }
        }

        #[test]
        fn a_day_comes_back(hours in prop::collection::vec(hour(), 0..4)) {
            let mut day = Day::default();
            hours.iter().for_each(|hour| day.add(hour));
            prop_assert_eq!(decode_day(&encode_day(&day)), Ok(day));
        }

        #[test]
        fn any_bytes_are_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..300), known: bool) {
            if let Some(first) = bytes.first_mut().filter(|_| known) {
                *first = FORMAT as u8;
            }
            fuzz(&bytes);
        }

        #[test]
        fn a_damaged_row_is_read_without_harm(hour in hour(), at: prop::sample::Index, bit in 0..8) {
            let mut bytes = encode_hour(&hour);
            *at.get_mut(&mut bytes) ^= 1u8 << bit;
            fuzz(&bytes);
        }
    }

    #[test]
    fn a_quiet_hour_is_small() {
        let mut hour = Hour::default();
        for minute in 0..60 {
            hour.minutes[minute].add_time(Class::Good, 60_000);
            for _ in 0..6 {
                hour.add_run(
                    minute,
                    &Run { class: Class::Good, reason: Reason::Ok, latency: Duration::from_millis(20) },
                );
            }
        }
        assert!(encode_hour(&hour).len() <= 32, "{}", encode_hour(&hour).len());
        assert!(encode_hour(&Hour::default()).len() <= 4);
    }
}
