//! When planned work is not to count. Pure.

use crate::{clock::WallMs, history::MINUTE_MS, schedule::Span};

/// The times that are left out, merged: whoever touches two windows is left out once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Excluded {
    /// By start; no two touch.
    spans: Vec<Span>,
}

impl Excluded {
    /// Of the times at which windows of maintenance were and are open, in any order.
    pub fn new(spans: impl IntoIterator<Item = Span>) -> Self {
        let mut all: Vec<_> = spans.into_iter().filter(|span| span.start < span.end).collect();
        all.sort_unstable_by_key(|span| span.start);
        let mut spans: Vec<Span> = Vec::with_capacity(all.len());
        for span in all {
            match spans.last_mut() {
                Some(last) if last.end >= span.start => last.end = last.end.max(span.end),
                _ => spans.push(span),
            }
        }
        Self { spans }
    }

    /// The share of a minute that is left out, 0 to 1; of the one that runs at `now`, of what has passed of it.
    pub fn share(&self, minute: u32, now: WallMs) -> f64 {
        let start = i64::from(minute) * MINUTE_MS;
        let end = now.min(start + MINUTE_MS);
        if start >= end {
            return 0.0;
        }
        let first = self.spans.partition_point(|span| span.end <= start);
        let touching = self.spans[first..].iter().take_while(|span| span.start < end);
        let left_out: i64 = touching.map(|span| span.end.min(end) - span.start.max(start)).sum();
        left_out as f64 / (end - start) as f64
    }

    /// Whether any of the time between two minutes is left out, the last one without.
    pub fn touches(&self, from: u32, to: u32) -> bool {
        let (start, end) = (i64::from(from) * MINUTE_MS, i64::from(to) * MINUTE_MS);
        let first = self.spans.partition_point(|span| span.end <= start);
        self.spans.get(first).is_some_and(|span| span.start < end)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shares_of_a_minute() {
        let excluded = Excluded::new([
            Span { start: 90_000, end: 150_000 },
            Span { start: 60_000, end: 100_000 },
            Span { start: 7, end: 7 },
            Span { start: 165_000, end: 180_000 },
        ]);
        let late = 10_000_000;
        let shares: Vec<_> = (0..4).map(|minute| excluded.share(minute, late)).collect();
        assert_eq!(shares, [0.0, 1.0, 0.75, 0.0]);
        // Of the running minute, of what has passed.
        assert_eq!(
            (excluded.share(2, 150_000), excluded.share(2, 160_000), excluded.share(2, 120_000)),
            (1.0, 0.75, 0.0)
        );
        assert!(excluded.touches(0, 2) && excluded.touches(2, 3) && !excluded.touches(0, 1) && !excluded.touches(3, 9));
        assert_eq!(Excluded::default().share(1, late), 0.0);
    }

    proptest! {
        #[test]
        fn the_same_as_looking_at_every_second(
            spans in prop::collection::vec((0i64..600, 0i64..200), 0..8), now in 0i64..800,
        ) {
            let of = |(start, length): &(i64, i64)| Span { start: start * 1000, end: (start + length) * 1000 };
            let excluded = Excluded::new(spans.iter().map(of));
            for minute in 0..14_u32 {
                let seconds = i64::from(minute) * 60..(i64::from(minute) * 60 + 60).min(now);
                let is_left_out =
                    |second: &i64| spans.iter().any(|(start, length)| (*start..start + length).contains(second));
                let (left_out, all) = (seconds.clone().filter(is_left_out).count(), seconds.count());
                let share = if all == 0 { 0.0 } else { left_out as f64 / all as f64 };
                prop_assert!((excluded.share(minute, now * 1000) - share).abs() < 1e-9);
                let whole = i64::from(minute) * 60..i64::from(minute) * 60 + 60;
                prop_assert_eq!(excluded.touches(minute, minute + 1), whole.into_iter().any(|second| is_left_out(&second)));
            }
        }
    }
}
