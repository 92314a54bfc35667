//! Latencies over a window, for its percentiles: the sketches of its hours, added up as they end and taken away as they
//! leave. Pure.
//!
//! A sketch cannot be cut by minutes, so that the hour at the old edge counts as a whole until the edge has passed it, and
//! one of which planned work leaves out more than half is left out whole. That is the caller's to do, who
//! reads the sketch of an hour that leaves from the store; the minutes of the running hour come in each time anew.

use crate::history::{Sketch, middle};

/// How many runs fell into each bucket of latency. About a hundred buckets of 10 bytes, at most 1,111.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Latencies {
    /// Ascending.
    buckets: Vec<u16>,
    /// Of each; none is 0. A u64, as a month of ten thousand checks has more than 2^32 runs.
    counts: Vec<u64>,
}

impl Latencies {
    pub fn add(&mut self, sketch: &Sketch) {
        for (bucket, count) in sketch.buckets() {
            match self.buckets.binary_search(&bucket) {
                Ok(place) => self.counts[place] = self.counts[place].saturating_add(count.into()),
                Err(place) => {
                    self.buckets.insert(place, bucket);
                    self.counts.insert(place, count.into());
                }
            }
        }
    }

    /// Takes away what was added before.
    pub fn remove(&mut self, sketch: &Sketch) {
        for (bucket, count) in sketch.buckets() {
            let Ok(place) = self.buckets.binary_search(&bucket) else { continue };
            self.counts[place] = self.counts[place].saturating_sub(count.into());
            if self.counts[place] == 0 {
                self.buckets.remove(place);
                self.counts.remove(place);
            }
        }
    }

    /// The latency in milliseconds that a share of 0 to 1 of all runs kept to, within 1 %, `live` ones included; None without
    /// any.
    pub fn quantile(&self, share: f64, live: &Sketch) -> Option<f64> {
        let mut all = self.clone();
        all.add(live);
        let total: u64 = all.counts.iter().fold(0, |sum, count| sum.saturating_add(*count));
        let rank = (share.clamp(0.0, 1.0) * total.checked_sub(1)? as f64).floor() as u64;
        let mut below = 0_u64;
        all.buckets.iter().zip(&all.counts).find_map(|(bucket, count)| {
            below = below.saturating_add(*count);
            (below > rank).then(|| middle(*bucket) / 1000.0)
        })
    }

    pub fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sketch(all: &[u32]) -> Sketch {
        let mut sketch = Sketch::default();
        all.iter().for_each(|us| sketch.add(*us));
        sketch
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Latencies::default().quantile(0.5, &Sketch::default()), None);
        let live = Latencies::default().quantile(0.5, &sketch(&[200_000])).unwrap();
        assert!((live - 200.0).abs() <= 2.0, "{live}");
    }

    proptest! {
        #[test]
        fn what_leaves_is_gone(
            hours in prop::collection::vec(prop::collection::vec(0u32.., 0..40), 2..6), share in 0.0..=1.0f64,
        ) {
            let sketches: Vec<_> = hours.iter().map(|hour| sketch(hour)).collect();
            let (mut latencies, mut rest) = (Latencies::default(), Sketch::default());
            sketches.iter().for_each(|sketch| latencies.add(sketch));
            latencies.remove(&sketches[0]);
            // The last is the hour that runs.
            let (live, whole) = sketches[1..].split_last().unwrap();
            latencies.remove(live);
            whole.iter().chain([live]).for_each(|sketch| rest.merge(sketch));
            prop_assert_eq!(latencies.quantile(share, live), rest.quantile(share).map(|us| us / 1000.0));
            whole.iter().for_each(|sketch| latencies.remove(sketch));
            prop_assert!(latencies.is_empty());
        }
    }
}
