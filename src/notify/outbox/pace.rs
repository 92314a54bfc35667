//! How often a receiver lets itself be told. Pure.

use std::{collections::VecDeque, time::Duration};

/// At most so many messages in so much time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    max: usize,
    per: Duration,
}

impl Pace {
    /// `max` is at least 1.
    pub const fn new(max: usize, seconds: u64) -> Self {
        Self { max: if max == 0 { 1 } else { max }, per: Duration::from_secs(seconds) }
    }
}

/// When messages went out: as many as the slackest pace looks back on, at most some dozens.
#[derive(Debug, Default)]
pub(super) struct Sent(VecDeque<Duration>);

impl Sent {
    pub(super) fn note(&mut self, paces: &[Pace], now: Duration) {
        let kept = paces.iter().map(|pace| pace.max).max().unwrap_or_default();
        self.0.push_back(now);
        while self.0.len() > kept {
            self.0.pop_front();
        }
    }

    /// From when on the next one may go out.
    pub(super) fn ready(&self, paces: &[Pace]) -> Duration {
        let each = paces.iter().filter_map(|pace| {
            let oldest = self.0.len().checked_sub(pace.max)?;
            Some(self.0.get(oldest)?.saturating_add(pace.per))
        });
        each.max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pace_holds() {
        let paces = [Pace::new(1, 1), Pace::new(3, 60)];
        let seconds = Duration::from_secs;
        let mut sent = Sent::default();
        assert_eq!(sent.ready(&paces), Duration::ZERO);
        sent.note(&paces, seconds(10));
        assert_eq!(sent.ready(&paces), seconds(11));
        sent.note(&paces, seconds(11));
        sent.note(&paces, seconds(12));
        assert_eq!(sent.ready(&paces), seconds(70));
        sent.note(&paces, seconds(70));
        assert_eq!(sent.ready(&paces), seconds(71));
        assert_eq!(sent.ready(&[]), Duration::ZERO);
    }
}
