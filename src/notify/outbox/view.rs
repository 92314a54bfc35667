//! What a channel's status, its metrics and the API say of its outbox.

use std::{sync::Arc, time::Duration};

use crate::clock::WallMs;

/// How one channel's outbox stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct View {
    /// Notifications that have not ended, those under way too.
    pub waiting: usize,
    pub in_flight: usize,
    /// When the oldest of them was made.
    pub oldest: Option<WallMs>,
    /// Attempts that failed since the last one that did not: 0 while it delivers.
    pub failures: u32,
    /// The receiver asked to be left alone for so long from now, or we do so by ourselves.
    pub paused: Option<Duration>,
    /// Nobody is at this address any more: why.
    pub gone: Option<Arc<str>>,
    pub delivered: u64,
    pub dead: u64,
    pub last: Option<Last>,
}

impl View {
    /// Whether both show the same, but for what passes by itself.
    pub fn is_like(&self, other: &Self) -> bool {
        let bare = |view: &Self| Self { paused: None, ..view.clone() };
        bare(self) == bare(other) && self.paused.is_some() == other.paused.is_some()
    }

    /// Whether what is told to the channel arrives; None while nothing is known.
    pub fn is_delivering(&self) -> Option<bool> {
        let last = self.last.as_ref()?;
        Some(self.failures == 0 && self.gone.is_none() && last.outcome != "dead")
    }
}

/// How the last attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    pub at: WallMs,
    /// `delivered`, `retry` or `dead`.
    pub outcome: &'static str,
    /// What the receiver said, without secrets.
    pub answer: Arc<str>,
}
