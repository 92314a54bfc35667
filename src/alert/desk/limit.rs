//! A channel's `rateLimit`: how many notifications went out in the last while, and when the next digest may.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::{
    alert::millis,
    model::{Channel, RateLimit},
};

/// A limit of more than this is no limit: it is more than any receiver takes, and bounds the list of times.
const TIMES_MAX: usize = 10_000;

/// What one channel was sent lately.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    /// Since when the channel is there: one that is made anew under the same name is another one.
    pub since: i64,
    /// On the timeline, those of the last `per`; empty without a limit.
    sent: VecDeque<i64>,
    last_digest: Option<i64>,
    /// Changes are held back, to go out together then.
    pub digest_at: Option<i64>,
    /// Counts digests, for their ids.
    pub digests: u64,
}

impl Line {
    pub fn new(since: i64) -> Self {
        Self { since, ..Self::default() }
    }

    /// Whether another one may go out at `now`.
    pub fn is_free(&mut self, limit: Option<RateLimit>, now: i64) -> bool {
        let Some(RateLimit { max, per }) = limit else { return true };
        while self.sent.front().is_some_and(|at| at.saturating_add(millis(per)) <= now) {
            self.sent.pop_front();
        }
        let max = usize::try_from(max.get()).unwrap_or(usize::MAX);
        self.sent.len() < max || max > TIMES_MAX
    }

    pub fn note(&mut self, limit: Option<RateLimit>, now: i64) {
        if limit.is_some() && self.sent.len() < TIMES_MAX {
            self.sent.push_back(now);
        }
    }

    pub fn note_digest(&mut self, now: i64) {
        self.last_digest = Some(now);
    }

    /// When what is held back goes out: the first digest at once, and while the limit lasts another every
    /// `grouping.interval`, or as soon as the limit allows.
    pub fn next_digest(&self, channel: &Channel, now: i64) -> i64 {
        let Some(RateLimit { per, .. }) = channel.rate_limit else { return now };
        let spacing = millis(channel.grouping.interval.min(per));
        let spaced = self.last_digest.map_or(now, |last| last.saturating_add(spacing));
        let freed = self.sent.front().map_or(now, |at| at.saturating_add(millis(per)));
        spaced.min(freed).max(now)
    }
}

#[cfg(test)]
mod tests {
    use std::{num::NonZeroU32, time::Duration};

    use super::*;

    #[test]
    fn so_many_in_so_much_time() {
        let limit = Some(RateLimit { max: NonZeroU32::new(2).unwrap(), per: Duration::from_secs(60) });
        let mut line = Line::default();
        for (seconds, free) in [(0, true), (10, true), (20, false), (59, false), (60, true), (61, false), (70, true)] {
            assert_eq!(line.is_free(limit, seconds * 1000), free, "{seconds}");
            if free {
                line.note(limit, seconds * 1000);
            }
        }
        assert!(line.is_free(None, 0));
    }
}
