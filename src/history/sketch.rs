//! Quantiles of latency within 1 %, in a few hundred bytes, mergeable. Pure.
//!
//! The logarithmic buckets of DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile sketch
//! with relative-error guarantees", PVLDB 12(12), 2019). Nothing is ever collapsed: the range is that of a u32 of
//! microseconds, 1,110 buckets, of which a target's latencies touch about a hundred.

/// The relative accuracy of every value that comes back.
pub const ACCURACY: f64 = 0.01;

/// Buckets there are: 0 for under a microsecond, then `ceil(ln(u32::MAX) / ln(γ)) + 1` of them.
pub const BUCKETS: u16 = 1_111;

const GAMMA: f64 = (1.0 + ACCURACY) / (1.0 - ACCURACY);

/// The bucket of a latency in microseconds.
pub fn bucket(us: u32) -> u16 {
    if us == 0 {
        return 0;
    }
    // At most 1,110 for a u32, so it fits.
    1 + (f64::from(us).ln() / GAMMA.ln()).ceil() as u16
}

/// The middle of a bucket, in microseconds: within [`ACCURACY`] of all that falls into it.
pub fn middle(bucket: u16) -> f64 {
    if bucket == 0 { 0.0 } else { 2.0 * GAMMA.powi(i32::from(bucket) - 1) / (GAMMA + 1.0) }
}

/// Counts per bucket, only those that are not zero. One u32 each: the bucket above, 21 bits of count below, which
/// is 24 times as many as a day has seconds; it stops there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sketch {
    sorted: Vec<u32>,
}

const COUNT_BITS: u32 = 21;
const COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;

impl Sketch {
    pub fn add(&mut self, us: u32) {
        self.add_bucket(bucket(us), 1);
    }

    /// Adds to a bucket by its number; one that does not exist is the last.
    pub fn add_bucket(&mut self, bucket: u16, count: u32) {
        if count == 0 {
            return;
        }
        let bucket = u32::from(bucket.min(BUCKETS - 1));
        let place = self.sorted.partition_point(|&entry| entry >> COUNT_BITS < bucket);
        match self.sorted.get_mut(place) {
            Some(entry) if *entry >> COUNT_BITS == bucket => {
                *entry = bucket << COUNT_BITS | (*entry & COUNT_MAX).saturating_add(count).min(COUNT_MAX);
            }
            _ => {
                // By eight, not by doubling: ten thousand of these stay in memory.
                if self.sorted.len() == self.sorted.capacity() {
                    self.sorted.reserve_exact(8);
                }
                self.sorted.insert(place, bucket << COUNT_BITS | count.min(COUNT_MAX));
            }
        }
    }

    pub fn merge(&mut self, other: &Self) {
        other.buckets().for_each(|(bucket, count)| self.add_bucket(bucket, count));
    }

    /// Bucket and count, ascending.
    pub fn buckets(&self) -> impl Iterator<Item = (u16, u32)> + '_ {
        self.sorted.iter().map(|&entry| ((entry >> COUNT_BITS) as u16, entry & COUNT_MAX))
    }

    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// The latency in microseconds that a share `q` (0 to 1) of all are at or below; None when there are none.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let total: u64 = self.buckets().map(|(_, count)| u64::from(count)).sum();
        let rank = (q.clamp(0.0, 1.0) * (total.checked_sub(1)? as f64)).floor() as u64;
        let mut below = 0;
        self.buckets().find_map(|(bucket, count)| {
            below += u64::from(count);
            (below > rank).then(|| middle(bucket))
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_ends_of_the_range() {
        assert_eq!((bucket(0), bucket(1), bucket(u32::MAX)), (0, 1, BUCKETS - 1));
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    proptest! {
        #[test]
        fn a_bucket_s_middle_is_near(us in 1u32..) {
            let error = (middle(bucket(us)) - f64::from(us)).abs() / f64::from(us);
            prop_assert!(error <= ACCURACY + 1e-9, "{error}");
        }

        #[test]
        fn quantiles_are_within_the_accuracy(mut all in prop::collection::vec(1u32.., 1..400), q in 0.0..=1.0f64) {
            let mut sketch = Sketch::default();
            all.iter().for_each(|&us| sketch.add(us));
            all.sort_unstable();
            let exact = f64::from(all[(q * (all.len() - 1) as f64).floor() as usize]);
            let error = (sketch.quantile(q).unwrap() - exact).abs() / exact;
            prop_assert!(error <= ACCURACY + 1e-9, "{error}");
        }

        #[test]
        fn merging_is_adding(all in prop::collection::vec(0u32.., 0..200), cut in 0usize..200) {
            let (mut whole, mut left, mut right) = (Sketch::default(), Sketch::default(), Sketch::default());
            for (n, &us) in all.iter().enumerate() {
                whole.add(us);
                if n < cut { left.add(us) } else { right.add(us) }
            }
            let mut other = right.clone();
            other.merge(&left);
            left.merge(&right);
            prop_assert_eq!(&left, &whole);
            prop_assert_eq!(&other, &whole);
        }
    }
}
