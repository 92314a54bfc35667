//! Bits in and out, and small numbers in few of them. Pure; under the codecs of rows and frames.
//!
//! The adaptive code is the Golomb-Rice code of LOCO-I (Weinberger, Seroussi, Sapiro, IEEE Trans. Image
//! Processing 9(8), 2000): its parameter follows the mean of what came before, on both sides alike.

/// What is read is not what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("damaged history data")]
pub struct Damaged;

/// A quotient this long gives way to the value itself: its length in 6 bits, then its bits.
const ESCAPE: u32 = 12;

#[derive(Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// Bits not yet in `bytes`, the oldest highest; fewer than 8 between calls.
    held: u64,
    count: u32,
}

impl BitWriter {
    /// Appends the low `bits` (at most 32) of `value`.
    pub fn put(&mut self, value: u64, bits: u32) {
        debug_assert!(bits <= 32 && value >> bits == 0);
        self.held = self.held << bits | value;
        self.count += bits;
        while self.count >= 8 {
            self.count -= 8;
            self.bytes.push((self.held >> self.count) as u8);
        }
        self.held &= (1 << self.count) - 1;
    }

    pub fn put_flag(&mut self, flag: bool) {
        self.put(u64::from(flag), 1);
    }

    /// Rice code with a fixed parameter.
    pub fn put_rice(&mut self, value: u64, k: u32) {
        let quotient = value >> k;
        if quotient < u64::from(ESCAPE) {
            // So many ones and a zero.
            self.put((1 << (quotient + 1)) - 2, quotient as u32 + 1);
            self.put(value & ((1 << k) - 1), k);
        } else {
            self.put((1 << ESCAPE) - 1, ESCAPE);
            // At least 1, since the quotient is.
            let bits = 64 - value.leading_zeros();
            self.put((bits - 1).into(), 6);
            if bits > 32 {
                self.put(value >> 32, bits - 32);
            }
            self.put(value & 0xffff_ffff & u64::MAX >> (64 - bits), bits.min(32));
        }
    }

    pub fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
        self.bytes
    }
}

pub struct BitReader<'a> {
    bytes: &'a [u8],
    held: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, held: 0, count: 0 }
    }

    /// The next `bits`, at most 32.
    pub fn get(&mut self, bits: u32) -> Result<u64, Damaged> {
        while self.count < bits {
            let (&byte, rest) = self.bytes.split_first().ok_or(Damaged)?;
            self.bytes = rest;
            self.held = self.held << 8 | u64::from(byte);
            self.count += 8;
        }
        self.count -= bits;
        let value = self.held >> self.count;
        self.held &= (1 << self.count) - 1;
        Ok(value)
    }

    pub fn get_flag(&mut self) -> Result<bool, Damaged> {
        Ok(self.get(1)? == 1)
    }

    pub fn get_rice(&mut self, k: u32) -> Result<u64, Damaged> {
        let mut quotient = 0;
        while self.get(1)? == 1 {
            quotient += 1;
            if quotient == ESCAPE {
                let bits = self.get(6)? as u32 + 1;
                let high = if bits > 32 { self.get(bits - 32)? } else { 0 };
                return Ok(high << 32 | self.get(bits.min(32))?);
            }
        }
        Ok(u64::from(quotient) << k | self.get(k)?)
    }
}

/// A column's running mean, from which the Rice parameter follows.
pub struct Adaptive {
    sum: u64,
    count: u64,
    window: u64,
}

impl Adaptive {
    /// Starts as if one value of about `mean` had been seen, and forgets by half every `window` values.
    pub fn new(mean: u64, window: u64) -> Self {
        Self { sum: mean, count: 1, window }
    }

    pub fn put(&mut self, out: &mut BitWriter, value: u64) {
        out.put_rice(value, self.parameter());
        self.learn(value);
    }

    pub fn get(&mut self, from: &mut BitReader<'_>) -> Result<u64, Damaged> {
        let value = from.get_rice(self.parameter())?;
        self.learn(value);
        Ok(value)
    }

    /// For values of either sign.
    pub fn put_signed(&mut self, out: &mut BitWriter, value: i64) {
        self.put(out, zigzag(value));
    }

    pub fn get_signed(&mut self, from: &mut BitReader<'_>) -> Result<i64, Damaged> {
        self.get(from).map(unzigzag)
    }

    /// The smallest k with count * 2^k at least half the sum (LOCO-I sums magnitudes, which are half of what
    /// [`zigzag`] makes of them); 32 bits are the most that one read takes.
    fn parameter(&self) -> u32 {
        (0..32).find(|&k| self.count << k >= self.sum / 2).unwrap_or(32)
    }

    fn learn(&mut self, value: u64) {
        // An outlier counts as a few times the mean, so that it does not spoil what follows; nor can the sum overflow.
        let most = 8 + 4 * (self.sum / self.count.max(1));
        self.sum += value.min(most).min(1 << 32);
        self.count += 1;
        if self.count >= self.window {
            self.sum /= 2;
            self.count /= 2;
        }
    }
}

pub fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_put_is_got(values in prop::collection::vec((any::<u64>(), 0u32..64, 0u32..=32), 0..200)) {
            let (mut out, mut column) = (BitWriter::default(), Adaptive::new(1, 16));
            let values: Vec<_> = values.into_iter().map(|(value, shift, bits)| (value >> shift, bits)).collect();
            for &(value, bits) in &values {
                column.put(&mut out, value);
                out.put(value & ((1 << bits) - 1), bits);
                column.put_signed(&mut out, unzigzag(value));
            }
            let bytes = out.finish();
            let (mut from, mut column) = (BitReader::new(&bytes), Adaptive::new(1, 16));
            for (value, bits) in values {
                prop_assert_eq!(column.get(&mut from), Ok(value));
                prop_assert_eq!(from.get(bits), Ok(value & ((1 << bits) - 1)));
                prop_assert_eq!(column.get_signed(&mut from), Ok(unzigzag(value)));
            }
            prop_assert!(from.get(8).is_err());
        }

        #[test]
        fn zigzag_is_its_own_way_back(value: i64) {
            prop_assert_eq!(unzigzag(zigzag(value)), value);
        }
    }

    #[test]
    fn small_values_take_few_bits() {
        let (mut out, mut column) = (BitWriter::default(), Adaptive::new(0, 16));
        (0..800).for_each(|_| column.put(&mut out, 0));
        assert_eq!(out.finish().len(), 100);
    }
}
