//! The records of one flush as bytes: about 5 for a record. Pure; any bytes can be read without harm.
//!
//! Sorted by target, so that the numbers' differences are small; spans and latencies as their difference from the
//! record before. Layout: a byte of format, the bits, the CRC-32 of both.

use std::time::Duration;

use crate::{clock::WallMs, health::Reason};

use super::{
    Class, Record, Run,
    bits::{Adaptive, BitReader, BitWriter, Damaged},
};

const FORMAT: u64 = 1;

/// The most records in one frame. A flush of 10,000 checks at 1 s has 50,000.
pub const RECORDS_MAX: usize = 65_536;

/// Class of the run and of the span; together the record's tag.
const CLASSES: [Class; 4] = [Class::Good, Class::Degraded, Class::Failed, Class::Excluded];

/// What is known from the records before, the same on both sides.
struct Columns {
    target: (u32, Adaptive),
    at: (WallMs, Adaptive),
    tag: u64,
    reason: u8,
    span: (i64, Adaptive),
    latency: Adaptive,
}

impl Columns {
    fn new(first: WallMs) -> Self {
        Self {
            target: (0, Adaptive::new(1, 64)),
            at: (first, Adaptive::new(2_500, 64)),
            tag: 0,
            reason: 0,
            span: (0, Adaptive::new(8, 64)),
            latency: Adaptive::new(20_000, 32),
        }
    }

    /// Ok when good, else the one that came last.
    fn usual_reason(&self, class: Class) -> u8 {
        if class == Class::Good { Reason::Ok.code() } else { self.reason }
    }
}

/// Sorts the records by target, in place, and writes them. At most [`RECORDS_MAX`]; spans in whole milliseconds
/// up to 49 days, latencies in whole microseconds up to 71 minutes.
pub fn encode(records: &mut [Record]) -> Vec<u8> {
    // Stable: the records of one target stay in their order.
    records.sort_by_key(|record| record.target);
    let mut out = BitWriter::default();
    out.put(FORMAT, 8);
    out.put(records.len() as u64, 32);
    let first = records.iter().map(|record| record.at).min().unwrap_or(0);
    out.put(first as u64 >> 32, 32);
    out.put(first as u64 & 0xffff_ffff, 32);
    let mut columns = Columns::new(first);
    records.iter().for_each(|record| put(&mut out, &mut columns, record));
    let mut bytes = out.finish();
    bytes.extend(crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

/// # Errors
/// When the checksum is wrong or the bytes are not what [`encode`] gives.
pub fn decode(bytes: &[u8]) -> Result<Vec<Record>, Damaged> {
    let (body, crc) = bytes.split_last_chunk::<4>().ok_or(Damaged)?;
    if crc32fast::hash(body).to_be_bytes() != *crc {
        return Err(Damaged);
    }
    decode_body(body)
}

/// Reads any bytes as the body of a frame. For fuzzing: it must come back.
pub fn fuzz(bytes: &[u8]) {
    if let Ok(mut records) = decode_body(bytes) {
        encode(&mut records);
    }
}

fn decode_body(body: &[u8]) -> Result<Vec<Record>, Damaged> {
    let mut from = BitReader::new(body);
    if from.get(8)? != FORMAT {
        return Err(Damaged);
    }
    let count = from.get(32)?;
    if count > RECORDS_MAX as u64 {
        return Err(Damaged);
    }
    let first = from.get(32)? << 32 | from.get(32)?;
    let mut columns = Columns::new(first as WallMs);
    // Not reserved by `count`, which the bytes may not hold.
    (0..count).map(|_| get(&mut from, &mut columns)).collect()
}

fn put(out: &mut BitWriter, columns: &mut Columns, record: &Record) {
    let (target, column) = &mut columns.target;
    column.put(out, u64::from(record.target.wrapping_sub(*target)));
    *target = record.target;
    let (first, column) = &mut columns.at;
    column.put(out, record.at.wrapping_sub(*first) as u64);

    let span = i64::from(u32::try_from(record.span.as_millis()).unwrap_or(u32::MAX));
    let tag = run_code(record) * 5 + if span == 0 { 4 } else { class_code(record.span_class) };
    out.put_flag(tag == columns.tag);
    if tag != columns.tag {
        out.put(tag, 5);
        columns.tag = tag;
    }
    if span != 0 {
        let (before, column) = &mut columns.span;
        column.put_signed(out, span - *before);
        *before = span;
    }
    if let Some(run) = &record.run {
        let (code, usual) = (run.reason.code(), columns.usual_reason(run.class));
        out.put_flag(code == usual);
        if code != usual {
            out.put(code.into(), 8);
            columns.reason = code;
        }
        columns.latency.put(out, u64::from(super::bucket::micros(run)));
    }
}

fn get(from: &mut BitReader<'_>, columns: &mut Columns) -> Result<Record, Damaged> {
    let (target, column) = &mut columns.target;
    *target = target.wrapping_add(u32::try_from(column.get(from)?).map_err(|_| Damaged)?);
    let (first, column) = &mut columns.at;
    let at = first.wrapping_add(column.get(from)? as i64);

    if !from.get_flag()? {
        columns.tag = from.get(5)?;
    }
    let (run_class, span_class) = (CLASSES.get(columns.tag as usize / 5), CLASSES.get(columns.tag as usize % 5));
    let mut record = Record {
        target: *target,
        at,
        run: None,
        span: Duration::ZERO,
        span_class: span_class.copied().unwrap_or(Class::Excluded),
    };
    if span_class.is_some() {
        let (before, column) = &mut columns.span;
        let span = before.checked_add(column.get_signed(from)?).ok_or(Damaged)?;
        *before = u32::try_from(span).map_err(|_| Damaged)?.into();
        record.span = Duration::from_millis(span.unsigned_abs());
    }
    if let Some(&class) = run_class {
        let mut code = columns.usual_reason(class);
        if !from.get_flag()? {
            code = from.get(8)? as u8;
            columns.reason = code;
        }
        let reason = Reason::from_code(code).ok_or(Damaged)?;
        let latency = Duration::from_micros(columns.latency.get(from)?);
        record.run = Some(Run { class, reason, latency });
    }
    Ok(record)
}

/// 0 to 3: the class of the run; 4: none.
fn run_code(record: &Record) -> u64 {
    record.run.as_ref().map_or(4, |run| class_code(run.class))
}

fn class_code(class: Class) -> u64 {
    CLASSES.iter().position(|&known| known == class).unwrap_or(4) as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn record() -> impl Strategy<Value = Record> {
        let class = || prop::sample::select(CLASSES.to_vec());
        let reason = prop::sample::select(Reason::ALL.to_vec());
        let run = prop::option::of((class(), reason, any::<u32>()).prop_map(|(class, reason, us)| Run {
            class,
            reason,
            latency: Duration::from_micros(us.into()),
        }));
        let at = prop_oneof![9 => 1_700_000_000_000..1_700_000_005_000i64, 1 => any::<i64>()];
        let span = prop_oneof![Just(0), 9_990..10_010u64, 0..=u64::from(u32::MAX)];
        (0u32.., at, run, span, class()).prop_map(|(target, at, run, span, span_class)| Record {
            target,
            at,
            run,
            span: Duration::from_millis(span),
            // Nothing is kept of how no time counts.
            span_class: if span == 0 { Class::Excluded } else { span_class },
        })
    }

    proptest! {
        #[test]
        fn records_come_back_by_target(mut records in prop::collection::vec(record(), 0..50)) {
            let bytes = encode(&mut records);
            prop_assert_eq!(decode(&bytes), Ok(records));
        }

        #[test]
        fn any_damage_is_seen(
            mut records in prop::collection::vec(record(), 0..9), at: prop::sample::Index, bit in 0..8,
        ) {
            let mut bytes = encode(&mut records);
            *at.get_mut(&mut bytes) ^= 1u8 << bit;
            prop_assert_eq!(decode(&bytes), Err(Damaged));
        }

        #[test]
        fn any_bytes_are_read_without_harm(mut bytes in prop::collection::vec(any::<u8>(), 0..300), known: bool) {
            if let Some(start) = bytes.first_chunk_mut::<4>().filter(|_| known) {
                *start = [FORMAT as u8, 0, 0, 0];
            }
            fuzz(&bytes);
            let _ = decode(&bytes);
        }
    }

    #[test]
    fn a_record_takes_about_five_bytes() {
        let mut records: Vec<_> = (0..5_000u32)
            .map(|n| Record {
                target: n * 2,
                at: 1_700_000_000_000 + i64::from(n * 7919 % 5_000),
                run: Some(Run {
                    class: Class::Good,
                    reason: Reason::Ok,
                    latency: Duration::from_micros(u64::from(10_000 + n * 7901 % 20_000)),
                }),
                span: Duration::from_millis(u64::from(9_990 + n * 31 % 20)),
                span_class: Class::Good,
            })
            .collect();
        assert!(encode(&mut records).len() < 5_000 * 6, "{}", encode(&mut records).len());
    }
}
